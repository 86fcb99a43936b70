"""What is over a cap goes on to the next line: each line has what the facts alone give it, whatever is corrected, issued or raised in
between."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.work.rows import OVERFLOW, named, row_id
from state.books import LineTotals, Project
from tests.audited import violations
from tests.auditing import check, entries_of, standing_price
from tests.folding import fold
from tests.harness import Books
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope
from tests.properties.test_withdrawals import withdraw_all
from tests.told import told

CHAINED = Scope(next_rule=True, plain_caps=True)
# Where less goes wrong more goes on.
PLAIN = CHAINED._replace(rare=False, faults=False, late_references=False, waits=False)
RATES = (Fraction("133.33"), Fraction(90), Fraction("77.77"))
LINES = ("A", "B", "Z")


@given(st.sampled_from((CHAINED, PLAIN)).flatmap(histories))
def test_what_goes_on_is_the_hours_of_the_next_line(history: History) -> None:
    """A part has just the hours that its whole passes on; where nothing is passed on there is none."""
    books = fold(history.logged)
    check(books, history.logged)
    entries = {entry.entry_id: entry for entry in entries_of(books.shard.store, "E")}
    for entry in entries.values():
        price, part = standing_price(entry), entries.get(row_id(OVERFLOW, entry.entry_id))
        passed = price.passed_hours if price is not None else 0
        hours = part.work.event.hours if part is not None and part.work is not None else 0
        assert passed == hours, entry.entry_id
        if price is not None and price.passed:
            assert price.billable + price.passed <= price.value
    parts = [entry for entry in entries.values() if named(entry.entry_id)[0] == OVERFLOW]
    assert all(named(part.entry_id)[1] in entries for part in parts)


@given(st.sampled_from((CHAINED, PLAIN)).map(lambda scope: scope._replace(accounting_periods=False)).flatmap(histories))
def test_withdrawn_work_leaves_nothing_on_any_line(history: History) -> None:
    withdraw_all(history)


class Told(NamedTuple):
    """A version of an entry of a day in June; no hours where it is withdrawn."""

    number: int
    day: int
    quarters: int


class Raise(NamedTuple):
    caps: tuple[int, int]


caps = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda pair: (pair[0] * 100, pair[1] * 50))
versions = st.builds(Told, st.integers(1, 5), st.integers(1, 20), st.integers(0, 48))
stories = st.lists(versions | versions | versions | st.builds(Raise, caps), min_size=2, max_size=14)


def firm(limits: tuple[int, int], cycle: str) -> list[str]:
    return [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 50.00 USD",
        "project P of LE",
        f"contract K C LE USD from 2026-01-01 cycle {cycle} policy overflow=next_rule",
        *terms(limits),
    ]


def terms(limits: tuple[int, int]) -> list[str]:
    lines: list[str] = []
    for name, rate, limit in zip(LINES, RATES, (*limits, None), strict=True):
        lines += [f"  line {name} P", f"    rate {float(rate):.2f}"]
        lines += [f"    cap hard {limit:.2f}"] if limit is not None else []
    return lines


def said(story: Iterable[Told | Raise], first: str = "2026-07") -> tuple[list[str], dict[int, tuple[Told, int]]]:
    """As it is told, one thing a day, and the newest version of each entry with its place; what says nothing new is not told."""
    lines: list[str] = []
    newest: dict[int, tuple[Told, int]] = {}
    for place, one in enumerate(story, 1):
        if isinstance(one, Raise):
            lines += [f"{first}-{place:02} amend K from 2026-01-01 retroactive", *terms(one.caps)]
        elif not one.quarters:
            if one.number in newest:
                lines.append(f"{first}-{place:02} withdraw T-{one.number}")
                del newest[one.number]
        elif one.number not in newest or newest[one.number][0] != one:
            lines.append(f"{first}-{place:02} time T-{one.number} bob {one.quarters / 4} h on 2026-06-{one.day:02}")
            newest[one.number] = one, place
    return lines, newest


def half_up(value: Fraction, step: Fraction) -> Fraction:
    return int(value / step + Fraction(1, 2)) * step


def by_hand(newest: Iterable[tuple[Told, int]], limits: tuple[int, int]) -> dict[str, tuple[Fraction, Fraction]]:
    """Hours and amount of each line, from one walk down the entries and, for each, down the lines."""
    room = [Fraction(limits[0]), Fraction(limits[1]), Fraction(10**9)]
    found = {name: (Fraction(0), Fraction(0)) for name in LINES}
    for one, _ in sorted(newest, key=lambda each: (each[0].day, each[1])):
        hours = Fraction(one.quarters, 4)
        for place, name in enumerate(LINES):
            value = half_up(hours * RATES[place], Fraction(1, 100))
            kept = min(value, room[place])
            room[place] -= kept
            passed = half_up(hours * (value - kept) / value, Fraction(1, 10**6)) if value else Fraction(0)
            found[name] = found[name][0] + hours - passed, found[name][1] + kept
            hours = passed
    return found


def line(books: Books, name: str) -> LineTotals:
    found: LineTotals | None = books.part("line", f"K/{name}")
    return found or LineTotals("P")


@given(caps, stories)
def test_lines_have_what_a_walk_by_hand_gives_them(limits: tuple[int, int], story: list[Told | Raise]) -> None:
    """Before anything is issued corrections, withdrawals and raised or lowered caps come to what they say last."""
    _as_by_hand(limits, story, set())


@given(caps, stories, st.sets(st.integers(1, 14)), stories)
def test_what_is_issued_in_between_changes_nothing(
    limits: tuple[int, int], before: list[Told | Raise], cuts: set[int], after: list[Told | Raise]
) -> None:
    """Every hour is on the line that the facts give it to, all are billed in the end, and `verify` finds nothing."""
    _as_by_hand(limits, [*before, *after], cuts)


def _as_by_hand(limits: tuple[int, int], story: list[Told | Raise], cuts: set[int]) -> None:
    lines, newest = said(story)
    if not lines:
        return
    last = [one.caps for one in story if isinstance(one, Raise)]
    wanted = by_hand(newest.values(), last[-1] if last else limits)
    asked = ["2026-08-01 request statement R-last K"] if cuts else []
    with told([*firm(limits, "on_request"), *_with_requests(lines, cuts), *asked]) as books:
        for name in LINES:
            totals = line(books, name)
            assert (Fraction(totals.hours, 10**6), Fraction(totals.billable, 10**4)) == wanted[name], name
            assert totals.over == 0
            assert totals.value == totals.billable == totals.recognised
            assert totals.issued == (totals.billable if cuts else 0)
        project: Project = books.part("project", "P")
        hours = sum(one.quarters * 250_000 for one, _ in newest.values())
        assert project.burn.hours == project.burn.billable_hours == hours
        assert not violations(books)


def _with_requests(lines: list[str], cuts: set[int]) -> list[str]:
    """A statement is asked for at the end of some days."""
    made: list[str] = []
    for place, one in enumerate(lines):
        made.append(one)
        ends = place + 1 == len(lines) or not lines[place + 1].startswith(" ")
        day = next(each for each in reversed(made) if not each.startswith(" "))[:10]
        if ends and int(day[8:]) in cuts:
            made.append(f"{day} request statement R-{day} K")
    return made
