"""Bodies of events and outputs: what is written is read again, by us and by others, and nothing else is."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from decimal import Decimal as Number
from functools import partial
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import avro_walk
from connectors.avro_codec import (
    DEAD_LETTER_CODEC,
    EVENT_CODECS,
    OUTPUT_CODECS,
    Decoder,
    Versions,
    encode_position,
    event_versions,
    numbered,
    output_versions,
    position_around,
)
from connectors.avro_reader import made_reader
from connectors.avro_schema import (
    Array,
    Decimal,
    Instant,
    MapType,
    Optional,
    RecordType,
    Type,
    Union,
    bind,
    definitions,
    fingerprint,
    self_contained,
    with_todays_names,
)
from connectors.avro_source import ENTRIES_MAX, MadeTable
from connectors.avro_writer import LENGTHS_MAX, made_writer, whole_piece, writer
from connectors.decode_error import DecodeError, EncodeError
from domain.events.catalogue import Event
from domain.events.common import ContractLine, TimeAndMaterials
from domain.events.delivery import MilestoneAccepted, TimeApproved
from domain.outputs import DeadLetter, JournalEntry, JournalLine, Position
from tests.strategies import CODECS, positions, records

NOON = 1_772_625_600_000_000  # 2026-03-04T12:00:00Z


def time_approved(**changes: Any) -> TimeApproved:
    entry = TimeApproved(
        event_id="E-1",
        occurred_at=NOON,
        source="kantata",
        entry_id="T-1",
        version=1,
        project_id="P-1",
        person_id="ann",
        approved_by="bob",
        worked_on=dt.date(2026, 3, 4),
        hours=7_500_000,
    )
    return entry._replace(**changes)


def body(name: str, position: Position, record: Any) -> bytes:
    if name in OUTPUT_CODECS:
        return OUTPUT_CODECS[name].encode(position, record)
    return CODECS[name].encode(record)  # type: ignore[attr-defined]


def expected(name: str, position: Position, record: Any) -> Any:
    return (position, record) if name in OUTPUT_CODECS else record


def every_kind() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", CODECS)


@every_kind()
def test_schema_and_class_have_the_same_fields(name: str) -> None:
    record = CODECS[name].record
    assert [field.name for field in record.fields] == list(record.names)


@every_kind()
def test_a_record_is_read_as_it_was_written_and_nothing_else_is(name: str) -> None:
    """The fast functions, compiled and not, agree with the careful ones, also where bytes are changed: same value, or same reason."""
    codec = CODECS[name]
    interpreted, write = made_reader(codec.record), made_writer(codec.record)

    @given(positions(), records(name), st.integers(0, 2**32))
    def check(position: Position, record: Any, seed: int) -> None:
        data = body(name, position, record)
        assert data.endswith(avro_walk.write(codec.record, record))
        assert data.endswith(write(record))
        assert codec.decode(data) == interpreted(data) == expected(name, position, record)
        assert codec.decode_from(b"?" + data + b"?", 1) == (expected(name, position, record), 1 + len(data))
        chance = Random(seed)
        for _ in range(4):
            changed = mutated(data, chance)
            careful = outcome(partial(avro_walk.read_whole, codec.record), changed)
            assert outcome(codec.decode, changed) == outcome(interpreted, changed) == careful

    check()


def mutated(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed) + 1)
        match chance.randint(0, 3):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed.insert(at, chance.choice([0, 1, 2, 127, 128, 255]))
            case 2:
                del changed[at : at + 1]
            case 3:
                del changed[at:]
    return bytes(changed)


def outcome(decode: Any, data: bytes) -> Any:
    try:
        return decode(data)
    except DecodeError as error:
        return (error.reason, error.field_path, error.position)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_decode_error(data: bytes) -> None:
    for name in ("TimeApproved", "ContractSigned", "JournalEntry"):
        outcome(CODECS[name].decode, data)


@every_kind()
def test_fastavro_reads_what_we_write_and_we_what_it_writes(name: str) -> None:
    codec = CODECS[name]
    schema = fastavro.parse_schema(json.loads(codec.writer_schema_json))

    @given(positions(), records(name))
    def check(position: Position, record: Any) -> None:
        data = body(name, position, record)
        plain = fastavro.schemaless_reader(io.BytesIO(data), schema, None)
        theirs = as_fastavro(codec.record, record)
        if codec.record.head is not None:
            theirs = {**as_fastavro(codec.record.head, position), **theirs}
        assert plain == theirs
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, with_branches(codec.record, record, position))
        assert codec.decode(out.getvalue()) == expected(name, position, record)

    check()


def as_fastavro(kind: Type, value: Any) -> Any:
    """The value as fastavro gives it: decimals, datetimes, dicts."""
    match kind:
        case Decimal(_, scale):
            return Number((value < 0, tuple(map(int, str(abs(value)))), -scale))
        case Instant():
            return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=value)
        case Optional(inner):
            return None if value is None else as_fastavro(inner, value)
        case Array(item):
            return [as_fastavro(item, one) for one in value]
        case MapType(inner):
            return {key: as_fastavro(inner, one) for key, one in value.items()}
        case Union(branches):
            branch = next(found for found in branches if found and found.holder is type(value))
            return as_fastavro(branch, value)
        case RecordType():
            return {field.name: as_fastavro(field.type, one) for field, one in zip(kind.fields, value, strict=True)}
        case _:
            return value


def with_branches(record: RecordType, value: Any, position: Position) -> Any:
    """As `as_fastavro`, with the branch of a union named, and the position in front."""

    def named(kind: Type, one: Any) -> Any:
        match kind:
            case Optional(inner):
                return None if one is None else named(inner, one)
            case Array(item):
                return [named(item, entry) for entry in one]
            case Union(branches):
                branch = next(found for found in branches if found and found.holder is type(one))
                return (branch.name, named(branch, one))
            case RecordType():
                return {field.name: named(field.type, entry) for field, entry in zip(kind.fields, one, strict=True)}
            case _:
                return as_fastavro(kind, one)

    head = {} if record.head is None else as_fastavro(record.head, position)
    return {**head, **named(record, value)}


@given(positions())
def test_pieces_around_the_numbers_make_the_position(position: Position) -> None:
    around = position_around(position.generation, position.shard, position.rules_version)
    pieces = around(
        position.log_offset, position.event_id, position.occurred_at, position.recorded_at, position.correlation_id
    )
    assert numbered(pieces, position.ordinal, position.output_seq, b"content") == encode_position(position) + b"content"


def test_what_is_wrong_with_a_position_is_said_by_its_field() -> None:
    around = position_around("g1", 3, "1")
    with pytest.raises(EncodeError, match="occurred_at"):
        around(7, "E-1", -1, NOON, None)


def test_equal_maps_are_equal_bytes() -> None:
    """Two replays may fill a map in different order; their outputs are the same bytes."""
    encode = EVENT_CODECS["TimeApproved"].encode
    one = encode(time_approved(dimensions={"region": "emea", "practice": "data"}))
    assert encode(time_approved(dimensions={"practice": "data", "region": "emea"})) == one


def test_lines_may_have_different_dimensions() -> None:
    dimensions: list[dict[str, str]] = [{"a": "1"}, {"a": "1"}, {}, {"a": "2", "b": "1"}, {"a": "1"}, {"a": "11"}]
    lines = tuple(
        JournalLine(account="1150", purpose="cost", amount=1, ledger_amount=1, dimensions=one) for one in dimensions
    )
    codec = OUTPUT_CODECS["JournalEntry"]
    journal = avro_walk.read_whole(codec.record, codec.encode(position(), journal_entry(lines)))[1]
    assert [line.dimensions for line in journal.lines] == dimensions
    decoded = codec.decode(codec.encode(position(), journal_entry(lines)))[1]
    assert decoded == journal_entry(lines)


def test_a_nought_of_several_bytes_ends_a_map_or_an_array() -> None:
    """The fast function leaves it to the careful one, which also finds what stands after it."""
    codec = EVENT_CODECS["TimeApproved"]
    whole, filled = (codec.encode(time_approved(dimensions=each)) for each in ({}, {"a": "1"}))
    nought = next(place for place, (one, other) in enumerate(zip(whole, filled, strict=False)) if one != other)
    longer = whole[:nought] + b"\x80\x00" + whole[nought + 1 :]
    assert codec.decode(longer) == time_approved(dimensions={})
    with pytest.raises(DecodeError, match="1 bytes after the end"):
        codec.decode(longer + b"\x00")


def position() -> Position:
    return Position("g1", 3, 41, 0, 7, "E-1", NOON, NOON, None, "1")


def journal_entry(lines: tuple[JournalLine, ...]) -> JournalEntry:
    return JournalEntry(
        journal_id="P-1.8c2f",
        kind="posting",
        legal_entity_id="LE-1",
        currency="EUR",
        ledger_currency="EUR",
        exchange_rate=10**12,
        accounting_date=dt.date(2026, 3, 4),
        period="2026-03",
        rule="cost",
        affected_kind="time_entry",
        affected_id="T-1",
        affected_version=1,
        cause_kind="time_entry",
        cause_id="T-1",
        cause_version=1,
        deliver=True,
        lines=lines,
    )


def test_a_dead_letter_has_no_position() -> None:
    letter = DeadLetter("psa.time", 3, 41, 5, "ab12", "ends inside a number", "hours", raw=b"\x00\xff\x00\xff\x00")
    assert DEAD_LETTER_CODEC.decode(DEAD_LETTER_CODEC.encode(letter)) == letter


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"hours": 10**18}, "hours"),
        ({"hours": Number("7.5")}, "hours"),
        ({"hours": 7.5}, "hours"),
        ({"worked_on": dt.date(1989, 12, 31)}, "worked_on"),
        ({"worked_on": "2026-03-04"}, "worked_on"),
        ({"occurred_at": 0}, "occurred_at"),
        ({"occurred_at": dt.datetime(2026, 3, 4, tzinfo=dt.UTC)}, "occurred_at"),
        ({"version": 2**63}, "version"),
        ({"version": "1"}, "version"),
        ({"entry_id": None}, "entry_id"),
        ({"entry_id": "\ud800"}, "entry_id"),
        ({"billable": "yes"}, "billable"),
        ({"dimensions": {"region": 7}}, "dimensions{}"),
    ],
)
def test_what_the_schema_cannot_hold_is_named(change: dict[str, Any], place: str) -> None:
    with pytest.raises(EncodeError) as caught:
        EVENT_CODECS["TimeApproved"].encode(time_approved(**change))
    assert caught.value.field_path == place


def test_an_unknown_symbol_and_a_wrong_class_are_named() -> None:
    lines = (JournalLine(account="1150", purpose="bribe", amount=1, ledger_amount=1),)
    with pytest.raises(EncodeError, match=r"lines\[0\].purpose: expected one of"):
        OUTPUT_CODECS["JournalEntry"].encode(position(), journal_entry(lines))
    milestone = MilestoneAccepted("E-1", NOON, "kantata", "M-1", 1, dt.date(2026, 3, 4), "bob")
    with pytest.raises(EncodeError, match="expected TimeApproved"):
        EVENT_CODECS["TimeApproved"].encode(milestone)


def test_a_record_without_its_last_fields_is_not_written() -> None:
    short = tuple.__new__(TimeApproved, time_approved()[:5])
    for write in (writer, made_writer):
        with pytest.raises(IndexError):
            write(EVENT_CODECS["TimeApproved"].record)(short)


def test_the_class_decides_the_branch_of_a_union() -> None:
    line = ContractLine(line_id="L1", project_id="P-1", terms=TimeAndMaterials())
    lines = next(field.type for field in EVENT_CODECS["ContractSigned"].record.fields if field.name == "lines")
    assert isinstance(lines, Array)
    assert isinstance(lines.item, RecordType)
    assert avro_walk.read_value(lines.item, writer(lines.item)(line), 0)[0] == line
    with pytest.raises(EncodeError, match="terms: expected one of TimeAndMaterials, FixedPrice"):
        writer(lines.item)(line._replace(terms=line))  # type: ignore[arg-type]


def test_a_table_that_fills_itself_stays_bounded() -> None:
    table = MadeTable(str, {None: "null"})
    for number in range(ENTRIES_MAX + 10):
        assert table[number] == str(number)
    assert ENTRIES_MAX // 2 < len(table) <= ENTRIES_MAX
    assert ENTRIES_MAX in table
    assert 0 not in table
    assert table[None] == "null"


@pytest.mark.parametrize("limit", [0, 64, LENGTHS_MAX, 1 << 20, 1 << 27, 1 << 41, 1 << 62, 1 << 63])
def test_a_whole_number_is_the_same_bytes_however_it_is_written(limit: int) -> None:
    for value in (limit - 1, limit, limit + 1, -limit):
        if -(1 << 63) <= value < 1 << 63:
            assert whole_piece(value) == avro_walk.long_bytes(value)
        else:
            with pytest.raises(ValueError, match=r"^$"):
                whole_piece(value)


def test_every_released_schema_is_read_into_todays_classes() -> None:
    assert {decoder.name for decoder in event_versions().values()} == set(EVENT_CODECS)
    assert {decoder.name for decoder in output_versions().values()} == set(OUTPUT_CODECS)


def test_schemas_before_todays_are_read_once_something_was_written_with_them() -> None:
    today, old = EVENT_CODECS["TimeApproved"], EVENT_CODECS["ExpenseApproved"]
    asked: list[str] = []

    def before() -> Iterator[Decoder[Event]]:
        asked.append("before")
        yield old

    versions = Versions[Decoder[Event]]([today], before)
    assert versions[today.fingerprint] is today
    assert asked == []
    assert versions[old.fingerprint] is old
    assert set(versions) == {today.fingerprint, old.fingerprint}
    assert versions.get("of nobody") is None
    assert asked == ["before"]


def test_an_older_event_gets_the_defaults_of_what_came_later() -> None:
    codec = EVENT_CODECS["TimeApproved"]
    old = {**codec.schema, "fields": [f for f in codec.schema["fields"] if f["name"] not in {"overtime", "dimensions"}]}
    record = bind(old, {"milepost.events.TimeApproved": TimeApproved}, {})
    out = io.BytesIO()
    plain = as_fastavro(codec.record, time_approved(overtime=True))
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(old))), plain)
    assert avro_walk.read_whole(record, out.getvalue()) == time_approved(overtime=False)


def test_a_renamed_field_is_read_under_its_new_name() -> None:
    codec = EVENT_CODECS["TimeApproved"]
    fields = [{**f, "name": "worker_id" if f["name"] == "person_id" else f["name"]} for f in codec.schema["fields"]]
    renamed = with_todays_names(
        {**codec.schema, "fields": fields}, {"milepost.events.TimeApproved": {"worker_id": "person_id"}}
    )
    record = bind(renamed, {"milepost.events.TimeApproved": TimeApproved}, {})
    assert avro_walk.read_whole(record, codec.encode(time_approved())) == time_approved()


def test_the_fingerprint_tells_scales_apart_and_ignores_words() -> None:
    """The canonical form of the Avro specification calls decimal(18,4) and decimal(18,6) the same."""

    def amount(scale: int, doc: str) -> Any:
        kind = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": scale}
        schema = {"type": "record", "name": "A", "doc": doc, "fields": [{"name": "a", "type": kind, "doc": doc}]}
        return self_contained(schema, definitions(schema))

    assert fingerprint(amount(4, "one")) == fingerprint(amount(4, "two"))
    assert fingerprint(amount(4, "one")) != fingerprint(amount(6, "one"))


def test_fingerprints_differ_between_all_records() -> None:
    assert len({codec.fingerprint for codec in CODECS.values()}) == len(CODECS)
