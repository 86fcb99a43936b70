"""Accounting dimensions of journal lines, such as practice, region and cost_center: where each is looked for (policy `dimensions_from`).

`entry` is what time or an expense states, and of lines of cost the cost centre of its person; `project` is what the project states. The
first of the policy's order that states a dimension gives it. Where nobody states a practice or a region, the person's stands there, as
for rates. Lines over several entries have the dimensions of their project.

Ada is of cost centre 110, her project of 900: her cost has 110, what she earns 900; with `project` first both have 900.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from domain.events.reference import PersonDefined
from domain.ledger.journal import JournalForm
from domain.outputs import JournalEntry
from domain.policies import Resolved
from state.books import Work
from state.draft import Draft
from state.terms.plan import LinePlan

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


def of_projects(draft: Draft, record: JournalEntry, policies: Resolved) -> JournalEntry:
    """A journal over several entries or periods: each of its lines with the dimensions of its project."""
    lines = (
        line._replace(dimensions=dict(of_work(draft, None, line.project_id or "", policies))) for line in record.lines
    )
    return record._replace(lines=tuple(lines))


class WorkForm(JournalForm):
    """The form of a work's journals in a project; `place` and `cost_place` are those of its dimensions among the sets that the project has
    used."""

    __slots__ = ("cost_place", "place")

    cost_place: int
    place: int


def form_of(
    draft: Draft, work: Work, plan: LinePlan | None, policies: Resolved, cost_policies: Resolved | None
) -> WorkForm:
    """Of lines of cost alone without a `plan`; else `cost_policies` are those of the lines of cost among them, where there are some."""
    project_id = work.project_id if plan is None else work.earns_in
    place = cost_place = _set_of(draft, project_id, of_work(draft, work, project_id, policies, of_cost=plan is None))
    if plan is not None and cost_policies is not None:
        cost_place = _set_of(draft, project_id, of_work(draft, work, project_id, cost_policies, of_cost=True))
    sets = draft.project(project_id).dimension_sets
    contract_id, customer_id = (plan.contract_id, plan.customer_id) if plan is not None else (None, None)
    form = WorkForm(project_id, sets[place], sets[cost_place], contract_id, customer_id)
    form.place, form.cost_place = place, cost_place
    return form


def _set_of(draft: Draft, project_id: str, wanted: Mapping[str, str]) -> int:
    project = draft.project(project_id)
    for place, used in enumerate(project.dimension_sets):
        if used == wanted:
            return place
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
    found = {}
    if person is not None:
        for name in names:
            if (value := getattr(person, name)) is not None:
                found[name] = value
    return found
