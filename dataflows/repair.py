"""Writes the outputs that a shard has lost: the log is folded from its beginning, and what is not on the topics is added.

What is there is compared byte for byte on the way, so that nothing is added to outputs that another release made.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.output_lock import only_writer
from connectors.kafka import overrides
from connectors.kafka.clients import Producer
from connectors.kafka.log import KafkaLog
from connectors.kafka.log_writer import Produced
from connectors.kafka.outputs import Identity, KafkaOutputs
from connectors.kafka.producing import produce
from connectors.kafka.resume import (
    Ends,
    Target,
    await_ends,
    check_topics,
    described,
    everything,
    fence,
    last_progress,
)
from dataflows.accounting_kafka import Job, check_log, shard_folder, target_of
from dataflows.embedded import ENCODERS, decode_event, seldom_collecting
from dataflows.opening import Tell, silent
from state.guards import OUTPUTS_DIFFER, GuardStop
from state.overrides import digest_before
from state.shard import Mark, Progress, Shard
from state.store import Store

BATCH_RECORDS: Final = 2_000
BATCH_BYTES: Final = 4 << 20


class Repaired(NamedTuple):
    """Outputs that were missing, by topic, and the record up to which they are whole now."""

    missing: Mapping[str, int]
    offset: int


def repair(job: Job, number: int, *, dry_run: bool = False, tell: Tell = silent) -> Repaired:
    """Whoever has the shard is fenced. Raises GuardStop where the log does not give what is on the topics."""
    with ExitStack() as held:
        held.enter_context(only_writer(shard_folder(job, number)))
        log = KafkaLog(job.clients, job.names.log, number, job.kafka.request_timeout_seconds)
        held.callback(log.close)
        check_log(log.genesis, job.kafka, number)
        target = target_of(job, log.genesis, number)
        topic_ids = described(job.clients, target)
        producer = Held(fence(job.clients, target), target.transaction_timeout)
        await_ends(job.clients, target, tell)
        ends = Ends(job.clients, [(job.names.progress, number)], target.timeout)
        held.callback(ends.close)
        written = last_progress(ends, target)
        check_topics(written, topic_ids, target)
        passed_over = overrides.read(job.clients, job.names, number, target.timeout)
        found = everything(job.clients, target)
        outputs = KafkaOutputs(
            producer,
            job.names,
            Identity(job.kafka.generation, number, target.genesis, target.rules, topic_ids, found.starts),
            target.frame_of,
            None,
            found.visible,
            target.transaction_timeout,
            log,
            partial(digest_before, passed_over),
        )
        folder = held.enter_context(tempfile.TemporaryDirectory(dir=shard_folder(job, number)))
        store = Store(Path(folder) / "again.db", job.kafka.generation, number)
        held.callback(store.close)
        shard = Shard(store, ENCODERS, log.genesis, Progress(), decode_event, passed_over)
        place = written.place if written is not None else (0, "")
        with seldom_collecting():
            mark = _folded_to(shard, log, outputs, place, found.last, target, tell)
        missing = producer.counted(job)
        if not dry_run and mark is not None:
            outputs.commit(mark)
        return Repaired(missing, shard.offset)


def _folded_to(
    shard: Shard, log: KafkaLog, outputs: KafkaOutputs, place: tuple[int, str], last: int, target: Target, tell: Tell
) -> Mark | None:
    """Up to progress, and to where everything visible has been made again."""
    mark: Mark | None = None
    while mark is None or (mark.offset, mark.engagement) < place or mark.next_seq <= last:
        if shard.position == place and last < 0:
            return mark
        until = place[0] - shard.offset if shard.offset < place[0] else BATCH_RECORDS
        records = log.read_patiently(shard.offset, min(BATCH_RECORDS, until), BATCH_BYTES)
        if not records:
            raise GuardStop(
                OUTPUTS_DIFFER,
                f"shard {target.shard}: the log ends with record {shard.offset - 1}, the outputs go on to record {place[0]} "
                f"and output {last}: the log has lost its end. Put it back from its copy; nothing was written",
            )
        mark = outputs.write(shard.fold(records))
        assert mark is not None, "a folded batch ends with its mark"
        shard.commit(mark)
        tell(f"shard {target.shard}: folded again to record {mark.offset}")
    return mark


class Held:
    """A producer that sends nothing before the end: the transaction is as short as that."""

    def __init__(self, producer: Producer, timeout: float) -> None:
        self._producer = producer
        self._timeout = timeout
        self._held: list[Produced] = []
        self._is_open = False

    def begin_transaction(self) -> None:
        """With the first record that is sent."""

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        self._held.append(Produced(topic, value, key, partition, headers or []))

    def poll(self, timeout: float) -> int:
        return self._producer.poll(timeout)

    def flush(self, timeout: float) -> int:
        if not self._is_open:
            self._producer.begin_transaction()
            self._is_open = True
        self._send_all()
        return self._producer.flush(timeout)

    def commit_transaction(self, timeout: float) -> None:
        self._send_all()
        self._producer.commit_transaction(timeout)

    def counted(self, job: Job) -> Mapping[str, int]:
        return dict(sorted(Counter(record.topic.removeprefix(job.names.prefix) for record in self._held).items()))

    def _send_all(self) -> None:
        for topic, value, key, partition, headers in self._held:
            produce(self._producer, self._timeout, topic, value, key, partition, headers=headers)
        self._held.clear()
