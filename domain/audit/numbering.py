"""Outputs are numbered without gap over all topics of a shard, and within their cause from 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.audit.findings import CAUSES, NUMBERS, OUTPUT_SEQ, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.billing.statement import ISSUED, OPEN
from domain.outputs import BillingStatement, StatementNumber
from domain.reference.numbers import range_for, text_of


class StatementNumbers:
    """Numbers of statements: from the first of their range on, without gap, none twice, and in the format that the company has when it
    issues.

    Of one shard, each of which counts a series of its own.
    """

    def __init__(self, reference: ReferenceSoFar) -> None:
        self.count = 0
        self._reference = reference
        self._last: dict[tuple[str, str, str], int] = {}
        self._used: set[tuple[str, str]] = set()
        # By statement: the revision that was issued last, its number, and the last number that any revision had.
        self._given: dict[str, tuple[int, str | None, str | None]] = {}

    def see(self, seen: SeenOutput, statement: BillingStatement) -> Iterator[Violation]:
        self.count += 1
        revision, number, had = self._given.get(statement.statement_id, (0, None, None))
        if statement.status == ISSUED and revision != statement.revision:
            self._given[statement.statement_id] = statement.revision, statement.number, statement.number or had
            yield from self._issued(seen, statement, had)
            return
        expected = number if statement.status != OPEN and revision == statement.revision else None
        if statement.number != expected:
            yield violation(NUMBERS, seen, statement.statement_id, f"number {expected}", f"number {statement.number}")

    def _issued(self, seen: SeenOutput, statement: BillingStatement, had: str | None) -> Iterator[Violation]:
        entity = self._reference.book.entity(statement.legal_entity_id)
        ranges = entity.number_ranges if entity is not None else ()
        numbers = range_for(ranges, is_credit=statement.amount_due < 0)
        place, subject = statement.number_place, statement.statement_id
        if entity is None or numbers is None or place is None or statement.issued_on is None:
            if numbers is not None or statement.number is not None:
                wanted = f"a number of range {numbers.range_id}" if numbers is not None else "no number"
                yield violation(NUMBERS, seen, subject, wanted, f"number {statement.number}")
            return
        yield from self._in_range(seen, statement, place, numbers.first_number)
        stated = (place.range_id, statement.replaces_number, statement.number)
        wanted_text = text_of(entity, numbers, statement.issued_on, place)
        if stated != (numbers.range_id, had, wanted_text):
            expected = f"{wanted_text} of range {numbers.range_id} in the place of {had}"
            yield violation(NUMBERS, seen, subject, expected, "{2} of range {0} in the place of {1}".format(*stated))

    def _in_range(
        self, seen: SeenOutput, statement: BillingStatement, place: StatementNumber, first: int
    ) -> Iterator[Violation]:
        """A range begins with its `first_number`, and with 1 in each later year by which it restarts."""
        key = statement.legal_entity_id, place.range_id, place.year
        last = self._last.get(key)
        is_begun = any(begun[:2] == key[:2] for begun in self._last)
        expected = last + 1 if last is not None else 1 if is_begun else first
        if place.value != expected:
            after = (
                f"{expected} after {last}" if last is not None else f"{expected} as the first of range {place.range_id}"
            )
            yield violation(NUMBERS, seen, statement.statement_id, after, place.value)
        if (statement.legal_entity_id, statement.number or "") in self._used:
            yield violation(NUMBERS, seen, statement.statement_id, "a number of its own", statement.number)
        self._last[key] = place.value
        self._used.add((statement.legal_entity_id, statement.number or ""))


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
