"""A producer's transactions, on a model of brokers."""

from __future__ import annotations

from random import Random

import pytest

from connectors.kafka.log_writer import Produced
from connectors.kafka.transactions import Transactions
from state.guards import FENCED, GuardStop
from tests.brokers import Brokers, ModelClients

RECORD = Produced("erp.results", b"", b"", 0, [])


@pytest.mark.parametrize("seed", range(5))
def test_who_is_fenced_hears_it_as_such_whenever_the_client_does(seed: int) -> None:
    """Brokers answer as a record is taken, once all are, or when they are waited for."""
    brokers = Brokers(Random(seed))
    brokers.create("erp.results", 1)
    first = Transactions(ModelClients(brokers), "delivery", 1.0)
    Transactions(ModelClients(brokers), "delivery", 1.0)
    first.begin()
    with pytest.raises(GuardStop, match="another process has taken over") as stop:
        first.produce([RECORD])
    assert stop.value.code == FENCED
