"""Journals, day marks and charts of a small firm, as shards would publish them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from domain.accounts import NAMES
from domain.delivery.chart import AccountRule, EntityChart
from domain.outputs import ControlTotals, JournalEntry, JournalLine, Position
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, Amount

JUNE = "2026-06"


class Came(NamedTuple):
    position: Position
    record: JournalEntry | ControlTotals


def position(shard: int, seq: int) -> Position:
    return Position("g1", shard, seq, 0, seq, f"event-{shard}-{seq}", seq, seq, f"correlation-{shard}-{seq}", "1")


def line(
    account: str, units: float, ledger: float | None = None, project: str = "P-1", **dimensions: str
) -> JournalLine:
    amount = round(units * AMOUNT_ONE)
    in_ledger = amount if ledger is None else round(ledger * AMOUNT_ONE)
    return JournalLine(account, "revenue", amount, in_ledger, project, None, dimensions)


def journal(
    journal_id: str, lines: Iterable[JournalLine] | None = None, *, day: date = date(2026, 6, 3), **changes: Any
) -> JournalEntry:
    """100.00 of revenue, unless lines are given."""
    found = JournalEntry(
        journal_id=journal_id,
        kind="posting",
        legal_entity_id="DE",
        currency="EUR",
        ledger_currency="EUR",
        exchange_rate=EXCHANGE_RATE_ONE,
        accounting_date=day,
        period=f"{day:%Y-%m}",
        rule="accrual",
        affected_kind="time_entry",
        affected_id=f"T-{journal_id}",
        affected_version=1,
        cause_kind="time_entry",
        cause_id=f"T-{journal_id}",
        cause_version=1,
        deliver=True,
        lines=tuple(lines) if lines is not None else (line("1150", 100), line("4000", -100)),
        contract_id="K-1",
        customer_id="C-1",
    )
    return found._replace(**changes)


def mark(
    day: date, count: int, *, entity: str = "DE", currency: str = "EUR", currencies: int = 1, ended: str | None = None
) -> ControlTotals:
    return ControlTotals(day, entity, currency, count, 0, 0, "", -1, currencies, ended)


def chart(**changes: Any) -> EntityChart:
    """Every account of ours is ERP account 9 and its number."""
    found = EntityChart(
        "DE", "netsuite", "entity_day", "1", accounts={role: (AccountRule(f"9{role}"),) for role in NAMES}
    )
    return found._replace(**changes)


def sums(lines: Iterable[Any]) -> Mapping[str, tuple[Amount, Amount]]:
    """Of both currencies by account of ours, debits apart from credits."""
    found: dict[str, tuple[Amount, Amount]] = {}
    for each in lines:
        name = f"{getattr(each, 'role', each.account)} {'Dr' if (each.amount, each.ledger_amount) > (0, 0) else 'Cr'}"
        had = found.get(name, (0, 0))
        found[name] = (had[0] + each.amount, had[1] + each.ledger_amount)
    return found
