"""What stands on 1160 and 2300 of a contract that earns over time, as the journals so far have it (domain/ledger/position.py)."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, CONTRACT_SIDES, UNBILLED_RECEIVABLE
from domain.capabilities import is_unrealised
from domain.figure import converted
from domain.identity import parts_of
from domain.ledger.journal import Leg
from domain.ledger.position import ContractPosition, moved
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.terms.kind import OVER_TIME
from domain.units import Amount
from state.books import Contract, Liability
from state.draft import Draft
from state.terms.plan import LinePlan, line_plan
from state.totals import unbilled_positions


class PositionStanding(NamedTuple):
    """A position after the first `seen` outputs of the event; `posted_on` is the last accounting date of what moved it."""

    position: ContractPosition
    posted_on: date | None
    seen: int = 0


def is_over_time(draft: Draft, contract: Contract) -> bool:
    """Whether a line earns over time, in any version of the terms, or ever did."""
    held: Liability | None = draft.part("liability", contract.contract_id)
    if held is not None and held.position is not None:
        return True
    return draft.of_terms("over time", contract, _has_line_over_time)


def _has_line_over_time(draft: Draft, contract: Contract) -> bool:
    plans = (
        line_plan(draft, contract, stored.version, line.line_id)
        for stored in (*contract.former, *contract.history)
        for line in stored.terms.lines
    )
    return any(plan is not None and plan.timing == OVER_TIME for plan in plans)


def standing(draft: Draft, contract_id: str) -> PositionStanding:
    """As it is now, in the middle of the event."""
    known: PositionStanding | None = draft.positions.get(contract_id)
    position, posted_on, seen = known if known is not None else _before(draft, contract_id)
    for record in draft.outputs[seen:]:
        if not isinstance(record, JournalEntry) or record.contract_id != contract_id or is_unrealised(record.rule):
            continue
        for line in record.lines:
            if line.account in (CONTRACT_ASSET, CONTRACT_LIABILITY):
                position = position.add(line.account, line.amount, line.ledger_amount)
                posted_on = record.accounting_date if posted_on is None else max(posted_on, record.accounting_date)
    found = draft.positions[contract_id] = PositionStanding(position, posted_on, len(draft.outputs))
    return found


def keep(draft: Draft, contract_id: str) -> None:
    """From now on the contract has a position, also where no line of it earns over time."""
    held: Liability = draft.part("liability", contract_id) or Liability()
    if held.position is None:
        found = standing(draft, contract_id)
        position = found.position.asset, found.position.liability
        draft.put("liability", contract_id, replace(held, posted_on=found.posted_on, position=position))


def look(draft: Draft, contract_id: str) -> None:
    """The event moved the position, so that it has to be settled at the end."""
    standing(draft, contract_id)


def _before(draft: Draft, contract_id: str) -> PositionStanding:
    """As the event found it; of a contract that did not earn over time until now the sum of its entries."""
    held: Liability = draft.before.get(("liability", contract_id)) or Liability()
    if held.position is not None:
        return PositionStanding(ContractPosition(*held.position), held.posted_on)
    position = ContractPosition()
    for entry in draft.entries.everything():
        for (of, account), (amount, ledger) in unbilled_positions(entry, CONTRACT_SIDES).items():
            if of == contract_id:
                position = position.add(account, amount, ledger)
    for key, (amount, ledger) in held.lines.items():
        position = position.add(parts_of(key)[1], amount, ledger).add(CONTRACT_LIABILITY, -amount, -ledger)
    return PositionStanding(position, held.posted_on)


def through(
    draft: Draft, plan: LinePlan, pairs: tuple[tuple[str, str, Amount], ...], exchange: Exchange
) -> tuple[Leg, ...]:
    """Lines against the position instead of 2300 alone; others at the rate given, and the last has the ledger amount that this comes to."""
    return against(standing(draft, plan.contract_id).position, plan, pairs, exchange)


def against(
    position: ContractPosition, plan: LinePlan, pairs: Iterable[tuple[str, str, Amount]], exchange: Exchange
) -> tuple[Leg, ...]:
    currency, mode, made = plan.entity.currency, plan.policies.money_mode, list[Leg]()
    for account, purpose, amount in pairs:
        if account == CONTRACT_LIABILITY:
            own = moved(position, purpose, amount, exchange, currency, mode)
            position = position.after(own)
            made += own
        elif account == UNBILLED_RECEIVABLE:
            made.append(Leg(account, purpose, amount, converted(amount, exchange, currency, mode)))
        else:
            made.append(Leg(account, purpose, amount, -sum(leg.ledger_amount for leg in made)))
    return tuple(made)
