"""Projects: activated, closed, people assigned."""

from msgspec.structs import replace

from domain.events.delivery import ProjectActivated, ProjectClosed, ResourceAssigned
from state.draft import Draft
from state.facts import is_new
from state.handlers.work import charge_company, retry_parked
from state.rerating.rerate import rerate_person


def on_project_activated(draft: Draft, event: ProjectActivated) -> None:
    if not is_new(draft, "project", event.project_id, event.version, event):
        return
    project = draft.project(event.project_id)
    entity = draft.reference.entity(event.legal_entity_id)
    zone = entity.zone if entity is not None else project.zone
    draft.put_project(replace(project, activated=event, closed_on=None, zone=zone, changed=True))
    retry_parked(draft)
    charge_company(draft, event)


def on_project_closed(draft: Draft, event: ProjectClosed) -> None:
    if is_new(draft, "project", event.project_id, event.version, event):
        draft.put_project(replace(draft.project(event.project_id), closed_on=event.ends_on, changed=True))
        retry_parked(draft)


def on_resource_assigned(draft: Draft, event: ResourceAssigned) -> None:
    if not is_new(draft, "assignment", event.assignment_id, event.version, event):
        return
    stated = [one for project_id in draft.ids("project") for one in _take_out(draft, project_id, event.assignment_id)]
    if draft.own is None or event.project_id in draft.own:
        draft.put_assignments(event.project_id, (*draft.assignments(event.project_id), event))
        stated.append(event)
    for one in stated:
        rerate_person(draft, draft.contracts(), one.project_id, one.person_id, one.starts_on, one.ends_on)
    retry_parked(draft)


def _take_out(draft: Draft, project_id: str, assignment_id: str) -> tuple[ResourceAssigned, ...]:
    """The version of the assignment that stands on the project, which it leaves."""
    stated = draft.assignments(project_id)
    former = tuple(one for one in stated if one.assignment_id == assignment_id)
    if former:
        draft.put_assignments(project_id, tuple(one for one in stated if one.assignment_id != assignment_id))
    return former
