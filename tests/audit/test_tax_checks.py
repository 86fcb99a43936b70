"""The audit finds a tax that the region's policy does not give, a base that is not billed, and one of another category."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.audit.findings import SeenOutput
from domain.audit.reference import ReferenceSoFar, billed_to_nobody
from domain.audit.statements import statements_foot
from domain.audit.tax import TaxTables
from domain.audit.terms import AuditedTerms
from domain.events.common import FiscalCalendar, TaxRule
from domain.events.reference import CustomerDefined, LegalEntityDefined, TaxPolicyDefined
from domain.outputs import BillingStatement, StatementTax, UndeterminedTax
from domain.units import PERCENT_ONE
from tests.audit.test_engagement_checks import engagement, posted, printed, stated

UNIT = 10_000
LAST = date(2026, 1, 31)
MARCH = date(2026, 3, 1)


def taxed(base: int, percent: int, amount: int, kind: str = "output", day: date | None = LAST) -> StatementTax:
    return StatementTax("services", base * UNIT, percent * PERCENT_ONE, amount * UNIT, kind, day)


def violations(*tax: StatementTax, **fields: Any) -> list[tuple[str, str]]:
    """Of a statement of 100.00 to a customer in DE, where services are at 19 % and from March at 20 %."""
    reference = ReferenceSoFar()
    about: dict[str, Any] = {"event_id": "e", "occurred_at": 1, "source": "test", "version": 1}
    calendar = FiscalCalendar(kind="calendar_month")
    reference.learn(
        LegalEntityDefined(
            **about, legal_entity_id="LE", name="LE", currency="USD", zone="UTC", fiscal_calendar=calendar
        )
    )
    reference.learn(CustomerDefined(**about, customer_id="C", name="C", tax_region="DE"))
    rules = (TaxRule("services", 19 * PERCENT_ONE, "output"), TaxRule("services", 20 * PERCENT_ONE, "output", MARCH))
    reference.learn(TaxPolicyDefined(**about, tax_region="DE", rules=rules))
    seen: SeenOutput = engagement(
        stated(printed(100, "T"), **{"tax": tax, "tax_region": "DE", "to": date(2026, 2, 1), **fields})
    ).outputs[0]
    assert isinstance(seen.record, BillingStatement)
    return [(each.expected, each.found) for each in TaxTables(reference).see(seen, seen.record)]


def test_a_statement_bills_somebody_who_is_defined() -> None:
    reference = ReferenceSoFar()
    seen: SeenOutput = engagement(stated(printed(100, "T"))).outputs[0]
    assert isinstance(seen.record, BillingStatement)
    assert [each.found for each in billed_to_nobody(seen, seen.record, reference)] == ["C"]
    reference.learn(
        CustomerDefined(event_id="e", occurred_at=1, source="test", version=1, customer_id="C", name="Customer")
    )
    assert list(billed_to_nobody(seen, seen.record, reference)) == []


def test_tax_by_the_table_is_right() -> None:
    assert violations(taxed(100, 19, 19)) == []
    assert violations(taxed(40, 20, 8, day=MARCH), taxed(60, 19, 0)._replace(amount=11_4000)) == []


@pytest.mark.parametrize(
    "wrong", [taxed(100, 19, 20), taxed(100, 20, 20), taxed(100, 0, 0, "exempt"), taxed(100, 20, 20, day=None)]
)
def test_another_rate_kind_or_amount_is_found(wrong: StatementTax) -> None:
    ((expected, found),) = violations(wrong)
    assert expected == "services: 19.00 on 100.00, output 19 %"
    assert found != expected


def test_a_tax_that_somebody_defined_is_not_open() -> None:
    base = UndeterminedTax("services", 100 * UNIT, LAST)
    assert violations(undetermined_tax=(base,)) == [
        ("services: 19.00 on 100.00, output 19 %", "services: undetermined on 100.00, no rule")
    ]


def test_a_tax_that_nobody_defined_is_open_and_not_zero() -> None:
    base = UndeterminedTax("books", 100 * UNIT, LAST)
    assert violations(undetermined_tax=(base,)) == []
    assert violations(taxed(100, 0, 0, "exempt")._replace(category="books")) == [
        ("books: undetermined on 100.00, no rule", "books: 0.00 on 100.00, exempt 0 %")
    ]


def test_bases_sum_to_what_is_billed() -> None:
    assert violations(taxed(99, 19, 0)._replace(amount=18_8100)) == [
        ("bases that sum to 100.00 USD, total less deposits applied", "99.00")
    ]


def test_the_region_is_that_of_who_is_billed() -> None:
    assert violations(taxed(100, 19, 19), tax_region="FR") == [("tax region DE", "FR")]


def test_what_was_superseded_says_what_held_then() -> None:
    assert violations(taxed(100, 7, 7), status="superseded") == []


def test_a_base_is_that_of_its_category() -> None:
    terms = AuditedTerms("K", tax_categories={"L": frozenset({"books"})})
    for category, expected in (
        ("books", []),
        ("services", ["tax base of books 100.00 USD", "tax base of services 0.00 USD"]),
    ):
        base = UndeterminedTax(category, 100 * UNIT, LAST)
        outputs = engagement(posted("T", 100), stated(printed(100, "T"), undetermined_tax=(base,)), terms=terms)
        assert [each.expected for each in statements_foot(outputs).violations] == expected
