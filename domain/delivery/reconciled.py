"""A comparison of one company and period with its ERP's ledger, and as the event that books keep of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.delivery.chart import EntityChart
from domain.delivery.expected import ANSWERED, Found, expected
from domain.delivery.ledgers import LedgerEntry, LedgerScope
from domain.delivery.reconciliation import Compared, Period, compare
from domain.events.common import FiscalCalendar
from domain.events.finance import LedgerReconciled
from domain.fiscal import period_named
from domain.units import Instant

# So far from a period its documents are looked for, where somebody has moved them.
BESIDE: Final = timedelta(days=35)
# Of a document that the ERP has refused for its period, which another one replaces.
REFUSED_PERIOD: Final = "period"


class Reconciled(NamedTuple):
    """`to_send` are documents of the period that the ERP has not answered."""

    legal_entity_id: str
    erp: str
    period: Period
    compared: Compared
    to_send: int


def periods_of(found: Iterable[Found], legal_entity_id: str) -> list[str]:
    """Those that the ERP has something of."""
    documents = (each.document for each in found if each.state)
    return sorted({each.period for each in documents if each.legal_entity_id == legal_entity_id})


def period_of(chart: EntityChart, calendar: FiscalCalendar, name: str) -> Period | None:
    """None where the calendar has no such period."""
    found = period_named(calendar, name)
    if found is None:
        return None
    ids = {name, chart.periods.get(name, name)}
    return Period(name, found.start, found.to, frozenset(ids))


def reconcile(
    chart: EntityChart,
    periods: Sequence[Period],
    found: Iterable[Found],
    ledger: Callable[[LedgerScope], Iterable[LedgerEntry]],
) -> Iterator[Reconciled]:
    """The ledger is read once, for all periods and what lies beside them."""
    mine = [each for each in found if each.document.legal_entity_id == chart.legal_entity_id]
    withdrawn = {each.document.key: each.document.members for each in mine if each.state == REFUSED_PERIOD}
    unanswered = {each.document.key for each in mine if each.state not in {*ANSWERED, REFUSED_PERIOD}}
    if not periods:
        return
    first, last = min(each.since for each in periods), max(each.to for each in periods)
    entries = list(ledger(LedgerScope(chart.subsidiary, max(first, date.min + BESIDE) - BESIDE, last + BESIDE)))
    for period in periods:
        compared = compare(chart, period, list(expected(mine)), entries, withdrawn, unanswered)
        to_send = sum(each.document.period == period.name and each.document.key in unanswered for each in mine)
        yield Reconciled(chart.legal_entity_id, chart.erp, period, compared, to_send)


def event_of(found: Reconciled, at: Instant) -> LedgerReconciled:
    """A later one has a higher version, which is its moment."""
    return LedgerReconciled(
        event_id=f"reconciled/{found.legal_entity_id}/{found.period.name}/{at}",
        occurred_at=at,
        source="milepost",
        legal_entity_id=found.legal_entity_id,
        period=found.period.name,
        version=at,
        erp=found.erp,
        sums=found.compared.sums,
        differences=found.compared.differences,
    )
