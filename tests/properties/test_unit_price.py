"""Units: however they are delivered, billed and corrected, what is charged is the price of their sum."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.money import smallest_unit
from state.books import LineTotals
from tests.told import told

Delivered = list[tuple[int, int]]
deliveries = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2_000)), min_size=1, max_size=8)


def firm(code: str, mode: str, units: str) -> list[str]:
    return [
        f"entity LE {code} America/New_York",
        "customer C",
        "project P of LE",
        f"contract K C LE {code}",
        "  line L P",
        f"    terms UnitPrice unit=call tier_mode={mode} tier_period=contract{units}",
        "    each tiers unit_price=1.013 up_to=100",
        "    each tiers unit_price=0.807 up_to=300",
        "    each tiers unit_price=0.5",
    ]


def graduated(units: Fraction) -> Fraction:
    """As the terms read: 100 at 1.013, 200 at 0.807, the rest at 0.5."""
    rest = max(units - 300, Fraction(0))
    middle = min(max(units - 100, Fraction(0)), Fraction(200))
    return min(units, Fraction(100)) * Fraction("1.013") + middle * Fraction("0.807") + rest * Fraction("0.5")


def volume(units: Fraction) -> Fraction:
    price = "1.013" if units <= 100 else "0.807" if units <= 300 else "0.5"
    return units * Fraction(price)


def rounded(value: Fraction, code: str) -> int:
    """Half up, in 10^-4."""
    step = smallest_unit(code)
    return int(value * 10_000 / step + Fraction(1, 2)) * step


def charged(lines: list[str]) -> LineTotals:
    with told(lines) as books:
        found: LineTotals = books.part("line", "K/L")
        return found


@given(st.sampled_from(("USD", "JPY", "KWD")), st.sampled_from(("graduated", "volume")), deliveries)
def test_the_sum_is_charged_at_its_price(code: str, mode: str, came: Delivered) -> None:
    """By month, in any order of days, billed in between; the last delivery makes good what the issued ones are off."""
    lines = firm(code, mode, "")
    number = 0
    for month, last in ((1, "2026-01-31"), (2, "2026-02-28"), (3, "2026-03-31"), (4, "2026-04-30"), (5, "2026-05-31")):
        for of, tenths in came:
            if of == month:
                number += 1
                lines.append(f"2026-{month:02}-15 units D-{number} L {tenths / 10}")
        lines.append(f"{last} day ended")
    lines += ["2026-06-02 units D-0 L 1"]
    total = Fraction(sum(tenths for _, tenths in came), 10) + 1
    wanted = rounded({"graduated": graduated, "volume": volume}[mode](total), code)
    assert charged(lines).value == wanted


@given(deliveries, st.integers(1, 400), st.data())
def test_corrections_come_to_the_same_as_if_they_had_never_been_needed(
    came: Delivered, agreed: int, data: st.DataObject
) -> None:
    """Delivered with wrong numbers and put right before anything is issued; of a number agreed no more is charged."""
    right = [f"units D-{number} L {tenths / 10} on 2026-01-{day:02}" for number, (day, tenths) in enumerate(came)]
    wrong = [
        f"units D-{number} L {data.draw(st.integers(0, 3_000)) / 10} on 2026-01-{data.draw(st.integers(1, 28)):02}"
        for number in range(len(came))
    ]
    start = firm("USD", "graduated", f" units={agreed}")
    plain = charged([*start, *(f"2026-02-02 {line}" for line in right)])
    mended = charged([*start, *(f"2026-02-01 {line}" for line in wrong), *(f"2026-02-02 {line}" for line in right)])
    assert (mended.value, mended.billable, mended.over) == (plain.value, plain.billable, plain.over)
    total = Fraction(sum(tenths for _, tenths in came), 10)
    assert plain.billable == rounded(graduated(min(total, Fraction(agreed))), "USD")
