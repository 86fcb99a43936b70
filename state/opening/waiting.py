"""What of single entries is over a cap by the day of the balances: it waits with them, as it would from the beginning."""

from msgspec.structs import replace

from domain.caps.recorded import ORDERS, given_of
from domain.explanation import total
from domain.figure import node_of
from domain.why import Why
from domain.work import recorded
from domain.work.recorded import HOURS, VALUE
from state.books import Charge, Entry
from state.caps.allot import consume_caps
from state.caps.claims import Consumption, allotments, claim_of, consumption_of, figures_of, keys_of, order_key
from state.draft import Draft
from state.ledger.posting import with_standing
from state.opening.loading import Loading, WaitsForRoom
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, plan_of
from state.value import plain


def wait_for_room(draft: Draft, loading: Loading) -> None:
    """Once what was billed has its room nothing is left, so that no entry's share moves."""
    for row, over in loading.over_cap.items():
        entry = draft.entry_in_books(row)
        if not over.is_known:
            _wait(draft, entry, over)


def _wait(draft: Draft, entry: Entry, over: WaitsForRoom) -> None:
    before, work, more = consumption_of(entry), entry.standing, plain(over)
    assert before is not None, "it has a price"
    assert work is not None, "it was brought forward"
    plan = plan_of(draft, before.price)
    assert plan is not None, "its line is known"
    if draft.why is not None:
        _say(draft.why, before, entry.version, over, plan)
    price = replace(before.price, value=before.price.value + more.amount, hours=before.price.hours + more.hours)
    after = consume_caps(draft, (plan, before), (plan, replace(before, price=price)))
    now = draft.entry_in_books(entry.entry_id)
    draft.put_entry(now, with_standing(now, replace(work, charge=_with(work.charge, more), price=after)))


def _with(charge: Charge | None, over: WaitsForRoom) -> Charge:
    assert charge is not None, "it is of the balances"
    assert charge.opening is not None, "it is of the balances"
    opening = replace(charge.opening, billable_hours=charge.opening.billable_hours + over.hours)
    return replace(charge, amount=charge.amount + over.amount, opening=opening)


def _say(why: Why, before: Consumption, version: int, over: WaitsForRoom, plan: LinePlan) -> None:
    """Value and hours with what waits, which claims its room from now on; what a cut gave is as it is stated."""
    currency, row = plan.currency, before.entry_id
    for name, booked, more, unit, of in (
        ("value", VALUE, over.amount, "amount", currency),
        ("billable_hours", HOURS, over.hours, "hours", ""),
    ):
        at = figure_of(row, version, name)
        had = why.figure(at)
        parts = had, node_of(more, f"{row}: over the cap", unit, of)
        made = why.record(at, (had.value or 0) + plain(more), total(had.title, parts, unit, of))
        why.record(recorded.figure_of(row, booked), made.value or 0, made)
    if over.given:
        at = given_of(plan.contract_id, row)
        why.record(at, over.given, node_of(over.given, f"{row}: given by a cut", currency=currency))
    order = order_key(plan, before.price, row)
    why.turn += 1
    for allotment in allotments(plan):
        figures = figures_of(why, plan, allotment)
        figures.release(row, keys_of(claim_of(plan, allotment, before)), order)
        why.place(figures.of(ORDERS), row, order, None)
