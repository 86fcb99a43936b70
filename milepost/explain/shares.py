"""What of an entry falls to one of several payers (R12): their rule asked again, with numbers that say how."""

from __future__ import annotations

from domain.billing.shares import Party
from domain.explanation import Node
from domain.figure import node_of
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.billing.payers import falls_of, parties_for
from state.billing.shares_record import ShareFigures
from state.totals import outstanding


class ShareNodes:
    def __init__(self, sources: Sources, recorded: RecordedNodes) -> None:
        self.sources = sources
        self.recorded = recorded

    def parties(self, entry_id: str, contract_id: str, line_id: str, step: int) -> tuple[Party, ...]:
        """Who pays for the entry at a step."""
        entry = self.sources.trace.entry_at(entry_id, step)
        contract = self.sources.draft(step).contract(contract_id)
        if entry is None or contract is None or not contract.history:
            return ()
        return parties_for(contract, entry, line_id)

    def falls(self, entry_id: str, contract_id: str, line_id: str, payer: str, step: int) -> Node:
        """As a statement would share the entry after a step."""
        draft = self.sources.draft(step)
        contract, entry = draft.contract(contract_id), self.sources.trace.entry_at(entry_id, step)
        assert contract is not None, "its line is of a contract in the books"
        assert entry is not None, "it is in the books"
        parties, due = parties_for(contract, entry, line_id), outstanding(entry, contract_id, line_id)
        figures = ShareFigures(self.recorded.why, contract, step)
        falls = falls_of(draft, contract, entry, line_id, due, parties, figures)
        own = next(place for place, party in enumerate(parties) if party.customer_id == payer)
        title = f"{entry_id}: falls to {payer}"
        node = self.recorded.bound(node_of(falls[own], title, currency=contract.terms.currency))
        return node._replace(title=title)
