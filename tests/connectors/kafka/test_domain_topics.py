"""What the client cannot unpack is fetched again before it becomes a dead letter; what was planned is read as planned."""

from __future__ import annotations

from random import Random

import pytest
from confluent_kafka import KafkaError, TopicPartition

from connectors.kafka import domain_topics
from connectors.kafka.clients import Message
from connectors.kafka.domain_topics import FETCHES_MAX, DomainTopics, Undelivered
from connectors.kafka.names import Names
from state.guards import TOPIC_CHANGED, GuardStop
from tests.brokers import Brokers, ModelClients, ModelConsumer, ModelMessage

TIME, CONTRACTS = "psa.time", "crm.contracts"
NAMES = Names("", "1")


class Breaking(ModelConsumer):
    """Some records come so that they cannot be unpacked, so often."""

    broken: dict[int, int]

    def consume(self, num_messages: int, timeout: float) -> list[Message]:
        found: list[Message] = []
        for message in super().consume(num_messages, timeout):
            place, offset = (message.topic(), message.partition()), message.offset()
            if message.error() is None and self.broken.get(offset):
                self.broken[offset] -= 1
                self.seek(TopicPartition(*place, offset))
                broken = KafkaError(KafkaError._BAD_MSG, "bad message")
                return [*found, ModelMessage(place, offset, None, broken)]
            found.append(message)
        return found


class BreakingClients(ModelClients):
    def __init__(self, brokers: Brokers, broken: dict[int, int]) -> None:
        super().__init__(brokers)
        self._broken = broken

    def consumer(self, *, committed: bool = True, group: str | None = None) -> ModelConsumer:
        made = Breaking(self.brokers, committed=committed)
        made.broken = self._broken
        return made


def brokers_with(records: int) -> Brokers:
    """In each topic, one a second; those of contracts come half a second later."""
    brokers = Brokers(Random(1))
    for topic in (TIME, CONTRACTS):
        brokers.create(topic, 1)
    for number in range(records):
        brokers.now = number * 1_000
        brokers.append(TIME, 0, None, b"%d" % number)
        brokers.now += 500
        brokers.append(CONTRACTS, 0, None, b"%d" % number)
    return brokers


def over(clients: ModelClients, topics: tuple[str, ...] = (TIME, CONTRACTS)) -> DomainTopics:
    found = domain_topics.find(clients, NAMES)
    kept = found._replace(partitions={name: found.partitions[name] for name in topics})
    return DomainTopics(clients, NAMES, kept, {}, 1.0)


def read_all(topics: DomainTopics, count: int) -> list[Message]:
    found: list[Message] = []
    for _ in range(100):
        found += topics.read(1, 1_000_000, 0.0)
    assert len(found) == count
    return found


def test_what_was_corrupt_on_its_way_is_fetched_again() -> None:
    """Three times: the fourth time it comes, with its bytes."""
    found = read_all(over(BreakingClients(brokers_with(3), {1: 3}), (TIME,)), 3)
    assert [each.value() for each in found] == [b"0", b"1", b"2"]


def test_what_stays_so_is_passed_over_once_for_each_record_of_its_batch() -> None:
    """After four fetches of the first one; the others of the batch are known by it."""
    broken = {1: 100, 2: 100}
    found = read_all(over(BreakingClients(brokers_with(4), broken), (TIME,)), 4)
    assert [type(each) is Undelivered for each in found] == [False, True, True, False]
    assert [each.offset() for each in found] == [0, 1, 2, 3]
    assert 100 - broken[1] >= FETCHES_MAX > 100 - broken[2]


def test_what_was_planned_is_read_in_its_order_and_the_rest_by_time() -> None:
    topics = over(ModelClients(brokers_with(4)))
    time, contracts = (TIME, 0), (CONTRACTS, 0)
    again = topics.read_again([(contracts, 0), (contracts, 1), (time, 0), (contracts, 2), (time, 1)])
    assert [(each.topic(), each.offset()) for each in again] == [
        *((CONTRACTS, 0), (CONTRACTS, 1), (TIME, 0), (CONTRACTS, 2), (TIME, 1))
    ]
    rest = read_all(topics, 3)
    assert [(each.topic(), each.offset()) for each in rest] == [(TIME, 2), (TIME, 3), (CONTRACTS, 3)]
    assert topics.topics_behind(topics.ends()) == ()


@pytest.mark.parametrize("offset", [2, 9])
def test_what_was_planned_and_is_gone_is_missed(offset: int) -> None:
    """Cut off before it was taken, or never there."""
    brokers = brokers_with(4)
    if offset == 2:
        brokers.partition(TIME, 0).start = 3
    with pytest.raises(GuardStop, match=f"expected offset {offset} next") as stop:
        over(ModelClients(brokers)).read_again([((TIME, 0), offset)])
    assert stop.value.code == TOPIC_CHANGED
