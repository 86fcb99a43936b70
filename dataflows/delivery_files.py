"""Delivery over the folders of an embedded run: outputs as far as they are committed; answers become a file of events, which the next run
takes in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

from connectors.avro_codec import output_versions
from connectors.containers import ContainerRecord, read_container, undamaged
from connectors.files.added_events import add_events, added_events
from connectors.files.delivered import ANSWERS
from connectors.files.outputs import topic_file
from connectors.files.progress import read_progress
from connectors.files.written import committed, shards
from connectors.json_records import record_to_json
from connectors.json_values import instant_text
from dataflows.delivery import Came
from domain.delivery.answers import KINDS, Answer
from domain.delivery.calls import Intent
from domain.delivery.documents import DELIVERED
from domain.outputs import BillingStatement, ControlTotals, JournalEntry, Output, Position
from domain.units import Instant

READ_AT_ONCE: Final = 1_000
_PLACE: Final = ":"
_Found: TypeAlias = ContainerRecord[tuple[Position, Output]]


class FileBooks:
    """The books of one ERP account. No other process may publish for it meanwhile: the store's lock sees to that.

    `answered_at` is when answers are said to have come, where that is another time than now.
    """

    def __init__(self, output: Path, input_dir: Path, answered_at: Callable[[], Instant] | None = None) -> None:
        """Raises NoOutputs."""
        self._output = output
        self._input = input_dir
        self._shards = shards(output)
        self._answered_at = answered_at
        self._blocks: list[_Ahead] = []

    @property
    def generation(self) -> str:
        progress = read_progress(self._output, self._shards[0])
        return "" if progress is None else str(progress.get("generation", ""))

    @property
    def shards(self) -> int:
        return len(self._shards)

    def begin(self, places: Mapping[str, str]) -> None:
        """What is committed from now on is for the next time."""
        found = (
            _Ahead(self._read(topic, shard, places.get(f"{topic}/{shard}")))
            for topic in DELIVERED
            for shard in self._shards
        )
        self._blocks = [each for each in found if each.block]

    def read(self) -> Sequence[Came]:
        """Whole blocks of the files, for a place is where one ends; in the order of the outputs, roughly."""
        found: list[Came] = []
        while self._blocks and len(found) < READ_AT_ONCE:
            first = min(self._blocks, key=lambda each: each.block[0].position.output_seq)
            found += first.block
            first.go_on()
            if not first.block:
                self._blocks.remove(first)
        return found

    @property
    def is_at_end(self) -> bool:
        return not self._blocks

    def answered(self) -> Iterator[Answer]:
        for event in added_events(self._input, ANSWERS):
            if isinstance(event, KINDS):
                yield event

    def claim(self, intents: Sequence[Intent]) -> None:
        """The store's lock is claim enough."""

    def publish(self, answers: Sequence[Answer]) -> None:
        stated = {} if self._answered_at is None else {"occurred_at": instant_text(self._answered_at())}
        add_events(self._input, ANSWERS, [record_to_json(each) | stated for each in answers], datetime.now(UTC))

    def close(self) -> None:
        """Holds nothing open."""

    def _read(self, topic: str, shard: int, place: str | None) -> Iterator[list[Came]]:
        partition = f"{topic}/{shard}"
        begun, _, at = (place or "").rpartition(_PLACE)
        is_ahead = place is None
        for part, length in committed(self._output, topic, shard).items():
            start = int(at) if part == begun else None
            is_ahead = is_ahead or part == begun
            path = topic_file(self._output, part, shard)
            if not is_ahead or not length or (start is not None and start >= length):
                continue
            records = undamaged(read_container(path, output_versions(), start, length))
            for end, block in groupby(records, key=lambda each: each.block_end):
                yield [_came(partition, f"{part}{_PLACE}{end}", each) for each in block]


class _Ahead:
    """The next block of a file."""

    def __init__(self, blocks: Iterator[list[Came]]) -> None:
        self._blocks = blocks
        self.block: list[Came] = []
        self.go_on()

    def go_on(self) -> None:
        self.block = next(self._blocks, [])


def _came(partition: str, following: str, found: _Found) -> Came:
    position, record = found.record
    assert isinstance(record, JournalEntry | ControlTotals | BillingStatement), "these topics carry nothing else"
    return Came(partition, following, position, record)
