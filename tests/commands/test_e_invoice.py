"""`milepost statement --e-invoice`: valid by the official rules, with the figures of the statement, or a word about what is missing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.sendable_firm import CUSTOMER, sendable_run
from tests.commands.tiny_firm import event, run, write
from tests.e_invoices.official_rules import findings
from tests.servers.fetched import Missing

CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"


def statement(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["statement", "--output", str(output), *arguments])


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sendable_run(tmp_path_factory.mktemp("sendable"))


@pytest.fixture(scope="module")
def invoices(output: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ET.Element]:
    """By contract and customer billed."""
    folder = tmp_path_factory.mktemp("invoices")
    for month in ("2026-03", "2026-04"):
        assert statement(output, "--period", month, "--e-invoice", str(folder)).exit_code == 0
    found = {}
    for path in sorted(folder.iterdir()):
        root = ET.fromstring(path.read_bytes())
        key = f"{said(root, 'ContractDocumentReference/ID')} {said(root, 'InvoicePeriod/StartDate')[5:7]}"
        buyer = said(root, "AccountingCustomerParty/Party/PartyName/Name")
        found[f"{key} {buyer[:4]}"] = root
    return found


def said(root: ET.Element, path: str) -> str:
    """Of the one element there; the last name is a basic component."""
    *groups, last = path.split("/")
    found = root.findtext("/".join([*(CAC + name for name in groups), CBC + last]))
    assert found is not None, path
    return found


def money(root: ET.Element, path: str) -> Decimal:
    return Decimal(said(root, path))


def test_all_of_them_are_valid_by_the_official_rules(output: Path, tmp_path: Path) -> None:
    """UBL's XSD, EN 16931 and Peppol: several rates, reverse charge, exempt, zero, outside VAT, retention, deposit, credit, yen, payers."""
    for month in ("2026-03", "2026-04"):
        assert statement(output, "--period", month, "--e-invoice", str(tmp_path)).exit_code == 0
    files = sorted(tmp_path.iterdir())
    assert len(files) == 13
    try:
        assert findings(files) == []
    except Missing as fault:
        pytest.skip(str(fault))


@pytest.mark.parametrize(
    ("which", "net", "tax", "payable"),
    [
        # 10 h and 2.5 h at 97.50: 975.00 at 19 % and 243.75 at 7 %.
        ("K-rates 03 Acme", "1218.75", "202.31", "1421.06"),
        ("K-reverse 03 Ελλη", "715.00", "0.00", "715.00"),
        ("K-exempt 03 Acme", "390.00", "0.00", "390.00"),
        # 10 % of 975.00 are kept back; the tax is on all of it.
        ("K-retention 03 Acme", "975.00", "185.25", "1062.75"),
        # 3.333333 h at 20,000 are 66,667 yen; 19 % are 12,667.
        ("K-yen 03 Acme", "66667.00", "12667.00", "79334.00"),
        # 8 h are 780.00, less 300.00 that 975.00 of March left of a deposit of 1,275.00.
        ("K-deposit 04 Acme", "480.00", "91.20", "571.20"),
        ("K-payers 03 Ελλη", "208.00", "0.00", "208.00"),
        # 4 h fewer than March billed.
        ("K-credit 04 Acme", "390.00", "74.10", "464.10"),
    ],
)
def test_the_figures_are_those_of_the_statement(
    invoices: dict[str, ET.Element], which: str, net: str, tax: str, payable: str
) -> None:
    root = invoices[which]
    assert money(root, "LegalMonetaryTotal/TaxExclusiveAmount") == Decimal(net)
    assert money(root, "TaxTotal/TaxAmount") == Decimal(tax)
    assert money(root, "LegalMonetaryTotal/PayableAmount") == Decimal(payable)


def test_what_gives_back_is_a_credit_note_with_positive_figures(invoices: dict[str, ET.Element]) -> None:
    root = invoices["K-credit 04 Acme"]
    assert root.tag.endswith("}CreditNote")
    assert said(root, "ID") == "GS-2026-0001"
    assert said(root, "CreditNoteTypeCode") == "381"


def test_retention_and_deposit_stand_where_the_receiver_looks(invoices: dict[str, ET.Element]) -> None:
    assert money(invoices["K-retention 03 Acme"], "LegalMonetaryTotal/PrepaidAmount") == Decimal("97.50")
    deposit = invoices["K-deposit 04 Acme"]
    assert money(deposit, "LegalMonetaryTotal/AllowanceTotalAmount") == Decimal("300.00")
    assert said(deposit, "AllowanceCharge/AllowanceChargeReason") == "Deposits applied"


def test_every_tax_has_its_category_and_reason(invoices: dict[str, ET.Element]) -> None:
    path = f"{CAC}TaxTotal/{CAC}TaxSubtotal/{CAC}TaxCategory"
    found = {
        which: [(one.findtext(f"{CBC}ID"), one.findtext(f"{CBC}TaxExemptionReason")) for one in root.iterfind(path)]
        for which, root in invoices.items()
    }
    assert found["K-rates 03 Acme"] == [("S", None), ("S", None)]
    assert found["K-zero 03 Acme"] == [("Z", None)]
    assert found["K-reverse 03 Ελλη"] == [("AE", "Reverse charge")]
    assert found["K-exempt 03 Acme"] == [("E", "Exempt under section 4 no. 21 UStG")]
    assert found["K-outside 03 Acme"] == [("O", "Not subject to VAT")]


@pytest.mark.parametrize(
    ("without", "field"),
    [
        (
            ("ACME", "address"),
            "CustomerDefined ACME: address.country: expected a country's two letters, such as DE; a new version from",
        ),
        (("BERLIN", "address"), "LegalEntityDefined BERLIN: address.country"),
        (
            ("HELLAS", "vat_id"),
            "CustomerDefined HELLAS: vat_id: expected it for reverse charge, or registration_number",
        ),
        (("BERLIN", "number_ranges"), "LegalEntityDefined BERLIN: number_ranges: expected a range when it was issued"),
    ],
)
def test_what_is_missing_is_said_and_the_pdf_is_made(without: tuple[str, str], field: str, tmp_path: Path) -> None:
    output = sendable_run(tmp_path / "run", without=without)
    pdf, xml = tmp_path / "pdf", tmp_path / "xml"
    result = statement(output, "--period", "2026-03", "--pdf", str(pdf), "--e-invoice", str(xml))
    assert result.exit_code == 1
    assert result.stderr.count(field) == 1
    assert ("mends it" in result.stderr) != ("send this one as PDF" in result.stderr)
    assert len(list(pdf.iterdir())) == 11
    assert len(list(xml.iterdir()) if xml.exists() else []) < 11


def test_what_a_party_states_later_is_taken_and_what_it_had_stated_stays(tmp_path: Path) -> None:
    """ACME's address comes after its statements are issued, with another VAT id: the address is taken, the VAT id is that of before."""
    output = sendable_run(tmp_path / "run", without=("ACME", "address"))
    moved = {**CUSTOMER, "customer_id": "ACME", "version": 2, "name": "Acme AG", "vat_id": "DE111111111"}
    write(tmp_path / "run" / "input", [event("CustomerDefined", "2026-05-01T09:00:00Z", **moved)], "moved")
    run(tmp_path / "run", "--until", "2026-05-01")
    assert statement(output, "--period", "2026-03", "--e-invoice", str(tmp_path / "xml")).exit_code == 0
    [root] = [
        root
        for root in (ET.fromstring(path.read_bytes()) for path in sorted((tmp_path / "xml").iterdir()))
        if said(root, "ContractDocumentReference/ID") == "K-rates"
    ]
    buyer = "AccountingCustomerParty/Party"
    assert said(root, f"{buyer}/PostalAddress/CityName") == "Hamburg"
    assert said(root, f"{buyer}/PartyTaxScheme/CompanyID") == "DE987654321"
    assert "Acme AG" not in ET.tostring(root, encoding="unicode")
