"""Numbers that carry how they came about."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from domain.explanation import Node, constant
from domain.figure import (
    Recorded,
    RecordedRate,
    Together,
    allocated,
    as_rounded,
    at_least,
    average,
    because,
    converted,
    extended,
    in_part,
    node_of,
    percentage,
    ratio,
    together,
    with_percent,
)
from domain.money import HALF_UP
from domain.reference.exchange import at_rate
from domain.why import Disagreement, Rates
from milepost.explain.recompute import recompute, unexplained
from state.value import plain


def euros(title: str, amount: float) -> Recorded:
    return Recorded(constant(title, round(amount * 10_000), "amount", "EUR"))


def worked_out(figure: int) -> str:
    """`60.00 = 100.00 - 40.00`."""
    node = node_of(figure, "figure")
    assert recompute(node) == []
    return _said(node)


def _said(node: Node) -> str:
    arithmetic = node.arithmetic
    assert arithmetic is not None
    if not arithmetic.operands:
        return node.title
    return f"{arithmetic.operation}({', '.join(_said(one) for one in arithmetic.operands)})"


CENT = 100
BILLED, OPEN, KEPT, NOTHING = euros("billed", 100), euros("open", 40), euros("kept", 10), euros("nothing", 0)


@pytest.mark.parametrize(
    ("figure", "amount", "said"),
    [
        (BILLED - OPEN, 60, "subtract(billed, open)"),
        (BILLED - OPEN - KEPT, 50, "subtract(billed, open, kept)"),
        (sum([BILLED, OPEN, KEPT]), 150, "sum(billed, open, kept)"),
        (BILLED - 0, 100, "billed"),
        (NOTHING - OPEN, -40, "negate(open)"),
        (abs(-KEPT), 10, "kept"),
        (max(OPEN - BILLED, 0), 0, "figure"),
        (min(BILLED, OPEN), 40, "open"),
    ],
)
def test_arithmetic_is_recorded(figure: int, amount: float, said: str) -> None:
    assert figure == round(amount * 10_000)
    assert worked_out(figure) == said


def test_nothing_is_no_operand() -> None:
    assert worked_out(0 - OPEN) == worked_out(NOTHING - OPEN) == "negate(open)"
    assert worked_out(0 + OPEN) == worked_out(OPEN + 0) == worked_out(NOTHING + OPEN) == "open"


def test_a_plain_number_is_found_by_an_audit() -> None:
    """100.00 less 25.00 that nobody says."""
    (found,) = unexplained(node_of(BILLED - 25_0000, "left"))
    assert (found.title, found.value) == ("not recorded", 25_0000)


def test_part_of_hours() -> None:
    """Of 10 h, worth 900.00, what 300.00 are worth: 3.333333 h, rounded down."""
    hours = Recorded(constant("hours", 10_000000, "hours"))
    part = in_part(hours, euros("not billed", 300), euros("worth", 900), "hours of it")
    assert part == 3_333333
    assert recompute(node_of(part, "")) == []
    assert in_part(10_000000, 300_0000, 900_0000, "hours of it") == 3_333333


@pytest.mark.parametrize("whole", [100.00, -100.00])
def test_shares_have_the_whole(whole: float) -> None:
    """100.00 by three equal weights: 33.34, 33.33 and 33.33."""
    weights = [euros("weight", 1)] * 3
    parts = allocated(euros("whole", whole), weights, "EUR")
    sign = 1 if whole > 0 else -1
    assert list(parts) == [sign * 33_3400, sign * 33_3300, sign * 33_3300]
    assert [type(part) for part in parts] == [Recorded] * 3
    assert [fault for part in parts for fault in recompute(node_of(part, ""))] == []


class Row(NamedTuple):
    name: str
    amounts: tuple[int, ...]
    by_month: dict[str, int]


def test_what_is_kept_is_plain() -> None:
    kept = plain(Row("a", (BILLED, 5), {"2026-03": OPEN}))
    assert kept == Row("a", (100_0000, 5), {"2026-03": 40_0000})
    assert {type(each) for each in (*kept.amounts, *kept.by_month.values())} == {int}


def test_nodes_of_several_numbers_are_made_once_when_somebody_asks() -> None:
    asked: list[str] = []

    def made() -> dict[str, Node]:
        asked.append("made")
        return {"hours": constant("hours", 2_000_000, "hours"), "value": euros("value", 200).node}

    nodes = Together(made)
    hours, value = nodes.later(2_000_000, "hours"), nodes.later(2_000_000, "value")
    assert (hours, plain(value), asked) == (2_000_000, 2_000_000, [])
    assert (hours.node.title, value.node.title, asked) == ("hours", "value", ["made"])
    assert value.node is nodes.node("value")


def test_a_step_that_is_made_later_comes_to_the_rules_number() -> None:
    value = Together(lambda: {"value": euros("value", 200).node}).later(1_999_900, "value")
    with pytest.raises(Disagreement, match="value: the rule has 1999900, its recorded step comes to 2000000"):
        _ = value.node


def test_the_larger_of_two_keeps_both() -> None:
    """Cost at completion is 300.00 by the estimate, and no less than the 450.00 that are booked."""
    made = at_least(euros("estimate", 300), euros("booked", 450), "cost at completion", "R57")
    assert (made, worked_out(made)) == (450_0000, "max(estimate, booked)")
    assert at_least(300, 450, "cost at completion") == 450
    assert at_least(euros("left", -20), 0, "left of it") == 0


def test_hours_at_an_average_and_at_a_rate() -> None:
    """100 h at what 80 h earned, 12,000.00, are 15,000.00; at 150.00 an hour as much."""
    to_come = Recorded(constant("hours to come", 100_000000, "hours"))
    worked = Recorded(constant("worked", 80_000000, "hours"))
    by_average = ratio(to_come, euros("earned", 12_000), worked, CENT, HALF_UP, "what they will earn")
    rate = Recorded(constant("rate", 150_000000, "rate", "EUR"))
    by_rate = extended(to_come, rate, CENT, HALF_UP, "what they will earn")
    assert by_average == by_rate == 15_000_0000
    assert recompute(node_of(by_average, "")) == recompute(node_of(by_rate, "")) == []
    assert (
        ratio(100_000000, 12_000_0000, 80_000000, CENT, HALF_UP, "")
        == extended(100_000000, 150_000000, CENT, HALF_UP, "")
        == by_rate
    )


def test_an_amount_with_so_many_per_cent() -> None:
    """1,234.56 of cost and 7.5 per cent of it are 1,327.15."""
    percent = Recorded(constant("fee", 7_500000, "percent"))
    made = with_percent(euros("cost", 1_234.56), percent, CENT, HALF_UP, "charged")
    assert made == with_percent(1_234_5600, 7_500000, CENT, HALF_UP, "charged") == 1_327_1500
    assert recompute(node_of(made, "")) == []


def test_a_ratio_that_goes_on_by_another() -> None:
    """Of 10 h 6 have no cost rate; 4 h cost 40.00 so far, and half of the plan is left: 6 x 40.00 / 4 x 5 / 10 = 30.00."""
    hours = [Recorded(constant(f"{each} h", each * 1_000_000, "hours")) for each in (6, 4, 5, 10)]
    made = ratio(hours[0], OPEN, hours[1], CENT, HALF_UP, "at the cost so far", (hours[2], hours[3]))
    assert made == 30 * 10_000
    assert worked_out(made) == "proportion(6 h, open, 4 h, 5 h, 10 h)"


def test_an_average_and_a_percentage() -> None:
    rates = [
        (
            Recorded(constant(f"{hours} h", hours * 1_000_000, "hours")),
            Recorded(constant(f"{rate}", rate * 1_000_000, "rate", "EUR")),
        )
        for hours, rate in ((10, 100), (30, 120))
    ]
    assert average([], "nothing") == 0
    assert worked_out(average(rates, "average")) == "weighted_average(10 h, 100, 30 h, 120)"
    assert average(rates, "average") == average([(10, 100_000_000), (30, 120_000_000)], "average") == 115_000_000
    share = percentage(OPEN, BILLED, 1, HALF_UP, "share")
    assert share == percentage(40, 100, 1, HALF_UP, "share") == 40_000_000
    assert worked_out(share) == "percent(open, billed)"


def test_an_amount_that_is_rounded_whole() -> None:
    finer = Recorded(constant("finer", 10_049, "amount", "EUR"))
    assert worked_out(as_rounded(10_000, finer, 1, 1, "rounded", HALF_UP)) == "round(finer)"
    assert as_rounded(1_000_000, BILLED, 1, 1, "rounded", HALF_UP) == BILLED


def test_parts_at_rates_of_their_own_are_rounded_once() -> None:
    """Half an hour at 33.33 and half an hour at 33.33 are 33.33, not twice 16.67."""
    half, hour = (Recorded(constant(f"{each} h", int(each * 1_000_000), "hours")) for each in (0.5, 1))
    rate = Recorded(constant("rate", 33_330000, "rate", "EUR"))
    made = together(33_3300, [(rate, half, hour)] * 2, CENT, HALF_UP, "at the billed rate", currency="EUR")
    assert worked_out(made) == "proportions(rate, 0.5 h, 1 h, rate, 0.5 h, 1 h)"
    with pytest.raises(Disagreement):
        together(33_3400, [(rate, half, hour)] * 2, CENT, HALF_UP, "at the billed rate", currency="EUR")
    assert type(together(33_3300, [(1, 2, 3)], CENT, HALF_UP, "")) is int


def test_hours_that_an_amount_stands_for() -> None:
    """Of 10 h for 100.00 what 40.00 stand for, 4 h."""
    hours = Recorded(constant("10 h", 10_000000, "hours"))
    made = together(4_000000, [(hours, OPEN, BILLED)], 1, HALF_UP, "its hours", "hours")
    assert worked_out(made) == "proportion(10 h, open, billed)"


def test_what_decided_stands_beside_a_number() -> None:
    made = because(BILLED, OPEN)
    assert (made, worked_out(made), node_of(made, "").why) == (100_0000, "billed", (OPEN.node,))
    assert because(100, 40) == 100


def test_an_amount_at_a_rate_that_explains_itself() -> None:
    """100.00 EUR at 0.90 are 90.00; the rate has its number for what is not explained."""
    said = constant("the invoice's rate", 900_000_000_000, "exchange_rate")
    rate = RecordedRate.along(Rates((said,), ("times",)), at_rate(900_000_000_000))
    made = converted(BILLED, rate, "USD", HALF_UP)
    assert (made, worked_out(made), rate.rate) == (90_0000, "convert(billed, the invoice's rate)", 900_000_000_000)
    assert converted(100_0000, at_rate(900_000_000_000), "USD", HALF_UP) == made
