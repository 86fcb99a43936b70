"""Writes the engagement log: an engagement's records to its partition, reference data and day ends to every one.

A record's `n` is its number in its partition, dense from 0; before number 0 stands the genesis record of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from connectors.event_bodies import WRITERS
from connectors.kafka.clients import Headers
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER, Names
from connectors.log_records import Stored, write_stored
from domain.events.catalogue import Event
from state.genesis import Genesis, to_json
from state.intake.intake import EVERYONE
from state.intake.partition import partition_of

# Partitions of engagements are remembered, up to so many.
KNOWN_MAX: Final = 100_000


class Produced(NamedTuple):
    """A record as a producer is given it."""

    topic: str
    value: bytes | None
    key: bytes | None
    partition: int
    headers: list[tuple[str, bytes]]


class Bodies(Protocol):
    """Who keeps what may have to be published again."""

    def appended(self, place: int, event: Event) -> None:
        """The event that was appended last."""

    def event_at(self, place: int) -> Event: ...


class Appended(NamedTuple):
    """A record with the number that it has in each partition where it comes."""

    key: bytes
    value: bytes
    numbers: Sequence[tuple[int, int]]
    trace: Headers = ()

    def records(self, topic: str) -> Iterator[Produced]:
        for partition, number in self.numbers:
            yield Produced(topic, self.value, self.key, partition, [(NUMBER_HEADER, b"%d" % number), *self.trace])


class LogWriter:
    """Intake's `Log` over all partitions of the topic. It only collects: a batch is written, and counts, with its transaction.

    `places` counts what was appended, a broadcast once; `following` has the number of each partition's next record.
    """

    def __init__(self, bodies: Bodies, following: Sequence[int], places: int) -> None:
        self.following = list(following)
        self.places = places
        self.batch_records = 0
        self.batch_bytes = 0
        self._bodies = bodies
        self._traced: tuple[str, Headers] = ("", ())
        self._batch: list[Appended] = []
        self._partitions: dict[str, int] = {}

    def tracing(self, event_id: str, trace: Headers) -> None:
        """Records of this event carry these headers; others that its coming brings into the log are not of its request."""
        self._traced = event_id, trace

    def append(self, engagement_id: str, event: Event, own: tuple[str, ...] | None = None) -> int:
        """The record's place among all that was appended."""
        name, schema, encode = WRITERS[type(event)]
        value = write_stored(Stored(engagement_id, name, schema, encode(event), own))
        everywhere = engagement_id == EVERYONE
        partitions: Iterable[int] = range(len(self.following)) if everywhere else (self._partition_of(engagement_id),)
        traced, trace = self._traced
        self._number(engagement_id.encode(), value, partitions, trace if event.event_id == traced else ())
        place = self.places
        self.places += 1
        self._bodies.appended(place, event)
        return place

    def event_at(self, position: int) -> Event:
        """Of a record that intake's memory has to remember."""
        return self._bodies.event_at(position)

    def take_batch(self) -> list[Appended]:
        """What was appended since the last batch."""
        batch, self._batch = self._batch, []
        self.batch_records = self.batch_bytes = 0
        return batch

    def _number(self, key: bytes, value: bytes, partitions: Iterable[int], trace: Headers) -> None:
        following = self.following
        numbers = [(partition, following[partition]) for partition in partitions]
        for partition, number in numbers:
            following[partition] = number + 1
        self._batch.append(Appended(key, value, numbers, trace))
        self.batch_records += len(numbers)
        self.batch_bytes += len(value) * len(numbers)

    def _partition_of(self, engagement_id: str) -> int:
        known = self._partitions.get(engagement_id)
        if known is None:
            if len(self._partitions) >= KNOWN_MAX:
                self._partitions.clear()
            known = self._partitions[engagement_id] = partition_of(engagement_id, len(self.following))
        return known


def genesis_records(names: Names, genesis: Genesis) -> Iterator[Produced]:
    """What stands at the head of each partition of a new log."""
    for partition in range(genesis.partitions):
        text = to_json(genesis._replace(partition=partition))
        yield Produced(names.log, text.encode(), GENESIS_KEY, partition, [])
