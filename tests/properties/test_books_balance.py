"""Whatever comes and in whatever order: journals balance, and every sum that is kept is the sum of its entries."""

from __future__ import annotations

from hypothesis import given

from tests.auditing import check
from tests.folding import balances, fold, ledger_balances
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope


@given(histories())
def test_books_balance_and_sums_are_those_of_their_entries(history: History) -> None:
    """Each journal sums to zero in both currencies, and trial balance, contract lines, burn and indexes agree with the rows."""
    books = fold(history.logged)
    check(books, history.logged)
    assert sum(balances(books.journals).values()) == 0
    assert sum(ledger_balances(books.journals).values()) == 0


@given(histories(Scope(name="E/1.A%")))
def test_ids_may_hold_what_separates_them_in_composed_ones(history: History) -> None:
    """`/`, `.` and `%` inside an id are not read as the end of it."""
    books = fold(history.logged)
    check(books, history.logged)
