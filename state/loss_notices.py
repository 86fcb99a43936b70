"""Contracts that will cost more than they earn: exception `loss_making`, with the difference at risk (RULES section 6, A loss).

Cost at completion is compared with the most that the contract's projects may earn (`state/forecast/revenue_max.py`), both as their newest
forecasts have them. Where that is not known of one of them, nothing is said. A project of several contracts counts with the first by id.

An event after which a contract makes a loss and did not before, or the other way round, has its forecasts told at once, however small the
change. A loss that somebody has settled is raised again once it is more than before.

    300.00 incurred and 900.00 to come for a price of 1,000.00: 200.00 at risk
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.money import format_amount
from domain.units import Amount
from state.books import Forecast, OpenException, Told
from state.draft import Draft
from state.forecast.outlook import known, project_contracts, register, sum_of, today
from state.forecast.revenue_max import revenue_max
from state.placing import taken_projects

CATEGORY = "loss_making"
KIND = "contract"


class Sums(NamedTuple):
    """At completion: what projects cost, and the most that they earn."""

    cost: Amount = 0
    revenue: Amount = 0

    @property
    def loss(self) -> Amount:
        return max(self.cost - self.revenue, 0)


def after_event(draft: Draft) -> None:
    """Of the contracts of projects of which a forecast was told."""
    found: set[str] = set()
    for kind, project_id in list(draft.parts):
        if kind == "forecast" and _told(draft, project_id) != _told_before(draft, project_id):
            found.update(taken_projects(draft).get(project_id, ()))
    for contract_id in sorted(found):
        _look_at(draft, contract_id)


def turning(draft: Draft, project_id: str) -> list[str]:
    """Projects of which to tell, since with the event their contract begins or ceases to make a loss."""
    contracts = project_contracts(draft, project_id)
    if not contracts:
        return []
    projects = counted(draft, contracts[0].contract_id)
    if _earn_enough(draft, projects) or bool(_losses_told(draft, projects)) == bool(_losses_now(draft, projects)):
        return []
    return [each for each in projects if known(draft, each)[1].stale]


def counted(draft: Draft, contract_id: str) -> list[str]:
    """Projects that count with the contract, ids ascending."""
    taken, key = taken_projects(draft), ("projects of", contract_id)
    kept: tuple[object, list[str]] | None = draft.plans.get(key)
    if kept is None or kept[0] is not taken:
        kept = draft.plans[key] = (taken, sorted(draft.projects_of(contract_id)))
    contracts = ((each, project_contracts(draft, each)) for each in kept[1])
    return [each for each, of in contracts if of and of[0].contract_id == contract_id]


def at_completion(draft: Draft, projects: Sequence[str], told: Mapping[str, Told | None]) -> dict[str, Sums]:
    """By currency, as forecasts told it; nothing while one waits for an exchange rate, or does not know what its work to come earns."""
    sums: dict[str, Sums] = {}
    for project_id in projects:
        forecast, outlook = known(draft, project_id)
        one = told[project_id]
        if one is None and not (outlook.eac_cost or forecast.noted or sum_of(outlook.progress)):
            continue
        if one is None or one.revenue_max is None:
            return {}
        _add(sums, forecast.currency, one.eac_cost, one.revenue_max)
    return sums


def _losses_told(draft: Draft, projects: Sequence[str]) -> dict[str, Amount]:
    return _losses(at_completion(draft, projects, {each: _told(draft, each) for each in projects}))


def _losses_now(draft: Draft, projects: Sequence[str]) -> dict[str, Amount]:
    """By what is booked and remains, told or not."""
    sums: dict[str, Sums] = {}
    for project_id in projects:
        forecast, outlook = known(draft, project_id)
        if outlook.eac_cost or outlook.eac_revenue:
            most = revenue_max(draft, project_id, today(draft, forecast.zone))
            if most is None:
                return {}
            _add(sums, forecast.currency, outlook.eac_cost, most)
    return _losses(sums)


def _earn_enough(draft: Draft, projects: Sequence[str]) -> bool:
    """Whether no project makes a loss by any of its figures: the usual case, found without looking at terms."""
    for project_id in projects:
        forecast, outlook = known(draft, project_id)
        told = forecast.told
        if outlook.eac_cost > outlook.eac_revenue or (told is not None and told.eac_cost > told.eac_revenue):
            return False
    return True


def _add(sums: dict[str, Sums], currency: str, cost: Amount, revenue: Amount) -> None:
    had = sums.get(currency, Sums())
    sums[currency] = Sums(had.cost + cost, had.revenue + revenue)


def _losses(sums: Mapping[str, Sums]) -> dict[str, Amount]:
    return {currency: of.loss for currency, of in sorted(sums.items()) if of.loss}


def _told(draft: Draft, project_id: str) -> Told | None:
    return known(draft, project_id)[0].told


def _told_before(draft: Draft, project_id: str) -> Told | None:
    before: Forecast | None = draft.before.get(("forecast", project_id))
    return before.told if before is not None else None


# What people hear of it


def _look_at(draft: Draft, contract_id: str) -> None:
    projects = counted(draft, contract_id)
    sums = at_completion(draft, projects, {each: _told(draft, each) for each in projects})
    losses = _losses(sums)
    noted: OpenException | None = draft.part("exception", draft.exception_id(CATEGORY, KIND, contract_id))
    if (noted.amounts if noted is not None else {}) == losses:
        return
    if not losses:
        draft.settle_note(CATEGORY, KIND, contract_id)
    elif noted is not None:
        draft.revise_note(replace(noted, message=_message(contract_id, sums), amounts=losses))
    elif not _is_settled(draft, contract_id, projects, losses):
        _raise(draft, contract_id, sums, losses)
    for project_id in draft.projects_of(contract_id):
        register(draft, project_id)


def _is_settled(draft: Draft, contract_id: str, projects: Sequence[str], losses: Mapping[str, Amount]) -> bool:
    """Whether somebody has settled as much: it was a loss before the event, and none is open."""
    if draft.before.get(("contract", contract_id)) is None:
        return False
    before = _losses(at_completion(draft, projects, {each: _told_before(draft, each) for each in projects}))
    return all(amount <= before.get(currency, 0) for currency, amount in losses.items())


def _raise(draft: Draft, contract_id: str, sums: Mapping[str, Sums], losses: dict[str, Amount]) -> None:
    draft.tell_note(
        OpenException(
            draft.exception_id(CATEGORY, KIND, contract_id),
            CATEGORY,
            KIND,
            contract_id,
            contract_id,
            message=_message(contract_id, sums),
            amounts=losses,
            raised_at=draft.cause.recorded_at,
        )
    )


def _message(contract_id: str, sums: Mapping[str, Sums]) -> str:
    said = (
        f"costs {format_amount(of.cost, currency)} {currency} at completion and earns {format_amount(of.revenue, currency)}"
        for currency, of in sorted(sums.items())
        if of.loss
    )
    return f"contract {contract_id} makes a loss: it {', and '.join(said)}"
