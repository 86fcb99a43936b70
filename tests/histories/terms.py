"""Terms of a contract: policies, caps, lines and billing cycles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    Cap,
    ContractLine,
    LineRate,
    Policies,
    PurchaseOrder,
    SharedCap,
    TimeAndMaterials,
)
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


def reissued(contract: ContractSigned) -> ContractSigned:
    """The same terms with policy `late_line=reissue`, without what does not go with it; mostly by the week, so that much is late."""
    chosen = contract.policies or Policies()
    cycle = contract.billing_cycle
    return contract._replace(
        policies=_plain(chosen)._replace(late_line="reissue"),
        billing_cycle=cycle if cycle is not None and cycle.kind == "semi_monthly" else BillingCycle("weekly"),
        lines=tuple(_with_plain_cap(line) for line in contract.lines),
        shared_caps=tuple(_unprorated(cap) for cap in contract.shared_caps),
    )


def _plain(chosen: Policies) -> Policies:
    """Stated, so that nothing of the company's takes their place."""
    split = chosen.cap_split if chosen.cap_split == "reject_whole" else "split"
    billed = chosen.cap_split_billing if chosen.cap_split_billing == "reject_whole" else split
    return chosen._replace(overflow="hold", cap_split=split, cap_split_billing=billed)


def _with_plain_cap(line: ContractLine) -> ContractLine:
    own = _plain(line.policies) if line.policies is not None else None
    terms = line.terms
    assert isinstance(terms, TimeAndMaterials), "histories know no other terms"
    cap = _unprorated(terms.cap) if terms.cap is not None else None
    return line._replace(policies=own, terms=terms._replace(cap=cap))


CapKind = TypeVar("CapKind", Cap, SharedCap)


def _unprorated(cap: CapKind) -> CapKind:
    return cap._replace(split=None) if cap.split == "prorate" else cap


def passing_on(chosen: Policies) -> Policies:
    """Without what lines that pass on refuse."""
    split = None if chosen.cap_split == "prorate" else chosen.cap_split
    return chosen._replace(cap_split=split, cap_split_billing=None, cap_limits_revenue=None, overflow=None)


def agreed_policies(scope: Scope) -> st.SearchStrategy[Policies]:
    found = policies(capped=scope.caps)
    return found.map(passing_on) if scope.next_rule else found


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


def orders(currency: str) -> st.SearchStrategy[PurchaseOrder]:
    """A few days' work, or no limit."""
    usual, _ = USUAL[currency]
    limits = st.sampled_from([8, 15, 30, 60]).map(lambda hours: hours * usual // 1_000_000 * 10_000)
    return st.builds(PurchaseOrder, st.sampled_from(["PO-1", "PO-1", "PO-2"]), often(limits))


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
    if scope.next_rule:
        return draw(chained(first, scope, currency))
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
def chained(draw: st.DrawFn, first: ContractLine, scope: Scope, currency: str) -> tuple[ContractLine, ...]:
    """One to three lines behind the first; the last, and at times one before it, keeps or loses what is over its cap."""
    usual, _ = USUAL[currency]
    lines = [first._replace(policies=Policies(overflow="next_rule"))]
    for number in range(2, draw(st.integers(2, 4)) + 1):
        rates = (LineRate(usual * 121 // 100 + 3_333 * number),)
        # Nobody but a lead has a rate, so that the others' hours wait.
        rates = draw(seldom(st.just((rates[0]._replace(role="lead"),)), rates))
        cap = draw(often(caps(currency, plain=scope.plain_caps)))
        lines.append(ContractLine(f"L{number}", scope.id("P1"), TimeAndMaterials(None, rates, cap)))
    own = [Policies(overflow=draw(often(st.just("next_rule"), "hold"))) for _ in lines[1:-1]]
    own.append(Policies(overflow=draw(st.sampled_from(["next_rule", "hold", "non_billable"]))))
    # What no line passes on no line behind may take, too.
    behind = []
    for line, chosen in zip(lines[1:], own, strict=True):
        behind.append(line._replace(policies=chosen))
        if chosen.overflow != "next_rule":
            break
    return (lines[0], *behind)


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
