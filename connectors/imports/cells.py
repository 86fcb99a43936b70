"""Cells of a mapping: where a field's text comes from, and what it says in a row.

What the mapping itself states (`value`, `default`, the results of `map`) is written plainly: 80.5, 2026-03-04, true.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.imports.readings import (
    ISO,
    UnreadableCell,
    format_fault,
    read_date,
    read_flag,
    read_hours,
    read_instant,
    read_number,
    read_whole,
)
from connectors.imports.refusals import nearest
from domain.money import is_currency
from domain.reference.zones import is_zone, zone_names

Constant = str | bool | int | Decimal | date

ANY_OTHER = "*"

_TEMPLATE_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def _one_or_more(given: object) -> object:
    return (given,) if isinstance(given, str) else given


def _known_formats(forms: tuple[str, ...]) -> tuple[str, ...]:
    for form in forms:
        fault = format_fault(form)
        if fault:
            raise ValueError(f'expected "{ISO}" or a format such as "%d/%m/%Y", came "{form}": {fault}')
    return forms


def _known_zone(zone: str) -> str:
    if not is_zone(zone):
        raise ValueError(f'expected an IANA zone such as "Europe/Berlin", came "{zone}"{nearest(zone, zone_names())}')
    return zone


def known_encoding(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(f'expected an encoding such as "utf-8" or "cp1252", came "{encoding}"') from None


def _pattern_with_one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as fault:
        raise ValueError(f'expected a regular expression, came "{pattern}": {fault}') from None
    if groups != 1:
        raise ValueError(f'expected a regular expression with one group in brackets, came "{pattern}" with {groups}')
    return pattern


def _closed_template(template: str) -> str:
    if re.search(r"[{}]", _TEMPLATE_PART.sub("", template)) or not _template_columns(template):
        raise ValueError(f'expected text with columns in braces such as "sip-{{task}}", came "{template}"')
    return template


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
Formats = Annotated[Texts, AfterValidator(_known_formats)]
Words = Annotated[Texts, AfterValidator(_folded)]
Zone = Annotated[str, AfterValidator(_known_zone)]
DecimalPoint = Literal[".", ","]
Thousands = Literal["", ".", ",", " ", "'"]


class CellPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @cached_property
    def cells(self) -> list[tuple[str, TextCell, bool]]:
        """The fields that have one, with whether it is needed."""
        fields = ((name, getattr(self, name), field) for name, field in type(self).model_fields.items())
        return [(name, cell, field.is_required()) for name, cell, field in fields if isinstance(cell, TextCell)]


class TextCell(CellPart):
    """Where a field's text comes from: exactly one of a column, the first filled of several, a template, a constant.

    `optional`: the file may lack its columns, and then nothing is there.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    template: Annotated[str, AfterValidator(_closed_template)] | None = None
    value: Constant | None = None
    extract: Annotated[str, AfterValidator(_pattern_with_one_group)] | None = None
    map: Mapping[str, Constant] = Field(default_factory=dict)
    default: Constant | None = None
    allow_empty: bool = False
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, given: object) -> object:
        """A column, a list of columns, a template or a constant may stand for the table that names it."""
        if isinstance(given, str):
            return {"template": given} if "{" in given else {"column": given}
        if isinstance(given, list):
            return {"columns": given}
        if isinstance(given, bool | int | Decimal | date):
            return {"value": given}
        return given

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        known = {"column": self.column, "columns": self.columns, "template": self.template, "value": self.value}
        self._only_one(known)
        return self

    def _only_one(self, known: Mapping[str, object]) -> None:
        named = [name for name, given in known.items() if given is not None and given != ()]
        if len(named) != 1:
            raise ValueError(f"expected exactly one of {', '.join(known)}, came {' and '.join(named) or 'none'}")

    @model_validator(mode="after")
    def _states_what_it_can_hold(self) -> Self:
        for constant in (self.value, self.default, *self.map.values()):
            text = "" if constant is None else constant_text(constant)
            if text:
                _check_stated(self, text)
        if self.value == "" or self.default == "":
            raise ValueError("expected a text in value and default, came an empty one")
        return self

    def reads(self) -> tuple[str, ...]:
        """The columns it needs, in order."""
        if self.template is not None:
            return _template_columns(self.template)
        return self.columns if self.column is None else (self.column,)

    def label(self) -> str:
        """How its place is named to people."""
        return self.template or " | ".join(self.reads())


class EntryIdCell(TextCell):
    """`derive = "row_content"`: a digest of the columns `of` (without it all) and the count among equal rows."""

    derive: Literal["row_content"] | None = None
    of: tuple[str, ...] = ()
    prefix: str = ""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        known = {"column": self.column, "columns": self.columns, "template": self.template, "value": self.value}
        self._only_one(known | {"derive": self.derive})
        return self

    def reads(self) -> tuple[str, ...]:
        return self.of if self.derive else super().reads()

    def label(self) -> str:
        return self.derive or super().label()


class IdCell(TextCell):
    """At most 128 characters."""


class CurrencyCell(TextCell):
    """An ISO 4217 code."""


class NumberCell(TextCell):
    """A number as the file writes numbers, unless it says otherwise; `divide_by = 100` where a column holds cents."""

    decimal: DecimalPoint | None = None
    thousands: Thousands | None = None
    divide_by: Annotated[int, Field(gt=0)] = 1


class AmountCell(NumberCell):
    """Money."""


class RateCell(NumberCell):
    """Money for an hour, which no run takes below zero."""


class HoursCell(TextCell):
    decimal: DecimalPoint | None = None
    thousands: Thousands | None = None
    unit: Literal["hours", "minutes", "seconds", "clock"] = "hours"


class DateCell(TextCell):
    format: Formats = ()


class InstantCell(TextCell):
    format: Formats = ()


class VersionCell(TextCell):
    """A whole number; with a format, the milliseconds of the instant that the text says."""

    format: Formats = ()


class FlagCell(TextCell):
    true: Words = ()
    false: Words = ()


def read_currency(text: str) -> str:
    if not is_currency(text):
        raise UnreadableCell("expected an ISO 4217 code such as EUR (extract takes it out of a longer text)")
    return text


def _read_rate(text: str) -> None:
    if read_number(text, ".", "") < 0:
        raise UnreadableCell("expected a rate of 0 or more")


def _check_stated(cell: TextCell, text: str) -> None:
    """What the mapping states is wrong once, not in every row."""
    try:
        match cell:
            case CurrencyCell():
                read_currency(text)
            case RateCell():
                _read_rate(text)
            case NumberCell():
                read_number(text, ".", "")
            case HoursCell():
                read_hours(text, cell.unit, ".", "")
            case DateCell():
                read_date(text, (ISO,))
            case InstantCell():
                read_instant(text, (ISO,), "UTC")
            case VersionCell():
                read_whole(text)
            case FlagCell():
                read_flag(text, ("true",), ("false",))
    except UnreadableCell as fault:
        raise ValueError(f'{fault}, came "{text}"') from None


def label_of(cell: TextCell | None) -> str:
    """Empty where the mapping has no such cell."""
    return "" if cell is None else cell.label()


def constant_text(value: Constant) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@lru_cache(maxsize=4096)
def template_parts(template: str) -> tuple[tuple[str, bool], ...]:
    """`sip-{task}` as (("sip-", False), ("task", True)): texts and, marked, columns; `{{` and `}}` are braces."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _TEMPLATE_PART.finditer(template):
        parts.append((template[end : match.start()], False))
        parts.append((match[0][0], False) if match[1] is None else (match[1], True))
        end = match.end()
    parts.append((template[end:], False))
    return tuple((text, is_column) for text, is_column in parts if text or is_column)


def _template_columns(template: str) -> tuple[str, ...]:
    return tuple(text for text, is_column in template_parts(template) if is_column)
