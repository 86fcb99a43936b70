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
from typing import Final, NamedTuple

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
from domain.explanation import Node, constant, in_proportion, least, less, negated, total
from domain.figure import Recorded, RecordedRate, as_recorded, titled
from domain.identity import composed, content_digest, is_opening_statement
from domain.ledger.journal import Leg, journal_entry, merge, rest_leg
from domain.ledger.position import moved
from domain.ledger.recorded import Carried, LineParts, both_of, line_made, position_before
from domain.money import format_amount, round_ratio, smallest_unit
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.receivables.credit_memo import (
    CONCESSIONS,
    ERROR_REBILL,
    KIND,
    MENDS,
    REBATE,
    RULE,
    Credited,
    CreditedRow,
    NotCreditable,
    credited,
    hourly,
    shares,
    tax_of,
    too_fine,
)
from domain.receivables.credit_record import CreditableRow, CreditRecord, spread_nodes
from domain.reference.exchange import at_rate
from domain.refusals import UNSUPPORTED, words_of
from domain.terms.deposit import left_in_all, left_to
from domain.units import Amount
from domain.why import Rates, Why, elsewhere, exchanged, in_event, rounding
from domain.work.rows import EXPENSE, named
from state.billing import retention
from state.billing.clearing_record import cleared_of
from state.billing.payers import credited_to, freed_of, part_of
from state.books import (
    Contract,
    Entry,
    Fact,
    InvoiceCredits,
    Issued,
    OpenException,
    Receivable,
    StatementEntry,
    StatementState,
    WaitingCredit,
)
from state.caps.allot import consume_caps
from state.caps.claims import stake_of
from state.caps.given_up import fitted
from state.caps.repricing import reprice
from state.draft import BLOCKED, Draft
from state.facts import TRACE
from state.forecast.expected import add_to_months, months_of
from state.ledger import position, standings
from state.ledger.carried import say_invoiced
from state.ledger.deposit_balance import deposit_row, is_deposit
from state.ledger.dimensions import of_work
from state.ledger.posting import about, booking_of, note_rounding, settle_exchange_rests
from state.ledger.rate_record import invoice_rate_of
from state.receivables.receivables import LEFT_TAX, creditable, owed_of, receivable_of, show_again, tax_in
from state.receivables.receivables import credit as take_off
from state.revenue import refunds
from state.terms.known import Slot, open_day_from, period
from state.terms.opening import IN_BALANCES, figure_of, in_balances
from state.terms.plan import LinePlan, contract_policies, customer_of, newest_plan, plan_of
from state.totals import issued_of, issued_on, standing_price, with_issued
from state.value import plain
from state.work.value_time import finer_of

OVER: Final = "over_credited"
REASONS: Final[tuple[ExceptionCategory, ...]] = (UNKNOWN, SELF_APPROVED, OVER, UNSUPPORTED, IN_BALANCES)

# Of an invoice that was open when the books began.
BY_BALANCES = "by its balances the invoice bills the newest work, else what `invoiced` states: correct them where it bills other lines"
# What two deliveries of one memo may differ in.
_UNSTATED = TRACE | {"occurred_at"}


class _Row(NamedTuple):
    """A row of the invoice with all that its credit needs; `relieved` is what the invoice took of it in ledger currency."""

    listed: StatementEntry
    issued: Issued
    plan: LinePlan
    relieved: Amount
    taken: tuple[Amount, int, Amount]

    @property
    def key(self) -> str:
        return composed(self.listed.entry_id, self.listed.line_id)


class _Memo(NamedTuple):
    """A memo with what its invoice says: the slot has the invoice's exchange rate."""

    event: CreditMemoIssued
    receivable: Receivable
    statement: StatementState
    contract: Contract
    policies: Resolved
    slot: Slot


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
    rows = _rows(draft, memo)
    say = _record(draft, draft.why, memo, rows) if draft.why is not None else None
    found = _wrong_or_credited(draft, memo, rows, say)
    if isinstance(found, NotCreditable):
        if is_opening_statement(receivable.statement_id):
            found = found._replace(message=f"{found.message}; {BY_BALANCES}")
        _refuse(draft, event, log_offset, OVER, found, receivable)
        return
    conceded = _deposit_conceded(draft, memo, rows, found)
    if conceded is not None:
        _refuse(draft, event, log_offset, UNSUPPORTED, conceded, receivable)
        return
    tax = _tax(draft, memo, found, say)
    if isinstance(tax, NotCreditable):
        _refuse(draft, event, log_offset, OVER, tax, receivable)
        return
    alone = None if waived else _alone(memo, found.amount)
    if alone is not None:
        _refuse(draft, event, log_offset, SELF_APPROVED, alone, receivable)
        return
    _settle(draft, event)
    draft.put("fact", f"{KIND}/{event.credit_memo_id}", Fact(0, _digest(event)))
    _post(draft, memo, rows, found, tax, say)


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
    stated = sum(line.amount or 0 for line in event.lines)
    if draft.why is not None and receivable is not None:
        asked = ((line.amount, f"lines[{place}].amount") for place, line in enumerate(event.lines))
        stated = sum(
            Recorded(in_event(BLOCKED, amount, "amount", event, path, receivable.currency))
            for amount, path in asked
            if amount is not None
        )
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


def _memo(draft: Draft, event: CreditMemoIssued, receivable: Receivable) -> _Memo:
    contract = draft.contract(receivable.contract_id)
    assert contract is not None, "a receivable is of a contract in the books"
    entity = draft.reference.entity(receivable.legal_entity_id)
    assert entity is not None, "an invoice was posted in this entity"
    day = open_day_from(draft, entity, max(event.issued_on, receivable.posted_on))
    exchange = at_rate(receivable.exchange_rate)
    slot = Slot(entity, receivable.currency, day, period(draft, entity, day).name, exchange)
    statement = draft.statement(receivable.statement_id)
    assert statement is not None, "a receivable is of a statement in the books"
    return _Memo(event, receivable, statement, contract, contract_policies(draft, contract), slot)


def _deposit_conceded(draft: Draft, memo: _Memo, rows: Sequence[_Row], found: Credited) -> NotCreditable | None:
    """A deposit earns nothing that could be less."""
    if memo.event.kind not in CONCESSIONS:
        return None
    deposit = next((place for place in found.by_row() if is_deposit(draft, memo.contract, rows[place].issued)), None)
    if deposit is None:
        return None
    return NotCreditable(
        "kind", words_of("deposit_conceded", kind=memo.event.kind, entry=rows[deposit].listed.entry_id)
    )


def _rows(draft: Draft, memo: _Memo) -> list[_Row]:
    """What the invoice bills; a deposit that is set against it stays so."""
    receivable, credits_of = memo.receivable, _credits(draft, memo)
    found = []
    for listed in draft.listed(receivable.statement_id):
        entry = draft.entry(listed.entry_id)
        issued = issued_on(entry, receivable.contract_id, listed.line_id) if entry is not None else None
        plan = newest_plan(draft, memo.contract, listed.line_id)
        if issued is None or plan is None or (listed.amount < 0 and is_deposit(draft, memo.contract, issued)):
            continue
        key = composed(listed.entry_id, listed.line_id)
        relieved = credits_of.relieved.get(key, listed.amount)
        found.append(_Row(listed, issued, plan, relieved, credits_of.taken.get(key, (0, 0, 0))))
    return found


def _credits(draft: Draft, memo: _Memo) -> InvoiceCredits:
    found: InvoiceCredits | None = draft.part("credits", memo.receivable.invoice_id)
    return found or InvoiceCredits()


def _wrong_or_credited(
    draft: Draft, memo: _Memo, rows: Sequence[_Row], say: CreditRecord | None
) -> Credited | NotCreditable:
    fine = too_fine(memo.event.lines, memo.event.tax_amount, memo.receivable.currency)
    if fine is not None:
        return fine
    left = [_left(draft, memo, row) for row in rows]
    step = smallest_unit(memo.receivable.currency)
    found = credited(left, memo.event.lines, step, memo.policies.money_mode, say)
    if isinstance(found, NotCreditable):
        return found
    left_of_it = _gross_left(draft, memo)
    if found.amount > left_of_it or found.amount < 0:
        currency = memo.receivable.currency
        message = (
            f"expected at most {format_amount(max(left_of_it, 0), currency)} {currency} of the invoice that is not credited yet, "
            f"got {format_amount(found.amount, currency)}; {MENDS}"
        )
        return NotCreditable("lines", message)
    return found


def _gross_left(draft: Draft, memo: _Memo) -> Amount:
    """Of the invoice what no credit took, net of tax and gross of retention; what is set against it of deposits is not credited."""
    net, _ = creditable(memo.receivable)
    return net + memo.statement.kept - _credits(draft, memo).kept_back


def _left(draft: Draft, memo: _Memo, row: _Row) -> CreditableRow:
    """Of a deposit that is billed again no more than is not set against statements."""
    listed, (amount, hours, _) = row.listed, row.taken
    left = listed.amount - amount
    if memo.event.kind == ERROR_REBILL and is_deposit(draft, memo.contract, row.issued):
        own = part_of(row.issued, memo.receivable.bill_to)
        left = min(left, own.issued - own.applied)
    mode, currency = memo.policies.money_mode, memo.receivable.currency
    finer = finer_of(listed.hours, draft.entry(listed.entry_id))
    at = hourly(listed.amount, listed.hours, row.issued.rate, row.issued.markup, currency, mode, finer)
    whole = CreditableRow(listed.entry_id, listed.line_id, listed.amount, listed.hours, at, finer)
    return whole.less(listed.amount - left, hours)


def _tax(draft: Draft, memo: _Memo, found: Credited, say: CreditRecord | None) -> Amount | NotCreditable:
    """As printed, else of each line alone, rounded; what exhausts the invoice takes what tax is left. It is of the gross of retention."""
    _, tax_left = creditable(memo.receivable)
    currency = memo.receivable.currency
    printed = memo.event.tax_amount
    if printed is not None:
        if printed > max(tax_left, 0):
            message = (
                f"expected at most {format_amount(max(tax_left, 0), currency)} {currency} of the invoice's tax that is "
                f"not credited yet, got {format_amount(printed, currency)}; {MENDS}"
            )
            return NotCreditable("tax_amount", message)
        if draft.why is not None:
            node = in_event("tax credited", printed, "amount", memo.event, "tax_amount", currency)
            draft.why.record(_tax_address(memo), printed, node)
        return printed
    if found.amount == _gross_left(draft, memo):
        if draft.why is not None:
            draft.why.record(_tax_address(memo), tax_left, _say_tax_left(draft.why, memo))
        return tax_left
    gross, tax = memo.receivable.net[0] + memo.statement.kept, memo.receivable.tax[0]
    step, mode = smallest_unit(currency), memo.policies.money_mode
    each = (tax_of(tax, gross, sum(one.amount for one in line), step, mode) for line in found.lines)
    made = min(sum(each), tax_left)
    if draft.why is not None and say is not None:
        _say_tax(draft.why, memo, say, made)
    return made


def _alone(memo: _Memo, amount: Amount) -> NotCreditable | None:
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


def _post(
    draft: Draft, memo: _Memo, rows: Sequence[_Row], found: Credited, tax: Amount, say: CreditRecord | None
) -> None:
    """One journal a row, in the order of the invoice; tax and what is retained are shared in proportion to what is credited."""
    taken = found.by_row()
    step, mode = smallest_unit(memo.receivable.currency), memo.policies.money_mode
    weights = [max(one.amount, 0) for one in taken.values()]
    taxes = shares(tax, weights, step, mode) if sum(weights) else iter([0] * len(weights))
    if draft.why is not None and say is not None:
        _say_credited(draft.why, memo, rows, taken, say)
    kept = _kept_back(draft, memo, rows, taken)
    for (place, one), own_tax in zip(taken.items(), list(taxes), strict=True):
        _credit_row(draft, memo, rows[place], one, own_tax, kept.get(place))


def _kept_back(draft: Draft, memo: _Memo, rows: Sequence[_Row], taken: Mapping[int, CreditedRow]) -> dict[int, Amount]:
    """By row with something retained: its part of what is still retained of the invoice."""
    left_by_row = {
        place: row.listed.amount - row.taken[0]
        for place, row in enumerate(rows)
        if not is_deposit(draft, memo.contract, row.issued)
    }
    left, kept = min(sum(left_by_row.values()), _gross_left(draft, memo)), retention.left_of(draft, memo.statement)
    if draft.why is not None:
        _say_left(draft.why, memo, [rows[place] for place in left_by_row], left, kept)
    own = {_of(memo, rows[place]): (place, one.amount) for place, one in taken.items() if place in left_by_row}
    credited, currency = {row: amount for row, (_, amount) in own.items()}, memo.receivable.currency
    back = kept_back(
        credited, left, kept, currency, memo.policies.money_mode, draft.why, f"{KIND}/{memo.event.credit_memo_id}"
    )
    return {own[row][0]: amount for row, amount in back.items()}


def _of(memo: _Memo, row: _Row) -> str:
    """The memo with the row that it credits, as a recorder names them."""
    return composed(memo.event.credit_memo_id, row.listed.entry_id, row.listed.line_id)


def _record(draft: Draft, why: Why, memo: _Memo, rows: Sequence[_Row]) -> CreditRecord:
    """What is left of each row to be credited."""
    left = []
    for row in rows:
        node = _say_row_left(why, memo, row)
        if memo.event.kind == ERROR_REBILL and is_deposit(draft, memo.contract, row.issued):
            of = left_to(row.issued.contract_id, row.issued.line_id, memo.receivable.bill_to)
            unused = why.sum(of, "left of the deposit", memo.receivable.currency)
            node = least("left, and not set against statements", [node, unused])
        left.append(node)
    hours = [_say_hours_left(draft, why, memo, row) for row in rows]
    return CreditRecord(memo.event, left, hours, memo.receivable.currency, memo.policies.money_mode)


def _say_hours_left(draft: Draft, why: Why, memo: _Memo, row: _Row) -> Node:
    whole = constant(f"{row.listed.entry_id}: hours on {memo.statement.statement_id}", row.listed.hours, "hours")
    entry = draft.entry(row.listed.entry_id)
    charge = entry.work.charge if entry is not None and entry.work is not None else None
    if charge is not None and charge.opening is not None and charge.opening.billable_hours == row.listed.hours:
        whole = why.figure(figure_of(row.listed.entry_id, charge.version, "billable_hours"))
    gone = why.parts_at(f"{memo.statement.statement_id}#credited_hours/{row.key}", why.now)
    return less(f"{row.listed.entry_id}: hours left on the invoice", whole, *gone) if gone else whole


def _say_row_left(why: Why, memo: _Memo, row: _Row) -> Node:
    whole, gone = _billed(memo, row), why.parts_at(f"{memo.statement.statement_id}#credited/{row.key}", why.now)
    return less(f"{row.listed.entry_id}: left on the invoice", whole, *gone) if gone else whole


def _billed(memo: _Memo, row: _Row) -> Node:
    one, of = row.listed, memo.statement.statement_id
    address = composed("piece", of, one.entry_id, one.line_id)
    return elsewhere(f"{one.entry_id}: billed", one.amount, address, memo.receivable.currency)


def _tax_address(memo: _Memo) -> str:
    return f"{KIND}/{memo.event.credit_memo_id}#tax"


def _say_tax_left(why: Why, memo: _Memo) -> Node:
    of = tax_in(memo.receivable.invoice_id)
    gone = why.parts_at(f"{of}#credited", why.now)
    return less(LEFT_TAX, why.figure(of), *gone) if gone else why.figure(of)


def _say_tax(why: Why, memo: _Memo, say: CreditRecord, tax: Amount) -> None:
    """Of each line alone, in proportion to the invoice's net, gross of retention."""
    currency, mode = memo.receivable.currency, memo.policies.money_mode
    of_invoice, owed = why.figure(tax_in(memo.receivable.invoice_id)), why.figure(owed_of(memo.receivable.invoice_id))
    net = less("net of the invoice", owed, of_invoice)
    kept = [why.figure(f"{memo.statement.statement_id}#piece/{by}") for by, _, _ in memo.statement.retention]
    whole = total("net of tax, gross of retention", (net, *kept), "amount", currency) if kept else net
    made = constant("no tax", 0, "amount", currency)
    if whole.value:
        lines = [
            in_proportion("tax of the line", of_invoice, say.of_line(number), whole, mode, rule="R11")
            for number in range(len(say.lines))
        ]
        made = total("tax of each line", lines, "amount", currency) if len(lines) > 1 else lines[0]
    left = _say_tax_left(why, memo)
    why.record(_tax_address(memo), tax, left if (made.value or 0) > (left.value or 0) else made)


def _say_credited(
    why: Why, memo: _Memo, rows: Sequence[_Row], taken: Mapping[int, CreditedRow], say: CreditRecord
) -> None:
    """Of each row, net, and its part of the tax."""
    nodes = []
    for place, one in taken.items():
        title = f"{rows[place].listed.entry_id}: credited by {memo.event.credit_memo_id}"
        node = say.of_row(place)._replace(title=title)
        nodes.append(why.record(f"credited/{_of(memo, rows[place])}", one.amount, node))
        if one.hours:
            hours = say.hours_of_row(place)._replace(title=f"{title}, hours")
            why.record(f"credited_hours/{_of(memo, rows[place])}", one.hours, hours)
    parameters = rounding(memo.receivable.currency, memo.policies.money_mode)
    parts = spread_nodes(why.figure(_tax_address(memo)), nodes, parameters)
    is_shared = any((node.value or 0) > 0 for node in nodes)
    for place, part in zip(taken, parts, strict=True):
        node = part if is_shared else constant("no tax", 0, "amount", memo.receivable.currency)
        why.record(f"tax/{_of(memo, rows[place])}", node.value or 0, node)


def _say_left(why: Why, memo: _Memo, rows: Sequence[_Row], left: Amount, kept: Amount) -> None:
    """What is left of the invoice, and of what it retained, before the memo."""
    of, statement_id, currency = (
        f"{KIND}/{memo.event.credit_memo_id}",
        memo.statement.statement_id,
        memo.receivable.currency,
    )
    made = total("left of the invoice", [_say_row_left(why, memo, row) for row in rows], "amount", currency)
    if left != made.value:
        due = elsewhere("due of the invoice", memo.receivable.net[0], composed("statement", statement_id), currency)
        kept_of = [why.figure(f"{statement_id}#piece/{by}") for by, _, _ in memo.statement.retention]
        gone = [negated("credited", one) for one in why.parts_at(f"{statement_id}#credited", why.now)]
        made = least(
            "left", [made, total("left after deposits set against it", (due, *kept_of, *gone), "amount", currency)]
        )
    why.record(f"{of}#left", left, made)
    why.record(f"{of}#retained", kept, why.sum(f"{statement_id}#still_retained", "still retained", currency))


def _credit_row(draft: Draft, memo: _Memo, row: _Row, one: CreditedRow, tax: Amount, kept_back: Amount | None) -> None:
    """`kept_back` is None of a deposit, with nothing retained."""
    mode, gross = memo.policies.money_mode, one.amount if kept_back is not None else 0
    moved = retention.credit(draft, memo.statement, gross, kept_back or 0, memo.slot, mode, _of(memo, row))
    if draft.why is not None:
        _say_gross(draft.why, memo, row, kept_back or 0)
    off = take_off(draft, memo.receivable.invoice_id, one.amount - (kept_back or 0), tax, mode, _of(memo, row))
    ledger = _back(memo, row, one)
    parts = _say_parts(draft, draft.why, memo, row, one, ledger, moved) if draft.why is not None else None
    owed = Leg(RECEIVABLE, "credit", -off.gross[0], -off.gross[1])
    legs = [Leg(OUTPUT_TAX, "tax", tax, off.tax[1]), owed]
    net = off.net[1]
    if moved is not None:
        legs.append(plain(moved.leg))
        net -= int(moved.leg.ledger_amount)
    match memo.event.kind:
        case "error_rebill":
            legs = [*_given_back(draft, memo, row, one.amount, ledger), *legs]
        case "rebate":
            legs.insert(0, Leg(REFUND_LIABILITY, "credit", one.amount, net))
            given = parts.sum(("", REFUND_LIABILITY, "credit")) if parts is not None else None
            refunds.give(
                draft, row.issued.contract_id, row.issued.line_id, _project_of(draft, row), (one.amount, net), given
            )
        case _:
            legs.insert(0, Leg(_revenue_of(draft, row), "credit", one.amount, ledger))
    if rest := sum(leg.ledger_amount for leg in legs):
        legs.append(rest_leg(rest, _credits(draft, memo).same_rate))
    journal = _emit(draft, memo, row, merge(legs), moved.project_id if moved is not None else "")
    if draft.why is not None and parts is not None and journal is not None:
        parts.record(draft.why, journal.journal_id, [("", leg) for leg in merge(legs)])
    _remember(draft, memo, row, one, ledger, kept_back or 0)
    retained_in = moved.project_id if moved is not None else _project_of(draft, row)
    _foresee(draft, memo, row, one.amount, (retained_in, kept_back or 0))
    if memo.event.kind == ERROR_REBILL:
        _reopen(draft, memo, row, one, ledger)
    elif memo.event.kind != REBATE:
        _concede(draft, memo, row, one, ledger)


def _back(memo: _Memo, row: _Row, one: CreditedRow) -> Amount:
    """Ledger amount of what the invoice took, as it left, in proportion; what is credited last takes what is left of it."""
    amount, _, ledger = row.taken
    if one.amount == row.listed.amount - amount:
        return row.relieved - ledger
    step = smallest_unit(memo.receivable.ledger_currency)
    if memo.receivable.currency == memo.receivable.ledger_currency:
        return one.amount
    return round_ratio(row.relieved * one.amount, row.listed.amount, step, memo.policies.money_mode)


def _given_back(draft: Draft, memo: _Memo, row: _Row, amount: Amount, ledger: Amount) -> list[Leg]:
    """On the account that the invoice took it from; of what earns over time the position of the contract (R46)."""
    account = row.issued.account
    if account == CONTRACT_LIABILITY and position.is_over_time(draft, memo.contract):
        pairs = ((CONTRACT_LIABILITY, "credit", amount),)
        return list(position.through(draft, row.plan, pairs, memo.slot.exchange))
    return [Leg(account, "credit", amount, ledger)]


def _revenue_of(draft: Draft, row: _Row) -> str:
    if row.issued.account in REVENUE:
        return row.issued.account
    entry = draft.entry(row.listed.entry_id)
    price = standing_price(entry) if entry is not None else None
    if price is not None:
        return price.revenue
    return REIMBURSABLE_REVENUE if named(row.listed.entry_id)[0] == EXPENSE else SERVICE_REVENUE


def _emit(draft: Draft, memo: _Memo, row: _Row, legs: Sequence[Leg], retained_in: str) -> JournalEntry | None:
    if not legs:
        return None
    event = memo.event
    rule = f"{RULE}/{event.kind}/{row.key}"
    entry, project_id = draft.entry(row.listed.entry_id), _project_of(draft, row)
    work = entry.standing if entry is not None else None
    record = journal_entry(
        about(draft, (KIND, event.credit_memo_id, 1), rule),
        booking_of(memo.slot, "difference"),
        legs,
        project_id=project_id,
        dimensions=dict(of_work(draft, work, project_id, row.plan.policies)),
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
                    dimensions=dict(of_work(draft, None, owed_in[line.account], memo.policies)),
                )
                if line.account in owed_in
                else line
                for line in record.lines
            )
        ),
    )
    note_rounding(draft, record, legs, memo.policies.rounding_limit, contract_id=memo.receivable.contract_id)
    return record


def _project_of(draft: Draft, row: _Row) -> str:
    return row.issued.project_id or draft.line(row.issued.contract_id, row.issued.line_id).project_id


def _remember(draft: Draft, memo: _Memo, row: _Row, one: CreditedRow, ledger: Amount, kept_back: Amount) -> None:
    credits_of = _credits(draft, memo)
    amount, hours, had = row.taken
    now = {**credits_of.taken, row.key: (amount + one.amount, hours + one.hours, had + ledger)}
    kept = credits_of.kept_back + kept_back
    if draft.why is not None:
        _say_taken(draft.why, memo, row, one)
        if memo.event.kind == ERROR_REBILL and is_deposit(draft, memo.contract, row.issued):
            back = negated("to be billed again", draft.why.figure(f"credited/{_of(memo, row)}"))
            place = row.issued.contract_id, row.issued.line_id
            draft.why.add(left_to(*place, memo.receivable.bill_to), back)
            if row.listed.entry_id == deposit_row(*place):
                draft.why.add(left_in_all(*place), back)
    draft.put("credits", memo.receivable.invoice_id, replace(credits_of, taken=now, kept_back=kept))


def _say_taken(why: Why, memo: _Memo, row: _Row, one: CreditedRow) -> None:
    """What is credited is billed no more, where it is billed again, and not left to the next memo."""
    of, credited = memo.statement.statement_id, why.figure(f"credited/{_of(memo, row)}")
    why.add(f"{of}#credited/{row.key}", credited)
    why.add(f"{of}#credited", credited)
    if one.hours:
        why.add(f"{of}#credited_hours/{row.key}", why.figure(f"credited_hours/{_of(memo, row)}"))
    if memo.event.kind == ERROR_REBILL:
        why.add(retention.issued_of(row.issued.contract_id, row.issued.line_id), negated("billed again", credited))


def _say_gross(why: Why, memo: _Memo, row: _Row, kept_back: Amount) -> None:
    """What is owed no more: net, less what of it is retained, with tax."""
    of, currency = _of(memo, row), memo.receivable.currency
    parts = [why.figure(f"credited/{of}")]
    parts += [negated("retained", why.figure(f"kept_back/{of}"))] if kept_back else []
    parts += [tax] if (tax := why.figure(f"tax/{of}")).value else []
    made = total("gross", parts, "amount", currency)
    why.record(f"gross/{of}", made.value or 0, made)


def _say_parts(
    draft: Draft, why: Why, memo: _Memo, row: _Row, one: CreditedRow, ledger: Amount, moved: retention.MovedLeg | None
) -> LineParts:
    """Lines of the row's journal."""
    _say_back(why, memo, row, one, ledger)
    of, parts = _of(memo, row), LineParts(memo.receivable.currency, memo.receivable.ledger_currency)
    credited, gross, tax = why.figure(f"credited/{of}"), both_of(why, f"gross/{of}"), both_of(why, f"tax/{of}")
    back = Carried(credited, why.figure(f"back/{of}"))
    parts.credit(("", RECEIVABLE, "credit"), gross)
    parts.debit(("", OUTPUT_TAX, "tax"), tax)
    net = [gross.ledger, tax.ledger]
    if moved is not None:
        kept = line_made(moved.leg, (memo.receivable.currency, memo.receivable.ledger_currency))
        parts.debit(("", moved.leg.account, moved.leg.purpose), kept)
        net.append(kept.ledger)
    match memo.event.kind:
        case "error_rebill":
            for account, part in _say_given_back(draft, memo, row, back):
                parts.debit(("", account, "credit"), part)
        case "rebate":
            parts.debit(("", REFUND_LIABILITY, "credit"), Carried(credited, less("net, in ledger currency", *net)))
        case _:
            parts.debit(("", _revenue_of(draft, row), "credit"), back)
    return parts


def _say_given_back(draft: Draft, memo: _Memo, row: _Row, back: Carried) -> list[tuple[str, Carried]]:
    account, currencies = row.issued.account, (memo.receivable.currency, memo.receivable.ledger_currency)
    if account != CONTRACT_LIABILITY or not position.is_over_time(draft, memo.contract):
        return [(account, back)]
    before = position.standing(draft, memo.receivable.contract_id).position
    of = f"{memo.event.credit_memo_id}/{row.key}"
    stands = position_before(before, of, currencies)
    mode, rates = row.plan.policies.money_mode, Rates()
    if draft.why is not None and currencies[0] != currencies[1]:
        rates = Rates((draft.why.figure(invoice_rate_of(memo.receivable.invoice_id)),), ("times",))
    rate = RecordedRate.along(rates)
    legs = moved(stands, "credit", Recorded(back.amount), rate, currencies[1], mode)
    return [(leg.account, line_made(leg, currencies)) for leg in legs]


def _say_back(why: Why, memo: _Memo, row: _Row, one: CreditedRow, ledger: Amount) -> None:
    """What the invoice took comes back as it left; the last takes what is left of it."""
    of, currency = memo.statement.statement_id, memo.receivable.ledger_currency
    credited, gone = why.figure(f"credited/{_of(memo, row)}"), why.parts_at(f"{of}#back/{row.key}", why.now)
    if memo.receivable.currency == currency:
        made = exchanged(credited, Rates(), currency, memo.policies.money_mode)
    else:
        made = why.figure(cleared_of(of, row.key))
        if one.amount != row.listed.amount - row.taken[0]:
            piece, mode = _billed(memo, row), memo.policies.money_mode
            made = in_proportion("as the invoice took it", made, credited, piece, mode, rule="R14")
        elif gone:
            made = less("left of what the invoice took", made, *gone, rule="R14")
    why.add(f"{of}#back/{row.key}", why.record(f"back/{_of(memo, row)}", ledger, made))


def _foresee(draft: Draft, memo: _Memo, row: _Row, amount: Amount, kept_back: tuple[str, Amount]) -> None:
    """Less is due in the month in which the invoice is, but for what of it is retained, in the project in which that is; what is billed
    again is billed no more in the month in which it was."""
    project_id = _project_of(draft, row)
    retained_in, kept = kept_back
    show_again(draft, memo.receivable)
    show_again(draft, replace(memo.receivable, project_id=project_id))
    if draft.why is not None:
        amount = as_recorded(amount, draft.why.figure(f"credited/{_of(memo, row)}"))
        kept = as_recorded(kept, draft.why.figure(f"kept_back/{_of(memo, row)}")) if kept else kept
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


# What becomes of the row


def _reopen(draft: Draft, memo: _Memo, row: _Row, one: CreditedRow, ledger: Amount) -> None:
    """What is credited is not issued any more, so that it competes for room again and comes on the next statement (R20)."""
    entry, had = _issued_now(draft, row)
    payer, currency = memo.receivable.bill_to, memo.receivable.currency
    if draft.why is not None:
        of = _of(memo, row)
        back = Carried(draft.why.figure(f"credited/{of}"), draft.why.figure(f"back/{of}"))
        say_invoiced(draft.why, had, entry.entry_id, payer, back.taken_back("put back"))
    _put(draft, entry, credited_to(had, payer, one.amount, one.hours, ledger, currency))


def _concede(draft: Draft, memo: _Memo, row: _Row, one: CreditedRow, ledger: Amount) -> None:
    """The row stays billed, for less; policy `concession_returns_cap_room` gives the caps back what it took (R20)."""
    entry, had = _issued_now(draft, row)
    now = replace(had, conceded=had.conceded + one.amount, conceded_ledger=had.conceded_ledger + ledger)
    if memo.event.kind == "price_concession" and row.plan.policies.concession_returns_cap_room:
        now = replace(now, returned=had.returned + one.amount, returned_hours=had.returned_hours + one.hours)
        if had.is_funded:
            now = freed_of(now, memo.receivable.bill_to, one.amount, memo.receivable.currency)
    _put(draft, entry, now)


def _issued_now(draft: Draft, row: _Row) -> tuple[Entry, Issued]:
    entry = draft.entry(row.listed.entry_id)
    assert entry is not None, "the statement lists entries of the books"
    issued = issued_on(entry, row.issued.contract_id, row.issued.line_id)
    assert issued is not None, "the statement issued the entry"
    return entry, issued


def _put(draft: Draft, entry: Entry, now: Issued) -> None:
    """The row with what is issued of it now; its claim on the caps follows, and what that makes of its price."""
    after = with_issued(entry, now)
    before = stake_of(entry)
    plan = plan_of(draft, before.price) if before is not None else None
    on_line = before is not None and (before.price.contract_id, before.price.line_id) == (now.contract_id, now.line_id)
    if before is None or plan is None or not on_line or not (plan.every_rule or entry.given_up):
        draft.put_entry(entry, settle_exchange_rests(draft, after))
        return
    charge = after.standing.charge if after.standing is not None else None
    opening = charge.opening if charge is not None else None
    uncounted = (opening.uncounted, opening.uncounted_hours) if opening is not None else (0, 0)
    back = uncounted[0] + now.returned, uncounted[1] + now.returned_hours
    price = fitted(after, replace(before.price, returned=back[0], returned_hours=back[1]))
    claim = replace(before, price=price, issued=issued_of(price, now))
    allotted = consume_caps(draft, (plan, before), (plan, claim))
    assert allotted is not None, "a claim was made"
    current = draft.entry(entry.entry_id)
    assert current is not None, "the entry was there before"
    issued = replace(current, issued=after.issued)
    if allotted != before.price:
        issued = reprice(draft, issued, plan, allotted, "cap")
    draft.put_entry(current, settle_exchange_rests(draft, issued))
