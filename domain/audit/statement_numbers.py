"""Numbers of statements: without gap in their range, none twice, and in the format that the company has when it issues."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import NUMBERS, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.billing.statement import ISSUED, OPEN
from domain.outputs import BillingStatement, StatementNumber
from domain.reference.numbers import range_for, text_of


class StatementNumbers:
    """Of one shard, each of which counts a series of its own."""

    def __init__(self, reference: ReferenceSoFar) -> None:
        self.count = 0
        self._reference = reference
        self._last: dict[tuple[str, str, str], int] = {}
        self._used: set[tuple[str, str]] = set()
        # By statement: the revision that was numbered last, and its number.
        self._given: dict[str, tuple[int, str | None]] = {}

    def see(self, seen: SeenOutput, statement: BillingStatement) -> Iterator[Violation]:
        self.count += 1
        revision, had = self._given.get(statement.statement_id, (0, None))
        if statement.status == ISSUED and revision != statement.revision:
            self._given[statement.statement_id] = statement.revision, statement.number
            yield from self._issued(seen, statement, had)
            return
        expected = had if statement.status != OPEN and revision == statement.revision else None
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
        yield from self._in_range(seen, statement, place)
        stated = (place.range_id, statement.replaces_number, statement.number)
        wanted_text = text_of(entity, numbers, statement.issued_on, place)
        if stated != (numbers.range_id, had, wanted_text):
            expected = f"{wanted_text} of range {numbers.range_id} in the place of {had}"
            yield violation(NUMBERS, seen, subject, expected, "{2} of range {0} in the place of {1}".format(*stated))

    def _in_range(self, seen: SeenOutput, statement: BillingStatement, place: StatementNumber) -> Iterator[Violation]:
        key = statement.legal_entity_id, place.range_id, place.year
        last = self._last.get(key)
        if last is not None and place.value != last + 1:
            yield violation(NUMBERS, seen, statement.statement_id, f"{last + 1} after {last}", place.value)
        if (statement.legal_entity_id, statement.number or "") in self._used:
            yield violation(NUMBERS, seen, statement.statement_id, "a number of its own", statement.number)
        self._last[key] = place.value
        self._used.add((statement.legal_entity_id, statement.number or ""))
