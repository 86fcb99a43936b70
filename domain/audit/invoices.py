"""A billing journal posts one issued statement: receivable less tax is what was due, unbilled goes down by its lines."""

from __future__ import annotations

from collections.abc import Iterator

from domain.accounts import OUTPUT_TAX, RECEIVABLE, RETENTION_RECEIVABLE, REVENUE
from domain.audit.engagement import AuditedEngagement, WholeStatement, records, whole_statements
from domain.audit.findings import INVOICES, Checked, SeenOutput, Violation, violation
from domain.audit.hours_credited import HoursCredited
from domain.audit.opening import BILLED_FROM
from domain.billing.statement import CORRECTION
from domain.identity import is_opening_statement
from domain.ledger.clearing import is_of_invoice
from domain.ledger.journal import BILLING
from domain.money import format_amount, format_decimal, smallest_unit
from domain.outputs import JournalEntry
from domain.units import EXCHANGE_RATE_ONE, Amount

GIVE_BACK = ("statement", "credit_memo")


def invoices_match(engagement: AuditedEngagement) -> Checked:
    statements = {whole.statement.statement_id: whole for whole in whole_statements(engagement.outputs)}
    invoiced: dict[str, int] = {}
    found: list[Violation] = []
    gave_back: set[str | None] = set()
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        if journal.affected_kind in GIVE_BACK and any(
            line.account in REVENUE and line.amount > 0 for line in journal.lines
        ):
            gave_back.add(journal.contract_id)
        if not is_of_invoice(journal) or is_opening_statement(journal.affected_id):
            continue
        count += 1
        statement_id = journal.affected_id
        whole = statements.get(statement_id)
        if whole is None or whole.seen.position.output_seq > seen.position.output_seq:
            found.append(violation(INVOICES, seen, journal.journal_id, "a statement that was issued", statement_id))
            continue
        are_new = all(line.amount > 0 and CORRECTION not in line.flags for line in whole.lines)
        if are_new and journal.contract_id not in gave_back:
            found += _converted_once(seen, journal)
        if journal.kind != BILLING:
            if not journal.deliver:
                found.append(violation(INVOICES, seen, journal.journal_id, "to be delivered", "a memo"))
            continue
        if statement_id in invoiced:
            expected = f"one billing journal of {statement_id}, at output_seq {invoiced[statement_id]}"
            found.append(violation(INVOICES, seen, journal.journal_id, expected, "a second one"))
        invoiced[statement_id] = seen.position.output_seq
        found += _matches(seen, journal, whole)
    found += HoursCredited(engagement).violations()
    return Checked(INVOICES, count, tuple(found))


def _converted_once(seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
    """Revenue as billed of which nothing takes back is converted once a line, at the rate that the journal shows to 10^-12."""
    for line in journal.lines:
        if line.account not in REVENUE:
            continue
        off = line.ledger_amount * EXCHANGE_RATE_ONE - line.amount * journal.exchange_rate
        if 2 * abs(off) > smallest_unit(journal.ledger_currency) * EXCHANGE_RATE_ONE + abs(line.amount):
            rate = format_decimal(journal.exchange_rate, 12)
            expected = f"{format_amount(-line.amount)} {journal.currency} of {line.account} converted once, at {rate}"
            found = f"{format_amount(-line.ledger_amount)} {journal.ledger_currency}"
            yield violation(INVOICES, seen, journal.journal_id, expected, found)


def _matches(seen: SeenOutput, journal: JournalEntry, whole: WholeStatement) -> Iterator[Violation]:
    statement = whole.statement
    net = sum(line.amount for line in journal.lines if line.account in {RECEIVABLE, OUTPUT_TAX})
    if (journal.contract_id, journal.currency) != (statement.contract_id, statement.currency):
        expected = f"contract {statement.contract_id} in {statement.currency}"
        yield violation(INVOICES, seen, journal.journal_id, expected, f"{journal.contract_id} in {journal.currency}")
    if net != statement.amount_due:
        expected = f"{format_amount(statement.amount_due)} {statement.currency} due by {statement.statement_id}"
        yield violation(INVOICES, seen, journal.journal_id, expected, f"{format_amount(net)} on 1100 less tax")
    kept = sum(line.amount for line in journal.lines if line.account == RETENTION_RECEIVABLE)
    if kept != statement.retained - statement.released:
        expected = (
            f"{format_amount(statement.retained - statement.released)} {statement.currency} retained less released"
        )
        yield violation(INVOICES, seen, journal.journal_id, expected, f"{format_amount(kept)} on 1170")
    wanted: dict[str | None, Amount] = {}
    for line in whole.lines:
        wanted[line.project_id] = wanted.get(line.project_id, 0) + line.amount
    for taken in journal.lines:
        if taken.account in BILLED_FROM:
            wanted[taken.project_id] = wanted.get(taken.project_id, 0) + taken.amount
    if statement.deposits_applied:  # of which project's deposit, a statement does not say
        wanted = {None: sum(wanted.values()) - statement.deposits_applied}
    for project_id, rest in wanted.items():
        if rest:
            expected = f"unbilled of project {project_id} relieved by the lines of {statement.statement_id}"
            yield violation(INVOICES, seen, journal.journal_id, expected, f"{format_amount(rest)} not relieved")
