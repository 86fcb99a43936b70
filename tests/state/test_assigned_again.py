"""An assignment is stated again, with another end or rate: the hours of its days are rated again, each once."""

from __future__ import annotations

from typing import Any

import pytest

from domain.money import parse_amount
from state.books import Entry, Price
from state.draft import Draft
from state.rerating import rerate
from state.terms.plan import LinePlan
from state.work import value_time
from state.work.value_time import CostPlan
from tests.told import balances, told

LINES = (
    "entity LE EUR Europe/Berlin",
    "customer C",
    "project P of LE",
    "person ann consultant of LE",
    "cost person ann 50.00 EUR",
    "contract K C LE EUR",
    "  line L P",
    "card STD global EUR",
    "  rate 100.00",
    "2026-01-02 assign A ann consultant from 2026-01-01 to 2026-01-31 rate 120.00 EUR",
    "2026-01-05 time T-1 ann 8 h",
    "2026-01-06 time T-2 ann 8 h",
    "2026-02-02 time T-3 ann 8 h",
)


@pytest.mark.parametrize(
    ("stated", "rated", "revenue"),
    [
        # T-1 and T-2 at 120.00, T-3 at 100.00; then at 130.00, and T-3 too where the assignment covers its day.
        ("from 2026-01-01 to 2026-02-28 rate 130.00 EUR", ["T-1", "T-2", "T-3"], "3,120.00"),
        ("from 2026-01-06 to 2026-01-31 rate 130.00 EUR", ["T-1", "T-2"], "2,640.00"),
        ("from 2026-02-01 to 2026-02-28 rate 130.00 EUR", ["T-1", "T-2", "T-3"], "2,640.00"),
    ],
)
def test_each_hour_is_rated_once(monkeypatch: pytest.MonkeyPatch, stated: str, rated: list[str], revenue: str) -> None:
    seen: list[str] = []
    new_price = rerate.new_price

    def counted(draft: Draft, entry: Entry) -> tuple[LinePlan, Price] | None:
        seen.append(entry.entry_id)
        return new_price(draft, entry)

    monkeypatch.setattr(rerate, "new_price", counted)
    with told((*LINES, f"2026-02-03 assign A ann consultant {stated}")) as books:
        assert sorted(seen) == rated
        assert balances(books)["4000"] == -parse_amount(revenue.replace(",", ""))


def test_hours_that_are_rated_again_are_not_costed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three hours that the longer assignment covers, T-3 gets another rate: 8 h at 120.00 instead of 100.00."""
    seen: list[str] = []
    cost = value_time.CostPlan

    def counted(*sides: Any) -> CostPlan:
        seen.append(sides[0].cost_rate_id)
        return cost(*sides)

    monkeypatch.setattr(value_time, "CostPlan", counted)
    with told((*LINES, "2026-02-03 assign A ann consultant from 2026-01-01 to 2026-02-28 rate 120.00 EUR")) as books:
        assert len(seen) == len(["T-1", "T-2", "T-3"])
        assert balances(books)["4000"] == -parse_amount("2880.00")


def test_an_hour_of_both_versions_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """January by the first version and January to February by the second are one span of days."""
    seen: list[tuple[str, str]] = []
    ratable_on = Draft.ratable_on

    def counted(
        draft: Draft, contract_id: str, line_id: str, since: str, until: str = "9999", person_id: str = ""
    ) -> list[Entry]:
        seen.extend([(since, until)] if person_id else [])
        return ratable_on(draft, contract_id, line_id, since, until, person_id)

    monkeypatch.setattr(Draft, "ratable_on", counted)
    with told((*LINES, "2026-02-03 assign A ann consultant from 2026-01-01 to 2026-02-28 rate 120.00 EUR")):
        assert seen == [("2026-01-01", "2026-02-01"), ("2026-01-01", "2026-03-01")]
