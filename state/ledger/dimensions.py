"""Accounting dimensions of journal lines, such as practice, region and cost_center: where each is looked for (policy `dimensions_from`).

`entry` is what time or an expense states, and of lines of cost the cost centre of its person; `project` is what the project states. The
first of the policy's order that states a dimension gives it. Where nobody states a practice or a region, the person's stands there, as
for rates. Lines over several entries have the dimensions of their project.

Ada is of cost centre 110, her project of 900: her cost has 110, what she earns 900; with `project` first both have 900.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.events.reference import PersonDefined
from domain.outputs import JournalEntry
from domain.policies import Resolved
from state.books import Project, Work
from state.draft import Draft

ENTRY, PROJECT = "entry", "project"
COST_CENTER = "cost_center"


def of_work(
    draft: Draft, work: Work | None, project: Project, policies: Resolved, *, of_cost: bool = False
) -> Mapping[str, str]:
    """Of a line that stands in the project and is of this work alone; of no work where it is withdrawn, or of several entries."""
    person = _person_of(draft, work, of_cost=of_cost) if work is not None else None
    found: dict[str, str] = {}
    if person is not None and person.practice is not None:
        found["practice"] = person.practice
    if person is not None and person.region is not None:
        found["region"] = person.region
    for level in reversed(policies.dimensions_from):
        if level == PROJECT:
            found |= project.activated.dimensions if project.activated is not None else {}
        elif level == ENTRY and work is not None:
            if of_cost and person is not None and person.cost_center is not None:
                found[COST_CENTER] = person.cost_center
            found |= work.subject.dimensions
    return found


def of_projects(draft: Draft, record: JournalEntry, policies: Resolved) -> JournalEntry:
    """A journal over several entries or periods: each of its lines with the dimensions of its project."""
    projects = (draft.project(line.project_id or "") for line in record.lines)
    lines = zip(record.lines, projects, strict=True)
    return record._replace(
        lines=tuple(line._replace(dimensions=of_work(draft, None, project, policies)) for line, project in lines)
    )


def with_place(draft: Draft, project: Project, wanted: Mapping[str, str]) -> tuple[Project, int]:
    """The project with these dimensions among the sets that it has used, and their place there."""
    used = project.dimension_sets
    if wanted in used:
        return project, used.index(wanted)
    project = replace(project, dimension_sets=(*used, dict(sorted(wanted.items()))))
    draft.put_project(project)
    return project, len(used)


def _person_of(draft: Draft, work: Work, *, of_cost: bool) -> PersonDefined | None:
    """As defined on the day of the cost or of the price."""
    side, person_id = work.cost if of_cost else work.price, work.person_id
    return draft.reference.person_on(person_id, side.day) if person_id and side is not None else None
