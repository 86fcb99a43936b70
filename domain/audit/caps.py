"""Caps are kept: of the work that counts towards one, no more is billed or recognised than it ever allowed (R15-R22)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, issued, records
from domain.audit.entries import EntryAccount, EntryKey
from domain.audit.findings import CAPS, Checked, Differs, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms, CapBound
from domain.billing.statement import HOUR, OPEN
from domain.caps.consume import MONTH, WHOLE_TERM
from domain.caps.purchase_order import is_order
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.identity import parts_of
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry
from domain.units import HOURS_ONE, HOURS_SCALE, Amount, Hours
from domain.work.rows import OPENING, OVER_BILLING, OVER_CAP, is_listed, is_one_sum

# Before the ids of caps; others are of purchase orders.
LINE, SHARED = "line:", "shared:"


class WorkBeside(NamedTuple):
    """What is earned, and at most billed since; hours of it."""

    amount: Amount = 0
    billed: Amount = 0
    hours: Hours = 0


class PrintedTotals(NamedTuple):
    """What the statements of a contract line say in all, with how many entries they list; of what is `credited` nobody prints hours.
    `brought` are hours of lines with work of before."""

    amount: Amount = 0
    quantity: Hours = 0
    entries: int = 0
    credited: bool = False
    brought: Hours = 0


def caps_kept(engagement: AuditedEngagement, entries: Mapping[EntryKey, EntryAccount]) -> Checked:
    """What a correction takes back frees room at once; held, or on a later draft, it may be printed after the work that has the room."""
    last, printed = _printed(engagement)
    drafted = {draft.contract_id for _, draft in records(engagement.outputs, BillingStatement) if draft.status == OPEN}
    by_contract: dict[str, list[EntryKey]] = {}
    for key in entries:
        by_contract.setdefault(key[0], []).append(key)
    found: list[Violation] = []
    count = 0
    for contract_id, terms in engagement.terms.items():
        if contract_id not in last:
            continue
        for cap in terms.caps:
            count += 1
            lines = [printed.get((contract_id, line_id), PrintedTotals()) for line_id in cap.lines]
            own = {key[1]: entries[key] for key in by_contract.get(contract_id, ())}
            beside = _work_beside(cap, contract_id, own, engagement.balances)
            wrong = [
                *_entries_within(cap, terms, own, beside),
                *(() if engagement.has_holds or contract_id in drafted else _lines_within(cap, terms, lines, beside)),
            ]
            found += [
                violation(CAPS, last[contract_id], f"contract {contract_id}, cap {cap.cap_id}", *each) for each in wrong
            ]
    return Checked(CAPS, count, tuple(found))


def _printed(engagement: AuditedEngagement) -> tuple[dict[str, SeenOutput], dict[tuple[str, str], PrintedTotals]]:
    """Where each contract was billed last, and the sums of its lines."""
    last: dict[str, SeenOutput] = {}
    printed: dict[tuple[str, str], PrintedTotals] = {}
    for _, journal in records(engagement.outputs, JournalEntry):
        credit = credit_of(journal)
        if credit is not None and (credit.reopens or credit.concedes):
            key = (journal.contract_id or "", credit.line_id)
            had = printed.get(key, PrintedTotals())
            printed[key] = had._replace(amount=had.amount - credit.net, credited=True)
    for seen, statement in issued(engagement.outputs):
        last[statement.contract_id] = seen
        for line in statement.lines:
            key = (statement.contract_id, line.line_id)
            had = printed.get(key, PrintedTotals())
            hours = line.quantity if line.unit == HOUR else 0
            is_of_before = any(entry_id.startswith(f"{OPENING}/") for entry_id in line.entries)
            printed[key] = PrintedTotals(
                had.amount + line.amount,
                had.quantity + hours,
                had.entries + len(line.entries),
                had.credited,
                had.brought + (hours if is_of_before else 0),
            )
    return last, printed


def _entries_within(
    cap: CapBound, terms: AuditedTerms, entries: Mapping[str, EntryAccount], beside: Mapping[str, WorkBeside]
) -> Iterator[Differs]:
    """By month or day where the cap is one of those; a cap a day counts per person. What balances bring as one sum is of months that nobody
    states, and counts where the cap is over the whole term."""
    if cap.amount is None or not terms.same_allotment:
        return
    billed: dict[str, Amount] = {}
    recognised: dict[str, Amount] = {}
    for entry_id, entry in entries.items():
        if entry.content not in cap.contents or (cap.period != WHOLE_TERM and is_one_sum(entry_id)):
            continue
        bucket = _bucket(cap, entry)
        issued = sum(amount for line_id, amount in entry.issued.items() if line_id in cap.lines)
        billed[bucket] = billed.get(bucket, 0) + min(issued, max(entry.total, 0)) - entry.conceded
        recognised[bucket] = recognised.get(bucket, 0) + entry.total - entry.conceded
    for bucket, work in beside.items():
        billed[bucket] = billed.get(bucket, 0) - work.billed
        recognised[bucket] = recognised.get(bucket, 0) - work.amount
    yield from _beyond("billed", cap.amount, billed)
    if cap.whole and cap.limits_revenue and cap.period in {WHOLE_TERM, MONTH}:
        yield from _beyond("recognised", cap.amount, recognised)


def _bucket(cap: CapBound, entry: EntryAccount) -> str:
    day = entry.day.isoformat() if entry.day is not None else ""
    match cap.period:
        case "month":
            return day[:7]
        case "day":
            return f"{day} {entry.person_id or ''}"
        case _:
            return ""


def _beyond(what: str, limit: Amount, sums: Mapping[str, Amount]) -> Iterator[Differs]:
    for bucket, amount in sums.items():
        if amount > limit:
            when = f" in {bucket}" if bucket else ""
            yield Differs(f"at most {format_amount(limit)} {what}{when}", format_amount(amount))


def _lines_within(
    cap: CapBound, terms: AuditedTerms, lines: list[PrintedTotals], beside: Mapping[str, WorkBeside]
) -> Iterator[Differs]:
    """By what is printed, for caps over the whole term of all that their lines charge; shown quantities are rounded once a line."""
    if cap.period != WHOLE_TERM or not cap.everything:
        return
    amount = sum(line.amount for line in lines) - sum(work.billed for work in beside.values())
    if cap.amount is not None and amount > cap.amount:
        yield Differs(f"at most {format_amount(cap.amount)} on statements", format_amount(amount))
    hours = sum(line.quantity for line in lines)
    hours -= min(sum(line.brought for line in lines), sum(work.hours for work in beside.values()))
    slack = len(lines) * 10 ** (HOURS_SCALE - terms.quantity_decimals) // 2 + sum(line.entries for line in lines)
    if any(line.credited for line in lines):
        return
    if cap.hours is not None and hours > cap.hours + slack:
        yield Differs(f"at most {cap.hours / HOURS_ONE:g} h on statements", f"{hours / HOURS_ONE:g} h")


def _work_beside(
    cap: CapBound, contract_id: str, entries: Mapping[str, EntryAccount], balances: Sequence[BalancesBroughtForward]
) -> Mapping[str, WorkBeside]:
    """Work of before that caps have not taken: balances state what a cap has taken of a line, and count only that.

    revenue 1,000.00 of which 200.00 are unbilled, 600.00 taken of a cap of 1,000.00: 400.00 are beside it, and 400.00 more may be earned

    By period of the cap, of the entries of its contract: of one by month what is listed of the month of the balances.
    """
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
    """What is stated of the cap, of the month of the balances where it is by month; stated in hours alone it is their part of the revenue,
    if no other cap of the line says what is taken."""
    rows = [one for one in line.caps if _is_of(cap, one.cap_id)]
    now = [one for one in rows if one.month is None or one.month.replace(day=1) == as_of.replace(day=1)]
    amount, hours, worked = sum(one.amount for one in now), sum(one.hours for one in now), _worked(line)
    if not rows or (hours and not amount):
        amount = line.cap_used or (max(one.amount for one in line.caps) if rows else 0)
    return line.revenue * hours // worked if hours and worked and not amount else amount


def _worked(line: BalanceForward) -> Hours:
    return line.hours if line.billable_hours is None else line.billable_hours


def _hours_beside(cap: CapBound, line: BalanceForward) -> Hours:
    """None where the cap is stated in amount alone."""
    rows = [one for one in line.caps if _is_of(cap, one.cap_id)]
    taken = sum(one.hours for one in rows)
    return max(_worked(line) - taken, 0) if taken or not _taken(cap, line, date.min) else 0


def _is_of(cap: CapBound, cap_id: str) -> bool:
    if cap.cap_id.startswith((LINE, SHARED)):
        return cap_id in {cap.cap_id, cap.cap_id.removeprefix(SHARED)}
    return is_order(cap_id)


def _billed_since(cap: CapBound, entry: EntryAccount) -> Amount:
    """At most, where its portions are not known."""
    return max(entry.total, 0) if entry.vague else sum(entry.issued.get(line_id, 0) for line_id in cap.lines)
