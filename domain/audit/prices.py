"""Prices are kept: what lines with a price earn over time comes to no more than they are worth with all that their variable parts may add.

100,000.00, a bonus of 10,000.00 that became 12,000.00, and a penalty of 5,000.00: at most 112,000.00
"""

from __future__ import annotations

from collections import Counter

from domain.accounts import REVENUE
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import PRICES, Checked, Violation, violation
from domain.identity import parts_of
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.work.rows import SCHEDULED_REVENUE


def prices_kept(engagement: AuditedEngagement) -> Checked:
    """By contract, since lines may share their prices; counted are journals of what is earned over time."""
    earned: Counter[str] = Counter()
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        contract_id, terms = journal.contract_id or "", engagement.terms_of(journal.contract_id or "")
        if journal.affected_kind != SCHEDULED_REVENUE or parts_of(journal.affected_id)[1] not in terms.priced:
            continue
        count += 1
        earned[contract_id] -= sum(line.amount for line in journal.lines if line.account in REVENUE)
        if earned[contract_id] > terms.worth:
            expected = f"at most {format_amount(terms.worth)} {journal.currency} earned over time"
            found.append(
                violation(PRICES, seen, f"contract {contract_id}", expected, format_amount(earned[contract_id]))
            )
    return Checked(PRICES, count, tuple(found))
