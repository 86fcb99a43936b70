"""What every scenario keeps. Each is played once; its tests ask the same books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from domain.audit.findings import Violation
from domain.audit.forecasts import ForecastSeries
from domain.outputs import ForecastUpdate, ProjectView
from milepost.explain.recompute import everything, recompute, unexplained
from state.store.snapshot import packed
from tests.audited import seen_of, violations
from tests.explained import engagements, explainer_of, is_field, lacks_event, together
from tests.folding import MEMORY_DISK
from tests.harness import Books
from tests.scenario_play import ScenarioFailed, play
from tests.scenario_text import Scenario, ScenarioError, read_scenarios
from tests.thoroughness import THOROUGH

FOLDER = Path(__file__).parent
# Pages that tell people the rules have figures too.
DOCS = FOLDER.parents[1] / "docs"
PATHS = (*sorted(FOLDER.glob("*.md")), DOCS / "concepts.md", DOCS / "rules.md")
SCENARIOS = [(path, scenario) for path in PATHS for scenario in read_scenarios(path)]
NAMES = [f"{path.stem}: {scenario.name}" for path, scenario in SCENARIOS]
# What is final keeps its room while others come and go; that it keeps is taken as it is.
NOT_FOLLOWED = {"non_billable: final work keeps its room while somebody comes and goes"}
# Of what terms charge, who pays it and what limits it: audited once more after further days.
CHARGES = {
    *("expenses", "unit_price", "cost_plus", "fixed_price", "milestones", "retainer", "deposit"),
    *("credits", "bill_tos", "approval", "approval_payers", "approval_retention", "reissue", "retention"),
    *("receivables", "carried", "funding", "next_rule", "purchase_orders", "subscription", "tax", "write_offs"),
}
# Months after the last of the days that they tell, but for one that ends with March 2027: nearly all end by September.
LAST = date(2027, 3, 31) if THOROUGH else date(2026, 12, 31)


class Played(NamedTuple):
    name: str
    page: str
    books: Books


@pytest.fixture(scope="module", params=SCENARIOS, ids=NAMES)
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    path, scenario = request.param
    books = _played(scenario)
    yield Played(scenario.name, path.stem, books)
    books.close()


def _played(scenario: Scenario) -> Books:
    """A difference from the text is shown as it is, without the code that found it."""
    wrong = ""
    try:
        return play(scenario)
    except (ScenarioFailed, ScenarioError) as error:
        wrong = f"{scenario.name}\n{error}"
    return pytest.fail(wrong, pytrace=False)


def test_scenario(played: Played) -> None:
    """The text is the example, and an audit finds nothing in what came out, nor in the books; the same log folded in other
    batches over a reopened store gives the same bytes.

    Where something is charged, an audit finds nothing after further days either: days of the second books, as the first
    are asked by the other test.
    """
    told = played.books
    assert not violations(told)
    half = len(told.log) // 2
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        again = Books(Path(folder))
        again.replay(told.log[:half], batch=3)
        again.reopen()
        again.replay(told.log[half:], batch=5)
        assert [one.body for one in again.encoded] == [one.body for one in told.encoded]
        if played.page in CHARGES:
            again.clock, again.now = told.clock, told.now
            _audit_further_days(again)
        again.close()


def _audit_further_days(books: Books) -> None:
    last = max((day.date for day in books.clock.days), default=LAST)
    books.end_day(max(LAST, last + timedelta(days=1)))
    assert any(isinstance(each.record, ProjectView) for each in books.folded)
    assert not violations(books)
    assert not _forecasts_that_differ(books)


def _forecasts_that_differ(books: Books) -> list[Violation]:
    series = ForecastSeries()
    return [
        wrong
        for each in seen_of(books)
        if isinstance(each.record, ForecastUpdate)
        for wrong in series.see(each, each.record)
    ]


def test_every_figure_recomputes_from_its_explanation(played: Played) -> None:
    """Down to fields of events; and what came out can be kept with the steps."""
    for engagement_id in engagements(played.books):
        with closing(explainer_of(played.books, engagement_id)) as explainer:
            assert all(packed(said.record) for said in explainer.trace.said)
            every = together(explainer)
            assert recompute(every) == []
            fields = [node for node in everything(every) if is_field(node)]
            assert [node.title for node in fields if lacks_event(node)] == []
            assert not [node.field for node in fields if "None" in (node.field or "None")]
            if played.name not in NOT_FOLLOWED:
                assert unexplained(every) == []


def test_every_scenario_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
