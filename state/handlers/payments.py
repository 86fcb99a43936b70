"""What customers pay: cash (1010) takes receivables (1100) at the ledger amount that they carry, the rest is unapplied cash (1120).

What the bank's rate makes of an amount and what the receivable carries differ by the realised exchange difference (7110, R56). A payment
posts whole or not at all: where an application names an invoice that is not posted, one of another customer or currency, or more than is
open, it waits and an exception says which. Its reversal mirrors all that it posted (R14, R52).

    1,000.00 USD carried at 0.90 (900.00), paid at 0.95: Dr 1010 1,000.00 (950.00), Cr 1100 1,000.00 (900.00), Cr 7110 (50.00)
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.accounts import BANK, RECEIVABLE, UNAPPLIED_CASH
from domain.events.finance import PaymentReceived, PaymentReversed
from domain.events.reference import LegalEntityDefined
from domain.exceptions import MISAPPLIED, UNKNOWN, ExceptionCategory
from domain.explanation import Node
from domain.figure import Recorded, called
from domain.ledger.journal import Leg, rest_leg
from domain.money import format_amount
from domain.policies import Resolved
from domain.reference.exchange import MISSING_RATE, Exchange, MissingRate, at_rate
from domain.refusals import UNSUPPORTED
from domain.units import Amount
from domain.waiting import waits_for_exchange_rate
from domain.why import in_event
from state.books import Payment, Receipt, Receivable
from state.draft import AMOUNT_MAX, BLOCKED, Draft
from state.facts import is_new
from state.handlers import write_offs
from state.ledger.rate_record import converted, rate_of, say_rate
from state.receivables import cash_waits
from state.receivables.cash_fits import in_units, misfit, too_fine
from state.receivables.cash_record import PAYMENT, say_taken, taken_of, with_fields
from state.receivables.cash_waits import CashFault, WaitingCash
from state.receivables.receipts import ReceiptLines, Subject, mirror, post
from state.receivables.receivables import open_of, pay, receivable_of, show_again, unpay
from state.receivables.unapplied import customers_of, remember
from state.terms.known import Blocked, Slot, entity_policies, exchange_on, open_day_from, period
from state.terms.opening import IN_BALANCES
from state.terms.plan import contract_policies
from state.value import plain
from state.work.exchange_waits import Waited, settle_when_day_ends, settled

RECEIPT = "receipt"
INDEX = "receipts"
CATEGORIES: Final[tuple[ExceptionCategory, ...]] = (MISAPPLIED, UNKNOWN, UNSUPPORTED, IN_BALANCES, *MISSING_RATE)


class Application(NamedTuple):
    receivable: Receivable
    amount: Amount


class PaymentGroup(NamedTuple):
    """What of a payment goes into one journal: of one contract, or of none where nothing is applied."""

    entity: LegalEntityDefined
    policies: Resolved
    contract_id: str
    applications: tuple[Application, ...]
    unapplied: Amount
    paid: Amount

    @property
    def amount(self) -> Amount:
        """All that is paid, where there is no other group."""
        own = self.unapplied + sum(each.amount for each in self.applications)
        return self.paid if own == self.paid else own


def on_payment_received(draft: Draft, event: PaymentReceived) -> None:
    known: Payment | None = draft.part(PAYMENT, event.payment_id)
    if known is not None and known.category and known.event != event:
        draft.put("fact", f"{PAYMENT}/{event.payment_id}", None)  # nothing of it is posted: the newest content counts
    if not is_new(draft, PAYMENT, event.payment_id, 0, event):
        return
    if known is not None and known.is_reversed:
        draft.put(PAYMENT, event.payment_id, replace(known, event=event, own=draft.own))
        draft.resolve_exception(UNKNOWN, PAYMENT, event.payment_id, "superseded")
        return
    if known is not None:
        cash_waits.superseded(draft, _waiting(event.payment_id), known)
    applications = known.applications if known is not None else ()
    _settle(draft, event.payment_id, Payment(event, draft.own, applications=applications))


def retry(draft: Draft, payment_id: str) -> None:
    """What it waited for may have come."""
    known: Payment | None = draft.part(PAYMENT, payment_id)
    if known is not None and known.category:
        _settle(draft, payment_id, known)


def retry_waiting(draft: Draft) -> None:
    """A receivable, a contract or a day's rates came, or a payment was taken back: the payments that wait, by id."""
    for payment_id in waiting(draft):
        retry(draft, payment_id)


def waiting(draft: Draft) -> tuple[str, ...]:
    return cash_waits.waiting(draft, INDEX, PAYMENT)


def waive(draft: Draft, payment_id: str) -> None:
    """What fits is applied, and what does not is unapplied cash; what balances include is never booked."""
    known: Payment | None = draft.part(PAYMENT, payment_id)
    if known is not None and known.category == IN_BALANCES:
        cash_waits.wait_no_more(draft, _waiting(payment_id), known)
        draft.put(PAYMENT, payment_id, replace(known, is_reversed=True, category="", waits=()))
    elif known is not None and known.category:
        _settle(draft, payment_id, replace(known, is_waived=True))


def _settle(draft: Draft, payment_id: str, payment: Payment) -> None:
    """Post it whole, or say why it waits."""
    found = _groups(draft, payment)
    made = found if isinstance(found, CashFault) else _slots(draft, payment, found)
    if isinstance(made, CashFault):
        cash_waits.park(draft, _waiting(payment_id), payment, made, f"payment {payment_id}")
        return
    for category in CATEGORIES:
        draft.resolve_exception(category, PAYMENT, payment_id)
    cash_waits.wait_no_more(draft, _waiting(payment_id), payment)
    receipts: list[Receipt] = []
    applied: list[tuple[str, Amount, Amount]] = []
    for group, slot in made:
        receipt, taken = _post(draft, payment_id, payment, group, slot)
        receipts += receipt
        applied += taken
    posted = replace(payment, receipts=tuple(receipts), applied=plain(tuple(applied)), category="", waits=())
    draft.put(PAYMENT, payment_id, posted)
    if draft.why is not None and payment.event is not None:
        say_taken(draft.why, PAYMENT, payment_id, 0, applied, payment.event.currency)
    remember(draft, payment_id)


# What a payment is applied to


def _groups(draft: Draft, payment: Payment) -> list[PaymentGroup] | CashFault:
    """Applications by contract, in the order in which the payment names them; what is not applied goes with the first."""
    stated = payment.event
    assert stated is not None, "a payment that was taken back before it came posts nothing"
    event = in_units(stated) if payment.is_waived else stated
    if draft.why is not None:
        event = with_fields(stated, event)
    if not payment.is_waived and (fine := too_fine(event)) is not None:
        return fine
    if event.amount < 0 and not event.applications and not payment.is_waived:
        got = f"{format_amount(event.amount)} {event.currency}; one that is taken back is a PaymentReversed"
        return CashFault(MISAPPLIED, "amount", f"expected an amount above zero, got {got}", -event.amount)
    unapplied = event.amount - called(sum(each.amount for each in event.applications), "applied")
    if unapplied < 0 and not payment.is_waived:
        applied = format_amount(event.amount - unapplied)
        paid = f"{format_amount(event.amount)} {event.currency}"
        return CashFault(MISAPPLIED, "applications", f"{applied} are applied of a payment of {paid}", -unapplied)
    own = payment.own
    if own is not None and event.applications[0].invoice_id not in own:
        unapplied = 0  # the rest goes to the engagement of the first application
    found: list[Application] = []
    left: dict[str, Amount] = {}
    for place, each in enumerate(event.applications):
        if own is not None and each.invoice_id not in own:
            continue
        receivable = receivable_of(draft, each.invoice_id)
        if receivable is None:
            field = f"applications[{place}].invoice_id"
            return CashFault(UNKNOWN, field, f"invoice {each.invoice_id} is not posted", each.amount)
        stands = left[each.invoice_id] if each.invoice_id in left else open_of(draft, receivable)[0]
        fault = misfit(draft, event, place, receivable, stands)
        amount = each.amount
        if fault is not None:
            if not payment.is_waived:
                return fault
            amount = stands if fault.field.endswith(".amount") and (stands > 0) == (amount > 0) else 0
            unapplied += each.amount - amount
        if amount:
            left[each.invoice_id] = stands - amount
            found.append(Application(receivable, amount))
    if unapplied < 0:
        found, unapplied = _cut(found, unapplied)
    unapplied = called(unapplied, "not applied")
    if not found:
        return _unapplied(draft, event, unapplied)
    fitting: dict[str, list[Application]] = {}
    for application in found:
        fitting.setdefault(application.receivable.contract_id, []).append(application)
    groups = []
    for contract_id, applications in fitting.items():
        entity = draft.reference.known_entity(applications[0].receivable.legal_entity_id)
        policies = contract_policies(draft, draft.contract_in_books(contract_id))
        members = tuple(applications)
        groups.append(PaymentGroup(entity, policies, contract_id, members, unapplied, event.amount))
        unapplied = 0
    return groups


def _cut(found: list[Application], unapplied: Amount) -> tuple[list[Application], Amount]:
    """Applied is no more than was paid: less from the last that is named on. What is missing still was paid out, and stands on 1120."""
    kept: list[Application] = []
    for receivable, amount in reversed(found):
        gone = min(max(-unapplied, 0), max(amount, 0))
        unapplied += gone
        if amount != gone:
            kept.append(Application(receivable, amount - gone))
    return kept[::-1], unapplied


def _unapplied(draft: Draft, event: PaymentReceived, amount: Amount) -> list[PaymentGroup] | CashFault:
    """In the company of the customer's first contract, by id."""
    if not amount:
        return []
    for contract in draft.contracts():
        if contract.history and event.customer_id in customers_of(draft, contract):
            entity = draft.reference.entity(contract.terms.legal_entity_id)
            if entity is not None:
                return [PaymentGroup(entity, entity_policies(draft, entity), "", (), amount, event.amount)]
    message = f"no contract of customer {event.customer_id} says in which company the payment is booked"
    return CashFault(UNKNOWN, "customer_id", message, amount)


# Where it is booked


def _slots(
    draft: Draft, payment: Payment, groups: Iterable[PaymentGroup]
) -> list[tuple[PaymentGroup, Slot]] | CashFault:
    found = []
    for group in groups:
        slot = _slot(draft, payment, group)
        if isinstance(slot, CashFault):
            return slot
        found.append((group, slot))
    return found


def _slot(draft: Draft, payment: Payment, group: PaymentGroup) -> Slot | CashFault:
    """On the day on which the bank booked it, at the bank's rate, else at the table's."""
    event, entity, policies = payment.event, group.entity, group.policies
    assert event is not None, "a payment that was taken back before it came posts nothing"
    day = open_day_from(draft, entity, event.received_on)
    exchange: Exchange | MissingRate
    if event.exchange_rate is not None and event.currency != entity.currency:
        exchange = at_rate(event.exchange_rate)
    else:
        exchange = exchange_on(draft, policies, event.currency, entity.currency, day, day)
    staleness = policies.rate_staleness_days
    waits = waits_for_exchange_rate(event.currency, entity.currency, entity.legal_entity_id, {day}, staleness)
    if isinstance(exchange, MissingRate):
        return CashFault(exchange.category, "exchange_rate", exchange.message, _paid(draft, event), waits)
    largest = max(abs(group.amount), *(abs(each.amount) for each in group.applications), abs(group.unapplied))
    if largest * exchange.numerator > AMOUNT_MAX * exchange.denominator:
        return CashFault(MISAPPLIED, "exchange_rate", "at its exchange rate it is more than the ledger holds")
    slot = Slot(entity, event.currency, day, period(draft, entity, day).name, exchange)
    waited: Waited = {RECEIPT: payment.category} if payment.category and payment.category in MISSING_RATE else {}
    now = settled(draft, slot, RECEIPT, day, policies, waited)
    if isinstance(now, Blocked):
        settle_when_day_ends(draft, entity.zone)
        return CashFault(now.category, "exchange_rate", now.message, _paid(draft, event), waits)
    return slot


def _paid(draft: Draft, event: PaymentReceived) -> Amount:
    return event.amount if draft.why is None else with_fields(event, event).amount


# Journals


def _post(
    draft: Draft, payment_id: str, payment: Payment, group: PaymentGroup, slot: Slot
) -> tuple[list[Receipt], list[tuple[str, Amount, Amount]]]:
    """One journal; none where nothing is paid and nothing applied."""
    event = payment.event
    assert event is not None, "a payment that was taken back before it came posts nothing"
    stated = _stated_rate(event, slot)
    lines, applied = _lines(draft, group, slot, rate_of(draft.why, slot, stated))
    if not lines:
        return [], applied
    rule = f"{RECEIPT}/{group.contract_id}" if group.contract_id else RECEIPT
    posts = ReceiptLines(rule, group.contract_id, lines, deliver=group.policies.cash_journal == "milepost")
    about = Subject(PAYMENT, payment_id, event.customer_id)
    receipt = post(draft, about, slot, posts, group.policies)
    if draft.why is not None:
        say_rate(draft.why, receipt.journal_id, slot, None, stated)
    return [receipt], applied


def _stated_rate(event: PaymentReceived, slot: Slot) -> Node | None:
    """The bank's."""
    if event.exchange_rate is None or slot.exchange.path:
        return None
    return in_event("the bank's rate", event.exchange_rate, "exchange_rate", event, "exchange_rate")


def _lines(
    draft: Draft, group: PaymentGroup, slot: Slot, rate: Node | None
) -> tuple[tuple[tuple[str, Leg], ...], list[tuple[str, Amount, Amount]]]:
    """Each application a line, in the project of its receivable; cash and the rest in that of the first."""
    mode = group.policies.money_mode

    def in_ledger(amount: Amount) -> Amount:
        return converted(amount, slot, mode, rate)

    main = group.applications[0].receivable.project_id if group.applications else ""
    by_project: dict[str, list[Leg]] = {main: [Leg(BANK, RECEIPT, group.amount, in_ledger(group.amount))]}
    applied = []
    same_rate = True
    for receivable, amount in group.applications:
        _, ledger = pay(draft, receivable.invoice_id, amount, mode)
        applied.append((receivable.invoice_id, amount, ledger))
        by_project.setdefault(receivable.project_id, []).append(Leg(RECEIVABLE, RECEIPT, -amount, -ledger))
        same_rate = same_rate and receivable.exchange_rate == slot.exchange.rate
        show_again(draft, receivable)
    by_project[main].append(Leg(UNAPPLIED_CASH, RECEIPT, -group.unapplied, -in_ledger(group.unapplied)))
    if rest := sum(leg.ledger_amount for members in by_project.values() for leg in members):
        by_project[main].append(rest_leg(rest, same_rate))
    order = [main, *sorted(project_id for project_id in by_project if project_id != main)]
    lines = ((project_id, leg) for project_id in order for leg in by_project[project_id])
    return tuple((project_id, leg) for project_id, leg in lines if leg.amount or leg.ledger_amount), applied


# Taken back


def on_payment_reversed(draft: Draft, event: PaymentReversed) -> None:
    payment: Payment | None = draft.part(PAYMENT, event.payment_id)
    if payment is None:
        draft.put(PAYMENT, event.payment_id, Payment(None, is_reversed=True))
        message = f"payment {event.payment_id} is taken back, but it has not come"
        draft.raise_exception(
            UNKNOWN, PAYMENT, event.payment_id, message, project_id=event.project_id, field="payment_id"
        )
        return
    if payment.is_reversed or payment.event is None:
        return
    fault = other_payment(event, payment.event)
    if fault is not None:
        if draft.why is not None and fault.amount:
            stated = in_event(BLOCKED, fault.amount, "amount", event, "amount", payment.event.currency)
            fault = fault._replace(amount=Recorded(stated))
        _note(draft, event.payment_id, payment, fault, side="/reversal")
        return
    for category in CATEGORIES:
        draft.resolve_exception(category, PAYMENT, event.payment_id, "superseded")
    draft.resolve_exception(MISAPPLIED, PAYMENT, event.payment_id, side="/reversal")
    cash_waits.wait_no_more(draft, _waiting(event.payment_id), payment)
    about = Subject(PAYMENT, event.payment_id, payment.event.customer_id)
    for receipt in payment.receipts:
        mirror(draft, event, about, receipt)
    for invoice_id, amount, ledger in taken_of(draft.why, payment):
        show_again(draft, unpay(draft, invoice_id, (amount, ledger)))
    draft.put(PAYMENT, event.payment_id, replace(payment, is_reversed=True, category="", waits=()))
    remember(draft, event.payment_id)
    retry_waiting(draft)
    write_offs.retry_waiting(draft)


def other_payment(event: PaymentReversed, payment: PaymentReceived) -> CashFault | None:
    """A reversal that states another payment than there is takes nothing back."""
    if event.amount is not None and event.amount != payment.amount:
        expected = f"expected {format_amount(payment.amount)} {payment.currency}, the whole payment"
        return CashFault(MISAPPLIED, "amount", f"{expected}, got {format_amount(event.amount)}", event.amount)
    for field in ("currency", "customer_id"):
        stated, was = getattr(event, field), getattr(payment, field)
        if stated is not None and stated != was:
            return CashFault(MISAPPLIED, field, f"expected {was}, as the payment has it, got {stated}")
    return None


# What waits


def _note(draft: Draft, payment_id: str, payment: Payment, fault: CashFault, side: str = "") -> None:
    assert payment.event is not None, "only what came can be wrong"
    cash_waits.note(draft, _waiting(payment_id), payment.event, fault, f"payment {payment_id}", side)


def _waiting(payment_id: str) -> WaitingCash:
    return WaitingCash(INDEX, PAYMENT, payment_id)
