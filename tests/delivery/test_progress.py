"""Who waits for `milepost deliver` on a terminal sees how far it is."""

from __future__ import annotations

from typing import Any

from dataflows.delivery import DeliveryAccount, DeliveryTurn
from dataflows.delivery_watched import AccountStand
from domain.delivery.calls import CallTerms
from domain.delivery.outcomes import NOT_PERMITTED, UNREACHABLE, NotSent, Throttled, Uncertain
from domain.delivery.pace import seconds
from domain.delivery.queue import DeliveryQueue
from domain.units import Instant
from milepost.delivery.delivering import DeliveryProgress, Heard
from tests.domain.delivery.test_queue import Making, journals


def test_a_line_every_five_seconds_says_what_is_posted_and_what_is_left() -> None:
    """Two lines in eleven seconds: at five, and at ten, when the ERP is away."""
    said: list[str] = []
    at: list[Instant] = [0]
    progress = DeliveryProgress("main", "https://erp", said.append, lambda: at[0])
    for second in range(12):
        at[0] = seconds(second)
        if second == 8:
            progress.troubled(NotSent(UNREACHABLE, "no token"))
        progress.acknowledged([0] * 100)
        progress.stands(
            AccountStand({"to_send": 1_500, "unmapped": 3, "sent": 0}, is_paused=second > 7), is_caught_up=second > 7
        )
    assert said == [
        "main: 600 journals and statements posted; left: to send 1,500, waits for the chart 3; more is being read",
        "main: 1,100 journals and statements posted; left: to send 1,500, waits for the chart 3; the ERP is away: https://erp: no token",
    ]


class Empty:
    """A store with nothing in it."""

    probe_from = None

    def unpublished(self) -> list[Any]:
        return []


def test_what_is_wrong_in_a_look_up_is_heard_until_the_erp_answers() -> None:
    """Of two documents the first cannot be asked for; that a company is not permitted stays, whatever another one is answered."""
    nothing: Any = None
    store: Any = Empty()
    watch = Heard("https://erp")

    def heard(trouble: Throttled | NotSent | None, place: int = 0) -> str:
        queue = DeliveryQueue("erp", Making(), CallTerms(concurrent=2))
        queue.add([journals("A"), journals("B")], seconds(1))
        for call in queue.calls(seconds(1), 2):
            queue.took(call, [Uncertain("no answer")], seconds(1))
        (look_up,) = queue.calls(seconds(100), 2)
        found = {look_up.documents[place].key: trouble} if trouble else {}
        here = DeliveryAccount(nothing, store, nothing, queue, {}, nothing, 2, lambda: 0, watch)
        here.decide(DeliveryTurn(seconds(101), (), [(look_up, found)], False), is_ending=True)
        return watch.trouble

    assert heard(Throttled(7.0)) == "https://erp: it is throttled"
    assert heard(None) == ""
    assert heard(NotSent(UNREACHABLE, "no connection"), 1) == "https://erp: no connection"
    assert heard(None) == ""
    assert heard(NotSent(NOT_PERMITTED, "no role")) == "https://erp: no role"
    assert heard(None) == "https://erp: no role"
