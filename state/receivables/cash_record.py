"""What a recorder has of cash: what each application took of its invoice, in its currency and as that is carried, and what of it invoices
of other engagements take. Rules that apply cash are asked with numbers that say where the event states them."""

from typing import TypeVar

from domain.events.finance import PaymentApplied, PaymentReceived
from domain.explanation import evaluated, step_of
from domain.figure import Recorded, later, node_of
from domain.identity import composed
from domain.ledger.position import Balance
from domain.ledger.recorded import Carried, record_both
from domain.units import Amount
from domain.why import Why, in_event
from state.books import CashApplication, Payment
from state.value import plain

Paid = TypeVar("Paid", PaymentReceived, PaymentApplied)
PAYMENT, APPLICATION = "payment", "payment_application"
# By invoice, the amount and what that is carried at.
Applied = tuple[str, Amount, Amount]


def taken_at(kind: str, about: str, place: int) -> str:
    """By the place among the applications that fit."""
    return f"{composed(kind, about)}#taken/{place}"


def elsewhere_at(application_id: str) -> str:
    return f"{composed(APPLICATION, application_id)}#elsewhere"


def unapplied_at(payment_id: str, legal_entity_id: str) -> str:
    return composed("unapplied", payment_id, legal_entity_id)


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
    if isinstance(amount, Recorded):
        return amount
    made = in_event(title, said, "amount", event, path, event.currency)
    if amount != said:
        unit = step_of(event.currency)
        made = evaluated(f"{title}, in units of {unit}", "round", (made,), {"step": unit}, "amount", event.currency)
    return Recorded(made)


def say_taken(why: Why, kind: str, about: str, first: int, applied: list[Applied], currency: str) -> None:
    for place, (_, amount, ledger) in enumerate(applied, first):
        made = Carried(
            node_of(amount, "as much as fits", currency=currency),
            node_of(ledger, "as it is carried", currency=currency),
        )
        record_both(why, taken_at(kind, about, place), plain((amount, ledger)), made)


def taken_of(why: Why | None, posted: Payment | CashApplication) -> tuple[Applied, ...]:
    """What its applications took, as it was recorded."""
    event = posted.event
    if why is None or event is None:
        return posted.applied
    of = (APPLICATION, event.application_id) if isinstance(event, PaymentApplied) else (PAYMENT, event.payment_id)

    def recorded(place: int, balance: Balance) -> Balance:
        address = taken_at(*of, place)
        amount, ledger = (
            later(each, why.figure, name) for each, name in zip(balance, (address, f"{address}/ledger"), strict=True)
        )
        return amount, ledger

    return tuple(
        (named, *recorded(place, (amount, ledger))) for place, (named, amount, ledger) in enumerate(posted.applied)
    )
