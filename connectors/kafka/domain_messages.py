"""Messages of the domain topics: the event in one, or why there is none."""

from __future__ import annotations

from typing import Final, NamedTuple

from connectors.avro_codec import DEAD_LETTER_CODEC, event_versions
from connectors.avro_walk import INSTANT_FIRST, INSTANT_LAST, MESSAGE_BYTES_MAX
from connectors.decode_error import DecodeError
from connectors.kafka.clients import Headers, Message
from connectors.kafka.domain_topics import Undelivered
from connectors.kafka.frame import FRAME, unframed
from connectors.kafka.log_writer import Produced
from connectors.kafka.pinned_schemas import Pinned
from connectors.kafka.registry import SchemaIds
from connectors.kafka.trace_headers import trace_headers
from connectors.unreadable import MALFORMED, Unreadable, dead_letter_of, fault_of_event, unreadable
from domain.events.catalogue import Event
from domain.units import Instant

# Of the frame comes nothing into the log.
VALUE_BYTES_MAX: Final = MESSAGE_BYTES_MAX + FRAME.size
MICROSECONDS: Final = 1_000
EMPTY: Final = "a message without a value; expected an event, framed by its schema's id in the registry, and Avro"


class DomainMessage(NamedTuple):
    """An event of a domain topic, or what could not be read; `recorded_at` is when the broker had it, `trace` its headers of tracing."""

    topic: str
    partition: int
    offset: int
    recorded_at: Instant | None
    event: Event | None
    unreadable: Unreadable | None
    size: int
    trace: Headers = ()

    def __str__(self) -> str:
        return f"{self.topic}, partition {self.partition}, offset {self.offset}"


def read_message(message: Message, name: str, schemas: SchemaIds) -> DomainMessage:
    """`name` is the topic's without its prefix: it says which events may stand there."""
    value = message.value()
    event, wrong = _event_of(message, name, schemas)
    size = 0 if value is None else len(value)
    place = message.topic(), message.partition(), message.offset()
    return DomainMessage(*place, _instant(message), event, wrong, size, trace_headers(message.headers()))


def dead_letter_record(item: DomainMessage, generation: str, topic: str, frame: bytes) -> Produced:
    """Identity is the place of the input, so the key is that."""
    letter = dead_letter_of(item.unreadable, generation, item.topic, item.partition, item.offset)
    key = f"{item.topic}/{item.partition}/{item.offset}"
    return Produced(topic, frame + DEAD_LETTER_CODEC.encode(letter), key.encode(), 0, list(item.trace))


def _event_of(message: Message, name: str, schemas: SchemaIds) -> tuple[Event | None, Unreadable | None]:
    if isinstance(message, Undelivered):
        return None, unreadable(f"the record could not be unpacked: {message.reason}", "", b"", None, "not_unpacked")
    value = message.value()
    if value is None:
        return None, unreadable(EMPTY, "", b"", None, "no_value")
    if len(value) > VALUE_BYTES_MAX:
        reason = f"a message of {len(value)} bytes, at most {VALUE_BYTES_MAX} are read"
        return None, unreadable(reason, "", value, None, "too_large")
    type_name, reason_class = None, "unknown_schema"
    try:
        schema_id, body = unframed(value)
        pinned = _pinned(schema_id, name, schemas)
        type_name, reason_class = pinned.type_name, "wrong_topic"
        _check_topic(pinned, name)
        reason_class = MALFORMED
        event = event_versions()[pinned.fingerprint].decode(body)
    except DecodeError as error:
        return None, unreadable(error.reason, error.field_path, value, type_name, reason_class)
    fault = fault_of_event(event, len(body))
    if fault is not None:
        return None, unreadable(fault.reason, fault.field_path, value, type_name, "invalid")
    return event, None


def _pinned(schema_id: int, name: str, schemas: SchemaIds) -> Pinned:
    found = schemas.schema(schema_id)
    if found is None:
        raise DecodeError(
            f"schema id {schema_id} stands for none of the schemas that `milepost schemas ids` shows; expected that of an "
            f"event of {name}"
        )
    return found


def _check_topic(pinned: Pinned, name: str) -> None:
    """Who may write a topic may state what belongs there, and nothing else."""
    if name not in pinned.topics:
        raise DecodeError(f"{pinned.type_name} belongs on {', '.join(pinned.topics)}, not on {name}")


def _instant(message: Message) -> Instant | None:
    """None where the message has none, or none that there is."""
    _, milliseconds = message.timestamp()
    instant = milliseconds * MICROSECONDS
    return instant if INSTANT_FIRST <= instant <= INSTANT_LAST else None
