"""When days end although nothing comes: after midnight by two clocks, and after what the topics held then.

The clocks are this machine's and the brokers': a day that has ended cannot begin again, so that one clock that is wrong
must not end it. Clocks decide only when a day ends; the event that says so is the same as if something had come.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from domain.units import Instant
from state.guards import CLOCKS_APART, GuardStop

PATIENCE: Final = 2 * 60 * 60 * 1_000_000
DAY: Final = 24 * 60 * 60 * 1_000_000
# A record that brokers stamped so much later than this machine's now: one of the clocks is wrong.
APART_MAX: Final = 60 * 60 * 1_000_000
# How often the brokers are asked for their time where it is not that of this machine.
ASK_AGAIN: Final = 60 * 1_000_000

Ends = Mapping[tuple[str, int], int]


class MidnightTopics(Protocol):
    """What is known of the domain topics."""

    def ends(self) -> Ends: ...

    def topics_behind(self, ends: Ends) -> tuple[str, ...]: ...


class DaysDue(NamedTuple):
    """Days up to an instant are to end (None: none are); topics that are behind, and those that have caught up."""

    instant: Instant | None
    behind: tuple[str, ...] = ()
    caught_up: tuple[str, ...] = ()


class Clocks(NamedTuple):
    """Of this machine and of the brokers, in microseconds; `days_at_once` is the most that may pass while nothing does.

    Without it there is no most: for recordings, whose days are long over.
    """

    now: Callable[[], Instant]
    brokers: Callable[[], Instant]
    tell: Callable[[str], None]
    days_at_once: int | None = None


class Midnight:
    """`patience`, in microseconds, is how long a day's end waits for what was to come before."""

    def __init__(self, topics: MidnightTopics, clocks: Clocks, patience: Instant = PATIENCE) -> None:
        self._patience = patience
        self._topics = topics
        self._clocks = clocks
        self._waiting_since: Instant | None = None
        self._ends: Ends = {}
        self._behind: tuple[str, ...] = ()
        self._owed: Ends = {}
        self._brokers_were_at: Instant = 0
        self._asked_at: Instant | None = None

    def due(self, next_midnight: Instant) -> DaysDue | None:
        """What is to be done now, if anything. Raises GuardStop where the clocks have jumped."""
        if self._behind:
            still = self._topics.topics_behind(self._owed)
            caught_up = tuple(topic for topic in self._behind if topic not in still)
            if caught_up:
                self._behind = still
                return DaysDue(None, caught_up=caught_up)
        now = self._clocks.now()
        if now < next_midnight or not self._is_past_at_brokers(next_midnight, now):
            return None
        if self._waiting_since is None or self._waiting_since < next_midnight:
            self._waiting_since, self._ends = now, self._topics.ends()
        behind = self._topics.topics_behind(self._ends)
        if behind and now - self._waiting_since < self._patience:
            return None
        check_jump(next_midnight, min(now, self._brokers_were_at), self._clocks.days_at_once)
        if behind:
            self._behind, self._owed = behind, self._ends
        return DaysDue(next_midnight, behind)

    def _is_past_at_brokers(self, midnight: Instant, now: Instant) -> bool:
        """Their last answer is enough where it is late enough."""
        if self._brokers_were_at >= midnight:
            return True
        if self._asked_at is not None and 0 <= now - self._asked_at < ASK_AGAIN:
            return False
        self._asked_at, self._brokers_were_at = now, self._clocks.brokers()
        if self._brokers_were_at >= midnight:
            return True
        ahead = (now - self._brokers_were_at) / 1e6
        self._clocks.tell(
            f"it is past midnight by this machine's clock, which is {ahead:,.0f} seconds ahead of the brokers'; no day ends "
            "before theirs says so too. Set the clocks by one source of time"
        )
        return False


def check_jump(next_midnight: Instant, now: Instant, days_at_once: int | None) -> None:
    """Raises GuardStop where more days would end than may pass without anything."""
    days = (now - next_midnight) // DAY
    if days_at_once is not None and days >= days_at_once:
        raise GuardStop(
            CLOCKS_APART,
            f"{days + 1:,} days would end at once, expected at most {days_at_once}: the clocks have jumped, or intake stood still "
            "and nothing came meanwhile. Look at the clocks of this machine and of the brokers; if the date is right, set [intake] "
            f"days_at_once to {days + 1} for one start",
        )


def check_apart(recorded_at: Instant, now: Instant, where: object) -> None:
    """Raises GuardStop where brokers stamped a record that has not come yet by this machine's clock."""
    if recorded_at > now + APART_MAX:
        raise GuardStop(
            CLOCKS_APART,
            f"{where}: the brokers had it {(recorded_at - now) / 1e6:,.0f} seconds from now by this machine's clock. One of the clocks is "
            "wrong; nothing is taken in before they agree, as days that have ended cannot begin again. Set them by one source of time",
        )


def wall_clock() -> Instant:
    return time.time_ns() // 1_000
