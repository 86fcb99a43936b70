"""Exactly once into ERPs, in a short form: some hundreds of journals, a kill at each point; `make endurance` does more of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.delivery.chart import ENTITY_DAY
from simulation.erp.troubles import Trouble
from tests.endurance.run import Plan, run
from tests.thoroughness import THOROUGH

JOURNALS = 300 if THOROUGH else 80
PLANS = (
    Plan("netsuite", journals=JOURNALS, seed=7, loses_store=True, is_twice=True),
    Plan("dynamics365_finance", journals=JOURNALS, seed=8, loses_store=True, grain=ENTITY_DAY),
)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.kind)
def test_whatever_happens_each_journal_is_in_the_ledger_once(plan: Plan, tmp_path: Path) -> None:
    outcome = run(plan, tmp_path, print)
    assert outcome.faults == []
    assert outcome.met[Trouble.LOST] > 0
    assert outcome.moved > 0
