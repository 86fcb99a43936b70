"""Records that nobody can compute with are refused where they are said, with field and reason."""

from datetime import date
from typing import Any

import pytest

from domain.events.catalogue import Event
from domain.events.common import BillRate, FiscalCalendar, Policies, RateCardLine, RateCardScope
from domain.events.reference import (
    AccountingPeriodClosed,
    CostRateSet,
    DayEnded,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    RateCardPublished,
    TransferPriceSet,
)
from domain.reference_faults import faults

SENT: dict[str, Any] = {"event_id": "E", "occurred_at": 0, "source": "test", "version": 1}
DAY = date(2026, 3, 4)

ENTITY = LegalEntityDefined(
    **SENT,
    legal_entity_id="DE",
    name="DE",
    currency="EUR",
    zone="Europe/Berlin",
    fiscal_calendar=FiscalCalendar("calendar_month"),
    policies=Policies(billing_zone="Europe/Paris", group_currency="USD"),
)
PERSON = PersonDefined(**SENT, person_id="P", legal_entity_id="DE", role="Dev", bill_rate=BillRate(1, "EUR"))
CARD = RateCardPublished(
    **SENT,
    rate_card_id="RC",
    scope=RateCardScope("customer", "C"),
    currency="EUR",
    effective_from=DAY,
    effective_to=DAY,
    lines=(RateCardLine(1),),
)
COST = CostRateSet(**SENT, cost_rate_id="CR", currency="EUR", rate=1, effective_from=DAY, role="Dev")
CAPACITY = PersonCapacitySet(**SENT, person_id="P", month="2026-03", hours=1)
TRANSFER = TransferPriceSet(
    **SENT,
    transfer_price_id="T",
    lending_entity_id="IN",
    borrowing_entity_id="DE",
    currency="EUR",
    effective_from=DAY,
    markup=1,
)
SPOT = ExchangeRateSet(**SENT, rate_type="spot", from_currency="EUR", to_currency="USD", date=DAY, rate=10**12)
CLOSED = AccountingPeriodClosed(**SENT, legal_entity_id="DE", period="2026-05", requested_by="Ann", approved_by="Bob")
ENDED = DayEnded(event_id="E", occurred_at=0, source="clock", zone="UTC", date=DAY)


@pytest.mark.parametrize("event", [ENTITY, PERSON, CARD, COST, CAPACITY, TRANSFER, SPOT, CLOSED, ENDED])
def test_a_record_that_holds_together_has_no_fault(event: Event) -> None:
    assert faults(event) == ()


@pytest.mark.parametrize(
    ("event", "field", "message"),
    [
        (ENTITY._replace(currency="EURO"), "currency", "expected an ISO 4217 code such as EUR, got 'EURO'"),
        (ENTITY._replace(zone="CEST"), "zone", "expected an IANA zone such as Europe/Berlin, got 'CEST'"),
        (
            ENTITY._replace(fiscal_calendar=FiscalCalendar("calendar_month", "31-12")),
            "fiscal_calendar",
            "year_starts_on: expected month and day such as 07-01, got '31-12'",
        ),
        (
            ENTITY._replace(policies=Policies(billing_zone="Berlin")),
            "policies.billing_zone",
            "expected an IANA zone such as Europe/Berlin, got 'Berlin'",
        ),
        (
            ENTITY._replace(policies=Policies(group_currency="eur")),
            "policies.group_currency",
            "expected an ISO 4217 code such as EUR, got 'eur'",
        ),
        (
            PERSON._replace(bill_rate=BillRate(1, "??")),
            "bill_rate.currency",
            "expected an ISO 4217 code such as EUR, got '??'",
        ),
        (
            CARD._replace(scope=RateCardScope("region")),
            "scope.id",
            "expected the region that the card is for, got none",
        ),
        (CARD._replace(effective_to=date(2026, 3, 3)), "effective_to", "expected 2026-03-04 or later, got 2026-03-03"),
        (COST._replace(role=None), "person_id", "expected a person or a role, got neither"),
        (CAPACITY._replace(month="2026-3"), "month", "expected a month such as 2026-03, got '2026-3'"),
        (TRANSFER._replace(markup=None), "rate", "expected a rate, a markup or a per cent of the bill rate, got none"),
        (SPOT._replace(to_currency="EUR"), "to_currency", "expected two currencies, got EUR twice"),
        (SPOT._replace(rate=0), "rate", "expected 0.000000001 to 1000000000, got 0"),
        (SPOT._replace(rate=10**24), "rate", "expected 0.000000001 to 1000000000, got 1000000000000"),
        (COST._replace(rate=-1), "rate", "expected 0 to 1000000000, got -0.000001"),
        (
            CARD._replace(lines=(RateCardLine(1, overtime_markup=-300_000_000),)),
            "lines[0].overtime_markup",
            "expected 0 to 1000, got -300",
        ),
        (ENTITY._replace(policies=Policies(cut_off_day=0)), "policies.cut_off_day", "expected 1 to 31, got 0"),
        (ENTITY._replace(policies=Policies(hours_decimals=8)), "policies.hours_decimals", "expected 0 to 6, got 8"),
        (CLOSED._replace(period="2026-13"), "period", "expected a period such as 2026-05, got '2026-13'"),
    ],
)
def test_a_fault_names_the_field_and_what_was_expected(event: Event, field: str, message: str) -> None:
    assert faults(event) == ((field, message),)
