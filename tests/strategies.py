"""Hypothesis strategies for records, made from their schemas: all they allow, with ids as intake asks for them."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from hypothesis import strategies as st

from connectors.avro_codec import DEAD_LETTER_CODEC, EVENT_CODECS, OUTPUT_CODECS, Decoder
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
from connectors.avro_walk import EPOCH, INSTANT_FIRST, INSTANT_LAST
from connectors.record_check import LISTS_OF_IDS
from domain.outputs import Position

CODECS: dict[str, Decoder[Any]] = {**EVENT_CODECS, **OUTPUT_CODECS, "DeadLetter": DEAD_LETTER_CODEC}
LATEST = EPOCH.replace(year=2100, month=12, day=31)
EARLIEST = EPOCH.replace(year=1990)

texts = st.one_of(
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=70),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
ids = st.one_of(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,20}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40).map(
        lambda found: unicodedata.normalize("NFC", found)
    ),
)


def records(name: str) -> st.SearchStrategy[Any]:
    """Events and outputs by type name, outputs without their position."""
    return _record(CODECS[name].record)


def positions() -> st.SearchStrategy[Position]:
    head = OUTPUT_CODECS["JournalEntry"].record.head
    assert head is not None
    return _record(head)


@cache
def _record(record: RecordType) -> st.SearchStrategy[Any]:
    fields = [_value(field.type, field.name) for field in record.fields]
    return st.tuples(*fields).map(lambda values: tuple.__new__(record.holder, values))


def _value(kind: Type, name: str) -> st.SearchStrategy[Any]:
    match kind:
        case Text():
            return ids if name == "id" or name.endswith("_id") or name in LISTS_OF_IDS else texts
        case Bytes():
            return st.binary(max_size=100)
        case Boolean():
            return st.booleans()
        case WholeType(bits):
            return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
        case Decimal(precision):
            most = 10**precision - 1
            return st.integers(-most, most) | st.integers(-(10**8), 10**8)
        case Date():
            return st.dates(EARLIEST, LATEST)
        case Instant():
            return st.integers(INSTANT_FIRST, INSTANT_LAST)
        case Choice(symbols):
            return st.sampled_from(symbols)
        case Optional(inner):
            return st.none() | _value(inner, name)
        case Array(item):
            return st.lists(_value(item, name), max_size=3).map(tuple)
        case MapType(inner):
            return st.dictionaries(texts, _value(inner, name), max_size=3)
        case Union(branches):
            return st.one_of([st.none() if branch is None else _record(branch) for branch in branches])
        case RecordType():
            return _record(kind)
