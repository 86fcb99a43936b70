"""What is kept of an hour's terms is what would be worked out for it from nothing."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from domain.events.delivery import TimeApproved
from state.books import Entry, Project
from state.draft import Draft, nothing_known
from state.work import value_time
from state.work.hour_terms import HourTerms, hour_terms
from tests.folding import MEMORY_DISK
from tests.scenario_play import play
from tests.scenario_text import Scenario, read_scenarios

SCENARIOS = Path(__file__).parents[1] / "scenarios"
# Pages on which rates, contracts, people, periods and corrections change under the work.
PAGES = (
    "rates",
    "contracts",
    "corrections",
    "cost_plus",
    "exchange",
    "parking",
    "periods",
    "undefined",
    "whole_stories",
)
TOLD = [scenario for page in PAGES for scenario in read_scenarios(SCENARIOS / f"{page}.md")]


def from_nothing(draft: Draft, entry: Entry, event: TimeApproved, project: Project) -> HourTerms:
    copy = Draft(
        draft.engagement_id, draft.before, draft.entries, draft.reference, draft.cause, nothing_known(), draft.own
    )
    copy.parts, copy.kinds, copy.rows, copy.agreed = draft.parts, draft.kinds, draft.rows, draft.agreed
    return hour_terms(copy, entry, event, project)


@pytest.mark.parametrize("scenario", TOLD, ids=[scenario.name for scenario in TOLD])
def test_kept_terms_are_those_of_the_day(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def compared(draft: Draft, entry: Entry, event: TimeApproved, project: Project) -> HourTerms:
        kept, made = hour_terms(draft, entry, event, project), from_nothing(draft, entry, event, project)
        assert kept == made, event
        return kept

    monkeypatch.setattr(value_time, "hour_terms", compared)
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        play(scenario, Path(folder)).close()
