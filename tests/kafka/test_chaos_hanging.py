"""What the chaos run makes of a transaction that stays open: its own fault, unless Kafka says that it left it so."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.kafka.clients import Producer
from tests.chaos.hanging import all_places, end_left_out, places_of_intake, places_of_shards, still_open
from tests.chaos.site import Site, settled
from tests.kafka.servers import PATIENCE, Start
from tests.servers.kafka import Broker

LEFT_OUT = (
    "INFO [Transaction Marker Channel Manager 1]: Couldn't find leader endpoint for partitions Set(erp.postings-0, alerts-1) "
    "while trying to send transaction markers for milepost/1/0, these partitions are likely deleted already\n"
)


@pytest.fixture
def small(started: Start, tmp_path: Path) -> Site:
    return settled(tmp_path, started(Broker(tmp_path / "kafka")), 2, 60.0)


def opened(site: Site, *topics: str) -> Producer:
    """A transaction that nobody ends."""
    producer = site.clients.producer("somebody")
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    for topic in topics:
        producer.produce(topic, b"", b"", 0)
    assert producer.flush(PATIENCE) == 0
    return producer


def test_what_kafka_left_open_is_ended_and_nothing_else(small: Site) -> None:
    """On `erp.postings` Kafka says so; on `control.totals` it does not."""
    producer = opened(small, "erp.postings", "control.totals")
    both = {("erp.postings", 0): 0, ("control.totals", 0): 0}
    places = places_of_shards(small, [0])
    assert still_open(small, all_places(small)) == both
    assert still_open(small, places_of_shards(small, [1])) == {}
    assert still_open(small, places_of_intake(small)) == {}
    assert end_left_out(small, places) == []
    with small.broker.log.open("a", encoding="utf-8") as log:
        log.write(LEFT_OUT)
    assert end_left_out(small, places) == [("erp.postings", 0)]
    assert still_open(small, places) == {("control.totals", 0): 0}
    del producer
