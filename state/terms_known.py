"""What the kinds of terms are asked with: a contract line under each version of its terms, and what has happened on it."""

from datetime import date, timedelta

from domain.billing import methods
from domain.billing.kind import Agreed, Closed, Ended, Known, Reported
from domain.contract import BEGINNING
from domain.identity import composed
from domain.units import Amount
from state.books import Acceptance, Contract, LineFees, Reports
from state.draft import Draft
from state.plan import line_plan


def known_of(draft: Draft, contract: Contract, line_id: str) -> Known:
    said: list[tuple[int, date, int]] = []
    for contract_id in ("", contract.contract_id):
        reports: Reports = draft.part("reports", composed(contract_id, line_id)) or Reports()
        said += reports.said
    fees = line_fees(draft, contract, line_id)
    return Known(
        _accepted(draft, contract, line_id),
        [Reported(*one) for one in sorted(said)],
        [Closed(one.start, one.to, one.cost, one.charged) for one in fees.closed],
        agreed_versions(draft, contract, line_id),
        [Ended(one.start, one.to, one.limits, one.over) for one in fees.ended],
        fees.topped_up,
        draft.line(contract.contract_id, line_id).drawn,
        left_of(contract, fees),
    )


def line_fees(draft: Draft, contract: Contract, line_id: str) -> LineFees:
    return draft.part("fees", composed(contract.contract_id, line_id)) or LineFees()


def left_of(contract: Contract, fees: LineFees) -> tuple[date, Amount] | None:
    """What was left of a deposit, unless the contract goes on after that day by now."""
    last = last_day(contract)
    return fees.left if fees.left is not None and last is not None and last <= fees.left[0] else None


def last_day(contract: Contract) -> date | None:
    """By the newest terms and the termination."""
    ends = [contract.terms.ends_on] if contract.terms.ends_on is not None else []
    if contract.terminated_on is not None:
        ends.append(contract.terminated_on - timedelta(days=1))
    return min(ends, default=None)


def _accepted(draft: Draft, contract: Contract, line_id: str) -> dict[str, date]:
    facts: dict[str, Acceptance] = {each: draft.part("milestone", each) for each in draft.ids("milestone")}
    return {
        milestone_id: fact.accepted_on
        for milestone_id, fact in facts.items()
        if fact.accepted_on is not None
        and fact.contract_id in (None, contract.contract_id)
        and fact.line_id in (None, line_id)
    }


def agreed_versions(draft: Draft, contract: Contract, line_id: str) -> list[Agreed]:
    """The line under each version of its terms; neighbours that say the same of it are one, as the later has it.

    A retroactive version holds on every day before, in place of all versions before it.
    """
    history = contract.history
    first = next((place for place in range(len(history) - 1, 0, -1) if history[place].retroactive), 0)
    ends = contract.terminated_on or date.max
    found: list[Agreed] = []
    for place in range(first, len(history)):
        stored = history[place]
        since = BEGINNING if place == first else stored.effective_on
        before = min(ends, *(later.effective_on for later in history[place + 1 :]), date.max)
        if since >= before:
            continue
        went_before = found[-1] if found and found[-1].before == since else None
        plan = line_plan(draft, contract, stored.version, line_id)
        if plan is None or plan.refused is not None:
            if went_before is not None:
                found[-1] = went_before._replace(ends_on=since - timedelta(days=1))
            continue
        last = ends - timedelta(days=1) if ends < date.max else None
        end = min((day for day in (stored.terms.ends_on, last) if day is not None), default=None)
        goes_on = went_before is not None and type(went_before.line.terms) is type(plan.line.terms)
        starts_on = went_before.starts_on if went_before is not None and goes_on else max(since, stored.terms.starts_on)
        agreed = Agreed(plan.line, stored.terms, end, plan.policies, since, before, starts_on, stored.catches_up)
        if went_before is not None and _says_the_same(went_before, agreed):
            found[-1] = agreed._replace(since=went_before.since)
        else:
            found.append(agreed)
    return found


def _says_the_same(one: Agreed, other: Agreed) -> bool:
    if (one.line, one.policies) != (other.line, other.policies):
        return False
    return one.contract.ends_on == other.contract.ends_on or not methods.needs_an_end(other.line, other.policies)
