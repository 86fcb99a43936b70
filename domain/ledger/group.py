"""What companies of a group charge and owe each other, and what the group makes once that is taken out.

Each pair of journals is taken together, whatever the dates and periods of its two halves. In the currency of the transfer the sides cancel;
in the ledgers they do where both are kept in one currency, else each has the rate of its own books.

    GB to US  4100 6,000.00  5050 6,000.00  difference 0.00   1180 6,000.00  2180 6,000.00  difference 0.00
    group     revenue 8,000.00  cost 4,000.00  profit 4,000.00   (companies 2,000.00 and 2,000.00)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from domain.accounts import PROJECT_COST, REVENUE
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY, INTERCOMPANY_COST, INTERCOMPANY_REVENUE
from domain.outputs import JournalEntry
from domain.units import Amount

# Accounts of the company that lends; the others are of the one that borrows.
LENDS: Final = frozenset({DUE_FROM, INTERCOMPANY_REVENUE})
TRANSFERRED: Final = frozenset({INTERCOMPANY_REVENUE, INTERCOMPANY_COST})
RESULT: Final = frozenset({*REVENUE, *PROJECT_COST, *TRANSFERRED})


class CompanyPair(NamedTuple):
    """Of two companies and a currency of transfer; all shown above zero. `due_from` is on 1180, `charged` on 4100, `borne` on 5050 and
    `due_to` on 2180. `pairs` are those of which something is left."""

    lender: str
    borrower: str
    currency: str
    pairs: int
    charged: Amount
    borne: Amount
    due_from: Amount
    due_to: Amount
    lender_currency: str
    charged_in_ledger: Amount
    borrower_currency: str
    borne_in_ledger: Amount

    @property
    def differences(self) -> tuple[Amount, Amount]:
        """Of what is charged, and of what is owed."""
        return self.charged - self.borne, self.due_from - self.due_to

    @property
    def exchange_difference(self) -> Amount | None:
        """What the two ledgers have it at differently; None where they are kept in different currencies, which nothing compares."""
        return self.charged_in_ledger - self.borne_in_ledger if self.lender_currency == self.borrower_currency else None


class CompanyResult(NamedTuple):
    """In ledger currency: what customers pay for, what the work costs, and what is charged to (above zero) or by other companies."""

    legal_entity_id: str
    ledger_currency: str
    revenue: Amount
    cost: Amount
    transferred: Amount

    @property
    def profit(self) -> Amount:
        """The company's own."""
        return self.revenue - self.cost + self.transferred


class GroupResult(NamedTuple):
    """Of all companies that keep their books in a currency. Where all do, `eliminated` is nothing but exchange differences."""

    ledger_currency: str
    companies: int
    revenue: Amount
    cost: Amount
    eliminated: Amount

    @property
    def profit(self) -> Amount:
        return self.revenue - self.cost


class PairLine(NamedTuple):
    """A line of a journal that is half of a pair, by its number; debits are positive."""

    journal_id: str
    number: int
    accounting_date: date
    account: str
    amount: Amount
    ledger_amount: Amount


class _Half:
    """One company's side of a pair."""

    __slots__ = ("currency", "entity_id", "ledger_currency", "lines")

    def __init__(self, journal: JournalEntry) -> None:
        self.entity_id, self.currency = journal.legal_entity_id, journal.currency
        self.ledger_currency = journal.ledger_currency
        self.lines: list[PairLine] = []

    def on(self, account: str) -> Amount:
        return sum(line.amount for line in self.lines if line.account == account)

    def in_ledger(self, account: str) -> Amount:
        return sum(line.ledger_amount for line in self.lines if line.account == account)


class Group:
    """Sums over journals of all companies, in any order; of those of one period alone where one is named."""

    def __init__(self, period: str | None = None) -> None:
        self._period = period
        self._halves: dict[str, dict[bool, _Half]] = {}
        self._moved: dict[tuple[str, str], dict[tuple[str, str], Amount]] = {}
        self._counted: set[str] = set()

    def add(self, journal: JournalEntry) -> None:
        """One of another period says which companies its pair is of."""
        if journal.pair_id is not None:
            self._add_half(journal, journal.pair_id)
        if self._counts(journal):
            moved = self._moved.setdefault((journal.legal_entity_id, journal.ledger_currency), defaultdict(int))
            for line in journal.lines:
                if line.account in RESULT:
                    moved[journal.period, line.account] += line.ledger_amount

    def _counts(self, journal: JournalEntry) -> bool:
        return self._period in (None, journal.period)

    def _add_half(self, journal: JournalEntry, pair_id: str) -> None:
        lends = any(line.account in LENDS for line in journal.lines)
        halves = self._halves.setdefault(pair_id, {})
        half = halves.get(lends) or halves.setdefault(lends, _Half(journal))
        if not self._counts(journal):
            return
        self._counted.add(pair_id)
        for number, line in enumerate(journal.lines, 1):
            if line.account in INTERCOMPANY.accounts:
                moved = line.account, line.amount, line.ledger_amount
                half.lines.append(PairLine(journal.journal_id, number, journal.accounting_date, *moved))

    def pairs(self) -> list[CompanyPair]:
        """By lender, borrower and currency; a half without its other stands with an empty company."""
        found: dict[tuple[str, str, str], CompanyPair] = {}
        for halves in (halves for pair_id, halves in self._halves.items() if pair_id in self._counted):
            lent, borrowed = halves.get(True), halves.get(False)
            one = lent or borrowed
            assert one is not None, "a pair has a half"
            key = lent.entity_id if lent else "", borrowed.entity_id if borrowed else "", one.currency
            ledgers = lent.ledger_currency if lent else "", borrowed.ledger_currency if borrowed else ""
            had = found.get(key) or CompanyPair(*key, 0, 0, 0, 0, 0, ledgers[0], 0, ledgers[1], 0)
            found[key] = _with(had, lent, borrowed)
        return [found[key] for key in sorted(found)]

    def lines_of(self, pair: CompanyPair) -> list[PairLine]:
        """What the pair of companies sums."""
        found: list[PairLine] = []
        for pair_id in self._counted:
            halves = self._halves[pair_id]
            lent, borrowed = halves.get(True), halves.get(False)
            named = lent.entity_id if lent else "", borrowed.entity_id if borrowed else ""
            if (*named, next(iter(halves.values())).currency) == pair[:3]:
                found += (line for half in halves.values() for line in half.lines)
        return sorted(found, key=lambda line: (line.accounting_date, line.journal_id, line.number))

    def companies(self) -> list[CompanyResult]:
        return [
            CompanyResult(*key, -_on(moved, REVENUE), _on(moved, PROJECT_COST), -_on(moved, TRANSFERRED))
            for key, moved in sorted(self._moved.items())
        ]

    def moved(self, company: CompanyResult, accounts: Container[str]) -> list[tuple[str, str, Amount]]:
        """By period and account, in ledger currency."""
        of = self._moved[company[:2]]
        return [(*key, amount) for key, amount in sorted(of.items()) if key[1] in accounts and amount]


def _on(moved: Mapping[tuple[str, str], Amount], accounts: Container[str]) -> Amount:
    return sum(amount for (_, account), amount in moved.items() if account in accounts)


def _with(had: CompanyPair, lent: _Half | None, borrowed: _Half | None) -> CompanyPair:
    charged, due_from = (-lent.on(INTERCOMPANY_REVENUE), lent.on(DUE_FROM)) if lent else (0, 0)
    borne, due_to = (borrowed.on(INTERCOMPANY_COST), -borrowed.on(DUE_TO)) if borrowed else (0, 0)
    return had._replace(
        pairs=had.pairs + any((charged, borne, due_from, due_to)),
        charged=had.charged + charged,
        borne=had.borne + borne,
        due_from=had.due_from + due_from,
        due_to=had.due_to + due_to,
        charged_in_ledger=had.charged_in_ledger - (lent.in_ledger(INTERCOMPANY_REVENUE) if lent else 0),
        borne_in_ledger=had.borne_in_ledger + (borrowed.in_ledger(INTERCOMPANY_COST) if borrowed else 0),
    )


def results(companies: Iterable[CompanyResult]) -> list[GroupResult]:
    """By ledger currency."""
    found: dict[str, GroupResult] = {}
    for one in companies:
        had = found.get(one.ledger_currency) or GroupResult(one.ledger_currency, 0, 0, 0, 0)
        found[one.ledger_currency] = had._replace(
            companies=had.companies + 1,
            revenue=had.revenue + one.revenue,
            cost=had.cost + one.cost,
            eliminated=had.eliminated + one.transferred,
        )
    return [found[currency] for currency in sorted(found)]
