"""What is provided for the loss of a contract: what its lines still lose, as the books had them when a period ended (R44)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.caps.recorded import limit_node
from domain.explanation import Node
from domain.figure import Recorded, node_of, node_titled
from domain.outputs import JournalEntry
from domain.reference import fiscal
from domain.revenue import capped
from domain.revenue.capped import Bound, CappedLine
from domain.revenue.provision import (
    RULE,
    KnownLine,
    LineAtCompletion,
    capped_line,
    costs_on,
    lines_at_completion,
    required,
)
from domain.units import Amount
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.books import Contract
from state.draft import Draft
from state.revenue.provided import KIND, lines_of
from state.terms.plan import contract_policies

if TYPE_CHECKING:
    from milepost.explain.explainer import Explainer


class ProvisionNodes(Nodes):
    """Operands of the journals with rule `provision/...`, which their rule records."""

    def begin(self) -> None:
        self.recorded.resolvers[KIND] = self._required

    def _required(self, journal_id: str, project_id: str) -> Node | None:
        """Of a project, by its journal."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        draft = self.sources.draft(said.step)
        contract, entity = draft.contract_in_books(journal.affected_id), draft.reference.entity(journal.legal_entity_id)
        assert entity is not None, "the journal is in its books"
        period = fiscal.period_named(entity.fiscal_calendar, journal.rule.removeprefix(RULE))
        assert period is not None, "the rule names it"
        day, policies = period.to - timedelta(days=1), contract_policies(draft, contract)
        known = lines_of(draft, contract, day) if policies.loss_provision != "none" else []
        lines = lines_at_completion(known, day, journal.currency)
        places = {one.line_id: (_at(draft, contract, one), one) for one in known}
        made = _Lines(self.nodes, places, day, contract)
        amounts = required([made.recorded(line) for line in lines], journal.currency, policies.money_mode)
        title = f"to be provided for in project {project_id} on {day}"
        return node_of(amounts.get(project_id, 0), title, currency=journal.currency)


def _at(draft: Draft, contract: Contract, one: KnownLine) -> LineAtStep:
    return LineAtStep(draft, contract, one.line_id, one.known)


class _Lines(NamedTuple):
    """The lines of a contract as a step knew them, by their ids."""

    nodes: Explainer
    places: Mapping[str, tuple[LineAtStep, KnownLine]]
    day: date
    contract: Contract

    def recorded(self, line: LineAtCompletion) -> LineAtCompletion:
        """With numbers that say how they came about."""
        place, one = self.places[line.line_id]
        if line.stated is not None:
            return line._replace(stated=Recorded(self._stated(place, one)))
        price = self._bounded(line.line_id) if one.rules else Recorded(self.nodes.over_time.price(place, self.day))
        cost, foreseen = map(Recorded, self._costs(line.line_id))
        return line._replace(price=price, earned=Recorded(self._earned(line.line_id)), cost=cost, foreseen=foreseen)

    def _stated(self, place: LineAtStep, one: KnownLine) -> Node:
        assert one.known.opening is not None, "its balances state it"
        event, number = self.nodes.spending.balances(place)
        title, currency = f"provided for by {one.known.opening.as_of}", self._currency
        path = f"lines[{number}].provision"
        return self.nodes.sources.field(title, one.provided, "amount", event, path, currency)

    def _earned(self, line_id: str) -> Node:
        place, one = self.places[line_id]
        if one.rules:
            return self.nodes.spending.earned(place, self.day, self.nodes.records.recognised)
        return self.nodes.over_time.in_books(place, one.earns, self.day)

    def _bounded(self, line_id: str) -> Amount:
        """By its caps, of which contracts state the limits."""
        lines = {name: self._capped(name, one) for name, (_, one) in self.places.items() if one.rules}
        made = capped.price(
            line_id, lines[line_id], list(map(self._limited, capped.bounds(lines, self.day)[line_id])), self._currency
        )
        return given(made, f"price of line {line_id}")

    def _capped(self, line_id: str, one: KnownLine) -> CappedLine:
        made = capped_line(one, self.day)._replace(earned=Recorded(self._earned(line_id)))
        return made if made.at_completion is None else made._replace(at_completion=Recorded(self._costs(line_id)[1]))

    def _limited(self, bound: Bound) -> Bound:
        rule, limit = bound.rule, bound.limit
        node = limit_node(self.contract.contract_id, self._currency, rule, limit, by_hours=False)
        return bound._replace(limit=limit._replace(amount=Recorded(node)))

    @property
    def _currency(self) -> str:
        return self.contract.terms.currency

    def _costs(self, line_id: str) -> tuple[Node, Node]:
        """By the day, and at completion."""
        place, _ = self.places[line_id]
        cost, at_completion = costs_on(self.nodes.spending.known(place), self.day)
        return self._named(cost, f"line {line_id}: cost by {self.day}"), self._named(
            at_completion, f"line {line_id}: cost at completion"
        )

    def _named(self, cost: Amount, title: str) -> Node:
        return node_titled(cost, title, currency=self._currency)
