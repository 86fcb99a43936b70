"""Amounts, dates and words as a customer's country writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_interval, format_skeleton
from babel.numbers import format_currency, format_decimal

from domain.money import is_currency, smallest_unit
from domain.units import AMOUNT_ONE, AMOUNT_SCALE, HOURS_SCALE, PERCENT_SCALE, RATE_SCALE, Amount, Hours, Percent, Rate

# Where people print on letter paper; everywhere else it is A4.
LETTER: Final = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "VE"})


class UnknownLocale(ValueError):
    """Not the name of a language and country."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How one statement or project is written: in a locale, and in a currency."""

    locale: Locale
    currency: str

    @property
    def language(self) -> str:
        return str(self.locale).replace("_", "-")

    @property
    def paper(self) -> str:
        return "letter" if self.locale.territory in LETTER else "A4"

    def money(self, amount: Amount) -> str:
        """With its currency."""
        return format_currency(
            _decimal(amount, AMOUNT_SCALE),
            self.currency,
            self._money_pattern(amount),
            self.locale,
            currency_digits=False,
        )

    def amount(self, amount: Amount) -> str:
        """Without currency, in a column."""
        return format_decimal(_decimal(amount, AMOUNT_SCALE), self._decimals(amount), self.locale)

    def rate(self, rate: Rate) -> str:
        return format_decimal(
            _decimal(rate, RATE_SCALE), f"{self._decimals(0)}{'####' if self._places else '.######'}", self.locale
        )

    def quantity(self, hours: Hours) -> str:
        return format_decimal(_decimal(hours, HOURS_SCALE), "#,##0.00####", self.locale)

    def count(self, number: int) -> str:
        return format_decimal(number, "#,##0", self.locale)

    def hours(self, hours: Hours) -> str:
        """To a hundredth."""
        return format_decimal(_decimal(hours, HOURS_SCALE), "#,##0.##", self.locale)

    def rounded(self, value: int, scale: int) -> str:
        """To whole units, for charts; small values keep their decimals."""
        pattern = "#,##0" if abs(value) >= 10 ** (scale + 1) else "#,##0.##"
        return format_decimal(_decimal(value, scale), pattern, self.locale)

    def percent(self, percent: Percent) -> str:
        number = format_decimal(_decimal(percent, PERCENT_SCALE), "#,##0.######", self.locale)
        return f"{number} %" if self.locale.language != "en" else f"{number}%"

    def short_day(self, day: date) -> str:
        return str(format_skeleton("yMMMd", day, locale=self.locale))

    def span(self, first: date, last: date) -> str:
        """Both included."""
        if first == last:
            return self.short_day(first)
        return str(format_interval(first, last, "yMMMd", locale=self.locale))

    def month(self, month: str) -> str:
        """Of `2026-03`."""
        return format_skeleton("yMMM", date.fromisoformat(f"{month}-01"), locale=self.locale)

    def words(self) -> Mapping[str, str]:
        return WORDS.get(self.locale.language, WORDS["en"])

    @property
    def _places(self) -> int:
        step = smallest_unit(self.currency) if is_currency(self.currency) else AMOUNT_ONE // 100
        return len(str(AMOUNT_ONE // step)) - 1

    def _decimals(self, amount: Amount) -> str:
        """As many places as the currency has; all that there are where an amount is finer."""
        places = self._places
        if amount % 10 ** (AMOUNT_SCALE - places):
            places = AMOUNT_SCALE
        return f"#,##0.{'0' * places}" if places else "#,##0"

    def _money_pattern(self, amount: Amount) -> str:
        """The locale's pattern with the amount's decimals."""
        pattern = self.locale.currency_formats["standard"].pattern.split(";")[0]
        return str(pattern.replace("#,##,##0.00", self._decimals(amount)).replace("#,##0.00", self._decimals(amount)))


def writing(name: str, currency: str) -> Writing:
    """Of a locale such as `de_DE` or `en-US`. Raises UnknownLocale."""
    try:
        return Writing(Locale.parse(name.replace("-", "_")), currency)
    except (UnknownLocaleError, ValueError, TypeError) as fault:
        raise UnknownLocale(
            f"expected a language and country such as de_DE, en_GB or fr_CH, got {name or '(nothing)'}"
        ) from fault


def last_day(end: date) -> date:
    """Of a range whose end is excluded."""
    return end - timedelta(days=1)


def _decimal(value: int, scale: int) -> Decimal:
    return Decimal(value).scaleb(-scale)


# What stands on a statement. Other languages are written in English, with dates and amounts of their own.
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Statement of services",
        "statement": "Statement",
        "revision": "Revision",
        "contract": "Contract",
        "order": "Your order",
        "period": "Period",
        "issued": "Issued on",
        "currency": "Currency",
        "terms": "Terms of payment",
        "days": "{days} days from the invoice",
        "bill_to": "To",
        "from": "From",
        "date": "Date",
        "description": "Description",
        "person": "Person",
        "role": "Role",
        "hours": "Hours",
        "rate": "Rate",
        "amount": "Amount",
        "project": "Project",
        "task": "Task",
        "week": "Week of {day}",
        "weeks": "Over several weeks",
        "without_task": "Without a task",
        "subtotal": "Subtotal",
        "total": "Total, net of tax",
        "retained": "Retained",
        "released": "Retention released",
        "deposits": "Deposits applied",
        "due": "Amount due, net of tax",
        "credit_title": "Credit memo",
        "credited": "Amount credited, net of tax",
        "tax": "Tax {category} {percent} on {base}",
        "overtime": "incl. {percent} overtime",
        "prior_period": "earlier period",
        "correction": "correction",
        "adjusted_for_cap": "limited by agreed maximum",
        "prior_period_note": "Work of an earlier period that has not been billed before, or corrects what was.",
        "correction_note": "The difference to what an earlier statement billed for the same work.",
        "adjusted_for_cap_note": "The agreed maximum is reached; what lies above it is not billed.",
        "open": "Draft. It waits for approval and is no request to pay.",
        "superseded": "Superseded by a later revision.",
        "net_note": "All amounts are net of tax; the invoice states the tax.",
        "rounding_note": "Hours are shown rounded; amounts are those of the exact time.",
    },
    "de": {
        "title": "Leistungsnachweis",
        "statement": "Nachweis",
        "revision": "Fassung",
        "contract": "Vertrag",
        "order": "Ihre Bestellung",
        "period": "Zeitraum",
        "issued": "Ausgestellt am",
        "currency": "Währung",
        "terms": "Zahlungsziel",
        "days": "{days} Tage ab Rechnung",
        "bill_to": "An",
        "from": "Von",
        "date": "Datum",
        "description": "Leistung",
        "person": "Person",
        "role": "Rolle",
        "hours": "Stunden",
        "rate": "Satz",
        "amount": "Betrag",
        "project": "Projekt",
        "task": "Aufgabe",
        "week": "Woche ab {day}",
        "weeks": "Über mehrere Wochen",
        "without_task": "Ohne Aufgabe",
        "subtotal": "Zwischensumme",
        "total": "Summe netto",
        "retained": "Einbehalt",
        "released": "Freigegebener Einbehalt",
        "deposits": "Verrechnete Anzahlungen",
        "due": "Zu zahlen netto",
        "credit_title": "Gutschrift",
        "credited": "Gutgeschrieben netto",
        "tax": "Steuer {category} {percent} auf {base}",
        "overtime": "einschl. {percent} Überstunden",
        "prior_period": "früherer Zeitraum",
        "correction": "Berichtigung",
        "adjusted_for_cap": "durch Höchstbetrag begrenzt",
        "prior_period_note": "Arbeit aus einem früheren Zeitraum, die noch nicht berechnet war oder Berechnetes berichtigt.",
        "correction_note": "Der Unterschied zu dem, was ein früherer Nachweis für dieselbe Arbeit berechnet hat.",
        "adjusted_for_cap_note": "Der vereinbarte Höchstbetrag ist erreicht; was darüber liegt, wird nicht berechnet.",
        "open": "Entwurf. Er wartet auf Freigabe und ist keine Zahlungsaufforderung.",
        "superseded": "Durch eine spätere Fassung ersetzt.",
        "net_note": "Alle Beträge ohne Steuer; die Rechnung weist sie aus.",
        "rounding_note": "Stunden sind gerundet dargestellt; die Beträge beruhen auf der genauen Zeit.",
    },
}
