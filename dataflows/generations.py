"""Journals and statements of an earlier generation beside those of ours, by id, partition by partition.

Read twice where something differs: first digests alone, about 200 bytes in memory for each id of a partition; then what
differs, whole.
"""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, read_output
from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients
from connectors.kafka.names import Names
from connectors.kafka.partitions import Place, all_records
from connectors.kafka.published import published
from domain.audit.generations import AccountDifference, StatementDifference, differences, statement_difference
from domain.billing.statement import ISSUED
from domain.outputs import TOPICS, BillingStatement, JournalEntry

POSTINGS: Final = TOPICS["JournalEntry"]
STATEMENTS: Final = TOPICS["BillingStatement"]


class GenerationComparison(NamedTuple):
    """`new` are journals and statements whose id the earlier generation does not have; receivers take them as they come."""

    before: str
    generations: tuple[str, ...]
    journals: int
    statements: int
    new_journals: tuple[str, ...]
    new_statements: tuple[str, ...]
    journal_differences: tuple[AccountDifference, ...]
    statement_differences: tuple[StatementDifference, ...]


class _Partition(NamedTuple):
    """Ids of one partition: how many of the earlier generation, which are in ours alone, which differ or are gone."""

    known: int
    new: tuple[str, ...]
    otherwise: frozenset[str]
    generations: frozenset[str]


def compare(clients: Clients, names: Names, partitions: int, before: str, timeout: float) -> GenerationComparison:
    """Raises KafkaException, GuardStop."""
    counts = {POSTINGS: 0, STATEMENTS: 0}
    new: dict[str, list[str]] = {POSTINGS: [], STATEMENTS: []}
    seen: set[str] = set()
    journals: list[AccountDifference] = []
    statements: list[StatementDifference] = []
    for topic in counts:
        for shard in range(partitions):
            place = names.shared(topic), shard
            found = _digests_compared(clients, place, before, names.generation, timeout)
            counts[topic] += found.known
            new[topic] += found.new
            seen |= found.generations
            if found.otherwise:
                more, other = _differences(clients, place, before, names.generation, found.otherwise, timeout)
                journals += more
                statements += other
    return GenerationComparison(
        before,
        tuple(sorted(seen)),
        counts[POSTINGS],
        counts[STATEMENTS],
        tuple(new[POSTINGS]),
        tuple(new[STATEMENTS]),
        tuple(journals),
        tuple(statements),
    )


def _digests_compared(clients: Clients, place: Place, before: str, ours: str, timeout: float) -> _Partition:
    """A statement's digest is over all of its revisions and parts, in their order."""
    digests: dict[str, dict[str, bytes]] = {before: {}, ours: {}}
    seen: set[str] = set()
    for generation, record in _records(clients, place, timeout):
        seen.add(generation)
        known = digests.get(generation)
        if known is not None:
            of = _id(record)
            known[of] = blake2b(known.get(of, b"") + repr(record).encode(), digest_size=16).digest()
    was, now = digests[before], digests[ours]
    otherwise = frozenset(of for of, digest in was.items() if now.get(of) != digest)
    return _Partition(len(was), tuple(of for of in now if of not in was), otherwise, frozenset(seen))


def _differences(
    clients: Clients, place: Place, before: str, ours: str, wanted: frozenset[str], timeout: float
) -> tuple[list[AccountDifference], list[StatementDifference]]:
    journals: dict[tuple[str, str], JournalEntry] = {}
    statements: dict[tuple[str, str], list[BillingStatement]] = defaultdict(list)
    for generation, record in _records(clients, place, timeout):
        of = _id(record)
        if of not in wanted:
            continue
        if isinstance(record, JournalEntry):
            journals[generation, of] = record
        elif record.status == ISSUED:
            statements[generation, of].append(record)
    posted = [
        each
        for (generation, of), was in journals.items()
        if generation == before
        for each in differences(was, journals.get((ours, of)))
    ]
    asked = [
        statement_difference(was, statements.get((ours, of), ()))
        for (generation, of), was in tuple(statements.items())
        if generation == before
    ]
    return posted, [each for each in asked if each is not None]


def _records(clients: Clients, place: Place, timeout: float) -> Iterator[tuple[str, JournalEntry | BillingStatement]]:
    """What none of our shards wrote is passed over."""
    for message in all_records(clients, [place], timeout):
        try:
            output = published(message)
        except DecodeError:
            continue
        if output.type_name in OUTPUT_CODECS:
            _, record = read_output(output.type_name, output.body)
            if isinstance(record, JournalEntry | BillingStatement):
                yield output.generation, record


def _id(record: JournalEntry | BillingStatement) -> str:
    return record.journal_id if isinstance(record, JournalEntry) else record.statement_id
