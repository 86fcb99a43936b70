"""Terms of a contract: policies, caps, lines and billing cycles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from hypothesis import strategies as st

from domain.events.common import BillingCycle, Cap, ContractLine, LineRate, Policies, SharedCap, TimeAndMaterials
from tests.histories.scope import FIRST_DAY, HOUR, PERCENT, USUAL, Scope, often, seldom


def policies(capped: bool) -> st.SearchStrategy[Policies]:
    """Choices that the rules in force handle and that do not contradict hard caps."""
    scopes = ["entry", "person_day"] if capped else ["entry", "person_day", "statement_line"]
    choices = {
        "money_mode": seldom(st.just("half_even")),
        "increment_minutes": seldom(st.sampled_from([6, 15, 30])),
        "increment_mode": seldom(st.sampled_from(["up", "down", "nearest"])),
        "increment_scope": seldom(st.sampled_from(scopes)),
        "minimum_minutes": seldom(st.just(30)),
        "rounding_scope": seldom(st.just("line")),
        "hours_decimals": seldom(st.sampled_from([1, 2])),
        "cap_split": seldom(st.sampled_from(["reject_whole", "prorate"])),
        "cap_split_billing": seldom(st.sampled_from(["split", "reject_whole", "prorate"])),
        "cap_order": seldom(st.just("approval")),
        "overflow": seldom(st.just("non_billable")),
        "cap_limits_revenue": seldom(st.booleans()),
        "revenue_method": seldom(st.just("as_billed")),
        "unbilled_account": seldom(st.just("contract_asset")),
        "fx_date": seldom(st.just("service")),
        "cost_policy": seldom(st.just("wip")),
        "closed_period": seldom(st.just("reject")),
    }
    return st.fixed_dictionaries(choices).map(lambda chosen: Policies(**chosen))


@st.composite
def caps(draw: st.DrawFn, currency: str, *, plain: bool = False) -> Cap:
    """A few days' work, in money or in hours."""
    usual, _ = USUAL[currency]
    if plain:
        amount = draw(st.sampled_from([5, 12, 25])) * usual // 1_000_000 * 10_000
        period = draw(st.sampled_from(["whole_term", "whole_term", "month", "day"]))
        return Cap("hard", amount=amount, period=period, split=draw(st.sampled_from(["split", "reject_whole"])))
    kind = draw(st.sampled_from(["hard", "hard", "hard", "soft"]))
    period = draw(st.sampled_from(["whole_term", "whole_term", "month", "day"]))
    if draw(st.booleans()):
        hours = draw(st.sampled_from([4, 8, 20])) * HOUR + draw(st.sampled_from([0, 0, 333_333]))
        return Cap(kind, hours=hours, period=period, split=draw(st.sampled_from(["split", "reject_whole"])))
    amount = draw(st.sampled_from([5, 12, 25])) * usual // 100 + draw(st.sampled_from([0, 0, 10_000]))
    split = draw(seldom(st.sampled_from(["split", "reject_whole", "prorate"])))
    return Cap(
        kind, amount=amount // 10_000 * 10_000, period=period, split=split, limits_revenue=draw(seldom(st.booleans()))
    )


@st.composite
def contract_lines(draw: st.DrawFn, scope: Scope, currency: str, by_card: bool) -> tuple[ContractLine, ...]:
    """A line for the first project and, often, one more: for its design work or for the second project."""
    usual, _ = USUAL[currency]
    rates = [LineRate(usual * factor // 100) for factor in (100, 137)]
    overtime = draw(seldom(st.sampled_from([25 * PERCENT, 15 * PERCENT])))
    blanket = () if by_card else (rates[0]._replace(overtime_markup=overtime),)
    since = draw(seldom(st.just(FIRST_DAY + dt.timedelta(days=20))))
    dearer = (rates[1]._replace(effective_from=since),) if since and not by_card else ()
    cap = draw(often(caps(currency, plain=scope.plain_caps))) if scope.caps else None
    first = ContractLine(
        "L1", scope.id("P1"), TimeAndMaterials(scope.id("CARD") if by_card else None, (*blanket, *dearer), cap)
    )
    kind = draw(st.sampled_from(["none", "design", "second"]))
    if kind == "none":
        return (first,)
    own = draw(policies(capped=scope.caps)) if scope.policies and draw(seldom(st.just(True))) else None
    if own is not None and draw(often(st.just(True), False)):
        own = own._replace(cap_order=None, cap_split_billing=None)
    terms = TimeAndMaterials(
        None,
        (LineRate(usual * 121 // 100 + 3_333),),
        draw(seldom(caps(currency, plain=scope.plain_caps))) if scope.caps else None,
    )
    if kind == "design":
        return first, ContractLine("L2", scope.id("P1"), terms, tasks=("design",), policies=own)
    return first, ContractLine("L2", scope.id("P2"), terms, policies=own)


@st.composite
def shared_caps(
    draw: st.DrawFn, lines: Sequence[ContractLine], currency: str, *, plain: bool = False
) -> tuple[SharedCap, ...]:
    if len(lines) == 1 or not draw(st.booleans()):
        return ()
    cap: Cap = draw(caps(currency, plain=plain))
    return (
        SharedCap(
            "BOTH", ("L1", "L2"), cap.kind, cap.amount, cap.hours, cap.period, cap.split, None, cap.limits_revenue
        ),
    )


def cycles() -> st.SearchStrategy[BillingCycle | None]:
    return st.sampled_from(
        [
            None,
            BillingCycle("monthly", cut_off_day=25),
            BillingCycle("semi_monthly"),
            BillingCycle("weekly"),
            BillingCycle("every_n_weeks", n=2),
            BillingCycle("on_request"),
        ]
    )
