"""What was spent on lines that earn by it, and estimates of what remains.

Hours are all that were worked, charged or not; cost is that of time and expenses. Work that is not billable is on no line, so that it does
not count (wasted effort, IFRS 15.B19). Sums are kept by line and day, and change by what an event moved; cost is kept in its own currency
and counts in the contract's, by the rate of its day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from domain.events.delivery import EstimateRevised
from domain.identity import composed, parts_of
from domain.money import convert
from domain.reference.exchange import MissingRate
from domain.revenue.method import Estimated, Opening, Remaining, Spent
from domain.terms import methods
from domain.terms.kind import TermsInForce
from domain.units import Amount, Hours
from domain.work.hours import worked_hours
from state.books import Contract, Entry, EstimateSaid, EstimatesOfLine, SpentOnLine
from state.draft import Draft
from state.terms.known import exchange_on
from state.work.placing import taken_projects

PART, ESTIMATES = "spent", "line_estimates"


class SpentWork(NamedTuple):
    """What one entry was for a line on a day."""

    contract_id: str
    line_id: str
    day: date
    hours: Hours
    currency: str
    cost: Amount


def spent_by(entry: Entry) -> SpentWork | None:
    """None of what is on no line, or costs neither hours nor money; a part that went on to the next line leaves both with the whole."""
    work = entry.standing
    if work is None or work.price is None or not work.price.line_id or work.part_of is not None:
        return None
    hours, cost, price = _hours_of(entry), work.cost, work.price
    if not hours and cost is None:
        return None
    currency, amount = (cost.currency, cost.amount) if cost is not None else ("", 0)
    return SpentWork(price.contract_id, price.line_id, price.day, hours, currency, amount)


def _hours_of(entry: Entry) -> Hours:
    work = entry.standing
    if work is None:
        return 0
    if work.time is not None:
        return worked_hours(work.time)
    return work.charge.opening.hours if work.charge is not None and work.charge.opening is not None else 0


def by_spending(held: Iterable[TermsInForce]) -> bool:
    return any(methods.by_spending(agreed.line, agreed.policies) for agreed in held)


# Sums


def with_work(spent: SpentOnLine, works: Iterable[tuple[SpentWork, int]]) -> SpentOnLine:
    """With what came to the line (1) and what went (-1)."""
    days = dict(spent.days)
    for work, sign in works:
        hours, cost = days.get(work.day, (0, {}))
        if work.currency:
            cost = {**cost, work.currency: cost.get(work.currency, 0) + sign * work.cost}
        days[work.day] = hours + sign * work.hours, {own: amount for own, amount in cost.items() if amount}
    return SpentOnLine({day: days[day] for day in sorted(days) if days[day] != (0, {})})


def counted(draft: Draft, contract_id: str, line_id: str) -> SpentOnLine:
    """As it is kept; of a line that begins to earn by it, from all of its entries."""
    kept: SpentOnLine | None = draft.part(PART, composed(contract_id, line_id))
    return kept if kept is not None else _from_entries(draft, contract_id, line_id)


def _from_entries(draft: Draft, contract_id: str, line_id: str) -> SpentOnLine:
    found = (spent_by(entry) for entry in draft.everything())
    own = [(one, 1) for one in found if one is not None and one[:2] == (contract_id, line_id)]
    return with_work(SpentOnLine(), own)


def begin(draft: Draft, contract_id: str, line_id: str) -> None:
    """Keep it of a line that earns by it from now on."""
    part_id = composed(contract_id, line_id)
    if draft.part(PART, part_id) is None:
        draft.put(PART, part_id, _from_entries(draft, contract_id, line_id))


def take_in(draft: Draft) -> dict[str, list[date]]:
    """Bring what is kept up to what the event moved; returns the days that differ, by part."""
    moved: dict[str, list[tuple[SpentWork, int]]] = {
        part_id: [] for kind, part_id in draft.parts if kind == PART and (kind, part_id) not in draft.before
    }
    for entry, sign in draft.worked:
        work = spent_by(entry)
        part_id = composed(work.contract_id, work.line_id) if work is not None else ""
        if work is not None and draft.part(PART, part_id) is not None:
            moved.setdefault(part_id, []).append((work, sign))
    found = {}
    for part_id, works in moved.items():
        had: SpentOnLine | None = draft.before.get((PART, part_id))
        has = with_work(had, works) if had is not None else _from_entries(draft, *_line_of(part_id))
        before = had.days if had is not None else {}
        if days := sorted(day for day in before.keys() | has.days.keys() if before.get(day) != has.days.get(day)):
            draft.put(PART, part_id, has)
            found[part_id] = days
    return found


def _line_of(part_id: str) -> tuple[str, str]:
    contract_id, line_id = parts_of(part_id)
    return contract_id, line_id


# As the terms ask for it


class SpentKnown(NamedTuple):
    """By day, and days of which a currency has no rate, so that their cost in it does not count."""

    spent: Sequence[Spent]
    lacking: Sequence[tuple[date, str]] = ()


def known_spent(draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce]) -> SpentKnown:
    of, key = counted(draft, contract.contract_id, line_id), ("spent", contract.contract_id, line_id)
    kept: tuple[SpentOnLine, SpentKnown] | None = draft.plans.get(key)
    if kept is not None and kept[0] is of:
        return kept[1]
    hours, cost, foreign = 0, 0, False
    spent: list[Spent] = []
    lacking: list[tuple[date, str]] = []
    for day, (worked, costs) in of.days.items():
        hours += worked
        for currency, amount in costs.items():
            foreign = foreign or currency != contract.terms.currency
            own = _in_contract_currency(draft, contract, held[-1], day, currency, amount)
            if own is None:
                lacking.append((day, currency))
            cost += own or 0
        spent.append(Spent(day, hours, cost))
    found = SpentKnown(spent, lacking)
    # Rates may come.
    if not foreign:
        draft.plans[key] = of, found
    return found


def _in_contract_currency(
    draft: Draft, contract: Contract, agreed: TermsInForce, day: date, currency: str, amount: Amount
) -> Amount | None:
    into = contract.terms.currency
    if currency == into:
        return amount
    exchange = exchange_on(draft, agreed.policies, currency, into, day, day)
    if isinstance(exchange, MissingRate):
        return None
    return convert(amount, exchange.numerator, exchange.denominator, into, agreed.policies.money_mode)


# Estimates


def keep_estimate(draft: Draft, part_id: str, event: EstimateRevised) -> None:
    """An estimate of a line, also of a lower version that comes late."""
    kept: EstimatesOfLine = draft.part(ESTIMATES, part_id) or EstimatesOfLine()
    months = tuple((one.month, one.hours, one.cost) for one in event.remaining)
    said = event.as_of, event.version, event.contract_id, event.currency, months
    if all(version != event.version for _, version, *_ in kept.said):
        draft.put(ESTIMATES, part_id, EstimatesOfLine(tuple(sorted((*kept.said, said), key=lambda one: one[:2]))))


def known_estimates(
    draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce], opening: Opening | None = None
) -> list[Estimated]:
    """Of the line, by day and version; those that name another contract are not its own, and of what was spent by a day before its balances
    nothing is known."""
    found = []
    since = opening.as_of if opening is not None else date.min
    for project_id in dict.fromkeys(agreed.line.project_id for agreed in held):
        for (as_of, version, _, _, months), currency in _said(draft, contract, project_id, line_id):
            has_cost = currency == contract.terms.currency
            if as_of >= since:
                found.append(Estimated(as_of, version, [Remaining(*one) for one in months], has_cost))
    return sorted(found, key=lambda one: one[:2])


def before_balances(draft: Draft, contract: Contract, project_id: str, line_id: str, as_of: date) -> date | None:
    """The day of an estimate of the line that is before its balances."""
    days = (said[0] for said, _ in _said(draft, contract, project_id, line_id) if said[0] < as_of)
    return max(days, default=None)


def other_currency(draft: Draft, contract: Contract, project_id: str, line_id: str) -> str | None:
    """Of an estimate of the line that is in another currency than its contract."""
    found = (currency for _, currency in _said(draft, contract, project_id, line_id))
    return next((currency for currency in found if currency != contract.terms.currency), None)


def _said(draft: Draft, contract: Contract, project_id: str, line_id: str) -> list[tuple[EstimateSaid, str]]:
    """With the currency: the project's where none is named, which is that of its first contract."""
    of: EstimatesOfLine | None = draft.part(ESTIMATES, composed(project_id, line_id))
    if of is None:
        return []
    found = [one for one in of.said if one[2] in (None, contract.contract_id)]
    return [(one, one[3] or _currency_of(draft, project_id)) for one in found]


def _currency_of(draft: Draft, project_id: str) -> str:
    contracts = (draft.contract(contract_id) for contract_id in taken_projects(draft).get(project_id, ()))
    return next((one.terms.currency for one in contracts if one is not None and one.in_force), "")
