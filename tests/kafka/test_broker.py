"""The broker that tests start is a real one: what claims exactly-once is tested against it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

from connectors.kafka.clients import KafkaClients
from connectors.kafka.settings import KafkaSettings
from tests.kafka.servers import PATIENCE, NewTopicNamed, Start, create_topic, grant, read_all, until
from tests.servers.kafka import Broker
from tests.servers.server import ServerFailed


def transactional(broker: Broker, transactional_id: str) -> Producer:
    producer = Producer({**broker.client(), "transactional.id": transactional_id})
    producer.init_transactions(PATIENCE)
    return producer


def end_of(broker: Broker, topic: str, isolation: IsolationLevel) -> int:
    """Where a reader of that isolation stops."""
    first = TopicPartition(topic, 0)
    admin = AdminClient(broker.client())
    found = admin.list_offsets({first: OffsetSpec.latest()}, isolation_level=isolation)
    return found[first].result().offset


def write(broker: Broker, topic: str, *values: str) -> None:
    producer = Producer({**broker.client(), "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(PATIENCE) == 0


def test_only_what_was_committed_is_read(broker: Broker, new_topic: NewTopicNamed, own_name: str) -> None:
    topic = new_topic("postings")
    producer = transactional(broker, own_name)
    for value, committed in (("first", True), ("second", False), ("third", True)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(PATIENCE)
        if committed:
            producer.commit_transaction(PATIENCE)
        else:
            producer.abort_transaction(PATIENCE)
    assert read_all(broker, topic) == [b"first", b"third"]
    assert read_all(broker, topic, "read_uncommitted") == [b"first", b"second", b"third"]


def test_a_zombie_is_fenced(broker: Broker, new_topic: NewTopicNamed, own_name: str) -> None:
    topic = new_topic("postings")
    zombie = transactional(broker, own_name)
    zombie.begin_transaction()
    zombie.produce(topic, "of the zombie")
    zombie.flush(PATIENCE)
    successor = transactional(broker, own_name)
    with pytest.raises(KafkaException) as refused:
        zombie.commit_transaction(PATIENCE)
    assert refused.value.args[0].code() in {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
    successor.begin_transaction()
    successor.produce(topic, "of its successor")
    successor.commit_transaction(PATIENCE)
    assert read_all(broker, topic) == [b"of its successor"]


PAUSED = """\
import json, sys
from confluent_kafka import Producer

client, name, topic = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
producer = Producer({**client, "transactional.id": name, "transaction.timeout.ms": 4000})
producer.init_transactions(240)
producer.begin_transaction()
producer.produce(topic, "too late")
producer.flush(240)
print("written", flush=True)
sys.stdin.readline()
producer.commit_transaction(240)
"""


def test_a_process_that_stands_still_too_long_loses_its_transaction(
    broker: Broker, new_topic: NewTopicNamed, own_name: str
) -> None:
    """Four seconds are the transaction's time; the broker aborts it, and the process cannot commit when it wakes."""
    topic = new_topic("postings")
    command = [sys.executable, "-c", PAUSED, json.dumps(broker.client()), own_name, topic]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "written\n"
            process.send_signal(signal.SIGSTOP)
            # The record, and the mark that its transaction was aborted; until then its readers stop before the record.
            until(lambda: end_of(broker, topic, IsolationLevel.READ_COMMITTED) == 2)
            process.send_signal(signal.SIGCONT)
            _, told = process.communicate("go on\n", timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "KafkaException" in told
    assert read_all(broker, topic) == []


def test_transactions_are_those_of_kip_890(broker: Broker) -> None:
    (found,) = [
        line for line in broker.tool("FeatureCommand", "describe").splitlines() if "transaction.version" in line
    ]
    assert "FinalizedVersionLevel: 2" in found


def test_writing_makes_no_topic(broker: Broker, own_name: str) -> None:
    failed: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        failed.append(error)

    producer = Producer({**broker.client(), "message.timeout.ms": 2000})
    producer.produce(f"{own_name}.mistyped", "x", on_delivery=delivered)
    producer.flush(PATIENCE)
    (error,) = failed
    assert error is not None
    assert f"{own_name}.mistyped" not in AdminClient(broker.client()).list_topics(timeout=PATIENCE).topics


@pytest.fixture(scope="module")
def apart(started_once: Start, tmp_path_factory: pytest.TempPathFactory) -> Broker:
    """One that tests kill and pause, and that runs again after each."""
    return started_once(Broker(tmp_path_factory.mktemp("apart") / "kafka"))


@pytest.fixture(scope="module")
def guarded(started_once: Start, tmp_path_factory: pytest.TempPathFactory) -> Broker:
    users = {"milepost": "secret", "stranger": "other-secret"}
    return started_once(Broker(tmp_path_factory.mktemp("guarded") / "kafka", users=users))


def test_what_was_written_outlives_a_stop_and_a_kill(apart: Broker) -> None:
    address = apart.bootstrap
    create_topic(apart, "kept", partitions=2)
    write(apart, "kept", "before the stop")
    apart.restart()
    write(apart, "kept", "before the kill")
    apart.kill()
    assert not apart.running
    apart.start()
    assert apart.bootstrap == address
    assert sorted(read_all(apart, "kept", partitions=2)) == [b"before the kill", b"before the stop"]


def test_a_paused_broker_answers_when_it_goes_on(apart: Broker) -> None:
    create_topic(apart, "log")
    producer = Producer({**apart.client(), "acks": "all"})
    apart.pause()
    try:
        producer.produce("log", "written while it slept")
        assert producer.flush(1) == 1
    finally:
        apart.resume()
    assert producer.flush(PATIENCE) == 0
    assert read_all(apart, "log") == [b"written while it slept"]


def test_an_end_that_nobody_told_is_no_end(apart: Broker) -> None:
    """The client gives the same offset for each question that was not answered, as if nothing were open."""
    create_topic(apart, "postings")
    write(apart, "postings", "one")
    settings = KafkaSettings(brokers=apart.bootstrap, request_timeout_seconds=PATIENCE)
    clients = KafkaClients(settings)
    assert clients.last_stable("postings", 0) == (1, 1)
    assert clients.ends([("postings", 0)], PATIENCE) == {("postings", 0): 1}
    apart.pause()
    try:
        clients.settings = settings.model_copy(update={"request_timeout_seconds": 2})
        with pytest.raises(KafkaException):
            clients.last_stable("postings", 0)
        with pytest.raises(KafkaException):
            clients.ends([("postings", 0)], 2)
    finally:
        apart.resume()


def test_a_guarded_broker_lets_only_write_who_may(guarded: Broker) -> None:
    create_topic(guarded, "erp.postings")
    may_write = AclBinding(
        ResourceType.TOPIC,
        "erp.postings",
        ResourcePatternType.LITERAL,
        "User:milepost",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    grant(guarded, [may_write])
    errors: dict[str, KafkaError | None] = {}
    for user in ("milepost", "stranger"):
        producer = Producer({**guarded.client(user), "message.timeout.ms": PATIENCE * 1_000})

        def delivered(error: KafkaError | None, _message: Message, user: str = user) -> None:
            errors[user] = error

        producer.produce("erp.postings", f"of {user}", on_delivery=delivered)
        assert producer.flush(PATIENCE) == 0
    assert errors["milepost"] is None
    refused = errors["stranger"]
    assert refused is not None
    assert refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert read_all(guarded, "erp.postings") == [b"of milepost"]


def test_a_guarded_broker_asks_for_the_password(guarded: Broker) -> None:
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        client = guarded.client("milepost", mechanism)
        assert "__cluster_metadata" not in AdminClient(client).list_topics(timeout=PATIENCE).topics
        said: list[KafkaError] = []
        guessing: dict[str, Any] = {**client, "sasl.password": "guessed", "error_cb": said.append, "log_level": 0}
        wrong = AdminClient(guessing)
        with pytest.raises(KafkaException):
            wrong.list_topics(timeout=3)

        def is_refused(wrong: AdminClient = wrong, said: list[KafkaError] = said) -> bool:
            wrong.poll(0.1)
            return KafkaError._AUTHENTICATION in [error.code() for error in said]

        until(is_refused)


def test_settings_that_kafka_refuses_are_told(tmp_path: Path, broker: Broker) -> None:
    """`broker` is asked for so that this is skipped, too, where there is no Kafka."""
    with pytest.raises(ServerFailed, match=r"log\.retention\.hours"):
        Broker(tmp_path / "kafka", settings={"log.retention.hours": "many"}).start()
