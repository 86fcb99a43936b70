"""Where each journal that goes to an ERP stands there: to send, accepted, posted or rejected.

What the ERP answers is taken in any order and any number of times. That it posted a journal counts for good; of all else the highest
attempt counts, and of one attempt that it was rejected. An answer about a journal that was not made yet waits for it. Nothing posts.

One reference a journal: an ERP that names two has it twice, and only people can take one of them back there.
"""

from typing import Final

from msgspec.structs import replace

from domain.events.finance import PostingAccepted, PostingRejected
from domain.identity import composed
from domain.outputs import JournalEntry
from domain.units import Amount
from state import tallies
from state.books import JournalStanding, OpenException
from state.draft import Draft

TO_SEND: Final = "to_send"
ACCEPTED: Final = "accepted"
POSTED: Final = "posted"
REJECTED: Final = "rejected"
# Why the ERP, or its chart of accounts, rejects a journal.
BY_DATA: Final = "data"
BY_ACCOUNT: Final = "account"
EARLY: Final = "early_answer"
JOURNAL: Final = "journal"
TWICE: Final = "posted_twice"
REFUSED: Final = "posting_rejected"
UNMAPPED: Final = "unmapped_account"
UNKNOWN: Final = "unknown_reference"
# What an answer about nothing is about.
ANSWER: Final = "posting"

_RANKS: Final = {ACCEPTED: 1, REJECTED: 2}
_UNANSWERED: Final = JournalStanding("")


def publish(draft: Draft, record: JournalEntry) -> None:
    """Put a journal out; one that is delivered is to be sent, unless it was answered already."""
    draft.emit(record)
    if not record.deliver:
        return
    early: JournalStanding | None = draft.part(EARLY, record.journal_id)
    stands = replace(
        early or _UNANSWERED,
        standing=early.standing if early is not None else TO_SEND,
        amount=debits(record),
        currency=record.currency,
        project_id=next((line.project_id for line in record.lines if line.project_id is not None), None),
        contract_id=record.contract_id,
        record=record,
    )
    _put(draft, record.journal_id, None, stands)
    if early is not None:
        draft.put(EARLY, record.journal_id, None)
        _forget_unknown(draft, record.journal_id, early)


def debits(record: JournalEntry) -> Amount:
    return sum(line.amount for line in record.lines if line.amount > 0)


def take(draft: Draft, journal_id: str, event: PostingAccepted | PostingRejected) -> None:
    """What the ERP answers about a journal."""
    known = draft.journal(journal_id)
    before = known or draft.part(EARLY, journal_id)
    after = _answered(before or _UNANSWERED, event)
    if after == before:
        return
    if known is not None:
        _put(draft, journal_id, known, after)
        return
    draft.put(EARLY, journal_id, after)
    if before is not None and before.erp == after.erp:
        return
    if before is not None:
        _forget_unknown(draft, journal_id, before)
    message = (
        f"{after.erp} answers for journal {journal_id}, which these books have never sent: "
        "an answer of another generation, or under a wrong id"
    )
    tallies.add(draft, UNKNOWN, ANSWER, after.erp, message, journal_id, 0, None, field="journal_id")


def _forget_unknown(draft: Draft, journal_id: str, early: JournalStanding) -> None:
    tallies.take(draft, draft.exception_id(UNKNOWN, ANSWER, early.erp), journal_id, 0, None, "resolved")


def _answered(had: JournalStanding, event: PostingAccepted | PostingRejected) -> JournalStanding:
    match event:
        case PostingAccepted(state="accepted"):
            found = replace(had, accepted=_with(had.accepted, event))
            return _taken(found, event) if _counts(had, (event.attempt, _RANKS[ACCEPTED], "")) else found
        case PostingAccepted():
            found = replace(had, posted=_with(had.posted, event))
            first = found.posted[0] == _reference(event)
            return _taken(found, event) if had.standing != POSTED or (first and found.posted != had.posted) else found
        case PostingRejected():
            said = "\x1f".join((event.because, event.code, event.message, event.field or ""))
            return _rejected(had, event) if _counts(had, (event.attempt, _RANKS[REJECTED], said)) else had


def _counts(had: JournalStanding, answer: tuple[int, int, str]) -> bool:
    """Whether an answer is newer than the one that counts so far."""
    said = "\x1f".join((had.because, had.code, had.message, had.field or "")) if had.standing == REJECTED else ""
    return had.standing != POSTED and answer > (had.attempt, _RANKS.get(had.standing, 0), said)


def _taken(had: JournalStanding, event: PostingAccepted) -> JournalStanding:
    return replace(
        had,
        standing=event.state,
        attempt=event.attempt,
        erp=event.erp,
        posted_on=event.posted_on,
        period=event.period,
        because="",
        code="",
        message="",
        field=None,
    )


def _rejected(had: JournalStanding, event: PostingRejected) -> JournalStanding:
    return replace(
        had,
        standing=REJECTED,
        attempt=event.attempt,
        erp=event.erp,
        posted_on=None,
        period=None,
        because=event.because,
        code=event.code,
        message=event.message,
        field=event.field,
    )


def _with(references: tuple[str, ...], event: PostingAccepted) -> tuple[str, ...]:
    return tuple(sorted({*references, _reference(event)}))


def _reference(event: PostingAccepted) -> str:
    return f"{event.erp} {event.erp_reference}"


# What follows from it


def _put(draft: Draft, journal_id: str, before: JournalStanding | None, after: JournalStanding) -> None:
    """The journal itself is kept for as long as it may have to be mirrored."""
    draft.journals[journal_id] = replace(after, record=None) if after.standing == POSTED else after
    _count(draft, before, after)
    _tell_rejected(draft, journal_id, before, after)
    _tell_twice(draft, journal_id, after)


def _count(draft: Draft, before: JournalStanding | None, after: JournalStanding) -> None:
    if after.project_id is None or (before is not None and before.standing == after.standing):
        return
    project = draft.project(after.project_id)
    standings = dict(project.standings)
    for stands, sign in ((before, -1), (after, 1)):
        if stands is not None:
            key = f"{stands.standing}|{stands.currency}"
            count, amount = standings.pop(key, (0, 0))
            if count + sign:
                standings[key] = count + sign, amount + sign * stands.amount
    draft.put_project(replace(project, standings=standings, changed=True))


def _tell_rejected(draft: Draft, journal_id: str, before: JournalStanding | None, after: JournalStanding) -> None:
    was, now = _complaint(draft, journal_id, before), _complaint(draft, journal_id, after)
    if was is not None and was != now:
        assert before is not None, "what was complained of was known"
        tallies.take(draft, was, journal_id, before.amount, before.currency, "resolved")
    if now is None:
        return
    if after.because == BY_ACCOUNT:
        if now != was:
            _tell_unmapped(draft, journal_id, after)
        return
    rejected = f"{after.erp} rejects journal {journal_id}: {after.code} {after.message}"
    noted: OpenException | None = draft.part("exception", now)
    if noted is None:
        draft.note(
            REFUSED,
            JOURNAL,
            journal_id,
            rejected,
            project_id=after.project_id,
            contract_id=after.contract_id,
            field=after.field,
            amount=after.amount,
            currency=after.currency,
            entries=(journal_id,),
        )
    elif noted.message != rejected:
        draft.revise_note(replace(noted, message=rejected, field=after.field))


def _complaint(draft: Draft, journal_id: str, stands: JournalStanding | None) -> str | None:
    """The exception that a rejected journal is in."""
    if stands is None or stands.standing != REJECTED:
        return None
    if stands.because != BY_ACCOUNT:
        return draft.exception_id(REFUSED, JOURNAL, journal_id)
    return draft.exception_id(UNMAPPED, "account", _account(stands) + _side(stands))


def _account(stands: JournalStanding) -> str:
    """Company and account: charts of accounts are a company's."""
    assert stands.record is not None, "a journal that is not posted is kept"
    return composed(stands.record.legal_entity_id, stands.field or stands.code)


def _side(stands: JournalStanding) -> str:
    return f"/{stands.project_id or ''}"


def _tell_unmapped(draft: Draft, journal_id: str, stands: JournalStanding) -> None:
    assert stands.record is not None, "a journal that is not posted is kept"
    account, entity_id = stands.field or stands.code, stands.record.legal_entity_id
    tallies.add(
        draft,
        UNMAPPED,
        "account",
        _account(stands),
        f"the chart of {entity_id} has no account of {stands.erp} for {account}: {stands.message}; its journals wait",
        journal_id,
        stands.amount,
        stands.currency,
        side=_side(stands),
        project_id=stands.project_id,
        contract_id=stands.contract_id,
        field=stands.field,
    )


def _tell_twice(draft: Draft, journal_id: str, stands: JournalStanding) -> None:
    references = max(stands.posted, stands.accepted, key=len)
    if len(references) < 2:
        return
    message = (
        f"journal {journal_id} was made once and stands in the ERP {len(references)} times: {', '.join(references)}"
    )
    noted: OpenException | None = draft.part("exception", draft.exception_id(TWICE, JOURNAL, journal_id))
    if noted is None:
        draft.note(
            TWICE,
            JOURNAL,
            journal_id,
            message,
            project_id=stands.project_id,
            contract_id=stands.contract_id,
            field="erp_reference",
            amount=stands.amount,
            currency=stands.currency,
            entries=(journal_id,),
        )
    elif noted.message != message:
        draft.revise_note(replace(noted, message=message))
