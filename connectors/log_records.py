"""Records of the engagement log, the same in a file and on a topic."""

from __future__ import annotations

from typing import Final, NamedTuple

from connectors.avro_reader import reader_from
from connectors.avro_schema import bind, definitions, parse, self_contained
from connectors.avro_writer import writer
from domain.events.catalogue import Event
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


LOG_RECORD: Final = _schema()
_RECORD: Final = bind(LOG_RECORD, {"milepost.internal.LogRecord": Stored}, {})
write_stored: Final = writer(_RECORD)
read_stored: Final = reader_from(_RECORD)
