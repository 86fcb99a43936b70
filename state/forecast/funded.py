"""Who is expected to pay bills to come of a contract that sources fund: its sources in the order of their rules, as far as each has
something left (`domain/billing/funding.py`).

Bills draw in the order in which they are cut. What no rule is left for is expected of nobody, and so it is not expected to be billed.

    GRANT has 3,000.00 left; rule 1: GRANT 100 %, rule 2: OWN 100 %; 2,000.00 a month
    2,000.00 of GRANT, then 1,000.00 of GRANT and 1,000.00 of OWN
"""

from collections.abc import Iterable, Iterator

from domain.billing.funding import by_source, draw
from state.billing.funding import is_ever_funded, used
from state.books import Contract
from state.draft import Draft
from state.forecast.expected import ExpectedBill, issue_day, paid_on
from state.terms.plan import terms_on
from state.totals import month_of


def by_payer(draft: Draft, contracts: Iterable[Contract], bills: list[ExpectedBill]) -> list[ExpectedBill]:
    """`bills` as they are where no contract is funded, else with what each payer has of those that are not shared."""
    for contract in contracts:
        if is_ever_funded(contract):
            others = [bill for bill in bills if bill.contract_id != contract.contract_id]
            own = [bill for bill in bills if bill.contract_id == contract.contract_id]
            bills = [*others, *_drawn(draft, contract, own)]
    return bills


def in_order(bills: Iterable[ExpectedBill]) -> list[ExpectedBill]:
    """As they will be cut: first what is due already."""
    return sorted(bills, key=drawing_order)


def drawing_order(bill: ExpectedBill) -> tuple[str, bool, str]:
    return bill.billed.isoformat(), not bill.is_due, bill.line_id


def _drawn(draft: Draft, contract: Contract, bills: Iterable[ExpectedBill]) -> Iterator[ExpectedBill]:
    uses = used(draft, contract)
    for bill in in_order(bills):
        funding = terms_on(contract, bill.billed).funding
        if bill.bill_to or funding is None:
            yield bill
            continue
        portions = draw(bill.amount, funding, uses, contract.terms.currency).portions
        for source_id, amount in by_source(portions).items():
            uses[source_id] = uses.get(source_id, 0) + amount
        for customer_id in dict.fromkeys(source.bill_to for source in funding.sources):
            amount = sum(by_source(portions, customer_id).values())
            if amount:
                paid = month_of(paid_on(draft, customer_id, issue_day(draft, contract, bill.billed)))
                yield bill._replace(bill_to=customer_id, paid=paid, amount=amount)
