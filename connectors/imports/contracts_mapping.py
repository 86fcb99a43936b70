"""The mapping of contracts and of all that they name: which column is which field of which event.

The fields are those of the schemas, written as paths such as `cap.amount` or `rates[0].rate`, so every term that an event can state can be
mapped; what a cell has to hold follows from its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, Self, get_args

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_schema import Array, Choice, RecordType, Type, Union
from connectors.imports.cells import TextCell
from connectors.imports.refusals import nearest
from connectors.imports.row_kinds import KindsMapping
from connectors.imports.schema_fields import cell_class, type_at
from connectors.model_faults import in_our_words

RowKind = Literal[
    "line",
    "contract",
    "company",
    "customer",
    "person",
    "cost_rate",
    "project",
    "rate",
    "schedule",
    "milestone",
    "tier",
    "limit",
    "per_diem",
    "budget",
    "bill_to",
    "shared_cap",
    "retention",
]
KINDS: Final[tuple[RowKind, ...]] = get_args(RowKind)
SIGNED: Final = "ContractSigned"
AMENDED: Final = "ContractAmended"
# Kinds whose row is an event of its own.
EVENTS: Final[Mapping[str, str]] = {
    "company": "LegalEntityDefined",
    "customer": "CustomerDefined",
    "person": "PersonDefined",
    "cost_rate": "CostRateSet",
    "project": "ProjectActivated",
}
LINES: Final = "lines"
TERMS: Final = "terms"


class RowsOfList(NamedTuple):
    """A list to which a row of a kind adds: of the contract, or of one of its lines."""

    path: str
    is_of_line: bool


ITEMS: Final[Mapping[str, RowsOfList]] = {
    "rate": RowsOfList("terms.rates", True),
    "schedule": RowsOfList("terms.schedule", True),
    "milestone": RowsOfList("terms.milestones", True),
    "tier": RowsOfList("terms.tiers", True),
    "limit": RowsOfList("terms.limits", True),
    "per_diem": RowsOfList("terms.per_diems", True),
    "budget": RowsOfList("budgets", True),
    "bill_to": RowsOfList("bill_to", False),
    "shared_cap": RowsOfList("shared_caps", False),
    "retention": RowsOfList("retention.steps", False),
}
# What an import states itself, and no column.
ITS_OWN: Final = frozenset({"event_id", "source", "version", "recorded_at", "occurred_at", "replaces_version"})
# Of a contract row that changes a contract from a day on.
OF_AMENDMENT: Final = frozenset({"effective_on", "treatment", "retroactive", "reason"})


def record_of(section: str) -> Type:
    """The record, or the kinds of terms, whose fields a section of the mapping names."""
    signed = EVENT_CODECS[SIGNED].record
    if section in EVENTS:
        return EVENT_CODECS[EVENTS[section]].record
    at = {"contract": "", "line": "lines[0]", TERMS: "lines[0].terms"}.get(section)
    if at is None:
        item = ITEMS[section]
        at = f"{'lines[0].' if item.is_of_line else ''}{item.path}[0]"
    found = type_at(signed, at)
    assert found is not None, f"the schemas have {at} in a contract"
    return found


def field_of(section: str, path: str) -> Type | None:
    if section == "contract" and path in OF_AMENDMENT:
        return type_at(EVENT_CODECS[AMENDED].record, path)
    if section == TERMS and path == "type":
        return Choice(terms_kinds())
    return type_at(record_of(section), path)


def terms_kinds() -> tuple[str, ...]:
    of = record_of(TERMS)
    assert isinstance(of, Union), "terms are one of several records"
    return tuple(record.title for record in of.branches if record is not None)


def terms_record(title: str) -> RecordType:
    of = record_of(TERMS)
    assert isinstance(of, Union), "terms are one of several records"
    return next(record for record in of.branches if record is not None and record.title == title)


def _typed(given: object, info: ValidationInfo) -> object:
    """A table of paths and cells, each cell as its field needs it."""
    section = str(info.field_name)
    if not isinstance(given, Mapping):
        raise ValueError("expected a table of fields and columns")  # noqa: TRY004 - as pydantic takes it
    cells: dict[str, TextCell] = {}
    for path, cell in given.items():
        kind = None if path in ITS_OWN else field_of(section, path)
        if kind is None or isinstance(kind, RecordType | Union) or _is_list_of_records(kind):
            raise ValueError(f"{path} is not a field of {section}{nearest(path, _names(section))}")
        try:
            cells[path] = cell_class(kind).model_validate(cell)
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            raise ValueError(f"{path}: {in_our_words(first['msg'])}") from fault
    return cells


def _is_list_of_records(kind: Type) -> bool:
    return isinstance(kind, Array) and isinstance(kind.item, RecordType)


def _names(section: str) -> list[str]:
    """Of fields, for a nearest one."""
    of = record_of(section)
    records = of.branches if isinstance(of, Union) else (of,)
    return [field.name for record in records if isinstance(record, RecordType) for field in record.fields]


Cells = Mapping[str, TextCell]
Section = Annotated[Cells, BeforeValidator(_typed)]
# Without these nobody knows whose a row is.
IDS: Final = (("contract", "contract_id"), ("line", "line_id"), (TERMS, "type"))


def sections_of(kind: str) -> tuple[str, ...]:
    """Those that a row of the kind is read by; a line states its contract too, and a person what an hour costs."""
    match kind:
        case "line":
            return "contract", "line", TERMS
        case "person":
            return "person", "cost_rate"
        case _:
            return (kind,)


class ContractsMapping(KindsMapping):
    """A section for each kind of row; `terms` are of a line, whatever its kind of terms is."""

    KINDS: ClassVar[tuple[str, ...]] = KINDS
    WHERE: ClassVar[str] = "docs/mappings/contracts.toml"

    files: Mapping[str, RowKind] = Field(default_factory=dict)
    contract: Section
    line: Section
    terms: Section
    company: Section = Field(default_factory=dict)
    customer: Section = Field(default_factory=dict)
    person: Section = Field(default_factory=dict)
    cost_rate: Section = Field(default_factory=dict)
    project: Section = Field(default_factory=dict)
    rate: Section = Field(default_factory=dict)
    schedule: Section = Field(default_factory=dict)
    milestone: Section = Field(default_factory=dict)
    tier: Section = Field(default_factory=dict)
    limit: Section = Field(default_factory=dict)
    per_diem: Section = Field(default_factory=dict)
    budget: Section = Field(default_factory=dict)
    bill_to: Section = Field(default_factory=dict)
    shared_cap: Section = Field(default_factory=dict)
    retention: Section = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_whose_a_row_is(self) -> Self:
        for section, name in IDS:
            if name not in self.section(section):
                raise ValueError(f"{section}: expected {name} among its fields")
        return self

    def section(self, name: str) -> Cells:
        found: Cells = getattr(self, name)
        return found

    def whose(self, kind: str) -> Iterator[tuple[str, str, TextCell]]:
        """The cells that say of which contract and line a row is: section, field, cell."""
        if kind in ("contract", "line", *ITEMS):
            yield "contract", "contract_id", self.contract["contract_id"]
        if kind == "line" or (kind in ITEMS and ITEMS[kind].is_of_line):
            yield "line", "line_id", self.line["line_id"]

    def reads(self, kinds: frozenset[str]) -> Iterator[tuple[str, TextCell]]:
        if self.kind is not None:
            yield "kind", self.kind
        for kind in KINDS:
            if kind in kinds:
                yield from ((f"{section}.{path}", cell) for section, path, cell in self.whose(kind))
                for section in sections_of(kind):
                    yield from ((f"{section}.{path}", cell) for path, cell in self.section(section).items())


def kind_at(section: str, path: str, terms: str | None = None) -> Type | None:
    """What the field is; of known terms, as they have it, and None where they do not."""
    if section == TERMS and terms is not None and path != "type":
        return type_at(terms_record(terms), path)
    return field_of(section, path)
