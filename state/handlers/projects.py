"""Projects: activated, closed, people assigned."""

from msgspec.structs import replace

from domain.events.delivery import ProjectActivated, ProjectClosed, ResourceAssigned
from state.draft import Draft
from state.facts import is_new
from state.handlers.time import retry_parked
from state.rerate import rerate_person


def on_project_activated(draft: Draft, event: ProjectActivated) -> None:
    if not is_new(draft, "project", event.project_id, event.version, event):
        return
    project = draft.project(event.project_id)
    entity = draft.reference.entity(event.legal_entity_id)
    zone = entity.zone if entity is not None else project.zone
    draft.put_project(replace(project, activated=event, closed_on=None, zone=zone, changed=True))
    retry_parked(draft)


def on_project_closed(draft: Draft, event: ProjectClosed) -> None:
    if is_new(draft, "project", event.project_id, event.version, event):
        draft.put_project(replace(draft.project(event.project_id), closed_on=event.ends_on, changed=True))
        retry_parked(draft)


def on_resource_assigned(draft: Draft, event: ResourceAssigned) -> None:
    if not is_new(draft, "assignment", event.assignment_id, event.version, event):
        return
    project = draft.project(event.project_id)
    others = tuple(one for one in project.assignments if one.assignment_id != event.assignment_id)
    former = next((one for one in project.assignments if one.assignment_id == event.assignment_id), event)
    here = () if draft.own is not None and event.project_id not in draft.own else (event,)
    draft.put_project(replace(project, assignments=(*others, *here), changed=True))
    for person_id in dict.fromkeys((former.person_id, event.person_id)):
        ends = None if former.ends_on is None or event.ends_on is None else max(former.ends_on, event.ends_on)
        starts = min(former.starts_on, event.starts_on)
        rerate_person(draft, draft.contracts(), event.project_id, person_id, starts, ends)
    retry_parked(draft)
