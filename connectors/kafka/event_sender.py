"""Sends events to a domain topic as any producer does: without a transaction, and each acknowledged by all copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import KafkaException, Producer

from connectors.kafka.clients import KafkaClients
from connectors.kafka.partitions import failed, unreachable
from connectors.kafka.producing import produce


class Sent(NamedTuple):
    """`value` is framed with the id of its schema."""

    key: bytes
    value: bytes


def send(clients: KafkaClients, topic: str, events: Sequence[Sent], timeout: float) -> None:
    """Returns when brokers have all of them. Raises GuardStop, which says how many they have."""
    taken: list[int] = []
    faults: list[KafkaException] = []

    def answered(error: object, _message: object) -> None:
        if error is None:
            taken.append(1)
        else:
            faults.append(KafkaException(error))

    producer = Producer(
        {
            **clients.common(),
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "delivery.timeout.ms": int(timeout * 1000),
            "message.max.bytes": 2_100_000,
        }
    )
    about = f"of {len(events):,} events "
    try:
        for each in events:
            produce(producer, timeout, topic, each.value, each.key, on_delivery=answered)
            producer.poll(0)
    except KafkaException as fault:
        faults.append(fault)
    left = producer.flush(timeout)
    if faults:
        raise failed(faults[0], f"{about}{topic} has {len(taken):,}: ") from faults[0]
    if left:
        raise unreachable(
            f"{about}{topic} has {len(taken):,}, and no answer came about {left:,} within {timeout:g} seconds"
        )
