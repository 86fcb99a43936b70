"""What the part of an entry that went on from its line is worth on the next: its own rates there, and no cost, which the entry has."""

from domain.events.delivery import TimeApproved
from state.books import Entry, PartOf, Work
from state.draft import Draft
from state.terms.known import Blocked
from state.terms.plan import plan_on
from state.work.exchange_waits import Waited
from state.work.hour_terms import terms_on
from state.work.value_time import Sides, TimeToValue, left_out, price_of, unknown_worker


def value_part(
    draft: Draft, entry: Entry, event: TimeApproved, part_of: PartOf, standing: Work | None, waited: Waited
) -> Sides:
    """`event` names the line, the day and the hours; they were found with the entry's own price."""
    day, contract = event.worked_on, draft.contract_in_books(part_of.contract_id)
    assert day is not None, "the part has the day of its entry"
    plan = plan_on(draft, contract, day, event.line_id or "")
    if plan is None:
        message = f"contract {part_of.contract_id} has no line {event.line_id} on {day}"
        return Sides(None, None, Blocked("price", "no_contract_line", message, field="line_id"))
    project = draft.project(event.project_id)
    terms = terms_on(draft, event, project, plan, day)
    if terms.worker is None:
        return Sides(None, None, unknown_worker(draft, event.person_id, day)._replace(side="price"))
    part = TimeToValue(entry, event, project, terms, event.hours or 0, left_out(event), standing, waited)
    return Sides(None, None, price_of(draft, part))
