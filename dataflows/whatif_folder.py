"""Copies of what a run knows, in a place that is thrown away: the folder itself is read and never written, not even a lock."""

import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from connectors.files import overrides
from connectors.files.engagement_log import EngagementLog
from connectors.files.rebuilt import STORE as INTAKE
from connectors.telling import Tell
from dataflows.embedded import decode_event, store_path
from dataflows.whatif_intake import MemoryPlace, known_by_intake, known_from_log
from state.batch import BATCH_BYTES, BATCH_RECORDS
from state.imagined import ImaginedShard, ImaginedStore
from state.store.snapshot import Damaged
from state.store.store import Store, is_damage

# The index of the write-ahead log is made again from it.
SUFFIXES: Final = ("", "-wal", "-pages")


def copy_database(source: Path, target: Path) -> None:
    """With what is committed beside it; nothing where there is none."""
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in SUFFIXES:
        if Path(f"{source}{suffix}").exists():
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")


def copy_of(output: Path, shards: Iterable[int], scratch: Path) -> None:
    """The books of shards and intake's memory, as far as they are there."""
    for shard in shards:
        copy_database(store_path(output, shard), store_path(scratch, shard))
    copy_database(output / INTAKE, scratch / INTAKE)
    if (output / overrides.NAME).exists():
        shutil.copyfile(output / overrides.NAME, scratch / overrides.NAME)


def open_books(scratch: Path, log: EngagementLog, only: frozenset[str] | None = None) -> ImaginedShard:
    """Over the copy; one that is damaged or of another log is dropped, and the log is folded from its beginning."""
    genesis = log.genesis
    path = store_path(scratch, genesis.partition)
    for _ in range(2):
        try:
            store = ImaginedStore(path, genesis.generation, genesis.partition, only)
        except Damaged:
            Store.delete(path)
            continue
        try:
            if store.meta.offset <= log.end:
                return ImaginedShard(store, genesis, decode_event, overrides.read(scratch, genesis.partition))
        except Exception as fault:
            store.close()
            if not is_damage(fault):
                raise
        else:
            store.close()
        Store.delete(path)
    raise AssertionError("a store that is made again can be opened")


def bring_up_to_date(scratch: Path, log: EngagementLog, tell: Tell) -> None:
    """The copy then holds all of the log: what a run that was stopped has not accounted for, and everything where there was no copy."""
    try:
        _catch_up(scratch, log, tell)
    except Exception as fault:
        if not is_damage(fault):
            raise
        Store.delete(store_path(scratch, log.genesis.partition))
        _catch_up(scratch, log, tell)


def _catch_up(scratch: Path, log: EngagementLog, tell: Tell) -> None:
    shard = open_books(scratch, log)
    with closing(shard.store):
        shard.catch_up(
            lambda offset: log.read(offset, BATCH_RECORDS, BATCH_BYTES), lambda offset: tell("fold", offset, log.end)
        )


def directory_of(logs: list[EngagementLog], scratch: Path, tell: Tell) -> MemoryPlace:
    """What intake knows: its own memory where there is a copy that goes as far as the log, else what the log tells."""
    path = scratch / INTAKE
    if path.exists():
        found = known_by_intake(path, logs)
        if found is not None:
            return found
        for suffix in (*SUFFIXES, "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    return known_from_log(path, logs, tell)
