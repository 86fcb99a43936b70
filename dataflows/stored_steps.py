"""Long histories of an engagement, kept step by step beside the index: written by the first question, read by those after it.

A file is of the code, the log and the outputs that it was made with: it is used as long as the bytes of both begin as they did then, and
the outputs were all what the log makes. Of an engagement that has grown since the new records alone are folded, and their steps added.
Deleting it loses nothing.
"""

import sqlite3
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import copyfile, disk_usage, rmtree
from tempfile import TemporaryDirectory
from time import time
from typing import Final, NamedTuple

import msgspec

import connectors
import dataflows
import domain
import state
from connectors.files import overrides
from connectors.files.figure_index import FOLDER, FigureIndex
from connectors.files.outputs import topic_file
from dataflows.kept_figures import kept_figures
from domain.why import Disagreement
from schemas.files import AVRO
from state.store import snapshot
from state.store.snapshot import Damaged, NotStorable
from state.stored_trace import StoredTrace
from state.trace import Retold
from state.trace_writer import FORM, checksum_of, keep

# Records of an engagement of its own from which on a question keeps its steps: fewer are folded in less than two seconds. Ahead of
# questions those of shorter ones are kept too.
KEPT_FROM: Final = 3_000
AHEAD_FROM: Final = 2_000
# Of the disk, for the books: they stop where it is full, and steps can be made again at any time.
SPARED: Final = 2 << 30
NO_ROOM: Final = "less than 2 GiB of the disk are free, which are left to the books"
# Folders of files that are being written, and seconds after which nobody writes there any more.
UNFINISHED: Final = "unfinished-"
LONG_AGO: Final = 24 * 3600
# Steps that are kept are not as they were written; one folded again gives another figure, or names an operand that is not kept; or each
# of very many rests on the one before.
UNREADABLE: Final = (Damaged, sqlite3.DatabaseError, Disagreement, KeyError, RecursionError)


class Stale(Exception):
    """Steps that cannot be read as they were kept; the message says why."""


class NotKept(Exception):
    """Steps that cannot be kept; the message says why."""


class _Said(msgspec.Struct, frozen=True):
    """What is said beside a file of what it was made of."""

    made_with: list[object]
    end: int
    records: int
    # The log and the parts of the outputs: bytes taken in, and their checksum.
    files: dict[str, tuple[int, int]]
    # Projects with forecasts, and how many outputs of them and of the engagement there were: what is written later of an old record is
    # none of the bytes taken in.
    projects: list[str]
    outputs: int
    # Of the file.
    checksum: int = 0

    @property
    def stamp(self) -> int:
        """Of all that is known before the file is written; it is in there too."""
        return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(self, checksum=0)))


class KeptSteps(NamedTuple):
    """Steps of the records before a log offset; `later` are records of the engagement that came since."""

    engagement_id: str
    path: Path
    end: int
    later: tuple[int, ...]
    stamp: int

    def reach(self, end: int) -> bool:
        """Whether nothing before a log offset is missing."""
        return not self.later or end <= self.later[0]

    def open(self, index: FigureIndex, until: int) -> StoredTrace:
        """Raises Stale where another process has written the file since it was found."""
        trace = StoredTrace(self.engagement_id, self.path, index, until)
        if trace.stamp != self.stamp:
            trace.close()
            raise Stale(f"{self.path} was written again meanwhile")
        return trace


def is_kept(index: FigureIndex, engagement_id: str) -> bool:
    """Whether steps of it are there, or a question keeps them."""
    is_long = index.length(engagement_id) >= KEPT_FROM
    return index.is_kept and (is_long or _path(index, engagement_id).exists())


def is_any_slow(index: FigureIndex) -> bool:
    """Whether a first question about some engagement takes longer than two seconds, as its steps are not kept up to its last record."""
    return index.is_kept and any(_records_kept(index, each) < index.length(each) for each in index.longest(KEPT_FROM))


def _records_kept(index: FigureIndex, engagement_id: str) -> int:
    try:
        return msgspec.json.decode(_beside(_path(index, engagement_id)).read_bytes(), type=_Said).records
    except (OSError, msgspec.DecodeError):
        return 0


def lacks_room(index: FigureIndex, engagement_id: str) -> bool:
    """For steps of which none are there yet."""
    return not _path(index, engagement_id).exists() and _is_nearly_full(index)


def _is_nearly_full(index: FigureIndex) -> bool:
    return disk_usage(index.output).free < SPARED


def kept_steps(index: FigureIndex, engagement_id: str) -> KeptSteps | None:
    """None where nothing is kept that a fold could go on from. Raises Stale."""
    path = _path(index, engagement_id)
    try:
        said = msgspec.json.decode(_beside(path).read_bytes(), type=_Said)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise Stale(f"what is said of {path} cannot be read: {fault}") from fault
    if said.made_with != _made_with(index, engagement_id):
        raise Stale(f"{path} was made by another release, or for another log")
    if not path.exists() or checksum_of(path) != said.checksum:
        raise Stale(f"{path} is not as it was written")
    if _checksums(index, {name: length for name, (length, _) in said.files.items()}) != said.files:
        raise Stale(f"{path} was made of other bytes than the log and the outputs have")
    if index.count_written(engagement_id, said.projects, said.end) != said.outputs:
        raise Stale(f"{path} was made before outputs of records that it has")
    offsets = index.offsets(engagement_id)
    count = bisect_left(offsets, said.end)
    if count != said.records:
        # Somebody who was known before concerns the engagement only since.
        return None
    return KeptSteps(engagement_id, path, said.end, tuple(offsets[count:]), said.stamp)


def store(index: FigureIndex, fold: Retold, places: Mapping[int, int], end: int, before: KeptSteps | None) -> KeptSteps:
    """Keep what was folded up to a log offset, from the first record on or after what was kept `before`; every output is as written.
    Raises NotKept and Stale."""
    engagement_id = fold.trace.engagement_id
    path = _path(index, engagement_id)
    projects = sorted(fold.trace.forecasts)
    said = _Said(
        made_with=_made_with(index, engagement_id),
        end=end,
        records=bisect_left(index.offsets(engagement_id), end),
        files=_checksums(index, _files(index)),
        projects=projects,
        outputs=index.count_written(engagement_id, projects, end),
    )
    try:
        if _is_nearly_full(index):
            raise NotKept(NO_ROOM)
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path.parent)
        with TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as folder:
            made = Path(folder) / path.name
            if before is not None:
                copyfile(before.path, made)
                before._replace(path=made).open(index, 0).close()
            keep(fold, places, made, kept_figures, said.stamp)
            whole = msgspec.structs.replace(said, checksum=checksum_of(made))
            _beside(made).write_bytes(msgspec.json.encode(whole))
            # A reader goes on with the old file. Of two that write at once the file and what is said of it may be left of different ones:
            # it does not fit its checksum, and is made again.
            _beside(path).unlink(missing_ok=True)
            made.replace(path)
            _beside(made).replace(_beside(path))
    except (OSError, sqlite3.Error, NotStorable) as fault:
        raise NotKept(str(fault)) from fault
    return KeptSteps(engagement_id, path, end, (), said.stamp)


def _clear(folder: Path) -> None:
    """Take away what writers left that were killed long ago."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > LONG_AGO:
                rmtree(path)


def drop(index: FigureIndex, engagement_id: str) -> None:
    """Where the folder cannot be written they stay."""
    path = _path(index, engagement_id)
    for one in (_beside(path), path):
        with suppress(OSError):
            one.unlink(missing_ok=True)


def _path(index: FigureIndex, engagement_id: str) -> Path:
    name = sha256(engagement_id.encode()).hexdigest()[:32]
    return index.output / FOLDER / "steps" / f"{index.shard}-{name}.db"


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _files(index: FigureIndex) -> dict[str, int]:
    """The log and the parts of the outputs, and how many bytes of each are taken in."""
    log, length = index.log_file
    found = {log: length}
    for part, end in index.reached()["lengths"].items():
        found[topic_file(index.output, part, index.shard)] = end
    return {str(path.relative_to(index.output)): length for path, length in found.items() if path.exists()}


class _Read(msgspec.Struct, frozen=True):
    """A file as it was read: where it lies, when it was written last, and the checksums of its first bytes by their number."""

    file: int
    written_at: int
    checksums: dict[int, int]


def _checksums(index: FigureIndex, lengths: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Of the first bytes of files, read once as long as nobody writes to one: a million records have more than a gigabyte."""
    memo, found = index.output / FOLDER / "steps" / f"{index.shard}-read.json", {}
    try:
        known = msgspec.json.decode(memo.read_bytes(), type=dict[str, _Read])
    except (OSError, ValueError):
        known = {}
    before = dict(known)
    for name, length in lengths.items():
        path, read = index.output / name, known.get(name)
        if not path.exists():
            continue
        stat = path.stat()
        if read is None or (read.file, read.written_at) != (stat.st_ino, stat.st_mtime_ns):
            read = _Read(stat.st_ino, stat.st_mtime_ns, {})
        if length not in read.checksums:
            checksums = {**read.checksums, length: checksum_of(path, length)}
            read = known[name] = msgspec.structs.replace(read, checksums=checksums)
        found[name] = length, read.checksums[length]
    if known != before:
        with suppress(OSError), TemporaryDirectory(prefix=UNFINISHED, dir=memo.parent) as folder:
            made = Path(folder) / memo.name
            made.write_bytes(msgspec.json.encode(known))
            made.replace(memo)
    return found


def _made_with(index: FigureIndex, engagement_id: str) -> list[object]:
    genesis = index.genesis
    passed_over = sorted(map(repr, overrides.read(index.output, index.shard).items()))
    return [FORM, snapshot.VERSION, _code(), genesis.generation, genesis.partition, engagement_id, passed_over]


@cache
def _code() -> int:
    """Of all that reads the log, folds it and compares outputs, by name, length and bytes: another release may record other figures."""
    *whole, reading = (Path(str(room.__file__)).parent for room in (domain, state, dataflows, connectors))
    paths = [path for room in whole for path in room.rglob("*.py")]
    paths += [*reading.glob("avro*.py"), *AVRO.rglob("*.avsc")]
    found = 0
    for path in sorted(paths):
        data = path.read_bytes()
        found = zlib.crc32(f"{path.relative_to(reading.parent)} {len(data)} ".encode() + data, found)
    return found
