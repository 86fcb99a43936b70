"""Exchange rates: exact, by the first path that is fresh enough, and never guessed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.reference import ExchangeRateSet
from domain.money import HALF_UP, convert, parse_amount, parse_decimal
from domain.reference.exchange import (
    Exchange,
    ExchangeLeg,
    ExchangeRates,
    MissingRate,
    MissingRateCategory,
    day_asked,
    exchange,
    quoted,
    with_rate,
)

FRIDAY = date(2026, 3, 6)
SATURDAY, SUNDAY, MONDAY = (FRIDAY + timedelta(days=days) for days in (1, 2, 3))


def rate_set(pair: str, rate: str, day: date = FRIDAY, version: int = 1, rate_type: str = "spot") -> ExchangeRateSet:
    from_currency, to_currency = pair.split("/")
    return ExchangeRateSet(
        event_id=f"X-{pair}-{day}-{version}",
        occurred_at=0,
        source="treasury",
        rate_type=rate_type,
        from_currency=from_currency,
        to_currency=to_currency,
        date=day,
        rate=parse_decimal(rate, 12),
        version=version,
    )


def book(*events: ExchangeRateSet) -> ExchangeRates:
    rates: ExchangeRates = {}
    for event in events:
        rates = with_rate(rates, event)
    return rates


def found(rates: ExchangeRates, pair: str, day: date = FRIDAY, staleness_days: int = 7) -> Exchange:
    answer = ask(rates, pair, day, staleness_days)
    assert isinstance(answer, Exchange)
    return answer


def ask(rates: ExchangeRates, pair: str, day: date = FRIDAY, staleness_days: int = 7) -> Exchange | MissingRate:
    from_currency, to_currency = pair.split("/")
    return exchange(rates, "spot", from_currency, to_currency, day, staleness_days)


def legs(answer: Exchange) -> list[str]:
    return [f"{leg.from_currency}/{leg.to_currency}{' inverted' if leg.inverted else ''}" for leg in answer.path]


EUROPEAN = book(rate_set("EUR/USD", "1.25"), rate_set("EUR/GBP", "0.75"))


def test_one_currency_needs_no_rate() -> None:
    assert found({}, "EUR/EUR") == Exchange(1, 1, 10**12, ())


def test_a_direct_rate() -> None:
    answer = found(EUROPEAN, "EUR/USD")
    assert (answer.numerator, answer.denominator, answer.rate) == (5, 4, 1_250_000_000_000)
    assert answer.path == (ExchangeLeg("EUR", "USD", FRIDAY, 1_250_000_000_000, 1, False),)


def test_an_inverse_divides_by_the_quoted_rate() -> None:
    """1 / 1.0963 cannot be written in decimals; the fraction can, and 1,096.30 USD are exactly 1,000.00 EUR."""
    answer = found(book(rate_set("EUR/USD", "1.0963")), "USD/EUR")
    assert (answer.numerator, answer.denominator) == (10_000, 10_963)
    assert answer.rate == 912_159_080_544
    assert legs(answer) == ["USD/EUR inverted"]
    amount = convert(parse_amount("1096.30"), answer.numerator, answer.denominator, "EUR", HALF_UP)
    assert amount == parse_amount("1000.00")


def test_two_foreign_currencies_meet_in_euro() -> None:
    answer = found(EUROPEAN, "USD/GBP")
    assert (answer.numerator, answer.denominator, answer.rate) == (3, 5, 600_000_000_000)
    assert legs(answer) == ["USD/EUR inverted", "EUR/GBP"]


def test_across_euro_each_leg_may_be_quoted_either_way() -> None:
    rates = book(rate_set("USD/EUR", "0.8"), rate_set("GBP/EUR", "1.25"))
    answer = found(rates, "USD/GBP")
    assert (answer.numerator, answer.denominator) == (16, 25)
    assert legs(answer) == ["USD/EUR", "EUR/GBP inverted"]


def test_direct_goes_before_inverse_and_inverse_before_euro() -> None:
    inverse = with_rate(EUROPEAN, rate_set("GBP/USD", "1.6"))
    assert legs(found(inverse, "USD/GBP")) == ["USD/GBP inverted"]
    direct = with_rate(inverse, rate_set("USD/GBP", "0.61"))
    assert legs(found(direct, "USD/GBP")) == ["USD/GBP"]


def test_a_weekend_takes_the_rate_of_friday() -> None:
    assert found(EUROPEAN, "EUR/USD", SUNDAY).path[0].date == FRIDAY
    monday = with_rate(EUROPEAN, rate_set("EUR/USD", "1.3", MONDAY))
    assert found(monday, "EUR/USD", SUNDAY).path[0].date == FRIDAY
    assert found(monday, "EUR/USD", MONDAY).path[0].date == MONDAY


def test_the_first_days_of_january_take_the_last_rate_of_december() -> None:
    rates = book(rate_set("EUR/USD", "1.2", date(2025, 12, 31)), rate_set("EUR/USD", "1.3", date(2026, 1, 5)))
    assert found(rates, "EUR/USD", date(2026, 1, 2)).path[0].date == date(2025, 12, 31)


def test_a_rate_that_is_too_old_is_stale_and_not_missing() -> None:
    limit = FRIDAY + timedelta(days=7)
    assert isinstance(ask(EUROPEAN, "EUR/USD", limit), Exchange)
    assert ask(EUROPEAN, "EUR/USD", limit + timedelta(days=1)) == MissingRate(
        "stale_exchange_rate", "spot", "EUR", "USD", limit + timedelta(days=1)
    )


@pytest.mark.parametrize("category", ["no_exchange_rate", "stale_exchange_rate"])
def test_what_a_missing_rate_says_names_the_day_from_which_rates_are_to_be_had(category: MissingRateCategory) -> None:
    message = MissingRate(category, "spot", "EUR", "USD", date(2026, 4, 30)).message
    assert "from EUR to USD for 2026-04-30 (type spot)" in message
    assert day_asked(f"{message}; T-1 and 3 others") == date(2026, 4, 30)
    assert day_asked("expected a rate card for 2026-04-30") is None


def test_a_stale_direct_rate_gives_way_to_a_fresh_path() -> None:
    rates = with_rate(EUROPEAN, rate_set("USD/GBP", "0.5", FRIDAY - timedelta(days=30)))
    assert legs(found(rates, "USD/GBP")) == ["USD/EUR inverted", "EUR/GBP"]


def test_a_path_is_as_fresh_as_its_oldest_leg() -> None:
    rates = book(rate_set("EUR/USD", "1.25"), rate_set("EUR/GBP", "0.75", FRIDAY - timedelta(days=8)))
    missing = ask(rates, "USD/GBP")
    assert isinstance(missing, MissingRate)
    assert missing.category == "stale_exchange_rate"


@pytest.mark.parametrize("pair", ["EUR/CHF", "USD/CHF", "CHF/JPY"])
def test_without_any_path_the_rate_is_missing(pair: str) -> None:
    missing = ask(EUROPEAN, pair)
    assert isinstance(missing, MissingRate)
    assert missing.category == "no_exchange_rate"


def test_a_rate_of_a_later_date_does_not_exist_yet() -> None:
    missing = ask(EUROPEAN, "EUR/USD", FRIDAY - timedelta(days=1))
    assert isinstance(missing, MissingRate)
    assert missing.category == "no_exchange_rate"


def test_tables_of_different_types_do_not_mix() -> None:
    assert isinstance(exchange(EUROPEAN, "budget", "EUR", "USD", FRIDAY, 7), MissingRate)


def test_a_higher_version_replaces_the_rate_of_its_date() -> None:
    rates = with_rate(EUROPEAN, rate_set("EUR/USD", "1.5", version=2))
    assert found(rates, "EUR/USD").rate == 1_500_000_000_000
    assert found(EUROPEAN, "EUR/USD").rate == 1_250_000_000_000, "the book before stays as it was"


def test_the_same_or_a_lower_version_changes_nothing() -> None:
    rates = with_rate(EUROPEAN, rate_set("EUR/USD", "1.5", version=3))
    assert with_rate(rates, rate_set("EUR/USD", "1.6", version=3)) is rates
    assert with_rate(rates, rate_set("EUR/USD", "1.6", version=2)) is rates
    assert quoted(rates, rate_set("EUR/USD", "9")) == (3, 1_500_000_000_000)


def test_no_rate_is_zero() -> None:
    assert with_rate(EUROPEAN, rate_set("EUR/USD", "0", MONDAY)) is EUROPEAN


@given(
    st.lists(st.tuples(st.dates(date(2024, 12, 1), date(2026, 2, 1)), st.integers(1, 9)), max_size=30),
    st.dates(date(2024, 12, 1), date(2026, 2, 1)),
)
def test_the_order_in_which_rates_come_does_not_matter(stated: list[tuple[date, int]], day: date) -> None:
    events = [rate_set("EUR/USD", f"{1 + version / 10}", on, version) for on, version in stated]
    later_first = sorted(events, key=lambda event: (event.date, event.version), reverse=True)
    assert book(*events) == book(*later_first)
    answer = ask(book(*events), "EUR/USD", day, 5)
    fresh = [on for on, _ in stated if on <= day and (day - on).days <= 5]
    assert isinstance(answer, Exchange) == bool(fresh)
    if isinstance(answer, Exchange):
        assert answer.path[0].date == max(fresh)
        assert answer.path[0].version == max(version for on, version in stated if on == max(fresh))


@given(st.integers(1, 10**15), st.integers(1, 10**15))
def test_there_and_back_is_one(first: int, second: int) -> None:
    rates = book(rate_set("EUR/USD", "1")._replace(rate=first), rate_set("EUR/GBP", "1")._replace(rate=second))
    there, back = found(rates, "USD/GBP"), found(rates, "GBP/USD")
    assert there.numerator * back.numerator == there.denominator * back.denominator
