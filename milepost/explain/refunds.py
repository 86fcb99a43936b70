"""What is owed back of a contract line (2320): of its variable parts that take from the price what invoices have (IFRS 15.55)."""

from typing import NamedTuple

from domain.explanation import Node, negated, total
from domain.figure import Recorded, node_of
from domain.outputs import JournalEntry
from domain.revenue.refund import RULE, Reduction, given_beyond, owed_back
from milepost.explain.fees import LineAtStep, line_at
from milepost.explain.nodes import Nodes
from state.charges.rebates import KIND, charge_row
from state.revenue.refunds import PricedReduction, charge_rows, given_of, reductions_of
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
        self.recorded.resolvers[KIND] = self._owed_back

    def _owed_back(self, journal_id: str) -> Node | None:
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        made = self._made_of(journal.affected_id, journal.rule.removeprefix(RULE), said.step)
        return self.recorded.bound(node_of(owed_back(*made), "owed back", currency=made.currency))

    def given_beyond(self, contract_id: str, line_id: str, step: int) -> Node:
        """What credit memos gave of the line that nobody expects."""
        made = self._made_of(contract_id, line_id, step)
        beyond = given_beyond(made.reductions, made.given)
        return self.recorded.bound(node_of(beyond, "given, and not expected to go back", currency=made.currency))

    def _made_of(self, contract_id: str, line_id: str, step: int) -> MadeOf:
        draft = self.sources.draft(step)
        contract = draft.contract_in_books(contract_id)
        place = line_at(draft, contract, line_id, step)
        priced = reductions_of(draft, contract, line_id)
        of, currency = given_of(contract_id, line_id), contract.terms.currency
        given = Recorded(self.recorded.sum(of, "given by credit memos", step, currency))
        reductions = [self._reduction(place, each) for each in priced]
        return MadeOf(reductions, given, currency, contract_policies(draft, contract).money_mode)

    def _reduction(self, place: LineAtStep, priced: PricedReduction) -> Reduction:
        item, currency = priced.item, place.contract.terms.currency
        made = self.nodes.allocation.price(place, priced.agreed)
        items = {each.item_id: each.amount for each in made.own.items} if made.lines else {}
        settled = self.nodes.variable.due
        expected = settled(place, item.item_id) if priced.of.is_due else node_of(items[item.item_id], item.item_id)
        row = charge_row(place.contract.contract_id, place.line_id, item.item_id)
        charged = self._invoiced(place, place.line_id, [row])
        prices, invoiced = [], []
        for line in priced.lines:
            own = next(one for one in made.lines if one.line_id == line.line_id)
            prices.append(node_of(own.price, "price"))
            invoiced.append(self._price_invoiced(line_at(place.draft, place.contract, line.line_id, place.step)))
        if not invoiced:
            invoiced.append(self._price_invoiced(place))
        return priced.of._replace(
            expected=Recorded(negated(f"{item.item_id}: expected to go back", expected)),
            credited=Recorded(negated(f"{item.item_id}: credited", charged)),
            price=Recorded(total("price", prices, "amount", currency)),
            invoiced=Recorded(total("invoiced of the price", invoiced, "amount", currency)),
        )

    def _price_invoiced(self, at: LineAtStep) -> Node:
        rows = set(charge_rows(at.known, at.contract.contract_id, at.line_id).values())
        place, trace = (at.contract.contract_id, at.line_id), self.sources.trace
        found = []
        for entry_id in sorted(set(trace.entry_ids()) - rows):
            entry = trace.entry_at(entry_id, at.step)
            if entry is not None and any((one.contract_id, one.line_id) == place for one in entry.issued):
                found.append(entry_id)
        return self._invoiced(at, at.line_id, found)

    def _invoiced(self, at: LineAtStep, line_id: str, rows: list[str]) -> Node:
        contract = at.contract
        nodes = [
            self.nodes.records.invoiced(row, at.step, (contract.contract_id, line_id))
            for row in rows
            if self.sources.trace.entry_at(row, at.step) is not None
        ]
        return total(f"line {line_id}: invoiced", nodes, "amount", contract.terms.currency)
