"""The table of topics is complete, and a topic that could lose or repeat records stops a start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.kafka.clients import TopicFound
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import BY_NAME, TOPICS, SettingFault, TopicKind, check, create, faults, missing, planned
from domain.events import catalogue
from domain.outputs import TOPICS as OUTPUT_TOPICS
from state.guards import WRONG_TOPIC_SETTINGS, GuardStop

SETTINGS = KafkaSettings(prefix="acme.", generation="2", partitions=6)


class Topics:
    """Brokers that hold topics and nothing else."""

    def __init__(self) -> None:
        self.found: dict[str, TopicFound] = {}
        self.ends: dict[tuple[str, int], int] = {}

    def found_topics(self, names: Sequence[str]) -> Mapping[str, TopicFound | None]:
        return {name: self.found.get(name) for name in names}

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        end = self.ends.get((topic, partition), 0)
        return end, end

    def create_topic(self, name: str, partitions: int, replication: int, settings: Mapping[str, str]) -> None:
        assert name not in self.found
        self.found[name] = TopicFound(partitions, replication, dict(settings))

    def change(self, name: str, *, settings: Mapping[str, str] | None = None, **fields: Any) -> None:
        found = self.found[name]
        self.found[name] = found._replace(settings={**found.settings, **(settings or {})}, **fields)


@pytest.fixture
def made() -> Topics:
    topics = Topics()
    create(topics, missing(topics, SETTINGS))
    return topics


def test_every_event_and_output_has_its_topic_in_the_table() -> None:
    carried = {(kind, topic.name) for topic in TOPICS for kind in topic.carries if topic.kind is not TopicKind.OWN}
    inputs = {pair for pair in catalogue.TOPICS.items() if pair[1] != "engagement.log"}
    assert carried == inputs | set(OUTPUT_TOPICS.items()) | {("ForecastUpdate", "forecast.current")}


def test_what_is_made_is_as_it_must_be(made: Topics) -> None:
    assert len(made.found) == len(TOPICS)
    assert faults(made, SETTINGS) == []
    check(made, SETTINGS)


def test_what_exists_is_not_made_again(made: Topics) -> None:
    del made.found["acme.erp.postings"]
    made.change("acme.psa.time", settings={"retention.ms": "1"})
    assert [plan.topic for plan in missing(made, SETTINGS)] == ["acme.erp.postings"]


def test_own_topics_carry_prefix_and_generation_and_shared_ones_the_prefix() -> None:
    assert planned(BY_NAME["engagement.log"], SETTINGS).topic == "acme.engagement.log.2"
    assert planned(BY_NAME["erp.postings"], SETTINGS).topic == "acme.erp.postings"


@pytest.mark.parametrize(
    ("topic", "setting", "found", "needed"),
    [
        ("erp.postings", "retention.ms", "604800000", "-1"),
        ("erp.postings", "cleanup.policy", "compact", "delete"),
        ("erp.postings", "message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("engagement.log.2", "unclean.leader.election.enable", "true", "false"),
        ("engagement.log.2", "min.insync.replicas", "1", "at least 2"),
        ("engagement.log.2", "max.message.bytes", "1048588", "at least 2200000"),
        ("shard.progress.2", "cleanup.policy", "delete", "compact"),
        ("project.views", "cleanup.policy", "compact,delete", "compact"),
        ("psa.time", "cleanup.policy", "compact", "delete"),
        ("psa.time", "retention.ms", "3600000", "at least 604800000"),
        ("psa.time", "max.message.bytes", "20000000", "1000000 to 8388608"),
    ],
)
def test_a_wrong_setting_is_told_with_what_is_needed(
    made: Topics, topic: str, setting: str, found: str, needed: str
) -> None:
    made.change(f"acme.{topic}", settings={setting: found})
    assert faults(made, SETTINGS) == [SettingFault(f"acme.{topic}", setting, found, needed)]


def test_input_may_be_kept_for_ever_and_have_any_number_of_partitions(made: Topics) -> None:
    made.change("acme.psa.time", settings={"retention.ms": "-1"}, partitions=50)
    assert faults(made, SETTINGS) == []


def test_partitions_that_outputs_have_too_many_do_no_harm_while_they_are_empty(made: Topics) -> None:
    """They cannot be taken away again, so that they must not stop every start."""
    made.change("acme.alerts", partitions=8)
    (fault,) = check(made, SETTINGS)
    assert fault.is_harmless
    assert (
        str(fault)
        == "topic acme.alerts: partitions is 8, needed 6; what is more is empty, and nothing is written there"
    )
    made.ends["acme.alerts", 7] = 1
    assert [fault.is_harmless for fault in faults(made, SETTINGS)] == [False]
    with pytest.raises(GuardStop):
        check(made, SETTINGS)


def test_a_log_with_too_many_partitions_is_never_harmless(made: Topics) -> None:
    """Which shard an event belongs to follows from their number."""
    made.change("acme.engagement.log.2", partitions=7)
    assert [fault.is_harmless for fault in faults(made, SETTINGS)] == [False]


def test_outputs_have_one_partition_a_shard(made: Topics) -> None:
    made.change("acme.alerts", partitions=7)
    made.ends["acme.alerts", 6] = 1
    made.change("acme.exceptions", replication=2)
    assert [(fault.setting, fault.found) for fault in faults(made, SETTINGS)] == [
        ("replication", "2"),
        ("partitions", "7"),
    ]


def test_nobody_is_told_to_add_partitions_or_to_make_a_lost_topic(made: Topics) -> None:
    """The settings name 6 and the topic was made with 4: it is the settings that are wrong."""
    made.change("acme.alerts", partitions=4)
    (fault,) = faults(made, SETTINGS)
    assert fault.needed == (
        "6, as the settings say; topics stay as they were made, so never add partitions: set [kafka] partitions back"
    )
    assert fault.way_out == "never add partitions; see docs/operations.md, code 26"
    made.change("acme.dead-letters", partitions=2)
    made.ends["acme.dead-letters", 1] = 1
    assert faults(made, SETTINGS)[-1].needed == "1, which never changes"
    with pytest.raises(GuardStop) as stop:
        check(made, SETTINGS)
    assert "a topic that held something is put back from its copy" in stop.value.message
    assert "but for the number of partitions" in stop.value.message


def test_a_start_is_refused_with_all_that_is_wrong(made: Topics) -> None:
    del made.found["acme.alerts"]
    made.change("acme.exceptions", settings={"retention.ms": "1000"})
    with pytest.raises(GuardStop) as stop:
        check(made, SETTINGS)
    assert stop.value.code == WRONG_TOPIC_SETTINGS
    assert "topic acme.alerts: topic is not there" in stop.value.message
    assert "topic acme.exceptions: retention.ms is 1000, needed -1" in stop.value.message


def test_a_process_looks_only_at_the_topics_that_it_uses(made: Topics) -> None:
    del made.found["acme.psa.time"]
    check(made, SETTINGS, only=("engagement.log", "erp.postings"))


def test_one_broker_for_development_needs_no_copies() -> None:
    laptop = KafkaSettings(development=True)
    topics = Topics()
    create(topics, missing(topics, laptop))
    assert topics.found["erp.postings"].replication == 1
    assert topics.found["erp.postings"].settings["min.insync.replicas"] == "1"
    assert faults(topics, laptop) == []
    assert faults(topics, KafkaSettings())


@pytest.mark.parametrize(("development", "number"), [(True, 0), (False, 1)])
def test_in_development_event_topics_may_keep_the_times_of_what_was_simulated(
    made: Topics, development: bool, number: int
) -> None:
    """Outputs never: when one became visible is the brokers' time."""
    made.change("acme.psa.time", settings={"message.timestamp.type": "CreateTime"})
    settings = SETTINGS.model_copy(update={"development": development})
    assert len(faults(made, settings)) == number
    made.change("acme.erp.postings", settings={"message.timestamp.type": "CreateTime"})
    assert len(faults(made, settings)) == number + 1
