"""A group that the client may not ask for is said without a topic, in the middle of reading; whoever reads says so."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka import domain_topics
from connectors.kafka.clients import Message
from connectors.kafka.domain_topics import DomainTopics
from connectors.kafka.names import Names
from connectors.kafka.open_exceptions import OpenExceptionCounts
from connectors.kafka.output_reader import OutputReader
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.outputs_followed import FollowedTopics
from connectors.kafka.partitions import all_records, failed
from connectors.kafka.topics import INPUT_TOPICS
from connectors.kafka.views import ViewTopic
from domain.delivery.documents import DELIVERED
from state.guards import REFUSED_BY_BROKER, GuardStop
from tests.brokers import Brokers, ModelClients, ModelConsumer, ModelMessage

NAMES = Names("", "1")
SAID = "FindCoordinator response error: Group authorization failed."


class Refused(ModelConsumer):
    def consume(self, num_messages: int, timeout: float) -> list[Message]:
        nowhere = cast("tuple[str, int]", (None, 0))
        return [ModelMessage(nowhere, -1, None, KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, SAID))]


class RefusedClients(ModelClients):
    def consumer(self, *, committed: bool = True, group: str | None = None) -> Refused:
        return Refused(self.brokers, committed=committed)


@pytest.fixture
def clients() -> RefusedClients:
    brokers = Brokers(Random(1))
    for topic in (*SHARD_TOPICS, *INPUT_TOPICS):
        brokers.create(topic, 1)
        brokers.append(topic, 0, b"", b"")
    return RefusedClients(brokers)


def followed(clients: RefusedClients) -> None:
    topics = FollowedTopics(clients, NAMES, DELIVERED, "milepost.delivery", print)
    topics.begin({})
    topics.read()


def taken_in(clients: RefusedClients) -> None:
    DomainTopics(clients, NAMES, domain_topics.find(clients, NAMES), {}, 1.0).read(10, 1_000, 0.0)


READERS: dict[str, Callable[[RefusedClients], Any]] = {
    "delivery": followed,
    "intake": taken_in,
    "audit": lambda clients: OutputReader(clients, NAMES, 0, {}, 1.0).peek("erp.postings"),
    "view": lambda clients: ViewTopic(clients, NAMES, {}, print).poll(),
    "open exceptions": lambda clients: OpenExceptionCounts(clients, NAMES, [0]).follow(0.0),
    "a start": lambda clients: list(all_records(clients, [("erp.postings", 0)], 1.0)),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_it_is_a_refusal_for_a_person(clients: RefusedClients, read: Callable[[RefusedClients], Any]) -> None:
    with pytest.raises((KafkaException, GuardStop)) as raised:
        read(clients)
    stop = failed(raised.value) if isinstance(raised.value, KafkaException) else raised.value
    assert isinstance(stop, GuardStop)
    assert stop.code == REFUSED_BY_BROKER
    assert stop.message.startswith(
        f"the brokers refuse it, not allowed: {SAID[:-1]}. See user, password and certificate"
    )
