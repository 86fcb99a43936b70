"""Calls to an ERP on threads of their own, and the wait for them."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterator, Sequence
from threading import Timer
from typing import Never

import pytest

from connectors.erp.adapter import NO_TRACE, Limits, TraceContext
from dataflows.delivery_calls import CallPool, now
from domain.delivery.calls import POLL, Call
from domain.delivery.documents import Document

# When a wait is ended that has no end of its own.
HUNG_SECONDS = 10.0


class AtWork:
    """An ERP that is still at work, whenever it is asked."""

    limits = Limits()

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Never:
        raise NotImplementedError(documents, trace)

    def poll(self, ticket: str, documents: Sequence[Document]) -> None: ...

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Never:
        raise NotImplementedError(documents, accepted)

    def close(self) -> None: ...


@pytest.fixture
def handled_late() -> Iterator[None]:
    """A signal comes in 0.05 s and is handled for 0.3 s, as where the machine lets a process stand still."""
    before = signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.3))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("handled_late")
def test_a_wait_ends_also_where_a_signal_is_handled_as_its_time_runs_out() -> None:
    """Nothing comes within 0.1 s; what waits on all the same is given a call in the end."""
    with CallPool(AtWork()) as pool:
        late = Timer(HUNG_SECONDS, lambda: pool.submit(Call(POLL, "LE-DE", (), now()), NO_TRACE))
        late.start()
        found = pool.ended(0.1)
        late.cancel()
    assert found == []
