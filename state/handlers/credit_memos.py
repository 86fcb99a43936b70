"""Credit memos: part of an invoice is given back, by entry and by contract line.

| kind | debit | what becomes of the work |
|---|---|---|
| `error_rebill` | what the invoice took: 1150, 1160, the position over time, revenue as billed | reopens; on the next statement |
| `price_concession`, `goodwill` | the revenue of the row | stays billed, for less |
| `rebate` | 2320 | stays billed |

Against 1100, with the tax of each line; the receivable leaves as it is carried, what the invoice took and the revenue of it come back as
they left, and what is between goes where the invoice's rest went (R14, R52): credited in full it leaves nothing on any account.
Of an invoice with something retained the same part of that comes back from 1170: 1,600.00 less 160.00 retained, 200.00 credited,
are 180.00 and 20.00. A memo that asks for more than is left, of an invoice that is not posted, or that nobody else approved posts nothing
and waits.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from domain.accounts import (
    CONTRACT_LIABILITY,
    OUTPUT_TAX,
    RECEIVABLE,
    REIMBURSABLE_REVENUE,
    RETENTION_RECEIVABLE,
    REVENUE,
    SERVICE_REVENUE,
)
from domain.billing.retention import kept_back
from domain.capabilities import REFUND_LIABILITY
from domain.events.finance import CreditMemoIssued
from domain.exceptions import SELF_APPROVED, UNKNOWN, ExceptionCategory
from domain.explanation import negated
from domain.figure import (
    Recorded,
    RecordedRate,
    as_recorded,
    called,
    carried_at,
    converted,
    node_of,
    record,
    spread,
    titled,
)
from domain.identity import content_digest, is_opening_statement
from domain.ledger.journal import Leg, journal_entry, merge, rest_leg
from domain.ledger.recorded import nodes_of, position_before, say_lines
from domain.money import format_amount, smallest_unit
from domain.receivables.credit_memo import (
    CONCESSIONS,
    ERROR_REBILL,
    KIND,
    REBATE,
    RULE,
    Credited,
    CreditedRow,
    NotCreditable,
)
from domain.reference.exchange import at_rate
from domain.refusals import UNSUPPORTED, words_of
from domain.terms.deposit import asked_of, say_left
from domain.units import Amount
from domain.why import Rates, Why
from domain.work.rows import EXPENSE, named
from state.billing import retention
from state.billing.creditable import (
    InvoiceRow,
    MemoOfInvoice,
    credited_or_refused,
    credits_of_invoice,
    gross_left,
    left_of,
    lines_credited,
    rows_of,
    tax_credited,
)
from state.billing.credited import concede, reopen
from state.billing.issued_record import take_place
from state.books import Fact, OpenException, Receivable, WaitingCredit
from state.draft import BLOCKED, Draft
from state.facts import TRACE
from state.forecast.expected import add_to_months, months_of
from state.ledger import position, standings
from state.ledger.carried import say_invoiced
from state.ledger.deposit_balance import is_deposit
from state.ledger.dimensions import of_work
from state.ledger.posting import about, booking_of, note_rounding
from state.ledger.rate_record import invoice_rate_of
from state.receivables.receivables import credit as take_off
from state.receivables.receivables import receivable_of, show_again
from state.revenue import refunds
from state.terms.known import Slot, open_day_from, period
from state.terms.opening import IN_BALANCES, in_balances
from state.terms.plan import contract_policies, customer_of
from state.totals import standing_price
from state.value import plain

OVER: Final = "over_credited"
REASONS: Final[tuple[ExceptionCategory, ...]] = (UNKNOWN, SELF_APPROVED, OVER, UNSUPPORTED, IN_BALANCES)

# Of an invoice that was open when the books began.
BY_BALANCES = "by its balances the invoice bills the newest work, else what `invoiced` states: correct them where it bills other lines"
# What two deliveries of one memo may differ in.
_UNSTATED = TRACE | {"occurred_at"}


def on_credit_memo_issued(draft: Draft, event: CreditMemoIssued) -> None:
    """A memo happens once; the same id again with other content is a conflict once it is posted, before that it is the better one."""
    posted: Fact | None = draft.part("fact", f"{KIND}/{event.credit_memo_id}")
    if posted is None:
        _take(draft, event, draft.cause.log_offset)
    elif posted.digest != _digest(event):
        receivable = receivable_of(draft, event.invoice_id)
        draft.raise_exception(
            "conflicting_version",
            KIND,
            event.credit_memo_id,
            f"credit memo {event.credit_memo_id} came twice with different content; the first one stands",
            project_id=event.project_id,
            contract_id=receivable.contract_id if receivable is not None else None,
        )


def retry(draft: Draft) -> None:
    """An invoice may have been posted that credit memos wait for, or balances include less."""
    waiting = [draft.part(KIND, memo_id) for memo_id in draft.ids(KIND)]
    for one in sorted(waiting, key=lambda one: one.log_offset):
        receivable = receivable_of(draft, one.event.invoice_id)
        if receivable is None or one.category not in (UNKNOWN, IN_BALANCES):
            continue
        if one.category == UNKNOWN or not in_balances(draft, receivable, one.event.issued_on, KIND):
            _take(draft, one.event, one.log_offset)


def waive(draft: Draft, noted: OpenException) -> None:
    """Somebody else lets a memo pass that nobody else approved; one that is waived for another reason is dropped."""
    waiting: WaitingCredit | None = draft.part(KIND, noted.subject_id)
    if waiting is None or waiting.category != noted.category:
        return
    if noted.category == SELF_APPROVED:
        _take(draft, waiting.event, waiting.log_offset, waived=True)
    else:
        draft.put(KIND, noted.subject_id, None)


def _digest(event: CreditMemoIssued) -> str:
    stated = (value for name, value in zip(event._fields, event, strict=True) if name not in _UNSTATED)
    return content_digest([type(event).__name__, *stated])


def _take(draft: Draft, event: CreditMemoIssued, log_offset: int, *, waived: bool = False) -> None:
    receivable = receivable_of(draft, event.invoice_id)
    if receivable is None:
        message = (
            f"expected an invoice that is posted, {event.invoice_id} is not; send InvoicePosted, or name the right one"
        )
        _refuse(draft, event, log_offset, UNKNOWN, NotCreditable("invoice_id", message), None)
        return
    if included := in_balances(draft, receivable, event.issued_on, "credit memo"):
        _refuse(draft, event, log_offset, IN_BALANCES, NotCreditable("issued_on", included), receivable)
        return
    memo = _memo(draft, event, receivable)
    rows = rows_of(draft, memo)
    found = credited_or_refused(draft, memo, rows)
    if isinstance(found, NotCreditable):
        if is_opening_statement(receivable.statement_id):
            found = found._replace(message=f"{found.message}; {BY_BALANCES}")
        _refuse(draft, event, log_offset, OVER, found, receivable)
        return
    conceded = _deposit_conceded(draft, memo, rows, found)
    if conceded is not None:
        _refuse(draft, event, log_offset, UNSUPPORTED, conceded, receivable)
        return
    tax = tax_credited(draft, memo, found)
    if isinstance(tax, NotCreditable):
        _refuse(draft, event, log_offset, OVER, tax, receivable)
        return
    alone = None if waived else _alone(memo, found.amount)
    if alone is not None:
        _refuse(draft, event, log_offset, SELF_APPROVED, alone, receivable)
        return
    _settle(draft, event)
    draft.put("fact", f"{KIND}/{event.credit_memo_id}", Fact(0, _digest(event)))
    _post(draft, memo, rows, found, tax)


def _refuse(
    draft: Draft,
    event: CreditMemoIssued,
    log_offset: int,
    category: ExceptionCategory,
    wrong: NotCreditable,
    receivable: Receivable | None,
) -> None:
    """Nothing is posted; the memo waits, in place of what came before it under its id."""
    _settle(draft, event)
    draft.put(KIND, event.credit_memo_id, WaitingCredit(event, log_offset, category))
    lines = event.lines if receivable is None else lines_credited(draft, event, receivable.currency, BLOCKED)
    stated = sum(line.amount or 0 for line in lines)
    draft.raise_exception(
        category,
        KIND,
        event.credit_memo_id,
        f"credit memo {event.credit_memo_id} of invoice {event.invoice_id}: {wrong.message}",
        project_id=event.project_id,
        contract_id=receivable.contract_id if receivable is not None else None,
        person_id=event.requested_by if category == SELF_APPROVED else None,
        field=wrong.field,
        amount=stated if receivable is not None else 0,
        currency=receivable.currency if receivable is not None else None,
    )


def _settle(draft: Draft, event: CreditMemoIssued) -> None:
    if draft.part(KIND, event.credit_memo_id) is not None:
        draft.put(KIND, event.credit_memo_id, None)
    for category in REASONS:
        draft.resolve_exception(category, KIND, event.credit_memo_id)


def _memo(draft: Draft, event: CreditMemoIssued, receivable: Receivable) -> MemoOfInvoice:
    contract = draft.contract_in_books(receivable.contract_id)
    entity = draft.reference.known_entity(receivable.legal_entity_id)
    day = open_day_from(draft, entity, max(event.issued_on, receivable.posted_on))
    exchange = at_rate(receivable.exchange_rate)
    if draft.why is not None:
        rates = Rates()
        if receivable.currency != receivable.ledger_currency:
            rates = Rates((draft.why.figure(invoice_rate_of(receivable.invoice_id)),), ("times",))
        exchange = RecordedRate.along(rates, exchange)
    slot = Slot(entity, receivable.currency, day, period(draft, entity, day).name, exchange)
    statement = draft.statement_in_books(receivable.statement_id)
    return MemoOfInvoice(event, receivable, statement, contract, contract_policies(draft, contract), slot)


def _deposit_conceded(
    draft: Draft, memo: MemoOfInvoice, rows: Sequence[InvoiceRow], found: Credited
) -> NotCreditable | None:
    """A deposit earns nothing that could be less."""
    if memo.event.kind not in CONCESSIONS:
        return None
    deposit = next((place for place in found.by_row() if is_deposit(draft, memo.contract, rows[place].issued)), None)
    if deposit is None:
        return None
    return NotCreditable(
        "kind", words_of("deposit_conceded", kind=memo.event.kind, entry=rows[deposit].listed.entry_id)
    )


def _alone(memo: MemoOfInvoice, amount: Amount) -> NotCreditable | None:
    """Who asked does not approve, and above policy `approval_limit` somebody approves."""
    event, limit = memo.event, memo.policies.approval_limit
    if event.approved_by == event.requested_by:
        return NotCreditable(
            "approved_by", f"asked for and approved by {event.requested_by}; another person has to approve it"
        )
    if event.approved_by is None and limit is not None and amount > limit:
        return NotCreditable(
            "approved_by",
            f"{format_amount(amount)} is above the limit of {format_amount(limit)}; a second person has to approve it",
        )
    return None


# Posting


def _post(draft: Draft, memo: MemoOfInvoice, rows: Sequence[InvoiceRow], found: Credited, tax: Amount) -> None:
    """One journal a row, in the order of the invoice; tax and what is retained are shared in proportion to what is credited."""
    taken = {place: _named(memo, rows[place], one) for place, one in found.by_row().items()}
    step, mode = smallest_unit(memo.receivable.currency), memo.policies.money_mode
    weights = [max(one.amount, 0) for one in taken.values()]
    taxes = spread(tax, weights, step, mode) if sum(weights) else [0] * len(weights)
    kept = _kept_back(draft, memo, rows, taken)
    for (place, one), own_tax in zip(taken.items(), taxes, strict=True):
        _credit_row(draft, memo, rows[place], one, own_tax, kept.get(place))


def _named(memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow) -> CreditedRow:
    title = f"{row.listed.entry_id}: credited by {memo.event.credit_memo_id}"
    return one._replace(amount=titled(one.amount, title), hours=titled(one.hours, f"{title}, hours"))


def _kept_back(
    draft: Draft, memo: MemoOfInvoice, rows: Sequence[InvoiceRow], taken: Mapping[int, CreditedRow]
) -> dict[int, Amount]:
    """By row with something retained: its part of what is still retained of the invoice."""
    left_by_row = {
        place: left_of(row) for place, row in enumerate(rows) if not is_deposit(draft, memo.contract, row.issued)
    }
    kept, currency = retention.left_of(draft, memo.statement), memo.receivable.currency
    if draft.why is not None:
        of = retention.still_retained(memo.statement.statement_id)
        kept = as_recorded(kept, draft.why.sum(of, "still retained", currency))
    left = min(called(sum(left_by_row.values()), "left of the invoice"), gross_left(draft, memo))
    own = {place: one.amount for place, one in taken.items() if place in left_by_row}
    return kept_back(own, left, kept, currency, memo.policies.money_mode)


def _credit_row(
    draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow, tax: Amount, kept_back: Amount | None
) -> None:
    """`kept_back` is None of a deposit, with nothing retained."""
    mode, gross, kept = memo.policies.money_mode, one.amount if kept_back is not None else 0, kept_back or 0
    moved = retention.credit(draft, memo.statement, gross, kept, memo.slot, mode)
    off = take_off(draft, memo.receivable.invoice_id, called(one.amount - kept, "net"), tax, mode)
    ledger = _back(memo, row, one)
    if draft.why is not None:
        _say_credited(draft, draft.why, memo, row, one, kept, ledger)
    legs = [Leg(OUTPUT_TAX, "tax", tax, off.tax[1]), Leg(RECEIVABLE, "credit", -off.gross[0], -off.gross[1])]
    net = off.net[1]
    if moved is not None:
        legs.append(moved.leg)
        net -= moved.leg.ledger_amount
    match memo.event.kind:
        case "error_rebill":
            legs = [*_given_back(draft, memo, row, one.amount, ledger), *legs]
        case "rebate":
            back = one.amount, called(net, "net, in ledger currency")
            legs.insert(0, Leg(REFUND_LIABILITY, "credit", *back))
            refunds.give(
                draft, row.issued.contract_id, row.issued.line_id, _project_of(draft, row), back, memo.currencies
            )
        case _:
            legs.insert(0, Leg(_revenue_of(draft, row), "credit", one.amount, ledger))
    if rest := sum(leg.ledger_amount for leg in legs):
        legs.append(rest_leg(rest, credits_of_invoice(draft, memo).same_rate))
    _emit(draft, memo, row, merge(legs), moved.project_id if moved is not None else "")
    _foresee(draft, memo, row, one.amount, (moved.project_id if moved is not None else _project_of(draft, row), kept))
    ledger = plain(ledger)
    _remember(draft, memo, row, plain(one), ledger, plain(kept))
    if memo.event.kind == ERROR_REBILL:
        reopen(draft, memo, row, one, ledger)
    elif memo.event.kind != REBATE:
        concede(draft, memo, row, one, ledger)


def _say_credited(
    draft: Draft, why: Why, memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow, kept: Amount, ledger: Amount
) -> None:
    """What is credited is billed no more, where it is billed again, and not left to the next memo."""
    of, statement_id, bill_to = memo.of(row), memo.statement.statement_id, memo.receivable.bill_to
    back, place = nodes_of((one.amount, ledger), memo.currencies), (row.issued.contract_id, row.issued.line_id)
    why.record(f"credited/{of}", one.amount, back.amount)
    why.record(f"back/{of}", ledger, back.ledger)
    record(why, f"kept_back/{of}", kept)
    why.add(f"{statement_id}#credited", back.amount)
    is_of_deposit = is_deposit(draft, memo.contract, row.issued)
    if not is_of_deposit:
        asked = asked_of(memo.contract.contract_id, bill_to)
        why.add(asked, negated("credited", back.amount))
        if kept:
            why.add(asked, node_of(kept, "credited of what is retained"))
    why.add(f"{statement_id}#credited/{row.key}", back.amount)
    why.add(f"{statement_id}#back/{row.key}", back.ledger)
    if one.hours:
        hours = node_of(one.hours, "hours credited", "hours")
        why.record(f"credited_hours/{of}", one.hours, hours)
        why.add(f"{statement_id}#credited_hours/{row.key}", hours)
    if memo.event.kind == ERROR_REBILL:
        again = negated("billed again", back.amount)
        why.add(retention.issued_of(*place), again)
        payer = bill_to if row.issued.payers else ""
        take_place(why, (*place, row.listed.entry_id), payer, of, Recorded(again))
        say_invoiced(why, row.issued, row.listed.entry_id, bill_to, back.taken_back("put back"))
        if is_of_deposit:
            say_left(why, place, row.listed.entry_id, bill_to, again)


def _back(memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow) -> Amount:
    """Ledger amount of what the invoice took, as it left, in proportion; what is credited last takes what is left of it."""
    amount, _, ledger = row.taken
    currency, mode = memo.receivable.ledger_currency, memo.policies.money_mode
    if memo.receivable.currency == currency:
        return converted(one.amount, memo.slot.exchange, currency, mode)
    if one.amount == row.listed.amount - amount:
        return called(row.relieved - ledger, "left of what the invoice took", "R14")
    return carried_at(one.amount, (row.listed.amount, row.relieved), currency, mode, "R14")


def _given_back(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, amount: Amount, ledger: Amount) -> list[Leg]:
    """On the account that the invoice took it from; of what earns over time the position of the contract (R46)."""
    account = row.issued.account
    if account == CONTRACT_LIABILITY and position.is_over_time(draft, memo.contract):
        pairs = ((CONTRACT_LIABILITY, "credit", amount),)
        stands = position.standing(draft, row.plan.contract_id).position
        if draft.why is not None:
            stands = position_before(stands, f"{memo.event.credit_memo_id}/{row.key}", memo.currencies)
        return list(position.against(stands, row.plan, pairs, memo.slot.exchange))
    return [Leg(account, "credit", amount, ledger)]


def _revenue_of(draft: Draft, row: InvoiceRow) -> str:
    if row.issued.account in REVENUE:
        return row.issued.account
    entry = draft.entry(row.listed.entry_id)
    price = standing_price(entry) if entry is not None else None
    if price is not None and price.line_id:
        return price.revenue
    return REIMBURSABLE_REVENUE if named(row.listed.entry_id)[0] == EXPENSE else SERVICE_REVENUE


def _emit(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, legs: Sequence[Leg], retained_in: str) -> None:
    if not legs:
        return
    event, recorded = memo.event, legs
    if draft.why is not None:
        legs = plain(tuple(legs))
    rule = f"{RULE}/{event.kind}/{row.key}"
    entry, project_id = draft.entry(row.listed.entry_id), _project_of(draft, row)
    work = entry.standing if entry is not None else None
    record = journal_entry(
        about(draft, (KIND, event.credit_memo_id, 1), rule),
        booking_of(memo.slot, "difference"),
        legs,
        project_id=project_id,
        dimensions=of_work(draft, work, draft.project(project_id), row.plan.policies),
        service_date=row.issued.day,
        contract_id=memo.receivable.contract_id,
        customer_id=customer_of(memo.contract, memo.receivable.bill_to),
        deliver=memo.policies.ar_journal == "milepost",
    )
    # What is owed and retained stands in the project in which the invoice's journal has it.
    owed_in = dict.fromkeys((RECEIVABLE, OUTPUT_TAX), memo.receivable.project_id) | {RETENTION_RECEIVABLE: retained_in}
    standings.publish(
        draft,
        record._replace(
            lines=tuple(
                line._replace(
                    project_id=owed_in[line.account] or None,
                    dimensions=of_work(draft, None, draft.project(owed_in[line.account]), memo.policies),
                )
                if line.account in owed_in
                else line
                for line in record.lines
            )
        ),
    )
    note_rounding(draft, record, legs, memo.policies.rounding_limit, contract_id=memo.receivable.contract_id)
    if draft.why is not None:
        say_lines(draft.why, record.journal_id, recorded, memo.currencies)


def _project_of(draft: Draft, row: InvoiceRow) -> str:
    return row.issued.project_id or draft.line(row.issued.contract_id, row.issued.line_id).project_id


def _remember(
    draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, one: CreditedRow, ledger: Amount, kept_back: Amount
) -> None:
    credits_of = credits_of_invoice(draft, memo)
    amount, hours, had = plain(row.taken)
    now = {**credits_of.taken, row.key: (amount + one.amount, hours + one.hours, had + ledger)}
    kept = credits_of.kept_back + kept_back
    draft.put("credits", memo.receivable.invoice_id, replace(credits_of, taken=now, kept_back=kept))


def _foresee(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow, amount: Amount, kept_back: tuple[str, Amount]) -> None:
    """Less is due in the month in which the invoice is, but for what of it is retained, in the project in which that is; what is billed
    again is billed no more in the month in which it was."""
    project_id = _project_of(draft, row)
    retained_in, kept = kept_back
    show_again(draft, memo.receivable)
    show_again(draft, replace(memo.receivable, project_id=project_id))
    billed_in, due_in = months_of(memo.statement, memo.statement.expected_on)
    less_due = titled(-amount, f"credited by {memo.event.credit_memo_id}")
    add_to_months(
        draft,
        project_id,
        {billed_in: less_due} if amount and memo.event.kind == ERROR_REBILL else {},
        {due_in: less_due},
    )
    if kept:
        show_again(draft, replace(memo.receivable, project_id=retained_in))
        add_to_months(draft, retained_in, {}, {due_in: kept})
