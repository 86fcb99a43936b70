"""What an explanation has of the price and the cost of work: the numbers with their nodes, of what `value_time.py` makes the numbers of.

They are recorded by the row where the price is booked. Nodes of hours at a rate and of their cost are made when somebody asks for them: an
engagement has thousands of entries, and an explanation rests on few."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from domain.events.delivery import ResourceAssigned, TimeApproved
from domain.events.reference import CostRateSet, LegalEntityDefined
from domain.explanation import Node, constant, less
from domain.figure import Recorded, RecordedLater, Together, as_recorded
from domain.reference.book import ReferenceBook
from domain.reference.exchange import Exchange
from domain.why import Rates, Why, entity_policies, in_event, in_terms, line_policies, quoted
from domain.work import recorded
from domain.work.rates import RateDecision, covering_assignment
from domain.work.recorded import (
    ASKED,
    COST,
    EARNED,
    HOURS,
    MARKUP,
    MEMO,
    PASSED_HOURS,
    QUANTITY,
    RATE,
    TAX,
    VALUE,
    WITHIN,
    WORTH,
    figure_of,
)
from domain.work.rows import OVERFLOW, named
from state.books import Cost, Price
from state.draft import Draft
from state.terms.plan import LinePlan
from state.value import plain
from state.work.bill_rates import Rated

if TYPE_CHECKING:
    from state.work.value_time import TimeToValue

OF_A_PRICE = (HOURS, VALUE, MEMO, RATE, MARKUP, QUANTITY, EARNED, WITHIN)


def booked(why: Why, row: str, price: Price) -> Price:
    """The price as the books keep it; its figures are recorded as those of the row."""
    for name in OF_A_PRICE:
        recorded.say(why, row, name, getattr(price, name))
    why.keep(row)
    return plain(price)


def settled(why: Why, row: str, price: Price) -> Price:
    """The same of work that is in the books, whatever was valued of it meanwhile."""
    why.forget(row)
    return booked(why, row, price)


def booked_cost(why: Why, row: str, cost: Cost) -> Cost:
    recorded.say(why, row, COST, cost.amount)
    recorded.say(why, row, TAX, cost.tax)
    return plain(cost)


def uses_of(plan: LinePlan) -> recorded.Uses:
    """Policies as the line resolves them."""
    return partial(line_policies, plan.terms, plan.line.line_id, plan.entity)


def facts_of(plan: LinePlan, day: date) -> tuple[tuple[str, str], ...]:
    contract = f"{plan.contract_id} version {plan.version}, line {plan.line.line_id}"
    return ("service date", day.isoformat()), ("contract", contract)


# Hours


def worked(why: Why, row: str, event: TimeApproved) -> Node:
    """Hours of the version; of a part those that went on from the line of its whole."""
    kind, whole = named(row)
    if kind == OVERFLOW:
        return why.figure(figure_of(whole, PASSED_HOURS))._replace(title=f"{row}: hours that went on")
    return recorded.worked(event)


def hours_asked(why: Why, row: str, event: TimeApproved, plan: LinePlan) -> Node:
    """Billable, before what the terms include."""
    base = worked(why, row, event)
    if named(row)[0] == OVERFLOW:
        return recorded.rounded(base, plan.policies, uses_of(plan))
    return recorded.billable(event, base, plan.policies, uses_of(plan))


# Rates


class RateSources(NamedTuple):
    """What states rates beside the terms, as it was when the work was valued: reference data and the person's assignments."""

    reference: ReferenceBook
    assignments: Sequence[ResourceAssigned]


def bill_rate(stating: RateSources, event: TimeApproved, plan: LinePlan, day: date, decision: RateDecision) -> Node:
    """The rate of a service date, with where it comes from and what lost against it (R5, R6)."""
    leaf = _stated_by(stating, event.person_id, event, plan, day, decision)
    policies = uses_of(plan)("rate_precedence", "rate_date")
    return leaf._replace(rule="R5", policies=policies, facts=recorded.rate_facts(decision, day))


def planned_rate(stating: RateSources, plan: LinePlan, person_id: str, day: date, decision: RateDecision) -> Node:
    """The rate that planned hours of a person would have."""
    leaf = _stated_by(stating, person_id, None, plan, day, decision)
    return leaf._replace(title=f"bill rate of {person_id}", rule="R5")


def _stated_by(
    stating: RateSources, person_id: str, event: TimeApproved | None, plan: LinePlan, day: date, decision: RateDecision
) -> Node:
    rate, currency, title = decision.rate, plan.currency, "bill rate"
    match decision.source_kind:
        case "entry":
            assert event is not None, "a rate of its own is an entry's"
            return in_event(title, rate, "rate", event, "rate", currency)
        case "assignment":
            assignment = covering_assignment(stating.assignments, person_id, day)
            assert assignment is not None, "an assignment covers the day"
            return in_event(title, rate, "rate", assignment, "bill_rate.amount", currency)
        case "person":
            known = stating.reference.persons[person_id]
            person = next(one for one in known if one.version == decision.version)
            return in_event(title, rate, "rate", person, "bill_rate.amount", currency)
        case "rate_card":
            cards = stating.reference.cards[decision.source_id or ""]
            card = next(one for one in cards if one.version == decision.version)
            return in_event(title, rate, "rate", card, f"lines[{decision.line_index}].rate", currency)
        case _:
            within = "overage_rate" if decision.line_index is None else f"rates[{decision.line_index}].rate"
            return in_terms(title, rate, "rate", plan.terms, f"terms.{within}", plan.line.line_id)


def overtime(reference: ReferenceBook, plan: LinePlan, decision: RateDecision) -> Node | None:
    """The overtime markup, of the first rate in order that states one (R7)."""
    if not decision.markup or decision.markup_source is None:
        return None
    kind, *rest = decision.markup_source.split("/")
    percent, title = decision.markup, "overtime markup"
    if kind == "rate_card":
        of_id = reference.cards["/".join(rest[:-2])]
        card = next(one for one in of_id if str(one.version) == rest[-2])
        made = in_event(title, percent, "percent", card, f"lines[{rest[-1]}].overtime_markup")
    else:
        path = f"terms.rates[{rest[-1]}].overtime_markup"
        made = in_terms(title, percent, "percent", plan.terms, path, plan.line.line_id)
    return made._replace(rule="R7", facts=(("stated by", decision.markup_source),))


def cost_rate(found: CostRateSet, day: date) -> Node:
    who = f"person {found.person_id}" if found.person_id else f"role {found.role}"
    facts = (
        ("of", who),
        ("cost rate", f"{found.cost_rate_id} version {found.version}"),
        ("in effect from", found.effective_from.isoformat()),
        ("service date", day.isoformat()),
    )
    return in_event("cost rate", found.rate, "rate", found, "rate", found.currency)._replace(facts=facts)


# Prices


class _AtRate(NamedTuple):
    """What nodes of hours at a rate are made of."""

    why: Why
    row: str
    event: TimeApproved
    plan: LinePlan
    stating: RateSources
    decision: RateDecision | None
    price: Price
    kept: int | None

    def nodes(self) -> dict[str, Node]:
        row, event, plan, price, currency = self.row, self.event, self.plan, self.price, self.plan.currency
        rate, markup = self._rate_and_markup()
        hours = hours_asked(self.why, row, event, plan)
        facts = *facts_of(plan, price.day), ("role", price.role)
        if self.kept is not None:
            facts = *facts, ("rate kept", f"that of version {self.kept}, which is on an issued statement (R8)")
        mode, policies = plan.policies.money_mode, uses_of(plan)("money_mode", "rounding_scope")
        value = recorded.at_rate(f"{row}: value", hours, rate, markup, currency, mode, policies=policies, facts=facts)
        made = {RATE: rate, HOURS: hours, VALUE: value, WORTH: value._replace(title=f"{row}: worth")}
        if markup is not None:
            made[MARKUP] = markup
        if price.memo:
            title, rest = f"{row}: value not charged", less("hours not charged", worked(self.why, row, event), hours)
            made[MEMO] = recorded.at_rate(title, rest, rate, markup, currency, mode)
        return made

    def _rate_and_markup(self) -> tuple[Node, Node | None]:
        if self.kept is not None:
            return known_rate(self.why, self.row, self.price)
        return rate_and_markup(self.stating, self.event, self.plan, self.price.day, self.decision)


def at_rate(draft: Draft, worked_: TimeToValue, plan: LinePlan, rated: Rated, price: Price, kept: int | None) -> Price:
    """Of hours at a rate; `kept` is the version whose rate a correction keeps, because it is on an issued statement (R8)."""
    assert draft.why is not None, "an explanation folds"
    why, row = draft.why, worked_.entry.entry_id
    stating = RateSources(draft.reference, draft.assignments(worked_.project.project_id))
    nodes = Together(_AtRate(why, row, worked_.event, plan, stating, rated.decision, price, kept).nodes)
    if kept is not None or named(row)[0] == OVERFLOW:
        # They rest on figures as they stand now.
        nodes.node(VALUE)
    if plan.shares_price:
        why.hold(row, figure_of(row, ASKED), price.hours, partial(nodes.node, HOURS))
        why.hold(row, figure_of(row, WORTH), price.value, partial(nodes.node, WORTH))
    return replace(
        price,
        rate=nodes.later(price.rate, RATE),
        markup=nodes.later(price.markup, MARKUP) if price.markup else price.markup,
        hours=nodes.later(price.hours, HOURS),
        value=nodes.later(price.value, VALUE),
        memo=nodes.later(price.memo, MEMO) if price.memo else price.memo,
    )


def rate_and_markup(
    stating: RateSources, event: TimeApproved, plan: LinePlan, day: date, decision: RateDecision | None
) -> tuple[Node, Node | None]:
    if decision is None:
        policies = uses_of(plan)("no_rate")
        return constant("no rate found", 0, "rate", plan.currency, rule="R5", policies=policies), None
    rate = bill_rate(stating, event, plan, day, decision)
    if event.overtime and decision.markup_source is None:
        rate = rate._replace(facts=(*rate.facts, ("overtime", "no rate states a markup (R7)")))
    return rate, overtime(stating.reference, plan, decision)


def at_cost(draft: Draft, worked_: TimeToValue, plan: LinePlan, exchange: Exchange, price: Price) -> Price:
    """Of hours at what they cost, in contract currency, with what the terms add (R32)."""
    assert draft.why is not None, "an explanation folds"
    row, event, day = worked_.entry.entry_id, worked_.event, worked_.terms.day
    hours, of_hour = hours_asked(draft.why, row, event, plan), _rate_of_cost(draft, worked_)
    rates = rates_of(exchange, plan, day)
    markup = recorded.markup_of(plan.terms, plan.line.line_id, plan.line.terms)

    def value(title: str, of: Node) -> Node:
        return recorded.at_cost(
            title,
            (of, cost_rate(of_hour, day)),
            rates,
            markup,
            plan.currency,
            plan.policies.money_mode,
            facts=facts_of(plan, day),
            policies=uses_of(plan)("money_mode"),
        )

    memo: int = price.memo
    if memo:
        rest = less("hours not charged", worked(draft.why, row, event), hours)
        memo = as_recorded(memo, value(f"{row}: value not charged", rest))
    return replace(
        price,
        hours=as_recorded(price.hours, hours),
        value=as_recorded(price.value, value(f"{row}: value", hours)),
        memo=memo,
    )


def _rate_of_cost(draft: Draft, worked_: TimeToValue) -> CostRateSet:
    """As the version was booked, which cost rates that come later do not change; else by what is known now."""
    work, found = worked_.entry.work, worked_.terms.cost_rate
    cost = work.cost if work is not None and work.time is worked_.event else None
    if cost is not None:
        of_id = draft.reference.costs[cost.cost_rate_id]
        found = next(one for one in of_id if one.version == cost.cost_rate_version)
    assert found is not None, "hours are charged at what they cost"
    return found


def rates_of(exchange: Exchange, plan: LinePlan, day: date) -> Rates:
    """Quoted rates on the way from what something cost to contract currency."""
    return quoted(exchange, plan.policies.exchange_rate_type, day, plan.entity) if exchange.path else Rates()


def not_charged(draft: Draft, worked_: TimeToValue, plan: LinePlan, rated: Rated, memo: int) -> Recorded:
    """The value of work that is not billable."""
    assert draft.why is not None, "an explanation folds"
    row, event, stating = (
        worked_.entry.entry_id,
        worked_.event,
        RateSources(draft.reference, draft.assignments(worked_.project.project_id)),
    )
    rate, markup = rate_and_markup(stating, event, plan, worked_.terms.day, rated.decision)
    hours, mode = worked(draft.why, row, event), plan.policies.money_mode
    title = f"{row}: value not charged"
    return as_recorded(memo, recorded.at_rate(title, hours, rate, markup, plan.currency, mode))


# Prices that work shares


def of_day(draft: Draft, row: str, plan: LinePlan, price: Price, hours: Node) -> Price:
    """Of hours whose steps several of a day share."""
    assert draft.why is not None, "an explanation folds"
    rate, markup = known_rate(draft.why, row, price)
    mode, policies = plan.policies.money_mode, uses_of(plan)("money_mode", "rounding_scope")
    facts = *facts_of(plan, price.day), ("role", price.role)
    value = recorded.at_rate(f"{row}: value", hours, rate, markup, plan.currency, mode, policies=policies, facts=facts)
    return replace(price, hours=as_recorded(price.hours, hours), value=as_recorded(price.value, value))


def known_rate(why: Why, row: str, price: Price) -> tuple[Node, Node | None]:
    """Of a price that is valued now, or as the row was booked with it."""
    rate = price.rate.node if isinstance(price.rate, Recorded) else why.figure(figure_of(row, RATE))
    if not price.markup:
        return rate, None
    return rate, price.markup.node if isinstance(price.markup, Recorded) else why.figure(figure_of(row, MARKUP))


# Cost


def cost_of_hours(event: TimeApproved, found: CostRateSet, entity: LegalEntityDefined, mode: str, cost: Cost) -> Cost:
    def made() -> Node:
        rate, facts = cost_rate(found, cost.day), company_facts(cost)
        policies = entity_policies(entity, "money_mode", "cost_policy")
        hours, title = recorded.worked(event), f"{event.entry_id}: cost"
        node = recorded.at_rate(title, hours, rate, None, cost.currency, mode, policies=policies, facts=facts)
        return node._replace(rule="R22")

    return replace(cost, amount=RecordedLater(cost.amount, made))


def company_facts(cost: Cost) -> tuple[tuple[str, str], ...]:
    return ("company", cost.legal_entity_id), ("service date", cost.day.isoformat())
