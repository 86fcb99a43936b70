"""The same facts come to the same in the end, whenever they arrive and whatever was billed in between: billed, revenue and every balance.

Over all kinds of terms and mixes of two in one contract. One story has each fact on its day, with the months closed in order; in the other
facts come on any day up to the end, so that periods are billed without them and statements put right later. The contract may come after
work of it, or an amendment after its day, before anything from that day on is issued: issued work keeps its price (R8). Of projects
with an estimate the contract may make a loss: the same in both, and none where another system has billed work of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.books import ContractAtCompletion
from state.forecast import loss
from tests.harness import Books
from tests.properties.kinds import (
    CAP,
    CHANGES,
    CODES,
    COST,
    FEE,
    GOES,
    PRICE,
    RATE,
    RATES,
    STAYS,
    facts,
    money,
    parts,
    up_to,
)
from tests.properties.packages import EVERY
from tests.thoroughness import EXAMPLES, THOROUGH
from tests.told import balances, invoiced, statements, told

ENDS = ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-07-10")
# What such a line charges for one month depends on what was issued for others; a minimum counts months.
OF_OTHER_MONTHS = (
    "units",
    "volume",
    "steps by month",
    "time under a cap",
    "units under a cap",
    "volume under a cap",
    "refunds under a cap",
    "progress",
    "progress by cost",
    "goes on to the next line",
    "goes on twice",
)
SIGNED = ("2026-01-01", "2026-01-01", "2026-02-10", "2026-04-20")
# Days on which an amendment takes effect, and on which it comes.
AMENDED = (("2026-01-10", "2026-01-29"), ("2026-02-01", "2026-02-20"), ("2026-02-10", "2026-02-28"))
# Issued work keeps its room and its steps, those of its own day (docs/limits.md): such lines are not amended here.
NOT_AMENDED = ("cap hard", "each tiers")
ESTIMATED = "2026-02-15"
CYCLES = ("cycle monthly", "cycle weekly", "cycle on_request", "cycle monthly grace 5")
SECOND = (("line L P", "line L2 Q"), ("line W P", "line W2 Q"), ("line D P", "line D2 Q"))


class Event(NamedTuple):
    """What is told of a fact on its day, and on the day on which it arrives in the other story, where it has a `turn` among others."""

    usual: str
    arrives: str
    turn: int
    said: str


def second(said: str) -> str:
    """The same of the second line, which is on another project."""
    for one, other in SECOND:
        said = said.replace(one, other)
    said = re.sub(r"\b([TED]-\d+)", r"\1b", said)
    said = re.sub(r"\bM(\d)\b", r"N\1", said)
    said = re.sub(r"^(units \S+ )L ", r"\1L2 ", said)
    return re.sub(r"^progress L ", "progress L2 ", said)


def of_second(said: str) -> str:
    said = second(said)
    return f"{said} project Q" if said.startswith(("time", "expense", "units")) else said


def firm(code: str) -> list[str]:
    rates = [f"exchange {code} EUR {rate} on 2026-0{month}-01" for month, rate in enumerate(RATES[code], 1)]
    return [
        "entity LE EUR Europe/Berlin policy rate_staleness_days=400",
        "customer C",
        f"person bob consultant of LE rate {money(RATE, code)} {code}",
        f"person eve partner of LE rate {money(2 * RATE + 1, code)} {code}",
        f"cost person bob {money(COST, code)} {code}",
        f"cost person eve {money(COST, code)} {code}",
        *rates,
        "project P of LE",
        "project Q of LE",
    ]


def lines_of(kinds: Sequence[str], code: str) -> str:
    """A line of the contract for each kind, or more."""
    one, *more = (EVERY[kind].lines(code) for kind in kinds)
    return "\n".join((*one, *(second(line) for lines in more for line in lines)))


def amended(lines: str, code: str) -> str:
    """The same at half as much again."""
    figures = (RATE, FEE, FEE // 2, CAP, CAP // 2, PRICE, *parts(PRICE), 101, 83, 50)
    raised = {money(each, code): money(each + each // 2, code) for each in figures}
    return re.sub(r"[\d.]+", lambda figure: raised.get(figure.group(), figure.group()), lines)


@st.composite
def stories(draw: st.DrawFn, kinds: Sequence[str], code: str) -> list[Event]:
    found: list[Event] = []
    for place, kind in enumerate(kinds):
        sold = EVERY[kind]
        came = up_to(draw(facts((STAYS, STAYS, STAYS, GOES, CHANGES))), 3)
        for number, one in enumerate(came, 1):
            said = sold.told(one, code)
            later = sold.back(one) if one.fate == GOES else sold.told(one.changed, code)
            if kind == "progress":
                said, later = f"{said} version {2 * number}", f"{later} version {2 * number + 1}"
            arrives = max(
                draw(st.sampled_from((one.on, "2026-02-03", "2026-03-02", "2026-04-02", "2026-05-04"))), one.on
            )
            found.append(Event(one.on, arrives, draw(st.integers(0, 99)), of_second(said) if place else said))
            if one.fate != STAYS and later:
                put_right = max(arrives, draw(st.sampled_from(("2026-03-30", "2026-05-05"))))
                later = of_second(later) if place else later
                found.append(Event("2026-05-05", put_right, 100, later))
    return found


@st.composite
def billed_elsewhere(draw: st.DrawFn, project_id: str) -> list[Event]:
    """Work that another system has billed, and that may be withdrawn."""
    entry_id, on = f"X-{project_id}", "2026-02-10"
    said = f"time {entry_id} bob 1 h on {on} not_billable billed_elsewhere project {project_id}"
    arrives = draw(st.sampled_from((on, "2026-03-02", "2026-05-04")))
    found = [Event(on, arrives, draw(st.integers(0, 99)), said)]
    if draw(st.booleans()):
        put_right = max(arrives, draw(st.sampled_from(("2026-03-30", "2026-05-05"))))
        found.append(Event("2026-05-05", put_right, 100, f"withdraw {entry_id}"))
    return found


def in_order(told_on: Sequence[tuple[str, int, str]], cuts: Sequence[str]) -> list[str]:
    lines = [(day, turn, said) for day, turn, said in told_on]
    lines += [(day, 1_000, f"request statement R-{day} K") for day in cuts]
    lines += [(day, 2_000, "day ended") for day in ENDS]
    return [f"{day} {said}" for day, _, said in sorted(lines, key=lambda one: one[:2])]


@st.composite
def mixes(draw: st.DrawFn, kind: str) -> Sequence[str]:
    """The kind, and maybe another."""
    return (kind, *draw(st.lists(st.sampled_from(sorted(EVERY)), max_size=1)))


@st.composite
def two_stories(draw: st.DrawFn, kinds: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """The currency, and two stories of a contract with a line of each kind."""
    code, cycle = draw(st.sampled_from(CODES)), draw(st.sampled_from(CYCLES))
    lines = lines_of(kinds, code)
    if "minimum" in lines and "on_request" in cycle:
        cycle = CYCLES[0]
    signed = f"contract K C LE {code} to 2026-03-31 {cycle}\n{lines}"
    amendment = draw(st.sampled_from((None, None, *AMENDED)))
    if any(each in lines for each in NOT_AMENDED):
        amendment = None
    arrives = draw(st.sampled_from(SIGNED)) if amendment is None else SIGNED[0]
    came = [Event(SIGNED[0], arrives, draw(st.integers(0, 99)), signed)]
    if amendment is not None:
        said = f"amend K from {amendment[0]}\n{amended(lines, code)}"
        came.append(Event(*amendment, draw(st.integers(0, 99)), said))
    came += draw(stories(kinds, code))
    for project_id in ("P", "Q")[: len(kinds)]:
        hours = draw(st.sampled_from((None, 1, 10, 40)))
        if hours is not None:
            said = f"estimate {project_id} {hours} h {money(hours * COST, code)}"
            came.append(Event(ESTIMATED, ESTIMATED, draw(st.integers(0, 99)), said))
        if draw(st.sampled_from((False, False, True))):
            came += draw(billed_elsewhere(project_id))
    days = draw(st.lists(st.sampled_from(("2026-01-20", "2026-02-05", "2026-03-15", "2026-04-03")), unique=True))
    if "on_request" not in cycle:
        days, end = [], []
    else:
        end = ["2026-05-06"]
        days = [day for day in days if amendment is None or not amendment[0] <= day <= amendment[1]]
    usual = in_order([(one.usual, place, one.said) for place, one in enumerate(came)], end)
    other = in_order([(one.arrives, one.turn, one.said) for one in came], [*days, *end])
    return code, [*firm(code), *usual], [*firm(code), *other]


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=5_000 // len(EVERY) + 1 if THOROUGH else max(EXAMPLES // 6, 2))
@given(st.data())
def test_facts_in_any_order_come_to_the_same(kind: str, data: st.DataObject) -> None:
    """Before the last invoices and after them; 5,000 histories in the thorough profile."""
    come_to_the_same(*data.draw(two_stories(data.draw(mixes(kind)))))


@pytest.mark.parametrize("minimum", [kind for kind in EVERY if "minimum" in kind])
@pytest.mark.parametrize("beside", OF_OTHER_MONTHS)
@settings(max_examples=100 if THOROUGH else max(EXAMPLES // 6, 2))
@given(st.data())
def test_a_minimum_counts_months_as_if_nothing_was_issued(minimum: str, beside: str, data: st.DataObject) -> None:
    """What is issued keeps its steps and its room; what the minimum compares with does not."""
    come_to_the_same(*data.draw(two_stories((minimum, beside))))


def come_to_the_same(code: str, usual: Sequence[str], other: Sequence[str]) -> None:
    with told(usual) as one, told(other) as another:
        assert balances(one, code) == balances(another, code)
        due, other_due = (
            sum(each.amount_due for each in statements(books) if each.part == 1) for books in (one, another)
        )
        assert due == other_due
        losses = [loss_making(books) for books in (one, another)]
        assert None in losses or losses[0] == losses[1]
        for books in (one, another):
            invoiced(books, date(2026, 7, 12))
        assert balances(one, code) == balances(another, code)


def loss_making(books: Books) -> dict[str, int] | None:
    """What its exception says, nothing where none is open; None where the loss is not known, and the exception is as it was left. Where
    another system has billed work it is not known either, and yet none may be open."""
    of: ContractAtCompletion | None = books.part(loss.PART, "K")
    if of is None or (not of.elsewhere and (of.unknown or not of.revenue)):
        return None
    (*noted,) = (
        one for (kind, _), one in books.parts().items() if kind == "exception" and one.category == loss.CATEGORY
    )
    return noted[0].amounts if noted else {}
