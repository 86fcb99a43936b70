"""Where intake goes on: log, directory and progress agree, or nothing is written.

1. The transactional id is taken, so that no process from before can write any more.
2. What it may have left open on log and directory has ended: committed, or timed out by the brokers.
3. The last progress in the directory is that of the last transaction that counts; no partition of the log ends before
   the record that it says. What stands behind may be a part of the next transaction, which brokers ended before its time:
   it stays, and is not written a second time.
4. Topics are those that they were.
5. The file at hand is that of the last transaction, or is made again from the directory topic.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Final, NamedTuple

from connectors.event_bodies import read_event
from connectors.kafka import intake_progress
from connectors.kafka.clients import Clients, Consumer, Message
from connectors.kafka.directory import TRANSACTION, Directory, Stand
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.log_writer import Same
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER, Names
from connectors.kafka.partitions import await_ends, bounds, read_on, read_to_end
from connectors.log_records import read_stored
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
# How far back the last record of a partition is looked for at first; what stands behind it are marks of transactions.
TAIL: Final = 8
GENESIS_NUMBER: Final = -1
SAID_AT_MOST: Final = 5


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
            WRONG_TOPIC_SETTINGS, f"expected the topics {', '.join(missing)}; `milepost topics create` makes them"
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
    places = [(names.directory, 0), *((names.log, partition) for partition in range(partitions))]
    if left := await_ends(clients, places, patience_seconds):
        (topic, partition), offset = next(iter(left.items()))
        said = ", ".join(f"{topic}/{partition}" for topic, partition in list(left)[:SAID_AT_MOST])
        raise GuardStop(
            HANGING_TRANSACTION,
            f"a transaction is still open after {patience_seconds:g} seconds on {len(left)} partitions: {said}. See whose it is, end it "
            f"on each, as with `kafka-transactions.sh abort --topic {topic} --partition {partition} --start-offset {offset}`, and "
            "start again",
        )


def read_progress(clients: Clients, names: Names, ours: Ours) -> IntakeProgress | set[int]:
    """Where nothing was ever taken in, the partitions that have their genesis record already.

    Raises GuardStop where log, directory and progress do not agree.
    """
    consumer = clients.consumer()
    try:
        progress, is_last = _last_progress(consumer, names)
        tails = last_records(consumer, names.log, ours.partitions)
    finally:
        consumer.close()
    if progress is None:
        if any(tail is not None and _number(tail) != GENESIS_NUMBER for tail in tails):
            raise GuardStop(
                PROGRESS_MISSING,
                f"topic {names.log} has records and topic {names.directory} has none: what intake knew is lost, and events would "
                "go into the log twice. Bring the directory topic back, or begin another generation",
            )
        return {partition for partition, tail in enumerate(tails) if tail is not None}
    _check_topics(names, ours, progress)
    found = _with_early(clients, names, tails, progress)
    if found is progress and is_last:
        return progress
    return found._replace(skipped=(*progress.skipped, progress.next_transaction))


def committed_progress(clients: Clients, names: Names) -> IntakeProgress | None:
    """Of the last transaction that counts, as any reader finds it; None where nothing was ever taken in."""
    consumer = clients.consumer()
    try:
        return _last_progress(consumer, names)[0]
    finally:
        consumer.close()


def read_genesis(clients: Clients, names: Names) -> str:
    """The text of partition 0. Raises GuardStop where the log does not begin with it."""
    consumer = clients.consumer()
    try:
        place = (names.log, 0)
        with closing(read_on(consumer, {place: bounds(consumer, place)[0]})) as records:
            first = next(records, None)
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


def make_ready(
    clients: Clients,
    names: Names,
    directory: Directory,
    progress: IntakeProgress,
    topic_id: str,
    tell: Callable[[str], None],
) -> None:
    """The file at hand as the topic has it."""
    found, stand = directory.stand(), stand_of(progress, topic_id)
    if found == stand:
        return
    if found is not None:
        tell(f"{directory.path} holds another transaction than the topic; it is made again from {names.directory}")
    with closing(directory_changes(clients, names, progress)) as changes:
        directory.make_again(changes, stand)


def directory_changes(
    clients: Clients, names: Names, progress: IntakeProgress
) -> Generator[tuple[bytes, bytes | None], None, None]:
    """What intake remembers by this progress: a change a record, the last one of a key counts."""
    consumer = clients.consumer()
    try:
        place = (names.directory, 0)
        with closing(read_on(consumer, {place: bounds(consumer, place)[0]})) as records:
            for each in records:
                if _counts(each, progress):
                    yield each.key() or b"", each.value()
    finally:
        consumer.close()


def stand_of(progress: IntakeProgress, topic_id: str) -> Stand:
    return Stand(topic_id, progress.generation, progress.transaction)


def _counts(message: Message, progress: IntakeProgress) -> bool:
    """Whether a record of the directory is a change, of a transaction that counts."""
    if message.key() == intake_progress.KEY:
        return False
    number = int(dict(message.headers() or ()).get(TRANSACTION, b"0"))
    return number <= progress.transaction and number not in progress.skipped


def last_records(consumer: Consumer, topic: str, partitions: int) -> list[Message | None]:
    """The last committed record of each partition; None where there is none."""
    found: list[Message | None] = [None] * partitions
    ends = [bounds(consumer, (topic, partition)) for partition in range(partitions)]
    left = [partition for partition, (low, high) in enumerate(ends) if low < high]
    back = TAIL
    while left:
        starts = {(topic, partition): max(ends[partition][0], ends[partition][1] - back) for partition in left}
        for (_, partition), messages in read_to_end(consumer, starts).items():
            found[partition] = messages[-1] if messages else None
        left = [each for each in left if found[each] is None and starts[topic, each] > ends[each][0]]
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


def _with_early(
    clients: Clients, names: Names, tails: Sequence[Message | None], progress: IntakeProgress
) -> IntakeProgress:
    """Behind what stands in the log: numbers stay dense, and what came early is not written a second time."""
    ends = [_number(tail) for tail in tails]
    wrong = [
        f"partition {partition}: expected number {following - 1}, found {found}"
        for partition, (found, following) in enumerate(zip(ends, progress.following, strict=True))
        if found is None or found < following - 1
    ]
    if wrong:
        raise GuardStop(
            TORN_OUTPUTS,
            f"topic {names.log} does not end where intake's progress says, in {len(wrong)} of {len(tails)} partitions: "
            f"{'; '.join(wrong[:SAID_AT_MOST])}. Somebody else wrote it, or records are lost",
        )
    ahead = {at: number for at, number in enumerate(ends) if number is not None and number >= progress.following[at]}
    if not ahead:
        return progress
    early = [*progress.early, *_early(clients, names, {at: tails[at] for at in ahead}, progress)]
    following = tuple(ahead[at] + 1 if at in ahead else number for at, number in enumerate(progress.following))
    return progress._replace(following=following, early=tuple(early))


def _early(
    clients: Clients, names: Names, tails: Mapping[int, Message | None], progress: IntakeProgress
) -> Iterator[Same]:
    """What stands in the log behind the records that progress knows."""
    consumer = clients.consumer()
    try:
        starts = {
            (names.log, partition): max(
                bounds(consumer, (names.log, partition))[0], tail.offset() - _span(tail, progress.following[partition])
            )
            for partition, tail in tails.items()
            if tail is not None
        }
        for message in chain.from_iterable(read_to_end(consumer, starts).values()):
            number, partition = _number(message), message.partition()
            if number is not None and number >= progress.following[partition]:
                stored = read_stored(message.value() or b"", 0)[0]
                event = read_event(stored.type, stored.schema, stored.body)
                yield Same(partition, stored.engagement_id, stored.type, event.event_id)
    finally:
        consumer.close()


def _span(tail: Message, following: int) -> int:
    """Offsets to go back so that the record numbered `following` is not missed: marks of transactions take some too."""
    number = _number(tail) or 0
    return 2 * (number - following + 1) + TAIL


def _last_progress(consumer: Consumer, names: Names) -> tuple[IntakeProgress | None, bool]:
    """With whether it is the last record: what stands behind it is of a transaction that does not count."""
    place = (names.directory, 0)
    low, high = bounds(consumer, place)
    back = TAIL
    while low < high:
        start = max(low, high - back)
        for behind, message in enumerate(reversed(read_to_end(consumer, {place: start})[place])):
            if message.key() == intake_progress.KEY:
                return intake_progress.from_bytes(message.value() or b""), behind == 0
        if start == low:
            break
        back *= 16
    return None, True


def _number(tail: Message | None) -> int | None:
    """None where there is nothing, or nothing of ours."""
    if tail is None:
        return None
    if tail.key() == GENESIS_KEY:
        return GENESIS_NUMBER
    found = dict(tail.headers() or ()).get(NUMBER_HEADER, b"")
    return int(found) if found.isdigit() else None


def genesis_text(genesis: Genesis) -> str:
    return to_json(genesis._replace(partition=0))
