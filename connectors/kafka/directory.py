"""Intake's memory on Kafka: a SQLite file at hand, and every change of it in the compacted topic `directory`.

The topic is what counts. Each transaction of intake has a number, which stands in its progress record and in the file; a
file of any other transaction is dropped and made again from the topic.

| key                                | value                                                                    |
|------------------------------------|--------------------------------------------------------------------------|
| `["link", kind, id, engagement]`   | `true`                                                                   |
| `["entry", id]`                    | the engagement of a time entry                                           |
| `["told", kind, id, place]`        | `[type, schema]` and the body: what is published again to the one who joins later |
| `["waiting", number]`              | `[type, schema, place]` and the body of an event that waits              |
| `["waits", number]`                | `[subject, keys]`: what it is about, and what it waits for               |
| `["notice", category, kind, id]`   | `[engagement, told]`                                                     |
| `["identity", source, kind, id]`   | `[canonical id, version]`                                                |
| `["day", zone]`                    | the day that runs there                                                  |
| `plan`                             | what the transaction takes (`intake_plan`)                               |
| `progress`                         | how far intake is (`intake_progress`)                                    |

A body stands after a newline. A record without a value takes back what the key said. The header `transaction` has its
number: what readers see of one that does not count yet is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from connectors.event_bodies import WRITERS, read_event
from connectors.intake_memory import ENTRIES, TABLES, IntakeMemory
from domain.events.catalogue import Event
from domain.events.reference import IdentityLinked
from state.guards import INTAKE_STATE_LOST, GuardStop
from state.intake.clock import Clock
from state.intake.directory import Key, Link
from state.intake.intake import Noticed, WaitingEvent

VERSION: Final = 1
# The header with the number of the transaction that a record belongs to.
TRANSACTION: Final = "transaction"

# By the first word of a key; the words of the key come before those of the value.
_SET: Final = {
    "link": "INSERT OR IGNORE INTO links VALUES (?, ?, ?)",
    "entry": "REPLACE INTO entries VALUES (?, ?)",
    "notice": "REPLACE INTO notices VALUES (?, ?, ?, ?, ?)",
    "identity": "REPLACE INTO identities VALUES (?, ?, ?, ?, ?)",
    "day": "REPLACE INTO days VALUES (?, ?)",
}
_TAKE_BACK: Final = {
    "link": "DELETE FROM links WHERE kind = ? AND id = ? AND engagement = ?",
    "entry": "DELETE FROM entries WHERE id = ?",
    "waiting": "DELETE FROM waiting WHERE number = ?",
    "waits": "DELETE FROM waits WHERE number = ?",
    "notice": "DELETE FROM notices WHERE category = ? AND kind = ? AND id = ?",
    "identity": "DELETE FROM identities WHERE source = ? AND kind = ? AND id = ?",
    "day": "DELETE FROM days WHERE zone = ?",
}

Changes = dict[bytes, bytes | None]


class TopicStand(NamedTuple):
    """Which state of which topic the file holds."""

    topic_id: str
    generation: str
    transaction: int


class StoredDirectory(IntakeMemory):
    """Intake's `Memory`, and the log writer's `Bodies`."""

    tables = f"""{TABLES}
CREATE TABLE retold (position INTEGER PRIMARY KEY, type TEXT, schema INTEGER, body BLOB);
CREATE TABLE stand (topic_id TEXT, generation TEXT, number INTEGER);
"""
    version = VERSION
    # After a power cut the file may be an older one, and is made again.
    synchronous = "NORMAL"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._changes: Changes = {}
        self._days: dict[str, str] = {day.zone: day.date.isoformat() for day in self.clock().days}
        self._last: tuple[int, Event] | None = None

    @classmethod
    def open(cls, path: Path) -> StoredDirectory:
        """One that is damaged, or that another release wrote, is dropped: it is made again from the topic."""
        try:
            return cls(path)
        except GuardStop as stop:
            if stop.code != INTAKE_STATE_LOST:
                raise
        drop(path)
        return cls(path)

    def lost(self, how: str) -> GuardStop:
        drop(self.path)
        message = f"{self.path}: {how}; it is dropped. Start again, and it is made again from the directory topic"
        return GuardStop(INTAKE_STATE_LOST, message)

    def stand(self) -> TopicStand | None:
        """None for a new file."""
        found = self._ask("SELECT * FROM stand")
        return TopicStand(*found[0]) if found else None

    def commit(self, stand: TopicStand) -> None:
        """One transaction ends and the next begins."""
        with self.storing():
            self._flush()
            self._rows.execute("DELETE FROM stand")
            self._rows.execute("INSERT INTO stand VALUES (?, ?, ?)", stand)
            self._rows.execute("COMMIT")
            self._rows.execute("BEGIN IMMEDIATE")

    def make_again(self, records: Iterable[tuple[bytes, bytes | None]], stand: TopicStand) -> None:
        """From all records of the topic, but for those of progress."""
        with self.storing():
            for table in ("links", "entries", "history", "retold", "waiting", "waits", "notices", "identities", "days"):
                self._rows.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
            for key, value in records:
                self._apply(key, value)
        self.commit(stand)
        self.recall()
        self._days = {day.zone: day.date.isoformat() for day in self.clock().days}

    def take_changes(self, clock: Clock) -> Changes:
        """What was remembered and forgotten since this was last asked; the last word on each key."""
        self._note_days(clock)
        found, self._changes = self._changes, {}
        return found

    # What is published again

    def appended(self, place: int, event: Event) -> None:
        self._last = place, event

    def event_at(self, place: int) -> Event:
        ((type_name, schema, body),) = self._ask("SELECT type, schema, body FROM retold WHERE position = ?", (place,))
        return read_event(type_name, schema, body)

    def remember(self, key: Key, place: int) -> None:
        assert self._last is not None, "something was appended"
        assert self._last[0] == place, "what was appended last is remembered"
        type_name, schema, encode = WRITERS[type(self._last[1])]
        body = encode(self._last[1])
        super().remember(key, place)
        self._run("INSERT OR IGNORE INTO retold VALUES (?, ?, ?, ?)", (place, type_name, schema, body))
        self._change(["told", *key, place], [type_name, schema], body)

    # Changes of the memory

    def add_links(self, links: tuple[Link, ...]) -> None:
        super().add_links(links)
        for kind, key, engagement_id in links:
            if kind == ENTRIES:
                self._change(["entry", key], engagement_id)
            else:
                self._change(["link", kind, key, engagement_id], True)

    def wait(self, waiting: WaitingEvent, keys: tuple[Key, ...]) -> int:
        number = super().wait(waiting, keys)
        type_name, schema, encode = WRITERS[type(waiting.event)]
        self._change(["waiting", number], [type_name, schema, waiting.place], encode(waiting.event))
        self._change(["waits", number], [waiting.subject, keys])
        return number

    def wait_for_others(self, number: int, subject: Key, keys: tuple[Key, ...]) -> None:
        super().wait_for_others(number, subject, keys)
        self._change(["waits", number], [subject, keys])

    def release(self, number: int) -> None:
        super().release(number)
        self._take_back(["waiting", number])
        self._take_back(["waits", number])

    def open_notice(self, noticed: Noticed) -> None:
        super().open_notice(noticed)
        self._change(["notice", noticed.category, *noticed.subject], [noticed.engagement_id, noticed.published_count])

    def close_notice(self, noticed: Noticed) -> None:
        super().close_notice(noticed)
        self._take_back(["notice", noticed.category, *noticed.subject])

    def link_identity(self, event: IdentityLinked) -> bool:
        if not super().link_identity(event):
            return False
        self._change(["identity", event.source, event.kind, event.source_id], [event.canonical_id, event.version])
        return True

    def _note_days(self, clock: Clock) -> None:
        days = {day.zone: day.date.isoformat() for day in clock.days}
        if days != self._days:
            with self.storing():
                self.keep_clock(clock)
            for zone, day in days.items():
                if self._days.get(zone) != day:
                    self._change(["day", zone], day)
            for zone in self._days.keys() - days.keys():
                self._take_back(["day", zone])
            self._days = days

    def _change(self, key: list[Any], said: Any, body: bytes | None = None) -> None:
        head = orjson.dumps(said)
        self._changes[orjson.dumps(key)] = head if body is None else b"\n".join((head, body))

    def _take_back(self, key: list[Any]) -> None:
        self._changes[orjson.dumps(key)] = None

    # Made again from the topic

    def _apply(self, key: bytes, value: bytes | None) -> None:
        word, *words = orjson.loads(key)
        if value is None:
            self._rows.execute(_TAKE_BACK[word], words)
            return
        head, _, body = value.partition(b"\n")
        said = orjson.loads(head)
        match word:
            case "told":
                self._rows.execute("REPLACE INTO history VALUES (?, ?, ?)", words)
                self._rows.execute("REPLACE INTO retold VALUES (?, ?, ?, ?)", (words[2], *said, body))
            case "waiting":
                type_name, schema, place = said
                self._rows.execute(
                    "INSERT INTO waiting (number, type, schema, body, place) VALUES (?, ?, ?, ?, ?) ON CONFLICT (number) "
                    "DO UPDATE SET type = excluded.type, schema = excluded.schema, body = excluded.body, place = excluded.place",
                    (words[0], type_name, schema, body, place),
                )
            case "waits":
                subject, keys = said
                self._rows.execute(
                    "INSERT INTO waiting (number, kind, id) VALUES (?, ?, ?) "
                    "ON CONFLICT (number) DO UPDATE SET kind = excluded.kind, id = excluded.id",
                    (words[0], *subject),
                )
                self._rows.execute("DELETE FROM waits WHERE number = ?", words)
                self._rows.executemany("INSERT INTO waits VALUES (?, ?, ?)", [(*each, words[0]) for each in keys])
            case _:
                values = said if isinstance(said, list) else [] if said is True else [said]
                self._rows.execute(_SET[word], (*words, *values))


def drop(path: Path) -> None:
    """The file and what SQLite keeps beside it."""
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
