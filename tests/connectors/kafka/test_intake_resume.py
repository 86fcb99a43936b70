"""What a start of intake finds: nothing that answers, and parts of transactions with aborted copies between them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaException

from connectors.kafka import intake_resume
from connectors.kafka.clients import KafkaClients
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.names import NUMBER_HEADER, Names
from connectors.kafka.partitions import PATIENCE_SECONDS
from connectors.kafka.settings import KafkaSettings
from dataflows import log_copy
from state.guards import TORN_OUTPUTS, GuardStop
from tests.brokers import ABORTED, COMMITTED, Brokers, ModelClients


def test_an_export_waits_for_silent_brokers_as_long_as_the_settings_say(tmp_path: Path) -> None:
    settings = KafkaSettings(brokers="127.0.0.1:1", request_timeout_seconds=1)
    started = time.monotonic()
    with pytest.raises(KafkaException):
        log_copy.export_log(KafkaClients(settings), settings, tmp_path / "copy", lambda what, done, of: None)
    assert time.monotonic() - started < PATIENCE_SECONDS


NAMES = Names("", "1")
# Records 0 to 9 count.
PROGRESS = IntakeProgress("1", "", 4, (10,), 10, {}, {})


def log_of(*stretches: tuple[Iterable[int], str]) -> ModelClients:
    brokers = Brokers(Random(1))
    brokers.create(NAMES.log, 1)
    for numbers, state in stretches:
        for number in numbers:
            at = brokers.append(NAMES.log, 0, b"E", b"record %d" % number, [(NUMBER_HEADER, b"%d" % number)])
            brokers.partition(NAMES.log, 0).slots[at].state = state
    return ModelClients(brokers)


def early(clients: ModelClients) -> list[int]:
    return [number for (_, number), _ in intake_resume._early(clients, NAMES, [0], PROGRESS)]


def test_what_is_seen_early_is_found_behind_any_number_of_aborted_copies() -> None:
    """Record 10 came before its time; two starts made 10 to 20 again and died; of the third 11 to 20 count, and its progress is aborted."""
    again = (range(10, 21), ABORTED)
    clients = log_of((range(10), COMMITTED), ([10], COMMITTED), again, again, (range(11, 21), COMMITTED))
    assert early(clients) == list(range(10, 21))


def test_a_hole_among_what_is_seen_early_stops_intake() -> None:
    """It could only be filled after what comes after it."""
    clients = log_of((range(10), COMMITTED), ([10], ABORTED), ([11], COMMITTED))
    with pytest.raises(GuardStop, match="record 10 is missing before 11") as stop:
        early(clients)
    assert stop.value.code == TORN_OUTPUTS
