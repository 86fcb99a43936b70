"""What rows do not say, from where it is known: first the folder, then the options of the import.

An option that the folder contradicts would be passed over, so it is refused: `--rate 100` while the contracts of all rows
give 95, or `--cost-rate 60` while everybody costs 48 already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from connectors.imports.folder_events import Event
from connectors.imports.priced import exact_value_of
from connectors.imports.products.choices import ROLE, Choices
from connectors.imports.products.export_row import ExportRow
from connectors.imports.products.former import FormerImport
from connectors.imports.products.rates import given_rate
from connectors.imports.products.setup import cost_on
from connectors.imports.readings import decimal_text
from connectors.imports.refusals import ImportRefused

VALUES_SHOWN = 4


class Assumed(NamedTuple):
    """How many billable rows that state no rate have that of the option, and how many that of their contract."""

    rows: tuple[ExportRow, ...]
    rated_by_option: int
    rated_by_contract: int


def with_assumed(rows: Sequence[ExportRow], choices: Choices, known: FormerImport, folder: Path) -> Assumed:
    """Raises ImportRefused where an option says other than all that is known."""
    rates, ours = known.rates(), known.rates_of_ours()
    currencies = _currencies_by_project(known.contracts.values())
    rated = [_rated(row, choices, rates, row.project.id in ours, known) for row in rows]
    rated = [(row if from_option else _in_currency_of(row, currencies), from_option) for row, from_option in rated]
    by_option = [row for row, from_option in rated if from_option]
    by_contract = [row for row, from_option in rated if _is_unstated(row) and not from_option and row.rate is not None]
    _check_used("--rate", choices.rate, by_option, [row.rate for row in by_contract], _RATES.format(folder=folder))
    costed = [_costed(row, choices, known) for row, _ in rated]
    unstated = [now for (row, _), (now, _) in zip(rated, costed, strict=True) if row.cost_rate is None]
    of_option = [row for row, from_option in costed if from_option]
    _check_used(
        "--cost-rate", choices.cost_rate, of_option, [row.cost_rate for row in unstated], _COSTS.format(folder=folder)
    )
    _check_role(rows, choices.role, known, folder)
    return Assumed(tuple(row for row, _ in costed), len(by_option), len(by_contract))


_RATES = (
    "the contracts in {folder} decide these rows; leave --rate out, or change the contract: by a ContractAmended, or in"
    " the setup file while no run has read it"
)
_COSTS = "the costs in {folder} decide these rows; leave --cost-rate out, or put a CostRateSet of a higher version into the folder"


def _is_unstated(row: ExportRow) -> bool:
    return row.billable and row.stated_rate is None


def _rated(
    row: ExportRow, choices: Choices, rates: Mapping[str, Sequence[Event]], is_ours: bool, known: FormerImport
) -> tuple[ExportRow, bool]:
    """With whether it is the option's. A contract of others decides by itself, when the entry is priced."""
    if not _is_unstated(row):
        return row, False
    given = given_rate(rates.get(row.project.id, ()), row)
    is_of_others = row.project.id in known.contracted and not is_ours
    rate = choices.rate if given is None and not is_of_others else given
    if rate is None:
        return row, False
    return row._replace(
        rate=rate, amount=row.amount or exact_value_of(row.priced_hours, rate, row.currency)
    ), given is None


def _in_currency_of(row: ExportRow, currencies: Mapping[str, str]) -> ExportRow:
    """A rate that the contract gives is in the contract's currency."""
    currency = currencies.get(row.project.id) or row.currency
    if not _is_unstated(row) or row.rate is None or currency == row.currency:
        return row
    amount = exact_value_of(row.priced_hours, row.rate, currency)
    return row._replace(currency=currency, currency_before=row.currency, amount=amount)


def _currencies_by_project(contracts: Iterable[Event]) -> dict[str, str]:
    return {
        line["project_id"]: str(contract.get("currency") or "") for contract in contracts for line in contract["lines"]
    }


def _costed(row: ExportRow, choices: Choices, known: FormerImport) -> tuple[ExportRow, bool]:
    if row.cost_rate is not None:
        return row, False
    given = cost_on(known.cost_rates.get(row.person.id, ()), row.day)
    cost = choices.cost_rate if given is None else given
    return row._replace(cost_rate=cost), given is None and cost is not None


def _check_used(
    option: str, said: Decimal | None, used: Sequence[ExportRow], given: Sequence[Decimal | None], way_out: str
) -> None:
    """Refused where it holds for no row and every row that it could hold for has another value."""
    others = sorted({value for value in given if value is not None})
    if said is None or used or not others or said in others:
        return
    shown = ", ".join(decimal_text(value) for value in others[:VALUES_SHOWN])
    more = ", ..." if len(others) > VALUES_SHOWN else ""
    raise ImportRefused(f"{option}: came {decimal_text(said)}, and known is {shown}{more}: {way_out}")


def _check_role(rows: Sequence[ExportRow], role: str, known: FormerImport, folder: Path) -> None:
    """Refused where it holds for nobody new, and everybody whom it could hold for has another."""
    people = {row.person.id for row in rows if row.role == role}
    roles = {str(known.people[person].get("role")) for person in people & known.people.keys()}
    if role != ROLE and people and people <= known.people.keys() and role not in roles:
        raise ImportRefused(
            f"--role: came {role}, and known is {', '.join(sorted(roles))}: the people in {folder} have their roles; leave"
            " --role out, or put a PersonDefined of a higher version into the folder"
        )
