"""Who pays bills to come, and what purchase orders, sources and earlier bills leave of them to each."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

from domain.billing.funding import by_source, draw, give_back, kept, paid_of, take
from domain.caps.consume import CapRule, bucket_key, is_agreed, limit_of
from domain.caps.purchase_order import covers, is_order
from domain.figure import allocated, called, exchanged, lesser
from domain.policies import Resolved
from domain.sums import summed
from domain.units import Amount
from state.billing.funding import is_ever_funded, used
from state.billing.funding_record import falls as falls_to
from state.billing.payers import billed_day, falling, funded_terms, parties_for
from state.books import Contract, Entry, Issued
from state.caps.claims import allotments
from state.draft import Draft
from state.forecast.accrued import bill_days, oldest_open
from state.forecast.expected import ExpectedBill, issue_day, paid_on
from state.forecast.kept_back import is_deposit
from state.forecast.outlook import ProjectTerms
from state.forecast.room import cap_bucket, left_of
from state.forecast.tracks import rate_to
from state.rerating.rerate import line_ids
from state.terms.periods import open_period
from state.terms.plan import LinePlan, bill_tos
from state.totals import issued_on, month_of, outstanding


def within_orders(
    draft: Draft, of: ProjectTerms, policies: Resolved, bills: list[ExpectedBill], currency: str, as_of: date
) -> list[ExpectedBill]:
    """What is billed to come under a contract's purchase orders: they limit billing alone, of whatever lines
    (`domain/caps/purchase_order.py`).

    Bills to come take the room of the order that is in force on the day on which they are billed, in the order in which they are cut;
    payers of one share what it leaves (R12), and what is given back with it. What is over it is not expected to be billed. What is done
    has taken its room already. Of an order over several projects each may take all that is left.

        9,000.00 of 10,000.00 are taken; 800.00 in June and in July: 800.00 and 200.00
        4,000.00 and a penalty of 600.00 under 3,000.00: 3,600.00 less 600.00
    """
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
    for _, several in groupby(_in_order(to_come), key=_drawing_order):
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


def by_payer(draft: Draft, contracts: Iterable[Contract], bills: list[ExpectedBill]) -> list[ExpectedBill]:
    """Who is expected to pay bills to come of a contract that sources fund: its sources in the order of their rules, as far as each has
    something left (`domain/billing/funding.py`).

    Bills draw in the order in which they are cut. What no rule is left for is expected of nobody, and so it is not expected to be billed.

        GRANT has 3,000.00 left; rule 1: GRANT 100 %, rule 2: OWN 100 %; 2,000.00 a month
        2,000.00 of GRANT, then 1,000.00 of GRANT and 1,000.00 of OWN

    `bills` as they are where no contract is funded, else with what each payer has of those that are not shared.
    """
    for contract in contracts:
        if is_ever_funded(contract):
            others = [bill for bill in bills if bill.contract_id != contract.contract_id]
            own = [bill for bill in bills if bill.contract_id == contract.contract_id]
            bills = [*others, *_drawn(draft, contract, own)]
    return bills


def _in_order(bills: Iterable[ExpectedBill]) -> list[ExpectedBill]:
    """As they will be cut: first what is due already."""
    return sorted(bills, key=_drawing_order)


def _drawing_order(bill: ExpectedBill) -> tuple[str, bool, str]:
    return bill.billed.isoformat(), not bill.is_due, bill.line_id


def _drawn(draft: Draft, contract: Contract, bills: Iterable[ExpectedBill]) -> Iterator[ExpectedBill]:
    uses = _used_by_then(draft, contract)
    for bill in _in_order(bills):
        funding = funded_terms(contract, bill.day).funding
        if bill.bill_to or funding is None:
            yield bill
            continue
        portions = draw(bill.amount, funding, uses, contract.terms.currency).portions
        take(uses, by_source(portions))
        for customer_id in dict.fromkeys(source.bill_to for source in funding.sources):
            amount = sum(by_source(portions, customer_id).values())
            if amount:
                paid = month_of(paid_on(draft, customer_id, issue_day(draft, contract, bill.billed)))
                yield bill._replace(bill_to=customer_id, paid=paid, amount=amount)


def _used_by_then(draft: Draft, contract: Contract) -> dict[str, Amount]:
    """What is used of each source, less what those have back that paid work which became less."""
    uses, currency = used(draft, contract), contract.terms.currency
    for line_id in line_ids(contract):
        for entry, issued in _partly_billed(draft, contract, line_id, date.max):
            total = issued.amount + outstanding(entry, contract.contract_id, line_id)
            give_back(uses, paid_of(issued.funded, issued.freed))
            take(uses, paid_of(kept(issued.funded, total, currency), issued.freed))
    return uses


def owed_alone(
    draft: Draft, project_id: str, contracts: Iterable[Contract], policies: Resolved, currency: str, as_of: date
) -> list[ExpectedBill]:
    """What payers of a shared bill owe of work that some of them were billed already: each what falls to it less what it was billed.

    It differs from their shares where a hold kept the statement of one of them, or one is billed again what was credited to it. What
    sources pay of work stays with them, and of work that became less those have back that paid last.

        100.00 by 50, 30 and 20 %; the last payer's statement is held: 20.00 are expected of it alone
        600.00 are paid by GRANT and 400.00 by OWN; 100.00 are billed to GRANT again: they are expected of it alone

    In project currency, with the bill of the oldest open period.
    """
    found: list[ExpectedBill] = []
    for contract in contracts:
        if len(draft.of_terms("payers", contract, lambda _, one: bill_tos(one))) < 2 and not is_ever_funded(contract):
            continue
        rate = rate_to(draft, policies, contract.terms.currency, currency, as_of)
        period = open_period(draft, contract)
        billed = oldest_open(draft, contract, as_of).billed
        until = period.start if period is not None else date.max
        for (customer_id, day), amount in summed(_owed(draft, project_id, contract, until, billed)).items():
            if amount and rate is not None:
                here = exchanged(called(amount, f"owed by {customer_id}"), rate, currency, policies.money_mode)
                paid = month_of(paid_on(draft, customer_id, issue_day(draft, contract, billed)))
                bill = billed, month_of(billed), paid, here, contract.contract_id, customer_id, day
                found.append(ExpectedBill(*bill, is_due=True))
    return found


def _owed(
    draft: Draft, project_id: str, contract: Contract, until: date, billed: date
) -> Iterator[tuple[tuple[str, date], Amount]]:
    """Of work before a day, which only later statements bring, by payer and the day whose terms say who pays."""
    contract_id, currency = contract.contract_id, contract.terms.currency
    for line_id in line_ids(contract):
        if is_deposit(draft, contract_id, line_id):
            continue
        for entry, issued in _partly_billed(draft, contract, line_id, until):
            if draft.billed_in(entry, contract_id, line_id) != project_id:
                continue
            total = issued.amount + outstanding(entry, contract_id, line_id)
            if issued.is_funded:
                stays, payers = kept(issued.funded, total, currency), [part.customer_id for part in issued.payers]
                falls = tuple(falls_to(entry.entry_id, stays, payers).values())
            else:
                falls = falling(issued.payers, total, parties_for(contract, entry, issued), currency)
            day = bill_days(draft, contract, billed, billed_day(entry, issued))[1]
            yield from (
                ((part.customer_id, day), of - part.issued) for part, of in zip(issued.payers, falls, strict=True)
            )


def _partly_billed(draft: Draft, contract: Contract, line_id: str, until: date) -> Iterator[tuple[Entry, Issued]]:
    """Work before a day of which its payers were billed something, and have still to be billed, or to have back."""
    for entry in draft.due_on(contract.contract_id, line_id, "", until.isoformat()):
        issued = issued_on(entry, contract.contract_id, line_id)
        if issued is not None and issued.payers:
            yield entry, issued
