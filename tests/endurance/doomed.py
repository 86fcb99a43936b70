"""A delivery that kills itself at a point: `python -m tests.endurance.doomed POINT COUNT [arguments of milepost]`.

COUNT is of documents in calls that send: those that begin or those that have ended, as the point has it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from dataflows import delivery
from dataflows.delivery import DeliveryAccount, DeliveryRound, DeliveryTurn
from domain.delivery.calls import SEND, Call
from milepost.command_line import command_line


class Point(StrEnum):
    """Where in a round a process dies."""

    # What is to be sent is decided, and nowhere kept.
    BEFORE_INTENT = "before_intent"
    # Intents are kept, no call has begun.
    AFTER_INTENT = "after_intent"
    # The ERP has answered, and nobody has noted it.
    AFTER_CALL = "after_call"
    # Answers are kept, and not published.
    BEFORE_RESULT = "before_result"


class Doomed(DeliveryAccount):
    """A delivery that dies where `point` says, when so many documents that are sent have passed there."""

    point: ClassVar[Point]
    count: ClassVar[int]
    _passed = 0

    def carry_out(self, todo: DeliveryRound) -> None:
        self._pass(Point.BEFORE_INTENT, todo.calls)
        super().carry_out(todo)

    def _begin(self, calls: Sequence[Call]) -> None:
        self._pass(Point.AFTER_INTENT, calls)
        super()._begin(calls)

    def decide(self, turn: DeliveryTurn, *, is_ending: bool = False) -> DeliveryRound:
        self._pass(Point.AFTER_CALL, [call for call, _ in turn.ended])
        return super().decide(turn, is_ending=is_ending)

    def publish(self) -> None:
        if self.point is Point.BEFORE_RESULT and self._passed >= self.count:
            os.kill(os.getpid(), signal.SIGKILL)
        super().publish()

    def _pass(self, place: Point, calls: Sequence[Call]) -> None:
        sent = sum(len(call.documents) for call in calls if call.kind == SEND)
        # Answers follow calls that have ended.
        if place is self.point or (place, self.point) == (Point.AFTER_CALL, Point.BEFORE_RESULT):
            self._passed += sent
        if sent and place is self.point and self._passed >= self.count:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Doomed.point, Doomed.count = Point(sys.argv[1]), int(sys.argv[2])
    delivery.DeliveryAccount = Doomed  # type: ignore[misc]
    command_line(sys.argv[3:])(sys.argv[3:])
