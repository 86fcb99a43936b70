"""SIGTERM and Ctrl-C end a run in order: the batch in flight is finished, nothing is half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.name = ""

    def request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a signal handler
        """The second Ctrl-C stops at once; what was committed stays even then."""
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
        self.name = signal.Signals(number).name


@contextmanager
def stopping() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop.request) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
