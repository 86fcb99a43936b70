"""What is written in each layout, byte by byte, and what a layout refuses."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.erp.layouts import datev
from connectors.erp.layouts.d365_csv import D365Csv
from connectors.erp.layouts.datev import Datev
from connectors.erp.layouts.fixed_width import FixedWidth
from connectors.erp.layouts.layout import Layout, Unfit
from connectors.erp.layouts.netsuite_csv import NetSuiteCsv
from domain.delivery.documents import Document
from tests.connectors.erp.file_samples import COMPOUND, DOLLARS, INVOICE, MADE, REVENUE, journal, line

GOLDEN = Path(__file__).parents[2] / "data" / "erp" / "files"
NETSUITE = NetSuiteCsv()
DYNAMICS = D365Csv(
    account_format=("MainAccount", "BusinessUnit", "Department"), delimiter="|", segments={"department": "Department"}
)
DATEV = Datev(
    consultant=29_098,
    chart="04",
    clearing_account="1590",
    tax_account="3806",
    tax_key="40",
    cost_centers=("department",),
)
NUMBERED = INVOICE._replace(number="INV-2026-00017", text=f"INV-2026-00017, {INVOICE.text}")
FIXED = FixedWidth(template=GOLDEN / "fixed_width.toml")


def content(layout: Layout, *documents: Document) -> bytes:
    written = layout.head(documents, MADE)
    for document in documents:
        written += b"".join(layout.rows(document, MADE._replace(row=written.count(b"\n") + 1)))
    return written


@pytest.mark.parametrize(
    ("layout", "documents", "name"),
    [
        (NETSUITE, (REVENUE, COMPOUND, DOLLARS), "netsuite_journals.csv"),
        (NETSUITE, (INVOICE,), "netsuite_invoices.csv"),
        (DYNAMICS, (REVENUE, COMPOUND, DOLLARS), "d365_journals.csv"),
        (DYNAMICS, (INVOICE,), "d365_invoices.csv"),
        (DATEV, (REVENUE, COMPOUND, DOLLARS), "EXTF_journals.csv"),
        (DATEV, (INVOICE,), "EXTF_invoices.csv"),
        (DATEV, (NUMBERED,), "EXTF_numbered.csv"),
        (FIXED, (REVENUE, COMPOUND, DOLLARS), "fixed_journals.txt"),
        (FIXED, (INVOICE,), "fixed_invoices.txt"),
    ],
)
def test_what_is_written_is_the_golden_file(layout: Layout, documents: tuple[Document, ...], name: str) -> None:
    assert content(layout, *documents) == (GOLDEN / name).read_bytes()


# What DATEV's description of the format says of the columns that are filled.
EXPRESSIONS = {
    datev.AMOUNT: r"\d{1,10},\d{2}",
    datev.SIDE: '"[SH]"',
    datev.CURRENCY: '"[A-Z]{3}"',
    datev.RATE: r"([1-9]\d{0,3},\d{2,6})?",
    datev.BASE_AMOUNT: r"(\d{1,10},\d{2})?",
    datev.BASE_CURRENCY: '("[A-Z]{3}")?',
    datev.ACCOUNT: r"\d{1,9}",
    datev.CONTRA_ACCOUNT: r"\d{1,9}",
    datev.TAX_KEY: r'("\d{1,4}")?',
    datev.DOCUMENT_DATE: r"\d{4}",
    datev.DOCUMENT: r'"[\w$&%*+\-/]{0,36}"',
    datev.SECOND_DOCUMENT: r'("[\w$&%*+\-/]{0,12}")?',
    datev.TEXT: '".{0,60}"',
    **dict.fromkeys(datev.COST_CENTERS, r'("[\w ]{0,36}|"[\w -]{0,36}")?'),
    datev.LOCKED: "[01]",
}


def test_a_number_of_a_statement_is_where_people_look_for_it() -> None:
    """DATEV takes 36 letters, digits and signs; a number that it cannot hold stands in the text alone."""
    for layout, cell in ((NETSUITE, b'"INV-2026-00017, June, '), (DYNAMICS, b",INV-2026-00017 ST-7,")):
        rows = layout.rows(NUMBERED, MADE)
        assert len(rows) == 2
        assert all(cell in row for row in rows)
    spaced = DATEV.rows(NUMBERED._replace(number="INV 2026 17"), MADE)
    assert all(f'"{NUMBERED.key}";"300726";;"INV 2026 17 '.encode() in row for row in spaced)


@pytest.mark.parametrize("documents", [(REVENUE, COMPOUND, DOLLARS), (INVOICE,), (NUMBERED,)])
def test_datev_rows_have_125_columns_that_keep_its_rules(documents: tuple[Document, ...]) -> None:
    head, names, *rows, end = content(DATEV, *documents).decode("cp1252").split("\r\n")
    assert len(head.split(";")) == 31
    assert len(names.split(";")) == 125
    assert end == ""
    for row in rows:
        cells = row.split(";")
        assert len(cells) == 125
        for column, cell in enumerate(cells):
            expression = EXPRESSIONS.get(column, r'(".*")?' if column in datev.TEXTS else "")
            assert re.fullmatch(expression, cell), (datev.COLUMNS[column], cell)


def test_datev_books_each_account_to_the_cent() -> None:
    """Of all rows, S on the account and H on the contra account: 110 USD are 100.01 EUR, a cent of it rounding."""
    _, _, *rows, _ = content(DATEV, DOLLARS).decode("cp1252").split("\r\n")
    booked: dict[str, int] = {}
    for row in csv.reader(rows, delimiter=";"):
        amount = int((row[datev.BASE_AMOUNT] or row[datev.AMOUNT]).replace(",", ""))
        sign = 1 if row[datev.SIDE] == "S" else -1
        booked[row[datev.ACCOUNT]] = booked.get(row[datev.ACCOUNT], 0) + sign * amount
        booked[row[datev.CONTRA_ACCOUNT]] = booked.get(row[datev.CONTRA_ACCOUNT], 0) - sign * amount
    assert booked == {"1410": 10_001, "4400": -10_000, "6960": -1}


def test_datev_says_pounds_in_euros_as_its_rate_cannot_be_below_one() -> None:
    pounds = journal(
        line("1410", "80", "100"),
        line("4400", "-80", "-100"),
        currency="GBP",
        currency_id="GBP",
        exchange_rate=1_250_000_000_000,
    )
    (row,) = csv.reader([DATEV.rows(pounds, MADE)[0].decode("cp1252")], delimiter=";")
    assert row[: datev.BASE_CURRENCY + 1] == ["100,00", "S", "EUR", "", "", ""]
    assert row[datev.INFORMATION] == "80,00 GBP"


def test_datev_pairs_every_line_with_the_clearing_account_where_cost_centers_contradict() -> None:
    across = journal(line("4400", "100", department="CC-1"), line("4410", "-100", department="CC-2"))
    rows = list(csv.reader([row.decode("cp1252") for row in DATEV.rows(across, MADE)], delimiter=";"))
    assert [(row[1], row[6], row[7], row[36]) for row in rows] == [
        ("S", "4400", "1590", "CC-1"),
        ("H", "4410", "1590", "CC-2"),
    ]
    with pytest.raises(Unfit, match="set clearing_account"):
        DATEV.model_copy(update={"clearing_account": None}).rows(across, MADE)


def test_a_fiscal_year_that_begins_in_april_is_last_years_in_march() -> None:
    march = REVENUE._replace(accounting_date=REVENUE.accounting_date.replace(month=3))
    head = DATEV.model_copy(update={"fiscal_year_month": 4}).head([march], MADE).decode("cp1252")
    assert head.split(";")[12:16] == ["20250401", "4", "20260330", "20260330"]


@pytest.mark.parametrize(
    ("layout", "document", "code", "field"),
    [
        (NETSUITE, journal(line("1410", "0.001"), line("4400", "-0.001")), "AMOUNT", "Debit"),
        (NETSUITE, journal(line("1410", "10000000000"), line("4400", "-10000000000")), "AMOUNT", "Debit"),
        (NETSUITE, journal(line("=1+1", "1"), line("4400", "-1")), "UNSAFE", "Account"),
        (NETSUITE, journal(line("1410", "1", practice="data"), line("4400", "-1")), "SEGMENT", "practice"),
        (DYNAMICS, journal(line("14|10", "1"), line("4400", "-1")), "DELIMITER", "MainAccount"),
        (DATEV, journal(line("1410", "1"), line("ABC", "-1")), "ACCOUNT", "Gegenkonto"),
        (DATEV, journal(line("1410", "1"), line("440000", "-1")), "ACCOUNT", "Gegenkonto"),
        (DATEV, REVENUE._replace(subsidiary="DE"), "CLIENT", "Mandant"),
        (DATEV, REVENUE._replace(ledger_currency="USD"), "LEDGER_CURRENCY", "WKZ"),
        (DATEV, journal(line("1410", "1", department="A;B"), line("4400", "-1")), "COST_CENTER", "department"),
        (FIXED, journal(line("141000000000", "1"), line("4400", "-1")), "TOO_LONG", "ACCOUNT"),
    ],
)
def test_what_a_layout_cannot_say_is_refused_with_its_field(
    layout: Layout, document: Document, code: str, field: str
) -> None:
    with pytest.raises(Unfit) as refused:
        layout.rows(document, MADE)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_tax_of_an_invoice_needs_its_account() -> None:
    with pytest.raises(Unfit, match="set tax_account"):
        DATEV.model_copy(update={"tax_account": None}).rows(INVOICE, MADE)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1+1", "\r=1+1", '=HYPERLINK("http://x","y")'])
def test_a_text_is_nothing_that_a_spreadsheet_calculates(text: str) -> None:
    sly = journal(line("1410", "1", text=text), line("4400", "-1", text=text), text=text)
    for layout in (NETSUITE, DYNAMICS):
        for row in csv.reader(io.StringIO(b"".join(layout.rows(sly, MADE)).decode())):
            assert not any(cell[:1] in {"=", "+", "@", "\t", "\r"} or cell == "-1" for cell in row)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ('name = "A"\nfrom = "amunt"\nwidth = 5', "expected from to be"),
        ('name = "A"\nfrom = "amount"\nwidth = 5\nformat = "#"', "expected format to be one of"),
        ('name = "A"\nfrom = "customer"\nwidth = 5', "customer is not of it"),
        ('name = "A"\nvalue = "ABC"\nwidth = 2', "at most 2 characters"),
        ('name = "A"\nwidth = 2', "either from or value"),
    ],
)
def test_a_template_with_a_mistake_says_which(column: str, message: str, tmp_path: Path) -> None:
    template = tmp_path / "columns.toml"
    template.write_text(f'[[journal]]\nname = "KEY"\nfrom = "key"\nwidth = 20\n\n[[journal]]\n{column}\n')
    with pytest.raises(ValidationError, match=message):
        FixedWidth(template=template)
