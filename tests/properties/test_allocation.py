"""What lines share sums to the price, in every currency, whatever they weigh and however often the price is shared again."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.money import smallest_unit
from domain.revenue.allocation import SharingLine, WorkLeft, allocated

CURRENCIES = ("JPY", "EUR", "KWD")


@st.composite
def shared(draw: st.DrawFn) -> tuple[str, list[SharingLine]]:
    currency = draw(st.sampled_from(CURRENCIES))
    step = smallest_unit(currency)
    amounts = st.integers(0, 10**8).map(lambda units: units * step)
    lines = []
    for place in range(draw(st.integers(1, 6))):
        standalone = draw(st.integers(1, 10**8)) * step
        whole = draw(st.integers(1, 400))
        left = WorkLeft(draw(st.integers(0, whole)), whole)
        weight = standalone * left.part // left.whole
        before = draw(amounts)
        lines.append(SharingLine(f"L{place}", draw(amounts), (), standalone, before, left, weight))
    return currency, lines


@given(shared())
def test_shares_sum_to_the_price_in_whole_units(story: tuple[str, list[SharingLine]]) -> None:
    currency, lines = story
    found = allocated(lines, currency, date.min)
    assert sum(one.earns for one in found) == sum(line.in_common for line in lines)
    assert all(one.earns % smallest_unit(currency) == 0 for one in found)
    assert [one.own for one in found] == lines


@given(shared())
def test_each_share_is_within_a_unit_of_its_proportion(story: tuple[str, list[SharingLine]]) -> None:
    currency, lines = story
    lines = [line._replace(before=0, weight=line.standalone) for line in lines]
    whole, alone = sum(line.in_common for line in lines), sum(line.standalone for line in lines)
    for one in allocated(lines, currency, date.min):
        assert abs(one.earns * alone - whole * one.own.standalone) < smallest_unit(currency) * alone
