"""A billing journal posts one issued statement: receivable less tax is what was due, unbilled goes down by its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.accounts import OUTPUT_TAX, RECEIVABLE, RETENTION_RECEIVABLE, REVENUE
from domain.audit.credits import CREDIT_MEMO, RowCredit, credit_of
from domain.audit.engagement import AuditedEngagement, WholeStatement, records, whole_statements
from domain.audit.findings import INVOICES, Checked, SeenOutput, Violation, violation
from domain.audit.opening import BILLED_FROM
from domain.billing.statement import CORRECTION, HOUR, ISSUED
from domain.events.finance import CreditMemoIssued
from domain.identity import is_opening_statement
from domain.ledger.clearing import is_of_invoice
from domain.ledger.journal import BILLING
from domain.money import format_amount, format_decimal, smallest_unit
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.sums import summed
from domain.units import (
    AMOUNT_ONE,
    EXCHANGE_RATE_ONE,
    HOURS_ONE,
    HOURS_SCALE,
    HUNDRED_PERCENT,
    RATE_ONE,
    Amount,
    Hours,
    Percent,
    Rate,
)

GIVE_BACK = ("statement", "credit_memo")
# Contract, contract line and entry.
RowKey = tuple[str, str, str]
# Statement, part and place.
LineKey = tuple[str, int, int]

# Hours times a rate with its markup, less that of an amount.
SCALE = HOURS_ONE * RATE_ONE * HUNDRED_PERCENT


class HoursCredited:
    """Hours that a credit memo gives back come to hours times the rate at which they were billed, rounded once.

    Of memos with one line, by hours, of rows that one statement each bills whole and at one rate.
    """

    def __init__(self, engagement: AuditedEngagement) -> None:
        self._engagement = engagement
        self._lines: dict[RowKey, list[tuple[LineKey, StatementLine]]] = {}
        self._credited: dict[LineKey, Amount] = {}

    def violations(self) -> Iterator[Violation]:
        memos = {memo.credit_memo_id: memo for memo in self._engagement.memos}
        of_memo: dict[str, list[tuple[SeenOutput, JournalEntry, RowCredit]]] = {}
        for seen in self._engagement.outputs:
            record = seen.record
            if isinstance(record, BillingStatement) and record.status == ISSUED:
                self._bill(record)
        for seen, journal in records(self._engagement.outputs, JournalEntry):
            credit = credit_of(journal)
            if journal.affected_kind == CREDIT_MEMO and credit is not None:
                of_memo.setdefault(journal.affected_id, []).append((seen, journal, credit))
        for memo_id, rows in of_memo.items():
            memo = memos.get(memo_id)
            yield from self._of_memo(memo, rows) if memo is not None else ()

    def _bill(self, statement: BillingStatement) -> None:
        for place, line in enumerate(statement.lines):
            for entry_id in line.entries:
                row = (statement.contract_id, line.line_id, entry_id)
                self._lines.setdefault(row, []).append(((statement.statement_id, statement.part, place), line))

    def _of_memo(
        self, memo: CreditMemoIssued, rows: Sequence[tuple[SeenOutput, JournalEntry, RowCredit]]
    ) -> Iterator[Violation]:
        lines: dict[LineKey, StatementLine] = {}
        for _, journal, credit in rows:
            found = self._lines.get((journal.contract_id or "", credit.line_id, credit.entry_id), ())
            if len(found) != 1 or not self._is_whole(journal, found[0][1]):
                return
            lines.update(found)
        net = sum(credit.net for _, _, credit in rows)
        for key, line in lines.items():
            self._credited[key] = self._credited.get(key, 0) + (net if len(lines) == 1 else line.amount)
        rates = {(line.rate, line.markup_percent) for line in lines.values()}
        hours = memo.lines[0].hours
        if len(memo.lines) != 1 or hours is None or len(rates) != 1:
            return
        if all(
            self._credited[key] >= line.amount for key, line in lines.items()
        ):  # what is credited last takes what is left
            return
        ((rate, markup),) = rates
        seen, journal, _ = rows[-1]
        if not _is_at_rate(net, hours, rate, markup, journal.currency):
            credited = f"{format_decimal(hours, HOURS_SCALE)} h at {format_decimal(rate, 6)} {journal.currency}"
            yield violation(
                INVOICES, seen, f"credit memo {memo.credit_memo_id}", f"{credited} credited", format_amount(net)
            )

    def _is_whole(self, journal: JournalEntry, line: StatementLine) -> bool:
        """Whether the entries of a line are billed with all their hours at its rate, but for the rounding of each and of what is shown."""
        terms = self._engagement.terms_of(journal.contract_id or "")
        if line.unit != HOUR or line.flags or line.sources or terms.stepped_lines or terms.several_payers:
            return False
        hourly = line.rate * (HUNDRED_PERCENT + line.markup_percent)
        apart = abs(line.amount * SCALE - line.quantity * hourly * AMOUNT_ONE)
        shown = 10 ** (HOURS_SCALE - terms.quantity_decimals)
        cents = len(line.entries) * smallest_unit(journal.currency) * SCALE
        return bool(2 * apart <= cents + 2 * shown * hourly * AMOUNT_ONE)


def invoices_match(engagement: AuditedEngagement) -> Checked:
    statements = {whole.statement.statement_id: whole for whole in whole_statements(engagement.outputs)}
    invoiced: dict[str, int] = {}
    found: list[Violation] = []
    gave_back: set[str | None] = set()
    credited: set[tuple[str, str]] = set()
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
        payer = whole.statement.contract_id, whole.statement.bill_to
        if any(line.amount < 0 for line in whole.lines):
            credited.add(payer)
        if are_new and journal.contract_id not in gave_back and payer not in credited:
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
    of_lines = [(line.project_id, line.amount) for line in whole.lines]
    taken = ((line.project_id, line.amount) for line in journal.lines if line.account in BILLED_FROM)
    wanted: dict[str | None, Amount] = summed([*of_lines, *taken])
    if statement.deposits_applied:  # of which project's deposit, a statement does not say
        wanted = {None: sum(wanted.values()) - statement.deposits_applied}
    for project_id, rest in wanted.items():
        if rest:
            expected = f"unbilled of project {project_id} relieved by the lines of {statement.statement_id}"
            yield violation(INVOICES, seen, journal.journal_id, expected, f"{format_amount(rest)} not relieved")


def _is_at_rate(net: Amount, hours: Hours, rate: Rate, markup: Percent, currency: str) -> bool:
    """Within half a unit, whichever way a half is rounded."""
    exact = hours * rate * (HUNDRED_PERCENT + markup) * AMOUNT_ONE
    return bool(2 * abs(net * SCALE - exact) <= smallest_unit(currency) * SCALE)
