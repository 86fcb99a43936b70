"""What a recorder has of cash: what of each application fits its invoice, as the rule that applies it made it of what the event states, of
what is open of the invoice, of what the payment had settled of it, and of what is unapplied."""

from typing import TypeVar

from domain.events.finance import PaymentApplied, PaymentReceived
from domain.explanation import Node, evaluated, step_of
from domain.figure import Recorded, node_of
from domain.identity import composed
from domain.units import Amount
from domain.why import Why, elsewhere, in_event
from state.books import Receivable

Paid = TypeVar("Paid", PaymentReceived, PaymentApplied)
# What is explained elsewhere, before cash is applied, by kind and id of this, and the step that does so or lets it wait.
OPEN_FOR, SETTLED_FOR, UNAPPLIED_FOR = "open_for", "settled_for", "unapplied_for"


def fits_at(kind: str, about: str, place: int) -> str:
    """By the place among the applications that fit."""
    return f"{composed(kind, about)}#fits/{place}"


def with_fields(stated: Paid, event: Paid) -> Paid:
    """The event with amounts that say where it is `stated`; of one that is waived in units of its currency."""
    applications = []
    for place, each in enumerate(event.applications):
        path, title = f"applications[{place}].amount", f"applied to invoice {each.invoice_id}"
        amount = _field(stated, path, title, stated.applications[place].amount, each.amount)
        applications.append(each._replace(amount=amount))
    if isinstance(event, PaymentReceived):
        paid = _field(stated, "amount", "paid", stated.amount, event.amount)
        return event._replace(amount=paid, applications=tuple(applications))
    return event._replace(applications=tuple(applications))


def _field(event: PaymentReceived | PaymentApplied, path: str, title: str, said: Amount, amount: Amount) -> Recorded:
    made = in_event(title, said, "amount", event, path, event.currency)
    if amount != said:
        unit = step_of(event.currency)
        made = evaluated(f"{title}, in units of {unit}", "round", (made,), {"step": unit}, "amount", event.currency)
    return Recorded(made)


def open_for(why: Why, kind: str, about: str, receivable: Receivable) -> Recorded:
    of = composed(OPEN_FOR, kind, about, receivable.invoice_id, str(why.now))
    title = f"invoice {receivable.invoice_id}: open"
    return Recorded(elsewhere(title, receivable.open[0], of, receivable.currency))


def settled_for(why: Why, event: PaymentApplied, receivable: Receivable, held: Amount) -> Recorded:
    """Below zero, what the payment had of the invoice."""
    of = composed(SETTLED_FOR, event.application_id, receivable.invoice_id, str(why.now))
    return Recorded(elsewhere("to be taken off", -held, of, receivable.currency))


def unapplied_for(why: Why, event: PaymentApplied, legal_entity_id: str, left: Amount) -> Recorded:
    of = composed(UNAPPLIED_FOR, event.payment_id, event.application_id, legal_entity_id, str(why.now))
    return Recorded(elsewhere(f"payment {event.payment_id}: unapplied", left, of, event.currency))


def say_fits(why: Why, kind: str, about: str, place: int, amount: Amount, currency: str) -> Amount:
    """The plain amount, of which it is recorded what makes it fit."""
    made: Node = node_of(amount, "as much as fits", currency=currency)
    why.record(fits_at(kind, about, place), amount, made)
    return int(amount)
