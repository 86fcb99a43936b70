"""Account and contra account: pairs sum per account to the lines, to the cent in both currencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery.contra_accounts import NoContraAccount, Pair, pairs
from domain.delivery.documents import DocumentLine, Segment


def line(account: str, amount: int, ledger_amount: int | None = None, department: str = "") -> DocumentLine:
    segments = (Segment("department", department),) if department else ()
    return DocumentLine(account, amount, amount if ledger_amount is None else ledger_amount, "4000", segments)


def booked(found: Sequence[Pair]) -> list[tuple[str, str, int, int]]:
    return [(pair.account, pair.contra, pair.amount, pair.ledger_amount) for pair in found]


def test_two_lines_are_one_pair() -> None:
    assert booked(pairs([line("4000", -100), line("1150", 100)])) == [("1150", "4000", 100, 100)]


def test_one_debit_is_split_over_the_credits() -> None:
    found = pairs([line("1150", 100), line("4000", -70), line("2400", -30)])
    assert booked(found) == [("1150", "4000", 70, 70), ("1150", "2400", 30, 30)]


def test_equal_lines_are_paired_before_others_are_split() -> None:
    found = pairs([line("1150", 100), line("1160", 50), line("4050", -50), line("4000", -100)])
    assert booked(found) == [("1150", "4000", 100, 100), ("1160", "4050", 50, 50)]


def test_a_cent_of_the_ledger_currency_is_a_pair_of_its_own() -> None:
    """110 USD against 110 USD, 100.01 EUR against 100.00 EUR, the rest on the rounding account."""
    found = pairs([line("1150", 110, 10_001), line("4000", -110, -10_000), line("7190", 0, -1)])
    assert booked(found) == [("1150", "4000", 110, 10_000), ("1150", "7190", 0, 1)]


def test_lines_of_the_ledger_currency_that_make_up_for_each_other_are_paired() -> None:
    found = pairs([line("1150", 10, 8), line("1160", 10, 12), line("4000", -20, -20)])
    assert booked(found) == [("1150", "4000", 10, 8), ("1160", "4000", 10, 12)]
    found = pairs([line("1150", 10, 10), line("4000", -10, -8), line("4050", -5, -7), line("1160", 5, 5)])
    assert sum_by_account(found) == {"1150": (10, 10), "4000": (-10, -8), "4050": (-5, -7), "1160": (5, 5)}


def test_a_pair_has_the_segments_of_both() -> None:
    (pair,) = pairs([line("1150", 100), line("4000", -100, department="CC-1")])
    assert pair.segments == (Segment("department", "CC-1"),)


def test_lines_that_contradict_each_other_meet_on_the_clearing_account() -> None:
    lines = [line("5000", 100, department="CC-1"), line("2150", -100, department="CC-2")]
    with pytest.raises(NoContraAccount, match="department"):
        pairs(lines)
    assert booked(pairs(lines, "1590")) == [("5000", "1590", 100, 100), ("2150", "1590", -100, -100)]


def sum_by_account(found: Sequence[Pair]) -> dict[str, tuple[int, int]]:
    amounts: Counter[str] = Counter()
    ledger_amounts: Counter[str] = Counter()
    for pair in found:
        amounts[pair.account] += pair.amount
        amounts[pair.contra] -= pair.amount
        ledger_amounts[pair.account] += pair.ledger_amount
        ledger_amounts[pair.contra] -= pair.ledger_amount
    return {
        account: (amounts[account], ledger_amounts[account])
        for account in amounts
        if (amounts[account], ledger_amounts[account]) != (0, 0)
    }


LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(["1150", "1160", "4000", "4050"]),
        st.integers(-300, 300),
        st.integers(-300, 300),
        st.sampled_from(["", "", "CC-1", "CC-2"]),
    ),
    max_size=8,
)


@given(LINES)
def test_pairs_sum_to_the_lines_whatever_they_are(lines: list[DocumentLine]) -> None:
    lines = [*lines, line("7190", -sum(each.amount for each in lines), -sum(each.ledger_amount for each in lines))]
    expected = sum_by_account([Pair(each.account, "", each.amount, each.ledger_amount, (), "") for each in lines])
    expected.pop("", None)
    assert sum_by_account(pairs(lines, "1590")) == expected
