"""Statements foot: lines sum to the total, parts are complete, and what is due follows from the total (R11, R25)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from domain.accounts import RETENTION_RECEIVABLE
from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import STATEMENTS, Checked, SeenOutput, Violation, violation
from domain.audit.opening import OpeningBills
from domain.audit.terms import AuditedTerms
from domain.billing.statement import ISSUED, OPEN, SUPERSEDED
from domain.billing.tax import by_category, groups_of
from domain.counting import counted
from domain.identity import bill_to_of, statement_id
from domain.ledger.journal import BILLING
from domain.money import format_amount, is_currency, smallest_unit
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.sums import summed
from domain.units import Amount

# What all parts of a statement say alike.
HEADER = tuple(place for place, name in enumerate(BillingStatement._fields) if name not in {"lines", "part"})

AMOUNTS = ("total", "retained", "released", "deposits_applied", "amount_due", "control_total")


class _Told(NamedTuple):
    """What was said last of a statement, and whether it was ever issued."""

    revision: int
    status: str
    was_issued: bool


def statements_foot(engagement: AuditedEngagement) -> Checked:
    found: list[Violation] = []
    count = 0
    parts: list[tuple[SeenOutput, BillingStatement]] = []
    sequences: dict[tuple[str, str], int] = {}
    retained: dict[tuple[str, str], Amount] = {}
    revisions: dict[str, _Told] = {}
    invoiced = _invoiced(engagement)
    for seen, statement in _statements(engagement.outputs, retained):
        if parts and statement.statement_id != parts[0][1].statement_id:
            found += _incomplete(*parts[-1])
            parts = []
        parts.append((seen, statement))
        found += _part(seen, statement, parts)
        if statement.part >= statement.parts:
            count += 1
            lines = [line for _, part in parts for line in part.lines]
            found += _whole(seen, statement, lines)
            found += _taxed(seen, statement, lines, engagement.terms_of(statement.contract_id))
            if statement.statement_id not in revisions:
                found += _named(seen, statement, engagement.engagement_id, sequences)
            before = revisions.get(statement.statement_id)
            found += _follows(seen, statement, before)
            found += _not_after(seen, statement, invoiced.get(statement.statement_id))
            was_issued = statement.status == ISSUED or (before is not None and before.was_issued)
            revisions[statement.statement_id] = _Told(statement.revision, statement.status, was_issued)
            if statement.status == ISSUED:
                found += _retained(seen, statement, retained)
            parts = []
    if parts:
        found += _incomplete(*parts[-1])
    return Checked(STATEMENTS, count, tuple(found))


def _statements(
    outputs: Iterable[SeenOutput], retained: dict[tuple[str, str], Amount]
) -> Iterator[tuple[SeenOutput, BillingStatement]]:
    """In order; what was retained before the books begin comes to `retained`, what credit memos gave back of it leaves it."""
    opening = OpeningBills()
    for seen in outputs:
        if isinstance(seen.record, BillingStatement):
            yield seen, seen.record
        elif isinstance(seen.record, JournalEntry):
            credit = credit_of(seen.record)
            if credit is not None and credit.retained:
                key = _whose(seen.record, retained)
                retained[key] = retained.get(key, 0) - credit.retained
            if opening.has(seen.record):
                kept = sum(line.amount for line in seen.record.lines if line.account == RETENTION_RECEIVABLE)
                key = seen.record.contract_id or "", bill_to_of(seen.record.affected_id)
                retained[key] = retained.get(key, 0) + kept


def _whose(journal: JournalEntry, retained: Mapping[tuple[str, str], Amount]) -> tuple[str, str]:
    """Contract and bill-to: journals name the one where several pay, else the customer."""
    contract_id, customer_id = journal.contract_id or "", journal.customer_id or ""
    of_contract = [key for key in retained if key[0] == contract_id]
    return of_contract[0] if len(of_contract) == 1 else (contract_id, customer_id)


def _follows(seen: SeenOutput, statement: BillingStatement, before: _Told | None) -> Iterator[Violation]:
    """A draft is issued or superseded as the revision that it is, and what is issued may be superseded; the next revision is what the
    one before was."""
    now = statement.revision, statement.status
    if before is None:
        wanted = [(1, ISSUED), (1, OPEN)]
    elif before.status == OPEN:
        wanted = [(before.revision, ISSUED), (before.revision, SUPERSEDED)]
    elif before.status == ISSUED:
        wanted = [(before.revision, SUPERSEDED)]
    else:
        wanted = [(before.revision + 1, ISSUED if before.was_issued else OPEN)]
    if now not in wanted:
        expected = " or ".join(f"revision {revision} {status}" for revision, status in wanted)
        yield violation(STATEMENTS, seen, statement.statement_id, expected, f"revision {now[0]} {now[1]}")


def _invoiced(engagement: AuditedEngagement) -> dict[str, int]:
    """Where the invoice of each statement was posted."""
    journals = records(engagement.outputs, JournalEntry)
    return {one.affected_id: seen.position.output_seq for seen, one in journals if one.kind == BILLING}


def _not_after(seen: SeenOutput, statement: BillingStatement, invoice: int | None) -> Iterator[Violation]:
    """What is invoiced stays as it is."""
    if invoice is not None and seen.position.output_seq > invoice:
        expected = f"nothing after its invoice, at output_seq {invoice}"
        yield violation(
            STATEMENTS, seen, statement.statement_id, expected, f"revision {statement.revision} {statement.status}"
        )


def _incomplete(seen: SeenOutput, part: BillingStatement) -> Iterator[Violation]:
    yield violation(STATEMENTS, seen, part.statement_id, counted(part.parts, "part"), f"none after part {part.part}")


def _part(
    seen: SeenOutput, part: BillingStatement, parts: list[tuple[SeenOutput, BillingStatement]]
) -> Iterator[Violation]:
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


def _whole(seen: SeenOutput, statement: BillingStatement, lines: list[StatementLine]) -> Iterator[Violation]:
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
            STATEMENTS,
            seen,
            statement.statement_id,
            f"{counted(statement.line_count, 'line')} by its head",
            counted(len(lines), "line"),
        )
    yield from _in_units(seen, statement, lines)
    for place, line in enumerate(lines, 1):
        if not line.service_from <= line.service_to < statement.to:
            expected = f"line {place} of work before {statement.to}"
            yield violation(
                STATEMENTS, seen, statement.statement_id, expected, f"{line.service_from} to {line.service_to}"
            )


def _in_units(seen: SeenOutput, statement: BillingStatement, lines: list[StatementLine]) -> Iterator[Violation]:
    """Nobody can pay a part of a currency's smallest unit; the first amount that is finer is reported."""
    step = smallest_unit(statement.currency) if is_currency(statement.currency) else 1
    amounts = [(f"line {place}", line.amount) for place, line in enumerate(lines, 1)]
    amounts += [
        (f"line {place}, source {source.source_id},", source.amount)
        for place, line in enumerate(lines, 1)
        for source in line.sources
    ]
    amounts += [(name, getattr(statement, name)) for name in AMOUNTS]
    amounts += [(f"tax of {group.category}", group.amount) for group in statement.tax]
    finer = next(((name, amount) for name, amount in amounts if amount % step), None)
    if finer is not None:
        expected = f"{finer[0]} rounded to {format_amount(step)} {statement.currency}"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, format_amount(finer[1]))


def _taxed(
    seen: SeenOutput, statement: BillingStatement, lines: list[StatementLine], terms: AuditedTerms
) -> Iterator[Violation]:
    """Bases by category are the lines of that category, where each line ever had one; of which line a deposit is, nobody says here."""
    categories = [terms.tax_categories.get(line.line_id, frozenset()) for line in lines]
    if statement.deposits_applied or any(len(each) != 1 for each in categories):
        return
    wanted = summed((category, line.amount) for line, (category,) in zip(lines, categories, strict=True))
    has = by_category(groups_of(statement))
    for category in sorted(wanted.keys() | has.keys()):
        if wanted.get(category) != has.get(category):
            expected = f"tax base of {category} {format_amount(wanted.get(category, 0))} {statement.currency}"
            yield violation(STATEMENTS, seen, statement.statement_id, expected, format_amount(has.get(category, 0)))


def _retained(
    seen: SeenOutput, statement: BillingStatement, retained: dict[tuple[str, str], Amount]
) -> Iterator[Violation]:
    """No bill-to is released more of a contract than is retained (R32)."""
    key = statement.contract_id, statement.bill_to
    before = retained.get(key, 0)
    retained[key] = before + statement.retained - statement.released
    if retained[key] < 0 or statement.released > max(before, 0):
        expected = f"at most {format_amount(before)} {statement.currency} released, as is retained before"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, format_amount(statement.released))


def _named(
    seen: SeenOutput, statement: BillingStatement, engagement_id: str, sequences: dict[tuple[str, str], int]
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
