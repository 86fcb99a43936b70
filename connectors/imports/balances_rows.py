"""One row of balances as the part of an event that it becomes, checked against what the folder knows of its contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple, cast

from connectors.imports.balances_known import KnownContract, KnownFirm
from connectors.imports.balances_mapping import LEDGER, NAMES, BalancesMapping, OfLine, RowKind
from connectors.imports.cells import AmountCell, CellPart, CurrencyCell, IdCell, label_of
from connectors.imports.readings import decimal_text
from connectors.imports.refusals import nearest
from connectors.imports.rejections import CellFault, CsvRow
from connectors.imports.row_kinds import RowPlace, kind_of
from connectors.imports.said import (
    amount_of,
    currency_in,
    date_in,
    id_in,
    instant_in,
    money_in,
    required,
    value_in,
    version_in,
)
from domain.money import AMOUNT_DECIMALS
from domain.units import Instant

# In the ledger's currency, whatever the contract's.
OF_LEDGER: Final = frozenset({"cost", "expenses"})


class ProjectSaid(NamedTuple):
    """What a row says of its project."""

    project_id: str
    as_of: date
    engagement_id: str | None
    version: int | None
    occurred_at: Instant | None
    requested_by: str | None
    approved_by: str | None


class BalanceRow(NamedTuple):
    """One row; `values` are its fields as an event's JSON has them, `currency` that of its contract where anybody says it."""

    place: RowPlace
    kind: RowKind
    said: ProjectSaid
    contract_id: str | None
    line_id: str | None
    currency: str | None
    values: dict[str, str | int | bool]


def project_of(row: CsvRow, mapped: BalancesMapping) -> str:
    """Raises CellFault."""
    return required(id_in(mapped.project.project_id, row), mapped.project.project_id, "project_id")


def read_row(row: CsvRow, mapped: BalancesMapping, known: KnownFirm, file: str) -> BalanceRow:
    """Raises CellFault with the first thing that is wrong."""
    kind = cast(RowKind, kind_of(row, mapped, file))
    said = _project(row, mapped)
    _check_project(said.project_id, mapped, known)
    part = mapped.section(kind)
    assert part is not None, "its kind was asked for"
    line_id = required(id_in(part.line_id, row), part.line_id, "line_id") if isinstance(part, OfLine) else None
    stated: IdCell | None = getattr(part, "contract_id", None)
    contract = _contract(id_in(stated, row), line_id, said.project_id, part, known)
    currency = _currency(row, part, contract)
    values = dict(_values(row, mapped, part, currency))
    if contract is not None:
        _check_names(values, kind, part, line_id, contract)
    contract_id = contract.contract_id if contract is not None else id_in(stated, row)
    return BalanceRow(RowPlace(file, row), kind, said, contract_id, line_id, currency, values)


def _project(row: CsvRow, mapped: BalancesMapping) -> ProjectSaid:
    fields = mapped.project
    return ProjectSaid(
        project_of(row, mapped),
        required(date_in(fields.as_of, row, mapped.file), fields.as_of, "as_of"),
        id_in(fields.engagement_id, row),
        version_in(fields.version, row, mapped.zone),
        instant_in(fields.occurred_at, row, mapped.file, mapped.zone),
        id_in(fields.requested_by, row),
        id_in(fields.approved_by, row),
    )


def _check_project(project_id: str, mapped: BalancesMapping, known: KnownFirm) -> None:
    projects = known.projects()
    if known.contracts and project_id not in projects:
        raise CellFault(
            mapped.project.project_id.label(),
            project_id,
            f"expected a project with a contract in the folder{nearest(project_id, projects)}; import its contract first, or"
            " correct the id",
        )


def _contract(
    stated: str | None, line_id: str | None, project_id: str, part: CellPart, known: KnownFirm
) -> KnownContract | None:
    """None where the folder knows no contracts, or that of an invoice does not follow from its project alone."""
    if not known.contracts:
        return None
    lines = list(known.lines(project_id))
    contracts = sorted({contract_id for contract_id, line in lines if line_id in (None, line)})
    label = label_of(getattr(part, "contract_id", None))
    if stated is not None:
        whose = {contract_id for contract_id, _ in lines}
        if stated not in whose:
            raise CellFault(label, stated, f"expected a contract of project {project_id}: {', '.join(sorted(whose))}")
        contracts = [contract_id for contract_id in contracts if contract_id == stated]
    if line_id is not None and not contracts:
        names = [line for contract_id, line in lines if stated in (None, contract_id)]
        reason = (
            f"expected a line of project {project_id}: {', '.join(names)}{nearest(line_id, names)}; correct the id,"
            " or have the contract amended first"
        )
        raise CellFault(label_of(getattr(part, "line_id", None)), line_id, reason)
    if len(contracts) > 1 and line_id is not None:
        both = f"{', '.join(contracts)} all have a line {line_id} of project {project_id}"
        raise CellFault(label, "", f"expected the contract, for {both}")
    return known.contracts[contracts[0]] if len(contracts) == 1 else None


def _check_names(
    values: Mapping[str, object], kind: RowKind, part: CellPart, line_id: str | None, contract: KnownContract
) -> None:
    """Bill-tos and milestones are of the contract."""
    of = f"contract {contract.contract_id}"
    named = {
        "payer": ("customer_id", f"a bill-to of {of}", contract.bill_tos),
        "receivable": ("bill_to", f"a bill-to of {of}", contract.bill_tos),
        "milestone": (
            "milestone_id",
            f"a milestone of line {line_id} of {of}",
            contract.milestones.get(line_id or "", frozenset()),
        ),
    }
    name, what, known = named.get(kind, ("", "", frozenset[str]()))
    value = values.get(name)
    if value is not None and value not in known and (known or kind == "milestone"):
        names = ", ".join(sorted(known)) or "it has none"
        reason = (
            f"expected {what}: {names}{nearest(str(value), known)}; correct the id, or have the contract amended first"
        )
        raise CellFault(label_of(getattr(part, name)), str(value), reason)


def _currency(row: CsvRow, part: CellPart, contract: KnownContract | None) -> str | None:
    cell: CurrencyCell | None = getattr(part, "currency", None)
    stated = currency_in(cell, row)
    if contract is None or contract.currency is None:
        return stated
    if stated not in (None, contract.currency):
        reason = (
            f"expected {contract.currency}, as contract {contract.contract_id} is kept in it; convert at the source, or"
            " state what the ledger has in the columns of ledger_ amounts"
        )
        raise CellFault(label_of(cell), str(stated), reason)
    return contract.currency


def _values(
    row: CsvRow, mapped: BalancesMapping, part: CellPart, currency: str | None
) -> Iterator[tuple[str, str | int | bool]]:
    for name, cell, is_needed in part.cells:
        if name in ("line_id", "contract_id", "currency"):
            continue
        whose = None if name in OF_LEDGER or name.startswith(LEDGER) else currency
        value = _amount(row, mapped, cell, whose) if isinstance(cell, AmountCell) else value_in(cell, row, mapped)
        if is_needed:
            required(value, cell, name)
        if value is not None:
            yield NAMES.get(name, name), value


def _amount(row: CsvRow, mapped: BalancesMapping, cell: AmountCell, currency: str | None) -> str | None:
    number = money_in(cell, row, mapped.file, currency)
    if number is None:
        return None
    amount_of(number, cell, currency)
    return decimal_text(round(number, AMOUNT_DECIMALS))
