"""What everybody who produces does alike: an id is taken over, a full queue is waited for, a transaction is ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.clients import Producer, Sender
from connectors.kafka.partitions import unreachable

FENCES: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
# What the client says of the request that ends a transaction; of a record that was not taken it says something else.
ENDING: Final = "EndTxn "
FULL_WAIT_SECONDS: Final = 0.1


class SendQueue(Protocol):
    """What is sent waits in it until the brokers have it."""

    @property
    def produce(self) -> Callable[..., None]: ...
    def poll(self, timeout: float) -> int: ...


def initialise(producer: Producer, timeout: float) -> None:
    """From here on nobody who had its transactional id before can write. Raises KafkaException.

    Asked for as long as it may be: the coordinator may be loading, or ending what was open.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            producer.init_transactions(timeout)
        except KafkaException as fault:
            if not fault.args[0].retriable() or time.monotonic() > until:
                raise
        else:
            return


def commit(producer: Sender, timeout: float) -> None:
    """Asked once: asked again, the first question could arrive late and meet the next transaction. Raises KafkaException.

    A commit that reaches the coordinator (Kafka 4) between the two steps in which it fences its producer is carried out nowhere, and
    answered with a fault of the broker's own: that is said as the fence that it is.
    """
    try:
        producer.commit_transaction(timeout)
    except KafkaException as fault:
        error: KafkaError = fault.args[0]
        if error.code() != KafkaError.UNKNOWN or not error.str().startswith(ENDING):
            raise
        said = f"{error.str()}, which is how a commit fails while its producer is being fenced"
        raise KafkaException(KafkaError(KafkaError._FENCED, said)) from fault


def reason(producer: Sender, fault: KafkaException) -> KafkaException:
    """Why a record was not taken: a client that has given up, as it is fenced, says no more than that, until it is asked to begin."""
    if fault.args[0].code() == KafkaError._FATAL:
        try:
            producer.begin_transaction()
        except KafkaException as found:
            return found
    return fault


def produce(producer: SendQueue, timeout: float, *record: Any, **named: Any) -> None:
    """The rest is the producer's. Raises GuardStop where its queue stays full for so many seconds, and KafkaException."""
    until = 0.0
    while True:
        try:
            producer.produce(*record, **named)
        except BufferError as fault:
            until = until or time.monotonic() + timeout
            if time.monotonic() > until:
                raise unreachable(f"they have taken nothing for {timeout:g} seconds") from fault
            producer.poll(FULL_WAIT_SECONDS)
        else:
            return
