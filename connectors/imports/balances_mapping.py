"""The mapping of balances that a running firm brings: one file or several, each row a line, a cap, an invoice or another part.

What a row states are fields of `BalancesBroughtForward`, whose schema says what each of them holds and which a row has to have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Literal, NamedTuple, get_args

from pydantic import Field, create_model

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_schema import Decimal, RecordType
from connectors.imports.cells import (
    AmountCell,
    CellPart,
    CurrencyCell,
    DateCell,
    IdCell,
    InstantCell,
    TextCell,
    VersionCell,
)
from connectors.imports.row_kinds import KindsMapping
from connectors.imports.schema_fields import cell_class, type_at

TYPE: Final = "BalancesBroughtForward"
RowKind = Literal[
    "line",
    "cap",
    "milestone",
    "retainer",
    "payer",
    "funding",
    "spent",
    "cost",
    "account",
    "invoiced",
    "entry",
    "receivable",
]
KINDS: Final[tuple[RowKind, ...]] = get_args(RowKind)
LEDGER: Final = "ledger_"
# As the event has them.
NAMES: Final = {"spent_in": "currency"}


class ListOfLine(NamedTuple):
    """A list of a line to which rows of a kind add, and what tells two of them apart."""

    name: str
    told_by: tuple[str, ...]


LISTS: Final[Mapping[RowKind, ListOfLine]] = {
    "cap": ListOfLine("caps", ("cap_id", "month")),
    "milestone": ListOfLine("milestones", ("milestone_id",)),
    "retainer": ListOfLine("retainer", ("starts_on",)),
    "payer": ListOfLine("payers", ("customer_id",)),
    "funding": ListOfLine("funding", ("source_id",)),
    "spent": ListOfLine("spent", ("category",)),
    "cost": ListOfLine("costs", ("currency", "billable")),
    "account": ListOfLine("accounts", ("account", "part")),
    "invoiced": ListOfLine("invoiced", ("invoice_id", "entry_id")),
    "entry": ListOfLine("entries", ("entry_id",)),
}
# What a row of a kind may state, beside the contract and the line whose it is. Of a line what begins with `ledger_` is in ledger currency,
# and so are cost and expenses; the currency of a line and of an invoice is only compared with that of the contract.
STATED: Final[Mapping[RowKind, str]] = {
    "line": "currency hours billable_hours cost expenses revenue billed tax paid written_off cap_used over_cap retention deposit"
    " provision rebates_given units percent reimbursed unbilled_ended conceded given_back unbilled ledger_revenue ledger_unbilled"
    " ledger_tax ledger_paid ledger_written_off ledger_retention ledger_deposit",
    "cap": "cap_id amount hours month",
    "milestone": "milestone_id accepted_on",
    "retainer": "starts_on left expires_on expired",
    "payer": "customer_id billed paid tax retention written_off deposit unbilled",
    "funding": "source_id used",
    "spent": "category spent",
    "cost": "spent_in cost ledger_cost expenses ledger_expenses hours billable",
    "account": "account ledger_amount part",
    "invoiced": "invoice_id amount ledger_revenue entry_id hours",
    "entry": "entry_id worked_on amount hours over_cap over_cap_hours person_id task role rate markup_percent category",
    "receivable": "invoice_id contract_id bill_to currency invoiced_on due_on net tax open retention ledger_open ledger_retention",
}


class ProjectFields(CellPart):
    """Of every row: whose balances they are, of which day, and how often they were stated before."""

    project_id: IdCell
    as_of: DateCell
    engagement_id: IdCell | None = None
    version: VersionCell | None = None
    occurred_at: InstantCell | None = None
    requested_by: IdCell | None = None
    approved_by: IdCell | None = None


class OfLine(CellPart):
    """What rows of a contract line have in common."""

    line_id: IdCell
    contract_id: IdCell | None = None


class BalancesMapping(KindsMapping):
    """A section for each kind of row (`WHOLE_MAPPING`), and `project` for all."""

    KINDS: ClassVar[tuple[str, ...]] = KINDS
    WHERE: ClassVar[str] = "docs/mappings/balances.toml"

    files: Mapping[str, RowKind] = Field(default_factory=dict)
    project: ProjectFields

    def section(self, kind: RowKind) -> CellPart | None:
        found: CellPart | None = getattr(self, kind)
        return found

    def reads(self, kinds: frozenset[str]) -> Iterator[tuple[str, TextCell]]:
        """Every (key, cell) that is asked of rows of these kinds."""
        sections = [("project", self.project), *((kind, self.section(kind)) for kind in KINDS if kind in kinds)]
        if self.kind is not None:
            yield "kind", self.kind
        for name, part in sections:
            if part is not None:
                yield from ((f"{name}.{field}", cell) for field, cell, _ in part.cells)


def _section(kind: RowKind) -> type[CellPart]:
    """The cells of a section, each as its field needs it."""
    at = (
        f"lines[0].{LISTS[kind].name}[0]" if kind in LISTS else "receivables[0]" if kind == "receivable" else "lines[0]"
    )
    record = type_at(EVENT_CODECS[TYPE].record, at)
    assert isinstance(record, RecordType), f"the schema has {at}"
    cells: dict[str, Any] = {}
    for name in STATED[kind].split():
        is_of_ledger = kind == "line" and name.startswith(LEDGER)
        path = f"ledger.{name.removeprefix(LEDGER)}" if is_of_ledger else NAMES.get(name, name)
        cell = _cell_class(record, path)
        is_needed = any(field.name == path and not field.optional for field in record.fields)
        cells[name] = (cell, ...) if is_needed else (cell | None, None)
    return create_model(f"{kind}_fields", __base__=CellPart if kind == "receivable" else OfLine, **cells)


def _cell_class(record: RecordType, path: str) -> type[TextCell]:
    if path == "currency":
        return CurrencyCell
    kind = type_at(record, path)
    assert kind is not None, f"the schema has {path} in {record.title}"
    if isinstance(kind, Decimal) and kind.unit == "amount":
        return AmountCell
    found = cell_class(kind)
    return IdCell if found is TextCell else found


def _of_kinds() -> dict[str, Any]:
    sections = {kind: _section(kind) for kind in KINDS}
    return {kind: (section, ...) if kind == "line" else (section | None, None) for kind, section in sections.items()}


WHOLE_MAPPING: Final = create_model("BalancesMapping", __base__=BalancesMapping, **_of_kinds())
