"""A record of the log is read the short way where it has the usual form, and always as it is read field by field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import log_records
from connectors.decode_error import DecodeError
from connectors.event_bodies import WRITERS
from connectors.log_records import Stored, StoredRecord, _by_fields, read_record, write_stored
from domain.events.delivery import MilestoneAccepted
from tests.strategies import ids

Read = Callable[[int, bytes, int], tuple[StoredRecord, int]]
SCHEMA = WRITERS[MilestoneAccepted].schema


def stored(padding: int = 50, engagement_id: str = "E-1", own: tuple[str, ...] | None = None) -> bytes:
    """Without padding the body has 30 bytes."""
    event = MilestoneAccepted("1", 1_772_625_600_000_000, "x" * padding, "M-1", 1, dt.date(2026, 3, 4), "bob")
    return write_stored(
        Stored(engagement_id, "MilestoneAccepted", SCHEMA, WRITERS[MilestoneAccepted].encode(event), own)
    )


LONG_IDS = st.integers(60, 200).map(lambda length: "E" * length)
PADDINGS = st.one_of(st.integers(0, 100), st.integers(8_100, 8_200), st.just(20_000))
OWN = st.none() | st.lists(ids, max_size=3).map(tuple)


def outcome(read: Read, data: bytes, begin: int) -> object:
    try:
        record, end = read(7, data, begin)
    except (DecodeError, KeyError) as fault:
        return type(fault), fault.args
    return type(record), type(record.event), record, end


@given(st.builds(stored, PADDINGS, ids | LONG_IDS, OWN), st.binary(max_size=3), st.binary(max_size=3), st.data())
def test_both_ways_give_the_same_record_or_the_same_error(
    record: bytes, before: bytes, after: bytes, more: st.DataObject
) -> None:
    begin = len(before)
    whole = before + record + after
    assert outcome(read_record, whole, begin) == outcome(_by_fields, whole, begin)
    cut = before + record[: more.draw(st.integers(0, len(record)), "cut")]
    assert outcome(read_record, cut, begin) == outcome(_by_fields, cut, begin)
    # What stands around the body is most of what the short way decides by.
    at = more.draw(st.integers(0, min(len(record), 100) - 1) | st.integers(-3, -1), "changed") % len(record)
    changed = bytearray(whole)
    changed[begin + at] = more.draw(st.integers(0, 255), "byte")
    assert outcome(read_record, bytes(changed), begin) == outcome(_by_fields, bytes(changed), begin)


@pytest.mark.parametrize("at", range(60))
def test_any_byte_of_the_beginning_may_be_any_other(at: int) -> None:
    record = bytearray(stored())
    for byte in range(256):
        record[at] = byte
        assert outcome(read_record, bytes(record), 0) == outcome(_by_fields, bytes(record), 0)


def test_only_records_of_another_form_are_read_field_by_field() -> None:
    def is_short(record: bytes) -> bool:
        with patch.object(log_records, "_by_fields", side_effect=_by_fields) as by_fields:
            read_record(0, record, 0)
        return not by_fields.called

    assert is_short(stored(padding=34))
    assert is_short(stored(engagement_id="E" * 63))
    assert not is_short(stored(engagement_id="E" * 64))
    assert not is_short(stored(padding=33))
    assert not is_short(stored(padding=8_192))
    assert not is_short(stored(own=("P-1",)))
