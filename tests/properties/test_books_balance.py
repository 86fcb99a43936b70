"""Whatever comes and in whatever order: journals balance, and every sum that is kept is the sum of its entries."""

from __future__ import annotations

from hypothesis import given

from tests.auditing import check
from tests.folding import balances, fold, ledger_balances
from tests.histories.draw import histories
from tests.histories.log import History


@given(histories())
def test_books_balance_and_sums_are_those_of_their_entries(history: History) -> None:
    """Each journal sums to zero in both currencies, and trial balance, contract lines, burn and indexes agree with the rows."""
    books = fold(history.logged)
    check(books, history.logged)
    assert sum(balances(books.journals).values()) == 0
    assert sum(ledger_balances(books.journals).values()) == 0
