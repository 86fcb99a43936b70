"""What is provided for the loss of a contract: what its lines still lose, as the books had them when a period ended (R44)."""

from datetime import date, timedelta

from domain.explanation import Node
from domain.figure import node_of, titled
from domain.numbered import limits_numbered
from domain.outputs import JournalEntry
from domain.reference import fiscal
from domain.revenue.over_time import earning
from domain.revenue.provision import RULE, KnownLine, lines_at_completion, required
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.books import Contract
from state.draft import Draft
from state.revenue.provided import AHEAD, KIND, lines_of, provided_for
from state.terms.plan import contract_policies


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
        lines = lines_at_completion([self._recorded(draft, contract, one, day) for one in known], day, journal.currency)
        amounts = required(lines, journal.currency, policies.money_mode)
        title = f"to be provided for in project {project_id} on {day}"
        return self.recorded.bound(node_of(amounts.get(project_id, 0), title, currency=journal.currency))

    def _recorded(self, draft: Draft, contract: Contract, one: KnownLine, day: date) -> KnownLine:
        """With numbers that say how they came about."""
        place, rules = LineAtStep(draft, contract, one.line_id, one.known), one.rules
        known = self.nodes.over_time.known(place)
        provided = provided_for(self.nodes.fees.stated(place), contract, one.line_id, known)
        return one._replace(
            known=known,
            earns=earning(known, day + AHEAD) if not rules else {},
            rules=[limits_numbered(contract.contract_id, contract.terms.currency, rule) for rule in rules],
            provided=titled(provided, f"provided for by {known.opening.as_of}")
            if known.opening is not None
            else provided,
        )
