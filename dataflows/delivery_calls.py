"""Calls to an ERP on threads of their own, so that one that takes long holds up neither the others nor the queue."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Queue
from typing import Final

from connectors.closing import Closable
from connectors.erp.adapter import Calls, TraceContext
from dataflows.delivery import start_seconds
from domain.delivery.calls import LOOK_UP, SEND, Call, Result
from domain.delivery.outcomes import LATE, NotSent
from domain.delivery.pace import seconds
from domain.units import Instant

# Calls that end so soon after each other are one round: what became of them is kept at once.
TOGETHER_SECONDS: Final = 0.01
_BEGAN_AT = time.time_ns() // 1_000
_BEGAN = time.monotonic_ns() // 1_000


def now() -> Instant:
    """By the wall clock as it was when the process began, so that nobody who sets it makes calls early or late."""
    return _BEGAN_AT + time.monotonic_ns() // 1_000 - _BEGAN


class CallPool(Closable):
    """A fault of the adapter, which it should not have, ends delivery: its next start looks up what was under way."""

    def __init__(self, erp: Calls, clock: Callable[[], Instant] = now) -> None:
        self._erp = erp
        self._clock = clock
        self._start = seconds(start_seconds(erp.limits))
        self._ended: Queue[tuple[Call, Result | BaseException]] = Queue()
        self._threads = ThreadPoolExecutor(erp.limits.concurrent, thread_name_prefix="erp-call")

    def submit(self, call: Call, trace: TraceContext) -> None:
        self._threads.submit(self._make, call, trace)

    def ended(self, wait_seconds: float) -> Sequence[tuple[Call, Result]]:
        found: list[tuple[Call, Result]] = []
        try:
            while True:
                wait = wait_seconds if not found else min(wait_seconds, TOGETHER_SECONDS)
                call, result = self._ended.get(block=wait > 0.0, timeout=wait if wait > 0.0 else None)
                if isinstance(result, BaseException):
                    raise result
                found.append((call, result))
        except Empty:
            return found

    def close(self) -> None:
        """Calls that have not begun are not made; those that have are waited for."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _make(self, call: Call, trace: TraceContext) -> None:
        try:
            result = self._result(call, trace)
        except BaseException as fault:  # noqa: BLE001 - raised where delivery is decided
            self._ended.put((call, fault))
        else:
            self._ended.put((call, result))

    def _result(self, call: Call, trace: TraceContext) -> Result:
        """One that begins too late is not made; a look-up too may take back and post."""
        is_late = self._clock() > call.at + self._start
        late = NotSent(LATE, "the call waited too long for a thread")
        if call.kind == SEND:
            if is_late:
                return [late for _ in call.documents]
            outcomes = list(self._erp.send(call.documents, trace))
            assert len(outcomes) == len(call.documents), "an adapter gives an outcome for each document"
            return outcomes
        if call.kind == LOOK_UP:
            return late if is_late else self._erp.look_up(call.documents, call.accepted)
        polled = None if is_late else self._erp.poll(call.ticket, call.documents)
        return None if polled is None else list(polled)
