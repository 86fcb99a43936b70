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


class _Bases(NamedTuple):
    """Former entries by id without the mark of a move; the one that stands is the last of its moves."""

    newest: Mapping[str, FormerEntry]
    moves: Mapping[str, int]


def match(
    source: str, rows: Iterable[ExportRow], former: Mapping[str, FormerEntry], refused: Iterable[tuple[str, ...]] = ()
) -> Matching:
    """`refused` are keys of rows that are not among `rows`, where they are not the vendor's ids."""
    rows = tuple(rows)
    kept = Counter(f"{source}-{_digest(key)}" for key in refused)
    bases = _bases(former)
    assigned: dict[int, str] = {}
    taken: set[str] = set()
    for key, group in grouped(rows, lambda row: row.key).items():
        stem = key[0] if group[0].has_vendor_id else f"{source}-{_digest(key)}"
        known = [stem] if group[0].has_vendor_id else _numbered(stem, bases)
        names = [base for base in known if base in bases.newest]
        for row, base in _within_key(group, names, bases, _any, kept=kept[stem]):
            assigned[row.line] = base
            taken.add(base)
    for stem, count in kept.items():
        taken.update([base for base in _numbered(stem, bases) if base not in taken][:count])
    left = [row for row in rows if row.line not in assigned]
    for row, base in _by_work(left, bases, taken):
        assigned[row.line] = base
        taken.add(base)
    for row in sorted(left, key=_order):
        if row.line not in assigned:
            assigned[row.line] = base = _unused(source, row, bases, taken)
            taken.add(base)
    matched = tuple(_matched(row, assigned[row.line], bases) for row in rows)
    return Matching(matched, _gone(rows, bases, taken))


def is_of_import(source: str, entry: FormerEntry) -> bool:
    """By its id, made here of a row's key and count; a mapping makes ids like it, and event ids that end in a line."""
    has_form = re.fullmatch(rf"{re.escape(source)}-[0-9a-f]{{24}}-[0-9]+(?:{_MOVED}[0-9]+)?", entry.entry_id)
    is_of_mapping = entry.digest.isdecimal() and len(entry.digest) < DIGEST_LENGTH
    return has_form is not None and not is_of_mapping


def _bases(former: Mapping[str, FormerEntry]) -> _Bases:
    newest: dict[str, FormerEntry] = {}
    moves: dict[str, int] = {}
    for entry in former.values():
        stem, _, number = entry.entry_id.rpartition(_MOVED)
        base, move = (stem, int(number)) if stem in former and number.isdecimal() else (entry.entry_id, 1)
        if move >= moves.get(base, 0):
            newest[base], moves[base] = entry, move
    return _Bases(newest, moves)


def _numbered(stem: str, bases: _Bases) -> list[str]:
    """`stem-1`, `stem-2`, ... as far as there are any."""
    names: list[str] = []
    while f"{stem}-{len(names) + 1}" in bases.newest:
        names.append(f"{stem}-{len(names) + 1}")
    return names


def _within_key(
    rows: list[ExportRow],
    names: list[str],
    bases: _Bases,
    *others: Callable[[ExportRow, FormerEntry], bool],
    kept: int = 0,
) -> list[tuple[ExportRow, str]]:
    """What agrees most goes together first; what does not agree leaves `kept` of the names."""
    pairs: list[tuple[ExportRow, str]] = []
    for agrees in (_same_content, _same_hours, *others):
        for row in sorted(rows, key=_order):
            if all(row is not each for each, _ in pairs):
                free = [name for name in names if all(name != each for _, each in pairs)]
                found = next((name for name in free if agrees(row, bases.newest[name])), None)
                if found is not None and (agrees is not _any or len(free) > kept):
                    pairs.append((row, found))
    return pairs


def _by_work(left: list[ExportRow], bases: _Bases, taken: set[str]) -> list[tuple[ExportRow, str]]:
    """Edited notes and starts, where the hours are the same, or starts and hours, where the note is; never across ids of the vendor.

    Where all of it differs it may be other work, of an export that leaves out some: both stand, and the one that is missing is reported.
    """
    free: dict[Hashable, list[str]] = defaultdict(list)
    for base, entry in bases.newest.items():
        if base not in taken and entry.is_live:
            free[entry.day, entry.project_id, entry.person_id, entry.task].append(base)
    pairs = []
    groups = grouped((row for row in left if not row.has_vendor_id), _work)
    for work, group in groups.items():
        pairs += _within_key(group, sorted(free.get(work, ())), bases, _same_note)
    return pairs


def _work(row: ExportRow) -> Hashable:
    return row.day, row.project.id, row.person.id, row.task


def _matched(row: ExportRow, base: str, bases: _Bases) -> Matched:
    entry = bases.newest.get(base)
    if entry is None:
        return Matched(row, base, 0, None, None)
    is_older = row.changed_at is not None and row.changed_at < entry.version
    if entry.project_id != row.project.id and not (entry.is_live and is_older):
        return Matched(row, f"{base}{_MOVED}{bases.moves[base] + 1}", 0, None, entry if entry.is_live else None)
    return Matched(row, entry.entry_id, entry.version, entry, None)


def _gone(rows: tuple[ExportRow, ...], bases: _Bases, taken: set[str]) -> tuple[FormerEntry, ...]:
    first, last = min((row.day for row in rows), default=None), max((row.day for row in rows), default=None)
    if first is None or last is None:
        return ()
    return tuple(
        entry
        for base, entry in bases.newest.items()
        if base not in taken and entry.is_live and entry.day is not None and first <= entry.day <= last
    )


def _unused(source: str, row: ExportRow, bases: _Bases, taken: set[str]) -> str:
    if row.has_vendor_id:
        return row.key[0]
    stem, number = f"{source}-{_digest(row.key)}", 1
    while f"{stem}-{number}" in bases.newest or f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _digest(key: tuple[str, ...]) -> str:
    return hashlib.blake2b("\x1f".join(key).encode(), digest_size=12).hexdigest()


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
