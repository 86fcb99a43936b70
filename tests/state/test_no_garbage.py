"""What the fold lets go is freed at once.

Python's search for garbage hardly ever looks at what has lived long (`seldom_collecting`): books that refer to each other in a circle would
fill memory until the process ends.
"""

from __future__ import annotations

import gc
from collections import Counter
from datetime import date
from pathlib import Path

from connectors.files.engagement_log import EngagementLog
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from milepost.rounds import genesis
from tests.folding import fold_on, new_shard
from tests.reliability.recorded import RECORDED, UNTIL

ROOMS = ("domain.", "state.", "operators.")


def test_no_value_of_the_fold_waits_for_the_search_for_garbage(tmp_path: Path) -> None:
    with EmbeddedIntake(RECORDED, tmp_path, EmbeddedSettings(genesis())) as intake:
        intake.run_round(date.fromisoformat(UNTIL))
    with EngagementLog.open(tmp_path) as log:
        records = log.read(0, 1_000_000, 1 << 30)
    gc.collect()
    gc.disable()
    try:
        shard = new_shard()
        folded = len(fold_on(shard, records))
        shard.store.close()
        del shard
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = Counter(type(one).__name__ for one in gc.garbage if type(one).__module__.startswith(ROOMS))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert folded > 100
    assert not left, f"in circles: {left.most_common(5)}"
