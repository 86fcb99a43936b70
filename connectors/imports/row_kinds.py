"""Tables whose rows are of several kinds, in one file or several: which kind a row is, and that no column is missing or read by nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import ClassVar, NamedTuple

from pydantic import Field

from connectors.imports.cells import TextCell, Texts, label_of
from connectors.imports.csv_rows import Broken, open_text, read_table
from connectors.imports.mapping import TableMapping
from connectors.imports.refusals import ImportRefused, nearest
from connectors.imports.rejections import CellFault, CsvRow, RejectedRow
from connectors.imports.said import text_in


class KindsMapping(TableMapping):
    """`kind` says what a row is; where it says nothing, `files` does by the file's name. `ignore` are columns that say nothing here."""

    KINDS: ClassVar[tuple[str, ...]] = ()
    PLAIN: ClassVar[str] = "line"
    WHERE: ClassVar[str] = ""

    kind: TextCell | None = None
    files: Mapping[str, str] = Field(default_factory=dict)
    ignore: Texts = ()

    def has_section(self, kind: str) -> bool:
        return bool(getattr(self, kind))

    def reads(self, kinds: frozenset[str]) -> Iterator[tuple[str, TextCell]]:
        """Every (key, cell) that is asked of rows of these kinds."""
        raise NotImplementedError

    def pattern_of_file(self, name: str) -> str | None:
        """The first that fits, as `receivables*.csv`."""
        return next((pattern for pattern in self.files if fnmatchcase(PurePath(name).name, pattern)), None)

    def kind_of_file(self, name: str) -> str:
        pattern = self.pattern_of_file(name)
        return self.PLAIN if pattern is None else self.files[pattern]


class RowPlace(NamedTuple):
    """Where something is stated: the row, and the column where one states it."""

    file: str
    row: CsvRow
    column: str = ""

    def short(self) -> str:
        return f"{self.file} line {self.row.line}"

    def rejected(self, event: str, reason: str, value: str = "") -> RejectedRow:
        return RejectedRow(self.row.line, event, self.column, value, reason, self.row.cells, self.file)


class LoadedRows:
    """The rows of all files of one load, those that `[[skip]]` leaves out, and what is wrong with any."""

    def __init__(self, mapped: KindsMapping) -> None:
        self.left_out: Counter[str] = Counter({rule.label(): 0 for rule in mapped.skip})
        self.wrong: list[RejectedRow] = []
        self._mapped = mapped
        self.taken = 0

    def of(self, path: Path, mapping_name: str) -> Iterator[CsvRow | Broken]:
        for row in rows_of(path, self._mapped, mapping_name, self.left_out):
            self.taken += 1
            yield row

    @property
    def count(self) -> int:
        return self.taken + self.left_out.total()

    @property
    def wrong_count(self) -> int:
        return len({(each.file, each.line) for each in self.wrong})

    def rejected(self) -> list[RejectedRow]:
        """In the files' order."""
        return sorted(self.wrong, key=lambda each: (each.file, each.line))


def kind_of(row: CsvRow, mapped: KindsMapping, file: str) -> str:
    """What the row says, else its file's name, else the plain kind. Raises CellFault."""
    said = text_in(mapped.kind, row)
    if said is None:
        return mapped.kind_of_file(file)
    if said not in mapped.KINDS:
        raise CellFault(
            label_of(mapped.kind), said, f"expected one of {', '.join(mapped.KINDS)}{nearest(said, mapped.KINDS)}"
        )
    if not mapped.has_section(said):
        raise CellFault("", said, f"the mapping has no section [{said}]; copy it from {mapped.WHERE}")
    return said


def rows_of(path: Path, mapped: KindsMapping, mapping_name: str, left_out: Counter[str]) -> Iterator[CsvRow | Broken]:
    """All but those that `[[skip]]` leaves out, once the header is known to fit. Raises ImportRefused."""
    with open_text(path, mapped.file.encoding) as file:
        table = read_table(file, path, mapped.file)
        rows = list(table.rows)
    kept = [
        row for row in rows if isinstance(row, Broken) or not _leaves_out(row, table.header, path, mapped, left_out)
    ]
    _Header(table.header, path, mapped, mapping_name).check(kept)
    yield from kept


def _leaves_out(row: CsvRow, header: Sequence[str], path: Path, mapped: KindsMapping, left_out: Counter[str]) -> bool:
    for rule in mapped.skip:
        if rule.column not in header:
            raise ImportRefused(
                f'{path}: [[skip]] reads a column "{rule.column}" that is not there{nearest(rule.column, header)}'
            )
    left_out_by = mapped.left_out_by(row.cells)
    if left_out_by is None:
        return False
    left_out[left_out_by.label()] += 1
    return True


class _Header:
    """Each column that rows of the file's kinds need is there, once, and none is there that nothing reads."""

    def __init__(self, header: Sequence[str], path: Path, mapped: KindsMapping, mapping_name: str) -> None:
        self._header, self._path, self._mapped, self._mapping_name = header, path, mapped, mapping_name

    def check(self, rows: Sequence[CsvRow | Broken]) -> None:
        header, path = self._header, self._path
        read = dict[str, str]()
        for key, cell in self._mapped.reads(frozenset(self._kinds(rows))):
            for column in cell.reads():
                read[column] = key
                if column not in header and not cell.optional:
                    raise ImportRefused(
                        f'{self._mapping_name}: {key}: expected a column of {path.name}, came "{column}"{nearest(column, header)};'
                        f" the columns are {', '.join(header)}{self._by_name()}"
                    )
        twice = next((column for column in read if header.count(column) > 1), None)
        if twice is not None:
            raise ImportRefused(
                f'{path}: the column "{twice}" stands {header.count(twice)} times in the header; rename one'
            )
        of_others = {column for _, cell in self._mapped.reads(frozenset(self._mapped.KINDS)) for column in cell.reads()}
        unread = [column for column in header if column not in read and column not in self._mapped.ignore and column]
        strange = [column for column in unread if column not in of_others or _has_text(rows, column)]
        if strange:
            raise ImportRefused(
                f'{path}: nothing reads the column "{strange[0]}"{nearest(strange[0], read)}; correct its name, map it in'
                f' {self._mapping_name}, or write ignore = ["{strange[0]}"] there, so that nothing is lost'
            )

    def _by_name(self) -> str:
        """That the file's name says what its rows are, where no column does."""
        kind, pattern = self._mapped.kind, self._mapped.pattern_of_file(self._path.name)
        if pattern is None or kind is None or all(column in self._header for column in kind.reads()):
            return ""
        said = self._mapped.files[pattern]
        return f'. Its rows are read as {said}, for its name is like "{pattern}" ([files]): rename it, or add a column kind'

    def _kinds(self, rows: Iterable[CsvRow | Broken]) -> Iterator[str]:
        kind = self._mapped.kind
        for row in rows:
            if isinstance(row, CsvRow):
                if kind is not None and any(column not in row.cells for column in kind.reads()):
                    yield self._mapped.kind_of_file(self._path.name)
                    return
                try:
                    yield kind_of(row, self._mapped, self._path.name)
                except CellFault:  # its row is refused; which columns are for it nobody knows
                    yield from (kind for kind in self._mapped.KINDS if self._has_columns(kind, row.cells))

    def _has_columns(self, kind: str, cells: Mapping[str, str]) -> bool:
        asked = self._mapped.reads(frozenset((kind,)))
        return all(cell.optional or column in cells for _, cell in asked for column in cell.reads())


def _has_text(rows: Iterable[CsvRow | Broken], column: str) -> bool:
    return any(isinstance(row, CsvRow) and row.cells.get(column) for row in rows)
