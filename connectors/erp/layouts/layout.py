"""What a layout of a file ledger gives: rows of a document, the lines before them, and which documents share a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from connectors.section import Section
from domain.delivery.documents import Document, InvoiceDocument, Segment
from domain.money import AMOUNT_DECIMALS, format_decimal, minor_units, smallest_unit
from domain.units import Amount

# What a spreadsheet takes for the beginning of a formula.
FORMULA: Final = "=+-@\t\r"


class Unfit(Exception):
    """The document cannot be said in this layout; it is rejected, nothing of it is written."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class FileMade(NamedTuple):
    """The file that rows are for: its number among all of the folder, when it was made (UTC), and the row that comes next."""

    number: int
    at: datetime
    row: int = 1


class CsvSection(Section):
    """Of a layout whose files are CSV: one for each company and period."""

    @property
    def prefix(self) -> str:
        return ""

    @property
    def suffix(self) -> str:
        return ".csv"

    def shared(self, document: Document) -> tuple[str, ...]:
        return by_subsidiary(document)


class Layout(Protocol):
    @property
    def suffix(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def taken(self) -> tuple[str, ...] | None:
        """Segments that have a place in it; None: others are left out."""

    def shared(self, document: Document) -> tuple[str, ...]:
        """What all documents of one file have in common, as words of the file's name."""

    def head(self, documents: Sequence[Document], made: FileMade, /) -> bytes:
        """What stands before the rows."""

    def rows(self, document: Document, made: FileMade, /) -> Sequence[bytes]:
        """Each with its line end. Raises Unfit."""


def by_subsidiary(document: Document) -> tuple[str, ...]:
    kind = "invoices" if isinstance(document, InvoiceDocument) else "journals"
    return kind, document.subsidiary, document.period


def csv_lines(rows: Iterable[Sequence[str]]) -> list[bytes]:
    """RFC 4180, in UTF-8."""
    return [_csv_line(row) for row in rows]


def _csv_line(row: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().encode()


def free_text(text: str, longest: int) -> str:
    """One line that no spreadsheet calculates."""
    line = "".join(each if each.isprintable() else " " for each in text).strip()
    return (f"'{line}" if line[:1] in FORMULA and line else line)[:longest]


def name_of(text: str, field: str, longest: int) -> str:
    """An id of the ERP: written as it is or not at all."""
    if len(text) > longest:
        raise Unfit("TOO_LONG", field, f"expected at most {longest} characters, came {text!r}")
    if (text[:1] in FORMULA and text) or not text.isprintable() or text != text.strip():
        raise Unfit(
            "UNSAFE",
            field,
            f"expected an id without control characters that begins with none of = + - @, came {text!r}",
        )
    return text


def plain_amount(amount: Amount, currency: str, field: str, whole_digits: int) -> str:
    """Not negative, with the decimals of the currency."""
    decimals = minor_units(currency)
    text = format_decimal(amount, AMOUNT_DECIMALS, decimals)
    if amount < 0 or amount % smallest_unit(currency):
        raise Unfit("AMOUNT", field, f"expected an amount of at most {decimals} decimals, came {text} {currency}")
    if amount >= 10 ** (whole_digits + AMOUNT_DECIMALS):
        raise Unfit("AMOUNT", field, f"expected at most {whole_digits} digits before the point, came {text}")
    return text


def signed_amount(amount: Amount, currency: str, field: str, whole_digits: int) -> str:
    text = plain_amount(abs(amount), currency, field, whole_digits)
    return f"-{text}" if amount < 0 else text


def day(value: date, pattern: str) -> str:
    return value.strftime(pattern)


def segment_values(segments: Sequence[Segment], known: Iterable[str]) -> dict[str, str]:
    """By name. Raises Unfit where one has no place in the layout."""
    values = {segment.name: segment.value for segment in segments}
    if unknown := values.keys() - set(known):
        raise Unfit(
            "SEGMENT",
            min(unknown),
            f"expected one of the segments of the layout ({', '.join(known) or 'none'}), came {min(unknown)}",
        )
    return values
