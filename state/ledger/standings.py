"""Where each journal that goes to an ERP stands there: to send, accepted, posted, rejected; replaced or withdrawn.

What the ERP answers is taken in any order and any number of times. That it posted a journal counts for good; of all else the highest
attempt counts, and of one attempt that it was rejected. An answer about a journal that was not made yet waits for it. Nothing posts.

A closed period of the ERP (R48): what it rejects for that leaves the books by a memo that mirrors it, on its own date, and is made
again, with the same lines, on the first open day after that period. Who takes the work back later takes the replacement back.

    31 May   Dr 1150 1,600.00  Cr 4000 1,600.00     replaced: the ERP's May is closed
    31 May   Dr 4000 1,600.00  Cr 1150 1,600.00     memo, never sent
    1 June   Dr 1150 1,600.00  Cr 4000 1,600.00     sent

What is taken back before the ERP has it need not go there at all: both are withdrawn, each by a memo. If the ERP has it after all, the
memo is undone by another, and a reversal that is sent takes it back there.

One reference a journal: an ERP that names two has it twice, and only people can take one of them back there.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.delivery.answers import ACCEPTED, ACCOUNT, PERIOD, POSTED
from domain.events.finance import PostingAccepted, PostingRejected
from domain.exceptions import UNKNOWN
from domain.identity import composed, derived_id
from domain.ledger.journal import ACCEPTED_AFTER_ALL, NEVER_ACCEPTED, debits, reversal_id
from domain.outputs import JournalEntry
from state import tallies
from state.books import JournalStanding
from state.draft import Draft
from state.terms.known import open_day_from, period

TO_SEND: Final = "to_send"
REJECTED: Final = "rejected"
REPLACED: Final = "replaced"
WITHDRAWN: Final = "withdrawn"
# Nothing more goes to the ERP.
GONE: Final = (REPLACED, WITHDRAWN)
EARLY: Final = "early_answer"
JOURNAL: Final = "journal"
TWICE: Final = "posted_twice"
REFUSED: Final = "posting_rejected"
UNMAPPED: Final = "unmapped_account"
# What an answer about nothing is about.
ANSWER: Final = "posting"

_RANKS: Final = {ACCEPTED: 1, REJECTED: 2}
_UNANSWERED: Final = JournalStanding("")


def publish(draft: Draft, record: JournalEntry) -> None:
    """Put a journal out; one that is delivered is to be sent, unless it was answered already."""
    if record.reverses is not None:
        record = _aimed(draft, record, record.reverses)
    draft.outputs.append(record)
    if record.deliver:
        _enter(draft, record)
        if record.reverses is not None and (reversed_one := draft.journal(record.reverses)) is not None:
            draft.journals[record.reverses] = replace(reversed_one, reversed_by=record.journal_id)


def _enter(draft: Draft, record: JournalEntry) -> None:
    lines, journal_id, contract_id, booked_on = (
        record.lines,
        record.journal_id,
        record.contract_id,
        record.accounting_date,
    )
    amount, currency = debits(lines), record.currency
    if not amount:
        # Exchange differences alone are nothing in their own currency.
        amount, currency = sum(max(line.ledger_amount, 0) for line in lines), record.ledger_currency
    project_id = lines[0].project_id if lines else None
    if project_id is None:
        project_id = next((line.project_id for line in lines if line.project_id is not None), None)
    sent = JournalStanding(TO_SEND, amount, currency, project_id, contract_id, record, booked_on=booked_on)
    early: JournalStanding | None = draft.part(EARLY, journal_id) if draft.has(EARLY) else None
    if early is None:
        draft.journals[journal_id] = sent
        _count(draft, None, sent)
        return
    stands = replace(
        early,
        amount=amount,
        currency=currency,
        project_id=project_id,
        contract_id=contract_id,
        record=record,
        booked_on=booked_on,
    )
    _put(draft, journal_id, None, replace(stands, standing=TO_SEND))
    draft.put(EARLY, journal_id, None)
    _forget_unknown(draft, journal_id, early)
    _move(draft, journal_id, replace(stands, standing=TO_SEND), stands)


def _aimed(draft: Draft, record: JournalEntry, reverses: str) -> JournalEntry:
    """Of what was replaced the replacement is taken back, no earlier than it was booked; of what the ERP rejected nothing goes there."""
    stands = draft.journal(reverses)
    while stands is not None and stands.replaced_by:
        reverses = stands.replaced_by
        stands = draft.journal(reverses)
    if stands is None:
        return record
    if reverses != record.reverses:
        assert stands.booked_on is not None, "a replacement was booked"
        day, name = _open_from(draft, record, max(record.accounting_date, stands.booked_on))
        record = record._replace(
            journal_id=reversal_id(
                draft.engagement_id, reverses, record.cause_kind, record.cause_id, record.cause_version
            ),
            reverses=reverses,
            accounting_date=day,
            period=name,
        )
    if stands.standing == REJECTED:
        gone = replace(stands, standing=WITHDRAWN, mirrored_by=record.journal_id)
        _put(draft, reverses, stands, gone)
        return record._replace(deliver=False)
    return record


def _open_from(draft: Draft, record: JournalEntry, day: date) -> tuple[date, str]:
    entity = draft.reference.known_entity(record.legal_entity_id)
    open_day = open_day_from(draft, entity, day)
    return open_day, period(draft, entity, open_day).name


def unmapped(draft: Draft, journal_ids: Iterable[str]) -> set[str]:
    """The exceptions that these journals are in because the chart does not map an account."""
    found = (draft.journal(each) for each in journal_ids)
    complaints = (_complaint(draft, "", stands) for stands in found if stands is not None and stands.because == ACCOUNT)
    return {each for each in complaints if each is not None}


def take(draft: Draft, journal_id: str, event: PostingAccepted | PostingRejected) -> None:
    """What the ERP answers about a journal."""
    known = draft.journal(journal_id)
    before = known or draft.part(EARLY, journal_id)
    after = _answered(before or _UNANSWERED, event)
    if after == before:
        return
    if known is not None:
        _move(draft, journal_id, known, after)
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
            said = _said(str(event.posted_on), event.period)
            return _taken(found, event) if _counts(had, (event.attempt, _RANKS[ACCEPTED], said)) else found
        case PostingAccepted():
            found = replace(had, posted=_with(had.posted, event))
            is_first = had.standing != POSTED or _place_of(event) < (
                had.posted[0],
                str(had.posted_on),
                had.period or "",
                had.attempt,
            )
            return _taken(found, event) if is_first else found
        case PostingRejected():
            said = _said(event.because, event.code, event.message, event.field)
            is_news = had.standing not in GONE and _counts(had, (event.attempt, _RANKS[REJECTED], said))
            return _rejected(had, event) if is_news else had


def _place_of(event: PostingAccepted) -> tuple[str, str, str, int]:
    return _reference(event), str(event.posted_on), event.period or "", event.attempt


def _counts(had: JournalStanding, answer: tuple[int, int, str]) -> bool:
    """Whether an answer counts more than the one that counts so far; of two that contradict each other always the same one does."""
    if had.because:
        # Also what left the books for it.
        rank, said = _RANKS[REJECTED], _said(had.because, had.code, had.message, had.field)
    elif had.standing == ACCEPTED:
        rank, said = _RANKS[ACCEPTED], _said(str(had.posted_on), had.period)
    else:
        rank, said = 0, ""
    return had.standing != POSTED and answer > (had.attempt, rank, said)


def _said(*words: str | None) -> str:
    return "\x1f".join(word or "" for word in words)


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


def _move(draft: Draft, journal_id: str, before: JournalStanding, after: JournalStanding) -> None:
    if after.standing == REJECTED:
        after = _answer_to_rejection(draft, after)
    _put(draft, journal_id, before, after)
    if before.standing in GONE and after.standing not in GONE:
        _take_back(draft, journal_id, before, after)


def _answer_to_rejection(draft: Draft, stands: JournalStanding) -> JournalStanding:
    """What was taken back meanwhile need not go; what only its period keeps out goes with the next one."""
    other_id, other = _counterpart(draft, stands)
    if other is None:
        return _replaced(draft, stands) if stands.because == PERIOD else stands
    # A reversal leaves before what it takes back.
    if other_id == stands.reversed_by:
        _put(draft, other_id, other, _withdrawn(draft, other))
        return _withdrawn(draft, stands)
    gone = _withdrawn(draft, stands)
    _put(draft, other_id, other, _withdrawn(draft, other))
    return gone


def _counterpart(draft: Draft, stands: JournalStanding) -> tuple[str, JournalStanding | None]:
    """What takes the journal back, or what it takes back, where the ERP has none of both."""
    other = draft.journal(stands.reversed_by) if stands.reversed_by else None
    if other is not None and other.standing in (TO_SEND, REJECTED):
        return stands.reversed_by, other
    reverses = stands.record.reverses if stands.record is not None else None
    other = draft.journal(reverses) if reverses is not None else None
    return reverses or "", other if other is not None and other.standing == REJECTED else None


def _withdrawn(draft: Draft, stands: JournalStanding) -> JournalStanding:
    return replace(stands, standing=WITHDRAWN, mirrored_by=_leave(draft, stands))


def _replaced(draft: Draft, stands: JournalStanding) -> JournalStanding:
    """On the first open day after the period that is closed in the ERP, with the same lines."""
    record = stands.record
    assert record is not None, "a journal that is not posted is kept"
    memo = _leave(draft, stands)
    entity = draft.reference.known_entity(record.legal_entity_id)
    own = period(draft, entity, record.accounting_date)
    day, name = _open_from(draft, record, own.to)
    cause = draft.cause
    again = record._replace(
        journal_id=derived_id(draft.engagement_id, record.journal_id, "replacement"),
        accounting_date=day,
        period=name,
        cause_kind=cause.kind,
        cause_id=cause.id,
        cause_version=cause.version,
        replaces=record.journal_id,
    )
    draft.emit(again)
    _enter(draft, again)
    if record.reverses is not None and (reversed_one := draft.journal(record.reverses)) is not None:
        draft.journals[record.reverses] = replace(reversed_one, reversed_by=again.journal_id)
    return replace(stands, standing=REPLACED, replaced_by=again.journal_id, mirrored_by=memo)


def _leave(draft: Draft, stands: JournalStanding) -> str:
    """Out of the books on its own date, also where that is closed by now: the ERP never had it in that period."""
    assert stands.record is not None, "a journal that is not posted is kept"
    memo = _mirror(draft, stands.record, NEVER_ACCEPTED, stands.mirrored_by)
    draft.emit(memo)
    return memo.journal_id


def _take_back(draft: Draft, journal_id: str, before: JournalStanding, after: JournalStanding) -> None:
    """The ERP has what it was never to have: the memo is undone, and a reversal goes there."""
    record = before.record
    assert record is not None, "what left the books is kept"
    day, name = _open_from(draft, record, max(record.accounting_date, after.posted_on or record.accounting_date))
    back = _mirror(draft, record, ACCEPTED_AFTER_ALL, before.mirrored_by)._replace(
        accounting_date=day, period=name, deliver=True
    )
    again = back._replace(
        journal_id=derived_id(draft.engagement_id, before.mirrored_by, ACCEPTED_AFTER_ALL),
        lines=record.lines,
        reverses=before.mirrored_by,
        deliver=False,
    )
    draft.emit(again)
    draft.emit(back)
    _enter(draft, back)
    draft.journals[journal_id] = replace(draft.journals[journal_id], reversed_by=back.journal_id)


def _mirror(draft: Draft, record: JournalEntry, rule: str, former: str) -> JournalEntry:
    """A memo with the opposite lines, named after the journal and its former memo, whatever brought it about."""
    cause = draft.cause
    lines = (line._replace(amount=-line.amount, ledger_amount=-line.ledger_amount) for line in record.lines)
    return record._replace(
        journal_id=derived_id(draft.engagement_id, record.journal_id, rule, former),
        kind="reversal",
        rule=rule,
        cause_kind=cause.kind,
        cause_id=cause.id,
        cause_version=cause.version,
        deliver=False,
        lines=tuple(lines),
        reverses=record.journal_id,
        replaces=None,
    )


def _put(draft: Draft, journal_id: str, before: JournalStanding | None, after: JournalStanding) -> None:
    """Where the journal stands now, and what people hear of that."""
    _keep(draft, journal_id, before, after)
    _raise_rejected(draft, journal_id, before, after)
    _raise_twice(draft, journal_id, after)


def _keep(draft: Draft, journal_id: str, before: JournalStanding | None, after: JournalStanding) -> None:
    """The journal itself is kept for as long as it may have to be mirrored."""
    draft.journals[journal_id] = replace(after, record=None) if after.standing == POSTED else after
    _count(draft, before, after)


def _count(draft: Draft, before: JournalStanding | None, after: JournalStanding) -> None:
    if after.project_id is None or (before is not None and before.standing == after.standing):
        return
    standings = draft.moved(after.project_id).standings
    for stands, sign in ((after, 1),) if before is None else ((before, -1), (after, 1)):
        key = f"{stands.standing}|{stands.currency}"
        count, amount = standings.pop(key, (0, 0))
        if count + sign:
            standings[key] = count + sign, amount + sign * stands.amount


def _raise_rejected(draft: Draft, journal_id: str, before: JournalStanding | None, after: JournalStanding) -> None:
    was, now = _complaint(draft, journal_id, before), _complaint(draft, journal_id, after)
    if was is not None and was != now:
        assert before is not None, "what was complained of was known"
        reason = "superseded" if after.standing in GONE else "resolved"
        tallies.take(draft, was, journal_id, before.amount, before.currency, reason)
    if now is None:
        return
    if after.because == ACCOUNT:
        if now != was:
            _raise_unmapped(draft, journal_id, after)
        return
    rejected = f"{after.erp} rejects journal {journal_id}: {after.code} {after.message}"
    draft.raise_exception(
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
        revises=True,
    )


def _complaint(draft: Draft, journal_id: str, stands: JournalStanding | None) -> str | None:
    """The exception that a rejected journal is in."""
    if stands is None or stands.standing != REJECTED:
        return None
    if stands.because != ACCOUNT:
        return draft.exception_id(REFUSED, JOURNAL, journal_id)
    return draft.exception_id(UNMAPPED, "account", _account(stands) + _side(stands))


def _account(stands: JournalStanding) -> str:
    """Company and account: charts of accounts are a company's."""
    assert stands.record is not None, "a journal that is not posted is kept"
    return composed(stands.record.legal_entity_id, stands.field or stands.code)


def _side(stands: JournalStanding) -> str:
    """Its money is in one currency."""
    return f"/{stands.project_id or ''}/{stands.currency}"


def _raise_unmapped(draft: Draft, journal_id: str, stands: JournalStanding) -> None:
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


def _raise_twice(draft: Draft, journal_id: str, stands: JournalStanding) -> None:
    references = max(stands.posted, stands.accepted, key=len)
    if len(references) < 2:
        return
    message = (
        f"journal {journal_id} was made once and stands in the ERP {len(references)} times: {', '.join(references)}"
    )
    draft.raise_exception(
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
        revises=True,
    )
