"""Reading a stretch of partitions, from given offsets to the end that they have now."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import Clients, Consumer, Message, TopicState
from state.guards import BROKER_UNREACHABLE, REFUSED_BY_BROKER, WRONG_TOPIC_SETTINGS, GuardStop

Place = tuple[str, int]
STEP_SECONDS: Final = 0.5
STEP_MESSAGES: Final = 1_000
PATIENCE_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.25
WAITED_UNTOLD_SECONDS: Final = 3.0
WAITED_TOLD_SECONDS: Final = 15.0
SHOWN_MAX: Final = 3
# There is no such record, partition or topic any more.
GONE: Final = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
    }
)


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
            for message, is_end in sifted(messages):
                if is_end:
                    left.discard((message.topic(), message.partition()))
                else:
                    yield message
            if messages:
                silent_since = time.monotonic()
    finally:
        # While it fetches, other questions wait.
        consumer.assign([])


def _shown(places: Iterable[Place]) -> str:
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places)[:SHOWN_MAX])


def waited(consumer: Consumer) -> list[Message]:
    """What has come, as soon as something has; `consume` alone would wait for as many as it is asked for."""
    first = consumer.poll(STEP_SECONDS)
    return [] if first is None else [first, *consumer.consume(STEP_MESSAGES, 0)]


def sifted(messages: Iterable[Message]) -> Iterator[tuple[Message, bool]]:
    """Each record or end of a partition, and whether it is an end; faults that pass by themselves are left out. Raises KafkaException."""
    for message in messages:
        fault = message.error()
        if fault is None or fault.code() == KafkaError._PARTITION_EOF:
            yield message, fault is not None
        elif not is_passing(fault):
            raise KafkaException(fault)


def bounds(consumer: Consumer, place: Place, timeout: float = PATIENCE_SECONDS) -> tuple[int, int]:
    """The first offset that is still there, and the one after what this consumer may see."""
    return consumer.get_watermark_offsets(TopicPartition(*place), timeout)


def behind(consumer: Consumer, place: Place, passed: int, end: int) -> int:
    """Records from an offset on, up to the end that is known; for any thread."""
    cached = consumer.get_watermark_offsets(TopicPartition(*place), cached=True)[1]
    return max(max(cached, end) - passed, 0)


def topic_state(clients: Clients, topic: str) -> TopicState:
    """Raises GuardStop where there is no such topic."""
    state = clients.topics([topic])[topic]
    if state is None:
        raise GuardStop(
            WRONG_TOPIC_SETTINGS, f"there is no topic {topic}; `milepost topics check` says which are missing"
        )
    return state


def untold(_told: str) -> None:
    """Where nobody listens."""


def unasked(seconds: float) -> None:
    """Waits where nobody asks to stop meanwhile."""
    time.sleep(seconds)


def await_ends(
    clients: Clients,
    places: Sequence[Place],
    seconds: float,
    tell: Callable[[str], None] = untold,
    wait: Callable[[float], None] = unasked,
) -> dict[Place, int]:
    """Until everything written there is decided; after so long, where it is not, with the offset after which readers see nothing.

    What is waited for is reported after some seconds, and again every so often; `wait` may raise to end it.
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
            wait(LOOK_AGAIN_SECONDS)
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


def all_records(
    clients: Clients, places: Iterable[Place], timeout: float = PATIENCE_SECONDS, group: str | None = None
) -> Generator[Message, None, None]:
    """What readers of committed records see there now. Raises as `read_on` does."""
    with closing(clients.consumer(group=group)) as consumer:
        starts = {place: low for place in places for low, end in [bounds(consumer, place, timeout)] if low < end}
        yield from read_on(consumer, starts, timeout) if starts else ()
