"""What a call's outcome makes of a document."""

from __future__ import annotations

from typing import Final

from domain.delivery import answers, standings
from domain.delivery.answers import Rejection, first_fault
from domain.delivery.documents import Document, InvoiceDocument
from domain.delivery.outcomes import (
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.delivery.pace import back_off, seconds
from domain.delivery.rows import StandingRows
from domain.delivery.standings import Standing
from domain.units import Instant

FIRST_POLL_SECONDS: Final = 5
LONGEST_POLL_SECONDS: Final = 900
# Of a rejection: the ERP has the invoice, and says of it what no event can hold.
OUT_OF_BOUNDS: Final = "OUT_OF_BOUNDS"
# What becomes unknown within so long is looked up in one call.
LOOKED_UP_TOGETHER_SECONDS: Final = 1


def became(rows: StandingRows, standing: Standing, outcome: Outcome, now: Instant) -> None:
    if isinstance(outcome, Taken) and (fault := first_fault(standing.document, outcome)) is not None:
        outcome = _out_of_bounds(standing.document, outcome, *fault)
    match outcome:
        case Taken():
            state = standings.POSTED if outcome.is_posted else standings.ACCEPTED
            said = standing._replace(state=state, taken=outcome, not_before=0)
            if state == standings.POSTED:
                rows.update(said._replace(failures=0))
            else:
                failures = standing.failures if standing.state == standings.ACCEPTED else 0
                rows.wait(said._replace(failures=failures), poll_at(now, failures))
        case Submitted(ticket):
            sent = standing._replace(state=standings.SUBMITTED, ticket=ticket, failures=0)
            rows.wait(sent, now + poll_wait(0))
        case Throttled() | NotSent():
            rows.ready_again(standing)
        case Uncertain():
            # Sending may take several calls: the last may have begun just now, and has its effect later.
            unknown = standing._replace(state=standings.UNKNOWN, since=now)
            rows.wait(unknown, together(now + back_off(standing.failures)))
        case RejectedData(code, message, field):
            why = Rejection(answers.DATA, code, message, field)
            _rejected(rows, standing, why)
        case RejectedPeriod(code, message):
            _rejected(rows, standing, Rejection(answers.PERIOD, code, message))


def _rejected(rows: StandingRows, standing: Standing, why: Rejection) -> None:
    """Also of what was accepted before: it is not there any more."""
    rows.update(standing._replace(state=standings.REJECTED, rejection=why, taken=None, not_before=0))


def _out_of_bounds(document: Document, taken: Taken, field: str, fault: str) -> RejectedData | Uncertain:
    """A journal is asked for again until it is corrected: rejected it would be halved, and its halves sent beside it."""
    message = f"the ERP has it as {taken.reference} with {field}: {fault}; correct it there"
    if isinstance(document, InvoiceDocument):
        return RejectedData(OUT_OF_BOUNDS, message, field)
    return Uncertain(message)


def missing(rows: StandingRows, standing: Standing, asked_at: Instant, now: Instant, call_seconds: float) -> None:
    """`asked_at` is when the look-up began, `call_seconds` how long a call may have an effect after its end."""
    if standing.state == standings.ACCEPTED:
        # Reconciliation says that it is gone; sent again it might stand there twice.
        rows.wait(standing, poll_at(now, standing.failures))
        return
    believed_from = standing.since + seconds(call_seconds)
    if asked_at < believed_from:
        rows.wait(standing._replace(failures=0), together(believed_from))
    else:
        rows.ready_again(standing._replace(attempt=standing.attempt + 1))


def poll_wait(times: int) -> Instant:
    return seconds(min(FIRST_POLL_SECONDS * 2 ** min(times, 20), LONGEST_POLL_SECONDS))


def together(at: Instant) -> Instant:
    return _on_the_stroke(at, seconds(LOOKED_UP_TOGETHER_SECONDS))


def poll_at(now: Instant, times: int) -> Instant:
    return _on_the_stroke(now + poll_wait(times), seconds(FIRST_POLL_SECONDS))


def _on_the_stroke(at: Instant, stroke: Instant) -> Instant:
    """Not before `at`, so that documents which the ERP took one after another are asked for in one call."""
    return -(-at // stroke) * stroke
