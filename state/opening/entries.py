"""Work that balances state entry by entry: rows of what is unbilled, of what open invoices bill, and of what is over a cap and waits."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import is_prorated, limit_on
from domain.caps.recorded import ORDERS, given_of
from domain.events.common import BalanceForward, EntryForward, Expenses, InvoicedForward, Retainer
from domain.explanation import total
from domain.figure import node_of
from domain.identity import composed
from domain.terms import methods
from domain.units import Amount, Hours
from domain.why import Why
from domain.work import recorded
from domain.work.recorded import HOURS, VALUE
from domain.work.rows import BEFORE_MONTH, CONCEDED, INVOICED, listed_part
from state.books import Charge, Entry, OpeningWork, WorkedBy
from state.caps.allot import consume_caps
from state.caps.claims import Consumption, allotments, claim_of, consumption_of, figures_of, keys_of, order_key
from state.draft import Draft
from state.ledger.posting import with_standing
from state.opening.caps import last_day_full_for_billing, last_day_with_room, same_limits, some_count_all
from state.opening.loading import LineLoad, Loading, WaitsForRoom, Worked
from state.opening.stated import SHARED, Stated, is_of_whole_line
from state.opening.worked import GIVEN_BACK, billed_of, is_part, last_of_ended, take_row
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, line_plan, plan_of, version_on
from state.value import plain


def bring_entries(
    at: LineLoad, worked: Worked, former: Worked, uncounted: tuple[Amount, Hours], earned: Amount | None
) -> None:
    """Each is a row of its own day; where a lower cap was full on the day of the `former`, those until then come before what is over it.
    What no cap counts is of the newest that no limit of a category counts; what is over a cap waits for room later (`wait_for_room`)."""
    draft, loading, stated = at
    over = _over_cap_by_entry(loading, worked.plan, stated.balance)
    places = {one.entry_id: place for place, one in enumerate(stated.balance.entries, 1)}
    listed = sorted(stated.balance.entries, key=_turn)
    categories = {one.entry_id: _category_apart(worked.plan, one) for one in listed}
    amounts = _from_last(uncounted[0], [one.amount if categories[one.entry_id] is None else 0 for one in listed])
    hours = _from_last(uncounted[1], [one.hours for one in listed])
    for number, (one, amount, of_hours) in enumerate(zip(listed, amounts, hours, strict=True), 1):
        if not one.amount and one.entry_id not in over:
            continue
        is_former = former.day < worked.day and one.worked_on <= former.day
        day = min(former.day, one.worked_on) if is_former else _day_of_entry(at, worked, one.worked_on)
        on = worked._replace(day=day)
        part, waits = listed_part(one.entry_id, categories[one.entry_id]), over.get(one.entry_id, WaitsForRoom(0, 0))
        row = f"{stated.row}/{part}"
        # An earlier load has it with what is over the cap.
        value, hours_of = (waits.amount, waits.hours) if draft.entry(row) is not None else (0, 0)
        place = places[one.entry_id]
        work = OpeningWork(
            0,
            one.hours + hours_of,
            0,
            amount,
            of_hours,
            category=categories[one.entry_id],
            place=place,
            given=waits.given,
            by=_worked_by(one),
        )
        take_row(at, on, part, one.amount + value, work, earned=earned, number=number)
        if one.entry_id in over:
            loading.over_cap[row] = waits if not value else waits._replace(is_known=True)


def bring_invoiced(
    at: LineLoad,
    days: Sequence[Worked],
    uncounted: Sequence[tuple[Amount, Hours]],
    earned: Amount | None,
    earlier: tuple[Amount, Hours],
) -> tuple[Amount, Hours]:
    """What open invoices bill of single entries, each a row; what is left of `earlier` months, of which the first ones are, each whole."""
    listed = listed_of(at.stated.balance)
    for place, (one, on, not_counted) in enumerate(zip(listed, days, uncounted, strict=True), 1):
        work, part = OpeningWork(0, one.hours, 0, *not_counted, place=place), _invoiced_part(one)
        counted, counted_hours = one.amount - not_counted[0], one.hours - not_counted[1]
        if 0 < counted <= earlier[0]:
            part = f"{BEFORE_MONTH}/{part}"
            earlier = earlier[0] - counted, max(earlier[1] - counted_hours, 0)
        take_row(at, on, part, one.amount, work, earned=earned)
    return earlier


def since_place(listed: Sequence[InvoicedForward], billed_since: Amount) -> int:
    """From which place on what invoices bill of entries is of what was billed since a cap was raised: the last ones, as far as it goes.

    of entries of 100, 200 and 300 where 550 were billed since: the last two
    """
    place = len(listed)
    while place and 0 < listed[place - 1].amount <= billed_since:
        place -= 1
        billed_since -= listed[place].amount
    return place


def _day_of_entry(at: LineLoad, worked: Worked, day: date) -> date:
    """Its own, unless terms or limits were others then: else the last of its billing period, at most, on which those hold that it is
    billed by."""
    draft, loading, stated = at
    contract, line_id = loading.contract, worked.plan.line.line_id
    plan = line_plan(draft, contract, version_on(contract, day), line_id) if day < worked.day else None
    is_alike = plan is not None and plan.refused is None and plan.timing == worked.plan.timing
    if is_alike and same_limits(worked.plan, day, worked.day, in_its_month=some_count_all(worked.plan, stated.balance)):
        return day
    ended = last_of_ended(draft, loading)
    return min(worked.day, ended) if ended is not None and day <= ended else worked.day


def taken_of(loading: Loading, rows: Sequence[Entry], amounts: Sequence[Amount], stated: Stated) -> list[Amount]:
    """What of each row is billed: what was conceded is on bills, and what open invoices list, not what a credit memo put back of it since,
    and of a retainer what was billed beyond its fees; what is given back on none, of the others the oldest."""
    listed = invoiced_rows(loading, stated)
    beyond = stated.row if isinstance(stated.plan.line.terms, Retainer) else None
    worth = list(
        zip(
            (is_part(row, stated, CONCEDED) or row.entry_id in listed or row.entry_id == beyond for row in rows),
            (is_part(row, stated, GIVEN_BACK) for row in rows),
            amounts,
            strict=True,
        )
    )
    billed = iter(
        billed_of(
            [each for taken, left, each in worth if not (taken or left)],
            stated.balance.billed
            + stated.balance.conceded
            - sum(one.amount for one in listed.values())
            - sum(each for row, each in zip(rows, amounts, strict=True) if row.entry_id == beyond),
        )
    )
    on_invoices = {row: one.amount for row, one in listed.items()}
    return [
        min(each, on_invoices.get(row.entry_id, each)) if taken else 0 if left else next(billed)
        for row, (taken, left, each) in zip(rows, worth, strict=True)
    ]


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


def _over_cap_by_entry(loading: Loading, plan: LinePlan, balance: BalanceForward) -> dict[str, WaitsForRoom]:
    """By entry what of it is over the line's own caps; nothing where those cannot leave each entry what is stated of it, so that all that
    is over stands apart.

    They do where room ran out in the order of days, and where a cut prorated it.

        cap 1,000.00 left, entries of 600.00 and 700.00: over 0.00 and 300.00
        prorated by a cut: 461.54 and 538.46, over 138.46 and 161.54
    """
    listed = [one for one in balance.entries if one.over_cap]
    as_of = loading.event.as_of
    rules = [rule for rule in plan.every_rule if is_of_whole_line(rule.cap_id, balance.line_id)]
    if not listed or any(rule.cap_id.startswith(SHARED) for rule in rules):
        return {}
    if last_day_full_for_billing(loading, plan) is not None or last_day_with_room(loading, plan) < as_of:
        return {}
    if not rules or not all((limit := limit_on(rule, as_of)).hard and limit.limits_revenue for rule in rules):
        return {}
    if not all(same_limits(plan, one.worked_on, as_of, in_its_month=False) for one in balance.entries):
        return {}
    is_given = not _is_in_turn(balance.entries)
    if is_given and not all(is_prorated(rule, as_of) for rule in rules):
        return {}
    return {
        one.entry_id: WaitsForRoom(one.over_cap, one.over_cap_hours, one.amount if is_given else 0)
        for one in (balance.entries if is_given else listed)
    }


def _is_in_turn(entries: Sequence[EntryForward]) -> bool:
    """Whether each has all of its value until one has a part of it, and those of later days nothing."""
    in_order = sorted(entries, key=_turn)
    crossing = next(place for place, one in enumerate(in_order) if one.over_cap)
    return not any(one.amount for one in in_order[crossing + 1 :])


def _turn(one: EntryForward) -> tuple[date, bool, bool, str]:
    """Within a day first those that are under the cap."""
    return one.worked_on, one.over_cap != 0, one.amount == 0, one.entry_id


def _worked_by(one: EntryForward) -> WorkedBy | None:
    if one.person_id is None or one.rate is None:
        return None
    return WorkedBy(one.person_id, one.task, one.role or "", one.rate, one.markup_percent or 0)


def _category_apart(plan: LinePlan, one: EntryForward) -> str | None:
    """The category whose limit counts the entry; none (empty) of an expense of a line that charges for work."""
    if one.category is not None and not isinstance(plan.line.terms, Expenses):
        return ""
    return one.category if one.category in methods.limits(plan.line.terms) else None


def by_category_apart(plan: LinePlan, balance: BalanceForward) -> Counter[str]:
    """What entries have of each of these."""
    found: Counter[str] = Counter()
    for one in balance.entries:
        if (category := _category_apart(plan, one)) is not None:
            found[category] += one.amount
    return found


def _invoiced_part(one: InvoicedForward) -> str:
    """How the row of an entry on an open invoice is called within its line."""
    assert one.entry_id is not None, "the invoice is stated entry by entry"
    return f"{INVOICED}/{composed(one.invoice_id, one.entry_id)}"


def listed_of(balance: BalanceForward) -> list[InvoicedForward]:
    """What open invoices bill of single entries, in the order in which they are stated."""
    return [one for one in balance.invoiced if one.entry_id is not None]


def invoiced_rows(loading: Loading, stated: Stated) -> dict[str, InvoicedForward]:
    """The same by row; some are of earlier months."""
    rows, found = set(loading.rows), dict[str, InvoicedForward]()
    for one in listed_of(stated.balance):
        part = _invoiced_part(one)
        of_then = f"{stated.row}/{BEFORE_MONTH}/{part}"
        found[of_then if of_then in rows else f"{stated.row}/{part}"] = one
    return found


class Uncounted(NamedTuple):
    """What no cap counts of what was billed and no open invoice lists, of each entry that one lists, of what an ended period left
    unbilled, and of the rest; amounts or hours."""

    billed: int
    invoiced: list[int]
    ended: int
    rest: int


def uncounted_of(whole: int, billed: int, invoiced: Sequence[tuple[str | None, int]], ended: int) -> Uncounted:
    """The oldest first. What an invoice gives back no cap counts, nor what it gives it back of: the same entry on another invoice, where
    its value has room for it, else the oldest.

    350, with 100 billed before, and entries of 100, 200 and 300: 100, then 100, 150 and 0
    0, with an entry of 1,160 on one invoice and -160 of it on the next: caps count 1,000 of the one and nothing of the other
    """
    own = [min(value, 0) for _, value in invoiced]
    left = whole - sum(own)
    for entry_id, back in invoiced:
        if back >= 0:
            continue
        for place, (other, value) in enumerate(invoiced):
            if other == entry_id and value >= own[place] - back:
                own[place], left = own[place] - back, left + back
                break
    first = min(left, max(billed, 0))
    left -= first
    for place, (_, value) in enumerate(invoiced):
        more = max(min(left, value - own[place]), 0) if value > 0 else 0
        own[place], left = own[place] + more, left - more
    of_ended = max(min(left, ended), 0)
    return Uncounted(first, own, of_ended, left - of_ended)


def _from_last(whole: int, parts: Sequence[int]) -> list[int]:
    """What each part has of the whole, the last ones first; the first has what is left.

    350 of parts of 100, 200 and 300: 0, 50 and 300
    """
    found: list[int] = []
    for part in reversed(parts[1:]):
        found.append(own := max(min(whole, part), 0))
        whole -= own
    return [whole, *reversed(found)]
