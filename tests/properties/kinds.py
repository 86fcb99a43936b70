"""Every kind of terms as a small firm sells it for a quarter: how it is told, what takes it back, and what it is worth by hand.

All figures are whole numbers of the smallest unit of a currency, so one table serves currencies with no, two and three decimals. What a
kind is worth is worked out here from what was told, by the words of docs/rules.md, and shares nothing with the code that is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st

from domain.money import minor_units

# By decimals: none, two, three. The ledger is in euro.
RATES = {"JPY": ("0.0061", "0.0064", "0.0059"), "EUR": (), "KWD": ("2.991", "3.105", "2.87")}
CODES = tuple(RATES)
LAST_DAYS = ("2026-01-31", "2026-02-28", "2026-03-31")
PUT_RIGHT, TAKEN_BACK = "2026-03-30", "2026-03-31"
RATE, COST, FEE, CAP, PRICE, DEPOSIT = 13_333, 10_007, 100_001, 60_000, 100_003, 40_009
STAYS, GOES, CHANGES = "stays", "goes", "changes"


class Fact(NamedTuple):
    """Something that is told: minutes worked, an amount spent, units delivered, a milestone or a percentage, as the kind takes it."""

    number: int
    month: int
    day: int
    size: int
    fate: str = STAYS

    @property
    def on(self) -> str:
        return date(2026, self.month, self.day).isoformat()

    @property
    def changed(self) -> Fact:
        """As it is put right."""
        return self._replace(size=self.size // 2 + 1)


def facts(fates: Sequence[str] = (STAYS,)) -> st.SearchStrategy[list[Fact]]:
    one = st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 600), st.sampled_from(fates))
    return st.lists(one, max_size=6).map(lambda drawn: [Fact(number, *each) for number, each in enumerate(drawn)])


class Sold(NamedTuple):
    """A kind of terms: the contract's lines, how a fact is told and taken back, and what is charged for facts up to a month."""

    lines: Callable[[str], list[str]]
    told: Callable[[Fact, str], str]
    back: Callable[[Fact], str]
    worth: Callable[[list[Fact], int], int]


def firm(kind: str, code: str) -> list[str]:
    """A contract from January to March; its first line is L."""
    rates = [f"exchange {code} EUR {rate} on 2026-0{month}-01" for month, rate in enumerate(RATES[code], 1)]
    return [
        "entity LE EUR Europe/Berlin policy rate_staleness_days=400",
        "customer C",
        "person bob consultant of LE",
        f"cost person bob {money(COST, code)} {code}",
        *rates,
        "project P of LE",
        f"contract K C LE {code} to 2026-03-31",
        *KINDS[kind].lines(code),
    ]


def money(units: int, code: str) -> str:
    decimals = minor_units(code)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}}" if decimals else f"{whole}"


def half_up(value: Fraction) -> int:
    return (value + Fraction(1, 2)).__floor__()


def hours(fact: Fact) -> Fraction:
    return Fraction(f"{fact.size / 60:.6f}")


def priced(entries: Iterable[Fact], rate: int = RATE) -> int:
    return sum(half_up(hours(one) * rate) for one in entries)


def up_to(entries: Iterable[Fact], month: int) -> list[Fact]:
    """By day, then id, as work takes its place (R16)."""
    return sorted((one for one in entries if one.month <= month), key=lambda one: (one.on, one.number))


def beyond(entries: Iterable[Fact], included: Fraction) -> int:
    """The hours beyond those that are included, the earliest being included, each entry rounded."""
    charged, left = 0, included
    for one in entries:
        over = max(hours(one) - left, Fraction(0))
        left = max(left - hours(one), Fraction(0))
        charged += half_up(over * RATE)
    return charged


# How facts are told


def time(fact: Fact, _: str) -> str:
    return f"time T-{fact.number} bob {fact.size / 60:.6f} h on {fact.on} approved_at {fact.on}T0{fact.number}:00Z"


def time_back(fact: Fact) -> str:
    return f"withdraw T-{fact.number}"


def expense(fact: Fact, code: str) -> str:
    return f"expense E-{fact.number} travel {money(fact.size, code)} {code} on {fact.on} person bob"


def expense_back(fact: Fact) -> str:
    return f"withdraw_expense E-{fact.number}"


def units(fact: Fact, _: str) -> str:
    return f"units D-{fact.number} L {fact.size} on {fact.on}"


def units_back(fact: Fact) -> str:
    return f"units D-{fact.number} L 0 on {fact.on}"


def progress(fact: Fact, _: str) -> str:
    return f"progress L {percent(fact)} on {fact.on}"


def progress_back(fact: Fact) -> str:
    return f"progress L 0 on {fact.on}"


def percent(fact: Fact) -> int:
    return fact.size % 101


def milestone(fact: Fact, _: str) -> str:
    return f"milestone M{fact.number} on {fact.on}"


def milestone_back(fact: Fact) -> str:
    return f"revoke milestone M{fact.number}"


# What kinds are worth


def by_time(entries: list[Fact], month: int) -> int:
    return priced(up_to(entries, month))


def fees(each: int, month: int, *, in_advance: bool) -> int:
    return each * min(3, month + in_advance)


def instalments(_: list[Fact], month: int) -> int:
    return sum(parts(PRICE)[:month])


def parts(price: int) -> tuple[int, int, int]:
    third = price // 3
    return third, third, price - 2 * third


def reported(reports: list[Fact], month: int) -> int:
    """The newest report holds; they are told in the order of their days."""
    known = up_to(reports, month)
    return half_up(Fraction(PRICE * percent(known[-1]), 100)) if known else 0


def spent(costs: list[Fact], month: int) -> int:
    return half_up(Fraction(PRICE * min(sum(one.size for one in up_to(costs, month)), 1_000), 1_000))


def accepted(found: list[Fact], month: int) -> int:
    return sum(MILESTONE + one.number for one in up_to(found, month))


def drawn(entries: list[Fact], month: int, *, in_advance: bool = False) -> int:
    """Five hours a month, of which none go over."""
    over = sum(beyond([one for one in up_to(entries, month) if one.month == each], Fraction(5)) for each in (1, 2, 3))
    return fees(FEE, month, in_advance=in_advance) + over


def drawn_money(entries: list[Fact], month: int) -> int:
    """Half of the fee's figure a month."""
    of = ([one for one in up_to(entries, month) if one.month == each] for each in (1, 2, 3))
    return fees(FEE, month, in_advance=False) + sum(max(0, priced(each) - FEE // 2) for each in of)


def graduated(delivered: list[Fact], month: int) -> int:
    total = sum(one.size for one in up_to(delivered, month))
    return min(total, 100) * 101 + min(max(total - 100, 0), 300) * 83 + max(total - 400, 0) * 50


MILESTONE = 20_011
OVER_TIME = "  revenue straight_line_days"


def _schedule(code: str) -> list[str]:
    return [
        f"    terms FixedPrice price={money(PRICE, code)}",
        *(
            f"    each schedule on={day} amount={money(part, code)}"
            for day, part in zip(LAST_DAYS, parts(PRICE), strict=True)
        ),
    ]


def _milestones(code: str, each: str = "") -> list[str]:
    return [
        f"    each milestones milestone_id=M{number} name=M{number} amount={money(MILESTONE + number, code)} due_on=2026-12-31{each}"
        for number in range(6)
    ]


def _retainer(code: str, stated: str) -> list[str]:
    return ["  line L P", f"    terms Retainer fee={money(FEE, code)} overage_rate={money(RATE, code)} {stated}"]


def _by_the_hour(code: str, line: str = "L") -> list[str]:
    return [f"  line {line} P  takes time", f"    rate {money(RATE, code)}"]


KINDS: dict[str, Sold] = {
    "time": Sold(_by_the_hour, time, time_back, by_time),
    "time under a cap": Sold(
        lambda code: [*_by_the_hour(code), f"    cap hard {money(CAP, code)}"], time, time_back, by_time
    ),
    "cost plus": Sold(
        lambda _: ["  line L P", "    terms CostPlus fee_percent=10"],
        time,
        time_back,
        lambda entries, month: sum(half_up(hours(one) * COST * Fraction(11, 10)) for one in up_to(entries, month)),
    ),
    "management fee": Sold(
        lambda _: ["  line L P  takes expense", "    terms CostPlus fee_percent=7"],
        expense,
        expense_back,
        lambda costs, month: sum(half_up(one.size * Fraction(107, 100)) for one in up_to(costs, month)),
    ),
    "expenses": Sold(
        lambda _: ["  line L P", "    terms Expenses markup=13"],
        expense,
        expense_back,
        lambda costs, month: sum(half_up(one.size * Fraction(113, 100)) for one in up_to(costs, month)),
    ),
    "units": Sold(
        lambda code: [
            "  line L P",
            "    terms UnitPrice unit=call tier_period=contract",
            f"    each tiers unit_price={money(101, code)} up_to=100",
            f"    each tiers unit_price={money(83, code)} up_to=400",
            f"    each tiers unit_price={money(50, code)}",
        ],
        units,
        units_back,
        graduated,
    ),
    "schedule": Sold(lambda code: ["  line L P", *_schedule(code)], time, time_back, instalments),
    "schedule over time": Sold(lambda code: [f"  line L P{OVER_TIME}", *_schedule(code)], time, time_back, instalments),
    "progress": Sold(
        lambda code: ["  line L P", f"    terms FixedPrice price={money(PRICE, code)} by_progress=yes"],
        progress,
        progress_back,
        reported,
    ),
    "progress by cost": Sold(
        lambda code: [
            "  line L P",
            f"    terms FixedPrice price={money(PRICE, code)} by_progress=yes",
            f"    each budgets category=travel revenue={money(PRICE, code)} cost={money(1_000, code)}",
        ],
        expense,
        expense_back,
        spent,
    ),
    "milestones": Sold(
        lambda code: ["  line L P", "    terms Milestones", *_milestones(code)], milestone, milestone_back, accepted
    ),
    "milestones with hours": Sold(
        lambda code: [
            "  line L P",
            f"    terms Milestones overage_rate={money(RATE, code)}",
            *_milestones(code, " included_hours=1"),
        ],
        time,
        time_back,
        lambda entries, month: beyond(up_to(entries, month), Fraction(6)),
    ),
    "retainer of hours": Sold(lambda code: _retainer(code, "unit=hours quantity=5"), time, time_back, drawn),
    "retainer in advance": Sold(
        lambda code: _retainer(code, "unit=hours quantity=5 in_advance=yes"),
        time,
        time_back,
        lambda entries, month: drawn(entries, month, in_advance=True),
    ),
    "retainer of money": Sold(
        lambda code: _retainer(code, f"unit=money quantity={money(FEE // 2, code)}"), time, time_back, drawn_money
    ),
    "subscription in arrears": Sold(
        lambda code: ["  line L P", f"    terms Subscription fee={money(FEE, code)}", *_by_the_hour(code, "W")],
        time,
        time_back,
        lambda entries, month: fees(FEE, month, in_advance=False) + by_time(entries, month),
    ),
    "subscription in advance": Sold(
        lambda code: [
            "  line L P",
            f"    terms Subscription fee={money(FEE, code)} in_advance=yes",
            *_by_the_hour(code, "W"),
        ],
        time,
        time_back,
        lambda entries, month: fees(FEE, month, in_advance=True) + by_time(entries, month),
    ),
    "deposit": Sold(
        lambda code: [
            *_by_the_hour(code),
            "  line D P",
            f"    terms Deposit amount={money(DEPOSIT, code)} due_on=2026-01-05 refundable=yes",
        ],
        time,
        time_back,
        by_time,
    ),
}
