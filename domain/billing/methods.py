"""The kinds of terms, one screen: what each does with a piece of work, and which the rules in force do not handle."""

from typing import assert_never

from domain.billing import time_and_materials
from domain.events.common import (
    ContractLine,
    CostPlus,
    Deposit,
    Expenses,
    FixedPrice,
    Milestones,
    Retainer,
    Subscription,
    Terms,
    TimeAndMaterials,
    UnitPrice,
)
from domain.policies import Resolved
from domain.units import Hours

RIGHT_TO_INVOICE = "right_to_invoice"


def unsupported(terms: Terms) -> str | None:
    """Why the rules in force refuse these terms; None where they handle them."""
    match terms:
        case TimeAndMaterials():
            return None
        case (
            FixedPrice()
            | Milestones()
            | Retainer()
            | Subscription()
            | CostPlus()
            | UnitPrice()
            | Expenses()
            | Deposit()
        ):
            return f"terms {type(terms).__name__} are not handled by the rules in force"
        case _:
            assert_never(terms)


def unsupported_line(line: ContractLine, policies: Resolved) -> str | None:
    """Why the rules in force refuse the line: its terms, or how it earns its revenue."""
    refused = unsupported(line.terms)
    method = line.revenue_policy or policies.revenue_method
    if refused is None and method not in (None, RIGHT_TO_INVOICE):
        return f"revenue {method} of terms {type(line.terms).__name__} is not handled by the rules in force"
    return refused


def billable_hours(terms: Terms, worked: Hours, stated: Hours | None, policies: Resolved) -> Hours:
    match terms:
        case TimeAndMaterials():
            return time_and_materials.billable_hours(worked, stated, policies)
        case (
            FixedPrice()
            | Milestones()
            | Retainer()
            | Subscription()
            | CostPlus()
            | UnitPrice()
            | Expenses()
            | Deposit()
        ):
            raise AssertionError(f"{type(terms).__name__} was refused before it was priced")
        case _:
            assert_never(terms)
