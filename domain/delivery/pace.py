"""How fast an ERP account is called: its quota by the minute, the waits it asks for, and a breaker where it is down.

An ERP that throttles is left alone as long as it says. Where it throttles again before it has answered as many calls as
its limits allow at once, they were too many: half as many go from then on, and one more each time that as many have been answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from domain.units import MICROSECONDS_A_SECOND, Instant

FIRST_WAIT_SECONDS: Final = 1
LONGEST_WAIT_SECONDS: Final = 300
THROTTLED_STEP: Final = MICROSECONDS_A_SECOND // 2
MINUTE: Final = 60 * MICROSECONDS_A_SECOND
# So many calls in a row that nobody knows the end of count as if the account were down.
UNCERTAIN_IN_A_ROW: Final = 10


def seconds(count: float) -> Instant:
    return round(count * MICROSECONDS_A_SECOND)


def back_off(failures: int) -> Instant:
    """1, 2, 4 seconds and so on, at most five minutes; of no failure none."""
    return seconds(min(FIRST_WAIT_SECONDS * 2 ** min(failures - 1, 20), LONGEST_WAIT_SECONDS)) if failures else 0


class Pace:
    """Of one account. After a failure one call at a time, until one is answered."""

    __slots__ = (
        "_answered",
        "_at_once",
        "_began",
        "_concurrent",
        "_failed_at",
        "_failures",
        "_throttles",
        "_towards_more",
        "_uncertain",
        "paused_until",
        "per_minute",
        "troubled_since",
    )

    def __init__(self, per_minute: int, concurrent: int) -> None:
        self.per_minute = per_minute
        self._concurrent = concurrent
        self._at_once = concurrent
        self._towards_more = 0
        # Since the ERP throttled last.
        self._answered = 0
        self._began: deque[Instant] = deque()
        self._failures = 0
        self._throttles = 0
        self._failed_at: Instant = 0
        self._uncertain = 0
        self.paused_until: Instant = 0
        # Since when no call was answered by yes or no; None while they are.
        self.troubled_since: Instant | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the last that is known of the account is that it cannot be called."""
        return self._failures > 0

    def may_call(self, now: Instant, in_flight: int) -> bool:
        return now >= self.paused_until and self.has_room(in_flight) and self.left(now) != 0

    def has_room(self, in_flight: int) -> bool:
        """Whether one more may be under way; as long as nothing goes wrong the pace sets no limit."""
        if self._failures:
            return not in_flight
        return self._at_once >= self._concurrent or in_flight < self._at_once

    def left(self, now: Instant) -> int | None:
        """Calls that the quota has room for now; None without a quota."""
        if not self.per_minute:
            return None
        while self._began and self._began[0] <= now - MINUTE:
            self._began.popleft()
        return self.per_minute - len(self._began)

    def next_at(self, now: Instant) -> Instant:
        """When a call may begin at the earliest."""
        if self.left(now) == 0:
            return max(self.paused_until, self._began[0] + MINUTE)
        return max(self.paused_until, now)

    def began(self, now: Instant) -> None:
        if self.per_minute:
            self._began.append(now)

    def answered(self) -> None:
        self._failures = self._throttles = self._uncertain = 0
        self.troubled_since = None
        self._answered += 1
        self._towards_more += 1
        if self._towards_more >= self._at_once:
            self._at_once, self._towards_more = min(self._at_once + 1, self._concurrent), 0

    def throttled(self, began: Instant, now: Instant, after_seconds: float | None) -> None:
        """As long as the ERP says; where it does not, half a second longer each time."""
        if began >= self._failed_at:
            self._failed_at = now
            self._throttles += 1
            if self._answered < self._concurrent:
                self._at_once, self._towards_more = max(self._at_once // 2, 1), 0
            self._answered = 0
        own = min(self._throttles * THROTTLED_STEP, seconds(LONGEST_WAIT_SECONDS))
        self._trouble(now, own if after_seconds is None else seconds(after_seconds))

    def failed(self, began: Instant, now: Instant) -> None:
        """Calls that were under way together fail together, and count once."""
        if began >= self._failed_at:
            self._failed_at = now
            self._failures += 1
        self._trouble(now, back_off(self._failures))

    def uncertain(self, began: Instant, now: Instant) -> None:
        self._uncertain += 1
        if self._uncertain >= UNCERTAIN_IN_A_ROW:
            self.failed(began, now)

    def _trouble(self, now: Instant, wait: Instant) -> None:
        self.paused_until = max(self.paused_until, now + wait)
        self.troubled_since = self.troubled_since or now


class PermissionRefusal(NamedTuple):
    """That who we are may not post for a company: how often in a row, since when, and until when it is left alone."""

    until: Instant
    times: int
    since: Instant


class Refusals:
    """Companies that the ERP does not let us post for; each is left alone longer each time."""

    __slots__ = ("_paused",)

    def __init__(self) -> None:
        self._paused: dict[str, PermissionRefusal] = {}

    def refused(self, entity: str, now: Instant) -> None:
        before = self._paused.get(entity, PermissionRefusal(0, 0, now))
        times = before.times + 1
        self._paused[entity] = PermissionRefusal(now + back_off(times), times, before.since)

    @property
    def are_there(self) -> bool:
        return bool(self._paused)

    def permitted(self, entity: str) -> None:
        self._paused.pop(entity, None)

    def until(self, entity: str) -> Instant:
        found = self._paused.get(entity)
        return 0 if found is None else found.until

    def since(self, entities: Iterable[str]) -> Instant | None:
        """Since when the last of them has been refused; None where one is not, or there is none."""
        found = [self._paused.get(entity) for entity in entities]
        return max((each.since for each in found if each), default=None) if all(found) else None
