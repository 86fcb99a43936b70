"""Contracts that make a loss: what is said of them in words, how often, and what an entry costs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from domain.outputs import ExceptionRaised
from state.books import Forecast, ForecastState, Project
from state.draft import Draft
from state.forecast import loss
from state.forecast.outlook import Ended
from state.forecast.revenue_max import RevenueMax, RevenueTerms, revenue_max
from tests.harness import Books
from tests.told import told

FIRM = (
    "entity LE USD America/New_York policy hours_max_per_entry=100",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 USD",
)
CAPPED = (
    *FIRM,
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
    "    cap hard 900.00",
    "2026-01-06 estimate P 12 h 1,200.00",
)
PRICED = (
    *FIRM,
    "project P of LE",
    "contract K C LE USD from 2026-01-01 to 2026-06-30",
    "  line L P",
    "    terms FixedPrice price=1,000.00",
    "    each schedule on=2026-06-30 amount=1,000.00",
)

ELSEWHERE = (
    "estimate P 12 h 1,200.00",
    "time T-1 bob 1 h not_billable version 1",
    "time T-1 bob 1 h not_billable billed_elsewhere version 2",
    "time T-2 bob 1 h",
)


def said(books: Books) -> list[ExceptionRaised]:
    records = (one.record for one in books.folded)
    return [one for one in records if isinstance(one, ExceptionRaised) and one.category == loss.CATEGORY]


def test_a_cap_says_the_most_that_is_earned() -> None:
    """Nothing values the 12 h: they earn no more than the cap of 900.00."""
    with told(CAPPED) as books:
        messages = [one.message for one in said(books)]
    assert messages == ["contract K makes a loss: it costs 1200.00 USD at completion and earns at most 900.00"]


def test_a_price_says_what_is_earned() -> None:
    with told((*PRICED, "2026-01-06 estimate P 12 h 1,200.00")) as books:
        messages = [one.message for one in said(books)]
    assert messages == ["contract K makes a loss: it costs 1200.00 USD at completion and earns 1000.00"]


def test_a_day_with_many_forecasts_says_one_amount() -> None:
    """11 h are 100.00 more than the price; of the 90 h that follow the day's end says 9,100.00."""
    hours = [f"2026-01-06 time T-{number} bob 9 h" for number in range(10)]
    with told((*PRICED, "2026-01-05 time T bob 11 h", "2026-01-05 day ended", *hours, "2026-01-06 day ended")) as books:
        amounts = [one.blocks_amount for one in said(books)]
    assert amounts == [100_0000, 9_100_0000]


@pytest.mark.parametrize("order", list(permutations(range(len(ELSEWHERE)))), ids=lambda order: "".join(map(str, order)))
def test_work_that_another_system_bills_leaves_no_loss_in_any_order(order: Sequence[int]) -> None:
    """Whatever was said before it: 1,200.00 are more than the price, and nobody here knows what the hour of T-1 earned."""
    days = [f"2026-01-{day:02} {ELSEWHERE[place]}" for day, place in enumerate(order, 5)]
    with told((*PRICED, *days)) as books:
        assert not [part for part in books.parts() if part[0] == "exception"]
        assert books.part(loss.PART, "K").elsewhere == 1


def shared(projects: int) -> list[str]:
    """A project at 90.00 an hour and others at 110.00, each with an estimate of 10 h."""
    lines = [text for each in range(projects) for text in (f"  line L{each} P{each}", f"    rate {_rate(each)}")]
    return [
        *FIRM,
        *(f"project P{each} of LE" for each in range(projects)),
        "contract K C LE USD",
        *lines,
        *(f"2026-01-05 estimate P{each} 10 h 1,000.00" for each in range(projects)),
        *(f"2026-01-05 time A-{each} bob 1 h project P{each}" for each in range(projects)),
    ]


def _rate(place: int) -> str:
    return "110.00" if place else "90.00"


@pytest.mark.parametrize("projects", [10, 100])
def test_an_entry_looks_at_its_own_project(monkeypatch: pytest.MonkeyPatch, projects: int) -> None:
    """However many projects the contract has."""
    calls: list[str] = []

    def counted(
        draft: Draft,
        project: Project,
        terms: RevenueTerms,
        forecast: Forecast,
        outlook: ForecastState,
        ended: Ended | None,
    ) -> RevenueMax | None:
        calls.append(project.project_id)
        return revenue_max(draft, project, terms, forecast, outlook, ended)

    monkeypatch.setattr(loss, "revenue_max", counted)
    last = f"P{projects - 1}"
    before = shared(projects)
    with told(before) as books:
        at_first = len(calls)
        assert books.part(loss.PART, "K").projects == projects
    calls.clear()
    with told([*before, *(f"2026-01-06 time T-{each} bob 3 h project {last}" for each in range(5))]):
        assert calls[at_first:] == [last] * 5
