"""Each field that says who a company or a customer is stands on its paper or in its e-invoice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.files.lookup import newest_statements
from connectors.files.statement_background import Background, backgrounds
from domain.events.common import BankAccount, Contact, Endpoint, PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from milepost.e_invoice import e_invoice
from milepost.locales import writing
from milepost.statement_groups import grouped_lines
from milepost.statement_page import statement_page
from milepost.statement_sheet import StatementSheet
from tests.commands.sendable_firm import sendable_run

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


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> StatementSheet:
    output = sendable_run(tmp_path_factory.mktemp("sendable"))
    issued = next(one for one in newest_statements(output) if one.statement.statement_id == RATES)
    [background] = backgrounds(output, [issued])
    groups = grouped_lines(issued.statement, "project", {})
    return StatementSheet(issued, background, "project", groups, writing("de_DE", "EUR"), names=True)


def shown(sheet: StatementSheet) -> tuple[str, bytes]:
    return statement_page(sheet), e_invoice(sheet)


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
    assert shown(changed) != shown(sheet)


@pytest.mark.parametrize("field", [*OF_BOTH, *OF_THE_COMPANY])
def test_a_field_of_the_company_is_shown(sheet: StatementSheet, field: str) -> None:
    before = _company(sheet)
    after = OF_BOTH[field](before) if field in OF_BOTH else OF_THE_COMPANY[field](before)
    assert after != before
    assert isinstance(after, LegalEntityDefined)
    changed = sheet._replace(background=_with(sheet, customer=_customer(sheet), entity=after))
    assert shown(changed) != shown(sheet)
