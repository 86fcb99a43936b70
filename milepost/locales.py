"""Amounts, dates and words as a customer's country writes them."""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import typer
from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_interval, format_skeleton
from babel.numbers import NumberPattern

from domain.money import is_currency, smallest_unit
from domain.units import AMOUNT_ONE, AMOUNT_SCALE, HOURS_SCALE, PERCENT_SCALE, RATE_SCALE, Amount, Hours, Percent, Rate

# Between the code of a currency and a digit Unicode's rules have a space (CLDR, `currencySpacing`), which Babel leaves out.
LETTER_AT_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
# Where people print on letter paper; everywhere else it is A4.
LETTER: Final = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "VE"})


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
        places = self._places_of(amount)
        pattern = _with_places(self.locale.currency_formats["standard"], places, places)
        value = _decimal(amount, AMOUNT_SCALE)
        written = str(pattern.apply(value, self.locale, currency=self.currency, currency_digits=False))
        return LETTER_AT_DIGIT.sub("\u00a0", written)

    def amount(self, amount: Amount) -> str:
        """Without currency, in a column."""
        places = self._places_of(amount)
        return self._number(amount, AMOUNT_SCALE, places, places)

    def rate(self, rate: Rate) -> str:
        return self._number(rate, RATE_SCALE, self._places, RATE_SCALE)

    def quantity(self, hours: Hours) -> str:
        """With two decimals at least."""
        return self._number(hours, HOURS_SCALE, 2, HOURS_SCALE)

    def count(self, number: int) -> str:
        return self._number(number, 0, 0, 0)

    def hours(self, hours: Hours) -> str:
        """To a hundredth."""
        return self._number(hours, HOURS_SCALE, 0, 2)

    def rounded(self, value: int, scale: int) -> str:
        """To whole units, for charts; small values keep their decimals."""
        return self._number(value, scale, 0, 0 if abs(value) >= 10 ** (scale + 1) else 2)

    def percent(self, percent: Percent, decimals_least: int = 0) -> str:
        number = self._number(percent, PERCENT_SCALE, decimals_least, PERCENT_SCALE)
        return f"{number} %" if self.locale.language != "en" else f"{number}%"

    def percent_rounded(self, percent: Percent) -> str:
        """To one decimal, as a forecast can be read."""
        return self.percent((percent + 50_000) // 100_000 * 100_000)

    def short_day(self, day: date) -> str:
        return str(format_skeleton("yMMMd", day, locale=self.locale))

    def span(self, first: date, last: date) -> str:
        """Both included."""
        if first == last:
            return self.short_day(first)
        return str(format_interval(first, last, "yMMMd", locale=self.locale))

    def country(self, code: str) -> str:
        """The name of `DE` in the reader's language; the code where nobody knows it."""
        return str(self.locale.territories.get(code, code))

    def month(self, month: str) -> str:
        """Of `2026-03`."""
        return format_skeleton("yMMM", date.fromisoformat(f"{month}-01"), locale=self.locale)

    def words(self) -> Mapping[str, str]:
        return WORDS.get(self.locale.language, WORDS["en"])

    @property
    def _places(self) -> int:
        step = smallest_unit(self.currency) if is_currency(self.currency) else AMOUNT_ONE // 100
        return len(str(AMOUNT_ONE // step)) - 1

    def _places_of(self, amount: Amount) -> int:
        """As many as the currency has; all that there are where an amount is finer."""
        return AMOUNT_SCALE if amount % 10 ** (AMOUNT_SCALE - self._places) else self._places

    def _number(self, value: int, scale: int, least: int, most: int) -> str:
        pattern = _with_places(self.locale.decimal_formats[None], least, most)
        return str(pattern.apply(_decimal(value, scale), self.locale))


def _with_places(pattern: NumberPattern, least: int, most: int) -> NumberPattern:
    """The locale's own grouping and signs, with other decimals."""
    made = copy(pattern)
    made.frac_prec = (least, most)
    return made


def by_language(said: Mapping[str, tuple[str, str]]) -> Mapping[str, Mapping[str, str]]:
    """Of words that are said in English and in German."""
    return {language: {name: each[place] for name, each in said.items()} for place, language in enumerate(("en", "de"))}


def writing(name: str, currency: str) -> Writing:
    """Of a locale such as `de_DE` or `en-US`. Raises BadParameter."""
    try:
        return Writing(Locale.parse(name.replace("-", "_")), currency)
    except (UnknownLocaleError, ValueError, TypeError) as fault:
        raise typer.BadParameter(
            f"expected a language and country such as de_DE, en_GB or fr_CH, got {name or '(nothing)'}",
            param_hint="--locale",
        ) from fault


def _decimal(value: int, scale: int) -> Decimal:
    return Decimal(value).scaleb(-scale)


# What stands on a statement. Other languages are written in English, with dates and amounts of their own.
WORDS: Final = by_language(
    {
        "title": ("Statement of services", "Leistungsnachweis"),
        "invoice_title": ("Invoice", "Rechnung"),
        "number": ("Invoice number", "Rechnungsnummer"),
        "credit_number": ("Credit memo number", "Gutschriftsnummer"),
        "replaces": ("Replaces", "Ersetzt"),
        "due_on": ("Due on", "Fällig am"),
        "due_by": ("Please pay by {day}.", "Bitte zahlen Sie bis zum {day}."),
        "on_receipt": ("Payable on receipt.", "Zahlbar bei Erhalt."),
        "customer_number": ("Customer number", "Kundennummer"),
        "buyer_reference": ("Your reference", "Ihr Zeichen"),
        "vat_id": ("VAT id", "USt-IdNr."),
        "your_vat_id": ("Your VAT id", "Ihre USt-IdNr."),
        "your_tax_registration": ("Your tax number", "Ihre Steuernummer"),
        "our_vat_id": ("Our VAT id", "Unsere USt-IdNr."),
        "tax_registration": ("Tax number", "Steuernummer"),
        "pay_to": ("Pay to", "Empfänger"),
        "iban": ("IBAN", "IBAN"),
        "account": ("Account", "Konto"),
        "bic": ("BIC", "BIC"),
        "bank": ("Bank", "Bank"),
        "reference": ("Reference", "Verwendungszweck"),
        "invoice_note": ("Line amounts are net of tax.", "Die Beträge der Zeilen sind ohne Steuer."),
        "page": ("Page {page} of {pages}", "Seite {page} von {pages}"),
        "attention": ("Attn. {name}", "z. Hd. {name}"),
        "statement": ("Statement", "Nachweis"),
        "revision": ("Revision", "Fassung"),
        "contract": ("Contract", "Vertrag"),
        "order": ("Your order", "Ihre Bestellung"),
        "period": ("Period", "Zeitraum"),
        "issued": ("Issued on", "Ausgestellt am"),
        "drafted": ("Drafted on", "Entworfen am"),
        "superseded_on": ("Superseded on", "Ersetzt am"),
        "currency": ("Currency", "Währung"),
        "terms": ("Terms of payment", "Zahlungsziel"),
        "days": ("{days} days from the invoice", "{days} Tage ab Rechnung"),
        "bill_to": ("To", "An"),
        "from": ("From", "Von"),
        "date": ("Date", "Datum"),
        "description": ("Description", "Leistung"),
        "person": ("Person", "Person"),
        "role": ("Role", "Rolle"),
        "hours": ("Hours", "Stunden"),
        "rate": ("Rate", "Satz"),
        "amount": ("Amount", "Betrag"),
        "project": ("Project", "Projekt"),
        "task": ("Task", "Aufgabe"),
        "week": ("Week of {day}", "Woche ab {day}"),
        "weeks": ("Over several weeks", "Über mehrere Wochen"),
        "without_task": ("Without a task", "Ohne Aufgabe"),
        "without_person": ("Without a person", "Ohne Person"),
        "subtotal": ("Subtotal", "Zwischensumme"),
        "total": ("Total, net of tax", "Summe netto"),
        "retained": ("Retained", "Einbehalt"),
        "released": ("Retention released", "Freigegebener Einbehalt"),
        "deposits": ("Deposits applied", "Verrechnete Anzahlungen"),
        "due": ("Amount due, net of tax", "Zu zahlen netto"),
        "credit_title": ("Credit memo", "Gutschrift"),
        "credited": ("Amount credited, net of tax", "Gutgeschrieben netto"),
        "tax_output": ("Tax{category} {percent} on {base}", "Steuer{category} {percent} auf {base}"),
        "tax_reverse_charge": (
            "Tax{category}, reverse charge, on {base}",
            "Steuer{category}, Steuerschuld beim Empfänger, auf {base}",
        ),
        "tax_exempt": ("Tax{category}, exempt, on {base}", "Steuer{category}, steuerfrei, auf {base}"),
        "tax_outside_scope": (
            "Tax{category}, not subject to VAT, on {base}",
            "Steuer{category}, nicht steuerbar, auf {base}",
        ),
        "tax_undetermined": ("Tax{category} on {base}", "Steuer{category} auf {base}"),
        "undetermined": ("undetermined", "unbestimmt"),
        "due_with_tax": ("Amount due with tax", "Zu zahlen mit Steuer"),
        "credited_with_tax": ("Amount credited with tax", "Gutgeschrieben mit Steuer"),
        "charge_fee": ("Fee, {span}", "Pauschale, {span}"),
        "charge_minimum": ("Minimum of {amount}, {days} of {of} days", "Mindestbetrag {amount}, {days} von {of} Tagen"),
        "charge_instalment": ("Instalment {place} of {number}", "Rate {place} von {number}"),
        "charge_price_lowered": ("Price lowered", "Preis gesenkt"),
        "charge_progress": ("Progress, {percent} in all", "Fortschritt, insgesamt {percent}"),
        "charge_progress_by_cost": ("Progress by cost", "Fortschritt nach Kosten"),
        "charge_deposit": ("Deposit", "Anzahlung"),
        "charge_deposit_refund": ("Refund of the deposit", "Rückzahlung der Anzahlung"),
        "charge_deposit_used": ("Deposit that was used", "Verbrauchte Anzahlung"),
        "charge_top_up": ("Top-up of {day}", "Aufstockung vom {day}"),
        "charge_unused_refund": ("Refund of what is unused", "Erstattung des nicht Genutzten"),
        "charge_brought_forward": ("Brought forward", "Übertrag"),
        "charge_brought_forward_of": ("Brought forward, {of}", "Übertrag, {of}"),
        "charge_variable": ("Settled: {item}", "Abgerechnet: {item}"),
        "charge_settlement": ("Settlement, earned by {day}", "Abrechnung, verdient bis {day}"),
        "overage": ("beyond what the fee includes", "über die Pauschale hinaus"),
        "overtime": ("incl. {percent} overtime", "einschl. {percent} Überstunden"),
        "markup": ("incl. {percent} markup", "einschl. {percent} Aufschlag"),
        "prior_period": ("earlier period", "früherer Zeitraum"),
        "correction": ("correction", "Berichtigung"),
        "adjusted_for_cap": ("limited by agreed maximum", "durch Höchstbetrag begrenzt"),
        "adjusted_for_purchase_order": ("limited by your purchase order", "durch Ihre Bestellung begrenzt"),
        "prior_period_note": (
            "Work of an earlier period that has not been billed before, or corrects what was.",
            "Arbeit aus einem früheren Zeitraum, die noch nicht berechnet war oder Berechnetes berichtigt.",
        ),
        "correction_note": (
            "The difference to what an earlier statement billed for the same work.",
            "Der Unterschied zu dem, was ein früherer Nachweis für dieselbe Arbeit berechnet hat.",
        ),
        "adjusted_for_cap_note": (
            "The agreed maximum is reached; what lies above it is not billed.",
            "Der vereinbarte Höchstbetrag ist erreicht; was darüber liegt, wird nicht berechnet.",
        ),
        "adjusted_for_purchase_order_note": (
            "The limit of your order is reached; what lies above it is billed once the order is raised.",
            "Ihre Bestellung ist ausgeschöpft; was darüber liegt, wird berechnet, sobald sie erhöht ist.",
        ),
        "open": (
            "Draft. It waits for approval and is no request to pay.",
            "Entwurf. Er wartet auf Freigabe und ist keine Zahlungsaufforderung.",
        ),
        "superseded": ("Superseded by a later revision.", "Durch eine spätere Fassung ersetzt."),
        "returned": (
            "Returned{by}: {reason}. Its work comes on another statement.",
            "Zurückgegeben{by}: {reason}. Die Leistungen kommen auf einen anderen Nachweis.",
        ),
        "returned_by": ("by {name}", "von {name}"),
        "net_note": (
            "All amounts are net of tax; the invoice states the tax.",
            "Alle Beträge ohne Steuer; die Rechnung weist sie aus.",
        ),
        "taxed_note": (
            "Lines are net of tax. The tax is for checking; the invoice states what is charged.",
            "Alle Zeilen ohne Steuer. Die Steuer dient der Prüfung; maßgeblich ist die Rechnung.",
        ),
        "rounding_note": (
            "Hours are shown rounded; amounts are those of the exact time.",
            "Stunden sind gerundet dargestellt; die Beträge beruhen auf der genauen Zeit.",
        ),
    }
)
