"""What is left of a deposit that is not refundable, once its contract is over: it is kept, as revenue of the last day, when the last
billing period closes (R31), less what bills to come take of it. While the contract goes on nothing is expected to be left.

    4,000 were billed, and 3,000 are charged by the last day: 1,000 are kept
"""

from datetime import date

from domain.events.common import Deposit
from domain.figure import at_least, called
from domain.units import Amount
from state.billing.deposits import deposit_lines, left_of_deposit
from state.books import Contract
from state.charges.terms_known import last_day, left_of, line_fees
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan


def is_kept(plan: LinePlan) -> bool:
    """Whether the line is a deposit of which the rest is kept."""
    return isinstance(plan.line.terms, Deposit) and not plan.line.terms.refundable


def kept_deposit(draft: Draft, plan: LinePlan, to_charge: Amount, as_of: date) -> Amount | None:
    """None while the contract goes on, and once it is settled; `to_charge` is what its other lines are still to charge."""
    contract = draft.contract(plan.contract_id)
    last = last_day(contract) if contract is not None else None
    if contract is None or last is None or last > as_of:
        return None
    line_id = plan.line.line_id
    if left_of(contract, line_fees(draft, contract, line_id)) is not None:
        return None
    own = [one.line.line_id for one, _ in deposit_lines(draft, contract)]
    due = to_charge + sum(_unissued(draft, contract, other) for other in line_ids(contract) if other not in own)
    due = at_least(called(due, "charged and on no statement"), 0, "bills to come")
    for other in own[: own.index(line_id)]:
        due = at_least(called(due - _left(draft, contract, other), "left of them"), 0, "left of them")
    left = called(_left(draft, contract, line_id), "billed of the deposit and not used")
    return at_least(called(left - due, "left of the deposit"), 0, "kept of the deposit", "R31")


def _unissued(draft: Draft, contract: Contract, line_id: str) -> Amount:
    totals = draft.line(contract.contract_id, line_id)
    return called(totals.billable - totals.issued, f"line {line_id}: on no statement")


def _left(draft: Draft, contract: Contract, line_id: str) -> Amount:
    """With what is charged of it and on no statement."""
    return left_of_deposit(draft, contract, line_id) + _unissued(draft, contract, line_id)
