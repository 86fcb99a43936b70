"""Of the terms in a log the audit takes the weaker reading wherever versions differ."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.audit.terms import AuditedTerms, CapBound, terms_of
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import (
    BillTo,
    Cap,
    ContractLine,
    Deposit,
    Funding,
    FundingRule,
    FundingShare,
    FundingSource,
    Policies,
    PurchaseOrder,
    SharedCap,
    TimeAndMaterials,
)
from domain.units import AMOUNT_ONE, HUNDRED_PERCENT, PERCENT_ONE


def line(line_id: str, cap: Cap | None = None, policies: Policies | None = None) -> ContractLine:
    return ContractLine(line_id=line_id, project_id="P", terms=TimeAndMaterials(cap=cap), policies=policies)


def signed(*lines: ContractLine, version: int = 1, **more: Any) -> ContractSigned:
    return ContractSigned(
        event_id="e",
        occurred_at=0,
        source="test",
        contract_id="K",
        version=version,
        customer_id="C",
        legal_entity_id="LE",
        currency="EUR",
        signed_on=date(2026, 1, 1),
        starts_on=date(2026, 1, 1),
        lines=lines,
        **more,
    )


def amended(version: int, *lines: ContractLine, approved_by: str | None = "cfo", **more: Any) -> ContractAmended:
    return ContractAmended(
        event_id="e",
        occurred_at=0,
        source="test",
        contract_id="K",
        version=version,
        replaces_version=version - 1,
        effective_on=date(2026, 2, 1),
        treatment="prospective",
        requested_by="pm",
        approved_by=approved_by,
        lines=lines or None,
        **more,
    )


def hard(amount: int | None, **more: Any) -> Cap:
    return Cap(kind="hard", amount=amount, **more)


def terms(*events: ContractSigned | ContractAmended, entity: Policies | None = None) -> AuditedTerms:
    return terms_of(events, {"LE": (entity or Policies(),)})["K"]


def bound(*events: ContractSigned | ContractAmended) -> CapBound:
    (found,) = terms(*events).caps
    return found


def test_the_highest_limit_of_a_cap_counts() -> None:
    assert bound(
        signed(line("L", hard(100))), amended(2, line("L", hard(300))), amended(3, line("L", hard(200)))
    ) == CapBound("line:L", frozenset({"L"}), "whole_term", 300, None, whole=True, limits_revenue=True)


def test_two_amendments_of_one_version_are_both_read() -> None:
    """The first one stands, so 300 may be billed although the second says 200; version 3 is an amendment of the first."""
    events = signed(line("L", hard(100))), amended(2, line("L", hard(300))), amended(2, line("L", hard(200)))
    assert bound(*events).amount == 300
    assert bound(*events, amended(3)).amount == 300


def test_an_amendment_that_nobody_else_approved_does_not_count() -> None:
    first = signed(line("L", hard(100)))
    assert bound(first, amended(2, line("L", hard(300)), approved_by=None)).amount == 100
    assert bound(first, amended(2, line("L", hard(300)), approved_by="pm")).amount == 100


def test_a_version_without_the_cap_lets_everything_pass() -> None:
    assert terms(signed(line("L", hard(100))), amended(2, line("L"))).caps == ()


def test_soft_caps_bind_nothing_and_caps_on_other_things_no_time() -> None:
    found = bound(signed(line("L", Cap(kind="soft", amount=100)), line("M", hard(100, includes=("expense",)))))
    assert (found.cap_id, found.contents, found.everything) == ("line:M", frozenset({"expense"}), False)


def test_a_shared_cap_binds_the_lines_that_it_always_had() -> None:
    cap = SharedCap(cap_id="S", lines=("L", "M"), kind="hard", amount=100)
    found = bound(
        signed(line("L"), line("M"), shared_caps=(cap,)),
        amended(2, line("L"), line("M"), line("N"), shared_caps=(cap._replace(lines=("M", "N")),)),
    )
    assert (found.cap_id, found.lines, found.whole) == ("shared:S", frozenset({"M"}), False)


def test_billing_that_is_allotted_apart_is_known_from_line_or_company() -> None:
    apart = Policies(cap_split_billing="reject_whole")
    assert terms(signed(line("L"))).same_allotment
    assert not terms(signed(line("L", policies=apart))).same_allotment
    assert not terms(signed(line("L")), entity=apart).same_allotment
    assert not terms(signed(line("L")), entity=Policies(preset="oracle_ebs")).same_allotment


def test_a_cap_that_does_not_limit_revenue() -> None:
    found = terms(signed(line("L", hard(100, limits_revenue=False))))
    assert found.revenue_beyond_cap
    assert not found.caps[0].limits_revenue
    assert terms(signed(line("L", hard(100)), policies=Policies(cap_limits_revenue=False))).revenue_beyond_cap


def test_an_order_binds_all_that_is_billed_but_deposits_and_lets_revenue_pass() -> None:
    """Of one number the highest limit counts, and orders that follow each other count together."""
    order = PurchaseOrder("PO-1", 100)
    deposit = ContractLine(line_id="D", project_id="P", terms=Deposit(amount=50, due_on=date(2026, 1, 1)))
    found = bound(
        signed(line("L"), deposit, purchase_order=order),
        amended(2, purchase_order=PurchaseOrder("PO-1", 300)),
        amended(3, purchase_order=PurchaseOrder("PO-2", 70)),
    )
    assert (found.cap_id, found.lines, found.amount) == ("purchase order PO-1 and PO-2", frozenset({"L"}), 370)
    assert found.contents == {"time", "expense", "fee"}
    assert not found.limits_revenue
    assert terms(signed(line("L"), purchase_order=order)).revenue_beyond_cap


def test_without_the_limit_of_an_order_once_nothing_is_bound() -> None:
    order = PurchaseOrder("PO-1", 100)
    assert terms(signed(line("L"), purchase_order=order), amended(2, purchase_order=PurchaseOrder("PO-1"))).caps == ()
    assert terms(signed(line("L")), amended(2, purchase_order=order)).caps == ()


def test_where_some_caps_bind_billing_alone_it_is_allotted_apart() -> None:
    order = PurchaseOrder("PO-1", 100)
    both = (line("L", hard(100)), line("M", hard(100, limits_revenue=False)))
    assert not terms(signed(*both)).same_allotment
    assert terms(signed(both[1])).same_allotment
    assert terms(signed(both[0], purchase_order=order)).same_allotment
    changed = amended(2, purchase_order=PurchaseOrder("PO-2", 100))
    assert terms(signed(line("L"), purchase_order=order), changed).same_allotment
    assert not terms(signed(both[0], purchase_order=order), changed).same_allotment


def test_payers_whom_a_funding_bills_have_no_share_of_their_own() -> None:
    """What sources fund goes by their limits: of 1,000.00 at 50 and 50 per cent, later M pays 300.00 and A the rest."""
    parties = (BillTo("A", 50 * PERCENT_ONE, rounding_party=True), BillTo("M", 50 * PERCENT_ONE, rounding_party=False))
    sources = (FundingSource("GRANT", "M", 300 * AMOUNT_ONE), FundingSource("OWN", "A"))
    funding = Funding(sources, (FundingRule(1, (FundingShare("GRANT", HUNDRED_PERCENT),)),))
    shared = signed(line("L"), bill_to=parties)
    assert terms(shared).shares == {"A": (50 * PERCENT_ONE,), "M": (50 * PERCENT_ONE,)}
    assert terms(shared, amended(2, line("L"), funding=funding)).shares == {}
