"""Rows that could not be read, with place and reason: listed in a file beside the events, never dropped in silence."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

# Reasons shown on the terminal; the file has all rows.
REASONS_SHOWN = 20

# What differs between rows of one reason: texts in quotes, and figures such as lines, hours and days.
_OWN = re.compile(r'"[^"]*"|\b[0-9][0-9.,:-]*')


class RejectedRow(NamedTuple):
    """`event` is what the row would have become; `row` its cells, where it had any; `file` where several were read."""

    line: int
    event: str
    column: str
    value: str
    reason: str
    row: Mapping[str, str] | None
    file: str = ""

    def sentence(self) -> str:
        """For a terminal, so without the control characters a file may hold."""
        place = f'column "{self.column}": ' if self.column else ""
        shown = "".join(sign if sign.isprintable() else "�" for sign in self.value[:80])
        came = f' (came "{shown}")' if self.value else ""
        where = f"{self.file} line" if self.file else "line"
        return f"{where} {self.line}: {place}{self.reason}{came}"


class CsvRow(NamedTuple):
    """One line of the file; cells are trimmed and in one Unicode form."""

    line: int
    cells: Mapping[str, str]


class CellFault(Exception):
    """A cell that does not say what its field needs."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(column, value, reason)
        self.column = column
        self.value = value
        self.reason = reason

    def rejected(self, row: CsvRow, event: str, file: str = "") -> RejectedRow:
        """The row, which would have become the event."""
        return RejectedRow(row.line, event, self.column, self.value, self.reason, row.cells, file)


class RowSums(NamedTuple):
    """Rows with their hours and amounts as far as they can be read, of which `unread` have no readable hours; amounts by currency, the
    empty one where a row names none."""

    rows: int = 0
    hours: Decimal = Decimal(0)
    amounts: Mapping[str, Decimal] = {}
    unread: int = 0

    def plus(self, hours: Decimal | None, amount: Decimal | None, currency: str) -> RowSums:
        of_currency = {currency: self.amounts.get(currency, Decimal(0)) + amount} if amount else {}
        return RowSums(
            self.rows + 1, self.hours + (hours or 0), {**self.amounts, **of_currency}, self.unread + (hours is None)
        )


class RejectedRows(NamedTuple):
    """All rows of one reason."""

    first: RejectedRow
    tally: RowSums


class ByReason:
    """Rejected rows by reason."""

    def __init__(self, rejected: Iterable[RejectedRow] = ()) -> None:
        self._first: dict[tuple[str, str, str], RejectedRow] = {}
        self._tallies: defaultdict[tuple[str, str, str], RowSums] = defaultdict(RowSums)
        for each in rejected:
            self.add(each)

    def add(
        self, rejected: RejectedRow, hours: Decimal | None = None, money: Decimal | None = None, currency: str = ""
    ) -> None:
        key = (rejected.event, rejected.column, _OWN.sub("", rejected.reason))
        if rejected.line < self._first.setdefault(key, rejected).line:
            self._first[key] = rejected
        self._tallies[key] = self._tallies[key].plus(hours, money, currency)

    def by_reason(self) -> tuple[RejectedRows, ...]:
        """The most rows first."""
        found = (RejectedRows(first, self._tallies[key]) for key, first in self._first.items())
        return tuple(sorted(found, key=lambda each: (-each.tally.rows, each.first.line)))


def rejected_json(rejected: RejectedRow) -> dict[str, object]:
    return {key: value for key, value in rejected._asdict().items() if value not in ("", None)}
