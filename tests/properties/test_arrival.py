"""Work of different entries, and the references that it needs, come in any order to the same balances."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.events.reference import ExchangeRateSet, RateCardPublished
from tests.auditing import check
from tests.folding import Logged, balances, fold, ledger_balances
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope

# Each entry comes once and nothing is amended, issued or closed: no event takes anything back.
INDEPENDENT = Scope(
    rare=False,
    late_references=True,
    amendments=False,
    accounting_periods=False,
    requests=False,
    assignments=False,
    invoices=False,
    pass_days=False,
    on_request=True,
    write_offs=False,
    corrections=False,
    withdrawals=False,
    faults=False,
)
FIRST = (ExchangeRateSet, RateCardPublished)
FIXED = (BillingHoldPlaced, BillingHoldReleased)


def moved(history: History, data: st.DataObject) -> tuple[list[Logged], list[Logged]]:
    """The log, and the same with its events in another order.

    Exchange rates and rate cards come first: what has a rate does not wait for a newer one, or for one that states a markup.
    """
    rates = [one for one in history.logged if isinstance(one.event, FIRST)]
    others = [one for one in history.logged if not isinstance(one.event, FIRST)]
    places = [place for place, one in enumerate(others) if not isinstance(one.event, FIXED)]
    permuted = list(others)
    for place, source in zip(places, data.draw(st.permutations(places)), strict=True):
        permuted[place] = others[source]
    return [*rates, *others], [*rates, *permuted]


@given(histories(INDEPENDENT), st.data())
def test_the_order_of_independent_events_does_not_matter(history: History, data: st.DataObject) -> None:
    """Entries, contract, people and projects permuted: the same balances by account."""
    usual, other = moved(history, data)
    books = fold(other)
    check(books, other)
    assert balances(books.journals) == balances(fold(usual).journals)


@given(histories(INDEPENDENT._replace(caps=False, policies=False)), st.data())
def test_it_does_not_matter_in_ledger_currency_either(history: History, data: st.DataObject) -> None:
    """Where nothing is posted in steps: what a cap takes back again is converted in proportion, which may leave a cent."""
    usual, other = moved(history, data)
    assert ledger_balances(fold(other).journals) == ledger_balances(fold(usual).journals)
