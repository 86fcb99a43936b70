"""What payers of a shared bill owe of work that some of them were billed already: each what falls to it less what it was billed.

It differs from their shares where a hold kept the statement of one of them, or one is billed again what was credited to it.

    100.00 by 50, 30 and 20 %; the last payer's statement is held: 20.00 are expected of it alone
"""

from collections.abc import Iterable, Iterator
from datetime import date

from domain.figure import called, exchanged
from domain.policies import Resolved
from domain.units import Amount
from state.billing.payers import falling, parties_for
from state.books import Contract
from state.draft import Draft
from state.forecast.accrued import oldest_open
from state.forecast.expected import ExpectedBill, issue_day, paid_on
from state.forecast.kept_back import is_deposit
from state.forecast.tracks import rate_to
from state.rerating.rerate import line_ids
from state.terms.periods import open_period
from state.terms.plan import bill_tos
from state.totals import issued_on, month_of, outstanding


def owed_alone(
    draft: Draft, project_id: str, contracts: Iterable[Contract], policies: Resolved, currency: str, as_of: date
) -> list[ExpectedBill]:
    """In project currency, with the bill of the oldest open period."""
    found: list[ExpectedBill] = []
    for contract in contracts:
        if len(draft.of_terms("payers", contract, lambda _, one: bill_tos(one))) < 2:
            continue
        rate = rate_to(draft, policies, contract.terms.currency, currency, as_of)
        period = open_period(draft, contract)
        billed = oldest_open(draft, contract, as_of).billed
        sums: dict[str, Amount] = {}
        for customer_id, amount in _owed(draft, project_id, contract, period.start if period is not None else date.max):
            sums[customer_id] = sums.get(customer_id, 0) + amount
        for customer_id, amount in sums.items():
            if amount and rate is not None:
                here = exchanged(called(amount, f"owed by {customer_id}"), rate, currency, policies.money_mode)
                paid = month_of(paid_on(draft, customer_id, issue_day(draft, contract, billed)))
                bill = billed, month_of(billed), paid, here, contract.contract_id, customer_id
                found.append(ExpectedBill(*bill, is_due=True))
    return found


def _owed(draft: Draft, project_id: str, contract: Contract, until: date) -> Iterator[tuple[str, Amount]]:
    """Of work before a day, which only later statements bring."""
    contract_id = contract.contract_id
    for line_id in line_ids(contract):
        if is_deposit(draft, contract_id, line_id):
            continue
        for entry in draft.due_on(contract_id, line_id, "", until.isoformat()):
            issued = issued_on(entry, contract_id, line_id)
            if issued is None or not issued.payers or issued.is_funded:
                continue
            if draft.billed_in(entry, contract_id, line_id) != project_id:
                continue
            parties = parties_for(contract, entry, issued)
            total = issued.amount + outstanding(entry, contract_id, line_id)
            falls = falling(issued.payers, total, parties, contract.terms.currency)
            yield from ((part.customer_id, of - part.issued) for part, of in zip(issued.payers, falls, strict=True))
