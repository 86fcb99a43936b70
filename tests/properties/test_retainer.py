"""Retainers: whatever is drawn, and in whatever order it comes, the fees are earned to the cent and nothing stands in between."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.told import balances, invoiced, statements, told

# Currency, fee of a period, price of an hour beyond.
CURRENCIES = (("USD", "1,000.01", "133.33"), ("JPY", "100,001", "9,999"), ("KWD", "100.001", "33.333"))


class Agreed(NamedTuple):
    currency: tuple[str, str, str]
    hours: int
    rollover: int
    expiry: int | None
    in_advance: bool
    refundable: bool
    breakage: str
    unit: str

    @property
    def setup(self) -> list[str]:
        code, fee, overage = self.currency
        worth = 1 if self.unit == "hours" else 77
        stated = [f"fee={fee} unit={self.unit} quantity={self.hours * worth} overage_rate={overage}"]
        stated.append(f"rollover={min(self.rollover, self.hours) * worth}")
        if self.expiry is not None and min(self.rollover, self.hours):
            stated.append(f"expiry={self.expiry}")
        stated += [f"{name}=yes" for name in ("in_advance", "refundable") if getattr(self, name)]
        stated.append("breakage=on_expiry" if self.refundable else f"breakage={self.breakage}")
        return [
            f"entity LE {code} America/New_York",
            "customer C",
            "person bob consultant of LE",
            f"cost person bob 100 {code}",
            "project P of LE",
            f"contract K C LE {code} to 2026-03-31",
            "  line L P",
            f"    terms Retainer {' '.join(stated)}",
        ]


class Work(NamedTuple):
    month: int
    day: int
    minutes: int

    @property
    def worked_on(self) -> str:
        return date(2026, self.month, self.day).isoformat()


agreed = st.builds(
    Agreed,
    st.sampled_from(CURRENCIES),
    st.integers(1, 12),
    st.integers(0, 12),
    st.none() | st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["on_expiry", "pro_rata"]),
    st.sampled_from(["hours", "money"]),
)
work = st.builds(Work, st.integers(1, 3), st.integers(1, 28), st.integers(1, 600))


def entry(number: int, one: Work, told_on: str) -> str:
    return f"{told_on} time T-{number} bob {one.minutes / 60:.6f} h on {one.worked_on}"


@given(agreed, st.lists(work, max_size=8), st.data())
def test_fees_are_earned_to_the_cent_over_the_life(terms: Agreed, works: list[Work], data: st.DataObject) -> None:
    """What is billed is earned, also after corrections and withdrawals; once it is invoiced nothing stands in between."""
    events = [entry(number, one, one.worked_on) for number, one in enumerate(works)]
    for number in range(len(works)):
        fate = data.draw(st.sampled_from(["stays", "goes", "changes"]))
        if fate != "stays":
            events.append(
                f"2026-03-30 withdraw T-{number}" if fate == "goes" else f"2026-03-30 correct T-{number} 1.25 h"
            )
    lines = by_day(terms.setup, events)
    with told([*lines, "2026-04-30 day ended"]) as books:
        billed = sum(one.total for one in statements(books) if one.part == 1)
        assert -balances(books).get("4000", 0) == billed
        invoiced(books, date(2026, 5, 4))
        found = balances(books)
        assert found.get("1100", 0) == billed
        assert "1160" not in found
        assert "2300" not in found


def by_day(setup: list[str], events: list[str]) -> list[str]:
    """The events by day, with the day before each new month ended."""
    found, month = list(setup), "2026-01"
    for line in sorted(events, key=lambda one: one[:10]):
        if line[:7] > month:
            ended = {"2026-02": "2026-01-31", "2026-03": "2026-02-28"}[line[:7]]
            found.append(f"{ended} day ended")
            month = line[:7]
        found.append(line)
    return found


@given(agreed, st.lists(st.tuples(st.integers(1, 28), st.integers(1, 600)), min_size=2, max_size=6), st.randoms())
def test_work_in_any_order_draws_the_same(terms: Agreed, days: list[tuple[int, int]], random: Random) -> None:
    works = [Work(1, day, minutes) for day, minutes in days]
    stamped = [
        f"2026-01-29 time T-{number} bob {one.minutes / 60:.6f} h on {one.worked_on} approved_at 2026-01-29T0{number}:00Z"
        for number, one in enumerate(works)
    ]
    shuffled = list(stamped)
    random.shuffle(shuffled)
    end = "2026-01-31 day ended"
    with told([*terms.setup, *stamped, end]) as one, told([*terms.setup, *shuffled, end]) as other:
        assert balances(one) == balances(other)
        assert [each.lines for each in statements(one)] == [each.lines for each in statements(other)]


@given(agreed, st.lists(work, min_size=1, max_size=6))
def test_work_and_its_withdrawal_leave_nothing_but_the_fees(terms: Agreed, works: list[Work]) -> None:
    events = [entry(number, one, one.worked_on) for number, one in enumerate(works)]
    gone = [f"2026-03-31 withdraw T-{number}" for number in range(len(works))]
    worked = [*by_day(terms.setup, [*events, *gone]), "2026-05-31 day ended"]
    idle = [*terms.setup, "2026-01-01 hold H entry nothing", "2026-05-31 day ended"]
    with told(worked) as one, told(idle) as other:
        for books in (one, other):
            invoiced(books, date(2026, 6, 4))
        assert balances(one) == balances(other)
