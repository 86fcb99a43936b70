"""Order among journals: what reverses one goes after that one is in the ledger, and a replacement names what never will be.

E-1               refused for its period: closed
E-2 replaces E-1  what waits for E-1 waits for E-2
E-3 reverses E-1  waits
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from domain.delivery import standings
from domain.delivery.calls import Given
from domain.delivery.rows import StandingRows
from domain.delivery.standings import Parcel

# In place of a journal that will not be in the ledger: of one whose replacement is here already.
_SUCCEEDED: Final = ""


class Order:
    """Which parcel has a journal, what replaces it, what waits for it, and what will not be in the ledger.

    `is_to_come` says of a journal whether its day or period has not ended yet, so that no parcel has it.
    """

    __slots__ = ("_closed", "_closed_by", "_freed", "_is_to_come", "_replaced_by", "_rows", "_waiting", "holder")

    def __init__(
        self, rows: StandingRows, closed: Iterable[tuple[str, str]], is_to_come: Callable[[str], bool]
    ) -> None:
        self._rows = rows
        self._is_to_come = is_to_come
        self.holder: dict[str, int] = {}
        self._replaced_by: dict[str, str] = {}
        self._waiting: dict[str, set[int]] = {}
        self._freed: list[int] = []
        self._closed: dict[str, str] = {}
        self._closed_by: dict[str, set[str]] = {}
        for name, by in closed:
            self._closed[name] = by
            self._closed_by.setdefault(by, set()).add(name)
        for parcel in rows.parcels.values():
            self.hold(parcel)

    def freed(self) -> Iterator[Parcel]:
        """What need not wait any more for what it waited for, as far as it is still there; each comes once."""
        while self._freed:
            parcel = self._rows.parcels.get(self._freed.pop(0))
            if parcel is not None:
                yield parcel

    def hold(self, parcel: Parcel) -> None:
        for member in parcel.members:
            self.holder[member] = parcel.number
        for member, replaced in parcel.replaces:
            self._replaced_by[replaced] = self._replaced_by.get(member, member)

    def let_go(self, parcel: Parcel) -> None:
        """It is over, and what waits for its members need not."""
        for member in parcel.members:
            del self.holder[member]
        for _, replaced in parcel.replaces:
            if self._replaced_by.get(replaced) in parcel.members:
                del self._replaced_by[replaced]
        for member in parcel.members:
            self.release(member)

    def drop(self, parcel: Parcel) -> None:
        """What waits for it goes on waiting: a reversal of what is not in the ledger must not be there either."""
        for member in parcel.members:
            del self.holder[member]
            self.close(member, parcel.replaces)

    def release(self, journal_id: str) -> None:
        self._freed += sorted(self._waiting.pop(journal_id, ()))

    def waits(self, parcel: Parcel) -> bool:
        """Whether a journal that it reverses is still to come into the ledger, or what becomes of an earlier revision is open.

        Noted, so that it is looked at again then.
        """
        for earlier in parcel.supersedes:
            if earlier in self.holder:
                self._waiting.setdefault(earlier, set()).add(parcel.number)
                return True
        for _, original in parcel.reverses:
            waits_for = self._replaced_by.get(original, original)
            number = self.holder.get(waits_for)
            is_held = number is not None and number != parcel.number
            if self._is_closed(waits_for) or is_held or self._is_to_come(waits_for):
                self._waiting.setdefault(waits_for, set()).add(parcel.number)
                return True
        return False

    def is_stuck(self, parcel: Parcel) -> bool:
        """Whether what it waits for may never come, or only when its period ends.

        Then those of its members that wait for nothing go without the others.
        """
        if any(self._rows.parcels[each].state == standings.REFUSED for each in self._waited_for(parcel)):
            return True
        originals = [self._replaced_by.get(original, original) for _, original in parcel.reverses]
        return any(self._is_closed(each) or self._is_to_come(each) for each in originals)

    def waits_for_itself(self, parcel: Parcel) -> bool:
        """Halves of a group may each reverse a journal of the other; then they are taken further apart."""
        seen: set[int] = set()
        ahead = list(self._waited_for(parcel))
        while ahead:
            number = ahead.pop()
            if number == parcel.number:
                return True
            if number not in seen:
                seen.add(number)
                ahead += self._waited_for(self._rows.parcels[number])
        return False

    def close(self, journal_id: str, replaces: Iterable[tuple[str, str]]) -> None:
        """It will not be in the ledger, nor will those that it replaces; a replacement may be, or is there already.

        Where it is closed already, by a replacement that was refused as well, what replaces that one names both.
        """
        by = self._closed.get(journal_id)
        if by == _SUCCEEDED:
            self._open(journal_id)
        elif by is None:
            for name in (journal_id, *(replaced for member, replaced in replaces if member == journal_id)):
                self._mark_closed(name, journal_id)

    def succeeding(self, replaces: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """With what the replaced journals had replaced in their turn."""
        found = list(replaces)
        for member, replaced in replaces:
            names = sorted(self._closed_by.get(replaced, ()))
            found += [(member, name) for name in (*names, *self._held_replaced_by(replaced)) if name != replaced]
            for name in names:
                self._open(name)
            for name in {replaced, *names} & self.holder.keys():
                # Where a store is lost, what is replaced may be found out later than what replaces it.
                self._mark_closed(name, _SUCCEEDED)
        return tuple(found)

    def _held_replaced_by(self, journal_id: str) -> list[str]:
        """What it replaces, where its parcel is here."""
        number = self.holder.get(journal_id)
        replaces = () if number is None else self._rows.parcels[number].replaces
        return [replaced for member, replaced in replaces if member == journal_id]

    def _waited_for(self, parcel: Parcel) -> Iterator[int]:
        for _, original in parcel.reverses:
            number = self.holder.get(self._replaced_by.get(original, original))
            if number is not None and number != parcel.number:
                yield number

    def _mark_closed(self, name: str, by: str) -> None:
        self._unmark_closed(name)
        self._closed[name] = self._rows.changes.closed[name] = by
        self._closed_by.setdefault(by, set()).add(name)

    def _unmark_closed(self, name: str) -> None:
        by = self._closed.pop(name, None)
        if by is not None:
            names = self._closed_by[by]
            names.discard(name)
            if not names:
                del self._closed_by[by]

    def _open(self, name: str) -> None:
        self._unmark_closed(name)
        self._rows.changes.closed[name] = None
        self.release(name)

    def _is_closed(self, journal_id: str) -> bool:
        return self._closed.get(journal_id, _SUCCEEDED) != _SUCCEEDED


def originals_first(given: Sequence[Given]) -> Iterator[Given]:
    """In the given order, but what is reversed or replaced before what does so."""
    holder = {member: at for at, one in enumerate(given) for member in one.members}
    begun: set[int] = set()

    def come(at: int) -> Iterator[Given]:
        begun.add(at)
        for _, other in (*given[at].replaces, *given[at].reverses):
            place = holder.get(other)
            if place is not None and place not in begun:
                yield from come(place)
        yield given[at]

    for at in range(len(given)):
        if at not in begun:
            yield from come(at)
