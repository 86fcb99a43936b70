"""Reading a stretch of partitions, from given offsets to the end that they have now."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import Clients, Consumer, Message
from state.guards import BROKER_UNREACHABLE, REFUSED_BY_BROKER, GuardStop

Place = tuple[str, int]
STEP_SECONDS: Final = 0.5
STEP_MESSAGES: Final = 1_000
PATIENCE_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.25
WAITED_UNTOLD_SECONDS: Final = 3.0
WAITED_TOLD_SECONDS: Final = 15.0
SHOWN_MAX: Final = 3


def read_to_end(
    consumer: Consumer, starts: Mapping[Place, int], patience: float = PATIENCE_SECONDS
) -> dict[Place, list[Message]]:
    """Everything from the offsets on. Raises as `read_on` does."""
    found: dict[Place, list[Message]] = {place: [] for place in starts}
    with closing(read_on(consumer, starts, patience)) as messages:
        for message in messages:
            found[message.topic(), message.partition()].append(message)
    return found


def read_on(
    consumer: Consumer, starts: Mapping[Place, int], patience: float = PATIENCE_SECONDS, left: set[Place] | None = None
) -> Generator[Message, None, None]:
    """As it comes from the offsets on, until no place is `left`: its end takes one away, and so may a reader that has enough of it.

    Raises GuardStop where the brokers stop answering, and KafkaException.
    """
    left = set(starts) if left is None else left
    consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in starts.items()])
    try:
        silent_since = time.monotonic()
        while left:
            messages = waited(consumer)
            if not messages and time.monotonic() - silent_since > patience:
                raise unreachable(f"no answer for {patience:g} seconds about {_shown(left)}")
            for message in messages:
                fault = message.error()
                if fault is None:
                    yield message
                elif fault.code() == KafkaError._PARTITION_EOF:
                    left.discard((message.topic(), message.partition()))
                elif not is_passing(fault):
                    raise KafkaException(fault)
            if messages:
                silent_since = time.monotonic()
    finally:
        # While it fetches, other questions wait.
        consumer.assign([])


def _shown(places: Iterable[Place]) -> str:
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places)[:SHOWN_MAX])


def first_record(consumer: Consumer, place: Place, offset: int, patience: float = 30.0) -> Message | None:
    """The first from the offset on, None where there is none. Raises GuardStop where the brokers stop answering."""
    consumer.assign([TopicPartition(*place, offset)])
    until = time.monotonic() + patience
    while time.monotonic() < until:
        for message in waited(consumer):
            fault = message.error()
            if fault is None:
                return message
            if fault.code() == KafkaError._PARTITION_EOF:
                return None
            if not is_passing(fault):
                raise KafkaException(fault)
    raise unreachable(f"no answer for {patience:g} seconds about {place[0]}, partition {place[1]}")


def waited(consumer: Consumer) -> list[Message]:
    """What has come, as soon as something has; `consume` alone would wait for as many as it is asked for."""
    first = consumer.poll(STEP_SECONDS)
    return [] if first is None else [first, *consumer.consume(STEP_MESSAGES, 0)]


def bounds(consumer: Consumer, place: Place, timeout: float = PATIENCE_SECONDS) -> tuple[int, int]:
    """The first offset that is still there, and the one after what this consumer may see."""
    return consumer.get_watermark_offsets(TopicPartition(*place), timeout)


def untold(_told: str) -> None:
    """Where nobody listens."""


def await_ends(
    clients: Clients, places: Sequence[Place], seconds: float, tell: Callable[[str], None] = untold
) -> dict[Place, int]:
    """Until everything written there is decided; after so long, where it is not, with the offset after which readers see nothing.

    What is waited for is reported after some seconds, and again every so often.
    """
    began = time.monotonic()
    tell_at = began + WAITED_UNTOLD_SECONDS
    for place in places:
        while (offset := _open_from(clients, place)) is not None:
            now = time.monotonic()
            if now > began + seconds:
                return {each: at for each in places if (at := _open_from(clients, each)) is not None}
            if now > tell_at:
                tell_at = now + WAITED_TOLD_SECONDS
                tell(
                    f"{place[0]}, partition {place[1]}: somebody's transaction is open at offset {offset}; it is waited for since "
                    f"{now - began:.0f} seconds, and for {seconds:g} at most"
                )
            time.sleep(LOOK_AGAIN_SECONDS)
    return {}


def _open_from(clients: Clients, place: Place) -> int | None:
    stable, high = clients.last_stable(*place)
    return stable if stable < high else None


def is_passing(fault: KafkaError) -> bool:
    """Reported for information: the client goes on trying by itself."""
    return (
        fault.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE} or fault.retriable()
    )


# Nothing of these is better for being asked again: somebody has to allow it, or to set it otherwise.
REFUSALS: Final = {
    "not allowed": (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
    ),
    "too large for the topic": (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE),
    "not what brokers of this version take": (
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.POLICY_VIOLATION,
    ),
}
_ADVICE: Final = {
    "not allowed": "See user, password and certificate in [kafka], and the rights that docs/topics.md lists",
    "too large for the topic": "`milepost topics check` says what max.message.bytes has to be",
    "not what brokers of this version take": "`milepost doctor` says what is needed of the brokers",
}


def failed(fault: KafkaException, about: str = "") -> GuardStop:
    """What the brokers said, as a stop: one that passes, or one for a person."""
    error = fault.args[0]
    said = f"{about}{error.str()}".rstrip(".")
    for what, codes in REFUSALS.items():
        if error.code() in codes:
            return GuardStop(REFUSED_BY_BROKER, f"the brokers refuse it, {what}: {said}. {_ADVICE[what]}")
    return unreachable(said)


def unreachable(what: str) -> GuardStop:
    return GuardStop(
        BROKER_UNREACHABLE, f"the brokers cannot be reached: {what}. Check [kafka] brokers, the network and the brokers"
    )


def all_records(clients: Clients, topic: str, partition: int, timeout: float) -> list[Message]:
    """Of a compacted topic that holds little."""
    with closing(clients.consumer()) as consumer:
        low, end = bounds(consumer, (topic, partition), timeout)
        return read_to_end(consumer, {(topic, partition): low}, timeout)[topic, partition] if low < end else []
