"""Where the time goes: the stack, looked at every few milliseconds of processor time, by group of functions."""

from __future__ import annotations

import signal
from collections import Counter
from types import FrameType
from typing import NamedTuple, Self

# The kernel rounds it up to its own tick.
EVERY_SECONDS = 0.001
OTHER = "other"

# The innermost function of the table that is on the stack says the group; what it calls counts for it.
# File, function (all of the file where it is empty), group.
GROUPS = (
    ("connectors/files/input_reader.py", "", "intake: read and decode the input"),
    ("connectors/files/merged_inputs.py", "", "intake: merge the inputs"),
    ("connectors/files/input_folder.py", "", "intake: fingerprints of the input"),
    ("connectors/files/log_appender.py", "", "intake: write the log"),
    ("connectors/files/intake_store.py", "", "intake: its store"),
    ("state/intake/intake.py", "", "intake: route"),
    ("dataflows/embedded_intake.py", "", "intake: other"),
    ("connectors/files/engagement_log.py", "", "read and decode the log"),
    ("connectors/files/outputs.py", "", "write the outputs"),
    ("state/shard.py", "_encode", "encode, number and chain outputs"),
    ("state/store/store.py", "commit", "store: commit"),
    ("state/store/store.py", "open_on", "store: read ranges of entries"),
    ("state/store/store.py", "", "store: read and keep rows"),
    ("state/handlers/forecast.py", "after_event", "forecast after each event"),
    ("state/handlers/forecast.py", "on_day_ended", "forecast at day ends"),
    ("state/forecast/publish.py", "publish", "forecast: figures of an update"),
    ("state/handlers/forecast.py", "", "forecast: other"),
    ("state/views.py", "", "project views"),
    ("state/statements/", "", "statements"),
    ("state/handlers/invoices.py", "", "invoices"),
    ("state/handlers/contracts.py", "", "contracts and amendments"),
    ("state/handlers/projects.py", "", "projects and assignments"),
    ("state/handlers/days.py", "", "day ends: other"),
    ("state/handlers/time.py", "", "time: the handler"),
    ("state/work/value_time.py", "", "time: cost and price"),
    ("state/ledger/posting.py", "", "time: journals"),
    ("state/caps/allot.py", "", "caps and lines"),
    ("state/caps/walk.py", "", "caps and lines"),
    ("state/caps/claims.py", "", "caps and lines"),
    ("state/caps/notices.py", "", "caps and lines"),
    ("state/caps/repricing.py", "", "caps and lines"),
    ("state/rerating/rerate.py", "", "rates that changed"),
    ("state/draft.py", "", "sums and indexes of the draft"),
    ("state/fold.py", "", "fold: the switch"),
    ("state/shard.py", "", "shard: the loop"),
)


class Share(NamedTuple):
    """Per cent of the samples."""

    group: str
    percent: float


class Sampler:
    """Samples between `with` and its end; it takes about one per cent itself."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[object, str | None] = {}

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def shares(self) -> tuple[Share, ...]:
        total = max(1, self._counts.total())
        return tuple(Share(group, round(100 * count / total, 1)) for group, count in self._counts.most_common())

    def _sample(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            code = frame.f_code
            if code not in self._places:
                self._places[code] = group_of(code.co_filename, code.co_name)
            found = self._places[code]
            if found is not None:
                self._counts[found] += 1
                return
            frame = frame.f_back
        self._counts[OTHER] += 1


def group_of(path: str, function: str) -> str | None:
    for file, name, group in GROUPS:
        if file in path and name in {"", function}:
            return group
    return None
