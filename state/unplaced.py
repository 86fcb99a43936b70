"""Milestones accepted and progress reported of which nothing can be charged: each is told by an exception until a line takes it."""

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from domain.billing import milestones
from domain.identity import parts_of
from state.books import Acceptance, Contract
from state.draft import Draft
from state.rerate import line_ids
from state.terms_known import agreed_versions

UNKNOWN_MILESTONE, UNKNOWN_REFERENCE = "unknown_milestone", "unknown_reference"


def note_unplaced(draft: Draft) -> None:
    """Said anew whenever such a fact comes, or terms change."""
    _note_milestones(draft)
    _note_progress(draft)


def _note_milestones(draft: Draft) -> None:
    """An acceptance that no contract line lists waits, and somebody has to look at it."""
    for milestone_id in draft.ids("milestone"):
        fact: Acceptance = draft.part("milestone", milestone_id)
        day = fact.accepted_on
        if day is None or any(_lists(draft, contract, milestone_id, fact, day) for contract in draft.contracts()):
            draft.settle_note(UNKNOWN_MILESTONE, "milestone", milestone_id)
            continue
        draft.note(
            UNKNOWN_MILESTONE,
            "milestone",
            milestone_id,
            f"milestone {milestone_id} was accepted on {fact.accepted_on}, but no contract line lists it",
            contract_id=fact.contract_id,
            field="milestone_id",
        )


def _lists(draft: Draft, contract: Contract, milestone_id: str, fact: Acceptance, accepted_on: date) -> bool:
    """Whether terms that hold then or later have the milestone; of a contract that was terminated as if it was not."""
    if fact.contract_id not in (None, contract.contract_id) or not contract.in_force:
        return False
    return any(
        milestones.lists(agreed, milestone_id) and milestones.charged_on(agreed, accepted_on) is not None
        for line_id in line_ids(contract)
        if fact.line_id in (None, line_id)
        for agreed in agreed_versions(draft, replace(contract, terminated_on=None), line_id)
    )


def _note_progress(draft: Draft) -> None:
    """Progress of a line that no contract has."""
    for part_id in draft.ids("reports"):
        contract_id, line_id = parts_of(part_id)
        known = any(line_id in _lines(contract) for contract in _named(draft, contract_id))
        if known:
            draft.settle_note(UNKNOWN_REFERENCE, "progress", spoken(part_id))
            continue
        draft.note(
            UNKNOWN_REFERENCE,
            "progress",
            spoken(part_id),
            f"progress is reported of line {line_id}, which "
            + (f"contract {contract_id} does not have" if contract_id else "no contract has"),
            contract_id=contract_id or None,
            field="line_id",
        )


def spoken(part_id: str) -> str:
    """A line without its contract where the reports of it name none."""
    return part_id.removeprefix("/")


def _named(draft: Draft, contract_id: str) -> Iterator[Contract]:
    return (one for one in draft.contracts() if one.in_force and contract_id in ("", one.contract_id))


def _lines(contract: Contract) -> set[str]:
    return {line.line_id for stored in contract.history for line in stored.terms.lines}
