"""What cannot be read is told with its place and reason, and the rest goes on."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_walk import long_bytes
from connectors.containers import ContainerFormat
from connectors.files.input_files import ReadingPlace
from connectors.files.input_reader import InputItem, left_over, read_input
from connectors.json_records import record_to_json
from connectors.unreadable import KEPT_PART_BYTES, Unreadable
from domain.events.catalogue import Event
from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded
from tests.intake_inputs import DAY, activated, container, customer, entity, head, line_of, worked

WORK = worked("2026-03-02 09:00", "T-1", "P-1")


def work(number: int, **more: Any) -> Event:
    return worked("2026-03-02 09:00", f"T-{number}", "P-1", **more)


def items(path: Path, start: ReadingPlace | None = None, *, is_growing: bool = False) -> list[InputItem]:
    length = path.stat().st_size
    return list(read_input(path.parent, path.name, start or ReadingPlace(), length, is_growing=is_growing))


def short(found: Iterable[InputItem]) -> list[str]:
    """Entries by their ids, faults by their places."""
    return [item.event.entry_id if item.event else f"{item}" for item in found]  # type: ignore[union-attr]


def fault(found: Iterable[InputItem]) -> Unreadable:
    (wrong,) = [item.unreadable for item in found if item.unreadable is not None]
    return wrong


def jsonl(folder: Path, *lines: bytes) -> Path:
    path = folder / "in.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def avro(folder: Path, data: bytes) -> Path:
    path = folder / "in.avro"
    path.write_bytes(data)
    return path


def plain(**more: Any) -> dict[str, Any]:
    return {key: value for key, value in record_to_json(WORK).items() if value is not None} | more


def as_line(**more: Any) -> bytes:
    return json.dumps({key: value for key, value in plain(**more).items() if value is not ...}).encode() + b"\n"


# JSON lines


def test_lines_are_events_with_their_places(tmp_path: Path) -> None:
    """Blank lines count, a byte order mark and carriage returns do no harm, the last line needs no end."""
    path = jsonl(
        tmp_path, b"\xef\xbb\xbf", line_of(work(1)), b"\r\n", line_of(work(2))[:-1], b"\r\n", line_of(work(3))[:-1]
    )
    found = items(path)
    assert [(str(item), item.event) for item in found] == [
        ("in.jsonl, line 1", work(1)),
        ("in.jsonl, line 3", work(2)),
        ("in.jsonl, line 4", work(3)),
    ]
    assert found[-1].following.offset == path.stat().st_size


@pytest.mark.parametrize("number", range(4))
def test_reading_goes_on_behind_any_item(tmp_path: Path, number: int) -> None:
    path = jsonl(tmp_path, line_of(work(1)), b"{\n", b"\n", line_of(work(2)), line_of(work(3)))
    found = items(path)
    start = found[number - 1].following if number else ReadingPlace()
    assert items(path, start) == found[number:]


@pytest.mark.parametrize(
    ("line", "field_path", "reason"),
    [
        (b"{not json}\n", "", "not one JSON object"),
        (b'{"type": "TimeApproved"\n', "", "not one JSON object"),
        (b"[1, 2]\n", "", "expected one JSON object"),
        (b"\xff\xfe\n", "", "not valid UTF-8"),
        (b"[" * 100_000 + b"\n", "", "nested too deeply"),
        (as_line(type="TimesheetApproved"), "type", "no event is called 'TimesheetApproved'"),
        (as_line(type=...), "type", "expected the name of an event"),
        (as_line(person_id=...), "person_id", ""),
        (as_line(version=2**63), "version", ": 9223372036854775808"),
        (as_line(hours="1" * 30), "hours", ""),
        (as_line(hours=float("nan")), "", ""),
        (as_line(worked_on="1989-12-31"), "worked_on", ""),
        (as_line(worked_on="2101-01-01"), "worked_on", ": '2101-01-01'"),
        (as_line(occurred_at="2150-01-01T00:00:00Z"), "occurred_at", ""),
        (as_line(hours=None), "hours", "expected hours, or started_at and ended_at"),
        (as_line(entry_id="x" * 1_000_000), "", "at most 1000000 are read"),
        (as_line(entry_id="x" * 990_000), "entry_id", "an id of 990000 characters"),
        (as_line(entry_id=" T-1"), "entry_id", "space"),
        (line_of(customer("2026-03-02 09:00", "")), "customer_id", "an id of 0 characters"),
        (line_of(entity("2026-03-02 09:00", "Mars")), "zone", "IANA"),
        (line_of(entity("2026-03-02 09:00", "Mars")), "zone", "'Mars'"),
        (
            line_of(IntakeNoticed(**head("2026-03-02 09:00"), category="unrouted", subject="P", place="")),
            "type",
            "intake",
        ),
    ],
)
def test_a_bad_line_costs_only_itself(tmp_path: Path, line: bytes, field_path: str, reason: str) -> None:
    found = items(jsonl(tmp_path, line_of(work(1)), line, line_of(work(2))))
    assert short(found) == ["T-1", "in.jsonl, line 2", "T-2"]
    wrong = fault(found)
    assert wrong.field_path == field_path
    assert reason in wrong.reason
    assert len(wrong.reason) < 300


def test_what_could_not_be_read_is_kept(tmp_path: Path) -> None:
    line = as_line(type="TimesheetApproved")[:-1]
    wrong = fault(items(jsonl(tmp_path, line + b"\n")))
    assert (wrong.raw, wrong.size, wrong.event_type) == (line, len(line), "TimesheetApproved")
    assert wrong.digest == hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_fifty_megabytes_in_one_line_are_read_past(tmp_path: Path, ending: bytes) -> None:
    """A part is kept, with length and digest of the whole, in little memory."""
    long = b'{"type": "TimeApproved", "description": "' + b"x" * 50_000_000
    path = jsonl(tmp_path, line_of(work(1)), long, ending, line_of(work(2)) if ending else b"")
    tracemalloc.start()
    found = items(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert short(found) == ["T-1", "in.jsonl, line 2", *(["T-2"] if ending else [])]
    wrong = fault(found)
    assert (wrong.size, len(wrong.raw), wrong.event_type) == (len(long) + len(ending), KEPT_PART_BYTES, "TimeApproved")
    assert wrong.digest == hashlib.sha256(long).hexdigest()
    assert peak < 8_000_000


def test_many_lines_behind_a_long_one_are_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path, b"x" * 1_100_000, b"\n", *(line_of(work(number)) for number in range(50)))
    found = items(path)
    assert short(found) == ["in.jsonl, line 1", *(f"T-{number}" for number in range(50))]
    assert found[-1].following == ReadingPlace(path.stat().st_size, 0, 52)


# Containers


def blocks(sizes: list[int]) -> bytes:
    """Work in blocks of so many records."""
    form = ContainerFormat([EVENT_CODECS["TimeApproved"]], "test", "test")
    data, number = form.header, 0
    for size in sizes:
        bodies = b"".join(EVENT_CODECS["TimeApproved"].encode(work(number + at)) for at in range(size))
        data += long_bytes(size) + long_bytes(len(bodies)) + bodies + form.sync
        number += size
    return data


@pytest.mark.parametrize("number", range(7))
def test_reading_goes_on_behind_any_record(tmp_path: Path, number: int) -> None:
    path = avro(tmp_path, blocks([1, 3, 2]))
    found = items(path)
    assert short(found) == [f"T-{at}" for at in range(6)]
    start = found[number - 1].following if number else ReadingPlace()
    assert items(path, start) == found[number:]


def test_files_of_the_usual_writers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "in.avro"
    schema = fastavro.parse_schema(json.loads(EVENT_CODECS["TimeApproved"].writer_schema_json))
    record = {**WORK._asdict(), "hours": None, "started_at": WORK.occurred_at, "ended_at": WORK.occurred_at}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [record] * 3, codec="deflate")
    assert short(items(path)) == ["T-1"] * 3


def test_a_bad_record_costs_only_itself(tmp_path: Path) -> None:
    path = avro(tmp_path, container(work(1), work(2, worked_on=None), work(3)))
    found = items(path)
    assert short(found)[::2] == ["T-1", "T-3"]
    wrong = fault(found)
    assert (wrong.field_path, wrong.event_type) == ("worked_on", "TimeApproved")
    assert wrong.raw == EVENT_CODECS["TimeApproved"].encode(work(2, worked_on=None))


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_the_end_of_a_truncated_file_is_told(tmp_path: Path, cut: int) -> None:
    path = avro(tmp_path, container(work(1), work(2))[:-cut])
    found = items(path)
    assert short(found[:1]) == ["T-1"]
    assert "ends inside a block" in fault(found).reason
    assert len(found) == 2


def test_the_unfinished_end_of_a_growing_file_is_left(tmp_path: Path) -> None:
    whole = container(work(1), work(2), work(3))
    path = avro(tmp_path, whole[:-10])
    found = items(path, is_growing=True)
    assert short(found) == ["T-1", "T-2"]
    assert left_over(path, found[-1].following, len(whole) - 10)
    path.write_bytes(whole)
    rest = items(path, found[-1].following, is_growing=True)
    assert short(rest) == ["T-3"]
    assert not left_over(path, rest[-1].following, len(whole))


@pytest.mark.parametrize("length", [0, 3, 4, 30, 200])
def test_the_unfinished_header_of_a_growing_file_is_left(tmp_path: Path, length: int) -> None:
    assert items(avro(tmp_path, container(work(1))[:length]), is_growing=True) == []


def test_damage_costs_its_block(tmp_path: Path) -> None:
    data = bytearray(container(work(1), work(2), work(3)))
    at = data.index(b"T-2")
    data[at - 10 : at + 10] = b"\xff" * 20
    found = items(avro(tmp_path, bytes(data)))
    assert short(found)[:1] == ["T-1"]
    assert short(found)[-1:] == ["T-3"]
    assert all(item.unreadable for item in found[1:-1])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (b"Obj", "not an Avro container file"),
        (b"PK\x03\x04 something else", "not an Avro container file"),
        (
            b' {"type": "TimeApproved"}\n{}',
            "not an Avro container file; this is JSON: copy it to a name that ends in .jsonl",
        ),
        (
            gzip.compress(b"{}", mtime=0),
            "not an Avro container file; this is gzip: unpack it into a .jsonl or .avro file",
        ),
        (container(WORK)[:100], ""),
    ],
)
def test_a_file_without_a_header_is_one_dead_letter(tmp_path: Path, data: bytes, reason: str) -> None:
    found = items(avro(tmp_path, data))
    assert len(found) == 1
    wrong = fault(found)
    assert (wrong.raw, wrong.size) == (data, len(data))
    assert reason in wrong.reason
    assert found[0].following.offset == len(data)


def test_a_packed_file_of_lines_is_one_dead_letter(tmp_path: Path) -> None:
    """Also where the last bytes of it came later."""
    path = tmp_path / "a.jsonl"
    data = gzip.compress(b"".join(as_line(entry_id=f"T-{number}") for number in range(200)))
    path.write_bytes(data)
    for start in (ReadingPlace(), ReadingPlace(40, 0, 2)):
        (found,) = items(path, start)
        wrong = fault([found])
        assert (wrong.reason, wrong.raw) == (
            "this is gzip: unpack it into a .jsonl or .avro file",
            data[start.offset :],
        )
        assert found.following.offset == len(data)


RECURSIVE = {
    "type": "record",
    "name": "TimeApproved",
    "namespace": "milepost.events",
    "fields": [{"name": "again", "type": ["null", "TimeApproved"]}],
}


@pytest.mark.parametrize("schema", [RECURSIVE, {"type": "array", "items": "null"}, "milepost.events.TimeApproved", 7])
def test_a_hostile_schema_is_refused_before_a_byte_is_read_with_it(tmp_path: Path, schema: object) -> None:
    meta = {b"avro.schema": json.dumps(schema).encode()}
    pairs = b"".join(long_bytes(len(part)) + part for pair in meta.items() for part in pair)
    markers = b"\x02" * 100_000
    block = long_bytes(1) + long_bytes(len(markers)) + markers
    data = b"Obj\x01" + long_bytes(1) + pairs + b"\x00" + b"s" * 16 + block + b"s" * 16
    found = items(avro(tmp_path, data))
    assert len(found) == 1
    assert fault(found).size == len(data)


def test_a_block_of_fifty_megabytes_is_passed_over(tmp_path: Path) -> None:
    """What is kept of it is bounded, and the digest is of all of it."""
    form = ContainerFormat([EVENT_CODECS["TimeApproved"]], "test", "test")
    body = EVENT_CODECS["TimeApproved"].encode(work(2, description="x" * 50_000_000))
    first, huge, last = form.block("TimeApproved", EVENT_CODECS["TimeApproved"].encode(work(1))), b"", b""
    huge = long_bytes(1) + long_bytes(len(body)) + body + form.sync
    last = form.block("TimeApproved", EVENT_CODECS["TimeApproved"].encode(work(3)))
    path = avro(tmp_path, form.header + first + huge + last)
    del body
    tracemalloc.start()
    found = items(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [item.event.entry_id for item in found if item.event] == ["T-1", "T-3"]  # type: ignore[union-attr]
    wrong = fault(found)
    assert (wrong.size, len(wrong.raw)) == (len(huge), KEPT_PART_BYTES)
    assert wrong.digest == hashlib.sha256(huge).hexdigest()
    assert peak < 16_000_000


@pytest.mark.parametrize("kind", ["jsonl", "avro"])
def test_days_end_by_no_event(tmp_path: Path, kind: str) -> None:
    """The clock writes what ends a day, as on Kafka."""
    day = DayEnded(**head("2026-03-02 23:00"), zone="UTC", date=DAY)
    path = jsonl(tmp_path, line_of(day)) if kind == "jsonl" else avro(tmp_path, container(day))
    wrong = fault(items(path))
    assert (wrong.field_path, wrong.event_type) == ("type", "DayEnded")
    assert wrong.reason == "only intake itself writes DayEnded; `milepost run --until` and `whatif --on` end days"


def test_an_event_that_grows_over_the_limit_is_refused(tmp_path: Path) -> None:
    """In Avro it may be longer than in JSON, and intake adds an engagement and an instant."""
    wide = activated("2026-03-02 09:00", "P-1")._replace(dimensions={"note": "x" * 999_400})
    found = items(avro(tmp_path, container(wide)))
    assert "send it in parts" in fault(found).reason
