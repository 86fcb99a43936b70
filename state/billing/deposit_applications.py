"""Deposits set against statements (R31): what was billed of a deposit before a statement is available to it.

An application is listed on the statement as a negative part of the deposit's own entry, so that the statement's invoice relieves the
deposit by it as it relieves what is unbilled (state/handlers/invoices.py), at the ledger amount that the deposit carries.

When the contract is over what is left is given back or kept, and nothing more is set against a statement. Where the contract goes on
after all, that is taken back; what was given back is available again when it is billed again.
"""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.events.common import Deposit
from domain.explanation import evaluated, less, total
from domain.identity import composed, parts_of
from domain.money import percent_of
from domain.reference.zones import local_date
from domain.terms.deposit import DEPOSIT, Bounds, applied, is_named, left_in_all, left_to
from domain.units import Amount
from domain.why import Why, elsewhere, in_terms, rounding
from domain.work.rows import fee_row
from state.billing.deposits import available_to, deposit_lines, deposit_row
from state.billing.payers import applied_to
from state.books import Contract, StatementEntry
from state.charges.terms_known import last_day, left_of, line_fees
from state.draft import Draft
from state.terms.periods import zone_of
from state.terms.plan import LinePlan
from state.totals import with_issued


def apply(
    draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, total: Amount, retained: Amount, of: str
) -> list[StatementEntry]:
    """What is set against a statement of `total`, which is net of what it bills of deposits; never more than is not `retained` of it. `of`
    is the statement, named for a recorder alone."""
    listed: list[StatementEntry] = []
    is_last = _over_on(draft, contract, period) is not None
    for plan, terms in deposit_lines(draft, contract):
        line_id = plan.line.line_id
        found = deposit_row(draft, contract, line_id, DEPOSIT)
        available = available_to(draft, contract, line_id, bill_to)
        if found is None or available is None:
            continue
        entry, issued = found
        share = percent_of(total, terms.percent or 0, plan.currency, plan.policies.money_mode)
        taken = sum(-one.amount for one in listed)
        why, address = draft.why, f"{of}#applied/{line_id}"
        bounds = _bounds(why, of, contract, plan, terms, bill_to, share, listed) if why is not None else None
        left = total - max(retained, 0) - taken
        amount = applied(terms, left, available, share, is_last=is_last, why=why, of=address, bounds=bounds)
        if amount:
            if why is not None:
                why.add(left_to(contract.contract_id, line_id, bill_to), why.figure(address))
                why.add(left_in_all(contract.contract_id, line_id), why.figure(address))
            draft.put_entry(entry, with_issued(entry, applied_to(issued, bill_to, amount)))
            listed.append(StatementEntry(entry.entry_id, line_id, -amount, 0))
    return listed


def say_billed(why: Why, contract: Contract, of: str, bill_to: str, listed: StatementEntry) -> None:
    """What a statement bills of a deposit, or gives back of it, is more or less of it from then on."""
    if not is_named(listed.entry_id):
        return
    address = composed("piece", of, listed.entry_id, listed.line_id)
    part = elsewhere(f"{listed.entry_id}: billed", listed.amount, address, contract.terms.currency)
    why.add(left_to(contract.contract_id, listed.line_id, bill_to), part)
    if parts_of(listed.entry_id)[-1] == DEPOSIT:
        why.add(left_in_all(contract.contract_id, listed.line_id), part)


def _bounds(
    why: Why,
    of: str,
    contract: Contract,
    plan: LinePlan,
    terms: Deposit,
    bill_to: str,
    share: Amount,
    listed: Sequence[StatementEntry],
) -> Bounds:
    line_id, currency = plan.line.line_id, plan.currency
    row = fee_row(contract.contract_id, line_id, DEPOSIT)
    whole, retained = why.figure(f"{of}#gross"), why.figure(f"{of}#retained")
    before = [why.figure(f"{of}#applied/{one.line_id}") for one in listed]
    left = total("left of the statement", (whole, *before), "amount", currency) if before else whole
    if (retained.value or 0) > 0:
        left = less("not retained of the statement", left, retained)
    by_version = (stored.terms for stored in (*contract.former, *contract.history) if stored.version == plan.version)
    percent = in_terms("of each statement", terms.percent or 0, "percent", next(by_version), "terms.percent", line_id)
    parameters = rounding(currency, plan.policies.money_mode)
    part = evaluated("share of the statement", "percent_of", (whole, percent), parameters, "amount", currency)
    why.record(f"{of}#share/{line_id}", share, part)
    available = why.sum(left_to(contract.contract_id, line_id, bill_to), f"{row}: left of it", currency)
    return Bounds(row, part, left, available)


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
    return last if last < local_date(draft.cause.recorded_at, zone_of(draft, contract)) else None
