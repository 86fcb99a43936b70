"""What an ERP answers to the journals that it is sent: alone or in batches, of which an engagement takes its own."""

from domain.delivery.answers import journals_of
from domain.events.finance import PostingAccepted, PostingRejected
from state import tallies
from state.draft import Draft
from state.ledger import standings


def on_posting_answered(draft: Draft, event: PostingAccepted | PostingRejected) -> None:
    journals = tuple(dict.fromkeys(journals_of(event) if draft.own is None else draft.own))
    waited_for = standings.unmapped(draft, journals)
    for journal_id in journals:
        standings.take(draft, journal_id, event)
    # Not at the day's end: money that cannot go is compared with what delivery says of it.
    for exception_id in sorted(waited_for | standings.unmapped(draft, journals)):
        tallies.publish(draft, exception_id)
