"""Writes the outputs that a shard has lost: the log is folded from its beginning, and what is not on the topics is added.

What is there is compared byte for byte on the way, so that nothing is added to outputs that another release made. A
person may say besides that records on the topics are foreign, and that a topic of outputs was made again: progress then
says so, and readers go by that.
"""

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
from connectors.kafka.names import FORECAST_CURRENT
from connectors.kafka.outputs import FORECAST_UPDATES, Identity, KafkaOutputs
from connectors.kafka.producing import produce
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.resume import (
    COMPACTED,
    Everything,
    Foreign,
    ResumeTarget,
    await_ends,
    check_topics,
    described,
    everything,
    fence,
    written_progress,
)
from dataflows.accounting_kafka import Job, check_log, opened_store, shard_folder, target_of
from dataflows.embedded import ENCODERS, decode_event, seldom_collecting
from dataflows.opening import Tell, silent
from state.batch import BATCH_BYTES, BATCH_RECORDS, Encoded, Mark, OutputProgress
from state.guards import OUTPUTS_DIFFER, GuardStop
from state.overrides import digest_before
from state.shard import Shard

MISSING: Final = "missing"
BEHIND: Final = "behind"


class CannotRepair(Exception):
    """What a person says is not so; the message says what is. Nothing was written."""


class RepairOrders(NamedTuple):
    """What a person says of the topics: which offsets are foreign, and which topics were made again with their records."""

    foreign: Foreign
    accepted: frozenset[str] = frozenset()


NOTHING_TOLD: Final = RepairOrders({})


class Repaired(NamedTuple):
    """Outputs that were missing, by topic, and the record up to which they are whole now.

    `progress` is what was wrong with it: "missing", "behind" what is on the topics, or nothing.
    """

    missing: Mapping[str, int]
    offset: int
    progress: str = ""


def repair(
    job: Job, number: int, *, dry_run: bool = False, told: RepairOrders = NOTHING_TOLD, tell: Tell = silent
) -> Repaired:
    """The process that has the shard is fenced. Raises CannotRepair, and GuardStop where the log does not give what is on the topics."""
    with ExitStack() as held:
        held.enter_context(only_writer(shard_folder(job, number)))
        log = KafkaLog(job.clients, job.names.log, number, job.kafka.request_timeout_seconds)
        held.callback(log.close)
        check_log(log.genesis, job.kafka, number)
        target = target_of(job, log.genesis, number)
        topic_ids = described(job.clients, target)
        producer = HoldingProducer(fence(job.clients, target), target.transaction_timeout)
        await_ends(job.clients, target, tell)
        written = written_progress(job.clients, target)
        check_topics(written, topic_ids, target, sorted(told.accepted))
        passed_over = overrides.read(job.clients, job.names, number, target.timeout)
        foreign = _foreign(written, told, topic_ids, target)
        found = everything(job.clients, target, foreign)
        named = _Named(found, foreign, told)
        outputs = KafkaOutputs(
            producer,
            job.names,
            Identity(job.kafka.generation, number, target.genesis, target.rules, topic_ids, found.starts, foreign),
            target.frame_of,
            None,
            found.visible,
            target.transaction_timeout,
            log,
            partial(digest_before, passed_over),
        )
        folder = held.enter_context(tempfile.TemporaryDirectory(dir=shard_folder(job, number)))
        store = opened_store(job, number, Path(folder) / "again.db")
        held.callback(store.close)
        shard = Shard(store, ENCODERS, log.genesis, OutputProgress(), decode_event, passed_over)
        place = written.place if written is not None else (0, "")
        with seldom_collecting():
            mark = _folded_to(shard, log, outputs, place, found.last, target, tell, named)
        named.check()
        missing = producer.counted(job)
        if not dry_run:
            outputs.claim() if mark is None else outputs.commit(mark)
        return Repaired(missing, shard.offset, _state_of(written, found.last))


def _foreign(
    written: WrittenProgress | None, told: RepairOrders, topic_ids: Mapping[str, str], target: ResumeTarget
) -> dict[str, list[int]]:
    """What was named before and what is named now. In a topic that was made again everything stands elsewhere."""
    found: dict[str, set[int]] = {topic: set(offsets) for topic, offsets in told.foreign.items()}
    if written is not None:
        for topic, offsets in written.foreign.items():
            full = target.output_topics[topic]
            if written.topic_ids.get(full) == topic_ids.get(full):
                found.setdefault(topic, set()).update(offsets)
    return {topic: sorted(offsets) for topic, offsets in sorted(found.items())}


def _state_of(written: WrittenProgress | None, last: int) -> str:
    if written is None:
        return MISSING if last >= 0 else ""
    return BEHIND if last >= written.next_output_seq else ""


class _Named:
    """What a person has said, against what the log makes. Raises CannotRepair."""

    def __init__(self, found: Everything, foreign: Foreign, told: RepairOrders) -> None:
        for topic, offsets in told.foreign.items():
            if nowhere := sorted(set(offsets) - set(found.named.get(topic, ()))):
                raise CannotRepair(f"{topic}:{nowhere[0]}: there is no record at this offset of the shard's partition")
        self._visible = found.visible
        # Looking like outputs of this shard, and standing nowhere else.
        self._doubtful = {
            (topic, one.output_seq): one
            for topic in foreign
            for one in found.named.get(topic, {}).values()
            if one is not None and one.output_seq not in found.visible[topic].records
        }
        self._newest: dict[str, dict[str, int]] = {topic: {} for topic in COMPACTED & told.accepted}

    def see(self, made: Encoded) -> None:
        for topic in (made.topic, FORECAST_CURRENT) if made.topic == FORECAST_UPDATES else (made.topic,):
            one = self._doubtful.get((topic, made.output_seq))
            if one is not None and (one.key, one.type_name, one.body) == (made.key.encode(), made.type_name, made.body):
                raise CannotRepair(
                    f"{topic}:{one.at} is output {made.output_seq} of this shard as the log makes it, and is nowhere else: it is ours"
                )
            if topic in self._newest:
                self._newest[topic][made.key] = made.output_seq

    def check(self) -> None:
        """Of a compacted topic only what comes after the last is written, so that each key's newest stays the last."""
        for topic, newest in self._newest.items():
            there = self._visible[topic]
            for key, number in newest.items():
                if number <= there.last and number not in there.records:
                    raise CannotRepair(
                        f"{topic}: the newest record of {key} is output {number}, and is not there, though later ones are. What is missing "
                        "cannot be added after them: delete the topic, make it with `milepost topics create`, and leave it empty; "
                        "repair then writes all of it"
                    )


def _folded_to(
    shard: Shard,
    log: KafkaLog,
    outputs: KafkaOutputs,
    place: tuple[int, str],
    last: int,
    target: ResumeTarget,
    tell: Tell,
    named: _Named,
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
        made = shard.fold(records)
        for one in made:
            if isinstance(one, Encoded):
                named.see(one)
        mark = outputs.write(made)
        assert mark is not None, "a folded batch ends with its mark"
        shard.commit(mark)
        tell(f"shard {target.shard}: folded again to record {mark.offset}")
    return mark


class HoldingProducer:
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
        _callback: None = None,
        _on_delivery: None = None,
        _timestamp: int = 0,
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
