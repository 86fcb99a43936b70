"""A write that the ERP does after its caller has gone, and after it was looked up and was not there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event

import pytest

from domain.delivery.calls import LOOK_UP, SEND, Call, Result
from simulation.erp.troubles import Trouble
from tests.erp.contract import Plug
from tests.erp.plugs import DYNAMICS_FINANCE
from tests.erp.queued import delivered
from tests.erp.simulated import Simulated, simulated
from tests.erp.test_simulated import PLUGS, journal

# The plug, and writes that go well before the one that is late: of Dynamics 365 Finance the header, of others none.
LATE: tuple[tuple[Plug, int], ...] = (*((plug, 0) for plug in PLUGS), (DYNAMICS_FINANCE, 1))


@pytest.mark.parametrize(("plug", "before"), LATE, ids=[f"{plug.name}-{before}" for plug, before in LATE])
def test_what_appears_after_it_was_looked_up_stands_there_once(plug: Plug, before: int, tmp_path: Path) -> None:
    """The first look-up does not find it, and is not believed: so soon after the call it may still come."""
    document = journal(plug)
    calls: list[tuple[str, bool]] = []
    looked_up = Event()
    with simulated(plug, tmp_path, call_seconds=2.0) as found:
        found.books.late = lambda: looked_up.wait(30)

        def after(call: Call, result: Result) -> None:
            calls.append((call.kind, isinstance(result, Mapping) and document.key in result))
            if call.kind == LOOK_UP and not looked_up.is_set():
                looked_up.set()
                all_done(found)

        found.meets(*([None] * before), Trouble.LATE)
        queue = delivered(found.erp, [document], after)
        assert calls[:2] == [(SEND, False), (LOOK_UP, False)]
        assert calls[2][0] == LOOK_UP
        assert queue.tally()[0] == {}
        assert found.keys() == {document.key: 1}
        assert [(entry.is_posted, len(entry.lines)) for entry in found.books.entries()] == [(True, 2)]


def all_done(found: Simulated) -> None:
    until = time.monotonic() + 30
    while found.books.at_once and time.monotonic() < until:
        time.sleep(0.01)
