"""What a minimum compares with is kept between events (`state/charges/unissued.py`): it decides nothing, and saves most of the work."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.caps.consume import Billable, CapRequest, grant
from state.charges.unissued import Unissued
from state.draft import Draft
from tests.properties.test_any_order import two_stories
from tests.thoroughness import EXAMPLES
from tests.told import told

BESIDE = ("time under a cap", "refunds under a cap", "units under a cap")
# Of every month five days have work of 2 h at 100.00; the cap is reached in March.
DAYS = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in (2, 7, 12, 17, 22)]
ENDS = [f"2026-{month:02}-28 day ended" for month in range(1, 13)]
WORK = sorted([*(f"{day} time T-{day} bob 2 h approved_at {day}T09:00Z" for day in DAYS), *ENDS])
CAPPED = (
    "entity LE EUR Europe/Berlin",
    "customer C",
    "person bob consultant of LE",
    "project P of LE",
    "contract K C LE EUR to 2026-12-31 policy cap_order={order}",
    "  line L P",
    "    rate 100.00",
    "    cap hard 2,500.00",
    "  line M P",
    "    terms Subscription fee=0.00 minimum=500.00",
)


@pytest.mark.parametrize("beside", BESIDE)
@settings(max_examples=max(EXAMPLES // 5, 5))
@given(st.data())
def test_what_is_kept_decides_nothing(beside: str, data: st.DataObject) -> None:
    """Opened again after each event, the books say the same to the byte."""
    _, _, story = data.draw(two_stories(("minimum beside hours", beside)))
    with told(story) as kept, told(story, reopens=True) as made:
        assert [one.body for one in kept.encoded] == [one.body for one in made.encoded]


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> list[CapRequest]:
    """Claims that are granted something, one after another."""
    seen: list[CapRequest] = []

    def noting(claim: CapRequest, *rest: Any) -> Billable:
        seen.append(claim)
        return grant(claim, *rest)

    monkeypatch.setattr("state.charges.unissued.grant", noting)
    return seen


@pytest.mark.parametrize("order", ["service_date", "approval"])
def test_work_that_comes_in_order_is_allotted_once(order: str, granted: list[CapRequest]) -> None:
    lines = [line.format(order=order) for line in CAPPED]
    with told([*lines, *WORK]) as books:
        assert len(books.log) > len(DAYS)
    # The thirteenth is the first that the cap leaves less: the twelve before it at once, every one from there on alone.
    assert len(granted) == len(DAYS)


def test_late_work_is_allotted_with_what_the_cap_leaves_less_by_it(granted: list[CapRequest]) -> None:
    """The thirteenth has 100.00 of its 200.00 and those after it nothing. So each that comes late, the last first, is allotted alone; and
    one of 1 February with the eight from 2 February up to the thirteenth."""
    usual = WORK[: WORK.index(ENDS[2]) + 1]
    late = [f"2026-12-29 time T-{day} bob 2 h on {day} approved_at {day}T09:00Z" for day in reversed(DAYS[15:])]
    lines = [line.format(order="service_date") for line in CAPPED]
    with told([*lines, *usual, *late, "2026-12-30 day ended"]):
        assert len(granted) == len(DAYS)
    with told([*lines, *usual, *late, "2026-12-30 time X bob 2 h on 2026-02-01", "2026-12-30 day ended"]):
        assert len(granted) == 2 * len(DAYS) + 1 + len(DAYS[5:13])


def test_what_is_kept_goes_with_its_books() -> None:
    """Without a search for cycles, which the dataflow seldom makes (`dataflows/embedded.py`)."""
    lines = [line.format(order="service_date") for line in CAPPED]
    gc.collect()
    gc.disable()
    before = kept()
    try:
        with told([*lines, *WORK]) as books:
            assert kept() - before == {Unissued: len(DAYS)}
        del books
        assert not kept() - before
    finally:
        gc.enable()


def test_of_terms_that_are_amended_nothing_is_kept() -> None:
    """The cap of 2,500.00 is 2,400.00 from May on: the sixty rows are kept once."""
    amendment = (
        "2026-04-25 amend K from 2026-05-01",
        "  line L P",
        "    rate 100.00",
        "    cap hard 2,400.00",
        "  line M P",
        "    terms Subscription fee=0.00 minimum=500.00",
    )
    until, since = [said for said in WORK if said < "2026-04-25"], [said for said in WORK if said > "2026-04-25"]
    gc.collect()
    before = kept()
    with told([*(line.format(order="service_date") for line in CAPPED), *until, *amendment, *since]):
        assert (kept() - before)[Unissued] == len(DAYS)


def kept() -> Counter[type]:
    return Counter(kind for kind in map(type, gc.get_objects()) if kind in {Unissued, Draft})
