"""Balances of contracts from their journals: the position, and that nothing is left of it in the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping

from domain.accounts import CONTRACT_POSITION, CUSTOMER_DEPOSIT, REVENUE, UNAPPLIED_CASH, UNBILLED
from domain.audit.cash import on_account
from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.entries import EntryAccount, EntryKey
from domain.audit.findings import LEDGER_REST, POSITION, Checked, SeenOutput, Violation, violation
from domain.audit.opening import BILLED_FROM, OpeningBills
from domain.billing.statement import ISSUED
from domain.ledger.clearing import is_of_invoice
from domain.ledger.journal import BILLING
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry
from domain.revenue.refund import is_refund
from domain.terms.deposit import is_kept
from domain.units import Amount

POSITION_ACCOUNTS = (*CONTRACT_POSITION, CUSTOMER_DEPOSIT)


def positions(engagement: AuditedEngagement) -> Checked:
    """1150 + 1160 - 2300 - 2310 = revenue - the statements that are invoiced, net of deposits, by contract and currency."""
    position: dict[tuple[str, str], Amount] = {}
    expected: dict[tuple[str, str], Amount] = {}
    last: dict[tuple[str, str], SeenOutput] = {}
    totals: dict[str, Amount] = {}
    opening = OpeningBills()
    for seen in engagement.outputs:
        record = seen.record
        if isinstance(record, BillingStatement) and record.status == ISSUED:
            totals[record.statement_id] = record.total - record.deposits_applied
        elif isinstance(record, JournalEntry) and record.contract_id is not None:
            key = (record.contract_id, record.currency)
            last[key] = seen
            credit = credit_of(record)
            is_opening = opening.has(record)
            if is_refund(record.rule):
                continue  # from one side of the position to 2320, which `refunds` holds
            # Deposits move by invoices and their credits, and where they are kept, alone.
            moves_deposits = is_of_invoice(record) or credit is not None or is_opening or is_kept(record)
            accounts = POSITION_ACCOUNTS if moves_deposits else CONTRACT_POSITION
            position[key] = position.get(key, 0) + _on(record, accounts)
            earned = expected.get(key, 0) - _on(record, REVENUE)
            expected[key] = earned - (totals.get(record.affected_id, 0) if record.kind == BILLING else 0)
            if is_opening:
                expected[key] += _on(record, BILLED_FROM)
            if credit is not None and (credit.reopens or credit.concedes):
                expected[key] += credit.net
    found = [
        violation(
            POSITION,
            last[key],
            f"contract {key[0]}",
            f"{format_amount(expected[key])} {key[1]} = recognised - invoiced",
            f"{format_amount(position[key])} on {', '.join(POSITION_ACCOUNTS)}",
        )
        for key in position
        if position[key] != expected[key]
    ]
    return Checked(POSITION, len(position), tuple(found))


def _on(journal: JournalEntry, accounts: tuple[str, ...]) -> Amount:
    return sum(line.amount for line in journal.lines if line.account in accounts)


def ledger_rests(engagement: AuditedEngagement, entries: Mapping[EntryKey, EntryAccount]) -> Checked:
    """Of entries that were never invoiced one by one, of contracts where every entry is settled, and of payments that are applied whole."""
    last, sums = _sums(engagement)
    count = 0
    found: list[Violation] = []
    open_accounts: set[tuple[str, str]] = set()
    for (contract_id, entry_id), entry in entries.items():
        if entry.vague or any(sums[0] != entry.invoiced.get(account, 0) for account, sums in entry.accrued.items()):
            open_accounts |= {(contract_id, account) for account in entry.accrued}
        for account, (amount, rest) in entry.accrued.items():
            if not entry.issued and not entry.vague and not amount:
                count += 1
                if rest:
                    found.append(_rest(last[contract_id, account], f"entry {entry_id}", account, rest))
    for (contract_id, account), (amount, rest) in sums.items():
        if not amount and (contract_id, account) not in open_accounts:
            count += 1
            if rest:
                found.append(_rest(last[contract_id, account], f"contract {contract_id or '(none)'}", account, rest))
    for (payment_id, _), cash in on_account(engagement).items():
        if not cash.amount:
            count += 1
            if cash.ledger:
                found.append(_rest(cash.last, f"payment {payment_id}", UNAPPLIED_CASH, cash.ledger))
    return Checked(LEDGER_REST, count, tuple(found))


def _sums(
    engagement: AuditedEngagement,
) -> tuple[dict[tuple[str, str], SeenOutput], dict[tuple[str, str], tuple[Amount, Amount]]]:
    """By contract and account: where a journal touched it last, and what it comes to in contract and ledger currency."""
    last: dict[tuple[str, str], SeenOutput] = {}
    sums: dict[tuple[str, str], tuple[Amount, Amount]] = {}
    for seen, journal in records(engagement.outputs, JournalEntry):
        for line in journal.lines:
            if line.account in UNBILLED:
                key = (journal.contract_id or "", line.account)
                last[key] = seen
                amount, ledger = sums.get(key, (0, 0))
                sums[key] = (amount + line.amount, ledger + line.ledger_amount)
    return last, sums


def _rest(seen: SeenOutput, subject: str, account: str, rest: Amount) -> Violation:
    return violation(
        LEDGER_REST,
        seen,
        f"{subject}, account {account}",
        "0 in the ledger, as in contract currency",
        format_amount(rest),
    )
