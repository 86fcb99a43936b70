"""The last records of partitions, whatever comes before them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event as Flag
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.clients import Clients, Message
from connectors.kafka.partitions import PATIENCE_SECONDS, Place, bounds, read_to_end

TAIL_RECORDS: Final = 256
TAIL_GROWTH: Final = 16
LOOK_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 4.0


class EndsQuery(Protocol):
    """What is asked of brokers."""

    def ends(self, places: Sequence[Place], seconds: float) -> Mapping[Place, int]:
        """After the last record that readers of committed records see. Raises KafkaException."""


class KnownEnds:
    """Where partitions end, asked of the brokers beside a dataflow, every few seconds.

    What a consumer knows of ends is as old as the last record that it was given: it stands still with the brokers, and with the dataflow
    that does not poll. This says both: an end that is newer, and for how long there has been no answer.

    `follow` asks, in a thread of its own; anybody may look at what is known.
    """

    def __init__(self, asked: EndsQuery, places: Sequence[Place], now: Callable[[], float] = time.monotonic) -> None:
        self._asked = asked
        self._places: Callable[[], Sequence[Place]] = lambda: places
        self._now = now
        self._ends: Mapping[Place, int] = {}
        self._answered_at = now()

    def ask_for(self, places: Callable[[], Sequence[Place]]) -> None:
        """From now on instead of those before."""
        self._places = places

    def of(self, place: Place) -> int:
        """0 where it is not known."""
        return self._ends.get(place, 0)

    @property
    def age_seconds(self) -> float:
        """Since all that were asked had answered; since the start where they never did."""
        return max(self._now() - self._answered_at, 0.0)

    def follow(self, ended: Flag, seconds: float = LOOK_SECONDS) -> None:
        while not ended.is_set():
            self.look()
            ended.wait(seconds)

    def look(self) -> None:
        """A broker's refusal is an answer too: what may not be asked is for other checks."""
        try:
            found = self._asked.ends(self._places(), ANSWER_SECONDS)
        except OSError:
            # A file with a secret, without which nothing is asked; the dataflow ends with it.
            return
        except KafkaException as fault:
            error: KafkaError = fault.args[0]
            # What the client itself says has a negative code: nobody has answered.
            if error.code() < 0 or error.retriable():
                return
        else:
            self._ends = {**self._ends, **found}
        self._answered_at = self._now()


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


def unknown_end(_place: Place) -> int:
    """Where nobody asks."""
    return 0
