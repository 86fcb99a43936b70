"""What a retainer has left to draw: of each fee's quantity what periods left of it, less what rows draw (R30)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from domain.explanation import Node, constant, less, most, total
from domain.identity import composed
from domain.outputs import ViewRetainer
from domain.terms.kind import IN_MONEY
from domain.terms.retainer import LotLeft, in_unit
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.charges.retainers_left import LineLeft, retainers_left
from state.forecast.outlook import project_terms
from state.trace import TracedOutput

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
        part = self._lot if figure == LEFT else self._expires
        lots = [lot for lot in line.left.lots if figure == LEFT or lot.expires]
        made = total(title, [part(said, line, lot, unit) for lot in lots], *unit)
        until = f"{shown.expires_on}" if shown.expires_on is not None else "never"
        id_ = f"{said.record.project_id}#{RETAINERS}/{composed(shown.contract_id, shown.line_id)}/{figure}"
        return made._replace(id=id_, rule="R30", facts=(("on", f"{line.day}"), ("next expiry", until)))

    def _lot(self, said: TracedOutput, line: LineLeft, lot: LotLeft, unit: tuple[str, str]) -> Node:
        title = f"{lot.lot.said}: left"
        place = LineAtStep(self.sources.draft(said.step), line.contract, line.line_id, line.known)
        fees = self.nodes.fees
        store = next(one for one in fees.stores(place, line.day) if one.name == lot.lot.name)
        limit = fees.figure(store.limit, f"can be drawn of {lot.lot.said}", lot.lot.agreed)
        left = less(title, limit, *self._draws(said, line, lot.lot.name))
        return most(title, left, constant("nothing", 0, *unit)) if (left.value or 0) < 0 else left

    def _expires(self, said: TracedOutput, line: LineLeft, lot: LotLeft, unit: tuple[str, str]) -> Node:
        """All that is left, or what does not go over when the period ends: what others leave of `rollover` does."""
        left = self._lot(said, line, lot, unit)
        if lot.expires == lot.left:
            return left
        stays = [self._lot(said, line, one, unit) for one in line.left.lots if one.left and not one.expires]
        place = LineAtStep(self.sources.draft(said.step), line.contract, line.line_id, line.known)
        running = next(one.lot for one in line.left.lots if one.lot.period.start <= line.day < one.lot.period.to)
        fees = self.nodes.fees
        own = fees.lot(place, running.name)
        assert own is not None, "it is found again"
        at_most = fees.figure(in_unit(own.terms, own.terms.rollover), "goes over at most", own.agreed)
        over = less("goes over of it", at_most, *stays) if stays else at_most
        return less(f"{lot.lot.said}: expires", left, over)

    def _draws(self, said: TracedOutput, line: LineLeft, store: str) -> list[Node]:
        return [
            self.nodes.drawing.quantity(at, store)
            for at in self.nodes.entries.priced_in(line.contract.contract_id, said.step)
            if at.price.line_id == line.line_id and (at.price.drawn or {}).get(store, (0, 0))[0]
        ]
