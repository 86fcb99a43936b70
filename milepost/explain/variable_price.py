"""Variable parts of a line's price, as they count on a day: from the terms, or the revision that says so (R42)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from domain.events.commercial import VariableConsiderationRevised
from domain.events.common import VariableConsideration
from domain.explanation import Node, Parameter, constant, evaluated, least, less, negated, step_of, total
from domain.revenue.allocation import PricedItem
from domain.revenue.variable_price import FORESEEN, MOST_LIKELY, given_by_memos, items_on, most_likely, settled
from domain.terms.kind import TermsInForce
from milepost.explain.nodes import Nodes
from state.charges.terms_known import agreed_versions
from state.revenue.refunds import given_of

if TYPE_CHECKING:
    from milepost.explain.fees import LineAtStep

# A figure of what was said, by its title, value, unit and path.
Leaf = Callable[[str, int, str, str], Node]
Said = VariableConsideration | VariableConsiderationRevised


class VariableNodes(Nodes):
    def item(self, at: LineAtStep, priced: PricedItem, since: date) -> Node:
        """What counts of an item from a day on."""
        agreed = self._stating(at, priced.item_id, since)
        number = [item.item_id for item in agreed.line.variable_consideration].index(priced.item_id)
        stated = agreed.line.variable_consideration[number]
        if not priced.version:
            return self._estimate(agreed, stated, stated, self._of_terms(at, agreed, number))
        event = self._revision(at, priced.item_id, priced.version)
        return self._estimate(agreed, stated, event, self._of_event(agreed, event))

    def due(self, at: LineAtStep, item_id: str) -> Node:
        """What is settled of an item, or expected to be."""
        said = settled(at.known.revised)[item_id]
        if said.version == FORESEEN:
            sent = {name: [one for one in each if one.version != FORESEEN] for name, each in at.known.revised.items()}
            priced = next(one for one in items_on(at.known.held, sent, said.as_of) if one.item_id == item_id)
            return self.item(at, priced, said.as_of)
        event = self._revision(at, item_id, said.version)
        leaf = self._of_event(self._stating(at, item_id, said.as_of), event)
        return leaf(f"{item_id}: settled", said.amount or 0, "amount", "amount")

    def charged(self, at: LineAtStep, item_id: str) -> Node:
        """What is due of an item, less what credit memos gave of it."""
        due, given = self.due(at, item_id), self.given_by_memos(at).get(item_id)
        if given is None:
            return due
        return total(f"{item_id}: settled, and not given by credit memos", (due, given), "amount", due.currency)

    def given_by_memos(self, at: LineAtStep) -> dict[str, Node]:
        """By item that is settled, or expected to be, where memos gave something of it."""
        found: dict[str, Node] = {}
        contract, shares = at.contract, given_by_memos(at.known)
        if not any(shares.values()):
            return found
        of, currency = given_of(contract.contract_id, at.line_id), contract.terms.currency
        left = self.recorded.sum(of, "given by credit memos", at.step, currency)
        for item_id, share in shares.items():
            if share > (self._open(at, item_id).value or 0):
                found[item_id] = left
            elif share:
                found[item_id] = least(f"{item_id}: given by credit memos", [left, self._open(at, item_id)])
                left = less("given by credit memos of other parts", left, found[item_id])
        return found

    def _open(self, at: LineAtStep, item_id: str) -> Node:
        """What of an item no statement has credited."""
        goes_back = negated(f"{item_id}: goes back", self.due(at, item_id))
        if not at.known.rebates.by_statements.get(item_id):
            return goes_back
        return total(
            f"{item_id}: not on a statement",
            (goes_back, self.nodes.refunds.credited(at, item_id)),
            "amount",
            goes_back.currency,
        )

    def _estimate(self, agreed: TermsInForce, item: VariableConsideration, said: Said, leaf: Leaf) -> Node:
        currency = agreed.contract.currency
        if not said.included:
            return constant(f"{item.item_id}: estimated, not included", 0, "amount", currency)
        if not said.outcomes:
            return leaf(f"{item.item_id}: estimated", said.amount or 0, "amount", "amount")
        if item.method == MOST_LIKELY:
            likely = most_likely(said.outcomes)
            path = f"outcomes[{said.outcomes.index(likely)}].amount"
            return leaf(f"{item.item_id}: most likely", likely.amount, "amount", path)
        pairs: list[Node] = []
        for number, outcome in enumerate(said.outcomes):
            path = f"outcomes[{number}]"
            pairs.append(leaf("probability", outcome.probability, "percent", f"{path}.probability"))
            pairs.append(leaf("outcome", outcome.amount, "amount", f"{path}.amount"))
        parameters: dict[str, Parameter] = {"step": step_of(currency), "mode": agreed.policies.money_mode}
        title = f"{item.item_id}: expected value"
        return evaluated(title, "weighted_average", pairs, parameters, "amount", currency, rule="R42")

    def _of_terms(self, at: LineAtStep, agreed: TermsInForce, number: int) -> Leaf:
        place = f"variable_consideration[{number}]"
        return lambda title, value, unit, path: self.nodes.fees.line_field(
            at, agreed, title, value, f"{place}.{path}", unit
        )

    def _of_event(self, agreed: TermsInForce, event: VariableConsiderationRevised) -> Leaf:
        facts = (("as of", event.as_of.isoformat()),)

        def leaf(title: str, value: int, unit: str, path: str) -> Node:
            currency = agreed.contract.currency if unit == "amount" else ""
            return self.sources.field(title, value, unit, event, path, currency, facts=facts)

        return leaf

    def _stating(self, at: LineAtStep, item_id: str, day: date) -> TermsInForce:
        """The newest terms by a day that state the item."""
        held: Sequence[TermsInForce] = agreed_versions(at.draft, at.contract, at.line_id)
        with_item = [one for one in held if any(item.item_id == item_id for item in one.line.variable_consideration)]
        return next((one for one in reversed(with_item) if one.since <= day), with_item[0])

    def _revision(self, at: LineAtStep, item_id: str, version: int) -> VariableConsiderationRevised:
        of = (at.contract.contract_id, at.line_id, item_id, version)
        for event in self.sources.events(VariableConsiderationRevised):
            if (event.contract_id, event.line_id, event.item_id, event.version) == of:
                return event
        raise AssertionError(f"expected revision {version} of {item_id} among the events of its engagement")
