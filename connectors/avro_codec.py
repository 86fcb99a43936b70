"""Avro bodies of events and outputs to and from the domain's own classes, exactly one valid record at a time.

Compiled on first use. Decimals are scaled integers and instants microseconds, as `domain.units` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from connectors import avro_schema as avro
from connectors.avro_reader import reader, reader_from
from connectors.avro_writer import WriteAround, whole_piece, writer, writer_around
from connectors.compiled import native
from connectors.decode_error import DecodeError
from domain import outputs
from domain.events import common
from domain.events.catalogue import EVENTS, Event
from domain.outputs import OUTPUTS, DeadLetter, Output, Position
from schemas.files import HISTORY, read_schemas

R = TypeVar("R")
D = TypeVar("D", bound="Decoder[Any]")


class Decoder(Generic[R]):
    """Reads the bodies of one record; `schema` stands alone, `record` binds it to the class."""

    def __init__(self, schema: Any, record: avro.RecordType) -> None:
        self.schema = schema
        self.record = record
        self.name = record.title

    @cached_property
    def writer_schema_json(self) -> str:
        """Self-contained and minified, for files and registries."""
        return avro.minified(self.schema)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of all that matters for reading, logical types included."""
        return avro.fingerprint(self.schema)

    @cached_property
    def decode(self) -> Callable[[bytes], R]:
        """Raises `decode_error.DecodeError` for anything that is not exactly one valid record."""
        return reader(self.record)

    @cached_property
    def decode_from(self) -> Callable[[bytes, int], tuple[R, int]]:
        """One record at a place in longer data, and where it ends."""
        return reader_from(self.record)


class Codec(Decoder[R]):
    """Reads and writes the bodies of one record."""

    @cached_property
    def encode(self) -> Callable[[R], bytes]:
        """Raises EncodeError for what the schema cannot hold."""
        return writer(self.record)


class OutputCodec(Decoder[tuple[Position, Output]]):
    """Reads and writes the bodies of one output, with its position in front."""

    def encode(self, position: Position, record: Output) -> bytes:
        return encode_position(position) + self.encode_body(record)

    @cached_property
    def encode_body(self) -> Callable[[Output], bytes]:
        """What comes after the position. Raises EncodeError for what the schema cannot hold."""
        return writer(self.record)


class Versions(Mapping[str, D]):
    """Decoders by fingerprint. What today's schemas wrote is read without those before them: there are hundreds, and reading them takes
    longer than the start of a command."""

    def __init__(self, today: Iterable[D], before: Callable[[], Iterable[D]]) -> None:
        self._today = {decoder.fingerprint: decoder for decoder in today}
        self._before = before

    @cached_property
    def _all(self) -> dict[str, D]:
        return {**{decoder.fingerprint: decoder for decoder in self._before()}, **self._today}

    def __getitem__(self, fingerprint: str) -> D:
        found = self._today.get(fingerprint)
        return self._all[fingerprint] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


@cache
def event_versions() -> Mapping[str, Decoder[Event]]:
    """Every event schema that was ever released, by fingerprint, read into today's classes."""
    return Versions[Decoder[Event]](EVENT_CODECS.values(), _released_events)


def _released_events() -> Iterator[Decoder[Event]]:
    return (Decoder[Event](*found) for name in EVENTS for found in _frozen(f"milepost.events.{name}"))


@cache
def output_versions() -> Mapping[str, OutputCodec]:
    """The same of the outputs that have a position; they are written with earlier ones too, in replay."""
    return Versions(OUTPUT_CODECS.values(), _outputs_before)


def _outputs_before() -> Iterator[OutputCodec]:
    return (codec for versions in released_outputs().values() for codec in versions.values())


@cache
def released_outputs() -> Mapping[str, Mapping[int, OutputCodec]]:
    """By type, and by the number of the version in `schemas/avro/history`."""
    return MappingProxyType(
        {
            name: {
                number: OutputCodec(schema, avro.with_head(record, Position))
                for number, (schema, record) in enumerate(_frozen(f"milepost.outputs.{name}"), 1)
            }
            for name in OUTPUT_CODECS
        }
    )


def read_output(type_name: str, body: bytes) -> tuple[Position, Output]:
    """A body whose schema nothing beside it names: today's, or else an earlier one. Raises DecodeError.

    A reader takes exactly what its schema wrote, to the last byte.
    """
    today = OUTPUT_CODECS[type_name]
    try:
        return today.decode(body)
    except DecodeError:
        for _, codec in sorted(released_outputs()[type_name].items(), reverse=True):
            if codec.fingerprint != today.fingerprint:
                with suppress(DecodeError):
                    return codec.decode(body)
        raise


@cache
def output_heads(needed: tuple[tuple[str, str], ...]) -> Mapping[str, Decoder[tuple[Position, Output]]]:
    """The same where of some outputs nothing is needed after a field: (type, field). What comes after is None, unread and unchecked.

    Only for blocks that hold one record, as those of `connectors.files.outputs` do.
    """
    last = dict(needed)
    return MappingProxyType(
        {
            mark: _HeadDecoder(decoder, last[decoder.name]) if decoder.name in last else decoder
            for mark, decoder in output_versions().items()
        }
    )


class _HeadDecoder(Decoder[tuple[Position, Output]]):
    """Reads up to a field, and takes the rest of the data for the rest of the record."""

    def __init__(self, whole: Decoder[tuple[Position, Output]], last: str) -> None:
        fields = whole.record.fields
        kept = fields[: [field.name for field in fields].index(last) + 1]
        read = {field.name for field in kept}
        filled = dict.fromkeys(name for name in whole.record.names if name not in read)
        super().__init__(whole.schema, replace(whole.record, fields=kept, filled=filled))

    @cached_property
    def decode_from(self) -> Callable[[bytes, int], tuple[tuple[Position, Output], int]]:
        read = reader_from(self.record)
        return lambda data, begin: (read(data, begin)[0], len(data))


def _frozen(name: str) -> Iterator[tuple[Any, avro.RecordType]]:
    """Released schemas, bound to today's class: what is new since then has its default."""
    for path in sorted((HISTORY / name).glob("*.avsc"), key=lambda each: int(each.stem)):
        released = avro.parse(path.read_bytes())
        schema = avro.self_contained(released, avro.definitions(released))
        yield schema, avro.bind(avro.with_todays_names(schema, avro.aliases(_NAMED)), _HOLDERS, {})


def _holders() -> avro.Holders:
    """The classes by the full names of their records."""
    nested = {**vars(outputs), **vars(common)}
    return {
        **{f"milepost.common.{name}": found for name, found in nested.items() if hasattr(found, "_fields")},
        **{f"milepost.events.{name}": found for name, found in EVENTS.items()},
        **{f"milepost.outputs.{name}": found for name, found in OUTPUTS.items()},
    }


def _today(name: str) -> tuple[Any, avro.RecordType]:
    schema = avro.self_contained(name, _NAMED)
    return schema, avro.bind(schema, _HOLDERS, _BOUND)


def _output(name: str) -> OutputCodec:
    schema, record = _today(f"milepost.outputs.{name}")
    return OutputCodec(schema, avro.with_head(record, Position))


_NAMED: Final[Mapping[str, Any]] = avro.definitions(list(read_schemas().values()))
_HOLDERS: Final[avro.Holders] = _holders()
_BOUND: Final[dict[str, avro.Type]] = {}

EVENT_CODECS: Final[Mapping[str, Codec[Event]]] = MappingProxyType(
    {name: Codec(*_today(f"milepost.events.{name}")) for name in EVENTS}
)
# Those with a position; a dead letter has none, and a codec of its own.
OUTPUT_CODECS: Final[Mapping[str, OutputCodec]] = MappingProxyType(
    {name: _output(name) for name in OUTPUTS if name != "DeadLetter"}
)
DEAD_LETTER_CODEC: Final[Codec[DeadLetter]] = Codec(*_today("milepost.outputs.DeadLetter"))

_HEADS: Final = [codec.record.head for codec in OUTPUT_CODECS.values() if codec.record.head]
_HEAD: Final = _HEADS[0]
assert all(head.fields == _HEAD.fields for head in _HEADS), "outputs differ in the types of their positions"
encode_position: Final[Callable[[Position], bytes]] = writer(_HEAD)
_read_head: Final[Callable[[bytes, int], tuple[Position, int]]] = reader_from(_HEAD)


@cache
def position_around(generation: str, shard: int, rules: str) -> WriteAround:
    """The bytes of a position before `ordinal` and after `output_seq`, which are the same for all outputs of a log record.

    It is given what differs between records: offset, event, both instants, correlation.
    """
    constants = ("generation", generation), ("shard", shard), ("rules_version", rules)
    return writer_around(_HEAD, Position._fields.index("ordinal"), Position._fields.index("output_seq") + 1, constants)


def made_numbered(around: tuple[bytes, bytes], ordinal: int, output_seq: int, content: bytes) -> bytes:
    """An output's bytes: its position, with these two numbers, and what it says."""
    before, after = around
    return b"".join((before, whole_piece(ordinal), whole_piece(output_seq), after, content))


numbered: Final[Callable[[tuple[bytes, bytes], int, int, bytes], bytes]] = (
    made_numbered if native is None else native.numbered
)


def content_of(body: bytes) -> bytes:
    """An output's bytes after its position: what it says, wherever it stands."""
    return body[_read_head(body, 0)[1] :]
