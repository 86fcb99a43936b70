"""`milepost`, killed when delivery comes to a point for the COUNTth time: `python -m tests.delivery.dying POINT COUNT VERB ...`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Final
from unittest.mock import patch

from connectors.delivery_store import DeliveryStore
from connectors.erp.netsuite import NetSuite
from dataflows.delivery import DeliveryAccount
from milepost.command_line import command_line

BEFORE_INTENT: Final = "before_intent"
AFTER_INTENT: Final = "after_intent"
AFTER_CALL: Final = "after_call"
BEFORE_RESULT: Final = "before_result"
BEFORE_PUBLISHED: Final = "before_published"
POINTS: Final = (BEFORE_INTENT, AFTER_INTENT, AFTER_CALL, BEFORE_RESULT, BEFORE_PUBLISHED)


class Counted:
    def __init__(self, count: int) -> None:
        self._left = count

    def come(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str, counted: Counted) -> None:
    keep, begin, send, published = DeliveryStore.keep, DeliveryAccount._begin, NetSuite.send, DeliveryStore.published

    def has_intents(changes: Any) -> bool:
        return any(each is not None and each.state == "open" for each in changes.standings.values())

    def kept(store: DeliveryStore, changes: Any, arrived: Any) -> None:
        if point == BEFORE_INTENT and has_intents(changes):
            counted.come()
        if point == BEFORE_RESULT and (changes.answers or changes.settled):
            counted.come()
        keep(store, changes, arrived)

    def began(delivery: DeliveryAccount, calls: Any) -> None:
        if point == AFTER_INTENT and any(call.intents for call in calls):
            counted.come()
        begin(delivery, calls)

    def sent(erp: NetSuite, *given: Any) -> Any:
        found = send(erp, *given)
        if point == AFTER_CALL:
            counted.come()
        return found

    def noted(store: DeliveryStore, answers: Any) -> None:
        if point == BEFORE_PUBLISHED:
            counted.come()
        published(store, answers)

    for where, name, wrong in (
        (DeliveryStore, "keep", kept),
        (DeliveryAccount, "_begin", began),
        (NetSuite, "send", sent),
        (DeliveryStore, "published", noted),
    ):
        patch.object(where, name, wrong).start()


if __name__ == "__main__":
    die_at(sys.argv[1], Counted(int(sys.argv[2])))
    command_line(sys.argv[3:])(sys.argv[3:])
