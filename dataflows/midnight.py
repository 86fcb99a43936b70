"""When days end although nothing comes: after midnight by the wall clock, and after what the topics held then.

The wall clock decides only when a day ends; the event that says so is the same as if something had come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from domain.units import Instant

PATIENCE: Final = 2 * 60 * 60 * 1_000_000

Ends = Mapping[tuple[str, int], int]


class Topics(Protocol):
    """What is known of the domain topics."""

    def ends(self) -> Ends: ...

    def topics_behind(self, ends: Ends) -> tuple[str, ...]: ...


class Due(NamedTuple):
    """Days up to an instant are to end (None: none are); topics that are behind, and those that have caught up."""

    instant: Instant | None
    behind: tuple[str, ...] = ()
    caught_up: tuple[str, ...] = ()


class Midnight:
    """`now` is the wall clock in microseconds; so is `patience`, after which a day ends without what was to come before."""

    def __init__(self, topics: Topics, now: Callable[[], Instant], patience: Instant = PATIENCE) -> None:
        self._patience = patience
        self._topics = topics
        self._now = now
        self._waiting_since: Instant | None = None
        self._ends: Ends = {}
        self._behind: tuple[str, ...] = ()
        self._owed: Ends = {}

    def due(self, next_midnight: Instant) -> Due | None:
        """What is to be done now, if anything."""
        if self._behind:
            still = self._topics.topics_behind(self._owed)
            caught_up = tuple(topic for topic in self._behind if topic not in still)
            if caught_up:
                self._behind = still
                return Due(None, caught_up=caught_up)
        now = self._now()
        if now < next_midnight:
            return None
        if self._waiting_since is None or self._waiting_since < next_midnight:
            self._waiting_since, self._ends = now, self._topics.ends()
        behind = self._topics.topics_behind(self._ends)
        if behind and now - self._waiting_since < self._patience:
            return None
        if behind:
            self._behind, self._owed = behind, self._ends
        return Due(next_midnight, behind)


def wall_clock() -> Instant:
    return time.time_ns() // 1_000
