"""A log in the making: events in the order in which they are recorded, with the days that end in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from domain.events.catalogue import Event
from domain.units import Instant
from state.intake.clock import Clock, tick, with_zones, zones_named
from tests.folding import Logged, is_reference
from tests.histories.scope import DAY, FIRST_DAY, HOUR, NINE_IN_THE_MORNING


class History(NamedTuple):
    """A log with what is needed to go on with it."""

    logged: tuple[Logged, ...]
    name: str
    on_request: bool

    def __repr__(self) -> str:
        return "\n".join(["", *map(_told, self.logged)])


def _told(logged: Logged) -> str:
    event = logged.event
    header = ("event_id", "occurred_at", "recorded_at", "source", "approved_by", "legal_entity_id", "customer_id")
    fields = (
        (name, value) for name, value in event._asdict().items() if name not in header and value not in (None, (), {})
    )
    at = dt.datetime.fromtimestamp((event.recorded_at or event.occurred_at) / 1_000_000, dt.UTC)
    return f"{at:%m-%d %H:%M} {type(event).__name__} " + " ".join(f"{name}={_short(value)}" for name, value in fields)


def _short(value: Any) -> str:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        stated = (f"{name}={_short(field)}" for name, field in value._asdict().items() if field not in (None, (), {}))
        return f"{type(value).__name__}({', '.join(stated)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_short, value))}]"
    return value.isoformat() if isinstance(value, dt.date) else repr(value)


class Story:
    """Collects events; each is recorded a second after the one before, `later` lets days pass."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.day = FIRST_DAY
        self.logged: list[Logged] = []
        self.now = NINE_IN_THE_MORNING

    def later(self, days: int) -> None:
        self.day += dt.timedelta(days=days)
        self.now += days * DAY

    def say(self, kind: Callable[..., Any], **fields: Any) -> None:
        number = len(self.logged)
        self.now += HOUR
        header = {
            "event_id": f"{self.name}-{number}",
            "occurred_at": self.now,
            "recorded_at": self.now,
            "source": "firm",
        }
        self.add(kind(**{**header, **fields}))

    def add(self, event: Event) -> None:
        self.logged.append(Logged("" if is_reference(event) else self.name, event))

    def again(self, event: Event) -> None:
        """The same fact, sent once more."""
        self.now += HOUR
        self.add(
            event._replace(event_id=f"{self.name}-{len(self.logged)}", recorded_at=self.now, correlation_id="again")
        )


def woven(logged: tuple[Logged, ...], more: Sequence[tuple[int, Sequence[Logged]]]) -> tuple[Logged, ...]:
    """With more events, each before the record of that number, and recorded with the one before."""
    made: list[Logged] = []
    for offset in range(len(logged) + 1):
        first = logged[0].event
        now = (made[-1].event if made else first).recorded_at or first.occurred_at
        for at, several in more:
            if at == offset:
                made += [
                    Logged(one.engagement_id, one.event._replace(recorded_at=now, occurred_at=now)) for one in several
                ]
        made += logged[offset : offset + 1]
    return tuple(made)


def with_days(logged: Iterable[Logged], until: dt.date | None = None) -> tuple[Logged, ...]:
    """The log with the days that end in it, as its clock writes them."""
    clock, made = Clock(), list[Logged]()
    for one in logged:
        now = one.event.recorded_at or one.event.occurred_at
        clock = _run(clock, now, made)
        made.append(one)
        clock = with_zones(clock, zones_named(one.event), now)
    if until is not None:
        while clock.days and clock.days[0].date <= until:
            event, clock = tick(clock)
            made.append(Logged("", event))
    return tuple(made)


def _run(clock: Clock, now: Instant, made: list[Logged]) -> Clock:
    while clock.next_midnight <= now:
        event, clock = tick(clock)
        made.append(Logged("", event))
    return clock
