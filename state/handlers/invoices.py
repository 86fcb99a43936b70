"""The ERP's answer to a statement: an invoice posted moves unbilled to receivables, one that differs or was rejected waits."""

from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.accounts import OUTPUT_TAX, RECEIVABLE
from domain.delivery.answers import ACCOUNT
from domain.events.commercial import ContractSigned
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.events.reference import LegalEntityDefined
from domain.exceptions import DIFFERENCE, ExceptionCategory
from domain.explanation import Node, evaluated, step_of
from domain.figure import Recorded, RecordedRate, called, converted, node_of
from domain.identity import composed, is_opening_statement
from domain.ledger.clearing import CLEARED, Placed, account_of, invoice_legs, left_to_deliver
from domain.ledger.journal import BILLING, Booking, Leg, merge, rest_leg
from domain.ledger.recorded import IN_LEDGER
from domain.money import HALF_UP, format_amount, round_amount, smallest_unit
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.reference.exchange import MISSING_RATE, NO_RATE, Exchange, MissingRate, at_rate
from domain.units import Amount
from domain.why import Rates, Why, elsewhere, in_event, quoted
from state.billing.approval import keep_invoice
from state.billing.clearing_record import ClearingRecord, cleared_of
from state.billing.reissue import stands_for_good
from state.billing.reliefs import Clearing, at_its_rate, clear_unbilled, relieve
from state.billing.retention import MovedLeg
from state.billing.retention import moved as moved_retention
from state.billing.statement_lines import STATEMENT_AT
from state.billing.statement_tax import invoiced_tax_of, note_difference
from state.books import InvoiceCredits, StatementState
from state.draft import AMOUNT_MAX, Draft
from state.handlers import payments, write_offs
from state.ledger import standings
from state.ledger.posting import about, booking_of, emit_placed, note_rounding
from state.ledger.rate_record import say_invoice_rate
from state.receivables.receivables import open_receivable, receivable_of
from state.terms.known import Blocked, Slot, exchange_on, open_day_from, period
from state.terms.plan import contract_policies, customer_of
from state.value import plain
from state.work.exchange_waits import NOTHING_WAITED, Waited, settle_when_day_ends, settled

INVOICE = "invoice"
# One that the books have, of which its ERP says something else now.
POSTED_INVOICE: Final = "posted_invoice"
# The field of an invoice of a statement that has one already.
SECOND: Final = "statement_id"
CLEARS_LATE = (
    "invoice {} was posted as one that clears no 1150, and is said to clear it now: move what its memo takes from other accounts there, "
    "from 1150, and take it off one of the two feeds"
)
# What a statement may be in until its invoice is posted.
UNTIL_POSTED: Final[tuple[ExceptionCategory, ...]] = (DIFFERENCE, standings.REFUSED, standings.UNMAPPED, *MISSING_RATE)


def on_invoice_posted(draft: Draft, event: InvoicePosted) -> None:
    statement = find_statement(draft, event)
    if statement is None:
        _unknown(draft, event, "invoice", event.invoice_id)
        return
    draft.resolve_exception("unknown_reference", "invoice", event.invoice_id)
    if keep_invoice(draft, statement.statement_id, event):
        return
    if statement.invoice_id is not None:
        if statement.invoice_id != event.invoice_id:
            _second(draft, statement, event)
        elif event.clears_unbilled and not statement.is_cleared:
            of = POSTED_INVOICE, event.invoice_id
            _differs(draft, statement, event, CLEARS_LATE.format(event.invoice_id), "clears_unbilled", of)
        return
    stands_for_good(draft, statement.statement_id)
    if event.amount != statement.amount_due:
        by = f" by revision {statement.revision}" if statement.earlier else ""
        message = (
            f"expected {format_amount(statement.amount_due)} {statement.currency} net{by}, "
            f"invoice {event.invoice_id} has {format_amount(event.amount)}{_superseded(statement, event.amount)}"
        )
        _wait(draft, statement, event, message)
    elif (wrong := _wrong_tax(statement, event)) is not None:
        _wait(draft, statement, event, wrong, "tax_amount")
    else:
        post_invoice(draft, statement, event)


def _wrong_tax(statement: StatementState, event: InvoicePosted) -> str | None:
    """What is billed and its tax are on one side, unless the statement's own groups say otherwise."""
    tax, currency = event.tax_amount, statement.currency
    if tax % smallest_unit(currency):
        return f"expected tax that can be paid in {currency}, invoice {event.invoice_id} has {format_amount(tax)}"
    if tax * event.amount < 0 and tax * (statement.tax or 0) <= 0:
        side = "zero or more" if event.amount > 0 else "zero or less"
        net = f"{format_amount(event.amount, currency)} {currency} net"
        return f"expected tax of {side} on {net}, invoice {event.invoice_id} has {format_amount(tax, currency)}"
    return None


def _superseded(statement: StatementState, amount: Amount) -> str:
    """Which earlier revision has the amount, the newest of them."""
    of = [number for number, due in enumerate(statement.earlier, 1) if due == amount]
    return f", as revision {of[-1]} that it superseded; invoice revision {statement.revision}" if of else ""


def on_invoice_rejected(draft: Draft, event: InvoiceRejected) -> None:
    statement = find_statement(draft, event)
    if statement is None:
        _unknown(draft, event, "statement", event.statement_id or "")
        return
    if statement.invoice_id is not None:
        return
    statement_id = statement.statement_id
    category: ExceptionCategory
    other: ExceptionCategory
    if event.because == ACCOUNT:
        category, other = standings.UNMAPPED, standings.REFUSED
        message = f"the invoice of statement {statement_id} waits for the chart: {event.message}"
    else:
        category, other = standings.REFUSED, standings.UNMAPPED
        of = f"invoice {event.invoice_id}" if event.invoice_id is not None else "the invoice"
        message = f"the ERP rejected {of} of statement {statement_id}: {event.code} {event.message}"
    draft.resolve_exception(other, "statement", statement_id)
    draft.raise_exception(
        category,
        "statement",
        statement_id,
        message,
        contract_id=statement.contract_id,
        amount=statement.amount_due,
        currency=statement.currency,
        revises=True,
    )


def posts_when_waived(category: str, subject_kind: str) -> bool:
    """A difference of an invoice that waits; a second one is the ERP's to cancel, and of one that is posted nothing waits."""
    return category == DIFFERENCE and subject_kind not in (INVOICE, POSTED_INVOICE)


def waive_difference(draft: Draft, statement_id: str) -> None:
    """A waived difference posts the statement's amount with the invoice that came; its tax in whole units of the currency."""
    statement = draft.statement(statement_id)
    if statement is not None and statement.waiting is not None and statement.invoice_id is None:
        tax = round_amount(statement.waiting.tax_amount, statement.currency, HALF_UP)
        post_invoice(draft, statement, statement.waiting._replace(amount=statement.amount_due, tax_amount=tax))


def retry_invoice(draft: Draft, statement_id: str) -> None:
    """An exchange rate that the invoice waited for may have come."""
    statement = draft.statement(statement_id)
    if statement is None or statement.waiting is None or _wrong_tax(statement, statement.waiting) is not None:
        return
    if statement.waiting.amount == statement.amount_due:
        post_invoice(draft, statement, statement.waiting, {INVOICE: NO_RATE})


def retry_unexchanged_invoices(draft: Draft) -> None:
    """The day has ended: invoices that wait for an exchange rate take the nearest of those that have come."""
    for statement_id in draft.ids("statement"):
        retry_invoice(draft, statement_id)


def find_statement(draft: Draft, event: InvoicePosted | InvoiceRejected) -> StatementState | None:
    """By its id, else by contract, period and sequence, which no two statements share; its bill-to is that of its issue."""
    named = event.statement
    if event.statement_id is not None or named is None:
        return draft.statement(event.statement_id or "")
    wanted = (named.contract_id, named.period, named.sequence)
    issued = (draft.part("statement", statement_id) for statement_id in draft.ids("statement"))
    found: StatementState | None = next(
        (one for one in issued if (one.contract_id, one.period, one.sequence) == wanted), None
    )
    return found if found is not None and named.bill_to in (None, found.bill_to) else None


def _unknown(draft: Draft, event: InvoicePosted | InvoiceRejected, kind: str, subject: str) -> None:
    parts = event.statement
    named = event.statement_id
    if named is None and parts is not None:
        to = f" to {parts.bill_to}" if parts.bill_to is not None else ""
        named = f"{parts.sequence} of contract {parts.contract_id}{to} for the period from {parts.period}"
    draft.raise_exception(
        "unknown_reference",
        kind,
        subject,
        f"no statement {named} was issued",
        project_id=event.project_id,
        contract_id=event.statement.contract_id if event.statement is not None else None,
        field="statement_id",
    )


def _wait(draft: Draft, statement: StatementState, event: InvoicePosted, message: str, field: str = "amount") -> None:
    """Until it is posted again otherwise, or somebody lets it pass."""
    draft.put("statement", statement.statement_id, replace(statement, waiting=event))
    _differs(draft, statement, event, message, field)


def _differs(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    message: str,
    field: str,
    of: tuple[str, str] | None = None,
) -> None:
    draft.raise_exception(
        DIFFERENCE,
        *(of or ("statement", statement.statement_id)),
        message,
        contract_id=statement.contract_id,
        amount=_at_stake(draft.why, statement, event, field),
        currency=statement.currency,
        field=field,
    )


def _second(draft: Draft, statement: StatementState, event: InvoicePosted) -> None:
    """It is charged in the ERP, and in no books here; its own exception, so that no word on the statement's invoice settles it."""
    had = f"expected no other invoice of statement {statement.statement_id}, which has {statement.invoice_id}"
    _differs(draft, statement, event, f"{had}; got {event.invoice_id}", SECOND, (INVOICE, event.invoice_id))


def _at_stake(why: Why | None, statement: StatementState, event: InvoicePosted, field: str) -> Amount:
    """Where these are in question the tax, the net amount or all that the invoice charges, else the difference of the net amounts."""
    net, tax, due, currency = event.amount, event.tax_amount, statement.amount_due, statement.currency
    if why is not None:
        of = composed(STATEMENT_AT, statement.statement_id, str(why.now))
        net = Recorded(in_event("the invoice, net", net, "amount", event, "amount", currency))
        tax = Recorded(in_event("the invoice, tax", tax, "amount", event, "tax_amount", currency))
        due = Recorded(elsewhere("the statement", due, of, currency))
    if field == "tax_amount":
        return tax
    if field == SECOND:
        return called(net + tax, "gross")
    return net if field == "clears_unbilled" else net - due


def post_invoice(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    waited: Waited = NOTHING_WAITED,
    *,
    is_carried: bool = False,
) -> None:
    """`is_carried` where it was posted before the books begin, so that no ERP is told of it."""
    other = receivable_of(draft, event.invoice_id)
    if other is not None:
        posted = f"invoice {event.invoice_id} is posted for statement {other.statement_id} already"
        _wait(draft, statement, event, posted, "invoice_id")
        return
    contract = draft.contract_in_books(statement.contract_id)
    policies = contract_policies(draft, contract)
    slot = _slot(draft, statement, event, contract.terms, policies, waited)
    if slot is None:
        return
    entity = slot.entity
    for category in UNTIL_POSTED:
        draft.resolve_exception(category, "statement", statement.statement_id)
    draft.resolve_exception(DIFFERENCE, INVOICE, event.invoice_id)
    draft.waits_removed |= _waits(statement, entity)
    say = None
    if draft.why is not None:
        rates = _rates(draft.why, event, slot, policies)
        say_invoice_rate(draft.why, event.invoice_id, slot, rates)
        slot = replace(slot, exchange=RecordedRate.along(rates, slot.exchange))
        say = ClearingRecord(draft.why, statement, (slot.currency, entity.currency))
    reliefs = clear_unbilled(draft, contract, statement, slot, say)
    kept = moved_retention(draft, statement, slot, policies.money_mode)
    if is_carried:
        policies = policies._replace(ar_journal="erp")
    journal = _journals(draft, statement, event, slot, policies, reliefs, kept)
    open_receivable(draft, statement, event.invoice_id, slot, event.tax_amount, journal)
    if entity.currency != slot.currency:
        # Of a deposit that is billed and set against the same statement what is billed of it, which alone is credited.
        last = sorted(reliefs, key=lambda one: not one.is_set_against)
        taken = {composed(one.entry.entry_id, one.listed.line_id): one.ledger_amount for one in last}
        if draft.why is not None:
            for row, ledger in taken.items():
                node = node_of(ledger, IN_LEDGER, currency=entity.currency)
                draft.why.record(cleared_of(statement.statement_id, row), ledger, node)
        same_rate = _is_at_its_rate(slot, reliefs, kept, policies.money_mode)
        draft.put("credits", event.invoice_id, InvoiceCredits(plain(taken), same_rate=same_rate))
    for relief in reliefs:
        relieve(draft, statement, relief)
    draft.put(
        "statement",
        statement.statement_id,
        replace(statement, invoice_id=event.invoice_id, waiting=None, is_cleared=event.clears_unbilled),
    )
    if draft.why is not None:
        _, tax = _say_owed(draft.why, statement, event)
        draft.why.record(invoiced_tax_of(statement.statement_id), event.tax_amount, tax)
    note_difference(draft, statement, event)
    payments.retry_waiting(draft)
    write_offs.retry_waiting(draft)


def _slot(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    terms: ContractSigned,
    policies: Resolved,
    waited: Waited,
) -> Slot | None:
    """Where the invoice is posted; None where it waits for a rate or the end of the day, or is more than the ledger holds."""
    entity = draft.reference.known_entity(terms.legal_entity_id)
    day = open_day_from(draft, entity, event.posted_on)
    exchange = _exchange(draft, policies, event, terms.currency, entity.currency, day)
    if isinstance(exchange, MissingRate):
        draft.put("statement", statement.statement_id, replace(statement, waiting=event))
        draft.waits_added |= _waits(statement, entity)
        draft.raise_exception(
            exchange.category,
            "statement",
            statement.statement_id,
            f"invoice {event.invoice_id} waits: {exchange.message}",
            contract_id=statement.contract_id,
        )
        return None
    if abs(event.amount + event.tax_amount) * exchange.numerator > AMOUNT_MAX * exchange.denominator:
        _wait(draft, statement, event, "at its exchange rate it is more than the ledger holds", "exchange_rate")
        return None
    slot = Slot(entity, terms.currency, day, period(draft, entity, day).name, exchange)
    if isinstance(settled(draft, slot, INVOICE, day, policies, waited), Blocked):
        settle_when_day_ends(draft, entity.zone)
        return None
    return slot


def _waits(statement: StatementState, entity: LegalEntityDefined) -> set[tuple[str, str, str]]:
    """A rate of either currency, or another accounting date or policy of the entity."""
    keys = (("exchange", statement.currency), ("exchange", entity.currency), ("period", entity.legal_entity_id))
    return {(kind, key, f"statement:{statement.statement_id}") for kind, key in keys}


def _exchange(
    draft: Draft, policies: Resolved, event: InvoicePosted, currency: str, ledger_currency: str, day: date
) -> Exchange | MissingRate:
    """The rate that the invoice states, else the table's for its date."""
    if event.exchange_rate is not None and currency != ledger_currency:
        return at_rate(event.exchange_rate)
    return exchange_on(draft, policies, currency, ledger_currency, day, day)


def _rates(why: Why, event: InvoicePosted, slot: Slot, policies: Resolved) -> Rates:
    """Of the invoice's exchange, as it states them or as they were quoted."""
    if event.exchange_rate is None or slot.currency == slot.entity.currency:
        return quoted(slot.exchange, policies.exchange_rate_type, slot.accounting_date, slot.entity)
    if is_opening_statement(event.statement_id or ""):
        stated = why.figure(opening_rate_of(event.statement_id or ""))
    else:
        stated = in_event("the invoice's rate", event.exchange_rate, "exchange_rate", event, "exchange_rate")
    return Rates((stated,), ("times",))


def opening_rate_of(statement_id: str) -> str:
    """Address of the rate of an open invoice of before the books begin."""
    return f"{statement_id}#rate"


def _journals(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    slot: Slot,
    policies: Resolved,
    reliefs: list[Clearing],
    kept: list[MovedLeg],
) -> JournalEntry | None:
    """The billing journal; none where what the statement bills and takes back is equal, on every account.

    Where the ERP's invoice clears the unbilled receivable, it is what that posts, and the rest is a journal of its own, which is delivered.
    """
    lines: Placed = _billing_lines(draft, statement, event, slot, policies, reliefs, kept)
    is_ours = policies.ar_journal == "milepost"
    if is_ours or not event.clears_unbilled:
        return _post(draft, statement, policies, booking_of(slot, BILLING), BILLING, lines, deliver=is_ours)
    billed = [
        (_project_of(draft, each), Leg(account_of(each.listed.entry_id), BILLING, -each.listed.amount, 0))
        for each in reliefs
    ]
    invoiced = invoice_legs(lines, [*billed, *kept], lambda amount: _in_ledger(amount, slot, policies.money_mode))
    posted = _post(draft, statement, policies, booking_of(slot, BILLING), BILLING, invoiced, deliver=False)
    rest = left_to_deliver(lines, invoiced)
    _post(draft, statement, policies, booking_of(slot, "difference"), CLEARED, rest, deliver=True)
    return posted


def _post(
    draft: Draft,
    statement: StatementState,
    policies: Resolved,
    booking: Booking,
    rule: str,
    lines: Placed,
    *,
    deliver: bool,
) -> JournalEntry | None:
    if not lines:
        return None
    contract = draft.contract_in_books(statement.contract_id)
    posted = emit_placed(
        draft,
        about(draft, ("statement", statement.statement_id, 1), rule),
        booking,
        lines,
        contract_id=statement.contract_id,
        customer_id=customer_of(contract, statement.bill_to),
        deliver=deliver,
        policies=policies,
    )
    note_rounding(draft, posted, [leg for _, leg in lines], policies.rounding_limit, contract_id=statement.contract_id)
    return posted


def _billing_lines(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    slot: Slot,
    policies: Resolved,
    reliefs: list[Clearing],
    kept: list[MovedLeg],
) -> list[tuple[str, Leg]]:
    """Receivable and what is retained against what was unbilled, by project, and tax; exchange differences go to 7110, cents to 7190."""
    mode = policies.money_mode
    net, tax = event.amount, event.tax_amount
    if draft.why is not None:
        net, tax = (Recorded(node) for node in _say_owed(draft.why, statement, event))
    gross = called(net + tax, "gross")
    by_project: dict[str, list[Leg]] = {}
    for relief in reliefs:
        legs_of = relief.legs
        if legs_of is None:
            legs_of = (Leg(relief.account, "billing", -relief.listed.amount, -relief.ledger_amount),)
        by_project.setdefault(_project_of(draft, relief), []).extend(legs_of)
    for project_id, leg in kept:
        by_project.setdefault(project_id, []).append(leg)
    main = min(by_project, default="")
    legs = by_project.setdefault(main, [])
    legs.insert(0, Leg(RECEIVABLE, "billing", gross, _in_ledger(gross, slot, mode)))
    if tax:
        legs.append(Leg(OUTPUT_TAX, "tax", -tax, -_in_ledger(tax, slot, mode)))
    rest = sum(leg.ledger_amount for members in by_project.values() for leg in members)
    if rest:
        legs.append(rest_leg(rest, _is_at_its_rate(slot, reliefs, kept, mode)))
    return [(project_id, leg) for project_id in sorted(by_project) for leg in merge(by_project[project_id])]


def _say_owed(why: Why, statement: StatementState, event: InvoicePosted) -> tuple[Node, Node]:
    """Net and tax as the invoice has them; of a difference that is waived, what is due and the tax in whole units."""
    waited, currency, of = statement.waiting, statement.currency, statement.statement_id
    if is_opening_statement(of):
        return why.figure(f"{of}#net"), why.figure(f"{of}#tax")
    posted = waited if waited is not None and waited.event_id == event.event_id else event
    net = in_event("net", event.amount, "amount", posted, "amount", currency)
    if posted.amount != event.amount:
        due = composed("statement", statement.statement_id)
        net = elsewhere("due of the statement", event.amount, due, currency)
    tax = in_event("tax", posted.tax_amount, "amount", posted, "tax_amount", currency)
    if posted.tax_amount != event.tax_amount:
        title = f"tax, in units of {step_of(currency)}"
        tax = evaluated(title, "round", (tax,), {"step": step_of(currency)}, "amount", currency)
    return net, tax


def _project_of(draft: Draft, relief: Clearing) -> str:
    return draft.billed_in(relief.entry, relief.plan.contract_id, relief.listed.line_id)


def _in_ledger(amount: Amount, slot: Slot, mode: str) -> Amount:
    return converted(amount, slot.exchange, slot.entity.currency, mode)


def _is_at_its_rate(slot: Slot, reliefs: list[Clearing], kept: list[MovedLeg], mode: str) -> bool:
    """Whether all that it takes is of the invoice's rate, but for cents."""
    return all(relief.same_rate for relief in reliefs) and all(
        at_its_rate(leg.amount, leg.ledger_amount, slot, mode) for _, leg in kept
    )
