"""What makes a reference record unusable although it is well formed; to be asked before the record is applied.

A zone, currency or calendar that nobody can compute with must be refused where it is said, not where it is used.
"""

import re
from collections.abc import Iterator

from domain.billing import tax
from domain.capabilities import OWN_CLASSES, OWN_REFERENCE
from domain.events.catalogue import Event
from domain.events.common import BankAccount, Policies, PostalAddress
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    RateCardPublished,
    TaxPolicyDefined,
)
from domain.policy_faults import (
    currency_faults,
    days_faults,
    exchange_rate_faults,
    hours_faults,
    line_rate_faults,
    policy_faults,
    range_faults,
    rate_faults,
)
from domain.reference import fiscal
from domain.reference.iban import is_iban
from domain.reference.numbers import number_range_faults
from domain.reference.zones import is_zone

_COUNTRY = re.compile(r"[A-Z]{2}")
_LIKE_AN_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_YEAR_AND_NUMBER = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def faults(event: Event) -> tuple[tuple[str, str], ...]:
    """Field and what is wrong with it, in the order of the fields; empty for every other event."""
    return tuple(_faults(event))


def _faults(event: Event) -> Iterator[tuple[str, str]]:
    """Long, because the switch is the list of reference data."""
    match event:
        case LegalEntityDefined():
            yield from currency_faults("currency", event.currency)
            yield from _zone("zone", event.zone)
            problem = fiscal.fault(event.fiscal_calendar)
            if problem is not None:
                yield "fiscal_calendar", problem
            yield from _policies(event.policies)
            yield from number_range_faults(event.number_ranges)
            yield from _address(event.address)
            yield from _account(event.bank)
        case PersonDefined() if event.bill_rate is not None:
            yield from currency_faults("bill_rate.currency", event.bill_rate.currency)
            yield from rate_faults("bill_rate.amount", event.bill_rate.amount)
        case PersonCapacitySet():
            if not _YEAR_AND_NUMBER.fullmatch(event.month):
                yield "month", f"expected a month such as 2026-03, got {event.month!r}"
            yield from hours_faults("hours", event.hours)
            yield from hours_faults("time_off", event.time_off)
        case CustomerDefined():
            if event.parent_customer_id == event.customer_id:
                yield "parent_customer_id", f"expected another customer, got {event.customer_id} itself"
            yield from days_faults("payment_terms_days", event.payment_terms_days)
            yield from _address(event.address)
        case RateCardPublished():
            if event.scope.kind != "global" and event.scope.id is None:
                yield "scope.id", f"expected the {event.scope.kind} that the card is for, got none"
            yield from currency_faults("currency", event.currency)
            yield from range_faults("effective_to", event.effective_from, event.effective_to)
            for place, line in enumerate(event.lines):
                yield from line_rate_faults(f"lines[{place}]", line)
        case CostRateSet():
            yield from currency_faults("currency", event.currency)
            if event.person_id is None and event.role is None:
                yield "person_id", "expected a person or a role, got neither"
            yield from rate_faults("rate", event.rate)
            yield from range_faults("effective_to", event.effective_from, event.effective_to)
        case ExchangeRateSet():
            yield from currency_faults("from_currency", event.from_currency)
            yield from currency_faults("to_currency", event.to_currency)
            if event.from_currency == event.to_currency:
                yield "to_currency", f"expected two currencies, got {event.to_currency} twice"
            yield from exchange_rate_faults("rate", event.rate)
        case TaxPolicyDefined():
            yield from tax.faults(event)
        case AccountingPeriodClosed() | AccountingPeriodReopened() if not _YEAR_AND_NUMBER.fullmatch(event.period):
            yield "period", f"expected a period such as 2026-05, got {event.period!r}"
        case _:
            if isinstance(event, OWN_CLASSES):
                yield from OWN_REFERENCE[type(event)].faults(event)


def _policies(policies: Policies | None) -> Iterator[tuple[str, str]]:
    if policies is None:
        return
    if policies.billing_zone is not None:
        yield from _zone("policies.billing_zone", policies.billing_zone)
    if policies.group_currency is not None:
        yield from currency_faults("policies.group_currency", policies.group_currency)
    yield from policy_faults("policies", policies)


def _address(address: PostalAddress | None) -> Iterator[tuple[str, str]]:
    """A country that no e-invoice could name; that none is stated refuses nothing."""
    country = address.country if address is not None else None
    if country is not None and not _COUNTRY.fullmatch(country):
        yield "address.country", f"expected two capital letters such as DE (ISO 3166-1), got {country!r}"


def _account(bank: BankAccount | None) -> Iterator[tuple[str, str]]:
    """What looks like an IBAN has its checksum: money that goes elsewhere does not come back."""
    plain = bank.account.replace(" ", "") if bank is not None else ""
    if _LIKE_AN_IBAN.fullmatch(plain) and not is_iban(plain):
        yield "bank.account", f"expected an IBAN whose check digits fit, got {plain!r}"


def _zone(field: str, name: str) -> Iterator[tuple[str, str]]:
    if not is_zone(name):
        yield field, f"expected an IANA zone such as Europe/Berlin, got {name!r}"
