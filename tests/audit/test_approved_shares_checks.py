"""What an audit says of payers whose statements are approved apart, where a share is wrong."""

from __future__ import annotations

from datetime import date

from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import accounts_of
from domain.audit.terms import AuditedTerms
from domain.units import PERCENT_ONE
from tests.audit.test_engagement_checks import engagement, posted, printed, stated

SHARED = AuditedTerms(
    "K", several_payers=True, approved=True, shares={"A": (60 * PERCENT_ONE,), "B": (40 * PERCENT_ONE,)}
)
JULY = date(2026, 7, 1)


def said(found: AuditedEngagement) -> list[str]:
    return [f"{each.expected}: {each.found}" for each in accounts_of(found).checked.violations]


def test_a_share_is_right_whether_or_not_the_other_is_issued() -> None:
    found = engagement(posted("T-1", 1_500), stated(printed(600, "T-1"), bill_to="B"), terms=SHARED)
    assert said(found) == []


def test_a_share_follows_what_the_entry_accrued_by_then() -> None:
    statements = (
        stated(printed(900, "T-1"), bill_to="A"),
        posted("T-1", -300),
        stated(printed(480, "T-1"), bill_to="B", sequence=2),
        stated(printed(-180, "T-1"), bill_to="A", period=JULY),
    )
    assert said(engagement(posted("T-1", 1_500), *statements, terms=SHARED)) == []


def test_a_payer_who_is_billed_the_share_of_another_is_told() -> None:
    found = engagement(posted("T-1", 1_500), stated(printed(900, "T-1"), bill_to="B"), terms=SHARED)
    assert said(found) == ["600.00 USD, the share of B in 1500.00, on its statements: 900.00"]


def test_a_payer_who_is_billed_twice_is_told() -> None:
    statements = (stated(printed(900, "T-1"), bill_to="A"), stated(printed(900, "T-1"), bill_to="A", period=JULY))
    found = engagement(posted("T-1", 1_500), *statements, terms=SHARED)
    assert said(found) == ["900.00 USD, the share of A in 1500.00, on its statements: 1800.00"]
