"""Outputs are numbered without gap over all topics of a shard, and within their cause from 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.audit.findings import CAUSES, OUTPUT_SEQ, SeenOutput, Violation, violation


class DenseNumbers:
    """`output_seq` over all topics of a shard."""

    def __init__(self, generation: str, shard: int) -> None:
        self.count = 0
        self.last: dict[str, int] = {}
        self._expected = 0
        self._home = (generation, shard)

    def see(self, seen: SeenOutput) -> Iterator[Violation]:
        position = seen.position
        self.count += 1
        self.last[seen.topic] = position.output_seq
        if position.output_seq != self._expected:
            yield violation(OUTPUT_SEQ, seen, "output_seq", self._expected, position.output_seq)
        if (position.generation, position.shard) != self._home:
            expected = "generation {}, shard {}".format(*self._home)
            yield violation(
                OUTPUT_SEQ, seen, "position", expected, f"generation {position.generation}, shard {position.shard}"
            )
        self._expected = position.output_seq + 1

    def end(self, next_seq: int, topics: Mapping[str, int]) -> Iterator[Violation]:
        """Against what the last commit wrote down."""
        if self._expected != next_seq:
            yield Violation(OUTPUT_SEQ, "", None, "next output_seq", f"{next_seq} by progress", str(self._expected))
        for topic in sorted({*topics, *self.last}):
            expected, found = topics.get(topic), self.last.get(topic)
            if expected != found:
                yield Violation(OUTPUT_SEQ, topic, None, "last output_seq", f"{expected} by progress", str(found))


class DenseOrdinals:
    """The outputs of one log record are numbered from 0, and log records come in their order."""

    def __init__(self) -> None:
        self.count = 0
        self._offset = -1
        self._ordinal = 0

    def see(self, seen: SeenOutput) -> Iterator[Violation]:
        offset, ordinal = seen.position.log_offset, seen.position.ordinal
        self.count += 1
        if offset < self._offset:
            yield violation(CAUSES, seen, "log_offset", f"{self._offset} or later", offset)
        expected = self._ordinal + 1 if offset == self._offset else 0
        if ordinal != expected:
            yield violation(CAUSES, seen, f"ordinal at log offset {offset}", expected, ordinal)
        self._offset, self._ordinal = offset, ordinal
