"""A log on a topic, as intake writes it, from records that a test has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from connectors.event_bodies import schema_number
from connectors.kafka.clients import Clients, Producer
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER, Names
from connectors.log_records import Stored, StoredRecord, write_stored
from milepost.rounds import genesis
from state.genesis import Genesis, to_json
from tests.kafka.servers import PATIENCE


class Given(NamedTuple):
    """A record and the partition that it is for."""

    partition: int
    record: StoredRecord


def divided(records: Iterable[StoredRecord], partitions: int) -> list[list[StoredRecord]]:
    """By partition, numbered again in each; reference data goes to all."""
    made: list[list[StoredRecord]] = [[] for _ in range(partitions)]
    for record in records:
        of = record.engagement_id
        for number in [crc32(of.encode()) % partitions] if of else range(partitions):
            made[number].append(record._replace(offset=len(made[number])))
    return made


class LogGiver:
    """Writes to the log in intake's place, so many records a transaction."""

    def __init__(self, clients: Clients, names: Names, partitions: int, writer: str = "given") -> None:
        self.names = names
        self.partitions = partitions
        self._producer: Producer = clients.producer(f"{names.prefix}{writer}")
        self._producer.init_transactions(PATIENCE)

    def begin(self) -> None:
        """The genesis of every partition."""
        self._producer.begin_transaction()
        for number in range(self.partitions):
            self._producer.produce(self.names.log, to_json(self.genesis(number)).encode(), GENESIS_KEY, number)
        self._producer.commit_transaction(PATIENCE)

    def genesis(self, number: int) -> Genesis:
        return genesis()._replace(generation=self.names.generation, partition=number, partitions=self.partitions)

    def give(self, partition: int, records: Sequence[StoredRecord], a_transaction: int = 500) -> None:
        for begin in range(0, len(records), a_transaction):
            self._producer.begin_transaction()
            for record in records[begin : begin + a_transaction]:
                self._producer.produce(
                    self.names.log,
                    as_stored(record),
                    record.engagement_id.encode(),
                    partition,
                    headers=numbered(record),
                )
                self._producer.poll(0)
            self._producer.commit_transaction(PATIENCE)


def as_stored(record: StoredRecord) -> bytes:
    number = schema_number(record.type_name)
    return write_stored(Stored(record.engagement_id, record.type_name, number, record.body, record.own))


def numbered(record: StoredRecord) -> list[tuple[str, bytes]]:
    return [(NUMBER_HEADER, b"%d" % record.offset)]
