"""All parcels and documents of an ERP account, found by what is asked of them, and what has changed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final, NamedTuple

from domain.delivery import answers, standings
from domain.delivery.documents import Document
from domain.delivery.standings import Changes, Parcel, Standing, StoredStandings
from domain.units import Instant

_UNMAPPED: Final = "unmapped"
# In place of a time: a call asks for it now.
ASKED: Final = -1
# In place of a time: the process that made the call has died since, nobody knows when.
DIED: Final = -1


class DueEntry(NamedTuple):
    """Of the document `key`, or where that is empty of a parcel as a whole."""

    at: Instant
    key: str
    number: int


class Due:
    """What is to be looked at again and when, each company for itself: one with much to ask for holds up no other.

    What is in it may have changed since: `at` says whether it is still waited for.
    """

    __slots__ = ("_heaps",)

    def __init__(self) -> None:
        self._heaps: dict[str, list[DueEntry]] = {}

    def put(self, entity: str, entry: DueEntry) -> None:
        heappush(self._heaps.setdefault(entity, []), entry)

    @property
    def first_at(self) -> Instant | None:
        return min((heap[0].at for heap in self._heaps.values()), default=None)

    def pop(self, now: Instant) -> DueEntry | None:
        """The first of all that is due."""
        if not self._heaps:
            return None
        return self.pop_of(min(self._heaps, key=lambda entity: self._heaps[entity][0]), now)

    def pop_of(self, entity: str, now: Instant) -> DueEntry | None:
        heap = self._heaps.get(entity)
        if not heap or heap[0].at > now:
            return None
        first = heappop(heap)
        if not heap:
            del self._heaps[entity]
        return first


class StandingRows:
    """Read by all of the queue, changed by these methods alone: counts, indexes and `changes` follow."""

    __slots__ = ("_following", "changes", "due", "of_ticket", "parcels", "parcels_in", "standings", "standings_in")

    def __init__(self, kept: StoredStandings) -> None:
        self.changes = Changes()
        self.due = Due()
        self.parcels = {each.number: each for each in kept.parcels}
        self.standings = {each.key: each for each in kept.standings}
        self.parcels_in = Counter(each.state for each in self.parcels.values())
        self.standings_in = Counter(each.state for each in self.standings.values())
        # Keys of what was submitted with it.
        self.of_ticket: dict[str, dict[str, None]] = {}
        for each in kept.standings:
            if each.state == standings.SUBMITTED:
                self.of_ticket.setdefault(each.ticket, {})[each.key] = None
        self._following = 1 + max(self.parcels, default=0)

    def number(self) -> int:
        """Of a new parcel."""
        self._following += 1
        return self._following - 1

    def entity(self, standing: Standing) -> str:
        return self.parcels[standing.parcel].entity

    def of(self, parcel: Parcel) -> list[Standing]:
        return [self.standings[key] for key in parcel.keys]

    def is_taken_back(self, parcel: Parcel) -> bool:
        """Whether none of it is to go: of several members the others still do, and of what is there in part the rest follows."""
        if len(parcel.members) > 1 or not parcel.withdrawn:
            return False
        return all(each.taken is None for each in self.of(parcel))

    def tally(self) -> tuple[dict[str, int], dict[str, Instant]]:
        """Parcels by how they stand, and when the oldest of each came."""
        counts: dict[str, int] = {}
        oldest: dict[str, Instant] = {}
        for each in self.parcels.values():
            is_unmapped = each.rejection is not None and each.rejection.because == answers.ACCOUNT
            word = _UNMAPPED if each.state == standings.REFUSED and is_unmapped else each.state
            word = standings.TO_SEND if word == standings.PROBE else word
            counts[word] = counts.get(word, 0) + 1
            oldest[word] = min(oldest.get(word, each.came_at), each.came_at)
        return counts, oldest

    def sheets(self, parcel: Parcel, documents: Sequence[Document]) -> Parcel:
        attempt = parcel.attempt + 1
        for document in documents:
            self.update(Standing(document.key, parcel.number, document, attempt=attempt, body_hash=body_hash(document)))
        return self.keep(parcel._replace(keys=tuple(each.key for each in documents)))

    def keep(self, parcel: Parcel) -> Parcel:
        before = self.parcels.get(parcel.number)
        if before is not None:
            self.parcels_in[before.state] -= 1
        self.parcels_in[parcel.state] += 1
        self.parcels[parcel.number] = self.changes.parcels[parcel.number] = parcel
        return parcel

    def forget(self, parcel: Parcel) -> None:
        for key in parcel.keys:
            self.gone(key)
        self.parcels_in[self.parcels.pop(parcel.number).state] -= 1
        self.changes.parcels[parcel.number] = None

    def update(self, standing: Standing) -> Standing:
        self._uncount(standing.key)
        if standing.state == standings.SUBMITTED:
            self.of_ticket.setdefault(standing.ticket, {})[standing.key] = None
        self.standings_in[standing.state] += 1
        self.standings[standing.key] = self.changes.standings[standing.key] = standing
        return standing

    def note(self, standing: Standing) -> Standing:
        """Of what nothing has changed but when it is asked for: after a start it is asked for at once."""
        self.standings[standing.key] = standing
        return standing

    def note_parcel(self, parcel: Parcel) -> None:
        self.parcels[parcel.number] = parcel

    def gone(self, key: str) -> None:
        self._uncount(key)
        del self.standings[key]
        self.changes.standings[key] = None

    def wait(self, standing: Standing, until: Instant) -> None:
        self.later(standing._replace(failures=standing.failures + 1), until)

    def later(self, standing: Standing, until: Instant) -> None:
        """It is kept where something else of it is new: when the ERP is asked again may be forgotten."""
        before = self.standings[standing.key]
        after = standing._replace(not_before=until)
        if before._replace(not_before=until, failures=after.failures) == after:
            self.note(after)
        else:
            self.update(after)
        self.due.put(self.entity(standing), DueEntry(until, standing.key, standing.parcel))

    def ready_again(self, standing: Standing) -> None:
        self.update(standing._replace(state=standings.READY, failures=0, not_before=0))

    def _uncount(self, key: str) -> None:
        before = self.standings.get(key)
        if before is None:
            return
        self.standings_in[before.state] -= 1
        if before.state == standings.SUBMITTED:
            same = self.of_ticket[before.ticket]
            del same[key]
            if not same:
                del self.of_ticket[before.ticket]


def body_hash(document: Document) -> str:
    """Of all that is sent; the same document gives the same on any run."""
    return blake2b(repr(document).encode(), digest_size=16).hexdigest()
