"""What the ERP should hold, made again from outputs and the ERP's answers alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from domain.delivery.absent import Absent, absent
from domain.delivery.answers import ACCEPTED, PERIOD, POSTED, journals_of
from domain.delivery.chart import EntityChart, Unmapped
from domain.delivery.documents import JournalDocument
from domain.delivery.groups import JournalGroup, OpenGroups, withdrawn_by
from domain.delivery.journals import documents, of_members
from domain.delivery.reconciliation import ExpectedDocument
from domain.events.finance import PostingAccepted, PostingRejected
from domain.outputs import ControlTotals, JournalEntry, Position

# The ERP has it, in its ledger or to be posted there.
ANSWERED: Final = frozenset({POSTED, ACCEPTED})
# It will never be sent: refused for its period, and replaced, or taken back in our books before it went.
WITHDRAWN: Final = "withdrawn"
GIVEN_UP: Final = frozenset({PERIOD, WITHDRAWN})


class DocumentState(NamedTuple):
    """The document of a key with what the ERP last said of it: posted, accepted, the reason of a rejection, or nothing."""

    document: JournalDocument
    state: str


class Ledger:
    """The journals of all ERP accounts, as they were put together and answered."""

    def __init__(self, shards: int, charts: Mapping[str, EntityChart], lines: Mapping[str, int]) -> None:
        """`lines` is the most lines a journal by company."""
        self._charts = charts
        self._lines = lines
        self._groups = OpenGroups(shards, charts)
        self._made: list[JournalGroup] = []
        self._group_of: dict[str, JournalGroup] = {}
        self._answers: dict[str, PostingAccepted | PostingRejected] = {}
        self._withdrawn: set[str] = set()
        self._memos: set[str] = set()
        # By company what its chart lacks of journals that the ERP has: they cannot be made again, nor compared. Known once all is found.
        self.lacking: dict[str, Unmapped] = {}

    def add(self, position: Position, record: JournalEntry | ControlTotals) -> None:
        if (withdrawn := withdrawn_by(record)) is not None:
            self._withdrawn.add(withdrawn)
        if isinstance(record, JournalEntry) and not (record.deliver and record.lines):
            self._memos.add(record.journal_id)
        for group in self._groups.add(position, record):
            self._made.append(group)
            self._group_of.update(dict.fromkeys(group.ids, group))

    def answer(self, event: PostingAccepted | PostingRejected) -> None:
        """In any order, and more than once: posted is the end, else the highest attempt counts, and of one that it was rejected."""
        for member in journals_of(event):
            had = self._answers.get(member)
            if had is None or _rank(event) >= _rank(had):
                self._answers[member] = event

    def absent(self) -> Iterator[Absent]:
        """Journals that are to be delivered and that the ERP has not got."""
        return absent(self._groups.waits(), self._made, self._answers, frozenset(self._withdrawn), self._lacks)

    def stays_here(self, journal_id: str) -> bool:
        """Whether it is one of ours that no ERP gets."""
        return journal_id in self._memos

    def found(self) -> Iterator[DocumentState]:
        """All documents: those that were answered as they were sent, the rest as they would be sent now."""
        for event in {each.event_id: each for each in self._answers.values()}.values():
            members = journals_of(event)
            group = self._group_of.get(members[0])
            if group is not None and set(members) <= set(group.ids):
                state = event.state if isinstance(event, PostingAccepted) else event.because
                yield from (DocumentState(each, state) for each in self._documents(of_members(group, members), state))
        for group in self._made:
            left = [member for member in group.ids if member not in self._answers]
            for state in ("", WITHDRAWN):
                some = [member for member in left if (member in self._withdrawn) == (state == WITHDRAWN)]
                if some:
                    yield from (DocumentState(each, state) for each in self._documents(of_members(group, some), state))

    def document(self, wanted: str) -> DocumentState | None:
        """By its key, or by a journal in it."""
        return next(
            (each for each in self.found() if wanted == each.document.key or wanted in each.document.members), None
        )

    def _lacks(self, group: JournalGroup) -> Iterable[Unmapped]:
        made = documents(group, self._charts[group.legal_entity_id], self._lines[group.legal_entity_id])
        return [each for each in made if isinstance(each, Unmapped)]

    def _documents(self, group: JournalGroup, state: str) -> Iterable[JournalDocument]:
        made = documents(group, self._charts[group.legal_entity_id], self._lines[group.legal_entity_id])
        if state in ANSWERED and isinstance(made[0], Unmapped):
            self.lacking.setdefault(group.legal_entity_id, made[0])
        return [each for each in made if not isinstance(each, Unmapped)]


def expected(found: Iterable[DocumentState]) -> Iterator[ExpectedDocument]:
    for each in found:
        if each.state in ANSWERED:
            yield ExpectedDocument(each.document, each.state == POSTED)


def _rank(event: PostingAccepted | PostingRejected) -> tuple[bool, int, bool]:
    if isinstance(event, PostingRejected):
        return False, event.attempt, True
    return event.state == POSTED, event.attempt, False
