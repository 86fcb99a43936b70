"""Whether a process makes progress, and whether it has come back to where it was. Lag is neither: it is for alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

STUCK_SECONDS: Final = 60.0
# Taking over, with what was left open by others, and making intake's memory again from its topic.
START_SECONDS: Final = 30 * 60.0


class Pulse:
    """Of one shard, or of a dataflow that has none: when it turned last, and when nothing was left uncommitted.

    One that `may_wait` is not stuck where it cannot commit, as long as it turns: what it waits for is another's.
    """

    __slots__ = ("_now", "is_ready", "may_wait", "settled_at", "turned_at")

    def __init__(self, now: Callable[[], float] = time.monotonic, *, may_wait: bool = False) -> None:
        self._now = now
        self.may_wait = may_wait
        self.turned_at = self.settled_at = now()
        self.is_ready = False

    def turned(self) -> None:
        self.turned_at = self._now()

    def settled(self) -> None:
        """It has committed, or there is nothing to commit."""
        self.turned_at = self.settled_at = self._now()

    @property
    def unsettled_seconds(self) -> float:
        return max(self._now() - self.settled_at, 0.0)


class Health:
    """Of one process. Before its dataflow begins it is well for as long as a start may take."""

    def __init__(self, stuck_seconds: float = STUCK_SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._stuck_seconds = stuck_seconds
        self._now = now
        self._pulses: Mapping[str, Pulse] = {}
        self._made_at = now()

    def watch(self, pulses: Mapping[str, Pulse]) -> None:
        """Instead of those before."""
        self._pulses = dict(pulses)

    def stuck(self) -> list[str]:
        """What has not turned, or has not committed what there is, for too long."""
        now, limit = self._now(), self._stuck_seconds
        found = []
        if not self._pulses and now - self._made_at > START_SECONDS:
            found.append(f"it has not taken over within {now - self._made_at:.0f} seconds of its start")
        for name, pulse in self._pulses.items():
            if now - pulse.turned_at > limit:
                found.append(f"{name} has not turned for {now - pulse.turned_at:.0f} seconds")
            elif now - pulse.settled_at > limit and not pulse.may_wait:
                found.append(f"{name} has work and has not committed for {now - pulse.settled_at:.0f} seconds")
        return found

    def unready(self) -> list[str]:
        """What has not come back to its progress yet."""
        if not self._pulses:
            return ["it has not taken over yet"]
        return [f"{name} has not reached what is visible" for name, pulse in self._pulses.items() if not pulse.is_ready]
