"""What a line earns in all where that is not its own price: its share of the price of several lines, with variable parts (R42, R43)."""

from collections.abc import Mapping, Sequence

from domain.explanation import Node
from domain.figure import node_of
from domain.revenue.allocation import AllocatedPrice
from domain.revenue.shared_price import with_shares
from domain.terms.kind import TermsInForce
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.charges.terms_known import by_itself


class AllocationNodes(Nodes):
    """The rule asked again with the lines of a contract, of which each number says how it came about."""

    def begin(self) -> None:
        self._shared: dict[tuple[str, int], Mapping[str, Sequence[TermsInForce]]] = {}

    def earns(self, place: LineAtStep, agreed: TermsInForce) -> Node:
        title = f"line {place.line_id}: all that it earns"
        currency = place.contract.terms.currency
        return self.recorded.bound(node_of(self.price(place, agreed).earns, title, currency=currency))

    def price(self, place: LineAtStep, agreed: TermsInForce) -> AllocatedPrice:
        found = next(one.allocated for one in self._shares(place)[place.line_id] if one.since == agreed.since)
        assert found is not None, "the line earns apart from what it charges"
        return found

    def _shares(self, place: LineAtStep) -> Mapping[str, Sequence[TermsInForce]]:
        key = place.contract.contract_id, self.nodes.fees.known_at(place)
        if key not in self._shared:
            names = dict.fromkeys(line.line_id for line in place.contract.every_line)
            lines = {name: by_itself(place.draft, place.contract, name) for name in names}
            at = {name: place._replace(line_id=name, known=known, foreseen=None) for name, known in lines.items()}
            measured = self.nodes.over_time.measured
            self._shared[key] = with_shares({name: measured(one) for name, one in at.items() if one.known.held})
        return self._shared[key]
