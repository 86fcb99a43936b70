"""Where intake goes on: log, directory and progress agree, or nothing is written.

1. The transactional id is taken, so that no process from before can write any more.
2. What it may have left open on log and directory has ended: committed, or timed out by the brokers.
3. The last record of the directory is the progress of the last transaction, and every partition of the log ends with the
   record that the progress says.
4. Topics are those that they were.
5. The file at hand is that of the last transaction, or is made again from the directory topic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, TopicPartition

from connectors.kafka import intake_progress
from connectors.kafka.clients import Clients, Consumer, Message
from connectors.kafka.directory import Directory, Stand
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.log_writer import GENESIS_KEY, NUMBER
from connectors.kafka.names import Names
from connectors.kafka.partitions import is_passing, unreachable
from state.genesis import Genesis, to_json
from state.guards import (
    HANGING_TRANSACTION,
    LOG_MISSING,
    OTHER_GENERATION,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    WRONG_TOPIC_SETTINGS,
    GuardStop,
)

# Brokers look for transactions that have timed out every ten seconds.
TIMED_OUT_MARGIN_SECONDS: Final = 20.0
LOOK_AGAIN_SECONDS: Final = 0.5
# How far back the last record of a partition is looked for at first; what stands behind it are marks of transactions.
TAIL: Final = 8
SAID_AT_MOST: Final = 5
STEP_MESSAGES: Final = 1_000


class Ours(NamedTuple):
    """Ids of the topics that intake writes, and the number of the log's partitions."""

    ids: dict[str, str]
    partitions: int


def our_topics(clients: Clients, names: Names, genesis: Genesis) -> Ours:
    """Raises GuardStop where one is missing or has another number of partitions than it should."""
    wanted = [names.log, names.directory]
    found = {name: state for name, state in clients.topics(wanted).items() if state is not None}
    if missing := [name for name in wanted if name not in found]:
        raise GuardStop(
            WRONG_TOPIC_SETTINGS, f"expected the topics {', '.join(missing)}; `milepost topics --create` makes them"
        )
    log, directory = found[names.log], found[names.directory]
    if log.partitions != genesis.partitions:
        raise GuardStop(
            OTHER_GENERATION,
            f"topic {names.log}: expected {genesis.partitions} partitions, as [kafka] partitions says, found {log.partitions}. "
            "The number is fixed for a generation: set it back, or begin another generation",
        )
    if directory.partitions != 1:
        raise GuardStop(TOPIC_CHANGED, f"topic {names.directory}: expected one partition, found {directory.partitions}")
    return Ours({name: state.id for name, state in found.items()}, log.partitions)


def wait_for_transactions(clients: Clients, names: Names, partitions: int, patience_seconds: float) -> None:
    """Until nothing of log and directory is open. Raises GuardStop where something stays so."""
    stable, high = clients.consumer(), clients.consumer(committed=False)
    try:
        left = [TopicPartition(names.directory, 0)]
        left += [TopicPartition(names.log, partition) for partition in range(partitions)]
        until = time.monotonic() + patience_seconds
        while left := [each for each in left if _end(stable, each) != _end(high, each)]:
            if time.monotonic() > until:
                said = ", ".join(f"{each.topic}/{each.partition}" for each in left[:SAID_AT_MOST])
                raise GuardStop(
                    HANGING_TRANSACTION,
                    f"a transaction is still open after {patience_seconds:g} seconds on {len(left)} partitions: {said}. "
                    "`kafka-transactions.sh find-hanging` shows whose it is; abort it there and start again",
                )
            time.sleep(LOOK_AGAIN_SECONDS)
    finally:
        stable.close()
        high.close()


def read_progress(clients: Clients, names: Names, ours: Ours) -> IntakeProgress | None:
    """None where nothing was ever written. Raises GuardStop where log, directory and progress do not agree."""
    consumer = clients.consumer()
    try:
        last = last_records(consumer, names.directory, 1)[0]
        tails = last_records(consumer, names.log, ours.partitions)
    finally:
        consumer.close()
    if last is None:
        if any(tail is not None for tail in tails):
            raise GuardStop(
                PROGRESS_MISSING,
                f"topic {names.log} has records and topic {names.directory} has none: what intake knew is lost, and events would "
                "go into the log twice. Bring the directory topic back, or begin another generation",
            )
        return None
    value = last.value()
    if last.key() != intake_progress.KEY or value is None:
        raise GuardStop(
            TORN_OUTPUTS,
            f"topic {names.directory}: expected progress as the last record, found the key {(last.key() or b'')[:64]!r} at "
            f"offset {last.offset()}: a transaction is there in part",
        )
    progress = intake_progress.from_bytes(value)
    _check_topics(names, ours, progress)
    _check_tails(names, tails, progress)
    return progress


def read_genesis(clients: Clients, names: Names) -> str:
    """The text of partition 0. Raises GuardStop where the log does not begin with it."""
    consumer = clients.consumer()
    try:
        first = next(_to_the_end(consumer, names.log, {0: _low(consumer, names.log)}), None)
    finally:
        consumer.close()
    if first is None or first.key() != GENESIS_KEY:
        raise GuardStop(
            LOG_MISSING,
            f"topic {names.log}, partition 0: expected the genesis record at its head; it was cut off, or is no engagement log",
        )
    return (first.value() or b"").decode()


def check_generation(kept: Genesis, wanted: Genesis, topic: str) -> None:
    if (kept.generation, kept.partitions) != (wanted.generation, wanted.partitions):
        raise GuardStop(
            OTHER_GENERATION,
            f"topic {topic}: the log is of generation {kept.generation} with {kept.partitions} partitions; the settings say "
            f"{wanted.generation} with {wanted.partitions}",
        )


def make_ready(clients: Clients, names: Names, directory: Directory, stand: Stand, tell: Callable[[str], None]) -> None:
    """The file at hand as the topic has it."""
    found = directory.stand()
    if found == stand:
        return
    if found is not None:
        tell(f"{directory.path} holds another transaction than the topic; it is made again from {names.directory}")
    consumer = clients.consumer()
    try:
        found_there = _to_the_end(consumer, names.directory, {0: _low(consumer, names.directory)})
        records = ((each.key() or b"", each.value()) for each in found_there)
        directory.make_again((each for each in records if each[0] != intake_progress.KEY), stand)
    finally:
        consumer.close()


def last_records(consumer: Consumer, topic: str, partitions: int) -> list[Message | None]:
    """The last committed record of each partition; None where there is none."""
    found: list[Message | None] = [None] * partitions
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, partition)) for partition in range(partitions)]
    left = [partition for partition, (low, high) in enumerate(ends) if low < high]
    back = TAIL
    while left:
        starts = {partition: max(ends[partition][0], ends[partition][1] - back) for partition in left}
        for message in _to_the_end(consumer, topic, starts):
            found[message.partition()] = message
        left = [each for each in left if found[each] is None and starts[each] > ends[each][0]]
        back *= 16
    return found


def _check_topics(names: Names, ours: Ours, progress: IntakeProgress) -> None:
    for name, now in ours.ids.items():
        before = progress.topic_ids.get(name, now)
        if before != now:
            raise GuardStop(
                TOPIC_CHANGED,
                f"topic {name} was deleted and made again (its id was {before} and is {now}). Bring the old one back from a "
                "copy, or begin another generation",
            )
    if len(progress.following) != ours.partitions:
        raise GuardStop(
            TOPIC_CHANGED,
            f"topic {names.log}: expected {len(progress.following)} partitions, as when it was last written, found {ours.partitions}",
        )


def _check_tails(names: Names, tails: Sequence[Message | None], progress: IntakeProgress) -> None:
    """The log ends in every partition with the record before the one that follows."""
    wrong = [
        f"partition {partition}: expected number {following - 1}, found {found}"
        for partition, (tail, following) in enumerate(zip(tails, progress.following, strict=True))
        if (found := _number(tail)) != following - 1
    ]
    if wrong:
        raise GuardStop(
            TORN_OUTPUTS,
            f"topic {names.log} does not end where intake's progress says, in {len(wrong)} of {len(tails)} partitions: "
            f"{'; '.join(wrong[:SAID_AT_MOST])}. Somebody else wrote it, or records are lost",
        )


def _number(tail: Message | None) -> int | None:
    """-1 for genesis, None where there is nothing or nothing of ours."""
    if tail is None:
        return None
    if tail.key() == GENESIS_KEY:
        return -1
    found = dict(tail.headers() or ()).get(NUMBER, b"")
    return int(found) if found.isdigit() else None


def _to_the_end(
    consumer: Consumer, topic: str, starts: Mapping[int, int], patience_seconds: float = 30.0
) -> Iterator[Message]:
    """From offsets, by partition, up to where each ends now."""
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
    left = set(starts)
    silent_since = time.monotonic()
    while left:
        # A question for many records would wait for all of them.
        first = consumer.poll(LOOK_AGAIN_SECONDS)
        if first is None:
            if time.monotonic() - silent_since > patience_seconds:
                raise unreachable(f"no answer for {patience_seconds:g} seconds about topic {topic}")
            continue
        silent_since = time.monotonic()
        for message in (first, *consumer.consume(STEP_MESSAGES, 0.0)):
            fault = message.error()
            if fault is None:
                yield message
            elif fault.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            elif not is_passing(fault):
                raise unreachable(f"topic {topic}: {fault.name()}: {fault.str()}")


def _low(consumer: Consumer, topic: str) -> int:
    return consumer.get_watermark_offsets(TopicPartition(topic, 0))[0]


def _end(consumer: Consumer, at: TopicPartition) -> int:
    return consumer.get_watermark_offsets(at)[1]


def genesis_text(genesis: Genesis) -> str:
    return to_json(genesis._replace(partition=0))
