"""The accounting job over a folder with an engagement log: by the dataflow, by the plain loop, and stage by stage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeAlias

from benchmarks.machine import Spent, clock
from benchmarks.profile import Sampler, Share
from benchmarks.stopwatch import Stage, Stopwatch
from connectors.files.engagement_log import EngagementLog
from connectors.files.outputs import OutputFiles
from connectors.files.progress import read_progress
from dataflows.embedded import (
    ENCODERS,
    STORE_SECONDS,
    close,
    decode_event,
    open_accounting,
    run_dataflow,
    run_plain,
    seldom_collecting,
    store_path,
)
from operators.accounting import AccountingTurn
from state.batch import BATCH_BYTES, BATCH_RECORDS, Around, Bodies, Encoders
from state.books import Entry
from state.genesis import Genesis
from state.shard import Shard
from state.store.store import Engagement, Store, StoredEntries

OpenOn: TypeAlias = Callable[[StoredEntries, str, str, str, str, str], list[Entry]]

SHARD = 0
# In the order of an event's way.


class Stored(NamedTuple):
    """Bytes of the store on the disk, and what of them is rows of entries and parts of the books of projects."""

    bytes: int
    entry_rows: int
    entry_bytes: int
    part_bytes: int
    output_bytes: int


class Accounted(NamedTuple):
    """The chain tells whether two passes gave the same bytes."""

    spent: Spent
    records: int
    outputs: int
    chain: str
    stored: Stored


class Profiled(NamedTuple):
    accounted: Accounted
    shares: tuple[Share, ...]


class Staged(NamedTuple):
    records: int
    chain: str
    stages: dict[str, Stage]


def by_dataflow(folder: Path) -> Accounted:
    with EngagementLog.open(folder) as log:
        accounting = open_accounting(folder, log.genesis)
        with clock() as timed:
            run_dataflow(accounting, log, more=lambda: False)
        close(accounting)
    return _accounted(folder, timed.spent)


def by_plain_loop(folder: Path) -> Profiled:
    """Looked at every few milliseconds of processor time, which costs less than one per cent."""
    with EngagementLog.open(folder) as log:
        accounting = open_accounting(folder, log.genesis)
        with clock() as timed, Sampler() as sampler:
            run_plain(accounting, log)
        close(accounting)
    return Profiled(_accounted(folder, timed.spent), sampler.shares())


def staged(folder: Path) -> Staged:
    """The plain loop with every stage watched."""
    watch = Stopwatch()
    with EngagementLog.open(folder) as log:
        outputs = OutputFiles(folder, log.genesis)
        store = _WatchedStore(store_path(folder, SHARD), log.genesis.generation, watch)
        shard = Shard(store, _watched_encoders(watch), log.genesis, outputs.progress, decode_event)
        read, fold = watch.watch("decode", log.read), watch.watch("fold", shard.fold)
        write = watch.watch("write", outputs.write)
        outputs.commit = watch.watch("write", outputs.commit)  # type: ignore[method-assign]
        turn = AccountingTurn(log, shard, outputs, STORE_SECONDS)
        watch.reset()
        with seldom_collecting():
            while records := read(shard.position[0], BATCH_RECORDS, BATCH_BYTES):
                mark = write(fold(records))
                assert mark is not None, "a folded batch ends with its mark"
                turn.commit(mark)
            turn.store()
        stages = watch.stages()
        outputs.close()
        store.close()
    return Staged(shard.offset, chain(folder), stages)


class _WatchedStore(Store):
    """What reads and writes it, the fold included, is charged to the store."""

    WATCHED = (
        "begin engagement entry due done waiting waiting_in changed shown reference add_reference apply flush commit"
    ).split()

    def __init__(self, path: Path, generation: str, watch: Stopwatch) -> None:
        super().__init__(path, generation, SHARD)
        for name in self.WATCHED:
            setattr(self, name, watch.watch("store", getattr(self, name)))
        self._open_on = watch.watch("store", StoredEntries.open_on)

    def entries(self, engagement: Engagement) -> StoredEntries:
        return _WatchedEntries(self, engagement, self._open_on)


class _WatchedEntries(StoredEntries):
    __slots__ = ("_open_on",)

    def __init__(self, store: Store, engagement: Engagement, open_on: OpenOn) -> None:
        super().__init__(store, engagement)
        self._open_on = open_on

    def open_on(self, contract_id: str, line_id: str, since: str, until: str, person_id: str) -> list[Entry]:
        return self._open_on(self, contract_id, line_id, since, until, person_id)


def _watched_encoders(watch: Stopwatch) -> Encoders:
    def bodies(genesis: Genesis, rules: int) -> Bodies:
        return {name: watch.watch("encode", encode) for name, encode in ENCODERS.bodies(genesis, rules).items()}

    def position(generation: str, shard: int, rules: str) -> Around:
        return watch.watch("encode", ENCODERS.position(generation, shard, rules))

    numbered = watch.watch("encode", ENCODERS.numbered)
    return Encoders(position, numbered, bodies, ENCODERS.reference)


def _accounted(folder: Path, spent: Spent | None) -> Accounted:
    assert spent is not None, "the work has ended"
    progress = read_progress(folder, SHARD)
    assert progress is not None, "the shard has committed something"
    return Accounted(spent, progress["offset"], progress["next_output_seq"], progress["output_chain"], _stored(folder))


def chain(folder: Path) -> str:
    """Over all outputs."""
    progress = read_progress(folder, SHARD)
    assert progress is not None, "the shard has committed something"
    return str(progress["output_chain"])


def _stored(folder: Path) -> Stored:
    path = store_path(folder, SHARD)
    with closing(sqlite3.connect(path)) as database:
        rows, row_bytes = database.execute("SELECT count(*), sum(length(data)) FROM entries").fetchone()
        (part_bytes,) = database.execute("SELECT sum(length(data)) FROM parts").fetchone()
    outputs = sum(file.stat().st_size for file in (folder / "outputs").rglob("*.avro"))
    return Stored(path.stat().st_size, rows, row_bytes or 0, part_bytes or 0, outputs)
