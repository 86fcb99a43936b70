"""Deposits of a contract: the lines that are one, what was billed of each, and what is left of it to a payer (R31)."""

from typing import Final

from domain.events.common import Deposit
from domain.terms.deposit import DEPOSIT, REFUND, asked_of, left_to, used_by
from domain.units import Amount
from domain.work.rows import fee_row
from state.billing.approval import PART
from state.billing.payers import has_part, part_of
from state.books import Contract, Entry, Issued, Receivable, StatementState
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan, line_plan
from state.totals import issued_on

ASKED: Final = "asked for beside deposits"


def deposit_lines(draft: Draft, contract: Contract) -> list[tuple[LinePlan, Deposit]]:
    """Lines whose terms are or were a deposit, by the newest in which they are, the earliest due first."""
    found = (_as_deposit(draft, contract, line_id) for line_id in line_ids(contract))
    return sorted((one for one in found if one is not None), key=lambda one: (one[1].due_on, one[0].line.line_id))


def _as_deposit(draft: Draft, contract: Contract, line_id: str) -> tuple[LinePlan, Deposit] | None:
    for stored in reversed((*contract.former, *contract.history)):
        plan = line_plan(draft, contract, stored.version, line_id)
        if plan is not None and plan.refused is None and isinstance(plan.line.terms, Deposit):
            return plan, plan.line.terms
    return None


def available_to(draft: Draft, contract: Contract, line_id: str, bill_to: str) -> Amount | None:
    """What is left to a payer of what it was billed of a deposit; None where it was billed nothing."""
    found = deposit_row(draft, contract, line_id, DEPOSIT)
    if found is None or not has_part(found[1], bill_to):
        return None
    return _left_to(draft, contract, line_id, found[1], bill_to)


def used_by_payer(draft: Draft, contract: Contract, line_id: str, bill_to: str) -> Amount:
    """What statements of a payer had of a deposit."""
    found = deposit_row(draft, contract, line_id, DEPOSIT)
    used = part_of(found[1], bill_to).applied if found is not None and has_part(found[1], bill_to) else 0
    if draft.asked is not None and used:
        title = f"statements had of the deposit of line {line_id}"
        return draft.asked.sum(used, used_by(contract.contract_id, line_id, bill_to), title, contract.terms.currency)
    return used


def asked_beside(draft: Draft, contract: Contract, bill_to: str, without: str = "") -> Amount:
    """What statements asked a payer for beside what is billed of deposits, less what credit memos took off; `without` one that is cut."""
    of = contract.contract_id
    statements = [draft.statement_in_books(one) for one in draft.ids("statement") if one != without]
    asked = sum(
        one.amount_due - _credited(draft, one)
        for one in statements
        if (one.contract_id, one.bill_to) == (of, bill_to) and draft.part(PART, one.statement_id) is None
    )
    asked -= sum(_billed_to(draft, contract, plan.line.line_id, bill_to) for plan, _ in deposit_lines(draft, contract))
    if draft.asked is not None:
        return draft.asked.sum(asked, asked_of(of, bill_to), ASKED, contract.terms.currency)
    return asked


def _credited(draft: Draft, statement: StatementState) -> Amount:
    found: Receivable | None = draft.part("receivable", statement.invoice_id) if statement.invoice_id else None
    return found.credited[0] if found is not None else 0


def _billed_to(draft: Draft, contract: Contract, line_id: str, bill_to: str) -> Amount:
    """Of a deposit, what was given back taken off."""
    found = (deposit_row(draft, contract, line_id, name) for name in (DEPOSIT, REFUND))
    return sum(part_of(row[1], bill_to).issued for row in found if row is not None and has_part(row[1], bill_to))


def left_of_deposit(draft: Draft, contract: Contract, line_id: str) -> Amount:
    """What was billed of it, did not pay other bills, and was not given back."""
    found = deposit_row(draft, contract, line_id, DEPOSIT)
    if found is None:
        return 0
    payers = [part.customer_id for part in found[1].payers] or [found[1].bill_to]
    return sum([_left_to(draft, contract, line_id, found[1], bill_to) for bill_to in payers])


def _left_to(draft: Draft, contract: Contract, line_id: str, billed: Issued, bill_to: str) -> Amount:
    own, given_back = part_of(billed, bill_to), deposit_row(draft, contract, line_id, REFUND)
    available = own.issued - own.applied
    if given_back is not None and has_part(given_back[1], bill_to):
        available += part_of(given_back[1], bill_to).issued
    if draft.asked is not None:
        address, title = left_to(contract.contract_id, line_id, bill_to), f"left of the deposit of line {line_id}"
        return draft.asked.sum(available, address, title, contract.terms.currency)
    return available


def deposit_row(draft: Draft, contract: Contract, line_id: str, name: str) -> tuple[Entry, Issued] | None:
    """The row of the deposit's line with what was billed of it, if anything was."""
    entry = draft.entry(fee_row(contract.contract_id, line_id, name))
    issued = issued_on(entry, contract.contract_id, line_id) if entry is not None else None
    return (entry, issued) if entry is not None and issued is not None else None
