"""Projects: activated, closed, people assigned."""

from datetime import date

from msgspec.structs import replace

from domain.events.delivery import ProjectActivated, ProjectClosed, ResourceAssigned
from state.books import Project
from state.draft import Draft
from state.facts import is_late, is_new
from state.rerating.rerate import rerate_person
from state.rerating.versions import charge_company, retry_parked


def on_project_activated(draft: Draft, event: ProjectActivated) -> None:
    """A closing of a higher version says nothing of name, company and dates: what comes after it stands, and the project stays closed."""
    project = draft.project(event.project_id)
    if is_new(draft, "project", event.project_id, event.version, event):
        project = replace(project, closed_on=None)
    elif not _stands_below(draft, project, event):
        return
    entity = draft.reference.entity(event.legal_entity_id)
    zone = entity.zone if entity is not None else project.zone
    draft.put_project(replace(project, activated=event, zone=zone, changed=True))
    retry_parked(draft)
    charge_company(draft, event)


def _stands_below(draft: Draft, project: Project, event: ProjectActivated) -> bool:
    known = project.activated.version if project.activated is not None else 0
    return known < event.version and is_late(draft, "project", event.project_id, event.version)


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
    days: dict[tuple[str, str], list[tuple[date, date | None]]] = {}
    for one in stated:
        days.setdefault((one.project_id, one.person_id), []).append((one.starts_on, one.ends_on))
    for (project_id, person_id), periods in days.items():
        rerate_person(draft, draft.contracts(), project_id, person_id, periods)
    retry_parked(draft, {one.person_id for one in stated})


def _take_out(draft: Draft, project_id: str, assignment_id: str) -> tuple[ResourceAssigned, ...]:
    """The version of the assignment that stands on the project, which it leaves."""
    stated = draft.assignments(project_id)
    former = tuple(one for one in stated if one.assignment_id == assignment_id)
    if former:
        draft.put_assignments(project_id, tuple(one for one in stated if one.assignment_id != assignment_id))
    return former
