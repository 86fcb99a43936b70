"""What decides the value of an hour: line, role, cost rate and bill rate, worked out once for the days on which they stay as they are.

All of it follows from contracts, assignments, people and reference data, so that for most hours of a person on a project nothing of it
changes for weeks. It holds from the last day to the next on which any of these begins or ends: for a person who is assigned from 1 March
and has a cost rate to 31 May, under terms that an amendment changes on 15 April, hours of 20 March and of 14 April have the same terms,
those of 15 April others, and from 1 June others again.

Exchange rates and open periods, which differ from day to day, are no part of it. Work that cannot be priced is worked out each time.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.events.common import TimeAndMaterials
from domain.events.delivery import ProjectActivated, ResourceAssigned, TimeApproved
from domain.events.reference import CostRateSet, PersonDefined, RateCardPublished
from domain.reference.book import in_effect
from domain.terms.kind import RATED
from domain.tuples import new_tuple
from domain.units import Hours, Rate
from domain.work.rates import covering_assignment
from state.books import Contract, Entry, Project
from state.draft import Draft
from state.terms.known import (
    Blocked,
    Ranges,
    Worker,
    cost_rate,
    costs_of,
    entity_policies,
    named_in_cards,
    turning_days,
    worker_on,
)
from state.terms.plan import LinePlan
from state.value import Value
from state.work.bill_rates import Rated, assigned, cards_of_work, organisation_of, rate_of_work, role_on
from state.work.placing import Placed, day_in, place, taken_projects

# Person, line, task where one is for it, role, overtime, own rate with who approved it, whether it is billed, and the plan of the line.
Stated = tuple[str, str | None, str | None, str | None, bool, Rate | None, str | None, bool, tuple[object, ...] | None]


NO_CARDS: Ranges[RateCardPublished] = Ranges((), ())


class HourTerms(Value, frozen=True, array_like=True, gc=False):
    """From `since` to the day before `until`. `plan` is of the line that takes the work, `blocked` says why none does; both are None for
    work that is not billed and has no contract. Without a worker there is neither role nor rate.

    `rated` is None where it is not the rate of the day worked, or where hours are not charged by themselves."""

    since: date
    until: date
    plan: LinePlan | None
    blocked: Blocked | None
    worker: Worker | None
    role: str
    hours_max: Hours
    cost_rate: CostRateSet | None
    rated: Rated | None


class RestsOn(NamedTuple):
    """The reference data that may have a say in terms on any day: versions of the person, cost rates of person and role, rate cards."""

    person: tuple[PersonDefined, ...]
    own_costs: Ranges[CostRateSet]
    role_costs: Ranges[CostRateSet]
    cards: Ranges[RateCardPublished]

    def held(self, day: date) -> list[PersonDefined | CostRateSet | RateCardPublished | None]:
        """What of it is in effect on the day."""
        found: list[PersonDefined | CostRateSet | RateCardPublished | None] = [_of_person(self.person, day)]
        found += [in_effect(versions, day) for costs in self[1:3] for versions in costs.stated]
        return found + [in_effect(versions, day) for versions in self.cards.stated]


class TermsStretch(NamedTuple):
    """Terms that are kept, the day for which they were worked out, and what they rest on."""

    terms: HourTerms
    day: date
    rests_on: RestsOn


class PersonHours:
    """The terms of hours of which a person states the same, as long as what they rest on stays as it is."""

    __slots__ = ("assignments", "days", "era", "own", "stretches")

    def __init__(self) -> None:
        self.era = 0
        # Of the project, and of these the person's.
        self.assignments: tuple[ResourceAssigned, ...] = ()
        self.own: tuple[ResourceAssigned, ...] = ()
        # On which one of these begins or ends.
        self.days: list[date] = []
        self.stretches: list[TermsStretch] = []


class ProjectHours:
    """The terms of a project's hours, as long as its contracts and its dimensions stay as they are."""

    __slots__ = ("activated", "agreed", "contracts", "days", "era", "in_cards", "persons", "tasks")

    def __init__(self, draft: Draft, project: Project) -> None:
        taken = taken_projects(draft).get(project.project_id, ())
        self.activated: ProjectActivated | None = project.activated
        self.agreed: object = draft.agreed
        self.contracts: dict[str, Contract | None] = {one: draft.contract(one) for one in taken}
        self.days = _days_of(self.contracts.values())
        self.era = draft.memo.era
        # Tasks that a line, a rate of a line or a rate card is for; all others are valued alike.
        self.in_cards = named_in_cards(draft)[1]
        self.tasks = self.in_cards.union(*map(_tasks, self.contracts.values()))
        self.persons: dict[Stated, PersonHours] = {}

    def __len__(self) -> int:
        """Stretches, and persons of whom there may be none."""
        return len(self.persons) + sum(len(person.stretches) for person in self.persons.values())

    def holds(self, draft: Draft, project: Project) -> bool:
        if project.activated is not self.activated:
            return False
        if self.agreed is not draft.agreed:
            if taken_projects(draft).get(project.project_id, ()) != tuple(self.contracts):
                return False
            for contract_id, had in self.contracts.items():
                now = draft.contract(contract_id)
                if now is not had and (now is None or had is None or not _terms_stay(had, now)):
                    return False
            self.agreed = draft.agreed
        if self.era != draft.memo.era:
            self.era = draft.memo.era
            return named_in_cards(draft)[1] == self.in_cards
        return True

    def person(self, draft: Draft, event: TimeApproved, project: Project, plan: LinePlan | None) -> PersonHours:
        """Of who works, by what the event states and the line where its date depends on that."""
        stated = (
            event.person_id,
            event.line_id,
            event.task if event.task in self.tasks else None,
            event.role,
            event.overtime,
            event.rate,
            event.rate_approved_by,
            event.billable,
            plan.key if plan is not None else None,
        )
        person = self.persons.get(stated)
        if person is None:
            person = self.persons[stated] = PersonHours()
            draft.memo.stretches += 1
        assignments = draft.assignments(event.project_id)
        if person.era != draft.memo.era or person.assignments is not assignments:
            had, own = len(person.stretches), assigned(draft, project, event.person_id)
            if own != person.own:
                person.days = turning_days((one.starts_on, one.ends_on) for one in own)
                person.stretches = [
                    self.stretch(one.terms, one.day, person, one.rests_on)
                    for one in person.stretches
                    if _stays(one, person.own, own)
                ]
            if person.era != draft.memo.era:
                still = [self._still(draft, event, project, person, one) for one in person.stretches]
                person.stretches = [one for one in still if one is not None]
            draft.memo.stretches += len(person.stretches) - had
            person.era, person.assignments, person.own = draft.memo.era, assignments, own
        return person

    def _still(
        self, draft: Draft, event: TimeApproved, project: Project, person: PersonHours, kept: TermsStretch
    ) -> TermsStretch | None:
        """What of a stretch the reference data of now leaves; None where its day has other terms."""
        terms, day, rests_on = kept.terms, kept.day, _rests_on(draft, event, project, kept.terms)
        if rests_on == kept.rests_on:
            return kept
        return self.stretch(terms, day, person, rests_on) if rests_on.held(day) == kept.rests_on.held(day) else None

    def stretch(self, terms: HourTerms, day: date, person: PersonHours, rests_on: RestsOn) -> TermsStretch:
        """The terms of a day for all days around it on which nothing begins or ends."""
        since, until = date.min, date.max
        of_person = [version.effective_from for version in rests_on.person if version.effective_from is not None]
        for days in (
            self.days,
            terms.plan.rate_days if terms.plan is not None else (),
            sorted(of_person),
            person.days,
            rests_on.own_costs.days,
            rests_on.role_costs.days,
            rests_on.cards.days,
        ):
            if days:
                place = bisect_right(days, day)
                if place and days[place - 1] > since:
                    since = days[place - 1]
                if place < len(days) and days[place] < until:
                    until = days[place]
        return TermsStretch(replace(terms, since=since, until=until), day, rests_on)


def hour_terms(draft: Draft, entry: Entry, event: TimeApproved, project: Project) -> tuple[HourTerms, date]:
    """The terms of the day worked, and that day; of work with a waiver they are not kept."""
    day, placed, plan = event.worked_on, None, None
    if day is None or entry.waived:
        placed = _placed(draft, entry, event)
        if entry.waived or not isinstance(placed, Placed):
            return _worked_out(draft, event, project, placed)
        plan, day = placed.plan, placed.day
    kept = draft.memo.hours.get(event.project_id)
    if not isinstance(kept, ProjectHours) or not kept.holds(draft, project):
        kept = ProjectHours(draft, project)
        draft.memo.keep_hours(event.project_id, kept)
    person = kept.person(draft, event, project, plan)
    for terms, _, _ in person.stretches:
        if terms.since <= day < terms.until:
            return terms, day
    terms, day = _worked_out(draft, event, project, placed or _placed(draft, entry, event))
    if terms.blocked is not None or terms.worker is None:
        return terms, day
    stretch = kept.stretch(terms, day, person, _rests_on(draft, event, project, terms))
    person.stretches.append(stretch)
    draft.memo.stretches += 1
    return stretch.terms, day


def _placed(draft: Draft, entry: Entry, event: TimeApproved) -> Placed | Blocked | None:
    is_taken = event.billable or event.project_id in taken_projects(draft)
    return place(draft, event, entry.waived) if is_taken else None


def _worked_out(
    draft: Draft, event: TimeApproved, project: Project, placed: Placed | Blocked | None
) -> tuple[HourTerms, date]:
    """The terms of the day worked alone."""
    if isinstance(placed, Placed):
        return terms_on(draft, event, project, placed.plan, placed.day), placed.day
    day = event.worked_on or day_in(event, "UTC")
    worker = worker_on(draft, event.person_id, day)
    if worker is None:
        most = entity_policies(draft, None).hours_max_per_entry
        return HourTerms(day, day, None, placed, None, "", most, None, None), day
    day = day_in(event, worker.entity.zone)
    role = role_on(draft, event, project, worker.person, day)
    costed = cost_rate(draft, event.person_id, role, worker.entity.legal_entity_id, day)
    most = worker.policies.hours_max_per_entry
    return HourTerms(day, day, None, placed, worker, role, most, costed, None), day


def terms_on(draft: Draft, event: TimeApproved, project: Project, plan: LinePlan, day: date) -> HourTerms:
    """The terms of a day on a line."""
    worker, most = worker_on(draft, event.person_id, day), plan.policies.hours_max_per_entry
    if worker is None:
        return HourTerms(day, day, plan, None, None, "", most, None, None)
    role = role_on(draft, event, project, worker.person, day)
    costed = cost_rate(draft, event.person_id, role, worker.entity.legal_entity_id, day)
    rated = None
    if plan.policies.rate_date == "service" and (plan.charged == RATED or not event.billable):
        rated = rate_of_work(draft, event, project, worker.person, role, plan, day)
    return HourTerms(day, day, plan, None, worker, role, most, costed, rated)


def _terms_stay(had: Contract, now: Contract) -> bool:
    """Whether a contract of which something changed takes the same work under the same terms."""
    return (
        now.history is had.history
        and now.former is had.former
        and now.version == had.version
        and now.terminated_on == had.terminated_on
        and now.invalid == had.invalid
    )


def _tasks(contract: Contract | None) -> set[str]:
    """Tasks that a line of the contract, in any version, or a rate of it is for."""
    lines = list(contract.every_line) if contract is not None else []
    tasks = {task for line in lines for task in line.tasks}
    rates = (rate for line in lines if isinstance(line.terms, TimeAndMaterials) for rate in line.terms.rates)
    return tasks | {rate.task for rate in rates if rate.task is not None}


def _stays(kept: TermsStretch, had: tuple[ResourceAssigned, ...], has: tuple[ResourceAssigned, ...]) -> bool:
    """Whether other assignments of the person say the same of the stretch's day: role and bill rate."""
    worker = kept.terms.worker
    assert worker is not None, "terms that are kept have a worker"
    role, person_id = worker.person.role, worker.person.person_id
    before, now = (covering_assignment(own, person_id, kept.day) for own in (had, has))
    said = (before.role, before.bill_rate) if before is not None else (role, None)
    return said == ((now.role, now.bill_rate) if now is not None else (role, None))


def _rests_on(draft: Draft, event: TimeApproved, project: Project, terms: HourTerms) -> RestsOn:
    worker, plan, cards = terms.worker, terms.plan, NO_CARDS
    assert worker is not None, "terms that are kept have a worker"
    if plan is not None:
        cards = cards_of_work(draft, event, organisation_of(project, worker.person, plan), plan)
    rests_on = (
        draft.reference.persons[event.person_id],
        costs_of(draft, ("person", event.person_id)),
        costs_of(draft, ("role", terms.role)),
        cards,
    )
    return new_tuple(RestsOn, rests_on)


def _of_person(versions: tuple[PersonDefined, ...], day: date) -> PersonDefined | None:
    return next((one for one in versions if one.effective_from is None or one.effective_from <= day), None)


def _days_of(contracts: Iterable[Contract | None]) -> list[date]:
    """First days on which other terms of the contracts may hold, ascending."""
    known = [contract for contract in contracts if contract is not None]
    terms = [stored.terms for contract in known for stored in contract.history]
    days = {stored.effective_on for contract in known for stored in contract.history}
    days |= {contract.terminated_on for contract in known if contract.terminated_on is not None}
    return sorted(days.union(turning_days((each.starts_on, each.ends_on) for each in terms)))
