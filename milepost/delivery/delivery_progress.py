"""What `milepost deliver` hears of an ERP while it runs, and on a terminal one line every some seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from connectors.erp.answers import said
from dataflows.delivery_watched import AccountStand, Watch
from domain.counting import counted
from domain.delivery.outcomes import NOT_PERMITTED, NotSent, Trouble
from domain.delivery.pace import seconds
from domain.units import Instant
from milepost.delivery.delivered_shown import WORDS

EVERY_SECONDS: Final = 5


class Heard(Watch):
    """`trouble` is what came of the last call that nothing is known of, with the ERP's address; empty once one was answered.

    That a company is not permitted stays, for what is answered may be another company's.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.trouble = ""
        self._is_of_a_company = False

    def troubled(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self.trouble = f"{self._url}: {said(trouble)}" if self._url else said(trouble)
            self._is_of_a_company = isinstance(trouble, NotSent) and trouble.why == NOT_PERMITTED
        elif not self._is_of_a_company:
            self.trouble = ""


class DeliveryProgress(Heard):
    """The first line comes after some seconds too: a short delivery says nothing but its summary."""

    def __init__(self, erp: str, url: str, say: Callable[[str], None], now: Callable[[], Instant]) -> None:
        super().__init__(url)
        self._erp = erp
        self._say = say
        self._now = now
        self._posted = 0
        self._due = now() + seconds(EVERY_SECONDS)

    def acknowledged(self, recorded_at: Sequence[Instant]) -> None:
        self._posted += len(recorded_at)

    def stands(self, stand: AccountStand, is_caught_up: bool) -> None:
        now = self._now()
        if now < self._due:
            return
        self._due = now + seconds(EVERY_SECONDS)
        counts = [f"{WORDS[name]} {count:,}" for name, count in sorted(stand.documents.items()) if count]
        left = f"; left: {', '.join(counts)}" if counts else ""
        reading = "" if is_caught_up else "; more is being read"
        paused = f"; the ERP is away: {self.trouble}" if stand.is_paused else ""
        self._say(
            f"{self._erp}: {counted(self._posted, 'journal or statement', 'journals and statements')} posted{left}{reading}{paused}"
        )
