"""Takes events into the log in their final order: whose they are, when a day ends between them, what has to wait.

What it remembers and where it writes come in as arguments, so that files and Kafka share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, Protocol

from domain.counting import counted
from domain.events.catalogue import ENTITIES, EVENTS, Event
from domain.events.control import IntakeNoticed
from domain.events.delivery import ExpenseApproved, MilestoneAccepted, ResourceAssigned, TimeApproved, UnitsDelivered
from domain.events.reference import DayEnded, IdentityLinked
from domain.exceptions import ExceptionCategory
from domain.identity import content_digest
from domain.units import Instant
from domain.work.rows import spoken
from state.intake.clock import Clock, instant_until, recording_time, tick, with_zones, zones_named
from state.intake.directory import (
    ALREADY_BOUND,
    RETOLD,
    WORK,
    Directory,
    Key,
    Link,
    Route,
    Routed,
    Unrouted,
    named_fact,
    retold,
    route,
    subject_of,
    versions_of,
)
from state.intake.identities import Links, canonical

SOURCE: Final = "intake"
# The key of reference data, which is for every engagement.
EVERYONE: Final = ""

# Facts of which the highest version says all, whichever project or contract a lower one named.
REPLACING: Final = (TimeApproved, ExpenseApproved, UnitsDelivered, MilestoneAccepted, ResourceAssigned)

Own = tuple[str, ...] | None
# Kinds of entity, and the sources that may state them; a kind that is not named is open to every source.
Ownership = Mapping[str, tuple[str, ...]]


class WaitingEvent(NamedTuple):
    """An event that could not be routed, as it came; `subject` is what its exception is about."""

    event: Event
    place: str
    subject: Key


class Noticed(NamedTuple):
    """An exception that stands open because intake noticed something; `published_count` is the number of events that was published last."""

    category: ExceptionCategory
    subject: Key
    engagement_id: str
    published_count: int = 1


class Memory(Directory, Protocol):
    """What intake knows from one event to the next."""

    def add_links(self, links: tuple[Link, ...]) -> None: ...

    def history(self, key: Key) -> list[int]:
        """Places in the log of what was said about a key and is needed again, in their order."""

    def remember(self, key: Key, place: int) -> None: ...

    def wait(self, waiting: WaitingEvent, keys: tuple[Key, ...]) -> int:
        """The number that it gets."""

    def waiting_for(self, key: Key) -> list[int]:
        """Numbers of the events that wait for a key, in the order in which they came."""

    def waiting(self, number: int) -> WaitingEvent: ...

    def wait_for_others(self, number: int, subject: Key, keys: tuple[Key, ...]) -> None: ...

    def release(self, number: int) -> None: ...

    def awaiting(self, subject: Key) -> int:
        """How many events with this subject wait."""

    def first_awaiting(self, subject: Key) -> WaitingEvent | None:
        """The first of them to come."""

    def miscounted(self) -> list[tuple[Noticed, int]]:
        """Open notices of events that wait, where their number is no longer what was reported, with it; in the order of subjects."""

    def noticed(self, category: ExceptionCategory, subject: Key) -> Noticed | None: ...

    def open_notice(self, noticed: Noticed) -> None: ...

    def close_notice(self, noticed: Noticed) -> None: ...

    def identities(self, source: str) -> Links | None:
        """None for a source that has none; most have none."""

    def link_identity(self, event: IdentityLinked) -> bool:
        """False where a higher version stands already."""


class Log(Protocol):
    """The engagement log, or a partition of it."""

    def append(self, engagement_id: str, event: Event, own: Own = None) -> int:
        """The record's place, by which `event_at` finds it."""

    def event_at(self, position: int) -> Event: ...


class Intake:
    """`latest` is the running maximum of `recorded_at`."""

    def __init__(self, memory: Memory, log: Log, ownership: Ownership, clock: Clock, latest: Instant) -> None:
        self.memory = memory
        self.log = log
        self.clock = clock
        self.latest = latest
        self.days_ended = 0
        self._next_midnight = clock.next_midnight
        self._owners = _owners(ownership)

    def take(self, event: Event, place: object) -> None:
        """The next event in order; `str(place)` tells people where it came from."""
        recorded_at = event.recorded_at
        if recorded_at is None:
            recorded_at = event.occurred_at
        if recorded_at > self.latest:
            if recorded_at >= self._next_midnight:
                self._end_days(recorded_at)
            self.latest = recorded_at
        named = self._named(event)
        if self._owners and not self._is_owner(named, place, recorded_at):
            return
        found = route(self.memory, named)
        if type(found) is Unrouted:
            self._wait(event, named, place, recorded_at, found)
            self._drop_replaced(named, place, recorded_at)
            return
        links = self._log(named, place, recorded_at, found)
        if links:
            self._go_on([(link.kind, link.id) for link in links], place, recorded_at)
        elif isinstance(event, IdentityLinked) and self.memory.link_identity(event):
            self._go_on([(_WAITED_AS.get(event.kind, event.kind), event.source_id)], place, recorded_at)
        self._drop_replaced(named, place, recorded_at)

    def end_days_until(self, last: date) -> None:
        """As if something had been recorded when this day was over in every zone."""
        self.end_days_at(instant_until(self.clock, last))

    def end_days_at(self, instant: Instant) -> None:
        """As if something had been recorded at this instant."""
        self._end_days(instant)
        self.latest = max(self.latest, instant)

    def is_behind(self, topic: str, message: str) -> None:
        """Something that was to come before the end of a day did not; said once."""
        subject = ("topic", topic)
        if self.memory.noticed("intake_behind", subject) is None:
            self._notice(Noticed("intake_behind", subject, topic), topic, self.latest, message)

    def has_caught_up(self, topic: str) -> None:
        noticed = self.memory.noticed("intake_behind", ("topic", topic))
        if noticed is not None:
            self._clear(noticed, topic, self.latest, "all that was to come before the end of a day has come")

    def _named(self, event: Event) -> Event:
        links = self.memory.identities(event.source)
        return event if links is None else canonical(event, links)

    def _log(self, event: Event, place: object, recorded_at: Instant, found: Route) -> tuple[Link, ...]:
        """The links that are new."""
        if type(found) is Routed:
            if found.notices and self._is_replaced(event):
                return ()
            links = self._link(found.links) if found.links else ()
            position = 0
            for engagement_id in found.engagements:
                own = None if found.own is None else found.own[engagement_id]
                position = self.log.append(engagement_id, stamped(event, recorded_at, engagement_id), own)
            for key in found.remembered:
                self.memory.remember(key, position)
            for notice in found.notices:
                noticed = Noticed(notice.category, (notice.subject_kind, notice.subject), found.engagements[0])
                self._notice(noticed, place, recorded_at, notice.message)
            if found.in_place is not None:
                self._settle(event, found.in_place, place, recorded_at)
        else:
            links = ()
            self.log.append(EVERYONE, stamped(event, recorded_at, event.engagement_id))
        if zones := zones_named(event):
            self._set_clock(with_zones(self.clock, zones, self.latest))
        return links

    def _is_replaced(self, event: Event) -> bool:
        """Whether a higher version of the work is in the log."""
        if not isinstance(event, WORK):
            return False
        known = map(self.log.event_at, self.memory.history(versions_of(event)))
        return any(isinstance(each, WORK) and each.version > event.version for each in known)

    def _settle(self, event: Event, subject: Key, place: object, recorded_at: Instant) -> None:
        noticed = self.memory.noticed(ALREADY_BOUND, subject)
        if noticed is not None and not self._is_replaced(event):
            self._clear(noticed, place, recorded_at, "a later version names no project of another engagement")

    def _link(self, links: tuple[Link, ...]) -> tuple[Link, ...]:
        """Adds them, and tells an engagement that joins what was said before."""
        self.memory.add_links(links)
        found = list(links)
        for kind, key, engagement_id in found:
            for position in self.memory.history((kind, key)) if kind in RETOLD else ():
                event = self.log.event_at(position)
                more, own = retold(self.memory, event, engagement_id)
                self.memory.add_links(more)
                found.extend(more)
                self.log.append(engagement_id, stamped(event, recording_time(event), engagement_id), own)
        return tuple(found)

    # Days

    def _end_days(self, until: Instant) -> None:
        clock = self.clock
        while clock.next_midnight <= until:
            ended, clock = tick(clock)
            self._count_waiting(ended)
            self.log.append(EVERYONE, ended)
            self.days_ended += 1
        self._set_clock(clock)

    def _set_clock(self, clock: Clock) -> None:
        self.clock, self._next_midnight = clock, clock.next_midnight

    # Owners

    def _is_owner(self, event: Event, place: object, recorded_at: Instant) -> bool:
        owners = self._owners.get(type(event))
        if owners is None:
            return True
        subject = subject_of(event)
        noticed = self.memory.noticed("not_authoritative", subject)
        if event.source in owners:
            if noticed is not None:
                self._clear(noticed, place, recorded_at, f"stated by {event.source}, which may")
            return True
        kind, key = subject
        said = f"{type(event).__name__} of {kind} {key} is left out: {event.source} may not state it"
        engagement_id = next(iter(self.memory.engagements(kind, key)), key)
        noticed = noticed or Noticed("not_authoritative", subject, engagement_id)
        self._notice(noticed, place, recorded_at, f"{said}, only {', '.join(owners)}")
        return False

    # Waiting

    def _wait(self, event: Event, named: Event, place: object, recorded_at: Instant, found: Unrouted) -> None:
        subject = found.waits_for[0]
        as_it_came = stamped(event, recorded_at, event.engagement_id)
        self.memory.wait(WaitingEvent(as_it_came, str(place), subject), _keys(named, found))
        self._notice_waiting(event, place, recorded_at, subject)

    def _notice_waiting(self, event: Event, place: object, recorded_at: Instant, subject: Key) -> None:
        """Once a subject; how many wait is said at the end of a day."""
        kind, key = subject
        if self.memory.noticed("unrouted", subject) is None:
            message = f"{named_fact(event)} waits: no engagement is known for {spoken(kind)} {key}"
            self._notice(Noticed("unrouted", subject, key), place, recorded_at, message)

    def _count_waiting(self, ended: DayEnded) -> None:
        for noticed, count in self.memory.miscounted():
            kind, key = noticed.subject
            first = self.memory.first_awaiting(noticed.subject)
            waits = counted(count, "event waits", "events wait")
            named = f", the first {named_fact(first.event)}" if first is not None else ""
            message = f"{waits}{named}: no engagement is known for {spoken(kind)} {key}"
            place = f"end of {ended.date} in {ended.zone}"
            self._notice(noticed._replace(published_count=count), place, recording_time(ended), message)

    def _go_on(self, keys: list[Key], place: object, recorded_at: Instant) -> None:
        """What waited for these goes on, in the order in which it came, and so does what waited for that."""
        ready: list[int] = []
        queued: set[int] = set()
        subjects: dict[Key, None] = {}
        while True:
            for number in (number for key in keys for number in self.memory.waiting_for(key)):
                if number not in queued:
                    queued.add(number)
                    heappush(ready, number)
            if not ready:
                break
            number = heappop(ready)
            queued.remove(number)
            keys = self._try_again(number, subjects)
        for subject in subjects:
            noticed = self.memory.noticed("unrouted", subject)
            if noticed is not None and not self.memory.awaiting(subject):
                self._clear(noticed, place, recorded_at, "all that waited has gone on")

    def _try_again(self, number: int, subjects: dict[Key, None]) -> list[Key]:
        """Keys that are known by it, if it can go on now."""
        event, place, subject = self.memory.waiting(number)
        named = self._named(event)
        found = route(self.memory, named)
        if isinstance(found, Unrouted):
            missing = found.waits_for[0]
            self.memory.wait_for_others(number, missing, _keys(named, found))
            if missing != subject:
                subjects[subject] = None
                self._notice_waiting(event, place, recording_time(event), missing)
            return []
        self.memory.release(number)
        subjects[subject] = None
        return [(link.kind, link.id) for link in self._log(named, place, recording_time(event), found)]

    def _drop_replaced(self, event: Event, place: object, recorded_at: Instant) -> None:
        """A lower version of the same fact that waits, perhaps for an id that never comes, would change nothing any more."""
        if not isinstance(event, REPLACING):
            return
        for number in self.memory.waiting_for(versions_of(event)):
            waiting = self.memory.waiting(number)
            if isinstance(waiting.event, REPLACING) and waiting.event.version < event.version:
                self.memory.release(number)
                noticed = self.memory.noticed("unrouted", waiting.subject)
                if noticed is not None and not self.memory.awaiting(waiting.subject):
                    self._clear(noticed, place, recorded_at, "a higher version took the place of what waited")

    # Notices

    def _notice(self, noticed: Noticed, place: object, recorded_at: Instant, message: str) -> None:
        self.memory.open_notice(noticed)
        at = max(recorded_at, self.latest)
        self.log.append(noticed.engagement_id, _intake_noticed(noticed, place, at, message, cleared=False))

    def _clear(self, noticed: Noticed, place: object, recorded_at: Instant, message: str) -> None:
        self.memory.close_notice(noticed)
        at = max(recorded_at, self.latest)
        self.log.append(noticed.engagement_id, _intake_noticed(noticed, place, at, message, cleared=True))


def _keys(event: Event, found: Unrouted) -> tuple[Key, ...]:
    """What would let an event go on, and by which a higher version of it finds it."""
    return (*found.waits_for, versions_of(event)) if isinstance(event, REPLACING) else found.waits_for


def stamped(event: Event, recorded_at: Instant, engagement_id: str | None) -> Event:
    """The event as the log has it."""
    kind = type(event)
    at, other = _STAMPS[kind]
    values: tuple[Any, ...] = event
    if other == at + 1:
        values = (*values[:at], recorded_at, engagement_id, *values[at + 2 :])
    else:
        values = (*values[:at], recorded_at, *values[at + 1 :])
        values = (*values[:other], engagement_id, *values[other + 1 :])
    return tuple.__new__(kind, values)


def _intake_noticed(noticed: Noticed, place: object, at: Instant, message: str, *, cleared: bool) -> IntakeNoticed:
    """`at` never goes back, so that the newest notice of a subject is known by it."""
    kind, key = noticed.subject
    where = str(place)
    return IntakeNoticed(
        event_id=f"{SOURCE}.{content_digest((noticed.category, kind, key, where, cleared))}",
        occurred_at=at,
        source=SOURCE,
        category=noticed.category,
        subject=key,
        place=where,
        recorded_at=at,
        engagement_id=noticed.engagement_id,
        project_id=key if kind == "project" else None,
        cleared=cleared,
        subject_kind=kind,
        message=message,
        event_count=noticed.published_count,
    )


def _owners(ownership: Ownership) -> dict[type[Event], tuple[str, ...]]:
    kinds = {entity.kind for entity in ENTITIES.values()}
    if unknown := sorted(set(ownership) - kinds):
        raise ValueError(f"[ownership] names {', '.join(unknown)}; expected kinds of {', '.join(sorted(kinds))}")
    return {
        EVENTS[name]: tuple(ownership[entity.kind]) for name, entity in ENTITIES.items() if entity.kind in ownership
    }


# Places of `recorded_at` and `engagement_id`, mostly side by side.
_STAMPS: Final[Mapping[type, tuple[int, int]]] = {
    kind: (kind._fields.index("recorded_at"), kind._fields.index("engagement_id")) for kind in EVENTS.values()
}
# Intake knows a customer's id as that of a party that is billed.
_WAITED_AS: Final = {"customer": "bill_to"}
