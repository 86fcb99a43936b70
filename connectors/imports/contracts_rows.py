"""Rows of contracts as fields with the place that states each, and fields as the JSON of an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connectors.avro_schema import Array, Choice, Decimal, Optional, Type
from connectors.imports.cells import NumberCell, TextCell
from connectors.imports.contracts_mapping import KINDS, TERMS, ContractsMapping, RowKind, kind_at, sections_of
from connectors.imports.readings import UnreadableCell, decimal_text, read_number
from connectors.imports.refusals import nearest
from connectors.imports.rejections import CellFault, CsvRow
from connectors.imports.row_kinds import RowPlace, kind_of
from connectors.imports.said import money_in, required, text_in, value_in
from connectors.imports.schema_fields import stated_at, steps_of

# Between the values of a cell that holds several.
BETWEEN = ";"


class StatedCell(NamedTuple):
    """A value as JSON has it; `is_given` where the file says it, and not the mapping."""

    value: object
    place: RowPlace
    is_given: bool


Fields = Mapping[str, StatedCell]


class ContractRow(NamedTuple):
    """A row with the fields of each section that reads it; `contract_id` and `line_id` say whose it is."""

    kind: RowKind
    place: RowPlace
    contract_id: str | None
    line_id: str | None
    sections: Mapping[str, Fields]


def read_row(row: CsvRow, mapped: ContractsMapping, file: str) -> ContractRow:
    """Raises CellFault with the first thing that is wrong."""
    kind = next(each for each in KINDS if each == kind_of(row, mapped, file))
    place = RowPlace(file, row)
    terms = _terms_of(row, mapped) if kind == "line" else None
    ids = {name: required(text_in(cell, row), cell, name) for _, name, cell in mapped.whose(kind)}
    sections = {
        section: dict(_fields(section, place, mapped, terms if section == TERMS else None))
        for section in sections_of(kind)
    }
    _check_all_read(row, mapped, kind, terms)
    return ContractRow(kind, place, ids.get("contract_id"), ids.get("line_id"), sections)


def _terms_of(row: CsvRow, mapped: ContractsMapping) -> str:
    """The kind of the line's terms, which says what its other columns may hold."""
    cell = mapped.terms["type"]
    kind = kind_at(TERMS, "type")
    assert isinstance(kind, Choice), "kinds of terms are a choice"
    said = required(text_in(cell, row), cell, "the kind of terms")
    if said not in kind.symbols:
        words = [*cell.map, *kind.symbols]
        raise CellFault(
            cell.label(), said, f"expected a kind of terms, one of {', '.join(words)}{nearest(said, words)}"
        )
    return said


def _fields(
    section: str, place: RowPlace, mapped: ContractsMapping, terms: str | None
) -> Iterator[tuple[str, StatedCell]]:
    cells = mapped.section(section)
    of_money = cells.get("currency") or mapped.contract.get("currency")
    has_it = of_money is not None and place.row.cells.keys() >= {*of_money.reads()}
    currency = text_in(of_money, place.row) if has_it else None
    for path, cell in cells.items():
        kind = kind_at(section, path, terms)
        value = None if kind is None else _value(kind, cell, place.row, mapped, currency)
        if value is not None:
            yield path, StatedCell(value, place._replace(column=cell.label()), _is_given(cell, place.row))


def _is_given(cell: TextCell, row: CsvRow) -> bool:
    return any(row.cells.get(column) for column in cell.reads())


def _check_all_read(row: CsvRow, mapped: ContractsMapping, kind: RowKind, terms: str | None) -> None:
    """No cell is filled that a row of its kind, or of its terms, does not read: a cap beside a fixed price would be lost."""
    read = {column for _, _, cell in mapped.whose(kind) for column in cell.reads()} | {*mapped.ignore}
    if mapped.kind is not None:
        read |= {*mapped.kind.reads()}
    unread: dict[str, str] = {}
    for section in sections_of(kind):
        for path, cell in mapped.section(section).items():
            if kind_at(section, path, terms) is not None:
                read |= {*cell.reads()}
            else:
                unread |= dict.fromkeys(cell.reads(), path)
    for column, text in row.cells.items():
        if text and column not in read:
            what = (
                f"terms of kind {terms} have no {unread[column]}"
                if column in unread
                else f"a row of kind {kind} has none"
            )
            raise CellFault(column, text, f"{what}; empty the cell, or correct the kind")


def _value(kind: Type, cell: TextCell, row: CsvRow, mapped: ContractsMapping, currency: str | None) -> object:
    """As the JSON of an event has it; None where nothing is there."""
    if isinstance(cell, NumberCell) and isinstance(kind, Decimal) and kind.unit in ("amount", "rate"):
        number = money_in(cell, row, mapped.file, currency)
        return None if number is None else decimal_text(number)
    value = value_in(cell, row, mapped)
    return _text(kind, value, cell, mapped) if isinstance(value, str) and type(cell) is TextCell else value


def _text(kind: Type, text: str, cell: TextCell, mapped: ContractsMapping) -> object:
    if isinstance(kind, Array):
        item = kind.item.value if isinstance(kind.item, Optional) else kind.item
        return [_text(item, each.strip(), cell, mapped) for each in text.split(BETWEEN) if each.strip()]
    if isinstance(kind, Decimal):
        try:
            return decimal_text(read_number(text, mapped.file.decimal, mapped.file.thousands))
        except UnreadableCell as fault:
            raise CellFault(cell.label(), text, str(fault)) from fault
    if isinstance(kind, Choice) and text not in kind.symbols:
        words = [*cell.map, *kind.symbols]
        raise CellFault(cell.label(), text, f"expected one of {', '.join(words)}{nearest(text, words)}")
    return text


def under(prefix: str, fields: Fields) -> dict[str, StatedCell]:
    return {f"{prefix}.{path}": stated for path, stated in fields.items()}


def json_of(fields: Fields, record: Type) -> dict[str, object]:
    """Nested as the event has it. What the mapping alone states of a record that may be left out makes none: no cap without a limit."""
    given = [path for path, stated in fields.items() if stated.is_given]
    made: dict[str, object] = {}
    for path, stated in fields.items():
        if stated.is_given or not _is_lonely(path, given, record):
            _put(made, steps_of(path), stated.value)
    return made


def _is_lonely(path: str, given: list[str], record: Type) -> bool:
    """Whether the file says nothing of the optional record in which the field stands."""
    parent = path.rpartition(".")[0]
    may_lack = bool(parent) and isinstance(stated_at(record, parent), Optional)
    return may_lack and not any(each.startswith(f"{parent}.") for each in given)


def _put(made: dict[str, object], steps: list[str], value: object) -> None:
    at: dict[str, object] | list[object] = made
    for step, following in zip(steps, [*steps[1:], ""], strict=True):
        inner: object = value if not following else [] if following.isdigit() else {}
        if isinstance(at, list):
            at += [{} for _ in range(int(step) + 1 - len(at))]
            place = int(step)
            at[place] = inner if not following else at[place]
            found = at[place]
        else:
            found = inner if not following else at.setdefault(step, inner)
            at[step] = found
        if isinstance(found, dict | list):
            at = found


def place_of(fields: Fields, path: str) -> RowPlace | None:
    """Where a field of an event is stated: itself, something in it, or what it stands in."""
    while path:
        if path in fields:
            return fields[path].place
        inner = next((each for each in fields if each.startswith((f"{path}.", f"{path}["))), None)
        if inner is not None:
            return fields[inner].place
        path = path[: max(path.rfind("."), path.rfind("["))] if ("." in path or "[" in path) else ""
    return None
