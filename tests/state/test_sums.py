"""What the books of a shard add up to. `tests/commands/test_run.py` holds the figures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from domain.money import parse_amount
from state.store.sums import sums
from tests.harness import Books
from tests.state.test_forecast_handler import activated, entity, line, people, signed, time


def test_a_line_has_the_currency_of_its_own_contract_whatever_its_id_holds(tmp_path: Path) -> None:
    """Eight hours at 150 under contract `K/2.a`, whose id is escaped where it stands before its line's."""
    books = Books(tmp_path)
    books.fold(entity(), *people(), activated(), signed(line(), contract_id="K/2.a"))
    books.end_day(date(2026, 3, 1))
    books.fold(time("T-1", "2026-03-02", 8))
    found = sums(books.shard.store).money["EUR"]
    assert found.recognised == parse_amount("1200.00")
    books.close()
