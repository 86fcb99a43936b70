"""Ends of partitions that are asked for beside a dataflow, and how old the last answer is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.ends import KnownEnds
from connectors.kafka.partitions import Place

LOG: Place = ("engagement.log.1", 3)


class Brokers:
    """They answer with what they are told to, or not at all."""

    def __init__(self) -> None:
        self.end = 7
        self.fault: int | None = None
        self.asked: list[Sequence[Place]] = []

    def ends(self, places: Sequence[Place], seconds: float) -> Mapping[Place, int]:
        self.asked.append(places)
        if self.fault is not None:
            raise KafkaException(KafkaError(self.fault))
        return dict.fromkeys(places, self.end)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_while_brokers_are_silent_the_end_stands_still_and_its_age_grows() -> None:
    brokers, clock = Brokers(), Clock()
    ends = KnownEnds(brokers, [LOG], clock)
    assert (ends.of(LOG), ends.age_seconds) == (0, 0.0)
    ends.look()
    for fault in (KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._NOENT, KafkaError._ALL_BROKERS_DOWN):
        brokers.end, brokers.fault = 50, fault
        clock.seconds += 5
        ends.look()
    assert (ends.of(LOG), ends.age_seconds) == (7, 20.0)
    brokers.fault = None
    ends.look()
    assert (ends.of(LOG), ends.age_seconds) == (50, 0.0)


@pytest.mark.parametrize("fault", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART])
def test_a_refusal_is_an_answer(fault: int) -> None:
    brokers, clock = Brokers(), Clock()
    ends = KnownEnds(brokers, [LOG], clock)
    clock.seconds += 5
    brokers.fault = fault
    ends.look()
    assert ends.age_seconds == 0.0


def test_what_is_asked_for_may_change() -> None:
    brokers = Brokers()
    ends = KnownEnds(brokers, [LOG])
    ends.ask_for(lambda: [("psa.time", 0), ("psa.time", 1)])
    ends.look()
    assert brokers.asked == [[("psa.time", 0), ("psa.time", 1)]]
    assert ends.of(("psa.time", 1)) == 7
