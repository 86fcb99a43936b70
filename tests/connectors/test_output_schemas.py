"""Outputs are written with the schemas that the log's genesis names, and from an activation on with those of its rules."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import output_schemas
from connectors.avro_codec import OUTPUT_CODECS, encode_position, output_versions, read_output, released_outputs
from connectors.decode_error import DecodeError
from connectors.output_schemas import output_codecs, todays_fingerprints
from domain.outputs import Position
from schemas.frozen_rules import Frozen
from state import rules
from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop
from state.rules import RULES
from tests.strategies import positions, records

EARLIER = [
    (name, number)
    for name, versions in released_outputs().items()
    for number, codec in versions.items()
    if codec.fingerprint != OUTPUT_CODECS[name].fingerprint
]
FIRST = released_outputs()["ExceptionRaised"][1].fingerprint


def begun(**outputs: str) -> Genesis:
    return Genesis("1", rules=dict(RULES), outputs={**todays_fingerprints(), **outputs})


def fingerprints(genesis: Genesis, version: int) -> dict[str, str]:
    return {name: codec.fingerprint for name, codec in sorted(output_codecs(genesis, version).items())}


@pytest.fixture
def second() -> Iterator[Mapping[str, Mapping[int, Frozen | None]]]:
    """Version 2 is open after a frozen one that wrote the first schema of exceptions."""
    lock = {"accounting": {1: Frozen({}, {"ExceptionRaised": 1}, {}), 2: None}}
    with patch.dict(rules.RULES, {"accounting": 2}), patch.object(output_schemas, "kept_lock", lambda: lock):
        yield lock


def test_there_are_earlier_schemas() -> None:
    assert ("ExceptionRaised", 1) in EARLIER


def test_a_new_log_begins_with_todays() -> None:
    assert fingerprints(begun(), 1) == todays_fingerprints()
    assert fingerprints(Genesis("1"), 1) == todays_fingerprints()


def test_an_old_log_goes_on_with_those_that_it_began_with() -> None:
    assert fingerprints(begun(ExceptionRaised=FIRST), 1) == {**todays_fingerprints(), "ExceptionRaised": FIRST}


def test_behind_an_activation_they_are_those_of_its_rules(second: object) -> None:
    old = Genesis("1", rules={"accounting": 1}, outputs={**todays_fingerprints(), "ExceptionRaised": FIRST})
    assert fingerprints(old, 1)["ExceptionRaised"] == FIRST
    assert fingerprints(old, 2) == todays_fingerprints(), "version 2 is open and writes with today's"


def test_a_frozen_version_writes_what_it_wrote(second: dict[str, dict[int, Frozen | None]]) -> None:
    second["accounting"][2] = Frozen({}, {**dict.fromkeys(OUTPUT_CODECS, 1)}, {})
    with patch.dict(rules.RULES, {"accounting": 3}):
        assert fingerprints(Genesis("1", rules={"accounting": 1}), 2)["ExceptionRaised"] == FIRST


@pytest.mark.parametrize(
    ("genesis", "version", "says"),
    [
        (begun(JournalEntry="ab" * 32), 1, "a schema of JournalEntry that this code does not have .abababababab."),
        (begun(), 7, "asks for version 7 of rule accounting, this code has 1 to 2"),
        (Genesis("1", rules={"accounting": 2}), 1, "version 1 of rule accounting is not in rules.lock"),
    ],
)
def test_what_this_release_does_not_have_stops_the_shard(
    second: dict[str, dict[int, Frozen | None]], genesis: Genesis, version: int, says: str
) -> None:
    if "rules.lock" in says:
        del second["accounting"][1]
    with pytest.raises(GuardStop, match=says) as stop:
        output_codecs(genesis, version)
    assert stop.value.code == RULES_MISSING


@pytest.mark.parametrize(("name", "number"), EARLIER)
@given(data=st.data())
def test_an_earlier_schema_is_written_without_what_came_later(name: str, number: int, data: st.DataObject) -> None:
    """As fastavro reads and writes it, which takes a byte more for -128; read again, what came later has its default."""
    position, record = data.draw(positions()), data.draw(records(name))
    codec = released_outputs()[name][number]
    body = codec.encode(position, record)
    held = [field.name for field in codec.record.fields]
    _, again = codec.decode(body)
    assert codec.encode(position, again) == body
    later = {name: value for name, value in record._field_defaults.items() if name not in held}
    assert {name: getattr(again, name) for name in later} == later
    plain = fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(codec.schema), None)
    assert isinstance(plain, dict)
    assert set(plain) == {*Position._fields, *held}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(codec.schema), plain)
    assert codec.decode(out.getvalue()) == (position, again)


@pytest.mark.parametrize(("name", "number"), EARLIER)
@given(data=st.data())
def test_a_body_without_a_name_of_its_schema_is_read(name: str, number: int, data: st.DataObject) -> None:
    position, record = data.draw(positions()), data.draw(records(name))
    for codec in (released_outputs()[name][number], OUTPUT_CODECS[name]):
        body = codec.encode(position, record)
        assert read_output(name, body) == codec.decode(body)


def test_what_no_schema_has_written_is_refused() -> None:
    place: Any = Position("1", 0, 1, 0, 0, "e", 1_700_000_000_000_000, 1_700_000_000_000_000, None, "1")
    with pytest.raises(DecodeError):
        read_output("ExceptionRaised", encode_position(place) + b"\xff")


def test_every_codec_is_found_by_its_fingerprint() -> None:
    assert all(output_versions()[codec.fingerprint] is codec for codec in OUTPUT_CODECS.values())
