"""What one step left of books that the next event changes in place."""

from __future__ import annotations

from tests.explained import explainer_of
from tests.scenario_play import play
from tests.scenario_text import read_scenarios
from tests.scenarios.test_scenarios import FOLDER


def test_each_step_has_the_service_days_of_its_own() -> None:
    """They change in place: after the first of three hours only its day is known."""
    name = "Policy rounding_scope: line"
    [scenario] = [each for each in read_scenarios(FOLDER / "money.md") if each.name == name]
    books = play(scenario)
    [engagement_id] = {record.engagement_id for record in books.log if record.engagement_id}
    trace = explainer_of(books, engagement_id).sources.trace
    days = [
        sorted(trace.part_at("outlook", "P", trace.entry_steps(entry_id)[0][0]).days["USD"])
        for entry_id in ("T-1", "T-2", "T-3")
    ]
    assert [len(each) for each in days] == [1, 2, 3]
    books.close()
