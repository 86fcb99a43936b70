"""Container files: read strictly and bounded, a damaged place costing its own records; written the same every time."""

from __future__ import annotations

import datetime as dt
import io
import json
import zlib
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.avro_codec import DEAD_LETTER_CODEC, EVENT_CODECS, OUTPUT_CODECS, Decoder, event_versions
from connectors.avro_schema import bind
from connectors.avro_walk import long_bytes
from connectors.containers import (
    BLOCK_BYTES_MAX,
    ContainerDamaged,
    ContainerFormat,
    ContainerRecord,
    Damage,
    decode_output_file,
    read_container,
    sync_marker,
)
from domain.events.catalogue import Event
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.outputs import Alert, DeadLetter, Position
from tests.dead_letters_read import decode_dead_letters
from tests.strategies import positions, records

NOON = 1_772_625_600_000_000
TIME = EVENT_CODECS["TimeApproved"]
FORMAT = ContainerFormat([TIME], "g1", "psa.time")
LOG = ContainerFormat(list(EVENT_CODECS.values()), "g1", "engagement.log")


def entry(number: int) -> TimeApproved:
    return TimeApproved(f"E-{number}", NOON, "kantata", f"T-{number}", 1, "P-1", "ann", "bob", hours=7_500_000)


def block(*bodies: bytes, count: int | None = None, sync: bytes = FORMAT.sync) -> bytes:
    data = b"".join(bodies)
    return long_bytes(len(bodies) if count is None else count) + long_bytes(len(data)) + data + sync


def bodies(*numbers: int) -> list[bytes]:
    return [TIME.encode(entry(number)) for number in numbers]


def file_of(folder: Path, *parts: bytes) -> Path:
    path = folder / "events.avro"
    path.write_bytes(b"".join(parts))
    return path


def events_of(path: Path, **limits: int) -> list[ContainerRecord[Event] | Damage]:
    return list(read_container(path, event_versions(), **limits))


def good(path: Path) -> list[Event]:
    return [found.record for found in events_of(path) if isinstance(found, ContainerRecord)]


def damage(path: Path) -> list[Damage]:
    return [found for found in events_of(path) if isinstance(found, Damage)]


def header(schema: Any, codec: str = "null", sync: bytes = FORMAT.sync) -> bytes:
    meta = {b"avro.schema": json.dumps(schema).encode(), b"avro.codec": codec.encode()}
    pairs = [long_bytes(len(part)) + part for pair in meta.items() for part in pair]
    return b"".join((b"Obj\x01", long_bytes(len(meta)), *pairs, b"\x00", sync))


def as_fastavro_reads(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(fastavro.reader(file))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = file_of(tmp_path, FORMAT.header, *(FORMAT.block("TimeApproved", body) for body in bodies(1, 2, 3)))
    found = [one for one in events_of(path) if isinstance(one, ContainerRecord)]
    assert [one.record for one in found] == [entry(1), entry(2), entry(3)]
    assert [one.type_name for one in found] == ["TimeApproved"] * 3
    assert [one.body for one in found] == bodies(1, 2, 3)
    assert found[0].byte_offset == len(FORMAT.header)
    assert [one.block_end for one in found[:2]] == [one.byte_offset for one in found[1:]]
    assert found[2].block_end == path.stat().st_size


def test_several_types_in_one_file(tmp_path: Path) -> None:
    withdrawn = TimeWithdrawn("E-9", NOON, "kantata", "T-1", 2)
    parts = [
        LOG.block("TimeApproved", TIME.encode(entry(1))),
        LOG.block("TimeWithdrawn", EVENT_CODECS["TimeWithdrawn"].encode(withdrawn)),
    ]
    path = file_of(tmp_path, LOG.header, *parts)
    assert good(path) == [entry(1), withdrawn]
    assert [found["event_id"] for found in as_fastavro_reads(path)] == ["E-1", "E-9"]


def test_the_same_records_are_the_same_bytes() -> None:
    """Of nothing but generation, topic and records; fastavro alone would draw a new sync marker for every run."""
    again = ContainerFormat([TIME], "g1", "psa.time")
    assert again.header == FORMAT.header
    assert again.block("TimeApproved", bodies(1)[0]) == FORMAT.block("TimeApproved", bodies(1)[0])
    assert sync_marker("g1", "psa.time").hex() == FORMAT.sync.hex()
    assert len({sync_marker(*at) for at in [("g1", "a"), ("g2", "a"), ("g1", "b"), ("g", "1a")]}) == 4


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_files_of_fastavro_are_read(tmp_path: Path, codec: str) -> None:
    out = io.BytesIO()
    plain = [fastavro.schemaless_reader(io.BytesIO(body), schema_of(TIME), None) for body in bodies(*range(2_000))]
    fastavro.writer(out, schema_of(TIME), plain, codec=codec)
    path = file_of(tmp_path, out.getvalue())
    assert good(path) == [entry(number) for number in range(2_000)]
    assert len({found.byte_offset for found in events_of(path)}) > 5


def schema_of(codec: Any) -> Any:
    return fastavro.parse_schema(json.loads(codec.writer_schema_json))


def test_fastavro_reads_our_files(tmp_path: Path) -> None:
    path = file_of(tmp_path, FORMAT.header, *(FORMAT.block("TimeApproved", body) for body in bodies(1, 2)))
    assert [found["entry_id"] for found in as_fastavro_reads(path)] == ["T-1", "T-2"]


@given(st.lists(st.sampled_from(sorted(OUTPUT_CODECS)).flatmap(records), max_size=5), positions())
def test_outputs_are_read_from_their_file(
    tmp_path_factory: pytest.TempPathFactory, outputs: list[Any], at: Position
) -> None:
    everything = ContainerFormat(list(OUTPUT_CODECS.values()), "g1", "all")
    parts = [everything.block(type(one).__name__, OUTPUT_CODECS[type(one).__name__].encode(at, one)) for one in outputs]
    path = file_of(tmp_path_factory.mktemp("outputs"), everything.header, *parts)
    assert list(decode_output_file(path)) == [(at, one) for one in outputs]
    if parts:
        second = len(everything.header) + len(parts[0])
        assert list(decode_output_file(path, second)) == [(at, one) for one in outputs[1:]]


def test_our_own_file_cut_by_a_crash(tmp_path: Path) -> None:
    alert = Alert("P-1.A1", "cap", "cap", "CAP-1", "75 % of the cap is used")
    at = Position("g1", 0, 1, 0, 1, "E-1", NOON, NOON, None, "1")
    form = ContainerFormat([OUTPUT_CODECS["Alert"]], "g1", "alerts")
    data = form.block("Alert", OUTPUT_CODECS["Alert"].encode(at, alert))
    reading = decode_output_file(file_of(tmp_path, form.header, data, data[:-1]))
    assert next(reading) == (at, alert)
    with pytest.raises(ContainerDamaged, match=rf"events.avro, byte {len(form.header + data)}: ends inside a block"):
        next(reading)


def test_dead_letters_have_no_position(tmp_path: Path) -> None:
    letter = DeadLetter("psa.time", 3, 41, 5, "ab12", "ends inside a number", "hours", raw=b"\xff")
    form = ContainerFormat([DEAD_LETTER_CODEC], "g1", "dead-letters")
    path = file_of(tmp_path, form.header, form.block("DeadLetter", DEAD_LETTER_CODEC.encode(letter)))
    assert list(decode_dead_letters(path)) == [letter]


def test_reading_ends_where_it_is_told(tmp_path: Path) -> None:
    """A file that has grown since a round began is read as it was then."""
    parts = [FORMAT.block("TimeApproved", body) for body in bodies(1, 2, 3)]
    path = file_of(tmp_path, FORMAT.header, *parts)
    first = len(FORMAT.header) + len(parts[0])
    second = first + len(parts[1])
    assert [found.byte_offset for found in events_of(path, end=second)] == [len(FORMAT.header), first]
    assert [found.byte_offset for found in events_of(path, start=first, end=second)] == [first]


def test_a_wrong_value_costs_its_record_and_a_wrong_length_the_rest_of_its_block(tmp_path: Path) -> None:
    one, three = bodies(1, 3)
    dated = TIME.encode(entry(2)._replace(worked_on=dt.date(2026, 3, 4)))
    bad_date = dated.replace(long_bytes(20_516), long_bytes(50_000))
    assert bad_date != dated
    path = file_of(tmp_path, FORMAT.header, block(one, bad_date, three), block(three))
    assert good(path) == [entry(1), entry(3), entry(3)]
    (found,) = damage(path)
    assert (found.number, found.field_path, found.raw) == (1, "worked_on", bad_date)
    assert found.reason == "a date outside 1990-01-01 to 2100-12-31: day 50000 from 1970-01-01"
    path = file_of(tmp_path, FORMAT.header, block(one, b"\xff" * 9 + b"\x7f", three), block(three))
    assert good(path) == [entry(1), entry(3)]
    (found,) = damage(path)
    assert (found.number, found.field_path) == (1, "event_id")


def test_a_block_that_is_damaged_costs_itself(tmp_path: Path) -> None:
    path = file_of(tmp_path, FORMAT.header, block(*bodies(1)), block(*bodies(2), sync=b"x" * 16), block(*bodies(3)))
    second = len(FORMAT.header) + len(block(*bodies(1)))
    # The next marker is the one after the third block, for the second has none.
    assert good(path) == [entry(1)]
    (found,) = damage(path)
    assert (found.path, found.byte_offset) == (path, second)
    for wreck in (
        long_bytes(1) + long_bytes(2**40) + b"12345" + FORMAT.sync,
        long_bytes(1) + long_bytes(-1) + FORMAT.sync,
        long_bytes(1) + long_bytes(BLOCK_BYTES_MAX + 1) + FORMAT.sync,
        long_bytes(-1) + long_bytes(1) + b"1" + FORMAT.sync,
        long_bytes(2**40) + long_bytes(3) + b"123" + FORMAT.sync,
        b"\xff" * 30 + FORMAT.sync,
        b"noise" * 300_000 + FORMAT.sync,
    ):
        path = file_of(tmp_path, FORMAT.header, block(*bodies(1)), wreck, block(*bodies(3)))
        assert good(path) == [entry(1), entry(3)]
        (found,) = damage(path)
        assert found.byte_offset == second
        assert len(found.raw) <= 900_000


def test_reading_goes_on_at_the_next_marker_however_far_it_is(tmp_path: Path) -> None:
    for noise in (0, 15, 16, 100, 239, 240, 241, 255, 256, 257, 767, 768, 3_000_000):
        wreck = b"\xff" * 10 + b"n" * noise + FORMAT.sync
        path = file_of(tmp_path, FORMAT.header, wreck, block(*bodies(3)))
        assert good(path) == [entry(3)]
        (found,) = damage(path)
        assert found.raw == wreck[:900_000]


def test_a_cut_file_gives_what_is_whole(tmp_path: Path) -> None:
    data = FORMAT.header + block(*bodies(1)) + block(*bodies(2))
    whole = len(FORMAT.header + block(*bodies(1)))
    for cut in range(whole, len(data)):
        path = file_of(tmp_path, data[:cut])
        assert good(path) == [entry(1)]
        assert len(damage(path)) == (cut > whole)
    for cut in range(0, len(FORMAT.header), 97):
        path = file_of(tmp_path, data[:cut])
        assert good(path) == []
        assert len(damage(path)) == 1


def test_bytes_behind_the_last_record_of_a_block(tmp_path: Path) -> None:
    path = file_of(tmp_path, FORMAT.header, block(*bodies(1, 2), count=1), block(*bodies(3)))
    assert good(path) == [entry(1), entry(3)]
    assert "behind the last record" in damage(path)[0].reason


def test_a_branch_that_the_union_has_not(tmp_path: Path) -> None:
    for branch in (-1, len(EVENT_CODECS), 2**40):
        body = long_bytes(branch) + bodies(1)[0]
        path = file_of(tmp_path, LOG.header, block(body, sync=LOG.sync), LOG.block("TimeApproved", bodies(2)[0]))
        assert good(path) == [entry(2)]
        assert "union index" in damage(path)[0].reason


def test_compressed_blocks_are_bounded(tmp_path: Path) -> None:
    def deflated(data: bytes) -> bytes:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()

    bomb = deflated(b"\x00" * (BLOCK_BYTES_MAX + 1))
    largest = deflated(b"\x00" * BLOCK_BYTES_MAX)
    start = header(json.loads(TIME.writer_schema_json), "deflate")
    fine = deflated(bodies(1)[0])
    path = file_of(tmp_path, start, block(bomb), block(fine), block(fine[:-1]), block(fine + b"12345"), block(b"junk"))
    assert good(path) == [entry(1)]
    reasons = [found.reason for found in damage(path)]
    assert len(reasons) == 4
    assert "decompresses to more" in reasons[0]
    assert "decompress" not in damage(file_of(tmp_path, start, block(largest)))[0].reason


@pytest.mark.parametrize("codec", ["snappy", "bzip2", "zstandard", "x" * 1000])
def test_other_compressions_are_refused(tmp_path: Path, codec: str) -> None:
    path = file_of(tmp_path, header(json.loads(TIME.writer_schema_json), codec))
    assert "codec null or deflate" in damage(path)[0].reason


def changed(**changes: Any) -> Any:
    """The schema of TimeApproved with the field `hours` changed."""
    schema = json.loads(TIME.writer_schema_json)
    fields = [{**field, **changes} if field["name"] == "hours" else field for field in schema["fields"]]
    return {**schema, "fields": fields}


@pytest.mark.parametrize(
    "schema",
    [
        changed(name="hour"),
        changed(type=["null", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}]),
        changed(type=["null", "bytes"]),
        {**changed(), "name": "TimeApproveds"},
        {**changed(), "namespace": "elsewhere", "name": "TimeApproved"},
        {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]},
        {"type": "array", "items": "null"},
        "string",
        "milepost.events.TimeApproved",
        [],
        [changed(), "null"],
        {"type": ["null", "string"]},
        {"type": {"type": "record"}},
        {"type": "record", "name": 7},
        {"type": "enum", "name": "\ud800", "symbols": ["\ud800"]},
        {"type": "record", "name": "x" * 9_000, "fields": [{"name": "a", "type": "x" * 9_000}]},
        {"type": "record", "name": "A", "namespace": ["b"], "fields": []},
        {"type": "record", "name": "A", "fields": ["b"]},
        {"type": "record", "name": "A", "fields": [{"name": "b"}]},
        {"type": "record", "name": "A", "fields": [{"name": {}, "type": "int"}]},
        {"type": "enum", "name": "A", "symbols": {}},
        {"type": "bytes", "logicalType": "decimal", "precision": json.loads("[" * 500 + "]" * 500)},
        ["null"] * 5_000,
        None,
        7,
    ],
)
def test_only_schemas_that_were_released_are_read(tmp_path: Path, schema: Any) -> None:
    """A scale of 4 where hours have 6 would make every hour a hundred."""
    path = file_of(tmp_path, header(schema), block(*bodies(1)))
    assert good(path) == []
    (found,) = damage(path)
    assert len(found.reason) < 200
    assert found.reason.isascii()


def test_a_file_of_an_older_version_is_read_into_todays_class(tmp_path: Path) -> None:
    """What the class has gained since then has its default."""
    old = changed()
    old["fields"] = [field for field in old["fields"] if field["name"] != "hours"]
    decoder: Decoder[Event] = Decoder(old, bind(old, {"milepost.events.TimeApproved": TimeApproved}, {}))
    without_hours = bodies(1)[0].replace(b"\x02\x06\x72\x70\xe0", b"", 1)
    path = file_of(tmp_path, header(old), block(without_hours))
    (found,) = read_container(path, {decoder.fingerprint: decoder})
    assert isinstance(found, ContainerRecord)
    assert found.record == entry(1)._replace(hours=None)
    assert good(path) == []


def test_words_and_attributes_of_other_tools_in_a_schema_do_no_harm(tmp_path: Path) -> None:
    schema = json.loads(TIME.writer_schema_json)
    fields = [
        {**field, "doc": "theirs", "type": {"type": "string", "avro.java.string": "String"}}
        if field["type"] == "string"
        else field
        for field in schema["fields"]
    ]
    theirs = {**schema, "name": "TimeApproved", "namespace": "milepost.events", "doc": "theirs", "fields": fields}
    assert good(file_of(tmp_path, header(theirs), block(*bodies(1)))) == [entry(1)]


def test_headers_are_bounded(tmp_path: Path) -> None:
    for start in (
        b"Obj\x01" + long_bytes(2**40),
        b"Obj\x01" + long_bytes(-5) + long_bytes(2**50),
        b"Obj\x01" + long_bytes(1) + long_bytes(2**40),
        header("x" * 300_000),
        header({"doc": "x" * 300_000, **json.loads(TIME.writer_schema_json)}),
        b"Obj\x01" + long_bytes(1) + b"\x02a" + long_bytes(2_000_000) + b"x" * 2_000_000 + b"\x00" + FORMAT.sync,
        header(0).replace(b"0", b"[" * 200_000),
        b"",
        b"PK\x03\x04",
        b"Obj\x02",
    ):
        path = file_of(tmp_path, start, block(*bodies(1)))
        assert good(path) == []
        assert len(damage(path)) == 1


def test_a_schema_without_the_field_codec_is_not_compressed(tmp_path: Path) -> None:
    start = b"Obj\x01\x02\x16avro.schema" + long_bytes(len(TIME.writer_schema_json)) + TIME.writer_schema_json.encode()
    assert good(file_of(tmp_path, start, b"\x00", FORMAT.sync, block(*bodies(1)))) == [entry(1)]


@given(st.integers(0, 2**32))
def test_any_change_of_bytes_costs_records_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = Random(seed)
    data = bytearray(FORMAT.header + b"".join(block(*bodies(n, n + 1)) for n in range(0, 10, 2)))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randint(0, 2):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 20)]
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 20))
    path = file_of(tmp_path_factory.mktemp("fuzz"), bytes(data))
    places = [(found.byte_offset, found.number) for found in events_of(path)]
    assert places == sorted(places)
