"""How far a source that funds a contract is used: what it pays of each row, less what price concessions gave back (R33)."""

from domain.billing.funding import RULE
from domain.explanation import Node, total
from milepost.explain.nodes import Nodes
from state.billing.funding_record import PAID, USED_OF_SOURCE, used_at


class FundingNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[USED_OF_SOURCE] = self._used
        self._sums: dict[tuple[str, int], Node] = {}

    def _used(self, contract_id: str, source_id: str, turn: str) -> Node:
        address, why = used_at(contract_id, source_id), self.recorded.why
        key = address, why.changes(address, int(turn))
        if key not in self._sums:
            placed = why.placed(address, PAID, turn=int(turn))
            pays = [self.recorded.bound(one.parts.node(PAID)) for one in placed if one.parts is not None]
            self._sums[key] = total(f"{source_id}: used", pays, "amount", pays[0].currency if pays else "", rule=RULE)
        return self._sums[key]
