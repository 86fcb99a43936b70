"""CSV of the General journal entity (LedgerJournalEntity) of Dynamics 365's data management: one file, one journal of vouchers.

The voucher is our key. Invoices are lines of a free text invoice (CustFreeTextInvoiceEntity).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from connectors.erp.layouts.layout import (
    CsvSection,
    FileMade,
    Unfit,
    csv_lines,
    day,
    free_text,
    name_of,
    plain_amount,
    segment_values,
    signed_amount,
)
from domain.delivery.documents import Document, InvoiceDocument, JournalDocument, Segment
from domain.money import format_decimal
from domain.units import EXCHANGE_RATE_SCALE, QUANTITY_SCALE, RATE_SCALE

# As the first line of a file has them.
JOURNAL: Final = (
    "JOURNALBATCHNUMBER,JOURNALNAME,DESCRIPTION,LINENUMBER,TRANSDATE,VOUCHER,DOCUMENT,ACCOUNTTYPE,ACCOUNTDISPLAYVALUE,"
    "CURRENCYCODE,EXCHANGERATE,DEBITAMOUNT,CREDITAMOUNT,TEXT"
)
INVOICE: Final = (
    "FREETEXTNUMBER,INVOICEACCOUNT,INVOICEDATE,DUEDATE,CURRENCYCODE,CUSTOMERREFERENCE,LINENUMBER,"
    "MAINACCOUNTDISPLAYVALUE,DESCRIPTION,QUANTITY,UNITPRICE,AMOUNTCUR"
)
DATE: Final = "%Y-%m-%d"
TEXT_LONGEST: Final = 60
WHOLE_DIGITS: Final = 13
NAME_LONGEST: Final = 200
# Journal numbers of Dynamics have 10 characters.
BATCH: Final = "MP{number:08d}"


class D365Csv(CsvSection):
    journal_name: str = Field("GenJrn", description="The journal name (type daily) that the vouchers go to.")
    account_format: Sequence[str] = Field(
        ("MainAccount",), description="The dimensions of an account's display value in order; ours by their names."
    )
    delimiter: str = Field("-", min_length=1, max_length=1)
    segments: Mapping[str, str] = Field(default_factory=dict, description="Our segments with their dimensions' names.")

    @property
    def taken(self) -> tuple[str, ...]:
        return tuple(name for name, dimension in self.segments.items() if dimension in self.account_format)

    def head(self, documents: Sequence[Document], _made: FileMade) -> bytes:
        columns = INVOICE if isinstance(documents[0], InvoiceDocument) else JOURNAL
        return csv_lines([columns.split(",")])[0]

    def rows(self, document: Document, made: FileMade) -> Sequence[bytes]:
        if isinstance(document, InvoiceDocument):
            return csv_lines(self._invoice(document))
        return csv_lines(self._journal(document, made))

    def _journal(self, journal: JournalDocument, made: FileMade) -> Iterator[list[str]]:
        for number, line in enumerate((each for each in journal.lines if each.amount), made.row):
            amount = plain_amount(abs(line.amount), journal.currency, "DEBITAMOUNT", WHOLE_DIGITS)
            yield [
                BATCH.format(number=made.number),
                name_of(self.journal_name, "JOURNALNAME", 10),
                f"Milepost {made.number}",
                str(number),
                day(journal.accounting_date, DATE),
                name_of(journal.key, "VOUCHER", 20),
                journal.key,
                "Ledger",
                self._account(line.account, line.segments),
                name_of(journal.currency_id, "CURRENCYCODE", 3),
                # Of 100 units.
                format_decimal(100 * journal.exchange_rate, EXCHANGE_RATE_SCALE),
                amount if line.amount > 0 else "0.00",
                amount if line.amount < 0 else "0.00",
                free_text(line.text or journal.text, TEXT_LONGEST),
            ]

    def _invoice(self, invoice: InvoiceDocument) -> Iterator[list[str]]:
        for number, line in enumerate(invoice.lines, 1):
            yield [
                invoice.key,
                name_of(invoice.customer, "INVOICEACCOUNT", 20),
                day(invoice.invoice_date, DATE),
                day(invoice.due_date, DATE) if invoice.due_date else "",
                name_of(invoice.currency_id, "CURRENCYCODE", 3),
                free_text(f"{invoice.number} {invoice.statement_id}", TEXT_LONGEST),
                str(number),
                self._account(line.account, line.segments),
                free_text(line.text, TEXT_LONGEST),
                format_decimal(line.quantity, QUANTITY_SCALE),
                format_decimal(line.rate, RATE_SCALE),
                signed_amount(line.amount, invoice.currency, "AMOUNTCUR", WHOLE_DIGITS),
            ]

    def _account(self, account: str, segments: Sequence[Segment]) -> str:
        ours = segment_values(segments, self.segments)
        values = {self.segments[name]: value for name, value in ours.items()} | {self.account_format[0]: account}
        if missing := values.keys() - set(self.account_format):
            raise Unfit("SEGMENT", min(missing), f"account_format has no {min(missing)}: add it where Dynamics has it")
        for name, value in values.items():
            if self.delimiter in value:
                raise Unfit(
                    "DELIMITER",
                    name,
                    f"expected a value without {self.delimiter!r}, which parts dimensions, came {value!r}",
                )
        text = self.delimiter.join(values.get(name, "") for name in self.account_format)
        return name_of(text.rstrip(self.delimiter), "ACCOUNTDISPLAYVALUE", NAME_LONGEST)
