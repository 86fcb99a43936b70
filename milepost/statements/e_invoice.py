"""A statement as an e-invoice: UBL 2.1 after Peppol BIS Billing 3 (EN 16931); one that gives back is a CreditNote.

The figures are those of the statement. What it lacks for an e-invoice is reported with the record and the field to mend. How retention,
deposits and tax groups are written is in docs/decisions/e-invoices.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from domain.billing.statement import ISSUED
from domain.billing.tax import groups_of
from domain.events.common import Endpoint, PostalAddress
from domain.events.reference import CustomerDefined, LegalEntityDefined
from domain.money import is_currency, smallest_unit
from domain.outputs import StatementLine, StatementTax
from domain.reference.iban import is_iban
from domain.units import AMOUNT_ONE, AMOUNT_SCALE, HOURS_SCALE, HUNDRED_PERCENT, PERCENT_SCALE, RATE_SCALE, Amount
from milepost.console import printable
from milepost.statements.described import description
from milepost.statements.lines import EACH, HOUR, telling_quantity
from milepost.statements.parties import attention
from milepost.statements.sheet import StatementSheet, company_name, customer_name, is_credit, person_or_role

INVOICE_NS: Final = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NS: Final = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
CAC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CUSTOMIZATION: Final = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
# UNTDID 1001.
INVOICE, CREDIT_NOTE, CORRECTED = "380", "381", "384"
# UNCL 5305.
STANDARD, ZERO, REVERSE, EXEMPT, OUTSIDE = "S", "Z", "AE", "E", "O"
CODES: Final = {"reverse_charge": REVERSE, "exempt": EXEMPT}
REASONS: Final = {REVERSE: "Reverse charge", EXEMPT: "Exempt from VAT", OUTSIDE: "Not subject to VAT"}
REASON_CODES: Final = {REVERSE: "VATEX-EU-AE", OUTSIDE: "VATEX-EU-O"}
# UN/ECE Recommendation 20; anything else is a piece, with the unit in the description.
UNITS: Final = {HOUR: "HUR", EACH: "C62", "day": "DAY", "month": "MON", "km": "KMT", "kilometre": "KMT"}
SEPA, CREDIT_TRANSFER, CLEARING = "58", "30", "97"
PLACES_MOST: Final = 2
# Number and tax are those of the day of issue.
LATER_ALONE: Final = "a new version counts for statements issued after it, so send this one as PDF"

register_namespace("cac", CAC)
register_namespace("cbc", CBC)


Party = TypeVar("Party", LegalEntityDefined, CustomerDefined)


class MissingField(NamedTuple):
    """What keeps a statement from being an e-invoice: the record, its field, what was expected, and whose record it is."""

    record: str
    field: str
    expected: str
    source: str

    def __str__(self) -> str:
        return f"{self.record}: {self.field}: expected {self.expected}; a new version from {self.source} mends it"


class NoEInvoice(ValueError):
    """The statement cannot be sent as an e-invoice."""

    def __init__(self, statement_id: str, lacks: Iterable[str]) -> None:
        self.lacks = tuple(lacks)
        super().__init__(f"no e-invoice of {statement_id}: " + "; ".join(self.lacks))


class _Line(NamedTuple):
    name: str
    detail: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Amount
    tax: StatementTax
    line: StatementLine | None


class _Allowance(NamedTuple):
    amount: Amount
    tax: StatementTax


def e_invoice(sheet: StatementSheet) -> bytes:
    """Raises NoEInvoice with all that is missing."""
    if any(_lacks_of_parties(sheet)):
        sheet = _completed(sheet)
    lacks = [*_lacks_of_statement(sheet), *_lacks_of_parties(sheet)]
    if lacks:
        raise NoEInvoice(sheet.statement.statement_id, map(str, lacks))
    return _Document(sheet).xml()


# What is missing


def _lacks_of_statement(sheet: StatementSheet) -> Iterator[str]:
    statement = sheet.statement
    if statement.status != ISSUED:
        yield f"it is {'a draft' if statement.status == 'open' else statement.status}; only what is issued can be sent"
    elif statement.number is None:
        lack = f"a range when it was issued on {statement.issued_on}"
        yield f"{_entity(sheet)}: number_ranges: expected {lack}; {LATER_ALONE}"
    if not statement.lines:
        yield "it has no lines: it only releases what was retained, which was taxed before; send the PDF"
    if not is_currency(statement.currency) or AMOUNT_ONE // smallest_unit(statement.currency) > 10**PLACES_MOST:
        yield f"expected a currency with up to {PLACES_MOST} decimals, as EN 16931 allows, got {statement.currency}"
    groups = groups_of(statement)
    if statement.tax_region is None:
        lack = "a region whose policy says how services are taxed, for kind outside_scope too"
        yield f"{_entity(sheet)}: tax_region: expected {lack}; {LATER_ALONE}"
    elif groups.undetermined:
        names = ", ".join(sorted({group.category for group in groups.undetermined}))
        yield f"TaxPolicyDefined {statement.tax_region}: rules: expected one for {names}, so that its tax is known"
    codes = {code_of(group) for group in groups.known}
    if OUTSIDE in codes and len(codes) > 1:
        yield f"what is not subject to VAT cannot stand beside {', '.join(sorted(codes - {OUTSIDE}))} on one e-invoice (BR-O-11)"


def _lacks_of_parties(sheet: StatementSheet) -> Iterator[MissingField]:
    entity, customer = sheet.background.entity, sheet.background.customer
    codes = {code_of(group) for group in groups_of(sheet.statement).known}
    for record, of in ((_entity(sheet), entity), (_customer(sheet), customer)):
        source = _source(of)
        country = of.address.country if of is not None and of.address is not None else None
        if country is None:
            yield MissingField(record, "address.country", "a country's two letters, such as DE", source)
        if of is None or _endpoint(of) is None:
            yield MissingField(record, "endpoint", "scheme and id in the network, or contact.email", source)
        if of is not None and of.vat_id is not None and not _is_vat_id(of.vat_id):
            yield MissingField(
                record, "vat_id", f"the country's two letters in front, such as DE123456789, got {of.vat_id}", source
            )
    if codes - {OUTSIDE} and (entity is None or not (entity.vat_id or entity.tax_registration)):
        yield MissingField(_entity(sheet), "vat_id", "it, or tax_registration", _source(entity))
    if OUTSIDE in codes and (entity is None or not entity.registration_number):
        yield MissingField(
            _entity(sheet), "registration_number", "it, since no VAT id stands on what is outside VAT", _source(entity)
        )
    if REVERSE in codes and (customer is None or not (customer.vat_id or customer.registration_number)):
        yield MissingField(
            _customer(sheet), "vat_id", "it for reverse charge, or registration_number", _source(customer)
        )


# Of parties, what an e-invoice may need and a statement does not.
STATED_SINCE: Final = ("endpoint", "contact", "tax_registration", "registration_number")


def _completed(sheet: StatementSheet) -> StatementSheet:
    """With what the parties have stated since the statement was issued; what they had stated stays."""
    known = sheet.background
    entity, customer = _stated(known.entity, sheet.since.entity), _stated(known.customer, sheet.since.customer)
    return sheet._replace(background=replace(known, entity=entity, customer=customer))


def _stated(known: Party | None, since: Party | None) -> Party | None:
    if known is None or since is None:
        return known or since
    missing = {name: getattr(since, name) for name in STATED_SINCE if getattr(known, name) is None}
    if known.address is None or known.address.country is None:
        missing["address"] = since.address
    if known.vat_id is None or not _is_vat_id(known.vat_id):
        missing["vat_id"] = since.vat_id
    return known._replace(**missing)


def _entity(sheet: StatementSheet) -> str:
    return f"LegalEntityDefined {sheet.statement.legal_entity_id}"


def _customer(sheet: StatementSheet) -> str:
    return f"CustomerDefined {sheet.statement.bill_to}"


def _source(of: LegalEntityDefined | CustomerDefined | None) -> str:
    return of.source if of is not None else "the source of reference data"


def _endpoint(of: LegalEntityDefined | CustomerDefined) -> Endpoint | None:
    """Its own, else its e-mail address."""
    if of.endpoint is not None:
        return of.endpoint
    email = of.contact.email if of.contact is not None else None
    return Endpoint("EM", email) if email else None


def _is_vat_id(vat_id: str) -> bool:
    return len(vat_id) > 2 and vat_id[:2].isalpha() and vat_id[:2].isupper() and vat_id[:2].isascii()


def code_of(group: StatementTax) -> str:
    """UNCL 5305: output tax of 0 % is zero rated."""
    if group.outside_scope:
        return OUTSIDE
    if group.kind in CODES:
        return CODES[group.kind]
    return STANDARD if group.percent else ZERO


# The document


class _Document:
    """`sign` turns a statement that gives back into a credit note's positive figures."""

    def __init__(self, sheet: StatementSheet) -> None:
        self.sheet = sheet
        self.is_credit = is_credit(sheet.statement)
        self.sign = -1 if self.is_credit else 1
        self.root = Element(f"{{{CREDIT_NS if self.is_credit else INVOICE_NS}}}{self._kind}")
        self.taxes = groups_of(sheet.statement).known

    @property
    def _kind(self) -> str:
        return "CreditNote" if self.is_credit else "Invoice"

    def xml(self) -> bytes:
        lines, allowances = self._lines()
        self._head()
        self._references()
        self._seller()
        self._buyer()
        self._payment()
        for allowance in allowances:
            self._allowance(allowance)
        self._tax()
        self._totals(lines, allowances)
        for number, line in enumerate(lines, 1):
            self._line(number, line)
        indent(self.root)
        register_namespace("", CREDIT_NS if self.is_credit else INVOICE_NS)
        made: bytes = tostring(self.root, encoding="UTF-8", xml_declaration=True)
        return made + b"\n"

    # Head

    def _head(self) -> None:
        statement, root = self.sheet.statement, self.root
        _text(root, "CustomizationID", CUSTOMIZATION)
        _text(root, "ProfileID", PROFILE)
        _text(root, "ID", statement.number or "")
        _text(root, "IssueDate", f"{statement.issued_on}")
        if not self.is_credit and statement.due_on is not None:
            _text(root, "DueDate", f"{statement.due_on}")
        _text(root, f"{self._kind}TypeCode", self._type_code())
        if note := "; ".join(self._notes()):
            _text(root, "Note", note)
        _text(root, "DocumentCurrencyCode", statement.currency)

    def _type_code(self) -> str:
        """A corrected invoice has a code of its own between two German parties alone (Peppol P0112)."""
        if self.is_credit:
            return CREDIT_NOTE
        entity, customer = self.sheet.background.entity, self.sheet.background.customer
        both = {one.address.country for one in (entity, customer) if one is not None and one.address is not None}
        return CORRECTED if self.sheet.statement.replaces_number is not None and both == {"DE"} else INVOICE

    def _notes(self) -> Iterator[str]:
        statement, words = self.sheet.statement, self.sheet.words
        for name, amount in (("retained", statement.retained), ("released", statement.released)):
            if amount:
                yield f"{words[name]}: {self.sheet.writing.money(amount)}"
        if statement.replaces_number is not None:
            yield f"{words['replaces']} {statement.replaces_number}"

    def _references(self) -> None:
        statement, root, background = self.sheet.statement, self.root, self.sheet.background
        customer = background.customer
        reference = customer.buyer_reference if customer is not None else None
        _text(root, "BuyerReference", reference or background.purchase_order or statement.contract_id)
        period = _group(root, "InvoicePeriod")
        _text(period, "StartDate", f"{statement.period}")
        _text(period, "EndDate", f"{statement.to - timedelta(days=1)}")
        if background.purchase_order:
            _text(_group(root, "OrderReference"), "ID", background.purchase_order)
        if statement.replaces_number is not None:
            earlier = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
            _text(earlier, "ID", statement.replaces_number)
        _text(_group(root, "ContractDocumentReference"), "ID", statement.contract_id)

    # Parties

    def _seller(self) -> None:
        entity = self.sheet.background.entity
        assert entity is not None, "who bills is known"
        party = _group(_group(self.root, "AccountingSupplierParty"), "Party")
        self._party(party, entity, company_name(self.sheet), is_seller=True)

    def _buyer(self) -> None:
        customer = self.sheet.background.customer
        assert customer is not None, "who is billed is known"
        party = _group(_group(self.root, "AccountingCustomerParty"), "Party")
        self._party(party, customer, customer_name(self.sheet), is_seller=False)

    def _party(self, party: Element, of: LegalEntityDefined | CustomerDefined, name: str, *, is_seller: bool) -> None:
        endpoint, address = _endpoint(of), of.address
        assert endpoint is not None, "an endpoint is known"
        assert address is not None, "an address is known"
        _text(party, "EndpointID", endpoint.id, schemeID=endpoint.scheme)
        _text(_group(party, "PartyName"), "Name", name)
        _address(party, address)
        if all(code_of(tax) != OUTSIDE for tax in self.taxes):
            if of.vat_id:
                _scheme(party, of.vat_id.replace(" ", ""), "VAT")
            if of.tax_registration and is_seller:
                _scheme(party, of.tax_registration, "TAX")
        legal = _group(party, "PartyLegalEntity")
        _text(legal, "RegistrationName", name)
        if of.registration_number:
            _text(legal, "CompanyID", of.registration_number)
        if is_seller and isinstance(of, LegalEntityDefined) and of.legal_note:
            _text(legal, "CompanyLegalForm", " · ".join(of.legal_note.splitlines()))
        if of.contact is not None and any(of.contact):
            contact = _group(party, "Contact")
            said = of.contact.name if is_seller or not isinstance(of, CustomerDefined) else attention(of)
            pairs = (("Name", said), ("Telephone", of.contact.phone), ("ElectronicMail", of.contact.email))
            for field, value in pairs:
                if value:
                    _text(contact, field, value)

    def _payment(self) -> None:
        statement, entity = self.sheet.statement, self.sheet.background.entity
        if self.is_credit:
            _text(_group(self.root, "PaymentMeans"), "PaymentMeansCode", CLEARING)
            return
        if entity is not None and entity.bank is not None:
            bank = entity.bank
            is_sepa = is_iban(bank.account) and statement.currency == "EUR"
            means = _group(self.root, "PaymentMeans")
            _text(means, "PaymentMeansCode", SEPA if is_sepa else CREDIT_TRANSFER)
            _text(means, "PaymentID", statement.number or "")
            account = _group(means, "PayeeFinancialAccount")
            _text(account, "ID", bank.account.replace(" ", ""))
            _text(account, "Name", bank.holder or company_name(self.sheet))
            if bank.bic:
                _text(_group(account, "FinancialInstitutionBranch"), "ID", bank.bic)
        terms = self.sheet.words["on_receipt"]
        if statement.due_on is not None:
            terms = self.sheet.words["due_by"].format(day=self.sheet.writing.short_day(statement.due_on))
        _text(_group(self.root, "PaymentTerms"), "Note", terms)

    # Money

    def _money(self, parent: Element, name: str, amount: Amount) -> None:
        _text(parent, name, _plain(Decimal(self.sign * amount).scaleb(-AMOUNT_SCALE), 2), currencyID=self._currency)

    @property
    def _currency(self) -> str:
        return self.sheet.statement.currency

    def _lines(self) -> tuple[list[_Line], list[_Allowance]]:
        """Line by line where each category has one rate, with deposits as allowances; else one line for each tax group."""
        by_category = {tax.category: tax for tax in self.taxes}
        sums: dict[str, Amount] = {}
        for line in self.sheet.statement.lines:
            category = line.tax_category if line.tax_category is not None else next(iter(by_category))
            sums[category] = sums.get(category, 0) + line.amount
        apart = {
            category: amount - by_category[category].base
            for category, amount in sums.items()
            if category in by_category
        }
        is_whole = len(by_category) == len(self.taxes) and set(sums) == set(by_category)
        if is_whole and sum(apart.values()) == self.sheet.statement.deposits_applied:
            ordered = [line for group in self.sheet.groups for line in group.lines_only]
            lines = [self._whole(line, by_category[line.tax_category or next(iter(by_category))]) for line in ordered]
            return lines, [_Allowance(amount, by_category[one]) for one, amount in sorted(apart.items()) if amount]
        return [self._of_group(tax) for tax in self.taxes], []

    def _whole(self, line: StatementLine, tax: StatementTax) -> _Line:
        quantity = Decimal(telling_quantity(line, self._currency)).scaleb(-HOURS_SCALE)
        price = Decimal(line.rate * (HUNDRED_PERCENT + line.markup_percent)).scaleb(-RATE_SCALE) / HUNDRED_PERCENT
        amount = Decimal(line.amount).scaleb(-AMOUNT_SCALE)
        unit = UNITS.get(line.unit, UNITS[EACH])
        if abs(quantity * price - amount) > Decimal("0.005"):
            price = round(amount / quantity, 8) if quantity else price
        if abs(quantity * price - amount) > Decimal("0.005"):
            quantity, price, unit = Decimal(1), amount, UNITS[EACH]
        if price < 0:
            quantity, price = -quantity, -price
        detail = [line.task, person_or_role(self.sheet, line), line.unit if line.unit not in UNITS else None]
        described = description(self.sheet, line)
        details = dict.fromkeys(each for each in detail if each and each != described)
        return _Line(described, ", ".join(details), quantity, unit, price, line.amount, tax, line)

    def _of_group(self, tax: StatementTax) -> _Line:
        amount = Decimal(tax.base).scaleb(-AMOUNT_SCALE)
        quantity = Decimal(1) if amount >= 0 else Decimal(-1)
        return _Line(tax.category, "", quantity, UNITS[EACH], abs(amount), tax.base, tax, None)

    def _allowance(self, allowance: _Allowance) -> None:
        """A deposit that is set against it: it was billed and taxed with its own statement."""
        amount = self.sign * allowance.amount
        element = _group(self.root, "AllowanceCharge")
        _text(element, "ChargeIndicator", "false" if amount > 0 else "true")
        _text(element, "AllowanceChargeReason", self.sheet.words["deposits"])
        plain = _plain(Decimal(abs(amount)).scaleb(-AMOUNT_SCALE), 2)
        _text(element, "Amount", plain, currencyID=self._currency)
        _category(element, "TaxCategory", allowance.tax)

    def _tax(self) -> None:
        merged: dict[tuple[str, int], StatementTax] = {}
        for tax in self.taxes:
            key = code_of(tax), tax.percent
            had = merged.get(key)
            more = (had.base + tax.base, had.amount + tax.amount) if had is not None else (tax.base, tax.amount)
            merged[key] = (had or tax)._replace(base=more[0], amount=more[1])
        total = _group(self.root, "TaxTotal")
        self._money(total, "TaxAmount", self._tax_amount)
        for _, tax in sorted(merged.items()):
            subtotal = _group(total, "TaxSubtotal")
            self._money(subtotal, "TaxableAmount", tax.base)
            self._money(subtotal, "TaxAmount", tax.amount)
            _category(subtotal, "TaxCategory", tax, says_why=True)

    @property
    def _tax_amount(self) -> Amount:
        return sum(tax.amount for tax in self.taxes)

    def _totals(self, lines: Iterable[_Line], allowances: Iterable[_Allowance]) -> None:
        """What is retained is paid later, not now: it stands where what is paid already does (BT-113), and so does a release."""
        statement = self.sheet.statement
        net = sum(line.amount for line in lines)
        less = sum(self.sign * one.amount for one in allowances if self.sign * one.amount > 0)
        more = sum(-self.sign * one.amount for one in allowances if self.sign * one.amount < 0)
        exclusive = net - self.sign * (less - more)
        inclusive = exclusive + self._tax_amount
        later = statement.retained - statement.released
        totals = _group(self.root, "LegalMonetaryTotal")
        self._money(totals, "LineExtensionAmount", net)
        self._money(totals, "TaxExclusiveAmount", exclusive)
        self._money(totals, "TaxInclusiveAmount", inclusive)
        for name, amount in (("AllowanceTotalAmount", less), ("ChargeTotalAmount", more)):
            if amount:
                self._money(totals, name, self.sign * amount)
        if later:
            self._money(totals, "PrepaidAmount", later)
        payable = inclusive - later
        assert payable == statement.amount_due + self._tax_amount, (
            f"{statement.statement_id}: the e-invoice asks for {payable}, the statement for {statement.amount_due} and tax"
        )
        self._money(totals, "PayableAmount", payable)

    def _line(self, number: int, line: _Line) -> None:
        element = _group(self.root, f"{self._kind}Line")
        _text(element, "ID", f"{number}")
        quantity = "CreditedQuantity" if self.is_credit else "InvoicedQuantity"
        _text(element, quantity, _plain(self.sign * line.quantity), unitCode=line.unit)
        self._money(element, "LineExtensionAmount", line.amount)
        statement = self.sheet.statement
        if line.line is not None and statement.period <= line.line.service_from <= line.line.service_to < statement.to:
            period = _group(element, "InvoicePeriod")
            _text(period, "StartDate", f"{line.line.service_from}")
            _text(period, "EndDate", f"{line.line.service_to}")
        item = _group(element, "Item")
        if line.detail:
            _text(item, "Description", line.detail)
        _text(item, "Name", line.name)
        _category(item, "ClassifiedTaxCategory", line.tax)
        _text(_group(element, "Price"), "PriceAmount", _plain(line.price, 2), currencyID=self._currency)


def _address(party: Element, address: PostalAddress) -> None:
    element = _group(party, "PostalAddress")
    street = address.street
    for name, value in (
        ("StreetName", street[0] if street else None),
        ("AdditionalStreetName", street[1] if len(street) > 1 else None),
        ("CityName", address.city),
        ("PostalZone", address.postal_code),
        ("CountrySubentity", address.region),
    ):
        if value:
            _text(element, name, value)
    if len(street) > 2:
        _text(_group(element, "AddressLine"), "Line", ", ".join(street[2:]))
    _text(_group(element, "Country"), "IdentificationCode", address.country or "")


def _scheme(party: Element, company_id: str, scheme: str) -> None:
    element = _group(party, "PartyTaxScheme")
    _text(element, "CompanyID", company_id)
    _text(_group(element, "TaxScheme"), "ID", scheme)


def _category(parent: Element, name: str, tax: StatementTax, *, says_why: bool = False) -> None:
    code = code_of(tax)
    element = _group(parent, name)
    _text(element, "ID", code)
    # The rate of what is outside VAT stands in the breakdown alone (BR-O-05, DE-R-014).
    if code != OUTSIDE or says_why:
        _text(element, "Percent", _plain(Decimal(tax.percent).scaleb(-PERCENT_SCALE)))
    if says_why and code in REASONS:
        if code in REASON_CODES:
            _text(element, "TaxExemptionReasonCode", REASON_CODES[code])
        _text(element, "TaxExemptionReason", tax.reason or REASONS[code])
    _text(_group(element, "TaxScheme"), "ID", "VAT")


def _group(parent: Element, name: str) -> Element:
    return SubElement(parent, f"{{{CAC}}}{name}")


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    element = SubElement(parent, f"{{{CBC}}}{name}", attributes)
    element.text = printable(text)


def _plain(value: Decimal, places: int = 0) -> str:
    """Without exponent, and without zeros at the end beyond so many decimals."""
    text = f"{value.normalize():f}" if value else "0"
    whole, _, decimals = text.partition(".")
    decimals = decimals.ljust(places, "0")
    return f"{whole}.{decimals}" if decimals else whole
