"""Milestones accepted and progress reported of which nothing can be charged: each is told by an exception until a line takes it."""

from collections.abc import Iterator

from domain.events.common import Milestones
from domain.identity import parts_of
from state.books import Acceptance, Contract
from state.draft import Draft

UNKNOWN_MILESTONE, UNKNOWN_REFERENCE = "unknown_milestone", "unknown_reference"


def note_unplaced(draft: Draft) -> None:
    """Said anew whenever such a fact comes, or terms change."""
    _note_milestones(draft)
    _note_progress(draft)


def _note_milestones(draft: Draft) -> None:
    """An acceptance that no contract line lists waits, and somebody has to look at it."""
    for milestone_id in draft.ids("milestone"):
        fact: Acceptance = draft.part("milestone", milestone_id)
        if fact.accepted_on is None or any(_lists(contract, milestone_id, fact) for contract in draft.contracts()):
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


def _lists(contract: Contract, milestone_id: str, fact: Acceptance) -> bool:
    return any(
        isinstance(line.terms, Milestones)
        and fact.contract_id in (None, contract.contract_id)
        and fact.line_id in (None, line.line_id)
        and any(milestone.milestone_id == milestone_id for milestone in line.terms.milestones)
        for stored in contract.history
        for line in stored.terms.lines
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
