"""A purchase order's limit: billing of its contract stops there, whatever line and whatever it charges (`over_purchase_order`).

To the caps it is a hard one that all lines share, with two differences. It binds billing alone: what is over it is earned and waits. And
it is of its number: work counts towards the order that its service date falls under, so that a new order is a new budget from the
amendment's day on; the newest limit that any version states for a number holds for all of its work, also for what waited before it was
raised. A deposit is a payment ahead for what the order covers, so that it takes none of it; what it pays for does.

    order PO-1 of 10,000.00, of which 9,000.00 are billed: of 2,500.00 more 1,000.00 are billed, and 1,500.00 wait until PO-1 is raised
    to 12,000.00; from 1 July on PO-2 of 5,000.00 holds: work of June waits for PO-1 still, work of July is billed under PO-2
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Deposit
from domain.identity import fault_of_id
from domain.money import format_amount
from domain.policy_faults import Fault
from domain.terms import methods
from domain.units import Amount

# What is before the colon of the cap's id.
ORDER = "order"
# What its alerts and exceptions are about, and the category of what is over it.
SUBJECT_KIND = "purchase_order"
OVER_ORDER: Final = "over_purchase_order"
OVER_CAP: Final = "over_cap"


def order_id(number: str) -> str:
    return f"{ORDER}:{number}"


def is_order(cap_id: str) -> bool:
    return cap_id.startswith(f"{ORDER}:")


def over_category(cap_id: str) -> Literal["over_cap", "over_purchase_order"]:
    """The exception of what is over the cap."""
    return OVER_ORDER if is_order(cap_id) else OVER_CAP


def subject_kind(cap_id: str) -> str:
    return SUBJECT_KIND if is_order(cap_id) else "cap"


def spoken(cap_id: str) -> str:
    """As messages and explanations name it."""
    return f"purchase order {cap_id.partition(':')[2]}" if is_order(cap_id) else f"cap {cap_id}"


def has_limit(terms: ContractSigned) -> bool:
    return terms.purchase_order is not None and terms.purchase_order.limit is not None


def limits(versions: Iterable[ContractSigned]) -> Mapping[str, Amount]:
    """What is billed under each order at most, by its number: as the newest version that names it says; without a limit it is not here."""
    newest = {
        terms.purchase_order.number: terms.purchase_order for terms in versions if terms.purchase_order is not None
    }
    return {number: order.limit for number, order in newest.items() if order.limit is not None}


def deposit_faults(terms: ContractSigned, since: date) -> list[Fault]:
    """What is asked for ahead, from the day on which the terms begin, is no more than the order."""
    order = terms.purchase_order
    asked = sum(
        line.terms.amount for line in terms.lines if isinstance(line.terms, Deposit) and line.terms.due_on >= since
    )
    if order is None or order.limit is None or asked <= max(order.limit, 0):
        return []
    what = f"deposits of {format_amount(asked)} are more than the {format_amount(order.limit)} of purchase order {order.number}"
    return [(f"{SUBJECT_KIND}.limit", what)]


def number_faults(terms: ContractSigned) -> list[Fault]:
    """Work counts by the number, so that one that is blank, or looks like another, is a budget that nobody meant."""
    if terms.purchase_order is None:
        return []
    field, number = f"{SUBJECT_KIND}.number", terms.purchase_order.number
    if not number.strip():
        return [
            (
                field,
                f"expected the number of the customer's order, got {number!r}; leave purchase_order out where there is none",
            )
        ]
    fault = fault_of_id(number)
    return [(field, f"{fault}: {number[:64]!r}")] if fault is not None else []


def covers(line: ContractLine | None) -> bool:
    """Whether what the line charges takes from the order; a deposit does not."""
    return line is None or methods.account(line.terms) is None
