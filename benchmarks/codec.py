"""Microseconds to read and write one record, beside fastavro: `python -m benchmarks.codec`.

Each figure is the best of several rounds. What changes from event to event in a log (ids, instants, amounts) changes
here too, so that tables of ready pieces win what they win there and no more.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from time import perf_counter
from typing import Any, TypeVar

import fastavro

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS, CausePieces, encode_position
from connectors.json_records import event_from_json_line, record_to_json
from connectors.record_check import check_record
from domain.events.delivery import TimeApproved
from domain.outputs import JournalEntry, JournalLine, Position

SAMPLES = 20_000
ROUNDS = 7
MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00Z

T = TypeVar("T")


def times_approved(chance: Random) -> list[TimeApproved]:
    """Entries of 400 people on 200 projects, in quarters of an hour."""
    return [_time_approved(number, chance) for number in range(SAMPLES)]


def _time_approved(number: int, chance: Random) -> TimeApproved:
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
        worked_on=dt.date(2026, 3, 1 + number * 31 // SAMPLES),
        hours=chance.randrange(1, 40) * 250_000,
        role="senior",
        task="build",
        description="Workshop with the client's team",
        approved_at=at,
    )


def journals(chance: Random) -> list[JournalEntry]:
    """Cost and revenue of a piece of work: four lines with one set of dimensions."""
    return [_journal(number, chance) for number in range(SAMPLES)]


def _journal(number: int, chance: Random) -> JournalEntry:
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
        accounting_date=dt.date(2026, 3, 1 + number * 31 // SAMPLES),
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
        service_date=dt.date(2026, 3, 1 + number * 31 // SAMPLES),
        contract_id=f"C-{number % 150:04d}",
        customer_id=f"CU-{number % 60:04d}",
    )


def microseconds(function: Callable[[T], object], samples: Sequence[T], count: int = SAMPLES) -> float:
    """For one sample, at best."""
    best = float("inf")
    some = [sample for sample, _ in zip(cycle(samples), range(count), strict=False)]
    for _ in range(ROUNDS):
        start = perf_counter()
        for sample in some:
            function(sample)
        best = min(best, perf_counter() - start)
    return best / count * 1e6


def main() -> None:
    chance = Random(1)
    _report("TimeApproved", EVENT_CODECS["TimeApproved"], times_approved(chance))
    codec = OUTPUT_CODECS["JournalEntry"]
    entries = journals(chance)
    pieces = CausePieces(Position("g1", 3, 123_456, 0, 987_654, "e" * 32, MARCH, MARCH + 250_000, None, "1"))
    bodies = [pieces.at(0, number) + codec.encode_body(entry) for number, entry in enumerate(entries)]
    _print("JournalEntry, 4 lines", "decode", microseconds(codec.decode, bodies), f"{len(bodies[0])} bytes")
    _print("JournalEntry, 4 lines", "encode", microseconds(codec.encode_body, entries))
    _print("position", "encode the whole", microseconds(encode_position, [_position(n) for n in range(SAMPLES)]))
    _print("position", "number the next", microseconds(lambda number: pieces.at(0, number), range(SAMPLES)))
    schema = fastavro.parse_schema(json.loads(codec.writer_schema_json))
    _report_fastavro("JournalEntry, 4 lines", schema, bodies)
    times = times_approved(chance)
    lines = [json.dumps(record_to_json(event)).encode() for event in times]
    _print("TimeApproved", "check ids", microseconds(check_record, times))
    _print("TimeApproved", "from a JSON line", microseconds(event_from_json_line, lines), f"{len(lines[0])} bytes")
    _print("TimeApproved", "to JSON", microseconds(record_to_json, times))


def _position(number: int) -> Position:
    return Position("g1", 3, number, 0, 2 * number, f"{number:032x}", MARCH + number, MARCH + 2 * number, None, "1")


def _report(title: str, codec: Any, samples: Sequence[Any]) -> None:
    bodies = [codec.encode(sample) for sample in samples]
    _print(title, "decode", microseconds(codec.decode, bodies), f"{len(bodies[0])} bytes")
    _print(title, "encode", microseconds(codec.encode, samples))
    _report_fastavro(title, fastavro.parse_schema(json.loads(codec.writer_schema_json)), bodies)


def _report_fastavro(title: str, schema: Any, bodies: Sequence[bytes]) -> None:
    """With decimals, dates and instants as fastavro has them."""
    plain = [fastavro.schemaless_reader(io.BytesIO(body), schema, None) for body in bodies]

    def decode(body: bytes) -> None:
        fastavro.schemaless_reader(io.BytesIO(body), schema, None)

    def encode(record: Any) -> None:
        fastavro.schemaless_writer(io.BytesIO(), schema, record)

    _print(title, "decode by fastavro", microseconds(decode, bodies))
    _print(title, "encode by fastavro", microseconds(encode, plain))


def _print(title: str, what: str, found: float, note: str = "") -> None:
    print(f"{title:24} {what:20} {found:8.2f} us  {note}".rstrip())


if __name__ == "__main__":
    main()
