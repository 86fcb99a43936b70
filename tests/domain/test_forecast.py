"""What a project takes and earns when it is done, by hand."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import RemainingWork
from domain.explanation import FIELD, Arithmetic, Node
from domain.figure import Recorded
from domain.forecast.changes import Left, Split, cost_mix, deltas, revenue_mix, split_revision, with_change, work_cause
from domain.forecast.completion import (
    BILLINGS,
    CASH,
    NOTHING,
    CompletionBasis,
    Earning,
    MonthSums,
    Tally,
    Track,
    add_tallies,
    completed,
    figures,
    is_as_stated,
    is_valued,
    limited,
    month_by_month,
    percent,
    room_of,
    threshold,
)
from domain.forecast.exhaustion import Lasting, by_pace, by_plan
from domain.money import parse_amount, spread
from domain.months import evenly
from domain.outputs import ForecastDelta, ForecastMonth
from domain.units import HOURS_ONE, RATE_ONE
from milepost.explain.recompute import recompute, unexplained

CENT = 100
DAY = 24 * 3_600_000_000


def tally(hours: int, cost: str, revenue: str) -> Tally:
    return hours * HOURS_ONE, parse_amount(cost), parse_amount(revenue)


def at_completion(track: Track, planned_rate: int = 0) -> Tally:
    return completed(*track, planned_rate, CENT)


def valued(track: Track, planned_rate: int) -> bool:
    return is_valued(track, completed(*track, planned_rate, CENT), planned_rate)


# At completion


AMOUNTS = st.integers(0, 3)


@given(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), st.booleans(), st.integers(0, 2))
def test_as_long_as_no_more_is_booked_than_was_stated_that_is_what_it_comes_to(
    now: Tally, floor: Tally, hours_stated: bool, rate: int
) -> None:
    track = Track(now, floor, hours_stated, revenue_stated=True)
    _, cost, revenue = completed(*track, rate, CENT)
    assert is_as_stated(track) == (now[1] <= floor[1] and now[2] <= floor[2])
    assert not is_as_stated(track) or ((cost, revenue) == floor[1:] and valued(track, rate))


def test_an_estimate_adds_what_remains_to_what_is_done() -> None:
    """80 h, 8,000 and 12,000 done; 100 h for 10,000 remain: 180 h, 18,000, and 12,000 + 100 h x 150 = 27,000."""
    track = Track(tally(80, "8000", "12000"), tally(180, "18000", "0"), hours_stated=True, revenue_stated=False)
    assert at_completion(track) == tally(180, "18000", "27000")


def test_cost_that_comes_uses_up_what_remains() -> None:
    """20 h more for 2,000 with 3,000 of revenue: still 18,000 of cost, 15,000 + 80 h x 150 = 27,000 of revenue."""
    track = Track(tally(100, "10000", "15000"), tally(180, "18000", "0"), hours_stated=True, revenue_stated=False)
    assert at_completion(track) == tally(180, "18000", "27000")


def test_more_cost_than_the_estimate_lifts_the_cost_at_completion() -> None:
    """190 h for 19,500 are done where 180 h for 18,000 were estimated: nothing remains, nothing is negative."""
    track = Track(tally(190, "19500", "28500"), tally(180, "18000", "0"), hours_stated=True, revenue_stated=False)
    assert at_completion(track) == tally(190, "19500", "28500")


def test_stated_revenue_is_a_floor_like_cost() -> None:
    """12,000 earned, 16,000 stated for the rest: 28,000, whatever the average of an hour."""
    track = Track(tally(80, "8000", "12000"), tally(180, "18000", "28000"), hours_stated=True, revenue_stated=True)
    assert at_completion(track) == tally(180, "18000", "28000")


def test_a_hard_cap_limits_revenue_but_not_cost() -> None:
    """27,000 wanted under a cap of 25,000."""
    track = Track(tally(80, "8000", "12000"), tally(180, "18000", "0"), hours_stated=True, revenue_stated=False)
    assert at_completion(track) == tally(180, "18000", "27000")
    assert limited(parse_amount("27000"), parse_amount("25000"), track.now[2]) == parse_amount("25000")


def test_revenue_above_a_lowered_cap_stays() -> None:
    """12,000 are earned, the cap allows 10,000 now."""
    assert limited(parse_amount("27000"), parse_amount("10000"), parse_amount("12000")) == parse_amount("12000")


def test_before_any_revenue_hours_count_at_the_planned_rate() -> None:
    """40 h planned at 150 an hour: 6,000."""
    track = Track(NOTHING, tally(40, "4000", "0"), hours_stated=True, revenue_stated=False)
    assert at_completion(track, 150 * RATE_ONE) == tally(40, "4000", "6000")


def test_hours_that_nobody_states_follow_from_the_remaining_cost() -> None:
    """A budget of 10,000; 20 h for 2,000 with 3,000 of revenue: 8,000 at 100 an hour are 80 h, 80 x 150 = 12,000 more."""
    track = Track(tally(20, "2000", "3000"), tally(0, "10000", "0"), hours_stated=False, revenue_stated=False)
    assert at_completion(track) == tally(100, "10000", "15000")


def test_hours_charged_at_cost_earn_what_they_cost_and_what_the_terms_add() -> None:
    """80 h for 8,000 earned 8,800; 10 h for 2,000 remain: 2,200 more at 10 %, whatever an hour earned before."""
    floor = tally(90, "10000", "0")
    track = Track(tally(80, "8000", "8800"), floor, hours_stated=True, revenue_stated=False, markup=10_000_000)
    assert at_completion(track) == tally(90, "10000", "11000")
    lines = track._replace(earning=Earning(parse_amount("8800"), parse_amount("500"), rated=True))
    assert at_completion(lines)[2] == parse_amount("11500")


def test_work_to_come_is_valued_by_what_is_stated_or_agreed_or_earned_or_planned() -> None:
    """10 h for 1,000 to come."""
    unknown = Track(NOTHING, tally(10, "1000", "0"), hours_stated=True, revenue_stated=False)
    assert not valued(unknown, 0)
    assert valued(unknown, 150 * RATE_ONE)
    assert valued(unknown._replace(revenue_stated=True), 0)
    assert valued(unknown._replace(markup=0), 0)
    assert valued(unknown._replace(earning=Earning(left=parse_amount("500"))), 0)
    earned = unknown._replace(now=tally(1, "100", "150"))
    assert valued(earned, 0)
    assert not valued(earned._replace(earning=Earning(rated=True)), 0)
    assert not valued(earned._replace(now=tally(10, "100", "1500")), 0)
    assert valued(earned._replace(now=tally(10, "1000", "0")), 0)


def test_lines_with_estimates_of_their_own_do_not_make_up_for_each_other() -> None:
    """One line 500 above its 1,000, the other with 400 of its 1,000 left: 1,500 and 1,000."""
    over = Track(tally(15, "1500", "0"), tally(10, "1000", "0"), hours_stated=True, revenue_stated=True)
    under = Track(tally(6, "600", "0"), tally(10, "1000", "0"), hours_stated=True, revenue_stated=True)
    assert at_completion(over) == tally(15, "1500", "0")
    assert at_completion(under) == tally(10, "1000", "0")


def test_caps_of_lines_count_once_and_a_cap_of_all_bounds_the_whole() -> None:
    """Two lines with room 4,000 and 9,000 of their own, 10,000 together; and a line without a cap."""
    assert room_of([{"a": 4_000, "all": 10_000}, {"b": 9_000, "all": 10_000}]) == 10_000
    assert room_of([{"a": 4_000}, {"b": 9_000}]) == 13_000
    assert room_of([{"both": 5_000}, {"both": 5_000}]) == 5_000
    assert room_of([{"a": 4_000}, {}]) is None
    assert room_of([]) is None


# Figures


def test_figures_in_one_currency() -> None:
    """Revenue 12,000 and 15,000 to come, cap 30,000, 9,000 billed.

    Backlog 30,000 - 12,000 = 18,000; unbilled, as it is given, 30,000 - 9,000 = 21,000; margin 27,000 - 18,000 = 9,000, a third.
    """
    standing = CompletionBasis(
        tally(80, "8000", "12000"),
        tally(100, "10000", "15000"),
        tally(180, "18000", "27000"),
        180_000_000,
        210_000_000,
        None,
    )
    made = figures("EUR", standing, MonthSums())
    assert (made.eac_hours, made.eac_cost, made.eac_revenue) == tally(180, "18000", "27000")
    assert (made.backlog, made.unbilled_backlog) == (parse_amount("18000"), parse_amount("21000"))
    assert (made.margin, made.margin_percent) == (parse_amount("9000"), 33_333_333)


def test_percent_of_nothing_and_percent_that_fits_no_field() -> None:
    assert percent(1, 4) == 25_000_000
    assert percent(1, 0) is None
    assert percent(-3, -1) is None, "a loss of 3 on revenue of -1 is no margin of 300 %"
    assert percent(10**18, 1) is None


def test_months_add_up_and_empty_ones_are_left_out() -> None:
    months = MonthSums()
    add_tallies(months, [("2026-05", (8, 100, 200)), ("2026-05", (1, 10, 20))])
    months["2026-05"][BILLINGS] += 150
    months["2026-04"][BILLINGS] += 4
    months["2026-04"][CASH] += 5
    months.all_done()
    add_tallies(months, [("2026-05", (2, 30, 40)), ("2026-06", NOTHING), ("2026-07", (3, 5, 7))])
    assert month_by_month(months) == (
        ForecastMonth("2026-04", 0, 0, 0, 4, 5, 0, 0, 0),
        ForecastMonth("2026-05", 11, 140, 260, 150, 0, 9, 110, 220),
        ForecastMonth("2026-07", 3, 5, 7, 0, 0, 0, 0, 0),
    )


def test_of_more_than_sixty_months_the_oldest_are_left_out() -> None:
    every = [*(f"{year}-{month:02d}" for year in range(2020, 2025) for month in range(1, 13)), "2025-01"]
    made = month_by_month(MonthSums({month: [1] * 8 for month in every}))
    assert (len(made), made[0].month, made[-1].month) == (60, "2020-02", "2025-01")


def test_spreading_sums_to_the_total() -> None:
    """100.00 over three equal months: 33.33, 33.34, 33.33 (cumulative 33.33, 66.67, 100.00)."""
    assert spread(parse_amount("100"), [1, 1, 1], CENT) == [333_300, 333_400, 333_300]
    assert spread(100, [3, 0, 1], 1) == [75, 0, 25]


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=24).filter(any))
def test_shares_always_sum_to_the_total(total: int, weights: list[int]) -> None:
    assert sum(spread(total, weights, CENT)) == total


def test_whole_months_weigh_alike_and_others_their_days() -> None:
    """12 of 28 days of February and all of March: 3 to 7. A month alone is whole; before its first day there is none."""
    weights = [
        (part.last, part.days, part.of, part.weight) for part in evenly(date(2026, 2, 17), date(2026, 3, 31), 60)
    ]
    assert weights == [(date(2026, 2, 28), 12, 28, 12), (date(2026, 3, 31), 31, 31, 28)]
    assert [part.weight for part in evenly(date(2026, 11, 16), date(2026, 11, 30), 60)] == [1]
    assert evenly(date(2026, 11, 2), date(2026, 11, 1), 60) == []
    assert [part.last for part in evenly(date(2026, 11, 1), date(2027, 2, 28), 2)] == [
        date(2026, 11, 30),
        date(2026, 12, 31),
    ]


def test_half_a_per_cent_is_worth_telling() -> None:
    """Of 18,000 these are 90; an amount of 50 is less, one of 100 is more, and one alone counts alone."""
    eac = parse_amount("18000")
    assert threshold(eac, None, None) == parse_amount("90")
    assert threshold(eac, parse_amount("50"), 500_000) == parse_amount("50")
    assert threshold(eac, parse_amount("100"), 1_000_000) == parse_amount("100")
    assert threshold(eac, parse_amount("200"), None) == parse_amount("200")


# Change by cause


def left(hours: int, amount: str) -> Left:
    return Left(hours * HOURS_ONE, parse_amount(amount))


def split(volume: str, rate: str, mix: str) -> Split:
    return Split(parse_amount(volume), parse_amount(rate), parse_amount(mix))


def remaining(hours: int, cost: str, category: str | None = None, revenue: str | None = None) -> RemainingWork:
    earned = parse_amount(revenue) if revenue is not None else None
    return RemainingWork("2026-06", hours * HOURS_ONE, parse_amount(cost), earned, category)


def test_more_hours_at_a_higher_average_are_volume_and_rate() -> None:
    """100 h for 10,000 become 120 h for 13,200: 20 h x 100 = 2,000 of volume, 120 h x 10 = 1,200 of rate."""
    assert split_revision(left(100, "10000"), left(120, "13200"), {}, {}, CENT) == split("2000", "1200", "0")


def test_other_categories_are_mix() -> None:
    """40 h senior 6,000 and 60 h junior 4,000 become 60 h for 9,000 and 60 h for 4,200.

    Rate: 120 h in the old mix are 48 and 72; 48 x (150 - 150) + 72 x (70 - 66.67) = 240. Mix: 12 x 150 - 12 x 70 = 960.
    """
    was = cost_mix([remaining(40, "6000", "senior"), remaining(60, "4000", "junior")])
    remains = cost_mix([remaining(60, "9000", "senior"), remaining(60, "4200", "junior")])
    assert split_revision(left(100, "10000"), left(120, "13200"), was, remains, CENT) == split("2000", "240", "960")


def test_what_categories_change_is_explained() -> None:
    """The same of numbers that say how they came about: none of the three is without."""

    def said(number: int, unit: str = "amount") -> int:
        return Recorded(
            Node("stated", number, unit, "EUR" if unit == "amount" else "", Arithmetic(FIELD), field="stated")
        )

    def recorded(hours: int, amount: str) -> Left:
        return Left(said(hours * HOURS_ONE, "hours"), said(parse_amount(amount)))

    was = {"junior": recorded(60, "4000"), "senior": recorded(40, "6000")}
    remains = {"junior": recorded(60, "4200"), "senior": recorded(60, "9000")}
    made = split_revision(recorded(100, "10000"), recorded(120, "13200"), was, remains, CENT)
    assert made == split("2000", "240", "960")
    for number in made:
        assert isinstance(number, Recorded)
        assert number.node.value == number
        assert not unexplained(number.node)
        assert not recompute(number.node)


def test_a_first_estimate_is_volume() -> None:
    assert split_revision(left(0, "0"), left(100, "10000"), {}, {}, CENT) == split("10000", "0", "0")


def test_revenue_has_a_mix_where_it_is_stated_throughout() -> None:
    stated = remaining(10, "1000", "senior", "1500")
    assert revenue_mix([stated]) == {"senior": left(10, "1500")}
    assert revenue_mix([stated, remaining(10, "1000")]) == {}


amounts = st.integers(0, 10**9)
works = st.lists(
    st.builds(RemainingWork, st.just("2026-06"), amounts, amounts, amounts, st.sampled_from(["a", "b", None])),
    max_size=4,
)


@given(works, works)
def test_an_estimates_parts_sum_to_the_change(was: list[RemainingWork], remains: list[RemainingWork]) -> None:
    before, after = (Left(sum(work.hours for work in each), sum(work.cost for work in each)) for each in (was, remains))
    assert sum(split_revision(before, after, cost_mix(was), cost_mix(remains), CENT)) == after.amount - before.amount


def test_causes_stand_in_their_order_and_zeros_are_left_out() -> None:
    changes = with_change(with_change(with_change({}, "correction", 5, 9), "volume", 1, 1), "rate", 0, 0)
    assert deltas(changes) == (ForecastDelta("volume", 1, 1, 0), ForecastDelta("correction", 5, 9, 4))


def test_work_recorded_more_than_a_day_late_is_late_data() -> None:
    assert work_cause(0, DAY, corrects=False) == "volume"
    assert work_cause(0, DAY + 1, corrects=False) == "late_data"
    assert work_cause(0, DAY + 1, corrects=True) == "correction"


# When a cap is used up


def day_of(lasting: Lasting | None) -> date | None:
    return lasting.day if lasting is not None else None


def test_by_pace_of_the_last_28_days() -> None:
    """5,600 in 28 days are 200 a day: 4,200 last 21 days from 10 June, 4,201 one more."""
    assert day_of(by_pace(4_200, date(2026, 6, 10), 5_600)) == date(2026, 7, 1)
    assert day_of(by_pace(4_201, date(2026, 6, 10), 5_600)) == date(2026, 7, 2)
    assert by_pace(4_200, date(2026, 6, 10), 0) is None
    assert by_pace(10**9, date(2026, 6, 10), 1) is None
    assert day_of(by_pace(4_200, date(2026, 6, 10), 5_600, date(2026, 7, 1))) == date(2026, 7, 1)
    assert by_pace(4_200, date(2026, 6, 10), 5_600, date(2026, 6, 30)) is None


def test_by_plan_month_by_month() -> None:
    """2,000 in the rest of June leave 2,200; of 6,200 in July (200 a day) these are 11 days."""
    months = [("2026-06", 2_000), ("2026-07", 6_200)]
    assert day_of(by_plan(4_200, date(2026, 6, 10), months)) == date(2026, 7, 11)
    assert day_of(by_plan(8_200, date(2026, 6, 10), months)) == date(2026, 7, 31)
    assert by_plan(8_201, date(2026, 6, 10), months) is None


def test_a_plan_uses_up_nothing_after_the_last_day_of_work() -> None:
    """Of July there are 20 days, 310 a day: 2,200 last 8 of them. Of a month after the end nothing counts."""
    months = [("2026-06", 2_000), ("2026-07", 6_200), ("2026-08", 1_000)]
    assert day_of(by_plan(4_200, date(2026, 6, 10), months, date(2026, 7, 20))) == date(2026, 7, 8)
    assert by_plan(8_201, date(2026, 6, 10), months, date(2026, 7, 20)) is None
    assert by_plan(1_000, date(2026, 6, 10), months, date(2026, 6, 10)) is None


def test_the_month_that_runs_has_its_remaining_days() -> None:
    """From 11 to 30 June are 20 days, 100 a day: 1,000 last 10 of them."""
    assert day_of(by_plan(1_000, date(2026, 6, 10), [("2026-06", 2_000)])) == date(2026, 6, 20)


@pytest.mark.parametrize("room", [0, -5])
def test_a_cap_that_is_used_up_is_so_today(room: int) -> None:
    assert day_of(by_plan(room, date(2026, 6, 10), ())) == date(2026, 6, 10)
    assert day_of(by_pace(room, date(2026, 6, 10), 0)) == date(2026, 6, 10)
