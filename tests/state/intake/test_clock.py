"""When days end."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, FiscalCalendar, Policies, TimeAndMaterials
from domain.events.reference import LegalEntityDefined
from domain.units import Instant
from state.intake.clock import DATE_LAST, NEVER, Clock, instant_until, tick, with_zones, zones_named


def at(text: str) -> Instant:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def ended(clock: Clock, count: int) -> list[tuple[str, str, str]]:
    """The next days to end: when in UTC, zone, date."""
    found = []
    for _ in range(count):
        day, clock = tick(clock)
        instant = datetime.fromtimestamp(day.occurred_at / 1_000_000, UTC)
        found.append((f"{instant:%Y-%m-%d %H:%M}", day.zone, f"{day.date}"))
    return found


def test_days_begin_with_the_one_on_which_a_zone_is_named() -> None:
    """At 23:30 in Berlin it is still the day before in New York and in UTC."""
    clock = with_zones(Clock(), ("Europe/Berlin", "America/New_York"), at("2026-03-01 22:30"))
    assert ended(clock, 4) == [
        ("2026-03-01 23:00", "Europe/Berlin", "2026-03-01"),
        ("2026-03-02 05:00", "America/New_York", "2026-03-01"),
        ("2026-03-02 23:00", "Europe/Berlin", "2026-03-02"),
        ("2026-03-03 05:00", "America/New_York", "2026-03-02"),
    ]


def test_a_zone_that_is_known_goes_on_as_it_was() -> None:
    clock = with_zones(Clock(), ("Europe/Berlin",), at("2026-03-01 12:00"))
    assert with_zones(clock, ("Europe/Berlin",), at("2026-03-09 12:00")) is clock


def test_days_are_as_long_as_the_clocks_say() -> None:
    """29 March 2026 has 23 hours in Berlin, 25 October has 25."""
    spring = with_zones(Clock(), ("Europe/Berlin",), at("2026-03-28 12:00"))
    autumn = with_zones(Clock(), ("Europe/Berlin",), at("2026-10-24 12:00"))
    assert [when for when, _, _ in ended(spring, 2)] == ["2026-03-28 23:00", "2026-03-29 22:00"]
    assert [when for when, _, _ in ended(autumn, 2)] == ["2026-10-24 22:00", "2026-10-25 23:00"]


def test_days_that_end_at_one_instant_stand_in_the_order_of_their_zones() -> None:
    clock = with_zones(Clock(), ("Europe/Rome", "Europe/Berlin"), at("2026-03-01 12:00"))
    assert [zone for _, zone, _ in ended(clock, 4)] == ["Europe/Berlin", "Europe/Rome"] * 2


def test_a_date_that_a_zone_skipped_ends_with_the_one_before() -> None:
    """Samoa had no 30 December 2011."""
    clock = with_zones(Clock(), ("Pacific/Apia",), at("2011-12-29 12:00"))
    assert ended(clock, 3) == [
        ("2011-12-30 10:00", "Pacific/Apia", "2011-12-29"),
        ("2011-12-30 10:00", "Pacific/Apia", "2011-12-30"),
        ("2011-12-31 10:00", "Pacific/Apia", "2011-12-31"),
    ]


def test_until_is_when_the_day_is_over_everywhere() -> None:
    clock = with_zones(Clock(), ("Asia/Tokyo", "Pacific/Honolulu"), at("2026-03-01 12:00"))
    assert instant_until(clock, date(2026, 3, 31)) == at("2026-04-01 10:00")
    assert instant_until(Clock(), date(2026, 3, 31)) == 0
    with pytest.raises(ValueError, match="2100-12-30"):
        instant_until(clock, date(2100, 12, 31))


def test_the_last_day_never_ends() -> None:
    clock = with_zones(Clock(), ("Pacific/Honolulu",), at("2100-12-31 09:00"))
    assert clock.days[0].date == DATE_LAST
    _, clock = tick(clock)
    assert clock.next_midnight == NEVER


def test_a_day_is_the_same_event_on_every_run() -> None:
    clock = with_zones(Clock(), ("Europe/Berlin",), at("2026-03-01 12:00"))
    day, _ = tick(clock)
    assert (day.event_id, day.source) == ("clock.Europe/Berlin.2026-03-01", "clock")
    assert day.recorded_at == day.occurred_at == at("2026-03-01 23:00")


def test_zones_are_those_of_entities_and_of_billing() -> None:
    head = {"event_id": "e", "occurred_at": 0, "source": "test"}
    entity = LegalEntityDefined(
        **head,  # type: ignore[arg-type]
        legal_entity_id="LE",
        version=1,
        name="LE",
        currency="EUR",
        zone="Europe/Berlin",
        fiscal_calendar=FiscalCalendar("calendar_month"),
        policies=Policies(billing_zone="Europe/Paris"),
    )
    line = ContractLine("1", "P", TimeAndMaterials(), policies=Policies(billing_zone="Asia/Tokyo"))
    contract = ContractSigned(
        **head,  # type: ignore[arg-type]
        contract_id="C",
        version=1,
        customer_id="K",
        legal_entity_id="LE",
        currency="EUR",
        signed_on=date(2026, 1, 1),
        starts_on=date(2026, 1, 1),
        lines=(line,),
        billing_zone="UTC",
    )
    assert zones_named(entity) == ("Europe/Berlin", "Europe/Paris")
    assert zones_named(contract) == ("UTC", "Asia/Tokyo")
