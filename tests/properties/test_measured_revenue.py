"""Whatever is reported when and in which order: a price has earned what the newest report says, and all of it in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.money import HALF_UP, format_amount, round_ratio, smallest_unit
from tests.told import balances, told

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 1)
CURRENCIES = ("EUR", "USD", "JPY", "KWD")


class Report(NamedTuple):
    """Hundredths of a percent of a day, told so many days after the one before."""

    as_of: date
    hundredths: int
    later: int


reports = st.builds(
    Report,
    st.integers(0, 330).map(lambda days: FIRST + timedelta(days=days)),
    st.integers(0, 10_000),
    st.integers(0, 40),
)
prices = st.integers(1, 10**8)


def firm(currency: str, price: int, method: str) -> list[str]:
    amount = format_amount(price * smallest_unit(currency), currency)
    return [
        f"entity LE {currency} Europe/Berlin",
        "customer C",
        "project P of LE",
        f"contract K C LE {currency} from {FIRST}",
        f"  line L P revenue {method}",
        f"    terms FixedPrice price={amount}",
        f"    each schedule on={FIRST} amount={amount}",
    ]


def as_told(found: Sequence[tuple[int, Report]]) -> Iterator[str]:
    day = FIRST
    for version, report in found:
        day = min(day + timedelta(days=report.later), LAST)
        yield f"{day} progress L {report.hundredths / 100:.2f} on {report.as_of} version {version}"


def earned(lines: Sequence[str]) -> int:
    with told([*lines, f"{LAST} day ended"]) as books:
        found = balances(books)
    assert sum(found.values()) == 0
    return -found.get("4000", 0)


@given(
    st.sampled_from(CURRENCIES), prices, st.lists(reports, min_size=1, max_size=6), st.randoms(use_true_random=False)
)
def test_the_newest_report_counts_in_any_order(currency: str, price: int, said: list[Report], chance: Random) -> None:
    numbered = list(enumerate(said, 1))
    chance.shuffle(numbered)
    step, whole = smallest_unit(currency), price * smallest_unit(currency)
    expected = round_ratio(whole * said[-1].hundredths, 10_000, step, HALF_UP)
    assert earned([*firm(currency, price, "reported"), *as_told(numbered)]) == expected
    complete = whole if said[-1].hundredths == 10_000 else 0
    assert earned([*firm(currency, price, "completed"), *as_told(numbered)]) == complete


@given(
    st.sampled_from(CURRENCIES),
    prices,
    st.lists(reports, max_size=4),
    st.lists(
        st.tuples(prices, st.integers(0, 300), st.sampled_from(["prospective", "catch_up"])), min_size=1, max_size=3
    ),
)
def test_over_its_life_a_price_earns_itself_whatever_it_was(
    currency: str, price: int, said: list[Report], changes: list[tuple[int, int, str]]
) -> None:
    lines = [*firm(currency, price, "reported"), *as_told(list(enumerate(said, 1)))]
    for number, (other, days, treatment) in enumerate(changes):
        _, _, _, _, *terms = firm(currency, other, "reported")
        since = FIRST + timedelta(days=days)
        lines += [f"2026-12-0{number + 2} amend K from {since} treatment {treatment}", *terms]
    lines.append(f"2026-12-08 progress L 100 on 2026-12-07 version {len(said) + 1}")
    with told([*lines, "2026-12-31 day ended"]) as books:
        found = balances(books)
    assert -found.get("4000", 0) == changes[-1][0] * smallest_unit(currency)
