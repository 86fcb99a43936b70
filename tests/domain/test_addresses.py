"""Addresses and accounts of reference data that would fail where they are used are refused where they are said."""

import pytest

from domain.events.common import BankAccount, FiscalCalendar, PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from domain.reference.iban import is_iban
from domain.reference_faults import faults


def customer(address: PostalAddress | None) -> CustomerDefined:
    return CustomerDefined("e-1", 0, "crm", "ACME", 1, "Acme AG", address=address)


def entity(account: str) -> LegalEntityDefined:
    calendar = FiscalCalendar("calendar_month", "01-01")
    made = LegalEntityDefined("e-1", 0, "erp", "LE", 1, "Firm", "EUR", "UTC", calendar)
    return made._replace(bank=BankAccount(account))


def test_a_country_is_two_letters() -> None:
    ((field, said),) = faults(customer(PostalAddress(country="Germany")))
    assert (field, said) == ("address.country", "expected two capital letters such as DE (ISO 3166-1), got 'Germany'")
    assert faults(customer(PostalAddress(country="DE"))) == ()


def test_an_address_without_a_country_is_taken() -> None:
    """Only an e-invoice needs it, and says so."""
    assert faults(customer(PostalAddress(("Uferweg 7",), "10115", "Berlin"))) == ()


def test_an_iban_with_two_digits_exchanged_is_refused() -> None:
    ((field, said),) = faults(entity("DE89 3704 0044 0532 0130 01"))
    assert field == "bank.account"
    assert "expected an IBAN whose check digits fit, got 'DE89370400440532013001'" in said


@pytest.mark.parametrize(
    "account", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "000123456789", "1-234-5"]
)
def test_ibans_and_other_accounts_are_taken(account: str) -> None:
    assert faults(entity(account)) == ()


def test_what_is_no_iban_is_told_from_one() -> None:
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("000123456789")
