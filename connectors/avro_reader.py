"""Makes, from a schema, functions that read its records: compiled ones where a C compiler was at hand (`compiled.py`), else Python, as
`dataclasses` makes `__init__`.

Of Python: a few instructions a field: one-byte lengths and indexes are looked up, dates and the upper part of instants come from
tables. A string that runs over the end needs no check of its own: the next byte is missing, or the record does not end
where the data ends. Whatever a function does not recognise it hands to `avro_walk`, which decides and explains; so the
functions may be strict about what is rare (numbers with superfluous bytes, sized blocks) and are never lax.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, partial
from itertools import repeat
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from connectors import avro_schema as avro
from connectors.avro_source import Code, MadeTable, is_flat
from connectors.avro_walk import (
    DAY_FIRST,
    DAY_LAST,
    DECIMAL_BYTES_MAX,
    EPOCH,
    INSTANT_FIRST,
    INSTANT_LAST,
    ITEMS_MAX,
    MESSAGE_BYTES_MAX,
    read_from,
    read_whole,
    whole,
)
from connectors.compiled import native
from connectors.decode_error import DecodeError

Read = Callable[[bytes], Any]
ReadFrom = Callable[[bytes, int], tuple[Any, int]]

UNREADABLE: Final = (DecodeError, LookupError, ValueError, TypeError, OverflowError, struct_error)
LENGTHS: Final = tuple(tuple(0 if first & 129 else 1 + skip + (first >> 1) for first in range(256)) for skip in (0, 1))
DECIMAL_LENGTHS: Final = tuple(
    {2 * length: 1 + skip + length for length in range(1, DECIMAL_BYTES_MAX + 1)} for skip in (0, 1)
)
ONE_BYTE: Final = tuple(first >> 1 ^ -(first & 1) if first < 128 else None for first in range(256))


@cache
def reader(record: avro.RecordType) -> Read:
    """Exactly one record from its bytes; with a head, the two. Raises DecodeError."""
    return made_reader(record) if native is None else native.Reader(record, partial(read_whole, record))


@cache
def reader_from(record: avro.RecordType) -> ReadFrom:
    """One record at a place in longer data, and where it ends. Raises DecodeError."""
    return made_reader_from(record) if native is None else native.ReaderFrom(record, partial(read_from, record))


def made_reader(record: avro.RecordType) -> Read:
    """`reader` without a compiler."""
    code = Code("def read(b):")
    with code.under("try:"), code.under(f"if len(b) <= {MESSAGE_BYTES_MAX}:"):
        code("i = 0")
        made = _read_record(code, record)
        with code.under("if i == len(b):"):
            code(f"return {made}")
    with code.under(f"except {code.value(UNREADABLE)}:"):
        code("pass")
    code(f"return {code.value(partial(read_whole, record))}(b)")
    read: Read = code.function("read", f"read {record.name}", _HELPERS)
    return read


def made_reader_from(record: avro.RecordType) -> ReadFrom:
    """`reader_from` without a compiler."""
    code = Code("def read(b, i):")
    code("start = i")
    with code.under("try:"):
        made = _read_record(code, record)
        with code.under("if i <= len(b):"):
            code(f"return {made}, i")
    with code.under(f"except {code.value(UNREADABLE)}:"):
        code("pass")
    code(f"return {code.value(partial(read_from, record))}(b, start)")
    read: ReadFrom = code.function("read", f"read {record.name} from", _HELPERS)
    return read


def _read_record(code: Code, record: avro.RecordType) -> str:
    """Reads the fields and returns the expression that makes the record."""
    made = [] if record.head is None else [_read_record(code, record.head)]
    values = {name: code.value(value) for name, value in record.filled.items()}
    for field in record.fields:
        values[field.name] = code.fresh()
        _read(code, field.type, values[field.name], 0)
    made.append(f"new({code.value(record.holder)}, ({''.join(values[name] + ', ' for name in record.names)}))")
    return made[0] if len(made) == 1 else f"({made[0]}, {made[1]})"


def _read(code: Code, kind: avro.Type, into: str, skip: int) -> None:
    """`skip` is 1 after the index of a union, which `i` has not passed yet. Long, because the switch is the list of types."""
    at = f"i + {skip}" if skip else "i"
    match kind:
        case avro.Bytes():
            code(f"k = b[{at}]", f"h = b[i + {skip + 1}]")
            # Bodies of events: a length of two bytes, even as it is under its zigzag.
            with code.under("if k > 127 and h < 128 and not k & 1:"):
                code(f"i += {skip + 2}", "j = i + ((k & 127 | h << 7) >> 1)", f"{into} = b[i:j]", "i = j")
            with code.under("else:"):
                code(f"{into}, i = raw(b, {at})")
        case avro.Text():
            code(f"k = {code.value(LENGTHS[skip])}[b[{at}]]")
            with code.under("if k:"):
                code("j = i + k", f"{into} = b[i + {skip + 1}:j].decode()", "i = j")
            with code.under("else:"):
                code(f"{into}, i = text(b, {at})")
        case avro.Boolean():
            code(f"{into} = {code.value((False, True))}[b[{at}]]", f"i += {1 + skip}")
        case avro.WholeType(bits):
            code(f"{into} = {code.value(ONE_BYTE)}[b[{at}]]")
            with code.under(f"if {into} is None:"):
                code(f"{into}, i = {'whole' if bits == 64 else 'int32'}(b, {at})")
            with code.under("else:"):
                code(f"i += {1 + skip}")
        case avro.Decimal(precision):
            code(f"j = i + {code.value(DECIMAL_LENGTHS[skip])}[b[{at}]]")
            code(f"{into} = {code.value(_decimals(precision))}[b[i + {skip + 1}:j]]", "i = j")
        case avro.Date():
            code(f"{into} = {code.value(DAYS)}[b[{at}:i + {skip + 3}]]", f"i += {skip + 3}")
        case avro.Instant():
            code(f"k, j, h = {code.value(EIGHT_BYTES)}(b, {at})", f"i += {skip + 8}")
            code(
                f"{into} = {code.value(LOW_14_BITS)}[k] + {code.value(MIDDLE_14_BITS)}[j] + {code.value(UPPER_BITS)}[h]"
            )
        case avro.Choice(symbols) if len(symbols) <= 64:
            code(f"{into} = {code.value({2 * at: symbol for at, symbol in enumerate(symbols)})}[b[{at}]]")
            code(f"i += {1 + skip}")
        case avro.Choice(symbols):
            code(f"k, i = whole(b, {at})", f"{into} = {code.value(dict(enumerate(symbols)))}[k]")
        case avro.Optional(inner, null):
            assert skip == 0, "a union within a union"
            code("k = b[i]")
            with code.under(f"if k == {2 - 2 * null}:"):
                _read(code, inner, into, 1)
            with code.under(f"elif k == {2 * null}:"):
                code(f"{into} = None", "i += 1")
            with code.under("else:"):
                code("raise Refused")
        case avro.Array(item):
            _read_blocks(code, into, "()", at, lambda: _read_item(code, item, into))
        case avro.MapType(inner):
            _read_table(code, inner, into, at)
        case avro.Union(branches):
            parts = {2 * at: _null if branch is None else _part(branch) for at, branch in enumerate(branches)}
            code(f"{into}, i = {code.value(parts)}[b[{at}]](b, i + {skip + 1})")
        case avro.RecordType():
            if is_flat(kind):
                code(*([f"i += {skip}"] if skip else []))
                code(f"{into} = {_read_record(code, kind)}")
            else:
                code(f"{into}, i = {code.value(_part(kind))}(b, {at})")


def _read_blocks(code: Code, into: str, empty: str, at: str, read_one: Callable[[], None]) -> None:
    with code.under(f"if b[{at}]:"):
        many = "[]" if empty == "()" else "{}"
        code(f"{into} = {many}", *([f"i = {at}"] if at != "i" else []))
        with code.under("while True:"):
            code("k = b[i]")
            with code.under("if not k:"):
                code("i += 1", "break")
            with code.under("if k & 129:"):
                code(f"k, i = count(b, i, len({into}))")
            with code.under("else:"):
                code("i += 1", "k >>= 1")
            with code.looped("for _ in repeat(None, k):"):
                read_one()
            with code.under(f"if len({into}) > {ITEMS_MAX}:"):
                code("raise Refused")
        code(*([f"{into} = tuple({into})"] if empty == "()" else []))
    with code.under("else:"):
        code(f"{into} = {empty}", f"i = {at} + 1")


def _read_table(code: Code, inner: avro.Type, into: str, at: str) -> None:
    """Records of one list mostly have the same table, so the bytes of the one before are remembered."""
    if not code.loops:
        _read_blocks(code, into, "{}", at, lambda: _read_entry(code, inner, into))
        return
    before, table, start = f"{into}_b", f"{into}_t", f"{into}_s"
    code.first(f"{before} = {table} = None")
    with code.under(f"if {before} and b.startswith({before}, {at}):"):
        code(f"{into} = {table}", f"i = {at} + len({before})")
    with code.under("else:"):
        code(f"{start} = {at}")
        _read_blocks(code, into, "{}", at, lambda: _read_entry(code, inner, into))
        code(f"{before} = b[{start}:i]", f"{table} = {into}")


def _read_item(code: Code, item: avro.Type, into: str) -> None:
    one = code.fresh()
    _read(code, item, one, 0)
    code(f"{into}.append({one})")


def _read_entry(code: Code, inner: avro.Type, into: str) -> None:
    key, one = code.fresh(), code.fresh()
    _read(code, avro.Text(), key, 0)
    with code.under(f"if {key} in {into}:"):
        code("raise Refused")
    _read(code, inner, one, 0)
    code(f"{into}[{key}] = {one}")


@cache
def _part(record: avro.RecordType) -> ReadFrom:
    """Reads a record inside another; what it refuses the outer one catches."""
    code = Code("def read(b, i):")
    made = _read_record(code, record)
    code(f"return {made}, i")
    read: ReadFrom = code.function("read", f"read {record.name} within", _HELPERS)
    return read


def _null(_data: bytes, start: int) -> tuple[None, int]:
    return None, start


def _whole(data: bytes, start: int) -> tuple[int, int]:
    """As `avro_walk.whole`, three times as fast."""
    value, shift = 0, 0
    for at in range(start, start + 9):
        byte = data[at]
        if byte < 128:
            value |= byte << shift
            return value >> 1 ^ -(value & 1), at + 1
        value |= (byte & 127) << shift
        shift += 7
    return whole(data, start)


def _raw(data: bytes, start: int) -> tuple[bytes, int]:
    length, start = _whole(data, start)
    if length < 0:
        raise ValueError
    return data[start : start + length], start + length


def _text(data: bytes, start: int) -> tuple[str, int]:
    found, end = _raw(data, start)
    return found.decode(), end


def _int32(data: bytes, start: int) -> tuple[int, int]:
    value, end = _whole(data, start)
    if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
        raise ValueError
    return value, end


def _count(data: bytes, start: int, have: int) -> tuple[int, int]:
    """Items in the next block; every item has at least one byte, so what is claimed and not there ends the loop.

    A nought of several bytes ends the array as one of a single byte does; that is rare and left to `avro_walk`.
    """
    count, start = _whole(data, start)
    if count < 1 or have + count > ITEMS_MAX:
        raise ValueError
    return count, start


@cache
def _decimals(precision: int) -> MadeTable:
    limit = 10**precision

    def decimal(data: bytes) -> int:
        value = int.from_bytes(data, "big", signed=True)
        if not -limit < value < limit:
            raise ValueError
        return value

    return MadeTable(decimal)


def _day(data: bytes) -> date:
    """Days take three bytes from June 1992 on; earlier ones are left to `avro_walk`."""
    days, end = whole(data, 0)
    if end != 3 or not DAY_FIRST <= days <= DAY_LAST:
        raise ValueError
    return EPOCH + timedelta(days)


DAYS: Final = MadeTable(_day)

# Microseconds of the years 1990 to 2100 take eight bytes: 14 bits in the first two, 14 in the next two, and the rest,
# which changes every two minutes. None stands where no number of eight bytes can have those two bytes.
EIGHT_BYTES: Final = Struct("<HHL").unpack_from


def _fourteen_bits(shift: int) -> tuple[int | None, ...]:
    """By the two bytes, read as one number; both say that more follow."""
    found: list[int | None] = [None] * 65_536
    # The lowest bit of all is the sign, which is not set.
    for bits in range(0, 1 << 14, 1 if shift else 2):
        found[0x8080 | bits & 127 | (bits & 16_256) << 1] = bits << shift >> 1
    return tuple(found)


LOW_14_BITS: Final = _fourteen_bits(0)
MIDDLE_14_BITS: Final = _fourteen_bits(14)


def _upper_bits(quad: int) -> int:
    # Every byte but the last says that another follows.
    if quad & 0x80808080 != 0x00808080:
        raise ValueError
    lowest = ((quad & 0x7F) | (quad >> 1 & 0x3F80) | (quad >> 2 & 0x1FC000) | (quad >> 3 & 0xFE00000)) << 27
    if lowest < INSTANT_FIRST or lowest + (1 << 27) - 1 > INSTANT_LAST:
        raise ValueError
    return lowest


UPPER_BITS: Final = MadeTable(_upper_bits)


_HELPERS: Final = {
    "new": tuple.__new__,
    "whole": _whole,
    "text": _text,
    "raw": _raw,
    "count": _count,
    "int32": _int32,
    "repeat": repeat,
    "Refused": ValueError,
}
