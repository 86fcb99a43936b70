"""What was spent of a line's budgets by category, as its billing periods close (R12): what its work cost, in contract currency by the rate
of its day; an hour's category is its task, an expense's its own."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from domain.money import convert
from domain.reference.exchange import Exchange
from domain.units import Amount
from state.books import Charge, Contract
from state.charges.spent import category_of
from state.draft import Draft
from state.terms.known import Blocked, conversion
from state.terms.plan import LinePlan, plan_of


class BudgetSpent(NamedTuple):
    """A row of the line, exchanged as its plan says; of what balances state, which is in contract currency, the `opening`."""

    entry_id: str
    day: date
    category: str
    amount: Amount
    exchange: Exchange | None = None
    plan: LinePlan | None = None
    opening: Charge | None = None


def spent_of_budgets(draft: Draft, contract: Contract, line_id: str, to: date) -> tuple[list[BudgetSpent], list[str]]:
    """Rows of days before one; and those that do not count, as the rate of their day is missing."""
    found: list[BudgetSpent] = []
    lacking: list[str] = []
    for entry in draft.everything():
        work = entry.standing
        price = work.price if work is not None else None
        if work is None or work.cost is None or price is None or price.day >= to:
            continue
        if (price.contract_id, price.line_id) != (contract.contract_id, line_id):
            continue
        if work.charge is not None and work.charge.opening is not None:
            stated = work.charge.opening.spent.items()
            found += [BudgetSpent(entry.entry_id, price.day, *one, opening=work.charge) for one in stated]
            continue
        plan, cost = plan_of(draft, price), work.cost
        assert plan is not None, "the work is priced on the line"
        exchange = conversion(draft, "price", plan.entity, cost.currency, plan.currency, price.day, plan.policies)
        if isinstance(exchange, Blocked):
            lacking.append(entry.entry_id)
            continue
        mode = plan.policies.money_mode
        amount = convert(cost.amount, exchange.numerator, exchange.denominator, plan.currency, mode)
        found.append(BudgetSpent(entry.entry_id, price.day, category_of(work), amount, exchange, plan))
    return found, lacking


def by_category(rows: Iterable[BudgetSpent], to: date) -> dict[str, Amount]:
    """What was spent before a day."""
    found: Counter[str] = Counter()
    for row in rows:
        if row.day < to:
            found[row.category] += row.amount
    return dict(sorted(found.items()))
