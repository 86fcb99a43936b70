"""No cent is lost: shares sum to what is shared, lines to statements, and what was worked is billed, accrued or over a cap."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import REVENUE
from domain.identity import composed
from domain.money import allocate, smallest_unit
from state.books import LineTotals
from tests.auditing import CONTRACT_POSITION, check, check_positions, engagements, entries_of, standing_price
from tests.folding import Books, fold
from tests.histories.draw import histories, settled
from tests.histories.log import History
from tests.histories.scope import USUAL


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=12),
    st.sampled_from(sorted(USUAL)),
)
def test_shares_sum_to_what_is_shared(units: int, weights: list[int], currency: str) -> None:
    """Every share is within one smallest unit of its exact part, and none is lost (R12)."""
    step = smallest_unit(currency)
    total = units * step
    shares = allocate(total, weights, currency)
    assert sum(shares) == total
    if any(weights):
        exact = [Fraction(total * weight, sum(weights)) for weight in weights]
        assert all(abs(share - part) < step for share, part in zip(shares, exact, strict=True))


@given(histories())
def test_what_was_worked_is_billed_accrued_or_over_the_cap(history: History) -> None:
    """Ever accrued = billed + accrued + over cap + written off, for each contract line; the position is recognised less invoiced."""
    books = fold(history.logged)
    rounding: dict[str, int] = {}
    for engagement_id in engagements(books.shard.store):
        for entry in entries_of(books.shard.store, engagement_id):
            price = standing_price(entry)
            if price is not None and price.line_id:
                key = composed(price.contract_id, price.line_id)
                rounding[key] = rounding.get(key, 0) + price.rounding
        for (kind, part_id), part in books.shard.store.engagement(engagement_id).parts.items():
            if kind == "line":
                assert isinstance(part, LineTotals)
                accrued = part.billable - part.issued
                assert part.issued + accrued + part.over + part.written_off == part.value + rounding.get(part_id, 0), (
                    part_id,
                    part,
                )


@given(histories())
def test_nothing_is_left_unbilled_when_everything_is_invoiced(history: History) -> None:
    """After the last statement is invoiced, only what earns revenue beyond a cap stays in the contract position; revenue as billed
    never stood there."""
    whole = settled(history)
    books = fold(whole.logged)
    check(books, whole.logged)
    check_positions(books)
    earned_beyond = 0
    for engagement_id in engagements(books.shard.store):
        for entry in entries_of(books.shard.store, engagement_id):
            price = standing_price(entry)
            if price is None or price.account in REVENUE:
                continue
            if price.line_id and _closed(books, engagement_id, price.contract_id):
                earned_beyond += price.recognised - price.billable
    position = sum(
        line.amount for journal in books.journals for line in journal.lines if line.account in CONTRACT_POSITION
    )
    assert position == earned_beyond


def _closed(books: Books, engagement_id: str, contract_id: str) -> bool:
    return ("contract", contract_id) in books.shard.store.engagement(engagement_id).parts
