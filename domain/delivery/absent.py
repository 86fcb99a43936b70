"""Journals that are to be delivered and that the ERP has not got, each with the reason, by outputs and answers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from domain.delivery import answers
from domain.delivery.chart import Unmapped
from domain.delivery.groups import JournalGroup
from domain.delivery.standings import REFUSED, REPLACED, TO_SEND, UNMAPPED, WAITING
from domain.delivery.why_to_send import AFTER_CHART, AFTER_OTHER, AFTER_POSTING, AFTER_REJECTED, AFTER_REPLACEMENT
from domain.events.finance import PostingAccepted, PostingRejected
from domain.ledger.journal import debits
from domain.outputs import JournalEntry
from domain.units import Amount

UNANSWERED: Final = "not sent yet, or not answered"
PERIOD_REFUSED: Final = "the ERP refused its period; the next run posts it in the first open one"


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
