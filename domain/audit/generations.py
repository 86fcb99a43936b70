"""What a receiver that drops the ids it knows has wrong after a log was made again from its copy.

What came after the copy is taken in again in another order, so that a journal may have the id that it had and other lines:
two entries of 54.00 meet a cap with room for one, and the other one of them is billed now. Per journal and account:

    to post = what stands now - what the earlier generation posted
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from domain.billing.tax import groups_of
from domain.outputs import BillingStatement, JournalEntry
from domain.units import Amount


class LedgerPlace(NamedTuple):
    """Where an amount stands in the ledger."""

    legal_entity_id: str
    accounting_date: dt.date
    period: str
    account: str
    account_number: str
    project_id: str
    dimensions: tuple[tuple[str, str], ...]
    currency: str
    ledger_currency: str


class AccountDifference(NamedTuple):
    """One account of a journal that stands otherwise; what is gone has nothing after, debits are above zero."""

    journal_id: str
    at: LedgerPlace
    before: Amount
    after: Amount
    ledger_before: Amount
    ledger_after: Amount

    @property
    def to_post(self) -> Amount:
        return self.after - self.before

    @property
    def ledger_to_post(self) -> Amount:
        return self.ledger_after - self.ledger_before


class StatementDemand(NamedTuple):
    """What a customer was asked for; `lines` tells apart statements of the same figures. `tax` is None where nobody says what it is."""

    status: str
    currency: str
    total: Amount
    amount_due: Amount
    tax: Amount | None
    lines: tuple[object, ...]


class StatementDifference(NamedTuple):
    """A statement that stands otherwise, or is gone."""

    statement_id: str
    before: StatementDemand
    after: StatementDemand | None


def differences(before: JournalEntry, after: JournalEntry | None) -> tuple[AccountDifference, ...]:
    """All accounts of a journal, empty where the ledger has the same of both; what is not delivered is nothing to it."""
    was, now = _effect(before), _effect(after)
    if was == now:
        return ()
    found = []
    for at in sorted({*was, *now}):
        amount_was, ledger_was = was.get(at, (0, 0))
        amount_now, ledger_now = now.get(at, (0, 0))
        found.append(AccountDifference(before.journal_id, at, amount_was, amount_now, ledger_was, ledger_now))
    return tuple(found)


def statement_difference(
    before: Sequence[BillingStatement], after: Sequence[BillingStatement]
) -> StatementDifference | None:
    """Of all revisions and parts of one statement."""
    was, now = _asked(before), _asked(after) if after else None
    return None if was == now else StatementDifference(before[0].statement_id, was, now)


def _effect(journal: JournalEntry | None) -> dict[LedgerPlace, tuple[Amount, Amount]]:
    sums: dict[LedgerPlace, tuple[Amount, Amount]] = {}
    if journal is None or not journal.deliver:
        return sums
    for line in journal.lines:
        at = LedgerPlace(
            journal.legal_entity_id,
            journal.accounting_date,
            journal.period,
            line.account,
            line.account_number or "",
            line.project_id or "",
            tuple(sorted(line.dimensions.items())),
            journal.currency,
            journal.ledger_currency,
        )
        amount, ledger_amount = sums.get(at, (0, 0))
        sums[at] = amount + line.amount, ledger_amount + line.ledger_amount
    return {at: amounts for at, amounts in sums.items() if amounts != (0, 0)}


def _asked(statements: Sequence[BillingStatement]) -> StatementDemand:
    """As its last revision says; its parts come one after the other."""
    last = max(each.revision for each in statements)
    parts = sorted((each for each in statements if each.revision == last), key=lambda each: each.part)
    head = parts[-1]
    return StatementDemand(
        head.status,
        head.currency,
        head.total,
        head.amount_due,
        groups_of(head).total,
        tuple(line for part in parts for line in part.lines),
    )
