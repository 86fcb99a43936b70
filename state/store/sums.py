"""What the books of a shard add up to, from sums that they keep anyway: as cheap after a million entries as after one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from domain.identity import parts_of
from domain.units import Amount
from state.books import Contract, LineTotals, StatementState
from state.store.snapshot import decode_part
from state.store.store import Store


class CurrencySums(NamedTuple):
    """In one currency: revenue earned under contracts, and what stands on issued statements."""

    recognised: Amount = 0
    issued: Amount = 0


class BooksSums(NamedTuple):
    """Amounts by transaction currency."""

    journals: int
    statements: int
    money: dict[str, CurrencySums]


def sums(store: Store) -> BooksSums:
    recognised: Counter[str] = Counter()
    issued: Counter[str] = Counter()
    statements = 0
    for parts in _commercial_parts(store):
        statements += sum(isinstance(part, StatementState) for _, part in parts)
        # One that is only amended or terminated so far has no terms, and nothing on its lines.
        currencies = {id_: part.terms.currency for id_, part in parts if isinstance(part, Contract) and part.history}
        for part_id, part in parts:
            if isinstance(part, LineTotals):
                currency = currencies[parts_of(part_id)[0]]
                recognised[currency] += part.recognised
                issued[currency] += part.issued
    money = {
        currency: CurrencySums(recognised[currency], issued[currency]) for currency in sorted({*recognised, *issued})
    }
    return BooksSums(sum(count for count, _, _ in store.meta.totals.values()), statements, money)


def _commercial_parts(store: Store) -> Iterator[list[tuple[str, object]]]:
    """Contracts, lines and statements, an engagement at a time."""
    rows = store.db.execute(
        "SELECT p.no, p.kind, p.id, p.data FROM engagements e JOIN parts p"
        " ON p.no = e.no AND p.kind IN ('contract', 'line', 'statement') ORDER BY p.no"
    )
    for _, found in groupby(rows, key=lambda row: row[0]):
        yield [(part_id, decode_part(kind, part_id, data)) for _, kind, part_id, data in found]
