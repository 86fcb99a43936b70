"""The schemas that Milepost ships, as registries keep them: every released version, under the subject of its topic and name.

Subjects are `<topic>-<full name>` (TopicRecordNameStrategy) for all topics, as most carry several types in one order.
A text is the released file without blanks: it stands alone, has its documentation, and never changes, so its id does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from connectors.avro_codec import DEAD_LETTER_CODEC, EVENT_CODECS, OUTPUT_CODECS, Decoder
from connectors.avro_schema import definitions, fingerprint, minified, parse, self_contained
from connectors.kafka.topics import TOPICS, TopicKind
from schemas.files import frozen, inlined, kind_of, read_schemas, short_name


class Compatibility(StrEnum):
    """As registries call it."""

    BACKWARD = "BACKWARD_TRANSITIVE"
    FULL = "FULL_TRANSITIVE"


class Pinned(NamedTuple):
    """One version of a schema. `topics` carry it; `fingerprint` says what matters for reading."""

    name: str
    number: int
    topics: tuple[str, ...]
    text: str
    fingerprint: str
    is_current: bool

    @property
    def type_name(self) -> str:
        return short_name(self.name)

    @property
    def is_event(self) -> bool:
        return kind_of(self.name) == "events"

    @property
    def compatibility(self) -> Compatibility:
        """What the subject promises: today's code reads all events ever kept; any reader ever built reads today's outputs."""
        return Compatibility.BACKWARD if self.is_event else Compatibility.FULL

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def subjects(self, prefix: str) -> list[str]:
        return [subject(prefix, topic, self.name) for topic in self.topics]


FIXED_ID_BITS: Final = 31


def subject(prefix: str, topic: str, name: str) -> str:
    """`prefix` is that of the topics; `name` is the record's full name."""
    return f"{prefix}{topic}-{name}"


def fixed_id(pinned: Pinned) -> int:
    """An id without a registry: the first 31 bits of the text's SHA-256, the same on every machine."""
    return int(pinned.digest[:8], 16) >> (32 - FIXED_ID_BITS)


@cache
def pinned_schemas() -> tuple[Pinned, ...]:
    """By name and number. Today's stands among them where it differs for readers from what was released."""
    schemas = read_schemas()
    return tuple(
        found
        for name, topics in sorted(_carried().items())
        for found in _versions(name, topics, inlined(name, schemas), _codec(name).fingerprint)
    )


def _carried() -> dict[str, tuple[str, ...]]:
    """Topics by full name, for what stands on topics in the frame of a registry."""
    found: dict[str, tuple[str, ...]] = {}
    for topic in TOPICS:
        if topic.kind is not TopicKind.OWN:
            area = "events" if topic.kind is TopicKind.INPUT else "outputs"
            for name in topic.carries:
                full = f"milepost.{area}.{name}"
                found[full] = (*found.get(full, ()), topic.name)
    return found


def _versions(name: str, topics: tuple[str, ...], today: dict[str, Any], current: str) -> Iterator[Pinned]:
    released = {number: _pinned(name, number, topics, schema) for number, schema in sorted(frozen(name).items())}
    writes = max((number for number, each in released.items() if each.fingerprint == current), default=None)
    for number, each in released.items():
        yield each._replace(is_current=number == writes)
    if writes is None:
        yield _pinned(name, max(released, default=0) + 1, topics, today)._replace(is_current=True)


def _pinned(name: str, number: int, topics: tuple[str, ...], schema: dict[str, Any]) -> Pinned:
    text = minified(schema)
    parsed = parse(text.encode())
    return Pinned(
        name, number, topics, text, fingerprint(self_contained(parsed, definitions(parsed))), is_current=False
    )


def _codec(name: str) -> Decoder[Any]:
    found = short_name(name)
    if kind_of(name) == "events":
        return EVENT_CODECS[found]
    return DEAD_LETTER_CODEC if found == DEAD_LETTER_CODEC.name else OUTPUT_CODECS[found]
