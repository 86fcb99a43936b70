"""Who waits for `milepost deliver` on a terminal sees how far it is."""

from __future__ import annotations

from dataflows.delivery_watched import Stand
from domain.delivery.outcomes import UNREACHABLE, NotSent
from domain.delivery.pace import seconds
from domain.units import Instant
from milepost.delivery_progress import Progress


def test_a_line_every_five_seconds_says_what_is_posted_and_what_is_left() -> None:
    """Two lines in eleven seconds: at five, and at ten, when the ERP is away."""
    said: list[str] = []
    at: list[Instant] = [0]
    progress = Progress("main", "https://erp", said.append, lambda: at[0])
    for second in range(12):
        at[0] = seconds(second)
        if second == 8:
            progress.troubled(NotSent(UNREACHABLE, "no token"))
        progress.acknowledged([0] * 100)
        progress.stands(
            Stand({"to_send": 1_500, "unmapped": 3, "sent": 0}, is_paused=second > 7), is_caught_up=second > 7
        )
    assert said == [
        "main: 600 journals and statements posted; left: to send 1,500, waits for the chart 3; more is being read",
        "main: 1,100 journals and statements posted; left: to send 1,500, waits for the chart 3; the ERP is away: https://erp: no token",
    ]
