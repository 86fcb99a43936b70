"""Looks into a store that a run may be using: a few values, as of the last commit, and nothing is written.

The store is a cache: where it is not there, damaged or of another form, the answer is that nothing is known.
"""

import operator
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from domain.ledger.period_sums import PeriodSums
from state.books import Entry, JournalStanding, Work
from state.store import snapshot
from state.store.read_only import read_only
from state.store.snapshot import Damaged
from state.store.store import SEPARATOR, read_meta

T = TypeVar("T")


class StoreReader:
    """One shard's books, or those of several as if they were one; without any, nothing is known."""

    def __init__(self, *dbs: sqlite3.Connection) -> None:
        self._dbs = dbs

    @property
    def is_there(self) -> bool:
        return bool(self._dbs)

    def places(self) -> list[tuple[int, str]]:
        """Where in the log each of the books stands, and at which engagement of the record; none where one is empty or damaged."""
        with suppress(Damaged):
            found = [read_meta(data) for (data,) in self._rows("SELECT data FROM meta")]
            return [(meta.offset, meta.engagement) for meta in found] if len(found) == len(self._dbs) else []
        return []

    def entry(self, engagement_id: str, entry_id: str) -> Entry | None:
        row = self._row("SELECT e.data FROM entries e JOIN engagements USING (no)", engagement_id, "e.id = ?", entry_id)
        try:
            return snapshot.decode_entry(row) if row is not None else None
        except Damaged:
            return None

    def has_entry(self, entry_id: str) -> bool:
        """Of any engagement."""
        return bool(self._rows("SELECT 1 FROM entries WHERE id = ? LIMIT 1", entry_id))

    def part(self, engagement_id: str, kind: str, part_id: str) -> Any:
        """One value of the engagement's books; kinds as in `state.books.PART_KINDS`."""
        tables = "SELECT p.data FROM parts p JOIN engagements USING (no)"
        row = self._row(tables, engagement_id, "p.kind = ? AND p.id = ?", kind, part_id)
        try:
            return snapshot.decode_part(kind, part_id, row) if row is not None else None
        except Damaged:
            return None

    def parts(self, engagement_id: str | None, kind: str) -> tuple[Any, ...]:
        """All of a kind, by id; None is of every engagement."""
        query = "SELECT p.id, p.data FROM parts p JOIN engagements USING (no) WHERE p.kind = ?"
        of = () if engagement_id is None else (engagement_id,)
        rows = self._rows(f"{query} AND engagements.id = ?" if of else query, kind, *of)
        try:
            return tuple(
                snapshot.decode_part(kind, part_id, data) for part_id, data in sorted(rows, key=operator.itemgetter(0))
            )
        except Damaged:
            return ()

    def all_of(self, kind: str, of: type[T]) -> list[tuple[str, T]]:
        """Those of every engagement, each with its id."""
        rows = self._rows("SELECT id, data FROM parts WHERE kind = ?", kind)
        try:
            found = ((part_id, snapshot.decode_part(kind, part_id, data)) for part_id, data in sorted(rows))
            return [(part_id, part) for part_id, part in found if isinstance(part, of)]
        except Damaged:
            return []

    def parts_with_id(self, kind: str, part_id: str) -> tuple[Any, ...]:
        """One of each engagement that has it."""
        rows = self._rows("SELECT data FROM parts WHERE kind = ? AND id = ?", kind, part_id)
        try:
            return tuple(snapshot.decode_part(kind, part_id, data) for (data,) in rows)
        except Damaged:
            return ()

    def reference(self, type_name: str) -> tuple[bytes, ...]:
        """Reference data of a type, by today's schema, in the order in which it came; each shard has all of it."""
        rows = StoreReader(*self._dbs[:1])._rows("SELECT body FROM reference WHERE type = ? ORDER BY seq", type_name)
        try:
            return tuple(snapshot.unseal(type_name, data) for (data,) in rows)
        except Damaged:
            return ()

    def ended_to(self, zone: str) -> str:
        """The last day that has ended in a zone, in every shard; empty of one in which none has."""
        found = [StoreReader(db)._ended(zone) for db in self._dbs]
        return min(found, default="")

    def _ended(self, zone: str) -> str:
        try:
            return next(
                (
                    snapshot.decode_day(zone, data)
                    for (data,) in self._rows("SELECT data FROM ended WHERE zone = ?", zone)
                ),
                "",
            )
        except Damaged:
            return ""

    def period_journals(self, company: str) -> dict[str, int]:
        """How many journals each accounting period of a company has."""
        found: dict[str, int] = {}
        for key, sums in self._period_sums():
            whose, _, period = key.rpartition(SEPARATOR)
            if whose == company:
                found[period] = found.get(period, 0) + sums.journals
        return found

    def has_account(self, company: str, period: str, accounts: Iterable[str]) -> bool:
        """Whether journals of a company and period post on one of the accounts."""
        wanted = frozenset(accounts)
        return any(
            wanted & sums.accounts.keys() for key, sums in self._period_sums() if key == f"{company}{SEPARATOR}{period}"
        )

    def changed_periods(self, company: str) -> list[tuple[str, int, int]]:
        """Periods of which something was posted since their last certificate, with its journals and those of now."""
        found: dict[str, tuple[int, int]] = {}
        for key, sums in self._period_sums():
            whose, _, period = key.rpartition(SEPARATOR)
            if whose == company and sums.certified is not None:
                certified, journals = found.get(period, (0, 0))
                found[period] = certified + sums.certified.journals, journals + sums.journals
        return [(period, *counts) for period, counts in sorted(found.items()) if counts[0] != counts[1]]

    def _period_sums(self) -> list[tuple[str, PeriodSums]]:
        try:
            rows = self._rows("SELECT id, data FROM periods ORDER BY id")
            return [(key, snapshot.decode_period_sums(key, data)) for key, data in rows]
        except Damaged:
            return []

    def parked(self) -> dict[str, Work | None]:
        """Rows of which something waits; None where nothing is known of what."""
        found: dict[str, Work | None] = {}
        for entry_id, data in self._rows("SELECT p.id, e.data FROM parked p LEFT JOIN entries e USING (no, id)"):
            found[entry_id] = None
            with suppress(Damaged):
                found[entry_id] = snapshot.decode_entry(data).work if data is not None else None
        return found

    def standings(self) -> Iterator[JournalStanding]:
        """Of all journals that go to an ERP, where they stand there."""
        with suppress(Damaged):
            for journal_id, data in self._rows("SELECT id, data FROM journals"):
                yield snapshot.decode_journal(journal_id, data)

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Nothing of a shard whose store cannot be read."""
        found: list[tuple[object, ...]] = []
        for db in self._dbs:
            with suppress(sqlite3.DatabaseError):
                found += db.execute(query, values).fetchall()
        return found

    def _row(self, tables: str, engagement_id: str, condition: str, *values: str) -> bytes | None:
        rows = self._rows(f"{tables} WHERE engagements.id = ? AND {condition}", engagement_id, *values)
        data: bytes | None = rows[0][0] if rows else None
        return data


@contextmanager
def reading_stores(paths: Iterable[Path]) -> Iterator[StoreReader]:
    """Those of several shards as one; nothing is known where one of them is not there."""
    with ExitStack() as held:
        every = list(paths)
        if not all(path.exists() for path in every):
            yield StoreReader()
            return
        yield StoreReader(*(held.enter_context(closing(read_only(path))) for path in every))
