"""The firm's life day by day: every event, in the order in which the log receives it."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from heapq import merge
from itertools import count
from operator import attrgetter

from domain.events.catalogue import Event
from domain.units import Instant
from simulation import activation, reference
from simulation.activation import estimates
from simulation.amendments import papers
from simulation.calendar import DAY, instant
from simulation.chance import stream
from simulation.deliveries import deliveries
from simulation.diary import Diary
from simulation.entries import entry_id
from simulation.finance import closings, opening_fixings, publish, requests
from simulation.firm import Firm, found
from simulation.holds import SimulatedHold, placed, released
from simulation.plan import ALL, SimulationPlan
from simulation.prices import rate_cards
from simulation.staffing import nobody, staff
from simulation.work import work_of

RECORDED = attrgetter("recorded_at")


def events(plan: SimulationPlan) -> Iterator[Event]:
    """Everything that happens, ordered by `recorded_at`; what is kept at once is about a month of time entries."""
    firm = found(plan)
    months = Months(firm)
    diary, holds = Diary(firm), HoldBook(firm)
    agenda = Agenda(planned(firm))
    work_stream, serials = stream(plan.seed, "work"), count(1)
    walk, fixings = stream(plan.seed, "exchange"), opening_fixings()
    day = plan.opens_on
    while day <= plan.ends_on or agenda.rest or diary.steps or holds.rest:
        agenda.add(months.begin(day))
        if plan.start <= day <= plan.ends_on:
            for work in work_of(day, firm, months.staffing, serials, work_stream):
                diary.note(work)
        agenda.add(publish(day, fixings, walk))
        agenda.add(holds.of(day, diary))
        yield from merge(agenda.until(midnight_after(day)), diary.of(day), key=RECORDED)
        day += DAY


def midnight_after(day: date) -> Instant:
    """Universal time: nobody in the firm is at work then."""
    return instant(day + DAY, 0, "UTC")


def planned(firm: Firm) -> Iterator[Event]:
    """What is known before the first day, in no particular order."""
    plan = firm.plan
    yield from reference.opening(plan, firm.customers, firm.people)
    yield from reference.midway(plan, firm.people)
    yield from rate_cards(plan, firm.customers)
    yield from projects_and_contracts(firm)
    for change in (*firm.changes, *firm.orders):
        yield from papers(change)
    yield from requests(plan, firm.contracts)
    if plan.deals == ALL:
        yield from deliveries(firm)
    yield from closings(plan, firm.people)


def projects_and_contracts(firm: Firm) -> Iterator[Event]:
    """A project is activated before its contract is signed and before anybody works on it."""
    for contract in firm.contracts:
        for project in contract.bid.projects:
            yield activation.activated(firm.plan, project, min(contract.signed.signed_on, project.starts_on - DAY))
            if project.closes_on:
                yield activation.closed(project, project.closes_on)
        yield contract.signed
    for project in firm.projects[firm.plan.projects :]:
        yield activation.activated(firm.plan, project, firm.plan.opens_on)


class Agenda:
    """Events whose time will come; those recorded at one instant keep the order in which they were added."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.rest: deque[Event] = deque()
        self.add(events)

    def add(self, events: Iterable[Event]) -> None:
        """More events, none of them from before what was taken."""
        self.rest = deque(sorted([*self.rest, *events], key=RECORDED))

    def until(self, end: Instant) -> Iterator[Event]:
        while self.rest and RECORDED(self.rest[0]) < end:
            yield self.rest.popleft()


class Months:
    """What is made new for each month: who works where, how long, and what remains of projects."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.staffing = nobody(firm)
        self.days = [firm.plan.opens_on, *firm.plan.month_starts[1:]]
        self.staff_stream = stream(firm.plan.seed, "staff")
        self.estimate_stream = stream(firm.plan.seed, "estimates")

    def begin(self, day: date) -> Iterator[Event]:
        """The month's events, on the day before the first month and the first day of the others."""
        if day not in self.days:
            return
        firm, number = self.firm, self.days.index(day)
        yield from reference.capacities(firm.plan, number, firm.people)
        yield from staff(firm, firm.plan.month_starts[number], self.staffing, self.staff_stream)
        yield from estimates(firm, number, self.estimate_stream)


class HoldBook:
    """Holds to place and to release, by day."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.rest: dict[date, list[SimulatedHold]] = {}
        for hold in firm.holds:
            self.rest.setdefault(hold.placed_on, []).append(hold)

    def of(self, day: date, diary: Diary) -> Iterator[Event]:
        """What is placed and what is released on a day; without an entry to hold, nothing is."""
        for hold in self.rest.pop(day, ()):
            if hold.released_on == day:
                yield released(hold, day)
                continue
            known = self.with_entry(hold, diary) if hold.kind == "entry" else hold
            if known is None:
                continue
            yield placed(known)
            if known.released_on:
                self.rest.setdefault(known.released_on, []).append(known)

    def with_entry(self, hold: SimulatedHold, diary: Diary) -> SimulatedHold | None:
        """The first entry that is approved that day is held."""
        work = diary.first_of(hold.placed_on)
        return replace(hold, scope_id=entry_id(work), project=self.firm.projects[work.project]) if work else None
