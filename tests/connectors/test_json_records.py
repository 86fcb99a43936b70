from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal as Number
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from connectors.decode_error import DecodeError
from connectors.json_records import event_from_json, event_from_json_line, record_to_json
from connectors.json_values import decimal_text, instant_text
from domain.events.commercial import ContractSigned
from domain.events.common import FixedPrice, LineRate, TimeAndMaterials
from domain.events.delivery import TimeApproved
from domain.outputs import DeadLetter, Position
from tests.strategies import positions, records

TIME: dict[str, Any] = {
    "type": "TimeApproved",
    "event_id": "E-1",
    "occurred_at": "2026-03-04T12:00:00Z",
    "source": "kantata",
    "entry_id": "T-1",
    "version": 1,
    "project_id": "P-1",
    "person_id": "ann",
    "approved_by": "bob",
    "worked_on": "2026-03-04",
    "hours": "7.5",
}
NOON = 1_772_625_600_000_000


def line(**changes: Any) -> bytes:
    return json.dumps({**TIME, **changes}).encode()


def line_with(field: str, text: str) -> bytes:
    """The line with a value exactly as it is typed."""
    return line(**{field: "@"}).replace(b'"@"', text.encode())


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        event_from_json_line(data)
    return str(caught.value)


def test_a_line() -> None:
    event = event_from_json_line(line())
    assert event == TimeApproved(
        event_id="E-1",
        occurred_at=NOON,
        source="kantata",
        entry_id="T-1",
        version=1,
        project_id="P-1",
        person_id="ann",
        approved_by="bob",
        worked_on=dt.date(2026, 3, 4),
        hours=7_500_000,
    )


def test_a_nested_record_of_several_kinds_names_its_type() -> None:
    lines = [
        {"line_id": "L1", "project_id": "P-1", "terms": {"type": "TimeAndMaterials", "rates": [{"rate": "120"}]}},
        {"line_id": "L2", "project_id": "P-1", "terms": {"type": "FixedPrice", "price": 50000}},
    ]
    signed = {
        **{name: TIME[name] for name in ("event_id", "occurred_at", "source", "version")},
        "type": "ContractSigned",
        "contract_id": "C-1",
        "customer_id": "CU-1",
        "legal_entity_id": "LE-1",
        "currency": "EUR",
        "signed_on": "2026-03-01",
        "starts_on": "2026-03-02",
        "lines": lines,
    }
    event = event_from_json(signed)
    assert isinstance(event, ContractSigned)
    assert [type(found.terms) for found in event.lines] == [TimeAndMaterials, FixedPrice]
    assert event.lines[0].terms == TimeAndMaterials(rates=(LineRate(rate=120_000_000),))
    written = record_to_json(event)
    assert written["lines"][1]["terms"]["type"] == "FixedPrice"
    assert event_from_json(written) == event
    lines[1]["terms"] = {"type": "FixedPrices"}
    with pytest.raises(DecodeError, match=r"lines\[1\].terms.type: expected one of .*did you mean FixedPrice\?"):
        event_from_json(signed)
    lines[1]["terms"] = {"price": 50000}
    with pytest.raises(DecodeError, match=r"lines\[1\].terms.type: expected one of TimeAndMaterials"):
        event_from_json(signed)
    lines[1]["terms"] = {"type": "FixedPrice", "prise": 1}
    with pytest.raises(DecodeError, match=r"lines\[1\].terms.prise: FixedPrice has no such field; did you mean price"):
        event_from_json(signed)


@pytest.mark.parametrize("text", ["7.35", '"7.35"', "7.350000", '"7.3500000"', "735e-2", "0.735E1"])
def test_a_decimal_is_exact_however_it_is_typed(text: str) -> None:
    """7.35 as a binary fraction is 7.3499999999999996."""
    assert event_from_json_line(line_with("hours", text)).hours == 7_350_000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "hours"),
    [("0", 0), ("-0", 0), ("-1.5", -1_500_000), ("0e99999999", 0), ("999999999999.999999", 10**18 - 1)],
)
def test_decimals_at_their_limits(text: str, hours: int) -> None:
    assert event_from_json_line(line_with("hours", text)).hours == hours  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "7.1234567",
        '"7.1234567"',
        "1e-7",
        "1e12",
        "1000000000000",
        '"1000000000000"',
        "1e999999999",
        "1e-999999999",
        "1" * 4000,
        "0." + "1" * 5000,
        "1." + "0" * 5000,
        '"1e3"',
        '" 7.5"',
        '"7,5"',
        '"1_000"',
        '"+7"',
        '"7."',
        '".5"',
        '""',
        '"NaN"',
        '"٧"',
        "true",
        "[]",
        "{}",
    ],
)
def test_what_is_no_decimal_of_that_size_is_refused_and_never_rounded(text: str) -> None:
    assert refusal(line_with("hours", text)).startswith("hours: ")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity(text: str) -> None:
    assert "not numbers" in refusal(line_with("hours", text))


def test_a_float_in_an_object_is_refused() -> None:
    with pytest.raises(DecodeError, match="hours: a float may have lost digits"):
        event_from_json({**TIME, "hours": 7.5})
    assert event_from_json({**TIME, "hours": Number("7.5")}) == event_from_json(TIME)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04T12:00:00Z",
        "2026-03-04t12:00:00z",
        "2026-03-04T13:00:00+01:00",
        "2026-03-04T06:30:00-05:30",
        "2026-03-04T12:00:00.000000Z",
        "2026-03-04T12:00:00.000000000Z",
        "2026-03-04T12:00:00-00:00",
    ],
)
def test_an_instant_is_kept_in_utc(text: str) -> None:
    assert event_from_json_line(line(occurred_at=text)).occurred_at == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04T12:00:00",
        "2026-03-04 12:00:00Z",
        "2026-03-04T12:00Z",
        "2026-03-04",
        "20260304T120000Z",
        "2026-02-30T12:00:00Z",
        "2026-03-04T24:00:00Z",
        "2026-03-04T12:00:60Z",
        "2026-03-04T12:00:00+25:00",
        "2026-03-04T12:00:00.1234567Z",
        "1989-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z",
        "2101-01-01T00:00:00+00:01:30",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "",
        1772625600,
        None,
    ],
)
def test_an_instant_has_a_date_a_time_and_a_zone(text: object) -> None:
    assert refusal(line(occurred_at=text)).startswith("occurred_at: ")


@pytest.mark.parametrize("text", ["2026-3-4", "20260304", "2026-W10-3", "2026-02-30", "1989-12-31", "2101-01-01", 7])
def test_a_date_is_a_day_of_the_calendar(text: object) -> None:
    assert refusal(line(worked_on=text)).startswith("worked_on: ")


@pytest.mark.parametrize("value", [1, 0, "true", None, "yes"])
def test_a_boolean_is_true_or_false(value: object) -> None:
    assert refusal(line(billable=value)).startswith("billable: expected true or false")


@pytest.mark.parametrize("value", ["1", 1.0, True, None, 2**63])
def test_a_version_is_a_whole_number(value: object) -> None:
    assert refusal(line(version=value)).startswith("version: ")


def test_what_may_be_left_out_may_be_null_or_left_out() -> None:
    assert event_from_json_line(line(role=None)) == event_from_json_line(line())


def test_a_missing_field_is_named() -> None:
    for name in ("event_id", "occurred_at", "project_id"):
        found = {key: value for key, value in TIME.items() if key != name}
        assert refusal(json.dumps(found).encode()) == f"{name}: missing"


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    assert refusal(line(hour="7")) == "hour: TimeApproved has no such field; did you mean hours?"
    assert refusal(line(xyzzy="7")) == "xyzzy: TimeApproved has no such field"
    assert len(refusal(line(**{"x" * 5000: 1}))) < 200
    assert "\\n" in refusal(line(**{"a\nb": 1}))


def test_an_unknown_type_is_answered_with_the_nearest() -> None:
    assert refusal(line(type="TimeAproved")) == "type: no event is called 'TimeAproved'; did you mean TimeApproved?"
    assert refusal(line(type="JournalEntry")).startswith("type: no event is called 'JournalEntry'")
    assert refusal(line(type=None)).startswith("type: expected the name of an event")
    assert refusal(b"{}").startswith("type: expected the name of an event")


def test_a_key_that_stands_twice() -> None:
    assert refusal(b'{"type": "TimeApproved", "hours": 1, "hours": 2}') == "hours: stands twice in one object"


def test_a_value_that_is_none_of_a_closed_set() -> None:
    hold = {
        **{name: TIME[name] for name in ("event_id", "occurred_at", "source", "version")},
        "type": "BillingHoldPlaced",
        "hold_id": "H",
        "placed_on": "2026-03-04",
        "reason": "dispute",
    }
    with pytest.raises(DecodeError, match=r"scope.kind: expected one of .*did you mean project\?"):
        event_from_json({**hold, "scope": {"kind": "projct", "id": "P-1"}})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"TimeApproved"',
        b"{",
        b'{"type": "TimeApproved"} {}',
        b"\xef\xbb\xbf{}",
        b'{"type": "\xff"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"{'type': 'TimeApproved'}",
        b'{"type": "TimeApproved",}',
        b"1" * 5_000,
        b'{"source": "a\nb"}',
    ],
)
def test_what_is_no_json_object(data: bytes) -> None:
    assert refusal(data)


def test_a_line_over_1_mb() -> None:
    assert "at most 1000000" in refusal(line(description="x" * 1_000_000))


def test_half_a_surrogate_pair() -> None:
    assert refusal(line_with("source", '"\\ud800"')) == "source: a string with half of a surrogate pair: '\\ud800'"
    assert event_from_json_line(line_with("source", '"\\ud83d\\ude00"')).source == "\U0001f600"


def test_the_value_at_fault_is_shown_cut_and_escaped() -> None:
    for name in TIME:
        if name not in {"type", "event_id", "source", "entry_id", "project_id", "person_id", "approved_by"}:
            assert refusal(line(**{name: "Zaphod"})).endswith("'Zaphod'")
    assert refusal(line(worked_on="04.03.2026")) == (
        "worked_on: expected a date such as 2026-03-04, got a string of 10 characters: '04.03.2026'"
    )
    assert refusal(line(hours="7,5\x1b[2J")).endswith(r": '7,5\x1b[2J'")
    assert refusal(line(hours="9" * 5000)).endswith(f": '{'9' * 80}'...")
    assert refusal(line(hours=[7])).endswith("got a list")


def test_maps_hold_strings() -> None:
    assert event_from_json_line(line(dimensions={"region": "emea"})).dimensions == {"region": "emea"}  # type: ignore[union-attr]
    assert refusal(line(dimensions={"region": 7})) == "dimensions.region: expected a string, got a number: 7"


@given(st.sampled_from(sorted(EVENT_CODECS)).flatmap(records))
def test_an_event_is_read_as_it_was_written(event: Any) -> None:
    written = record_to_json(event)
    assert event_from_json(written) == event
    assert event_from_json_line(json.dumps(written).encode()) == event
    assert event_from_json_line(json.dumps(written, ensure_ascii=False).encode()) == event


@given(st.sampled_from(sorted(OUTPUT_CODECS)).flatmap(records), positions())
def test_an_output_is_plain_json(output: Any, position: Position) -> None:
    written = record_to_json(output, position)
    assert written["type"] == type(output).__name__
    assert written["output_seq"] == position.output_seq
    assert json.loads(json.dumps(written)) == written


def test_a_dead_letter_keeps_its_bytes_in_base64() -> None:
    letter = DeadLetter("psa.time", 3, 41, 3, "ab12", "ends inside a number", "hours", raw=b"\x00\x07\xff")
    assert record_to_json(letter)["raw"] == "AAf/"


@pytest.mark.parametrize(
    ("value", "scale", "least", "text"),
    [
        (125_000, 4, 2, "12.50"),
        (-1, 4, 2, "-0.0001"),
        (0, 4, 2, "0.00"),
        (10_000_000, 4, 2, "1000.00"),
        (7_350_000, 6, 0, "7.35"),
        (8_000_000, 6, 0, "8"),
        (10**12, 12, 0, "1"),
    ],
)
def test_decimals_are_written_without_exponent(value: int, scale: int, least: int, text: str) -> None:
    assert decimal_text(scale, least, value) == text


def test_instants_are_written_in_utc() -> None:
    assert instant_text(NOON) == "2026-03-04T12:00:00Z"
    assert instant_text(NOON + 120_000) == "2026-03-04T12:00:00.12Z"
