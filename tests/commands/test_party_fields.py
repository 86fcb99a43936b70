"""Each field that says who a company or a customer is, where it is to be read: on the page and the PDF, in the e-invoice, or in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.files.lookup import newest_statements
from connectors.files.statement_background import Background, backgrounds
from domain.events.common import BankAccount, Contact, Endpoint, PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from milepost.locales import writing
from milepost.statements.e_invoice import e_invoice
from milepost.statements.groups import grouped_lines
from milepost.statements.page import statement_page
from milepost.statements.pdf import statement_pdf
from milepost.statements.sheet import StatementSheet
from tests.commands.sendable_firm import sendable_run
from tests.commands.test_statement_pdf import text_of

RATES = "RATES.K-rates/ACME/2026-03-01/1"

Party = CustomerDefined | LegalEntityDefined


def _address(party: Party) -> PostalAddress:
    assert party.address is not None
    return party.address


def _contact(party: Party) -> Contact:
    assert party.contact is not None
    return party.contact


def _bank(entity: LegalEntityDefined) -> BankAccount:
    assert entity.bank is not None
    return entity.bank


OF_BOTH: dict[str, Callable[[Party], Party]] = {
    "registration_number": lambda of: of._replace(registration_number="HRB 9"),
    "vat_id": lambda of: of._replace(vat_id="DE111111111"),
    "endpoint.scheme": lambda of: of._replace(endpoint=Endpoint("0088", "7300010000001")),
    "endpoint.id": lambda of: of._replace(endpoint=of.endpoint and of.endpoint._replace(id="DE999999999")),
    "address.street": lambda of: of._replace(address=_address(of)._replace(street=("Kai 9",))),
    "address.postal_code": lambda of: of._replace(address=_address(of)._replace(postal_code="99999")),
    "address.city": lambda of: of._replace(address=_address(of)._replace(city="Kiel")),
    "address.region": lambda of: of._replace(address=_address(of)._replace(region="Holstein")),
    "address.country": lambda of: of._replace(address=_address(of)._replace(country="AT")),
    "contact.name": lambda of: of._replace(contact=_contact(of)._replace(name="Ida Bo")),
    "contact.email": lambda of: of._replace(contact=_contact(of)._replace(email="ida@bo.example")),
    "contact.phone": lambda of: of._replace(contact=_contact(of)._replace(phone="+49 40 7")),
}
OF_THE_CUSTOMER: dict[str, Callable[[CustomerDefined], CustomerDefined]] = {
    "buyer_reference": lambda of: of._replace(buyer_reference="04011000-9"),
    "tax_registration": lambda of: of._replace(vat_id=None, tax_registration="11/222"),
}
OF_THE_COMPANY: dict[str, Callable[[LegalEntityDefined], LegalEntityDefined]] = {
    "tax_registration": lambda of: of._replace(tax_registration="30/999/9"),
    "legal_note": lambda of: of._replace(legal_note="Geschäftsführer: Bo Ott"),
    "bank.account": lambda of: of._replace(bank=_bank(of)._replace(account="AT611904300234573201")),
    "bank.bic": lambda of: of._replace(bank=_bank(of)._replace(bic="MARKDEFF")),
    "bank.bank_name": lambda of: of._replace(bank=_bank(of)._replace(bank_name="Bank am Berg")),
    "bank.holder": lambda of: of._replace(bank=_bank(of)._replace(holder="Brücken Treuhand")),
}

PAPER, ALL, NETWORK = ("page", "pdf"), ("page", "pdf", "e-invoice"), ("e-invoice",)
# What is to be read after the change, and where.
OF_CUSTOMER_SHOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "registration_number": ("HRB 9", NETWORK),
    "vat_id": ("DE111111111", ALL),
    "endpoint.scheme": ('schemeID="0088"', NETWORK),
    "endpoint.id": ("DE999999999", NETWORK),
    "address.street": ("Kai 9", ALL),
    "address.postal_code": ("99999", ALL),
    "address.city": ("Kiel", ALL),
    "address.region": ("Holstein", ALL),
    "address.country": ("<cbc:IdentificationCode>AT<", NETWORK),
    "contact.name": ("Ida Bo", ALL),
    "contact.email": ("ida@bo.example", NETWORK),
    "contact.phone": ("+49 40 7", NETWORK),
    "buyer_reference": ("04011000-9", ALL),
    "tax_registration": ("11/222", PAPER),
}
OF_COMPANY_SHOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    **OF_CUSTOMER_SHOWN,
    "registration_number": ("HRB 9", ALL),
    "contact.email": ("ida@bo.example", ALL),
    "contact.phone": ("+49 40 7", ALL),
    "tax_registration": ("30/999/9", ALL),
    "legal_note": ("Geschäftsführer: Bo Ott", ALL),
    "bank.account": ("AT61 1904 3002 3457 3201", PAPER),
    "bank.bic": ("MARKDEFF", ALL),
    "bank.bank_name": ("Bank am Berg", PAPER),
    "bank.holder": ("Brücken Treuhand", ALL),
}


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> StatementSheet:
    output = sendable_run(tmp_path_factory.mktemp("sendable"))
    issued = next(one for one in newest_statements(output) if one.statement.statement_id == RATES)
    [background] = backgrounds(output, [issued])
    groups = grouped_lines(issued.statement, "project", {})
    return StatementSheet(issued, background, "project", groups, writing("de_DE", "EUR"), names=True)


def reads(sheet: StatementSheet, text: str) -> tuple[str, ...]:
    """Where the text is to be read."""
    made = {
        "page": statement_page(sheet),
        "pdf": text_of(statement_pdf(sheet).content),
        "e-invoice": e_invoice(sheet).decode(),
    }
    return tuple(where for where, content in made.items() if text in content)


def _customer(sheet: StatementSheet) -> CustomerDefined:
    assert sheet.background.customer is not None
    return sheet.background.customer


def _company(sheet: StatementSheet) -> LegalEntityDefined:
    assert sheet.background.entity is not None
    return sheet.background.entity


def _with(sheet: StatementSheet, customer: CustomerDefined, entity: LegalEntityDefined) -> Background:
    return replace(sheet.background, customer=customer, entity=entity)


@pytest.mark.parametrize("field", [*OF_BOTH, *OF_THE_CUSTOMER])
def test_a_field_of_the_customer_is_shown(sheet: StatementSheet, field: str) -> None:
    before = _customer(sheet)
    after = OF_BOTH[field](before) if field in OF_BOTH else OF_THE_CUSTOMER[field](before)
    assert after != before
    assert isinstance(after, CustomerDefined)
    changed = sheet._replace(background=_with(sheet, customer=after, entity=_company(sheet)))
    text, where = OF_CUSTOMER_SHOWN[field]
    assert (reads(sheet, text), reads(changed, text)) == ((), where)


@pytest.mark.parametrize("field", [*OF_BOTH, *OF_THE_COMPANY])
def test_a_field_of_the_company_is_shown(sheet: StatementSheet, field: str) -> None:
    before = _company(sheet)
    after = OF_BOTH[field](before) if field in OF_BOTH else OF_THE_COMPANY[field](before)
    assert after != before
    assert isinstance(after, LegalEntityDefined)
    changed = sheet._replace(background=_with(sheet, customer=_customer(sheet), entity=after))
    text, where = OF_COMPANY_SHOWN[field]
    assert (reads(sheet, text), reads(changed, text)) == ((), where)
