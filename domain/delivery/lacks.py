"""What charts lack for what was posted and issued, with the money that would wait for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from domain.billing.statement import ISSUED
from domain.delivery.chart import EntityChart, Unmapped, dimensions_of
from domain.delivery.invoices import date_of, lack_of
from domain.delivery.journals import is_carried
from domain.ledger.journal import BILLING, debits
from domain.outputs import BillingStatement, JournalEntry
from domain.units import Amount

COMPANY: Final = "company"
# Receivables of Milepost beside invoices of the ERP: both would post the same money.
TWICE: Final = "receivable twice"


class Lack(NamedTuple):
    """`missing` of `name`: an account of Milepost, a currency, a period, a customer, a kind of invoice line, or the company itself."""

    legal_entity_id: str
    missing: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    currency: str


class HeldDocuments(NamedTuple):
    """How many journals and statements, and the sum of their debits and of what they bill."""

    documents: int
    amount: Amount


class LeftOut(NamedTuple):
    """Issued statements whose period ended before the ERP issues invoices."""

    legal_entity_id: str
    invoices_from: date
    currency: str


class Lacks:
    """Filled with all that is to be sent."""

    def __init__(self, charts: Mapping[str, EntityChart]) -> None:
        self._charts = charts
        self._found: dict[Lack, HeldDocuments] = {}
        self._left_out: dict[LeftOut, HeldDocuments] = {}

    def add(self, record: JournalEntry | BillingStatement) -> None:
        if isinstance(record, JournalEntry):
            if record.deliver:
                self._count(record, self._of_journal(record), debits(record.lines))
        elif record.status == ISSUED and record.part == 1:
            self._count(record, self._of_statement(record), record.amount_due)
            self._leave_out(record)

    @property
    def found(self) -> list[tuple[Lack, HeldDocuments]]:
        return sorted(self._found.items())

    @property
    def left_out(self) -> list[tuple[LeftOut, HeldDocuments]]:
        return sorted(self._left_out.items())

    def _count(self, record: JournalEntry | BillingStatement, lacks: Iterator[Unmapped], amount: Amount) -> None:
        for each in dict.fromkeys(lacks):
            lack = Lack(record.legal_entity_id, each.missing, each.role, each.dimensions, record.currency)
            self._found[lack] = _with(self._found.get(lack), amount)

    def _leave_out(self, statement: BillingStatement) -> None:
        chart = self._charts.get(statement.legal_entity_id)
        if chart is not None and chart.invoices_from is not None and date_of(statement) < chart.invoices_from:
            place = LeftOut(statement.legal_entity_id, chart.invoices_from, statement.currency)
            self._left_out[place] = _with(self._left_out.get(place), statement.amount_due)

    def _of_journal(self, journal: JournalEntry) -> Iterator[Unmapped]:
        chart = self._charts.get(journal.legal_entity_id)
        if chart is None:
            yield Unmapped(COMPANY, journal.legal_entity_id)
            return
        for line in journal.lines:
            place = chart.mapped(line.account, dimensions_of(journal, line))
            if isinstance(place, Unmapped):
                yield place
        yield from chart.unnamed(journal.currency, journal.period)
        if is_carried(journal):
            yield from chart.unnamed(journal.ledger_currency)
        if chart.issues_invoices and journal.kind == BILLING:
            yield Unmapped(TWICE, journal.legal_entity_id)

    def _of_statement(self, statement: BillingStatement) -> Iterator[Unmapped]:
        chart = self._charts.get(statement.legal_entity_id)
        if chart is None or not chart.issues_invoices_of(date_of(statement)):
            return
        if (found := lack_of(statement, chart)) is not None:
            yield found


def _with(had: HeldDocuments | None, amount: Amount) -> HeldDocuments:
    return HeldDocuments(1, amount) if had is None else HeldDocuments(had.documents + 1, had.amount + amount)
