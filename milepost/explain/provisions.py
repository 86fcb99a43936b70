"""What is provided for the loss of a contract: what its lines still lose, as the books had them when a period ended (R44)."""

from __future__ import annotations

from datetime import date, timedelta

from domain.explanation import Node
from domain.outputs import JournalEntry
from domain.reference import fiscal
from domain.revenue.provision import RULE, LineFacts, LineOutlook, say_by_project, say_left, say_required
from milepost.explain.earned import EarnedNodes
from milepost.explain.fees import LineAtStep
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.revenue.outlooks import KIND, KnownLine, lines_of, outlooks
from state.terms.plan import contract_policies


class ProvisionNodes:
    """Operands of the journals with rule `provision/...`, which their rule records."""

    def __init__(self, sources: Sources, recorded: RecordedNodes, earned: EarnedNodes) -> None:
        self.sources = sources
        self.earned = earned
        recorded.resolvers[KIND] = self._required

    def _required(self, journal_id: str, project_id: str) -> Node | None:
        """Of a project, by its journal."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        draft = self.sources.draft(said.step)
        contract, entity = draft.contract(journal.affected_id), draft.reference.entity(journal.legal_entity_id)
        assert contract is not None, "the journal is of it"
        assert entity is not None, "the journal is in its books"
        period = fiscal.period_named(entity.fiscal_calendar, journal.rule.removeprefix(RULE))
        assert period is not None, "the rule names it"
        day, policies = period.to - timedelta(days=1), contract_policies(draft, contract)
        known = (
            {one.line_id: one for one in lines_of(draft, contract, day)} if policies.loss_provision != "none" else {}
        )
        lines = outlooks(known.values(), day)
        nodes = [
            self._left(
                LineAtStep(draft, contract, line.line_id, known[line.line_id].known), known[line.line_id], line, day
            )
            for line in lines
        ]
        whole = say_required(nodes, day, journal.currency, policies.money_mode)
        return say_by_project(lines, nodes, whole, project_id, journal.currency)

    def _left(self, place: LineAtStep, one: KnownLine, line: LineOutlook, day: date) -> Node:
        facts = LineFacts(
            self.earned.price(place, one.earns, day),
            self.earned.earned(place, one.earns, day),
            self.earned.leaves(place, one.known.held[-1]),
        )
        return say_left(line, one.known, facts, day)
