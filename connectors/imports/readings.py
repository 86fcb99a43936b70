"""What the text of one cell says: a number, hours, a date, an instant, yes or no.

People write the same thing in many ways, and a guess that is wrong is money that is wrong: `2.500` is two thousand
five hundred in Berlin and two and a half in London. So nothing is guessed here; the mapping says how the file writes,
and what does not fit is refused with the reason.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from domain.reference.zones import midnight
from domain.units import Instant

ISO = "iso"
CLOCK = "clock"
UNITS_PER_HOUR = {"hours": 1, "minutes": 60, "seconds": 3600}

FIRST_DATE = date(1990, 1, 1)
LAST_DATE = date(2100, 12, 31)

SIX_DECIMALS = Decimal("0.000001")
MICROSECONDS_AN_HOUR = 3_600_000_000
_CLOCK = re.compile(r"(-?)([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9]))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLE = datetime(2026, 3, 31, 14, 30)  # noqa: DTZ001 - it only shows what a format looks like
_SPACES = "\u00a0\u202f\u2009"
_APOSTROPHES = "\u2019"


class UnreadableCell(ValueError):
    """The text does not say what its field needs; the message is the reason."""


@lru_cache(maxsize=65_536)
def read_number(text: str, decimal: str, thousands: str) -> Decimal:
    """Exact, to six decimals (half up); digits are grouped in threes or not at all."""
    plain = _one_kind_of_space(text, thousands)
    match = _number_form(decimal, thousands).fullmatch(plain)
    if match is None:
        grouping = f' and "{thousands}" between thousands' if thousands else ""
        raise UnreadableCell(f'expected a number with "{decimal}" before its decimals{grouping}')
    sign, whole, fraction = match[1], match[2] or "0", match[3] or "0"
    digits = whole.replace(thousands, "") if thousands else whole
    if len(digits) > 12:
        raise UnreadableCell("expected at most 12 digits before the decimals")
    return Decimal(f"{sign}{digits}.{fraction}").quantize(SIX_DECIMALS, ROUND_HALF_UP)


def read_hours(text: str, unit: str, decimal: str, thousands: str) -> Decimal:
    """Hours to six decimals: a second is 0.000278."""
    if unit == CLOCK:
        return _clock_hours(text)
    try:
        quantity = read_number(text, decimal, thousands)
    except UnreadableCell as fault:
        if _CLOCK.fullmatch(text):
            raise UnreadableCell(f'expected {unit} as a number; for hh:mm and hh:mm:ss say unit = "{CLOCK}"') from fault
        raise
    return (quantity / UNITS_PER_HOUR[unit]).quantize(SIX_DECIMALS, ROUND_HALF_UP)


def hours_of(interval: int) -> Decimal:
    """Of microseconds, to six decimals."""
    return (Decimal(interval) / MICROSECONDS_AN_HOUR).quantize(SIX_DECIMALS, ROUND_HALF_UP)


@lru_cache(maxsize=65_536)
def read_date(text: str, formats: tuple[str, ...]) -> date:
    """By the first format that fits."""
    day = _parsed(text, formats, "a date").date()
    if not FIRST_DATE <= day <= LAST_DATE:
        raise UnreadableCell(f"expected a date from {FIRST_DATE} to {LAST_DATE}")
    return day


@lru_cache(maxsize=65_536)
def read_instant(text: str, formats: tuple[str, ...], zone: str) -> Instant:
    """Text without an offset is the clock on the wall of `zone`; an hour that this clock shows twice is its first."""
    moment = _parsed(text, formats, "a date and time")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_rules(zone))
    if not FIRST_DATE <= moment.date() <= LAST_DATE:
        raise UnreadableCell(f"expected a date from {FIRST_DATE} to {LAST_DATE}")
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def read_flag(text: str, true: tuple[str, ...], false: tuple[str, ...]) -> bool:
    word = text.casefold()
    if word in true:
        return True
    if word in false:
        return False
    raise UnreadableCell(f"expected one of {', '.join(true)} for yes or {', '.join(false)} for no")


def read_whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise UnreadableCell("expected a whole number")
    return int(text)


def end_of_day(day: date, zone: str) -> Instant:
    """The last second of `day` in `zone`: work is known when its day is over, and not after its period was billed."""
    return midnight(day + timedelta(days=1), zone) - 1_000_000


def instant_text(instant: Instant) -> str:
    """RFC 3339 in UTC, with a fraction only where there is one."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat().removesuffix("+00:00") + "Z"


def decimal_text(value: Decimal) -> str:
    """Plain digits: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_fault(form: str) -> str | None:
    """What is wrong with a date or time format, None where nothing is."""
    if form == ISO:
        return None
    try:
        datetime.strptime("", form)  # noqa: DTZ007 - only the format is of interest
    except ValueError as fault:
        text = str(fault)
        return text if "bad directive" in text or "stray" in text else None
    return "the format is empty"


@lru_cache(maxsize=1024)
def zone_rules(zone: str) -> ZoneInfo:
    """From the pinned zone database, so that every machine reads a clock time as the same instant."""
    with resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


def _one_kind_of_space(text: str, thousands: str) -> str:
    if thousands == " ":
        return text.translate({ord(each): " " for each in _SPACES})
    if thousands == "'":
        return text.translate({ord(each): "'" for each in _APOSTROPHES})
    return text


@lru_cache(maxsize=64)
def _number_form(decimal: str, thousands: str) -> re.Pattern[str]:
    group = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|" if thousands else ""
    point = re.escape(decimal)
    return re.compile(rf"([+-]?)(?=[0-9]|{point}[0-9])({group}[0-9]+)?(?:{point}([0-9]+))?")


def _clock_hours(text: str) -> Decimal:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise UnreadableCell("expected a duration as hh:mm or hh:mm:ss")
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    hours = (Decimal(seconds) / 3600).quantize(SIX_DECIMALS, ROUND_HALF_UP)
    return -hours if match[1] else hours


def _parsed(text: str, formats: tuple[str, ...], what: str) -> datetime:
    for form in formats:
        try:
            return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            continue
    raise UnreadableCell(
        f"expected {what} as {' or '.join(f'{form}, such as {_example(form, what)}' for form in formats)}"
    )


def _example(form: str, what: str) -> str:
    if form != ISO:
        return _SAMPLE.strftime(form)
    return _SAMPLE.date().isoformat() if what == "a date" else _SAMPLE.isoformat()
