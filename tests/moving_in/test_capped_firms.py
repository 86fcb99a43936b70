"""Whatever caps a small firm has, it goes on as if it had been here from its beginning, or its balances are refused by name."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import event, given

from domain.outputs import ExceptionRaised
from tests.moving_in.capped import Capped, capped_firms, moves_in
from tests.moving_in.compared import FORECASTS


@given(capped_firms())
def test_every_later_statement_and_journal_is_the_same(firm: Capped) -> None:
    """Forecasts apart: those of a firm in which nothing happens stay as they were published."""
    with TemporaryDirectory() as folder:
        found = moves_in(firm, Path(folder))
    records = [folded.record for folded in found.new.folded]
    found.new.books.close()
    is_refused = any(isinstance(one, ExceptionRaised) and one.category == "balances_differ" for one in records)
    event("refused" if is_refused else "loaded")
    assert is_refused or [each for each in found.differences if each.area != FORECASTS] == []
