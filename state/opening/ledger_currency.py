"""Contracts in another currency: each account is brought to what the ledger is stated to carry.

Loads keep what they have brought each account to, so that one which corrects another moves it by what it states otherwise, whatever came
between.

    1150 is loaded at 1,100.00 and an invoice takes all of it: stated again nothing is posted, stated at 1,120.00 it gets 20.00
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import (
    BAD_DEBT,
    BANK,
    CONTRACT_ASSET,
    CONTRACT_LIABILITY,
    CURRENCY_ROUNDING,
    CUSTOMER_DEPOSIT,
    EXCHANGE_DIFFERENCE,
    OUTPUT_TAX,
    RETENTION_RECEIVABLE,
    REVENUE,
    SERVICE_REVENUE,
    UNBILLED,
    UNBILLED_RECEIVABLE,
)
from domain.explanation import Node
from domain.figure import allocated, as_recorded, called, node_of
from domain.identity import composed, parts_of
from domain.ledger.journal import Leg, merge
from domain.ledger.recorded import all_of, left_of
from domain.outputs import JournalEntry
from domain.terms.kind import NO_REVENUE, OVER_TIME
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.why import Why
from domain.work.rows import OPENING, ROWS, row_id
from state.billing import retention
from state.billing.retention import carried_at
from state.books import BroughtForward, Entry, StatementState
from state.draft import Draft
from state.ledger.carried import accrued, carried, invoiced
from state.ledger.deposit_balance import balance as deposit_balance
from state.ledger.deposit_balance import deposit_row
from state.ledger.deposit_balance import rows_of as deposit_rows
from state.ledger.position import is_over_time
from state.ledger.posting import about, booking_of, emit, settle_exchange_rests, with_standing
from state.opening.ledger_faults import BY_ACCOUNT
from state.opening.loading import UNBILLED_REST, Loading
from state.opening.record import carried_by_loads, recorded_leg
from state.opening.stated import Stated, stated_lines
from state.opening.worked import carried_rows, is_of_part, rows_of_line
from state.totals import standing_price, unbilled_positions
from state.value import plain

EXCHANGE = "exchange_difference"


class BeforeLoad(NamedTuple):
    """How a load found the books: how many outputs the event had, which journals of earlier loads stood, what stood on accounts by
    contract, row and account, what those loads had brought them to, and which rows were theirs."""

    outputs: int
    journals: frozenset[str]
    stood: Mapping[tuple[str, str, str], Amount]
    carried: Mapping[str, Amount]
    rows: frozenset[str]


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


def carry_in_ledger(draft: Draft, loading: Loading, before: BeforeLoad) -> None:
    """Bring each account to what the ledger carries; 7110 has what is left, which exchange rates had made by then. What came to accounts
    after an earlier load stays (`LoadTotals`)."""
    rows = [(entry, one) for one in loading.lines for entry in rows_of_line(draft, loading, one)]
    totals = LoadTotals(draft, loading, before, {entry.entry_id for entry, _ in rows})
    for entry, one in rows:
        for account in UNBILLED:
            totals.of_row(entry.entry_id, account, _unbilled_of_row(draft, one, entry, account)[1])
    _bring_to_stated(draft, loading, totals)
    totals.keep()


def _bring_to_stated(draft: Draft, loading: Loading, totals: LoadTotals) -> None:
    stated = [(one, one.balance.ledger) for one in loading.lines if one.balance.ledger is not None]
    deposits = [(one, ledger) for one, ledger in stated if one.plan.timing == NO_REVENUE]
    others = [(one, ledger) for one, ledger in stated if one.plan.timing != NO_REVENUE]
    if not stated:
        return
    sums = [ledger for _, ledger in stated]
    by_account = _by_account(loading)
    by_lines: list[tuple[str, tuple[str, ...], Amount]] = [
        (SERVICE_REVENUE, REVENUE, -sum(each.revenue for each in sums)),
        (CURRENCY_ROUNDING, (CURRENCY_ROUNDING,), 0),
    ]
    if by_account:
        by_lines = [(account, (account,), by_account[account]) for account in (*REVENUE, CURRENCY_ROUNDING)]
    wanted = (
        *by_lines,
        (OUTPUT_TAX, (OUTPUT_TAX,), -sum(each.tax for each in sums)),
        (BANK, (BANK,), sum(each.paid for each in sums)),
        (BAD_DEBT, (BAD_DEBT,), sum(each.written_off for each in sums)),
        (RETENTION_RECEIVABLE, (RETENTION_RECEIVABLE,), sum(each.retention for each in sums)),
    )
    legs = [Leg(to, EXCHANGE, 0, _beyond(to, amount, totals.of_account(*of))) for to, of, amount in wanted]
    unbilled = totals.of_account(*UNBILLED, CONTRACT_LIABILITY)
    for one, ledger in deposits:
        account = _account_of_deposit(draft, loading, one)
        row = deposit_row(loading.contract.contract_id, one.balance.line_id)
        had = totals.of_row(row, account, _standing_deposit(draft, one, account))
        unbilled -= had if account == CONTRACT_LIABILITY else 0
        _adjust(draft, loading, totals, one, [Leg(account, EXCHANGE, 0, _beyond(account, -ledger.deposit, had))])
    main = (others or deposits)[0][0]
    if others and by_account:
        on_liability = totals.of_account(*UNBILLED, CONTRACT_LIABILITY) - unbilled
        by_row = (UNBILLED_RECEIVABLE,) if is_over_time(draft, loading.contract) else UNBILLED
        for account in (CONTRACT_ASSET, CONTRACT_LIABILITY):
            if account not in by_row:
                own = totals.of_account(account) - (on_liability if account == CONTRACT_LIABILITY else 0)
                legs.append(Leg(account, EXCHANGE, 0, _beyond(account, by_account[account], own)))
        lines = [one for one, _ in others]
        more = {account: _more_of_rows(draft, loading, totals, lines, account) for account in by_row}
        for one in lines:
            _carry_unbilled(draft, loading, totals, one, legs if one is main else [], more)
        legs = []
    elif others:
        price = standing_price(_row_of_line(draft, loading, main))
        account = price.account if price is not None and price.account not in REVENUE else ""
        carried_at = sum(ledger.unbilled for _, ledger in others)
        account = account or UNBILLED_RECEIVABLE
        legs.append(Leg(account, EXCHANGE, 0, _beyond(account, carried_at, unbilled)))
    if legs:
        _adjust(draft, loading, totals, main, legs)
    _carry_retained(draft, loading, sum(each.retention for each in sums))


def _beyond(account: str, stated: Amount, stands: Amount) -> Amount:
    stated, stands = (
        called(stated, f"{account}, as stated"),
        called(stands, f"{account}, as it stands by the rate of the day"),
    )
    return called(stated - stands, f"{account}: stated beyond the rate of the day")


def _account_of_deposit(draft: Draft, loading: Loading, stated: Stated) -> str:
    price = standing_price(_row_of_line(draft, loading, stated))
    return price.account if price is not None else CUSTOMER_DEPOSIT


def _row_of_line(draft: Draft, loading: Loading, stated: Stated) -> Entry:
    """What the line has open, else what was billed of it."""
    rest = f"{stated.row}/{UNBILLED_REST}"
    deposit = draft.entry(deposit_row(loading.contract.contract_id, stated.balance.line_id))
    return deposit or draft.entry_in_books(rest if rest in loading.rows else stated.row)


def _by_account(loading: Loading) -> Counter[str]:
    """What the contract's lines are stated to carry; nothing where no account is named."""
    return Counter(
        {
            account: sum(
                each.ledger_amount for one in loading.lines for each in one.balance.accounts if each.account == account
            )
            for account in BY_ACCOUNT
        }
        if any(one.balance.accounts for one in loading.lines)
        else {}
    )


def _more_of_rows(
    draft: Draft, loading: Loading, totals: LoadTotals, lines: Sequence[Stated], account: str
) -> dict[str, Amount]:
    """By row what an account of unbilled work lacks of what is stated: a part by itself, all else of the line in proportion, over the parts
    where nothing else is unbilled.

    1160 that one line states is of the whole contract.
    """
    stating = [one for one in lines if any(each.account == account for each in one.balance.accounts)]
    together = account == CONTRACT_ASSET and len(stating) <= 1
    found: dict[str, Amount] = {}
    for group in [lines] if together else [[one] for one in lines]:
        rows = [entry for one in group for entry in rows_of_line(draft, loading, one)]
        main = _row_of_line(draft, loading, group[0])
        of_parts: list[tuple[str, Amount]] = []
        for part, wanted in _by_part(group, account).items():
            own = [entry for entry in rows if is_of_part(entry, part)] if part is not None else rows
            rows = [entry for entry in rows if entry not in own] if part is not None else rows
            stands = [(entry.entry_id, *_unbilled_of_row(draft, group[0], entry, account)) for entry in own]
            more = _beyond(account, wanted, sum(totals.of_row(row, account, ledger) for row, _, ledger in stands))
            unbilled = [(row, amount) for row, amount, _ in stands if amount]
            if part is not None:
                of_parts += unbilled
            unbilled = unbilled or of_parts or [(main.entry_id, 1)]
            parts = allocated(more, [abs(amount) for _, amount in unbilled], loading.slot.entity.currency)
            for (row, _), each in zip(unbilled, parts, strict=True):
                found[row] = found.get(row, 0) + each
    return found


def _by_part(lines: Sequence[Stated], account: str) -> dict[str | None, Amount]:
    """What is stated of the account, what is not of a part (None) at the end."""
    stated = [each for one in lines for each in one.balance.accounts if each.account == account]
    found: dict[str | None, Amount] = {each.part: each.ledger_amount for each in stated if each.part is not None}
    found[None] = sum(each.ledger_amount for each in stated if each.part is None)
    return found


def _carry_unbilled(
    draft: Draft,
    loading: Loading,
    totals: LoadTotals,
    stated: Stated,
    legs: Sequence[Leg],
    more: Mapping[str, Mapping[str, Amount]],
) -> None:
    """Bring unbilled accounts of the line's rows to what is stated; `legs` are of the contract, on the line's main row."""
    main = _row_of_line(draft, loading, stated).entry_id
    # What a line earns over time stands with its first row, whatever of it is open.
    if stated.plan.timing == OVER_TIME and stated.row in loading.rows:
        main = stated.row
    of_rows = {main: list(legs)}
    for row in (main, *(entry.entry_id for entry in rows_of_line(draft, loading, stated) if entry.entry_id != main)):
        for account, by_row in more.items():
            if row in by_row:
                of_rows.setdefault(row, []).append(Leg(account, EXCHANGE, 0, by_row[row]))
    for row, own in of_rows.items():
        _adjust(draft, loading, totals, stated, own, row)


def _adjust(
    draft: Draft,
    loading: Loading,
    totals: LoadTotals,
    stated: Stated,
    of_accounts: Sequence[Leg],
    row: str | None = None,
) -> None:
    """On a row of the line, so that anyone who takes from it takes what is carried; the rest is exchange."""
    legs = [leg for leg in of_accounts if leg.ledger_amount]
    if not legs:
        return
    if rest := called(-sum(leg.ledger_amount for leg in legs), "what the other lines leave"):
        legs.append(Leg(EXCHANGE_DIFFERENCE, EXCHANGE, 0, rest))
    entry = draft.entry_in_books(row) if row is not None else _row_of_line(draft, loading, stated)
    work, plan = entry.standing, stated.plan
    assert work is not None, "it was brought forward"
    of = about(draft, work.identity, EXCHANGE)
    booking = booking_of(loading.slot, "posting")
    balance = stated.balance
    if balance.ledger is not None and balance.revenue:
        booking = booking._replace(exchange_rate=balance.ledger.revenue * EXCHANGE_RATE_ONE // balance.revenue)
    merged = merge(legs)
    posted = emit(draft, work, of, booking, merged, plan, plan.policies)
    totals.add(entry.entry_id, merged)
    adjusted = with_standing(entry, replace(work, journals=(*work.journals, posted)))
    draft.put_entry(entry, settle_exchange_rests(draft, adjusted))


def _carry_retained(draft: Draft, loading: Loading, retained: Amount) -> None:
    """What the statements of each payer retain is carried as it is stated of their invoices, else in proportion; all is `retained`."""
    named = {one.invoice_id: one.ledger_retention for one in loading.receivables}
    states = [state for made in loading.statements if (state := draft.statement(made)) is not None and state.retention]
    parts: list[tuple[StatementState, Amount]] = []
    others: list[StatementState] = []
    rest = retained
    for state in states:
        held = retention.account_of(draft, state.contract_id, state.bill_to).withheld
        stands = sum(one.posted_ledger for one in held if one.statement_id == state.statement_id)
        if draft.why is not None and stands:
            on_1170 = draft.why.sum(f"{carried_at(state.statement_id)}/ledger", "on 1170", loading.slot.entity.currency)
            stands = as_recorded(stands, on_1170)
        if (wanted := named.get(state.invoice_id or "")) is not None:
            parts.append((state, wanted - stands))
            rest -= wanted
        else:
            others.append(state)
            rest -= stands
    if others and rest:
        weights = [sum(amount for _, _, amount in state.retention) for state in others]
        if draft.why is not None:
            of_bills = (draft.why.figure(f"{state.statement_id}#retained") for state in others)
            weights = [as_recorded(weight, node) for weight, node in zip(weights, of_bills, strict=True)]
        parts += zip(others, allocated(rest, weights, loading.slot.entity.currency), strict=True)
    for state, part in parts:
        account = retention.account_of(draft, state.contract_id, state.bill_to)
        if draft.why is not None and part:
            node = node_of(part, "as the ledger carries it", currency=loading.slot.entity.currency)
            draft.why.add(f"{carried_at(state.statement_id)}/ledger", node)
        held = tuple(
            replace(one, posted_ledger=one.posted_ledger + plain(part))
            if one.statement_id == state.statement_id
            else one
            for one in account.withheld
        )
        draft.put("retention", composed(state.contract_id, state.bill_to), replace(account, withheld=held))


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
                stood[contract_id, entry.entry_id, account] = _unbilled_of_row(draft, stated, entry, account)[1]
        if stated.plan.timing == NO_REVENUE:
            for account in (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT):
                stood[contract_id, deposit_row(contract_id, line_id), account] = _standing_deposit(
                    draft, stated, account
                )
    return BeforeLoad(len(draft.outputs), frozenset(journals), stood, known.carried, frozenset(known.rows))


def _unbilled_of_row(draft: Draft, stated: Stated, entry: Entry, account: str) -> tuple[Amount, Amount]:
    """What the row has on an account of unbilled work, in contract and in ledger currency."""
    contract_id, currencies = stated.contract.contract_id, (stated.plan.currency, stated.plan.entity.currency)
    found = unbilled_positions(entry).get((contract_id, account), (0, 0))
    if draft.why is None or not any(found):
        return found
    had = carried(draft.why, entry, contract_id, account, currencies)
    return as_recorded(found[0], had.amount), as_recorded(found[1], had.ledger)


def _standing_deposit(draft: Draft, stated: Stated, account: str) -> Amount:
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
