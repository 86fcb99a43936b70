"""What is owed back: its journals move 2320 and the position alone, and no more stands there than invoices have (IFRS 15.55)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, EXCHANGE_DIFFERENCE, RECEIVABLE
from domain.accounts import RETENTION_RECEIVABLE as RETAINED
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import Checked, SeenOutput, Violation, violation
from domain.billing.statement import ISSUED
from domain.capabilities import REFUND_LIABILITY, is_unrealised
from domain.ledger.clearing import is_of_invoice
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry
from domain.revenue.refund import is_refund
from domain.units import Amount

REFUNDS: Final = "refunds"
ACCOUNTS: Final = {CONTRACT_ASSET, CONTRACT_LIABILITY, REFUND_LIABILITY, EXCHANGE_DIFFERENCE}


def check(engagement: AuditedEngagement) -> Checked:
    """By contract, after each journal of what is owed back. Counted are these journals. An invoice asks for what it charges, also where it
    gives more than that back."""
    stands: dict[str, tuple[Amount, Amount]] = {}
    owed = Counter[str]()
    gives = Counter[str]()
    for _, one in records(engagement.outputs, BillingStatement):
        given = -sum(min(line.amount, 0) for line in one.lines)
        gives[one.statement_id] += given
        if one.status == ISSUED and not (one.amount_due or one.retained):
            # Its invoice asks for nothing, and posts nothing to a receivable.
            owed[one.contract_id] += given
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        contract_id = journal.contract_id or ""
        amount, ledger = stands.get(contract_id, (0, 0))
        for line in journal.lines:
            if line.account == REFUND_LIABILITY and not is_unrealised(journal.rule):
                amount, ledger = amount - line.amount, ledger - line.ledger_amount
        stands[contract_id] = amount, ledger
        asked = [line.amount for line in journal.lines if line.account in (RECEIVABLE, RETAINED)]
        if asked and is_of_invoice(journal):
            owed[contract_id] += max(sum(asked) + gives[journal.affected_id], 0)
        if is_refund(journal.rule):
            count += 1
            found += _stands(seen, journal, stands[contract_id], owed[contract_id])
    return Checked(REFUNDS, count, tuple(found))


def _stands(
    seen: SeenOutput, journal: JournalEntry, balance: tuple[Amount, Amount], owed: Amount
) -> Iterator[Violation]:
    amount, ledger = balance
    for line in journal.lines:
        if line.account not in ACCOUNTS:
            expected = f"lines on {', '.join(sorted(ACCOUNTS))}"
            yield violation(REFUNDS, seen, journal.journal_id, expected, line.account)
    if amount > owed:
        expected = f"no more owed back than the {format_amount(owed)} {journal.currency} that invoices asked for"
        yield violation(REFUNDS, seen, journal.journal_id, expected, format_amount(amount))
    if not amount and ledger:
        expected = f"nothing in {journal.ledger_currency} where nothing is owed back"
        yield violation(REFUNDS, seen, journal.journal_id, expected, format_amount(ledger))
