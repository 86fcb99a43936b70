"""Takes a shard over: the process that had it is fenced, what it left is looked at, and the outputs go on exactly after it.

The order matters. Fencing comes first, so that nothing is written any more after what is looked at; then everything
open must have ended, as it could still become visible; then progress is read, which is the least that is good, and the
tail of every output partition, which is the truth:

- a tail after progress: an output was lost with its transaction. Where brokers still hold it, as its transaction was
  aborted there by hand, it is written again as it was; else the shard stops, and `milepost repair` writes exactly what is
  missing;
- a tail ahead of progress: part of the next batch became visible early; it is made again, compared and passed over;
- what somebody else has written stops the shard, unless progress says that a person has named it: nobody looks at that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

from confluent_kafka import KafkaException

from connectors.decode_error import DecodeError
from connectors.kafka import partitions, progress, withdrawn
from connectors.kafka.clients import Clients, Message, Producer
from connectors.kafka.ends import Ends
from connectors.kafka.log_writer import Produced
from connectors.kafka.names import FORECAST_CURRENT, Names
from connectors.kafka.outputs import (
    SHARD_TOPICS,
    Early,
    FrameOf,
    Identity,
    KafkaOutputs,
    Places,
    Visible,
    check_fenced,
    raise_reason,
)
from connectors.kafka.partitions import Place, failed, read_on, unreachable
from connectors.kafka.producing import commit, initialise, produce
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.published import Published, published
from connectors.kafka.settings import TIMED_OUT_MARGIN_SECONDS
from connectors.kafka.topics import is_empty
from state.guards import (
    HANGING_TRANSACTION,
    OTHER_GENERATION,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    WRONG_TOPIC_SETTINGS,
    GuardStop,
)
from state.overrides import Overrides, digest_before

# Of these the brokers drop what has a newer record with the same key.
COMPACTED: Final = frozenset({FORECAST_CURRENT, "project.views"})
FOREIGN_SHOWN: Final = 50


class ResumeTarget(NamedTuple):
    """Which shard, of which log, and under which rules that begins. `early_max` is the most that one batch could make."""

    names: Names
    shard: int
    partitions: int
    genesis: str
    rules: str
    frame_of: FrameOf
    transaction_timeout: float = 60.0
    timeout: float = 30.0
    early_max: int = 50_000

    @property
    def output_topics(self) -> dict[str, str]:
        """As they are called here, and at the brokers."""
        return {topic: self.names.shared(topic) for topic in SHARD_TOPICS}


# By topic, the offsets of records that none of our shards has written, and that a person has named.
Foreign = Mapping[str, Sequence[int]]


class Tail(NamedTuple):
    """The end of what readers see of a topic's partition: our generation's outputs by number; the first offset that is there.

    `first` is the output there, where others of ours before it are gone since progress was written.
    """

    records: Mapping[int, Published]
    start: int = 0
    first: Published | None = None

    @property
    def last(self) -> int:
        return max(self.records, default=-1)


class TakenOver(NamedTuple):
    """The outputs of a shard, and the records of its log that it passes over."""

    outputs: KafkaOutputs
    passed_over: Overrides


class ShardStanding(NamedTuple):
    """What the brokers hold of a shard."""

    written: WrittenProgress | None
    tails: Mapping[str, Tail]
    topic_ids: Mapping[str, str]

    @property
    def starts(self) -> dict[str, int]:
        return {topic: found.start for topic, found in self.tails.items() if found.start > 0}

    @property
    def foreign(self) -> Foreign:
        return self.written.foreign if self.written is not None else {}


def take_over(
    clients: Clients,
    target: ResumeTarget,
    places: Places,
    overrides: Callable[[], Overrides] = dict,
    tell: Callable[[str], None] = partitions.untold,
    wait: Callable[[float], None] = partitions.unasked,
) -> TakenOver:
    """The outputs of a shard, good up to its progress. Raises GuardStop where going on could lose or double, and what `wait` raises.

    `overrides` is asked once nobody else can write any, so that what is passed over is what stays.
    """
    topic_ids = described(clients, target)
    producer = fence(clients, target)
    await_ends(clients, target, tell, wait)
    passed_over = overrides()
    standing = look(clients, target, topic_ids)
    check_topics(standing.written, standing.topic_ids, target)
    if lost := withdrawn_outputs(clients, target, standing):
        tell(
            f"shard {target.shard}: {len(lost)} outputs count and were aborted where the mark of their transaction was left out; "
            "they are written again as they were"
        )
        write_again(producer, lost, target)
        await_ends(clients, target, tell, wait)
        standing = look(clients, target, topic_ids)
    early = early_of(standing, target)
    names, shard = target.names, target.shard
    identity = Identity(
        names.generation, shard, target.genesis, target.rules, topic_ids, standing.starts, standing.foreign
    )
    outputs = KafkaOutputs(
        producer,
        target.names,
        identity,
        target.frame_of,
        standing.written,
        early,
        target.transaction_timeout,
        places,
        partial(digest_before, passed_over),
    )
    outputs.claim()
    return TakenOver(outputs, passed_over)


def described(clients: Clients, target: ResumeTarget) -> dict[str, str]:
    """The ids of all topics that the shard reads or writes.

    Raises GuardStop where one is missing or has another number of partitions. More of them do no harm to outputs, which are
    written and read by the shard's number, as long as they are empty.
    """
    names = [target.names.log, target.names.progress, *target.output_topics.values()]
    try:
        found = clients.topics(names)
        spare = {
            name
            for name in target.output_topics.values()
            if (state := found[name]) is not None
            and state.partitions > target.partitions
            and is_empty(clients, name, range(target.partitions, state.partitions))
        }
    except KafkaException as fault:
        raise failed(fault) from fault
    missing = [name for name in names if found[name] is None]
    if missing:
        raise GuardStop(
            WRONG_TOPIC_SETTINGS,
            f"topics are missing: {', '.join(missing)}. `milepost topics create` makes them, where they never were; a topic "
            "that held something has to be put back from its copy",
        )
    ids = {}
    for name, state in found.items():
        assert state is not None, "none is missing"
        if state.partitions != target.partitions and name not in spare:
            raise GuardStop(
                TOPIC_CHANGED,
                f"{name} has {state.partitions} partitions, expected {target.partitions}: their number is fixed for a generation, "
                "or records would move from shard to shard, and outputs of all generations share their topics. To have more, begin again "
                "under another [kafka] prefix",
            )
        ids[name] = state.id
    return ids


def fence(clients: Clients, target: ResumeTarget) -> Producer:
    """From here on nobody who had the shard before can write."""
    producer = clients.producer(target.names.shard_writer(target.shard))
    try:
        initialise(producer, target.timeout)
    except KafkaException as fault:
        check_fenced(target.shard, fault)
        if fault.args[0].retriable():
            raise failed(fault) from fault
        raise
    return producer


def await_ends(
    clients: Clients,
    target: ResumeTarget,
    tell: Callable[[str], None] = partitions.untold,
    wait: Callable[[float], None] = partitions.unasked,
) -> None:
    """Wait until everything written to the shard's partitions is decided; the brokers end what is open in time."""
    patience = target.transaction_timeout + TIMED_OUT_MARGIN_SECONDS
    topics = (target.names.progress, target.names.overrides, *target.output_topics.values())
    places = [(topic, target.shard) for topic in topics]
    if left := partitions.await_ends(clients, places, patience, tell, wait):
        (topic, _), offset = next(iter(left.items()))
        raise GuardStop(
            HANGING_TRANSACTION,
            f"{topic}, partition {target.shard}: a transaction that holds offset {offset} has not ended within {patience:g} seconds; "
            f"readers see nothing after it. See whose it is, and end it with `kafka-transactions.sh abort --topic {topic} "
            f"--partition {target.shard} --start-offset {offset}`",
        )


# Looking


def look(clients: Clients, target: ResumeTarget, topic_ids: Mapping[str, str]) -> ShardStanding:
    places = {topic: (full, target.shard) for topic, full in target.output_topics.items()}
    with closing(Ends(clients, [(target.names.progress, target.shard), *places.values()], target.timeout)) as ends:
        written = last_progress(ends, target)
        known = written.topics if written is not None else {}
        foreign = written.foreign if written is not None else {}
        ends.pass_over({place: foreign.get(topic, ()) for topic, place in places.items()})
        tails = {topic: tail(ends, place, target, known.get(topic, -1)) for topic, place in places.items()}
        starts = written.starts if written is not None else {}
        cut = {topic: place for topic, place in places.items() if ends.low(place) > starts.get(topic, 0)}
    for topic, place in cut.items():
        first = _first_of(clients, place, tails[topic].start, target, foreign.get(topic, ()))
        # What was repaired stands later than what came after it, the very first output perhaps too.
        if first is not None and (first.before >= 0 or topic in starts):
            tails[topic] = tails[topic]._replace(first=first)
    return ShardStanding(written, tails, topic_ids)


def _first_of(
    clients: Clients, place: Place, start: int, target: ResumeTarget, foreign: Sequence[int]
) -> Published | None:
    """None where it is not of our generation: what is gone before it is none of ours."""
    with closing(clients.consumer()) as consumer, closing(read_on(consumer, {place: start}, target.timeout)) as records:
        found = next((each for each in records if each.offset() not in foreign), None)
    first = None if found is None else _parsed(found)
    return first if first is not None and first.generation == target.names.generation else None


def last_progress(ends: Ends, target: ResumeTarget) -> WrittenProgress | None:
    """None where the shard has never committed anything."""
    found = ends.since((target.names.progress, target.shard), target.names.generation.encode())
    return _read_progress(found[0]) if found else None


def written_progress(clients: Clients, target: ResumeTarget) -> WrittenProgress | None:
    with closing(Ends(clients, [(target.names.progress, target.shard)], target.timeout)) as ends:
        return last_progress(ends, target)


def _read_progress(message: Message) -> WrittenProgress:
    try:
        return progress.from_bytes(message.value() or b"")
    except ValueError as fault:
        raise GuardStop(
            PROGRESS_MISSING,
            f"{message.topic()}, partition {message.partition()}, offset {message.offset()}: progress cannot be read: {fault}. "
            "Only accounting may write to this topic; find out who did",
        ) from fault


def tail(ends: Ends, place: Place, target: ResumeTarget, known: int) -> Tail:
    """Back to an output that progress knows; further where that is not found among the last."""
    while True:
        ours, follows_other = _ours(ends.messages(place), target)
        found = Tail(ours, ends.low(place))
        is_enough = bool(ours) and found.last >= known and min(ours) <= max(known, 0)
        is_all = follows_other and (bool(ours) or known < 0)
        if is_enough or is_all or ends.is_whole(place) or len(ours) > target.early_max:
            _check_last_generation(place, ends.messages(place), found, target)
            return found
        ends.further_back(place)


def _check_last_generation(place: Place, messages: list[Message], found: Tail, target: ResumeTarget) -> None:
    """The process that begins a generation fences the one before, so that nothing of another comes after what is ours."""
    last = _parsed(messages[-1]) if messages and found.records else None
    if last is not None and last.generation != target.names.generation:
        raise GuardStop(
            OTHER_GENERATION,
            f"{place[0]}, partition {place[1]}, offset {messages[-1].offset()}: generation {last.generation} has written after generation "
            f"{target.names.generation}, which these settings name. It has taken its place, and nothing is written here any more. "
            "Correct [kafka] generation, or stop this process for good",
        )


def _ours(messages: list[Message], target: ResumeTarget) -> tuple[dict[int, Published], bool]:
    """Of our generation and shard, and whether others come before them."""
    found: dict[int, Published] = {}
    follows_other = False
    for message in messages:
        one = _parsed(message)
        if one is None or one.generation != target.names.generation:
            follows_other = follows_other or not found
            continue
        if one.shard != target.shard:
            raise _strange(message, f"it holds an output of shard {one.shard}")
        if one.output_seq in found:
            raise _strange(message, f"output {one.output_seq} is there twice")
        found[one.output_seq] = one
    return found, follows_other


def _parsed(message: Message) -> Published | None:
    try:
        return published(message)
    except DecodeError as fault:
        raise _strange(message, f"it holds what no shard has written: {fault}") from fault


# Writing again


def withdrawn_outputs(clients: Clients, target: ResumeTarget, standing: ShardStanding) -> list[Produced]:
    """What progress tells of and readers do not see, in the order of each topic; nothing where brokers do not hold all of it."""
    if standing.written is None:
        return []
    known = standing.written.topics
    short = {
        topic: (found, known[topic]) for topic, found in standing.tails.items() if found.last < known.get(topic, -1)
    }
    starts = {
        (target.output_topics[topic], target.shard): max(
            (each.at + 1 for each in found.records.values()), default=found.start
        )
        for topic, (found, _) in short.items()
    }
    held = withdrawn.everything_from(clients, starts, target.timeout)
    again = []
    for topic, (found, last) in short.items():
        left_out = standing.foreign.get(topic, ())
        place = (target.output_topics[topic], target.shard)
        ours = [message for message in held[place] if message.offset() not in left_out]
        messages = _outputs_between(ours, found.last, last, target)
        if messages is None:
            return []
        again += [withdrawn.as_it_was(message) for message in messages]
    return again


def _outputs_between(messages: Sequence[Message], before: int, last: int, target: ResumeTarget) -> list[Message] | None:
    """After output `before` and up to output `last`, where none is missing, each as it was written last."""
    ours = {}
    for message in messages:
        one = _readable(message)
        if one is not None and (one.generation, one.shard) == (target.names.generation, target.shard):
            ours[one.output_seq] = one, message
    found: list[Message] = []
    while last > before:
        if last not in ours:
            return None
        one, message = ours[last]
        found.append(message)
        last = one.before
    return found[::-1] if last == before else None


def write_again(producer: Producer, records: Sequence[Produced], target: ResumeTarget) -> None:
    """In a transaction of their own. What of it is seen early is seen, and is not short the next time."""
    try:
        producer.begin_transaction()
        for topic, value, key, partition, told in records:
            produce(producer, target.timeout, topic, value, key, partition, headers=told)
        if left := producer.flush(target.timeout):
            raise unreachable(
                f"{left} outputs of shard {target.shard} were not taken within {target.timeout:g} seconds"
            )
        commit(producer, target.timeout)
    except KafkaException as fault:
        raise_reason(target.shard, producer, fault)


# Comparing


def check_topics(
    written: WrittenProgress | None, topic_ids: Mapping[str, str], target: ResumeTarget, accepted: Sequence[str] = ()
) -> None:
    """Progress speaks of the topics and the genesis that are there now; `accepted` are topics of outputs that may be others."""
    if written is None:
        return
    outputs = {full: topic for topic, full in target.output_topics.items()}
    for name, known in sorted(written.topic_ids.items()):
        found = topic_ids.get(name)
        if found is not None and found != known and outputs.get(name) not in accepted:
            way_out = (
                "Everything that it held follows from the log: with its records put back from a copy, or empty, "
                f"`milepost repair --shard {target.shard} --accept-topic {outputs[name]}` compares it with the log and writes what "
                "is missing"
                if name in outputs
                else "What it held is gone; put it back from its copy, or begin another generation"
            )
            raise GuardStop(
                TOPIC_CHANGED,
                f"topic {name} was deleted and made again: its id is {found}, shard {target.shard} has written with {known}. {way_out}",
            )
    if written.genesis != target.genesis:
        raise GuardStop(
            OTHER_GENERATION,
            f"shard {target.shard}: the log begins with another genesis ({target.genesis}) than the outputs were made from "
            f"({written.genesis}). Put back the log that belongs to these outputs, or begin another generation",
        )


def early_of(standing: ShardStanding, target: ResumeTarget) -> Early:
    """What is visible after progress, by topic. Raises GuardStop where something before it is not."""
    known = standing.written.topics if standing.written is not None else {}
    early = {}
    for topic, found in standing.tails.items():
        last = known.get(topic, -1)
        _check_nothing_lost(topic, found, last, target)
        beyond = {number: one for number, one in found.records.items() if number > last}
        if beyond and (standing.written is None or len(beyond) > target.early_max):
            raise GuardStop(
                PROGRESS_MISSING,
                f"shard {target.shard}: {target.output_topics[topic]} goes on to output {found.last}, progress says "
                f"{last if standing.written is not None else 'nothing at all'}: progress was lost or put back. "
                f"Put back {target.names.progress} from its copy, or let `milepost repair --shard {target.shard}` work it out from the log",
            )
        if beyond:
            visible = {number: one.identity for number, one in beyond.items()}
            early[topic] = Visible(found.last, visible, found.last + 1 if topic in COMPACTED else 0)
    return early


class Everything(NamedTuple):
    """All that is on the topics of a shard, with holes to be filled; the first offsets that are there, where not 0."""

    visible: Early
    starts: Mapping[str, int]
    # By topic and offset, what a person has named as foreign; None where it is no output of this shard.
    named: Mapping[str, Mapping[int, Published | None]] = {}

    @property
    def last(self) -> int:
        """The highest number of an output, -1 where there is none."""
        return max((one.last for one in self.visible.values()), default=-1)


def everything(clients: Clients, target: ResumeTarget, foreign: Foreign) -> Everything:
    """Of our generation, but for what is foreign. In memory: 1 kB and more for each output."""
    places = {topic: (full, target.shard) for topic, full in target.output_topics.items()}
    with closing(Ends(clients, list(places.values()), target.timeout, math.inf)) as ends:
        visible = {}
        starts = {topic: ends.low(place) for topic, place in places.items() if ends.low(place) > 0}
        named = {topic: _held(ends, place, foreign.get(topic, ()), target) for topic, place in places.items()}
        ends.pass_over({place: foreign.get(topic, ()) for topic, place in places.items()})
        _check_ours(ends, places, target)
        for topic, place in places.items():
            ours, _ = _ours(ends.messages(place), target)
            last = max(ours, default=-1)
            records = {number: one.identity for number, one in ours.items()}
            visible[topic] = Visible(last, records, last + 1 if topic in COMPACTED else 0, fills_holes=True)
    return Everything(visible, starts, {topic: held for topic, held in named.items() if held})


def _held(ends: Ends, place: Place, offsets: Sequence[int], target: ResumeTarget) -> dict[int, Published | None]:
    """What stands at offsets that a person has named; None for what is no output of this shard."""
    found: dict[int, Published | None] = {}
    for message in ends.messages(place):
        if message.offset() in offsets:
            one = _readable(message)
            is_ours = one is not None and (one.generation, one.shard) == (target.names.generation, target.shard)
            found[message.offset()] = one if is_ours else None
    return found


def _readable(message: Message) -> Published | None:
    try:
        return published(message)
    except DecodeError:
        return None


def _check_ours(ends: Ends, places: Mapping[str, Place], target: ResumeTarget) -> None:
    """Raises GuardStop with all that is foreign, so that it is looked at once."""
    foreign = []
    for topic, place in places.items():
        seen: set[int] = set()
        for message in ends.messages(place):
            one = _readable(message)
            if one is not None and one.generation != target.names.generation:
                continue
            if one is None or one.shard != target.shard or one.output_seq in seen:
                foreign.append(f"--foreign {topic}:{message.offset()}")
            else:
                seen.add(one.output_seq)
    if foreign:
        shown = " ".join(foreign[:FOREIGN_SHOWN])
        more = f", and {len(foreign) - FOREIGN_SHOWN:,} more" if len(foreign) > FOREIGN_SHOWN else ""
        raise GuardStop(
            TORN_OUTPUTS,
            f"shard {target.shard}: {len(foreign):,} records on its topics were written by somebody else{more}. Look at each, find out who "
            f"wrote it and take away the right; then `milepost repair --shard {target.shard} {shown}` lets everybody pass over these. "
            "Nothing was written",
        )


def _check_nothing_lost(topic: str, found: Tail, last: int, target: ResumeTarget) -> None:
    full = target.output_topics[topic]
    if last > found.last:
        there = found.last if found.last >= 0 else "none"
        raise _torn(full, target.shard, f"progress says that output {last} was written, the last one there is {there}")
    if topic in COMPACTED:
        return
    if found.first is not None:
        raise _torn(
            full,
            target.shard,
            f"the topic keeps everything, and begins at offset {found.start} with output {found.first.output_seq} now; "
            "what stood before it is missing",
        )
    # In the order of offsets; what was repaired stands later than what came after it.
    for one, following in pairwise(found.records.values()):
        if following.output_seq > one.output_seq and following.before not in found.records:
            raise _torn(
                full, target.shard, f"output {following.before}, which comes before {following.output_seq}, is missing"
            )


def _torn(topic: str, shard: int, what: str) -> GuardStop:
    return GuardStop(
        TORN_OUTPUTS,
        f"{topic}, partition {shard}: {what}. Outputs were lost or written by somebody else. "
        f"`milepost repair --shard {shard}` makes them again from the log and writes exactly those that are missing",
    )


def _strange(message: Message, what: str) -> GuardStop:
    """Anyone who reads the topic meets it too, so that a person says that it is to be passed over."""
    shard = message.partition()
    return GuardStop(
        TORN_OUTPUTS,
        f"{message.topic()}, partition {shard}, offset {message.offset()}: {what}. Somebody else has written to the topic: find out who, "
        f"and take away the right. `milepost repair --shard {shard} --dry-run` names all such records, and with --foreign TOPIC:OFFSET "
        "for each the shard goes on and passes over these",
    )
