"""Milestones that include hours: whatever comes in whatever order, what is beyond the sum is charged, and nothing else."""

from __future__ import annotations

from datetime import date
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.money import round_ratio
from tests.told import balances, invoiced, statements, told

works = st.lists(st.tuples(st.integers(1, 28), st.integers(1, 40)), max_size=7)


def setup(included: tuple[int, int], accepted: bool) -> list[str]:
    return [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 USD",
        "project P of LE",
        "contract K C LE USD",
        "  line L P",
        "    terms Milestones overage_rate=120.00",
        f"    each milestones milestone_id=M1 name=One amount=1,000.01 due_on=2026-12-31 included_hours={included[0]}",
        f"    each milestones milestone_id=M2 name=Two amount=2,000.02 due_on=2026-12-31 included_hours={included[1]}",
        *(["2026-01-28 milestone M1 on 2026-01-20"] if accepted else []),
    ]


def entries(works: list[tuple[int, int]]) -> list[str]:
    """Quarters of an hour, all told on one day."""
    return [
        f"2026-01-29 time T-{number} bob {quarters / 4:.2f} h on 2026-01-{day:02} approved_at 2026-01-29T0{number}:00Z"
        for number, (day, quarters) in enumerate(works)
    ]


@given(works, st.tuples(st.integers(0, 10), st.integers(0, 10)), st.booleans(), st.randoms())
def test_hours_beyond_the_sum_are_charged(
    works: list[tuple[int, int]], included: tuple[int, int], accepted: bool, random: Random
) -> None:
    lines = entries(works)
    random.shuffle(lines)
    beyond = max(sum(quarters for _, quarters in works) - 4 * sum(included), 0)
    price = round_ratio(beyond * 30, 1, 1, "half_up") * 10_000 + (10_000_100 if accepted else 0)
    with told([*setup(included, accepted), *lines, "2026-01-31 day ended"]) as books:
        assert sum(one.total for one in statements(books)) == price
        invoiced(books, date(2026, 2, 2))
        found = balances(books)
        assert found.get("1100", 0) == -found.get("4000", 0) == price
        assert "1160" not in found


@given(works, st.tuples(st.integers(0, 10), st.integers(0, 10)), st.booleans())
def test_events_and_their_reversals_leave_no_balance(
    works: list[tuple[int, int]], included: tuple[int, int], is_issued: bool
) -> None:
    """Billed in between or not: once the credits are invoiced every account is at zero."""
    ended = ["2026-01-31 day ended"] if is_issued else []
    gone = [f"2026-02-01 withdraw T-{number}" for number in range(len(works))]
    lines = [*setup(included, accepted=True), *entries(works), *ended, *gone, "2026-02-01 revoke milestone M1"]
    with told([*lines, "2026-02-28 day ended"]) as books:
        invoiced(books, date(2026, 3, 2))
        assert balances(books) == {}
