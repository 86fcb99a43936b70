"""Variable parts of a line's price, as they count on a day: from the terms, or the revision that says so (R42)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from domain.events.commercial import VariableConsiderationRevised
from domain.explanation import Node, negated
from domain.figure import Recorded, later, node_of
from domain.numbered import in_an_event
from domain.revenue.allocation import Revision
from domain.revenue.variable_price import FORESEEN, Revisions, items_on
from domain.terms.kind import RebatesGiven, TermsInForce
from domain.units import Amount
from milepost.explain.nodes import Nodes
from state.charges.rebates import charge_row
from state.revenue.refunds import given_of

if TYPE_CHECKING:
    from milepost.explain.fees import LineAtStep


class VariableNodes(Nodes):
    def revised(self, at: LineAtStep, held: Sequence[TermsInForce]) -> Revisions:
        """What was said of items, with the numbers of its events; of one that nobody has sent, what is expected by its day."""
        found = {name: [self._said(at, name, one) for one in said] for name, said in at.known.revised.items()}
        sent = {name: [one for one in said if one.version != FORESEEN] for name, said in found.items()}
        return {
            name: [
                one
                if one.version != FORESEEN
                else one._replace(amount=Recorded(self._item(held, sent, name, one.as_of)))
                for one in said
            ]
            for name, said in found.items()
        }

    def rebates(self, at: LineAtStep) -> RebatesGiven:
        """What credit memos gave, and what statements credit of each item."""
        given, step, contract = at.known.rebates, self.nodes.fees.known_at(at), at.contract
        of = given_of(contract.contract_id, at.line_id), "given by credit memos", step, contract.terms.currency
        return RebatesGiven(
            later(given.by_memos, self.recorded.sum, *of),
            {item_id: later(amount, self._credited, at, item_id) for item_id, amount in given.by_statements.items()},
        )

    def _credited(self, at: LineAtStep, item_id: str) -> Node:
        on = at.contract.contract_id, at.line_id
        issued = self.nodes.records.issued(charge_row(*on, item_id), self.nodes.fees.known_at(at), on)
        return negated(f"{item_id}: credited by statements", issued)

    def _item(self, held: Sequence[TermsInForce], revised: Revisions, item_id: str, day: date) -> Node:
        found = next(one for one in items_on(held, revised, day) if one.item_id == item_id)
        return self._figure(found.amount, f"{item_id}: estimated")

    def _figure(self, number: Amount, title: str) -> Node:
        return self.recorded.bound(node_of(number, title))

    def _said(self, at: LineAtStep, item_id: str, revision: Revision) -> Revision:
        of = (at.contract.contract_id, at.line_id, item_id, revision.version)
        for event in self.sources.events(VariableConsiderationRevised):
            if (event.contract_id, event.line_id, event.item_id, event.version) == of:
                said, as_of = in_an_event(event, at.contract.terms.currency), (("as of", f"{event.as_of}"),)
                amount = Recorded(said.amount.node._replace(facts=as_of)) if isinstance(said.amount, Recorded) else None
                return revision._replace(amount=amount, outcomes=said.outcomes)
        return revision
