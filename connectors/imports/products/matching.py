"""Rows and the entries that earlier exports made: which row is which entry, and what is new, changed or gone.

Ids do not depend on hours. A row is matched to an entry of its own key (the vendor's id, or what stays when hours are
edited); of several with one key first to the one with the same content. What is then left on both sides is matched
where day, project, person and task agree: its note or its start was edited. A row that is refused keeps the entry of its
key, so that no other row becomes a new version of it. An entry that now belongs to another
project is withdrawn and approved again under a new id, `...~2`, because an entry never changes its engagement.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import count, takewhile
from typing import NamedTuple

from connectors.imports.products.export_row import DIGEST_LENGTH, ExportRow, grouped
from connectors.imports.products.former import FormerEntry

_MOVED = "~"


class Matched(NamedTuple):
    """A row with its id; `former` is the live entry that it continues, `version` what it has to be above.

    `invoiced_here`: the tracker has invoiced it, and it stays billed here.
    """

    row: ExportRow
    entry_id: str
    version: int
    former: FormerEntry | None
    moved_from: FormerEntry | None
    invoiced_here: bool = False

    @property
    def is_unchanged(self) -> bool:
        """Also where the vendor says that the row is older than what was imported."""
        if self.former is None or not self.former.is_live:
            return False
        is_older = self.row.changed_at is not None and self.row.changed_at < self.former.version
        return is_older or self.former.digest == self.row.digest()


class Matching(NamedTuple):
    """`gone` are live entries within the days of the rows that no row is any more."""

    matched: tuple[Matched, ...]
    gone: tuple[FormerEntry, ...]


def match(
    source: str, rows: Iterable[ExportRow], former: Mapping[str, FormerEntry], refused: Iterable[tuple[str, ...]] = ()
) -> Matching:
    """`refused` are keys of rows that are not among `rows`, where they are not the vendor's ids."""
    rows = tuple(rows)
    matcher = _Matcher(source, former)
    matcher.by_key(rows, Counter(matcher.stem_of(key) for key in refused))
    matcher.by_work(rows)
    matcher.as_new(rows)
    return Matching(tuple(map(matcher.matched, rows)), matcher.gone(rows))


def is_of_import(source: str, entry: FormerEntry) -> bool:
    """By its id, made here of a row's key and count; a mapping makes ids like it, and event ids that end in a line."""
    has_form = re.fullmatch(rf"{re.escape(source)}-[0-9a-f]{{24}}-[0-9]+(?:{_MOVED}[0-9]+)?", entry.entry_id)
    is_of_mapping = entry.digest.isdecimal() and len(entry.digest) < DIGEST_LENGTH
    return has_form is not None and not is_of_mapping


class _Matcher:
    """Former entries by base, their id without the mark of a move: `_newest` stands, and is the last of its `_moves`."""

    def __init__(self, source: str, former: Mapping[str, FormerEntry]) -> None:
        self._source = source
        self._newest: dict[str, FormerEntry] = {}
        self._moves: dict[str, int] = {}
        self._base_of: dict[int, str] = {}
        self._taken: set[str] = set()
        for entry in former.values():
            stem, _, number = entry.entry_id.rpartition(_MOVED)
            base, move = (stem, int(number)) if stem in former and number.isdecimal() else (entry.entry_id, 1)
            if move >= self._moves.get(base, 0):
                self._newest[base], self._moves[base] = entry, move

    def stem_of(self, key: tuple[str, ...]) -> str:
        digest = hashlib.blake2b("\x1f".join(key).encode(), digest_size=12)
        return f"{self._source}-{digest.hexdigest()}"

    def by_key(self, rows: Iterable[ExportRow], kept: Mapping[str, int]) -> None:
        """Of the entries of a stem `kept` are those of rows that are refused."""
        for key, group in grouped(rows, lambda row: row.key).items():
            stem = key[0] if group[0].has_vendor_id else self.stem_of(key)
            known = [stem] if group[0].has_vendor_id else self._numbered(stem)
            self._pair(group, [base for base in known if base in self._newest], _any, kept=kept.get(stem, 0))
        for stem, most in kept.items():
            self._taken.update([base for base in self._numbered(stem) if base not in self._taken][:most])

    def by_work(self, rows: Iterable[ExportRow]) -> None:
        """Edited notes and starts, where the hours are the same, or starts and hours, where the note is; never across ids of the vendor.

        Where all of it differs it may be other work, of an export that leaves out some: both stand, and the missing one is reported.
        """
        free: dict[Hashable, list[str]] = defaultdict(list)
        for base, entry in self._newest.items():
            if base not in self._taken and entry.is_live:
                free[entry.day, entry.project_id, entry.person_id, entry.task].append(base)
        left = (row for row in rows if row.line not in self._base_of and not row.has_vendor_id)
        for work, group in grouped(left, _work).items():
            self._pair(group, sorted(free.get(work, ())), _same_note)

    def as_new(self, rows: Iterable[ExportRow]) -> None:
        for row in sorted((row for row in rows if row.line not in self._base_of), key=_order):
            stem = self.stem_of(row.key)
            numbered = (f"{stem}-{number}" for number in count(1))
            unused = (base for base in numbered if base not in self._newest and base not in self._taken)
            self._take(row, row.key[0] if row.has_vendor_id else next(unused))

    def matched(self, row: ExportRow) -> Matched:
        base = self._base_of[row.line]
        entry = self._newest.get(base)
        if entry is None:
            return Matched(row, base, 0, None, None)
        is_older = row.changed_at is not None and row.changed_at < entry.version
        if entry.project_id != row.project.id and not (entry.is_live and is_older):
            return Matched(row, f"{base}{_MOVED}{self._moves[base] + 1}", 0, None, entry if entry.is_live else None)
        return Matched(row, entry.entry_id, entry.version, entry, None)

    def gone(self, rows: Iterable[ExportRow]) -> tuple[FormerEntry, ...]:
        days = [row.day for row in rows]
        left = (entry for base, entry in self._newest.items() if base not in self._taken and entry.is_live)
        return tuple(entry for entry in left if days and entry.day is not None and min(days) <= entry.day <= max(days))

    def _numbered(self, stem: str) -> list[str]:
        """`stem-1`, `stem-2`, ... as far as there are any."""
        return [*takewhile(self._newest.__contains__, (f"{stem}-{number}" for number in count(1)))]

    def _pair(
        self, rows: Iterable[ExportRow], names: list[str], last: Callable[[ExportRow, FormerEntry], bool], kept: int = 0
    ) -> None:
        """What agrees most goes together first; what does not agree leaves `kept` of the names."""
        for agrees in (_same_content, _same_hours, last):
            for row in sorted((row for row in rows if row.line not in self._base_of), key=_order):
                free = [name for name in names if name not in self._taken]
                found = next((name for name in free if agrees(row, self._newest[name])), None)
                if found is not None and (agrees is not _any or len(free) > kept):
                    self._take(row, found)

    def _take(self, row: ExportRow, base: str) -> None:
        self._base_of[row.line] = base
        self._taken.add(base)


def _work(row: ExportRow) -> Hashable:
    return row.day, row.project.id, row.person.id, row.task


def _order(row: ExportRow) -> tuple[object, ...]:
    """So that the order of equal rows in the file is nothing."""
    return row.hours, row.digest(), row.line


def _same_content(row: ExportRow, entry: FormerEntry) -> bool:
    return entry.digest == row.digest()


def _same_hours(row: ExportRow, entry: FormerEntry) -> bool:
    return entry.is_live and entry.hours == row.hours


def _same_note(row: ExportRow, entry: FormerEntry) -> bool:
    return entry.is_live and bool(row.note) and entry.note == row.note


def _any(_row: ExportRow, _entry: FormerEntry) -> bool:
    return True
