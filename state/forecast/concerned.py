"""What an event other than work concerns: some change what figures rest on, many what a view shows."""

from domain.work.rows import ADJUSTMENT, FEE, SCHEDULED_REVENUE, named
from state.books import Adjustment, Assignments, Contract, Estimate, LineTotals, OpenException, Project, StatementState
from state.draft import Draft
from state.totals import standing_price

# Rows that are no work.
OF_TERMS = (FEE, SCHEDULED_REVENUE, ADJUSTMENT)


def rebased_projects(draft: Draft) -> set[str]:
    """Known projects of which the event changed contracts, budget, assignments or estimates."""
    found: set[str] = set()
    for (kind, part_id), after in draft.parts.items():
        before = draft.before.get((kind, part_id))
        match after:
            case Contract() if before is None or not _same_terms(before, after):
                found.update(draft.projects_of(part_id))
            case Project() if not _same_plan(before or Project(part_id), after):
                found.add(part_id)
            case Assignments():
                found.add(part_id)
            case Estimate():
                found.add(after.event.project_id)
            case Adjustment():
                found.update(draft.projects_of(after.event.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def _same_terms(one: Contract, other: Contract) -> bool:
    ends = one.terminated_on == other.terminated_on and one.invalid == other.invalid
    return ends and one.history is other.history


def _same_plan(one: Project, other: Project) -> bool:
    ends = one.closed_on == other.closed_on
    return ends and one.activated is other.activated


def touched_projects(draft: Draft) -> set[str]:
    """Known projects of which a figure or something open changed."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        part = after if after is not None else draft.before.get(key)
        match part:
            case Project() if part.changed:
                found.add(part.project_id)
            case LineTotals():
                found.update((part.project_id, *part.elsewhere))
            case StatementState():
                found.update(draft.projects_of(part.contract_id))
            case OpenException():
                found.update((part.project_id,) if part.project_id is not None else draft.projects_of(part.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def charged_projects(draft: Draft) -> set[str]:
    """Projects of which something is charged, or not any more: that moves bills to come, whatever the whole comes to."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        before = draft.before.get(key)
        if isinstance(after, LineTotals) and (before is None or before.billable != after.billable):
            found.update((after.project_id, *after.elsewhere))
    return found


def moved_by(draft: Draft) -> str:
    """Work that a contract or an assignment rates again; what these price for the first time is scope, as is what terms charge or earn by
    themselves."""
    takes_back = any(move.revenue < 0 for move in draft.moves)
    return "rate" if takes_back and any(_is_rated_again(draft, row) for row in draft.rows) else "scope"


def _is_rated_again(draft: Draft, row: str) -> bool:
    before = draft.entries.get(row)
    price = standing_price(before) if before is not None and named(row)[0] not in OF_TERMS else None
    now = standing_price(draft.rows[row])
    return price is not None and price.earns != (now.earns if now is not None else 0)
