"""How far a source that funds a contract is used: what it pays of each row, less what price concessions gave back (R33)."""

from domain.billing.funding import RULE
from domain.explanation import Node
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
            used = self.recorded.all_placed(address, PAID, f"{source_id}: used", turn=int(turn))
            self._sums[key] = used._replace(rule=RULE)
        return self._sums[key]
