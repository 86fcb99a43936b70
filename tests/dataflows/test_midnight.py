"""Days end by the wall clock only behind what the topics held at midnight, or when that takes too long."""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.midnight import Due, Midnight
from tests.intake_inputs import at

MIDNIGHT = at("2026-03-03 00:00")
MINUTE = 60_000_000
TIME, PEOPLE = ("psa.time", 0), ("hr.people", 0)


class Topics:
    """How far each partition is, and how far it was taken in."""

    def __init__(self, ends: dict[tuple[str, int], int], taken: dict[tuple[str, int], int]) -> None:
        self.held = ends
        self.taken = taken

    def ends(self) -> Mapping[tuple[str, int], int]:
        return dict(self.held)

    def topics_behind(self, ends: Mapping[tuple[str, int], int]) -> tuple[str, ...]:
        return tuple(sorted({topic for (topic, at), end in ends.items() if self.taken[topic, at] < end}))


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_a_day_is_not_over_before_midnight() -> None:
    clock = Clock(MIDNIGHT - 1)
    midnight = Midnight(Topics({TIME: 5}, {TIME: 5}), clock)
    assert midnight.due(MIDNIGHT) is None
    clock.now += 1
    assert midnight.due(MIDNIGHT) == Due(MIDNIGHT)


def test_what_stood_there_at_midnight_comes_first_and_what_comes_later_holds_back_nothing() -> None:
    topics, clock = Topics({TIME: 5, PEOPLE: 2}, {TIME: 3, PEOPLE: 2}), Clock(MIDNIGHT)
    midnight = Midnight(topics, clock)
    assert midnight.due(MIDNIGHT) is None
    topics.held[TIME] = 9
    topics.taken[TIME] = 4
    assert midnight.due(MIDNIGHT) is None
    topics.taken[TIME] = 5
    assert midnight.due(MIDNIGHT) == Due(MIDNIGHT)


def test_an_outage_is_waited_for_from_its_end() -> None:
    """Intake stood still from before midnight until ten: it takes in what there is, and does not give up at once."""
    topics, clock = Topics({TIME: 500}, {TIME: 0}), Clock(MIDNIGHT + 600 * MINUTE)
    midnight = Midnight(topics, clock)
    assert midnight.due(MIDNIGHT) is None
    clock.now += 119 * MINUTE
    assert midnight.due(MIDNIGHT) is None
    topics.taken[TIME] = 500
    assert midnight.due(MIDNIGHT) == Due(MIDNIGHT)


def test_after_two_hours_it_ends_all_the_same_and_says_for_whom_it_did_not_wait() -> None:
    topics, clock = Topics({TIME: 5, PEOPLE: 2}, {TIME: 3, PEOPLE: 2}), Clock(MIDNIGHT)
    midnight = Midnight(topics, clock)
    assert midnight.due(MIDNIGHT) is None
    clock.now += 120 * MINUTE
    assert midnight.due(MIDNIGHT) == Due(MIDNIGHT, behind=("psa.time",))
    following = MIDNIGHT + 1440 * MINUTE
    assert midnight.due(following) is None
    topics.taken[TIME] = 5
    assert midnight.due(following) == Due(None, caught_up=("psa.time",))
    assert midnight.due(following) is None


def test_several_days_end_one_after_the_other_behind_the_same_ends() -> None:
    """Midnights in two zones, passed while nothing ran."""
    clock = Clock(MIDNIGHT + 2 * 1440 * MINUTE)
    topics = Topics({TIME: 5}, {TIME: 5})
    midnight = Midnight(topics, clock)
    days = [MIDNIGHT, MIDNIGHT + 300 * MINUTE, MIDNIGHT + 1440 * MINUTE]
    assert [midnight.due(day) for day in days] == [Due(day) for day in days]
    assert midnight.due(MIDNIGHT + 3 * 1440 * MINUTE) is None
