"""What an explanation has of the value, the cost and the revenue of a charge: the numbers with their nodes (`price_record.py` has those of
hours)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Final

from msgspec.structs import replace

from domain.events.common import Expenses, PriceTier, UnitPrice
from domain.events.delivery import ExpenseApproved, UnitsDelivered
from domain.explanation import Node, constant, less, total
from domain.figure import Recorded, RecordedLater, as_recorded, node_of
from domain.identity import composed
from domain.reference.exchange import Exchange
from domain.terms.kind import Passed
from domain.terms.unit_price import VOLUME, Delivery, UnitsValue, path_of_prices, prices, values
from domain.units import Amount, Quantity
from domain.why import Why, elsewhere, entity_policies, in_fact, in_terms, node_kept
from domain.work import recorded
from domain.work.recorded import EARNED, QUANTITY, VALUE, WORTH, figure_of
from domain.work.rows import DELIVERY, EXPENSE, ONLY_EARNED, OPENING, row_id
from state.books import Charge, Cost, Price
from state.draft import Draft
from state.terms import opening
from state.terms.plan import LinePlan
from state.work.price_record import company_facts, rates_of

# Events that state charges, by the kind of the row.
EVENTS: Final[Mapping[str, str]] = {EXPENSE: ExpenseApproved.__name__, DELIVERY: UnitsDelivered.__name__}
# Figures of a row that are explained where the terms, or others that share with it, are.
OF_ROW: Final = "of_row"
# Of them what it was priced with, and what terms charge of a row that waits.
BOOKED: Final = "booked"
WAITING: Final = "waiting"


def row_of(charge: Charge) -> str:
    return row_id(charge.kind, charge.charge_id)


def field(charge: Charge, title: str, value: int, unit: str, path: str) -> Node:
    """What the event behind a charge states."""
    fact = EVENTS[charge.kind], charge.kind, composed(charge.charge_id), charge.version
    return in_fact(title, value, unit, fact, path, charge.currency if unit == "amount" else "")


def brought_forward(why: Why, charge: Charge, name: str) -> Node:
    """What balances state of a row."""
    return why.figure(opening.figure_of(row_id(OPENING, charge.charge_id), charge.version, name))


def of_row(why: Why, row: str, name: str, number: int, currency: str, unit: str = "amount") -> Node:
    """A figure that terms or others make of the row, as it stands after this step."""
    title = f"{row}: {name.partition('/')[0].replace('_', ' ')}"
    return elsewhere(title, number, composed(OF_ROW, name, row, str(why.now)), currency, unit)


# Cost


def spent(why: Why, charge: Charge) -> Node:
    """What an expense cost: tax that is not recovered is part of it (R34)."""
    title = f"{row_of(charge)}: cost"
    if charge.kind == OPENING:
        return brought_forward(why, charge, "cost")._replace(title=title)
    net = field(charge, "spent", charge.amount, "amount", "amount")
    if not charge.tax and not charge.tax_recoverable:
        return net._replace(title=title)
    tax = field(charge, "tax", charge.tax, "amount", "tax_amount")
    gross = total("with tax", (net, tax), "amount", charge.currency)
    return less(title, gross, recovered(charge), rule="R34") if charge.tax_recoverable else gross._replace(title=title)


def recovered(charge: Charge) -> Node:
    """Input tax."""
    return field(charge, "tax that is recovered", charge.tax_recoverable, "amount", "tax_recoverable")


def cost(draft: Draft, charge: Charge, of: Cost) -> Cost:
    assert draft.why is not None, "an explanation folds"
    entity = draft.reference.known_entity(of.legal_entity_id)
    made = spent(draft.why, charge)._replace(facts=company_facts(of), policies=entity_policies(entity, "cost_policy"))
    tax: Amount = as_recorded(of.tax, recovered(charge)) if of.tax else of.tax
    return replace(of, amount=as_recorded(of.amount, made), tax=tax)


# Value


def expense(
    draft: Draft, charge: Charge, passed: Passed, plan: LinePlan, exchange: Exchange | None, price: Price
) -> Price:
    """At cost with a markup, or by a table for its quantity."""
    assert draft.why is not None, "an explanation folds"
    mode, terms, line_id = plan.policies.money_mode, plan.terms, plan.line.line_id
    if exchange is None:
        quantity = field(charge, f"{charge.charge_id}: quantity", charge.quantity or 0, "quantity", "quantity")
        prices = [
            in_terms("price of a unit", tier.unit_price, "rate", terms, path, line_id)
            for tier, path in zip(passed.tiers, _paths(plan, charge.category or ""), strict=True)
        ]
        before = constant("before it", 0, "quantity")
        made = recorded.in_price_steps(passed.tiers, prices, before, quantity, "graduated", plan.currency, mode)
        made = made._replace(rule="R34")
    else:
        markup = recorded.markup_of(terms, line_id, plan.line.terms) if price.markup else None
        rates = rates_of(exchange, plan, charge.day)
        made = recorded.at_cost("value", (spent(draft.why, charge),), rates, markup, plan.currency, mode)
    value = as_recorded(price.value, made)
    draft.why.hold(row_of(charge), figure_of(row_of(charge), WORTH), value, lambda: made._replace(title="worth"))
    return replace(price, value=value)


def _paths(plan: LinePlan, category: str) -> list[str]:
    """Where the prices of a category stand in the terms."""
    terms = plan.line.terms
    assert isinstance(terms, Expenses), "other terms have no tables"
    for place, one in enumerate(terms.per_diems):
        if one.category == category:
            return [f"terms.per_diems[{place}].unit_price"]
    place, mileage = next((at, one) for at, one in enumerate(terms.mileage) if one.category == category)
    return [f"terms.mileage[{place}].tiers[{number}].unit_price" for number, _ in enumerate(mileage.tiers)]


def included(price: Price) -> Price:
    made = constant("the charges of the terms are for it", 0, "amount", price.currency)
    return replace(price, value=as_recorded(price.value, made))


def delivered(charge: Charge, plan: LinePlan, tiers: Sequence[PriceTier], price: Price) -> Price:
    """Units by themselves; where deliveries share steps or a number, SharedUnits has the rest."""
    terms, mode = plan.line.terms, plan.policies.money_mode
    assert isinstance(terms, UnitPrice), "units are delivered"
    units = field(charge, f"{charge.charge_id}: quantity", price.quantity, "quantity", "units")
    nothing = constant("before it", 0, "quantity")
    made = recorded.in_price_steps(
        tiers, prices_of(plan, terms, tiers), nothing, units, "graduated", plan.currency, mode
    )
    return replace(price, value=as_recorded(price.value, made), quantity=as_recorded(price.quantity, units))


def prices_of(plan: LinePlan, terms: UnitPrice, tiers: Sequence[PriceTier]) -> list[Node]:
    path, line_id = f"terms{path_of_prices(terms)}", plan.line.line_id
    return [
        in_terms("price of a unit", tier.unit_price, "rate", plan.terms, path.format(place=place), line_id)
        for place, tier in enumerate(tiers)
    ]


class SharedUnits:
    """Deliveries whose prices depend on each other: valued once more with their nodes, where somebody asks."""

    def __init__(self, why: Why, deliveries: Sequence[Delivery], plans: Mapping[str, LinePlan]) -> None:
        self._why, self._step = why, why.now
        self._deliveries, self._plans = deliveries, plans
        self._kept = {one.row: why.kept_at(figure_of(one.row, VALUE), why.now) for one in deliveries if one.kept}

    def of(self, row: str, price: Price) -> Price:
        within = RecordedLater(price.within, partial(self._within, row)) if price.within is not None else None
        return replace(price, value=RecordedLater(price.value, partial(self._value, row)), within=within)

    def _value(self, row: str) -> Node:
        return self._node(row, self._valued[row].amount, "value")

    def _within(self, row: str) -> Node:
        return self._node(row, self._valued[row].within or 0, "within the units agreed")

    def _node(self, row: str, number: int, title: str) -> Node:
        return node_of(number, title, currency=self._plans[row].currency)._replace(title=f"{row}: {title}")

    @cached_property
    def _valued(self) -> dict[str, UnitsValue]:
        plan = next(iter(self._plans.values()))
        return values([self._said(one) for one in self._deliveries], plan.step, plan.policies.money_mode, self._worth)

    def _said(self, one: Delivery) -> Delivery:
        row, plan, terms, kept = one.row, self._plans[one.row], one.terms, one.kept
        units = self._why.figure_at(figure_of(row, QUANTITY), self._step) or node_of(one.units, row, "quantity")
        if terms.units is not None:
            agreed = in_terms("units agreed", terms.units, "quantity", plan.terms, "terms.units", plan.line.line_id)
            terms = terms._replace(units=Recorded(agreed))
        if kept:
            issued = self._kept[row]
            made = node_kept(issued) if issued is not None else node_of(kept, row, currency=plan.currency)
            kept = as_recorded(kept, made._replace(title=f"{row}: as issued"))
        return one._replace(units=as_recorded(one.units, units), terms=terms, kept=kept)

    def _worth(self, one: Delivery, units: Quantity, whole: Quantity, amount: Amount) -> Amount:
        if not units:
            return amount
        plan, tiers = self._plans[one.row], prices(one.terms)
        by_volume = one.terms.tier_mode == VOLUME
        first = node_of(whole, "units of the period") if by_volume else constant("before it", 0, "quantity")
        made = recorded.in_price_steps(
            tiers,
            prices_of(plan, one.terms, tiers),
            first,
            node_of(units, "units up to it"),
            VOLUME if by_volume else "graduated",
            plan.currency,
            plan.policies.money_mode,
        )
        return as_recorded(amount, made)


def of_terms(draft: Draft, charge: Charge, price: Price) -> Price:
    """What the terms charge or earn by themselves."""
    assert draft.why is not None, "an explanation folds"
    why, row, earned = draft.why, row_of(charge), price.earned
    if charge.kind not in ONLY_EARNED:
        value = of_row(why, row, VALUE, price.value, price.currency)
    else:
        value = constant("nothing to bill", 0, "amount", price.currency)
        earned = as_recorded(earned, of_row(why, row, EARNED, earned, price.currency)) if earned else earned
    return replace(price, value=as_recorded(price.value, value), earned=earned)


def opened(draft: Draft, charge: Charge, price: Price) -> Price:
    """As balances state it."""
    assert draft.why is not None, "an explanation folds"
    why, opened_ = draft.why, charge.opening
    assert opened_ is not None, "it is the work of a line"
    hours, earned = price.hours, price.earned
    if hours == opened_.billable_hours:
        hours = as_recorded(hours, brought_forward(why, charge, "billable_hours"))
    if earned and charge.earned is not None:
        earned = as_recorded(earned, brought_forward(why, charge, "earned"))
    value = as_recorded(price.value, brought_forward(why, charge, "value"))
    units = why.figure_at(opening.figure_of(row_of(charge), charge.version, "units"), why.now)
    quantity = as_recorded(price.quantity, units) if units is not None and charge.quantity else price.quantity
    made = replace(price, hours=hours, value=value, earned=earned, quantity=quantity)
    if opened_.by is None:
        return made
    rate, markup = (brought_forward(why, charge, name) for name in ("rate", "markup"))
    return replace(made, rate=as_recorded(price.rate, rate), markup=as_recorded(price.markup, markup))
