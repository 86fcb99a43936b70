"""Local dates come from the pinned zone database, also where clocks jump."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reference import zones
from domain.reference.zones import is_zone, local_date, midnight

HOUR = 3_600_000_000

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Nuuk",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
)


def at(text: str) -> int:
    elapsed = datetime.fromisoformat(text).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return elapsed // timedelta(microseconds=1)


def test_pub_39_one_instant_is_june_in_los_angeles_and_july_in_berlin() -> None:
    started = at("2026-06-30T23:30:00-07:00")
    assert started == at("2026-07-01T06:30:00+00:00")
    assert local_date(started, "America/Los_Angeles") == date(2026, 6, 30)
    assert local_date(started, "Europe/Berlin") == date(2026, 7, 1)


def test_pub_39_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    first, second = midnight(date(2026, 3, 29), "Europe/Berlin"), midnight(date(2026, 3, 30), "Europe/Berlin")
    assert second - first == 23 * HOUR
    assert at("2026-03-29T04:00:00+02:00") - at("2026-03-29T01:00:00+01:00") == 2 * HOUR


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    assert midnight(date(2026, 10, 26), "Europe/Berlin") - midnight(date(2026, 10, 25), "Europe/Berlin") == 25 * HOUR


def test_a_day_begins_at_midnight_to_the_microsecond() -> None:
    start = midnight(date(2026, 7, 1), "America/Los_Angeles")
    assert start == at("2026-07-01T00:00:00-07:00")
    assert local_date(start, "America/Los_Angeles") == date(2026, 7, 1)
    assert local_date(start - 1, "America/Los_Angeles") == date(2026, 6, 30)


def test_where_midnight_is_skipped_the_day_begins_with_the_jump() -> None:
    """Sao Paulo, 2018-11-04: 24:00 at -03:00 is 01:00 at -02:00."""
    assert midnight(date(2018, 11, 4), "America/Sao_Paulo") == at("2018-11-04T01:00:00-02:00")


def test_where_the_jump_begins_before_midnight_the_day_begins_with_it() -> None:
    """Toronto, 1919-03-30: 23:30 at -05:00 is 00:30 of the 31st at -04:00."""
    assert midnight(date(1919, 3, 31), "America/Toronto") == at("1919-03-31T00:30:00-04:00")


def test_where_clocks_are_set_back_over_midnight_the_day_begins_the_second_time() -> None:
    """St John's, 2006-10-29: 00:01 at -02:30 is 23:01 of the 28th at -03:30."""
    start = midnight(date(2006, 10, 29), "America/St_Johns")
    assert start == at("2006-10-29T00:00:00-03:30")
    assert local_date(start - 1, "America/St_Johns") == date(2006, 10, 28)


def test_a_date_that_a_zone_skipped_begins_with_the_next() -> None:
    """Samoa went from 29 to 31 December 2011."""
    assert midnight(date(2011, 12, 30), "Pacific/Apia") == midnight(date(2011, 12, 31), "Pacific/Apia")
    assert midnight(date(2011, 12, 31), "Pacific/Apia") == at("2011-12-31T00:00:00+14:00")


@given(st.dates(date(1990, 1, 1), date(2100, 12, 30)), st.sampled_from(ZONES))
def test_days_follow_each_other_without_gap(day: date, zone: str) -> None:
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    assert start <= end
    if start < end:
        assert local_date(start, zone) == local_date(end - 1, zone) == day
    assert local_date(end, zone) > day


@given(st.integers(at("1990-01-01T12:00:00+00:00"), at("2100-12-30T00:00:00+00:00")), st.sampled_from(ZONES))
def test_an_instant_lies_in_its_local_day(instant: int, zone: str) -> None:
    day = local_date(instant, zone)
    assert instant < midnight(day + timedelta(days=1), zone)


@given(
    st.integers(at("1990-01-01T12:00:00+00:00"), at("2100-12-30T00:00:00+00:00")),
    st.lists(st.integers(-50, 50), min_size=2, max_size=6),
    st.sampled_from(ZONES),
)
def test_a_local_date_is_the_same_whatever_was_asked_before(instant: int, hours: list[int], zone: str) -> None:
    rules = zones._rules(zone)
    for hour in hours:
        asked = instant + hour * HOUR
        assert local_date(asked, zone) == datetime.fromtimestamp(asked // 1_000_000, rules).date()


def test_names_are_those_of_the_database() -> None:
    assert is_zone("Europe/Berlin")
    assert is_zone("US/Pacific"), "aliases are names too"
    assert not is_zone("europe/berlin")
    assert not is_zone("../etc/passwd")
    assert not is_zone("")
    with pytest.raises(ValueError, match=r"expected an IANA name such as Europe/Berlin .*got 'Mars/Base'"):
        local_date(0, "Mars/Base")


def test_the_zone_database_is_the_pinned_package_whatever_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.TZPATH", ("/nowhere",))
    zones._rules.cache_clear()
    assert local_date(at("2026-06-30T23:30:00+00:00"), "Europe/Berlin") == date(2026, 7, 1)
    assert zones.database_version()[:2] == "20"
