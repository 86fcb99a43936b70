"""What an ERP answered, read with care: bounded, exact, decided by status and code, never by text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec

from domain.delivery.outcomes import (
    CREDENTIALS,
    NOT_PERMITTED,
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Throttled,
    Trouble,
    Uncertain,
)
from domain.units import AMOUNT_SCALE, Amount

LONGEST_WORDS: Final = 500
# An account combination of Oracle may have 779 characters.
LONGEST_ID: Final = 800
LONGEST_WAIT_SECONDS: Final = 86_400.0
HIDDEN: Final = "**********"
# Of RejectedData: the ERP has the document, with something else in it than was sent.
OTHER_COMPANY: Final = "OTHER_COMPANY"
OTHER_SUBSIDIARY: Final = "OTHER_SUBSIDIARY"
OTHER_CURRENCY: Final = "OTHER_CURRENCY"
OTHER_AMOUNT: Final = "OTHER_AMOUNT"
# Of RejectedData: the ERP has no way to say it.
UNSENDABLE: Final = "UNSENDABLE"
_AMOUNT_DIGITS: Final = 18
_EXACT: Final = msgspec.json.Encoder(decimal_format="number")


class NotJson(Exception):
    """The answer is not the JSON that was expected; the message has nothing of it but its size."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names in lower case. Its repr has nothing of what was said.

    `secrets` are those of the request, longer ones first: an ERP may repeat them in what it says is wrong, and `json` hides them there.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return f"Answer(status={self.status}, {len(self.body)} bytes)"

    def json(self) -> object:
        """Numbers with a point are Decimal. Raises NotJson."""
        try:
            return _without(self.secrets, json.loads(self.body, parse_float=Decimal, parse_constant=_no_number))
        except (ValueError, RecursionError, InvalidOperation):
            raise NotJson(f"expected JSON, found {len(self.body)} bytes that are not") from None

    def fields(self) -> Mapping[str, object]:
        """The JSON object of the answer. Raises NotJson."""
        found = self.json()
        if not isinstance(found, dict):
            raise NotJson(f"expected a JSON object, found {len(self.body)} bytes of another kind")
        return found

    def stated(self) -> Mapping[str, object]:
        """The same, and nothing of what is no JSON object."""
        try:
            return self.fields()
        except NotJson:
            return {}


class ErpRefusal(NamedTuple):
    """What was sent was refused, and nothing of it was done. `field` is the ERP's path to what is wrong."""

    code: str
    message: str
    field: str


def refused(answer: Answer) -> Trouble | None:
    """What the status alone says; None where the adapter has to read on: 2xx, and 4xx about what was sent."""
    match answer.status:
        case 401:
            return NotSent(CREDENTIALS, "the ERP refused who we are (401); check the credentials under auth")
        case 403:
            return NotSent(NOT_PERMITTED, "the ERP does not permit it (403); check the role of our user there")
        case 429:
            return Throttled(retry_after(answer))
        case status if 200 <= status < 300:
            return None
        case 408:
            return Uncertain("the ERP gave up waiting for the request (408)")
        case status if 400 <= status < 500:
            return None
        case status if 300 <= status < 400:
            return Uncertain(f"the ERP answered with a redirect ({status}), which is not followed; correct the url")
        case status:
            return Uncertain(f"the ERP answered {status}")


def said(trouble: Trouble) -> str:
    return "it is throttled" if isinstance(trouble, Throttled) else trouble.message


def rejected(refused: ErpRefusal, closed: bool | Trouble) -> Outcome:
    """Of what is not there; `closed` is what the ERP says of its period."""
    if not isinstance(closed, bool):
        return before_sending(closed)
    if closed:
        return RejectedPeriod(refused.code, refused.message)
    return RejectedData(refused.code, refused.message, refused.field)


def differs(code: str, what: str, field: str) -> RejectedData:
    """Of what the ERP has by our key, and otherwise than it was sent."""
    return RejectedData(code, f"{what}; correct it there", field)


def before_sending(trouble: Trouble) -> NotSent | Throttled:
    """Of a question that came while nothing of the document was in the ERP."""
    return NotSent(UNREACHABLE, trouble.message) if isinstance(trouble, Uncertain) else trouble


def in_doubt(what: str, trouble: Trouble) -> Uncertain:
    """Of a call that came after one that may have left something in the ERP."""
    message = f"{what}: {said(trouble)}"
    match trouble:
        case Throttled():
            return Uncertain(message, trouble)
        case NotSent():
            return Uncertain(message)
        case Uncertain():
            return trouble._replace(message=message)


def retry_after(answer: Answer) -> float | None:
    """Seconds, of either form of the header; None where it is absent or makes no sense."""
    stated = answer.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit() and len(stated) <= 9:
        seconds = float(stated)
    else:
        try:
            seconds = (parsedate_to_datetime(stated).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def words(text: object) -> str:
    """The ERP's own words, on one line, bounded, without control characters."""
    found = text if isinstance(text, str) else ""
    kept = "".join(each if each.isprintable() else " " for each in found[: 4 * LONGEST_WORDS])
    return " ".join(kept.split())[:LONGEST_WORDS]


def member(value: object, *names: str) -> object:
    """`value[name][name]...`, None where something on the way is missing or of another kind."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_of(value: object) -> str:
    """An id or a code as text, bounded, without control characters; ERPs give some of them as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = value[:LONGEST_ID] if isinstance(value, str) else ""
    return found if found.isprintable() else "".join(each if each.isprintable() else " " for each in found)


def is_of(value: object, words: Collection[str]) -> bool:
    return isinstance(value, str) and value in words


def listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def day_of(value: object) -> date | None:
    """Of a date or of an instant; Dynamics 365 Finance writes noon of the day, others the day itself."""
    try:
        return date.fromisoformat(text_of(value)[:10])
    except ValueError:
        return None


def quoted(value: str) -> str:
    """As filters and queries write a text."""
    return "'" + value.replace("'", "''") + "'"


def decimal_of(amount: Amount) -> Decimal:
    """With two decimals, or with as many more as it has."""
    return (
        scaled(amount, AMOUNT_SCALE)
        if amount % 100
        else Decimal(amount).scaleb(-AMOUNT_SCALE).quantize(Decimal("0.01"))
    )


def scaled(value: int, scale: int) -> Decimal:
    """As short as it can be written without an exponent."""
    found = Decimal(value).scaleb(-scale).normalize()
    return found if found == 0 or found.as_tuple().exponent <= 0 else found.quantize(Decimal(1))  # type: ignore[operator]


def amount_of(value: object) -> Amount:
    """Of a number or a text, rounded to 10^-4 where the ERP's own sums have more. Raises ValueError."""
    try:
        found = (
            Decimal(value) if isinstance(value, int | Decimal | str) and not isinstance(value, bool) else Decimal("NaN")
        )
        if not found.is_finite() or found.adjusted() >= _AMOUNT_DIGITS - AMOUNT_SCALE:
            raise ValueError("expected an amount of at most 14 digits before the point")
        return int(found.scaleb(AMOUNT_SCALE).to_integral_value())
    except InvalidOperation:
        raise ValueError("expected an amount") from None


def json_body(value: object) -> bytes:
    """Decimals become exact JSON numbers."""
    return _EXACT.encode(value)


def _without(secrets: tuple[str, ...], value: object) -> object:
    """Of the text that JSON says, however it is escaped. What no text may have, halves of characters, becomes a question mark."""
    match value:
        case str():
            value = value if value.isascii() else value.encode(errors="replace").decode()
            for secret in secrets:
                value = value.replace(secret, HIDDEN)
            return value
        case dict():
            return {name: _without(secrets, each) for name, each in value.items()}
        case list():
            return [_without(secrets, each) for each in value]
        case _:
            return value


def _no_number(_text: str) -> object:
    raise ValueError("NaN and Infinity are no JSON")
