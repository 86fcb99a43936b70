"""Expenses, units and work at cost that share caps: whatever the order of arrival, what is taken back, and what was billed in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from state.books import CapBucket, LineTotals, Project
from tests.harness import ENGAGEMENT, Books
from tests.told import balances, invoiced, statements, told

CURRENCIES = {"USD": 2, "JPY": 0, "KWD": 3}


class Fact(NamedTuple):
    """Something approved in June: an expense of so many cents, units delivered, or minutes worked."""

    kind: str
    day: int
    size: int

    def line(self, number: int, code: str) -> str:
        when = f"2026-06-{self.day:02}"
        match self.kind:
            case "travel" | "meals":
                return f"expense {number} {self.kind} {_amount(self.size, code)} {code} person bob on {when}"
            case "car":
                return f"expense {number} car 0 {code} supplier acme quantity {self.size / 10} on {when}"
            case "units":
                return f"units {number} U {self.size / 10} on {when}"
            case _:
                return f"time {number} bob {self.size / 60:.6f} h on {when}"

    def taken_back(self, number: int) -> str:
        match self.kind:
            case "time":
                return f"withdraw {number}"
            case "units":
                return f"units {number} U 0 on 2026-06-{self.day:02}"
            case _:
                return f"withdraw_expense {number}"


def _amount(smallest: int, code: str) -> str:
    """So many of the currency's smallest units."""
    decimals = CURRENCIES[code]
    return f"{smallest / 10**decimals:.{decimals}f}"


facts = st.builds(
    Fact, st.sampled_from(["travel", "meals", "car", "units", "time"]), st.integers(1, 28), st.integers(1, 60_000)
)
credits_too = facts | st.builds(Fact, st.just("travel"), st.integers(1, 28), st.integers(-9_000, -1))


def firm(code: str, *more: str) -> list[str]:
    return [
        f"entity LE {code} America/New_York",
        "customer C",
        "person bob consultant of LE",
        f"cost person bob 61.37 {code}" if CURRENCIES[code] else f"cost person bob 61 {code}",
        "project P of LE",
        f"contract K C LE {code} policy hours_max_per_entry=1,000",
        "  line L P",
        "    terms CostPlus fee_percent=7.5",
        "  line X P",
        "    terms Expenses markup=12.5",
        "    each limits category=meals amount=300",
        "    each mileage category=car tiers.1.unit_price=0.451 tiers.1.up_to=1,000 tiers.2.unit_price=0.257",
        "  line U P",
        "    terms UnitPrice unit=call units=4,000 tier_period=month",
        "    each tiers unit_price=0.337 up_to=1,000",
        "    each tiers unit_price=0.211",
        *more,
    ]


CAP = ("  shared cap NTE hard 2,000 lines L,X,U includes time,expense,fee",)


@given(
    st.sampled_from(sorted(CURRENCIES)), st.lists(credits_too, max_size=7, unique_by=lambda fact: fact.day), st.data()
)
def test_the_order_of_arrival_does_not_matter(code: str, came: list[Fact], data: st.DataObject) -> None:
    """Of facts of different days: the same balances."""
    lines = [f"2026-07-01 {fact.line(number, code)}" for number, fact in enumerate(came)]
    others = [lines[place] for place in data.draw(st.permutations(range(len(lines))))]
    with told([*firm(code, *CAP), *lines, "2026-07-02 day ended"]) as books:
        usual = balances(books)
    with told([*firm(code, *CAP), *others, "2026-07-02 day ended"]) as books:
        assert balances(books) == usual


@given(st.sampled_from(sorted(CURRENCIES)), st.lists(credits_too, min_size=1, max_size=7), st.booleans(), st.booleans())
def test_an_amendment_that_changes_nothing_posts_nothing(
    code: str, came: list[Fact], billed: bool, retroactive: bool
) -> None:
    """All that is not issued is charged and allotted again, and comes to what it was."""
    lines = [f"2026-06-28 {fact.line(number, code)}" for number, fact in enumerate(came)]
    cut = ["2026-06-30 day ended"] if billed else []
    amended = f"2026-07-03 amend K from 2026-06-01{' retroactive' if retroactive else ''}"
    with told([*firm(code, *CAP), *lines, *cut]) as books:
        usual = balances(books)
    with told([*firm(code, *CAP), *lines, *cut, amended]) as books:
        assert balances(books) == usual


@given(st.sampled_from(sorted(CURRENCIES)), st.booleans(), st.lists(credits_too, max_size=6), st.booleans())
def test_what_is_taken_back_leaves_nothing(code: str, capped: bool, came: list[Fact], billed: bool) -> None:
    lines = [f"2026-06-28 {fact.line(number, code)}" for number, fact in enumerate(came)]
    cut = ["2026-06-30 day ended"] if billed else []
    back = [f"2026-07-02 {fact.taken_back(number)}" for number, fact in enumerate(came)]
    with told([*firm(code, *(CAP if capped else ())), *lines, *cut, *back, "2026-08-31 day ended"]) as books:
        invoiced(books, date(2026, 9, 2))
        assert balances(books) == {}
        _nothing_is_left(books)


def _nothing_is_left(books: Books) -> None:
    for (kind, part_id), part in books.parts(ENGAGEMENT).items():
        match part:
            case CapBucket():
                assert part.bucket.amount == part.refused == part.refused_amount == 0, (part_id, part)
            case LineTotals():
                kept = part.hours, part.value, part.recognised, part.billable, part.over, part.issued, part.invoiced
                assert not any(kept), (part_id, part)
            case Project():
                assert not any(any(figures) for figures in part.months.values()), part
                assert not part.waiting, part
            case _:
                assert kind


@given(st.sampled_from(sorted(CURRENCIES)), st.lists(st.tuples(facts, st.booleans()), max_size=6))
def test_billed_over_the_life_is_what_is_accrued(code: str, came: Sequence[tuple[Fact, bool]]) -> None:
    """In two periods, the late ones billed as such: nothing is left unbilled, and revenue is what was billed."""
    early = [f"2026-06-28 {fact.line(number, code)}" for number, (fact, is_late) in enumerate(came) if not is_late]
    late = [f"2026-07-28 {fact.line(number, code)}" for number, (fact, is_late) in enumerate(came) if is_late]
    with told([*firm(code, *CAP), *early, "2026-06-30 day ended", *late, "2026-07-31 day ended"]) as books:
        billed = sum(statement.total for statement in statements(books))
        invoiced(books, date(2026, 8, 3))
        found = balances(books)
        assert "1150" not in found
        assert found.get("1100", 0) == billed
        assert billed == -found.get("4000", 0) - found.get("4050", 0)
        assert billed <= 2_000 * 10_000
