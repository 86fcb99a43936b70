"""A start that finds no brokers ends within its time."""

from __future__ import annotations

import time
from functools import partial

import pytest
from confluent_kafka import KafkaException

from connectors.kafka import intake_resume
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import Names
from connectors.kafka.partitions import bounds
from connectors.kafka.settings import KafkaSettings


def test_brokers_that_do_not_answer_are_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_resume, "bounds", partial(bounds, timeout=0.5))
    settings = KafkaSettings(brokers="127.0.0.1:1")
    started = time.monotonic()
    with pytest.raises(KafkaException):
        intake_resume.committed_progress(KafkaClients(settings), Names.of(settings))
    assert time.monotonic() - started < 10
