"""Hours that a credit memo gives back come to hours times the rate at which they were billed, rounded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.audit.credits import CREDIT_MEMO, RowCredit, credit_of
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import INVOICES, SeenOutput, Violation, violation
from domain.billing.statement import HOUR, ISSUED
from domain.events.finance import CreditMemoIssued
from domain.money import format_amount, format_decimal, smallest_unit
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.units import AMOUNT_ONE, HOURS_ONE, HOURS_SCALE, HUNDRED_PERCENT, RATE_ONE, Amount, Hours, Percent, Rate

# Contract, contract line and entry.
RowKey = tuple[str, str, str]
# Statement, part and place.
LineKey = tuple[str, int, int]

# Hours times a rate with its markup, less that of an amount.
SCALE = HOURS_ONE * RATE_ONE * HUNDRED_PERCENT


class HoursCredited:
    """Of memos with one line, by hours, of rows that one statement each bills whole and at one rate."""

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


def _is_at_rate(net: Amount, hours: Hours, rate: Rate, markup: Percent, currency: str) -> bool:
    """Within half a unit, whichever way a half is rounded."""
    exact = hours * rate * (HUNDRED_PERCENT + markup) * AMOUNT_ONE
    return bool(2 * abs(net * SCALE - exact) <= smallest_unit(currency) * SCALE)
