"""Versions of a contract, with work among them, come to the same books and statements in every order.

An amendment replaces another one or a termination, and is made with its terms; of two terminations that of the higher version counts. While
one is missing that others are made of, an exception says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import ExceptionClosed, ExceptionRaised
from tests.harness import Books
from tests.told import balances, statements, told

FIRM = (
    "entity LE EUR Europe/Berlin",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 55.00 EUR",
    "project P of LE",
)


def terms(rate: str, cap: str, price: str) -> str:
    hours = f"  line L P tasks advice\n    rate {rate}\n    cap hard {cap}"
    return f"{hours}\n  line F P revenue straight_line_days\n    terms Subscription fee={price}"


SIGNED = "contract K C LE EUR from 2026-01-01 to 2026-12-31 version 1\n" + terms("110.00", "1,100.00", "300.00")
SECOND = "amend K from 2026-02-05 version 2 replaces 1\n" + terms("120.00", "1,200.00", "310.00")
ENDED = "terminate K on 2026-02-16 version {}"
LATER = "amend K from 2026-02-10 version {} replaces {}\n" + terms("133.33", "900.00", "330.00")
CHAINS = {
    "the second amendment replaces the first": (SIGNED, SECOND, ENDED.format(3), LATER.format(4, 2)),
    "it replaces the termination": (SIGNED, SECOND, ENDED.format(3), LATER.format(4, 3)),
    "the termination comes before both": (
        SIGNED,
        ENDED.format(2),
        SECOND.replace("version 2", "version 3"),
        LATER.format(4, 3),
    ),
    "it replaces the second of two terminations": (
        SIGNED,
        SECOND,
        "terminate K on 2026-02-12 version 3",
        ENDED.format(4),
        LATER.format(5, 4),
    ),
    "an amendment between two terminations": (
        SIGNED,
        "terminate K on 2026-02-12 version 2",
        SECOND.replace("version 2 replaces 1", "version 3 replaces 2"),
        ENDED.format(4),
        LATER.format(5, 3),
    ),
}
WITHIN = (
    "time T-1 bob 4 h on 2026-02-04 task advice",
    "time T-2 bob 3.5 h on 2026-02-06 task advice",
    "time T-3 bob 2 h on 2026-02-10 task advice",
)
OUTSIDE = "time T-4 bob 1 h on 2026-02-16 task advice"


class Outcome(NamedTuple):
    balances: dict[str, int]
    billed: list[tuple[object, ...]]
    open: list[tuple[str, str, str]]


def outcome(facts: Iterable[str]) -> Outcome:
    lines = [*FIRM, *(f"2026-02-17  {one}" for one in facts), "2026-02-28  day ended", "2026-03-31  day ended"]
    with told([line for each in lines for line in each.split("\n")]) as books:
        return Outcome(balances(books), _billed(books), _open(books))


def _billed(books: Books) -> list[tuple[object, ...]]:
    return [
        (one.period, one.total, line.line_id, line.quantity, line.rate, line.amount, line.flags, line.entries)
        for one in statements(books)
        for line in one.lines
    ]


def _open(books: Books) -> list[tuple[str, str, str]]:
    raised = {one.record.exception_id: one.record for one in books.folded if isinstance(one.record, ExceptionRaised)}
    closed = {one.record.exception_id for one in books.folded if isinstance(one.record, ExceptionClosed)}
    found = [(one.category, one.subject_id, one.message) for id_, one in raised.items() if id_ not in closed]
    return sorted(one for one in found if one[0] != "no_estimate")


def test_in_order_each_piece_of_work_has_the_terms_of_its_day() -> None:
    """4 h at 110.00, 3.5 h at 120.00 and 2 h at 133.33, of which a cap of 900.00 lets 40.00 pass after 860.00: on the 10th it holds."""
    made = outcome((*CHAINS["the second amendment replaces the first"], *WITHIN))
    hours = [one for one in made.billed if one[2] == "L"]
    assert [amount for *_, amount, _, _ in hours] == [440_0000, 420_0000, 40_0000]


@pytest.mark.parametrize("chain", CHAINS)
def test_every_order_of_versions_comes_to_the_same(chain: str) -> None:
    """Work before them all, which waits for the contract, and after them all; what is outside the dates waits in each."""
    expected = outcome((*CHAINS[chain], *WITHIN, OUTSIDE))
    for order in permutations(CHAINS[chain]):
        assert outcome((*order, *WITHIN, OUTSIDE)) == expected, order


@pytest.mark.parametrize("chain", CHAINS)
def test_work_that_was_posted_before_the_end_has_the_same_rate_in_every_order(chain: str) -> None:
    """T-4 is posted, then outside: it keeps its place and has the rate of its day, 133.33, which an exception says."""
    signed, *others = CHAINS[chain]
    expected = outcome((signed, *WITHIN, OUTSIDE, *others))
    assert any(category == "outside_contract_dates" for category, *_ in expected.open)
    for order in permutations(others):
        assert outcome((signed, *WITHIN, OUTSIDE, *order)) == expected, order


@given(chain=st.sampled_from(sorted(CHAINS)), data=st.data())
def test_versions_among_work_come_to_the_same(chain: str, data: st.DataObject) -> None:
    order = data.draw(st.permutations((*CHAINS[chain], *WITHIN)))
    assert outcome(order) == outcome((*CHAINS[chain], *WITHIN))


@pytest.mark.parametrize("chain", CHAINS)
def test_while_an_amendment_is_missing_what_is_made_of_it_waits(chain: str) -> None:
    """No rate of the later amendment is used, and the exception says which version is missing, in every order."""
    signed, *others = CHAINS[chain]
    missing = next(one for one in others if one.startswith("amend"))
    came: Sequence[str] = [one for one in (signed, *others) if one != missing]
    for order in permutations(came):
        made = outcome((*order, *WITHIN))
        assert [category for category, *_ in made.open] == ["amendment_gap"], order
        assert {rate for _, _, line, _, rate, *_ in made.billed if line == "L"} == {110_000000}, order
