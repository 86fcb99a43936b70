"""Delivery on a broker that allows it what docs/topics.md says and nothing else."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient

from connectors.kafka.names import DELIVERY, Names
from connectors.kafka.rights import ANSWERS
from connectors.kafka.topics import BY_NAME
from tests.kafka.delivering_site import ERP, Delivering, firm
from tests.kafka.guarded import allow, denied, login
from tests.kafka.servers import PATIENCE, Start
from tests.kafka.test_serve_delivery import delivered
from tests.servers.erp import ErpServer
from tests.servers.kafka import ADMIN, Broker

USERS = {"delivery": "canary-of-delivery-41c7"}


def refusal(broker: Broker, topic: str) -> int | None:
    """Why the user of delivery cannot write there; None where it can."""
    found: list[KafkaError | None] = []
    producer = Producer({**broker.client("delivery"), "log_level": 0, "delivery.timeout.ms": 60_000})
    producer.produce(topic, b"forged", partition=0, on_delivery=lambda fault, _: found.append(fault))
    producer.flush(PATIENCE)
    (fault,) = found
    return None if fault is None else fault.code()


def test_delivery_needs_no_more_rights_than_it_has_and_can_write_nowhere_else(started: Start, tmp_path: Path) -> None:
    """A forged journal would go into the books: only answers and its own rounds are delivery's to write."""
    broker = started(Broker(tmp_path / "kafka", users=USERS))
    admin = firm(broker, "guarded", tmp_path / "site", **login(broker, ADMIN, tmp_path))
    allow(broker, admin.settings, ERP)
    erp = started(ErpServer(tmp_path / "erp", ["--kind", "netsuite"]))
    own = admin._replace(settings=admin.settings.model_copy(update=login(broker, "delivery", tmp_path)))
    reading, delivering = Delivering(admin, erp), Delivering(own, erp)
    reading.port = delivering.port
    with delivering.start() as process:
        said = delivered(reading, process)
    assert denied(broker) == set()
    assert USERS["delivery"] not in said
    names = Names.of(admin.settings)
    its_own = {BY_NAME[name].full_name(names) for name in (DELIVERY, *ANSWERS)}
    topics = {each for each in AdminClient(broker.client()).list_topics().topics if each.startswith(names.prefix)}
    assert its_own < topics
    assert {refusal(broker, topic) for topic in topics - its_own} == {KafkaError.TOPIC_AUTHORIZATION_FAILED}
