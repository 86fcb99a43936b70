"""Worked time in billing steps (R9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.work.increments import billable_hours, hours_of, round_increment, seconds_of

MINUTE = 60
HOUR = 1_000_000


@pytest.mark.parametrize(
    ("minutes_worked", "mode", "minutes_billed"),
    [
        (1, "up", 15),
        (15, "up", 15),
        (16, "up", 30),
        (16, "down", 15),
        (14, "down", 0),
        (7, "nearest", 0),
        (8, "nearest", 15),
        (0, "up", 0),
    ],
)
def test_steps_of_a_quarter_of_an_hour(minutes_worked: int, mode: str, minutes_billed: int) -> None:
    assert round_increment(minutes_worked * MINUTE, 15, mode) == minutes_billed * MINUTE


def test_nearest_takes_the_half_step_up() -> None:
    assert round_increment(3 * MINUTE, 6, "nearest") == 6 * MINUTE


def test_one_second_more_is_one_step_more() -> None:
    assert round_increment(15 * MINUTE + 1, 15, "up") == 30 * MINUTE


def test_twenty_minutes_are_an_exact_multiple_although_six_decimals_cannot_write_them() -> None:
    assert billable_hours(333_333, 20, "up", None) == 333_333
    assert billable_hours(333_333, 5, "down", None) == 333_333
    assert billable_hours(333_334, 20, "up", None) == 333_334


def test_the_minimum_comes_after_and_lifts_only_what_is_more_than_zero() -> None:
    assert billable_hours(HOUR // 10, 15, "up", 60) == HOUR
    assert billable_hours(HOUR // 10, 15, "down", 60) == 0
    assert billable_hours(HOUR // 10, None, None, 30) == HOUR // 2
    assert billable_hours(0, 15, "up", 60) == 0
    assert billable_hours(2 * HOUR, 15, "up", 60) == 2 * HOUR


def test_without_increments_hours_are_as_worked() -> None:
    assert billable_hours(1_234_567, None, None, None) == 1_234_567


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="expected up, down or nearest, got 'ceil'"):
        round_increment(1, 6, "ceil")
    with pytest.raises(ValueError, match="expected more than zero, got 0"):
        round_increment(1, 0, "up")


@given(st.integers(0, 86_400), st.integers(1, 480), st.sampled_from(["up", "down", "nearest"]))
def test_rounding_twice_is_rounding_once(seconds: int, minutes: int, mode: str) -> None:
    once = round_increment(seconds, minutes, mode)
    assert round_increment(once, minutes, mode) == once
    assert abs(once - seconds) < minutes * MINUTE


@given(st.integers(0, 86_400))
def test_seconds_survive_as_hours(seconds: int) -> None:
    assert seconds_of(hours_of(seconds)) == seconds
