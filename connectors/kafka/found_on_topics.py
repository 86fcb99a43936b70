"""What stands on the topics for people: the exceptions of a generation, its dead letters, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Final, NamedTuple

from connectors.avro_codec import DEAD_LETTER_CODEC
from connectors.decode_error import DecodeError
from connectors.files.dead_letters import letter_id
from connectors.files.found_exceptions import KnownException, as_they_stand
from connectors.kafka.clients import Clients, Message
from connectors.kafka.frame import unframed
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import DEAD_LETTERS, Names
from connectors.kafka.partitions import Place, all_records, bounds, topic_state
from connectors.kafka.published import output_of
from connectors.kafka.registry import SchemaIds
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived
from domain.outputs import TOPICS, DeadLetter, ProjectView
from state.batch import BATCH_BYTES, BATCH_RECORDS

DECISIONS: Final = "control.decisions"

Decision = ExceptionAssigned | ExceptionResolved | ExceptionWaived


class TopicDecisions(NamedTuple):
    """Decisions on their topic, in its order, and whether the topic begins with the first that was ever sent."""

    decisions: tuple[Decision, ...]
    is_whole: bool


def exceptions_on(clients: Clients, names: Names, timeout: float) -> dict[str, KnownException]:
    """By id, as they stand. Raises GuardStop and KafkaException."""
    messages = _records(clients, names.shared(TOPICS["ExceptionRaised"]), timeout)
    return as_they_stand(placed for message in messages for placed in output_of(message, names.generation))


def contracts_on(clients: Clients, names: Names, project_id: str, timeout: float) -> frozenset[str]:
    """Of a project, as its views have them."""
    found: frozenset[str] = frozenset()
    for message in _records(clients, names.shared(TOPICS["ProjectView"]), timeout):
        if message.key() != project_id.encode():
            continue
        for _, record in output_of(message, names.generation):
            if isinstance(record, ProjectView):
                found = frozenset(balance.contract_id for balance in record.balances)
    return found


def letters_on(clients: Clients, names: Names, timeout: float) -> dict[str, DeadLetter]:
    """Of the generation, by the names that people type: `psa.time/0@17`."""
    found: dict[str, DeadLetter] = {}
    for message in _records(clients, names.shared(DEAD_LETTERS), timeout):
        try:
            letter = DEAD_LETTER_CODEC.decode(unframed(message.value() or b"")[1])
        except DecodeError:
            continue
        if letter.generation in (None, names.generation):
            found[letter_id(letter)] = letter
    return found


def decided_on(clients: Clients, names: Names, schemas: SchemaIds, timeout: float) -> TopicDecisions:
    """Taken in or not; what cannot be read is a dead letter, or will be."""
    topic = names.shared(DECISIONS)
    found = []
    for message in _records(clients, topic, timeout):
        event = schemas.event(message.value())
        if isinstance(event, Decision):
            found.append(event)
    with closing(clients.consumer()) as consumer:
        lows = [bounds(consumer, place, timeout)[0] for place in _places(clients, topic)]
    return TopicDecisions(tuple(found), not any(lows))


def decided_in_log(clients: Clients, names: Names, shards: Iterable[int], timeout: float) -> Iterator[Decision]:
    """All that intake ever took; the logs of these shards are read from their beginning."""
    for shard in sorted(set(shards)):
        with closing(KafkaLog(clients, names.log, shard, timeout)) as log:
            offset = 0
            while records := log.read_patiently(offset, BATCH_RECORDS, BATCH_BYTES):
                yield from (record.event for record in records if isinstance(record.event, Decision))
                offset = records[-1].offset + 1


def _records(clients: Clients, topic: str, timeout: float) -> Iterator[Message]:
    return all_records(clients, _places(clients, topic), timeout)


def _places(clients: Clients, topic: str) -> list[Place]:
    return [(topic, number) for number in range(topic_state(clients, topic).partitions)]
