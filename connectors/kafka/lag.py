"""How far behind intake, the shards and delivery are, from the brokers alone: it says so while nothing of Milepost runs.

A shard's place and its log are counted in records, which are dense; intake's are offsets of its topics, among which the
marks of producers' transactions count until the topic is at its end. So are delivery's, which has read what it says; what waits for an
ERP since then is its own matter, on its page of metrics.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from connectors.kafka import intake_progress, progress
from connectors.kafka.clients import Clients, Message
from connectors.kafka.delivery_rounds import StoredRound, last_rounds
from connectors.kafka.ends import Ends
from connectors.kafka.log import number_of
from connectors.kafka.lost_topics import Lost
from connectors.kafka.names import GENESIS_KEY, Names
from connectors.kafka.partitions import Place, bounds, read_on
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.topics import INPUT_TOPICS
from state.guards import LOG_MISSING, PROGRESS_MISSING, TOPIC_CHANGED, GuardStop

TAIL: Final = 16.0
MILLISECONDS: Final = 1_000
# Before the name of the ERP account, as a dataflow.
DELIVERED: Final = "delivery"


class Lag(NamedTuple):
    """One partition: where it ends, what comes next of it, and since when that waits, in seconds; 0 where nothing does."""

    dataflow: str
    topic: str
    partition: int
    end: int
    place: int
    records: int
    seconds: float


def lags(clients: Clients, names: Names, timeout: float, lost: Sequence[Lost] = ()) -> list[Lag]:
    """Intake's topics, then the shards. Raises GuardStop where there is no log, or the brokers do not answer.

    Of a topic that was `lost` and made again nothing is taken: what intake and the shards took was in the one before.
    """
    there = clients.topics(looked_at(names))
    log = there[names.log]
    if log is None or any(there[name] is None for name in _own(names)):
        if gone := [each for each in lost if not each.is_there]:
            raise GuardStop(TOPIC_CHANGED, ". ".join(map(str, gone)))
        missing = ", ".join(name for name in _own(names) if there[name] is None)
        raise GuardStop(LOG_MISSING, f"there is no topic {missing}; `milepost topics create` makes what was never made")
    at = time.time()
    inputs = {
        name: state.partitions
        for name, state in there.items()
        if state is not None and name not in (*_own(names), names.delivery)
    }
    recreated = {each.topic for each in lost}
    delivered = {} if there[names.delivery] is None else last_rounds(clients, names, timeout)
    with_ends = [(topic, shard) for topic in (names.log, names.progress) for shard in range(log.partitions)]
    with closing(Ends(clients, [*with_ends, (names.directory, 0)], timeout, TAIL)) as ends:
        taken = {place: offset for place, offset in _taken(ends, names).items() if place[0] not in recreated}
        ours = [
            _Stand.of_shard(ends, names, shard, is_recreated=not recreated.isdisjoint(_own(names)))
            for shard in range(log.partitions)
        ]
    stands = [*_inputs(clients, names, inputs, taken, timeout), *ours, *_delivered(clients, names, delivered, timeout)]
    firsts = _firsts(clients, {(each.at, each.offset) for each in stands if each.end > each.place}, timeout)
    return [each.lag(firsts.get((each.at, each.offset)), at) for each in stands]


class _Stand(NamedTuple):
    """A partition, and the offset from which on the next record comes."""

    dataflow: str
    topic: str
    at: Place
    end: int
    place: int
    offset: int

    @classmethod
    def of_shard(cls, ends: Ends, names: Names, shard: int, *, is_recreated: bool) -> _Stand:
        written = None if is_recreated else _written(ends, names, shard)
        end = _numbered_end(ends, (names.log, shard))
        low = ends.low((names.log, shard))
        place, offset = (0, low) if written is None else (written.offset, max(written.log_at, low))
        return cls("accounting", "engagement.log", (names.log, shard), end, place, offset)

    def lag(self, first: Message | None, now: float) -> Lag:
        """Where nothing comes from the offset on, what stands there are marks."""
        if first is None:
            return Lag(self.dataflow, self.topic, self.at[1], self.end, self.end, 0, 0.0)
        seconds = max(now - first.timestamp()[1] / MILLISECONDS, 0.0)
        return Lag(
            self.dataflow, self.topic, self.at[1], self.end, self.place, self.end - self.place, round(seconds, 3)
        )


def looked_at(names: Names) -> list[str]:
    """The topics that are asked for."""
    return [*_own(names), names.delivery, *map(names.shared, INPUT_TOPICS)]


def _own(names: Names) -> tuple[str, ...]:
    return names.log, names.progress, names.directory


def _inputs(
    clients: Clients, names: Names, partitions: Mapping[str, int], taken: Mapping[Place, int], timeout: float
) -> list[_Stand]:
    with closing(clients.consumer()) as consumer:
        found = []
        for topic, count in partitions.items():
            for partition in range(count):
                low, end = bounds(consumer, (topic, partition), timeout)
                place = taken.get((topic, partition), low)
                short = topic.removeprefix(names.prefix)
                found.append(_Stand("intake", short, (topic, partition), end, place, max(place, low)))
        return found


def _delivered(clients: Clients, names: Names, rounds: Mapping[str, StoredRound], timeout: float) -> list[_Stand]:
    """The output topics that delivery to each ERP account reads."""
    with closing(clients.consumer()) as consumer:
        found = []
        for erp, last in sorted(rounds.items()):
            for name, place in sorted(last.places.items()):
                topic, _, partition = name.rpartition("/")
                at = names.shared(topic), int(partition)
                low, end = bounds(consumer, at, timeout)
                found.append(_Stand(f"{DELIVERED}/{erp}", topic, at, end, place, max(place, low)))
        return found


def _taken(ends: Ends, names: Names) -> Mapping[Place, int]:
    """How far intake has taken each partition in; nothing where it has never run."""
    found = ends.since((names.directory, 0), intake_progress.KEY)
    return intake_progress.from_bytes(found[0].value() or b"").inputs if found else {}


def _written(ends: Ends, names: Names, shard: int) -> WrittenProgress | None:
    found = ends.since((names.progress, shard), names.generation.encode())
    try:
        return progress.from_bytes(found[0].value() or b"") if found else None
    except ValueError as fault:
        raise GuardStop(PROGRESS_MISSING, f"{names.progress}, partition {shard}: the last record is {fault}") from fault


def _numbered_end(ends: Ends, place: Place) -> int:
    """After the last record of the log; 0 where it has only its genesis, or not even that."""
    while True:
        for message in reversed(ends.messages(place)):
            if (number := number_of(message)) is not None:
                return number + 1
        if ends.is_whole(place):
            return 0
        ends.further_back(place)


def _firsts(clients: Clients, starts: set[tuple[Place, int]], timeout: float) -> dict[tuple[Place, int], Message]:
    """The first numbered or foreign record of each partition from an offset on; genesis is none."""
    found: dict[tuple[Place, int], Message] = {}
    # Several ERP accounts read the same topics from places of their own.
    rounds: list[dict[Place, int]] = []
    for place, offset in sorted(starts):
        free = next((each for each in rounds if place not in each), None)
        if free is None:
            rounds.append(free := {})
        free[place] = offset
    with closing(clients.consumer()) as consumer:
        for each in rounds:
            left = set(each)
            with closing(read_on(consumer, each, timeout, left)) as messages:
                for message in messages:
                    at = message.topic(), message.partition()
                    if message.key() != GENESIS_KEY:
                        found.setdefault((at, each[at]), message)
                        left.discard(at)
        return found
