"""A producer's transactions, one after the other: each is committed, or the process ends with it.

Nothing is ever aborted. What a live producer aborts may have been committed already by a request whose answer was lost;
a process that ends instead is fenced by the next one, and what its last transaction came to is read before going on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import Clients
from connectors.kafka.log_writer import Produced
from state.guards import BROKER_UNREACHABLE, FENCED, GuardStop

FULL_WAIT_SECONDS: Final = 0.1
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})


class Transactions:
    """Of one transactional id, which is taken from whoever had it before."""

    def __init__(self, clients: Clients, transactional_id: str, timeout_seconds: float) -> None:
        self.transactional_id = transactional_id
        self._timeout = timeout_seconds
        self._producer = clients.producer(transactional_id)
        self._finish(self._producer.init_transactions)

    def begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as fault:
            raise self._ended(fault) from fault

    def produce(self, records: Iterable[Produced]) -> None:
        for topic, value, key, partition, headers in records:
            while True:
                try:
                    self._producer.produce(topic, value=value, key=key, partition=partition, headers=headers)
                except BufferError:
                    self._producer.poll(FULL_WAIT_SECONDS)
                except KafkaException as fault:
                    raise self._ended(fault) from fault
                else:
                    break
        self._producer.poll(0)

    def send_offsets(self, positions: Sequence[TopicPartition], group: Any) -> None:
        """For tools that show how far a reader is; nobody goes on from them."""

        def send(timeout: float) -> None:
            self._producer.send_offsets_to_transaction(list(positions), group, timeout)

        self._finish(send)

    def commit(self) -> None:
        """Everything that was produced is there, or the process has to end."""
        self._finish(self._producer.commit_transaction)

    def _finish(self, call: Any) -> None:
        """Repeats the call for as long as it may be repeated."""
        waited = 0
        while True:
            try:
                call(self._timeout)
            except KafkaException as fault:
                waited += 1
                if not fault.args[0].retriable() or waited > 3:
                    raise self._ended(fault) from fault
            else:
                return

    def _ended(self, fault: KafkaException) -> GuardStop:
        error: KafkaError = fault.args[0]
        if error.code() in _FENCED:
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
