"""The reference book: which version holds, what replaces what, and in any order of arrival."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.catalogue import Event
from domain.events.common import BillRate, FiscalCalendar, RateCardLine, RateCardScope, TaxRule
from domain.events.control import IntakeNoticed
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    DayEnded,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    RateCardPublished,
    RulesActivated,
    TaxPolicyDefined,
    TransferPriceSet,
)
from domain.reference.book import EMPTY_BOOK, ReferenceBook, apply, conflict, owner_key
from domain.reference.exchange import Exchange, MissingRate
from domain.reference.transfer_prices import between

JANUARY, JUNE, JULY, DECEMBER = date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1), date(2026, 12, 31)
MARCH = date(2026, 3, 4)

SENT: dict[str, Any] = {"event_id": "E", "occurred_at": 0, "source": "test"}


def entity(entity_id: str = "DE", version: int = 1, zone: str = "Europe/Berlin") -> LegalEntityDefined:
    return LegalEntityDefined(
        **SENT,
        legal_entity_id=entity_id,
        version=version,
        name=entity_id,
        currency="EUR",
        zone=zone,
        fiscal_calendar=FiscalCalendar("calendar_month"),
    )


def customer(customer_id: str, parent: str | None = None, version: int = 1) -> CustomerDefined:
    return CustomerDefined(
        **SENT, customer_id=customer_id, version=version, name=customer_id, parent_customer_id=parent
    )


def person(role: str, version: int = 1, since: date | None = None) -> PersonDefined:
    return PersonDefined(**SENT, person_id="P", version=version, legal_entity_id="DE", role=role, effective_from=since)


def card(rate: int, version: int = 1, since: date = JANUARY, until: date | None = None) -> RateCardPublished:
    return RateCardPublished(
        **SENT,
        rate_card_id="RC",
        version=version,
        scope=RateCardScope("global"),
        currency="EUR",
        effective_from=since,
        effective_to=until,
        lines=(RateCardLine(rate=rate),),
    )


def cost(
    cost_rate_id: str,
    rate: int,
    person_id: str | None = None,
    role: str | None = None,
    entity_id: str | None = None,
    since: date = JANUARY,
    until: date | None = None,
    version: int = 1,
) -> CostRateSet:
    return CostRateSet(
        **SENT,
        cost_rate_id=cost_rate_id,
        version=version,
        currency="EUR",
        rate=rate,
        effective_from=since,
        effective_to=until,
        person_id=person_id,
        role=role,
        legal_entity_id=entity_id,
    )


def closed(period: str, version: int, entity_id: str = "DE") -> AccountingPeriodClosed:
    return AccountingPeriodClosed(
        **SENT, legal_entity_id=entity_id, period=period, version=version, requested_by="Ann", approved_by="Bob"
    )


def reopened(period: str, version: int) -> AccountingPeriodReopened:
    return AccountingPeriodReopened(
        **SENT, legal_entity_id="DE", period=period, version=version, requested_by="Ann", approved_by="Bob"
    )


def spot(rate: int, version: int = 1) -> ExchangeRateSet:
    return ExchangeRateSet(
        **SENT, rate_type="spot", from_currency="EUR", to_currency="USD", date=MARCH, rate=rate, version=version
    )


def capacity(hours: int, version: int = 1) -> PersonCapacitySet:
    return PersonCapacitySet(**SENT, person_id="P", version=version, month="2026-03", hours=hours)


def transfer(price_id: str, rate: int, version: int = 1, since: date = JANUARY) -> TransferPriceSet:
    return TransferPriceSet(
        **SENT,
        transfer_price_id=price_id,
        version=version,
        lending_entity_id="IN",
        borrowing_entity_id="DE",
        currency="EUR",
        effective_from=since,
        rate=rate,
    )


def tax_policy(percent: int, version: int = 1) -> TaxPolicyDefined:
    rule = TaxRule(category="*", percent=percent, kind="output")
    return TaxPolicyDefined(**SENT, tax_region="DE", version=version, rules=(rule,))


def book(*events: Event) -> ReferenceBook:
    found = EMPTY_BOOK
    for event in events:
        found = apply(found, event)
    return found


def cost_of(known: ReferenceBook, role: str | None, entity_id: str = "DE", day: date = MARCH) -> str | None:
    found = known.cost_rate("P", role, entity_id, day)
    return found.cost_rate_id if found is not None else None


def role_on(known: ReferenceBook, day: date) -> str | None:
    found = known.person_on("P", day)
    return found.role if found is not None else None


def card_version(known: ReferenceBook, day: date) -> int | None:
    found = known.card_on("RC", day)
    return found.version if found is not None else None


def activated(version: int) -> RulesActivated:
    return RulesActivated(**SENT, rule="accounting", version=version)


def test_rules_hold_from_their_activation_on_and_never_go_back() -> None:
    assert EMPTY_BOOK.rules == 1
    assert book(activated(3)).rules == 3
    assert book(activated(3), activated(2)).rules == 3
    same = book(activated(2))
    assert apply(same, activated(2)) is same


def test_most_reference_data_is_replaced_whole_by_a_higher_version() -> None:
    known = book(entity(version=1, zone="Europe/Berlin"), entity(version=2, zone="Europe/Paris"))
    assert known.entity("DE") == entity(version=2, zone="Europe/Paris")
    assert known.entity("FR") is None


REPLACED: list[tuple[Event, Event]] = [
    (entity(version=1), entity(version=2, zone="Europe/Paris")),
    (customer("C", version=1), customer("C", "D", version=2)),
    (capacity(160, version=1), capacity(80, version=2)),
    (transfer("T", 100, version=1), transfer("T", 120, version=2)),
    (tax_policy(19, version=1), tax_policy(16, version=2)),
    (spot(10**12, version=1), spot(2 * 10**12, version=2)),
    (closed("2026-03", version=1), reopened("2026-03", version=2)),
]


@pytest.mark.parametrize(("lower", "higher"), REPLACED, ids=lambda event: type(event).__name__)
def test_a_higher_version_that_comes_first_wins_and_repeats_change_nothing(lower: Event, higher: Event) -> None:
    known = book(higher)
    assert apply(known, lower) is known
    assert apply(known, higher) is known
    assert apply(book(lower), higher) == known


STANDING: list[tuple[Event, Event]] = [
    (person("Junior", version=1), person("Senior", version=2, since=JULY)),
    (card(100, version=1, until=JUNE), card(120, version=2, since=JULY)),
    (cost("CR", 50, person_id="P", until=JUNE), cost("CR", 60, person_id="P", since=JULY, version=2)),
]


@pytest.mark.parametrize(("lower", "higher"), STANDING, ids=lambda event: type(event).__name__)
def test_versions_that_stand_beside_each_other_may_come_in_any_order(lower: Event, higher: Event) -> None:
    known = book(lower, higher)
    assert book(higher, lower) == known
    assert apply(known, lower) is known
    assert apply(known, higher) is known


def test_events_that_are_not_reference_data_leave_the_book_alone() -> None:
    known = book(entity())
    ended = DayEnded(**SENT, zone="UTC", date=MARCH)
    noticed = IntakeNoticed(**SENT, category="unrouted", subject="X", place="psa.time/0/1", cleared=False)
    for event in (ended, noticed):
        assert apply(known, event) is known
        assert not conflict(known, event)


def test_of_two_card_versions_the_highest_that_contains_the_date_holds() -> None:
    known = book(card(100, version=1), card(120, version=2, since=date(2026, 3, 1), until=date(2026, 3, 31)))
    assert [card_version(known, day) for day in (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31))] == [1, 2, 2]
    assert card_version(known, date(2026, 4, 1)) == 1
    assert card_version(known, JANUARY - timedelta(days=1)) is None


def test_a_person_changes_role_on_a_date() -> None:
    known = book(person("Junior", version=1), person("Senior", version=2, since=JULY))
    assert role_on(known, JUNE) == "Junior"
    assert role_on(known, JULY) == "Senior"


def test_a_person_with_a_first_day_is_unknown_before_it() -> None:
    assert role_on(book(person("Senior", since=JULY)), JUNE) is None


def test_a_higher_version_of_a_person_from_an_earlier_date_holds_from_there_on() -> None:
    """The correction says Lead since January; the lower version's July is no news to it."""
    known = book(person("Senior", version=2, since=JULY), person("Lead", version=3, since=JANUARY))
    assert role_on(known, JULY) == "Lead"


def test_the_customer_chain_goes_upward() -> None:
    known = book(customer("C", "D"), customer("D", "E"), customer("E"))
    assert known.customer_chain("C") == ("C", "D", "E")
    assert known.customer_chain("E") == ("E",)


def test_the_customer_chain_names_parents_that_nobody_has_defined() -> None:
    assert book(customer("C", "D")).customer_chain("C") == ("C", "D")
    assert EMPTY_BOOK.customer_chain("C") == ("C",)


def test_customers_that_are_each_others_parents_end_the_chain() -> None:
    known = book(customer("C", "D"), customer("D", "C"), customer("S", "S"))
    assert known.customer_chain("C") == ("C", "D")
    assert known.customer_chain("S") == ("S",)


def test_cost_rates_go_by_person_then_role_each_first_for_the_entity() -> None:
    rates = [
        cost("person in DE", 1, person_id="P", entity_id="DE"),
        cost("person", 2, person_id="P"),
        cost("role in DE", 3, role="Dev", entity_id="DE"),
        cost("role", 4, role="Dev"),
    ]
    for count in range(4):
        assert cost_of(book(*rates[count:]), "Dev") == rates[count].cost_rate_id
    assert cost_of(book(*rates[:1], *rates[2:3]), "Dev", "FR") is None
    assert cost_of(book(rates[3]), "Lead") is None
    assert cost_of(book(rates[3]), None) is None


def test_a_cost_rate_of_a_person_in_a_role_needs_both() -> None:
    known = book(cost("both", 1, person_id="P", role="Dev"), cost("role", 2, role="Lead"))
    assert cost_of(known, "Dev") == "both"
    assert cost_of(known, "Lead") == "role"


def test_of_equal_cost_rates_the_later_holds_then_the_higher_id() -> None:
    assert cost_of(book(cost("A", 1, role="Dev", since=MARCH), cost("B", 2, role="Dev")), "Dev") == "A"
    assert cost_of(book(cost("A", 1, role="Dev"), cost("B", 2, role="Dev")), "Dev") == "B"


def test_a_cost_rate_that_moved_to_another_person_no_longer_holds_for_the_first() -> None:
    known = book(cost("A", 1, person_id="P"), cost("A", 1, person_id="Q", since=JULY, version=2))
    assert cost_of(known, "Dev", day=JUNE) == "A"
    assert cost_of(known, "Dev", day=JULY) is None


def test_periods_are_open_until_closed_and_again_once_reopened() -> None:
    known = book(closed("2026-03", 1), closed("2026-04", 1), closed("2026-03", 1, "FR"))
    assert known.closed_periods("DE") == frozenset({"2026-03", "2026-04"})
    again = apply(known, reopened("2026-03", 2))
    assert again.closed_periods("DE") == frozenset({"2026-04"})
    assert again.closed_periods("FR") == frozenset({"2026-03"})
    assert apply(again, closed("2026-03", 3)).closed_periods("DE") == frozenset({"2026-03", "2026-04"})
    assert EMPTY_BOOK.closed_periods("DE") == frozenset()


def test_what_else_is_kept() -> None:
    known = book(capacity(160), tax_policy(19), transfer("T", 100), transfer("U", 90, since=MARCH))
    assert known.capacity("P", "2026-03") == capacity(160)
    assert known.capacity("P", "2026-04") is None
    assert known.tax_policy("DE") == tax_policy(19)
    prices = between(known.all_of(TransferPriceSet), "IN", "DE", JULY)
    assert [price.transfer_price_id for price in prices] == ["U", "T"]
    assert between(known.all_of(TransferPriceSet), "DE", "IN", JULY) == []


def test_the_book_answers_exchange_rates() -> None:
    known = book(spot(1_250_000_000_000))
    answer = known.exchange("spot", "USD", "EUR", MARCH, 7)
    assert isinstance(answer, Exchange)
    assert (answer.numerator, answer.denominator) == (4, 5)
    assert isinstance(known.exchange("spot", "USD", "CHF", MARCH, 7), MissingRate)


CONFLICTS: list[tuple[Event, Event]] = [
    (entity(), entity(zone="Europe/Paris")),
    (customer("C"), customer("C", "D")),
    (person("Dev"), person("Lead")),
    (capacity(160), capacity(80)),
    (card(100), card(120)),
    (cost("CR", 50, role="Dev"), cost("CR", 60, role="Dev")),
    (transfer("T", 100), transfer("T", 120)),
    (tax_policy(19), tax_policy(16)),
    (spot(10**12), spot(2 * 10**12)),
    (closed("2026-03", 1), reopened("2026-03", 1)),
]


@pytest.mark.parametrize(("first", "second"), CONFLICTS, ids=lambda event: type(event).__name__)
def test_one_version_with_two_contents_is_a_conflict_and_changes_nothing(first: Event, second: Event) -> None:
    known = book(first)
    assert conflict(known, second)
    assert apply(known, second) is known
    assert not conflict(EMPTY_BOOK, second)


@pytest.mark.parametrize(("first", "second"), CONFLICTS, ids=lambda event: type(event).__name__)
def test_sending_the_same_again_is_no_conflict(first: Event, second: Event) -> None:
    again = first._replace(event_id="other", source="elsewhere", occurred_at=9, recorded_at=9, correlation_id="c")
    assert not conflict(book(first), again)


def test_a_superseded_version_cannot_conflict_but_a_standing_one_can() -> None:
    assert not conflict(book(customer("C", version=2)), customer("C", "D", version=1))
    assert conflict(book(card(100, 1), card(120, 2)), card(130, 1))


def test_the_owner_of_a_version_is_the_fact_it_counts_for() -> None:
    assert owner_key(card(100)) == ("rate_card", "RC")
    assert owner_key(closed("2026-03", 1)) == owner_key(reopened("2026-03", 2)) == ("accounting_period", "DE/2026-03")
    assert owner_key(customer("a/b.c")) == ("customer", "a%2Fb%2Ec")
    assert owner_key(spot(1)) == ("exchange_rate", "spot/EUR/USD/2026-03-04")


@given(st.permutations([event for pair in [*REPLACED, *STANDING] for event in pair]))
def test_the_order_of_arrival_does_not_matter(events: list[Event]) -> None:
    in_order = book(*(event for pair in [*REPLACED, *STANDING] for event in pair))
    assert book(*events) == in_order


def test_a_bill_rate_stands_with_its_person() -> None:
    paid = person("Dev")._replace(bill_rate=BillRate(amount=100_000_000, currency="EUR"))
    found = book(paid).person_on("P", MARCH)
    assert found is not None
    assert found.bill_rate == BillRate(100_000_000, "EUR")
