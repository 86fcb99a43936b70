"""Accounting over files: the same shard and dataflow as on a broker, with a log and outputs in one folder."""

import gc
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from connectors.avro_codec import EVENT_CODECS, numbered, position_around
from connectors.compiled import read_tuples_as_slots
from connectors.files import overrides
from connectors.files.output_lock import note_beginning
from connectors.files.outputs import OutputFiles
from connectors.output_schemas import output_bodies
from dataflows.accounting import build
from dataflows.opening import MadeAgain, open_shard, silent
from domain.events.catalogue import Event
from operators.accounting import AccountingTurn, BatchLog, CommittingSink, Faults, LogSource, OnCommit, Reading, Steps
from state.batch import BATCH_BYTES, BATCH_RECORDS, Encoders, LogRecord, Mark
from state.genesis import Genesis
from state.overrides import Overrides
from state.shard import Shard
from state.store.store import PROCESS_KIB, Store

Answer = TypeVar("Answer")


def reference_body(record: LogRecord) -> bytes:
    return EVENT_CODECS[record.type_name].encode(record.event)


# How long the store may lag behind the output files; what lies between is folded again after a crash.
STORE_SECONDS: Final = 5.0

ENCODERS = Encoders(position_around, numbered, output_bodies, reference_body)

# All that a fold reads is imported by now.
read_tuples_as_slots()


class Accounting(NamedTuple):
    """A shard with its outputs, opened where they agree."""

    shard: Shard
    outputs: OutputFiles


def decode_event(type_name: str, body: bytes) -> Event:
    return EVENT_CODECS[type_name].decode(body)


def store_path(folder: Path, shard: int) -> Path:
    return folder / "store" / f"{shard}.db"


def open_accounting(
    folder: Path, genesis: Genesis, tell: Callable[[str], None] = silent, passed_over: Overrides | None = None
) -> Accounting:
    """Resume: outputs are cut back to progress; a store that is damaged, of another generation or ahead of progress is dropped.

    `passed_over` where the folder does not say itself which records are.
    """
    skipped = overrides.read(folder, genesis.partition) if passed_over is None else passed_over
    outputs = OutputFiles(folder, genesis, skipped)
    path = store_path(folder, genesis.partition)

    def over(store: Store) -> Shard:
        shard = Shard(store, ENCODERS, genesis, outputs.progress, decode_event, skipped)
        shard.whereabouts = f"--output {shlex.quote(str(folder))}"
        return shard

    def opened() -> Store:
        return Store(path, genesis.generation, genesis.partition, process_kib=PROCESS_KIB)

    return Accounting(open_shard(path, opened, over, tell), outputs)


class Resuming:
    """Accounting that goes on over a store found damaged while it is used: dropped and folded again from the log, once."""

    def __init__(self, folder: Path, genesis: Genesis, tell: Callable[[str], None] = silent) -> None:
        self._folder = folder
        self._genesis = genesis
        self._tell = tell
        self._made_again = MadeAgain(tell)
        self.accounting = open_accounting(folder, genesis, tell)

    @property
    def shard(self) -> Shard:
        return self.accounting.shard

    def run(self, work: Callable[[Accounting], Answer]) -> Answer:
        """The work, and once more from the log's beginning where the store turns out to be damaged. Raises GuardStop the second time."""
        started = self.shard.offset
        try:
            return work(self.accounting)
        except Exception as fault:
            path = store_path(self._folder, self._genesis.partition)
            if not self._made_again.may_mend(path, fault, began_empty=started == 0):
                raise
        self.close()
        Store.delete(path)
        note_beginning(self._folder)
        self.accounting = open_accounting(self._folder, self._genesis, self._tell)
        return self.run(work)

    def close(self) -> None:
        close(self.accounting)


def run_dataflow(
    accounting: Accounting,
    log: BatchLog,
    more: Callable[[], bool],
    on_commit: OnCommit | None = None,
    max_records: int = BATCH_RECORDS,
    store_seconds: float = STORE_SECONDS,
) -> None:
    """Run the Bytewax dataflow until the log has nothing more to give. Raises what a step raised."""
    faults = Faults(keep=True)
    steps = Steps([AccountingTurn(log, accounting.shard, accounting.outputs, store_seconds)], faults, on_commit)
    run_flow(build(LogSource(steps, more, Reading(max_records)), steps.fold, CommittingSink(steps)), faults)


def run_flow(flow: Dataflow, faults: Faults) -> None:
    """In this thread, to its end. Raises what a step raised."""
    with seldom_collecting():
        cli_main(flow)
    if faults.fault is not None:
        raise faults.fault


def fold(accounting: Accounting, records: Sequence[LogRecord]) -> Mark:
    """A batch, committed: its outputs, then the books."""
    mark = accounting.outputs.write(accounting.shard.fold(records))
    assert mark is not None, "a folded batch ends with its mark"
    accounting.outputs.commit(mark)
    accounting.shard.commit(mark)
    return mark


def run_plain(accounting: Accounting, log: BatchLog, max_records: int = BATCH_RECORDS) -> None:
    """The same without an engine: the oracle of the dataflow's tests."""
    with seldom_collecting():
        while records := log.read(accounting.shard.position[0], max_records, BATCH_BYTES):
            fold(accounting, records)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """The fold's values hold no cycles, and its caches are large: looking for garbage among them often costs a tenth of its time. What a
    batch makes and lets go, some 250,000 objects, is not looked at.

    Nothing is frozen: what is unfrozen counts as old, and Python looks for garbage there only when much has become old since.
    """
    before = gc.get_threshold()
    gc.set_threshold(500_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def not_collecting() -> Iterator[None]:
    """For one question: what an answer is made of stays until it is given, so that garbage is a small part of what would be looked at."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def close(accounting: Accounting) -> None:
    accounting.outputs.close()
    accounting.shard.store.close()
