"""Folds events in a test as a shard does: encoded, decoded, committed batch by batch, into a store.

    books = Books()
    outputs = books.fold(LegalEntityDefined(...), TimeApproved(...))
    books.end_day(date(2026, 6, 30))

Events go to the engagement that they name, else to `ENGAGEMENT`; reference data and day ends go to everyone. The store is in memory, for
opening and closing one on a disk takes longer than folding a short story; a test that reopens its books gives them a folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from dataflows.embedded import ENCODERS, decode_event
from domain.events.catalogue import TOPICS, Event
from domain.outputs import Output, Position
from state.batch import Encoded, OutputProgress
from state.genesis import Genesis
from state.intake.clock import Clock, instant_until, tick, with_zones, zones_named
from state.rules import RULES
from state.shard import Shard
from state.store.store import Store
from tests.folding import IN_MEMORY

ENGAGEMENT = "E"
GENERATION = "test"
EVERYONE = frozenset({"finance.reference", "hr.people"})


class Record(NamedTuple):
    """A record of the engagement log."""

    offset: int
    engagement_id: str
    type_name: str
    body: bytes
    event: Event
    own: tuple[str, ...] | None = None


class Folded(NamedTuple):
    """What one output says and where it stands."""

    position: Position
    record: Output


class Books:
    """A shard with its log in memory; the clock runs only where a test says so."""

    def __init__(self, folder: Path | None = None, engagement_id: str = ENGAGEMENT) -> None:
        self.engagement_id = engagement_id
        self.log: list[Record] = []
        self.folded: list[Folded] = []
        self.encoded: list[Encoded] = []
        self.clock = Clock()
        self.now = 0
        self._path = folder / "books.db" if folder is not None else IN_MEMORY
        self.shard = self._open()

    def _open(self) -> Shard:
        return Shard(
            Store(self._path, GENERATION, 0), ENCODERS, Genesis(GENERATION, rules=RULES), OutputProgress(), decode_event
        )

    def fold(self, *events: Event, batch: int = 2_000) -> list[Output]:
        """Append the events to the log and fold them; returns their outputs in order."""
        for event in events:
            self._append(event)
        return self._catch_up(batch)

    def end_day(self, last: date, batch: int = 2_000) -> list[Output]:
        """End every day up to `last` in every zone that was named, without gaps, in the order of their instants."""
        until = instant_until(self.clock, last)
        while self.clock.next_midnight <= until:
            ended, self.clock = tick(self.clock)
            self._append(ended)
        return self._catch_up(batch)

    def replay(self, records: Iterable[Record], batch: int = 2_000) -> list[Output]:
        """Fold records of another log as they stand."""
        self.log += records
        return self._catch_up(batch)

    def reopen(self) -> None:
        """Close the store and go on from what it holds."""
        assert self._path != IN_MEMORY, "what is in memory alone is gone when it is closed"
        self.shard.store.close()
        self.shard = self._open()

    def close(self) -> None:
        self.shard.store.close()

    def part(self, kind: str, part_id: str, engagement_id: str | None = None) -> Any:
        """One value of an engagement's books, None where there is none; kinds as in `state.books.PART_KINDS`."""
        return self.parts(engagement_id).get((kind, part_id))

    def parts(self, engagement_id: str | None = None) -> dict[tuple[str, str], Any]:
        """Those of an engagement without events are empty: the store makes it."""
        store = self.shard.store
        store.begin()
        parts = store.engagement(engagement_id or self.engagement_id).parts
        store.db.execute("COMMIT")
        return parts

    def _append(self, event: Event) -> None:
        recorded_at = getattr(event, "recorded_at", None) or event.occurred_at
        self.now = max(self.now, recorded_at)
        self.clock = with_zones(self.clock, zones_named(event), self.now)
        name = type(event).__name__
        of_reference = getattr(event, "exception_id", "").startswith(".")
        everyone = TOPICS[name] in EVERYONE or name in ("DayEnded", "LedgerReconciled") or of_reference
        engagement_id = "" if everyone else getattr(event, "engagement_id", None) or self.engagement_id
        body = EVENT_CODECS[name].encode(event)
        self.log.append(Record(len(self.log), engagement_id, name, body, decode_event(name, body)))

    def _catch_up(self, batch: int) -> list[Output]:
        before = len(self.folded)
        while self.shard.offset < len(self.log):
            *made, mark = self.shard.fold(self.log[self.shard.offset : self.shard.offset + batch])
            for one in made:
                assert isinstance(one, Encoded)
                self.encoded.append(one)
                self.folded.append(Folded(*OUTPUT_CODECS[one.type_name].decode(one.body)))
            assert not isinstance(mark, Encoded)
            self.shard.commit(mark)
        return [folded.record for folded in self.folded[before:]]


def fold(folder: Path, *events: Event) -> Books:
    """The books after these events."""
    books = Books(folder)
    books.fold(*events)
    return books
