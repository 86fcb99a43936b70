"""Oracle's journal import file, GlInterface.csv in a ZIP, and what an import's output says of its rows.

The file has 149 columns and no header; a column that is not named here stays empty. An import takes all rows of a group or none: rows
with a mistake get codes such as EF04, and the good ones stay as they are. Outputs differ by release and language, so a row is known by
our key in it and its mistake by the code.
"""

from __future__ import annotations

import csv
import lzma
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO, StringIO
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from connectors.erp.answers import decimal_of, scaled, words
from domain.delivery.documents import DocumentLine, JournalDocument
from domain.delivery.outcomes import RejectedData, RejectedPeriod
from domain.units import EXCHANGE_RATE_SCALE, Amount

COLUMNS: Final = 149
FILE_NAME: Final = "GlInterface.csv"
MOST_SEGMENTS: Final = 30
LONGEST_SEGMENT: Final = 25
LONGEST_TEXT: Final = 240
LARGEST_OUTPUT: Final = 50_000_000

_FIRST_SEGMENT: Final = 8
_PLACES: Final[Mapping[str, int]] = {
    "STATUS": 0,
    "LEDGER_ID": 1,
    "ACCOUNTING_DATE": 2,
    "USER_JE_SOURCE_NAME": 3,
    "USER_JE_CATEGORY_NAME": 4,
    "CURRENCY_CODE": 5,
    "DATE_CREATED": 6,
    "ACTUAL_FLAG": 7,
    "ENTERED_DR": 38,
    "ENTERED_CR": 39,
    "ACCOUNTED_DR": 40,
    "ACCOUNTED_CR": 41,
    "REFERENCE1": 42,  # batch
    "REFERENCE2": 43,
    "REFERENCE4": 45,  # journal
    "REFERENCE5": 46,
    "REFERENCE6": 47,  # reference of the journal
    "REFERENCE10": 51,  # text of the line
    "REFERENCE21": 52,
    "USER_CURRENCY_CONVERSION_TYPE": 63,
    "CURRENCY_CONVERSION_DATE": 64,
    "CURRENCY_CONVERSION_RATE": 65,
    "GROUP_ID": 66,
    "LEDGER_NAME": 91,
    "PERIOD_NAME": 94,
}
_PERIOD_CODES: Final = frozenset({"EP01", "EP02"})
_FIELDS: Final[Mapping[str, str]] = {"EP": "accounting_date", "EF": "account", "EC": "currency", "EU": "amount"}
_MEANINGS: Final[Mapping[str, str]] = {
    "EP01": "the date is in no period that is open",
    "EP02": "the ledger has no open period",
    "EP04": "the date is no business day",
    "EU02": "the journal does not balance",
    "EF01": "the account is not active on this date",
    "EF02": "the account takes no detail posting",
    "EF03": "the account is disabled",
    "EF04": "the account is invalid; check cross-validation rules and segment values",
    "EC06": "there is no exchange rate of this type and date",
    "EC08": "the currency is invalid",
    "EC11": "the type of exchange rate is invalid",
}
# A name may be no text, a place beyond the file, a part packed in ways that nobody asked for.
_UNREADABLE: Final = (
    BadZipFile, OSError, EOFError, zlib.error, lzma.LZMAError, struct.error, ValueError, OverflowError, NotImplementedError,
    RuntimeError, csv.Error,
)  # fmt: skip
_CODE: Final = re.compile(r"\bE[A-Z][0-9]{2}\b")
_KEY: Final = re.compile(r"\bMP[A-Z2-7]{18}\b")
_DESCRIPTION: Final = "STATUS_DESCRIPTION"


class Import(NamedTuple):
    """What all rows of one import share. `group` is a number of at most 18 digits."""

    group: str
    ledger_id: str
    ledger_name: str
    source: str
    category: str


def rows(
    document: JournalDocument, segments: Iterable[Sequence[str]], whole: Import, period: str
) -> Iterator[list[str]]:
    """One row for each line that has an amount. `segments`: the account's segment values of each line; `period` may be empty."""
    is_foreign = document.currency_id != document.ledger_currency
    shared = {
        "STATUS": "NEW",
        "LEDGER_ID": whole.ledger_id,
        "LEDGER_NAME": whole.ledger_name,
        "ACCOUNTING_DATE": _date(document.accounting_date),
        "USER_JE_SOURCE_NAME": whole.source,
        "USER_JE_CATEGORY_NAME": whole.category,
        "CURRENCY_CODE": document.currency_id,
        "DATE_CREATED": _date(document.accounting_date),
        "ACTUAL_FLAG": "A",
        "REFERENCE1": document.key,
        "REFERENCE2": _text(document.text),
        "REFERENCE4": document.key,
        "REFERENCE5": _text(document.text),
        "REFERENCE6": document.key,
        "REFERENCE21": document.key,
        "GROUP_ID": whole.group,
        "PERIOD_NAME": period,
    }
    if is_foreign:
        shared |= {
            "USER_CURRENCY_CONVERSION_TYPE": "User",
            "CURRENCY_CONVERSION_DATE": _date(document.accounting_date),
            "CURRENCY_CONVERSION_RATE": str(scaled(document.exchange_rate, EXCHANGE_RATE_SCALE)),
        }
    for line, values in zip(document.lines, segments, strict=True):
        if line.amount or line.ledger_amount:
            yield _row({**shared, **_amounts(line, is_foreign=is_foreign), "REFERENCE10": _text(line.text)}, values)


def zipped(found: Iterable[Sequence[str]]) -> bytes:
    """The same rows give the same bytes."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(found)
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        archive.writestr(ZipInfo(FILE_NAME), text.getvalue(), ZIP_DEFLATED)
    return made.getvalue()


def rejected(code: str, message: str = "", field: str = "") -> RejectedData | RejectedPeriod:
    said = message or _MEANINGS.get(code, "see the output of the import in Scheduled Processes")
    return RejectedPeriod(code, said) if code in _PERIOD_CODES else RejectedData(code, said, field)


def row_errors(output: bytes) -> dict[str, RejectedData | RejectedPeriod]:
    """What an import says of a document's rows: the first mistake in its data, else of its period.

    By our key, of the ZIP of an import's outputs and logs; what cannot be read says nothing.
    """
    found: dict[str, list[RejectedData | RejectedPeriod]] = {}
    try:
        for text in _texts(output):
            for key, error in _errors(text):
                found.setdefault(key, []).append(error)
    except _UNREADABLE:
        pass
    return {key: min(errors, key=lambda error: isinstance(error, RejectedPeriod)) for key, errors in found.items()}


def codes(output: bytes) -> list[str]:
    """Every code in the outputs, in their order."""
    try:
        return list(dict.fromkeys(code for text in _texts(output) for code in _CODE.findall(text)))
    except _UNREADABLE:
        return []


def _texts(output: bytes) -> Iterator[str]:
    left = LARGEST_OUTPUT
    with ZipFile(BytesIO(output)) as archive:
        for name in archive.namelist():
            with archive.open(name) as opened:
                data = opened.read(left)
            left -= len(data)
            yield data.decode(errors="replace")


def _errors(text: str) -> Iterator[tuple[str, RejectedData | RejectedPeriod]]:
    described = -1
    # Line by line: a quotation mark in a log must not join what it says of several documents.
    for line in text.replace("\x00", "").splitlines():
        fields = next(csv.reader([line]), [])
        if _DESCRIPTION in fields:
            described = fields.index(_DESCRIPTION)
        joined = ",".join(fields)
        key, found = _KEY.search(joined), _CODE.findall(joined)
        if key is not None and found:
            code = next((each for each in found if each not in _PERIOD_CODES), found[0])
            said = words(fields[described]) if 0 <= described < len(fields) else ""
            yield key.group(), rejected(code, said, _FIELDS.get(code[:2], ""))


def _row(values: Mapping[str, str], segments: Sequence[str]) -> list[str]:
    made = [""] * COLUMNS
    made[_FIRST_SEGMENT : _FIRST_SEGMENT + len(segments)] = segments
    for name, value in values.items():
        made[_PLACES[name]] = value
    return made


def _amounts(line: DocumentLine, *, is_foreign: bool) -> dict[str, str]:
    side, sign = ("DR", 1) if (line.amount or line.ledger_amount) > 0 else ("CR", -1)
    made = {f"ENTERED_{side}": _amount(sign * line.amount)}
    return made | ({f"ACCOUNTED_{side}": _amount(sign * line.ledger_amount)} if is_foreign else {})


def _amount(amount: Amount) -> str:
    return str(decimal_of(amount))


def _date(on: date) -> str:
    return f"{on:%Y/%m/%d}"


def _text(text: str) -> str:
    """On one line: a row of the file is a line."""
    return " ".join(text.split())[:LONGEST_TEXT]
