"""What has to be known before work can be billed: the firm, its people and rates, projects and the contract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    BillRate,
    FiscalCalendar,
    NumberRange,
    ProjectBudget,
    RateCardLine,
    RateCardScope,
)
from domain.events.delivery import ProjectActivated
from domain.events.reference import (
    CostRateSet,
    CustomerDefined,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonDefined,
    RateCardPublished,
)
from tests.histories.scope import FIRST_DAY, HOUR, PERCENT, USUAL, Scope, often, seldom
from tests.histories.terms import agreed_policies, contract_lines, cycles, orders, reissued, shared_caps


class Foundation(NamedTuple):
    """The contract and what else has to be said, in the order that is usual."""

    sayings: tuple[tuple[Callable[..., Any], dict[str, Any]], ...]
    contract: ContractSigned


@st.composite
def foundations(draw: st.DrawFn, scope: Scope) -> Foundation:
    currency = draw(st.sampled_from(scope.currencies))
    entity, customer, bob, eve = (scope.id(of) for of in ("LE", "CU", "bob", "eve"))
    zone = draw(st.sampled_from(scope.zones))
    by_card = draw(st.booleans())
    lines = draw(contract_lines(scope, currency, by_card))
    chosen = draw(agreed_policies(scope)) if scope.policies and draw(st.booleans()) else None
    contract: dict[str, Any] = {
        "contract_id": scope.id("K"),
        "version": 1,
        "customer_id": customer,
        "legal_entity_id": entity,
        "currency": currency,
        "signed_on": FIRST_DAY,
        "starts_on": FIRST_DAY - dt.timedelta(days=draw(st.sampled_from([30, 30, 30, 1, 0])) if scope.waits else 30),
        "ends_on": draw(seldom(st.just(FIRST_DAY + dt.timedelta(days=45)))) if scope.faults else None,
        "lines": lines,
        "shared_caps": draw(shared_caps(lines, currency, plain=scope.plain_caps))
        if scope.caps and not scope.next_rule
        else (),
        "purchase_order": draw((often if scope.ordered else seldom)(orders(currency)))
        if scope.orders and not scope.next_rule
        else None,
        "billing_cycle": BillingCycle("on_request") if scope.on_request else draw(cycles()),
        "billing_zone": draw(seldom(st.sampled_from(scope.zones))),
        "grace_days": draw(seldom(st.sampled_from([1, 3]))),
        "policies": chosen,
    }
    if scope.reissue:
        asked = reissued(ContractSigned(event_id="", occurred_at=0, source="", **contract))
        contract = {name: getattr(asked, name) for name in contract}
    budget = ProjectBudget(100 * HOUR, 60_000_0000, 100_000_0000, "EUR")
    cost_currency = draw(st.sampled_from(["EUR", "EUR", "GBP"])) if len(scope.currencies) > 1 else scope.currencies[0]
    usual, _ = USUAL[cost_currency]
    bill_rate = draw(seldom(st.just(BillRate(USUAL[currency][0] * 90 // 100, currency))))
    calendar = FiscalCalendar(draw(st.sampled_from(["calendar_month", "calendar_month", "four_four_five"])))
    sayings: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (
            LegalEntityDefined,
            {
                "legal_entity_id": entity,
                "name": "Firm",
                "currency": "EUR",
                "zone": zone,
                "fiscal_calendar": calendar,
                "policies": draw(seldom(agreed_policies(scope))) if scope.rare and scope.policies else None,
                "number_ranges": (NumberRange("R", "{year}-{number:4}", restarts="year"),),
            },
        ),
        (CustomerDefined, {"customer_id": customer, "name": "Customer", "payment_terms_days": 30}),
        (PersonDefined, {"person_id": bob, "legal_entity_id": entity, "role": "dev", "bill_rate": bill_rate}),
        (PersonDefined, {"person_id": eve, "legal_entity_id": entity, "role": "lead"}),
        (CostRateSet, _cost(entity, bob, None, cost_currency, usual * 60 // 100)),
        (CostRateSet, _cost(entity, None, "lead", "EUR", 70_123456)),
        (ProjectActivated, _project(scope.id("P1"), entity, budget)),
        (ProjectActivated, _project(scope.id("P2"), entity, None)),
        (ContractSigned, contract),
    ]
    if by_card:
        sayings.append((RateCardPublished, _card(scope, currency)))
    needed = {currency, cost_currency} - {"EUR"}
    sayings += [(ExchangeRateSet, one) for code in sorted(needed) for one in draw(exchange_rates(code))]
    made = ContractSigned(event_id="", occurred_at=0, source="", **contract)
    return Foundation(tuple((kind, {"version": 1, **fields}) for kind, fields in sayings), made)


def _cost(entity_id: str, person_id: str | None, role: str | None, currency: str, rate: int) -> dict[str, Any]:
    since = dt.date(2020, 1, 1)
    return {
        "cost_rate_id": f"{entity_id}-{person_id or role}",
        "legal_entity_id": entity_id,
        "person_id": person_id,
        "role": role,
        "currency": currency,
        "rate": rate,
        "effective_from": since,
    }


def _project(project_id: str, entity_id: str, budget: ProjectBudget | None) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "name": project_id,
        "legal_entity_id": entity_id,
        "starts_on": FIRST_DAY,
        "budget": budget,
    }


def _card(scope: Scope, currency: str) -> dict[str, Any]:
    usual, _ = USUAL[currency]
    lines = (RateCardLine(usual), RateCardLine(usual * 11 // 10 + 1_111, role="lead", overtime_markup=20 * PERCENT))
    return {
        "rate_card_id": scope.id("CARD"),
        "scope": RateCardScope("customer", scope.id("CU")),
        "currency": currency,
        "effective_from": dt.date(2026, 1, 1),
        "lines": lines,
    }


@st.composite
def exchange_rates(draw: st.DrawFn, currency: str) -> list[dict[str, Any]]:
    """Quoted a week apart, against the euro or by it, from before the first work until long after the last."""
    _, usual = USUAL[currency]
    inverse = draw(st.booleans())
    made = []
    for week in range(-8, 62):
        quoted = usual * (1000 + week * 3 % 17) // 1000
        rate = quoted if inverse else 10**24 // quoted
        pair = ("EUR", currency) if inverse else (currency, "EUR")
        day = FIRST_DAY + dt.timedelta(weeks=week)
        made.append({"rate_type": "spot", "from_currency": pair[0], "to_currency": pair[1], "date": day, "rate": rate})
    return made
