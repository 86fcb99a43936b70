"""What stands on the firm's statements beside what is billed: addresses, tax numbers, where to pay, numbers. All of it is made up.

Domains are those that RFC 2606 keeps for examples, telephone numbers those that no one is given (+49 30 23125, 555-01); the account has
right check digits and a bank code that no bank has. Nothing is drawn here: the rest of the firm stays what it is.
"""

from typing import Final, NamedTuple

from domain.events.common import BankAccount, Contact, Endpoint, NumberRange, PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from simulation.entities import BERLIN


class Town(NamedTuple):
    """A place with the first digits of its postal codes."""

    name: str
    postal_code: str
    region: str | None = None


GERMANY, BRITAIN, AMERICA = "DE", "GB", "US"
# By tax region of the customer.
COUNTRIES: Final = {"DE": GERMANY, "GB": BRITAIN, "US-NY": AMERICA}
TOWNS: Final = {
    GERMANY: (
        Town("Hamburg", "204{:02}"),
        Town("Köln", "506{:02}"),
        Town("München", "803{:02}"),
        Town("Leipzig", "041{:02}"),
    ),
    BRITAIN: (Town("London", "EC{}A 4BT"), Town("Leeds", "LS{} 4DY"), Town("Bristol", "BS{} 6QA")),
    AMERICA: (Town("Albany", "122{:02}", "NY"), Town("Buffalo", "142{:02}", "NY"), Town("New York", "100{:02}", "NY")),
}
STREETS: Final = {
    GERMANY: ("Hafenstraße {}", "Am Speicher {}", "Lindenallee {}", "Werksweg {}"),
    BRITAIN: ("{} Mill Lane", "{} Station Road", "{} Kiln Street"),
    AMERICA: ("{} Foundry Street", "{} Harbor Avenue", "{} Mill Road"),
}
PEOPLE: Final = ("Accounts payable", "Invoice desk", "Finance")
# Codes of the list of electronic addresses for VAT numbers; American customers have none.
VAT_SCHEMES: Final = {GERMANY: "9930", BRITAIN: "9932"}


def letterhead(entity: LegalEntityDefined) -> LegalEntityDefined:
    """The company with what its statements say of it, and the numbers that they get."""
    return _of_berlin(entity) if entity.legal_entity_id == BERLIN.legal_entity_id else _of_new_york(entity)


def addressed(customer: CustomerDefined) -> CustomerDefined:
    """The customer with where its statements go; one in three asks for a reference of its own on each."""
    number = int(customer.customer_id.removeprefix("C-"))
    country = COUNTRIES[customer.tax_region or "DE"]
    town = TOWNS[country][number % len(TOWNS[country])]
    street = STREETS[country][number % len(STREETS[country])].format(number * 7 % 90 + 1)
    vat_id = None if country == AMERICA else f"{country}{910_000_000 + number * 137}"
    domain = "-".join(word for word in customer.name.lower().replace("&", "").replace(".", "").split()[:2])
    return customer._replace(
        address=PostalAddress(
            street=(street,),
            postal_code=town.postal_code.format(number % 20 + 1),
            city=town.name,
            region=town.region,
            country=country,
        ),
        vat_id=vat_id,
        endpoint=Endpoint(VAT_SCHEMES[country], vat_id) if vat_id else None,
        contact=Contact(name=PEOPLE[number % len(PEOPLE)], email=f"invoices@{domain}.example"),
        buyer_reference=f"KST-{4000 + number}" if number % 3 == 0 else None,
    )


def _of_berlin(entity: LegalEntityDefined) -> LegalEntityDefined:
    # A log of several partitions counts a series in each.
    invoices = NumberRange("RE", "RE{series}-{year}-{number:5}", first_number=1001, restarts="year")
    given_back = NumberRange("GS", "GS{series}-{year}-{number:4}", takes="credit", restarts="year")
    return entity._replace(
        address=PostalAddress(("Tempelhofer Ufer 900",), "10963", "Berlin", None, GERMANY),
        vat_id="DE999999999",
        tax_registration="37/999/99999",
        registration_number="HRB 999999 B",
        endpoint=Endpoint(VAT_SCHEMES[GERMANY], "DE999999999"),
        contact=Contact("Buchhaltung", "rechnungen@brandt-keller.example", "+49 30 23125 900"),
        bank=BankAccount("DE36000000000000000000", "TESTDEFFXXX", "Beispielbank"),
        legal_note="Amtsgericht Charlottenburg HRB 999999 B\nGeschäftsführung: Anna Brandt, Jonas Keller",
        number_ranges=(invoices, given_back),
    )


def _of_new_york(entity: LegalEntityDefined) -> LegalEntityDefined:
    return entity._replace(
        address=PostalAddress(("900 Example Plaza", "Floor 99"), "10001", "New York", "NY", AMERICA),
        tax_registration="00-0000000",
        contact=Contact("Accounts receivable", "billing@brandt-keller.example", "+1 212 555 0199"),
        bank=BankAccount("000123456789", "TESTUS33XXX", "Example Bank, ABA 000000000"),
        number_ranges=(NumberRange("INV", "INV{series}-{fiscal_year}-{number:5}", restarts="fiscal_year"),),
    )
