"""Arguments that make no firm are refused with what was expected, what came and for which one."""

from __future__ import annotations

from datetime import date

import pytest

from simulation.plan import PlanError, plan


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("seed", -1, "seed: expected a number from 0"),
        ("people", 9, "people: expected a number from 10 to 200000, got 9"),
        ("projects", 4, "projects: expected a number from 5"),
        ("months", 0, "months: expected a number from 1 to 36, got 0"),
        ("start", date(2026, 1, 15), "start: expected the first day of a month, got 2026-01-15; try 2026-01-01"),
        ("start", date(1999, 1, 1), "start: expected a month from 2000-01-01"),
    ],
)
def test_wrong_arguments_are_named(name: str, value: object, says: str) -> None:
    arguments = {"seed": 1, "people": 20, "projects": 10, "months": 2, "start": date(2026, 1, 1), name: value}
    with pytest.raises(PlanError, match=says):
        plan(**arguments)  # type: ignore[arg-type]  # each value has the type of its name


def test_prices_change_in_the_middle() -> None:
    def midway(months: int) -> date:
        return plan(seed=1, people=20, projects=10, months=months, start=date(2026, 1, 1)).midway

    assert [midway(months) for months in (1, 2, 3, 12)] == [
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 2, 1),
        date(2026, 7, 1),
    ]
