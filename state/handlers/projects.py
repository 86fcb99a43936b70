"""Projects: activated, closed, people assigned."""

from msgspec.structs import replace

from domain.events.delivery import ProjectActivated, ProjectClosed, ResourceAssigned
from state.draft import Draft
from state.facts import is_new
from state.handlers.time import retry
from state.rerate import rerate_person


def on_project_activated(draft: Draft, event: ProjectActivated) -> None:
    if not is_new(draft, "project", event.project_id, event.version, event):
        return
    project = draft.project(event.project_id)
    entity = draft.reference.entity(event.legal_entity_id)
    zone = entity.zone if entity is not None else project.zone
    draft.put_project(replace(project, activated=event, closed_on=None, zone=zone, changed=True))
    _retry_parked(draft)


def on_project_closed(draft: Draft, event: ProjectClosed) -> None:
    if is_new(draft, "project", event.project_id, event.version, event):
        draft.put_project(replace(draft.project(event.project_id), closed_on=event.ends_on, changed=True))
        _retry_parked(draft)


def on_resource_assigned(draft: Draft, event: ResourceAssigned) -> None:
    if not is_new(draft, "assignment", event.assignment_id, event.version, event):
        return
    project = draft.project(event.project_id)
    others = tuple(one for one in project.assignments if one.assignment_id != event.assignment_id)
    here = () if draft.own is not None and event.project_id not in draft.own else (event,)
    draft.put_project(replace(project, assignments=(*others, *here), changed=True))
    rerate_person(draft, draft.contracts(), event.project_id, event.person_id)
    _retry_parked(draft)


def _retry_parked(draft: Draft) -> None:
    for entry_id in draft.entries.parked():
        retry(draft, entry_id)
