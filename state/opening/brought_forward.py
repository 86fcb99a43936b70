"""Balances of running projects: checked as a whole, then entered as a short history of one day.

What terms charged by themselves is charged by them (`fees`, `revenue`), posted on the day of the balances; what work came to is a row a
line. What was billed is put on statements that nobody is sent, one for each invoice that is still open and one for the rest, and these are
invoiced and paid. All of its journals are memos: the ERP has what they say. From there on every rule reads rows, statements, invoices
and receivables as it always does.

    revenue 15,000.00, billed 12,000.00, paid 9,000.00, open 3,000.00:
    Dr 1150 15,000.00  Cr 4000 15,000.00;  Dr 1100 12,000.00  Cr 1150 12,000.00;  Dr 1010 9,000.00  Cr 1100 9,000.00
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import (
    BAD_DEBT,
    BANK,
    CONTRACT_LIABILITY,
    CUSTOMER_DEPOSIT,
    EXCHANGE_DIFFERENCE,
    ONEROUS_LOSS,
    OUTPUT_TAX,
    PROVISION,
    RECEIVABLE,
    RETENTION_RECEIVABLE,
    REVENUE,
    SERVICE_REVENUE,
    UNBILLED,
    UNBILLED_RECEIVABLE,
)
from domain.billing.periods import BillingPeriod
from domain.billing.retention import Retained, is_withheld_from, priced_lines, reached
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, ReceivableForward
from domain.events.finance import InvoicePosted
from domain.identity import composed, opening_statement_id
from domain.ledger.journal import Booking, Leg, merge
from domain.money import convert, format_amount
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.reference.zones import universal_midnight
from domain.terms import methods
from domain.terms.kind import INCLUDED, NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.units import EXCHANGE_RATE_ONE, QUANTITY_ONE, Amount, Hours
from domain.why import Why
from domain.work.rows import OPENING, row_id
from state.billing.approval import tried
from state.billing.payers import PayerShare, applied_to, parties_for
from state.billing.pieces import piece_of
from state.books import (
    Acceptance,
    BroughtForward,
    Charge,
    Contract,
    Entry,
    InvoiceCredits,
    OpenException,
    OpeningJournal,
    OpeningPiece,
    OpeningWork,
    Receipt,
    Receivable,
    Reports,
    RetentionAccount,
    StatementEntry,
    StatementState,
    Work,
)
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.facts import is_new
from state.forecast.expected import months_of
from state.forecast.outlook import known as known_forecast
from state.handlers import fees, retention, revenue
from state.handlers.invoices import post_invoice
from state.handlers.statements import DueShare, pin
from state.handlers.work import retry_parked, take, withdraw
from state.ledger.deposit_balance import balance as deposit_balance
from state.ledger.deposit_balance import deposit_row
from state.ledger.posting import about, booking_of, emit, with_standing
from state.opening.faults import DIFFERS, OpeningFault, Stated, faults_of, row_of, stated_lines
from state.opening.record import say_bill, say_exchange, say_months, say_payment, say_pieces, say_row
from state.receivables import receipts
from state.receivables.receivables import pay, write_off
from state.terms.known import Slot, exchange_on, period
from state.terms.opening import KIND, balances_of
from state.terms.periods import closes_on, open_period, schedule
from state.terms.plan import LinePlan, contract_policies, newest_plan
from state.totals import issued_on, month_of, outstanding, standing_price, with_issued

DAY = timedelta(days=1)
EXPENSES = "expenses"
UNBILLED_REST = "unbilled"
DESCRIPTION = "Brought forward"
PAID = "paid"
DEPOSITS = "deposits"
EXCHANGE = "exchange_difference"


def on_balances_brought_forward(draft: Draft, event: BalancesBroughtForward) -> None:
    if not is_new(draft, KIND, event.project_id, event.version, event):
        return
    known = balances_of(draft, event.project_id) or BroughtForward(event, draft.cause.log_offset)
    draft.put(KIND, event.project_id, replace(known, event=event, log_offset=draft.cause.log_offset))
    _advance(draft, event.project_id)


def retry(draft: Draft) -> None:
    """A contract is in force: balances that waited for it may be loaded, before it charges anything of the days that they include."""
    for project_id in draft.ids(KIND):
        known = balances_of(draft, project_id)
        if known is not None and known.category:
            _advance(draft, project_id)


def after_event(draft: Draft) -> None:
    """What balances wait for may have come."""
    if draft.rows or draft.kinds or draft.cause.kind in ("accounting_period", "exchange_rate"):
        retry(draft)


def _advance(draft: Draft, project_id: str) -> None:
    """Load the newest balances where nothing is wrong with them; else say what is, and leave the books as they are."""
    known = balances_of(draft, project_id)
    assert known is not None, "they were stated"
    faults = list(faults_of(draft, known)) or _load(tried(draft), known)
    _tell(draft, known, faults)
    waits = tuple(sorted({key for fault in faults for key in fault.waits}))
    name = f"{KIND}:{project_id}"
    draft.waits_removed |= {(kind, key, name) for kind, key in known.waits}
    draft.waits_added |= {(kind, key, name) for kind, key in waits}
    draft.waits_removed -= draft.waits_added
    known = replace(known, category=faults[0].category if faults else "", waits=waits)
    draft.put(KIND, project_id, known)
    if not faults:
        unfit = _load(draft, known)
        assert not unfit, "it was tried on a copy of the books"


def _tell(draft: Draft, known: BroughtForward, faults: Sequence[OpeningFault]) -> None:
    """One exception a category, with all that is wrong of it."""
    project_id = known.event.project_id
    said: dict[str, list[OpeningFault]] = {}
    for fault in faults:
        said.setdefault(fault.category, []).append(fault)
    for exception_id in draft.ids("exception"):
        noted: OpenException = draft.part("exception", exception_id)
        if (noted.subject_kind, noted.subject_id) == (KIND, project_id) and noted.category not in (
            *said,
            "conflicting_version",
        ):
            draft.close_exception(exception_id)
    for category, of in said.items():
        message = "; ".join(fault.message for fault in of)
        exception_id = draft.exception_id(category, KIND, project_id)
        noted_before: OpenException | None = draft.part("exception", exception_id)
        if noted_before is not None and noted_before.message != message:
            draft.revise_exception(replace(noted_before, message=message, field=of[0].field))
        draft.raise_exception(
            category,
            KIND,
            project_id,
            message,
            project_id=project_id,
            contract_id=of[0].contract_id,
            field=of[0].field,
            version=known.event.version,
        )


# Into the books


class _Loading(NamedTuple):
    """One contract's part of balances that are loaded, and what is made of them so far."""

    contract: Contract
    event: BalancesBroughtForward
    slot: Slot
    lines: tuple[Stated, ...]
    receivables: tuple[ReceivableForward, ...]
    rows: list[str]
    pieces: list[OpeningPiece]
    statements: list[str]
    journals: list[OpeningJournal]
    opened: list[Receivable]
    months: list[tuple[str, str, Amount, Amount]]


def _load(draft: Draft, known: BroughtForward) -> list[OpeningFault]:
    """What shows only when the terms have charged what they charge by themselves; the books are of no use then."""
    event = known.event
    later = _unload(draft, known)
    project = draft.moved(event.project_id)
    draft.put_project(replace(project, begins_after=event.as_of))
    # From here on what terms charge of these days is carried.
    loaded = replace(known, loaded=event, journals=(), statements=(), pieces=(), receivables=(), rows=known.rows)
    draft.put(KIND, event.project_id, loaded)
    stated = stated_lines(draft, event)
    parts = []
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = tuple(one for one in stated if one.contract.contract_id == contract_id)
        loading = _load_contract(draft, event, own)
        takes = _billed_rows(draft, loading)
        if unfit := list(_unbillable(loading, takes)):
            return unfit
        _bill(draft, loading, takes)
        _provide(draft, loading)
        if loading.slot.currency != loading.slot.entity.currency:
            _carry(draft, loading)
        parts.append(loading)
    rows = tuple(dict.fromkeys((*known.rows, *(row for part in parts for row in part.rows))))
    for row in known.rows:
        entry = draft.entry(row)
        if entry is not None and entry.work is not None and not any(row in part.rows for part in parts):
            withdraw(draft, row, entry.version + 1)
    _take_later(draft, later)
    billed: dict[str, Amount] = {}
    due: dict[str, Amount] = {}
    for bills, pays, amount, is_due in (one for part in parts for one in part.months):
        billed[bills] = billed.get(bills, 0) + amount
        due[pays] = due.get(pays, 0) + is_due
    _put_months(draft, event, billed, due, 1)
    draft.put(
        KIND,
        event.project_id,
        replace(
            loaded,
            rows=rows,
            journals=tuple(one for part in parts for one in part.journals),
            statements=tuple(one for part in parts for one in part.statements),
            pieces=tuple(one for part in parts for one in part.pieces),
            receivables=tuple(one for part in parts for one in part.opened),
            billed=billed,
            due=due,
            milestones=tuple(each.milestone_id for one in stated for each in one.balance.milestones),
        ),
    )
    retry_parked(draft)
    return []


def _load_contract(draft: Draft, event: BalancesBroughtForward, lines: tuple[Stated, ...]) -> _Loading:
    contract = _begin(draft, lines[0].contract, event)
    for one in lines:
        _know(draft, contract, one, event)
    fees.settle(draft, contract, event.as_of)
    revenue.settle(draft, contract, event.as_of)
    slot = _slot(draft, contract, event)
    mine = tuple(each for each in event.receivables if each.contract_id in (None, contract.contract_id))
    loading = _Loading(contract, event, slot, lines, mine, [], [], [], [], [], [])
    for one in lines:
        _bring_work(draft, loading, one)
    return loading


def _begin(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Contract:
    """The oldest billing period that is not closed is the first that had not closed before the last day of the balances."""
    while (period_ := open_period(draft, contract)) is not None and closes_on(
        draft, contract, period_
    ) < event.as_of.isoformat():
        contract = replace(contract, period_start=period_.to)
    if contract is not draft.contract(contract.contract_id):
        draft.put("contract", contract.contract_id, contract)
    schedule(draft, contract)
    return contract


def _know(draft: Draft, contract: Contract, stated: Stated, event: BalancesBroughtForward) -> None:
    """What the terms ask for: milestones that were accepted, how far the line had come."""
    for each in stated.balance.milestones:
        found = Acceptance(each.accepted_on, contract.contract_id, stated.balance.line_id, event.project_id)
        draft.put("milestone", each.milestone_id, found)
    if stated.balance.percent is not None:
        part_id = composed(contract.contract_id, stated.balance.line_id)
        had: Reports = draft.part("reports", part_id) or Reports()
        said = [one for one in had.said if one[0] > 0]
        draft.put("reports", part_id, Reports(((0, event.as_of, stated.balance.percent), *said)))


def _slot(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Slot:
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    assert entity is not None, "terms of an unknown entity are refused"
    policies = contract_policies(draft, contract)
    exchange = exchange_on(draft, policies, contract.terms.currency, entity.currency, event.as_of, event.as_of)
    assert isinstance(exchange, Exchange), "a missing rate is a fault"
    return Slot(entity, contract.terms.currency, event.as_of, period(draft, entity, event.as_of).name, exchange)


# Work


def _carried_rows(draft: Draft, contract: Contract, line_id: str, event: BalancesBroughtForward) -> list[Entry]:
    """What the line has charged and earned by itself, oldest first."""
    known = line_fees(draft, contract, line_id)
    found = (draft.entry(row) for row in (*known.rows, *known.earned))
    carried = (
        entry
        for entry in found
        if entry is not None
        and entry.work is not None
        and entry.work.charge is not None
        and entry.work.charge.carried_on == event.as_of
        and standing_price(entry) is not None
    )
    return sorted(carried, key=lambda entry: (_day(entry), entry.entry_id))


def _day(entry: Entry) -> object:
    price = standing_price(entry)
    assert price is not None, "it is priced"
    return price.day


def _bring_work(draft: Draft, loading: _Loading, stated: Stated) -> None:
    """Rows of what work on the line came to, so that the line comes to what is stated with what its terms charged."""
    contract, balance, plan = loading.contract, stated.balance, stated.plan
    line_id = balance.line_id
    charged = _carried_rows(draft, contract, line_id, loading.event)
    prices = [price for entry in charged if (price := standing_price(entry)) is not None]
    due = sum(outstanding(entry, contract.contract_id, line_id) for entry in charged)
    earned = sum(price.earns for price in prices)
    billed = balance.billed - min(due, balance.billed)
    rest, earns = balance.over_cap, None
    if plan.timing == OVER_TIME:
        earns = balance.revenue - earned
    elif plan.timing not in (WITH_INVOICE, NO_REVENUE):
        rest += balance.revenue - earned - billed
    hours = _billable_hours(plan, balance)
    uncounted, uncounted_hours = _uncounted(plan, balance, billed + rest, hours, month_of(loading.event.as_of))
    if balance.units is not None:  # deliveries share steps as one
        billed, rest = billed + rest, 0
    # Hours are worth what all of them are worth together.
    open_hours = hours * rest // (billed + rest) if rest and billed + rest else 0
    own = min(uncounted, max(billed, 0)), min(uncounted_hours, hours - open_hours)
    cost = balance.cost - balance.expenses
    if billed or balance.hours or cost or hours or earns or uncounted or balance.ledger is not None:
        work = OpeningWork(balance.hours, hours - open_hours, cost, *own)
        _take(draft, loading, stated, "", billed, work, earned=earns)
    if rest:
        work = OpeningWork(0, open_hours, 0, uncounted - own[0], uncounted_hours - own[1])
        _take(draft, loading, stated, UNBILLED_REST, rest, work)
    if balance.expenses:
        _take(draft, loading, stated, EXPENSES, 0, OpeningWork(cost=balance.expenses))


def _billable_hours(plan: LinePlan, balance: BalanceForward) -> Hours:
    """Those that are charged; none where the terms' own charges are for them."""
    if balance.billable_hours is not None:
        return balance.billable_hours
    return 0 if methods.hours_charged(plan.line.terms) == INCLUDED else balance.hours


def _uncounted(
    plan: LinePlan, balance: BalanceForward, value: Amount, hours: Hours, month: str
) -> tuple[Amount, Hours]:
    """What of the work's value, and of its hours, caps do not count, or count no more."""
    if not plan.rules:
        return 0, 0
    now = [one for one in balance.caps if one.month is None or month_of(one.month) == month]
    used = max((balance.cap_used, *(one.amount for one in now))) + balance.over_cap
    used_hours = max((one.hours for one in now), default=0)
    beyond = max(value - used, 0)
    if used_hours or not value:
        return beyond, max(hours - used_hours, 0)
    return beyond, hours * beyond // value


def _take(
    draft: Draft,
    loading: _Loading,
    stated: Stated,
    part: str,
    amount: Amount,
    work: OpeningWork,
    *,
    earned: Amount | None = None,
) -> None:
    contract, event, balance = loading.contract, loading.event, stated.balance
    charge_id = composed(contract.contract_id, balance.line_id) + (f"/{part}" if part else "")
    row = row_id(OPENING, charge_id)
    entry = draft.entry(row)
    charge = Charge(
        OPENING,
        charge_id,
        entry.version + 1 if entry is not None else 1,
        event.project_id,
        event.as_of,
        universal_midnight(event.as_of),
        contract.terms.currency,
        amount,
        contract.contract_id,
        balance.line_id,
        description=DESCRIPTION,
        category=EXPENSES if part == EXPENSES else None,
        quantity=(balance.units if not part else 0) if balance.units is not None else QUANTITY_ONE,
        earned=earned,
        carried_on=event.as_of,
        opening=work,
    )
    if draft.why is not None:
        say_row(draft.why, row, stated, event, charge, part)
    take(draft, row, Work(None, draft.cause.log_offset, charge=charge))
    loading.rows.append(row)


# Bills


class _Bill(NamedTuple):
    """An invoice of before: what it took of rows is `net` with what was kept back of it."""

    invoice_id: str
    bill_to: str
    net: Amount
    tax: Amount
    stated: ReceivableForward | None
    kept: Amount = 0
    applied: Amount = 0


class _Taken(NamedTuple):
    bill_to: str
    row: str
    line_id: str
    amount: Amount


def _bill(draft: Draft, loading: _Loading, takes: Sequence[_Taken]) -> None:
    """Put what was billed on statements, the oldest rows on what is paid, the newest on the newest invoices."""
    contract, event = loading.contract, loading.event
    for bill_to in dict.fromkeys(one.bill_to for one in takes):
        own = [one for one in takes if one.bill_to == bill_to]
        for number, bill in enumerate(_bills(loading, bill_to, sum(one.amount for one in own))):
            listed, own = _part(own, bill.net + bill.kept + bill.applied)
            _invoice(draft, loading, number, bill, listed)
        assert not own, f"contract {contract.contract_id}: rows are left of what was billed by {event.as_of}"


def _billed_rows(draft: Draft, loading: _Loading) -> list[_Taken]:
    found: list[tuple[object, _Taken]] = []
    contract = loading.contract
    for stated in loading.lines:
        line_id, left = stated.balance.line_id, stated.balance.billed
        rows = _carried_rows(draft, contract, line_id, loading.event)
        opening = draft.entry(row_id(OPENING, composed(contract.contract_id, line_id)))
        if opening is not None and opening.work is not None and opening.entry_id in loading.rows:
            rows.append(opening)
        for entry in rows:
            amount = outstanding(entry, contract.contract_id, line_id)
            taken = min(amount, left) if left >= 0 else amount
            if not taken:
                continue
            left -= taken
            found += [
                (_day(entry), _Taken(party.customer_id, entry.entry_id, line_id, taken))
                for party in parties_for(contract, entry, line_id)
            ]
    found.sort(key=lambda one: (str(one[0]), one[1].line_id, one[1].row))
    return [taken for _, taken in found]


def _unbillable(loading: _Loading, takes: Sequence[_Taken]) -> Iterator[OpeningFault]:
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
                f"can be billed until {loading.event.as_of}; correct one of both, or send this contract's events from its beginning"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].billed", contract_id)


def _part(rows: Sequence[_Taken], amount: Amount) -> tuple[list[_Taken], list[_Taken]]:
    """As many of the rows as come to the amount, the last in part."""
    listed: list[_Taken] = []
    for place, one in enumerate(rows):
        if not amount:
            return listed, list(rows[place:])
        if one.amount > amount > 0:
            return [*listed, one._replace(amount=amount)], [
                one._replace(amount=one.amount - amount),
                *rows[place + 1 :],
            ]
        listed.append(one)
        amount -= one.amount
    return listed, []


def _bills(loading: _Loading, bill_to: str, billed: Amount) -> Iterator[_Bill]:
    """What is settled first, then the open invoices by day."""
    contract, lines = loading.contract, loading.lines
    own = [each for each in loading.receivables if each.bill_to in (None, bill_to)]
    kept = sum(one.balance.retention for one in lines)
    applied = sum(one.balance.billed - one.balance.deposit for one in lines if one.plan.timing == NO_REVENUE)
    tax = sum(one.balance.tax for one in lines) - sum(each.tax for each in own)
    net = billed - sum(each.net for each in own) - kept
    name = f"{loading.event.project_id}/{contract.contract_id}/{bill_to}/{PAID}"
    if net or tax or kept:
        yield _Bill(name, bill_to, net, tax, None, kept)
    if applied:
        yield _Bill(f"{name}/{DEPOSITS}", bill_to, -applied, 0, None, applied=applied)
    for each in sorted(own, key=lambda one: (one.invoiced_on, one.invoice_id)):
        yield _Bill(each.invoice_id, bill_to, each.net, each.tax, each)


def _invoice(draft: Draft, loading: _Loading, number: int, bill: _Bill, rows: Sequence[_Taken]) -> None:
    contract, event = loading.contract, loading.event
    made = opening_statement_id(
        (draft.engagement_id, contract.contract_id), bill.bill_to, (event.project_id, event.version), number
    )
    listed = [_issue(draft, loading, bill, one) for one in rows]
    listed += _applied(draft, loading, bill) if bill.applied else []
    draft.statements[made] = tuple(listed)
    last = bill.stated.invoiced_on if bill.stated is not None else event.as_of
    state = StatementState(
        made,
        contract.contract_id,
        bill.bill_to,
        last,
        last + DAY,
        -number,
        contract.terms.currency,
        bill.net,
        is_retained_from=contract.terms.retention is not None,
    )
    loading.statements.append(made)
    if draft.why is not None:
        _say(draft.why, loading, bill, made, listed)
    pieces = _retain(draft, loading, bill, made)
    state = replace(state, retention=pieces)
    draft.put("statement", made, state)
    before = len(draft.outputs)
    post_invoice(draft, state, _as_posted(event, bill, made), is_carried=True)
    _keep_journals(draft, loading, before)
    _keep_pieces(draft, loading, bill, made)
    _settle(draft, loading, bill)
    _expect(draft, loading, bill)


def _as_posted(event: BalancesBroughtForward, bill: _Bill, made: str) -> InvoicePosted:
    stated = bill.stated
    rate = None
    if stated is not None and stated.ledger_open is not None and stated.open:
        rate = stated.ledger_open * EXCHANGE_RATE_ONE // stated.open
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


def _issue(draft: Draft, loading: _Loading, bill: _Bill, one: _Taken) -> StatementEntry:
    """The row's part is billed: it takes no room any more but its own, and no statement has it again."""
    contract = loading.contract
    entry = draft.entry(one.row)
    assert entry is not None, "it was brought forward"
    plan = newest_plan(draft, contract, one.line_id)
    found = open_period(draft, contract)
    assert plan is not None, "the line is known"
    whole = piece_of(draft, entry, plan, one.line_id, one.amount, found or _any_period(loading))
    had = issued_on(entry, contract.contract_id, one.line_id)
    if had is not None or one.amount != outstanding(entry, contract.contract_id, one.line_id):
        total = outstanding(entry, contract.contract_id, one.line_id)
        whole = whole._replace(
            hours=whole.hours * one.amount // total if total else 0,
            quantity=whole.quantity * one.amount // total if total else 0,
        )
    share = PayerShare(0, bill.bill_to, whole)
    pin(draft, contract, DueShare(entry, plan, whole, parties_for(contract, entry, one.line_id), share), 0)
    return StatementEntry(one.row, one.line_id, one.amount, whole.hours)


def _any_period(loading: _Loading) -> BillingPeriod:
    return BillingPeriod(loading.event.as_of, loading.event.as_of + DAY)


def _applied(draft: Draft, loading: _Loading, bill: _Bill) -> list[StatementEntry]:
    """What was set against bills of the deposits of the contract."""
    contract, found = loading.contract, []
    for one in loading.lines:
        amount = one.balance.billed - one.balance.deposit
        if one.plan.timing != NO_REVENUE or not amount:
            continue
        entry = draft.entry(deposit_row(contract.contract_id, one.balance.line_id))
        issued = issued_on(entry, contract.contract_id, one.balance.line_id) if entry is not None else None
        assert entry is not None, "a deposit that was not due is a fault"
        assert issued is not None, "it is billed on the same statement or one before"
        draft.put_entry(entry, with_issued(entry, applied_to(issued, bill.bill_to, amount)))
        found.append(StatementEntry(entry.entry_id, one.balance.line_id, -amount, 0))
    return found


def _gross(loading: _Loading) -> Amount:
    """What was billed of lines that something is withheld from."""
    return sum(one.balance.billed for one in loading.lines if is_withheld_from(one.plan.line))


def _retain(draft: Draft, loading: _Loading, bill: _Bill, made: str) -> retention.Pieces:
    """What the customer retains of all that was billed stands with the statement of what is paid."""
    terms = loading.contract.terms
    if terms.retention is None or bill.stated is not None or bill.applied:
        return ()
    price = sum(each for _, each, _ in priced_lines(terms))
    priced = {line.line_id for line, _, _ in priced_lines(terms)}
    done = sum(one.balance.billed for one in loading.lines if one.balance.line_id in priced)
    steps = [step.at_percent for step in reached(terms.retention.steps, done, price) if step.release_percent]
    account = retention.account_of(draft, terms.contract_id, bill.bill_to)
    kept = Retained(bill.kept, 0, _gross(loading), max(steps, default=account.reached), counts=True)
    return retention.keep(draft, terms.contract_id, bill.bill_to, made, loading.event.project_id, kept)


def _say(why: Why, loading: _Loading, bill: _Bill, made: str, listed: Sequence[StatementEntry]) -> None:
    event = loading.event
    by_line = {one.balance.line_id: one for one in loading.lines}
    pieces = [(by_line[one.line_id], one.entry_id, one.amount) for one in listed]
    say_pieces(why, made, event, pieces, bill.bill_to)
    place = event.receivables.index(bill.stated) if bill.stated is not None else -1
    say_bill(why, made, event, (bill.net, bill.tax, bill.kept, _gross(loading)), place)


def _keep_journals(draft: Draft, loading: _Loading, since: int) -> None:
    for record in draft.outputs[since:]:
        if isinstance(record, JournalEntry):
            receipt = Receipt(
                record.journal_id,
                record.rule,
                record.legal_entity_id,
                record.currency,
                record.ledger_currency,
                record.exchange_rate,
                record.accounting_date,
                record.deliver,
                record.contract_id or "",
                tuple(
                    (line.project_id or "", Leg(line.account, line.purpose, line.amount, line.ledger_amount))
                    for line in record.lines
                ),
            )
            about = record.affected_kind, record.affected_id, record.affected_version
            loading.journals.append(OpeningJournal(*about, receipt, record.customer_id or ""))


def _keep_pieces(draft: Draft, loading: _Loading, bill: _Bill, made: str) -> None:
    taken: InvoiceCredits | None = draft.part("credits", bill.invoice_id)
    relieved: Mapping[str, Amount] = taken.relieved if taken is not None else {}
    for listed in draft.statements[made]:
        ledger = relieved.get(composed(listed.entry_id, listed.line_id), listed.amount)
        loading.pieces.append(
            OpeningPiece(made, bill.bill_to, listed.entry_id, listed.line_id, listed.amount, listed.hours, 0, ledger)
        )


def _settle(draft: Draft, loading: _Loading, bill: _Bill) -> None:
    """What of the invoice was paid, or given up."""
    gross = bill.net + bill.tax
    settled = gross if bill.stated is None else gross - bill.stated.open
    left = sum(one.balance.written_off for one in loading.lines) - sum(one.written_off[0] for one in loading.opened)
    given_up = max(min(left, settled), 0)
    paid = settled - given_up
    found: Receivable | None = draft.part("receivable", bill.invoice_id)
    if found is not None and (paid or given_up):
        mode = contract_policies(draft, loading.contract).money_mode
        taken = pay(draft, bill.invoice_id, paid, mode).gross if paid else (0, 0)
        lost = write_off(draft, bill.invoice_id, given_up, mode).gross if given_up else (0, 0)
        legs = [
            Leg(BANK, "receipt", *taken),
            Leg(BAD_DEBT, "write_off", *lost),
            Leg(RECEIVABLE, "receipt", -taken[0], -taken[1]),
            Leg(RECEIVABLE, "write_off", -lost[0], -lost[1]),
        ]
        _post(draft, loading, f"{PAID}/{bill.invoice_id}", found.project_id, legs, (0, "paid"))
    now: Receivable | None = draft.part("receivable", bill.invoice_id)
    if now is not None:
        if bill.stated is not None:
            now = replace(now, invoiced_on=bill.stated.invoiced_on, due_on=bill.stated.due_on)
            draft.put("receivable", bill.invoice_id, now)
        loading.opened.append(now)


def _expect(draft: Draft, loading: _Loading, bill: _Bill) -> None:
    """In which months the forecast has it as billed and as paid."""
    contract, stated = loading.contract, bill.stated
    last = stated.invoiced_on if stated is not None else loading.event.as_of
    bills, pays = months_of(draft, bill.bill_to, last + DAY, contract.terms.currency)
    if stated is None:
        pays = bills
    elif stated.due_on is not None:
        pays = f"{month_of(stated.due_on)}|{contract.terms.currency}"
    loading.months.append((bills, pays, bill.net + bill.kept + bill.applied, bill.net))


def _put_months(
    draft: Draft, event: BalancesBroughtForward, billed: Mapping[str, Amount], due: Mapping[str, Amount], sign: int
) -> None:
    project_id = event.project_id
    forecast, outlook = known_forecast(draft, project_id)
    if draft.why is not None:
        say_months(draft.why, event, "billed", billed, sign)
        say_months(draft.why, event, "due", due, sign)
    sums = []
    for had, more in ((forecast.billed, billed), (forecast.due, due)):
        found = dict(had)
        for month, amount in more.items():
            found[month] = found.get(month, 0) + sign * amount
        sums.append(found)
    draft.put("forecast", project_id, replace(forecast, billed=sums[0], due=sums[1]))
    draft.put("outlook", project_id, replace(outlook, stale=True))


def _provide(draft: Draft, loading: _Loading) -> None:
    for one in loading.lines:
        amount = one.balance.provision
        if amount:
            mode = contract_policies(draft, loading.contract).money_mode
            slot = loading.slot
            ledger = convert(amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
            legs = [Leg(ONEROUS_LOSS, "provision", amount, ledger), Leg(PROVISION, "provision", -amount, -ledger)]
            _post(
                draft,
                loading,
                f"provision/{one.balance.line_id}",
                loading.event.project_id,
                legs,
                (one.place, "provision"),
            )


def _post(
    draft: Draft, loading: _Loading, rule: str, project_id: str, legs: Sequence[Leg], of: tuple[int, str]
) -> None:
    slot, contract = loading.slot, loading.contract
    lines = tuple((project_id, leg) for leg in legs if leg.amount or leg.ledger_amount)
    receipt = Receipt(
        "",
        rule,
        slot.entity.legal_entity_id,
        slot.currency,
        slot.entity.currency,
        slot.exchange.rate,
        slot.accounting_date,
        False,
        contract.contract_id,
        lines,
    )
    about = receipts.Subject(KIND, loading.event.project_id, contract.terms.customer_id)
    policies = contract_policies(draft, contract)
    posted = receipts.post(draft, about, receipt, booking_of(slot, "posting"), policies)
    loading.journals.append(OpeningJournal(about.kind, about.id, 0, posted, about.customer_id))
    if draft.why is not None:
        currencies = slot.currency, slot.entity.currency
        say_payment(draft.why, posted.journal_id, loading.event, lines, currencies, of)


# The ledger's currency


def _carry(draft: Draft, loading: _Loading) -> None:
    """Bring each account to what the ledger carries; 7110 has what is left, which exchange rates had made by then."""
    stated = [(one, one.balance.ledger) for one in loading.lines if one.balance.ledger is not None]
    deposits = [(one, ledger) for one, ledger in stated if one.plan.timing == NO_REVENUE]
    others = [(one, ledger) for one, ledger in stated if one.plan.timing != NO_REVENUE]
    if not stated:
        return
    stands = _in_ledger(draft, loading)
    sums = [ledger for _, ledger in stated]
    wanted = (
        (SERVICE_REVENUE, REVENUE, -sum(each.revenue for each in sums)),
        (OUTPUT_TAX, (OUTPUT_TAX,), -sum(each.tax for each in sums)),
        (BANK, (BANK,), sum(each.paid for each in sums)),
        (BAD_DEBT, (BAD_DEBT,), sum(each.written_off for each in sums)),
        (RETENTION_RECEIVABLE, (RETENTION_RECEIVABLE,), sum(each.retention for each in sums)),
    )
    legs = [Leg(to, EXCHANGE, 0, amount - sum(stands.get(one, 0) for one in of)) for to, of, amount in wanted]
    unbilled = sum(stands.get(one, 0) for one in (*UNBILLED, CONTRACT_LIABILITY))
    for one, ledger in deposits:
        had, account = _deposit_in_ledger(draft, loading, one)
        unbilled -= had if account == CONTRACT_LIABILITY else 0
        _adjust(draft, loading, one, [Leg(account, EXCHANGE, 0, -ledger.deposit - had)])
    main = (others or deposits)[0][0]
    if others:
        price = standing_price(_row_of(draft, loading, main.balance.line_id))
        account = price.account if price is not None and price.account not in REVENUE else ""
        carried_at = sum(ledger.unbilled for _, ledger in others)
        legs.append(Leg(account or UNBILLED_RECEIVABLE, EXCHANGE, 0, carried_at - unbilled))
    kept = next((leg.ledger_amount for leg in legs if leg.account == RETENTION_RECEIVABLE), 0)
    _adjust(draft, loading, main, legs)
    for made_by in loading.statements if kept else ():
        _carry_retained(draft, loading.contract, made_by, kept)


def _deposit_in_ledger(draft: Draft, loading: _Loading, stated: Stated) -> tuple[Amount, str]:
    """What stands of the deposit, and on which account."""
    contract_id, line_id = loading.contract.contract_id, stated.balance.line_id
    price = standing_price(_row_of(draft, loading, line_id))
    account = price.account if price is not None else CUSTOMER_DEPOSIT
    return deposit_balance(draft, contract_id, line_id, account)[1], account


def _row_of(draft: Draft, loading: _Loading, line_id: str) -> Entry:
    """What the line has open, else what was billed of it."""
    contract_id = loading.contract.contract_id
    row = row_id(OPENING, composed(contract_id, line_id))
    found = draft.entry(f"{row}/{UNBILLED_REST}" if f"{row}/{UNBILLED_REST}" in loading.rows else row)
    found = draft.entry(deposit_row(contract_id, line_id)) or found
    assert found is not None, "it was brought forward"
    return found


def _in_ledger(draft: Draft, loading: _Loading) -> dict[str, Amount]:
    """What this event's journals of the contract carry by account."""
    found: dict[str, Amount] = {}
    for record in draft.outputs:
        if isinstance(record, JournalEntry) and record.contract_id == loading.contract.contract_id:
            for line in record.lines:
                if record.currency == loading.slot.currency:
                    found[line.account] = found.get(line.account, 0) + line.ledger_amount
    return found


def _adjust(draft: Draft, loading: _Loading, stated: Stated, of_accounts: Sequence[Leg]) -> None:
    """On a row of the line, so that whoever takes from it takes what is carried; the rest is exchange."""
    legs = [leg for leg in of_accounts if leg.ledger_amount]
    if not legs:
        return
    if rest := -sum(leg.ledger_amount for leg in legs):
        legs.append(Leg(EXCHANGE_DIFFERENCE, EXCHANGE, 0, rest))
    entry = _row_of(draft, loading, stated.balance.line_id)
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


def _carry_retained(draft: Draft, contract: Contract, made: str, ledger: Amount) -> None:
    state = draft.statement(made)
    if state is None or not state.retention:
        return
    account = retention.account_of(draft, contract.contract_id, state.bill_to)
    held = tuple(
        replace(one, posted_ledger=one.posted_ledger + ledger) if one.statement_id == made else one
        for one in account.withheld
    )
    draft.put("retention", composed(contract.contract_id, state.bill_to), replace(account, withheld=held))


# Out of the books


class _Later(NamedTuple):
    """What became of a receivable after it was brought forward."""

    invoice_id: str
    credited: tuple[Amount, Amount]
    credited_tax: tuple[Amount, Amount]
    paid: tuple[Amount, Amount]
    written_off: tuple[Amount, Amount]


def _unload(draft: Draft, known: BroughtForward) -> list[_Later]:
    """Take the bills of the balances that stand out of the books; their rows are replaced one by one."""
    before = known.loaded
    if before is None:
        return []
    _put_months(draft, before, known.billed, known.due, -1)
    later = []
    for opened in known.receivables:
        now: Receivable | None = draft.part("receivable", opened.invoice_id)
        if now is not None:
            later.append(
                _Later(
                    now.invoice_id,
                    _less(now.credited, opened.credited),
                    _less(now.credited_tax, opened.credited_tax),
                    _less(now.paid, opened.paid),
                    _less(now.written_off, opened.written_off),
                )
            )
            draft.put("receivable", opened.invoice_id, None)
            draft.put("credits", opened.invoice_id, None)
    for journal in known.journals:
        _take_back(draft, journal)
    for piece in known.pieces:
        _free(draft, piece)
    for made in known.statements:
        _unretain(draft, made)
        draft.put("statement", made, None)
    for milestone_id in known.milestones:
        draft.put("milestone", milestone_id, None)
    return [one for one in later if any((*one.credited, *one.credited_tax, *one.paid, *one.written_off))]


def _plus(one: tuple[Amount, Amount], other: tuple[Amount, Amount]) -> tuple[Amount, Amount]:
    return one[0] + other[0], one[1] + other[1]


def _less(one: tuple[Amount, Amount], other: tuple[Amount, Amount]) -> tuple[Amount, Amount]:
    return one[0] - other[0], one[1] - other[1]


def _take_back(draft: Draft, journal: OpeningJournal) -> None:
    """Its own lines, amounts and rate, on its day, which is open."""
    receipt = journal.receipt
    entity = draft.reference.entity(receipt.legal_entity_id)
    assert entity is not None, "the journal was posted in this company"
    booking = Booking(
        receipt.legal_entity_id,
        receipt.currency,
        receipt.ledger_currency,
        receipt.exchange_rate,
        receipt.accounting_date,
        period(draft, entity, receipt.accounting_date).name,
        "reversal",
    )
    about = receipts.Subject(journal.kind, journal.id, journal.customer_id)
    receipts.reverse(draft, about, receipt, booking, journal.version)


def _free(draft: Draft, piece: OpeningPiece) -> None:
    """What was billed of the row by then is not billed any more; what Milepost has billed of it stays."""
    entry = draft.entry(piece.entry_id)
    contract_id = draft.statement(piece.statement_id)
    if entry is None or contract_id is None:
        return
    issued = issued_on(entry, contract_id.contract_id, piece.line_id)
    if issued is None:
        return
    if piece.amount < 0:
        now = replace(
            applied_to(issued, piece.bill_to, piece.amount),
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
        )
    else:
        now = replace(
            issued,
            amount=issued.amount - piece.amount,
            hours=issued.hours - piece.hours,
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
        )
    draft.put_entry(entry, with_issued(entry, now))


def _unretain(draft: Draft, made: str) -> None:
    state = draft.statement(made)
    if state is None or not state.is_retained_from:
        return
    part_id = composed(state.contract_id, state.bill_to)
    account: RetentionAccount | None = draft.part("retention", part_id)
    if account is not None:
        left = tuple(one for one in account.withheld if one.statement_id != made)
        draft.put("retention", part_id, replace(account, withheld=left))


def _take_later(draft: Draft, later: Sequence[_Later]) -> None:
    for one in later:
        now: Receivable | None = draft.part("receivable", one.invoice_id)
        assert now is not None, "an invoice that was paid or credited here stays in the balances"
        draft.put(
            "receivable",
            one.invoice_id,
            replace(
                now,
                credited=_plus(now.credited, one.credited),
                credited_tax=_plus(now.credited_tax, one.credited_tax),
                paid=_plus(now.paid, one.paid),
                written_off=_plus(now.written_off, one.written_off),
            ),
        )
