"""A setting of a topic that somebody changes while processes run is noticed as at a start."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event as Flag

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.topics import SettingFault
from milepost.operate.topics_watched import WatchedTopics
from state.guards import WRONG_TOPIC_SETTINGS, GuardStop

RETENTION = GuardStop(WRONG_TOPIC_SETTINGS, "topic engagement.log.1: retention.ms is 1000, needed -1")
AWAY = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
MORE = SettingFault("alerts", "partitions", "7", "6; what is more is empty", is_harmless=True)


def followed(answers: Sequence[Sequence[SettingFault] | Exception], told: list[str]) -> WatchedTopics:
    """After these answers to its looks, or when it has found what stops a start."""
    left, ended = list(answers), Flag()

    def look() -> Sequence[SettingFault]:
        answer = left.pop(0)
        if not left:
            ended.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    watched = WatchedTopics(look, told.append)
    watched.follow(ended, seconds=0.0, again=0.001)
    return watched


def test_what_stops_a_start_ends_the_process_once_two_looks_have_found_it() -> None:
    told: list[str] = []
    watched = followed([(), RETENTION, RETENTION, ()], told)
    assert watched.is_wrong()
    assert told == ["settings of topics were changed: topic engagement.log.1: retention.ms is 1000, needed -1"]
    with pytest.raises(GuardStop) as stop:
        watched.check()
    assert stop.value.code == WRONG_TOPIC_SETTINGS


@pytest.mark.parametrize("between", [(), AWAY])
def test_what_is_gone_at_the_second_look_ends_nothing(between: Sequence[SettingFault] | Exception) -> None:
    told: list[str] = []
    watched = followed([RETENTION, between, RETENTION], told)
    assert not watched.is_wrong()
    watched.check()
    assert told == []


def test_what_is_harmless_is_said_once() -> None:
    told: list[str] = []
    assert not followed([(MORE,), (MORE,), (MORE,)], told).is_wrong()
    (said,) = told
    assert said.startswith("topic alerts: partitions is 7, needed 6; what is more is empty; nothing has to be done")
