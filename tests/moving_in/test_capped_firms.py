"""Whatever caps a small firm has, it goes on as if it had been here from its beginning, or its balances are refused by name."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import event, example, given

from domain.outputs import ExceptionRaised
from tests.moving_in.capped import Cap, Capped, Terms, capped_firms, moves_in
from tests.moving_in.compared import FORECASTS

# A cap by month beside one of the whole term: work of months before is in one alone.
BY_MONTH = Cap(19, in_hours=False, binds_revenue=True, by_month=True, split="split", counts_expenses=True)
OF_TERM = Cap(40, in_hours=True, binds_revenue=False, by_month=False, split="split", counts_expenses=True)
WORK = (
    (date(2026, 4, 17), "time T-1 bob 4 h"),
    (date(2026, 6, 7), "time T-2 bob 2 h"),
    (date(2026, 6, 18), "time T-3 bob 6.5 h"),
    (date(2026, 6, 25), "time T-4 bob 3 h"),
    (date(2026, 7, 25), "time T-5 bob 6 h"),
)
OF_BOTH = Capped(date(2026, 6, 10), "", Terms(BY_MONTH, None, OF_TERM, 1), WORK, ("unpaid",), lists_entries=True)
# A concession gives room back: what was conceded has hours that no cap counts, and they are not over it.
FULL = Cap(46, in_hours=False, binds_revenue=True, by_month=False, split="split", counts_expenses=True)
IN_HOURS = Cap(19, in_hours=True, binds_revenue=True, by_month=False, split="split", counts_expenses=False)
CONCEDED = Capped(
    date(2026, 5, 31),
    " policy concession_returns_cap_room=yes",
    Terms(FULL, None, IN_HOURS, 1),
    (
        (date(2026, 4, 10), "time T-3 bob 12 h"),
        (date(2026, 5, 18), "time T-0 bob 12 h"),
        (date(2026, 5, 31), "time T-1 bob 2 h"),
        (date(2026, 8, 13), "time T-2 bob 1.5 h"),
    ),
    ("price_concession",),
    lists_entries=False,
)
ALONE = Cap(4, in_hours=True, binds_revenue=False, by_month=False, split="split", counts_expenses=True)


@example(OF_BOTH)
@example(CONCEDED)
@example(CONCEDED._replace(terms=Terms(ALONE, None, None, 1)))
@example(OF_BOTH._replace(lists_entries=False))
@example(OF_BOTH._replace(dated=WORK[:1] + WORK[2:]))
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
