"""The reference job, the same for all peers: time entries in, the hours of each entry's project so far out, exactly once.

    T-1 PRJ-0007 1.5 h  =>  PRJ-0007: 1 entry, 1.5 h
    T-2 PRJ-0007 2 h    =>  PRJ-0007: 2 entries, 3.5 h

Imported by every peer in Python, so it needs little: no engine, and no client of Kafka.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from connectors.avro_reader import reader
from connectors.avro_schema import bind, definitions, self_contained
from connectors.avro_writer import writer
from connectors.event_bodies import READERS
from connectors.log_records import read_stored
from domain.events.delivery import TimeApproved
from domain.units import Hours

PARTITIONS: Final = 2
TIMEOUT: Final = 30.0
# How often peers commit, in milliseconds; Milepost's own way is a transaction for every 2,000 records at most.
COMMIT_MS: Final = 100
OUTPUT_SCHEMA: Final = {
    "type": "record",
    "name": "ProjectHours",
    "namespace": "milepost.peers",
    "fields": [
        {"name": "project_id", "type": "string"},
        {"name": "entries", "type": "long"},
        {"name": "hours", "type": "long", "doc": "In 10^-6 hour."},
    ],
}


class ProjectHours(NamedTuple):
    """What was worked on a project, up to and with one entry of it."""

    project_id: str
    entries: int
    hours: Hours


_SCHEMA: Final = self_contained(OUTPUT_SCHEMA, definitions(OUTPUT_SCHEMA))
_RECORD: Final = bind(_SCHEMA, {"milepost.peers.ProjectHours": ProjectHours}, {})
write_hours: Final = writer(_RECORD)
read_hours: Final = reader(_RECORD)


class Task(NamedTuple):
    """What a peer is started with: the brokers, the topic of the entries and how many there are, and its outputs' prefix."""

    brokers: str
    log: str
    entries: int
    output: str

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Task:
        brokers, log, entries, output = arguments
        return cls(brokers, log, int(entries), output)

    @property
    def hours(self) -> str:
        """The topic of the outputs of all but Milepost, which has its own."""
        return f"{self.output}.hours"


def entry_of(value: bytes) -> TimeApproved:
    """The time entry in a record of the log. Raises DecodeError."""
    stored, _ = read_stored(value, 0)
    entry = READERS[stored.type, stored.schema](stored.body)
    assert isinstance(entry, TimeApproved), f"expected time entries, found {stored.type}"
    return entry
