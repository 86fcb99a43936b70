"""Days do not end by one clock that is wrong, nor by two that jump together; what comes is never lost by it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.kafka.names import DEAD_LETTERS, GENESIS_KEY, Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import read_stored
from dataflows.intake import IntakeSetup, KafkaIntake
from domain.events.catalogue import TOPICS, Event
from state.genesis import Genesis
from state.guards import CLOCKS_APART, GuardStop
from state.rules import RULES
from tests.brokers import Brokers, ModelClients
from tests.intake_inputs import activated, at, entity
from tests.kafka.intake_story import DOMAIN
from tests.kafka.intake_world import until_idle
from tests.plain_intake import run_plain

WHEN = "2026-03-02 09:00"
HOUR = 60 * 60 * 1_000_000
DAY = 24 * HOUR
NAMES = Names("", "1")


class Site:
    """Brokers with a clock of theirs, and a machine with another; one partition of everything."""

    def __init__(self, folder: Path) -> None:
        self.brokers = Brokers(Random(1))
        self.folder = folder
        self.schemas = SchemaIds.fixed("")
        self.told: list[str] = []
        self.now = at("2026-03-02 09:00")
        self.brokers.now = self.now // 1_000
        for topic in (DEAD_LETTERS, *DOMAIN, NAMES.log, NAMES.directory):
            self.brokers.create(topic, 1)

    def pass_at_brokers(self, time: int) -> None:
        self.brokers.now += time // 1_000

    def send(self, event: Event) -> None:
        name = type(event).__name__
        value = self.schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(event)
        self.brokers.append(TOPICS[name], 0, b"", value)

    def intake(self) -> KafkaIntake:
        setup = IntakeSetup(Genesis("1", partitions=1, rules=RULES), self.folder, days_at_once=5)
        kafka = KafkaSettings(generation="1", partitions=1)
        return KafkaIntake(
            ModelClients(self.brokers), kafka, self.schemas, setup, self.told.append, now=lambda: self.now
        )

    def run(self) -> None:
        with self.intake() as intake:
            run_plain(intake, until_idle(intake, 3))

    def log(self) -> list[str]:
        slots = self.brokers.partition(NAMES.log, 0).committed()
        return [read_stored(each.value or b"", 0)[0].type for each in slots if each.key != GENESIS_KEY]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.send(entity(WHEN))
    return made


def test_a_machine_that_is_40_days_ahead_ends_no_day(site: Site) -> None:
    """It is told, and what comes is taken in. When midnight is past at the brokers as well, that one day ends."""
    site.now += 40 * DAY
    site.run()
    site.send(activated(WHEN, "P-1"))
    site.run()
    assert site.log() == ["LegalEntityDefined", "ProjectActivated"]
    assert sum("ahead of the brokers'" in each for each in site.told) == 2
    site.pass_at_brokers(15 * HOUR)
    site.run()
    assert site.log() == ["LegalEntityDefined", "ProjectActivated", "DayEnded"]


def test_brokers_that_are_40_days_ahead_end_no_day(site: Site) -> None:
    """Their time would be that of the events. Nothing is taken in until the clocks agree, and then all of it."""
    site.run()
    site.pass_at_brokers(40 * DAY)
    site.send(activated(WHEN, "P-1"))
    with pytest.raises(GuardStop) as stop:
        site.run()
    assert stop.value.code == CLOCKS_APART
    assert site.log() == ["LegalEntityDefined"]
    site.now += 40 * DAY
    site.run()
    assert site.log() == ["LegalEntityDefined", *["DayEnded"] * 40, "ProjectActivated"]


def test_clocks_that_jump_together_stop_intake(site: Site) -> None:
    """With and without something that comes just then."""
    site.run()
    with site.intake() as intake:
        run_plain(intake, until_idle(intake, 3))
        site.pass_at_brokers(40 * DAY)
        site.now += 40 * DAY
        site.send(activated(WHEN, "P-1"))
        with pytest.raises(GuardStop, match="40 days would end at once, expected at most 5"):
            run_plain(intake, until_idle(intake, 3))
    assert site.log() == ["LegalEntityDefined"]


def test_a_long_weekend_without_intake_ends_by_itself(site: Site) -> None:
    """From Monday morning to Friday: four days."""
    site.run()
    site.pass_at_brokers(4 * DAY)
    site.now += 4 * DAY
    site.run()
    assert site.log() == ["LegalEntityDefined", *["DayEnded"] * 4]
