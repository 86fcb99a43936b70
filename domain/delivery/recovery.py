"""What is found out again where the store of a delivery is lost: what was published, and all the documents that a group may have become.

A group that an ERP refused, or that has more lines than it takes, was sent in halves:

    A B C D             may stand in the ledger as one document,
      A B, C D          as two,
        A, B, C, D      or some of it as these
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.delivery import answers
from domain.delivery.answers import Answer
from domain.delivery.chart import Unmapped
from domain.delivery.documents import INVOICE, JOURNAL, Document, JournalDocument, key_of
from domain.delivery.outcomes import Said, Taken, Trouble, is_throttled
from domain.delivery.standings import Parcel
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected


class PublishedStates:
    """What was published so far, by journal or key of an invoice: the last state and attempt; posted is the end, whatever comes after."""

    __slots__ = ("_attempts", "_ids", "_invoices", "_states")

    def __init__(self, published: Iterable[Answer]) -> None:
        self._states: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._ids: set[str] = set()
        self._invoices: dict[str, InvoicePosted] = {}
        for event in published:
            self._add(event)

    def states(self, kind: str, members: Sequence[str]) -> list[str]:
        """Of each; empty where nothing was published."""
        return [self._states.get(name, "") for name in _names(kind, members)]

    def attempt(self, kind: str, members: Sequence[str]) -> int:
        return max(self._attempts.get(name, 0) for name in _names(kind, members))

    def invoice(self, key: str) -> InvoicePosted:
        """Of a key whose state is posted."""
        return self._invoices[key]

    def has(self, event_id: str) -> bool:
        return event_id in self._ids

    def has_accepted(self, document: Document) -> bool:
        return isinstance(document, JournalDocument) and all(
            each == answers.ACCEPTED for each in self.states(JOURNAL, document.members)
        )

    def _add(self, event: Answer) -> None:
        self._ids.add(event.event_id)
        match event:
            case PostingAccepted():
                self._note(answers.journals_of(event), event.state, event.attempt)
            case PostingRejected():
                self._note(answers.journals_of(event), event.because, event.attempt)
            case InvoicePosted():
                key, attempt = answers.key_and_attempt(event.event_id)
                self._invoices.setdefault(key, event)
                self._note([key], answers.POSTED, attempt)
            case InvoiceRejected():
                key, attempt = answers.key_and_attempt(event.event_id)
                self._note([key], answers.DATA, attempt)

    def _note(self, members: Iterable[str], state: str, attempt: int) -> None:
        for member in members:
            before = self._states.get(member)
            if before not in {answers.POSTED, answers.PERIOD}:
                self._states[member] = state
            self._attempts[member] = max(attempt, self._attempts.get(member, 0))


def _names(kind: str, members: Sequence[str]) -> Sequence[str]:
    """An answer about a statement does not say its revision, but the key in its id does."""
    return [key_of(INVOICE, members)] if kind == INVOICE else members


class Tree(NamedTuple):
    """Members, the documents that they make, none where they are too many or the chart lacks something, and the halves of several."""

    members: tuple[str, ...]
    own: tuple[Document, ...]
    halves: tuple[Tree, ...] = ()

    def documents(self) -> Iterator[Document]:
        yield from self.own
        for half in self.halves:
            yield from half.documents()

    def has(self, found: Mapping[str, Taken]) -> bool:
        return any(each.key in found for each in self.documents())


class Probe:
    """Asks for what a parcel may have become, a level of its tree at a time; below what the ERP has, nothing is asked."""

    __slots__ = ("_asked", "_to_ask", "failures", "found", "tree")

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.found: dict[str, Taken] = {}
        # Calls in a row that failed.
        self.failures = 0
        self._to_ask = deque([tree])
        self._asked: list[Tree] = []

    @property
    def is_done(self) -> bool:
        return not self._to_ask and not self._asked

    def next(self, most: int) -> list[Document]:
        """About `most` of those that are still to be asked for; one journal of many lines may be some more."""
        documents: list[Document] = []
        while self._to_ask and len(documents) < most:
            tree = self._to_ask.popleft()
            self._asked.append(tree)
            documents += tree.own
        return documents

    def took(self, said: Mapping[str, Said]) -> None:
        """What nothing is known of is asked for again, later each time that it fails; what is throttled waits as the ERP says."""
        again: list[Tree] = []
        failed = False
        for tree in self._asked:
            own = [said.get(each.key) for each in tree.own]
            if any(isinstance(each, Trouble) for each in own):
                again.append(tree)
                failed |= not any(is_throttled(each) for each in own)
            elif not any(isinstance(each, Taken) for each in own):
                self._to_ask.extend(tree.halves)
        self.found.update({key: each for key, each in said.items() if isinstance(each, Taken)})
        self.failures = self.failures + failed if again else 0
        self._to_ask.extendleft(reversed(again))
        self._asked.clear()


class Making(Protocol):
    """How journals and statements become documents, with the chart as it is now."""

    def documents(self, parcel: Parcel) -> tuple[Document, ...] | tuple[Unmapped, ...]: ...

    def reference(self, key: str) -> str | None:
        """The ERP's own name of a document in its ledger that the store knows."""

    def halves(self, parcel: Parcel) -> Sequence[tuple[str, ...]]:
        """The members in two groups that together are all; asked of several members."""


def tree_of(making: Making, parcel: Parcel) -> Tree:
    made = tuple(each for each in making.documents(parcel) if not isinstance(each, Unmapped))
    if len(parcel.members) == 1:
        return Tree(parcel.members, made)
    halves = tuple(tree_of(making, parcel._replace(members=some)) for some in making.halves(parcel))
    return Tree(parcel.members, made if len(made) == 1 else (), halves)
