"""What is owed back of a contract line (2320): of its variable parts that take from the price what invoices have (IFRS 15.55)."""

from domain.explanation import Node
from domain.figure import Recorded, node_of
from domain.outputs import JournalEntry
from domain.revenue.refund import RULE, given_beyond
from domain.terms.kind import LineHistory
from domain.units import Amount
from milepost.explain.fees import line_at
from milepost.explain.nodes import Nodes
from state.charges.rebates import KIND
from state.revenue.refunds import GIVEN_BEYOND, OwedBack, given_of, owed_of_lines


class RefundNodes(Nodes):
    """What journals with rule `refund/...` bring 2320 to; the rest their rule records."""

    def begin(self) -> None:
        self.recorded.resolvers |= {KIND: self._owed_back, GIVEN_BEYOND: self._given_beyond}

    def _owed_back(self, journal_id: str) -> Node | None:
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        owed = self._owed(journal.affected_id, journal.rule.removeprefix(RULE), said.step)
        return self.recorded.bound(node_of(owed.wanted, "owed back", currency=journal.currency))

    def _given_beyond(self, contract_id: str, line_id: str, step: str) -> Node:
        """What credit memos gave of the line that nobody expects."""
        owed = self._owed(contract_id, line_id, int(step))
        beyond = given_beyond(owed.reductions, owed.given)
        return self.recorded.bound(node_of(beyond, "given, and not expected to go back", currency=owed.plan.currency))

    def _owed(self, contract_id: str, line_id: str, step: int) -> OwedBack:
        """Of numbers that say how they came about."""
        draft = self.sources.draft(step)
        contract = draft.contract_in_books(contract_id)

        def history(line_id: str) -> LineHistory:
            place = line_at(draft, contract, line_id, step)
            known, priced = self.nodes.over_time.known(place), self.nodes.allocation.price
            held = [one if one.allocated is None else one._replace(allocated=priced(place, one)) for one in known.held]
            return known._replace(held=held)

        def given(line_id: str) -> Amount:
            of = given_of(contract_id, line_id)
            return Recorded(self.recorded.sum(of, "given by credit memos", step, contract.terms.currency))

        found = owed_of_lines(self.nodes.books.at(step), contract, history, given)
        return next(one for one in found if one.plan.line.line_id == line_id)
