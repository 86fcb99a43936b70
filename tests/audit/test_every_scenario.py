"""What `verify` asks of outputs and books holds after every scenario."""

from __future__ import annotations

import pytest

from tests.audited import violations
from tests.scenario_play import play
from tests.scenario_text import Scenario
from tests.scenarios.test_scenarios import NAMES, SCENARIOS


@pytest.mark.parametrize("scenario", [scenario for _, scenario in SCENARIOS], ids=NAMES)
def test_scenario_holds(scenario: Scenario) -> None:
    books = play(scenario)
    try:
        assert not violations(books)
    finally:
        books.close()
