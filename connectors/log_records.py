"""Records of the engagement log, the same in a file and on a topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from connectors.avro_reader import reader_from
from connectors.avro_schema import bind, definitions, parse, self_contained
from connectors.avro_source import MadeTable
from connectors.avro_writer import writer
from connectors.decode_error import DecodeError
from connectors.event_bodies import READERS
from domain.events.catalogue import Event
from domain.tuples import new_tuple
from schemas.files import AVRO


class Stored(NamedTuple):
    """A record as it is kept, as `schemas/avro/internal/LogRecord.avsc` has it."""

    engagement_id: str
    type: str
    schema: int
    body: bytes
    own: tuple[str, ...] | None = None


class StoredRecord(NamedTuple):
    """An event at its place; `engagement_id` is empty for reference data.

    `own` is None unless the event is for several engagements; then it is what of it is this engagement's own: projects
    of a contract, invoices of a payment, journals of a batch, entries of a write-off.
    """

    offset: int
    engagement_id: str
    type_name: str
    body: bytes
    event: Event
    own: tuple[str, ...] | None = None


def _schema() -> object:
    found = parse((AVRO / "internal" / "LogRecord.avsc").read_bytes())
    return self_contained(found, definitions(found))


def read_record(offset: int, data: bytes, begin: int) -> tuple[StoredRecord, int]:
    """One record at a place in longer data, and where it ends. Raises as `read_records` does."""
    (record,), (end,) = read_records(offset, ((data, begin),))
    return record, end


def read_records(offset: int, places: Iterable[tuple[bytes, int]]) -> tuple[list[StoredRecord], list[int]]:
    """The records at these places, from an offset on, and where each ends.

    Raises DecodeError, and KeyError for a schema that was never released.

    Type and schema are the same few bytes again and again, so they are looked up. A record of another form than nearly
    all (an id of one byte's length, a body of two bytes', nothing that is its own) is read field by field.
    """
    kinds, records, ends = KINDS, [], []
    for number, (data, begin) in enumerate(places, offset):
        record, end = None, 0
        try:
            at = begin + 1 + (data[begin] >> 1)
            engagement_id = data[begin + 1 : at].decode()
            after = at + 2 + (data[at] >> 1)
            type_name, read = kinds[data[at:after]]
            low, high = data[after], data[after + 1]
            end = after + 2 + ((low & 127 | high << 7) >> 1)
            if not data[begin] & 129 and low > 127 and not low & 1 and high < 128 and not data[end]:
                body = data[after + 2 : end]
                record = new_tuple(StoredRecord, (number, engagement_id, type_name, body, read(body), None))
                end += 1
        except (LookupError, UnicodeDecodeError, DecodeError):
            record = None
        if record is None:
            record, end = _by_fields(number, data, begin)
        records.append(record)
        ends.append(end)
    return records, ends


def _by_fields(offset: int, data: bytes, begin: int) -> tuple[StoredRecord, int]:
    (engagement_id, type_name, schema, body, own), end = read_stored(data, begin)
    event = READERS[type_name, schema](body)
    return new_tuple(StoredRecord, (offset, engagement_id, type_name, body, event, own)), end


def _kind(data: bytes) -> tuple[str, Callable[[bytes], Event]]:
    """Type and how its body is read. Raises DecodeError, and LookupError for bytes that are not exactly a released schema's."""
    (_, type_name, schema, _, _), end = _read_kind(data, 0)
    if end != len(data):
        raise LookupError
    return type_name, READERS[type_name, schema]


KINDS: Final = MadeTable(_kind)
LOG_RECORD: Final = _schema()
_RECORD: Final = bind(LOG_RECORD, {"milepost.internal.LogRecord": Stored}, {})
write_stored: Final = writer(_RECORD)
read_stored: Final = reader_from(_RECORD)
_read_kind: Final = reader_from(
    replace(_RECORD, fields=_RECORD.fields[1:3], filled={"engagement_id": "", "body": b"", "own": None})
)
