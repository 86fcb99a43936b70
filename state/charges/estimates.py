"""Estimates of what remains of a contract line, also of those that came late."""

from collections.abc import Iterator, Sequence
from datetime import date

from domain.events.delivery import EstimateRevised
from domain.identity import composed
from domain.revenue.method import Estimated, Opening, Remaining
from domain.terms.kind import TermsInForce
from state.books import Contract, EstimatedMonth, EstimateSaid, EstimatesOfLine
from state.charges.spent import kept_apart
from state.draft import Draft
from state.work.placing import taken_projects

PART = "line_estimates"


def keep_estimate(draft: Draft, part_id: str, event: EstimateRevised) -> None:
    """An estimate of a line, also of a lower version that comes late."""
    kept: EstimatesOfLine = draft.part(PART, part_id) or EstimatesOfLine()
    said = event.as_of, event.version, event.contract_id, event.currency, months_of(event)
    if all(version != event.version for _, version, *_ in kept.said):
        draft.put(PART, part_id, EstimatesOfLine(tuple(sorted((*kept.said, said), key=lambda one: one[:2]))))


def months_of(event: EstimateRevised) -> tuple[EstimatedMonth, ...]:
    return tuple((one.month, one.hours, one.cost, one.category) for one in event.remaining)


def known_estimates(
    draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce], opening: Opening | None = None
) -> list[Estimated]:
    """Of the line, by day and version; those that name another contract are not its own, and of what was spent by a day before its balances
    nothing is known. Before them its cost budgets, each from the first day on which it holds; none of a line with balances, for these rest
    on a newer estimate."""
    found = [
        Estimated(
            max(agreed.since, agreed.starts_on), agreed.contract.version, [Remaining("", 0, cost)], is_budget=True
        )
        for agreed in held
        if opening is None and (cost := agreed.line.cost_budget)
    ]
    since = opening.as_of if opening is not None else date.min
    apart = kept_apart(held)
    for project_id in dict.fromkeys(agreed.line.project_id for agreed in held):
        for (as_of, version, _, _, months), currency in _said(draft, contract, project_id, line_id):
            has_cost = currency == contract.terms.currency
            if as_of >= since:
                rows = [
                    Remaining(month, hours, cost, category if category in apart else "")
                    for month, hours, cost, category in months
                ]
                found.append(Estimated(as_of, version, rows, has_cost))
    return sorted(found, key=lambda one: one[:2])


def is_estimated_between(
    draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce], first: date, last: date
) -> bool:
    """Whether an estimate is as of a day from a first to a last."""
    projects = dict.fromkeys(agreed.line.project_id for agreed in held)
    days = (said[0] for each in projects for said in _own(draft, contract, each, line_id))
    return any(first <= day <= last for day in days)


def before_balances(draft: Draft, contract: Contract, project_id: str, line_id: str, as_of: date) -> date | None:
    """The day of an estimate of the line that is before its balances."""
    days = (said[0] for said in _own(draft, contract, project_id, line_id) if said[0] < as_of)
    return max(days, default=None)


def other_currency(draft: Draft, contract: Contract, project_id: str, line_id: str) -> str | None:
    """Of an estimate of the line that is in another currency than its contract."""
    found = (currency for _, currency in _said(draft, contract, project_id, line_id))
    return next((currency for currency in found if currency != contract.terms.currency), None)


def found_instead(draft: Draft, contract: Contract, project_id: str, line_id: str, opening: Opening | None) -> str:
    """What there is where the line has no estimate of its own that counts."""
    before = before_balances(draft, contract, project_id, line_id, opening.as_of) if opening is not None else None
    if opening is not None and before is not None:
        return f"one of {before}, before its balances of {opening.as_of}"
    return "one of the whole project" if draft.part("estimate", composed(project_id)) is not None else "none"


def _said(draft: Draft, contract: Contract, project_id: str, line_id: str) -> list[tuple[EstimateSaid, str]]:
    """With the currency: the project's where none is named, which is that of its first contract."""
    return [
        (one, one[3] or currency_of_project(draft, project_id)) for one in _own(draft, contract, project_id, line_id)
    ]


def _own(draft: Draft, contract: Contract, project_id: str, line_id: str) -> Iterator[EstimateSaid]:
    of: EstimatesOfLine | None = draft.part(PART, composed(project_id, line_id))
    yield from (one for one in (of.said if of is not None else ()) if one[2] in (None, contract.contract_id))


def currency_of_project(draft: Draft, project_id: str) -> str:
    contracts = (draft.contract(contract_id) for contract_id in taken_projects(draft).get(project_id, ()))
    return next((one.terms.currency for one in contracts if one is not None and one.in_force), "")
