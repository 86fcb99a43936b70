"""`milepost statement --pdf`: what stands on the paper, on A4 and on letter, and that it is the same bytes each time."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from milepost.cli import app
from milepost.locales import writing
from milepost.statements.described import with_share
from tests.commands.sendable_firm import layouts_run, sendable_run

RATES = "RATES.K-rates/ACME/2026-03-01/1"
GREEK = "PAYERS.K-payers/HELLAS/2026-03-01/2"
LAYOUTS = Path(__file__).with_name("pdf_layouts")
CREDIT = "CREDIT.K-credit/ACME/2026-04-01/1"
GOLDEN_DE = """Brücken & Tunnel GmbH
Brücken & Tunnel GmbH · Uferweg 7 · 10115 Berlin · Deutschland
Acme Häfen AG
z. Hd. Eva Ömer
Hafenstraße 1
Tor 3
20457 Hamburg
Rechnungsnummer RE-2026-0107
Ausgestellt am 1. Apr. 2026
Fällig am 1. Mai 2026
Zeitraum 1.–31. März 2026
Ihre Bestellung PO-77
Ihr Zeichen 04011000-12345-34
Vertrag K-rates
Kundennummer ACME
Ihre USt-IdNr. DE987654321
Unsere USt-IdNr. DE123456789
Nachweis RATES.K-rates/ACME/2026-03-01/1
Währung EUR
Rechnung
Datum Leistung Person Stunden Satz Betrag
Projekt rates
10. März 2026 Prüfung für books Ada Łukasz 2,50 97,50 243,75
books
10. März 2026 Prüfung für services Ada Łukasz 10,00 97,50 975,00
services
Summe netto 1.218,75 €
Zu zahlen netto 1.218,75 €
Steuer 7 % auf 243,75 € 17,06 €
Steuer 19 % auf 975,00 € 185,25 €
Zu zahlen mit Steuer 1.421,06 €
Empfänger Brücken & Tunnel GmbH
IBAN DE89 3704 0044 0532 0130 00
BIC COBADEFFXXX
Bank Bank am Ufer
Verwendungszweck RE-2026-0107
Bitte zahlen Sie bis zum 1. Mai 2026.
Die Beträge der Zeilen sind ohne Steuer. Stunden sind gerundet dargestellt; die Beträge beruhen auf der genauen Zeit.
Brücken & Tunnel GmbH
Uferweg 7
10115 Berlin
Deutschland
Rechnungswesen
billing@firm.example
+49 30 1234567
USt-IdNr. DE123456789
Steuernummer 30/123/45678
HRB 12345
Amtsgericht Berlin HRB 12345
Geschäftsführerin: Ada Keller
Seite 1 von 1"""
GOLDEN_US = """Brücken & Tunnel GmbH
Brücken & Tunnel GmbH · Uferweg 7 · 10115 Berlin · Germany
Acme Häfen AG
Attn. Eva Ömer
Hafenstraße 1
Tor 3
20457 Hamburg
Credit memo number GS-2026-0001
Issued on May 1, 2026
Period Apr 1 – 30, 2026
Your reference 04011000-12345-34
Contract K-credit
Customer number ACME
Your VAT id DE987654321
Our VAT id DE123456789
Statement CREDIT.K-credit/ACME/2026-04-01/1
Currency EUR
Credit memo
Date Description Person Hours Rate Amount
Projekt credit
Mar 10, 2026 Prüfung für services Ada Łukasz -4.00 97.50 -390.00
services
earlier period, correction
Total, net of tax -€390.00
Amount credited, net of tax €390.00
Tax 19% on €390.00 €74.10
Amount credited with tax €464.10
earlier period: Work of an earlier period that has not been billed before, or corrects what was.
correction: The difference to what an earlier statement billed for the same work.
Line amounts are net of tax. Hours are shown rounded; amounts are those of the exact time.
Brücken & Tunnel GmbH
Uferweg 7
10115 Berlin
Germany
Rechnungswesen
billing@firm.example
+49 30 1234567
VAT id DE123456789
Tax number 30/123/45678
HRB 12345
Amtsgericht Berlin HRB 12345
Geschäftsführerin: Ada Keller
Page 1 of 1"""


def statement(output: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, ["statement", "--output", str(output), *arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sendable_run(tmp_path_factory.mktemp("sendable"))


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts_run(tmp_path_factory.mktemp("layouts"))


def pdf_of(output: Path, folder: Path, wanted: str, locale: str) -> bytes:
    statement(output, wanted, "--pdf", str(folder / "one.pdf"), "--locale", locale)
    return (folder / "one.pdf").read_bytes()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def test_an_invoice_in_german_on_a4(output: Path, tmp_path: Path) -> None:
    """10 h and 2.5 h at 97.50; 975.00 at 19 % and 243.75 at 7 %: 1,421.06 to pay by 1 May."""
    found = text_of(pdf_of(output, tmp_path, RATES, "de_DE")).replace("\xa0", " ")
    assert found == GOLDEN_DE


def test_a_credit_memo_in_english_on_letter(output: Path, tmp_path: Path) -> None:
    pdf = pdf_of(output, tmp_path, CREDIT, "en_US")
    assert text_of(pdf).replace("\xa0", " ") == GOLDEN_US
    box = PdfReader(BytesIO(pdf)).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (612, 792)


@pytest.mark.parametrize(
    ("firm", "wanted", "locale", "layout"),
    [
        ("output", "PAYERS.K-payers/ACME/2026-03-01/1", "en_GB", "one_of_two_payers"),
        ("output", "RETENTION.K-retention/ACME/2026-03-01/1", "de_DE", "with_retention"),
        ("output", "DEPOSIT.K-deposit/ACME/2026-04-01/1", "de_DE", "deposit_applied"),
        ("output", "REVERSE.K-reverse/HELLAS/2026-03-01/1", "de_DE", "reverse_charge"),
        ("output", "ZERO.K-zero/ACME/2026-03-01/1", "en_GB", "tax_of_zero"),
        ("layouts", "RET.K-RET/ACME/2026-03-01/1", "en_GB", "retainer"),
        ("layouts", "RET.K-RET/ACME/2026-03-01/1", "de_DE", "retainer_in_german"),
        ("layouts", "MILE.K-MILE/PLAIN/2026-03-01/1", "de_DE", "milestone_without_address"),
    ],
)
def test_each_layout_says_what_it_must(
    firm: str, wanted: str, locale: str, layout: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = text_of(pdf_of(request.getfixturevalue(firm), tmp_path, wanted, locale)).replace("\xa0", " ")
    assert found == (LAYOUTS / f"{layout}.txt").read_text(encoding="utf-8").rstrip("\n")


def test_columns_are_named_on_every_page_and_the_sum_stands_with_a_line(layouts: Path, tmp_path: Path) -> None:
    """60 steps of 1.25 h at 97.50 = 121.88 each."""
    pages = PdfReader(BytesIO(pdf_of(layouts, tmp_path, "MANY.K-MANY/ACME/2026-03-01/1", "en_GB"))).pages
    texts = [page.extract_text() for page in pages]
    assert [text.count("121.88") for text in texts] == [16, 24, 19, 1]
    assert all("Date Description Person Hours Rate Amount" in text for text in texts)
    assert ["€7,312.80" in text for text in texts] == [False, False, False, True]
    assert ["DE89 3704 0044 0532 0130 00" in text for text in texts] == [False, False, False, True]


def test_letters_that_the_font_lacks_are_named_and_seen(layouts: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "one.pdf"
    told = CliRunner().invoke(
        app, ["statement", "--output", str(layouts), "KANJI.K-KANJI/TOKYO/2026-03-01/1", "--pdf", str(pdf)]
    )
    assert told.exit_code == 1
    assert (
        "RE-2026-0101: the PDF has \ufffd for 東京港湾: its font has Latin, Greek and Cyrillic letters" in told.stderr
    )
    assert "\ufffd\ufffd\ufffd\ufffd K.K." in text_of(pdf.read_bytes())


def test_latin_greek_and_cyrillic_letters_are_in_the_font(output: Path, tmp_path: Path) -> None:
    text = text_of(pdf_of(output, tmp_path, GREEK, "en_GB"))
    assert "Ελληνικά Λιμάνια ΑΕ" in text
    assert "Ada Łukasz" in text


@pytest.mark.parametrize(
    ("written", "german", "english"),
    [
        ("Design (33.33 %)", "Design (33,33 %)", "Design (33.33%)"),
        ("Design (60 %)", "Design (60 %)", "Design (60%)"),
        ("Discount (5.5 %) on design", "Discount (5.5 %) on design", "Discount (5.5 %) on design"),
    ],
)
def test_a_share_is_written_as_the_language_of_the_page_has_it(written: str, german: str, english: str) -> None:
    for locale, expected in (("de_DE", german), ("en_GB", english)):
        assert with_share(written, writing(locale, "EUR")).replace("\xa0", " ") == expected


def test_the_same_statement_is_the_same_bytes(output: Path, tmp_path: Path) -> None:
    once = pdf_of(output, tmp_path, RATES, "de_DE")
    time.sleep(1.1)  # a PDF has its day of making in seconds
    assert pdf_of(output, tmp_path, RATES, "de_DE") == once


def test_all_statements_of_a_month_in_one_folder_by_their_numbers(output: Path, tmp_path: Path) -> None:
    said = statement(output, "--period", "2026-03", "--entity", "BERLIN", "--pdf", str(tmp_path / "pdf")).stderr
    names = sorted(path.name for path in (tmp_path / "pdf").iterdir())
    assert names == [f"RE-2026-{number:04}.pdf" for number in range(101, 112)]
    assert "11 statements: 11 PDFs in" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--period", "2026-03"], "expected --pdf FOLDER, --e-invoice FOLDER or both with it"),
        (["--period", "March", "--pdf", "x"], "expected a month such as 2026-03, or a first day"),
        (["--period", "2025-01", "--pdf", "x"], "no statement is issued for a billing period that ends in 2025-01"),
        (["--entity", "BERLIN"], "expected --period with it"),
        ([RATES, "--period", "2026-03", "--pdf", "x"], "expected an id or --period, got both"),
    ],
)
def test_what_does_not_go_together_is_said(output: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["statement", "--output", str(output), *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_the_page_says_the_same(output: Path) -> None:
    """Number and due date at the top, where to pay, and only what the customer pays in bold."""
    page = statement(output, RATES, "--html", "-", "--locale", "de_DE").stdout
    assert "<dt>Rechnungsnummer</dt><dd>RE-2026-0107</dd>" in page
    assert "<dt>Fällig am</dt><dd>1. Mai 2026</dd>" in page
    assert "DE89 3704 0044 0532 0130 00" in page
    assert page.count('<tr class="due">') == 1
    assert '<tr class="due"><td>Zu zahlen mit Steuer</td>' in page


def test_a_long_address_goes_on_after_a_sign_of_its_own(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the foot, a third of the page wide."""
    long = "accounts-receivable.europe@bruecken-und-tunnelbau-gesellschaft.example"
    monkeypatch.setattr("milepost.statements.pdf.foot", lambda _: [[long], ["HRB 12345"], ["Page"]])
    found = text_of(pdf_of(output, tmp_path, RATES, "de_DE"))
    assert "accounts-receivable.europe@\nbruecken-und-tunnelbau-gesellschaft.example\n" in found
