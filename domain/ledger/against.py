"""Our balances beside those of another ledger, by account, and where both know it by project.

old: 4000, project P, -1,000.00    ours: 4000, project P, -950.00    difference (ours less old) 50.00
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from domain.outputs import JournalEntry, JournalLine
from domain.units import Amount

LEDGER, TRANSACTION = "ledger", "transaction"
# What an account of ours is called there; empty where it has no name there.
AccountThere = Callable[[JournalEntry, JournalLine], str]


class BalanceKey(NamedTuple):
    """One account of a company in one currency; `basis` says whether in the currency of the ledger or of the documents.

    `project_id` is empty for what has no project, and for accounts that the other ledger does not keep by project.
    """

    basis: str
    legal_entity_id: str
    account: str
    currency: str
    project_id: str = ""


class OtherBalance(NamedTuple):
    """A row of the other ledger: debit positive. `currency` is None where the row is in the ledger's alone."""

    legal_entity_id: str
    account: str
    currency: str | None
    project_id: str
    amount: Amount | None
    ledger_amount: Amount | None


class Compared(NamedTuple):
    """One account; the difference is what ours is above the other's."""

    key: BalanceKey
    old: Amount
    ours: Amount

    @property
    def difference(self) -> Amount:
        return self.ours - self.old


class Comparison(NamedTuple):
    """`compared` are the accounts that both can have; `not_ours` those that Milepost posts nothing to, such as rent."""

    compared: tuple[Compared, ...]
    not_ours: tuple[Compared, ...]

    @property
    def differing(self) -> int:
        return sum(each.difference != 0 for each in self.compared)


class ComparedDays(NamedTuple):
    """Accounting dates, both included; None: from the beginning."""

    first: date | None
    last: date

    def holds(self, day: date) -> bool:
        return day <= self.last and (self.first is None or day >= self.first)


class OurBalances:
    """Sums of journals of the span by company, account there, currency and project."""

    def __init__(self, span: ComparedDays, account_there: AccountThere, entity_id: str | None = None) -> None:
        self._span, self._account_there, self._entity_id = span, account_there, entity_id
        self._sums: dict[BalanceKey, Amount] = {}
        self.ledger_currencies: dict[str, str] = {}
        # Whether or not the span has a journal of it.
        self.accounts: set[tuple[str, str]] = set()

    def add(self, journal: JournalEntry) -> None:
        if self._entity_id not in (None, journal.legal_entity_id):
            return
        self.ledger_currencies[journal.legal_entity_id] = journal.ledger_currency
        is_within = self._span.holds(journal.accounting_date)
        for line in journal.lines:
            account = self._account_there(journal, line)
            self.accounts.add((journal.legal_entity_id, account))
            if is_within:
                where = journal.legal_entity_id, account
                self._post(BalanceKey(TRANSACTION, *where, journal.currency, line.project_id or ""), line.amount)
                self._post(
                    BalanceKey(LEDGER, *where, journal.ledger_currency, line.project_id or ""), line.ledger_amount
                )

    def _post(self, key: BalanceKey, amount: Amount) -> None:
        self._sums[key] = self._sums.get(key, 0) + amount

    def sums(self) -> Mapping[BalanceKey, Amount]:
        return self._sums


# Of an account without any project in a ledger that keeps others by project.
_ALL: Final = ""


def compare(others: Iterable[OtherBalance], ours: OurBalances, known: Iterable[tuple[str, str]] = ()) -> Comparison:
    """Every account of either side, once. `known` are accounts (with their company) that Milepost could post to, besides those it has."""
    theirs: dict[BalanceKey, Amount] = {}
    for other in others:
        for key, amount in _stated(other, ours.ledger_currencies):
            theirs[key] = theirs.get(key, 0) + amount
    bases = {key.basis for key in theirs}
    by_project = {key[:4] for key in theirs if key.project_id}
    mine: dict[BalanceKey, Amount] = {}
    for key, amount in ours.sums().items():
        if key.basis in bases:
            kept = key if key[:4] in by_project else key._replace(project_id=_ALL)
            mine[kept] = mine.get(kept, 0) + amount
    rows = [Compared(key, theirs.get(key, 0), mine.get(key, 0)) for key in sorted({*theirs, *mine})]
    listed = [row for row in rows if row.old or row.ours]
    could = ours.accounts.union(known)
    is_ours = [(row.key.legal_entity_id, row.key.account) in could for row in listed]
    return Comparison(
        tuple(row for row, mine_too in zip(listed, is_ours, strict=True) if mine_too),
        tuple(row for row, mine_too in zip(listed, is_ours, strict=True) if not mine_too),
    )


def _stated(other: OtherBalance, ledger_currencies: Mapping[str, str]) -> Iterator[tuple[BalanceKey, Amount]]:
    where = other.legal_entity_id, other.account
    if other.amount is not None and other.currency is not None:
        yield BalanceKey(TRANSACTION, *where, other.currency, other.project_id), other.amount
    if other.ledger_amount is not None:
        currency = ledger_currencies.get(other.legal_entity_id, other.currency or "")
        yield BalanceKey(LEDGER, *where, currency, other.project_id), other.ledger_amount


def totals(rows: Iterable[Compared]) -> list[Compared]:
    """By company, basis and currency, under the account ""."""
    sums: dict[BalanceKey, tuple[Amount, Amount]] = {}
    for row in rows:
        key = row.key._replace(account="", project_id="")
        old, ours = sums.get(key, (0, 0))
        sums[key] = old + row.old, ours + row.ours
    return [Compared(key, *sums[key]) for key in sorted(sums)]
