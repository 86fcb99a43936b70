"""What loads of balances have brought the accounts of a contract in another currency to, so that a load which corrects another moves them
by what it states otherwise, whatever came between.

    1150 is loaded at 1,100.00 and an invoice takes all of it: stated again nothing is posted, stated at 1,120.00 it gets 20.00
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from domain.accounts import CONTRACT_LIABILITY, CUSTOMER_DEPOSIT, UNBILLED
from domain.explanation import Node
from domain.figure import as_recorded, node_of
from domain.identity import composed, parts_of
from domain.ledger.journal import Leg
from domain.ledger.recorded import all_of, left_of
from domain.outputs import JournalEntry
from domain.terms.kind import NO_REVENUE
from domain.units import Amount
from domain.why import Why
from domain.work.rows import OPENING, ROWS, row_id
from state.books import BroughtForward, Entry
from state.draft import Draft
from state.ledger.carried import accrued, carried, invoiced
from state.ledger.deposit_balance import balance as deposit_balance
from state.ledger.deposit_balance import deposit_row
from state.ledger.deposit_balance import rows_of as deposit_rows
from state.opening.loading import Loading
from state.opening.record import carried_by_loads, recorded_leg
from state.opening.stated import Stated, stated_lines
from state.opening.worked import carried_rows
from state.totals import unbilled_positions
from state.value import plain


class BeforeLoad(NamedTuple):
    """How a load found the books: how many outputs the event had, which journals of earlier loads stood, what stood on accounts by
    contract, row and account, what those loads had brought them to, and which rows were theirs."""

    outputs: int
    journals: frozenset[str]
    stood: Mapping[tuple[str, str, str], Amount]
    carried: Mapping[str, Amount]
    rows: frozenset[str]


def before_load(draft: Draft, known: BroughtForward) -> BeforeLoad:
    """Asked for before anything of the load that stands is taken back."""
    if known.loaded is None:
        return BeforeLoad(len(draft.outputs), frozenset(), {}, {}, frozenset())
    stood: dict[tuple[str, str, str], Amount] = {}
    journals = {one.receipt.journal_id for one in known.journals}
    for stated in stated_lines(draft, known.loaded):
        contract_id, line_id = stated.contract.contract_id, stated.balance.line_id
        if stated.plan.currency == stated.plan.entity.currency:
            continue
        own = stated.row
        brought = (draft.entry(row) for row in known.rows if row == own or row.startswith(f"{own}/"))
        rows = [
            *carried_rows(draft, stated.contract, line_id, known.loaded),
            *(one for one in brought if one is not None),
        ]
        for entry in rows:
            journals |= {
                one.journal_id
                for one in (*(entry.standing.journals if entry.standing is not None else ()), *entry.rests)
            }
            for account in UNBILLED:
                stood[contract_id, entry.entry_id, account] = unbilled_of_row(draft, stated, entry, account)[1]
        if stated.plan.timing == NO_REVENUE:
            for account in (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT):
                stood[contract_id, deposit_row(contract_id, line_id), account] = standing_deposit(
                    draft, stated, account
                )
    return BeforeLoad(len(draft.outputs), frozenset(journals), stood, known.carried, frozenset(known.rows))


class LoadTotals:
    """What all loads together have brought accounts of a contract to, this one included: of the contract, and of its rows."""

    __slots__ = ("_before", "_draft", "_loading", "accounts", "rows")

    def __init__(self, draft: Draft, loading: Loading, before: BeforeLoad, own_rows: Collection[str]) -> None:
        self._draft, self._loading, self._before = draft, loading, before
        self.accounts: dict[str, Amount] = {}
        self.rows: dict[tuple[str, str], Amount] = {}
        for key in before.carried:
            contract_id, row, account = parts_of(key)
            if contract_id == loading.contract.contract_id and not row:
                self.accounts[account] = self._carried("", account)
        self._add_journals(own_rows)

    def of_account(self, *accounts: str) -> Amount:
        return sum(self.accounts.get(account, 0) for account in accounts)

    def of_row(self, row: str, account: str, stands: Amount) -> Amount:
        """`stands` is what stands of it now."""
        if (row, account) not in self.rows:
            stood = self._before.stood.get((self._loading.contract.contract_id, row, account), 0)
            self.rows[row, account] = self._carried(row, account) + stands - stood
        return self.rows[row, account]

    def add(self, row: str, legs: Iterable[Leg]) -> None:
        """Of the row, and so of the contract."""
        for leg in legs:
            self.accounts[leg.account] = self.accounts.get(leg.account, 0) + leg.ledger_amount
            if (row, leg.account) in self.rows:
                self.rows[row, leg.account] += leg.ledger_amount

    def keep(self) -> None:
        """With the balances, for the load that corrects this one."""
        places = {("", account): amount for account, amount in self.accounts.items()} | self.rows
        for (row, account), amount in places.items():
            if amount:
                key = composed(self._loading.contract.contract_id, row, account)
                self._loading.carried[key] = plain(amount)
                if self._draft.why is not None:
                    address = carried_by_loads(self._loading.event.project_id, key)
                    currency = self._loading.slot.entity.currency
                    title = f"{account}, as balances carry it"
                    self._draft.why.record(address, amount, node_of(amount, title, currency=currency))

    def _carried(self, row: str, account: str) -> Amount:
        key = composed(self._loading.contract.contract_id, row, account)
        amount = self._before.carried.get(key, 0)
        if self._draft.why is None or not amount:
            return amount
        return as_recorded(amount, self._draft.why.figure(carried_by_loads(self._loading.event.project_id, key)))

    def _add_journals(self, own_rows: Collection[str]) -> None:
        """Those of this event about the balances; of what is reversed, what earlier loads had posted. What was charged here before the
        first load is taken back too, and other work may find more or less room: neither is of the balances."""
        loading, found = self._loading, self.accounts
        currencies, counted = (loading.slot.currency, loading.slot.entity.currency), set(self._before.journals)
        for record in self._draft.outputs[self._before.outputs :]:
            if not isinstance(record, JournalEntry) or record.contract_id != loading.contract.contract_id:
                continue
            is_own = self._is_own(record, own_rows) if record.reverses is None else record.reverses in counted
            if not is_own or record.currency != loading.slot.currency:
                continue
            counted.add(record.journal_id)
            for number, line in enumerate(record.lines, 1):
                if line.project_id == loading.event.project_id:
                    of = self._draft.why, record.journal_id, number, (line.amount, line.ledger_amount), currencies
                    found[line.account] = found.get(line.account, 0) + recorded_leg(*of)

    def _is_own(self, record: JournalEntry, own_rows: Collection[str]) -> bool:
        row = row_id(record.affected_kind, record.affected_id)
        is_of_project = row == row_id(OPENING, self._loading.event.project_id)
        return record.affected_kind not in ROWS or is_of_project or row in own_rows or row in self._before.rows


def unbilled_of_row(draft: Draft, stated: Stated, entry: Entry, account: str) -> tuple[Amount, Amount]:
    """What the row has on an account of unbilled work, in contract and in ledger currency."""
    contract_id, currencies = stated.contract.contract_id, (stated.plan.currency, stated.plan.entity.currency)
    found = unbilled_positions(entry).get((contract_id, account), (0, 0))
    if draft.why is None or not any(found):
        return found
    had = carried(draft.why, entry, contract_id, account, currencies)
    return as_recorded(found[0], had.amount), as_recorded(found[1], had.ledger)


def standing_deposit(draft: Draft, stated: Stated, account: str) -> Amount:
    """What stands of the deposit on the account, in ledger currency."""
    contract_id, line_id = stated.contract.contract_id, stated.balance.line_id
    stands = deposit_balance(draft, contract_id, line_id, account)[1]
    if draft.why is None or not stands:
        return stands
    return as_recorded(stands, _deposit_node(draft, draft.why, stated, account))


def _deposit_node(draft: Draft, why: Why, stated: Stated, account: str) -> Node:
    contract_id, line_id = stated.contract.contract_id, stated.balance.line_id
    currencies = stated.plan.currency, stated.plan.entity.currency
    rows = deposit_rows(draft, contract_id, line_id)
    gone = [
        part
        for row in rows
        for issued in row.issued
        if (issued.contract_id, issued.line_id, issued.account) == (contract_id, line_id, account)
        for part in invoiced(why, row.entry_id, issued)
    ]
    own = all_of("deposit", [accrued(row, contract_id, account, currencies) for row in rows], currencies)
    return left_of(f"{line_id}: carried on {account}", own, gone).ledger
