"""Milestones that are accepted, and progress that is reported: what terms charge of it follows (`state/revenue/fees.py`)."""

from collections.abc import Sequence
from datetime import date

from domain.events.delivery import MilestoneAccepted, MilestoneRevoked, ProgressReported
from domain.exceptions import OUT_OF_RANGE
from domain.identity import composed
from domain.money import format_decimal
from domain.revenue.method import Reported
from domain.revenue.reported import fallen_from
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Percent
from state.books import Acceptance, Reports
from state.charges.unplaced import note_unplaced, spoken
from state.draft import Draft
from state.facts import is_late, is_new
from state.revenue.fees import settle


def on_milestone_accepted(draft: Draft, event: MilestoneAccepted) -> None:
    if is_new(draft, "milestone", event.milestone_id, event.version, event):
        _take_milestone(draft, event, event.accepted_on)


def on_milestone_revoked(draft: Draft, event: MilestoneRevoked) -> None:
    if is_new(draft, "milestone", event.milestone_id, event.version, event):
        _take_milestone(draft, event, None)


def _take_milestone(draft: Draft, event: MilestoneAccepted | MilestoneRevoked, accepted_on: date | None) -> None:
    known: Acceptance | None = draft.part("milestone", event.milestone_id)
    contract_id = event.contract_id or (known.contract_id if known is not None else None)
    line_id = event.line_id or (known.line_id if known is not None else None)
    project_id = event.project_id or (known.project_id if known is not None else None)
    draft.put("milestone", event.milestone_id, Acceptance(accepted_on, contract_id, line_id, project_id))
    for contract in draft.contracts():
        settle(draft, contract)
    note_unplaced(draft)


def on_progress_reported(draft: Draft, event: ProgressReported) -> None:
    """A lower version that comes late counts for its day; how far the line has come is what the highest says."""
    part_id = composed(event.contract_id or "", event.line_id)
    reports: Reports = draft.part("reports", part_id) or Reports()
    is_newest = is_new(draft, "progress", part_id, event.version, event)
    if not is_newest and not _came_late(draft, part_id, reports, event.version):
        return
    if not 0 <= event.percent <= HUNDRED_PERCENT:
        if is_newest:
            _note_out_of_range(draft, event, part_id)
        return
    said = sorted((*reports.said, (event.version, event.as_of, event.percent)))
    draft.put("reports", part_id, Reports(tuple(said)))
    if not is_late(draft, "progress", part_id, said[-1][0]):
        _note_fall(draft, event, part_id, said)
    for contract in draft.contracts():
        settle(draft, contract)
    note_unplaced(draft)


def _came_late(draft: Draft, part_id: str, reports: Reports, version: int) -> bool:
    return is_late(draft, "progress", part_id, version) and all(version != one for one, _, _ in reports.said)


def _note_out_of_range(draft: Draft, event: ProgressReported, part_id: str) -> None:
    """Nothing is charged of it; what was reported before holds until a higher version corrects it."""
    got = format_decimal(event.percent, PERCENT_SCALE)
    _ask(draft, event, part_id, f"progress {event.version} of line {event.line_id}: expected 0 to 100 %, got {got} %")


def _note_fall(draft: Draft, event: ProgressReported, part_id: str, said: Sequence[tuple[int, date, Percent]]) -> None:
    """The newest report counts; what it takes back is a mistake, or work that has to be done again, as delivery knows."""
    before = fallen_from([Reported(*each) for each in said])
    if before is None:
        draft.resolve_exception(OUT_OF_RANGE, "progress", spoken(part_id), "superseded")
        return
    version, as_of, percent = said[-1]
    least, got = (format_decimal(each, PERCENT_SCALE) for each in (before.percent, percent))
    message = (
        f"progress {version} of line {event.line_id}: expected at least {least} %, as reported as of {before.as_of}, got {got} % as of "
        f"{as_of}; it counts, and the difference is taken back"
    )
    _ask(draft, event, part_id, message, revises=True)


def _ask(draft: Draft, event: ProgressReported, part_id: str, message: str, *, revises: bool = False) -> None:
    draft.raise_exception(
        OUT_OF_RANGE,
        "progress",
        spoken(part_id),
        message,
        project_id=event.project_id,
        contract_id=event.contract_id,
        field="percent",
        revises=revises,
    )
