"""What was billed by the day of the balances is put on statements that nobody is sent, invoiced, paid or open, and retained from."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from domain.accounts import BAD_DEBT, BANK, RECEIVABLE
from domain.billing.periods import BillingPeriod
from domain.billing.retention import Retained, is_withheld_from, reached
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import ReceivableForward
from domain.events.finance import InvoicePosted
from domain.explanation import negated
from domain.figure import allocated, called, node_of
from domain.identity import PAID_BEFORE, composed, opening_statement_id
from domain.ledger.journal import Leg
from domain.terms.deposit import asked_of
from domain.units import EXCHANGE_RATE_ONE, Amount, ExchangeRate
from domain.why import Why
from state.billing import retention
from state.billing.clearing_record import cleared_of
from state.billing.issued_record import named_piece, take_place
from state.billing.payers import PayerShare, applied_to, parties_for
from state.billing.pieces import piece_of
from state.billing.shares_record import DueRow, say_falls
from state.books import Contract, InvoiceCredits, OpeningPiece, Receivable, StatementEntry, StatementState
from state.draft import Draft
from state.forecast.expected import months_of, paid_on
from state.handlers.invoices import opening_rate_of, post_invoice
from state.ledger.deposit_balance import deposit_row
from state.opening.billed import EarlierBill, TakenRow, by_bill, deposits_used
from state.opening.entries import invoiced_rows
from state.opening.loading import Loading, keep_journals, post
from state.opening.record import say_bill, say_pieces, say_rate
from state.receivables.receivables import pay, say_settled, write_off
from state.statements.due import DueShare
from state.statements.issue import pin
from state.terms.periods import open_period
from state.terms.plan import contract_policies, newest_plan, plan_of, terms_on
from state.totals import issued_on, outstanding, price_and_issued, standing_price, with_issued
from state.value import plain

DAY = timedelta(days=1)


def put_on_bills(draft: Draft, loading: Loading, takes: Sequence[TakenRow]) -> None:
    """Put what was billed on statements; a deposit that is set against others is billed before."""
    for bill_to in loading.parts:
        listed, left = by_bill(loading, bill_to, takes)
        assert not left, (
            f"contract {loading.contract.contract_id}: rows are left of what was billed by {loading.event.as_of}"
        )
        for number, bill, rows in listed:
            _invoice(draft, loading, number, bill, rows)


def _invoice(draft: Draft, loading: Loading, number: int, bill: EarlierBill, rows: Sequence[TakenRow]) -> None:
    contract, event = loading.contract, loading.event
    made = opening_statement_id(
        (draft.engagement_id, contract.contract_id), bill.bill_to, (event.project_id, event.version), number
    )
    listed = [_issue(draft, loading, plain(bill), one, (made, at)) for at, one in enumerate(rows)]
    against = _applied(draft, loading, bill) if bill.applied else []
    listed += against
    draft.statements[made] = tuple(plain(listed))
    last = bill.stated.invoiced_on if bill.stated is not None else event.as_of
    state = StatementState(
        made,
        contract.contract_id,
        bill.bill_to,
        last,
        last + DAY,
        -number,
        contract.terms.currency,
        plain(bill.net),
        _due_on(draft, bill, last),
        is_retained_from=contract.terms.retention is not None,
        set_against=len(against),
    )
    loading.statements.append(made)
    if draft.why is not None:
        _say(draft.why, loading, bill, made, listed)
    pieces = _retain(draft, loading, plain(bill), made)
    state = replace(state, retention=pieces)
    draft.put("statement", made, state)
    before = len(draft.outputs)
    post_invoice(draft, state, _as_posted(event, plain(bill), made), is_carried=True)
    keep_journals(draft, loading, before)
    _keep_pieces(draft, loading, bill, made, listed)
    _carry_revenue(draft, loading, bill, made, listed)
    _settle(draft, loading, bill)
    _expect(loading, bill, state)


def _rate_of(stated: ReceivableForward | None) -> ExchangeRate | None:
    """At which the ledger carries what is open."""
    if stated is None or stated.ledger_open is None or not stated.open:
        return None
    rate: ExchangeRate = stated.ledger_open * EXCHANGE_RATE_ONE // stated.open
    return rate


def _as_posted(event: BalancesBroughtForward, bill: EarlierBill, made: str) -> InvoicePosted:
    stated = bill.stated
    rate = _rate_of(stated)
    return InvoicePosted(
        event.event_id,
        event.occurred_at,
        event.source,
        bill.invoice_id,
        event.as_of,
        bill.net,
        project_id=event.project_id,
        tax_amount=bill.tax,
        statement_id=made,
        exchange_rate=rate,
    )


def _issue(
    draft: Draft, loading: Loading, bill: EarlierBill, recorded: TakenRow, on: tuple[str, int]
) -> StatementEntry:
    """The row's part is billed: it takes no room any more but its own, and no statement has it again."""
    contract, one = loading.contract, plain(recorded)
    entry = draft.entry_in_books(one.row)
    price = standing_price(entry)
    plan = plan_of(draft, price) if price is not None else newest_plan(draft, contract, one.line_id)
    assert plan is not None, "the line is known"
    period = open_period(draft, contract) or BillingPeriod(loading.event.as_of, loading.event.as_of + DAY)
    row = entry, one.line_id, *price_and_issued(entry, plan.contract_id, one.line_id)
    whole = piece_of(draft, row, plan, one.amount, period)
    had = issued_on(entry, contract.contract_id, one.line_id)
    if had is not None or one.amount != outstanding(entry, contract.contract_id, one.line_id):
        total = outstanding(entry, contract.contract_id, one.line_id)
        whole = whole._replace(
            hours=whole.hours * one.amount // total if total else 0,
            quantity=whole.quantity * one.amount // total if total else 0,
        )
    share = PayerShare(0, bill.bill_to, whole, one.falls)
    parties = parties_for(contract, entry, had)
    if draft.why is not None:
        amount = named_piece(draft.why, *on, one.amount, plan.currency)
        place = contract.contract_id, one.line_id, one.row
        take_place(draft.why, place, bill.bill_to if one.falls else "", on[0], amount)
    pin(draft, contract, DueShare(entry, plan, whole, parties, share), 0)
    _keep_rest(draft, contract, one)
    if draft.why is not None and one.falls:
        falls = {party.customer_id: each for party, each in zip(parties, recorded.falls, strict=True)}
        say_falls(draft.why, contract, DueRow(one.row, one.line_id, sum(one.falls)), falls)
    return StatementEntry(one.row, one.line_id, recorded.amount, whole.hours)


def _keep_rest(draft: Draft, contract: Contract, taken: TakenRow) -> None:
    entry, issued = draft.issued_in_books(taken.row, contract.contract_id, taken.line_id)
    rest = outstanding(entry, contract.contract_id, taken.line_id)
    draft.put_entry(entry, with_issued(entry, replace(issued, rest=rest)))


def _applied(draft: Draft, loading: Loading, bill: EarlierBill) -> list[StatementEntry]:
    """What was set against bills of the deposits of the contract."""
    contract, found = loading.contract, []
    for one, amount in deposits_used(loading, bill.bill_to):
        if not amount:
            continue
        place = contract.contract_id, one.balance.line_id
        entry, issued = draft.issued_in_books(deposit_row(*place), *place)
        draft.put_entry(entry, with_issued(entry, applied_to(issued, bill.bill_to, plain(amount))))
        found.append(StatementEntry(entry.entry_id, one.balance.line_id, -amount, 0))
    return found


def _gross(loading: Loading, bill_to: str) -> Amount:
    """What the payer was billed of lines that something is withheld from."""
    own = zip(loading.lines, loading.of(bill_to), strict=True)
    return sum(one.billed for stated, one in own if is_withheld_from(stated.plan.line))


def _retain(draft: Draft, loading: Loading, bill: EarlierBill, made: str) -> retention.Pieces:
    """What the customer retains stands with the statement of the open invoice that states it, all else with that of what is paid."""
    contract, day = loading.contract, loading.event.as_of
    terms = contract.terms
    if terms.retention is None or not (bill.counts or bill.kept):
        return ()
    if not bill.counts:
        kept = Retained(bill.kept)
        return retention.keep(draft, terms.contract_id, bill.bill_to, made, loading.event.project_id, kept)
    prices = {line.line_id: price for line, price in retention.prices(draft, contract, day)}
    done = sum(one.balance.billed for one in loading.lines if one.balance.line_id in prices)
    agreed = terms_on(contract, day).retention or terms.retention
    steps = [step.at_percent for step in reached(agreed.steps, done, sum(prices.values())) if step.release_percent]
    account = retention.account_of(draft, terms.contract_id, bill.bill_to)
    kept = Retained(
        bill.kept, 0, plain(_gross(loading, bill.bill_to)), max(steps, default=account.reached), counts=True
    )
    return retention.keep(draft, terms.contract_id, bill.bill_to, made, loading.event.project_id, kept)


def _say(why: Why, loading: Loading, bill: EarlierBill, made: str, listed: Sequence[StatementEntry]) -> None:
    by_line = {one.balance.line_id: one for one in loading.lines}
    pieces = [(by_line[one.line_id], one.entry_id, one.amount) for one in listed]
    say_pieces(why, made, pieces, bill.bill_to)
    amounts = bill.net, bill.tax, bill.kept, _gross(loading, bill.bill_to)
    say_bill(why, made, amounts, loading.slot.currency)
    if bill.kept:
        asked = asked_of(loading.contract.contract_id, bill.bill_to)
        why.add(asked, negated("retained", why.figure(f"{made}#retained")))
    if bill.stated is not None and (rate := _rate_of(bill.stated)) is not None:
        say_rate(why, opening_rate_of(made), bill.stated, rate)


def _keep_pieces(
    draft: Draft, loading: Loading, bill: EarlierBill, made: str, listed_on: Sequence[StatementEntry]
) -> None:
    taken: InvoiceCredits | None = draft.part("credits", bill.invoice_id)
    relieved: Mapping[str, Amount] = taken.relieved if taken is not None else {}
    for listed in listed_on:
        ledger = relieved.get(composed(listed.entry_id, listed.line_id), plain(listed.amount))
        loading.pieces.append(
            OpeningPiece(made, bill.bill_to, listed.entry_id, listed.line_id, listed.amount, listed.hours, 0, ledger)
        )


def _carry_revenue(
    draft: Draft, loading: Loading, bill: EarlierBill, made: str, listed_on: Sequence[StatementEntry]
) -> None:
    """What a credit memo takes back of the invoice, as the ledger is stated to have it."""
    credits_of: InvoiceCredits | None = draft.part("credits", bill.invoice_id)
    if credits_of is None:
        return
    relieved, currency = dict(credits_of.relieved), loading.slot.entity.currency
    for one in loading.lines:
        for each in one.balance.invoiced:
            if each.invoice_id != bill.invoice_id or each.ledger_revenue is None:
                continue
            own = [listed for listed in listed_on if listed.line_id == one.balance.line_id]
            weights = [max(listed.amount, 0) for listed in own]
            if each.entry_id is not None:
                own = [listed for listed in own if invoiced_rows(loading, one).get(listed.entry_id) == each]
                weights = [abs(listed.amount) for listed in own]
            for listed, part in zip(own, allocated(each.ledger_revenue, weights, currency), strict=True):
                row = composed(listed.entry_id, listed.line_id)
                relieved[row] = plain(part)
                if draft.why is not None:
                    draft.why.record(
                        cleared_of(made, row), part, node_of(part, "revenue of the row", currency=currency)
                    )
    if relieved != credits_of.relieved:
        draft.put("credits", bill.invoice_id, replace(credits_of, relieved=relieved, same_rate=False))


def _settle(draft: Draft, loading: Loading, bill: EarlierBill) -> None:
    """What of the invoice was paid, or given up."""
    gross = bill.net + bill.tax
    settled = gross if bill.stated is None else gross - bill.stated.open
    left = sum(one.written_off for one in loading.of(bill.bill_to)) - loading.given_up.get(bill.bill_to, 0)
    given_up = max(min(left, settled), 0)
    paid = settled - given_up
    found: Receivable | None = draft.part("receivable", bill.invoice_id)
    if found is not None and (paid or given_up):
        loading.given_up[bill.bill_to] = loading.given_up.get(bill.bill_to, 0) + given_up
        mode = contract_policies(draft, loading.contract).money_mode
        taken = pay(draft, bill.invoice_id, called(paid, "settled"), mode) if paid else (0, 0)
        lost = write_off(draft, bill.invoice_id, called(given_up, "settled"), mode) if given_up else (0, 0)
        legs = [
            Leg(BANK, "receipt", *taken),
            Leg(BAD_DEBT, "write_off", *lost),
            Leg(RECEIVABLE, "receipt", -taken[0], -taken[1]),
            Leg(RECEIVABLE, "write_off", -lost[0], -lost[1]),
        ]
        post(draft, loading, f"{PAID_BEFORE}/{bill.invoice_id}", found.project_id, legs, bill.bill_to)
    if draft.why is not None and found is not None:
        say_settled(draft.why, found)
    now: Receivable | None = draft.part("receivable", bill.invoice_id)
    if now is not None:
        if bill.stated is not None:
            now = replace(now, invoiced_on=bill.stated.invoiced_on, due_on=bill.stated.due_on)
            draft.put("receivable", bill.invoice_id, now)
        loading.opened.append(now)


def _due_on(draft: Draft, bill: EarlierBill, last: date) -> date:
    """The day that is stated, else by the payment terms; what is paid in full is not waited for."""
    if bill.stated is None:
        return last
    return bill.stated.due_on or paid_on(draft, bill.bill_to, last)


def _expect(loading: Loading, bill: EarlierBill, statement: StatementState) -> None:
    """In which months the forecast has it as billed and as paid."""
    bills, pays = months_of(statement, statement.expected_on)
    loading.months.append((bills, pays, bill.net + bill.kept + bill.applied, bill.net))
