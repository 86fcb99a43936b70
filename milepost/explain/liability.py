"""What entries bring to accounts of a contract line, and the rates of journals, as the rule of the contract liability names them (R46)."""

from domain.explanation import Node, total
from domain.figure import node_of
from domain.units import Amount
from domain.work.rows import named
from milepost.explain.nodes import Nodes, once
from state.books import Entry, LineTotals
from state.revenue.liability_record import BILLABLE, INVOICED, JOURNAL_RATE, OF_ACCOUNT, RECOGNISED, name_of
from state.totals import add_issued, add_price


class LiabilityNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[OF_ACCOUNT] = lambda name, *of: self._on_account(*of)[name]
        self.recorded.resolvers[JOURNAL_RATE] = self.nodes.exchanges.rate_of

    @once
    def _on_account(self, contract_id: str, line_id: str, account: str, at: str) -> dict[str, Node]:
        """What is recognised, may be billed and is invoiced, over all entries."""
        place, step = (contract_id, line_id, account), int(at)
        currency = self.sources.draft(step).contract_in_books(contract_id).terms.currency
        found: dict[str, list[Node]] = {RECOGNISED: [], BILLABLE: [], INVOICED: []}
        for entry_id in sorted(self.sources.trace.entry_ids()):
            if not _totals(self.sources.trace.entry_at(entry_id, step), place):
                continue
            for name, number in zip(found, _totals(self.nodes.rows.at(entry_id, step), place), strict=True):
                if number:
                    found[name].append(node_of(number, f"{entry_id}: {name}"))
        title = name_of(line_id, account)
        return {name: total(f"{title}: {name}", nodes, "amount", currency) for name, nodes in found.items()}


def _totals(entry: Entry | None, place: tuple[str, str, str]) -> tuple[Amount, ...]:
    """What the entry gives to the sums of its line (`state/totals.py`)."""
    contract_id, line_id, account = place
    line = LineTotals("")
    if entry is None:
        return ()
    price = entry.standing.price if entry.standing is not None else None
    if price is not None and (price.contract_id, price.line_id) == (contract_id, line_id):
        line = add_price(line, price, 1, "")
    for issued in entry.issued:
        if (issued.contract_id, issued.line_id) == (contract_id, line_id):
            line = add_issued(line, issued, 1, named(entry.entry_id)[0])
    return line.accounts.get(account, ())
