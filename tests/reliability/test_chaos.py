"""Exactly once on a real broker, in a short form: each disturbance once; `make chaos` does more of them for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.disturbances import OFTEN
from tests.chaos.run import Plan, run
from tests.kafka.servers import NOT_RUN
from tests.servers.fetched import Missing

# A minute and a half; it waits for what happens, however long that takes.
SHORT = Plan(seed=11, events=1_500, shards=4, minutes=0.5, each_once=True, hostile=6)


@pytest.mark.timeout(1_800)
def test_whatever_is_killed_readers_see_what_the_plain_loop_says(tmp_path: Path) -> None:
    try:
        outcome = run(SHORT, tmp_path, print)
    except Missing as missing:
        pytest.skip(f"{missing}: {NOT_RUN}")
    assert outcome.disturbances == len(OFTEN)
    assert {invariant.name: invariant.faults for invariant in outcome.invariants if not invariant.holds} == {}
    assert "shards were taken over by another process" in outcome.reached
    assert "work went on after the clock was set back" in outcome.reached
