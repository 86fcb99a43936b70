"""Events and outputs as JSON: one line a record, checked against the same schemas as Avro.

Numbers are exact: a decimal is a string or a plain number and may have no more decimals than its field; nothing is
rounded. Written decimals are strings without exponent, amounts with at least two decimals, the others as short as
they can be.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal as Number
from functools import cache, partial
from typing import Any, Final, NoReturn, cast

from connectors import avro_schema as avro
from connectors.avro_codec import DEAD_LETTER_CODEC, EVENT_CODECS, OUTPUT_CODECS
from connectors.avro_walk import ITEMS_MAX, MESSAGE_BYTES_MAX
from connectors.decode_error import DecodeError, shown
from connectors.json_values import (
    WrongValue,
    base64_text,
    decimal_text,
    decimals_by_text,
    expected,
    instant_text,
    kind_of,
    read_boolean,
    read_bytes,
    read_day,
    read_decimal,
    read_instant,
    read_text,
    read_whole,
)
from domain.events.catalogue import Event
from domain.outputs import BillingStatement, Output, Position

NAME_CHARACTERS_SHOWN: Final = 64
MISSING: Final = "missing"

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]


def event_from_json_line(line: bytes) -> Event:
    """One event a line, at most 1 MB. Raises DecodeError."""
    return event_from_json(_value_of(line))


def _value_of(line: bytes) -> object:
    if len(line) > MESSAGE_BYTES_MAX:
        raise DecodeError(f"a line of {len(line)} bytes, at most {MESSAGE_BYTES_MAX} are read")
    try:
        return _JSON.decode(line.decode())
    except UnicodeDecodeError:
        raise DecodeError("a line that is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise DecodeError(f"not one JSON object: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise DecodeError("JSON nested too deeply") from None
    except ValueError:
        raise DecodeError("a number of thousands of digits") from None


def event_from_json(found: object) -> Event:
    """An event from its JSON form, as parsed with decimals as `decimal.Decimal` or left as strings."""
    said, record = _of_event(found)
    try:
        return cast(Event, _record_reader(record)(said))
    except WrongValue as wrong:
        raise _as_decode_error(wrong) from None


def _of_event(found: object) -> tuple[dict[str, object], avro.RecordType]:
    """Its fields, and what they are to be."""
    if type(found) is not dict:
        raise DecodeError(f"expected one JSON object with the type of an event, got {kind_of(found)}")
    name = found.get("type")
    if not isinstance(name, str):
        raise DecodeError("expected the name of an event, such as TimeApproved", "type")
    codec = EVENT_CODECS.get(name)
    if codec is None:
        nearest = _nearest(name, EVENT_CODECS)
        raise DecodeError(f"no event is called {shown(name)}{_did_you_mean(nearest)}", "type", nearest=nearest)
    return found, codec.record


def faults_of_line(line: bytes) -> list[DecodeError]:
    """All that is wrong with an event, as `faults_of_event`, or why nothing of it can be read."""
    try:
        return faults_of_event(_value_of(line))
    except DecodeError as unreadable:
        return [unreadable]


def faults_of_event(found: object) -> list[DecodeError]:
    """Of each field its first fault, in their order, then each field that is missing."""
    try:
        said, record = _of_event(found)
    except DecodeError as unreadable:
        return [unreadable]
    read, faults = _record_reader(record, is_whole=False), []
    for name, value in said.items():
        try:
            read({name: value})
        except WrongValue as wrong:
            faults.append(_as_decode_error(wrong))
    return [*faults, *(DecodeError(MISSING, name) for name in _needed(record) if name not in said)]


def _as_decode_error(wrong: WrongValue) -> DecodeError:
    return DecodeError(wrong.reason, "".join(reversed(list(wrong.path))).removeprefix("."), nearest=wrong.nearest)


def fields_of_event(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that an event of this name needs, and those that it may have; none of a name that no event has."""
    codec = EVENT_CODECS.get(name)
    if codec is None:
        return (), ()
    needed = _needed(codec.record)
    return needed, tuple(each for each in codec.record.names if each not in needed)


def output_from_json(found: object) -> tuple[Position, Output]:
    """What `record_to_json` made of an output with its position. Raises DecodeError."""
    name = found.get("type") if type(found) is dict else None
    codec = OUTPUT_CODECS.get(name) if isinstance(name, str) else None
    if type(found) is not dict or codec is None:
        raise DecodeError("expected one JSON object with the type of an output, such as ProjectView", "type")
    head = codec.record.head
    assert head is not None
    try:
        position = _record_reader(head)({key: found[key] for key in head.names if key in found})
        record = _record_reader(codec.record)({key: value for key, value in found.items() if key not in head.names})
    except WrongValue as wrong:
        raise _as_decode_error(wrong) from None
    return position, cast(Output, record)


def record_to_json(record: Event | Output, position: Position | None = None) -> dict[str, Any]:
    """The record as JSON values with its type; of an output with the position in front."""
    title = type(record).__name__
    codec = EVENT_CODECS.get(title) or OUTPUT_CODECS.get(title) or DEAD_LETTER_CODEC
    found = _record_writer(codec.record)(record)
    if position is None:
        return {"type": title, **found}
    head = OUTPUT_CODECS[title].record.head
    assert head is not None
    return {"type": title, **_record_writer(head)(position), **found}


def head_to_json(statement: BillingStatement) -> dict[str, object]:
    """Without its lines."""
    return {name: value for name, value in record_to_json(statement).items() if name != "lines"}


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:NAME_CHARACTERS_SHOWN], list(known), 1)
    return near[0] if near else ""


def _did_you_mean(nearest: str) -> str:
    return f"; did you mean {nearest}?" if nearest else ""


# Reading


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DecodeError("stands twice in one object", _shown(twice))
    return found


def _no_constant(_name: str) -> NoReturn:
    raise DecodeError("NaN and Infinity are not numbers in JSON")


_JSON: Final = json.JSONDecoder(parse_float=Number, parse_constant=_no_constant, object_pairs_hook=_without_duplicates)


def _shown(name: str) -> str:
    """A field name of theirs, cut, so that it may be logged."""
    return ascii(name[:NAME_CHARACTERS_SHOWN])[1:-1]


@cache
def _record_reader(record: avro.RecordType, *, is_whole: bool = True) -> Reader:
    """Of a record in part no field is missing."""
    slots = {field.name: (at, _reader(field.type)) for at, field in enumerate(record.fields)}
    defaults: Mapping[str, Any] = getattr(record.holder, "_field_defaults", {})
    empty = [defaults.get(name) for name in record.names]
    needed = _needed(record) if is_whole else ()
    required = frozenset(needed)

    def read(found: Any) -> Any:
        if type(found) is not dict:
            expected(f"an object, {record.title}", found)
        values = empty.copy()
        for name, value in found.items():
            slot = slots.get(name)
            if slot is None:
                _check_type(record, name, value)
                continue
            at, read_value = slot
            try:
                values[at] = read_value(value)
            except WrongValue as wrong:
                wrong.of(value)
                wrong.path.append(f".{name}")
                raise
        if not required <= found.keys():
            missing = next(name for name in needed if name not in found)
            raise WrongValue(MISSING, f".{missing}")
        return tuple.__new__(record.holder, values)

    return read


def _needed(record: avro.RecordType) -> tuple[str, ...]:
    defaults = getattr(record.holder, "_field_defaults", {})
    return tuple(name for name in record.names if name not in defaults)


def _check_type(record: avro.RecordType, name: str, value: object) -> None:
    """A record may name its type; any other name that the schema has not is refused."""
    if name != "type":
        nearest = _nearest(name, record.names)
        reason = f"{record.title} has no such field{_did_you_mean(nearest)}"
        raise WrongValue(reason, f".{_shown(name)}", nearest=nearest)
    if value != record.title:
        raise WrongValue(f"expected {record.title}, got {shown(value)}", ".type")


def _reader(kind: avro.Type) -> Reader:
    match kind:
        case avro.Text():
            return read_text
        case avro.Bytes():
            return read_bytes
        case avro.Boolean():
            return read_boolean
        case avro.WholeType(bits):
            return partial(read_whole, bits)
        case avro.Decimal(precision, scale):
            return partial(read_decimal, decimals_by_text(precision, scale), precision, scale)
        case avro.Date():
            return read_day
        case avro.Instant():
            return read_instant
        case avro.Choice(symbols):
            return partial(_symbol, dict(zip(symbols, symbols, strict=True)))
        case avro.Optional(inner):
            return partial(_optional, _reader(inner))
        case avro.Array(item):
            return partial(_array, _reader(item))
        case avro.MapType(inner):
            return partial(_table, _reader(inner))
        case avro.Union(branches):
            return partial(_union, {branch.title if branch else "null": branch for branch in branches})
        case avro.RecordType():
            return _record_reader(kind)


def _symbol(symbols: Mapping[str, str], value: Any) -> str:
    found = symbols.get(value) if type(value) is str else None
    if found is None:
        near = _did_you_mean(_nearest(value, symbols)) if type(value) is str else ""
        raise WrongValue(f"expected one of {', '.join(symbols)}{near}")
    return found


def _optional(read: Reader, value: Any) -> Any:
    return None if value is None else read(value)


def _array(read: Reader, value: Any) -> tuple[Any, ...]:
    if type(value) is not list:
        expected("a list", value)
    if len(value) > ITEMS_MAX:
        raise WrongValue(f"{len(value)} items, at most {ITEMS_MAX}")
    at = 0
    try:
        items = []
        for at, one in enumerate(value):  # noqa: B007 - the place of the wrong one
            items.append(read(one))
    except WrongValue as wrong:
        wrong.of(value[at])
        wrong.path.append(f"[{at}]")
        raise
    return tuple(items)


def _table(read: Reader, value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        expected("an object", value)
    if len(value) > ITEMS_MAX:
        raise WrongValue(f"{len(value)} entries, at most {ITEMS_MAX}")
    found = {}
    for name, one in value.items():
        try:
            found[read_text(name)] = read(one)
        except WrongValue as wrong:
            wrong.of(one)
            wrong.path.append(f".{_shown(name)}")
            raise
    return found


def _union(branches: Mapping[str, avro.RecordType | None], value: Any) -> Any:
    if value is None and "null" in branches:
        return None
    if type(value) is not dict:
        expected(f"an object with type {', '.join(branches)}", value)
    name = value.get("type")
    branch = branches.get(name) if isinstance(name, str) else None
    if branch is None:
        near = f"{_did_you_mean(_nearest(name, branches))}: {shown(name)}" if isinstance(name, str) else ""
        raise WrongValue(f"expected one of {', '.join(branches)}{near}", ".type")
    return _record_reader(branch)(value)


# Writing


@cache
def _record_writer(record: avro.RecordType) -> Writer:
    writers = [(field.name, _writer(field.type, field)) for field in record.fields]

    def write(value: Any) -> dict[str, Any]:
        return {name: write_value(one) for (name, write_value), one in zip(writers, value, strict=True)}

    return write


def _writer(kind: avro.Type, field: avro.Field) -> Writer:
    match kind:
        case avro.Text() | avro.Boolean() | avro.WholeType() | avro.Choice():
            return _as_is
        case avro.Bytes():
            return base64_text
        case avro.Decimal(_, scale, unit):
            return partial(decimal_text, scale, 2 if unit == "amount" else 0)
        case avro.Date():
            return date.isoformat
        case avro.Instant():
            return instant_text
        case avro.Optional(inner):
            return partial(_optional, _writer(inner, field))
        case avro.Array(item):
            write_item = _writer(item, field)
            return lambda value: [write_item(one) for one in value]
        case avro.MapType(inner):
            write_one = _writer(inner, field)
            return lambda value: {name: write_one(value[name]) for name in sorted(value)}
        case avro.Union(branches):
            return partial(_write_branch, {branch.holder: branch for branch in branches if branch})
        case avro.RecordType():
            return _record_writer(kind)


def _write_branch(branches: Mapping[type, avro.RecordType], value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    branch = branches[type(value)]
    return {"type": branch.title, **_record_writer(branch)(value)}


def _as_is(value: Any) -> Any:
    return value
