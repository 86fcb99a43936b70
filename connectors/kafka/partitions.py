"""Reading a stretch of partitions, from given offsets to the end that they have now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import UNKNOWN_TO_EACH_OTHER, Clients, Consumer, Message
from state.guards import BROKER_UNREACHABLE, GuardStop

Place = tuple[str, int]
STEP_SECONDS: Final = 0.5
STEP_MESSAGES: Final = 1_000
_WITHOUT_RIGHT: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)


def read_to_end(consumer: Consumer, starts: Mapping[Place, int], patience: float = 30.0) -> dict[Place, list[Message]]:
    """Everything from the offsets on. Raises GuardStop where the brokers stop answering."""
    found: dict[Place, list[Message]] = {place: [] for place in starts}
    left = set(starts)
    consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in starts.items()])
    silent_since = time.monotonic()
    while left:
        messages = waited(consumer)
        if messages:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > patience:
            raise unreachable(f"no answer for {patience:g} seconds about {sorted(left)}")
        for message in messages:
            fault = message.error()
            if fault is None:
                found[message.topic(), message.partition()].append(message)
            elif fault.code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
            elif not is_passing(fault):
                raise KafkaException(fault)
    consumer.assign([])
    return found


def waited(consumer: Consumer) -> list[Message]:
    """What has come, as soon as something has; `consume` alone would wait for as many as it is asked for."""
    first = consumer.poll(STEP_SECONDS)
    return [] if first is None else [first, *consumer.consume(STEP_MESSAGES, 0)]


def bounds(consumer: Consumer, place: Place, timeout: float) -> tuple[int, int]:
    """The first offset that is still there, and the one behind what this consumer may see."""
    return consumer.get_watermark_offsets(TopicPartition(*place), timeout)


def is_passing(fault: KafkaError) -> bool:
    """Told for information: the client goes on trying by itself."""
    return (
        fault.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE} or fault.retriable()
    )


def unreachable(what: str) -> GuardStop:
    return GuardStop(
        BROKER_UNREACHABLE, f"the brokers cannot be reached: {what}. Check [kafka] brokers, the network and the brokers"
    )


def unanswered(fault: KafkaError, about: str = "") -> GuardStop:
    """Whether the brokers are away, or refuse who asks."""
    said = f"{about}{fault.str()}"
    if fault.code() in _WITHOUT_RIGHT:
        way = "Give this user the rights that docs/topics.md lists"
    elif fault.code() in UNKNOWN_TO_EACH_OTHER:
        way = "See [kafka] security and security_files"
    else:
        return unreachable(said)
    return GuardStop(BROKER_UNREACHABLE, f"the brokers refuse this client: {said}. {way}")


def all_records(clients: Clients, topic: str, partition: int, timeout: float) -> list[Message]:
    """Of a compacted topic that holds little."""
    consumer = clients.consumer()
    try:
        low, end = bounds(consumer, (topic, partition), timeout)
        return read_to_end(consumer, {(topic, partition): low}, timeout)[topic, partition] if low < end else []
    finally:
        consumer.close()
