"""Cash that is applied after it came, or to another invoice: out of unapplied cash (1120), or back into it, at the rate of its payment.

What is applied takes receivables (1100) at the ledger amount that they carry, as a payment does, and what it differs by from the cash is
the realised exchange difference (7110, R56). An amount with the other sign takes off an invoice what the payment had settled of it, as it
was carried. An application posts whole or not at all, and with its payment it is taken back.

    1,000.00 USD unapplied at 0.95, of which 400.00 go to an invoice carried at 0.90: Dr 1120 400.00 (380.00), Cr 1100 400.00 (360.00),
    Cr 7110 (20.00)
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RECEIVABLE, UNAPPLIED_CASH
from domain.events.finance import PaymentApplied, PaymentReversed
from domain.exceptions import MISAPPLIED, UNKNOWN
from domain.explanation import Node
from domain.figure import called, carried_at, node_of
from domain.ledger.journal import Leg, rest_leg
from domain.ledger.position import Balance
from domain.policies import Resolved
from domain.reference.exchange import at_rate
from domain.sums import summed
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.why import in_event
from state.books import CashApplication, Payment, Receipt, Receivable
from state.draft import AMOUNT_MAX, Draft
from state.facts import is_new
from state.handlers import payments, write_offs
from state.handlers.payments import CATEGORIES, RECEIPT
from state.ledger.rate_record import converted, rate_of, say_rate
from state.receivables import cash_waits
from state.receivables.cash_fits import Fitting, fitting
from state.receivables.cash_record import APPLICATION, PAYMENT, elsewhere_at, say_taken, taken_of
from state.receivables.cash_waits import CashFault, WaitingCash
from state.receivables.receipts import ReceiptLines, Subject, mirror, post, reverse
from state.receivables.receivables import pay, show_again, unpay
from state.receivables.unapplied import applications_of, booked_as, carried, held_of, is_home, remember
from state.terms.known import Slot, open_day_from, period
from state.terms.opening import IN_BALANCES
from state.terms.plan import contract_policies
from state.value import plain

# What an application says of other engagements' invoices.
OF_OTHERS = ""
Taken = tuple[str, Amount, Amount]


class ApplicationGroup(NamedTuple):
    """What of an application goes into one journal: of one contract. `booked` is the payment's own journal in its company."""

    slot: Slot
    policies: Resolved
    contract_id: str
    members: tuple[tuple[Receivable, Amount], ...]
    booked: Receipt | None


def on_payment_applied(draft: Draft, event: PaymentApplied) -> None:
    application_id = event.application_id
    if draft.own == () and not is_home(draft.part(PAYMENT, event.payment_id)):
        return  # neither its cash nor one of its invoices is in this engagement
    known: CashApplication | None = draft.part(APPLICATION, application_id)
    if known is not None and known.category and known.event != event:
        draft.put("fact", f"{APPLICATION}/{application_id}", None)  # nothing of it is posted: the newest content counts
    if not is_new(draft, APPLICATION, application_id, 0, event):
        return
    if known is not None:
        cash_waits.superseded(draft, _place(application_id), known)
    _settle(draft, CashApplication(event, draft.own))
    retry_waiting(draft)


def apply_here(draft: Draft, event: PaymentApplied) -> None:
    """As balances say that cash is, all of it of this engagement; it has to fit."""
    _settle(draft, CashApplication(event))
    known: CashApplication = draft.part(APPLICATION, event.application_id)
    assert not known.category, f"application {event.application_id} waits: {known.category}"
    retry_waiting(draft)


def retry_waiting(draft: Draft) -> None:
    """A payment, a receivable or a contract came: the applications that wait, by id, until none of them makes room for another."""
    before: tuple[str, ...] = ()
    while (waiting := cash_waits.waiting(draft, APPLICATION, APPLICATION)) != before:
        before = waiting
        for application_id in waiting:
            retry(draft, application_id)


def retry(draft: Draft, application_id: str) -> None:
    known: CashApplication | None = draft.part(APPLICATION, application_id)
    if known is not None and known.category:
        _settle(draft, known)


def waive(draft: Draft, application_id: str) -> None:
    """What fits is applied, and what does not stays as it is."""
    known: CashApplication | None = draft.part(APPLICATION, application_id)
    if known is not None and known.category == IN_BALANCES:
        _drop(draft, known)
    elif known is not None and known.category:
        _settle(draft, replace(known, is_waived=True))


def _settle(draft: Draft, known: CashApplication) -> None:
    """Post it whole, or say why it waits."""
    event = known.event
    if (opposite := _cancelling_application(draft, known)) is not None:
        _drop(draft, opposite)
        _drop(draft, known)
        return
    payment: Payment | None = draft.part(PAYMENT, event.payment_id)
    found = fitting(draft, known, payment)
    made = found if isinstance(found, CashFault) else _groups(draft, event, payment, found)
    if isinstance(made, CashFault):
        about = f"application {known.event.application_id} of payment {known.event.payment_id}"
        cash_waits.park(draft, _place(known.event.application_id), known, made, about)
        return
    for category in CATEGORIES:
        draft.resolve_exception(category, APPLICATION, event.application_id)
    cash_waits.wait_no_more(draft, _place(known.event.application_id), known)
    assert isinstance(found, Fitting), "what is grouped fits"
    if draft.why is not None:
        node = node_of(found.elsewhere, "taken by other engagements", currency=event.currency)
        draft.why.record(elsewhere_at(event.application_id), found.elsewhere, node)
        known, found = plain(known), found._replace(elsewhere=int(found.elsewhere))
    posted = replace(known, elsewhere=found.elsewhere, category="", waits=())
    with_it = payment if payment is not None else Payment(None, known.own)
    draft.put(PAYMENT, event.payment_id, replace(with_it, applications=(*with_it.applications, event.application_id)))
    draft.put(APPLICATION, event.application_id, posted)
    for group in made:
        posted = _post(draft, posted, group)
        draft.put(APPLICATION, event.application_id, posted)
    remember(draft, event.payment_id)
    payments.retry_waiting(draft)
    write_offs.retry_waiting(draft)


# Where it is booked


def _groups(
    draft: Draft, event: PaymentApplied, payment: Payment | None, found: Fitting
) -> list[ApplicationGroup] | CashFault:
    """By contract, in the order in which the event names its invoices."""
    members: dict[str, list[tuple[Receivable, Amount]]] = {}
    for receivable, amount in found.members:
        members.setdefault(receivable.contract_id, []).append((receivable, amount))
    groups = []
    for contract_id, of_contract in members.items():
        contract = draft.contract_in_books(contract_id)
        booked = booked_as(payment, of_contract[0][0].legal_entity_id)
        slot = _slot(draft, event, of_contract, booked)
        if isinstance(slot, CashFault):
            return slot
        groups.append(
            ApplicationGroup(slot, contract_policies(draft, contract), contract_id, tuple(of_contract), booked)
        )
    return groups


def _slot(
    draft: Draft, event: PaymentApplied, members: list[tuple[Receivable, Amount]], booked: Receipt | None
) -> Slot | CashFault:
    """On its day, and never before the payment and the invoices are booked; at the rate at which the payment was."""
    entity = draft.reference.known_entity(members[0][0].legal_entity_id)
    rate = event.exchange_rate if event.currency != entity.currency else EXCHANGE_RATE_ONE
    if booked is not None:
        rate = booked.exchange_rate
    if rate is None:
        message = (
            f"payment {event.payment_id} is booked in another engagement: expected the exchange rate at which it was"
        )
        return CashFault(UNKNOWN, "exchange_rate", message)
    if sum(abs(amount) for _, amount in members) * rate > AMOUNT_MAX * EXCHANGE_RATE_ONE:
        return CashFault(MISAPPLIED, "exchange_rate", "at its exchange rate it is more than the ledger holds")
    days = [event.applied_on, *(receivable.posted_on for receivable, _ in members)]
    day = open_day_from(draft, entity, max(days if booked is None else [*days, booked.accounting_date]))
    exchange = at_rate(rate, booked.journal_id if booked is not None else "")
    return Slot(entity, event.currency, day, period(draft, entity, day).name, exchange)


def _stated_rate(event: PaymentApplied) -> Node | None:
    """Of a payment that is booked in another engagement."""
    rate = event.exchange_rate
    return in_event("the payment's rate", rate, "exchange_rate", event, "exchange_rate") if rate is not None else None


# Journals


def _post(draft: Draft, known: CashApplication, group: ApplicationGroup) -> CashApplication:
    event, slot = known.event, group.slot
    booked = group.booked
    stated = _stated_rate(event) if booked is None else None
    lines, applied = _lines(draft, event, group, rate_of(draft.why, slot, stated))
    posts = ReceiptLines(
        f"application/{event.payment_id}/{group.contract_id}",
        group.contract_id,
        lines,
        deliver=group.policies.cash_journal == "milepost" if booked is None else booked.deliver,
    )
    posted = post(draft, _about(known), slot, posts, group.policies)
    if draft.why is not None:
        say_rate(draft.why, posted.journal_id, slot, None, stated)
        say_taken(draft.why, APPLICATION, event.application_id, len(known.applied), applied, event.currency)
    return replace(known, receipts=(*known.receipts, posted), applied=(*known.applied, *plain(tuple(applied))))


def _lines(
    draft: Draft, event: PaymentApplied, group: ApplicationGroup, rate: Node | None
) -> tuple[tuple[tuple[str, Leg], ...], list[Taken]]:
    """Cash in the project in which the payment had it, each invoice a line in its own."""
    payment: Payment = draft.part(PAYMENT, event.payment_id)
    mode, exchange = group.policies.money_mode, group.slot.exchange
    main = _project_of_cash(group)
    net = called(sum(amount for _, amount in group.members), "applied")
    whole, whole_ledger = carried(draft, payment, group.slot.entity.legal_entity_id)
    ledger = whole_ledger if net == whole else converted(net, group.slot, mode, rate)
    lines = [(main, Leg(UNAPPLIED_CASH, RECEIPT, net, ledger))]
    applied: list[Taken] = []
    same_rate = True
    for receivable, amount in group.members:
        taken = _take(draft, payment, applied, receivable, amount, mode)
        applied.append((receivable.invoice_id, amount, taken))
        lines.append((receivable.project_id, Leg(RECEIVABLE, RECEIPT, -amount, -taken)))
        same_rate = same_rate and receivable.exchange_rate == exchange.rate
    if rest := sum(leg.ledger_amount for _, leg in lines):
        lines.append((main, rest_leg(rest, same_rate)))
    return tuple((project_id, leg) for project_id, leg in lines if leg.amount or leg.ledger_amount), applied


def _project_of_cash(group: ApplicationGroup) -> str:
    if group.booked is None:
        return group.members[0][0].project_id
    lines = group.booked.lines
    return next((project_id for project_id, leg in lines if leg.account == UNAPPLIED_CASH), lines[0][0])


def _take(
    draft: Draft, payment: Payment, applied: list[Taken], receivable: Receivable, amount: Amount, mode: str
) -> Amount:
    """Ledger amount: off what is open as that is carried, or back what the payment had taken of it, as it took it."""
    if (amount > 0) == (receivable.gross[0] > 0):
        _, ledger = pay(draft, receivable.invoice_id, amount, mode)
        show_again(draft, receivable)
        return ledger
    held = held_of(draft, payment, receivable.invoice_id)
    earlier = [one[1:] for one in applied if one[0] == receivable.invoice_id]
    stands: Balance = held[0] + sum(one for one, _ in earlier), held[1] + sum(one for _, one in earlier)
    back = carried_at(-amount, stands, receivable.ledger_currency, mode, "R56")
    show_again(draft, unpay(draft, receivable.invoice_id, (-amount, back)))
    return -back


# Taken back with the payment


def on_payment_reversed(draft: Draft, event: PaymentReversed) -> None:
    """Before the payment itself is taken back: the newest first, and what waits is applied no more."""
    payment: Payment | None = draft.part(PAYMENT, event.payment_id)
    if payment is None or payment.is_reversed:
        return
    if payment.event is not None and payments.other_payment(event, payment.event) is not None:
        return
    for known in reversed(list(applications_of(draft, payment))):
        _take_back(draft, event, known)
    for application_id in cash_waits.waiting(draft, APPLICATION, APPLICATION):
        known = draft.part(APPLICATION, application_id)
        if known.event.payment_id == event.payment_id:
            _drop(draft, known)
    if payment.event is None:
        draft.put(PAYMENT, event.payment_id, replace(payment, is_reversed=True))
        payments.retry_waiting(draft)
        write_offs.retry_waiting(draft)


def undo(draft: Draft, known: CashApplication) -> None:
    """As if it had not been: on its own day, or the next open one; its payment stays."""
    payment: Payment = draft.part(PAYMENT, known.event.payment_id)
    left = tuple(one for one in payment.applications if one != known.event.application_id)
    draft.put(PAYMENT, known.event.payment_id, replace(payment, applications=left))
    about = _about(known)
    for receipt in reversed(known.receipts):
        entity = draft.reference.known_entity(receipt.legal_entity_id)
        reverse(draft, about, receipt, open_day_from(draft, entity, receipt.accounting_date))
    _free(draft, known)
    remember(draft, known.event.payment_id)


def _take_back(draft: Draft, event: PaymentReversed, known: CashApplication) -> None:
    about = _about(known)
    for receipt in reversed(known.receipts):
        mirror(draft, event, about, receipt)
    _free(draft, known)


def _about(known: CashApplication) -> Subject:
    return Subject(APPLICATION, known.event.application_id, known.event.customer_id)


def _free(draft: Draft, known: CashApplication) -> None:
    for invoice_id, amount, ledger in taken_of(draft.why, known):
        show_again(draft, unpay(draft, invoice_id, (amount, ledger)))
    draft.put(APPLICATION, known.event.application_id, replace(known, is_reversed=True))


# What waits


def _place(application_id: str) -> WaitingCash:
    return WaitingCash(APPLICATION, APPLICATION, application_id)


def _cancelling_application(draft: Draft, known: CashApplication) -> CashApplication | None:
    """One that waits and takes off what this one applies, whether or not this one fits: nothing is posted of either, which they come to."""
    wanted = {name: -amount for name, amount in _stated(draft, known).items()}
    for application_id in cash_waits.waiting(draft, APPLICATION, APPLICATION):
        other: CashApplication = draft.part(APPLICATION, application_id)
        same = (other.event.payment_id, other.event.currency) == (known.event.payment_id, known.event.currency)
        if same and application_id != known.event.application_id and _stated(draft, other) == wanted:
            return other
    return None


def _stated(draft: Draft, known: CashApplication) -> dict[str, Amount]:
    """By invoice of this engagement; those of others count, as one, where the cash is."""
    of = known.event.applications
    found = summed((one if known.own is None or one in known.own else OF_OTHERS, amount) for one, amount in of)
    if not is_home(draft.part(PAYMENT, known.event.payment_id)):
        found.pop(OF_OTHERS, None)
    return found


def _drop(draft: Draft, known: CashApplication) -> None:
    """It waits no more, and is never applied."""
    application_id = known.event.application_id
    cash_waits.superseded(draft, _place(application_id), known)
    draft.put(APPLICATION, application_id, replace(known, is_reversed=True, category="", waits=()))
