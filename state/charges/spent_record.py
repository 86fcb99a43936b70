"""What an explanation has of what was spent of a line's budgets when billing periods closed: each row that counted (R12)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from domain.explanation import Node, total
from domain.identity import composed
from domain.reference.exchange import Exchange
from domain.why import Later, Why, node_kept
from domain.work.recorded import COST, at_cost, figure_of
from state.books import ClosedPeriod, Contract
from state.charges.budgets_spent import BudgetSpent
from state.terms import opening
from state.terms.plan import LinePlan
from state.work.price_record import rates_of


class SpentRow(NamedTuple):
    """What it cost, as it was recorded by then, and how that is exchanged."""

    day: date
    category: str
    cost: Later | Node
    exchange: Exchange | None = None
    plan: LinePlan | None = None

    @property
    def in_contract_currency(self) -> Node:
        cost = node_kept(self.cost)
        if self.exchange is None or self.plan is None or not self.exchange.path:
            return cost
        plan, rates = self.plan, rates_of(self.exchange, self.plan, self.day)
        title = f"{cost.title} in {plan.currency}"
        return at_cost(title, (cost,), rates, None, plan.currency, plan.policies.money_mode)._replace(rule="R12")


def spent_row(why: Why, step: int, row: BudgetSpent) -> SpentRow:
    """As a step had recorded it; what balances state by category."""
    if row.opening is None:
        address = figure_of(row.entry_id, COST)
    else:
        address = opening.figure_of(row.entry_id, row.opening.version, f"spent/{row.category}")
    found = why.kept_at(address, step)
    assert found is not None, "what a row costs is recorded where it is booked"
    return SpentRow(row.day, row.category, found, row.exchange, row.plan)


def say_spent(why: Why, contract: Contract, line_id: str, closed: Sequence[ClosedPeriod], rows: list[SpentRow]) -> None:
    """By category of each period that closed, what all rows before its end cost."""
    for one in closed:
        for category, spent in one.cost.items():
            make = partial(all_before, rows, one.to, category, contract.terms.currency)
            why.later(spent_by(contract.contract_id, line_id, one.start, category), spent, make)


def all_before(rows: Iterable[SpentRow], to: date, category: str, currency: str) -> Node:
    nodes = [row.in_contract_currency for row in rows if row.category == category and row.day < to]
    return total(f"{category}: cost to {to - timedelta(days=1)}", nodes, "amount", currency)


def spent_by(contract_id: str, line_id: str, start: date, category: str) -> str:
    """Address of what a line had spent when the period that begins on a day closed."""
    return composed("spent_by", contract_id, line_id, start.isoformat(), category)
