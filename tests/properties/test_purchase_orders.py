"""An order's limit stops billing, and nothing else: it is never exceeded, and what is earned is what it would be without it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given

from domain.caps.consume import bucket_key, counting, limit_of
from domain.caps.purchase_order import is_order
from domain.contract import cap_rules
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import PurchaseOrder
from state.books import Contract, Price
from state.terms.plan import versions
from tests.auditing import check, entries_of, standing_price
from tests.folding import Books, fold
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope

ORDERED = Scope(ordered=True, faults=False, waits=False)
BEFORE_ISSUE = ORDERED._replace(
    rare=False,
    late_references=False,
    accounting_periods=False,
    requests=False,
    holds=False,
    invoices=False,
    pass_days=False,
    on_request=True,
)


def prices(books: Books) -> dict[str, Price]:
    return {
        entry.entry_id: price
        for entry in entries_of(books.shard.store, "E")
        if (price := standing_price(entry)) is not None and price.line_id
    }


@given(histories(ORDERED))
def test_all_that_holds_for_books_holds_with_orders(history: History) -> None:
    """Buckets, sums, journals and exceptions, whatever is issued, corrected and amended."""
    check(fold(history.logged), history.logged)


@given(histories(ORDERED))
def test_no_more_is_billable_than_the_order_allows_and_what_is_issued(history: History) -> None:
    """By order; what was issued before it was lowered stays."""
    books = fold(history.logged)
    contract: Contract | None = books.shard.store.engagement("E").parts.get(("contract", "E-K"))
    if contract is None or not contract.in_force:
        return
    billable: Counter[str] = Counter()
    issued: Counter[str] = Counter()
    limits: dict[str, int] = {}
    for entry in entries_of(books.shard.store, "E"):
        price = standing_price(entry)
        if price is None or price.contract_id != "E-K":
            continue
        for rule in counting(cap_rules(versions(contract), price.line_id, price.content), price.day):
            if is_order(rule.cap_id):
                limits[rule.cap_id] = limit_of(rule, bucket_key(rule, price.day, "")).amount or 0
                billable[rule.cap_id] += price.billable
                issued[rule.cap_id] += min(max(sum(one.amount for one in entry.issued), 0), price.value)
    for cap_id, limit in limits.items():
        assert billable[cap_id] <= max(limit, issued[cap_id]), (cap_id, limit)


@given(histories(BEFORE_ISSUE))
def test_what_is_earned_is_what_it_would_be_without_orders(history: History) -> None:
    """Entry by entry, under whatever caps."""
    without = [one._replace(event=_without_order(one.event)) for one in history.logged]
    earned = {entry_id: price.recognised for entry_id, price in prices(fold(history.logged)).items()}
    assert earned == {entry_id: price.recognised for entry_id, price in prices(fold(without)).items()}


def _without_order(event: Event) -> Event:
    if isinstance(event, ContractSigned | ContractAmended) and event.purchase_order is not None:
        return event._replace(purchase_order=PurchaseOrder(event.purchase_order.number))
    return event
