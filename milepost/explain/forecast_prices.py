"""What is foreseen of a line with a price of its own (R57), by its rules, of numbers that say how they came about."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from domain.events.common import UnitPrice
from domain.explanation import Node, constant, least, less, total
from domain.figure import Recorded, later
from domain.terms import methods
from domain.terms.kind import Fee
from domain.terms.unit_price import VOLUME, prices
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from state.charges.rebates import standing
from state.charges.settlement import SETTLEMENT
from state.forecast.ahead import TermsAhead, ahead_of
from state.terms.plan import newest_plan

if TYPE_CHECKING:
    from milepost.explain.explainer import Explainer


class PriceNodes(Nodes):
    @once
    def ahead(self, contract_id: str, line_id: str, as_of: date, step: int) -> TermsAhead:
        draft = self.sources.draft(step)
        contract = draft.contract_in_books(contract_id)
        found = ahead_of(draft, contract, line_id, as_of)
        line = _Foreseen(self.nodes, LineAtStep(draft, contract, line_id, found.known, as_of, step), found)
        rebates = standing(draft, contract_id, line_id).given
        return TermsAhead(
            self.nodes.over_time.known(line.place) if found.known.held else found.known,
            tuple(fee._replace(amount=later(fee.amount, line.charged, fee)) for fee in found.fees),
            later(found.total, line.total) if found.total is not None else None,
            {name: Recorded(one) for name, one in self.nodes.variable.given_by_memos(line.place).items()}
            if rebates
            else {},
        )


class _Foreseen(NamedTuple):
    nodes: Explainer
    place: LineAtStep
    found: TermsAhead

    @property
    def title(self) -> str:
        return f"line {self.place.line_id}: all that its terms come to"

    @property
    def until(self) -> date:
        """What is spent of budgets is charged with its period, on the last day of a contract that ended within it."""
        held, days = self.found.known.held, [fee.day for fee in self.found.fees]
        if held and methods.by_budgets(held[-1].line):
            days += [closed.last for closed in self.found.known.closed]
        return max(days, default=date.min)

    def charged(self, fee: Fee) -> Node:
        if fee.name == SETTLEMENT:
            # What is earned by the last day, less all that the line charges besides.
            return less(
                "settlement",
                self.nodes.over_time.by(self.place, fee.day),
                *self.nodes.fees.all_charged(self.place, self.until),
            )
        return given(self.nodes.fees.charged_by(self.place, fee.name, self.until), fee.name)

    def total(self) -> Node:
        """What the terms come to."""
        fees, newest, title = self.nodes.fees, self.found.known.held[-1], self.title
        if newest.allocated is not None:
            return self.nodes.allocation.earns(self.place, newest)._replace(title=title)
        if not self.found.fees:
            return self._units()._replace(title=title)
        settled = next((fee for fee in self.found.fees if fee.name == SETTLEMENT and fee.amount), None)
        if settled is not None:
            return self.nodes.over_time.by(self.place, settled.day)
        nodes = fees.all_charged(self.place, self.until)
        currency = self.place.contract.terms.currency
        return nodes[0]._replace(title=title) if len(nodes) == 1 else total(title, nodes, "amount", currency)

    def _units(self) -> Node:
        """Units agreed, at their price; no more than a cap of the terms."""
        place, fees = self.place, self.nodes.fees
        agreed, plan = place.known.held[-1], newest_plan(place.draft, place.contract, place.line_id)
        terms = agreed.line.terms
        assert isinstance(terms, UnitPrice), "other terms that come to something charge it"
        assert terms.units is not None, "any number of units comes to nothing"
        assert plan is not None, "the line is priced"
        units = fees.line_field(place, agreed, "units agreed", terms.units, "terms.units", "quantity")
        first = units if terms.tier_mode == VOLUME else constant("before them", 0, "quantity")
        worth = self.nodes.charges.in_steps(prices(terms), plan, first, units, terms.tier_mode)
        if terms.cap is not None and terms.cap.amount is not None and (worth.value or 0) > (self.found.total or 0):
            worth = least("", [worth, fees.line_field(place, agreed, "cap", terms.cap.amount, "terms.cap.amount")])
        return worth
