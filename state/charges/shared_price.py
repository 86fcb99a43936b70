"""Prices that entries of a line share, in consumption order: what is issued comes first and keeps what it has, and an entry that comes or
goes moves only the others that are not issued.

Increments over a person's day (R9, scope `person_day`): the day's sum is rounded, each entry takes the cumulative difference. Where all of
it is issued, or more than is left of it, the last by order makes up for it.

    15-minute steps up; entries of 10, 10 and 10 minutes in consumption order: 15, 15 and 0 minutes (30 together)
    of 6 and 18 minutes (15 each) the first is withdrawn once both are issued: the second has 30

Units whose price has steps, or of which a number is agreed: `domain/terms/unit_price.py`.
"""

from msgspec.structs import replace

from domain.figure import node_of
from domain.money import extend
from domain.terms import methods
from domain.terms.kind import INCLUDED
from domain.terms.unit_price import is_shared
from domain.units import Hours
from domain.work.increments import billable_hours
from domain.work.recorded import HOURS, DaySteps, figure_of, part_of_day
from domain.work.rows import COUNTED_FEE, COUNTED_TIME
from state.books import Contract, Entry, Price, Work
from state.caps.allot import consume_caps
from state.caps.claims import Consumption, consumption_of, keeping
from state.caps.given_up import fitted
from state.caps.repricing import reprice
from state.caps.sharers import AFTER_ALL, BEFORE_ALL, SharedPool, Sharer, of_units, order_on, pool_of, standing
from state.charges import drawing
from state.draft import Draft
from state.terms.plan import LinePlan, by_persons_day, line_plan, plan_of
from state.totals import is_issued
from state.work import price_record


def stepped_price(draft: Draft, entry: Entry, work: Work, price: Price, line: LinePlan) -> Price:
    """The entry's share, where it shares its price with others."""
    if line.draws is not None and drawing.draws(work, line):
        return drawing.drawn_price(draft, entry, work, price, line)
    if not _shares(work, price, line):
        return price
    pool = pool_of(draft, line, work.person_id, price)
    own = Sharer(order_on(price, entry.entry_id), entry.entry_id, price, price.hours, False, work.person_id)
    return _shared(draft, line, pool, own)[entry.entry_id]


def _shares(work: Work, price: Price, line: LinePlan) -> bool:
    if work.time is not None:
        is_charged = line.charged != INCLUDED
        return is_charged and by_persons_day(line.policies) and work.time.billable_hours is None
    if work.charge is not None and work.charge.opening is not None:  # brought forward as it is
        return False
    terms = methods.units(line.line.terms)
    return terms is not None and price.content == COUNTED_FEE and is_shared(terms)


def settle(draft: Draft, plan: LinePlan, pool: SharedPool) -> None:
    """Give the entries that are not issued their share, the difference posted."""
    for entry_id, price in _shared(draft, plan, pool, None).items():
        entry = draft.entry(entry_id)
        before = consumption_of(entry) if entry is not None else None
        if entry is None or before is None or _same(before.price, price):
            continue
        own = plan_of(draft, price) or plan
        stays = is_issued(entry, price)
        kept = price_record.settled(draft.why, entry_id, price) if draft.why is not None else price
        wanted = fitted(entry, kept if stays else keeping(draft, own, entry_id, before.price, replace(kept, given=0)))
        issued = before.issued if stays else 0
        allotted = consume_caps(draft, (own, before), (own, Consumption(entry_id, before.person_id, wanted, issued)))
        current = draft.entry_in_books(entry_id)
        rule = "person_day" if pool.content == COUNTED_TIME else "tiers"
        draft.put_entry(current, reprice(draft, current, own, allotted, rule))


def settle_line(draft: Draft, contract: Contract, line_id: str) -> None:
    """After its terms changed: how many units are agreed concerns also what is issued."""
    plans = (line_plan(draft, contract, one.version, line_id, COUNTED_FEE) for one in reversed(contract.history))
    known = [plan for plan in plans if plan is not None]
    if any(methods.agreed_units(plan.line.terms) is not None for plan in known):
        pool = SharedPool(contract.contract_id, line_id, COUNTED_FEE, "", BEFORE_ALL, AFTER_ALL)
        settle(draft, known[0], pool)


def _same(one: Price, other: Price) -> bool:
    return (one.hours, one.value, one.within) == (other.hours, other.value, other.within)


def _shared(draft: Draft, plan: LinePlan, pool: SharedPool, own: Sharer | None) -> dict[str, Price]:
    """Prices of every entry that shares; `own` is one that comes now, in place of what stands under its id.

    What is issued keeps its value where others make good for it. Which units are within those agreed does not depend on what is issued:
    there each has the value of its place.
    """
    sharers = [*standing(draft, plan, pool, own.entry_id if own is not None else ""), *([own] if own else ())]
    sharers.sort(key=lambda one: (not one.is_issued, one.order))
    if pool.content == COUNTED_TIME:
        return _of_day(draft, plan, sharers)
    return of_units(draft, plan, sharers, own)


# A person's day


def _of_day(draft: Draft, plan: LinePlan, sharers: list[Sharer]) -> dict[str, Price]:
    found = {}
    worked = given = due = 0
    policies = plan.policies
    for place, sharer in enumerate(sharers):
        worked += int(sharer.worked)
        due = billable_hours(worked, policies.increment_minutes, policies.increment_mode, policies.minimum_minutes)
        if sharer.is_issued:
            given += sharer.price.hours
        else:
            issued = [one for one in sharers[:place] if one.is_issued]
            hours = max(due - given, 0)
            found[sharer.entry_id] = _stepped(draft, plan, sharers[: place + 1], sharer, issued, hours)
            given = max(due, given)
    issued = [one for one in sharers if one.is_issued]
    while issued and due != given:
        last = issued.pop()
        hours = max(due - given + last.price.hours, 0)
        found[last.entry_id] = _stepped(draft, plan, sharers, last, issued, hours)
        given += hours - last.price.hours
    return found


def _stepped(
    draft: Draft, plan: LinePlan, upto: list[Sharer], sharer: Sharer, issued: list[Sharer], hours: Hours
) -> Price:
    """With the hours that the day's steps leave for it: of those up to it, beside what is issued of others."""
    price = sharer.price
    value = extend(hours, price.rate, price.markup, price.currency, plan.policies.money_mode)
    price = replace(price, hours=hours, value=value, stepped=True)
    why, row = draft.why, sharer.entry_id
    if why is None:
        return price
    asked = [node_of(one.worked, "hours") for one in upto]
    had = [why.figure(figure_of(one.entry_id, HOURS)) for one in issued]
    before = asked[:-1] if not sharer.is_issued and len(had) < len(asked) - 1 else []
    steps = DaySteps(f"{sharer.person_id} on {price.day}", plan.policies, price_record.uses_of(plan))
    return price_record.of_day(draft, row, plan, price, part_of_day(row, asked, before, had, steps))
