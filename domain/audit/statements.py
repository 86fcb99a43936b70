"""Statements foot: lines sum to the total, parts are complete, and what is due follows from the total (R11, R25)."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.engagement import ISSUED, Engagement, records
from domain.audit.findings import STATEMENTS, Checked, Seen, Violation, violation
from domain.identity import statement_id
from domain.money import format_amount, is_currency, smallest_unit
from domain.outputs import BillingStatement, StatementLine
from domain.units import Amount

# What all parts of a statement say alike.
HEADER = tuple(place for place, name in enumerate(BillingStatement._fields) if name not in {"lines", "part"})


def statements_foot(engagement: Engagement) -> Checked:
    found: list[Violation] = []
    count = 0
    parts: list[tuple[Seen, BillingStatement]] = []
    sequences: dict[tuple[str, str], int] = {}
    retained: dict[tuple[str, str], Amount] = {}
    revisions: dict[str, tuple[int, str]] = {}
    for seen, statement in records(engagement.outputs, BillingStatement):
        if parts and statement.statement_id != parts[0][1].statement_id:
            found += _incomplete(*parts[-1])
            parts = []
        parts.append((seen, statement))
        found += _part(seen, statement, parts)
        if statement.part >= statement.parts:
            count += 1
            found += _whole(seen, statement, [line for _, part in parts for line in part.lines])
            if statement.statement_id not in revisions:
                found += _named(seen, statement, engagement.engagement_id, sequences)
            found += _follows(seen, statement, revisions.get(statement.statement_id))
            revisions[statement.statement_id] = statement.revision, statement.status
            if statement.status == ISSUED:
                found += _retained(seen, statement, retained)
            parts = []
    if parts:
        found += _incomplete(*parts[-1])
    return Checked(STATEMENTS, count, tuple(found))


def _follows(seen: Seen, statement: BillingStatement, before: tuple[int, str] | None) -> Iterator[Violation]:
    """A draft is issued or superseded as the revision that it is; the next revision is a draft again."""
    now = statement.revision, statement.status
    if before is None:
        wanted = [(1, "issued"), (1, "open")]
    elif before[1] == "open":
        wanted = [(before[0], "issued"), (before[0], "superseded")]
    else:
        wanted = [(before[0] + 1, "open")] if before[1] == "superseded" else []
    if now not in wanted:
        expected = " or ".join(f"revision {revision} {status}" for revision, status in wanted) or "no other revision"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, f"revision {now[0]} {now[1]}")


def _incomplete(seen: Seen, part: BillingStatement) -> Iterator[Violation]:
    yield violation(STATEMENTS, seen, part.statement_id, f"{part.parts} parts", f"none after part {part.part}")


def _part(seen: Seen, part: BillingStatement, parts: list[tuple[Seen, BillingStatement]]) -> Iterator[Violation]:
    first = parts[0][1]
    if part.part != len(parts):
        yield violation(STATEMENTS, seen, part.statement_id, f"part {len(parts)} of {first.parts}", f"part {part.part}")
    if any(part[place] != first[place] for place in HEADER):
        names = [
            name
            for place, name in enumerate(BillingStatement._fields)
            if place in HEADER and part[place] != first[place]
        ]
        yield violation(STATEMENTS, seen, part.statement_id, "the same in all parts", f"another {', '.join(names)}")


def _whole(seen: Seen, statement: BillingStatement, lines: list[StatementLine]) -> Iterator[Violation]:
    summed = sum(line.amount for line in lines)
    due = statement.total - statement.retained + statement.released - statement.deposits_applied
    figures: tuple[tuple[str, Amount, Amount], ...] = (
        ("total, the sum of the lines,", summed, statement.total),
        ("control total", summed, statement.control_total),
        ("amount due = total - retained + released - deposits applied", due, statement.amount_due),
    )
    for name, wanted, has in figures:
        if wanted != has:
            what = f"{name} {format_amount(wanted)} {statement.currency}"
            yield violation(STATEMENTS, seen, statement.statement_id, what, format_amount(has))
    if statement.line_count != len(lines):
        yield violation(
            STATEMENTS, seen, statement.statement_id, f"{statement.line_count} lines by its head", f"{len(lines)} lines"
        )
    step = smallest_unit(statement.currency) if is_currency(statement.currency) else 1
    for place, line in enumerate(lines, 1):
        if line.amount % step:
            expected = f"line {place} rounded to {format_amount(step)} {statement.currency}"
            yield violation(STATEMENTS, seen, statement.statement_id, expected, format_amount(line.amount))
        if not line.service_from <= line.service_to < statement.to:
            expected = f"line {place} of work before {statement.to}"
            yield violation(
                STATEMENTS, seen, statement.statement_id, expected, f"{line.service_from} to {line.service_to}"
            )


def _retained(seen: Seen, statement: BillingStatement, retained: dict[tuple[str, str], Amount]) -> Iterator[Violation]:
    """No bill-to is released more of a contract than is retained (R32)."""
    key = statement.contract_id, statement.bill_to
    before = retained.get(key, 0)
    retained[key] = before + statement.retained - statement.released
    if retained[key] < 0 or statement.released > max(before, 0):
        expected = f"at most {format_amount(before)} {statement.currency} released, as is retained before"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, format_amount(statement.released))


def _named(
    seen: Seen, statement: BillingStatement, engagement_id: str, sequences: dict[tuple[str, str], int]
) -> Iterator[Violation]:
    """The statements of a contract and period are numbered from 1."""
    contract_id, period = statement.contract_id, statement.period.isoformat()
    sequence = sequences.get((contract_id, period), 0) + 1
    sequences[contract_id, period] = sequence
    expected = statement_id(engagement_id, contract_id, statement.bill_to, period, sequence)
    if statement.statement_id != expected:
        yield violation(STATEMENTS, seen, statement.statement_id, f"statement id {expected}", statement.statement_id)
    if not statement.lines and not statement.released:
        yield violation(STATEMENTS, seen, statement.statement_id, "lines or a release, or no statement", "none")
