"""Reads and writes one value after another along its schema, checks all of it, and says where it is wrong.

Slow. `avro_reader` and `avro_writer` make fast functions that fall back on these here, which so decide what is
valid, and name the field. The fast functions may refuse too much, never too little.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from connectors.avro_schema import (
    Array,
    Boolean,
    Bytes,
    Choice,
    Date,
    Decimal,
    Instant,
    MapType,
    Optional,
    RecordType,
    Text,
    Type,
    Union,
    WholeType,
)
from connectors.decode_error import DecodeError, EncodeError, shown
from domain.units import MICROSECONDS_A_DAY

MESSAGE_BYTES_MAX: Final = 1_000_000
ITEMS_MAX: Final = 10_000
DECIMAL_BYTES_MAX: Final = 16
EPOCH: Final = date(1970, 1, 1)
DAY_FIRST: Final = (date(1990, 1, 1) - EPOCH).days
DAY_LAST: Final = (date(2100, 12, 31) - EPOCH).days
INSTANT_FIRST: Final = DAY_FIRST * MICROSECONDS_A_DAY
INSTANT_LAST: Final = (DAY_LAST + 1) * MICROSECONDS_A_DAY - 1


def read_whole(record: RecordType, data: bytes) -> Any:
    """Exactly one record; with a head, the two."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise DecodeError(f"{len(data)} bytes, at most {MESSAGE_BYTES_MAX} are read")
    value, end = read_from(record, data, 0)
    if end != len(data):
        raise DecodeError(f"{len(data) - end} bytes after the end of the record", "", end)
    return value


def read_from(record: RecordType, data: bytes, start: int) -> tuple[Any, int]:
    """One record at a place in longer data, and where it ends."""
    if record.head is None:
        return _record(record, data, start, "")
    head, start = _record(record.head, data, start, "")
    body, start = _record(record, data, start, "")
    return (head, body), start


def read_value(kind: Type, data: bytes, start: int) -> tuple[Any, int]:
    """One value of any type, and where it ends."""
    return _read(kind, data, start, "")


def skip_from(record: RecordType, data: bytes, start: int) -> int:
    """Where a record ends whose lengths and indexes are right, whatever its values are. Raises DecodeError."""
    if record.head is not None:
        start = _skip(record.head, data, start)
    return _skip(record, data, start)


def write(record: RecordType, value: Any) -> bytes:
    """Without the head."""
    out = bytearray()
    _write_record(record, value, out, "")
    return bytes(out)


def long_bytes(value: int) -> bytes:
    """A whole number as Avro writes it: zigzag, seven bits a byte, low ones first."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def varint(data: bytes, start: int, path: str = "") -> tuple[int, int]:
    """The unsigned number under the zigzag, and where it ends."""
    if start < len(data) and data[start] < 128:
        return data[start], start + 1
    value = shift = 0
    for at in range(start, min(start + 10, len(data))):
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= 1 << 64:
                raise DecodeError("a number over 64 bits", path, start)
            return value, at + 1
        shift += 7
    raise DecodeError("a number over 10 bytes" if len(data) - start >= 10 else "ends inside a number", path, start)


def whole(data: bytes, start: int, path: str = "") -> tuple[int, int]:
    value, end = varint(data, start, path)
    return value >> 1 ^ -(value & 1), end


def _length(data: bytes, start: int, path: str) -> tuple[int, int]:
    length, end = whole(data, start, path)
    if not 0 <= length <= len(data) - end:
        raise DecodeError(f"a length that is negative or over the {len(data) - end} bytes left", path, start)
    return length, end


def _index(data: bytes, start: int, count: int, what: str, path: str) -> tuple[int, int]:
    index, end = whole(data, start, path)
    if not 0 <= index < count:
        raise DecodeError(f"{what} {index}, expected 0 to {count - 1}", path, start)
    return index, end


def _read(kind: Type, data: bytes, start: int, path: str) -> tuple[Any, int]:
    """The value and where it ends; long, because the switch is the list of types."""
    match kind:
        case Text():
            length, start = _length(data, start, path)
            try:
                return data[start : start + length].decode(), start + length
            except UnicodeDecodeError:
                raise DecodeError(
                    f"text that is not valid UTF-8: {shown(data[start : start + length])}", path, start
                ) from None
        case Bytes():
            length, start = _length(data, start, path)
            return data[start : start + length], start + length
        case Boolean():
            if start >= len(data) or data[start] > 1:
                raise DecodeError("a boolean that is neither 0 nor 1", path, start)
            return data[start] == 1, start + 1
        case WholeType(bits):
            value, end = whole(data, start, path)
            if not -(1 << bits - 1) <= value < 1 << bits - 1:
                raise DecodeError(f"a number over {bits} bits: {value}", path, start)
            return value, end
        case Decimal(precision):
            length, end = _length(data, start, path)
            if not 1 <= length <= DECIMAL_BYTES_MAX:
                raise DecodeError(f"a decimal of {length} bytes, expected 1 to {DECIMAL_BYTES_MAX}", path, start)
            value = int.from_bytes(data[end : end + length], "big", signed=True)
            if abs(value) >= 10**precision:
                raise DecodeError(f"a decimal of more than {precision} digits: {shown(value)}", path, start)
            return value, end + length
        case Date():
            days, end = whole(data, start, path)
            if not DAY_FIRST <= days <= DAY_LAST:
                raise DecodeError(f"a date outside 1990-01-01 to 2100-12-31: day {days} from 1970-01-01", path, start)
            return EPOCH + timedelta(days), end
        case Instant():
            value, end = whole(data, start, path)
            if not INSTANT_FIRST <= value <= INSTANT_LAST:
                raise DecodeError(
                    f"an instant outside the years 1990 to 2100: {value} microseconds from 1970", path, start
                )
            return value, end
        case Choice(symbols):
            index, end = _index(data, start, len(symbols), "enum index", path)
            return symbols[index], end
        case Optional(inner, null):
            index, end = _index(data, start, 2, "union index", path)
            return (None, end) if index == null else _read(inner, data, end, path)
        case Array(item):
            return _array(item, data, start, path)
        case MapType(inner):
            return _table(inner, data, start, path)
        case Union(branches):
            index, end = _index(data, start, len(branches), "union index", path)
            branch = branches[index]
            return (None, end) if branch is None else _record(branch, data, end, path)
        case RecordType():
            return _record(kind, data, start, path)


def _record(record: RecordType, data: bytes, start: int, path: str) -> tuple[Any, int]:
    values = dict(record.filled)
    for field in record.fields:
        values[field.name], start = _read(field.type, data, start, f"{path}.{field.name}" if path else field.name)
    return tuple.__new__(record.holder, [values[name] for name in record.names]), start


def _block(data: bytes, start: int, have: int, path: str) -> tuple[int, int, int | None]:
    """Count of the next block, where its items begin, and where they end if it says so."""
    count, begin = whole(data, start, path)
    size = None
    if count < 0:
        count = -count
        size, begin = _length(data, begin, path)
    if count > len(data) - begin or count + have > ITEMS_MAX:
        raise DecodeError(f"more items than bytes are left, or more than {ITEMS_MAX}", path, start)
    return count, begin, None if size is None else begin + size


def _check_block(start: int, end: int | None, path: str) -> None:
    if end is not None and start != end:
        raise DecodeError("a block whose size is not that of its items", path, start)


def _array(item: Type, data: bytes, start: int, path: str) -> tuple[tuple[Any, ...], int]:
    items: list[Any] = []
    while True:
        count, start, end = _block(data, start, len(items), path)
        if count == 0:
            _check_block(start, end, path)
            return tuple(items), start
        for _ in range(count):
            value, start = _read(item, data, start, f"{path}[{len(items)}]")
            items.append(value)
        _check_block(start, end, path)


def _table(inner: Type, data: bytes, start: int, path: str) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    while True:
        count, start, end = _block(data, start, len(items), path)
        if count == 0:
            _check_block(start, end, path)
            return items, start
        for _ in range(count):
            key, start = _read(Text(), data, start, f"{path}{{}}")
            if key in items:
                raise DecodeError("a key that comes twice", path, start)
            items[key], start = _read(inner, data, start, f"{path}{{}}")
        _check_block(start, end, path)


def _skip(kind: Type, data: bytes, start: int) -> int:
    match kind:
        case Text() | Bytes() | Decimal():
            length, start = _length(data, start, "")
            return start + length
        case Boolean():
            return start + 1
        case WholeType() | Date() | Instant() | Choice():
            return varint(data, start)[1]
        case Optional(inner, null):
            index, start = _index(data, start, 2, "union index", "")
            return start if index == null else _skip(inner, data, start)
        case Array(item):
            return _skip_blocks((item,), data, start)
        case MapType(inner):
            return _skip_blocks((Text(), inner), data, start)
        case Union(branches):
            index, start = _index(data, start, len(branches), "union index", "")
            branch = branches[index]
            return start if branch is None else _skip(branch, data, start)
        case RecordType():
            for field in kind.fields:
                start = _skip(field.type, data, start)
            return start


def _skip_blocks(parts: tuple[Type, ...], data: bytes, start: int) -> int:
    have = 0
    while True:
        count, start, _ = _block(data, start, have, "")
        if count == 0:
            return start
        have += count
        for _ in range(count):
            for part in parts:
                start = _skip(part, data, start)


def _expect(met: bool, expected: str, value: object, path: str) -> None:
    if not met:
        raise EncodeError(f"expected {expected}, got {type(value).__name__} {value!r:.60}", path)


def _write(kind: Type, value: Any, out: bytearray, path: str) -> None:
    """Long, because the switch is the list of types."""
    match kind:
        case Text():
            _expect(type(value) is str, "a string", value, path)
            try:
                data = value.encode()
            except UnicodeEncodeError:
                raise EncodeError("a string with a lone surrogate", path) from None
            out += long_bytes(len(data)) + data
        case Bytes():
            _expect(type(value) is bytes, "bytes", value, path)
            out += long_bytes(len(value)) + value
        case Boolean():
            _expect(type(value) is bool, "true or false", value, path)
            out.append(value)
        case WholeType(bits):
            fits = type(value) is int and -(1 << bits - 1) <= value < 1 << bits - 1
            _expect(fits, f"a whole number of {bits} bits", value, path)
            out += long_bytes(value)
        case Decimal(precision):
            fits = type(value) is int and abs(value) < 10**precision
            _expect(fits, f"a scaled whole number of at most {precision} digits", value, path)
            out += decimal_bytes(value)
        case Date():
            fits = type(value) is date and DAY_FIRST <= (value - EPOCH).days <= DAY_LAST
            _expect(fits, "a date from 1990-01-01 to 2100-12-31", value, path)
            out += long_bytes((value - EPOCH).days)
        case Instant():
            fits = type(value) is int and INSTANT_FIRST <= value <= INSTANT_LAST
            _expect(fits, "microseconds within the years 1990 to 2100", value, path)
            out += long_bytes(value)
        case Choice(symbols):
            _expect(value in symbols, f"one of {', '.join(symbols)}", value, path)
            out += long_bytes(symbols.index(value))
        case Optional(inner, null):
            out += long_bytes(null if value is None else 1 - null)
            if value is not None:
                _write(inner, value, out, path)
        case Array(item):
            _expect(type(value) is tuple and len(value) <= ITEMS_MAX, f"a tuple of at most {ITEMS_MAX}", value, path)
            out += long_bytes(len(value)) if value else b""
            for at, entry in enumerate(value):
                _write(item, entry, out, f"{path}[{at}]")
            out.append(0)
        case MapType(inner):
            _expect(type(value) is dict and len(value) <= ITEMS_MAX, f"a dict of at most {ITEMS_MAX}", value, path)
            out += long_bytes(len(value)) if value else b""
            # Two equal dicts may differ in order; their bytes may not.
            for key in sorted(value):
                _write(Text(), key, out, f"{path}{{}}")
                _write(inner, value[key], out, f"{path}{{}}")
            out.append(0)
        case Union(branches):
            holders = [branch.holder if branch else type(None) for branch in branches]
            titles = ", ".join(holder.__name__ for holder in holders)
            _expect(type(value) in holders, f"one of {titles}", value, path)
            index = holders.index(type(value))
            out += long_bytes(index)
            if (branch := branches[index]) is not None:
                _write_record(branch, value, out, path)
        case RecordType():
            _write_record(kind, value, out, path)


def decimal_bytes(value: int) -> bytes:
    """Two's complement, as short as it can be, with its length in front."""
    length = (value + (value < 0)).bit_length() // 8 + 1
    return long_bytes(length) + value.to_bytes(length, "big", signed=True)


def _write_record(record: RecordType, value: Any, out: bytearray, path: str) -> None:
    _expect(type(value) is record.holder, record.holder.__name__, value, path)
    if len(value) != len(record.names):
        # Fields may be read as slots are (connectors/tuple_fields.pyx), without a look at the length.
        raise IndexError(f"{record.holder.__name__}: expected {len(record.names)} values, got {len(value)}")
    for field in record.fields:
        _write(field.type, getattr(value, field.name), out, f"{path}.{field.name}" if path else field.name)
