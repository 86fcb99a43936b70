"""What sources pay, with figures: rules in turn, the scarcest source, what is given back; and what speaks against the terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.funding import Paid, Portion, by_source, draw, funding_faults, joined, kept, sum_of
from domain.events.common import Funding, FundingRule, FundingShare, FundingSource
from domain.units import AMOUNT_ONE, PERCENT_ONE, Amount

CUSTOMERS = {"GRANT": "M", "CITY": "N", "OWN": "A"}


def funding(limits: dict[str, int | None], *rules: dict[str, int]) -> Funding:
    """Limits in whole units, percents whole."""
    return Funding(
        tuple(
            FundingSource(source, CUSTOMERS[source], None if limit is None else limit * AMOUNT_ONE)
            for source, limit in limits.items()
        ),
        tuple(
            FundingRule(priority, tuple(FundingShare(source, each * PERCENT_ONE) for source, each in rule.items()))
            for priority, rule in enumerate(rules, 1)
        ),
    )


GRANTED = funding({"GRANT": 10_000, "OWN": None}, {"GRANT": 60, "OWN": 40}, {"OWN": 100})


def cents(amount: int) -> Amount:
    return amount * 100


def paid(portions: tuple[Portion, ...]) -> list[dict[str, int]]:
    """In cents, portion by portion."""
    return [{source: amount // 100 for source, amount in by_source((portion,)).items()} for portion in portions]


@pytest.mark.parametrize(
    ("amount", "used", "expected", "rest"),
    [
        (1_000_000, 0, [{"GRANT": 600_000, "OWN": 400_000}], 0),
        (1_000_000, 600_000, [{"GRANT": 400_000, "OWN": 266_666}, {"OWN": 333_334}], 0),
        (100_000, 1_000_000, [{"OWN": 100_000}], 0),
        (100_000, 1_200_000, [{"OWN": 100_000}], 0),
        (10_003, 0, [{"GRANT": 6_002, "OWN": 4_001}], 0),
        (1, 999_999, [{"GRANT": 1}], 0),
        (2, 999_999, [{"GRANT": 1}, {"OWN": 1}], 0),
        (-10_003, 1_000_000, [{"GRANT": -6_002, "OWN": -4_001}], 0),
    ],
)
def test_rules_pay_in_turn(amount: int, used: int, expected: list[dict[str, int]], rest: int) -> None:
    drawn = draw(cents(amount), GRANTED, {"GRANT": cents(used)}, "USD")
    assert paid(drawn.portions) == expected
    assert drawn.rest == rest


def test_what_no_rule_is_left_for_is_the_rest() -> None:
    """CITY's 100.00 are 50 % of 200.00; of 11,800.00 more GRANT pays 9,900.00 by the second rule."""
    terms = funding({"GRANT": 10_000, "CITY": 100}, {"GRANT": 50, "CITY": 50}, {"GRANT": 100})
    drawn = draw(cents(1_200_000), terms, {}, "USD")
    assert paid(drawn.portions) == [{"GRANT": 10_000, "CITY": 10_000}, {"GRANT": 990_000}]
    assert drawn.rest == cents(190_000)


def test_the_rules_of_a_priority_come_before_the_next_in_whatever_order_they_stand() -> None:
    turned = GRANTED._replace(rules=tuple(reversed(GRANTED.rules)))
    assert draw(cents(100), turned, {}, "USD") == draw(cents(100), GRANTED, {}, "USD")


def test_the_last_portion_is_given_back_first() -> None:
    portions = draw(cents(1_000_000), GRANTED, {"GRANT": cents(600_000)}, "USD").portions
    assert paid(kept(portions, cents(800_000), "USD")) == [{"GRANT": 400_000, "OWN": 266_666}, {"OWN": 133_334}]
    assert paid(kept(portions, cents(600_000), "USD")) == [{"GRANT": 360_000, "OWN": 240_000}]
    assert kept(portions, 0, "USD") == ()
    assert kept(portions, cents(-100), "USD") == ()
    assert kept(portions, cents(2_000_000), "USD") == portions


def test_portions_of_the_same_sources_are_one() -> None:
    one: Portion = (Paid("GRANT", "M", 60), Paid("OWN", "A", 40))
    assert joined((one,), (one, (one[1],))) == ((Paid("GRANT", "M", 120), Paid("OWN", "A", 80)), (one[1],))


limits = st.one_of(st.none(), st.integers(0, 500))
percents = st.lists(st.integers(1, 98), min_size=2, max_size=2).filter(lambda two: sum(two) < 100)


@given(
    st.tuples(limits, limits, limits),
    percents,
    st.integers(1, 99),
    st.lists(st.integers(-20_000, 60_000), max_size=8),
    st.sampled_from(("USD", "JPY", "KWD")),
)
def test_sums_are_exact_and_no_source_pays_above_its_limit(
    most: tuple[int | None, int | None, int | None], first: list[int], second: int, amounts: list[int], currency: str
) -> None:
    """Amounts come one after the other, and the half of what was drawn is given back of every other one."""
    terms = funding(
        dict(zip(CUSTOMERS, most, strict=True)),
        dict(zip(CUSTOMERS, (*first, 100 - sum(first)), strict=True)),
        {"CITY": second, "OWN": 100 - second},
    )
    step = {"USD": 100, "JPY": AMOUNT_ONE, "KWD": 10}[currency]
    used: dict[str, Amount] = {}
    for number, each in enumerate(amounts):
        amount = each * step
        drawn = draw(amount, terms, used, currency)
        assert sum_of(drawn.portions) + drawn.rest == amount
        assert all(part.amount % step == 0 and part.amount * amount > 0 for one in drawn.portions for part in one)
        stays = kept(drawn.portions, each // 2 * step, currency) if number % 2 else drawn.portions
        assert abs(sum_of(stays)) <= abs(sum_of(drawn.portions))
        had = by_source(drawn.portions)
        for source, amount_kept in by_source(stays).items():
            assert abs(amount_kept) <= abs(had[source])
            used[source] = used.get(source, 0) + amount_kept
        for each_source in terms.sources:
            assert each_source.limit is None or used.get(each_source.source_id, 0) <= each_source.limit


@pytest.mark.parametrize(
    ("terms", "shared", "field", "said"),
    [
        (GRANTED, True, "funding", "either funding or bill_to"),
        (funding({"GRANT": 10, "OWN": None}), False, "funding.rules", "at least one rule"),
        (funding({"GRANT": -1}, {"GRANT": 100}), False, "funding.sources[0].limit", "no less than zero"),
        (funding({"OWN": 1}, {"GRANT": 100}), False, "funding.rules[0].shares", "GRANT is not among"),
        (funding({"OWN": 1}, {"OWN": 90}), False, "funding.rules[0].shares", "sum to 100, got 90"),
        (funding({"OWN": 1}, {}), False, "funding.rules[0].shares", "got none"),
        (
            GRANTED._replace(sources=(*GRANTED.sources, GRANTED.sources[0])),
            False,
            "funding.sources[2].source_id",
            "GRANT stands twice",
        ),
        (
            GRANTED._replace(rules=(GRANTED.rules[0], GRANTED.rules[0])),
            False,
            "funding.rules[1].priority",
            "priority 1 stands twice",
        ),
        (
            GRANTED._replace(rules=(FundingRule(1, (GRANTED.rules[1].shares[0],) * 2),)),
            False,
            "funding.rules[0].shares",
            "twice in one rule",
        ),
        (
            GRANTED._replace(sources=(FundingSource("GRANT", "M", 1), FundingSource("OWN", "A"))),
            False,
            "funding.sources[0].limit",
            "finer than USD",
        ),
    ],
)
def test_terms_that_contradict_are_told_by_the_field(terms: Funding, shared: bool, field: str, said: str) -> None:
    faults = funding_faults(terms, shared=shared, currency="USD")
    assert faults[0][0] == field
    assert said in faults[0][1]
