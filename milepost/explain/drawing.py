"""What work draws on what its terms include, what that earns, and what a retainer has left (R28, R30, domain/terms/draw_down.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from domain.caps.consume import Order, order_of
from domain.explanation import Node, total
from domain.figure import Recorded, as_recorded
from domain.identity import composed
from domain.outputs import ViewRetainer
from domain.terms.draw_down import draw
from domain.terms.kind import IN_MONEY, DrawRequest, on_day
from domain.terms.retainer import left_on
from domain.units import Amount
from milepost.explain.fees import LineAtStep, line_at
from milepost.explain.nodes import Nodes
from state.books import Price
from state.charges.retainers_left import retainers_left
from state.forecast.outlook import project_terms
from state.terms.plan import LinePlan, plan_of
from state.trace import TracedOutput

if TYPE_CHECKING:
    from milepost.explain.entries import VersionStanding


class DrawingNodes(Nodes):
    """Follows `state/charges/drawing.py` with the books after the step that gave a row its share; rows are `Standing`."""

    def begin(self) -> None:
        self._memo: dict[tuple[str, int, str], tuple[Node, Node]] = {}

    def quantity(self, at: VersionStanding, store: str) -> Node:
        return self._drawn(at, store)[0]

    def earned(self, at: VersionStanding, store: str) -> Node:
        return self._drawn(at, store)[1]

    def _drawn(self, at: VersionStanding, store: str) -> tuple[Node, Node]:
        step = self.nodes.entries.priced_at(at)
        key = (at.entry.entry_id, step, store)
        if key not in self._memo:
            quantity, earned = (at.price.drawn or {})[store]
            before = self.nodes.charges.drawn_before(at.work, store)
            made = before or self._make(at._replace(step=step), store)
            for number, node in zip((quantity, earned), made, strict=True):
                as_recorded(number, node)
            self._memo[key] = made
        return self._memo[key]

    def _make(self, at: VersionStanding, name: str) -> tuple[Node, Node]:
        """As the row's share was made by the rule, after all that draw before it."""
        draft, price = self.sources.draft(at.step), at.price
        plan, contract = plan_of(draft, price), draft.contract_in_books(price.contract_id)
        assert plan is not None, "it is priced on the line"
        place = line_at(draft, contract, price.line_id)
        stores = [store for store in self.nodes.fees.stores(place, price.day) if store.name in (price.drawn or ())]
        taken = {store.name: self._taken(at, price, store.name, plan) for store in stores}
        asked = DrawRequest(at.entry.entry_id, price.day, Recorded(self.nodes.entries.asked(at, plan)))

        share = draw(lambda _: stores, taken, [asked], plan.part_of).shares[asked.row]
        quantity, earned = share.drawn[name]
        agreed = on_day(place.known.held, price.day)
        return (
            self.nodes.fees.figure(quantity, f"{asked.row}: drawn from {name}", agreed)._replace(rule="R30"),
            self.nodes.fees.figure(earned, f"{asked.row}: earned by {name}", agreed)._replace(rule="R12"),
        )

    def _taken(self, at: VersionStanding, price: Price, name: str, plan: LinePlan) -> tuple[int, Amount]:
        """By rows before it."""
        before = self._before(at, price, name, plan)
        if not before:
            return 0, 0
        drawn, earned = ([own(one, name) for one in before] for own in (self.quantity, self.earned))
        return (
            Recorded(total(f"drawn of {name} before", drawn, drawn[0].unit, drawn[0].currency)),
            Recorded(total(f"earned by {name} before", earned, "amount", price.currency)),
        )

    def _before(self, at: VersionStanding, price: Price, name: str, plan: LinePlan) -> list[VersionStanding]:
        """Rows that draw on the store before this one, in consumption order (R16)."""
        own = order_of(price.day, price.approved_at, at.entry.entry_id, by_approval=False)
        found: list[tuple[Order, VersionStanding]] = []
        for other in self.nodes.entries.priced_in(plan.contract_id, at.step):
            its = other.price
            order = order_of(its.day, its.approved_at, other.entry.entry_id, by_approval=False)
            if its.line_id == plan.line.line_id and name in (its.drawn or {}) and order < own:
                found.append((order, other))
        return [one for _, one in sorted(found, key=lambda each: each[0])]


RETAINERS = "retainers"
LEFT, EXPIRES = "left", "expires"


class RetainerLeftNodes(Nodes):
    def parts(self, said: TracedOutput) -> Iterator[tuple[str, Callable[[], Node]]]:
        """`retainers/CONTRACT/LINE/left` and `retainers/CONTRACT/LINE/expires`."""
        for one in said.record.retainers:
            for figure in (LEFT, EXPIRES):
                name = f"{RETAINERS}/{composed(one.contract_id, one.line_id)}/{figure}"
                yield name, partial(self._node, said, one, figure)

    def _node(self, said: TracedOutput, shown: ViewRetainer, figure: str) -> Node:
        draft = self.sources.draft(said.step)
        lines = [line for line in project_terms(draft, said.record.project_id).ever if line[1] == shown.line_id]
        [line] = [one for one in retainers_left(draft, lines) if one.contract.contract_id == shown.contract_id]
        currency = line.contract.terms.currency
        unit = ("amount", currency) if shown.unit == IN_MONEY else ("hours", "")
        title = f"retainer {shown.contract_id}/{shown.line_id}: {figure}"
        place = LineAtStep(draft, line.contract, line.line_id, line.known)
        lots = left_on(self.nodes.fees.history(place), line.day).lots
        parts = [
            self.nodes.fees.figure(getattr(lot, figure), f"{lot.lot.said}: {figure}", lot.lot.agreed)
            for lot in lots
            if figure == LEFT or lot.expires
        ]
        made = total(title, parts, *unit)
        until = f"{shown.expires_on}" if shown.expires_on is not None else "never"
        id_ = f"{said.record.project_id}#{RETAINERS}/{composed(shown.contract_id, shown.line_id)}/{figure}"
        return made._replace(id=id_, rule="R30", facts=(("on", f"{line.day}"), ("next expiry", until)))
