"""Journals that are to be delivered and that the ERP has not got, each with the reason, by outputs and answers alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.delivery import answers, standings
from domain.delivery.chart import Unmapped
from domain.delivery.groups import JournalGroup
from domain.delivery.standings import REFUSED, REPLACED, TO_SEND, UNMAPPED, WAITING, Parcel
from domain.events.finance import PostingAccepted, PostingRejected
from domain.ledger.journal import debits
from domain.outputs import JournalEntry
from domain.units import Amount

UNANSWERED: Final = "not sent yet, or not answered"
PERIOD_REFUSED: Final = "the ERP refused its period; the next run posts it in the first open one"
FREE: Final = "not sent yet: the ERP was away, or delivery was stopped"
AFTER_OTHER: Final = "goes after what it reverses"
AFTER_POSTING: Final = "what it reverses is accepted and not posted yet"
AFTER_REJECTED: Final = "what it reverses is rejected"
AFTER_CHART: Final = "what it reverses waits for the chart"
AFTER_ITS_DAY: Final = "what it reverses waits for its day or accounting period to end"
AFTER_REVISION: Final = "goes once it is certain that no earlier revision is in the ERP"
AFTER_REPLACEMENT: Final = "what it reverses was refused for its period; the next run replaces it"

# Of several the one that takes longest to go away is named.
_ORDER: Final = (AFTER_OTHER, AFTER_POSTING, AFTER_CHART, AFTER_REJECTED)


class Absent(NamedTuple):
    """`standing` is waiting, to_send, unmapped, rejected or replaced; `until` is the day or accounting period that has to end first.

    `key` is that of the document that it would be in, as far as that is known.
    """

    journal: JournalEntry
    standing: str
    why: str
    key: str = ""
    until: str = ""

    @property
    def debits(self) -> Amount:
        return debits(self.journal.lines)


def absent(
    waits: Iterable[tuple[JournalEntry, str]],
    groups: Iterable[JournalGroup],
    answered: Mapping[str, PostingAccepted | PostingRejected],
    withdrawn: frozenset[str],
    lacks: Callable[[JournalGroup], Iterable[Unmapped]],
) -> Iterator[Absent]:
    """`withdrawn` are journals that the books have taken back; `lacks` says what the chart has no place for."""
    for journal, until in waits:
        yield Absent(
            journal, WAITING, f"until {until} is over" if until else "until its first day is over", until=until
        )
    groups = list(groups)
    replaced_by = {each.replaces: each.journal_id for group in groups for each in group.members if each.replaces}
    for group in groups:
        left = [each for each in group.members if each.journal_id not in withdrawn]
        unanswered = [each for each in left if each.journal_id not in answered]
        missing = {name: str(each) for each in (lacks(group) if unanswered else ()) for name in each.journals}
        for each in left:
            answer = answered.get(each.journal_id)
            if isinstance(answer, PostingRejected):
                yield _rejected(each, answer)
            elif answer is None and each.journal_id in missing:
                yield Absent(each, UNMAPPED, missing[each.journal_id], group.key)
            elif answer is None:
                original = replaced_by.get(each.reverses or "", each.reverses)
                is_here = original in group.ids and original not in answered
                yield Absent(each, TO_SEND, UNANSWERED if is_here else _why(original, answered), group.key)


def _rejected(journal: JournalEntry, answer: PostingRejected) -> Absent:
    key = answer.batch_id or ""
    match answer.because:
        case answers.PERIOD:
            return Absent(journal, REPLACED, PERIOD_REFUSED, key)
        case answers.ACCOUNT:
            return Absent(journal, UNMAPPED, answer.message, key)
        case _:
            return Absent(journal, REFUSED, in_its_words(answer.code, answer.message), key)


def in_its_words(code: str, message: str) -> str:
    """What the ERP says is wrong."""
    return message if code in message else f"{code} {message}".strip()


def _why(original: str | None, answered: Mapping[str, PostingAccepted | PostingRejected]) -> str:
    """Of a journal that reverses `original`, or nothing."""
    if original is None:
        return UNANSWERED
    match answered.get(original):
        case None:
            return AFTER_OTHER
        case PostingAccepted(state=answers.POSTED):
            return UNANSWERED
        case PostingAccepted():
            return AFTER_POSTING
        case PostingRejected(because=answers.PERIOD):
            return AFTER_REPLACEMENT
        case PostingRejected(because=answers.ACCOUNT):
            return AFTER_CHART
        case PostingRejected():
            return AFTER_REJECTED


def why_to_send(
    parcels: Sequence[Parcel], closed: Mapping[str, str], to_come: Collection[str] = frozenset()
) -> dict[int, str]:
    """Why a parcel that is to be sent has not gone: what it waits for, from rows that a store keeps.

    By the parcel's number, of those that are to be sent. `closed` as a store keeps it, `to_come` wait for a day or period to end.
    """
    holder = {member: each for each in parcels for member in each.members}
    replaced_by = {replaced: member for each in parcels for member, replaced in each.replaces}
    found = {}
    for parcel in parcels:
        if parcel.state != standings.TO_SEND:
            continue
        if any(each in holder for each in parcel.supersedes):
            found[parcel.number] = AFTER_REVISION
            continue
        originals = [replaced_by.get(original, original) for _, original in parcel.reverses]
        if any(closed.get(each) for each in originals):
            found[parcel.number] = AFTER_REPLACEMENT
            continue
        if any(each in to_come for each in originals):
            found[parcel.number] = AFTER_ITS_DAY
            continue
        ahead = (holder[each] for each in originals if each in holder and holder[each].number != parcel.number)
        found[parcel.number] = max((_after(each) for each in ahead), key=_ORDER.index, default=FREE)
    return found


def _after(parcel: Parcel) -> str:
    match parcel.state:
        case standings.TAKEN:
            return AFTER_POSTING
        case standings.REFUSED:
            is_unmapped = parcel.rejection is not None and parcel.rejection.because == answers.ACCOUNT
            return AFTER_CHART if is_unmapped else AFTER_REJECTED
        case _:
            return AFTER_OTHER
