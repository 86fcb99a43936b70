"""What stands in an ERP's ledger, to compare with what was posted."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from domain.units import Amount


class LedgerScope(NamedTuple):
    """What to read: journals and invoices of one subsidiary with accounting dates from `since` to `until`, both included.

    On `accounts`, which only Milepost posts to, entries of other kinds are wanted too; of those the lines on these accounts are enough.
    """

    subsidiary: str
    since: date
    until: date
    accounts: frozenset[str] = frozenset()


class LedgerLine(NamedTuple):
    """Debit positive; `account` is the ERP's."""

    account: str
    amount: Amount
    ledger_amount: Amount


class LedgerEntry(NamedTuple):
    """One journal or invoice of the ERP; `key` is ours, empty where the ERP's people made it.

    `is_changed`: the ERP says that it was edited after it was made; without lines where nobody can say what it is now.
    `is_in_ledger_currency`: the ERP keeps it in its ledger's currency alone, whatever it was sent in.
    `names_accounts`: its lines are on the accounts that they are posted to; of an invoice whose ledger says only what is owed they are not.
    """

    key: str
    reference: str
    posted_on: date
    period: str
    currency: str
    is_posted: bool
    lines: tuple[LedgerLine, ...]
    is_changed: bool = False
    is_in_ledger_currency: bool = False
    names_accounts: bool = True


def still_waiting(waiting: Iterable[LedgerEntry], posted: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
    """Of entries that waited when they were read, those that what was read later has not got as posted."""
    keys = {entry.key for entry in posted}
    return (entry for entry in waiting if not entry.key or entry.key not in keys)
