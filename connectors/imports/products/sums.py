"""Sums of rows, hours and amounts, by which what was read and what became of it are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from connectors.imports.products.export_row import ExportRow, NotTaken


class ImportSums(NamedTuple):
    """`unread` counts rows whose hours cannot be read, so that they are in no sum. Amounts by currency."""

    rows: int
    unread: int
    hours: Decimal
    amounts: Mapping[str, Decimal]


def sums_of(rows: Iterable[ExportRow | NotTaken]) -> ImportSums:
    rows = tuple(rows)
    return ImportSums(
        rows=len(rows),
        unread=sum(row.hours is None for row in rows),
        hours=sum((row.hours for row in rows if row.hours is not None), Decimal(0)),
        amounts=by_currency((row.currency, row.amount) for row in rows if row.amount is not None),
    )


def by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Zero where a currency stands on rows without amount, so that sums have the same currencies."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sorted(sums.items()))
