"""What a contract line states besides its terms: budgets and prices below nothing, and outcomes that are not all, nobody could use."""

from __future__ import annotations

from collections.abc import Iterator

from domain.events.common import ContractLine, FixedPrice
from domain.money import format_amount
from domain.policy_faults import Fault, amount_faults
from domain.revenue.variable_price import item_faults


def line_faults(path: str, line: ContractLine, currency: str) -> Iterator[Fault]:
    """`path` is the line's own."""
    for name in ("standalone_price", "revenue_budget", "cost_budget"):
        yield from amount_faults(f"{path}.{name}", getattr(line, name))
    if any(not task.strip() for task in line.tasks):
        yield f"{path}.tasks", "expected the names of tasks, got a blank one; leave tasks out where the line takes all"
    categories: set[str] = set()
    for place, budget in enumerate(line.budgets):
        where = f"{path}.budgets[{place}]"
        if budget.category in categories:
            yield f"{where}.category", f"category {budget.category} has two budgets"
        categories.add(budget.category)
        yield from amount_faults(f"{where}.revenue", budget.revenue)
        yield from amount_faults(f"{where}.cost", budget.cost)
    yield from _progress_faults(path, line)
    items: set[str] = set()
    for place, item in enumerate(line.variable_consideration):
        where = f"{path}.variable_consideration[{place}]"
        if item.item_id in items:
            yield f"{where}.item_id", f"item {item.item_id} stands twice"
        items.add(item.item_id)
        yield from ((f"{where}.{field}", what) for field, what in item_faults(item, currency))


def _progress_faults(path: str, line: ContractLine) -> Iterator[Fault]:
    """A price that is billed as its budgets are spent is all of it in these."""
    terms = line.terms
    if not (isinstance(terms, FixedPrice) and terms.by_progress and line.budgets):
        return
    total = sum(budget.revenue for budget in line.budgets)
    if total != terms.price:
        yield (
            f"{path}.budgets",
            f"revenue of the budgets sums to {format_amount(total)}, the price is {format_amount(terms.price)}",
        )
