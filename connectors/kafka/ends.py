"""The last records of partitions, whatever comes before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.kafka.clients import Clients, Message
from connectors.kafka.partitions import PATIENCE_SECONDS, Place, bounds, read_to_end

TAIL_RECORDS: Final = 256
TAIL_GROWTH: Final = 16


class Ends:
    """Ends of partitions, read backwards: a stretch of all of them at once, then more of those where that was not enough."""

    def __init__(
        self, clients: Clients, places: Sequence[Place], timeout: float = PATIENCE_SECONDS, count: float = TAIL_RECORDS
    ) -> None:
        self._consumer = clients.consumer()
        self._timeout = timeout
        self._count = dict.fromkeys(places, count)
        self._foreign: dict[Place, frozenset[int]] = {}
        try:
            self._bounds = {place: bounds(self._consumer, place, timeout) for place in places}
            self._read = self._from({place: self._start(place) for place in places})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._consumer.close()

    def pass_over(self, foreign: Mapping[Place, Sequence[int]]) -> None:
        """Offsets of what is nobody's business here."""
        self._foreign = {place: frozenset(offsets) for place, offsets in foreign.items()}

    def messages(self, place: Place) -> list[Message]:
        left_out = self._foreign.get(place)
        found = self._read[place]
        return [each for each in found if each.offset() not in left_out] if left_out else found

    def low(self, place: Place) -> int:
        return self._bounds[place][0]

    def is_whole(self, place: Place) -> bool:
        return self._start(place) == self.low(place)

    def further_back(self, *places: Place) -> None:
        for place in places:
            self._count[place] *= TAIL_GROWTH
        self._read.update(self._from({place: self._start(place) for place in places}))

    def since(self, place: Place, key: bytes) -> list[Message]:
        """The last record with a key, and what stands after it; nothing where there is none."""
        while True:
            found = self.messages(place)
            for at in reversed(range(len(found))):
                if found[at].key() == key:
                    return found[at:]
            if self.is_whole(place):
                return []
            self.further_back(place)

    def _start(self, place: Place) -> int:
        low, end = self._bounds[place]
        return int(max(low, end - self._count[place]))

    def _from(self, starts: Mapping[Place, int]) -> dict[Place, list[Message]]:
        filled = {place: start for place, start in starts.items() if start < self._bounds[place][1]}
        found = read_to_end(self._consumer, filled, self._timeout) if filled else {}
        return {place: found.get(place, []) for place in starts}
