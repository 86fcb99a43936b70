from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.folding import MEMORY_DISK
from tests.harness import Books
from tests.scenario_play import ScenarioFailed, play
from tests.scenario_text import Scenario, ScenarioError, read_scenarios

FOLDER = Path(__file__).parent
# Pages that tell people the rules have figures too.
DOCS = FOLDER.parents[1] / "docs"
PATHS = (*sorted(FOLDER.glob("*.md")), DOCS / "concepts.md", DOCS / "rules.md")
SCENARIOS = [(path, scenario) for path in PATHS for scenario in read_scenarios(path)]
NAMES = [f"{path.stem}: {scenario.name}" for path, scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", [scenario for _, scenario in SCENARIOS], ids=NAMES)
def test_scenario(scenario: Scenario) -> None:
    """The text is the example; the same log folded in other batches over a reopened store gives the same bytes."""
    told = _played(scenario)
    half = len(told.log) // 2
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        again = Books(Path(folder))
        again.replay(told.log[:half], batch=3)
        again.reopen()
        again.replay(told.log[half:], batch=5)
        again.close()
    assert [one.body for one in again.encoded] == [one.body for one in told.encoded]
    told.close()


def test_every_scenario_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)


def _played(scenario: Scenario) -> Books:
    """A difference from the text is shown as it is, without the code that found it."""
    wrong = ""
    try:
        return play(scenario)
    except (ScenarioFailed, ScenarioError) as error:
        wrong = f"{scenario.name}\n{error}"
    return pytest.fail(wrong, pytrace=False)
