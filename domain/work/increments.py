"""Billing increments (R9): worked time to steps of so many minutes, on whole seconds.

In steps of 15 minutes, up: 20 min are 30 min and 15 min stay 15 min. Nearest takes the half step up.
"""

from __future__ import annotations

from domain.money import HALF_UP, round_ratio
from domain.units import MICROSECONDS_A_MILLIONTH, MICROSECONDS_A_SECOND, Hours

UP = "up"
DOWN = "down"
NEAREST = "nearest"

_SECONDS_PER_HOUR = 3600
_HOURS_SCALE = 1_000_000


def round_increment(seconds: int, minutes: int, mode: str) -> int:
    """Seconds to a whole number of steps; an exact multiple is itself."""
    if minutes <= 0:
        raise ValueError(f"increment_minutes: expected more than zero, got {minutes}")
    step = minutes * 60
    if mode == UP:
        return -(-seconds // step) * step
    if mode == DOWN:
        return seconds // step * step
    if mode == NEAREST:
        return (2 * seconds + step) // (2 * step) * step
    raise ValueError(f"increment_mode: expected {UP}, {DOWN} or {NEAREST}, got {mode!r}")


def billable_hours(
    hours: Hours, increment_minutes: int | None, increment_mode: str | None, minimum_minutes: int | None, finer: int = 0
) -> Hours:
    """Hours after increments and then the minimum, which lifts only what is more than zero.

    A whole number of steps comes back unchanged, also where six decimals cannot write it (20 min = 0.333333 h).
    """
    if increment_minutes and not finer and _is_whole(hours, increment_minutes, minimum_minutes or 0):
        return hours
    seconds = seconds_of(hours, finer)
    rounded = round_increment(seconds, increment_minutes, increment_mode or UP) if increment_minutes else seconds
    if minimum_minutes and 0 < rounded < minimum_minutes * 60:
        rounded = minimum_minutes * 60
    return hours if rounded == seconds else hours_of(rounded)


def _is_whole(hours: Hours, step: int, minimum: int) -> bool:
    """Whether the hours are so many steps to the very 10^-6, and no less than the minimum; both are minutes."""
    minutes, rest = divmod(hours * 60, _HOURS_SCALE)
    return not rest and minutes % step == 0 and minutes >= minimum


def seconds_of(hours: Hours, finer: int = 0) -> int:
    """Nearest whole second; 0.333333 h are 1200 s. `finer` are microseconds that the hours leave out."""
    return round_ratio(hours * MICROSECONDS_A_MILLIONTH + finer, MICROSECONDS_A_SECOND, 1, HALF_UP)


def hours_of(seconds: int) -> Hours:
    """Nearest 10^-6 hour."""
    return round_ratio(seconds * _HOURS_SCALE, _SECONDS_PER_HOUR, 1, HALF_UP)
