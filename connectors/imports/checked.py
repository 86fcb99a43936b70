"""No import writes what intake would not read."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.decode_error import DecodeError
from connectors.json_records import event_from_json
from connectors.record_check import check_record
from connectors.unreadable import fault_of_event


def fault_of(event: Mapping[str, object]) -> DecodeError | None:
    """What the schemas and intake would say of an event that still has no `event_id`."""
    try:
        check_record(event_from_json({"event_id": "1", **event}))
    except DecodeError as fault:
        return fault
    return None


def fault_of_time(event: Mapping[str, object]) -> DecodeError | None:
    """Also of what is well formed and cannot be computed with, such as a rate below zero."""
    try:
        return fault_of_event(event_from_json({"event_id": "1", **event}), 0)
    except DecodeError as fault:
        return fault
