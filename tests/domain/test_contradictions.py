"""Terms that contradict are told by field, with what was expected and what came."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.contract import contradictions
from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    Cap,
    CategoryBudget,
    ConsiderationOutcome,
    ContractLine,
    Expenses,
    FixedPrice,
    PurchaseOrder,
    SharedCap,
    TimeAndMaterials,
    UnitPrice,
    VariableConsideration,
)
from domain.money import parse_amount
from domain.policies import resolve
from domain.units import PERCENT_ONE
from tests.intake_inputs import signed

LINE = ContractLine("L", "P", TimeAndMaterials())


def told(**fields: Any) -> list[str]:
    terms: ContractSigned = signed("2026-03-02 09:00", "K")._replace(**{"lines": (LINE,), **fields})
    policies = {line.line_id: resolve(line.policies, terms.policies) for line in terms.lines}
    return [f"{field}: {what}" for field, what in contradictions(terms, policies)]


def of_line(**fields: Any) -> list[str]:
    return told(lines=(LINE._replace(**fields),))


@pytest.mark.parametrize("number", ["", "  "])
def test_an_order_has_a_number(number: str) -> None:
    """A customer without an order has no order, and no order without a name."""
    expected = (
        f"expected the number of the customer's order, got {number!r}; leave purchase_order out where there is none"
    )
    assert told(purchase_order=PurchaseOrder(number)) == [f"purchase_order.number: {expected}"]


@pytest.mark.parametrize("number", [" PO-1", "PO\u00011", "PO\u200b1", "P" * 129])
def test_an_order_number_does_not_look_like_another(number: str) -> None:
    """It would be a budget of its own beside the one that was meant."""
    (fault,) = told(purchase_order=PurchaseOrder(number, parse_amount("1000")))
    assert fault.startswith("purchase_order.number: an id ")


def shared(*lines: str) -> tuple[SharedCap, ...]:
    return (SharedCap("S", lines, "hard", parse_amount("5")),)


def variable(*probabilities: int) -> VariableConsideration:
    outcomes = tuple(ConsiderationOutcome(each * PERCENT_ONE, 0) for each in probabilities)
    return VariableConsideration("V", "bonus", "expected_value", included=True, outcomes=outcomes)


def budgets(*amounts: str) -> tuple[CategoryBudget, ...]:
    return tuple(CategoryBudget(f"c{place}", parse_amount(each), 1) for place, each in enumerate(amounts))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"shared_caps": shared()},
            "shared_caps[0].lines: cap S binds no line: expected the ids of those that share it",
        ),
        ({"shared_caps": shared("L", "L")}, "shared_caps[0].lines: cap S names line L twice"),
        (
            {"billing_cycle": BillingCycle("monthly", n=3)},
            "billing_cycle.n: 3 weeks are of a cycle of kind every_n_weeks, got monthly",
        ),
        (
            {"billing_cycle": BillingCycle("weekly", cut_off_day=5)},
            "billing_cycle.cut_off_day: a day of the month is of a cycle of kind monthly, got weekly",
        ),
    ],
)
def test_of_a_contract(fields: dict[str, Any], expected: str) -> None:
    assert told(**fields) == [expected]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cost_budget": parse_amount("-1")}, "cost_budget: expected 0 to 100000000000, got -1"),
        ({"revenue_budget": parse_amount("-1")}, "revenue_budget: expected 0 to 100000000000, got -1"),
        (
            {"standalone_price": parse_amount("999999999999")},
            "standalone_price: expected 0 to 100000000000, got 999999999999",
        ),
        ({"budgets": budgets("1", "-1")}, "budgets[1].revenue: expected 0 to 100000000000, got -1"),
        ({"budgets": budgets("1") * 2}, "budgets[1].category: category c0 has two budgets"),
        (
            {"tasks": ("a", "")},
            "tasks: expected the names of tasks, got a blank one; leave tasks out where the line takes all",
        ),
        (
            {"variable_consideration": (variable(60, 60),)},
            "variable_consideration[0].outcomes: expected probabilities that sum to 100, got 60, 60",
        ),
        (
            {"variable_consideration": (variable(100)._replace(outcomes=()),)},
            "variable_consideration[0].amount: expected an amount or outcomes of what is included, got neither",
        ),
        (
            {"variable_consideration": (variable(100)._replace(outcomes=(), amount=1),)},
            "variable_consideration[0].amount: 0.0001 is finer than EUR can be paid",
        ),
        (
            {"variable_consideration": (variable(100), variable(100))},
            "variable_consideration[1].item_id: item V stands twice",
        ),
        (
            {"terms": FixedPrice(parse_amount("2000"), by_progress=True), "budgets": budgets("1500", "400")},
            "budgets: revenue of the budgets sums to 1900.00, the price is 2000.00",
        ),
        ({"terms": UnitPrice("t")}, "terms.unit_price: expected a unit_price or tiers, got neither"),
        (
            {"terms": Expenses(cap=Cap("hard", hours=1))},
            "terms.cap.hours: expenses have no hours: a cap on them is an amount",
        ),
    ],
)
def test_of_a_line(fields: dict[str, Any], expected: str) -> None:
    assert of_line(**fields) == [f"lines[0].{expected}"]


@pytest.mark.parametrize(
    "fields",
    [
        {"purchase_order": PurchaseOrder("PO 4711/2026-ä")},
        {
            "billing_cycle": BillingCycle(
                "monthly", n=1, anchor=date(2026, 3, 1), week_starts_on="monday", cut_off_day=15
            )
        },
        {"billing_cycle": BillingCycle("every_n_weeks", n=2)},
        {"lines": (LINE._replace(cost_budget=0, tasks=("a", "b"), variable_consideration=(variable(30, 70),)),)},
        {"lines": (LINE._replace(budgets=budgets("1", "2")),)},
    ],
)
def test_what_does_not_contradict(fields: dict[str, Any]) -> None:
    assert told(**fields) == []
