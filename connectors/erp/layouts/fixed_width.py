"""Lines of fixed width, as a template file says: a TOML with a table of columns for journals and one for invoices.

    [[journal]]
    name = "DOCUMENT"
    from = "key"
    width = 20

    [[journal]]
    name = "AMOUNT"
    from = "amount"
    width = 15
    align = "right"
    fill = "0"
    format = "0.00"

Ids and amounts that are too long are refused; texts are cut.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from connectors.erp.layouts.layout import FileMade, Unfit, by_subsidiary, free_text, name_of, plain_amount
from connectors.model_faults import in_our_words
from connectors.section import Section
from domain.delivery.documents import Document, DocumentLine, InvoiceDocument, InvoiceLine
from domain.money import format_decimal, smallest_unit
from domain.units import EXCHANGE_RATE_SCALE, QUANTITY_SCALE, RATE_SCALE, Amount

Line = DocumentLine | InvoiceLine

# Digits that any amount of ours has before the point at most.
WHOLE_DIGITS: Final = 14
NAME_LONGEST: Final = 1_000
AMOUNT_FORMATS: Final = ("0.00", "0,00", "cents")
DATE_FORMAT: Final = "%Y%m%d"

_IDS: Final[Mapping[str, Callable[[Any, Any], str]]] = {
    "key": lambda document, _: document.key,
    "legal_entity_id": lambda document, _: document.legal_entity_id,
    "subsidiary": lambda document, _: document.subsidiary,
    "currency": lambda document, _: document.currency_id,
    "period": lambda document, _: document.period_id,
    "account": lambda _, line: line.account,
    "side": lambda _, line: "D" if _sized(line) > (0, 0) else "C",
    "ledger_currency": lambda document, _: document.ledger_currency,
    "exchange_rate": lambda document, _: format_decimal(document.exchange_rate, EXCHANGE_RATE_SCALE),
    "customer": lambda document, _: document.customer,
    "statement_id": lambda document, _: document.statement_id,
    "number": lambda document, _: document.number,
    "item": lambda _, line: line.item,
    "quantity": lambda _, line: format_decimal(line.quantity, QUANTITY_SCALE),
    "unit": lambda _, line: line.unit,
    "rate": lambda _, line: format_decimal(line.rate, RATE_SCALE),
    "tax_category": lambda _, line: line.tax_category,
}
_TEXTS: Final[Mapping[str, Callable[[Any, Any], str]]] = {
    "text": lambda document, _: document.text,
    "line_text": lambda _, line: line.text,
}
_DATES: Final[Mapping[str, Callable[[Any], date | None]]] = {
    "accounting_date": lambda document: document.accounting_date,
    "invoice_date": lambda document: document.invoice_date,
    "due_date": lambda document: document.due_date,
}
# Sizes without a sign, `signed_` with one; in which currency.
_AMOUNTS: Final[Mapping[str, Callable[[Any, Any], tuple[Amount, str]]]] = {
    "amount": lambda document, line: (abs(line.amount), document.currency),
    "ledger_amount": lambda document, line: (abs(line.ledger_amount), document.ledger_currency),
    "debit": lambda document, line: (max(line.amount, 0), document.currency),
    "credit": lambda document, line: (max(-line.amount, 0), document.currency),
    "signed_amount": lambda document, line: (line.amount, document.currency),
    "signed_ledger_amount": lambda document, line: (line.ledger_amount, document.ledger_currency),
}
SEGMENT: Final = "segment."
_OF_INVOICES: Final = {
    "customer",
    "statement_id",
    "number",
    "item",
    "quantity",
    "unit",
    "rate",
    "tax_category",
    "invoice_date",
    "due_date",
}
_OF_JOURNALS: Final = {"ledger_currency", "exchange_rate", "accounting_date", "ledger_amount", "signed_ledger_amount"}
KNOWN: Final = frozenset((*_IDS, *_TEXTS, *_DATES, *_AMOUNTS))


class Column(Section):
    name: str
    source: str | None = Field(None, alias="from")
    value: str | None = Field(None, description="The same on every line, where `from` is not given.")
    width: Annotated[int, Field(ge=1, le=1_000)]
    align: Literal["left", "right"] = "left"
    fill: Annotated[str, Field(min_length=1, max_length=1)] = " "
    format: str = ""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if (self.source is None) == (self.value is None):
            raise ValueError(f"column {self.name}: expected either from or value")
        if self.value is not None and len(self.value) > self.width:
            raise ValueError(
                f"column {self.name}: expected a value of at most {self.width} characters, came {self.value!r}"
            )
        source = self.source
        if source is not None and source not in KNOWN and not source.startswith(SEGMENT):
            raise ValueError(
                f"column {self.name}: expected from to be segment.NAME or one of {', '.join(sorted(KNOWN))}, came {source}"
            )
        if source in _AMOUNTS and self.format not in {"", *AMOUNT_FORMATS}:
            raise ValueError(
                f"column {self.name}: expected format to be one of {', '.join(AMOUNT_FORMATS)}, came {self.format}"
            )
        if source not in _AMOUNTS and source not in _DATES and self.format:
            raise ValueError(
                f"column {self.name}: expected no format, which dates and amounts have, came {self.format}"
            )
        return self

    def text(self, document: Document, line: Line) -> str:
        written = self._written(document, line)
        if len(written) > self.width:
            raise Unfit("TOO_LONG", self.name, f"expected at most {self.width} characters, came {written!r}")
        return written.ljust(self.width, self.fill) if self.align == "left" else written.rjust(self.width, self.fill)

    def _written(self, document: Document, line: Line) -> str:
        source = self.source
        if source is None:
            return self.value or ""
        if source in _TEXTS:
            return free_text(_TEXTS[source](document, line), self.width)
        if source in _DATES:
            found = _DATES[source](document)
            return found.strftime(self.format or DATE_FORMAT) if found else ""
        if source in _AMOUNTS:
            return self._amount(*_AMOUNTS[source](document, line))
        if source in _IDS:
            return name_of(_IDS[source](document, line), self.name, NAME_LONGEST)
        return name_of(dict(line.segments).get(source.removeprefix(SEGMENT), ""), self.name, NAME_LONGEST)

    def _amount(self, amount: Amount, currency: str) -> str:
        text = plain_amount(abs(amount), currency, self.name, WHOLE_DIGITS)
        if self.format == "cents":
            text = str(abs(amount) // smallest_unit(currency))
        elif self.format == "0,00":
            text = text.replace(".", ",")
        if amount >= 0:
            return text
        return f"-{text.rjust(self.width - 1, self.fill)}" if self.fill == "0" and self.align == "right" else f"-{text}"


class Template(Section):
    encoding: Literal["utf-8", "cp1252", "ascii", "latin-1", "cp037", "cp500"] = "utf-8"
    line_end: Literal["crlf", "lf"] = "crlf"
    journal: tuple[Column, ...] = ()
    invoice: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for kind, columns, foreign in (
            ("journal", self.journal, _OF_INVOICES),
            ("invoice", self.invoice, _OF_JOURNALS),
        ):
            sources = [column.source for column in columns]
            if columns and "key" not in sources:
                raise ValueError(f"{kind}: expected a column from key, by which what is written is known again")
            for column in columns:
                if column.source in foreign:
                    raise ValueError(f"{kind}: column {column.name}: {column.source} is not of it")
        if not self.journal and not self.invoice:
            raise ValueError("expected columns of journal or of invoice")
        return self


class FixedWidth(Section):
    template: Path
    suffix: str = Field(".txt", pattern=r"^\.[A-Za-z0-9]{1,10}$")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        _ = self.columns
        return self

    @cached_property
    def columns(self) -> Template:
        try:
            return Template.model_validate(tomllib.loads(self.template.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise ValueError(f"{self.template}: expected a TOML of columns: {fault}") from None
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{self.template}: {place}: {in_our_words(first['msg'])}".replace(": : ", ": ")) from None

    @property
    def prefix(self) -> str:
        return ""

    @property
    def taken(self) -> None:
        return None

    def shared(self, document: Document) -> tuple[str, ...]:
        return by_subsidiary(document)

    def head(self, _documents: Sequence[Document], _made: FileMade) -> bytes:
        return b""

    def rows(self, document: Document, _made: FileMade) -> Sequence[bytes]:
        invoice = isinstance(document, InvoiceDocument)
        columns = self.columns.invoice if invoice else self.columns.journal
        if not columns:
            kind = "invoice" if invoice else "journal"
            raise Unfit("NO_COLUMNS", kind, f"{self.template} has no columns of {kind}")
        end = "\r\n" if self.columns.line_end == "crlf" else "\n"
        return [
            ("".join(column.text(document, line) for column in columns) + end).encode(self.columns.encoding, "replace")
            for line in document.lines
            if isinstance(document, InvoiceDocument) or line.amount or _sized(line) != (0, 0)
        ]


def _sized(line: Any) -> tuple[Amount, Amount]:
    return line.amount, getattr(line, "ledger_amount", 0)
