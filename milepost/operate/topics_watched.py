"""Settings of topics are looked at again while a process runs: what somebody changes is noticed within a minute.

A retention that takes away the log does its harm whether Milepost runs or not, so that a person has to know at once. The process ends
in order with what a start would say, and does not start before it is mended.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from typing import Final

from confluent_kafka import KafkaException

from connectors.kafka.topics import SettingFault
from dataflows.beside import beside
from state.guards import GuardStop

LOOK_SECONDS: Final = 20.0
# What is wrong is looked at once more, as brokers that change places may know a topic a moment later.
AGAIN_SECONDS: Final = 5.0

# What is harmless. Raises GuardStop for the rest, and KafkaException.
Look = Callable[[], Sequence[SettingFault]]


class WatchedTopics:
    """`follow` looks, in a thread of its own, until it finds what stops a start; then `is_wrong`."""

    def __init__(self, look: Look, tell: Callable[[str], None]) -> None:
        self._look = look
        self._tell = tell
        self._told: frozenset[SettingFault] = frozenset()
        self._found: GuardStop | None = None

    def is_wrong(self) -> bool:
        return self._found is not None

    def check(self) -> None:
        """Raises GuardStop where something is wrong."""
        if self._found is not None:
            raise self._found

    def ends_by_raising(self) -> bool:
        """For a dataflow after which nobody asks."""
        self.check()
        return False

    def follow(self, ended: Flag, seconds: float = LOOK_SECONDS, again: float = AGAIN_SECONDS) -> None:
        pause, was_wrong = 0.0, False
        while not ended.wait(pause):
            wrong = self._wrong()
            if wrong is not None and was_wrong:
                self._tell(f"settings of topics were changed: {wrong.message}")
                self._found = wrong
                return
            was_wrong = wrong is not None
            pause = again if was_wrong else seconds

    def _wrong(self) -> GuardStop | None:
        """Brokers that do not answer, and files with secrets that are away, are noticed by the dataflow."""
        try:
            self._harmless(self._look())
        except (KafkaException, OSError):
            return None
        except GuardStop as stop:
            return stop
        return None

    def _harmless(self, found: Sequence[SettingFault]) -> None:
        for fault in found:
            if fault not in self._told:
                self._tell(f"{fault}; {fault.way_out}")
        self._told = frozenset(found)


@contextmanager
def watched(look: Look, tell: Callable[[str], None]) -> Iterator[WatchedTopics]:
    """Beside a dataflow."""
    topics = WatchedTopics(look, tell)
    with beside("topics", topics.follow):
        yield topics
