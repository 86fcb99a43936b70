"""SIGTERM and Ctrl-C end a run in order: the batch in flight is finished, nothing is half done."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

LOOK_SECONDS: Final = 0.1
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class ToldToEnd(BaseException):
    """Somebody asked to stop while nothing was begun; no fault, so nothing that handles faults takes it for one."""


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.name = ""
        self._is_starting = False

    def request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a signal handler
        """The second Ctrl-C stops at once; what was committed stays even then."""
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
        self.name = signal.Signals(number).name
        if self._is_starting:
            self.started()
            raise ToldToEnd

    def starts(self) -> None:
        """Until `started`, who asks to stop is not kept waiting: ToldToEnd goes through every block that has to clear up.

        A start may read for minutes, and begins nothing that the next one would not begin again.
        """
        if self.requested:
            raise ToldToEnd
        self._is_starting = True

    def started(self) -> None:
        self._is_starting = False

    def within(self, seconds: float) -> bool:
        """Waits so long at most."""
        until = time.monotonic() + seconds
        while not self.requested and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return self.requested


def listen_as_first() -> None:
    """The first process of a container is not ended by what it does not handle: asked to end while it starts, it would not."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _unwind)


def _unwind(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a signal handler
    raise SystemExit(128 + number)


@contextmanager
def unwinding() -> Iterator[None]:
    """SIGTERM ends what is done here at once, through every block that has to clear up."""
    before = signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def stopping() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop.request) for number in SIGNALS}
    try:
        with suppress(ToldToEnd):
            yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
