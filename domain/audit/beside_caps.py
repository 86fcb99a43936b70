"""Work of before that caps have not taken: balances state what a cap has taken of a line, and count only that.

revenue 1,000.00 of which 200.00 are unbilled, 600.00 taken of a cap of 1,000.00: 400.00 are beside it, and 400.00 more may be earned
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.audit.entries import EntryAccount
from domain.audit.terms import CapBound
from domain.caps.consume import MONTH, WHOLE_TERM
from domain.caps.purchase_order import is_order
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.identity import parts_of
from domain.units import Amount, Hours
from domain.work.rows import OVER_BILLING, OVER_CAP, is_listed

# Before the ids of caps; others are of purchase orders.
LINE, SHARED = "line:", "shared:"


class WorkBeside(NamedTuple):
    """What is earned, and at most billed since; hours of it."""

    amount: Amount = 0
    billed: Amount = 0
    hours: Hours = 0


def work_beside(
    cap: CapBound, contract_id: str, entries: Mapping[str, EntryAccount], balances: Sequence[BalancesBroughtForward]
) -> Mapping[str, WorkBeside]:
    """By period of the cap, of the entries of its contract: of one by month what is listed of the month of the balances."""
    found: dict[str, WorkBeside] = {}
    for stated in _standing(entries.values(), balances):
        month = stated[-1].as_of.isoformat()[:7] if cap.period == MONTH else ""
        rows = [entry for row, entry in entries.items() if _is_counted(cap, row, entry, stated[-1].project_id, month)]
        if cap.period not in (WHOLE_TERM, MONTH) or not rows:
            continue
        # A later version may be refused: the least that any states lets most pass.
        taken = min(sum(_taken(cap, line, one.as_of) for line in _lines(cap, contract_id, one)) for one in stated)
        hours = max(sum(_hours_beside(cap, line) for line in _lines(cap, contract_id, one)) for one in stated)
        amount = max(sum(entry.brought for entry in rows) - taken, 0)
        billed = min(sum(_billed_since(cap, entry) for entry in rows), amount)
        had = found.get(month, WorkBeside())
        found[month] = WorkBeside(had.amount + amount, had.billed + billed, had.hours + hours)
    return found


def _standing(
    entries: Iterable[EntryAccount], balances: Sequence[BalancesBroughtForward]
) -> Iterator[list[BalancesBroughtForward]]:
    """By project, from the version on that posted last."""
    posted: dict[str, int] = {}
    for project_id, version in (entry.brought_by for entry in entries if entry.brought_by is not None):
        posted[project_id] = max(version, posted.get(project_id, 0))
    for project_id, version in posted.items():
        if stated := [one for one in balances if one.project_id == project_id and one.version >= version]:
            yield stated


def _is_counted(cap: CapBound, row: str, entry: EntryAccount, project_id: str, month: str) -> bool:
    """What is over a cap was none of what it had taken, and takes room once it has some."""
    if entry.brought_by is None or entry.brought_by[0] != project_id or entry.content not in cap.contents:
        return False
    is_of_month = not month or (is_listed(row) and entry.day is not None and entry.day.isoformat()[:7] == month)
    return is_of_month and parts_of(row)[2] in cap.lines and not row.endswith((f"/{OVER_CAP}", f"/{OVER_BILLING}"))


def _lines(cap: CapBound, contract_id: str, balances: BalancesBroughtForward) -> Iterator[BalanceForward]:
    for line in balances.lines:
        if line.line_id in cap.lines and line.contract_id in (None, contract_id):
            yield line


def _taken(cap: CapBound, line: BalanceForward, as_of: date) -> Amount:
    """What is stated of the cap, of the month of the balances where it is by month; stated in hours alone it may be all."""
    rows = [one for one in line.caps if _is_of(cap, one.cap_id)]
    now = [one for one in rows if one.month is None or one.month.replace(day=1) == as_of.replace(day=1)]
    in_hours = (line.cap_used or line.revenue) if any(one.hours for one in now) else 0
    return (sum(one.amount for one in now) or in_hours) if rows else line.cap_used


def _hours_beside(cap: CapBound, line: BalanceForward) -> Hours:
    """None where the cap is stated in amount alone."""
    rows = [one for one in line.caps if _is_of(cap, one.cap_id)]
    worked = line.hours if line.billable_hours is None else line.billable_hours
    taken = sum(one.hours for one in rows)
    return max(worked - taken, 0) if taken or not _taken(cap, line, date.min) else 0


def _is_of(cap: CapBound, cap_id: str) -> bool:
    if cap.cap_id.startswith((LINE, SHARED)):
        return cap_id in {cap.cap_id, cap.cap_id.removeprefix(SHARED)}
    return is_order(cap_id)


def _billed_since(cap: CapBound, entry: EntryAccount) -> Amount:
    """At most, where its portions are not known."""
    return max(entry.total, 0) if entry.vague else sum(entry.issued.get(line_id, 0) for line_id in cap.lines)
