"""The newest estimates of a project and of its lines, and those that its figures rest on."""

from collections.abc import Sequence

from domain.events.delivery import EstimateRevised
from domain.identity import composed
from state.books import Estimate, Project
from state.draft import Draft
from state.terms.plan import LinePlan

ESTIMATE = "estimate"


def estimate_key(project_id: str, line_id: str | None) -> str:
    return composed(project_id) if line_id is None else composed(project_id, line_id)


def estimate_of(draft: Draft, project_id: str, plan: LinePlan | None) -> Estimate | None:
    """The newest estimate of the project, or of one of its lines."""
    line_id = plan.line.line_id if plan is not None else None
    found: Estimate | None = draft.part("estimate", estimate_key(project_id, line_id))
    if found is not None and plan is not None and found.event.contract_id not in {None, plan.contract_id}:
        return None
    return found


def estimates_at(
    draft: Draft, project: Project, lines: Sequence[LinePlan], offsets: frozenset[int]
) -> list[EstimateRevised]:
    """Those with a place in the log among these."""
    found = [estimate_of(draft, project.project_id, plan) for plan in (None, *lines)]
    return [one.event for one in found if one is not None and one.log_offset in offsets]
