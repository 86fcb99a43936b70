"""Accounting over files: the same shard and dataflow as on a broker, with a log and outputs in one folder."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bytewax.run import cli_main

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS, CausePieces
from connectors.files.outputs import OutputFiles
from dataflows.accounting import build
from domain.events.catalogue import Event
from operators.accounting import CommittingSink, Log, LogSource, Turn
from state.shard import Encoders, Mark, Progress, Shard
from state.snapshot import Damaged
from state.store import Store

ENCODERS = Encoders(CausePieces, {name: codec.encode_body for name, codec in OUTPUT_CODECS.items()})


class Accounting(NamedTuple):
    """A shard with its outputs, opened where they agree."""

    shard: Shard
    outputs: OutputFiles


def decode_event(type_name: str, body: bytes) -> Event:
    return EVENT_CODECS[type_name].decode(body)


def store_path(folder: Path, shard: int) -> Path:
    return folder / "store" / f"{shard}.db"


def open_accounting(folder: Path, generation: str, shard: int = 0) -> Accounting:
    """Resume: outputs are cut back to progress; a store that is damaged, of another generation or ahead of progress is dropped."""
    outputs = OutputFiles(folder, generation, shard)
    path = store_path(folder, shard)
    try:
        made = _shard_behind(path, generation, shard, outputs.progress)
    except Damaged:
        Store.delete(path)
        made = _shard_behind(path, generation, shard, outputs.progress)
    return Accounting(made, outputs)


def _shard_behind(path: Path, generation: str, shard: int, progress: Progress) -> Shard:
    """Raises Damaged where the store cannot be read or is ahead of what was written."""
    store = Store(path, generation, shard)
    if (store.meta.offset, store.meta.engagement) > (progress.offset, progress.engagement):
        store.close()
        raise Damaged(f"store {path} is ahead of the outputs")
    return Shard(store, ENCODERS, generation, shard, progress, decode_event)


def run_dataflow(
    accounting: Accounting,
    log: Log,
    more: Callable[[], bool],
    on_commit: Callable[[Mark], None] | None = None,
    max_records: int = 2_000,
) -> None:
    """Run the Bytewax dataflow until the log has nothing more to give. Raises what a step raised."""
    turn = Turn(keep_fault=True)
    source = LogSource(log, accounting.shard, turn, more, max_records)
    sink = CommittingSink(accounting.outputs, accounting.shard, turn, on_commit)
    with seldom_collecting():
        cli_main(build(source, partial(turn.watched_fold, accounting.shard.fold), sink))
    if turn.fault is not None:
        raise turn.fault


def run_plain(accounting: Accounting, log: Log, max_records: int = 2_000, max_bytes: int = 4 << 20) -> None:
    """The same without an engine: the oracle of the dataflow's tests."""
    shard, outputs = accounting
    with seldom_collecting():
        while records := log.read(shard.position[0], max_records, max_bytes):
            mark = outputs.write(shard.fold(records))
            assert mark is not None, "a folded batch ends with its mark"
            outputs.commit(mark)
            shard.commit(mark)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """The fold's values hold no cycles, and its caches are large: looking for garbage among them often costs a tenth of its time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def close(accounting: Accounting) -> None:
    accounting.outputs.close()
    accounting.shard.store.close()
