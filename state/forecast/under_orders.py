"""What is billed to come under a contract's purchase orders: they limit billing alone, of whatever lines (`domain/caps/purchase_order.py`).

Bills to come take the room of the order that is in force on the day on which they are billed, in the order in which they are cut; payers of
one share what it leaves (R12), and what is given back with it. What is over it is not expected to be billed. What is done has taken its
room already. Of an order over several projects each may take all that is left.

    9,000.00 of 10,000.00 are taken; 800.00 in June and in July: 800.00 and 200.00
    4,000.00 and a penalty of 600.00 under 3,000.00: 3,600.00 less 600.00
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

from domain.caps.consume import CapRule, bucket_key, is_agreed, limit_of
from domain.caps.purchase_order import covers, is_order
from domain.figure import allocated, called, exchanged, lesser
from domain.policies import Resolved
from domain.units import Amount
from state.books import Contract
from state.caps.claims import allotments
from state.draft import Draft
from state.forecast.expected import ExpectedBill
from state.forecast.funded import drawing_order, in_order
from state.forecast.kept_back import is_deposit
from state.forecast.outlook import ProjectTerms
from state.forecast.room import cap_bucket, left_of
from state.forecast.tracks import rate_to
from state.terms.plan import LinePlan


def within_orders(
    draft: Draft, of: ProjectTerms, policies: Resolved, bills: list[ExpectedBill], currency: str, as_of: date
) -> list[ExpectedBill]:
    for contract in of.contracts:
        plan = next(
            (one for one in of.every_line if one.contract_id == contract.contract_id and covers(one.line)), None
        )
        orders = [rule for rule in plan.rules if is_order(rule.cap_id)] if plan is not None else []
        if plan is not None and orders:
            bills = list(_within(draft, contract, plan, orders, policies, bills, currency, as_of))
    return bills


def _within(
    draft: Draft,
    contract: Contract,
    plan: LinePlan,
    orders: Iterable[CapRule],
    policies: Resolved,
    bills: Iterable[ExpectedBill],
    currency: str,
    as_of: date,
) -> Iterator[ExpectedBill]:
    to_come = []
    for bill in bills:
        is_under = bill.contract_id == contract.contract_id and not is_deposit(draft, bill.contract_id, bill.line_id)
        if is_under and not bill.is_due:
            to_come.append(bill)
        else:
            yield bill
    rooms: dict[str, Amount] = {}
    for _, several in groupby(in_order(to_come), key=drawing_order):
        by_payer = list(several)
        order = next((rule for rule in orders if is_agreed(rule, by_payer[0].billed)), None)
        if order is None:
            yield from by_payer
            continue
        if order.cap_id not in rooms:
            rooms[order.cap_id] = _room(draft, plan, order, policies, currency, as_of)
        room = rooms[order.cap_id]
        whole = called(sum(bill.amount for bill in by_payer), "to bill")
        taken = lesser(whole, room, "as far as the order allows")
        rooms[order.cap_id] = called(room - taken, "left for later bills")
        yield from _limited(by_payer, taken, currency) if taken != whole else by_payer


def _limited(bills: Sequence[ExpectedBill], taken: Amount, currency: str) -> Iterator[ExpectedBill]:
    """What is given back makes room for the others."""
    charges = [bill for bill in bills if bill.amount >= 0]
    if len(charges) < len(bills):
        back = [bill for bill in bills if bill.amount < 0]
        taken = called(taken - sum(bill.amount for bill in back), "as far as the order allows, with what is given back")
        yield from back
    parts = allocated(taken, [bill.amount for bill in charges], currency)
    yield from (bill._replace(amount=part) for bill, part in zip(charges, parts, strict=True))


def _room(draft: Draft, plan: LinePlan, order: CapRule, policies: Resolved, currency: str, as_of: date) -> Amount:
    limit, key = limit_of(order, bucket_key(order, as_of, "")), bucket_key(order, as_of, "")
    assert limit.amount is not None, "an order is here by its limit"
    rate = rate_to(draft, policies, plan.currency, currency, as_of)
    assert rate is not None, "what is billed of the line was converted"
    left = left_of(limit.amount, cap_bucket(draft, plan, allotments(plan)[-1], key).bucket.amount)
    return exchanged(left, rate, currency, policies.money_mode)
