"""The fold and a clerk with a spreadsheet come to the same balances, shares and statements."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given

from tests.auditing import check, entries_of, standing_price
from tests.folding import Books, balances, fold
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope
from tests.oracle import Clerk

PLAIN = Scope(
    rare=False,
    late_references=False,
    policies=False,
    plain_caps=True,
    orders=False,
    amendments=False,
    accounting_periods=False,
    faults=False,
    assignments=False,
    waits=False,
)


@given(histories(PLAIN))
def test_balances_shares_and_statements_are_those_of_the_oracle(history: History) -> None:
    """Account by account, entry by entry and statement by statement."""
    clerk = Clerk()
    for one in history.logged:
        clerk.hear(one.event)
    books = fold(history.logged)
    check(books, history.logged)
    assert shares(books) == clerk.shares()
    assert statements(books) == clerk.statements
    assert in_units(books) == clerk.balances()


def shares(books: Books) -> dict[str, tuple[str, Decimal, Decimal]]:
    return {
        entry.entry_id: (price.line_id, _amount(price.value), _amount(price.allowed))
        for entry in entries_of(books.shard.store, "E")
        if (price := standing_price(entry)) is not None and price.line_id
    }


def statements(books: Books) -> dict[object, Decimal]:
    return {
        (statement.period, int(statement.statement_id.rsplit("/", 1)[1])): _amount(statement.total)
        for statement in books.statements
    }


def in_units(books: Books) -> dict[tuple[str, str], Decimal]:
    return {(currency, account): _amount(amount) for (_, currency, account), amount in balances(books.journals).items()}


def _amount(scaled: int) -> Decimal:
    return Decimal(scaled).scaleb(-4)
