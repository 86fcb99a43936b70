"""Which days are billed together."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.periods import BillingPeriod, period_of
from domain.events.common import BillingCycle, FiscalCalendar

CALENDAR = FiscalCalendar(kind="calendar_month", year_starts_on="01-01", extra_week=())
WEEKS = FiscalCalendar(kind="four_four_five", year_starts_on="01-01", extra_week=(2026,))
STARTS_ON = date(2026, 3, 4)

MONTHLY = BillingCycle(kind="monthly")
CUT_OFF_25 = BillingCycle(kind="monthly", cut_off_day=25)
CUT_OFF_30 = BillingCycle(kind="monthly", cut_off_day=30)
SEMI_MONTHLY = BillingCycle(kind="semi_monthly")
WEEKLY = BillingCycle(kind="weekly")
WEEKLY_FROM_SUNDAY = BillingCycle(kind="weekly", week_starts_on="sunday")
FORTNIGHTLY = BillingCycle(kind="every_n_weeks", n=2)
FORTNIGHTLY_ANCHORED = BillingCycle(kind="every_n_weeks", n=2, anchor=date(2026, 1, 7))
FOUR_FOUR_FIVE = BillingCycle(kind="four_four_five")

CYCLES = (
    MONTHLY,
    CUT_OFF_25,
    CUT_OFF_30,
    SEMI_MONTHLY,
    WEEKLY,
    WEEKLY_FROM_SUNDAY,
    FORTNIGHTLY,
    FORTNIGHTLY_ANCHORED,
    FOUR_FOUR_FIVE,
)


def period(cycle: BillingCycle, *day: int) -> BillingPeriod | None:
    return period_of(cycle, date(*day), STARTS_ON, CALENDAR)


def between(start: tuple[int, int, int], to: tuple[int, int, int]) -> BillingPeriod:
    return BillingPeriod(date(*start), date(*to))


def test_monthly_is_the_calendar_month() -> None:
    assert period(MONTHLY, 2026, 2, 28) == between((2026, 2, 1), (2026, 3, 1))
    assert period(MONTHLY, 2026, 12, 31) == between((2026, 12, 1), (2027, 1, 1))


def test_the_cut_off_day_is_the_last_day_of_the_period() -> None:
    assert period(CUT_OFF_25, 2026, 3, 25) == between((2026, 2, 26), (2026, 3, 26))
    assert period(CUT_OFF_25, 2026, 3, 26) == between((2026, 3, 26), (2026, 4, 26))
    assert period(CUT_OFF_25, 2026, 12, 26) == between((2026, 12, 26), (2027, 1, 26))


def test_the_cut_off_day_is_clipped_to_the_month() -> None:
    assert period(CUT_OFF_30, 2026, 2, 28) == between((2026, 1, 31), (2026, 3, 1))
    assert period(CUT_OFF_30, 2026, 3, 1) == between((2026, 3, 1), (2026, 3, 31))
    assert period(CUT_OFF_30, 2028, 2, 29) == between((2028, 1, 31), (2028, 3, 1))


def test_semi_monthly_is_the_first_fifteen_days_and_the_rest() -> None:
    assert period(SEMI_MONTHLY, 2026, 2, 15) == between((2026, 2, 1), (2026, 2, 16))
    assert period(SEMI_MONTHLY, 2026, 2, 16) == between((2026, 2, 16), (2026, 3, 1))


def test_weeks_start_on_monday_unless_said() -> None:
    assert period(WEEKLY, 2026, 3, 8) == between((2026, 3, 2), (2026, 3, 9))
    assert period(WEEKLY_FROM_SUNDAY, 2026, 3, 8) == between((2026, 3, 8), (2026, 3, 15))


def test_every_two_weeks_counts_from_the_week_in_which_the_contract_starts() -> None:
    """The contract starts on Wednesday, 4 March; its week starts on the 2nd."""
    assert period(FORTNIGHTLY, 2026, 3, 4) == between((2026, 3, 2), (2026, 3, 16))
    assert period(FORTNIGHTLY, 2026, 3, 1) == between((2026, 2, 16), (2026, 3, 2))


def test_every_two_weeks_counts_from_the_anchor_where_there_is_one() -> None:
    assert period(FORTNIGHTLY_ANCHORED, 2026, 1, 20) == between((2026, 1, 7), (2026, 1, 21))
    assert period(FORTNIGHTLY_ANCHORED, 2026, 1, 6) == between((2025, 12, 24), (2026, 1, 7))


def test_four_four_five_follows_the_fiscal_calendar_with_the_extra_week_last() -> None:
    assert period_of(FOUR_FOUR_FIVE, date(2026, 2, 23), STARTS_ON, WEEKS) == between((2026, 2, 23), (2026, 3, 30))
    assert period_of(FOUR_FOUR_FIVE, date(2027, 1, 3), STARTS_ON, WEEKS) == between((2026, 11, 23), (2027, 1, 4))


def test_on_request_has_no_periods() -> None:
    assert period(BillingCycle(kind="on_request"), 2026, 3, 4) is None


def test_an_unknown_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'fortnightly'"):
        period(BillingCycle(kind="fortnightly"), 2026, 3, 4)


@given(
    st.sampled_from(CYCLES),
    st.dates(date(1990, 2, 1), date(2100, 12, 31)),
    st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    st.sampled_from([CALENDAR, WEEKS]),
)
def test_periods_tile_the_calendar(cycle: BillingCycle, day: date, starts_on: date, calendar: FiscalCalendar) -> None:
    found = period_of(cycle, day, starts_on, calendar)
    assert found is not None
    assert found.start <= day < found.to
    assert period_of(cycle, found.start, starts_on, calendar) == found
    assert period_of(cycle, found.to - timedelta(days=1), starts_on, calendar) == found
    following = period_of(cycle, found.to, starts_on, calendar)
    assert following is not None
    assert following.start == found.to


@given(st.integers(1, 31), st.dates(date(1990, 2, 1), date(2100, 12, 31)))
def test_a_cut_off_day_never_makes_an_empty_or_double_month(cut_off_day: int, day: date) -> None:
    found = period_of(BillingCycle(kind="monthly", cut_off_day=cut_off_day), day, STARTS_ON, CALENDAR)
    assert found is not None
    assert 27 <= (found.to - found.start).days <= 34
