"""What an ERP answers to the journals that it is sent: alone or in batches, of which an engagement takes its own."""

from domain.delivery.answers import journals_of
from domain.events.finance import PostingAccepted, PostingRejected
from state import standings
from state.draft import Draft


def on_posting_answered(draft: Draft, event: PostingAccepted | PostingRejected) -> None:
    for journal_id in dict.fromkeys(journals_of(event) if draft.own is None else draft.own):
        standings.take(draft, journal_id, event)
