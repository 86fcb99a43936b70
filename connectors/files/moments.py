"""An output folder as it was at an earlier moment, to be read like any other.

Outputs, and every record of the log, are only ever appended, in the order of the log; so what was known at a moment is a prefix of every
file. A folder of links in the system's own temporary place says how long the prefixes are, and is gone afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from connectors.files.figure_index import FigureIndex, Tell
from connectors.files.log_format import LogEnd, index_path, log_path, write_end
from connectors.files.no_outputs import NoOutputs
from connectors.files.overrides import NAME as OVERRIDES
from connectors.files.progress import progress_path, read_progress
from connectors.files.written import shards
from domain.units import Instant


class Moment(NamedTuple):
    """After the last record that is known: at an instant, or at a log offset."""

    instant: Instant | None = None
    offset: int | None = None


class LogCut(NamedTuple):
    """`offset` is the first log record that is not known; `recorded_at` is when the last one came that is."""

    offset: int
    recorded_at: Instant


def cut_at(index: FigureIndex, moment: Moment) -> LogCut:
    offset = moment.offset
    if offset is None:
        offset = index.offset_after(moment.instant or 0)
    offset = min(offset, index.end)
    return LogCut(offset, index.recorded_at(offset))


def log_end(index: FigureIndex) -> LogCut:
    return LogCut(index.end, index.recorded_at(index.end))


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
