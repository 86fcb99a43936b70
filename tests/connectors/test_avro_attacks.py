"""Bytes and schemas that have crashed, stalled or misled readers; each is refused with place and reason."""

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

import pytest

from connectors.avro_reader import made_reader, reader
from connectors.avro_schema import SchemaRefused, bind, definitions, parse, self_contained
from connectors.avro_walk import ITEMS_MAX, MESSAGE_BYTES_MAX, long_bytes
from connectors.decode_error import DecodeError

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
DATE = {"type": "int", "logicalType": "date"}
INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
ROLE = {"type": "enum", "name": "Role", "symbols": ["junior", "senior"]}


def record_of(field_type: Any) -> Any:
    """A record with one field, `value`, bound to a class."""
    schema = {"type": "record", "name": "Sample", "fields": [{"name": "value", "type": field_type}]}
    inner = {name: definition for name, definition in definitions(schema).items() if definition["type"] == "record"}
    holders = {name: namedtuple(name, [field["name"] for field in found["fields"]]) for name, found in inner.items()}
    return bind(self_contained(schema, definitions(schema)), holders, {})


def read(field_type: Any, data: bytes) -> Any:
    """Compiled, where a C compiler was at hand, and not."""
    record = record_of(field_type)
    found = reader(record)(data).value
    assert found == made_reader(record)(data).value
    return found


def refusal(field_type: Any, data: bytes) -> DecodeError:
    record = record_of(field_type)
    with pytest.raises(DecodeError) as caught:
        reader(record)(data)
    with pytest.raises(DecodeError) as other:
        made_reader(record)(data)
    assert str(caught.value) == str(other.value)
    return caught.value


def test_what_is_valid_is_read() -> None:
    assert read("long", b"\x02") == 1
    assert read(ROLE, b"\x02") == "senior"
    assert read(["null", "string"], b"\x02\x04hi") == "hi"
    assert read({"type": "array", "items": "int"}, b"\x04\x02\x03\x00") == (1, -2)


@pytest.mark.parametrize("index", [b"\x01", b"\x03", b"\x04", b"\x7f"])
def test_enum_index_outside_its_symbols(index: bytes) -> None:
    """A negative index would silently be the last symbol."""
    assert "enum index" in refusal(ROLE, index).reason


@pytest.mark.parametrize("index", [b"\x01", b"\x04", b"\x7f"])
def test_union_index_outside_its_branches(index: bytes) -> None:
    """A negative index would silently be the last branch."""
    assert "union index" in refusal(["null", "string"], index + b"\x00").reason


def test_union_of_records_with_an_index_outside_its_branches() -> None:
    one, two = ({"type": "record", "name": n, "fields": [{"name": "a", "type": "int"}]} for n in ("One", "Two"))
    assert read([one, two], b"\x02\x06") == (3,)
    for index in (b"\x01", b"\x03", b"\x04"):
        assert "union index" in refusal([one, two], index + b"\x06").reason


def test_a_number_of_more_than_ten_bytes() -> None:
    assert "10 bytes" in refusal("long", b"\xff" * 19 + b"\x01").reason


def test_a_number_of_ten_bytes_that_does_not_fit_in_64_bits() -> None:
    assert read("long", b"\xff" * 9 + b"\x01") == -(2**63)
    assert "64 bits" in refusal("long", b"\xff" * 9 + b"\x02").reason
    assert "64 bits" in refusal("long", b"\xff" * 9 + b"\x7f").reason


def test_a_number_with_superfluous_bytes_is_read() -> None:
    assert read("long", b"\x82\x80\x00") == 1
    assert read("string", b"\x84\x00hi") == "hi"


def test_an_int_over_32_bits() -> None:
    assert read("int", long_bytes(2**31 - 1)) == 2**31 - 1
    assert read("int", long_bytes(-(2**31))) == -(2**31)
    for value in (2**31, -(2**31) - 1, 2**40):
        assert "32 bits" in refusal("int", long_bytes(value)).reason


@pytest.mark.parametrize("byte", [2, 7, 255])
def test_a_boolean_that_is_neither_0_nor_1(byte: int) -> None:
    assert "boolean" in refusal("boolean", bytes([byte])).reason


@pytest.mark.parametrize("field_type", ["string", "bytes", DECIMAL])
@pytest.mark.parametrize("length", [2**40, 3, -5, -1, 2**62])
def test_a_length_that_is_not_there(field_type: Any, length: int) -> None:
    assert "length" in refusal(field_type, long_bytes(length) + b"ab").reason


def test_text_that_is_not_utf_8() -> None:
    for data in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x82"):
        assert "UTF-8" in refusal("string", long_bytes(len(data)) + data).reason


def test_text_of_any_length_is_checked() -> None:
    for length in (62, 63, 64, 65, 8191, 8192):
        assert read("string", long_bytes(length) + b"x" * length) == "x" * length
        assert "UTF-8" in refusal("string", long_bytes(length) + b"x" * (length - 1) + b"\xff").reason


@pytest.mark.parametrize("count", [2**40, 5, 2**62])
def test_more_items_than_bytes_are_left(count: int) -> None:
    """2^40 empty items are eight bytes, and a list that grows until the process dies."""
    assert "items" in refusal({"type": "array", "items": "int"}, long_bytes(count) + b"\x02\x02").reason
    assert "items" in refusal({"type": "map", "values": "int"}, long_bytes(count) + b"\x02a\x02").reason


def test_more_than_ten_thousand_items() -> None:
    items = {"type": "array", "items": "int"}
    full = long_bytes(ITEMS_MAX) + b"\x02" * ITEMS_MAX
    assert len(read(items, full + b"\x00")) == ITEMS_MAX
    assert "10000" in refusal(items, long_bytes(ITEMS_MAX + 1) + b"\x02" * (ITEMS_MAX + 1) + b"\x00").reason
    assert "10000" in refusal(items, full + b"\x02\x02\x00").reason
    assert "10000" in refusal(items, b"\x02\x02" * (ITEMS_MAX + 1) + b"\x00").reason


def test_blocks_that_state_their_size() -> None:
    """A negative count and the size in bytes, as the specification allows."""
    items = {"type": "array", "items": "int"}
    assert read(items, long_bytes(-2) + long_bytes(2) + b"\x02\x04" + b"\x02\x06" + b"\x00") == (1, 2, 3)
    assert read({"type": "map", "values": "int"}, long_bytes(-1) + long_bytes(3) + b"\x02a\x06" + b"\x00") == {"a": 3}
    for size in (1, 3):
        assert "block" in refusal(items, long_bytes(-2) + long_bytes(size) + b"\x02\x04" + b"\x00" * 2).reason
    assert "length" in refusal(items, long_bytes(-2) + long_bytes(-2) + b"\x02\x04\x00").reason
    assert "items" in refusal(items, long_bytes(-(2**62)) + long_bytes(1) + b"\x02\x00").reason


def test_a_key_that_comes_twice_in_a_map() -> None:
    assert "twice" in refusal({"type": "map", "values": "int"}, b"\x04\x02a\x02\x02a\x04\x00").reason


@pytest.mark.parametrize("size", [0, 17, 60_000, 900_000])
def test_a_decimal_of_too_many_bytes(size: int) -> None:
    """Converting a megabyte to a decimal takes most of a minute."""
    assert "decimal" in refusal(DECIMAL, long_bytes(size) + b"\x01" * size).reason


def test_a_decimal_over_its_precision() -> None:
    for value in (10**9 - 1, -(10**9) + 1):
        assert read(DECIMAL, b"\x08" + value.to_bytes(4, "big", signed=True)) == value
    for value in (10**9, -(10**9)):
        assert "digits" in refusal(DECIMAL, b"\x08" + value.to_bytes(4, "big", signed=True)).reason


def test_a_decimal_longer_than_it_need_be_is_read() -> None:
    assert read(DECIMAL, b"\x20" + (7).to_bytes(16, "big")) == 7


def test_dates_outside_1990_to_2100() -> None:
    for days in (7_304, 47_847, 2**31 - 1, -1, -(2**31)):
        assert "1990" in refusal(DATE, long_bytes(days)).reason
    assert read(DATE, long_bytes(7_305)).isoformat() == "1990-01-01"
    assert read(DATE, long_bytes(8_191)).isoformat() == "1992-06-05"
    assert read(DATE, long_bytes(8_192)).isoformat() == "1992-06-06"
    assert read(DATE, long_bytes(47_846)).isoformat() == "2100-12-31"


def test_instants_outside_1990_to_2100() -> None:
    first, last = 7_305 * 86_400_000_000, 47_847 * 86_400_000_000 - 1
    for value in (first, first + 1, last, last - 1):
        assert read(INSTANT, long_bytes(value)) == value
    for value in (first - 1, last + 1, 0, -1, -(2**63), 2**63 - 1):
        assert "1990" in refusal(INSTANT, long_bytes(value)).reason


def test_bytes_after_the_record() -> None:
    assert refusal("long", b"\x02\x00").reason == "1 bytes after the end of the record"


@pytest.mark.parametrize("field_type", ["long", "boolean", "string", DECIMAL, DATE, INSTANT, ROLE, ["null", "long"]])
def test_nothing_at_all(field_type: Any) -> None:
    assert refusal(field_type, b"").field_path == "value"


def test_a_message_over_1_mb() -> None:
    size = MESSAGE_BYTES_MAX - 3
    assert len(read("string", long_bytes(size) + b"x" * size)) == size
    assert "at most" in refusal("string", long_bytes(size + 1) + b"x" * (size + 1)).reason


def test_the_message_says_where_and_what() -> None:
    line = {"type": "record", "name": "Line", "fields": [{"name": "note", "type": "string"}]}
    error = refusal({"type": "array", "items": line}, b"\x04\x0asound\x0asecr\xff\x00")
    assert str(error) == "value[1].note: text that is not valid UTF-8: b'secr\\xff' (byte 8)"


def refused(schema: Any) -> str:
    with pytest.raises(SchemaRefused) as caught:
        bind(self_contained(schema, definitions(schema)), {}, {})
    return str(caught.value)


def test_a_recursive_schema() -> None:
    """100 KB of nested markers have ended a whole process with it."""
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    assert "contains itself" in refused(node)


def test_schemas_that_contain_each_other() -> None:
    second = {"type": "record", "name": "B", "fields": [{"name": "a", "type": {"type": "array", "items": "A"}}]}
    assert "contains itself" in refused({"type": "record", "name": "A", "fields": [{"name": "b", "type": second}]})


def test_a_schema_nested_deeper_than_32() -> None:
    deep: Any = "int"
    for _ in range(40):
        deep = {"type": "array", "items": deep}
    assert "deeper" in refused({"type": "record", "name": "Deep", "fields": [{"name": "a", "type": deep}]})


@pytest.mark.parametrize("empty", ["null", {"type": "record", "name": "Empty", "fields": []}])
def test_items_without_a_size(empty: Any) -> None:
    items = {"type": "array", "items": empty}
    assert refused({"type": "record", "name": "A", "fields": [{"name": "a", "type": items}]})


@pytest.mark.parametrize(
    "odd",
    ["float", "double", {"type": "fixed", "name": "F", "size": 4}, ["null", "string", "long"], ["string"], [], 7, None],
)
def test_types_that_no_record_of_ours_uses(odd: Any) -> None:
    assert refused({"type": "record", "name": "A", "fields": [{"name": "a", "type": odd}]})


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 200_000, b'"' + b"x" * 300_000 + b'"'])
def test_text_that_is_no_schema(text: bytes) -> None:
    with pytest.raises(SchemaRefused):
        parse(text)


def test_a_type_that_is_defined_twice() -> None:
    fields = [{"name": n, "type": {"type": "enum", "name": "E", "symbols": ["a"]}} for n in ("x", "y")]
    assert "twice" in refused({"type": "record", "name": "A", "fields": fields})


def test_parsed_schemas_are_plain_json() -> None:
    assert parse(json.dumps({"type": "string"}).encode()) == {"type": "string"}
