"""Milestones whose day has passed without acceptance: exception and alert `milestone_overdue`, raised when the day ends.

It is closed by the acceptance, by another due day, or when the milestone or its contract is no more. One that somebody settled is not
raised again for the same day.
"""

from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.events.common import Milestone, Milestones
from domain.figure import Recorded
from domain.identity import composed, derived_id
from domain.money import format_amount
from domain.outputs import Alert
from domain.terms.kind import LineHistory, TermsInForce
from domain.why import in_terms
from state.books import Contract
from state.charges.terms_known import line_fees
from state.draft import BLOCKED, Draft

OVERDUE: Final = "milestone_overdue"


def watch(
    draft: Draft, contract: Contract, line_id: str, known: LineHistory, zone: str, today: date, ended: date | None
) -> None:
    """`ended` is the day that has ended in the zone where the contract is billed, where one has."""
    fees = line_fees(draft, contract, line_id)
    day = ended or today
    held = next((held for held in reversed(known.held) if held.since <= day < held.before), None)
    waiting = {one.milestone_id: one for one in _listed(held) if one.milestone_id not in known.accepted}
    late = {}
    for milestone_id, due_on in fees.overdue.items():
        if milestone_id in waiting and waiting[milestone_id].due_on == due_on:
            late[milestone_id] = due_on
        else:
            draft.resolve_exception(OVERDUE, "milestone", composed(contract.contract_id, line_id, milestone_id))
    for milestone in waiting.values():
        if milestone.milestone_id in late:
            continue
        if ended is not None and milestone.due_on <= ended:
            assert held is not None, "it lists the milestone"
            _tell(draft, contract, held, milestone)
            late[milestone.milestone_id] = milestone.due_on
        else:
            draft.due.add((zone, milestone.due_on.isoformat() if milestone.due_on > today else ""))
    if changes := _changes_after(known, day):
        draft.due.add((zone, min(changes).isoformat()))
    if late != fees.overdue:
        draft.put("fees", composed(contract.contract_id, line_id), replace(fees, overdue=late))


def _changes_after(known: LineHistory, day: date) -> list[date]:
    """Days from which terms that are known already list other milestones."""
    if not any(map(_listed, known.held)):
        return []
    return [each for held in known.held for each in (held.since, held.before) if day < each < date.max]


def _listed(held: TermsInForce | None) -> tuple[Milestone, ...]:
    terms = held.line.terms if held is not None else None
    return terms.milestones if isinstance(terms, Milestones) else ()


def _tell(draft: Draft, contract: Contract, held: TermsInForce, milestone: Milestone) -> None:
    """By the terms of the day: a later version that is known already may no longer have the line."""
    line, amount = held.line, milestone.amount
    if draft.why is not None:
        path = f"terms.milestones[{_listed(held).index(milestone)}].amount"
        amount = Recorded(in_terms(BLOCKED, amount, "amount", held.contract, path, line.line_id))
    subject = composed(contract.contract_id, line.line_id, milestone.milestone_id)
    currency, cause = contract.terms.currency, draft.cause
    message = (
        f"milestone {milestone.milestone_id} of {format_amount(milestone.amount, currency)} {currency} was due on "
        f"{milestone.due_on} and is not accepted"
    )
    draft.raise_exception(
        OVERDUE,
        "milestone",
        subject,
        message,
        contract_id=contract.contract_id,
        project_id=line.project_id,
        amount=amount,
        currency=currency,
        field="accepted_on",
    )
    draft.emit(
        Alert(
            alert_id=derived_id(draft.engagement_id, OVERDUE, subject, 0, cause.kind, cause.id, cause.version),
            kind=OVERDUE,
            subject_kind="milestone",
            subject_id=subject,
            message=message,
            currency=currency,
            contract_id=contract.contract_id,
            project_id=line.project_id,
        )
    )
