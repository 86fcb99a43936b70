"""What becomes of drafts that wait for approval: most are approved within days, every so many is returned at first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.events.control import StatementApproved, StatementReturned
from domain.identity import engagement_of
from domain.outputs import BillingStatement
from domain.units import Instant
from simulation.calendar import HOUR, SECOND, instant, nth_workday
from simulation.chance import between, stream
from simulation.receivables import finance_of
from simulation.sources import PSA, stamped

# Every so many decisions, counted over all rounds.
RETURNED = (9, 4)
WORKDAYS_TO_DECIDE = (1, 3)
REASONS = (
    "the customer has not accepted the hours of the last week",
    "a trip is missing",
    "rates are under negotiation",
)

Decision = StatementApproved | StatementReturned


def decisions(drafts: Sequence[tuple[BillingStatement, date]], before: int, seed: int) -> Iterator[Decision]:
    """One for each draft, with the day on which it was made; a second revision is always approved."""
    for number, (draft, made_on) in enumerate(drafts, start=before + 1):
        random = stream(seed, f"draft/{draft.statement_id}/{draft.revision}")
        day = nth_workday(made_on + timedelta(days=1), between(random, *WORKDAYS_TO_DECIDE))
        at = instant(day, 10 * HOUR, "UTC") + number % 7200 * SECOND
        if number % RETURNED[0] == RETURNED[1] and draft.revision == 1:
            yield returned(draft, at, REASONS[number % len(REASONS)])
        else:
            yield approved(draft, at)


def approved(draft: BillingStatement, at: Instant) -> StatementApproved:
    asks, approves = finance_of(draft)
    return StatementApproved(
        **stamped(PSA, f"{draft.statement_id}-{draft.revision}-approved", at),
        statement_id=draft.statement_id,
        revision=draft.revision,
        approved_by=approves,
        engagement_id=engagement_of(draft.statement_id),
        requested_by=asks,
    )


def returned(draft: BillingStatement, at: Instant, reason: str) -> StatementReturned:
    _, approves = finance_of(draft)
    return StatementReturned(
        **stamped(PSA, f"{draft.statement_id}-{draft.revision}-returned", at),
        statement_id=draft.statement_id,
        revision=draft.revision,
        reason=reason,
        engagement_id=engagement_of(draft.statement_id),
        requested_by=approves,
    )
