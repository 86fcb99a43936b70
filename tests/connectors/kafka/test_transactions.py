"""A producer's transactions, on a model of brokers."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError

from connectors.kafka.log_writer import Produced
from connectors.kafka.transactions import Transactions
from state.guards import BROKER_UNREACHABLE, FENCED, GuardStop
from tests.brokers import Brokers, ModelClients, fault

RECORD = Produced("erp.results", b"", b"", 0, [])


@pytest.mark.parametrize("records", [1, 100])
@pytest.mark.parametrize("seed", range(5))
def test_who_is_fenced_hears_it_as_such_whenever_the_client_does(seed: int, records: int) -> None:
    """Brokers answer once all is taken, or between two records: the next is not taken then, and the client does not say why."""
    brokers = Brokers(Random(seed))
    brokers.create("erp.results", 1)
    first = Transactions(ModelClients(brokers), "delivery", 1.0)
    Transactions(ModelClients(brokers), "delivery", 1.0)
    first.begin()
    with pytest.raises(GuardStop, match="another process has taken over") as stop:
        first.produce([RECORD] * records)
    assert stop.value.code == FENCED


def test_a_commit_that_fails_inside_the_broker_while_its_producer_is_fenced_is_told_as_a_fence() -> None:
    """Kafka 4.3.1 answers so where another process takes over as the commit comes."""
    brokers = Brokers(Random(1))
    brokers.create("erp.results", 1)
    first = Transactions(ModelClients(brokers), "delivery", 1.0)
    first.begin()
    first.produce([RECORD])
    inside = fault(KafkaError.UNKNOWN, "EndTxn commit failed: Unknown broker error")
    with patch.object(brokers, "end", side_effect=inside), pytest.raises(GuardStop) as stop:
        first.commit()
    assert stop.value.code == FENCED
    assert "another process has taken over (EndTxn commit failed: Unknown broker error, which" in stop.value.message


def test_a_record_that_brokers_could_not_write_is_no_fence() -> None:
    """A transaction with a record that failed inside the broker cannot be committed; who has the account is not in doubt."""
    brokers = Brokers(Random(1))
    brokers.create("erp.results", 1)
    first = Transactions(ModelClients(brokers), "delivery", 1.0)
    first.begin()
    inside = fault(KafkaError.UNKNOWN, "1 message(s) failed delivery: Unknown broker error")
    with patch.object(brokers, "end", side_effect=inside), pytest.raises(GuardStop) as stop:
        first.commit()
    assert stop.value.code == BROKER_UNREACHABLE
