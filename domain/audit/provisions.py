"""What is provided for a contract's loss is never below zero, and nothing of it is left in the ledger alone (R44)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Final

from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import Checked, SeenOutput, Violation, violation
from domain.capabilities import ONEROUS_LOSS, PROVISION
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.revenue.provision import PROVIDED, is_provision

# Contract and project.
Key = tuple[str, str]
ACCOUNTS: Final = {ONEROUS_LOSS, PROVISION}
PROVISIONS: Final = "provisions"


def check(engagement: AuditedEngagement) -> Checked:
    """As of each day on which a provision was brought to what was required, with all that was posted for days up to it. Counted are
    journals that move one."""
    amounts: dict[Key, Counter[date]] = {}
    ledgers: dict[Key, Counter[date]] = {}
    days: dict[tuple[Key, date], tuple[SeenOutput, JournalEntry]] = {}
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        is_own = is_provision(journal.rule)
        count += is_own or any(line.account == PROVISION for line in journal.lines)
        for line in journal.lines:
            if is_own and (line.account not in ACCOUNTS or line.purpose != PROVIDED):
                expected = f"lines on {ONEROUS_LOSS} and {PROVISION}"
                found.append(violation(PROVISIONS, seen, journal.journal_id, expected, line.account))
            if line.account == PROVISION:
                key = journal.contract_id or "", line.project_id or ""
                amounts.setdefault(key, Counter())[journal.accounting_date] -= line.amount
                ledgers.setdefault(key, Counter())[journal.accounting_date] -= line.ledger_amount
                if is_own:
                    days[key, journal.accounting_date] = seen, journal
    for (key, day), (seen, journal) in days.items():
        found += _stands(seen, journal, _until(amounts[key], day), _until(ledgers[key], day))
    return Checked(PROVISIONS, count, tuple(found))


def _until(by_day: Counter[date], day: date) -> int:
    return sum(amount for on, amount in by_day.items() if on <= day)


def _stands(seen: SeenOutput, journal: JournalEntry, amount: int, ledger: int) -> Iterator[Violation]:
    if amount < 0:
        expected, got = "nothing provided below zero", f"{format_amount(amount)} {journal.currency}"
        yield violation(PROVISIONS, seen, journal.journal_id, expected, got)
    elif not amount and ledger:
        expected = f"nothing in {journal.ledger_currency} where nothing is provided for"
        yield violation(PROVISIONS, seen, journal.journal_id, expected, format_amount(ledger))
