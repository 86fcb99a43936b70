"""What is kept between events changes nothing: folded with an empty memo before each, the outputs are the same bytes."""

from __future__ import annotations

import pytest

from state.draft import Plans, nothing_known
from state.shard import Shard
from state.store.store import Engagement
from tests.harness import Books
from tests.scenario_play import play
from tests.scenario_text import Scenario
from tests.scenarios.test_scenarios import NAMES, SCENARIOS
from tests.thoroughness import THOROUGH

# Where much is kept; all pages with HYPOTHESIS_PROFILE=thorough.
PAGES = ("forecasts", "rates", "cost_plus", "loss_making", "exchange")
CHOSEN = [
    (name, scenario) for name, (path, scenario) in zip(NAMES, SCENARIOS, strict=True) if THOROUGH or path.stem in PAGES
]


@pytest.mark.parametrize("scenario", [scenario for _, scenario in CHOSEN], ids=[name for name, _ in CHOSEN])
def test_what_is_kept_changes_nothing(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = play(scenario)
    monkeypatch.setattr(Shard, "_plans", _nothing)
    forgotten = Books()
    forgotten.replay(kept.log)
    assert [one.body for one in forgotten.encoded] == [one.body for one in kept.encoded]
    kept.close()
    forgotten.close()


def _nothing(_shard: Shard, _engagement: Engagement) -> Plans:
    return nothing_known()
