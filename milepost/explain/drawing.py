"""What work draws on what its terms include, and what that earns (R28, R30, domain/terms/draw_down.py)."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.caps.consume import Order, order_of
from domain.events.common import Milestones, Terms
from domain.explanation import Node, agreeing, in_proportion, least, less, stated, total
from domain.terms import methods
from domain.terms.draw_down import earned_by
from domain.terms.kind import IN_MONEY, PrepaidBalance, on_day
from milepost.explain.fees import FeeNodes, LineAtStep
from milepost.explain.sources import Sources
from state.books import Price
from state.charges.terms_known import known_of
from state.terms.plan import LinePlan, plan_of


class DrawingNodes:
    """Follows `state/charges/drawing.py` with the books after the step that gave a row its share; rows are `Standing`."""

    def __init__(self, sources: Sources, fees: FeeNodes, entries: Any) -> None:
        self.sources = sources
        self.fees = fees
        self.entries = entries
        self._memo: dict[tuple[str, int, str], tuple[Node, Node]] = {}
        entries.recorded.resolvers["lot"] = self._of_lot

    def _of_lot(self, what: str, contract_id: str, line_id: str, name: str, step: str) -> Node | None:
        """The fee, or what it `bought`."""
        draft = self.sources.draft(int(step))
        contract = draft.contract(contract_id)
        if contract is None:
            return None
        place = LineAtStep(draft, contract, line_id, known_of(draft, contract, line_id))
        lot = self.fees.lot(place, name)
        if lot is None:
            return None
        return self.fees.lot_fee(place, lot) if what == "fee" else self.fees.bought(place, lot)

    def quantity(self, at: Any, store: str) -> Node:
        return self._drawn(at, store)[0]

    def earned(self, at: Any, store: str) -> Node:
        return self._drawn(at, store)[1]

    def all_drawn(self, at: Any, price: Price) -> list[Node]:
        return [self.quantity(at, name) for name in price.drawn or {}]

    def all_earned(self, at: Any, price: Price) -> list[Node]:
        return [self.earned(at, name) for name in price.drawn or {}]

    def _drawn(self, at: Any, store: str) -> tuple[Node, Node]:
        step = self.entries.priced_at(at)
        key = (at.entry.entry_id, step, store)
        if key not in self._memo:
            price = at.work.price
            quantity, earned = (price.drawn or {})[store]
            unit, currency = self._unit(at, price)
            told = (
                stated(f"{at.entry.entry_id}: drawn from {store}", quantity, unit, currency),
                stated(f"{at.entry.entry_id}: earned by {store}", earned, "amount", price.currency),
            )
            self._memo[key] = told
            before = self.entries.charges.drawn_before(at.work, store)
            self._memo[key] = before or self._make(at._replace(step=step), store, told) or told
        return self._memo[key]

    def _unit(self, at: Any, price: Price) -> tuple[str, str]:
        plan = plan_of(self.sources.draft(at.step), price)
        return ("amount", price.currency) if plan is not None and plan.draws == IN_MONEY else ("hours", "")

    def _make(self, at: Any, name: str, told: tuple[Node, Node]) -> tuple[Node, Node] | None:
        draft, price = self.sources.draft(at.step), at.work.price
        plan, contract = plan_of(draft, price), draft.contract(price.contract_id)
        if plan is None or contract is None:
            return None
        place = LineAtStep(draft, contract, price.line_id, known_of(draft, contract, price.line_id))
        held = on_day(place.known.held, price.day)
        stores = list(methods.stores(held.line.terms, place.known, price.day))
        store = next((one for one in stores if one.name == name), None)
        if store is None:
            return None
        before = self._before(at, price, name, plan)
        had = [self.quantity(one, name) for one in before]
        limit = self.limit(place, plan.line.terms, store, (told[0].unit, told[0].currency), price.day)
        left = less(f"left of {name}", limit, *had) if had else limit
        asked = self.entries.asked(at, plan)
        earlier = [self.quantity(at, one) for one in price.drawn if _is_before(stores, one, name)]
        wanted = less("not drawn yet", asked, *earlier) if earlier else asked
        quantity = agreeing(least(told[0].title, [wanted, left])._replace(rule="R30"), told[0])
        if not store.fee and not told[1].value:
            return quantity, total(told[1].title, (), "amount", price.currency)
        return quantity, agreeing(self._earned(place, store, quantity, had, before, told[1]), told[1])

    def _earned(
        self, place: LineAtStep, store: PrepaidBalance, quantity: Node, had: list[Node], before: list[Any], told: Node
    ) -> Node | None:
        """The fee in proportion to all that is drawn, less what rows before it earned (R12)."""
        lot = self.fees.lot(place, store.name)
        if lot is None:
            return None
        fee, bought, mode = (
            self.fees.lot_fee(place, lot),
            self.fees.expected(place, lot, store),
            lot.agreed.policies.money_mode,
        )
        drawn = total("drawn by now", (*had, quantity), quantity.unit, quantity.currency) if had else quantity
        upto = least("no more than the fee", [in_proportion("earned by now", fee, drawn, bought, mode), fee])
        if not before:
            return upto._replace(title=told.title, rule="R30")
        earned = [self.earned(one, store.name) for one in before]
        if earned_by(store, sum(one.value or 0 for one in had), lot.agreed.rounded) == sum(
            one.value or 0 for one in earned
        ):
            drawn_before = total("drawn before", had, quantity.unit, quantity.currency)
            by_then = in_proportion("earned before", fee, drawn_before, bought, mode)
            return less(told.title, upto, least("no more than the fee", [by_then, fee]), rule="R12")
        return less(told.title, upto, *earned, rule="R12")

    def _before(self, at: Any, price: Price, name: str, plan: LinePlan) -> list[Any]:
        """Rows that draw on the store before this one, in consumption order (R16)."""
        own = order_of(price.day, price.approved_at, at.entry.entry_id, by_approval=False)
        found: list[tuple[Order, Any]] = []
        place = (plan.contract_id, plan.line.line_id)
        for row in self.sources.trace.entry_ids():
            other = self.entries.standing(row, at.step) if row != at.entry.entry_id else None
            its = other.work.price if other is not None else None
            if other is None or its is None or name not in (its.drawn or {}) or (its.contract_id, its.line_id) != place:
                continue
            order = order_of(its.day, its.approved_at, row, by_approval=False)
            if order < own:
                found.append((order, other))
        return [one for _, one in sorted(found, key=lambda each: each[0])]

    def limit(self, place: LineAtStep, terms: Terms, store: PrepaidBalance, unit: tuple[str, str], day: date) -> Node:
        """The most that can be drawn of what a fee buys, or of what milestones include."""
        told = stated(f"can be drawn of {store.name}", store.limit, *unit)
        if isinstance(terms, Milestones):
            held = next((one for one in reversed(place.known.held) if one.line.terms == terms), None)
            parts = [
                self.fees.field(
                    place,
                    held,
                    f"included by {one.name}",
                    one.included_hours,
                    f"milestones[{number}].included_hours",
                    "hours",
                )
                for number, one in enumerate(terms.milestones)
                if held is not None and one.included_hours is not None
            ]
            return agreeing(total(told.title, parts, "hours"), told)
        lot = self.fees.lot(place, store.name)
        return self.fees.limit_of(place, lot, told, day) if lot is not None else told


def _is_before(stores: list[PrepaidBalance], one: str, other: str) -> bool:
    names = [store.name for store in stores]
    return one in names and names.index(one) < names.index(other)
