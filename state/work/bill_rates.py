"""Which role and which bill rate an hour has, remembered while no rate that could matter begins or ends (`domain.work.rates`)."""

from bisect import bisect_right
from datetime import date

from domain.events.common import TimeAndMaterials
from domain.events.delivery import ResourceAssigned, TimeApproved
from domain.events.reference import PersonDefined
from domain.identity import content_digest
from domain.reference.zones import local_date
from domain.terms import methods
from domain.units import Percent, Rate
from domain.work.rates import (
    NoRate,
    RateDecision,
    RateQuery,
    covering_assignment,
    overage_decision,
    resolve_bill_rate,
    role_of,
)
from state.books import Project
from state.draft import Draft
from state.terms.known import card_days, named_in_cards
from state.terms.plan import LinePlan
from state.value import Value
from state.work.placing import approved_at


class Rated(Value, frozen=True, array_like=True, gc=False):
    """A bill rate with how it came about, and the digest of that; no rate at all has no decision."""

    rate: Rate | None
    markup: Percent
    decision: RateDecision | None
    digest: str


NO_RATE = Rated(None, 0, None, "")


def role_on(draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, day: date) -> str:
    if event.role is not None:
        return event.role or person.role
    return role_of(None, assigned(draft, project, event.person_id), person, day)


def assigned(draft: Draft, project: Project, person_id: str) -> tuple[ResourceAssigned, ...]:
    """The person's assignments on the project."""
    key = ("assigned", project.project_id)
    stated = draft.assignments(project.project_id)
    known: tuple[object, dict[str, tuple[ResourceAssigned, ...]]] | None = draft.memo.lines.get(key)
    if known is None or known[0] is not stated:
        by_person: dict[str, list[ResourceAssigned]] = {}
        for one in stated:
            by_person.setdefault(one.person_id, []).append(one)
        known = draft.memo.lines[key] = (stated, {person: tuple(own) for person, own in by_person.items()})
    return known[1].get(person_id, ())


def overage(draft: Draft, plan: LinePlan) -> Rated | None:
    """The rate of what goes beyond what the terms include, where they state it."""
    stated = methods.overage_rate(plan.line.terms)
    if stated is None:
        return None
    key = ("overage", plan.key)
    found = draft.memo.rates.get(key)
    if not isinstance(found, Rated):
        decision = overage_decision(stated, plan.line.line_id, plan.version)
        found = draft.memo.rates[key] = Rated(stated, 0, decision, content_digest(decision))
    return found


def rate_of_work(
    draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, role: str, plan: LinePlan, day: date
) -> Rated:
    """What the terms state for an hour beyond those that they include, else the rate by R5."""
    stated = overage(draft, plan) if plan.draws is not None and event.billable else None
    return stated or rate_for(draft, event, project, person, role, plan, day)


def rate_for(
    draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, role: str, plan: LinePlan, day: date
) -> Rated:
    """The rate by R5; remembered while no rate that could matter begins or ends."""
    rate_day, book = _rate_day(event, plan, day), draft.reference
    practice, region = practice_and_region(project, person)
    persons, tasks, days = _rated_apart(draft, event.project_id, plan, practice, region)
    billed_as = person if rate_day == day else book.person_on(event.person_id, rate_day)
    by_person = event.person_id in persons or (billed_as is not None and billed_as.bill_rate is not None)
    key = (
        plan.key,
        event.project_id,
        event.person_id if by_person else None,
        billed_as.version if by_person and billed_as is not None else None,
        role,
        event.task if event.task in tasks else None,
        bisect_right(days, rate_day),
        bisect_right(plan.rate_days, rate_day),
        event.overtime,
        event.rate,
        event.rate_approved_by,
        assignment_on(draft, project, event.person_id, day),
        practice if ("practice", practice) in book.cards_by_scope else None,
        region if ("region", region) in book.cards_by_scope else None,
    )
    found = draft.memo.rates.get(key)
    if not isinstance(found, Rated):
        decision = resolve_bill_rate(rate_query(draft, event, project, person, role, plan, day), book)
        found = NO_RATE
        if not isinstance(decision, NoRate):
            found = Rated(decision.rate, decision.markup, decision, content_digest(decision))
        draft.memo.rates[key] = found
    return found


def _rated_apart(
    draft: Draft, project_id: str, plan: LinePlan, practice: str | None, region: str | None
) -> tuple[frozenset[str], frozenset[str], list[date]]:
    """Persons and tasks that a rate of the line or of any card is for, since all others are rated alike, and the first days on which
    other cards may rate the work."""
    key = ("rated apart", project_id, plan.key, practice, region)
    found: tuple[frozenset[str], frozenset[str], list[date]] | None = draft.memo.people.get(key)
    if found is None:
        persons, tasks = named_in_cards(draft)
        stated = plan.line.terms.rates if isinstance(plan.line.terms, TimeAndMaterials) else ()
        organisation = practice, region, plan.terms.legal_entity_id
        found = draft.memo.people[key] = (
            persons.union(rate.person_id for rate in stated if rate.person_id is not None),
            tasks.union(rate.task for rate in stated if rate.task is not None),
            card_days(draft, plan.line.terms, project_id, plan.customer_id, organisation),
        )
    return found


def rate_query(
    draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, role: str, plan: LinePlan, day: date
) -> RateQuery:
    own = assignment_on(draft, project, event.person_id, day)
    return planned_query(project, person, event.person_id, role, plan, _rate_day(event, plan, day), own)._replace(
        task=event.task, entry_rate=event.rate, entry_rate_approver=event.rate_approved_by, overtime=event.overtime
    )


def planned_query(
    project: Project,
    person: PersonDefined | None,
    person_id: str,
    role: str,
    plan: LinePlan,
    day: date,
    own: tuple[int, str] | None,
) -> RateQuery:
    """Of work without a task of which nothing else is known; `own` is the bill rate of the person's assignment."""
    practice, region = practice_and_region(project, person)
    return RateQuery(
        service_date=day,
        currency=plan.currency,
        person_id=person_id,
        role=role,
        task=None,
        project_id=project.project_id,
        customer_id=plan.customer_id,
        legal_entity_id=plan.terms.legal_entity_id,
        practice=practice,
        region=region,
        terms=plan.line.terms,
        assignment_rate=own,
        precedence=plan.policies.rate_precedence,
    )


def practice_and_region(project: Project, person: PersonDefined | None) -> tuple[str | None, str | None]:
    """The project's, where it states them, else the person's."""
    dimensions = project.activated.dimensions if project.activated is not None else {}
    own = (person.practice, person.region) if person is not None else (None, None)
    return dimensions.get("practice") or own[0], dimensions.get("region") or own[1]


def _rate_day(event: TimeApproved, plan: LinePlan, day: date) -> date:
    return day if plan.policies.rate_date == "service" else local_date(approved_at(event), plan.entity.zone)


def assignment_on(draft: Draft, project: Project, person_id: str, day: date) -> tuple[int, str] | None:
    """The bill rate of the assignment that covers the day, None where that states none."""
    assignment = covering_assignment(assigned(draft, project, person_id), person_id, day)
    rate = assignment.bill_rate if assignment is not None else None
    return (rate.amount, rate.currency) if rate is not None else None
