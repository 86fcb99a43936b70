"""Journals and invoices that an ERP has not got, as `milepost reconcile` and `milepost show` say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from domain.counting import counted
from domain.delivery.invoices import date_of
from domain.delivery.standings import REFUSED
from domain.money import format_amount
from domain.reference import fiscal
from milepost.console import money_text
from milepost.delivery.delivered_shown import WORDS
from milepost.tables import Table

if TYPE_CHECKING:
    from domain.delivery.absent import Absent
    from domain.delivery.absent_invoices import AbsentInvoice
    from domain.events.common import FiscalCalendar
    from domain.units import Amount

# Of a company and period.
REASONS_SHOWN: Final = 10


class Lacking(NamedTuple):
    """Journals, or invoices, of a company and period that are absent for one reason.

    `money` are debits, or what the invoices come to without tax, by currency.
    """

    legal_entity_id: str
    period: str
    standing: str
    why: str
    until: str
    journals: int
    invoices: int
    money: Mapping[str, Amount]


class _One(NamedTuple):
    legal_entity_id: str
    period: str
    standing: str
    why: str
    until: str
    is_invoice: bool


def summed(
    found: Iterable[Absent], invoices: Iterable[AbsentInvoice] = (), calendars: Mapping[str, FiscalCalendar] = {}
) -> list[Lacking]:
    """An invoice is of the period that its date is in."""
    money: dict[_One, Counter[str]] = {}
    counts: Counter[_One] = Counter()
    for one, currency, amount in (*map(_of_journal, found), *(_of_invoice(each, calendars) for each in invoices)):
        counts[one] += 1
        money.setdefault(one, Counter())[currency] += amount
    return [
        Lacking(*one[:5], 0 if one.is_invoice else count, count if one.is_invoice else 0, money[one])
        for one, count in sorted(counts.items())
    ]


def _of_journal(each: Absent) -> tuple[_One, str, Amount]:
    journal = each.journal
    one = _One(journal.legal_entity_id, journal.period, each.standing, each.why, each.until, is_invoice=False)
    return one, journal.currency, each.debits


def _of_invoice(each: AbsentInvoice, calendars: Mapping[str, FiscalCalendar]) -> tuple[_One, str, Amount]:
    statement = each.statement
    calendar = calendars.get(statement.legal_entity_id)
    period = "" if calendar is None else fiscal.period_of(calendar, date_of(statement)).name
    one = _One(statement.legal_entity_id, period, each.standing, each.why, "", is_invoice=True)
    return one, statement.currency, statement.amount_due


def to_send(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> int:
    """Journals and invoices that go by themselves sooner or later, or once the chart is mended."""
    return sum(
        each.journals + each.invoices for each in _of(lacking, legal_entity_id, period) if each.standing != REFUSED
    )


def rejected(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> int:
    """Journals and invoices that the ERP refused for what they are; invoices also for their period."""
    return sum(
        each.journals + each.invoices for each in _of(lacking, legal_entity_id, period) if each.standing == REFUSED
    )


def _of(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> Iterable[Lacking]:
    return (each for each in lacking if (each.legal_entity_id, each.period) == (legal_entity_id, period))


def count_text(lacking: Sequence[Lacking]) -> str:
    """`20 journals and 1 invoice`."""
    journals, invoices = sum(each.journals for each in lacking), sum(each.invoices for each in lacking)
    return " and ".join(
        [*([counted(journals, "journal")] if journals else []), *([counted(invoices, "invoice")] if invoices else [])]
    )


def table(lacking: Sequence[Lacking]) -> Table:
    rows: list[tuple[str, ...]] = []
    shown: Counter[tuple[str, str]] = Counter()
    for each in sorted(lacking, key=lambda one: (*one[:2], -one.journals - one.invoices, one.why)):
        shown[each[:2]] += 1
        if shown[each[:2]] <= REASONS_SHOWN:
            place = (each.legal_entity_id, each.period, WORDS[each.standing])
            rows.append((*place, count_text([each]), money_text(each.money), each.why))
    for (entity, period), count in sorted(shown.items()):
        if count > REASONS_SHOWN:
            rows.append((entity, period, "", "", "", f"{count - REASONS_SHOWN:,} other reasons; --json has them all"))
    columns = ("company", "period", "", "journals, invoices", "money", "why")
    return Table("Not in the ERP yet", columns, rows, frozenset({3}))


def as_json(each: Lacking) -> dict[str, Any]:
    """Amounts are decimals as text."""
    money = {currency: format_amount(amount) for currency, amount in sorted(each.money.items())}
    return {**each._asdict(), "until": each.until or None, "money": money}
