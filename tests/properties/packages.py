"""More kinds of terms, of which one fact changes what another is charged: packages, minimums and agreed numbers of units.

They are told as those of `kinds.py`; what they are worth in the end is asked of the facts told in the order of their days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.properties.kinds import (
    CAP,
    FEE,
    KINDS,
    RATE,
    Fact,
    expense,
    expense_back,
    money,
    time,
    time_back,
    units,
    units_back,
)


class Told(NamedTuple):
    """The contract's lines, how a fact is told and how it is taken back."""

    lines: Callable[[str], list[str]]
    told: Callable[[Fact, str], str]
    back: Callable[[Fact], str]


def _retainer(code: str, stated: str, overage: bool = True) -> list[str]:
    rate = f" overage_rate={money(RATE, code)}" if overage else ""
    return ["  line L P", f"    terms Retainer fee={money(FEE, code)}{rate} {stated}"]


def _by_two(fact: Fact, _: str) -> str:
    who = ("bob", "eve")[fact.number % 2]
    return f"time T-{fact.number} {who} {fact.size / 60:.6f} h on {fact.on} approved_at {fact.on}T0{fact.number}:00Z"


def _some_refunded(fact: Fact, code: str) -> str:
    sign = "-" if fact.size % 3 == 0 else ""
    return f"expense E-{fact.number} travel {sign}{money(fact.size, code)} {code} on {fact.on} person bob"


def _tiers(code: str, stated: str) -> list[str]:
    return [
        "  line L P",
        f"    terms UnitPrice unit=call {stated}",
        f"    each tiers unit_price={money(101, code)} up_to=100",
        f"    each tiers unit_price={money(83, code)} up_to=400",
        f"    each tiers unit_price={money(50, code)}",
    ]


def _minimum(code: str, stated: str, beside: Sequence[str]) -> list[str]:
    return ["  line L P", f"    terms Subscription fee={money(FEE, code)} minimum={money(FEE, code)} {stated}", *beside]


def _hour(code: str) -> list[str]:
    return ["  line W P  takes time", f"    rate {money(RATE, code)}"]


def _going_on(code: str) -> list[str]:
    return [
        "  line W P  takes time policy overflow=next_rule",
        f"    rate {money(RATE, code)}",
        f"    cap hard {money(CAP, code)}",
        "  line D P  takes time",
        f"    rate {money(RATE - 3_334, code)}",
    ]


def _going_on_twice(code: str) -> list[str]:
    """Each at a person's own rate, at last at one for all."""
    return [
        "  line L P  takes time policy overflow=next_rule",
        f"    cap hard {money(CAP, code)}",
        "  line W P  takes time policy overflow=next_rule",
        "    cap hard hours 4 per month",
        "  line D P  takes time",
        f"    rate {money(RATE - 3_334, code)}",
    ]


PACKAGES: dict[str, Told] = {
    "hours go over": Told(lambda code: _retainer(code, "unit=hours quantity=8 rollover=3"), time, time_back),
    "hours go over and expire": Told(
        lambda code: _retainer(code, "unit=hours quantity=6 rollover=6 expiry=1"), time, time_back
    ),
    "hours go over for two months": Told(
        lambda code: _retainer(code, "unit=hours quantity=6 rollover=5 expiry=2 in_advance=yes"), time, time_back
    ),
    "money goes over": Told(
        lambda code: [
            *_retainer(code, f"unit=money quantity={money(FEE // 2, code)} rollover={money(FEE // 4, code)}")
        ],
        time,
        time_back,
    ),
    "expected breakage": Told(
        lambda code: _retainer(code, "unit=hours quantity=7 rollover=2 breakage=pro_rata"), time, time_back
    ),
    "refundable": Told(
        lambda code: _retainer(code, "unit=hours quantity=9 rollover=9 refundable=yes in_advance=yes"), time, time_back
    ),
    "topped up": Told(
        lambda code: _retainer(
            code, f"unit=hours quantity=6 rollover=2 top_up.below=2 top_up.amount={money(FEE // 2, code)}"
        ),
        time,
        time_back,
    ),
    "two rates beyond": Told(
        lambda code: _retainer(code, "unit=hours quantity=6 rollover=3", overage=False), _by_two, time_back
    ),
    "money at two rates": Told(
        lambda code: _retainer(
            code, f"unit=money quantity={money(FEE // 2, code)} rollover={money(FEE // 3, code)}", overage=False
        ),
        _by_two,
        time_back,
    ),
    "a quarter of hours": Told(
        lambda code: _retainer(code, "unit=hours quantity=15 per=quarter in_advance=yes"), time, time_back
    ),
    "money for expenses": Told(
        lambda code: _retainer(
            code, f"unit=money quantity={money(300, code)} rollover={money(200, code)}", overage=False
        ),
        expense,
        expense_back,
    ),
    "minimum beside hours": Told(lambda code: _minimum(code, "", _hour(code)), time, time_back),
    "minimum of a quarter": Told(lambda code: _minimum(code, "per=quarter", _hour(code)), time, time_back),
    "minimum as billed": Told(
        lambda code: ["  line L P revenue as_billed", *_minimum(code, "", _hour(code))[1:]], time, time_back
    ),
    "goes on to the next line": Told(_going_on, time, time_back),
    "goes on twice": Told(_going_on_twice, _by_two, time_back),
    "minimum beside what goes on": Told(lambda code: _minimum(code, "", _going_on(code)), time, time_back),
    "agreed units": Told(
        lambda code: ["  line L P", f"    terms UnitPrice unit=call unit_price={money(101, code)} units=700"],
        units,
        units_back,
    ),
    "agreed units in steps": Told(lambda code: _tiers(code, "tier_period=month units=700"), units, units_back),
    "agreed units by volume": Told(
        lambda code: _tiers(code, "tier_period=month tier_mode=volume units=700"), units, units_back
    ),
    "units under a cap": Told(
        lambda code: [*_tiers(code, "tier_period=contract"), f"    cap hard {money(CAP // 2, code)}"], units, units_back
    ),
    "volume under a cap": Told(
        lambda code: [*_tiers(code, "tier_period=quarter tier_mode=volume"), f"    cap hard {money(CAP // 2, code)}"],
        units,
        units_back,
    ),
    "steps under a cap a month": Told(
        lambda code: [*_tiers(code, "tier_period=quarter"), f"    cap hard {money(CAP // 3, code)} per month"],
        units,
        units_back,
    ),
    "volume under a cap a month": Told(
        lambda code: [
            *_tiers(code, "tier_period=quarter tier_mode=volume"),
            f"    cap hard {money(CAP // 3, code)} per month",
        ],
        units,
        units_back,
    ),
    "refunds under a cap": Told(
        lambda code: ["  line L P", "    terms Expenses", f"    cap hard {money(400, code)}"],
        _some_refunded,
        expense_back,
    ),
    "steps by month": Told(lambda code: _tiers(code, "tier_period=month"), units, units_back),
    "volume": Told(lambda code: _tiers(code, "tier_period=contract tier_mode=volume"), units, units_back),
}
EVERY: dict[str, Told] = {**{name: Told(one.lines, one.told, one.back) for name, one in KINDS.items()}, **PACKAGES}
