"""Deposits set against statements (R31): what was billed of a deposit before a statement is available to it.

An application is listed on the statement as a negative part of the deposit's own entry, so that the statement's invoice relieves the
deposit by it as it relieves what is unbilled (state/handlers/invoices.py), at the ledger amount that the deposit carries.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.billing.deposit import applied
from domain.billing_periods import BillingPeriod
from domain.events.common import Deposit
from domain.identity import composed
from domain.money import percent_of
from domain.units import Amount
from domain.zones import local_date
from state.books import Contract, Entry, Issued, StatementEntry
from state.draft import Draft
from state.handlers import fees
from state.periods import zone_of
from state.plan import LinePlan, newest_plan
from state.rerate import line_ids
from state.terms_known import line_fees
from state.totals import issued_on

DAY = timedelta(days=1)


def deposit_lines(draft: Draft, contract: Contract) -> list[tuple[LinePlan, Deposit]]:
    """Lines whose terms are a deposit by the newest that have them, the earliest due first."""
    plans = (newest_plan(draft, contract, line_id) for line_id in line_ids(contract))
    found = [
        (plan, plan.line.terms)
        for plan in plans
        if plan is not None and plan.refused is None and isinstance(plan.line.terms, Deposit)
    ]
    return sorted(found, key=lambda one: (one[1].due_on, one[0].line.line_id))


def apply(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, total: Amount) -> list[StatementEntry]:
    """What is set against a statement of `total`, which is net of what it bills of deposits."""
    listed: list[StatementEntry] = []
    is_last = _is_over(draft, contract, period)
    for plan, terms in deposit_lines(draft, contract):
        for entry, issued in _billed(draft, plan, bill_to):
            share = percent_of(total, terms.percent or 0, plan.currency, plan.policies.money_mode)
            taken = sum(-one.amount for one in listed)
            amount = applied(terms, total - taken, issued.amount - issued.applied, share, is_last=is_last)
            if amount:
                others = tuple(one for one in entry.issued if one is not issued)
                now = replace(issued, applied=issued.applied + amount)
                draft.put_entry(entry, replace(entry, issued=(*others, now)))
                listed.append(StatementEntry(entry.entry_id, plan.line.line_id, -amount, 0))
    return listed


def close(draft: Draft, contract: Contract, period: BillingPeriod) -> bool:
    """The contract is over: what is left of its deposits is given back or kept; whether there was any."""
    if not _is_over(draft, contract, period):
        return False
    found = False
    day = period.to - DAY
    for plan, _ in deposit_lines(draft, contract):
        line_id = plan.line.line_id
        known = line_fees(draft, contract, line_id)
        rows = (draft.entry(row) for row in known.rows)
        issued = [one for row in rows if row is not None and (one := issued_on(row, contract.contract_id, line_id))]
        rest = sum(one.amount - one.applied for one in issued)
        if known.left is None and rest > 0:
            last = _last_day(contract)
            draft.put(
                "fees", composed(contract.contract_id, line_id), replace(known, left=(min(last or day, day), rest))
            )
            found = True
    if found:
        fees.settle(draft, contract)
    return found


def _billed(draft: Draft, plan: LinePlan, bill_to: str) -> Iterator[tuple[Entry, Issued]]:
    """Rows of the deposit's line of which something was billed to the debtor."""
    contract = draft.contract(plan.contract_id)
    assert contract is not None, "the plan is of a contract in the books"
    for row in line_fees(draft, contract, plan.line.line_id).rows:
        entry = draft.entry(row)
        issued = issued_on(entry, plan.contract_id, plan.line.line_id) if entry is not None else None
        if entry is not None and issued is not None and issued.bill_to == bill_to and issued.amount > 0:
            yield entry, issued


def _is_over(draft: Draft, contract: Contract, period: BillingPeriod) -> bool:
    """Whether the contract's last day is in the period or before it, and over by now."""
    last = _last_day(contract)
    if last is None or last >= period.to:
        return False
    return last < local_date(draft.cause.recorded_at, zone_of(draft, contract))


def _last_day(contract: Contract) -> date | None:
    ends = [contract.terms.ends_on] if contract.terms.ends_on is not None else []
    if contract.terminated_on is not None:
        ends.append(contract.terminated_on - DAY)
    return min(ends, default=None)
