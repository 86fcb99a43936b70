"""Accounting dimensions of journal lines, such as practice, region and cost_center: where each is looked for (policy `dimensions_from`).

`entry` is what time or an expense states, and of lines of cost the cost centre of its person; `project` is what the project states. The
first of the policy's order that states a dimension gives it. A task, a contract line and a company state none. Where nobody states a
practice or a region, the person's stands there, as for rates. Lines over several entries have the dimensions of their project.

Ada is of cost centre 110, her project of 900: her cost has 110, what she earns 900; with `project` first both have 900.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.policies import Resolved
from state.books import Work
from state.draft import Draft

ENTRY, PROJECT = "entry", "project"
OF_PERSON = ("practice", "region")
COST_CENTER = "cost_center"


def of_work(
    draft: Draft, work: Work | None, project_id: str, policies: Resolved, *, of_cost: bool = False
) -> Mapping[str, str]:
    """Of a line that stands in the project and is of this work alone; of no work where it is withdrawn, or of several entries."""
    found: dict[str, str] = {}
    stated: Mapping[str, str] = work.subject.dimensions if work is not None else {}
    cost_center = _of_person(draft, work, found, of_cost=of_cost) if work is not None else None
    for level in reversed(policies.dimensions_from):
        if level == PROJECT:
            found |= _of_project(draft, project_id)
        elif level == ENTRY:
            if cost_center is not None:
                found[COST_CENTER] = cost_center
            found |= stated
    return found


def set_of(draft: Draft, project_id: str, wanted: Mapping[str, str]) -> int:
    """Place of the dimensions among those that the project has used."""
    project = draft.project(project_id)
    if wanted in project.dimension_sets:
        return project.dimension_sets.index(dict(wanted))
    sets = (*project.dimension_sets, dict(sorted(wanted.items())))
    draft.put_project(replace(project, dimension_sets=sets))
    return len(sets) - 1


def _of_project(draft: Draft, project_id: str) -> Mapping[str, str]:
    activated = draft.project(project_id).activated
    return activated.dimensions if activated is not None else {}


def _of_person(draft: Draft, work: Work, found: dict[str, str], *, of_cost: bool) -> str | None:
    """Puts practice and region where nobody states them; returns the cost centre of a line of cost."""
    side = work.cost if of_cost else work.price
    person = draft.reference.person_on(work.person_id, side.day) if work.person_id and side is not None else None
    if person is None:
        return None
    found |= {name: value for name in OF_PERSON if (value := getattr(person, name)) is not None}
    return person.cost_center if of_cost else None
