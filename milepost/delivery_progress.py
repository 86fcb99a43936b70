"""One line every some seconds while `milepost deliver` runs on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dataflows.delivery_watched import Stand, Unwatched
from domain.delivery.pace import seconds
from domain.units import Instant
from milepost.delivered_shown import WORDS

EVERY_SECONDS: Final = 5


class Progress(Unwatched):
    """The first line comes after some seconds too: a short delivery says nothing but its summary."""

    def __init__(self, erp: str, say: Callable[[str], None], now: Callable[[], Instant]) -> None:
        self._erp = erp
        self._say = say
        self._now = now
        self._posted = 0
        self._due = now() + seconds(EVERY_SECONDS)

    def acknowledged(self, recorded_at: Sequence[Instant]) -> None:
        self._posted += len(recorded_at)

    def stands(self, stand: Stand, is_caught_up: bool) -> None:
        now = self._now()
        if now < self._due:
            return
        self._due = now + seconds(EVERY_SECONDS)
        counts = [f"{WORDS[name]} {count:,}" for name, count in sorted(stand.documents.items()) if count]
        left = f"; left: {', '.join(counts)}" if counts else ""
        reading = "" if is_caught_up else "; more is being read"
        paused = "; the ERP is away" if stand.is_paused else ""
        self._say(f"{self._erp}: {self._posted:,} journals and statements posted{left}{reading}{paused}")
