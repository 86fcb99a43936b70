"""What was billed by the day of the balances: statements that nobody is sent, invoiced, paid or open, and retained from."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import (
    BAD_DEBT,
    BANK,
    RECEIVABLE,
)
from domain.billing.periods import BillingPeriod
from domain.billing.retention import Retained, is_withheld_from, priced_lines, reached
from domain.billing.shares import Party, parties_of, shared
from domain.capabilities import BROUGHT_FORWARD
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, InvoicedForward, ReceivableForward
from domain.events.finance import InvoicePosted
from domain.figure import allocated, as_recorded, node_of
from domain.identity import composed, opening_statement_id
from domain.ledger.journal import Leg
from domain.money import convert, format_amount
from domain.receivables.opening import parts_of_payers
from domain.terms.kind import NO_REVENUE
from domain.units import EXCHANGE_RATE_ONE, Amount, ExchangeRate
from domain.why import Why, exchanged, quoted
from domain.work.rows import CONCEDED
from state.billing.clearing_record import cleared_of
from state.billing.payers import PayerShare, applied_to, parties_for
from state.billing.pieces import piece_of
from state.books import (
    Contract,
    Entry,
    InvoiceCredits,
    OpeningPiece,
    Receivable,
    StatementEntry,
    StatementState,
)
from state.draft import Draft
from state.forecast.expected import months_of
from state.forecast.outlook import known as known_forecast
from state.handlers import retention
from state.handlers.invoices import opening_rate_of, post_invoice
from state.handlers.statements import DueShare, pin
from state.ledger.deposit_balance import deposit_row
from state.opening.entries import invoiced_rows
from state.opening.faults import DIFFERS, OpeningFault, Stated, row_of
from state.opening.listed_rows import taken_of
from state.opening.loading import OR_BEGIN, Loading, keep_journals, post
from state.opening.record import (
    recorded_settlement,
    say_bill,
    say_months,
    say_months_back,
    say_pieces,
    say_rate,
    to_parties,
)
from state.opening.take_rows import is_part, opening_rows
from state.opening.worked import carried_rows, day_of, due_of
from state.receivables.receivables import pay, write_off
from state.terms.periods import open_period
from state.terms.plan import contract_policies, newest_plan, plan_of
from state.totals import issued_on, month_of, outstanding, standing_price, with_issued
from state.value import plain

DAY = timedelta(days=1)
PAID = "paid"
DEPOSITS = "deposits"


class EarlierBill(NamedTuple):
    """An invoice of before: what it took of rows is `net` with what was kept back of it. `counts`: with it all that was billed is what
    something is retained from."""

    invoice_id: str
    bill_to: str
    net: Amount
    tax: Amount
    stated: ReceivableForward | None
    kept: Amount = 0
    applied: Amount = 0
    counts: bool = False


class TakenRow(NamedTuple):
    """What a bill-to was billed of a row; of several that pay, `falls` is what falls to each of all that the row is worth."""

    bill_to: str
    row: str
    line_id: str
    amount: Amount
    falls: tuple[Amount, ...] = ()


def put_on_bills(draft: Draft, loading: Loading, takes: Sequence[TakenRow]) -> None:
    """Put what was billed on statements; a deposit that is set against others is billed before."""
    for bill_to in loading.parts:
        listed, left = _on_bills(loading, bill_to, takes)
        assert not left, (
            f"contract {loading.contract.contract_id}: rows are left of what was billed by {loading.event.as_of}"
        )
        for number, bill, rows in listed:
            _invoice(draft, loading, number, bill, rows)


def _on_bills(
    loading: Loading, bill_to: str, takes: Sequence[TakenRow]
) -> tuple[list[tuple[int, EarlierBill, list[TakenRow]]], list[TakenRow]]:
    """By bill with its number, and what is left of rows: on an invoice what it is stated to bill of lines; else the oldest rows on what is
    paid, with what it gave back, the newest on the newest invoices."""
    own = [one for one in takes if one.bill_to == bill_to]
    bills = list(enumerate(_bills(loading, bill_to, sum(one.amount for one in own))))
    by_entry = {row: one for line in loading.lines for row, one in invoiced_rows(loading, line).items()}
    single = {one.row: one for one in own if one.row in by_entry}
    own = [one for one in own if one.row not in by_entry]
    on: dict[int, list[TakenRow]] = {}
    # What one gives back others have to bill.
    gives_back = {
        number for number, bill in bills if min(_invoiced(loading, bill, by_line=True).values(), default=0) < 0
    }
    for number, bill in sorted(bills, key=lambda one: one[0] not in gives_back):
        entries = [single[row] for row, one in by_entry.items() if row in single and _is_of(loading, one, bill)]
        wanted = _invoiced(loading, bill, by_line=True)
        if entries or wanted:
            listed, own = _newest(own, wanted)
            on[number] = [*entries, *listed]
    first = next((number for number, bill in bills if number in on and bill.stated is not None), None)
    for number, bill in bills:
        if number not in on or bill.stated is None:
            had = on.get(number, [])
            listed, own = _part(own, bill.net + bill.kept + bill.applied - sum(one.amount for one in had))
            on[number] = _joined([*had, *listed])
    if first is not None and own and not sum(one.amount for one in own):
        # What was conceded, and billed before that, is on the invoice that is left of it.
        on[first], own = _joined([*own, *on[first]]), []
    return [(number, bills[number][1], rows) for number, rows in on.items()], own


def _is_of(loading: Loading, one: InvoicedForward, bill: EarlierBill) -> bool:
    """With what is paid is what a paid invoice gave back."""
    if bill.stated is not None:
        return one.invoice_id == bill.stated.invoice_id
    return not bill.applied and all(one.invoice_id != each.invoice_id for each in loading.receivables)


def _invoiced(loading: Loading, bill: EarlierBill, *, by_line: bool = False) -> dict[str, Amount]:
    """By line what the invoice is stated to bill; nothing where no line states it. `by_line`: but for what it bills of single entries."""
    found: dict[str, Amount] = {}
    for one in loading.lines:
        for each in one.balance.invoiced:
            if _is_of(loading, each, bill) and not (by_line and each.entry_id is not None):
                found[one.balance.line_id] = found.get(one.balance.line_id, 0) + each.amount
    return found


def _newest(rows: Sequence[TakenRow], wanted: Mapping[str, Amount]) -> tuple[list[TakenRow], list[TakenRow]]:
    """Of each line as many of its newest rows as come to the amount, the oldest of them in part; and what is left. What is below zero the
    newest gives back."""
    rest, listed, left = dict(wanted), list[TakenRow](), list[TakenRow]()
    for one in reversed(rows):
        wants = rest.get(one.line_id, 0)
        amount = min(one.amount, wants) if wants > 0 else wants
        if amount:
            rest[one.line_id] -= amount
            listed.append(one._replace(amount=amount))
        if amount != one.amount:
            left.append(one._replace(amount=one.amount - amount))
    return listed[::-1], left[::-1]


def _joined(rows: Sequence[TakenRow]) -> list[TakenRow]:
    """Parts of one row as one."""
    found: dict[str, TakenRow] = {}
    for one in rows:
        had = found.get(one.row)
        found[one.row] = one if had is None else had._replace(amount=had.amount + one.amount)
    return [one for one in found.values() if one.amount]


def billed_rows(draft: Draft, loading: Loading) -> list[TakenRow]:
    found: list[tuple[object, TakenRow]] = []
    billed_to = {one.invoice_id: one.bill_to for one in loading.receivables}
    for stated in loading.lines:
        listed = invoiced_rows(loading, stated)
        rows = sorted(_rows_of(draft, loading, stated), key=lambda row: row[0].entry_id not in listed)
        left = {party.customer_id: _billed_to(loading, stated, party.customer_id) for party in _parties(loading)}
        for place, (entry, taken, whole) in enumerate(rows):
            parties = parties_for(loading.contract, entry, stated.balance.line_id)
            falls = _falls(draft.why, loading, left, parties, taken, is_last=place == len(rows) - 1)
            if (on := listed.get(entry.entry_id)) is not None and len(parties) > 1:
                falls = tuple(taken if party.customer_id == billed_to[on.invoice_id] else 0 for party in parties)
            if len(parties) > 1:
                rest = shared(whole - taken, parties, loading.slot.currency)
                of_all = tuple(int(one) + other for one, other in zip(falls, rest, strict=True))
            else:
                of_all = ()
            for party, amount in zip(parties, falls, strict=True):
                left[party.customer_id] = left.get(party.customer_id, 0) - amount
                if amount:
                    one = TakenRow(party.customer_id, entry.entry_id, stated.balance.line_id, amount, of_all)
                    # What was conceded comes first, so that a bill of what is left takes it.
                    found.append(("" if is_part(entry, stated, CONCEDED) else day_of(entry), one))
    found.sort(key=lambda one: (str(one[0]), one[1].line_id, one[1].row))
    return [taken for _, taken in found]


def _rows_of(draft: Draft, loading: Loading, stated: Stated) -> Iterator[tuple[Entry, Amount, Amount]]:
    """Rows of the line that were billed, oldest first: what of each was, and all that it is worth."""
    contract, line_id = loading.contract, stated.balance.line_id
    rows = [*carried_rows(draft, contract, line_id, loading.event), *opening_rows(draft, loading, line_id)]
    rows.sort(key=lambda row: not is_part(row, stated, CONCEDED))
    amounts = [due_of(draft, stated, entry) for entry in rows]
    for entry, amount, taken in zip(rows, amounts, taken_of(loading, rows, amounts, stated), strict=True):
        if taken:
            yield entry, taken, amount


def _parties(loading: Loading) -> tuple[Party, ...]:
    return parties_of(loading.contract.terms)


def _billed_to(loading: Loading, stated: Stated, customer_id: str) -> Amount:
    return loading.of(customer_id)[loading.lines.index(stated)].billed


def _falls(
    why: Why | None,
    loading: Loading,
    left: Mapping[str, Amount],
    parties: Sequence[Party],
    taken: Amount,
    *,
    is_last: bool,
) -> tuple[Amount, ...]:
    """By their shares; the last row has what is left of what was stated."""
    if len(parties) == 1:
        return (taken,)
    stated = tuple(left.get(party.customer_id, 0) for party in parties)
    if is_last and sum(stated) == taken:
        return stated
    return to_parties(why, loading.contract, taken, parties)


def unbillable(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Lines of which more, or less, is stated as billed than there is to bill: their terms gave something back, or ended."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    found: dict[str, Amount] = {}
    for one in takes:
        found[one.line_id] = found.get(one.line_id, 0) + one.amount
    for stated in loading.lines:
        balance = stated.balance
        if (had := found.get(balance.line_id, 0)) != balance.billed:
            there, billed = format_amount(had, currency), format_amount(balance.billed, currency)
            message = (
                f"line {balance.line_id}{row_of(balance.source_row)}: {billed} {currency} are stated as billed, but by its terms {there} "
                f"can be billed until {loading.event.as_of}; correct one of both, {OR_BEGIN}"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].billed", contract_id)


def unlike_payers(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Bill-tos of whom more, or less, is stated than rows have for them, or whose open invoices are more than that."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts if loading.several_pay else ():
        had = sum(one.amount for one in takes if one.bill_to == bill_to)
        stated = sum(one.billed for one in loading.of(bill_to))
        short = [bill for bill in _bills(loading, bill_to, had) if bill.stated is None and bill.net + bill.kept < 0]
        if had != stated or (short and not short[0].applied):
            there, billed = format_amount(had, currency), format_amount(stated, currency)
            message = (
                f"contract {contract_id}, bill-to {bill_to}: {billed} {currency} are stated as billed, rows by {loading.event.as_of} have "
                f"{there} for it; correct its parts or its open invoices, or leave its parts out and the contract's shares count"
            )
            yield OpeningFault(DIFFERS, message, "lines.payers", contract_id)


def unlike_invoiced(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Open invoices that are stated to bill more of lines than was billed of them, or other lines than the rest leaves."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts:
        listed, left = _on_bills(loading, bill_to, takes)
        stated = [(bill, rows, wanted) for _, bill, rows in listed if (wanted := _invoiced(loading, bill))]
        for bill, rows, wanted in stated:
            for line_id, asked in wanted.items():
                had = sum(one.amount for one in rows if one.line_id == line_id)
                if had < asked:
                    most, got = format_amount(had, currency), format_amount(asked, currency)
                    message = (
                        f"invoice {bill.invoice_id}: expected at most {most} {currency} of line {line_id}, as {bill_to} was billed, "
                        f"got {got}; what a paid invoice gave back of it is stated with its number, below 0"
                    )
                    yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)
        if stated and left:
            lines = ", ".join(sorted({one.line_id for one in left}))
            message = (
                f"contract {contract_id}, bill-to {bill_to}: its bills do not come to what was billed of line {lines}; state what each "
                "open invoice bills of lines, or of none"
            )
            yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)


def _part(rows: Sequence[TakenRow], amount: Amount) -> tuple[list[TakenRow], list[TakenRow]]:
    """As many of the rows as come to the amount, the last in part; what all are short of is on the last, for a later bill gives it back.

    rows of 100.00, bills of 110.00 and -10.00: 110.00 of the last row, then -10.00
    """
    listed: list[TakenRow] = []
    for place, one in enumerate(rows):
        if not amount:
            return listed, list(rows[place:])
        is_last = place == len(rows) - 1
        if one.amount > amount > 0 or (is_last and one.amount != amount):
            rest = one._replace(amount=one.amount - amount)
            return [*listed, one._replace(amount=amount)], [rest, *rows[place + 1 :]]
        listed.append(one)
        amount -= one.amount
    return listed, []


def _bills(loading: Loading, bill_to: str, billed: Amount) -> Iterator[EarlierBill]:
    """What is settled first, then the open invoices by day."""
    contract, lines = loading.contract, loading.of(bill_to)
    own = [each for each in loading.receivables if each.bill_to in (None, bill_to)]
    kept = sum(one.retention for one in lines) - sum(each.retention for each in own)
    applied = sum(used for _, used in _deposits_used(loading, bill_to))
    tax = sum(one.tax for one in lines) - sum(each.tax for each in own)
    net = billed - sum(each.net + each.retention for each in own) - kept
    name = f"{loading.event.project_id}/{contract.contract_id}/{bill_to}/{PAID}"
    paid = EarlierBill(name, bill_to, net, tax, None, kept, counts=True)
    counts = not (net or tax or kept or _invoiced(loading, paid))
    if not counts:
        yield paid
    if applied:
        yield EarlierBill(f"{name}/{DEPOSITS}", bill_to, -applied, 0, None, applied=applied)
    for each in sorted(own, key=lambda one: (one.invoiced_on, one.invoice_id)):
        yield EarlierBill(
            each.invoice_id, bill_to, each.net, each.tax, each, each.retention, counts=counts and each.retention > 0
        )
        counts = counts and not each.retention


def _invoice(draft: Draft, loading: Loading, number: int, bill: EarlierBill, rows: Sequence[TakenRow]) -> None:
    contract, event = loading.contract, loading.event
    made = opening_statement_id(
        (draft.engagement_id, contract.contract_id), bill.bill_to, (event.project_id, event.version), number
    )
    listed = [_issue(draft, loading, plain(bill), plain(one), one.amount) for one in rows]
    listed += _applied(draft, loading, bill) if bill.applied else []
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
        is_retained_from=contract.terms.retention is not None,
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
    _expect(draft, loading, bill)


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


def _issue(draft: Draft, loading: Loading, bill: EarlierBill, one: TakenRow, amount: Amount) -> StatementEntry:
    """The row's part is billed: it takes no room any more but its own, and no statement has it again. `amount` is recorded."""
    contract = loading.contract
    entry = draft.entry(one.row)
    assert entry is not None, "it was brought forward"
    price, found = standing_price(entry), open_period(draft, contract)
    plan = plan_of(draft, price) if price is not None else newest_plan(draft, contract, one.line_id)
    assert plan is not None, "the line is known"
    whole = piece_of(draft, entry, plan, one.line_id, one.amount, found or _any_period(loading))
    had = issued_on(entry, contract.contract_id, one.line_id)
    if had is not None or one.amount != outstanding(entry, contract.contract_id, one.line_id):
        total = outstanding(entry, contract.contract_id, one.line_id)
        whole = whole._replace(
            hours=whole.hours * one.amount // total if total else 0,
            quantity=whole.quantity * one.amount // total if total else 0,
        )
    share = PayerShare(0, bill.bill_to, whole, one.falls)
    pin(draft, contract, DueShare(entry, plan, whole, parties_for(contract, entry, one.line_id), share), 0)
    return StatementEntry(one.row, one.line_id, amount, whole.hours)


def _any_period(loading: Loading) -> BillingPeriod:
    return BillingPeriod(loading.event.as_of, loading.event.as_of + DAY)


def _applied(draft: Draft, loading: Loading, bill: EarlierBill) -> list[StatementEntry]:
    """What was set against bills of the deposits of the contract."""
    contract, found = loading.contract, []
    for one, amount in _deposits_used(loading, bill.bill_to):
        if not amount:
            continue
        entry = draft.entry(deposit_row(contract.contract_id, one.balance.line_id))
        issued = issued_on(entry, contract.contract_id, one.balance.line_id) if entry is not None else None
        assert entry is not None, "a deposit that was not due is a fault"
        assert issued is not None, "it is billed on the same statement or one before"
        draft.put_entry(entry, with_issued(entry, applied_to(issued, bill.bill_to, plain(amount))))
        found.append(StatementEntry(entry.entry_id, one.balance.line_id, -amount, 0))
    return found


def _deposits_used(loading: Loading, bill_to: str) -> Iterator[tuple[Stated, Amount]]:
    """Deposit lines, and what of each was set against bills of the payer."""
    for stated, one in zip(loading.lines, loading.of(bill_to), strict=True):
        if stated.plan.timing == NO_REVENUE:
            yield stated, one.billed - one.deposit


def _gross(loading: Loading, bill_to: str) -> Amount:
    """What the payer was billed of lines that something is withheld from."""
    own = zip(loading.lines, loading.of(bill_to), strict=True)
    return sum(one.billed for stated, one in own if is_withheld_from(stated.plan.line))


def by_payer(why: Why | None, contract: Contract, lines: Sequence[Stated]) -> Mapping[str, tuple[BalanceForward, ...]]:
    """By bill-to the lines as it has them, in their order."""
    parties = parties_of(contract.terms)

    def share(amount: Amount) -> Sequence[Amount]:
        return to_parties(why, contract, amount, parties)

    parts = [parts_of_payers(one.balance, parties, share) for one in lines]
    return {party.customer_id: tuple(of[place] for of in parts) for place, party in enumerate(parties)}


def _retain(draft: Draft, loading: Loading, bill: EarlierBill, made: str) -> retention.Pieces:
    """What the customer retains stands with the statement of the open invoice that states it, all else with that of what is paid."""
    terms = loading.contract.terms
    if terms.retention is None or not (bill.counts or bill.kept):
        return ()
    if not bill.counts:
        kept = Retained(bill.kept)
        return retention.keep(draft, terms.contract_id, bill.bill_to, made, loading.event.project_id, kept)
    price = sum(each for _, each, _ in priced_lines(terms))
    priced = {line.line_id for line, _, _ in priced_lines(terms)}
    done = sum(one.balance.billed for one in loading.lines if one.balance.line_id in priced)
    steps = [step.at_percent for step in reached(terms.retention.steps, done, price) if step.release_percent]
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
            if each.entry_id is not None:
                own = [listed for listed in own if invoiced_rows(loading, one).get(listed.entry_id) == each]
            weights = (
                [abs(listed.amount) for listed in own]
                if each.entry_id is not None
                else [max(listed.amount, 0) for listed in own]
            )
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
        taken = pay(draft, bill.invoice_id, plain(paid), mode).gross if paid else (0, 0)
        lost = write_off(draft, bill.invoice_id, plain(given_up), mode).gross if given_up else (0, 0)
        if draft.why is not None:
            taken, lost = recorded_settlement(draft.why, found, (paid, taken[1]), (given_up, lost[1]), mode)
        legs = [
            Leg(BANK, "receipt", *taken),
            Leg(BAD_DEBT, "write_off", *lost),
            Leg(RECEIVABLE, "receipt", -taken[0], -taken[1]),
            Leg(RECEIVABLE, "write_off", -lost[0], -lost[1]),
        ]
        post(draft, loading, f"{PAID}/{bill.invoice_id}", found.project_id, legs, bill.bill_to)
    now: Receivable | None = draft.part("receivable", bill.invoice_id)
    if now is not None:
        if bill.stated is not None:
            now = replace(now, invoiced_on=bill.stated.invoiced_on, due_on=bill.stated.due_on)
            draft.put("receivable", bill.invoice_id, now)
        loading.opened.append(now)


def _expect(draft: Draft, loading: Loading, bill: EarlierBill) -> None:
    """In which months the forecast has it as billed and as paid."""
    contract, stated = loading.contract, bill.stated
    last = stated.invoiced_on if stated is not None else loading.event.as_of
    bills, pays = months_of(draft, bill.bill_to, last + DAY, contract.terms.currency)
    if stated is None:
        pays = bills
    elif stated.due_on is not None:
        pays = f"{month_of(stated.due_on)}|{contract.terms.currency}"
    loading.months.append((bills, pays, bill.net + bill.kept + bill.applied, bill.net))


def put_months(draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount]) -> None:
    if draft.why is not None:
        say_months(draft.why, project_id, "billed", billed)
        say_months(draft.why, project_id, "due", due)
    _add_months(draft, project_id, billed, due, 1)


def take_back_months(draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount]) -> None:
    if draft.why is not None:
        say_months_back(draft.why, project_id, "billed", billed)
        say_months_back(draft.why, project_id, "due", due)
    _add_months(draft, project_id, billed, due, -1)


def _add_months(
    draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount], sign: int
) -> None:
    forecast, outlook = known_forecast(draft, project_id)
    sums = []
    for had, more in ((forecast.billed, billed), (forecast.due, due)):
        found = dict(had)
        for month, amount in more.items():
            found[month] = found.get(month, 0) + sign * plain(amount)
        sums.append(found)
    draft.put("forecast", project_id, replace(forecast, billed=sums[0], due=sums[1]))
    draft.put("outlook", project_id, replace(outlook, stale=True))


def begin_own(draft: Draft, loading: Loading) -> None:
    """Amounts of capabilities, each by a journal of its own."""
    for one, own in product(loading.lines, BROUGHT_FORWARD):
        amount = getattr(one.balance, own.field)
        if amount:
            policies, slot = contract_policies(draft, loading.contract), loading.slot
            mode = policies.money_mode
            ledger = convert(amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
            if draft.why is not None:
                rates = quoted(slot.exchange, policies.exchange_rate_type, slot.accounting_date, slot.entity)
                ledger = as_recorded(ledger, exchanged(node_of(amount, own.field), rates, slot.entity.currency, mode))
            legs = [Leg(own.debit, own.purpose, amount, ledger), Leg(own.credit, own.purpose, -amount, -ledger)]
            rule = f"{own.field}/{one.balance.line_id}"
            post(draft, loading, rule, loading.event.project_id, legs)
