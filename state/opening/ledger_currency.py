"""Contracts in another currency: each account is brought to what the ledger is stated to carry."""

from collections import Counter
from collections.abc import Mapping, Sequence

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
from domain.identity import composed
from domain.ledger.journal import Leg, merge
from domain.money import allocate
from domain.outputs import JournalEntry
from domain.terms.kind import NO_REVENUE
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.work.rows import OPENING, row_id
from state.books import BroughtForward, Entry
from state.draft import Draft
from state.handlers import retention
from state.ledger.deposit_balance import balance as deposit_balance
from state.ledger.deposit_balance import deposit_row
from state.ledger.posting import about, booking_of, emit, with_standing
from state.opening.faults import Stated
from state.opening.ledger_faults import BY_ACCOUNT
from state.opening.loading import UNBILLED_REST, Loading
from state.opening.record import say_exchange
from state.opening.work_rows import carried_rows, opening_rows
from state.totals import standing_price, unbilled_positions

EXCHANGE = "exchange_difference"


def taken_since(draft: Draft, known: BroughtForward) -> dict[tuple[str, str], Amount]:
    """What statements made here have taken of the rows, by row and account, in ledger currency; asked for once those of before are out
    of the books. A load that corrects another leaves it where it is."""
    found: dict[tuple[str, str], Amount] = {}
    for row in dict.fromkeys((*known.rows, *(piece.entry_id for piece in known.pieces))):
        entry = draft.entry(row)
        for issued in entry.issued if entry is not None else ():
            place = row, issued.account
            found[place] = found.get(place, 0) + issued.invoiced_ledger
    return found


def carry_in_ledger(draft: Draft, loading: Loading, since: Mapping[tuple[str, str], Amount]) -> None:
    """Bring each account to what the ledger carries; 7110 has what is left, which exchange rates had made by then.

    `since` is what was taken of rows after an earlier load (`taken_since`).
    """
    stated = [(one, one.balance.ledger) for one in loading.lines if one.balance.ledger is not None]
    deposits = [(one, ledger) for one, ledger in stated if one.plan.timing == NO_REVENUE]
    others = [(one, ledger) for one, ledger in stated if one.plan.timing != NO_REVENUE]
    if not stated:
        return
    stands = _in_ledger(draft, loading)
    sums = [ledger for _, ledger in stated]
    by_account = _by_account(loading)
    revenue: list[tuple[str, tuple[str, ...], Amount]] = [
        (SERVICE_REVENUE, REVENUE, -sum(each.revenue for each in sums))
    ]
    if by_account:
        revenue = [(account, (account,), by_account[account]) for account in (*REVENUE, CURRENCY_ROUNDING)]
    wanted = (
        *revenue,
        (OUTPUT_TAX, (OUTPUT_TAX,), -sum(each.tax for each in sums)),
        (BANK, (BANK,), sum(each.paid for each in sums)),
        (BAD_DEBT, (BAD_DEBT,), sum(each.written_off for each in sums)),
        (RETENTION_RECEIVABLE, (RETENTION_RECEIVABLE,), sum(each.retention for each in sums)),
    )
    legs = [Leg(to, EXCHANGE, 0, amount - sum(stands.get(one, 0) for one in of)) for to, of, amount in wanted]
    kept = next((leg.ledger_amount for leg in legs if leg.account == RETENTION_RECEIVABLE), 0)
    unbilled = sum(stands.get(one, 0) for one in (*UNBILLED, CONTRACT_LIABILITY))
    for one, ledger in deposits:
        had, account = _deposit_in_ledger(draft, loading, one)
        had += since.get((deposit_row(loading.contract.contract_id, one.balance.line_id), account), 0)
        unbilled -= had if account == CONTRACT_LIABILITY else 0
        _adjust(draft, loading, one, [Leg(account, EXCHANGE, 0, -ledger.deposit - had)])
    main = (others or deposits)[0][0]
    if others and by_account:
        on_liability = sum(stands.get(one, 0) for one in (*UNBILLED, CONTRACT_LIABILITY)) - unbilled
        for account in (CONTRACT_ASSET, CONTRACT_LIABILITY):
            own = stands.get(account, 0) - (on_liability if account == CONTRACT_LIABILITY else 0)
            legs.append(Leg(account, EXCHANGE, 0, by_account[account] - own))
        for one, _ in others:
            _carry_receivable(draft, loading, one, legs if one is main else [], since)
        legs = []
    elif others:
        price = standing_price(_row_of_line(draft, loading, main.balance.line_id))
        account = price.account if price is not None and price.account not in REVENUE else ""
        carried_at = sum(ledger.unbilled for _, ledger in others)
        legs.append(Leg(account or UNBILLED_RECEIVABLE, EXCHANGE, 0, carried_at - unbilled))
    if legs:
        _adjust(draft, loading, main, legs)
    if kept:
        _carry_retained(draft, loading, kept)


def _deposit_in_ledger(draft: Draft, loading: Loading, stated: Stated) -> tuple[Amount, str]:
    """What stands of the deposit, and on which account."""
    contract_id, line_id = loading.contract.contract_id, stated.balance.line_id
    price = standing_price(_row_of_line(draft, loading, line_id))
    account = price.account if price is not None else CUSTOMER_DEPOSIT
    return deposit_balance(draft, contract_id, line_id, account)[1], account


def _row_of_line(draft: Draft, loading: Loading, line_id: str) -> Entry:
    """What the line has open, else what was billed of it."""
    contract_id = loading.contract.contract_id
    row = row_id(OPENING, composed(contract_id, line_id))
    found = draft.entry(f"{row}/{UNBILLED_REST}" if f"{row}/{UNBILLED_REST}" in loading.rows else row)
    found = draft.entry(deposit_row(contract_id, line_id)) or found
    assert found is not None, "it was brought forward"
    return found


def _in_ledger(draft: Draft, loading: Loading) -> dict[str, Amount]:
    """What this event's journals of the contract carry by account."""
    found: dict[str, Amount] = {}
    made = {record.journal_id for record in draft.outputs if isinstance(record, JournalEntry)}
    for record in draft.outputs:
        if isinstance(record, JournalEntry) and record.contract_id == loading.contract.contract_id:
            if record.reverses is not None and record.reverses not in made:
                continue  # what was charged here before is taken back
            for line in record.lines:
                if record.currency == loading.slot.currency and line.project_id == loading.event.project_id:
                    found[line.account] = found.get(line.account, 0) + line.ledger_amount
    return found


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


def _carry_receivable(
    draft: Draft, loading: Loading, stated: Stated, legs: Sequence[Leg], since: Mapping[tuple[str, str], Amount]
) -> None:
    """Bring 1150 of the line to what is stated, on the rows that have it, in proportion; `legs` are of the contract, on its row."""
    contract_id, line_id = loading.contract.contract_id, stated.balance.line_id
    rows = [*carried_rows(draft, loading.contract, line_id, loading.event), *opening_rows(draft, loading, line_id)]
    stands = [(entry, *unbilled_positions(entry).get((contract_id, UNBILLED_RECEIVABLE), (0, 0))) for entry in rows]
    wanted = sum(each.ledger_amount for each in stated.balance.accounts if each.account == UNBILLED_RECEIVABLE)
    taken = sum(since.get((entry.entry_id, UNBILLED_RECEIVABLE), 0) for entry in rows)
    more = wanted - taken - sum(ledger for _, _, ledger in stands)
    main = _row_of_line(draft, loading, line_id)
    unbilled = [(entry, amount) for entry, amount, _ in stands if amount] or [(main, 1)]
    parts = allocate(more, [abs(amount) for _, amount in unbilled], loading.slot.entity.currency)
    of_rows = {entry.entry_id: part for (entry, _), part in zip(unbilled, parts, strict=True)}
    own = Leg(UNBILLED_RECEIVABLE, EXCHANGE, 0, of_rows.pop(main.entry_id, 0))
    _adjust(draft, loading, stated, [*legs, own])
    for row, part in of_rows.items():
        _adjust(draft, loading, stated, [Leg(UNBILLED_RECEIVABLE, EXCHANGE, 0, part)], row)


def _adjust(draft: Draft, loading: Loading, stated: Stated, of_accounts: Sequence[Leg], row: str | None = None) -> None:
    """On a row of the line, so that anyone who takes from it takes what is carried; the rest is exchange."""
    legs = [leg for leg in of_accounts if leg.ledger_amount]
    if not legs:
        return
    if rest := -sum(leg.ledger_amount for leg in legs):
        legs.append(Leg(EXCHANGE_DIFFERENCE, EXCHANGE, 0, rest))
    entry = draft.entry(row) if row is not None else _row_of_line(draft, loading, stated.balance.line_id)
    assert entry is not None, "it was brought forward"
    work, plan = entry.standing, stated.plan
    assert work is not None, "it was brought forward"
    of = about(draft, work.identity, EXCHANGE)
    booking = booking_of(loading.slot, "posting")
    balance = stated.balance
    if balance.ledger is not None and balance.revenue:
        booking = booking._replace(exchange_rate=balance.ledger.revenue * EXCHANGE_RATE_ONE // balance.revenue)
    posted = emit(draft, work, of, booking, merge(legs), plan, plan.policies)
    draft.put_entry(entry, with_standing(entry, replace(work, journals=(*work.journals, posted))))
    if draft.why is not None:
        currencies = loading.slot.currency, loading.slot.entity.currency
        say_exchange(draft.why, posted.journal_id, loading.event, stated.place, (work.project_id, legs), currencies)


def _carry_retained(draft: Draft, loading: Loading, ledger: Amount) -> None:
    """What the statements of each payer retain is carried in proportion."""
    states = [state for made in loading.statements if (state := draft.statement(made)) is not None and state.retention]
    weights = [sum(amount for _, _, amount in state.retention) for state in states]
    for state, part in zip(states, allocate(ledger, weights, loading.slot.entity.currency), strict=True):
        account = retention.account_of(draft, state.contract_id, state.bill_to)
        held = tuple(
            replace(one, posted_ledger=one.posted_ledger + part) if one.statement_id == state.statement_id else one
            for one in account.withheld
        )
        draft.put("retention", composed(state.contract_id, state.bill_to), replace(account, withheld=held))
