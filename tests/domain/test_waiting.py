"""Whatever could finish parked work wakes it."""

from datetime import date
from typing import Any

import pytest

from domain.events.catalogue import Event
from domain.events.common import FiscalCalendar, RateCardLine, RateCardScope, TimeAndMaterials
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    DayEnded,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonDefined,
    RateCardPublished,
)
from domain.reference.book import EMPTY_BOOK, apply
from domain.waiting import waits_for_cost_rate, waits_for_exchange_rate, waits_for_rate, wakes
from domain.work.rates import RateQuery

SENT: dict[str, Any] = {"event_id": "E", "occurred_at": 0, "source": "test", "version": 1}
DAY = date(2026, 3, 4)
DECIDED: dict[str, Any] = {"requested_by": "Ann", "approved_by": "Bob"}

QUERY = RateQuery(
    service_date=DAY,
    currency="EUR",
    person_id="P",
    role="Dev",
    task=None,
    project_id="PRJ",
    customer_id="C",
    legal_entity_id="DE",
    practice="Cloud",
    region=None,
    terms=TimeAndMaterials(rate_card_id="NAMED"),
)


def customer(customer_id: str, parent: str | None = None) -> CustomerDefined:
    return CustomerDefined(**SENT, customer_id=customer_id, name=customer_id, parent_customer_id=parent)


def person() -> PersonDefined:
    return PersonDefined(**SENT, person_id="P", legal_entity_id="DE", role="Dev")


def entity() -> LegalEntityDefined:
    return LegalEntityDefined(
        **SENT,
        legal_entity_id="DE",
        name="DE",
        currency="EUR",
        zone="Europe/Berlin",
        fiscal_calendar=FiscalCalendar("calendar_month"),
    )


def card(card_id: str, kind: str, scope_id: str | None = None) -> RateCardPublished:
    return RateCardPublished(
        **SENT,
        rate_card_id=card_id,
        scope=RateCardScope(kind, scope_id),
        currency="EUR",
        effective_from=DAY,
        lines=(RateCardLine(1),),
    )


def cost(person_id: str | None, role: str | None) -> CostRateSet:
    return CostRateSet(
        **SENT, cost_rate_id="CR", currency="EUR", rate=1, effective_from=DAY, person_id=person_id, role=role
    )


def spot(from_currency: str, to_currency: str, day: date = DAY) -> ExchangeRateSet:
    return ExchangeRateSet(
        **SENT, rate_type="spot", from_currency=from_currency, to_currency=to_currency, date=day, rate=1
    )


def test_each_event_names_what_it_may_finish() -> None:
    assert wakes(entity()) == (("entity", "DE"), ("period", "DE"))
    assert wakes(customer("C")) == (("customer", "C"),)
    assert wakes(person()) == (("person", "P"),)
    assert wakes(card("RC", "customer", "C")) == (("rate_card", "RC"), ("card_scope", "customer:C"), ("rate", "EUR"))
    assert wakes(cost("P", "Dev")) == (("cost_person", "P"),)
    assert wakes(cost(None, "Dev")) == (("cost_role", "Dev"),)
    assert (
        wakes(spot("EUR", "USD")) == wakes(spot("USD", "EUR")) == (("exchange", "USD"), ("exchange", "USD|2026-03-04"))
    )
    assert wakes(spot("GBP", "USD")) == (
        ("exchange", "GBP"),
        ("exchange", "USD"),
        ("exchange", "GBP|2026-03-04"),
        ("exchange", "USD|2026-03-04"),
    )
    period: dict[str, Any] = {"legal_entity_id": "DE", "period": "2026-03"}
    assert wakes(AccountingPeriodClosed(**SENT, **period, **DECIDED)) == (("period", "DE"),)
    assert wakes(AccountingPeriodReopened(**SENT, **period, **DECIDED)) == (("period", "DE"),)
    assert wakes(DayEnded(event_id="E", occurred_at=0, source="clock", zone="UTC", date=DAY)) == ()


@pytest.mark.parametrize(
    "event",
    [
        card("NAMED", "region", "Anywhere"),
        card("A", "project", "PRJ"),
        card("A", "customer", "C"),
        card("A", "customer", "D"),
        card("A", "practice", "Cloud"),
        card("A", "legal_entity", "DE"),
        card("A", "global"),
        customer("C", "E"),
        customer("D", "E"),
        person(),
        entity(),
    ],
)
def test_work_without_rate_is_woken_by_whatever_may_rate_it(event: Event) -> None:
    book = apply(EMPTY_BOOK, customer("C", "D"))
    assert set(wakes(event)) & set(waits_for_rate(QUERY, book))


@pytest.mark.parametrize("event", [card("A", "customer", "X"), card("A", "region", "North"), customer("X")])
def test_work_without_rate_sleeps_through_what_cannot_rate_it(event: Event) -> None:
    assert not set(wakes(event)) & set(waits_for_rate(QUERY, EMPTY_BOOK))


@pytest.mark.parametrize("event", [cost("P", None), cost("P", "Dev"), cost(None, "Dev"), person()])
def test_work_without_cost_rate_is_woken_by_person_and_role(event: Event) -> None:
    assert set(wakes(event)) & set(waits_for_cost_rate("P", "Dev"))


@pytest.mark.parametrize(
    "event",
    [
        spot("GBP", "USD"),
        spot("USD", "GBP"),
        spot("EUR", "USD"),
        spot("GBP", "EUR"),
        AccountingPeriodClosed(**SENT, legal_entity_id="DE", period="2026-03", **DECIDED),
        entity(),
    ],
)
def test_work_without_exchange_rate_is_woken_by_any_leg_and_by_another_accounting_date(event: Event) -> None:
    assert set(wakes(event)) & set(waits_for_exchange_rate("GBP", "USD", "DE", [DAY], 7))


@pytest.mark.parametrize(
    ("day", "staleness", "woken"),
    [
        (date(2026, 2, 25), 7, True),
        (date(2026, 2, 24), 7, False),
        (date(2026, 3, 5), 7, False),
        (date(2026, 3, 3), 0, False),
        (date(2025, 3, 4), 400, True),
    ],
)
def test_a_rate_wakes_work_for_which_it_is_fresh(day: date, staleness: int, woken: bool) -> None:
    """A week ago is fresh enough, eight days ago and tomorrow are not; where years are allowed, every rate is tried."""
    waits = waits_for_exchange_rate("GBP", "EUR", "DE", [DAY], staleness)
    assert bool(set(wakes(spot("EUR", "GBP", day))) & set(waits)) is woken


def test_rates_of_other_currencies_wake_nobody_who_does_not_need_them() -> None:
    assert not set(wakes(spot("EUR", "CHF"))) & set(waits_for_exchange_rate("GBP", "EUR", "DE", [DAY], 7))
