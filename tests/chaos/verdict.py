"""What must hold in the end, each by name: the log read once by a plain loop decides."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING

from connectors.avro_codec import DEAD_LETTER_CODEC, OUTPUT_CODECS
from connectors.event_bodies import READERS
from connectors.kafka import progress
from connectors.kafka.clients import Message
from connectors.kafka.frame import unframed
from connectors.kafka.names import DEAD_LETTERS, FORECAST_CURRENT, GENESIS_KEY, NUMBER_HEADER
from connectors.kafka.outputs import FORECAST_UPDATES, SHARD_TOPICS
from connectors.kafka.partitions import read_to_end
from connectors.kafka.published import Published, published
from connectors.log_records import StoredRecord, read_stored
from dataflows.embedded import ENCODERS, decode_event, seldom_collecting
from domain.outputs import JournalEntry
from state.batch import BATCH_RECORDS, Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.intake.partition import partition_of
from state.rules import RULES
from state.shard import Shard
from state.store.store import Store
from tests.chaos.hanging import all_places, still_open
from tests.chaos.processes import Worker
from tests.chaos.producing import Place, Sent, unarrived
from tests.chaos.site import Site
from tests.chaos.watching import digest

# Written by intake and its clock alone.
INTAKES_OWN: Final = frozenset({"DayEnded", "IntakeNoticed"})
# What may concern several engagements, each of which has it once; all else is one engagement's or everybody's.
FOR_SEVERAL: Final = frozenset(
    {"ContractSigned", "ContractAmended", "ContractTerminated", "BillingHoldPlaced", "BillingHoldReleased"}
)


class Invariant(NamedTuple):
    """`faults` are what contradicts it, in words."""

    name: str
    what: str
    faults: tuple[str, ...]
    looked_at: str = ""

    @property
    def holds(self) -> bool:
        return not self.faults


class Logged(NamedTuple):
    """The log's records of one partition as they are committed."""

    shard: int
    records: Sequence[StoredRecord]
    numbers: Sequence[int]


class Faults:
    """By invariant."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[str]] = defaultdict(list)
        self.looked_at: Counter[str] = Counter()

    def add(self, name: str, fault: str) -> None:
        self.found[name].append(fault)


def judged(
    site: Site,
    seen: Mapping[tuple[str, int], Sequence[bytes]],
    sent: Mapping[str, Sent],
    hostile: set[Place],
    workers: Iterable[Worker],
    needs_person: Sequence[str],
    is_settled: bool,
) -> list[Invariant]:
    faults = Faults()
    sums: Counter[tuple[str, str]] = Counter()
    places: defaultdict[str, list[tuple[int, str, tuple[str, ...] | None]]] = defaultdict(list)
    with seldom_collecting():
        for shard in range(site.kafka.partitions):
            logged = _log_of(site, shard)
            _check_numbers(faults, logged)
            _note_places(faults, logged, sent, places, site.kafka.partitions)
            _check_outputs(faults, site, logged, seen, sums)
            _check_progress(faults, site, logged)
    _check_log(faults, sent, places, _waiting(site), site.kafka.partitions)
    for (company, period), amount in sorted(sums.items()):
        if amount:
            faults.add("I5", f"{company}, {period}: debits and credits differ by {amount}")
    faults.looked_at["I5"] = len(sums)
    _check_letters(faults, site, hostile)
    _check_transactions(faults, site)
    for fault in needs_person:
        faults.add("guards", fault)
    faults.looked_at["guards"] = sum(len(worker.ended) for worker in workers)
    if not is_settled:
        faults.add("settled", "not everything was folded in time after the last disturbance")
    return [
        Invariant(name, what, tuple(faults.found[name]), f"{faults.looked_at[name]:,} {of}" if of else "")
        for name, (what, of) in INVARIANTS.items()
    ]


INVARIANTS: Final[Mapping[str, tuple[str, str]]] = {
    "I1": ("outputs of a shard are numbered without gap or double", "outputs"),
    "I2": ("outputs are those of the plain loop, byte for byte and in order", "records on output topics"),
    "I3": ("every journal balances, in its own and in ledger currency", "journals"),
    "I5": ("debits equal credits in every company and period", "companies and periods"),
    "I8": ("what the reader saw beside it all was always the beginning of that", "records read meanwhile"),
    "I9": ("no transaction is open", "partitions"),
    "log": ("every event is in the log exactly once for each whom it concerns, or waits for its project", "events"),
    "numbers": ("records of the log are numbered without gap or double", "records of the log"),
    "letters": ("dead letters are exactly the hostile messages", "dead letters"),
    "progress": ("the progress of every shard is at the end of its log", "shards"),
    "settled": ("everything was folded within five minutes after the last disturbance", ""),
    "guards": ("nothing stopped for a person to look at", "ends of processes"),
}


# The log


def _log_of(site: Site, shard: int) -> Logged:
    messages = _read(site, [(site.names.log, shard)])[site.names.log, shard]
    records, numbers = [], []
    for message in messages:
        if message.key() == GENESIS_KEY:
            continue
        numbers.append(int(dict(message.headers() or ())[NUMBER_HEADER]))
        stored, _ = read_stored(message.value() or b"", 0)
        event = READERS[stored.type, stored.schema](stored.body)
        records.append(StoredRecord(numbers[-1], stored.engagement_id, stored.type, stored.body, event, stored.own))
    return Logged(shard, records, numbers)


def _check_numbers(faults: Faults, logged: Logged) -> None:
    faults.looked_at["numbers"] += len(logged.numbers)
    for expected, found in enumerate(logged.numbers):
        if expected != found:
            faults.add("numbers", f"partition {logged.shard}: record {found} stands where {expected} belongs")
            return


def _note_places(
    faults: Faults,
    logged: Logged,
    sent: Mapping[str, Sent],
    places: defaultdict[str, list[tuple[int, str, tuple[str, ...] | None]]],
    partitions: int,
) -> None:
    for record in logged.records:
        if record.type_name in INTAKES_OWN:
            continue
        event, of = record.event, record.engagement_id
        known = sent.get(event.event_id)
        if known is None:
            faults.add("log", f"partition {logged.shard}, record {record.offset}: {event.event_id} was never sent")
        elif known.type_name != record.type_name or known.body != unarrived(event):
            faults.add(
                "log", f"partition {logged.shard}, record {record.offset}: {event.event_id} was sent with another body"
            )
        if of and partition_of(of, partitions) != logged.shard:
            faults.add("log", f"partition {logged.shard}, record {record.offset}: engagement {of} belongs elsewhere")
        places[event.event_id].append((logged.shard, of, record.own))


def _check_log(
    faults: Faults,
    sent: Mapping[str, Sent],
    places: Mapping[str, Sequence[tuple[int, str, tuple[str, ...] | None]]],
    waiting: Mapping[str, bytes],
    partitions: int,
) -> None:
    """What names a project that nobody activates waits with intake, whole, and is not in the log."""
    faults.looked_at["log"] = len(sent)
    everywhere = list(range(partitions))
    for event_id, event in sent.items():
        found = places.get(event_id, ())
        if (event_id in waiting) == bool(found):
            faults.add("log", f"{event.type_name} {event_id} {'waits, and is in the log' if found else 'is lost'}")
        elif not found:
            if waiting[event_id] != event.body:
                faults.add("log", f"{event.type_name} {event_id} waits with another body")
        elif not found[0][1]:
            if sorted(shard for shard, _, _ in found) != everywhere:
                faults.add("log", f"{event.type_name} {event_id} is in partitions {sorted(each[0] for each in found)}")
        elif len(set(found)) != len(found) or (len(found) > 1 and event.type_name not in FOR_SEVERAL):
            faults.add("log", f"{event.type_name} {event_id} is there more than once: {found}")


def _waiting(site: Site) -> dict[str, bytes]:
    """Bodies of events that wait until the project or entry that they name is known, by event."""
    with closing(sqlite3.connect(site.intake_store / "intake.db")) as file:
        rows = file.execute("SELECT type, schema, body FROM waiting").fetchall()
    events = [READERS[type_name, schema](body) for type_name, schema, body in rows]
    return {event.event_id: unarrived(event) for event in events}


# The outputs


def _check_outputs(
    faults: Faults,
    site: Site,
    logged: Logged,
    seen: Mapping[tuple[str, int], Sequence[bytes]],
    sums: Counter[tuple[str, str]],
) -> None:
    expected = {topic: list(found) for topic, found in _by_topic(plainly_folded(site, logged)).items()}
    shard = logged.shard
    places = {topic: (site.names.shared(topic), shard) for topic in SHARD_TOPICS}
    read = _read(site, list(places.values()))
    numbers: list[int] = []
    for topic, place in places.items():
        found = [published(message) for message in read[place]]
        faults.looked_at["I2"] += len(found)
        _compare(faults, f"{topic}, partition {shard}", expected[topic], found)
        if topic != FORECAST_CURRENT:
            numbers += [one.output_seq for one in found]
        _check_seen(faults, f"{topic}, partition {shard}", seen.get(place, ()), [digest(one) for one in found])
        for one in found:
            if one.type_name == JournalEntry.__name__:
                _check_journal(faults, one, sums)
    numbers.sort()
    faults.looked_at["I1"] += len(numbers)
    if numbers != list(range(len(numbers))):
        at = next((place for place, number in enumerate(numbers) if place != number), 0)
        faults.add("I1", f"shard {shard}: output {numbers[at]} comes where {at} belongs")


Identity = tuple[bytes, str, int, int, bytes]


def plainly_folded(site: Site, logged: Logged) -> Iterator[Encoded]:
    """What a loop without engine, topics and interruptions says, with a fresh store in memory."""
    begun = Genesis(site.kafka.generation, logged.shard, site.kafka.partitions, RULES)
    store = Store(Path(":memory:"), begun.generation, logged.shard)
    shard = Shard(store, ENCODERS, begun, OutputProgress(), decode_event)
    while shard.offset < len(logged.records):
        for one in shard.fold(logged.records[shard.offset : shard.offset + BATCH_RECORDS]):
            if isinstance(one, Mark):
                shard.commit(one)
            else:
                yield one
    store.close()


def _by_topic(outputs: Iterable[Encoded]) -> dict[str, list[Identity]]:
    said: dict[str, list[Identity]] = {topic: [] for topic in SHARD_TOPICS}
    for one in outputs:
        for topic in (one.topic, FORECAST_CURRENT) if one.topic == FORECAST_UPDATES else (one.topic,):
            before = said[topic][-1][2] if said[topic] else -1
            said[topic].append((one.key.encode(), one.type_name, one.output_seq, before, one.body))
    return said


def _compare(faults: Faults, where: str, expected: Sequence[Identity], found: Sequence[Published]) -> None:
    for place, (wanted, one) in enumerate(zip(expected, found, strict=False)):
        if one.identity != wanted:
            faults.add(
                "I2",
                f"{where}: record {place} is output {one.output_seq} ({one.type_name}), the plain loop says {wanted[2]} ({wanted[1]})"
                + (" with other bytes" if one.output_seq == wanted[2] else ""),
            )
            return
    if len(expected) != len(found):
        faults.add("I2", f"{where}: {len(found):,} records, the plain loop says {len(expected):,}")


def _check_seen(faults: Faults, where: str, seen: Sequence[bytes], found: Sequence[bytes]) -> None:
    """In the end it saw all, so that at every moment it saw a beginning."""
    faults.looked_at["I8"] += len(seen)
    if list(seen) != list(found):
        at = next((place for place, (one, other) in enumerate(zip(seen, found, strict=False)) if one != other), None)
        what = f"another record at {at}" if at is not None else f"{len(seen):,} records instead of {len(found):,}"
        faults.add("I8", f"{where}: the reader saw {what}")


def _check_journal(faults: Faults, one: Published, sums: Counter[tuple[str, str]]) -> None:
    journal: Any = OUTPUT_CODECS[one.type_name].decode(one.body)[1]
    faults.looked_at["I3"] += 1
    amount = sum(line.amount for line in journal.lines)
    in_ledger = sum(line.ledger_amount for line in journal.lines)
    if amount or in_ledger:
        faults.add("I3", f"journal {journal.journal_id} sums to {amount} and {in_ledger} in ledger currency")
    sums[journal.legal_entity_id, journal.period] += in_ledger


def _check_progress(faults: Faults, site: Site, logged: Logged) -> None:
    found = _read(site, [(site.names.progress, logged.shard)])[site.names.progress, logged.shard]
    faults.looked_at["progress"] += 1
    if not found:
        faults.add("progress", f"shard {logged.shard} has none")
        return
    written = progress.from_bytes(found[-1].value() or b"")
    if written.place != (len(logged.records), ""):
        faults.add("progress", f"shard {logged.shard} is at {written.place} of {len(logged.records)} records")


# All else


def _check_letters(faults: Faults, site: Site, hostile: set[Place]) -> None:
    topic = site.names.shared(DEAD_LETTERS)
    letters = [
        DEAD_LETTER_CODEC.decode(unframed(message.value() or b"")[1]) for message in _read(site, [(topic, 0)])[topic, 0]
    ]
    found = Counter((letter.topic, letter.partition, letter.offset) for letter in letters)
    faults.looked_at["letters"] = len(letters)
    wanted = Counter(hostile)
    for place, _ in sorted((found - wanted).items()):
        letter = next(each for each in letters if (each.topic, each.partition, each.offset) == place)
        faults.add("letters", f"{place} is a dead letter, once too often: {letter.reason}")
    for place in sorted(wanted - found):
        faults.add("letters", f"{place} is hostile and no dead letter")


def _check_transactions(faults: Faults, site: Site) -> None:
    places = all_places(site)
    for (topic, partition), offset in still_open(site, places).items():
        faults.add("I9", f"{topic}, partition {partition}: open from offset {offset}")
    faults.looked_at["I9"] = len(places)


def _read(site: Site, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[Message]]:
    consumer = site.clients.consumer(group="chaos-verdict")
    try:
        return read_to_end(consumer, dict.fromkeys(places, OFFSET_BEGINNING))
    finally:
        consumer.close()
