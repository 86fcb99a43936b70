"""What the kinds of terms are asked with: a contract line under each version of its terms, and what has happened on it."""

from collections.abc import Iterator
from datetime import date, timedelta

from domain.billing.kind import Agreed, Closed, Ended, Held, Known, Reported
from domain.contract import BEGINNING
from domain.identity import composed
from state.books import Acceptance, Contract, LineFees, Reports
from state.draft import Draft
from state.plan import line_plan


def known_on(draft: Draft, contract: Contract, line_id: str) -> Known:
    said: list[tuple[int, date, int]] = []
    for contract_id in ("", contract.contract_id):
        reports: Reports = draft.part("reports", composed(contract_id, line_id)) or Reports()
        said += reports.said
    fees = line_fees(draft, contract, line_id)
    return Known(
        _accepted(draft, contract, line_id),
        [Reported(*one) for one in sorted(said)],
        [Closed(one.start, one.to, one.cost, one.charged) for one in fees.closed],
        tuple(_held(draft, contract, line_id)),
        [Ended(one.start, one.to, one.limits) for one in fees.ended],
        fees.topped_up,
        draft.line(contract.contract_id, line_id).drawn,
    )


def line_fees(draft: Draft, contract: Contract, line_id: str) -> LineFees:
    return draft.part("fees", composed(contract.contract_id, line_id)) or LineFees()


def _accepted(draft: Draft, contract: Contract, line_id: str) -> dict[str, date]:
    facts: dict[str, Acceptance] = {each: draft.part("milestone", each) for each in draft.ids("milestone")}
    return {
        milestone_id: fact.accepted_on
        for milestone_id, fact in facts.items()
        if fact.accepted_on is not None
        and fact.contract_id in (None, contract.contract_id)
        and fact.line_id in (None, line_id)
    }


def _held(draft: Draft, contract: Contract, line_id: str) -> Iterator[Held]:
    """The line under each version of its terms, from the first day on which that holds to the first on which it does no more.

    A retroactive version holds on every day before, in place of all versions before it.
    """
    history = contract.history
    first = next((place for place in range(len(history) - 1, 0, -1) if history[place].retroactive), 0)
    ends = contract.terminated_on or date.max
    for place in range(first, len(history)):
        stored = history[place]
        since = BEGINNING if place == first else stored.effective_on
        before = min(ends, *(later.effective_on for later in history[place + 1 :]), date.max)
        plan = line_plan(draft, contract, stored.version, line_id)
        if plan is not None and plan.refused is None and since < before:
            last = contract.terminated_on - timedelta(days=1) if contract.terminated_on is not None else None
            agreed_end = min((day for day in (stored.terms.ends_on, last) if day is not None), default=None)
            yield Held(Agreed(plan.line, stored.terms, agreed_end, plan.policies), since, before)
