"""What contracts and lines know before anything of their balances is entered, and what bills of before are in which months."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from domain.events.commercial import BalancesBroughtForward
from domain.figure import called
from domain.identity import composed
from domain.reference.exchange import Exchange
from domain.units import Amount
from domain.work.rows import FEE
from state.books import Acceptance, Contract, Reports
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.opening.loading import Loading
from state.opening.stated import Stated
from state.rerating.versions import withdraw
from state.revenue import refunds
from state.terms.known import Slot, exchange_on, period
from state.terms.periods import closing, schedule
from state.terms.plan import contract_policies


def begin(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Contract:
    """The oldest billing period that is not closed is the first that had not closed before the last day of the balances."""
    while (closed := closing(draft, contract, event.as_of - timedelta(days=1))) is not None:
        contract = replace(contract, period_start=closed.to)
    if contract is not draft.contract(contract.contract_id):
        draft.put("contract", contract.contract_id, contract)
    schedule(draft, contract)
    return contract


def know(draft: Draft, contract: Contract, stated: Stated, event: BalancesBroughtForward) -> None:
    """What the terms ask for: milestones that were accepted, how far the line had come."""
    for each in stated.balance.milestones:
        found = Acceptance(each.accepted_on, contract.contract_id, stated.balance.line_id, event.project_id)
        draft.put("milestone", each.milestone_id, found)
    refunds.state_given(draft, contract.contract_id, stated.balance.line_id, stated.balance.rebates_given)
    if stated.balance.percent is not None:
        part_id = composed(contract.contract_id, stated.balance.line_id)
        had: Reports = draft.part("reports", part_id) or Reports()
        said = [one for one in had.said if one[0] > 0]
        draft.put("reports", part_id, Reports(((0, event.as_of, stated.balance.percent), *said)))


def end_charges(draft: Draft, contract: Contract, stated: Stated, as_of: date) -> None:
    """Of a contract that had ended by the day: what terms charged here before its end was known, and nobody was billed, is not charged."""
    end, line_id = contract.terminated_on, stated.balance.line_id
    if end is None or end > as_of:
        return
    before: Amount = 0
    after = []
    for row in line_fees(draft, contract, line_id).rows:
        entry = draft.entry(row)
        charge = entry.work.charge if entry is not None and entry.work is not None else None
        if entry is None or charge is None:
            continue
        if charge.day < end:
            before += charge.amount
        elif charge.kind == FEE and not any(each.amount for each in entry.issued):
            after.append(entry)
    if before >= stated.balance.billed:
        for entry in after:
            withdraw(draft, entry.entry_id, entry.version + 1)


def slot_of(draft: Draft, contract: Contract, event: BalancesBroughtForward) -> Slot:
    entity = draft.reference.known_entity(contract.terms.legal_entity_id)
    policies = contract_policies(draft, contract)
    exchange = exchange_on(draft, policies, contract.terms.currency, entity.currency, event.as_of, event.as_of)
    assert isinstance(exchange, Exchange), "a missing rate is a fault"
    return Slot(entity, contract.terms.currency, event.as_of, period(draft, entity, event.as_of).name, exchange)


def months_of(parts: Sequence[Loading]) -> tuple[dict[str, Amount], dict[str, Amount]]:
    """In which bills of before are billed, and paid."""
    billed, due = Counter[str](), Counter[str]()
    for bills, pays, amount, is_due in (one for part in parts for one in part.months):
        billed[bills] += amount
        due[pays] += is_due
    return (
        {month: called(amount, "billed before the books begin") for month, amount in billed.items()},
        {month: called(amount, "due before the books begin") for month, amount in due.items()},
    )
