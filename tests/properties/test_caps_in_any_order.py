"""Who gets room under a cap does not depend on who came first, and is what the rules say read from the beginning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Cap, ContractLine, Policies, SharedCap, TimeAndMaterials
from domain.events.delivery import TimeApproved, TimeWithdrawn
from state.books import Contract, Price
from tests.auditing import check, entries_of, standing_price
from tests.cap_oracle import Claimed, Limit, allowed
from tests.folding import Books, fold
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope

BEFORE_ISSUE = Scope(
    rare=False,
    late_references=False,
    accounting_periods=False,
    requests=False,
    holds=False,
    faults=False,
    invoices=False,
    pass_days=False,
    on_request=True,
    write_offs=False,
    versions_differ=True,
    waits=False,
)
MOVABLE = (TimeApproved, TimeWithdrawn, ContractAmended)


def prices(books: Books) -> dict[str, Price]:
    entries = entries_of(books.shard.store, "E")
    return {
        entry.entry_id: price for entry in entries if (price := standing_price(entry)) is not None and price.line_id
    }


def shares(books: Books) -> dict[str, tuple[Any, ...]]:
    return {
        entry_id: (price.line_id, price.value, price.allowed, price.billable, price.recognised, price.binding)
        for entry_id, price in prices(books).items()
    }


def waits(books: Books) -> bool:
    return any(entry.work is not None and entry.work.faults for entry in entries_of(books.shard.store, "E"))


@given(histories(BEFORE_ISSUE), st.data())
def test_shares_are_the_same_for_every_order_of_arrival(history: History, data: st.DataObject) -> None:
    """Work and amendments in any order come to the same shares of every cap.

    Only where nothing waits: a version that waits leaves the one before it standing, if that came first.
    """
    places = [place for place, one in enumerate(history.logged) if isinstance(one.event, MOVABLE)]
    moved = data.draw(st.permutations(places))
    permuted = list(history.logged)
    for place, source in zip(places, moved, strict=True):
        permuted[place] = history.logged[source]
    books, usual = fold(permuted), fold(history.logged)
    check(books, permuted)
    assume(not waits(books) and not waits(usual))
    assert shares(books) == shares(usual)


@given(histories(BEFORE_ISSUE))
def test_shares_are_those_of_one_walk_through_all_entries(history: History) -> None:
    """Every entry may have what an independent reading of the rules gives it, for revenue and for billing."""
    books = fold(history.logged)
    contract: Contract | None = books.shard.store.engagement("E").parts.get(("contract", "E-K"))
    if contract is None or contract.invalid or not contract.history:
        return
    found = prices(books)
    revenue = _by_the_rules(contract, found, books, billing=False)
    billing = _by_the_rules(contract, found, books, billing=True)
    for entry_id, price in found.items():
        assert Decimal(price.allowed).scaleb(-4) == revenue[entry_id], entry_id
        assert Decimal(price.billable).scaleb(-4) == billing[entry_id], entry_id


def _by_the_rules(contract: Contract, found: dict[str, Price], books: Books, *, billing: bool) -> dict[str, Decimal]:
    persons = {
        entry.entry_id: entry.standing.person_id for entry in entries_of(books.shard.store, "E") if entry.standing
    }
    claims = [
        Claimed(
            entry_id,
            persons[entry_id],
            price.day,
            price.approved_at,
            Decimal(price.value).scaleb(-4),
            Decimal(price.hours).scaleb(-6),
            limits_on(contract, price, billing=billing),
        )
        for entry_id, price in found.items()
    ]
    policies = contract.terms.policies or Policies()
    half_even, by_approval = policies.money_mode == "half_even", policies.cap_order == "approval"
    return dict(allowed(claims, contract.terms.currency, half_even=half_even, by_approval=by_approval))


def limits_on(contract: Contract, price: Price, *, billing: bool) -> tuple[Limit, ...]:
    """Every cap that any version has over the line, with its limit and split in the version in force on the service date.

    A retroactive version holds on every date; a cap that the version does not have, or only warns of, still counts consumption, and so
    does every period that the cap ever had.
    """
    version = next(
        (one for one in reversed(contract.history) if one.effective_on <= price.day or one.retroactive),
        contract.history[0],
    )
    in_force = _caps_over(version.terms, price.line_id)
    if not billing and _some_bind_billing_alone(contract, price.line_id):
        in_force = {
            cap_id: cap for cap_id, cap in in_force.items() if limits_revenue(cap, version.terms, price.line_id)
        }
    order = () if not billing and _some_bind_billing_alone(contract, price.line_id) else _order(contract, version.terms)
    periods = {
        (cap_id, cap.period) for one in contract.history for cap_id, cap in _caps_over(one.terms, price.line_id).items()
    }
    line = next(line for line in version.terms.lines if line.line_id == price.line_id)
    return (
        *(
            _limit(cap_id, period, in_force.get(cap_id), version.terms, line, billing=billing)
            for cap_id, period in sorted(periods)
        ),
        *order,
    )


def _order(contract: Contract, terms: ContractSigned) -> tuple[Limit, ...]:
    """The purchase order of the day, with the newest limit of its number."""
    if terms.purchase_order is None:
        return ()
    number = terms.purchase_order.number
    named = [one.terms.purchase_order for one in contract.history if one.terms.purchase_order is not None]
    limit = next(order.limit for order in reversed(named) if order.number == number)
    amount = Decimal(limit).scaleb(-4) if limit is not None else None
    return (Limit(f"order/{number}", amount, None, "whole_term", False),) if amount is not None else ()


def _some_bind_billing_alone(contract: Contract, line_id: str) -> bool:
    """Whether of what limits billing on one line of those that share it only some limits revenue, in a version that counts."""
    retroactive = [place for place, one in enumerate(contract.history) if one.retroactive]
    counting = contract.history[retroactive[-1] if retroactive else 0 :]
    every = {line.line_id for one in counting for line in one.terms.lines}
    share = any(_order(contract, one.terms) or one.terms.shared_caps for one in contract.history)
    return any(
        len(
            {limits_revenue(cap, one.terms, each) for cap in _caps_over(one.terms, each).values() if cap.kind == "hard"}
            | {False for _ in _order(contract, one.terms)}
        )
        > 1
        for one in counting
        for each in (every if share else (line_id,))
    )


def limits_revenue(cap: Cap | SharedCap, terms: ContractSigned, line_id: str) -> bool:
    """Hard caps do unless they, or a policy, say otherwise."""
    line = next(line for line in terms.lines if line.line_id == line_id)
    said = cap.limits_revenue if cap.limits_revenue is not None else stated(terms, line, "cap_limits_revenue")
    return said is None or bool(said)


def _caps_over(terms: ContractSigned, line_id: str) -> dict[str, Cap | SharedCap]:
    line = next(line for line in terms.lines if line.line_id == line_id)
    assert isinstance(line.terms, TimeAndMaterials)
    own: dict[str, Cap | SharedCap] = {line_id: line.terms.cap} if line.terms.cap is not None else {}
    return own | {cap.cap_id: cap for cap in terms.shared_caps if line_id in cap.lines}


def _limit(
    cap_id: str, period: str, cap: Cap | SharedCap | None, terms: ContractSigned, line: ContractLine, *, billing: bool
) -> Limit:
    if cap is None or cap.kind != "hard" or cap.period != period:
        return Limit(f"{cap_id}/{period}", None, None, period, False)
    split = cap.split or stated(terms, line, "cap_split") or "split"
    if billing:
        split = stated(terms, line, "cap_split_billing") or split
    amount = None if cap.amount is None else Decimal(cap.amount).scaleb(-4)
    hours = None if cap.hours is None else Decimal(cap.hours).scaleb(-6)
    return Limit(f"{cap_id}/{period}", amount, hours, period, split == "reject_whole")


def stated(terms: ContractSigned, line: ContractLine, name: str) -> Any:
    """A policy of the line, else of the contract."""
    for level in (line.policies, terms.policies):
        if isinstance(level, Policies) and getattr(level, name) is not None:
            return getattr(level, name)
    return None
