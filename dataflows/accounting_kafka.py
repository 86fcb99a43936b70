"""Accounting on Kafka: some shards of the engagement log in one process, with the same fold and the same dataflow as over files.

for each shard: lock its store, take its outputs over, open its books after them
then:           log -> fold -> outputs, until somebody asks to stop
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from confluent_kafka import KafkaException

from connectors.files.output_lock import only_writer
from connectors.kafka import overrides
from connectors.kafka.clients import Clients
from connectors.kafka.log import KafkaLog, digest_of
from connectors.kafka.names import Names
from connectors.kafka.outputs import KafkaOutputs
from connectors.kafka.partitions import all_records, failed
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.resume import ResumeTarget, take_over
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import StoredRecord
from connectors.output_schemas import frame_under
from dataflows.accounting import build
from dataflows.embedded import ENCODERS, decode_event, seldom_collecting
from dataflows.opening import MadeAgain, Tell, open_shard, silent
from dataflows.settings import AccountingSettings
from operators.accounting import AccountingTurn, CommittingSink, Faults, LogSource, OnCommit, Reading, Steps
from state.batch import OutputProgress
from state.genesis import Genesis, to_json
from state.guards import LOG_MISSING, OTHER_GENERATION, OUTPUTS_DIFFER, TOPIC_CHANGED, GuardStop
from state.overrides import Overrides, digest_before
from state.rules import begun_under, check_genesis
from state.shard import Shard
from state.store.store import Store

STORE: Final = "books.db"
OPENED_AT_ONCE: Final = 8
# More outputs after progress than one batch makes: progress was lost.
EARLY_MAX: Final = 50_000
# A broker that was killed and has just started may say for a moment that a partition is empty.
AGAIN_SECONDS: Final = 5.0

# What stands before the bodies of a type on a topic, by its schema's fingerprint. Raises GuardStop where that is not registered.
Framed = Callable[[str, str, str | None], bytes]
# Told of the shards each time that they are opened, before the first batch.
OnOpen = Callable[[Mapping[int, AccountingTurn]], None]


class AskedToStop(Exception):
    """While a start waits for what others have begun; nothing is begun itself."""


class Job(NamedTuple):
    """Which shards a process folds, and what with. `folder` holds their stores."""

    clients: Clients
    kafka: KafkaSettings
    accounting: AccountingSettings
    folder: Path
    shards: Sequence[int]
    frame_of: Framed

    @property
    def names(self) -> Names:
        return Names.of(self.kafka)


def run(
    job: Job,
    stopped: Callable[[], bool],
    on_commit: OnCommit | None = None,
    tell: Tell = silent,
    on_open: OnOpen | None = None,
) -> None:
    """Until somebody asks to stop. Raises what a step raised; what was committed before stays."""
    made_again = MadeAgain(tell)
    while not stopped():
        faults = Faults(keep=True)
        with suppress(AskedToStop), opened(job, stopped, tell) as turns:
            if on_open is not None:
                on_open(turns)
            started = {number: turn.shard.position[0] for number, turn in turns.items()}
            with seldom_collecting():
                cli_main(flow_of(job, list(turns.values()), faults, stopped, on_commit))
        if faults.fault is None:
            return
        assert faults.shard is not None, "a fault is some shard's"
        under_way = ((number, turn.under_way) for number, turn in turns.items())
        ended = ((number, each.outcome.exception()) for number, each in under_way if each is not None)
        _tell_others(_faults_of(ended), faults.shard, tell)
        path = store_path(job, faults.shard)
        if not made_again.may_mend(path, faults.fault, began_empty=started[faults.shard] == 0):
            raise faults.fault
        Store.delete(path)


def _faults_of(ended: Iterable[tuple[int, BaseException | None]]) -> dict[int, BaseException]:
    """By shard; who was asked to stop is not among others."""
    found = {number: fault for number, fault in ended if fault is not None}
    return {number: fault for number, fault in found.items() if not isinstance(fault, AskedToStop)} or found


def _tell_others(faults: Mapping[int, BaseException], raised: int, tell: Tell) -> None:
    """Of shards that were ended at once one fault is raised."""
    for number, fault in faults.items():
        if number != raised and not isinstance(fault, AskedToStop):
            said = failed(fault) if isinstance(fault, KafkaException) else fault
            tell(f"shard {number} was ended, too: {said}")


def flow_of(
    job: Job, turns: Sequence[AccountingTurn], faults: Faults, stopped: Callable[[], bool], on_commit: OnCommit | None
) -> Dataflow:
    steps = Steps(turns, faults, on_commit)
    settings = job.accounting
    reading = Reading(settings.batch_records, settings.batch_bytes, settings.idle_seconds)
    return build(LogSource(steps, lambda: not stopped(), reading), steps.fold, CommittingSink(steps))


@contextmanager
def opened(job: Job, stopped: Callable[[], bool], tell: Tell = silent) -> Iterator[dict[int, AccountingTurn]]:
    """The shards, each resumed after its outputs; nobody else on this machine has their stores meanwhile. Raises AskedToStop."""
    with ExitStack() as held:
        for number in job.shards:
            held.enter_context(only_writer(shard_folder(job, number)))
        # Both mostly wait for the brokers.
        committing = ThreadPoolExecutor(len(job.shards), "commit")
        with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
            opening = [_opened_one(job, number, stopped, tell, committing) for number in job.shards]
            begun = dict(zip(job.shards, [pool.submit(held.enter_context, each) for each in opening], strict=True))
        if faults := _faults_of((number, each.exception()) for number, each in begun.items()):
            first, fault = next(iter(faults.items()))
            _tell_others(faults, first, tell)
            raise fault
        # What is being committed ends before anything is closed.
        held.callback(committing.shutdown)
        yield {number: each.result() for number, each in begun.items()}


@contextmanager
def _opened_one(
    job: Job, number: int, stopped: Callable[[], bool], tell: Tell, committing: Executor
) -> Iterator[AccountingTurn]:
    with ExitStack() as held:
        log = opened_log(job, number)
        held.callback(log.close)
        check_log(log.genesis, job.kafka, number)
        target = target_of(job, log.genesis, number)
        read = partial(overrides.read, job.clients, job.names, number, job.kafka.request_timeout_seconds)
        outputs, passed_over = take_over(job.clients, target, log, read, tell, partial(_wait, stopped))
        held.callback(outputs.close)
        check_overrides(passed_over, outputs, number)
        assert outputs.written is not None, "the process that takes a shard over writes progress first"
        check_log_goes_on(log, outputs.written, number)
        shard = open_books(job, log.genesis, outputs.progress, passed_over, tell)
        held.callback(shard.store.close)
        _tell_where(shard, outputs, tell)
        paced = Paced(log, stopped, job.accounting.commit_seconds)
        beat = job.shards.index(number) / len(job.shards)
        yield AccountingTurn(paced, shard, outputs, job.accounting.store_seconds, committing, beat)


def _wait(stopped: Callable[[], bool], seconds: float) -> None:
    if stopped():
        raise AskedToStop
    time.sleep(seconds)


def open_books(job: Job, genesis: Genesis, progress: OutputProgress, passed_over: Overrides, tell: Tell) -> Shard:
    """The books of a shard, at most as far as its outputs."""
    path = store_path(job, genesis.partition)

    def over(store: Store) -> Shard:
        shard = Shard(store, ENCODERS, genesis, progress, decode_event, passed_over)
        shard.engagements_a_batch = job.accounting.batch_engagements
        return shard

    return open_shard(path, lambda: opened_store(job, genesis.partition, path), over, tell)


def opened_store(job: Job, number: int, path: Path) -> Store:
    """A shard's, with its part of the process's memory for caches."""
    settings, several = job.accounting, len(job.shards)
    return Store(
        path,
        job.kafka.generation,
        number,
        engagements_kib=settings.cache_engagements_kib // several,
        rows_kib=settings.cache_rows_kib // several,
        pages_kib=max(settings.cache_pages_kib // several, 256),
    )


def _tell_where(shard: Shard, outputs: KafkaOutputs, tell: Tell) -> None:
    early = outputs.early_count
    behind = outputs.progress.offset - shard.offset
    tell(
        f"shard {shard.number}: goes on at record {outputs.progress.offset}"
        + (f", {behind} of them processed again" if behind else "")
        + (f"; {early} outputs are visible already and are compared" if early else "")
    )


class Paced:
    """A log whose batches, where they are not full, come at most every so often; nothing more once somebody asks to stop."""

    def __init__(self, log: KafkaLog, stopped: Callable[[], bool], seconds: float) -> None:
        self.log = log
        self._stopped = stopped
        self._seconds = seconds
        self._not_before = 0.0
        self._given_to = 0

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[StoredRecord]:
        if self._stopped():
            return ()
        now = time.monotonic()
        # What is left of a batch, because it concerned too many engagements, is not waited for.
        if now < self._not_before and offset >= self._given_to:
            return ()
        found = self.log.read(offset, max_records, max_bytes)
        if found:
            self._given_to = found[-1].offset + 1
            is_catching_up = len(found) >= max_records // 2 or self.log.has_behind(self._given_to)
            self._not_before = 0.0 if is_catching_up else now + self._seconds
        return found


def target_of(job: Job, genesis: Genesis, number: int) -> ResumeTarget:
    return ResumeTarget(
        names=job.names,
        shard=number,
        partitions=job.kafka.partitions,
        genesis=blake2b(to_json(genesis).encode(), digest_size=16).hexdigest(),
        rules=str(begun_under(genesis)),
        frame_of=partial(frame_under, job.frame_of, genesis),
        transaction_timeout=job.kafka.transaction_timeout_seconds,
        timeout=job.kafka.request_timeout_seconds,
        early_max=EARLY_MAX,
    )


def opened_log(job: Job, number: int) -> KafkaLog:
    """Raises GuardStop; a log that intake has not begun yet passes, one that is gone since something was folded does not."""
    timeout = job.kafka.request_timeout_seconds
    try:
        return KafkaLog(job.clients, job.names.log, number, timeout)
    except GuardStop as stop:
        said = [*all_records(job.clients, [(job.names.progress, number)], timeout)] if stop.code == LOG_MISSING else []
        if all(message.key() != job.kafka.generation.encode() for message in said):
            raise
    time.sleep(AGAIN_SECONDS)
    try:
        return KafkaLog(job.clients, job.names.log, number, timeout)
    except GuardStop as stop:
        raise GuardStop(
            TOPIC_CHANGED,
            f"{job.names.log}, partition {number}: the log is empty, and outputs were made from it: it was deleted and made again. "
            "Put it back from its copy (`milepost log import`); intake must not begin a new one",
        ) from stop


def check_log(genesis: Genesis, kafka: KafkaSettings, number: int) -> None:
    """Raises GuardStop for a log of another generation or division, or of rules that this release does not have."""
    found, expected = genesis[:3], (kafka.generation, number, kafka.partitions)
    if found != expected:
        raise GuardStop(
            OTHER_GENERATION,
            f"shard {number}: the log is of generation {found[0]}, partition {found[1]} of {found[2]}; the settings say "
            f"{expected[0]}, {expected[1]} of {expected[2]}. Correct [kafka] generation and partitions",
        )
    check_genesis(genesis)


def check_log_goes_on(log: KafkaLog, written: WrittenProgress, number: int) -> None:
    """The record that was folded last is the one that the log has there, and it is found from now on where it was."""
    log.remember(written.offset, written.log_at)
    if not written.offset:
        return
    last = log.record(written.offset - 1)
    if last is not None and written.last_record in ("", digest_of(last)):
        return
    what = "is not there: the log has lost its end" if last is None else "is another one: the log was written again"
    raise GuardStop(
        TOPIC_CHANGED,
        f"{log.topic}, partition {number}: record {written.offset - 1}, which was folded last, {what}. Put the log back from its "
        "copy (`milepost log import`); nothing was written from this state",
    )


def check_overrides(passed_over: Overrides, outputs: KafkaOutputs, number: int) -> None:
    written = outputs.written
    assert written is not None, "there is progress"
    if digest_before(passed_over, *written.place) != written.overrides:
        raise GuardStop(
            OUTPUTS_DIFFER,
            f"shard {number}: the records passed over before record {written.offset} are not those that the outputs were made "
            "with; the topic of overrides was changed after what is processed. Put it back from its copy",
        )


def shard_folder(job: Job, number: int) -> Path:
    return job.folder / job.kafka.generation / str(number)


def store_path(job: Job, number: int) -> Path:
    return shard_folder(job, number) / STORE
