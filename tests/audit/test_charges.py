"""What an audit promises holds of what terms charge, who pays it and what limits it: scenarios are audited after their last day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.audit.entries import retell
from domain.audit.findings import BILLED_ONCE, Violation
from domain.audit.forecasts import ForecastSeries
from domain.outputs import BillingStatement, ForecastUpdate, ProjectView
from tests.audited import engagement_of, seen_of, violations
from tests.harness import Books
from tests.scenario_play import play
from tests.scenario_text import Scenario, read_scenarios

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = (
    *("expenses", "unit_price", "cost_plus", "fixed_price", "milestones", "retainer", "deposit"),
    *(
        "credits",
        "bill_tos",
        "approval",
        "approval_payers",
        "approval_retention",
        "reissue",
        "retention",
        "receivables",
    ),
    *("carried", "funding", "next_rule", "purchase_orders", "subscription", "tax", "write_offs"),
)
SCENARIOS = [(name, scenario) for name in FILES for scenario in read_scenarios(FOLDER / f"{name}.md")]
LAST = date(2027, 3, 31)


@pytest.mark.parametrize(
    "scenario", [scenario for _, scenario in SCENARIOS], ids=[f"{name}: {one.name}" for name, one in SCENARIOS]
)
def test_an_audit_finds_nothing(scenario: Scenario) -> None:
    books = play(scenario)
    last = max((day.date for day in books.clock.days), default=LAST)
    books.end_day(max(LAST, last + timedelta(days=1)))
    assert any(isinstance(each.record, ProjectView) for each in books.folded)
    assert not violations(books)
    assert not list(forecasts(books))
    books.close()


def forecasts(books: Books) -> list[Violation]:
    series = ForecastSeries()
    return [
        wrong
        for each in seen_of(books)
        if isinstance(each.record, ForecastUpdate)
        for wrong in series.see(each, each.record)
    ]


def test_a_cent_that_no_payer_is_billed_is_found() -> None:
    """Each statement foots by itself; only together they miss a cent."""
    (scenario,) = [one for name, one in SCENARIOS if one.name == "The payer of the rounding takes the cent"]
    books = play(scenario)
    for place, folded in enumerate(books.folded):
        statement = folded.record
        if isinstance(statement, BillingStatement) and statement.bill_to == "A":
            less = statement.total - 100
            lines = (statement.lines[0]._replace(amount=less),)
            changed = statement._replace(lines=lines, total=less, control_total=less, amount_due=less)
            books.folded[place] = folded._replace(record=changed)
    found = retell(engagement_of(books)).checked.violations
    books.close()
    assert [one.check for one in found] == [BILLED_ONCE]
    assert "over all payers" in found[0].expected
