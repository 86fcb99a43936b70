"""A firm that moves in with running projects goes on as if it had been here from its beginning.

The simulated firm runs from January. On 31 March its balances are read from what it has said, written as CSV and imported into a folder
that has its contracts, people and rates. A second Milepost begins with these, and hears the same events as the first until the end of June.
Day one is compared account by account, what follows statement by statement, journal sum by journal sum (company, account, currency,
project, day) and forecast figure by forecast figure.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from simulation.plan import ALL, TIME_ALONE, plan
from tests.moving_in.compared import DAY_ONE, JOURNALS, STATEMENTS, Compared, compared
from tests.thoroughness import THOROUGH

AS_OF, UNTIL = date(2026, 3, 31), date(2026, 6, 30)
# Firms of 200 projects: nothing differs in any.
SEEDS: Final = (7, 8, 11, 13, 17, 19, 23, 29, 31, 37, 41, 47)


def moved(folder: Path, *, seed: int, people: int, projects: int, deals: str) -> Compared:
    sizes = plan(seed=seed, people=people, projects=projects, months=6, start=date(2026, 1, 1), deals=deals)
    return compared(sizes, AS_OF, UNTIL, folder)


def test_a_firm_that_sells_time_goes_on_to_the_cent(tmp_path: Path) -> None:
    """Six projects by the hour, under caps of every kind, in three currencies."""
    found = moved(tmp_path, seed=7, people=12, projects=6, deals=TIME_ALONE)
    assert len(found.loaded.projects) == 6
    assert found.loaded.refused == ()
    assert found.differences == []
    assert found.figures[DAY_ONE] > 30
    assert found.figures[STATEMENTS] >= 15
    assert found.figures[JOURNALS] > 900


@pytest.mark.parametrize(
    ("seed", "people", "projects"), [(seed, 60, 200) for seed in SEEDS] if THOROUGH else [(11, 16, 12)]
)
def test_projects_of_all_kinds_of_terms(seed: int, people: int, projects: int, tmp_path: Path) -> None:
    """200 projects in the thorough search, else twelve."""
    found = moved(tmp_path, seed=seed, people=people, projects=projects, deals=ALL)
    print({area: f"{number:,}" for area, number in found.figures.items()})
    print(Counter(each.area for each in found.differences), len({each.engagement_id for each in found.differences}))
    assert found.loaded.refused == ()
    assert len(found.loaded.projects) >= projects * 3 // 4
    assert found.differences == []
