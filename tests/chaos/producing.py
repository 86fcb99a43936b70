"""Producers of a simulated firm: its events on the domain topics, at a steady pace, and hostile messages among them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from connectors.avro_codec import EVENT_CODECS
from connectors.kafka.producing import produce
from domain.events.catalogue import TOPICS, Event
from simulation.plan import PEOPLE_MIN, PROJECTS_MIN, SimulationPlan, plan
from simulation.story import events
from tests.chaos.site import Site

FIRST_DAY: Final = date(2060, 1, 1)
MONTHS: Final = 3
EVENTS_PER_PERSON: Final = 112
HOSTILE: Final = (b"", b"hello", None, b"\x00\x7f\xff\xff\xff1234", b'{"type": "TimeApproved"}', b"\x00\x00")
# A broker that is away is waited for so long.
DELIVERY_SECONDS: Final = 600
KEYS: Final = ("project_id", "contract_id", "entry_id", "person_id")

Place = tuple[str, int, int]


class Sent(NamedTuple):
    """An event as it was sent: its type, and its bytes without what intake adds."""

    type_name: str
    body: bytes


def firm(seed: int, count: int) -> SimulationPlan:
    """Large enough for so many events in a quarter."""
    people = max(PEOPLE_MIN, count // EVENTS_PER_PERSON)
    return plan(seed=seed, people=people, projects=max(PROJECTS_MIN, people // 2), months=MONTHS, start=FIRST_DAY)


def unarrived(event: Event) -> bytes:
    """Its bytes without what intake adds: when it arrived, and whose it is."""
    added: dict[str, Any] = {name: None for name in ("recorded_at", "engagement_id") if name in event._fields}
    return EVENT_CODECS[type(event).__name__].encode(event._replace(**added))


class Producing(threading.Thread):
    """Sends so many events in about so many seconds. A broker that is away is waited for."""

    def __init__(self, site: Site, seed: int, count: int, seconds: float, hostile: int) -> None:
        super().__init__(daemon=True)
        self.sent: dict[str, Sent] = {}
        self.hostile: set[Place] = set()
        self.fault: BaseException | None = None
        self.is_done = False
        self._allowed = 0
        self._site = site
        self._events = islice(_unique(events(firm(seed, count))), count)
        self._count = count
        self._pace = count / seconds
        self._chance = Random(seed)
        self._hostile_at = set(self._chance.sample(range(count // 10, count), hostile))
        self._frames: dict[str, bytes] = {}
        self._producer = Producer(
            {
                **site.clients.common(),
                "enable.idempotence": True,
                "linger.ms": 20,
                "message.timeout.ms": DELIVERY_SECONDS * 1_000,
                "log_level": 0,
            }
        )

    def allow(self, number: int) -> None:
        """So many events in all; what is allowed comes at its pace, so that something is under way at every disturbance."""
        self._allowed = max(self._allowed, number)

    def inputs_of(self, number: int) -> int:
        """So many events, and the hostile messages among them."""
        return number + sum(place < number for place in self._hostile_at)

    def run(self) -> None:
        try:
            self._send_all()
            left = self._producer.flush(DELIVERY_SECONDS)
            assert left == 0, f"{left} messages were not delivered"
            self.is_done = True
        except BaseException as fault:  # noqa: BLE001 - told by the one who waits for this thread
            self.fault = fault

    def _send_all(self) -> None:
        due = time.monotonic()
        for number, event in enumerate(self._events):
            while number >= self._allowed:
                self._producer.poll(0.05)
                due = time.monotonic()
            due += 1 / self._pace
            if (ahead := due - time.monotonic()) > 0.02:
                time.sleep(ahead)
            self._send(event)
            if number in self._hostile_at:
                self._send_hostile(event)

    def _send(self, event: Event) -> None:
        name = type(event).__name__
        if name not in self._frames:
            self._frames[name] = self._site.schemas.frame(TOPICS[name], name)
        body = EVENT_CODECS[name].encode(event)
        self.sent[event.event_id] = Sent(name, unarrived(event))
        self._produce(TOPICS[name], self._frames[name] + body, event, None)

    def _send_hostile(self, event: Event) -> None:
        value = self._chance.choice(HOSTILE)
        self._produce(TOPICS[type(event).__name__], value, event, self.hostile)

    def _produce(self, topic: str, value: bytes | None, event: Event, places: set[Place] | None) -> None:
        key = next((found for name in KEYS if (found := getattr(event, name, None))), "")
        assert event.recorded_at is not None, "the simulation says when an event arrives"
        produce(
            self._producer,
            DELIVERY_SECONDS,
            self._site.names.shared(topic),
            value,
            key.encode(),
            timestamp=event.recorded_at // 1_000,
            on_delivery=partial(_delivered, places),
        )
        self._producer.poll(0)


def _delivered(places: set[Place] | None, fault: KafkaError | None, message: Message) -> None:
    assert fault is None, f"a message was not delivered: {fault}"
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None, "it was delivered somewhere"  # noqa: PT018
    if places is not None:
        places.add((topic, partition, offset))


def _unique(found: Iterator[Event]) -> Iterator[Event]:
    """Producers that repeat themselves may repeat the id, which is for tracing; here every message has its own."""
    seen: set[str] = set()
    for number, event in enumerate(found):
        own = event if event.event_id not in seen else event._replace(event_id=f"{event.event_id}~{number}")
        seen.add(own.event_id)
        yield own
