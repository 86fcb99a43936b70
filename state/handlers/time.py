"""Approved time and its withdrawal (`state/rerating/versions.py` has what becomes of any work)."""

from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.work.rows import TIME_ENTRY, row_id
from state.books import Work
from state.draft import Draft
from state.rerating.versions import take, withdraw


def on_time_approved(draft: Draft, event: TimeApproved) -> None:
    """A version for a project of another engagement, which intake notices, counts for nothing here."""
    if draft.own == ():
        withdraw(draft, row_id(TIME_ENTRY, event.entry_id), event.version)
        return
    take(draft, row_id(TIME_ENTRY, event.entry_id), Work(event, draft.cause.log_offset))


def on_time_withdrawn(draft: Draft, event: TimeWithdrawn) -> None:
    withdraw(draft, row_id(TIME_ENTRY, event.entry_id), event.version)
