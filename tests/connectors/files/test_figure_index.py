"""The index of figures is extended by one at a time, and once."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from connectors.files.figure_index import FOLDER, FigureIndex
from domain.trial_balance import PostedSum
from tests.finished_run import finished_run

AT_ONCE = 4
ENTITY = "BERLIN"


def test_sums_are_the_same_however_many_ask_first_at_once(tmp_path: Path) -> None:
    """Each has opened an index that is empty before any of them fills it."""
    output = tmp_path / "output"
    shutil.copytree(finished_run(), output)
    shutil.rmtree(output / FOLDER, ignore_errors=True)
    ready = Barrier(AT_ONCE)

    def extended(_number: int) -> list[PostedSum]:
        with FigureIndex(output) as index:
            ready.wait(240)
            index.extend(lambda *_: None)
            return index.sums(ENTITY)

    with ThreadPoolExecutor(AT_ONCE) as several:
        sums = list(several.map(extended, range(AT_ONCE)))
    with FigureIndex(finished_run()) as alone:
        alone.extend(lambda *_: None)
        assert alone.sums(ENTITY), "there is something to double"
        assert sums == [alone.sums(ENTITY)] * AT_ONCE
