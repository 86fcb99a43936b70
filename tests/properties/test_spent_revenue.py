"""Whatever is worked and estimated when and in which order: a price has earned its share of what is spent, and all of it at last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.money import HALF_UP, format_amount, round_ratio, smallest_unit
from tests.auditing import check_sums, engagements
from tests.told import balances, told

FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
CURRENCIES = ("EUR", "JPY", "KWD")
RATE = {"ann": 50, "tom": 20}


class Worked(NamedTuple):
    day: date
    person: str
    hours: int
    is_withdrawn: bool


class Estimate(NamedTuple):
    as_of: date
    hours: int


days = st.integers(0, 170).map(lambda after: FIRST + timedelta(days=after))
works = st.lists(
    st.builds(Worked, days, st.sampled_from(["ann", "tom"]), st.integers(1, 24), st.booleans()), min_size=1, max_size=6
)
estimates = st.lists(st.builds(Estimate, days, st.integers(0, 100)), min_size=1, max_size=4)
prices = st.integers(1, 10**8)


POLICIES = (
    "",
    " policy poc_precision=0",
    " policy poc_precision=2",
    " policy forecast_denominator=original",
    " policy poc_exclusions=materials",
    " policy poc_exclusions=materials policy forecast_denominator=original policy poc_precision=1",
    " budget 2,000.00",
    " budget 500.00 policy forecast_denominator=original",
)


def firm(currency: str, price: int, method: str, policy: str = "") -> list[str]:
    amount = format_amount(price * smallest_unit(currency), currency)
    return [
        f"entity LE {currency} Europe/Berlin",
        "customer C",
        *(f"person {name} consultant of LE" for name in RATE),
        *(f"cost person {name} {rate} {currency}" for name, rate in RATE.items()),
        "project P of LE",
        f"contract K C LE {currency} from {FIRST}",
        f"  line L P revenue {method}{policy}",
        f"    terms FixedPrice price={amount}",
        f"    each schedule on={LAST} amount={amount}",
    ]


def as_told(worked: Sequence[Worked], said: Sequence[Estimate], chance: Random) -> list[str]:
    """Each by some day after its own, in the order of these."""
    found: list[tuple[date, int, str]] = []
    for number, one in enumerate(worked):
        on = one.day + timedelta(days=chance.randrange(60))
        found.append((min(on, LAST), 0, f"time T-{number} {one.person} {one.hours} h on {one.day}"))
        if one.is_withdrawn:
            found.append((min(on + timedelta(days=chance.randrange(60)), LAST), 1, f"withdraw T-{number}"))
    for version, each in enumerate(said, 1):
        on = each.as_of + timedelta(days=chance.randrange(60))
        text = f"estimate P {each.hours} h {each.hours * RATE['ann']} line L on {each.as_of} version {version}"
        found.append((min(on, LAST), 0, text))
    ends = [(day, 2, "day ended") for day in (date(2026, month, 1) - timedelta(days=1) for month in range(2, 7))]
    chance.shuffle(found)
    told_in_order = sorted([*found, *ends], key=lambda one: one[:2])
    return [f"{day} {text}" for day, _, text in told_in_order]


def earned(lines: Sequence[str], *, reopens: bool = False) -> int:
    with told([*lines, f"{LAST} day ended"], reopens=reopens) as books:
        for engagement_id in engagements(books.shard.store):
            check_sums(books.shard.store, engagement_id, {"LE": lines[0].split()[2]})
        found = balances(books)
    assert sum(found.values()) == 0
    return -found.get("4000", 0)


def done_and_whole(worked: Sequence[Worked], said: Sequence[Estimate], method: str) -> tuple[int, int]:
    def spent(day: date) -> int:
        of = [one for one in worked if one.day <= day and not one.is_withdrawn]
        return sum(one.hours * (RATE[one.person] if method == "cost_to_cost" else 1) for one in of)

    newest = max(enumerate(said), key=lambda one: (one[1].as_of, one[0]))[1]
    remaining = newest.hours * (RATE["ann"] if method == "cost_to_cost" else 1)
    return spent(LAST), max(spent(LAST), spent(newest.as_of) + remaining)


def expected(price: int, step: int, worked: Sequence[Worked], said: Sequence[Estimate], method: str) -> int:
    done, whole = done_and_whole(worked, said, method)
    return round_ratio(price * step * done, whole, step, HALF_UP) if whole else 0


@given(
    st.sampled_from(CURRENCIES), prices, works, st.integers(1, 10_000), st.randoms(use_true_random=False), st.booleans()
)
def test_before_an_estimate_a_price_has_earned_its_share_of_the_budget(
    currency: str, price: int, worked: list[Worked], budget: int, chance: Random, reopens: bool
) -> None:
    lines = [*firm(currency, price, "cost_to_cost", f" budget {budget}"), *as_told(worked, [], chance)]
    spent = sum(one.hours * RATE[one.person] for one in worked if not one.is_withdrawn)
    step = smallest_unit(currency)
    assert earned(lines, reopens=reopens) == round_ratio(price * step * spent, max(budget, spent), step, HALF_UP)


@given(
    st.sampled_from(CURRENCIES),
    prices,
    works,
    estimates,
    st.sampled_from(["cost_to_cost", "hours"]),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.sampled_from(["", " budget 2,000.00"]),
)
def test_a_price_has_earned_its_share_in_any_order(
    currency: str,
    price: int,
    worked: list[Worked],
    said: list[Estimate],
    method: str,
    chance: Random,
    reopens: bool,
    budget: str,
) -> None:
    """Once there is an estimate, a cost budget counts no more."""
    lines = [*firm(currency, price, method, budget), *as_told(worked, said, chance)]
    assert earned(lines, reopens=reopens) == expected(price, smallest_unit(currency), worked, said, method)


def obligation(currency: str, amounts: Sequence[int], method: str) -> list[str]:
    """Lines A and B of one performance obligation, each with a task of its own."""
    made = firm(currency, 1, method)[:-3]
    for name, price in zip("AB", amounts, strict=True):
        amount = format_amount(price * smallest_unit(currency), currency)
        made += [
            f"  line {name} P tasks {name} revenue {method} obligation one",
            f"    terms FixedPrice price={amount}",
            f"    each schedule on={LAST} amount={amount}",
        ]
    return made


@given(
    st.sampled_from(CURRENCIES),
    st.tuples(prices, prices),
    st.tuples(works, works),
    st.tuples(estimates, estimates),
    st.sampled_from(["cost_to_cost", "hours"]),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_lines_of_one_obligation_earn_as_far_as_all_of_it_is_done(
    currency: str,
    amounts: tuple[int, int],
    worked: tuple[list[Worked], list[Worked]],
    said: tuple[list[Estimate], list[Estimate]],
    method: str,
    chance: Random,
    reopens: bool,
) -> None:
    told_of: list[str] = []
    for place, name in enumerate("AB"):
        for text in as_told(worked[place], said[place], chance):
            own = text.replace(" T-", f" T-{name}").replace("line L", f"line {name}")
            if " time T-" in own:
                own += f" task {name}"
            if " version " in own:
                before, _, version = own.rpartition(" ")
                own = f"{before} {2 * int(version) - 1 + place}"
            if not (place and own.endswith("day ended")):
                told_of.append(own)
    lines = [
        *obligation(currency, amounts, method),
        *sorted(told_of, key=lambda text: (text[:10], text.endswith("day ended"), "withdraw" in text)),
    ]
    step = smallest_unit(currency)
    found = [done_and_whole(worked[place], said[place], method) for place in (0, 1)]
    done, whole = sum(one[0] for one in found), sum(one[1] for one in found)
    wanted = sum(round_ratio(price * step * done, whole, step, HALF_UP) if whole else 0 for price in amounts)
    assert earned(lines, reopens=reopens) == wanted


@given(
    st.sampled_from(CURRENCIES),
    prices,
    works,
    estimates,
    st.lists(
        st.tuples(prices, st.integers(0, 150), st.sampled_from(["prospective", "catch_up"])), min_size=1, max_size=3
    ),
    st.sampled_from(["cost_to_cost", "hours"]),
    st.sampled_from(POLICIES),
    st.sampled_from(POLICIES),
    st.lists(st.tuples(days, st.integers(1, 500)), max_size=2),
    st.randoms(use_true_random=False),
)
def test_over_its_life_a_price_earns_itself_whatever_it_was(
    currency: str,
    price: int,
    worked: list[Worked],
    said: list[Estimate],
    changes: list[tuple[int, int, str]],
    method: str,
    policy: str,
    policy_after: str,
    bought: list[tuple[date, int]],
    chance: Random,
) -> None:
    lines = [*firm(currency, price, method, policy), *as_told(worked, said, chance)]
    lines += [
        f"{LAST} expense E-{at} materials {cost} {currency} person ann on {day}"
        for at, (day, cost) in enumerate(bought)
    ]
    for number, (other, after, treatment) in enumerate(changes):
        *_, line, terms, schedule = firm(currency, other, method, policy_after)
        since = FIRST + timedelta(days=after)
        lines += [f"{LAST} amend K from {since} version {number + 2} treatment {treatment}", line, terms, schedule]
    lines.append(f"{LAST} time T-last ann 1 h")
    lines.append(f"{LAST} estimate P 0 h 0.00 line L version {len(said) + 1}")
    assert earned(lines) == changes[-1][0] * smallest_unit(currency)
