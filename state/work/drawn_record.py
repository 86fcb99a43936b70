"""What an explanation has of work that draws on what its line includes: what it is charged beyond that, and what it earns (R28, R30)."""

from __future__ import annotations

from msgspec.structs import replace

from domain.explanation import Node, constant, evaluated, less, total
from domain.figure import as_recorded, node_of
from domain.terms.kind import IN_MONEY
from domain.why import Why
from domain.work import recorded
from domain.work.recorded import ASKED, DRAWN, EARNED, VALUE, WORTH, figure_of
from state.books import Price, Work
from state.draft import Draft
from state.terms.plan import LinePlan
from state.work.charge_record import of_row
from state.work.price_record import facts_of, known_rate, uses_of


def beyond(draft: Draft, row: str, work: Work, plan: LinePlan, price: Price) -> Price:
    """The price with its nodes."""
    assert draft.why is not None, "an explanation folds"
    why, in_money = draft.why, plan.draws == IN_MONEY
    unit, currency = ("amount", price.currency) if in_money else ("hours", "")
    drawn = [
        of_row(why, row, f"{DRAWN}/{store}", quantity, currency, unit)._replace(title=f"{row}: drawn from {store}")
        for store, (quantity, _) in (price.drawn or {}).items()
    ]
    hours, value = _in_money(draft, row, work, price, drawn) if in_money else _in_hours(draft, row, plan, price, drawn)
    return recognised(why, row, replace(price, hours=hours, value=value), node_of(value, f"{row}: value"))


def recognised(why: Why, row: str, price: Price, value: Node | None = None) -> Price:
    """With what it earns: its value, as it was recorded last where none is given, and what it draws."""
    if not price.earned:
        return price
    parts = [
        of_row(why, row, f"{EARNED}/{store}", amount, price.currency)._replace(title=f"{row}: earned by {store}")
        for store, (_, amount) in (price.drawn or {}).items()
    ]
    if price.account != price.revenue:
        parts.insert(0, value or why.figure(figure_of(row, VALUE)))
    node = total(f"{row}: recognised", parts, "amount", price.currency, rule="R30")
    return replace(price, earned=as_recorded(price.earned, node))


def _in_hours(draft: Draft, row: str, plan: LinePlan, price: Price, drawn: list[Node]) -> tuple[int, int]:
    """Hours beyond, at their rate."""
    assert draft.why is not None, "an explanation folds"
    hours = draft.why.held_or_figure(row, figure_of(row, ASKED))
    if drawn:
        title, taken = f"{row}: hours beyond what is included", total("hours drawn", drawn, "hours")
        hours = less(title, hours, taken, rule="R28")
    rate, markup = known_rate(draft.why, row, price)
    mode, policies = plan.policies.money_mode, uses_of(plan)("money_mode", "rounding_scope")
    facts = *facts_of(plan, price.day), ("role", price.role)
    value = recorded.at_rate(f"{row}: value", hours, rate, markup, plan.currency, mode, policies=policies, facts=facts)
    return as_recorded(price.hours, hours), as_recorded(price.value, value)


def _in_money(draft: Draft, row: str, work: Work, price: Price, drawn: list[Node]) -> tuple[int, int]:
    """Money beyond, and of time the hours that it pays for (R17)."""
    assert draft.why is not None, "an explanation folds"
    worth, title = draft.why.held_or_figure(row, figure_of(row, WORTH)), f"{row}: value"
    value = less(title, worth, *drawn, rule="R30") if drawn else worth._replace(title=title)
    hours: Node = constant(f"{row}: hours beyond what is included", 0, "hours")
    if work.time is not None and value.value:
        asked = draft.why.held_or_figure(row, figure_of(row, ASKED))
        left = less("beyond what is included", worth, *drawn)
        parameters = {"step": "0.000001", "mode": "half_up"}
        hours = evaluated(hours.title, "proportion", (asked, left, worth), parameters, "hours", rule="R17")
    return as_recorded(price.hours, hours), as_recorded(price.value, value)
