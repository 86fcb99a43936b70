"""CSV as NetSuite's import assistant maps it by itself: one row a line, the header repeated, grouped by External ID.

NetSuite makes the amounts in the ledger currency from the rate, so lines of the ledger currency alone have no row.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from connectors.erp.layouts.layout import (
    CsvSection,
    FileMade,
    csv_lines,
    day,
    free_text,
    name_of,
    plain_amount,
    segment_values,
    signed_amount,
)
from domain.delivery.documents import Document, InvoiceDocument, JournalDocument
from domain.money import format_decimal
from domain.units import EXCHANGE_RATE_SCALE, QUANTITY_SCALE, RATE_SCALE

# As the first line of a file has them; columns of segments follow.
JOURNAL: Final = "External ID,Subsidiary,Currency,Exchange Rate,Date,Posting Period,Memo,Account,Debit,Credit,Line Memo"
INVOICE: Final = (
    "External ID,Customer,Subsidiary,Currency,Date,Due Date,Posting Period,Memo,Item,Quantity,Rate,Amount,Description"
)
MEMO_LONGEST: Final = 999
# "A maximum of 10 digits before the decimal."
WHOLE_DIGITS: Final = 10
NAME_LONGEST: Final = 300


class NetSuiteCsv(CsvSection):
    date_format: str = Field("%m/%d/%Y", description="As the NetSuite user who imports has set it.")
    segments: Mapping[str, str] = Field(
        {"department": "Department", "class": "Class", "location": "Location"},
        description="Our segments with their columns.",
    )

    @property
    def taken(self) -> tuple[str, ...]:
        return (*self.segments,)

    def head(self, documents: Sequence[Document], _made: FileMade) -> bytes:
        columns = INVOICE if isinstance(documents[0], InvoiceDocument) else JOURNAL
        return csv_lines([[*columns.split(","), *self.segments.values()]])[0]

    def rows(self, document: Document, _made: FileMade) -> Sequence[bytes]:
        if isinstance(document, InvoiceDocument):
            return csv_lines(self._invoice(document))
        return csv_lines(self._journal(document))

    def _journal(self, journal: JournalDocument) -> Iterator[list[str]]:
        for line in journal.lines:
            if not line.amount:
                continue
            amount = plain_amount(abs(line.amount), journal.currency, "Debit", WHOLE_DIGITS)
            segments = segment_values(line.segments, self.segments)
            yield [
                journal.key,
                name_of(journal.subsidiary, "Subsidiary", NAME_LONGEST),
                name_of(journal.currency_id, "Currency", NAME_LONGEST),
                format_decimal(journal.exchange_rate, EXCHANGE_RATE_SCALE),
                day(journal.accounting_date, self.date_format),
                name_of(journal.period_id, "Posting Period", NAME_LONGEST),
                free_text(journal.text, MEMO_LONGEST),
                name_of(line.account, "Account", NAME_LONGEST),
                amount if line.amount > 0 else "",
                amount if line.amount < 0 else "",
                free_text(line.text, MEMO_LONGEST),
                *(name_of(segments.get(each, ""), each, NAME_LONGEST) for each in self.segments),
            ]

    def _invoice(self, invoice: InvoiceDocument) -> Iterator[list[str]]:
        for line in invoice.lines:
            segments = segment_values(line.segments, self.segments)
            yield [
                invoice.key,
                name_of(invoice.customer, "Customer", NAME_LONGEST),
                name_of(invoice.subsidiary, "Subsidiary", NAME_LONGEST),
                name_of(invoice.currency_id, "Currency", NAME_LONGEST),
                day(invoice.invoice_date, self.date_format),
                day(invoice.due_date, self.date_format) if invoice.due_date else "",
                name_of(invoice.period_id, "Posting Period", NAME_LONGEST),
                free_text(invoice.text, MEMO_LONGEST),
                name_of(line.item, "Item", NAME_LONGEST),
                format_decimal(line.quantity, QUANTITY_SCALE),
                format_decimal(line.rate, RATE_SCALE),
                signed_amount(line.amount, invoice.currency, "Amount", WHOLE_DIGITS),
                free_text(line.text, MEMO_LONGEST),
                *(name_of(segments.get(each, ""), each, NAME_LONGEST) for each in self.segments),
            ]
