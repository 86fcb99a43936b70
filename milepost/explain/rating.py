"""Why an hour costs what it costs: bill rates with what lost against them, cost rates, exchange rates with their path."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from domain.events.common import TimeAndMaterials
from domain.events.delivery import ResourceAssigned, TimeApproved
from domain.explanation import FIELD, Arithmetic, Node, constant, stated
from domain.reference.exchange import Exchange
from domain.units import Percent
from domain.work.rates import RateDecision
from milepost.explain.sources import Sources
from state.books import Cost, Price
from state.draft import Draft
from state.terms.plan import LinePlan
from state.work.bill_rates import assigned

LEVELS = {
    "entry": "the entry's own rate",
    "line_task": "contract line, by task",
    "line_person": "contract line, by person",
    "line_role": "contract line, by role or for all",
    "assignment": "the assignment",
    "line_card": "the card that the line names, or the project's",
    "customer_card": "a card of the customer",
    "organisation_card": "a card of practice, region or company",
    "global_card": "a global card",
    "person": "the person's own rate",
}
REASONS = {
    "other_currency": "in another currency",
    "not_in_effect": "not in effect on the day",
    "no_line_matches": "no line of it matches",
    "not_approved": "nobody approved it",
    "unknown_card": "the card is not known",
    "less_specific": "less specific",
    "tie": "as specific, but older or lower",
}


class Rating:
    """Rates of one engagement's work."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    @cached_property
    def _decisions(self) -> dict[str, RateDecision]:
        """Every decision of the engagement, by its digest."""
        return {
            digest: decision
            for step in self._sources.trace.steps
            for digest, decision in step.change.explanations.items()
        }

    def bill_rate(self, event: TimeApproved, price: Price, plan: LinePlan, draft: Draft) -> Node:
        decision = self._decisions.get(price.decision)
        if decision is None and not price.rate:
            policies = self._sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, "no_rate")
            return constant("no rate found", 0, "rate", price.currency, rule="R5", policies=policies)
        if decision is None:
            return stated("bill rate", price.rate, "rate", price.currency, rule="R5")
        return self.decided(event, price.day, plan, draft, decision)

    def found(self, event: TimeApproved, day: date, plan: LinePlan, draft: Draft, digest: str) -> Node | None:
        """By the digest of the decision."""
        decision = self._decisions.get(digest)
        return self.decided(event, day, plan, draft, decision) if decision is not None else None

    def decided(self, event: TimeApproved, day: date, plan: LinePlan, draft: Draft, decision: RateDecision) -> Node:
        """The rate of a service date, with where it comes from and what lost against it (R5, R6)."""
        policies = self._sources.policies(
            draft, plan.contract_id, plan.version, plan.line.line_id, "rate_precedence", "rate_date"
        )
        facts = (
            ("level", f"{decision.level}: {LEVELS.get(decision.level, decision.level)}"),
            ("matched", decision.matched),
            ("service date", day.isoformat()),
            *((("card", f"{decision.source_id} version {decision.version}"),) if decision.source_id else ()),
            *((("in effect from", decision.effective_from.isoformat()),) if decision.effective_from else ()),
            *(
                (
                    "lost",
                    " ".join(
                        filter(
                            None,
                            (one.level, one.source_id, f"version {one.version}" if one.version is not None else ""),
                        )
                    )
                    + f": {REASONS.get(one.reason, one.reason)}",
                )
                for one in decision.rejected
            ),
        )
        leaf = self._stated_by(
            decision, event.person_id, plan, draft, event, _assignment(draft, event, plan, decision.rate)
        )
        return leaf._replace(rule="R5", policies=policies, facts=(*facts, *leaf.facts))

    def of_plan(self, assignment: ResourceAssigned, decision: RateDecision, plan: LinePlan, draft: Draft) -> Node:
        """The rate that the hours of an assignment would have."""
        leaf = self._stated_by(decision, assignment.person_id, plan, draft, None, assignment)
        return leaf._replace(title=f"bill rate of {assignment.person_id}", rule="R5")

    def _stated_by(
        self,
        decision: RateDecision,
        person_id: str,
        plan: LinePlan,
        draft: Draft,
        event: TimeApproved | None,
        assignment: ResourceAssigned | None,
    ) -> Node:
        sources, rate, currency = self._sources, decision.rate, plan.currency
        match decision.source_kind:
            case "entry" if event is not None:
                return sources.field("bill rate", rate, "rate", event, "rate", currency)
            case "assignment" if assignment is not None:
                return sources.field("bill rate", rate, "rate", assignment, "bill_rate.amount", currency)
            case "person":
                for person in draft.reference.persons.get(person_id, ()):
                    if person.version == decision.version:
                        return sources.field("bill rate", rate, "rate", person, "bill_rate.amount", currency)
            case "rate_card":
                for card in draft.reference.cards.get(decision.source_id or "", ()):
                    if card.version == decision.version:
                        return sources.field(
                            "bill rate", rate, "rate", card, f"lines[{decision.line_index}].rate", currency
                        )
            case "contract_line":
                found = sources.line_field(plan.contract_id, self._stating(plan, draft, decision), plan.line.line_id)
                if found is not None:
                    within = "overage_rate" if decision.line_index is None else f"rates[{decision.line_index}].rate"
                    path = f"{found[2]}.terms.{within}"
                    return sources.field("bill rate", rate, "rate", found[0], path, currency)
            case _:
                pass
        return stated("bill rate", rate, "rate", currency)

    def _stating(self, plan: LinePlan, draft: Draft, decision: RateDecision) -> int:
        """The version of the contract whose line states the rate: an earlier one where billed work keeps its price (R8)."""
        if decision.line_index is None:
            return plan.version
        contract = draft.contract(plan.contract_id)
        known = [one.version for one in contract.history] if contract is not None else []
        for version in sorted((one for one in known if one <= plan.version), reverse=True):
            found = self._sources.line_field(plan.contract_id, version, plan.line.line_id)
            terms = found[1].terms if found is not None else None
            rates = terms.rates if isinstance(terms, TimeAndMaterials) else ()
            if decision.line_index < len(rates) and rates[decision.line_index].rate == decision.rate:
                return version
        return plan.version

    def markup(self, price: Price, plan: LinePlan, draft: Draft) -> Node:
        return self.markup_decided(price.markup, plan, draft, self._decisions.get(price.decision))

    def markup_decided(self, percent: Percent, plan: LinePlan, draft: Draft, decision: RateDecision | None) -> Node:
        """The overtime markup, of the first rate in order that states one (R7)."""
        kind, *rest = (decision.markup_source or "").split("/") if decision is not None else [""]
        sources = self._sources
        facts = (("stated by", decision.markup_source),) if decision is not None and decision.markup_source else ()
        if kind == "rate_card" and len(rest) >= 3:
            card_id, version, index = "/".join(rest[:-2]), rest[-2], rest[-1]
            for card in draft.reference.cards.get(card_id, ()):
                if str(card.version) == version:
                    path = f"lines[{index}].overtime_markup"
                    return sources.field("overtime markup", percent, "percent", card, path, rule="R7", facts=facts)
        stated_in = self._stating(plan, draft, decision) if decision is not None else plan.version
        found = sources.line_field(plan.contract_id, stated_in, plan.line.line_id)
        if kind == "contract_line" and found is not None and isinstance(found[1].terms, TimeAndMaterials):
            path = f"{found[2]}.terms.rates[{rest[-1]}].overtime_markup"
            return sources.field("overtime markup", percent, "percent", found[0], path, rule="R7", facts=facts)
        return stated("overtime markup", percent, "percent", rule="R7", facts=facts)

    def cost_rate(self, cost: Cost, draft: Draft) -> Node:
        for version in draft.reference.costs.get(cost.cost_rate_id, ()):
            if version.version == cost.cost_rate_version:
                who = f"person {version.person_id}" if version.person_id else f"role {version.role}"
                return self._sources.field(
                    "cost rate",
                    cost.rate,
                    "rate",
                    version,
                    "rate",
                    cost.currency,
                    facts=(
                        ("of", who),
                        ("cost rate", f"{cost.cost_rate_id} version {cost.cost_rate_version}"),
                        ("in effect from", version.effective_from.isoformat()),
                        ("service date", cost.day.isoformat()),
                    ),
                )
        return stated("cost rate", cost.rate, "rate", cost.currency)

    # Exchange rates

    def legs(self, exchange: Exchange, rate_type: str, day: date) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        """The quoted rates on the way, and whether each multiplies or divides."""
        rates = []
        for leg in exchange.path:
            pair = (leg.to_currency, leg.from_currency) if leg.inverted else (leg.from_currency, leg.to_currency)
            record = self._sources.trace.quote(rate_type, *pair, leg.date, leg.version)
            title = f"{pair[0]} to {pair[1]}, quoted on {leg.date}"
            event = self._sources.ref(record) if record is not None else None
            facts = (
                ("asked for", day.isoformat()),
                ("kind", rate_type),
                ("way", "inverse" if leg.inverted else "direct"),
            )
            rates.append(
                Node(title, leg.rate, "exchange_rate", "", Arithmetic(FIELD), "R53", (), facts, (), event, "rate")
            )
        return tuple(rates), tuple("divided" if leg.inverted else "times" for leg in exchange.path)

    def exchange(
        self, draft: Draft, rate_type: str, pair: tuple[str, str], days: tuple[date, ...], staleness: int, rate: int
    ) -> tuple[Exchange, date] | None:
        """The path that gives this rate on the first of the days on which one does."""
        for day in days:
            found = draft.reference.exchange(rate_type, *pair, day, staleness)
            if isinstance(found, Exchange) and found.rate == rate:
                return found, day
        return None


def _assignment(draft: Draft, event: TimeApproved, plan: LinePlan, rate: int) -> ResourceAssigned | None:
    project = draft.project(event.project_id)
    for assignment in assigned(draft, project, event.person_id):
        if (
            assignment.bill_rate is not None
            and assignment.bill_rate.amount == rate
            and assignment.bill_rate.currency == plan.currency
        ):
            return assignment
    return None
