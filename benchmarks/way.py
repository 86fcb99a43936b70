"""How far an hour of work goes: calls and files on its way from its bytes in the log to the bytes of its outputs."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median_low
from types import FrameType
from typing import NamedTuple

from benchmarks.child import ROOT
from connectors.files.engagement_log import EngagementLog
from dataflows.embedded import close, open_accounting
from domain.events.delivery import TimeApproved
from state.batch import BATCH_BYTES, BATCH_RECORDS


class Way(NamedTuple):
    """Medians of so many `entries`; `files` are the product's own, `python_calls` are of libraries, too."""

    entries: int
    python_calls: int
    c_calls: int
    files: int


class _Calls:
    """All that is called while it watches."""

    def __init__(self) -> None:
        self.python = 0
        self.c = 0
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.python += 1
            self.files.add(frame.f_code.co_filename)
        elif event == "c_call":
            self.c += 1

    @property
    def own_files(self) -> int:
        return sum(Path(file).is_relative_to(ROOT) for file in self.files)


def measure(folder: Path, after: int, entries: int) -> Way:
    """Of the entries that follow a record, each read and folded by itself, with all in memory that is there by then; what writes the
    outputs and the store is once a batch and left out. `folder` holds the log."""
    found: list[_Calls] = []
    with EngagementLog.open(folder) as log:
        shard, outputs = accounting = open_accounting(folder, log.genesis)
        while len(found) < entries:
            at = shard.position[0]
            calls = _Calls()
            if at >= after:
                sys.setprofile(calls)
            try:
                records = log.read(at, min(BATCH_RECORDS, max(after - at, 1)), BATCH_BYTES)
                made = shard.fold(records) if records else []
            finally:
                sys.setprofile(None)
            if not records:
                break
            if at >= after and isinstance(records[0].event, TimeApproved):
                found.append(calls)
            mark = outputs.write(made)
            assert mark is not None, "a folded batch ends with its mark"
            outputs.commit(mark)
            shard.commit(mark)
        close(accounting)
    return Way(
        len(found),
        median_low([each.python for each in found]),
        median_low([each.c for each in found]),
        median_low([each.own_files for each in found]),
    )
