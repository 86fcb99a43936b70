"""An output folder as it was at an earlier moment, to be read like any other.

Outputs, and every record of the log, are only ever appended, in the order of the log; so what was known at a moment is a prefix of every
file. `cut_at` alone says how long it is. Records may come with an earlier time than those before them, so what stands after a day's end
came after that day, whatever it says of itself:

    T-1    recorded 2026-03-02
    Berlin's 31 March has ended, at 22:00 UTC
    T-2    recorded 2026-03-20, the time at which it happened
    Berlin's 1 April has ended

As of 2026-03-31 and of its end, 22:00 UTC, T-1 is known and T-2 is not, before and after T-2 has come.

A folder of links in the system's own temporary place says how long the prefixes are, and is gone afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from connectors.files.figure_index import FigureIndex
from connectors.files.log_format import LogEnd, index_path, log_path, write_end
from connectors.files.no_outputs import NoOutputs
from connectors.files.overrides import NAME as OVERRIDES
from connectors.files.progress import progress_path, read_progress
from connectors.files.written import shards
from connectors.telling import Tell
from domain.units import Instant


class Moment(NamedTuple):
    """After the last record that is known: at an instant, at the end of a day, whose last instant in UTC it is then, or at a log offset."""

    instant: Instant | None = None
    offset: int | None = None
    day: date | None = None


class LogCut(NamedTuple):
    """`offset` is the first log record that is not known; `recorded_at` is when the last one came that is, and `running` the first day
    that had not ended in every zone then, None where none had.
    """

    offset: int
    recorded_at: Instant
    running: date | None

    def is_past(self, moment: Moment) -> bool:
        """Whether nothing that comes later was known at the moment."""
        if moment.offset is not None:
            return moment.offset <= self.offset
        has_ended = moment.day is not None and self.running is not None and moment.day < self.running
        return has_ended or (moment.instant or 0) < self.recorded_at


def cut_at(index: FigureIndex, moment: Moment) -> LogCut:
    """A day is over when it has ended in every zone of the log, at 24:00 UTC at the latest."""
    return _cut(index, min(_offset_at(index, moment), index.end))


def _offset_at(index: FigureIndex, moment: Moment) -> int:
    if moment.offset is not None:
        return moment.offset
    instant = moment.instant or 0
    ended = (
        index.offset_after_end_at(instant) if moment.day is None else index.offset_after_day(moment.day, instant + 1)
    )
    return ended if ended is not None else index.offset_after(instant)


def log_end(index: FigureIndex) -> LogCut:
    return _cut(index, index.end)


def _cut(index: FigureIndex, offset: int) -> LogCut:
    return LogCut(offset, index.recorded_at(offset), index.running_day(offset))


def latest(cuts: Iterable[LogCut]) -> LogCut:
    """Of several shards, that of which the last record came last."""
    return max(cuts, key=lambda cut: cut.recorded_at)


def shards_at(output: Path, *moments: Moment | None) -> tuple[int, ...]:
    """Those of the folder. Raises NoOutputs, also for an offset where each of several has its own."""
    found = shards(output)
    if len(found) > 1 and any(moment is not None and moment.offset is not None for moment in moments):
        raise NoOutputs(
            f"{output}: holds {len(found)} shards, and each of their logs has offsets of its own: expected a day or an instant"
        )
    return found


@contextmanager
def folder_at(output: Path, moment: Moment, tell: Tell) -> Iterator[tuple[Path, LogCut]]:
    """The folder, for reading only, and how far the log has come. Raises NoOutputs, ContainerDamaged and GuardStop."""
    numbers = shards_at(output, moment)
    with TemporaryDirectory(prefix="milepost-as-of-") as made:
        folder, ends = Path(made), []
        for name in ("progress", "log"):
            (folder / name).mkdir()
        for shard in numbers:
            with FigureIndex(output, shard) as index:
                index.extend(tell)
                cut = cut_at(index, moment)
                _write_progress(output, folder, shard, cut, index.lengths_at(cut.offset))
                _link_log(output, folder, shard, cut, index.byte_at(cut.offset))
                ends.append(log_end(index))
        (folder / "outputs").symlink_to((output / "outputs").resolve())
        if (output / OVERRIDES).exists():
            (folder / OVERRIDES).symlink_to((output / OVERRIDES).resolve())
        yield folder, latest(ends)


def _write_progress(output: Path, folder: Path, shard: int, cut: LogCut, lengths: dict[str, int]) -> None:
    progress = read_progress(output, shard)
    assert progress is not None, "the shard has committed something"
    known = {**progress, "offset": cut.offset, "engagement": "", "lengths": lengths}
    progress_path(folder, shard).write_text(json.dumps(known), encoding="utf-8")


def _link_log(output: Path, folder: Path, shard: int, cut: LogCut, byte: int | None) -> None:
    there, here = log_path(output, shard), log_path(folder, shard)
    here.symlink_to(there.resolve())
    if index_path(there).exists():
        index_path(here).symlink_to(index_path(there).resolve())
    write_end(here, LogEnd(cut.offset, byte if byte is not None else there.stat().st_size))
