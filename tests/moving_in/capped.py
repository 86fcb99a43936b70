"""Small firms whose work is under caps: of money or hours, of the whole term or by month, of billing alone or of revenue, too; raised and
lowered on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import strategies as st

from domain.events.catalogue import Event
from tests.harness import Books
from tests.moving_in.compared import Compared, goes_on
from tests.moving_in.moved import Row
from tests.scenario_events import Teller
from tests.scenario_outputs import Facts
from tests.scenario_play import _now
from tests.scenario_text import read_scenarios

FIRST, LAST = date(2026, 4, 1), date(2026, 8, 20)
UNTIL = date(2026, 8, 31)
HEAD = """entity    LE  USD  America/New_York
customer  C pays_in 30
person    bob  consultant of LE
cost      person bob 100.00 USD
project   P of LE
"""


class Cap(NamedTuple):
    """`limit` in hundreds, or in hours; None: there is no such cap on this version of the terms."""

    limit: int
    in_hours: bool
    binds_revenue: bool
    by_month: bool
    split: str
    counts_expenses: bool

    def __str__(self) -> str:
        limit = f"hours {self.limit / 2:g}" if self.in_hours else f"{self.limit}00.00"
        return " ".join(
            (
                "hard",
                limit,
                *(("per month",) if self.by_month else ()),
                *(("split", self.split) if self.split != "split" else ()),
                *(("includes", "time,expense") if self.counts_expenses else ("includes", "time")),
                *(() if self.binds_revenue else ("limits_revenue", "no")),
            )
        )


class Terms(NamedTuple):
    """Of a version: the cap of line L, that of M, that of both."""

    own: Cap | None
    other: Cap | None
    shared: Cap | None
    lines: int

    def text(self) -> Iterator[str]:
        yield "  line L P takes time,expense" + (" tasks build" if self.lines > 1 else "")
        yield "    rate 200.00"
        if self.own is not None:
            yield f"    cap {self.own}"
        if self.lines > 1:
            yield "  line M P takes time,expense tasks run"
            yield "    rate 100.00"
            if self.other is not None:
                yield f"    cap {self.other}"
        if self.shared is not None:
            yield f"  shared cap S {self.shared} lines {'L,M' if self.lines > 1 else 'L'}"


class Capped(NamedTuple):
    """A firm as text, by day, and the day on which it moves in."""

    as_of: date
    policy: str
    terms: Terms
    dated: tuple[tuple[date, str], ...]
    fates: tuple[str, ...]
    lists_entries: bool

    def text(self) -> str:
        first = "\n".join((f"contract  K C LE USD{self.policy}", *self.terms.text()))
        return "\n".join((HEAD + first, *(f"{day}  {what}" for day, what in self.dated)))


def events(firm: Capped) -> list[Event]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capped.md"
        path.write_text(f"# Capped\n\n```\n```\n\n## Once\n\n```\n{firm.text()}\n```\n", encoding="utf-8")
        steps = list(read_scenarios(path)[0].steps)
    facts, books = Facts("LE"), Books()
    teller = Teller(facts.exceptions, facts.journals)
    start = _now(next(step for step in steps if step.when), books) - timedelta(days=30)
    found = [teller.event(step, _now(step, books) if step.when else start) for step in steps]
    books.close()
    return found


def moves_in(firm: Capped, folder: Path) -> Compared:
    told = events(firm)
    undated = len(told) - len(firm.dated)
    days = [FIRST] * undated + [day for day, _ in firm.dated]
    early = [event for event, day in zip(told, days, strict=True) if day <= firm.as_of]
    late = [event for event, day in zip(told, days, strict=True) if day > firm.as_of]

    def states(rows: list[Row]) -> list[Row]:
        return rows if firm.lists_entries else [row for row in rows if row["kind"] != "entry"]

    return goes_on(early, late, firm.as_of, UNTIL, folder, firm.fates, states)


@st.composite
def caps(draw: st.DrawFn, *, shared: bool = False, like: Cap | None = None) -> Cap:
    limit = draw(st.integers(4, 60))
    if like is not None:
        return like._replace(limit=limit)
    return Cap(
        limit,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([False, False, True])) if not shared else False,
        draw(st.sampled_from(["split", "split", "split", "reject_whole"])),
        draw(st.booleans()),
    )


@st.composite
def capped_firms(draw: st.DrawFn) -> Capped:
    as_of = draw(st.sampled_from([date(2026, 6, 30), date(2026, 5, 31), date(2026, 6, 10)]))
    lines = draw(st.sampled_from([1, 1, 2]))
    terms = Terms(
        draw(st.none() | caps()),
        draw(st.none() | caps()) if lines > 1 else None,
        draw(st.none() | st.none() | caps(shared=True)),
        lines,
    )
    days = st.dates(FIRST, LAST)
    dated: list[tuple[date, str]] = []
    for number in range(draw(st.integers(2, 7))):
        day = draw(days) if number else draw(st.dates(FIRST, as_of))
        task = f" task {draw(st.sampled_from(['build', 'run']))}" if lines > 1 else ""
        if number and draw(st.integers(0, 4)) == 0:
            amount = draw(st.integers(1, 12))
            dated.append((day, f"expense E-{number} travel {amount}00.00 USD person bob project P{task}"))
        else:
            hours = draw(st.integers(1, 24)) / 2
            dated.append((day, f"time T-{number} bob {hours:g} h{task}"))
    amended: list[tuple[date, str]] = []
    now = terms
    for day in sorted(draw(st.lists(st.dates(FIRST, date(2026, 8, 1)), max_size=2, unique=True))):
        now = Terms(
            draw(caps(like=now.own)) if now.own is not None else None,
            draw(caps(like=now.other)) if now.other is not None else None,
            draw(caps(shared=True, like=now.shared)) if now.shared is not None else None,
            lines,
        )
        # Work over a lower cap of before is one row, so that an order of after the day does not find its entries again.
        is_retroactive = day <= as_of and draw(st.integers(0, 3)) == 0
        back = " from 2026-01-01 retroactive" if is_retroactive else f" from {day}"
        amended.append((day, "\n".join((f"amend K{back}", *now.text()))))
    has_expenses = any(what.startswith("expense") for _, what in dated)
    dated = sorted([*dated, *amended], key=lambda one: one[0])
    return Capped(
        as_of,
        draw(st.sampled_from(["", "", " policy concession_returns_cap_room=yes"])),
        terms,
        tuple(dated),
        # Which part of an old invoice is for expenses is nothing that balances say, so that of a memo is not either.
        ("unpaid",) if has_expenses else draw(st.sampled_from([("unpaid",), ("price_concession",), ("error_rebill",)])),
        draw(st.booleans()),
    )
