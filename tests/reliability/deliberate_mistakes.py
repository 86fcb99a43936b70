"""Mistakes that have been made in code like ours, each in one place of a world that is otherwise as it should be."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException

from connectors.kafka import resume
from connectors.kafka.clients import Message
from connectors.kafka.log import KafkaLog
from connectors.kafka.outputs import Early, Identity, KafkaOutputs
from connectors.kafka.resume import ShardStanding
from connectors.log_records import StoredRecord
from state.batch import Encoded, Mark, OutputProgress
from state.chain import chained
from state.store.store import Meta
from tests.brokers import COMMITTED, CONTROL, ModelClients, ModelConsumer, ModelProducer, Place
from tests.exactly_once import NAMES, SHARD, Disk, LightShard, World


def outputs_over(
    world: World, producer: ModelProducer, standing: ShardStanding, early: Early, log: KafkaLog
) -> KafkaOutputs:
    """What `take_over` makes in the end."""
    target = world.target
    identity = Identity(NAMES.generation, SHARD, target.genesis, target.rules, standing.topic_ids)
    outputs = KafkaOutputs(
        producer, NAMES, identity, target.frame_of, standing.written, early, 60.0, log, lambda *_: ""
    )
    outputs.claim()
    return outputs


# Taking over


class ScanBeforeFence(World):
    """Anyone who had the shard can still commit after what was looked at."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        topic_ids = resume.described(self.clients, self.target)
        standing = resume.look(self.clients, self.target, topic_ids)
        early = resume.early_of(standing, self.target)
        yield
        producer = self.clients.producer(NAMES.shard_writer(SHARD))
        producer.init_transactions(1)
        return outputs_over(self, producer, standing, early, log)


class UncommittedClients(ModelClients):
    def consumer(self, *, committed: bool = True, group: str | None = None) -> ModelConsumer:
        return ModelConsumer(self.brokers, committed=False)


class UncommittedScan(World):
    """What was aborted counts as written."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        yield
        return resume.take_over(UncommittedClients(self.brokers), self.target, log).outputs


class NoWaitForOpenEnds(World):
    """What is decided, and not to be seen yet, is taken for not written."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        yield
        topic_ids = resume.described(self.clients, self.target)
        standing = resume.look(self.clients, self.target, topic_ids)
        producer = self.clients.producer(NAMES.shard_writer(SHARD))
        producer.init_transactions(1)
        return outputs_over(self, producer, standing, resume.early_of(standing, self.target), log)


class NoFence(World):
    """Progress is read without taking the shard from the one who had it."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        yield
        topic_ids = resume.described(self.clients, self.target)
        standing = resume.look(self.clients, self.target, topic_ids)
        producer = self.clients.producer(NAMES.shard_writer(SHARD))
        writer = self.brokers.writers.get(NAMES.shard_writer(SHARD))
        if writer is None:
            producer.init_transactions(1)
        else:
            producer._epoch = writer.epoch
        return outputs_over(self, producer, standing, resume.early_of(standing, self.target), log)


# The sink


class Ignoring(ModelProducer):
    """A record that cannot be delivered is gone, and nobody asks."""

    def _send(self, place: Place) -> None:
        pending = self._pending[place]
        count = len(pending)
        try:
            super()._send(place)
        except KafkaException:
            if len(pending) == count:
                pending.popleft()


class IgnoringClients(ModelClients):
    def producer(self, transactional_id: str) -> ModelProducer:
        return Ignoring(self.brokers, transactional_id)


class IgnoredDelivery(World):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.clients = IgnoringClients(self.brokers)
        self.chances = self.chances._replace(failed_delivery=0.02)


class AbortAndGoOn(World):
    """The books have moved on, the outputs of the batch are gone."""

    def commit(self, outputs: KafkaOutputs, shard: LightShard, mark: Mark) -> None:
        try:
            super().commit(outputs, shard, mark)
        except KafkaException:
            producer: Any = outputs._producer
            producer.abort_transaction(1)
            outputs._is_open = False
            shard.commit(mark)


class ProgressApartAlone(World):
    """Outputs in one transaction, progress in the next."""

    def commit(self, outputs: KafkaOutputs, shard: LightShard, mark: Mark) -> None:
        if outputs._is_open:
            outputs._end_transaction()
        super().commit(outputs, shard, mark)


class ProgressApart(ProgressApartAlone):
    """And nobody looks at the ends of the topics."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs._early = {}
        return outputs


class ProgressOnly(World):
    """Nobody looks at the ends of the topics: what became visible early is written again."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs._early = {}
        return outputs


class NoFlushBeforeProgress(World):
    """An end of the transaction before its time can show progress without its outputs."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs._await_delivery = lambda: None  # type: ignore[method-assign]
        return outputs


class AskedAgainAlone(World):
    """An end in doubt is asked for again, and the first request meets the next transaction."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        once = outputs._producer.commit_transaction

        def until_answered(timeout: float) -> None:
            while True:
                try:
                    once(timeout)
                except KafkaException as fault:
                    if not fault.args[0].retriable():
                        raise
                else:
                    return

        outputs._producer.commit_transaction = until_answered  # type: ignore[method-assign]
        return outputs


class AskedAgain(AskedAgainAlone):
    """And progress may reach the brokers before the outputs."""

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs._await_delivery = lambda: None  # type: ignore[method-assign]
        return outputs


class TwoIds(KafkaOutputs):
    """Half of the topics under another transactional id."""

    second: ModelProducer

    def _produce(self, topic: str, value: bytes, key: bytes, told: list[tuple[str, bytes]] | None) -> None:
        if topic in {"alerts", "exceptions", "control.totals"}:
            self.second.produce(topic, value, key, SHARD, headers=told)
        else:
            super()._produce(topic, value, key, told)

    def _begin(self) -> None:
        if not self._is_open:
            self.second.begin_transaction()
        super()._begin()

    def _end_transaction(self) -> None:
        self.second.commit_transaction(1)
        super()._end_transaction()


class TwoTransactionalIds(World):
    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs.__class__ = TwoIds
        assert isinstance(outputs, TwoIds), "made so just now"
        outputs.second = self.clients.producer("another")
        outputs.second.init_transactions(1)
        outputs._early = {}
        return outputs


class ByKey(KafkaOutputs):
    def _produce(self, topic: str, value: bytes, key: bytes, told: list[tuple[str, bytes]] | None) -> None:
        partition = SHARD if topic == NAMES.progress else sum(key) % 2
        self._producer.produce(topic, value, key, partition, headers=told)


class PartitionByKey(World):
    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs.__class__ = ByKey
        return outputs


class ByOffset(KafkaOutputs):
    """What comes of the record of the last visible output counts as visible, all of it."""

    def _is_visible(self, topic: str, item: Encoded, before: int) -> bool:
        visible = self._early[topic]
        offsets = [int(body.split()[0]) for *_, body in visible.records.values()]
        return int(item.body.split()[0]) <= max(offsets)


class SuppressionByOffset(World):
    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        outputs = yield from super().take_over(log)
        outputs.__class__ = ByOffset
        return outputs


class CommitInClose(World):
    """A step failed half-way; what the sink has so far is made good."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.chances = self.chances._replace(failed_step=0.05)

    def close(self, outputs: KafkaOutputs, made: Sequence[Encoded | Mark]) -> None:
        mark = made[-1]
        assert isinstance(mark, Mark), "a folded batch ends with its mark"
        outputs.commit(mark)


# The log


class LostRecord(World):
    """A record of the log is gone, and what the oracle made of the log it made before."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        slots = self.brokers.partition(NAMES.log, SHARD).slots
        written = [at for at, slot in enumerate(slots) if slot.state == COMMITTED]
        slots[written[len(written) // 2]].state = CONTROL


class Unnumbered(KafkaLog):
    """Takes what comes for what should come."""

    def _check_number(self, message: Message, expected: int) -> None: ...


class DensityUnchecked(LostRecord):
    def log(self) -> KafkaLog:
        return Unnumbered(self.clients, NAMES.log, SHARD)


# The fold's numbers and the store


class Reused(LightShard):
    """Outputs are counted within their record, and the count begins again with every start."""

    def _effects(self, offset: int, engagement_id: str, made: list[Encoded | Mark]) -> None:
        begin = len(made)
        super()._effects(offset, engagement_id, made)
        made[begin:] = [
            one._replace(output_seq=one.output_seq % 7) if isinstance(one, Encoded) else one for one in made[begin:]
        ]


class OrdinalReused(World):
    def shard_over(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> LightShard:
        return Reused(disk, progress, slice_of)


class ByBatch(LightShard):
    """One digest for all outputs of a batch: another batch size gives another chain."""

    def fold(self, records: Sequence[StoredRecord]) -> list[Encoded | Mark]:
        made = super().fold(records)
        mark = made[-1]
        assert isinstance(mark, Mark), "a folded batch ends with its mark"
        self._output_chain = chained(self._output_chain, b"end of batch")
        return [*made[:-1], mark._replace(output_chain=self._output_chain)]


class DigestByBatch(World):
    def shard_over(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> LightShard:
        self.batch = self.random.choice((1, 3, 10))
        return ByBatch(disk, progress, slice_of)


class Trusting(LightShard):
    def __init__(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> None:
        here = disk.now.meta
        super().__init__(
            disk,
            OutputProgress(here.offset, here.engagement, here.next_seq, here.output_chain, here.input_chain),
            slice_of,
        )
        self.progress = progress


class StoreTrusted(World):
    """A store that is ahead of the outputs is believed."""

    def shard_over(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> LightShard:
        return Trusting(disk, progress, slice_of)


class StoreFirst(World):
    """The store moves before the outputs are visible."""

    def commit(self, outputs: KafkaOutputs, shard: LightShard, mark: Mark) -> None:
        shard.commit(mark)
        outputs.commit(mark)


class Unguarded(Disk):
    def keep(self, before: Meta, after: Meta, rows: Mapping[str, int]) -> None:
        self.write(after, rows)


class NoCompareAndSet(World):
    """Anyone who writes to the store writes, wherever it stands."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.disks = [Unguarded(self.heed)]


class Shared(LightShard):
    """The books are one mapping for all that hold the disk: what was not committed outlives its process."""

    def __init__(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> None:
        super().__init__(disk, progress, slice_of)
        books = SHARED.setdefault(id(disk), dict(disk.now.books))
        self._books = books


SHARED: dict[int, dict[str, int]] = {}


class BookByReference(World):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        SHARED.clear()

    def shard_over(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> LightShard:
        return Shared(disk, progress, slice_of)
