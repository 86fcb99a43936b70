"""Statements that are issued again say what they would say had all come in time, and bill over life what the next ones would have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import SeenOutput
from domain.audit.statements import statements_foot
from domain.outputs import BillingStatement
from tests.auditing import check, check_positions
from tests.folding import dump, fold
from tests.histories.draw import histories, settled
from tests.histories.log import History
from tests.histories.scope import Scope
from tests.told import balances, invoiced, statements, told

ANEW = Scope(name="E", reissue=True)
LAST = {1: "2026-01-31", 2: "2026-02-28", 3: "2026-03-31", 4: "2026-04-30", 5: "2026-05-31"}
# Number of an entry, half hours (none: it is withdrawn), and the month and day on which that is said.
Saying = tuple[int, int, int, int]
SAYINGS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 16), st.integers(1, 4), st.integers(1, 28)), max_size=12)
# Month and day of the work of each entry.
DAYS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28)), min_size=6, max_size=6)


def _story(policies: str, sayings: Sequence[str], cap: str = "") -> list[str]:
    days = [f"{last} day ended" for last in LAST.values()]
    return [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "person eve lead of LE",
        "cost person bob 100 USD",
        "cost person eve 100 USD",
        "project P of LE",
        f"contract K C LE USD from 2026-01-01{policies}",
        "  line L P",
        "    rate 77.77",
        *([f"    cap {cap}"] if cap else []),
        *sorted([*sayings, *days], key=lambda line: (line[:10], line.endswith("ended"))),
    ]


def _said(days: Sequence[tuple[int, int]], sayings: Sequence[Saying], *, in_time: bool) -> list[str]:
    """`in_time`: each entry once, as it is in the end, on the day of the work."""
    found: list[str] = []
    now: dict[int, str] = {}
    gone: set[int] = set()
    for number, halves, month, day in sorted(sayings, key=lambda one: one[2:]):
        worked = date(2026, *days[number])
        told_on = max(worked, date(2026, month, day))
        if number in gone or (number not in now and not halves):
            continue
        person = ("bob", "eve")[number % 2]
        if not halves:
            gone.add(number)
            found.append(f"{told_on} withdraw T-{number}")
            del now[number]
            continue
        word = f"correct T-{number}" if number in now else f"time T-{number} {person}"
        found.append(f"{told_on} {word} {halves / 2} h on {worked}")
        now[number] = f"{worked} time T-{number} {person} {halves / 2} h"
    return sorted(now.values()) if in_time else found


def _newest(said: Iterable[BillingStatement]) -> dict[str, list[tuple[Any, ...]]]:
    """What each statement bills, where it bills anything."""
    newest = {one.statement_id: one for one in said if one.status == "issued"}
    return {
        name: [(line.person_id, line.quantity, line.amount, sorted(line.entries), line.flags) for line in one.lines]
        for name, one in newest.items()
        if one.lines
    }


@given(
    st.sampled_from(
        ("", " policy rounding_scope=line", " policy increment_minutes=60 policy increment_scope=statement_line")
    ),
    DAYS,
    SAYINGS,
)
def test_a_statement_says_what_it_would_say_had_all_come_in_time(
    policies: str, days: list[tuple[int, int]], sayings: list[Saying]
) -> None:
    found = []
    for in_time in (False, True):
        lines = _said(days, sayings, in_time=in_time)
        with told(_story(f" policy late_line=reissue{policies}", lines)) as books:
            found.append(_newest(statements(books)))
    assert found[0] == found[1]


@given(st.sampled_from(("", "hard 900", "hard hours 10", "hard 500 per month")), DAYS, SAYINGS)
def test_over_life_it_bills_what_the_next_statements_would(
    cap: str, days: list[tuple[int, int]], sayings: list[Saying]
) -> None:
    """And revenue, receivables and what is over the cap are the same, once everything is invoiced."""
    found = []
    for policy in (" policy late_line=reissue", ""):
        with told(_story(policy, _said(days, sayings, in_time=False), cap)) as books:
            totals = [part for (kind, _), part in books.parts().items() if kind == "line"]
            invoiced(books, date(2026, 6, 5))
            found.append(([(one.issued, one.billable, one.over) for one in totals], balances(books)))
    assert found[0] == found[1]


@given(histories(ANEW))
def test_books_balance_whatever_is_issued_anew(history: History) -> None:
    """The sums, the buckets of the caps and the indexes are those of the rows, and the revisions of each statement follow each other."""
    books = fold(history.logged)
    check(books, history.logged)
    seen = tuple(SeenOutput("", *said) for said in books.said)
    assert not statements_foot(AuditedEngagement("E", seen)).violations


@given(histories(ANEW))
def test_nothing_is_left_unbilled_when_everything_is_invoiced(history: History) -> None:
    whole = settled(history)
    books = fold(whole.logged)
    check(books, whole.logged)
    check_positions(books)
    parts = books.shard.store.engagement("E").parts
    assert not [key for key in parts if key[0] in {"late", "issued"}]


@given(histories(ANEW), st.integers(1, 40))
def test_however_it_is_cut_it_says_the_same(history: History, batch: int) -> None:
    once, again = fold(history.logged), fold(history.logged, batch)
    assert again.bodies == once.bodies
    assert dump(again.shard.store) == dump(once.shard.store)
