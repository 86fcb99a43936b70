"""Where intake goes on: log, directory and progress agree, or nothing is written.

1. The transactional id is taken, so that no process from before can write any more.
2. What it may have left open on log and directory has ended: committed, or timed out by the brokers.
3. The last progress in the directory is that of the last transaction that counts, and topics are those that they were.
4. What stands in the log after it are parts of the transactions that came next, which brokers ended before their time: by
   their plans, which stand there too, they are made again, and what is missing of them is written.
5. Where the mark of a transaction was left out on a partition, and it was ended there by hand, what counts is aborted:
   records of the log before progress are written again as they were, and plans are read all the same.
6. The file at hand is that of the last transaction, or is made again from the directory topic.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import blake2b
from typing import Final, NamedTuple

from connectors.kafka import intake_plan, intake_progress, withdrawn
from connectors.kafka.clients import Clients, Consumer, Message
from connectors.kafka.directory import TRANSACTION, StoredDirectory, TopicStand
from connectors.kafka.ends import Ends
from connectors.kafka.intake_plan import IntakePlan
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.log import GENESIS_NUMBER, number_of
from connectors.kafka.log_writer import Produced
from connectors.kafka.names import GENESIS_KEY, Names
from connectors.kafka.partitions import PATIENCE_SECONDS, Place, all_records, await_ends, bounds, untold
from connectors.kafka.settings import TIMED_OUT_MARGIN_SECONDS
from domain.units import Instant
from state.genesis import Genesis, to_json
from state.guards import (
    HANGING_TRANSACTION,
    OTHER_GENERATION,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    WRONG_TOPIC_SETTINGS,
    GuardStop,
)

# Event topics do not keep everything, so a log that began again with them would lack what they no longer hold.
LOST: Final = (
    "Bring the topic back from its copy; or make the log again from an export, with `milepost log import` (docs/operations.md, "
    '"The log is lost")'
)
# How far back the last record of a partition is looked for at first; what stands after it are marks of transactions.
TAIL: Final = 8
SAID_AT_MOST: Final = 5


class Ours(NamedTuple):
    """Ids of the topics that intake writes, and the number of the log's partitions."""

    ids: dict[str, str]
    partitions: int


class IntakeStanding(NamedTuple):
    """How far intake is, and what readers see of transactions after that.

    `plans` say what those take, by number; none where nothing of them is to be seen. `early` are their records of the log, as
    digests of their values by partition and number. `withdrawn` are records of the log that count and that readers do not see.
    """

    progress: IntakeProgress
    plans: Mapping[int, IntakePlan] = {}
    early: Mapping[tuple[int, int], bytes] = {}
    withdrawn: Sequence[Produced] = ()


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
            "The number is fixed for a log: set it back",
        )
    if directory.partitions != 1:
        raise GuardStop(TOPIC_CHANGED, f"topic {names.directory}: expected one partition, found {directory.partitions}")
    return Ours({name: state.id for name, state in found.items()}, log.partitions)


def wait_for_transactions(
    clients: Clients, names: Names, partitions: int, patience_seconds: float, tell: Callable[[str], None] = untold
) -> None:
    """Until nothing of log and directory is open. Raises GuardStop where something stays so."""
    places = [(names.directory, 0), *((names.log, partition) for partition in range(partitions))]
    if left := await_ends(clients, places, patience_seconds, tell):
        (topic, partition), offset = next(iter(left.items()))
        said = ", ".join(f"{topic}/{partition}" for topic, partition in list(left)[:SAID_AT_MOST])
        raise GuardStop(
            HANGING_TRANSACTION,
            f"a transaction is still open after {patience_seconds:g} seconds on {len(left)} partitions: {said}. See whose it is, end it "
            f"on each, as with `kafka-transactions.sh abort --topic {topic} --partition {partition} --start-offset {offset}`, and "
            "start again",
        )


def hanging_after(transaction_timeout_seconds: float) -> float:
    """Seconds after which brokers have ended what a process left open."""
    return transaction_timeout_seconds + TIMED_OUT_MARGIN_SECONDS


def read_standing(clients: Clients, names: Names, ours: Ours) -> IntakeStanding | set[int]:
    """Where nothing was ever taken in, the partitions that have their genesis record already.

    Raises GuardStop where log, directory and progress do not agree.
    """
    found = _since_progress(clients, names)
    tails = last_records(clients, names.log, ours.partitions)
    if not found:
        if any(tail is not None and number_of(tail) != GENESIS_NUMBER for tail in tails):
            raise GuardStop(
                PROGRESS_MISSING,
                f"topic {names.log} has records and topic {names.directory} has none: what intake knew is lost, and events would "
                f"go into the log twice. {LOST}",
            )
        return {partition for partition, tail in enumerate(tails) if tail is not None}
    progress = intake_progress.from_bytes(found[0].value() or b"")
    _check_topics(names, ours, progress)
    left = _withdrawn(clients, names, tails, progress)
    ahead = _ahead(tails, progress)
    if not ahead:
        return IntakeStanding(progress, _plans(found, progress.next_transaction), {}, left)
    place = names.directory, 0
    behind = withdrawn.everything_from(clients, {place: found[0].offset() + 1})[place]
    plans = {**_plans(behind), **_plans(found, progress.next_transaction)}
    if progress.next_transaction not in plans:
        raise GuardStop(
            TORN_OUTPUTS,
            f"topic {names.log} has records in {len(ahead)} of {len(tails)} partitions that no plan of intake tells of: somebody "
            "else wrote them, or a release without plans. `milepost log export` takes what counts; `milepost log import` "
            "makes a log of that, under another [kafka] generation",
        )
    return IntakeStanding(progress, plans, dict(_early(clients, names, ahead, progress)), left)


def _plans(found: Sequence[Message], only: int | None = None) -> dict[int, IntakePlan]:
    """By number of their transaction; the last one of each, as all that come after one that is seen are the same."""
    plans = [intake_plan.from_bytes(each.value() or b"") for each in found if each.key() == intake_plan.KEY]
    return {plan.transaction: plan for plan in plans if only in {None, plan.transaction}}


def committed_progress(clients: Clients, names: Names, timeout: float) -> IntakeProgress | None:
    """Of the last transaction that counts, as any reader finds it; None where nothing was ever taken in."""
    found = _since_progress(clients, names, timeout)
    return intake_progress.from_bytes(found[0].value() or b"") if found else None


def read_genesis(clients: Clients, names: Names) -> str:
    """The text of partition 0. Raises GuardStop where the log does not begin with it."""
    with closing(all_records(clients, [(names.log, 0)])) as records:
        first = next(records, None)
    if first is None or first.key() != GENESIS_KEY:
        raise GuardStop(
            TOPIC_CHANGED,
            f"topic {names.log}, partition 0: expected the genesis record at its head; it was cut off, or is no engagement log. "
            f"{LOST}",
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
    directory: StoredDirectory,
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
    clients: Clients, names: Names, progress: IntakeProgress, timeout: float = PATIENCE_SECONDS
) -> Generator[tuple[bytes, bytes | None], None, None]:
    """What intake remembers by this progress: a change a record, the last one of a key counts."""
    with closing(all_records(clients, [(names.directory, 0)], timeout)) as records:
        for each in records:
            if _counts(each, progress):
                yield each.key() or b"", each.value()


def stand_of(progress: IntakeProgress, topic_id: str) -> TopicStand:
    return TopicStand(topic_id, progress.generation, progress.transaction)


def _counts(message: Message, progress: IntakeProgress) -> bool:
    """Whether a record of the directory is a change, of a transaction that counts."""
    if message.key() in (intake_progress.KEY, intake_plan.KEY):
        return False
    number = int(dict(message.headers() or ()).get(TRANSACTION, b"0"))
    return number <= progress.transaction and number not in progress.skipped


def last_records(clients: Clients, topic: str, partitions: int) -> list[Message | None]:
    """The last committed record of each partition; None where there is none."""
    places = [(topic, partition) for partition in range(partitions)]
    with closing(Ends(clients, places, count=TAIL)) as ends:
        while short := [place for place in places if not ends.messages(place) and not ends.is_whole(place)]:
            ends.further_back(*short)
        return [found[-1] if (found := ends.messages(place)) else None for place in places]


def _check_topics(names: Names, ours: Ours, progress: IntakeProgress) -> None:
    for name, now in ours.ids.items():
        before = progress.topic_ids.get(name, now)
        if before != now:
            raise GuardStop(
                TOPIC_CHANGED, f"topic {name} was deleted and made again (its id was {before} and is {now}). {LOST}"
            )
    if len(progress.following) != ours.partitions:
        raise GuardStop(
            TOPIC_CHANGED,
            f"topic {names.log}: expected {len(progress.following)} partitions, as when it was last written, found {ours.partitions}",
        )


def digest_of(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _withdrawn(
    clients: Clients, names: Names, tails: Sequence[Message | None], progress: IntakeProgress
) -> list[Produced]:
    """What stands before progress and readers do not see. Raises GuardStop where the brokers do not hold it either."""
    ends = [GENESIS_NUMBER - 1 if tail is None else number_of(tail) for tail in tails]
    short = {
        (names.log, at): (end, following)
        for at, (end, following) in enumerate(zip(ends, progress.following, strict=True))
        if end is None or end < following - 1
    }
    if not short:
        return []
    with closing(clients.consumer()) as consumer:
        starts = {place: _behind(consumer, place, tails[place[1]]) for place in short}
    found, wrong = [], []
    for place, messages in withdrawn.everything_from(clients, starts).items():
        end, following = short[place]
        held = _numbered(messages)
        numbers = range(following if end is None else end + 1, following)
        if end is None or any(number not in held for number in numbers):
            wrong.append(f"partition {place[1]}: expected number {following - 1}, found {_said(end)}")
        else:
            found += [withdrawn.as_it_was(held[number]) for number in numbers]
    if wrong:
        raise GuardStop(
            TORN_OUTPUTS,
            f"topic {names.log} does not end where intake's progress says, in {len(wrong)} of {len(tails)} partitions: "
            f"{'; '.join(wrong[:SAID_AT_MOST])}. Somebody else wrote it, or records are lost",
        )
    return found


def _behind(consumer: Consumer, place: Place, tail: Message | None) -> int:
    return bounds(consumer, place)[0] if tail is None else tail.offset() + 1


def _said(end: int | None) -> str:
    return "what is none of ours" if end is None else "none" if end < GENESIS_NUMBER else str(end)


def _ahead(tails: Sequence[Message | None], progress: IntakeProgress) -> list[int]:
    """Partitions that hold more than progress knows."""
    return [
        at for at, tail in enumerate(tails) if tail is not None and (number_of(tail) or 0) >= progress.following[at]
    ]


def _numbered(messages: Sequence[Message]) -> dict[int, Message]:
    return {number: each for each in messages if (number := number_of(each)) is not None}


def _early(
    clients: Clients, names: Names, partitions: Sequence[int], progress: IntakeProgress
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """What stands in the log after the records that progress knows. Raises GuardStop where one is missing before another."""
    if not partitions:
        return
    with closing(Ends(clients, [(names.log, partition) for partition in partitions], count=TAIL)) as ends:
        for partition in partitions:
            following, place = progress.following[partition], (names.log, partition)
            # Any number of aborted copies may lie between.
            while not ends.is_whole(place) and min(_numbered(ends.messages(place)), default=following + 1) > following:
                ends.further_back(place)
            found = _numbered(ends.messages(place))
            seen = {number: digest_of(each.value() or b"") for number, each in found.items() if number >= following}
            for number in range(following, max(seen) + 1):
                if number not in seen:
                    raise GuardStop(
                        TORN_OUTPUTS,
                        f"topic {names.log}, partition {partition}: record {number} is missing before {max(seen)}: what intake had "
                        "open was ended by hand while it was at work, or somebody else wrote there. `milepost log export` takes what "
                        "counts; `milepost log import` makes a log of that, under another [kafka] generation",
                    )
                yield (partition, number), seen[number]


def progress_time(clients: Clients, names: Names) -> Instant:
    """When the brokers had the last progress that counts."""
    return _since_progress(clients, names)[0].timestamp()[1] * 1_000


def _since_progress(clients: Clients, names: Names, timeout: float = PATIENCE_SECONDS) -> list[Message]:
    """The last progress, and what stands after it; nothing where there is none."""
    place = names.directory, 0
    with closing(Ends(clients, [place], timeout, TAIL)) as ends:
        return ends.since(place, intake_progress.KEY)


def genesis_text(genesis: Genesis) -> str:
    return to_json(genesis._replace(partition=0))
