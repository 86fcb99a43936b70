"""The model of brokers does what brokers do, before anything is shown with it."""

from __future__ import annotations

from random import Random

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from tests.brokers import Brokers, Chances, Crashed, ModelClients, ModelConsumer, ModelProducer


@pytest.fixture
def brokers() -> Brokers:
    made = Brokers(Random(7))
    made.create("out", 2)
    made.create("progress", 2)
    return made


def writer(brokers: Brokers) -> ModelProducer:
    producer = ModelClients(brokers).producer("milepost/1/0")
    producer.init_transactions(1)
    return producer


def values(brokers: Brokers, topic: str, *, committed: bool = True) -> list[bytes | None]:
    consumer: ModelConsumer = ModelClients(brokers).consumer(committed=committed)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    return [message.value() for message in consumer.consume(100, 0) if message.error() is None]


def write(producer: ModelProducer, *records: bytes, topic: str = "out") -> None:
    for record in records:
        producer.produce(topic, record, b"k", 0)


def test_what_is_committed_is_read_and_what_is_open_is_not(brokers: Brokers) -> None:
    producer = writer(brokers)
    producer.begin_transaction()
    write(producer, b"1", b"2")
    while values(brokers, "out", committed=False) != [b"1", b"2"]:
        producer.poll(0)
    assert values(brokers, "out") == []
    assert ModelClients(brokers).last_stable("out", 0) == (0, 2)
    producer.commit_transaction(1)
    assert values(brokers, "out") == [b"1", b"2"]
    assert ModelClients(brokers).last_stable("out", 0) == (3, 3), "two records and the end of their transaction"


def test_whoever_comes_later_fences_and_ends_what_was_open(brokers: Brokers) -> None:
    first = writer(brokers)
    first.begin_transaction()
    write(first, b"1")
    first.poll(0)
    second = writer(brokers)
    assert values(brokers, "out") == []
    with pytest.raises(KafkaException) as fenced:
        first.commit_transaction(1)
    assert fenced.value.args[0].code() == KafkaError._FENCED
    second.begin_transaction()
    write(second, b"1", b"2")
    second.commit_transaction(1)
    assert values(brokers, "out") == [b"1", b"2"]


def test_an_end_that_comes_late_publishes_a_part_of_the_next_transaction(brokers: Brokers) -> None:
    producer = writer(brokers)
    producer.begin_transaction()
    write(producer, b"1")
    producer.commit_transaction(1)
    producer.begin_transaction()
    write(producer, b"2", b"3")
    while len(values(brokers, "out", committed=False)) < 3:
        producer.poll(0)
    brokers.end_later("milepost/1/0", 0)
    brokers.settle()
    assert values(brokers, "out") == [b"1", b"2", b"3"], "visible, and the progress of it was never written"
    with pytest.raises(KafkaException) as ended:  # noqa: PT012 - whichever call hears of it
        write(producer, b"4")
        producer.commit_transaction(1)
    assert ended.value.args[0].code() == KafkaError.INVALID_TXN_STATE
    assert brokers.reached == {"late_end_in_next": 1, "written_behind_the_end": 1}


def test_the_same_call_may_be_made_again_where_the_answer_was_lost() -> None:
    brokers = Brokers(Random(1), Chances(lost_reply=1.0))
    brokers.create("out", 1)
    producer = writer(brokers)
    producer.begin_transaction()
    write(producer, b"1")
    with pytest.raises(KafkaException) as lost:
        producer.commit_transaction(1)
    assert lost.value.args[0].retriable()
    brokers.chances = Chances()
    producer.commit_transaction(1)
    assert values(brokers, "out") == [b"1"]


def test_a_transaction_that_takes_too_long_is_ended_and_its_writer_fenced() -> None:
    brokers = Brokers(Random(1), Chances(transaction_ticks=10))
    brokers.create("out", 1)
    producer = writer(brokers)
    producer.begin_transaction()
    write(producer, b"1")
    for _ in range(20):
        producer.poll(0)
    with pytest.raises(KafkaException):
        producer.commit_transaction(1)
    assert values(brokers, "out") == []
    assert brokers.reached["expired"] == 1


def test_a_topic_that_is_made_again_is_another(brokers: Brokers) -> None:
    clients = ModelClients(brokers)
    before = clients.topics(["out", "none"])
    brokers.create("out", 2)
    after = clients.topics(["out", "none"])
    assert before["out"] != after["out"]
    assert before["none"] is None
    consumer = clients.consumer()
    consumer.assign([TopicPartition("out", 0, 1_000)])
    (told,) = consumer.consume(10, 0)
    error = told.error()
    assert error is not None
    assert error.code() == KafkaError._AUTO_OFFSET_RESET


def test_a_process_dies_in_a_call() -> None:
    brokers = Brokers(Random(1), Chances(crash=1.0))
    with pytest.raises(Crashed):
        writer(brokers)
