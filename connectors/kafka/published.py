"""Outputs as they stand on their topics, and the headers that say which they are.

Headers are those of CloudEvents in binary mode; an output's identity is its source, which names generation and shard,
and its id, which is its number there. `topic_seq` is the number of the output before it in its topic and shard, -1 for
the first, so that a reader of one topic alone sees a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, read_output
from connectors.decode_error import DecodeError
from connectors.kafka.clients import Message
from connectors.kafka.frame import unframed
from domain.outputs import Position

SPECIFICATION: Final = ("ce_specversion", b"1.0")
CONTENT: Final = ("content-type", b"application/avro")
SOURCE: Final = re.compile(rb"milepost/([A-Za-z0-9_-]{1,32})/([0-9]{1,4})")
NUMBER: Final = re.compile(rb"-?[0-9]{1,19}")

Header = tuple[str, bytes]
Headers = list[Header]
About = tuple[Header, Header, Header]


class Published(NamedTuple):
    """`body` is the Avro body with its position; `before` the output before it in the same topic and shard."""

    topic: str
    at: int
    key: bytes
    type_name: str
    generation: str
    shard: int
    output_seq: int
    before: int
    schema_id: int
    body: bytes

    @property
    def identity(self) -> tuple[bytes, str, int, int, bytes]:
        """What is the same each time the log is folded: key, type, numbers, body; not the frame, nor when and where it stands."""
        return self.key, self.type_name, self.output_seq, self.before, self.body


def about(generation: str, shard: int, type_name: str) -> About:
    """The headers that all outputs of a type have alike."""
    return SPECIFICATION, ("ce_type", type_name.encode()), ("ce_source", f"milepost/{generation}/{shard}".encode())


def headers(about: About, output_seq: int, before: int) -> Headers:
    return [*about, ("ce_id", b"%d" % output_seq), CONTENT, ("topic_seq", b"%d" % before)]


def published(message: Message) -> Published:
    """Raises DecodeError for what none of our shards has written."""
    found = dict(message.headers() or ())
    source = SOURCE.fullmatch(found.get("ce_source", b""))
    value = message.value()
    if source is None or value is None:
        raise DecodeError(
            f"expected an output with the header ce_source milepost/<generation>/<shard>, got {_shown(found)}"
        )
    schema_id, body = unframed(value)
    return Published(
        message.topic(),
        message.offset(),
        message.key() or b"",
        found.get("ce_type", b"").decode("ascii", "replace"),
        source[1].decode(),
        int(source[2]),
        _number(found, "ce_id"),
        _number(found, "topic_seq"),
        schema_id,
        body,
    )


def output_of(message: Message, generation: str) -> Iterator[tuple[Position, object]]:
    """With its place; nothing of another generation, nor of what cannot be read, which resume and audit tell of."""
    try:
        output = published(message)
        if output.generation == generation and output.type_name in OUTPUT_CODECS:
            yield read_output(output.type_name, output.body)
    except DecodeError:
        return


def _number(found: dict[str, bytes], name: str) -> int:
    value = found.get(name, b"")
    if NUMBER.fullmatch(value) is None:
        raise DecodeError(f"expected a number, got {value[:32]!r}", f"headers.{name}")
    return int(value)


def _shown(found: dict[str, bytes]) -> str:
    source = found.get("ce_source")
    return "none" if source is None else ascii(source[:64])
