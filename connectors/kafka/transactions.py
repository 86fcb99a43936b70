"""A producer's transactions, one after the other: each is committed, or the process ends with it.

Nothing is ever aborted. What a live producer aborts may have been committed already by a request whose answer was lost;
a process that ends instead is fenced by the next one, and what its last transaction came to is read before going on.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.clients import Clients
from connectors.kafka.log_writer import Produced
from connectors.kafka.partitions import unreachable
from connectors.kafka.producing import FENCES, commit, initialise, produce, reason
from state.guards import BROKER_UNREACHABLE, FENCED, GuardStop


class Transactions:
    """Of one transactional id, which is taken from the one who had it before."""

    def __init__(self, clients: Clients, transactional_id: str, timeout_seconds: float) -> None:
        self.transactional_id = transactional_id
        self._timeout = timeout_seconds
        self._producer = clients.producer(transactional_id)
        self._take_over()

    def begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as fault:
            raise self._ended(fault) from fault

    def produce(self, records: Iterable[Produced]) -> None:
        producer, timeout = self._producer, self._timeout
        try:
            for topic, value, key, partition, headers in records:
                produce(producer, timeout, topic, value, key, partition, headers=headers)
            producer.poll(0)
        except KafkaException as fault:
            raise self._ended(reason(producer, fault)) from fault

    def await_delivery(self) -> None:
        """Everything that was produced has reached the brokers. What is produced next cannot be seen without it."""
        try:
            left = self._producer.flush(self._timeout)
        except KafkaException as fault:
            raise self._ended(fault) from fault
        if left:
            raise unreachable(f"{left} records were not taken within {self._timeout:g} seconds")

    def commit(self) -> None:
        try:
            commit(self._producer, self._timeout)
        except KafkaException as fault:
            raise self._ended(fault) from fault

    def write(self, records: Iterable[Produced]) -> None:
        """In a transaction of their own."""
        self.begin()
        self.produce(records)
        self.await_delivery()
        self.commit()

    def _take_over(self) -> None:
        try:
            initialise(self._producer, self._timeout)
        except KafkaException as fault:
            raise self._ended(fault) from fault

    def _ended(self, fault: KafkaException) -> GuardStop:
        error: KafkaError = fault.args[0]
        if error.code() in FENCES:
            return GuardStop(
                FENCED,
                f"{self.transactional_id}: another process has taken over ({error.str()}); nothing of the batch in flight "
                "counts. See to it that only one runs",
            )
        return GuardStop(
            BROKER_UNREACHABLE,
            f"{self.transactional_id}: a transaction did not end: {error.name()}: {error.str()}. What was committed stays, and "
            "the next start goes on from it",
        )
