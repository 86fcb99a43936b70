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


class StatementLacks(NamedTuple):
    """Of a statement as it was issued last."""

    lacks: tuple[Lack, ...]
    left_out: LeftOut | None
    amount: Amount


class Lacks:
    """Filled with all that is to be sent; of a statement that was issued again the last revision counts."""

    def __init__(self, charts: Mapping[str, EntityChart]) -> None:
        self._charts = charts
        self._found: dict[Lack, HeldDocuments] = {}
        self._statements: dict[str, StatementLacks] = {}

    def add(self, record: JournalEntry | BillingStatement) -> None:
        if isinstance(record, JournalEntry):
            if record.deliver:
                for lack in _named(record, self._of_journal(record)):
                    self._found[lack] = _with(self._found.get(lack), debits(record.lines))
        elif record.status == ISSUED and record.part == 1:
            lacks = _named(record, self._of_statement(record))
            self._statements[record.statement_id] = StatementLacks(lacks, self._left_out_of(record), record.amount_due)

    @property
    def found(self) -> list[tuple[Lack, HeldDocuments]]:
        found = dict(self._found)
        for each in self._statements.values():
            for lack in each.lacks:
                found[lack] = _with(found.get(lack), each.amount)
        return sorted(found.items())

    @property
    def left_out(self) -> list[tuple[LeftOut, HeldDocuments]]:
        found: dict[LeftOut, HeldDocuments] = {}
        for each in self._statements.values():
            if each.left_out is not None:
                found[each.left_out] = _with(found.get(each.left_out), each.amount)
        return sorted(found.items())

    def _left_out_of(self, statement: BillingStatement) -> LeftOut | None:
        chart = self._charts.get(statement.legal_entity_id)
        if chart is None or chart.invoices_from is None or date_of(statement) >= chart.invoices_from:
            return None
        return LeftOut(statement.legal_entity_id, chart.invoices_from, statement.currency)

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


def _named(record: JournalEntry | BillingStatement, lacks: Iterator[Unmapped]) -> tuple[Lack, ...]:
    found = (Lack(record.legal_entity_id, each.missing, each.role, each.dimensions, record.currency) for each in lacks)
    return tuple(dict.fromkeys(found))


def _with(had: HeldDocuments | None, amount: Amount) -> HeldDocuments:
    return HeldDocuments(1, amount) if had is None else HeldDocuments(had.documents + 1, had.amount + amount)
