"""Accounting periods by calendar month and by weeks of 4, 4 and 5."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import FiscalCalendar
from domain.reference import fiscal
from domain.reference.fiscal import AccountingPeriod, first_open_day, last_ended, period_after, period_named, period_of

CALENDAR_YEAR = FiscalCalendar(kind="calendar_month", year_starts_on="01-01", extra_week=())
FROM_JULY = FiscalCalendar(kind="calendar_month", year_starts_on="07-01", extra_week=())
FROM_6_APRIL = FiscalCalendar(kind="calendar_month", year_starts_on="04-06", extra_week=())
WEEKS = FiscalCalendar(kind="four_four_five", year_starts_on="01-01", extra_week=(2026,))
WEEKS_UNLISTED = FiscalCalendar(kind="four_four_five", year_starts_on="01-01", extra_week=())
WEEKS_FROM_JULY = FiscalCalendar(kind="four_four_five", year_starts_on="07-01", extra_week=(2024, 2029))
WEEKS_FROM_OCTOBER = FiscalCalendar(kind="four_four_five", year_starts_on="10-01", extra_week=())

CALENDARS = (CALENDAR_YEAR, FROM_JULY, FROM_6_APRIL, WEEKS, WEEKS_UNLISTED, WEEKS_FROM_JULY, WEEKS_FROM_OCTOBER)


def test_by_calendar_year_may_is_period_five() -> None:
    assert period_of(CALENDAR_YEAR, date(2026, 5, 31)) == AccountingPeriod(
        "2026-05", date(2026, 5, 1), date(2026, 6, 1)
    )


def test_a_year_from_july_is_named_by_the_year_it_ends_in() -> None:
    assert period_of(FROM_JULY, date(2026, 11, 15)).name == "2027-05"
    assert period_of(FROM_JULY, date(2026, 6, 30)).name == "2026-12"
    assert period_of(FROM_JULY, date(2026, 7, 1)).name == "2027-01"


def test_a_period_is_over_with_its_last_day() -> None:
    assert last_ended(CALENDAR_YEAR, date(2026, 6, 29)).name == "2026-05"
    assert last_ended(CALENDAR_YEAR, date(2026, 6, 30)).name == "2026-06"
    assert last_ended(FROM_JULY, date(2026, 6, 30)).name == "2026-12"


def test_periods_may_begin_within_a_month() -> None:
    assert period_of(FROM_6_APRIL, date(2026, 4, 5)) == AccountingPeriod("2026-12", date(2026, 3, 6), date(2026, 4, 6))
    assert period_of(FROM_6_APRIL, date(2026, 4, 6)).name == "2027-01"


def test_a_week_year_of_53_weeks_has_its_extra_week_in_the_last_period() -> None:
    """ISO year 2026 has 53 weeks; it begins on Monday 29 December 2025."""
    assert period_named(WEEKS, "2026-01") == AccountingPeriod("2026-01", date(2025, 12, 29), date(2026, 1, 26))
    assert period_named(WEEKS, "2026-03") == AccountingPeriod("2026-03", date(2026, 2, 23), date(2026, 3, 30))
    assert period_named(WEEKS, "2026-12") == AccountingPeriod("2026-12", date(2026, 11, 23), date(2027, 1, 4))
    assert period_named(WEEKS, "2027-01") == AccountingPeriod("2027-01", date(2027, 1, 4), date(2027, 2, 1))


def test_years_around_the_listed_one_are_counted_from_it_by_52_weeks() -> None:
    assert period_of(WEEKS, date(2024, 12, 30)).name == "2025-01"
    assert period_of(WEEKS, date(2024, 12, 29)).name == "2024-12"
    last = period_named(WEEKS, "2025-12")
    assert last is not None
    assert (last.to - last.start).days == 5 * 7


@pytest.mark.parametrize("year", range(1990, 2100))
def test_without_a_listed_year_weeks_from_january_are_iso_years(year: int) -> None:
    first = period_named(WEEKS_UNLISTED, f"{year}-01")
    assert first is not None
    assert first.start.isocalendar()[:] == (year, 1, 1)


def test_a_week_year_is_named_by_the_year_that_holds_most_of_its_days() -> None:
    assert period_of(WEEKS_FROM_JULY, date(2026, 11, 15)).name == "2026-05"
    assert period_of(WEEKS_FROM_OCTOBER, date(2026, 11, 15)).name == "2027-02"


def test_listed_years_of_other_conventions_keep_their_start_near_the_day() -> None:
    """From July: 2024 begins on Monday 1 July and has 53 weeks, five years later 2029 again."""
    starts = [period_named(WEEKS_FROM_JULY, f"{year}-01") for year in (2024, 2025, 2029, 2030)]
    assert [start.start for start in starts if start] == [
        date(2024, 7, 1),
        date(2025, 7, 7),
        date(2029, 7, 2),
        date(2030, 7, 8),
    ]


def test_what_is_not_the_name_of_a_period_names_none() -> None:
    for name in ("2026-13", "2026-00", "2026-1", "26-01", "2026-01 ", "", "9999-01"):
        assert period_named(CALENDAR_YEAR, name) is None


def test_late_work_lands_on_the_first_day_of_the_next_open_period() -> None:
    closed = frozenset({"2026-03", "2026-04", "2026-06"})
    assert first_open_day(CALENDAR_YEAR, closed, date(2026, 3, 15)) == date(2026, 5, 1)
    assert first_open_day(CALENDAR_YEAR, closed, date(2026, 5, 15)) == date(2026, 5, 15)
    assert first_open_day(CALENDAR_YEAR, closed, date(2026, 6, 30)) == date(2026, 7, 1)


def test_an_open_earlier_period_is_never_chosen() -> None:
    assert first_open_day(CALENDAR_YEAR, frozenset({"2026-03"}), date(2026, 3, 1)) == date(2026, 4, 1)


@pytest.mark.parametrize("text", ["7-1", "13-01", "02-30", "00-10", "07-00", "", "07/01"])
def test_a_year_cannot_start_on_a_day_that_no_year_has(text: str) -> None:
    calendar = CALENDAR_YEAR._replace(year_starts_on=text)
    assert fiscal.fault(calendar) == f"year_starts_on: expected month and day such as 07-01, got {text!r}"


def test_calendars_that_hold_together_have_no_fault() -> None:
    assert [fiscal.fault(calendar) for calendar in CALENDARS] == [None] * len(CALENDARS)
    assert fiscal.fault(FROM_JULY._replace(year_starts_on="02-29")) is None
    assert fiscal.fault(WEEKS._replace(extra_week=(26,))) == "extra_week: expected years from 1990 to 2100, got 26"


@given(st.sampled_from(CALENDARS), st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_periods_tile_the_calendar(calendar: FiscalCalendar, day: date) -> None:
    period = period_of(calendar, day)
    assert period.start <= day < period.to
    assert period_named(calendar, period.name) == period
    following = period_after(calendar, period)
    assert following.start == period.to
    assert period_of(calendar, period.to - timedelta(days=1)) == period
    year, number = int(period.name[:4]), int(period.name[5:])
    assert following.name == (f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02}")


@given(st.sampled_from(CALENDARS), st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.data())
def test_the_accounting_day_is_open_and_not_before_the_service_date(
    calendar: FiscalCalendar, day: date, data: st.DataObject
) -> None:
    names, period = [], period_of(calendar, day)
    for _ in range(6):
        names.append(period.name)
        period = period_after(calendar, period)
    closed = frozenset(data.draw(st.sets(st.sampled_from(names))))
    accounting = first_open_day(calendar, closed, day)
    assert accounting >= day
    assert period_of(calendar, accounting).name not in closed
