"""What a cap had left before an entry, and after it."""

from __future__ import annotations

import pytest

from domain.units import AMOUNT_ONE
from milepost.explain.recompute import everything, recompute
from tests.explained import explainer_of
from tests.scenario_play import play
from tests.scenario_text import read_scenarios
from tests.scenarios.test_scenarios import FOLDER

RAISED = "Late work of before a cap was raised finds the room of its day"


@pytest.mark.parametrize(("entry", "before", "after"), [("T-1", 600, 0), ("T-3", 400, 0), ("T-4", 200, 0)])
def test_what_is_issued_under_a_higher_limit_takes_no_room_of_a_lower_one(entry: str, before: int, after: int) -> None:
    """1,000.00 until July, 2,000.00 from then on; all is issued. T-1 has 1,000.00 less T-3's 400.00, T-3 what T-1's 600.00 leave, and T-4
    what T-1, T-3 and July's 800.00 leave of 2,000.00."""
    (scenario,) = [one for one in read_scenarios(FOLDER / "caps.md") if one.name == RAISED]
    books = play(scenario)
    found = explainer_of(books, "E").explain(entry)
    assert found is not None
    rooms = {node.title.partition(": room ")[2]: node for node in found.why if ": room " in node.title}
    assert {when: node.value for when, node in rooms.items()} == {
        "before": before * AMOUNT_ONE,
        "after": after * AMOUNT_ONE,
    }
    assert all(recompute(node) == [] for node in everything(found))
    books.close()
