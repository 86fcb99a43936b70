"""The claim of exactly once, tried by chance: the sink, the resume and the log reader as they are, over the model of brokers.

    python -m tests.exactly_once --seeds 100000

A seed is a history: a log, a process that folds it with a light shard in place of the books, and everything that may go
wrong. The process dies in any call, its store is lost, old, ahead or another's, a process that stood still wakes up
beside its successor. After every death what readers see must be the beginning of what a plain loop makes of the log, and
in the end, when nothing goes wrong any more, all of it, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Final, NamedTuple
from unittest.mock import patch

from confluent_kafka import KafkaException
from msgspec import structs

from connectors.event_bodies import WRITERS
from connectors.kafka import log as log_module
from connectors.kafka import partitions as partitions_module
from connectors.kafka import producing as producing_module
from connectors.kafka.frame import FRAME
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import FORECAST_CURRENT, GENESIS_KEY, NUMBER_HEADER, Names
from connectors.kafka.outputs import FORECAST_UPDATES, SHARD_TOPICS, KafkaOutputs
from connectors.kafka.progress import from_bytes
from connectors.kafka.published import published
from connectors.kafka.resume import ResumeTarget, take_over
from connectors.log_records import Stored, StoredRecord, write_stored
from dataflows.accounting_kafka import check_log_goes_on
from dataflows.opening import check_place
from domain.events.reference import ExchangeRateSet
from domain.outputs import TOPICS
from state import genesis
from state.batch import Encoded, Mark, OutputProgress
from state.chain import chained
from state.genesis import Genesis
from state.guards import FENCED, HANGING_TRANSACTION, OUTPUTS_DIFFER, GuardStop
from state.store.snapshot import Damaged
from state.store.store import Meta, StoreError
from tests.brokers import COMMITTED, CONTROL, Brokers, Chances, Crashed, ModelClients, ModelMessage, Slot

SHARD: Final = 0
PARTITIONS: Final = 2
NAMES: Final = Names("", "1")
TYPES: Final = tuple(sorted(name for name in TOPICS if name != "DeadLetter"))
GENESIS: Final = genesis.to_json(Genesis("1", SHARD, PARTITIONS))
STEPS_MAX: Final = 4_000
HEALED: Final = Chances(transaction_ticks=100_000)
EVENT: Final = ExchangeRateSet("e", 1_772_400_000_000_000, "s", "spot", "EUR", "USD", date(2026, 3, 2), 10**12, 1)
BODY: Final = WRITERS[ExchangeRateSet].encode(EVENT)
# Engagements that a record without one concerns, in slices.
EVERYONE: Final = tuple(f"E{number}" for number in range(5))
# What must have happened somewhere among the seeds, or nothing was shown.
RARE: Final = (
    "crash",
    "lost_reply",
    "delayed_end",
    "hidden_retry",
    "slow_markers",
    "left_out",
    "written_again",
    "failed_delivery",
    "failed_step",
    "no_answer",
    "expired",
    "fenced",
    "fenced_open",
    "late_end_fenced",
    "late_end_in_next",
    "written_behind_the_end",
    "visible_early",
    "made_again",
    "resumed_in_a_record",
    "died_before_the_store",
    "store_lost",
    "store_old",
    "store_ahead",
    "store_of_others",
    "store_of_others_later",
    "store_moved",
    "zombie_fenced",
)


def frame_of(_topic: str, type_name: str, _rules: int) -> bytes:
    """As the registry would have numbered the schemas."""
    return FRAME.pack(0, TYPES.index(type_name) + 1)


class Wrong(AssertionError):
    """What must hold does not."""


class Kept(NamedTuple):
    """What a store holds: the books are a sum by engagement."""

    meta: Meta = Meta()
    books: tuple[tuple[str, int], ...] = ()


class Disk:
    """What of a store outlives its process; `heed` is told whatever is kept."""

    def __init__(self, heed: Callable[[Kept], None] | None = None) -> None:
        self.now = Kept()
        self.copies: list[Kept] = [self.now]
        self._heed = heed

    def keep(self, before: Meta, after: Meta, rows: Mapping[str, int]) -> None:
        """Compare and set; rows that did not change are left as they are."""
        if self.now.meta != before:
            raise StoreError("the store was moved by another process")
        self.write(after, rows)

    def write(self, after: Meta, rows: Mapping[str, int]) -> None:
        self.now = Kept(after, tuple(sorted((dict(self.now.books) | dict(rows)).items())))
        self.copies.append(self.now)
        if self._heed is not None:
            self._heed(self.now)


# Readers look at all messages again after every death.
@lru_cache(maxsize=10_000)
def said(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> tuple[object, ...]:
    """What a message says, wherever it stands."""
    return published(ModelMessage(("", SHARD), 0, Slot(key, value, headers, 0, COMMITTED))).identity


class LightShard:
    """Numbers, chains and compares as `state.shard.Shard` does; its books are sums, and every output depends on them."""

    def __init__(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> None:
        check_place(Path("store"), disk.now.meta, progress)
        self.progress = progress
        self.made_again = 0
        self._disk = disk
        self._slice_of = slice_of
        self._meta = meta = disk.now.meta
        self._books = dict(disk.now.books)
        self._changed: dict[str, int] = {}
        self.offset, self.engagement = meta.offset, meta.engagement
        self._seq = meta.next_seq
        self._input_chain, self._output_chain = meta.input_chain, meta.output_chain

    @property
    def position(self) -> tuple[int, str]:
        return self.offset, self.engagement

    def fold(self, records: Sequence[StoredRecord]) -> list[Encoded | Mark]:
        made: list[Encoded | Mark] = []
        for record in records:
            targets = [record.engagement_id] if record.engagement_id else [e for e in EVERYONE if e > self.engagement]
            taken = targets if record.engagement_id else targets[: self._slice_of()]
            for engagement_id in taken:
                self._effects(record.offset, engagement_id, made)
            if len(taken) < len(targets):
                self.engagement = taken[-1]
                break
            self._input_chain = chained(self._input_chain, record.body)
            self.offset, self.engagement = record.offset + 1, ""
            if self._seq < self.progress.next_seq and self.offset > self.progress.offset:
                raise GuardStop(OUTPUTS_DIFFER, f"{self._seq} outputs recomputed, {self.progress.next_seq} are written")
        made.append(Mark(self.offset, self.engagement, 0, self._seq, self._input_chain, self._output_chain, {}, 0))
        return made

    def commit(self, mark: Mark) -> None:
        meta = Meta(mark.offset, mark.engagement, 0, mark.next_seq, mark.input_chain, mark.output_chain)
        self._disk.keep(self._meta, meta, self._changed)
        self._meta = meta
        self._changed.clear()

    def _effects(self, offset: int, engagement_id: str, made: list[Encoded | Mark]) -> None:
        total = self._books[engagement_id] = self._books.get(engagement_id, 0) * 3 + offset + 1
        self._changed[engagement_id] = total
        for number in range(total % 4):
            body = f"{offset} {engagement_id} {total} {number} {self._seq}".encode()
            self._output_chain = chained(self._output_chain, body)
            type_name = TYPES[(total + number) % len(TYPES)]
            if self._seq >= self.progress.next_seq:
                made.append(Encoded(TOPICS[type_name], engagement_id, self._seq, type_name, body))
            else:
                self.made_again += 1
                if self._seq == self.progress.next_seq - 1 and self._output_chain != self.progress.output_chain:
                    raise GuardStop(OUTPUTS_DIFFER, "outputs recomputed from the log differ from those written")
            self._seq += 1


class ModelTime:
    """What stands for the clock: a call of a client is a hundredth of a second."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers

    def monotonic(self) -> float:
        return self._brokers.now / 100

    def sleep(self, seconds: float) -> None:
        for _ in range(max(1, int(seconds * 100))):
            self._brokers.tick()


class World:
    """One history: brokers, a log, disks, and what readers must see."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.reached: Counter[str] = Counter()
        self.chances = Chances(
            crash=random.choice((0.0, 0.002, 0.01, 0.03)),
            lost_reply=random.choice((0.0, 0.1, 0.3)),
            delayed_end=random.choice((0.0, 0.05, 0.2)),
            hidden_retry=random.choice((0.0, 0.1, 0.3)),
            slow_markers=random.choice((0.0, 0.5, 0.9)),
            left_out=random.choice((0.0, 0.0, 0.02)),
            failed_delivery=random.choice((0.0, 0.0, 0.01)),
            failed_step=random.choice((0.0, 0.02)),
            no_answer=random.choice((0.0, 0.2)),
            transaction_ticks=random.choice((10, 40, 5_000)),
        )
        self.brokers = Brokers(random)
        self.clients = ModelClients(self.brokers)
        self.target = ResumeTarget(NAMES, SHARD, PARTITIONS, "genesis", "1", frame_of, early_max=10_000)
        self._make_topics()
        self.records = random.randint(15, 60)
        self._write_log()
        self.books: dict[tuple[int, str], tuple[tuple[str, int], ...]] = {}
        self.wanted = self._oracle()
        self.disks = [Disk(self.heed)]
        self.batch = random.choice((1, 3, 10))

    # What is there before

    def _make_topics(self) -> None:
        for topic in (NAMES.log, NAMES.progress, NAMES.overrides, *(NAMES.shared(topic) for topic in SHARD_TOPICS)):
            self.brokers.create(topic, PARTITIONS)

    def _write_log(self) -> None:
        """With gaps between the offsets, as the ends of intake's transactions leave them."""
        slots = self.brokers.partition(NAMES.log, SHARD).slots
        self.brokers.append(NAMES.log, SHARD, GENESIS_KEY, GENESIS.encode())
        for number in range(self.records):
            while self.random.random() < 0.3:
                slots.append(Slot(None, None, (), 0, CONTROL))
            of = self.random.choice(("", *EVERYONE))
            value = write_stored(Stored(of, "ExchangeRateSet", WRITERS[ExchangeRateSet].schema, BODY))
            self.brokers.append(NAMES.log, SHARD, of.encode(), value, [(NUMBER_HEADER, b"%d" % number)])

    def _oracle(self) -> dict[str, list[tuple[object, ...]]]:
        """What a plain loop makes of the log, by topic."""
        log = KafkaLog(self.clients, NAMES.log, SHARD)
        disk = Disk()
        shard = LightShard(disk, OutputProgress(), lambda: 1)
        wanted: dict[str, list[tuple[object, ...]]] = {topic: [] for topic in SHARD_TOPICS}
        last: dict[str, int] = {}
        while records := log.read(shard.offset, 1):
            made = shard.fold(records)
            mark = made.pop()
            assert isinstance(mark, Mark), "a folded batch ends with its mark"
            shard.commit(mark)
            self.books[shard.position] = disk.now.books
            for one in made:
                if isinstance(one, Encoded):
                    for topic in (one.topic, FORECAST_CURRENT) if one.topic == FORECAST_UPDATES else (one.topic,):
                        identity = (one.key.encode(), one.type_name, one.output_seq, last.get(topic, -1), one.body)
                        wanted[topic].append(identity)
                        last[topic] = one.output_seq
        return wanted

    def heed(self, kept: Kept) -> None:
        """A store is never ahead of what readers see, and holds the books of its place."""
        place = (kept.meta.offset, kept.meta.engagement)
        if place > self.progress():
            raise Wrong(f"a store at {place}, progress at {self.progress()}")
        if self.books.get(place, ()) != kept.books:
            raise Wrong(f"a store at {place} with the books of another")

    # What readers see

    def progress(self) -> tuple[int, str]:
        """Decided, though the end of its transaction may not have reached the partition yet."""
        found = self.brokers.decided(NAMES.progress, SHARD)
        return from_bytes(found[-1].value or b"").place if found else (0, "")

    def visible(self, topic: str) -> list[tuple[object, ...]]:
        partition = self.brokers.partition(NAMES.shared(topic), SHARD)
        return [
            said(slot.key, slot.value, slot.headers)
            for slot in partition.slots[: partition.stable]
            if slot.state == COMMITTED
        ]

    def check(self, *, whole: bool = False) -> None:
        """Of every topic the beginning of what there should be, and nothing in another shard's partition."""
        for topic in SHARD_TOPICS:
            seen, wanted = self.visible(topic), self.wanted[topic]
            if seen != wanted[: len(seen)] or (whole and len(seen) < len(wanted)):
                at = next((at for at, one in enumerate(seen) if at >= len(wanted) or one != wanted[at]), len(seen))
                raise Wrong(f"{topic}: {len(seen)} of {len(wanted)} are visible, wrong from {at} on")
            if self.brokers.partition(NAMES.shared(topic), 1 - SHARD).slots:
                raise Wrong(f"{topic}: outputs in the partition of another shard")

    # Processes

    def process(self, disk: Disk) -> Iterator[None]:
        """From taking over to the end of the log; every step may be its last."""
        log = self.log()
        outputs = yield from self.take_over(log)
        assert outputs.written is not None, "the process that takes a shard over writes progress first"
        check_log_goes_on(log, outputs.written, SHARD)
        shard = self.opened(disk, outputs.progress)
        began_empty = disk.now.meta == Meta()
        if shard.engagement:
            self.reached["resumed_in_a_record"] += 1
        while True:
            yield
            records = log.read(shard.offset, self.batch)
            if not records:
                if log.is_at_end:
                    break
                continue
            try:
                self.turn(outputs, shard, records)
            except GuardStop as stop:
                if stop.code == OUTPUTS_DIFFER and not began_empty:
                    self.reached["store_of_others_later"] += 1
                    disk.now = Kept()
                    raise Crashed from stop
                raise
        self.reached["made_again"] += shard.made_again > 0

    def turn(self, outputs: KafkaOutputs, shard: LightShard, records: Sequence[StoredRecord]) -> None:
        """One batch. A step that fails half-way still closes the sink, as the engine does it."""
        made = shard.fold(records)
        if self.brokers.happens("failed_step"):
            outputs.write(made[: len(made) // 2])
            self.close(outputs, made)
            raise Crashed
        before = outputs.suppressed
        mark = outputs.write(made)
        assert mark is not None, "a folded batch ends with its mark"
        self.reached["visible_early"] += outputs.suppressed > before
        self.commit(outputs, shard, mark)

    def commit(self, outputs: KafkaOutputs, shard: LightShard, mark: Mark) -> None:
        outputs.commit(mark)
        if self.brokers.happens("crash"):
            self.reached["died_before_the_store"] += 1
            raise Crashed
        shard.commit(mark)

    def close(self, outputs: KafkaOutputs, made: Sequence[Encoded | Mark]) -> None:
        outputs.close()

    def opened(self, disk: Disk, progress: OutputProgress) -> LightShard:
        """What is ahead of the outputs, or belongs to others, is dropped."""
        slice_of = partial(self.random.randint, 1, 4)
        try:
            return self.shard_over(disk, progress, slice_of)
        except Damaged as fault:
            self.reached["store_ahead" if "ahead" in str(fault) else "store_of_others"] += 1
            disk.now = Kept()
            return self.shard_over(disk, progress, slice_of)

    def shard_over(self, disk: Disk, progress: OutputProgress, slice_of: Callable[[], int]) -> LightShard:
        return LightShard(disk, progress, slice_of)

    def log(self) -> KafkaLog:
        return KafkaLog(self.clients, NAMES.log, SHARD)

    def take_over(self, log: KafkaLog) -> Generator[None, None, KafkaOutputs]:
        yield
        return take_over(self.clients, self.target, log, tell=self.hear).outputs

    def hear(self, told: str) -> None:
        self.reached["written_again"] += "they are written again as they were" in told

    def disk(self) -> Disk:
        """For the next process: as the last one left it, or as disks are found after an accident."""
        disk = self.random.choice(self.disks)
        match self.random.choice(("as it is", "as it is", "lost", "old", "ahead", "of others", "new")):
            case "lost":
                self.reached["store_lost"] += 1
                disk.now = Kept()
            case "old":
                self.reached["store_old"] += disk.now != disk.copies[0]
                disk.now = self.random.choice(disk.copies)
            case "ahead":
                meta = disk.now.meta
                disk.now = disk.now._replace(meta=structs.replace(meta, offset=meta.offset + 100))
            case "of others":
                disk.now = disk.now._replace(meta=structs.replace(disk.now.meta, output_chain=b"others"))
            case "new":
                disk = Disk(self.heed)
                self.disks.append(disk)
        return disk


def play(seed: int, world_of: Callable[[int], World] = World) -> Counter[str]:
    """One seed. Raises Wrong; the branches that it has reached."""
    world = world_of(seed)
    brokers, random = world.brokers, world.random
    clock = ModelTime(brokers)
    running: Iterator[None] | None = None
    paused: list[Iterator[None]] = []
    heal_at = random.randint(50, 400)
    brokers.chances = world.chances
    with (
        patch.object(log_module, "time", clock),
        patch.object(partitions_module, "time", clock),
        patch.object(producing_module, "time", clock),
    ):
        for step in range(STEPS_MAX):
            if step == heal_at:
                brokers.chances = HEALED
                brokers.settle()
            if running is None:
                # Somebody may have seen what hangs before the next process does; nobody else is at work then.
                if not paused and random.random() < 0.5:
                    brokers.abort_left_out()
                world.check()
                running = world.process(world.disk())
            if not advance(world, running):
                if step > heal_at and not paused and is_done(world):
                    break
                running = None
            elif step < heal_at and random.random() < 0.03:
                paused.append(running)
                running = None
            if paused and random.random() < 0.2:
                awake = random.choice(paused)
                if not advance(world, awake, is_zombie=True):
                    paused.remove(awake)
        else:
            raise Wrong(f"not at the end after {STEPS_MAX} steps")
    brokers.settle()
    world.check(whole=True)
    if not brokers.is_at_rest():
        raise Wrong("a transaction is left open")
    return world.reached + brokers.reached


def is_done(world: World) -> bool:
    return all(len(world.visible(topic)) == len(world.wanted[topic]) for topic in SHARD_TOPICS)


def advance(world: World, steps: Iterator[None], *, is_zombie: bool = False) -> bool:
    """Whether the process is still alive. What ends one in order is known; whatever else it raises is a fault."""
    try:
        next(steps)
    except (StopIteration, Crashed):
        return False
    except KafkaException:
        world.reached["gave_up"] += 1
        return False
    except StoreError:
        world.reached["store_moved"] += 1
        return False
    except GuardStop as stop:
        if stop.code == HANGING_TRANSACTION and world.brokers.abort_left_out():
            return False
        if stop.code != FENCED:
            raise Wrong(f"stopped with {stop.code}: {stop}") from stop
        world.reached["zombie_fenced"] += is_zombie
        return False
    return True


def play_many(seeds: Sequence[int], world_of: Callable[[int], World] = World) -> tuple[Counter[str], dict[int, str]]:
    """What was reached, and what went wrong by seed."""
    reached: Counter[str] = Counter()
    wrong: dict[int, str] = {}
    for seed in seeds:
        try:
            reached += play(seed, world_of)
        except Wrong as fault:
            wrong[seed] = str(fault)
    return reached, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Exactly once over a model of brokers, by chance.")
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    chosen = parser.parse_args()
    started = time.perf_counter()
    reached, wrong = play_many(range(chosen.first, chosen.first + chosen.seeds))
    for name in sorted({*RARE, *reached}):
        sys.stdout.write(f"{name:<28}{reached[name]:>12,}\n")
    for seed, what in sorted(wrong.items())[:20]:
        sys.stdout.write(f"seed {seed}: {what}\n")
    never = [name for name in RARE if not reached[name]]
    if never:
        sys.stdout.write(f"never reached: {', '.join(never)}\n")
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{chosen.seeds - len(wrong):,} passed, {len(wrong):,} failed in {seconds:.1f} s\n")
    return 1 if wrong or never else 0


if __name__ == "__main__":
    sys.exit(main())
