"""Trial balance of a legal entity and accounting period, and how unbilled work, contract positions, what customers retain and their
deposits moved in it.

    opening + added + invoiced + corrected = closing

Added is what postings accrue, invoiced what invoices relieve. Corrected are reversals, differences, and what is posted
for an entry after a posting of it was reversed.

What each contract earned, was invoiced and paid is reported beside it, as its position and its receivable:

    position: opening + earned - invoiced + other = closing
    owed: opening + charged (invoices with their tax) - paid + other = closing
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from domain.accounts import CONTRACT_POSITION, CUSTOMER_DEPOSIT, RECEIVABLE, RETENTION_RECEIVABLE, REVENUE, UNBILLED
from domain.ledger.clearing import is_of_invoice
from domain.outputs import JournalEntry
from domain.sums import summed
from domain.units import Amount

ADDED, INVOICED, CORRECTED = "added", "invoiced", "corrected"
# A purpose of lines.
RECEIPT = "receipt"
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
BALANCES: Mapping[str, tuple[str, ...]] = {
    "unbilled": UNBILLED,
    "contract_position": CONTRACT_POSITION,
    "retention": (RETENTION_RECEIVABLE,),
    "deposit": (CUSTOMER_DEPOSIT,),
}
# Balances that many a company does not have; shown where they are.
OCCASIONAL = frozenset({"retention", "deposit"})
ROLLED = frozenset(account for accounts in BALANCES.values() for account in accounts)


class AccountBalance(NamedTuple):
    """One account in one currency; debits and credits of the period are both positive."""

    account: str
    currency: str
    opening: Amount
    debits: Amount
    credits: Amount

    @property
    def movement(self) -> Amount:
        """What the period added: debits less credits."""
        return self.debits - self.credits

    @property
    def closing(self) -> Amount:
        return self.opening + self.debits - self.credits


class Moves(NamedTuple):
    """How a balance moved in a period, in one currency."""

    opening: Amount = 0
    added: Amount = 0
    invoiced: Amount = 0
    corrected: Amount = 0

    @property
    def closing(self) -> Amount:
        return sum(self)


class RollForward(NamedTuple):
    """A balance of one contract, in contract and in ledger currency; journals without a contract stand under None."""

    balance: str
    contract_id: str | None
    currency: str
    amounts: Moves
    ledger: Moves


class ContractMoves(NamedTuple):
    """What moved one contract in a period, in its currency: its position is an asset above zero, a liability below."""

    contract_id: str
    currency: str
    opening: Amount = 0
    earned: Amount = 0
    invoiced: Amount = 0
    closing: Amount = 0
    owed_before: Amount = 0
    charged: Amount = 0
    paid: Amount = 0
    owed: Amount = 0

    @property
    def other(self) -> Amount:
        """Of the position: what neither revenue nor an invoice moved."""
        return self.closing - self.opening - self.earned + self.invoiced

    @property
    def owed_other(self) -> Amount:
        """Of what is owed: credits, and what is written off."""
        return self.owed - self.owed_before - self.charged + self.paid


class TrialBalance(NamedTuple):
    legal_entity_id: str
    period: str
    ledger_currency: str
    journals: int
    ledger: tuple[AccountBalance, ...]
    transaction: tuple[AccountBalance, ...]
    rolls: tuple[RollForward, ...]
    contracts: tuple[ContractMoves, ...] = ()


class Foot(NamedTuple):
    """Two figures that must be equal."""

    what: str
    currency: str
    expected: Amount
    found: Amount

    @property
    def holds(self) -> bool:
        return self.expected == self.found


class PeriodTotals(NamedTuple):
    """What a period holds, in ledger currency."""

    period: str
    journals: int
    debits: Amount
    credits: Amount


class PostedSum(NamedTuple):
    """What the journals of one engagement and contract post on an account in a period; debits and credits are both positive."""

    period: str
    account: str
    currency: str
    contract_id: str | None
    engagement_id: str
    move: str
    journals: int
    debits: Amount
    credits: Amount
    ledger_currency: str
    ledger_debits: Amount
    ledger_credits: Amount

    @property
    def moved(self) -> LedgerMove:
        return LedgerMove(self.period, self.account, self.contract_id, self.ledger_debits - self.ledger_credits)


class LedgerMove(NamedTuple):
    """On an account in a period, of a contract, in ledger currency; debits are positive."""

    period: str
    account: str
    contract_id: str | None
    amount: Amount


Key = tuple[str, str]
RollKey = tuple[str, str | None, str]


class LedgerSums:
    """Sums of one legal entity's journals by period; they are added in the order in which they were made.

    `taken_back` are the entries of which a posting was reversed before the first journal.
    """

    def __init__(self, legal_entity_id: str, taken_back: Iterable[str] = ()) -> None:
        self.legal_entity_id = legal_entity_id
        self.ledger_currency = ""
        self._journals: dict[str, int] = {}
        self._ledger: dict[str, dict[Key, list[Amount]]] = {}
        self._transaction: dict[str, dict[Key, list[Amount]]] = {}
        self._moves: dict[str, dict[RollKey, dict[str, list[Amount]]]] = {}
        self._contracts: dict[str, dict[Key, ContractMoves]] = {}
        self._moved: dict[str, Counter[tuple[str, str | None]]] = {}
        self._taken_back = set(taken_back)
        self._of_invoices: set[str] = set()

    def add(self, journal: JournalEntry) -> None:
        period = journal.period
        self.ledger_currency = journal.ledger_currency
        self._journals[period] = self._journals.get(period, 0) + 1
        ledger, transaction = self._ledger.setdefault(period, {}), self._transaction.setdefault(period, {})
        moved = self._moved.setdefault(period, Counter())
        for line in journal.lines:
            _post(ledger, (line.account, journal.ledger_currency), line.ledger_amount)
            _post(transaction, (line.account, journal.currency), line.amount)
            moved[line.account, journal.contract_id] += line.ledger_amount
        if any(line.account in ROLLED for line in journal.lines):
            self._move(journal)
        if journal.contract_id is not None:
            self._move_contract(journal, journal.contract_id)

    def move_of(self, journal: JournalEntry) -> str:
        """What a journal does to the balances that roll forward, and nothing where it is on none; in the order of the journals."""
        return self._kind_of(journal) if any(line.account in ROLLED for line in journal.lines) else ""

    def periods(self) -> tuple[PeriodTotals, ...]:
        """Periods with journals, in order."""
        return tuple(
            PeriodTotals(
                period,
                self._journals[period],
                sum(debited for debited, _ in self._ledger[period].values()),
                sum(credited for _, credited in self._ledger[period].values()),
            )
            for period in sorted(self._journals)
        )

    def moved(self) -> Iterator[LedgerMove]:
        """What periods moved on accounts."""
        return (LedgerMove(period, *key, amount) for period, of in self._moved.items() for key, amount in of.items())

    def trial_balance(self, period: str) -> TrialBalance:
        """A period without journals has what earlier ones left."""
        return TrialBalance(
            self.legal_entity_id,
            period,
            self.ledger_currency,
            self._journals.get(period, 0),
            tuple(_accounts(self._ledger, period)),
            tuple(_accounts(self._transaction, period)),
            tuple(_rolls(self._moves, period)),
            tuple(_contracts(self._contracts, period)),
        )

    def _move(self, journal: JournalEntry) -> None:
        kind = self._kind_of(journal)
        moves = self._moves.setdefault(journal.period, {})
        for balance, accounts in BALANCES.items():
            lines = [line for line in journal.lines if line.account in accounts]
            if lines:
                sums = moves.setdefault((balance, journal.contract_id, journal.currency), {})
                moved = sums.setdefault(kind, [0, 0])
                moved[0] += sum(line.amount for line in lines)
                moved[1] += sum(line.ledger_amount for line in lines)

    def _move_contract(self, journal: JournalEntry, contract_id: str) -> None:
        """What the journal adds to the period; `closing` and `owed` are sums of what moved there."""
        position = sum(line.amount for line in journal.lines if line.account in CONTRACT_POSITION)
        earned = -sum(line.amount for line in journal.lines if line.account in REVENUE)
        owed = sum(line.amount for line in journal.lines if line.account == RECEIVABLE)
        if not (position or earned or owed):
            return
        billed = self._is_of_invoice(journal)
        received = (line for line in journal.lines if line.account == RECEIVABLE and line.purpose == RECEIPT)
        moves = self._contracts.setdefault(journal.period, {})
        key = contract_id, journal.currency
        had = moves.get(key) or ContractMoves(*key)
        moves[key] = had._replace(
            earned=had.earned + earned,
            invoiced=had.invoiced + (earned - position if billed else 0),
            closing=had.closing + position,
            charged=had.charged + (owed if billed else 0),
            paid=had.paid - sum(line.amount for line in received),
            owed=had.owed + owed,
        )

    def _is_of_invoice(self, journal: JournalEntry) -> bool:
        """With what takes one back that the ERP never accepted: its replacement is of the invoice too."""
        if is_of_invoice(journal):
            self._of_invoices.add(journal.journal_id)
            return True
        return journal.reverses in self._of_invoices

    def _kind_of(self, journal: JournalEntry) -> str:
        if self._is_of_invoice(journal):
            return INVOICED
        if journal.kind == "reversal":
            self._taken_back.add(journal.affected_id)
        elif journal.kind == "posting" and journal.affected_id not in self._taken_back:
            return ADDED
        return CORRECTED


def is_period(name: str) -> bool:
    """Whether it names an accounting period, such as `2026-03`."""
    return _PERIOD.fullmatch(name) is not None


def feet(balance: TrialBalance) -> tuple[Foot, ...]:
    """What must foot: debits and credits, and roll-forwards against the accounts that they explain."""
    return (
        *_even(balance.ledger, "in the ledger"),
        *_even(balance.transaction, "in transactions"),
        *_explained(balance),
    )


def total(balance: str, rolls: Iterable[RollForward], currency: str | None = None) -> Moves:
    """All contracts together, in one contract currency or (without one) in ledger currency."""
    wanted = [roll for roll in rolls if roll.balance == balance]
    moves = (
        [roll.amounts for roll in wanted if roll.currency == currency] if currency else [roll.ledger for roll in wanted]
    )
    return Moves(*(sum(column) for column in zip(*moves, strict=True)))


def _post(sums: dict[Key, list[Amount]], key: Key, amount: Amount) -> None:
    if amount:
        side = sums.setdefault(key, [0, 0])
        side[amount < 0] += abs(amount)


def _accounts(by_period: Mapping[str, Mapping[Key, list[Amount]]], period: str) -> Iterator[AccountBalance]:
    before = (sums for earlier, sums in by_period.items() if earlier < period)
    opening = summed((key, debited - credited) for sums in before for key, (debited, credited) in sums.items())
    now = by_period.get(period, {})
    for key in sorted({*opening, *now}):
        debited, credited = now.get(key, (0, 0))
        if opening.get(key) or debited or credited:
            yield AccountBalance(*key, opening.get(key, 0), debited, credited)


def _rolls(by_period: Mapping[str, Mapping[RollKey, Mapping[str, list[Amount]]]], period: str) -> Iterator[RollForward]:
    opening: dict[RollKey, list[Amount]] = {}
    for earlier, moves in by_period.items():
        if earlier < period:
            for key, kinds in moves.items():
                sums = opening.setdefault(key, [0, 0])
                for moved in kinds.values():
                    sums[0] += moved[0]
                    sums[1] += moved[1]
    now = by_period.get(period, {})
    for key in sorted({*opening, *now}, key=lambda key: (key[0], key[1] or "", key[2])):
        kinds = now.get(key, {})
        opened = opening.get(key, (0, 0))
        amounts, ledger = (
            Moves(opened[place], *(kinds.get(kind, (0, 0))[place] for kind in (ADDED, INVOICED, CORRECTED)))
            for place in (0, 1)
        )
        if any(amounts) or any(ledger):
            yield RollForward(*key, amounts, ledger)


def _contracts(by_period: Mapping[str, Mapping[Key, ContractMoves]], period: str) -> Iterator[ContractMoves]:
    opening: dict[Key, tuple[Amount, Amount]] = {}
    for earlier, moves in by_period.items():
        if earlier < period:
            for key, moved in moves.items():
                had = opening.get(key, (0, 0))
                opening[key] = had[0] + moved.closing, had[1] + moved.owed
    now = by_period.get(period, {})
    for key in sorted({*opening, *now}):
        before, owed_before = opening.get(key, (0, 0))
        moved = now.get(key) or ContractMoves(*key)
        if before or owed_before or key in now:
            yield moved._replace(
                opening=before, closing=before + moved.closing, owed_before=owed_before, owed=owed_before + moved.owed
            )


def _moved(balance: TrialBalance, name: str) -> bool:
    in_accounts = any(line.account in BALANCES[name] for line in balance.ledger)
    return in_accounts or any(roll.balance == name for roll in balance.rolls)


def _even(balances: Iterable[AccountBalance], where: str) -> Iterator[Foot]:
    by_currency: dict[str, list[AccountBalance]] = {}
    for balance in balances:
        by_currency.setdefault(balance.currency, []).append(balance)
    for currency, lines in by_currency.items():
        debited, credited = sum(line.debits for line in lines), sum(line.credits for line in lines)
        yield Foot(f"debits = credits {where}", currency, debited, credited)
        yield Foot(f"closing balances {where} sum to zero", currency, 0, sum(line.closing for line in lines))


def _explained(balance: TrialBalance) -> Iterator[Foot]:
    for name, accounts in BALANCES.items():
        if name in OCCASIONAL and not _moved(balance, name):
            continue
        closing = sum(line.closing for line in balance.ledger if line.account in accounts)
        what = f"{name} closing = accounts {', '.join(accounts)}"
        yield Foot(what, balance.ledger_currency, closing, total(name, balance.rolls).closing)
        for currency in sorted({roll.currency for roll in balance.rolls}):
            lines = [line for line in balance.transaction if line.account in accounts and line.currency == currency]
            found = total(name, balance.rolls, currency).closing
            yield Foot(what, currency, sum(line.closing for line in lines), found)
