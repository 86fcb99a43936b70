"""Journals and invoices that file ledgers are shown with."""

from __future__ import annotations

from datetime import UTC, date, datetime

from connectors.erp.layouts.layout import FileMade
from domain.delivery.documents import DocumentLine, InvoiceDocument, InvoiceLine, JournalDocument, Segment, key_of
from domain.money import parse_amount
from domain.units import EXCHANGE_RATE_ONE, QUANTITY_ONE, RATE_ONE

MADE = FileMade(7, datetime(2026, 7, 1, 8, 30, 15, 250_000, tzinfo=UTC))


def line(account: str, amount: str, ledger_amount: str | None = None, text: str = "", **segments: str) -> DocumentLine:
    return DocumentLine(
        account=account,
        amount=parse_amount(amount),
        ledger_amount=parse_amount(ledger_amount or amount),
        role="4000",
        segments=tuple(Segment(name, value) for name, value in sorted(segments.items())),
        text=text,
    )


def journal(*lines: DocumentLine, name: str = "one", **changes: object) -> JournalDocument:
    plain = JournalDocument(
        key=key_of("journal", [name]),
        legal_entity_id="DE",
        subsidiary="55003",
        currency="EUR",
        currency_id="EUR",
        ledger_currency="EUR",
        exchange_rate=EXCHANGE_RATE_ONE,
        accounting_date=date(2026, 6, 30),
        period="2026-06",
        period_id="2026-06",
        text="Milepost 2026-06-30",
        lines=lines,
        members=(name,),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


# Debit unbilled 1,190.00; credit revenue 1,190.00, of a cost center.
REVENUE = journal(line("1410", "1190"), line("4400", "-1190", department="CC-1", text="P-1 hours"), name="revenue")

# Two debits, two credits: 100 + 50 = 120 + 30.
COMPOUND = journal(
    line("1410", "100"),
    line("1420", "50"),
    line("4400", "-120"),
    line("4410", "-30"),
    name="compound",
    text="=cmd|' /C'!A0",
)

# 110.00 USD at 0.909091: 100.00 EUR; the cent of rounding is of the ledger currency alone.
DOLLARS = journal(
    line("1410", "110", "100.01"),
    line("4400", "-110", "-100.00"),
    line("6960", "0", "-0.01", text="rounding"),
    name="dollars",
    currency="USD",
    currency_id="USD",
    exchange_rate=909_091_000_000,
)

INVOICE = InvoiceDocument(
    key=key_of("invoice", ["ST-7", "1"]),
    legal_entity_id="DE",
    subsidiary="55003",
    customer="10001",
    currency="EUR",
    currency_id="EUR",
    statement_id="ST-7",
    revision=1,
    invoice_date=date(2026, 6, 30),
    due_date=date(2026, 7, 30),
    period="2026-06",
    period_id="2026-06",
    text="June, Müller & Söhne",
    lines=(
        InvoiceLine(
            "CONSULTING", "4400", "12 h, 100.00", 12 * QUANTITY_ONE, "h", 100 * RATE_ONE, parse_amount("1200"), "S"
        ),
        InvoiceLine("CREDIT", "4400", "-1 h, goodwill", QUANTITY_ONE, "h", -100 * RATE_ONE, parse_amount("-100"), "S"),
    ),
    amount=parse_amount("1100"),
    tax_amount=parse_amount("209"),
)
