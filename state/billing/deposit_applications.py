"""Deposits set against statements (R31): what a statement and earlier ones bill of a deposit is available to it.

An application is listed on the statement as a negative part of the deposit's own entry, so that the statement's invoice relieves the
deposit by it as it relieves what is unbilled (state/handlers/invoices.py), at the ledger amount that the deposit carries. A statement
below zero gives back to the deposits what they had paid, as a positive part; what is applied is then below zero.

When the contract is over what is left is given back or kept; late work is set against what is kept, and less is. Where the contract goes on
after all, that is taken back; what was given back is available again when it is billed again.
"""

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.retention import Retained
from domain.explanation import Node
from domain.figure import Recorded, as_recorded, called, node_of, percent_taken
from domain.identity import composed
from domain.terms.deposit import DEPOSIT, DepositBefore, asked_of, left_in_all, left_to, say_used, set_against, used_by
from domain.units import Amount, Percent
from domain.why import in_terms
from state.billing.deposits import ASKED, asked_beside, available_to, deposit_lines, deposit_row
from state.billing.payers import applied_to, part_of
from state.books import Contract, Entry, Issued, StatementEntry
from state.charges.terms_known import last_day, left_of, line_fees
from state.draft import Draft
from state.terms.periods import today
from state.terms.plan import LinePlan
from state.totals import with_issued


def apply(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    total: Amount,
    kept: Retained,
    of: str,
    *,
    of_deposits: Amount,
) -> list[StatementEntry]:
    """What is set against the statement `of`, which has a `total` beside what it bills `of_deposits`; never more than is not retained of
    that."""
    why, retained, asked = draft.why, kept.retained, 0
    if why is not None:
        total = as_recorded(total, why.figure(f"{of}#gross"))
        retained = as_recorded(retained, why.figure(f"{of}#retained"))
    found = list(_before(draft, contract, bill_to, total))
    left = called(total - retained, "not retained of the statement")
    if found and left < 0:
        asked, released = asked_beside(draft, contract, bill_to, of) + of_deposits, kept.released
        if why is not None:
            by_now = why.sum(asked_of(contract.contract_id, bill_to), ASKED, contract.terms.currency)
            asked = as_recorded(asked, by_now)
            released = as_recorded(released, why.figure(f"{of}#released"))
        asked += released
    listed: list[StatementEntry] = []
    is_last = _over_on(draft, contract, period) is not None
    for place, amount in set_against([one for _, one in found], left, asked, is_last=is_last):
        entry, issued = found[place][0]
        line_id = issued.line_id
        if why is not None:
            part = node_of(-amount, f"{entry.entry_id}: set against the statement")
            why.record(f"{of}#applied/{line_id}", -amount, part)
            say_used(why, (contract.contract_id, line_id), entry.entry_id, bill_to, part)
        draft.put_entry(entry, with_issued(entry, applied_to(issued, bill_to, int(amount))))
        listed.append(StatementEntry(entry.entry_id, line_id, -int(amount), 0))
    return listed


def _before(
    draft: Draft, contract: Contract, bill_to: str, total: Amount
) -> Iterator[tuple[tuple[Entry, Issued], DepositBefore]]:
    """The deposits of which the payer was billed something, each with its row."""
    why = draft.why
    for plan, terms in deposit_lines(draft, contract):
        line_id = plan.line.line_id
        row = deposit_row(draft, contract, line_id, DEPOSIT)
        available = available_to(draft, contract, line_id, bill_to)
        if row is None or available is None:
            continue
        used, payer = part_of(row[1], bill_to).applied, (contract.contract_id, line_id, bill_to)
        percent = terms.percent or 0
        if why is not None:
            of = row[0].entry_id
            percent = Recorded(_percent(contract, plan, percent))
            available = as_recorded(available, why.sum(left_to(*payer), f"{of}: left of it", plan.currency))
            used = as_recorded(used, why.sum(used_by(*payer), f"{of}: statements had", plan.currency))
        share = percent_taken(total, percent, plan.currency, plan.policies.money_mode, "share of the statement")
        yield row, DepositBefore(terms, available, used, share)


def _percent(contract: Contract, plan: LinePlan, percent: Percent) -> Node:
    """As the terms of the line state it."""
    by_version = (stored.terms for stored in (*contract.former, *contract.history) if stored.version == plan.version)
    return in_terms("of each statement", percent, "percent", next(by_version), "terms.percent", plan.line.line_id)


def close(draft: Draft, contract: Contract, period: BillingPeriod) -> bool:
    """The contract is over: what is left of its deposits is to be given back or kept; whether that is more or less than before."""
    last = _over_on(draft, contract, period)
    if last is None:
        return False
    found = False
    for plan, _ in deposit_lines(draft, contract):
        line_id = plan.line.line_id
        known = line_fees(draft, contract, line_id)
        billed = deposit_row(draft, contract, line_id, DEPOSIT)
        rest = billed[1].amount - billed[1].applied if billed is not None else 0
        _, had = left_of(contract, known) or (last, 0)
        if rest != had:
            if draft.why is not None:
                whole = left_in_all(contract.contract_id, line_id)
                made = draft.why.sum(whole, f"left of the deposit on {last}", contract.terms.currency)
                draft.why.record(whole, rest, made._replace(rule="R31"))
            draft.put("fees", composed(contract.contract_id, line_id), replace(known, left=(last, rest)))
            found = True
    return found


def _over_on(draft: Draft, contract: Contract, period: BillingPeriod) -> date | None:
    """The contract's last day, where that is in the period or before it, and over by now."""
    last = last_day(contract)
    if last is None or last >= period.to:
        return None
    return last if last < today(draft, contract) else None
