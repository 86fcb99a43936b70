"""What intake does not take: a message that is no event, and an event that breaks what its schema cannot say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from connectors.avro_walk import MESSAGE_BYTES_MAX
from connectors.decode_error import DecodeError, shown
from connectors.event_bodies import WRITERS
from connectors.json_records import record_to_json
from connectors.record_check import check_record
from domain.event_faults import first_fault
from domain.events.catalogue import Event
from domain.events.control import IntakeNoticed
from domain.events.delivery import TimeApproved
from domain.events.reference import DayEnded
from domain.outputs import DeadLetter
from domain.reference_faults import faults

# A message over this is kept in part.
KEPT_BYTES_MAX: Final = 900_000
KEPT_PART_BYTES: Final = 64 * 1024
# What intake adds to an event: an instant and an id of 128 characters.
ADDED_BYTES_MAX: Final = 600
MALFORMED: Final = "malformed"
# JSON may leave out what Avro writes, so long lines are measured as Avro.
MEASURED_FROM_BYTES: Final = 50_000
WRITTEN_BY_INTAKE: Final[Mapping[type[Event], str]] = {
    DayEnded: "only intake itself writes DayEnded; `milepost run --until` and `whatif --on` end days",
    IntakeNoticed: "only intake itself writes IntakeNoticed",
}
# A name or a place of a field path such as `lines[2].terms.price`.
_STEP: Final = re.compile(r"([a-z_]+)|\[(\d+)\]")


class Unreadable(NamedTuple):
    """`raw` is the message, or its first part where it is long; `digest` is of the whole, SHA-256 in hex.

    `reason_class` is one of few words, to be counted by.
    """

    reason: str
    field_path: str
    raw: bytes
    size: int
    digest: str
    event_type: str | None
    reason_class: str = MALFORMED


def unreadable(
    reason: str, field_path: str, raw: bytes, event_type: str | None = None, reason_class: str = MALFORMED
) -> Unreadable:
    kept = raw if len(raw) <= KEPT_BYTES_MAX else raw[:KEPT_PART_BYTES]
    return Unreadable(reason, field_path, kept, len(raw), hashlib.sha256(raw).hexdigest(), event_type, reason_class)


def dead_letter_of(wrong: Unreadable | None, generation: str, topic: str, partition: int, offset: int) -> DeadLetter:
    """Of an input that was not read, by its place."""
    assert wrong is not None, "an event that was read is no dead letter"
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        size=wrong.size,
        digest=wrong.digest,
        reason=wrong.reason,
        field_path=wrong.field_path,
        generation=generation,
        raw=wrong.raw,
        event_type=wrong.event_type,
    )


def fault_of_event(event: Event, size: int) -> DecodeError | None:
    """Why an event that is well formed is not taken."""
    try:
        check_record(event)
    except DecodeError as error:
        return error
    fault = first_fault(event)
    if fault is None and type(event) is not TimeApproved:
        fault = next(iter(faults(event)), None)
        if (why := WRITTEN_BY_INTAKE.get(type(event))) is not None:
            fault = "type", why
    if fault is not None:
        field, reason = fault
        return DecodeError(_with_value(event, field, reason), field)
    if size > MEASURED_FROM_BYTES and len(WRITERS[type(event)].encode(event)) > MESSAGE_BYTES_MAX - ADDED_BYTES_MAX:
        return DecodeError(f"over {MESSAGE_BYTES_MAX - ADDED_BYTES_MAX} bytes in Avro; send it in parts")
    return None


def _with_value(event: Event, field: str, reason: str) -> str:
    """The reason with the value that stands at the field, as JSON has it, unless it says so itself."""
    found: Any = record_to_json(event)
    for name, place in _STEP.findall(field):
        if isinstance(found, list):
            found = found[int(place)] if place and int(place) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
    if found is None or isinstance(found, list | dict) or str(found) in reason:
        return reason
    return f"{reason}: {shown(found)}"
