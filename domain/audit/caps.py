"""Caps are kept: of the work that counts towards one, no more is billed or recognised than it ever allowed (R15-R22)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.audit.beside_caps import WorkBeside, work_beside
from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, issued, records
from domain.audit.entries import EntryAccount, EntryKey
from domain.audit.findings import CAPS, Checked, Differs, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms, CapBound
from domain.billing.statement import HOUR, OPEN
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry
from domain.units import HOURS_ONE, HOURS_SCALE, Amount, Hours
from domain.work.rows import OPENING, is_one_sum

WHOLE_TERM, MONTH = "whole_term", "month"


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
            beside = work_beside(cap, contract_id, own, engagement.balances)
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
