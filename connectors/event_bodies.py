"""Events as bytes that are kept: written with today's schemas, read with whichever they were written with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from connectors.avro_codec import EVENT_CODECS, Decoder, event_versions
from connectors.avro_schema import definitions, fingerprint, parse, self_contained
from connectors.decode_error import DecodeError
from domain.events.catalogue import Event
from schemas.files import HISTORY


class Writer(NamedTuple):
    """How events of one class are written: name, number and function of today's schema."""

    type_name: str
    schema: int
    encode: Callable[[Event], bytes]


class Writers(dict[type, Writer]):
    """By class, made at the first event of it."""

    def __missing__(self, kind: type[Event]) -> Writer:
        name = kind.__name__
        return self.setdefault(kind, Writer(name, schema_number(name), EVENT_CODECS[name].encode))


class Readers(dict[tuple[str, int], Callable[[bytes], Event]]):
    """By name and number of the schema; KeyError for what was never released."""

    def __missing__(self, key: tuple[str, int]) -> Callable[[bytes], Event]:
        return self.setdefault(key, _numbered(*key).decode)


WRITERS: Final = Writers()
READERS: Final = Readers()


def read_event(type_name: str, schema: int, body: bytes) -> Event:
    """Raises DecodeError."""
    try:
        read = READERS[type_name, schema]
    except KeyError:
        raise DecodeError(f"schema {schema} of {type_name[:64]} is none that was released") from None
    return read(body)


@cache
def schema_number(type_name: str) -> int:
    """Of today's schema; one that is not released yet has the next number."""
    today = EVENT_CODECS[type_name].fingerprint
    released = _released(type_name)
    return next((number for number, found in released.items() if found == today), max(released, default=0) + 1)


def _numbered(type_name: str, number: int) -> Decoder[Event]:
    today = EVENT_CODECS[type_name]
    return today if number == schema_number(type_name) else event_versions()[_released(type_name)[number]]


@cache
def _released(type_name: str) -> dict[int, str]:
    """Fingerprints by number."""
    found = {}
    for path in (HISTORY / f"milepost.events.{type_name}").glob("*.avsc"):
        schema = parse(path.read_bytes())
        found[int(path.stem)] = fingerprint(self_contained(schema, definitions(schema)))
    return found
