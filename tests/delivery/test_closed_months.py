"""A month that the ERP has closed, in each of the interfaces that have months."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.delivery import after_calls
from domain.delivery.chart import ENTRY
from domain.events.finance import PostingAccepted, PostingRejected
from simulation.erp.simulated import INTERFACES
from tests.delivery.test_deliver import delivering_to


@pytest.mark.parametrize("kind", INTERFACES)
def test_what_a_closed_month_refuses_is_posted_on_the_first_open_day(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ERP has closed January: 11 journals of it are refused for their period, their replacements stand in February."""
    monkeypatch.setattr(after_calls, "FIRST_POLL_SECONDS", 1)
    with delivering_to(tmp_path, ENTRY, kind=kind) as firm:
        january = {each.journal_id for each in firm.journals() if each.period == "2026-01"}
        firm.act("close=2026-01")
        # A reversal waits for the replacement of what it reverses, and is refused for its own period only then.
        count = -1
        while count < (count := len(firm.answers())):
            done = firm.deliver("--until-done")
            assert done.exit_code == 0, done.output
            assert firm.run().exit_code == 0
        rejected = [each for each in firm.answers() if isinstance(each, PostingRejected)]
        assert {each.because for each in rejected} == {"period"}
        refused = {journal for each in rejected for journal in each.journals}
        assert (len(refused), refused <= january) == (11, True)
        replacing = {each.journal_id: each.accounting_date for each in firm.journals() if each.replaces}
        assert set(replacing.values()) == {date(2026, 2, 1)}
        posted = {
            journal: each.posted_on
            for each in firm.answers()
            if isinstance(each, PostingAccepted) and each.state == "posted"
            for journal in each.journals
        }
        assert not posted.keys() & january
        assert {journal: posted[journal] for journal in replacing} == replacing
        entries = firm.erp.entries()
        assert [entry.is_posted for entry in entries] == [True] * len(posted)
        assert min(entry.posted_on for entry in entries) == date(2026, 2, 1)
        assert firm.theirs() == firm.ours(with_memos=True)
