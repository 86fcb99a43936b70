"""What rows do not say, from where it is known: first the folder, then the options of the import.

An option that the folder contradicts would be passed over, so it is refused: `--rate 100` while the contracts of all rows
give 95, or `--cost-rate 60` while everybody costs 48 already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    assumed: list[ExportRow] = []
    of_contracts: list[Decimal] = []
    costs: list[Decimal | None] = []
    rated = costed = 0
    for each in rows:
        row, project = each, each.project.id
        if row.billable and row.stated_rate is None:
            given = given_rate(rates.get(project, ()), row)
            if given is not None:
                row = _at(row, given, currencies.get(project) or row.currency)
                of_contracts.append(given)
            # A contract of others decides by itself, when the entry is priced.
            elif choices.rate is not None and (project in ours or project not in known.contracted):
                row = _at(row, choices.rate, row.currency)
                rated += 1
        if row.cost_rate is None:
            cost = cost_on(known.cost_rates.get(row.person.id, ()), row.day)
            costed += cost is None and choices.cost_rate is not None
            costs.append(choices.cost_rate if cost is None else cost)
            row = row._replace(cost_rate=costs[-1])
        assumed.append(row)
    _check_used("--rate", choices.rate, rated, of_contracts, _RATES.format(folder=folder))
    _check_used("--cost-rate", choices.cost_rate, costed, costs, _COSTS.format(folder=folder))
    _check_role(rows, choices.role, known, folder)
    return Assumed(tuple(assumed), rated, len(of_contracts))


_RATES = (
    "the contracts in {folder} decide these rows; leave --rate out, or change the contract: by a ContractAmended, or in"
    " the setup file while no run has read it"
)
_COSTS = "the costs in {folder} decide these rows; leave --cost-rate out, or put a CostRateSet of a higher version into the folder"


def _at(row: ExportRow, rate: Decimal, currency: str) -> ExportRow:
    """A rate that the contract gives is in the contract's currency."""
    if currency == row.currency:
        return row._replace(rate=rate, amount=row.amount or exact_value_of(row.priced_hours, rate, currency))
    amount = exact_value_of(row.priced_hours, rate, currency)
    return row._replace(rate=rate, amount=amount, currency=currency, currency_before=row.currency)


def _currencies_by_project(contracts: Iterable[Event]) -> dict[str, str]:
    return {
        line["project_id"]: str(contract.get("currency") or "") for contract in contracts for line in contract["lines"]
    }


def _check_used(option: str, said: Decimal | None, used: int, given: Sequence[Decimal | None], way_out: str) -> None:
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
