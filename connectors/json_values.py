"""Single values as JSON: exact numbers, dates, instants; what is wrong is said with the value, cut and escaped."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as Number
from functools import cache
from typing import Any, Final, NoReturn, cast

from connectors.avro_source import MadeTable
from connectors.avro_walk import DAY_FIRST, DAY_LAST, EPOCH, INSTANT_FIRST, INSTANT_LAST
from connectors.decode_error import shown

DECIMAL: Final = re.compile(r"(-?)(\d{1,24})(?:\.(\d{1,24}))?", re.ASCII)
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOMENT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,12}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
DIGITS_MAX: Final = 64
UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WrongValue(Exception):
    """What is wrong; its path grows from the inside out. `nearest` is as a `DecodeError` has it."""

    def __init__(self, reason: str, *path: str, nearest: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = list(path)
        self.nearest = nearest

    def of(self, value: object) -> None:
        """Where the value itself is at fault and not something in it, it is shown."""
        if not self.path and value is not None and not isinstance(value, list | dict):
            self.reason += f": {shown(value)}"


def kind_of(value: object) -> str:
    """What stands there."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float() | Number():
            return "a number"
        case str():
            return f"a string of {len(value)} characters"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return type(value).__name__


def expected(what: str, value: object) -> NoReturn:
    raise WrongValue(f"expected {what}, got {kind_of(value)}")


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        expected("a string", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise WrongValue("a string with half of a surrogate pair") from None
    return value


def read_bytes(value: Any) -> bytes:
    if type(value) is not str:
        expected("bytes as a string in base64", value)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise WrongValue("expected base64") from None


def read_boolean(value: Any) -> bool:
    if type(value) is not bool:
        expected("true or false", value)
    return value


def read_whole(bits: int, value: Any) -> int:
    if type(value) is not int:
        expected("a whole number", value)
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise WrongValue(f"a whole number over {bits} bits")
    return value


def read_decimal(table: MadeTable, precision: int, scale: int, value: Any) -> int:
    if type(value) is str:
        return cast(int, table[value])
    if type(value) is int:
        return _within(value * 10**scale, precision, scale)
    if type(value) is Number:
        return _scaled(value, precision, scale)
    if type(value) is float:
        raise WrongValue("a float may have lost digits; give the number as a string or parse it as Decimal")
    expected("a decimal number or string", value)


@cache
def decimals_by_text(precision: int, scale: int) -> MadeTable:
    """Remembers decimals by their text: rates and hours come again and again."""

    def scaled(text: str) -> int:
        match = DECIMAL.fullmatch(text)
        if match is None:
            raise WrongValue("expected a decimal number such as 7.35, without exponent, space or separators")
        sign, before, after = match.groups("")
        digits = after.rstrip("0")
        if len(digits) > scale:
            raise WrongValue(f"{len(digits)} decimals, at most {scale} are kept and nothing is rounded")
        value = int(before + digits.ljust(scale, "0"))
        return _within(-value if sign else value, precision, scale)

    return MadeTable(scaled)


def _scaled(value: Number, precision: int, scale: int) -> int:
    """Bounded before it is multiplied out: 1e999999 is a short text."""
    if not value.is_finite():
        raise WrongValue("expected a number")
    if not value:
        return 0
    sign, digits, exponent = value.as_tuple()
    if len(digits) > DIGITS_MAX or not -scale <= value.adjusted() < precision - scale:
        raise WrongValue(f"more digits than the {precision - scale} before and {scale} after the point that are kept")
    whole = int("".join(map(str, digits)))
    shift = int(exponent) + scale
    scaled, rest = (whole * 10**shift, 0) if shift >= 0 else divmod(whole, 10**-shift)
    if rest:
        raise WrongValue(f"more than {scale} decimals; nothing is rounded")
    return _within(-scaled if sign else scaled, precision, scale)


def _within(value: int, precision: int, scale: int) -> int:
    if not -(10**precision) < value < 10**precision:
        raise WrongValue(f"more than the {precision - scale} digits before the point that are kept")
    return value


def read_day(value: Any) -> date:
    if type(value) is not str:
        expected("a date such as 2026-03-04", value)
    return cast(date, _DAYS[value])


def _day(text: str) -> date:
    if DAY.fullmatch(text) is None:
        expected("a date such as 2026-03-04", text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongValue("a date that is in no calendar") from None
    if not DAY_FIRST <= (day - EPOCH).days <= DAY_LAST:
        raise WrongValue("a date outside 1990-01-01 to 2100-12-31")
    return day


def read_instant(value: Any) -> int:
    if type(value) is not str:
        expected("an instant such as 2026-03-04T17:30:00Z", value)
    return cast(int, _INSTANTS[value])


def _instant(text: str) -> int:
    match = MOMENT.fullmatch(text)
    if match is None:
        expected("an instant with its zone, such as 2026-03-04T17:30:00Z or 2026-03-04T18:30:00+01:00", text)
    day, time, fraction, zone = match.groups("")
    digits = fraction.rstrip("0")
    if len(digits) > 6:
        raise WrongValue("an instant with more than six decimals; nothing is rounded")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone.upper().replace('Z', '+00:00')}")
        since = moment - UNIX
    except (ValueError, OverflowError):
        raise WrongValue("an instant that is in no calendar") from None
    value = since // timedelta(seconds=1) * 1_000_000 + int(digits.ljust(6, "0"))
    if not INSTANT_FIRST <= value <= INSTANT_LAST:
        raise WrongValue("an instant outside the years 1990 to 2100")
    return value


_DAYS: Final = MadeTable(_day)
_INSTANTS: Final = MadeTable(_instant)


def decimal_text(scale: int, decimals_min: int, value: int) -> str:
    whole, rest = divmod(abs(value), 10**scale)
    decimals = f"{rest:0{scale}d}".rstrip("0").ljust(decimals_min, "0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def instant_text(value: int) -> str:
    """RFC 3339 in UTC, with as many decimals as it needs."""
    seconds, micros = divmod(value, 1_000_000)
    decimals = f".{micros:06d}".rstrip("0") if micros else ""
    return f"{(UNIX + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}{decimals}Z"


def base64_text(value: bytes) -> str:
    return base64.b64encode(value).decode()
