"""Folds logs held in memory, for tests that ask what follows from a log and not how it is kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from connectors.log_records import StoredRecord
from dataflows.embedded import ENCODERS, decode_event
from domain.events import reference
from domain.events.catalogue import Event
from domain.outputs import BillingStatement, CloseCertificate, ControlTotals, JournalEntry, Position
from state.batch import Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.rules import RULES
from state.shard import Shard
from state.store.store import Store

IN_MEMORY = Path(":memory:")
# For `TemporaryDirectory(dir=...)`: where there is a file system in memory, stores are opened and closed ten times as fast.
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
GENERATION = "g-1"
TABLES = {
    "engagements": "no",
    "parts": "no, kind, id",
    "entries": "no, id",
    "open_entries": "no, line, day, id",
    "parked": "no, id",
    "waits": "kind, key, no, name",
    "due": "zone, day, no",
    "statements": "no, id",
    "reference": "seq",
    "changed": "no",
}


class Logged(NamedTuple):
    """An event with the engagement that intake would give it; empty for what goes to every partition."""

    engagement_id: str
    event: Event


class Said(NamedTuple):
    """One output."""

    position: Position
    record: Any


class Books(NamedTuple):
    """What a log came to: all outputs in order, and the shard with its store."""

    said: tuple[Said, ...]
    bodies: tuple[bytes, ...]
    shard: Shard

    def records(self, kind: type[Any]) -> list[Any]:
        return [said.record for said in self.said if isinstance(said.record, kind)]

    @property
    def content(self) -> list[Any]:
        """What is said, without where it stands: control totals and certificates name chains of positions too."""
        return [without_chains(said.record) for said in self.said]

    @property
    def journals(self) -> list[JournalEntry]:
        return self.records(JournalEntry)

    @property
    def statements(self) -> list[BillingStatement]:
        return self.records(BillingStatement)


class MemoryLog:
    """Records of one partition, as a log gives them."""

    def __init__(self, records: Sequence[StoredRecord]) -> None:
        self._records = records

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[StoredRecord]:
        """At least one record where there is one; `max_bytes` counts bodies."""
        room, end = max_bytes, offset
        for record in self._records[offset : offset + max_records]:
            room -= len(record.body)
            if room < 0 and end > offset:
                break
            end += 1
        return self._records[offset:end]


def without_chains(record: Any) -> Any:
    """The record without chains over the log and the outputs so far: repeats, other engagements and generations change them.

    What a certificate calls the previous one is a digest of that one, chains included.
    """
    if isinstance(record, ControlTotals):
        return record._replace(output_chain="", last_output_seq=0)
    if isinstance(record, CloseCertificate):
        return record._replace(input_chain="", output_chain="", last_output_seq=0, previous=record.previous and "")
    return record


def is_reference(event: Event) -> bool:
    return type(event).__module__ == reference.__name__


def log_records(history: Iterable[Logged]) -> list[StoredRecord]:
    """The records of a log; events are what their bytes say, as a log gives them."""
    made = []
    for offset, (engagement_id, event) in enumerate(history):
        name = type(event).__name__
        body = EVENT_CODECS[name].encode(event)
        made.append(StoredRecord(offset, engagement_id, name, body, decode_event(name, body)))
    return made


def new_shard(path: Path = IN_MEMORY) -> Shard:
    return Shard(Store(path, GENERATION, 0), ENCODERS, Genesis(GENERATION, rules=RULES), OutputProgress(), decode_event)


def fold_on(shard: Shard, records: Sequence[StoredRecord], batch: int = 2_000) -> list[Encoded]:
    """Fold the records from where the shard stands, committing each batch."""
    log, encoded = MemoryLog(records), []
    while found := log.read(shard.position[0], batch, 4 << 20):
        *outputs, mark = shard.fold(found)
        assert isinstance(mark, Mark)
        encoded += [output for output in outputs if isinstance(output, Encoded)]
        shard.commit(mark)
    return encoded


def fold(history: Iterable[Logged], batch: int = 2_000) -> Books:
    shard = new_shard()
    encoded = fold_on(shard, log_records(history), batch)
    said = tuple(Said(*OUTPUT_CODECS[output.type_name].decode(output.body)) for output in encoded)
    return Books(said, tuple(output.body for output in encoded), shard)


def dump(store: Store) -> dict[str, list[Any]]:
    """Every row of the store, in the order of its keys."""
    return {
        name: store.db.execute(f"SELECT * FROM {name} ORDER BY {order}").fetchall() for name, order in TABLES.items()
    }


def balances(journals: Iterable[JournalEntry]) -> dict[tuple[str, str, str], int]:
    """By legal entity, currency and account, without those at zero."""
    found: Counter[tuple[str, str, str]] = Counter()
    for journal in journals:
        for line in journal.lines:
            found[journal.legal_entity_id, journal.currency, line.account] += line.amount
    return without_zeros(found)


def ledger_balances(journals: Iterable[JournalEntry]) -> dict[tuple[str, str], int]:
    """In ledger currency by legal entity and account, without those at zero."""
    found: Counter[tuple[str, str]] = Counter()
    for journal in journals:
        for line in journal.lines:
            found[journal.legal_entity_id, line.account] += line.ledger_amount
    return without_zeros(found)


def without_zeros(sums: Mapping[Any, int]) -> dict[Any, int]:
    return {key: amount for key, amount in sums.items() if amount}
