"""What is owed back of a contract line (2320): of its variable parts that take from the price what invoices have (IFRS 15.55)."""

from typing import NamedTuple

from domain.explanation import Node
from domain.figure import Recorded, node_of
from domain.outputs import JournalEntry
from domain.revenue.refund import RULE, Reduction, given_beyond, owed_back
from domain.terms.kind import LineHistory
from milepost.explain.fees import LineAtStep, line_at
from milepost.explain.nodes import Nodes
from state.books import Contract
from state.charges.rebates import KIND
from state.revenue.refunds import GIVEN_BEYOND, given_of, owed_before, reductions_of
from state.terms.plan import contract_policies


class MadeOf(NamedTuple):
    """What is owed back of a line is made of, of numbers that say how they came about."""

    reductions: list[Reduction]
    given: int
    currency: str
    mode: str


class RefundNodes(Nodes):
    """What journals with rule `refund/...` bring 2320 to; the rest their rule records."""

    def begin(self) -> None:
        self.recorded.resolvers |= {KIND: self._owed_back, GIVEN_BEYOND: self._given_beyond}

    def _owed_back(self, journal_id: str) -> Node | None:
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        made = self._made_of(journal.affected_id, journal.rule.removeprefix(RULE), said.step)
        return self.recorded.bound(node_of(owed_back(*made), "owed back", currency=made.currency))

    def _given_beyond(self, contract_id: str, line_id: str, step: str) -> Node:
        """What credit memos gave of the line that nobody expects."""
        made = self._made_of(contract_id, line_id, int(step))
        beyond = given_beyond(made.reductions, made.given)
        return self.recorded.bound(node_of(beyond, "given, and not expected to go back", currency=made.currency))

    def _made_of(self, contract_id: str, line_id: str, step: int) -> MadeOf:
        contract = self.sources.draft(step).contract_in_books(contract_id)
        owed: dict[str, int] = {}
        for before in owed_before(self.sources.draft(step), contract, line_id):
            made = self._of_line(contract, before, step, owed)
            owed[before] = owed_back(*made) + made.given
        return self._of_line(contract, line_id, step, owed)

    def _of_line(self, contract: Contract, line_id: str, step: int, owed: dict[str, int]) -> MadeOf:
        place = line_at(self.sources.draft(step), contract, line_id, step)
        of, currency = given_of(contract.contract_id, line_id), contract.terms.currency
        given = Recorded(self.recorded.sum(of, "given by credit memos", step, currency))
        reductions = reductions_of(self.nodes.books.at(step), contract, line_id, self._history(place), owed)
        return MadeOf(reductions, given, currency, contract_policies(place.draft, contract).money_mode)

    def _history(self, place: LineAtStep) -> LineHistory:
        """With what the line earns, and the lines that share that."""
        known, priced = self.nodes.over_time.known(place), self.nodes.allocation.price
        held = [one if one.allocated is None else one._replace(allocated=priced(place, one)) for one in known.held]
        return known._replace(held=held)
