"""When a source is asked again, by the monotonic clock.

Bytewax waits by the wall clock, also where a source names no moment: a clock that is set back by 40 seconds would stop the dataflow
for 40 seconds. So these sources are always due, and wait themselves.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import UTC, datetime
from math import inf
from typing import Final

# What `next_awake` returns: a moment that has passed by every wall clock.
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Idle:
    """Parts of a source, each of which is left alone for `seconds` after it had nothing."""

    def __init__(self, parts: Iterable[Hashable], seconds: float) -> None:
        self._seconds = seconds
        self._due_at = dict.fromkeys(parts, 0.0)

    def had_nothing(self, part: Hashable) -> None:
        self._due_at[part] = time.monotonic() + self._seconds

    def awaits(self, part: Hashable) -> None:
        """It is due when something else has ended, if ever."""
        self._due_at[part] = inf

    def awaits_no_more(self, part: Hashable) -> None:
        self._due_at[part] = 0.0

    def wait_for_any(self, awaited: Collection[Future[None]] = ()) -> None:
        """Until a part is due, or something that is awaited has ended: before that nothing has work."""
        left = min(self._due_at.values()) - time.monotonic()
        if left <= 0.0:
            return
        if awaited:
            wait(awaited, None if left == inf else left, FIRST_COMPLETED)
        else:
            time.sleep(left)

    def is_due(self, part: Hashable) -> bool:
        return self._due_at[part] <= time.monotonic()
