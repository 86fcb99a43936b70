"""Variable parts of a price: estimated otherwise, or settled. What is earned and charged of them follows as from other terms."""

from domain.events.commercial import VariableConsiderationRevised
from domain.exceptions import SELF_APPROVED, ExceptionCategory
from domain.identity import composed
from domain.refusals import UNSUPPORTED, words_of
from domain.revenue.allocation import Revision
from state.books import ItemRevisions
from state.charges.unplaced import ITEM, note_item
from state.draft import Draft
from state.facts import is_late, is_new


def on_variable_consideration_revised(draft: Draft, event: VariableConsiderationRevised) -> None:
    """A lower version that comes late counts for its day; of one that nobody else approved nothing does."""
    part_id = composed(event.contract_id, event.line_id, event.item_id)
    known: ItemRevisions = draft.part(ITEM, part_id) or ItemRevisions()
    is_newest = is_new(draft, ITEM, part_id, event.version, event)
    is_known = any(event.version == one.version for one in known.said)
    if not is_newest and (is_known or not is_late(draft, ITEM, part_id, event.version)):
        return
    if is_newest:
        draft.resolve_exception(SELF_APPROVED, ITEM, part_id, "superseded")
        draft.resolve_exception(UNSUPPORTED, ITEM, part_id, "superseded")
    if (why := _refused(event)) is not None:
        if is_newest:
            _refuse(draft, event, part_id, *why)
        return
    revision = Revision(event.version, event.as_of, event.included, event.amount, event.outcomes, event.settled)
    revised = ItemRevisions(tuple(sorted((*known.said, revision), key=lambda one: one.version)))
    draft.put(ITEM, part_id, revised)
    note_item(draft, part_id, revised)


def _refused(event: VariableConsiderationRevised) -> tuple[ExceptionCategory, str, str] | None:
    """Category, field and why."""
    if event.approved_by == event.requested_by:
        return SELF_APPROVED, "approved_by", f"{event.requested_by} asked for it and approved it"
    if event.expected_unit_price is not None:
        return UNSUPPORTED, "expected_unit_price", words_of("expected_unit_price", item=event.item_id)
    return None


def _refuse(
    draft: Draft, event: VariableConsiderationRevised, part_id: str, category: ExceptionCategory, field: str, why: str
) -> None:
    """What was said before holds until a higher version says otherwise."""
    draft.raise_exception(
        category,
        ITEM,
        part_id,
        f"version {event.version} of {part_id} changes nothing: {why}",
        project_id=event.project_id,
        contract_id=event.contract_id,
        person_id=event.requested_by if category == SELF_APPROVED else None,
        field=field,
    )
