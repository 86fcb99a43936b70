"""Rows of single entries: what balances list as unbilled, and what open invoices bill."""

from collections.abc import Sequence
from datetime import date

from domain.events.common import InvoicedForward, Retainer
from domain.units import Amount, Hours
from domain.work.rows import BEFORE_MONTH, CONCEDED, listed_part
from state.books import Entry, OpeningWork
from state.opening.caps import same_limits, some_count_all
from state.opening.entries import (
    category_apart,
    from_last,
    invoiced_part,
    invoiced_rows,
    listed_of,
    over_cap_by_entry,
    turn,
    worked_by,
)
from state.opening.loading import LineLoad, Loading, WaitsForRoom, Worked
from state.opening.stated import Stated
from state.opening.take_rows import GIVEN_BACK, is_part, take_row
from state.opening.worked import billed_of, last_of_ended
from state.terms.plan import line_plan, version_on


def bring_entries(
    at: LineLoad, worked: Worked, former: Worked, uncounted: tuple[Amount, Hours], earned: Amount | None
) -> None:
    """Each is a row of its own day; where a lower cap was full on the day of the `former`, those until then come before what is over it.
    What no cap counts is of the newest that no limit of a category counts; what is over a cap waits for room later (`wait_for_room`)."""
    draft, loading, stated = at
    over = over_cap_by_entry(loading, worked.plan, stated.balance)
    places = {one.entry_id: place for place, one in enumerate(stated.balance.entries, 1)}
    listed = sorted(stated.balance.entries, key=turn)
    categories = {one.entry_id: category_apart(worked.plan, one) for one in listed}
    amounts = from_last(uncounted[0], [one.amount if categories[one.entry_id] is None else 0 for one in listed])
    hours = from_last(uncounted[1], [one.hours for one in listed])
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
            by=worked_by(one),
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
        work, part = OpeningWork(0, one.hours, 0, *not_counted, place=place), invoiced_part(one)
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
