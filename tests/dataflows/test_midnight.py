"""Days end by the wall clock only after what the topics held at midnight, or when that takes too long."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dataflows.midnight import Clocks, DaysDue, Midnight, check_apart
from state.guards import CLOCKS_APART, GuardStop
from tests.intake_inputs import at

MIDNIGHT = at("2026-03-03 00:00")
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
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


def agreeing(clock: Clock) -> Clocks:
    return Clocks(clock, clock, lambda _told: None)


def test_a_day_is_not_over_before_midnight() -> None:
    clock = Clock(MIDNIGHT - 1)
    midnight = Midnight(Topics({TIME: 5}, {TIME: 5}), agreeing(clock))
    assert midnight.due(MIDNIGHT) is None
    clock.now += 1
    assert midnight.due(MIDNIGHT) == DaysDue(MIDNIGHT)


def test_what_stood_there_at_midnight_comes_first_and_what_comes_later_holds_back_nothing() -> None:
    topics, clock = Topics({TIME: 5, PEOPLE: 2}, {TIME: 3, PEOPLE: 2}), Clock(MIDNIGHT)
    midnight = Midnight(topics, agreeing(clock))
    assert midnight.due(MIDNIGHT) is None
    topics.held[TIME] = 9
    topics.taken[TIME] = 4
    assert midnight.due(MIDNIGHT) is None
    topics.taken[TIME] = 5
    assert midnight.due(MIDNIGHT) == DaysDue(MIDNIGHT)


def test_an_outage_is_waited_for_from_its_end() -> None:
    """Intake stood still from before midnight until ten: it takes in what there is, and does not give up at once."""
    topics, clock = Topics({TIME: 500}, {TIME: 0}), Clock(MIDNIGHT + 600 * MINUTE)
    midnight = Midnight(topics, agreeing(clock))
    assert midnight.due(MIDNIGHT) is None
    clock.now += 119 * MINUTE
    assert midnight.due(MIDNIGHT) is None
    topics.taken[TIME] = 500
    assert midnight.due(MIDNIGHT) == DaysDue(MIDNIGHT)


def test_after_two_hours_it_ends_all_the_same_and_says_for_whom_it_did_not_wait() -> None:
    topics, clock = Topics({TIME: 5, PEOPLE: 2}, {TIME: 3, PEOPLE: 2}), Clock(MIDNIGHT)
    midnight = Midnight(topics, agreeing(clock))
    assert midnight.due(MIDNIGHT) is None
    clock.now += 120 * MINUTE
    assert midnight.due(MIDNIGHT) == DaysDue(MIDNIGHT, behind=("psa.time",))
    following = MIDNIGHT + 1440 * MINUTE
    assert midnight.due(following) is None
    topics.taken[TIME] = 5
    assert midnight.due(following) == DaysDue(None, caught_up=("psa.time",))
    assert midnight.due(following) is None


def test_several_days_end_one_after_the_other_behind_the_same_ends() -> None:
    """Midnights in two zones, passed while nothing ran."""
    clock = Clock(MIDNIGHT + 2 * 1440 * MINUTE)
    topics = Topics({TIME: 5}, {TIME: 5})
    midnight = Midnight(topics, agreeing(clock))
    days = [MIDNIGHT, MIDNIGHT + 300 * MINUTE, MIDNIGHT + 1440 * MINUTE]
    assert [midnight.due(day) for day in days] == [DaysDue(day) for day in days]
    assert midnight.due(MIDNIGHT + 3 * 1440 * MINUTE) is None


def test_one_clock_that_is_wrong_ends_no_day() -> None:
    """This machine is 40 days ahead: the brokers are asked once a minute, and no day ends before midnight is past there too."""
    mine, brokers = Clock(MIDNIGHT + 40 * DAY), Clock(MIDNIGHT - MINUTE)
    asked: list[int] = []
    told: list[str] = []

    def asking() -> int:
        asked.append(brokers.now)
        return brokers.now

    midnight = Midnight(Topics({TIME: 5}, {TIME: 5}), Clocks(mine, asking, told.append))
    for _ in range(3):
        assert midnight.due(MIDNIGHT) is None
    assert len(asked) == len(told) == 1
    assert "3,456,060 seconds ahead of the brokers'" in told[0]
    mine.now += MINUTE
    brokers.now += MINUTE
    assert midnight.due(MIDNIGHT) == DaysDue(MIDNIGHT)
    assert midnight.due(MIDNIGHT + DAY) is None
    # The other way round, midnight comes later here.
    mine.now = MIDNIGHT + DAY - 1
    brokers.now = MIDNIGHT + 40 * DAY
    assert midnight.due(MIDNIGHT + DAY) is None


@pytest.mark.parametrize(("days", "ends"), [(4, True), (5, False), (400, False)])
def test_clocks_that_jump_together_end_a_long_weekend_and_not_more(days: int, ends: bool) -> None:
    """Five days at once may pass in which nothing came; a person says that a sixth has."""
    clock = Clock(MIDNIGHT + days * DAY)
    midnight = Midnight(Topics({TIME: 5}, {TIME: 5}), agreeing(clock)._replace(days_at_once=5))
    if ends:
        assert [midnight.due(MIDNIGHT + day * DAY) for day in range(6)] == [
            *(DaysDue(MIDNIGHT + day * DAY) for day in range(5)),
            None,
        ]
        return
    with pytest.raises(GuardStop, match=f"{days + 1} days would end at once, expected at most 5") as stop:
        midnight.due(MIDNIGHT)
    assert stop.value.code == CLOCKS_APART


def test_what_came_while_intake_stood_still_is_no_jump() -> None:
    """Ten days of it are taken in first; their own times end the days."""
    topics, clock = Topics({TIME: 500}, {TIME: 0}), Clock(MIDNIGHT + 10 * DAY)
    midnight = Midnight(topics, agreeing(clock)._replace(days_at_once=5))
    assert midnight.due(MIDNIGHT) is None
    topics.taken[TIME] = 500
    assert midnight.due(MIDNIGHT + 10 * DAY) == DaysDue(MIDNIGHT + 10 * DAY)


def test_a_record_from_the_future_is_not_taken_in() -> None:
    """An hour is what clocks may differ by."""
    check_apart(MIDNIGHT + 60 * MINUTE, MIDNIGHT, "psa.time")
    with pytest.raises(GuardStop, match=r"psa\.time: the brokers had it 3,601 seconds from now") as stop:
        check_apart(MIDNIGHT + 60 * MINUTE + 1_000_000, MIDNIGHT, "psa.time")
    assert stop.value.code == CLOCKS_APART
