from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.avro_codec import EVENT_CODECS
from connectors.decode_error import DecodeError, shown
from connectors.record_check import KNOWN_MAX, check_record
from domain.events.commercial import ContractSigned
from domain.events.common import BillTo, ContractLine, SharedCap, TimeAndMaterials
from domain.events.delivery import TimeApproved
from tests.strategies import records

NOON = 1_772_625_600_000_000


def time_approved(**changes: Any) -> TimeApproved:
    return TimeApproved("E-1", NOON, "kantata", "T-1", 1, "P-1", "ann", "bob")._replace(**changes)


def contract(**changes: Any) -> ContractSigned:
    line = ContractLine("L1", "P-1", TimeAndMaterials())
    day = dt.date(2026, 3, 4)
    signed = ContractSigned("E-1", NOON, "crm", "C-1", 1, "CU-1", "LE-1", "EUR", day, day, (line,))
    return signed._replace(**changes)


def refusal(event: Any) -> str:
    with pytest.raises(DecodeError) as caught:
        check_record(event)
    return str(caught.value)


def test_ids_hold_no_noncharacter() -> None:
    assert refusal(time_approved(entry_id="T\U0010ffff")) == (
        "entry_id: an id with a code point that Unicode keeps from interchange: 'T\\U0010ffff'"
    )


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1f", "\x7f", "\x85"])
def test_ids_hold_no_control_character(control: str) -> None:
    assert refusal(time_approved(entry_id=f"T{control}1")) == (
        f"entry_id: an id with the control character U+{ord(control):04X}: {f'T{control}1'!r}"
    )


def test_good_records_pass() -> None:
    check_record(time_approved(engagement_id="E.7", line_id=None, description="x" * 500))
    check_record(contract())


@pytest.mark.parametrize("good", ["a", "x" * 128, "Zürich", "東京-1", "a b", "a/b.c%20"])
def test_ids_that_may_be(good: str) -> None:
    check_record(time_approved(project_id=good))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "0 characters"),
        ("x" * 129, "129 characters"),
        (" Q7", "space"),
        ("Q7\n", "space"),
        ("Q7\u00a0", "space"),
        ("Zu\u0308rich", "form C"),
    ],
)
def test_ids_that_may_not_be(bad: str, reason: str) -> None:
    """Two spellings of one id would be two projects."""
    for _ in range(2):
        for field in ("event_id", "entry_id", "project_id", "engagement_id"):
            message = refusal(time_approved(**{field: bad}))
            assert message.startswith(f"{field}: an id ")
            assert reason in message
            assert message.endswith(shown(bad))


def test_ids_inside_lists_and_unions_are_checked() -> None:
    line = ContractLine("L 1 ", "P-1", TimeAndMaterials())
    assert refusal(contract(lines=(*contract().lines, line))).startswith("lines[1].line_id: ")
    shared = SharedCap("CAP-1", ("L1", ""), "hard")
    assert refusal(contract(shared_caps=(shared,))).startswith("shared_caps[0].lines[1]: ")
    terms = TimeAndMaterials(rate_card_id=" RC")
    assert refusal(contract(lines=(ContractLine("L1", "P-1", terms),))).startswith("lines[0].terms.rate_card_id: ")
    assert refusal(contract(bill_to=(BillTo("CU-2 ", 100_000_000),))).startswith("bill_to[0].customer_id: ")


def test_a_description_is_at_most_500_characters() -> None:
    assert refusal(time_approved(description="x" * 501)) == "description: a description of 501 characters, at most 500"


def test_a_contract_has_at_most_2000_lines() -> None:
    check_record(contract(lines=contract().lines * 2_000))
    assert refusal(contract(lines=contract().lines * 2_001)) == "lines: 2001 lines, at most 2000 in one record"


def test_what_was_good_stays_good_when_many_ids_pass() -> None:
    for number in range(KNOWN_MAX + 10):
        check_record(time_approved(entry_id=f"T-{number}"))
    assert refusal(time_approved(entry_id=" T-1"))


@given(st.sampled_from(sorted(EVENT_CODECS)).flatmap(records))
def test_the_ids_of_the_other_tests_are_good(event: Any) -> None:
    check_record(event)
