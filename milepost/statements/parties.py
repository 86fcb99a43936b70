"""Who bills whom, on paper: addresses as a letter has them, references at the top, how to pay, and the lines at the foot."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from domain.events.common import PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from domain.reference.iban import is_iban
from milepost.days import last_day
from milepost.locales import Writing
from milepost.statements.sheet import DATED, StatementSheet, company_name, customer_name, is_credit, issued_on

# Where the postal code stands after the city.
CODE_LAST: Final = frozenset({"US", "CA", "GB", "AU", "NZ", "IE", "IN"})


class PrintedFact(NamedTuple):
    """A word and what stands beside it."""

    label: str
    value: str


class PartyBlock(NamedTuple):
    """Who it is, and the lines below the name."""

    label: str
    name: str
    lines: tuple[str, ...]


def recipient(sheet: StatementSheet) -> PartyBlock:
    """For whose attention first, then the address."""
    customer = sheet.background.customer
    entity = sheet.background.entity
    own = entity.address.country if entity is not None and entity.address is not None else None
    address = _lines_of(customer.address, sheet.writing, own) if customer is not None else ()
    name = attention(customer)
    lines = (sheet.words["attention"].format(name=name), *address) if name else address
    return PartyBlock(sheet.words["bill_to"], customer_name(sheet), lines)


def sender(sheet: StatementSheet) -> PartyBlock:
    entity = sheet.background.entity
    lines = _lines_of(entity.address, sheet.writing, None) if entity is not None else ()
    return PartyBlock(sheet.words["from"], company_name(sheet), lines)


def sender_line(sheet: StatementSheet) -> str:
    """On one line, for the window of an envelope."""
    block = sender(sheet)
    return " · ".join((block.name, *block.lines)) if block.lines else ""


def _lines_of(address: PostalAddress | None, writing: Writing, home: str | None) -> tuple[str, ...]:
    """The country only where a letter crosses a border."""
    if address is None:
        return ()
    code, city, region = address.postal_code or "", address.city or "", address.region or ""
    if address.country in CODE_LAST:
        place = f"{city}{', ' if city and region else ''}{region} {code}".strip()
    else:
        place = " ".join(part for part in (code, city) if part)
        place = f"{place}, {region}" if region and place else place or region
    country = address.country if address.country != home else None
    name = writing.country(country) if country is not None else ""
    return tuple(line for line in (*address.street, place, name) if line)


def references(sheet: StatementSheet) -> Iterator[PrintedFact]:
    """The company's own number first, then what the customer asks for, then days and period."""
    statement, words, writing = sheet.statement, sheet.words, sheet.writing
    customer, entity = sheet.background.customer, sheet.background.entity
    if statement.number is not None:
        yield PrintedFact(words["credit_number" if is_credit(statement) else "number"], statement.number)
    if statement.replaces_number is not None:
        yield PrintedFact(words["replaces"], statement.replaces_number)
    yield PrintedFact(words[DATED.get(statement.status, "issued")], writing.short_day(issued_on(sheet)))
    if statement.due_on is not None:
        yield PrintedFact(words["due_on"], writing.short_day(statement.due_on))
    elif customer is not None and customer.payment_terms_days is not None and not is_credit(statement):
        yield PrintedFact(words["terms"], words["days"].format(days=customer.payment_terms_days))
    yield PrintedFact(words["period"], writing.span(statement.period, last_day(statement.to)))
    if sheet.background.purchase_order:
        yield PrintedFact(words["order"], sheet.background.purchase_order)
    if customer is not None and customer.buyer_reference:
        yield PrintedFact(words["buyer_reference"], customer.buyer_reference)
    yield PrintedFact(words["contract"], statement.contract_id)
    yield PrintedFact(words["customer_number"], statement.bill_to)
    if customer is not None and customer.vat_id:
        yield PrintedFact(words["your_vat_id"], customer.vat_id)
    elif customer is not None and customer.tax_registration:
        yield PrintedFact(words["your_tax_registration"], customer.tax_registration)
    if entity is not None and entity.vat_id:
        yield PrintedFact(words["our_vat_id"], entity.vat_id)
    yield PrintedFact(words["statement"], statement.statement_id)
    if statement.revision > 1:
        yield PrintedFact(words["revision"], f"{statement.revision}")
    yield PrintedFact(words["currency"], statement.currency)


def payment(sheet: StatementSheet) -> Iterator[PrintedFact]:
    """To which account, where something is to be paid."""
    entity, words = sheet.background.entity, sheet.words
    if entity is None or entity.bank is None or is_credit(sheet.statement):
        return
    bank = entity.bank
    yield PrintedFact(words["pay_to"], bank.holder or company_name(sheet))
    yield PrintedFact(words["iban" if is_iban(bank.account) else "account"], grouped_account(bank.account))
    if bank.bic:
        yield PrintedFact(words["bic"], bank.bic)
    if bank.bank_name:
        yield PrintedFact(words["bank"], bank.bank_name)
    yield PrintedFact(words["reference"], sheet.statement.number or sheet.statement.statement_id)


def foot(sheet: StatementSheet) -> tuple[tuple[str, ...], ...]:
    """Columns at the end of the page: who it is from, how to reach them, what the law asks for."""
    entity = sheet.background.entity
    if entity is None:
        return ()
    block = sender(sheet)
    first = (block.name, *block.lines) if block.lines else ()
    columns = (first, tuple(_contact(entity)), tuple(_registered(entity, sheet)))
    return tuple(column for column in columns if column)


def _contact(entity: LegalEntityDefined) -> Iterator[str]:
    if entity.contact is not None:
        yield from (each for each in (entity.contact.name, entity.contact.email, entity.contact.phone) if each)


def _registered(entity: LegalEntityDefined, sheet: StatementSheet) -> Iterator[str]:
    words = sheet.words
    if entity.vat_id:
        yield f"{words['vat_id']} {entity.vat_id}"
    if entity.tax_registration:
        yield f"{words['tax_registration']} {entity.tax_registration}"
    if entity.registration_number:
        yield entity.registration_number
    if entity.legal_note:
        yield from entity.legal_note.splitlines()


def grouped_account(account: str) -> str:
    """An IBAN in groups of four."""
    plain = account.replace(" ", "")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4)) if is_iban(account) else account


def attention(customer: CustomerDefined | None) -> str:
    return customer.contact.name or "" if customer is not None and customer.contact is not None else ""
