"""Work of different entries, and the references that it needs, come in any order to the same balances."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.events.reference import ExchangeRateSet
from tests.auditing import check
from tests.folding import balances, fold, ledger_balances
from tests.histories import History, Scope, histories

# Each entry comes once and nothing is amended, issued or closed: no event takes anything back.
INDEPENDENT = Scope(
    late_references=True,
    amendments=False,
    accounting_periods=False,
    requests=False,
    assignments=False,
    invoices=False,
    pass_days=False,
    on_request=True,
    corrections=False,
    withdrawals=False,
    faults=False,
)
FIXED = (BillingHoldPlaced, BillingHoldReleased)


@given(histories(INDEPENDENT), st.data())
def test_the_order_of_independent_events_does_not_matter(history: History, data: st.DataObject) -> None:
    """Entries, contract, people, rates and projects permuted: the same balances by account, in both currencies.

    Exchange rates come first: an older one that is fresh enough is used while the newer is not known.
    """
    rates = [one for one in history.logged if isinstance(one.event, ExchangeRateSet)]
    others = [one for one in history.logged if not isinstance(one.event, ExchangeRateSet)]
    places = [place for place, one in enumerate(others) if not isinstance(one.event, FIXED)]
    permuted = list(others)
    for place, source in zip(places, data.draw(st.permutations(places)), strict=True):
        permuted[place] = others[source]
    permuted = [*rates, *permuted]
    books, first = fold(permuted), fold([*rates, *others])
    check(books, permuted)
    assert balances(books.journals) == balances(first.journals), (balances(books.journals), balances(first.journals))
    assert ledger_balances(books.journals) == ledger_balances(first.journals)
