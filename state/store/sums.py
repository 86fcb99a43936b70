"""What the books of a shard add up to, from sums that they keep anyway: as cheap after a million entries as after one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from domain.identity import parts_of
from domain.units import Amount
from state.books import BroughtForward, Contract, LineTotals, StatementState
from state.store.snapshot import decode_part
from state.store.store import Store


class CurrencySums(NamedTuple):
    """In one currency: revenue earned under contracts, and what stands on issued statements, less what credit memos took of it."""

    recognised: Amount = 0
    issued: Amount = 0


class BooksSums(NamedTuple):
    """Amounts by transaction currency; what balances brought forward stands apart, also the statements that stand for its bills."""

    journals: int
    statements: int
    money: dict[str, CurrencySums]
    brought_forward: dict[str, CurrencySums]


def sums(store: Store) -> BooksSums:
    here: Counter[tuple[str, str]] = Counter()
    before: Counter[tuple[str, str]] = Counter()
    statements = 0
    for parts in _commercial_parts(store):
        statements += sum(isinstance(part, StatementState) for _, part in parts)
        # One that is only amended or terminated so far has no terms, and nothing on its lines.
        currencies = {id_: part.terms.currency for id_, part in parts if isinstance(part, Contract) and part.history}
        contracts = {
            line_id: contract_id
            for contract_id, line_id in (parts_of(id_) for id_, part in parts if isinstance(part, LineTotals))
        }
        for part_id, part in parts:
            if isinstance(part, LineTotals):
                _count(here, currencies[parts_of(part_id)[0]], part.recognised, part.issued - part.conceded)
            elif isinstance(part, BroughtForward) and part.loaded is not None:
                statements -= len(part.statements)
                for line in (one for one in part.loaded.lines if one.revenue or one.billed):
                    contract_id = line.contract_id or contracts[line.line_id]
                    _count(before, currencies[contract_id], line.revenue, line.billed)
    here.subtract(before)
    journals = sum(of.journals for of in store.period_sums().values())
    return BooksSums(journals, statements, _by_currency(here), _by_currency(before))


def _count(sums: Counter[tuple[str, str]], currency: str, recognised: Amount, issued: Amount) -> None:
    sums[currency, "recognised"] += recognised
    sums[currency, "issued"] += issued


def _by_currency(sums: Counter[tuple[str, str]]) -> dict[str, CurrencySums]:
    currencies = sorted({currency for currency, _ in sums})
    return {each: CurrencySums(sums[each, "recognised"], sums[each, "issued"]) for each in currencies}


def _commercial_parts(store: Store) -> Iterator[list[tuple[str, object]]]:
    """Contracts, lines, statements and balances brought forward, an engagement at a time."""
    rows = store.db.execute(
        "SELECT p.no, p.kind, p.id, p.data FROM engagements e JOIN parts p"
        " ON p.no = e.no AND p.kind IN ('contract', 'line', 'statement', 'brought_forward') ORDER BY p.no"
    )
    for _, found in groupby(rows, key=lambda row: row[0]):
        yield [(part_id, decode_part(kind, part_id, data)) for _, kind, part_id, data in found]
