"""Where partitions end, asked of the brokers beside a dataflow, every few seconds.

What a consumer knows of ends is as old as the last record that it was given: it stands still with the brokers, and with
the dataflow that does not poll. This says both: an end that is newer, and for how long there has been no answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event as Flag
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.partitions import Place

LOOK_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 4.0


class EndsQuery(Protocol):
    """What is asked of brokers."""

    def ends(self, places: Sequence[Place], seconds: float) -> Mapping[Place, int]:
        """After the last record that readers of committed records see. Raises KafkaException."""


class KnownEnds:
    """`follow` asks, in a thread of its own; anybody may look at what is known."""

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


def unknown_end(_place: Place) -> int:
    """Where nobody asks."""
    return 0
