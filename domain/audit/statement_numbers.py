"""Numbers of statements: without gap in their range, none twice, and in the format that the company has when it issues."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import NUMBERS, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.billing.statement import ISSUED, OPEN
from domain.outputs import BillingStatement, StatementNumber
from domain.reference.numbers import count_key, next_place, range_for, text_of


class StatementNumbers:
    """Of one shard, numbered from 0, each of which counts a series of its own."""

    def __init__(self, reference: ReferenceSoFar, shard: int) -> None:
        self.count = 0
        self._reference = reference
        self._series = shard + 1
        # By `count_key`.
        self._last: dict[str, int] = {}
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
        following = next_place(self._last, entity, numbers, statement.issued_on, self._series)
        if place != following:
            yield violation(NUMBERS, seen, subject, _place_text(following), _place_text(place))
        used = statement.legal_entity_id, statement.number or ""
        if used in self._used:
            yield violation(NUMBERS, seen, subject, "a number of its own", statement.number)
        self._used.add(used)
        self._last[count_key(statement.legal_entity_id, place.range_id, place.year)] = place.value
        wanted_text = text_of(entity, numbers, statement.issued_on, place)
        if (statement.replaces_number, statement.number) != (had, wanted_text):
            found = f"{statement.number} in the place of {statement.replaces_number}"
            yield violation(NUMBERS, seen, subject, f"{wanted_text} in the place of {had}", found)


def _place_text(place: StatementNumber) -> str:
    return f"{place.value} of range {place.range_id}, year {place.year or 'none'}, series {place.series}"
