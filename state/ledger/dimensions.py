"""Accounting dimensions of journal lines, such as practice, region and cost_center: where each is looked for (policy `dimensions_from`).

`entry` is what time or an expense states, and of lines of cost the cost centre of its person; `project` is what the project states. The
first of the policy's order that states a dimension gives it. Where nobody states a practice or a region, the person's stands there, as
for rates. Lines over several entries have the dimensions of their project.

Ada is of cost centre 110, her project of 900: her cost has 110, what she earns 900; with `project` first both have 900.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from domain.events.delivery import ProjectActivated
from domain.events.reference import PersonDefined
from domain.policies import Resolved
from state.books import Project, Work
from state.draft import Draft

ENTRY, PROJECT = "entry", "project"
OF_PERSON = ("practice", "region")
COST_CENTER = "cost_center"


def of_work(
    draft: Draft, work: Work | None, project_id: str, policies: Resolved, *, of_cost: bool = False
) -> Mapping[str, str]:
    """Of a line that stands in the project and is of this work alone; of no work where it is withdrawn, or of several entries."""
    person = _person_of(draft, work, of_cost=of_cost) if work is not None else None
    found = _of_person(person, OF_PERSON)
    for level in reversed(policies.dimensions_from):
        if level == PROJECT:
            found |= _of_project(draft, project_id)
        elif level == ENTRY:
            found |= _of_person(person, (COST_CENTER,) if of_cost else ())
            found |= work.subject.dimensions if work is not None else {}
    return found


def place_of(draft: Draft, work: Work, project_id: str, policies: Resolved, *, of_cost: bool = False) -> int:
    """Place of the dimensions of such a line among those that the project has used; remembered where the work states none itself."""
    subject, project = work.subject, draft.project(project_id)
    if subject.dimensions:
        return _set_of(draft, project, of_work(draft, work, project_id, policies, of_cost=of_cost))
    person = _person_of(draft, work, of_cost=of_cost)
    version = person.version if person is not None else None
    key = ("dimensions", project_id, subject.person_id, version, policies.dimensions_from, of_cost)
    known: tuple[ProjectActivated | None, tuple[dict[str, str], ...], int] | None = draft.plans.get(key)
    if known is None or known[0] is not project.activated or known[1] is not project.dimension_sets:
        place = _set_of(draft, project, of_work(draft, work, project_id, policies, of_cost=of_cost))
        known = draft.plans[key] = (project.activated, draft.project(project_id).dimension_sets, place)
    return known[2]


def _set_of(draft: Draft, project: Project, wanted: Mapping[str, str]) -> int:
    if wanted in project.dimension_sets:
        return project.dimension_sets.index(dict(wanted))
    sets = (*project.dimension_sets, dict(sorted(wanted.items())))
    draft.put_project(replace(project, dimension_sets=sets))
    return len(sets) - 1


def _of_project(draft: Draft, project_id: str) -> Mapping[str, str]:
    activated = draft.project(project_id).activated
    return activated.dimensions if activated is not None else {}


def _person_of(draft: Draft, work: Work, *, of_cost: bool) -> PersonDefined | None:
    """As defined on the day of the cost or of the price."""
    side, person_id = work.cost if of_cost else work.price, work.person_id
    return draft.reference.person_on(person_id, side.day) if person_id and side is not None else None


def _of_person(person: PersonDefined | None, names: Iterable[str]) -> dict[str, str]:
    return {name: value for name in names if person is not None and (value := getattr(person, name)) is not None}
