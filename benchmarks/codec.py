"""Microseconds to read and write one record, beside fastavro.

Each figure is the best of several rounds. What changes from event to event in a log (ids, instants, amounts) changes
here too, so that tables of ready pieces win what they win there and no more.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Sequence
from random import Random
from time import process_time
from typing import Any, NamedTuple, TypeVar

import fastavro

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS, encode_position, numbered, position_around
from connectors.json_records import event_from_json_line, record_to_json
from connectors.record_check import check_record
from domain.events.delivery import TimeApproved
from domain.outputs import JournalEntry, JournalLine, Position

ROUNDS = 7
MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00Z

T = TypeVar("T")


class Figure(NamedTuple):
    """Microseconds for one record, at best of some rounds."""

    record: str
    what: str
    microseconds: float
    bytes: int | None = None


def times_approved(chance: Random, samples: int) -> list[TimeApproved]:
    """Entries of 400 people on 200 projects, in quarters of an hour."""
    return [time_approved(number, samples, chance) for number in range(samples)]


def time_approved(number: int, samples: int, chance: Random) -> TimeApproved:
    person, project = chance.randrange(400), chance.randrange(200)
    at = MARCH + number * 1_300_417
    return TimeApproved(
        event_id=f"{chance.getrandbits(128):032x}",
        occurred_at=at,
        source="kantata",
        entry_id=f"T-2026-{number:06d}",
        version=1,
        project_id=f"PRJ-{project:04d}",
        person_id=f"PER-{person:04d}",
        approved_by=f"PER-{project % 40:04d}",
        recorded_at=at + 250_000,
        engagement_id=f"ENG-{project // 2:04d}",
        submitted_by=f"PER-{person:04d}",
        worked_on=dt.date(2026, 3, 1 + number * 31 // samples),
        hours=chance.randrange(1, 40) * 250_000,
        role="senior",
        task="build",
        description="Workshop with the client's team",
        approved_at=at,
    )


def journals(chance: Random, samples: int) -> list[JournalEntry]:
    """Cost and revenue of a piece of work: four lines with one set of dimensions."""
    return [_journal(number, samples, chance) for number in range(samples)]


def _journal(number: int, samples: int, chance: Random) -> JournalEntry:
    project = f"PRJ-{chance.randrange(200):04d}"
    hours = chance.randrange(1, 40)
    cost, revenue = hours * chance.randrange(40, 80) * 2_500, hours * chance.randrange(90, 180) * 2_500
    dimensions = {"practice": "data", "region": "emea", "cost_center": "4711"}
    amounts = (
        ("5000", "cost", cost),
        ("2150", "cost", -cost),
        ("1150", "revenue", revenue),
        ("4000", "revenue", -revenue),
    )
    return JournalEntry(
        journal_id=f"ENG-{number % 100:04d}.{chance.getrandbits(128):032x}",
        kind="posting",
        legal_entity_id="LE-1",
        currency="EUR",
        ledger_currency="EUR",
        exchange_rate=10**12,
        accounting_date=dt.date(2026, 3, 1 + number * 31 // samples),
        period="2026-03",
        rule="time",
        affected_kind="time_entry",
        affected_id=f"T-2026-{number:06d}",
        affected_version=1,
        cause_kind="time_entry",
        cause_id=f"T-2026-{number:06d}",
        cause_version=1,
        deliver=True,
        lines=tuple(
            JournalLine(account, purpose, amount, amount, project, None, dimensions)
            for account, purpose, amount in amounts
        ),
        service_date=dt.date(2026, 3, 1 + number * 31 // samples),
        contract_id=f"C-{number % 150:04d}",
        customer_id=f"CU-{number % 60:04d}",
    )


def figures(samples: int) -> list[Figure]:
    chance = Random(1)
    times, entries = times_approved(chance, samples), journals(chance, samples)
    position = Position("g1", 3, 123_456, 0, 987_654, "e" * 32, MARCH, MARCH + 250_000, None, "1")
    around = _around(position)
    codec = OUTPUT_CODECS["JournalEntry"]
    bodies = [numbered(around, 0, number, codec.encode_body(entry)) for number, entry in enumerate(entries)]
    time_codec = EVENT_CODECS["TimeApproved"]
    time_bodies = [time_codec.encode(event) for event in times]
    lines = [json.dumps(record_to_json(event)).encode() for event in times]
    work, journal, place = "TimeApproved", "JournalEntry, 4 lines", "position of an output"
    return [
        Figure(work, "read", microseconds(time_codec.decode, time_bodies), len(time_bodies[0])),
        Figure(work, "write", microseconds(time_codec.encode, times)),
        *_of_fastavro(work, time_codec.writer_schema_json, time_bodies),
        Figure(work, "check ids", microseconds(check_record, times)),
        Figure(work, "read a JSON line", microseconds(event_from_json_line, lines), len(lines[0])),
        Figure(work, "make JSON", microseconds(record_to_json, times)),
        Figure(journal, "read", microseconds(codec.decode, bodies), len(bodies[0])),
        Figure(journal, "write", microseconds(codec.encode_body, entries)),
        *_of_fastavro(journal, codec.writer_schema_json, bodies),
        Figure(place, "write whole", microseconds(encode_position, [_position(n) for n in range(samples)])),
        Figure(place, "first of a record", microseconds(_first, [_position(n) for n in range(samples)])),
        Figure(place, "number the next", microseconds(lambda number: numbered(around, 0, number, b""), range(samples))),
    ]


def microseconds(function: Callable[[T], object], samples: Sequence[T]) -> float:
    """For one sample, at best."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = process_time()
        for sample in samples:
            function(sample)
        best = min(best, process_time() - start)
    return round(best / len(samples) * 1e6, 2)


def _around(of: Position) -> tuple[bytes, bytes]:
    facts = of.log_offset, of.event_id, of.occurred_at, of.recorded_at, of.correlation_id
    return position_around(of.generation, of.shard, of.rules_version)(*facts)


def _first(position: Position) -> bytes:
    return numbered(_around(position), 0, position.output_seq, b"")


def _position(number: int) -> Position:
    return Position("g1", 3, number, 0, 2 * number, f"{number:032x}", MARCH + number, MARCH + 2 * number, None, "1")


def _of_fastavro(title: str, schema_json: str, bodies: Sequence[bytes]) -> list[Figure]:
    """With decimals, dates and instants as fastavro has them."""
    schema = fastavro.parse_schema(json.loads(schema_json))
    plain = [fastavro.schemaless_reader(io.BytesIO(body), schema, None) for body in bodies]

    def read(body: bytes) -> None:
        fastavro.schemaless_reader(io.BytesIO(body), schema, None)

    def write(record: Any) -> None:
        fastavro.schemaless_writer(io.BytesIO(), schema, record)

    return [
        Figure(title, "read by fastavro", microseconds(read, bodies)),
        Figure(title, "write by fastavro", microseconds(write, plain)),
    ]
