"""What entries bring to accounts of a contract line, and the rates of journals, as the rule of the contract liability names them (R46)."""

from domain.explanation import Node, total
from milepost.explain.nodes import Nodes, once
from state.revenue.liability_record import BILLABLE, INVOICED, JOURNAL_RATE, OF_ACCOUNT, RECOGNISED, name_of


class LiabilityNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[OF_ACCOUNT] = lambda name, *of: self._on_account(*of)[name]
        self.recorded.resolvers[JOURNAL_RATE] = self.nodes.exchanges.rate_of

    @once
    def _on_account(self, contract_id: str, line_id: str, account: str, at: str) -> dict[str, Node]:
        """What is invoiced, what may be billed and what is recognised, over all entries."""
        place, step = (contract_id, line_id, account), int(at)
        contract = self.sources.draft(step).contract_in_books(contract_id)
        found: dict[str, list[Node]] = {RECOGNISED: [], BILLABLE: [], INVOICED: []}
        for entry_id in sorted(self.sources.trace.entry_ids()):
            entry = self.sources.trace.entry_at(entry_id, step)
            price = entry.standing.price if entry is not None and entry.standing is not None else None
            if price is not None and (price.contract_id, price.line_id, price.account) == place:
                found[BILLABLE].append(self.nodes.records.billable(entry_id, step))
                found[RECOGNISED].append(self.nodes.records.recognised(entry_id, step))
            if entry is not None and any((one.contract_id, one.line_id, one.account) == place for one in entry.issued):
                found[INVOICED].append(self.nodes.records.invoiced(entry_id, step, (contract_id, line_id)))
        title, currency = name_of(line_id, account), contract.terms.currency
        return {name: total(f"{title}: {name}", nodes, "amount", currency) for name, nodes in found.items()}
