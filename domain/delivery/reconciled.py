"""A comparison of one company and period with its ERP's ledger, and as the event that books keep of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.delivery.answers import key_and_attempt
from domain.delivery.chart import EntityChart, Unmapped
from domain.delivery.documents import INVOICE, key_of, revision_of
from domain.delivery.expected import ANSWERED, GIVEN_UP, DocumentState, expected
from domain.delivery.invoices import date_of, invoice
from domain.delivery.ledgers import LedgerEntry, LedgerScope
from domain.delivery.reconciliation import ErpInvoice, ErpPeriod, Reconciliation, compare, guarded_accounts
from domain.events.common import FiscalCalendar
from domain.events.finance import InvoicePosted, InvoiceRejected, LedgerReconciled
from domain.outputs import BillingStatement
from domain.reference import fiscal
from domain.units import Amount, Instant

# So far from a period its documents are looked for, where somebody has moved them.
BESIDE: Final = timedelta(days=35)


class Reconciled(NamedTuple):
    legal_entity_id: str
    erp: str
    period: ErpPeriod
    compared: Reconciliation


class Billing(NamedTuple):
    """Statements that were issued, by id, their invoices that were posted, by the id of the statement, and the last rejection by key."""

    statements: Mapping[str, BillingStatement]
    invoices: Mapping[str, InvoicePosted]
    rejected: Mapping[str, InvoiceRejected] = {}


NOT_BILLING: Final = Billing({}, {})


def periods_of(
    chart: EntityChart, found: Iterable[DocumentState], billing: Billing, calendar: FiscalCalendar, until: date
) -> list[str]:
    """From the first that the ERP has something of to the last, or that of `until`: people may post by hand where we post nothing."""
    documents = (each.document for each in found if each.state)
    names = {each.period for each in documents if each.legal_entity_id == chart.legal_entity_id}
    names |= {fiscal.period_of(calendar, each.posted_on).name for each in _invoiced(chart, billing)}
    ours = sorted(names)
    period = fiscal.period_named(calendar, ours[0]) if ours else None
    last = max(ours[-1], fiscal.period_of(calendar, until).name) if ours else ""
    while period is not None and period.name <= last:
        names.add(period.name)
        period = fiscal.period_after(calendar, period)
    return sorted(names)


def period_of(chart: EntityChart, calendar: FiscalCalendar, name: str) -> ErpPeriod | None:
    """None where the calendar has no such period."""
    found = fiscal.period_named(calendar, name)
    if found is None:
        return None
    ids = {name, chart.periods.get(name, name)}
    return ErpPeriod(name, found.start, found.to, frozenset(ids))


def reconcile(
    chart: EntityChart,
    periods: Sequence[ErpPeriod],
    found: Iterable[DocumentState],
    ledger: Callable[[LedgerScope], Iterable[LedgerEntry]],
    billing: Billing = NOT_BILLING,
) -> Iterator[Reconciled]:
    """The ledger is read once, for all periods and what lies beside them."""
    mine = [each for each in found if each.document.legal_entity_id == chart.legal_entity_id]
    withdrawn = {each.document.key: each.document.members for each in mine if each.state in GIVEN_UP}
    unanswered = {each.document.key for each in mine if not each.state}
    rejected = {
        each.document.key: each.document.members
        for each in mine
        if each.state and each.state not in ANSWERED | GIVEN_UP
    }
    invoices = list(_invoiced(chart, billing))
    billed = {each.statement_id for each in invoices}
    unbilled = {key for name, each in billing.statements.items() if name not in billed for key in keys_of(each)}
    if not periods:
        return
    first, last = min(each.since for each in periods), max(each.to for each in periods)
    guarded = frozenset(account for each in periods for account in guarded_accounts(chart, each))
    since = max(first, date.min + BESIDE) - BESIDE
    entries = list(ledger(LedgerScope(chart.subsidiary, since, last + BESIDE, guarded)))
    for period in periods:
        compared = compare(
            chart, period, list(expected(mine)), entries, withdrawn, unanswered | unbilled, invoices, rejected
        )
        yield Reconciled(chart.legal_entity_id, chart.erp, period, compared)


def event_of(found: Reconciled, at: Instant, version: int) -> LedgerReconciled:
    """A later one has a higher version, also where books that end long ago have it happen at the same moment."""
    return LedgerReconciled(
        event_id=f"reconciled/{found.legal_entity_id}/{found.period.name}/{version}",
        occurred_at=at,
        source="milepost",
        legal_entity_id=found.legal_entity_id,
        period=found.period.name,
        version=version,
        erp=found.erp,
        sums=found.compared.sums,
        differences=found.compared.differences,
    )


def _invoiced(chart: EntityChart, billing: Billing) -> Iterator[ErpInvoice]:
    """Those of the company that the ERP has under our key."""
    for statement_id, event in billing.invoices.items():
        statement = billing.statements.get(statement_id)
        if statement is None or statement.legal_entity_id != chart.legal_entity_id:
            continue
        said, _ = key_and_attempt(event.event_id)
        keys = keys_of(statement)
        # What others had invoiced before the ERP began has no key of ours.
        if said in keys or chart.issues_invoices_of(date_of(statement)):
            currency_id = chart.currencies.get(statement.currency, statement.currency)
            gross = event.amount + event.tax_amount
            key = said if said in keys else keys[-1]
            net = _net(chart, statement) if event.clears_unbilled and key == keys[-1] else ()
            by_hand = "" if said in keys else event.invoice_id
            yield ErpInvoice(key, statement_id, event.posted_on, statement.currency, currency_id, gross, net, by_hand)


def _net(chart: EntityChart, statement: BillingStatement) -> tuple[tuple[str, Amount], ...]:
    """By account of the ERP, as the chart has it today."""
    document = invoice(statement, chart)
    if isinstance(document, Unmapped):
        return ()
    sums: Counter[str] = Counter()
    for line in document.lines:
        sums[line.account] += line.amount
    return tuple(sorted(sums.items()))


def keys_of(statement: BillingStatement) -> list[str]:
    """Of the invoices of all its revisions, the newest last."""
    return [key_of(INVOICE, [revision_of(statement.statement_id, each)]) for each in range(1, statement.revision + 1)]
