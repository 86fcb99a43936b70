"""Fields of events by their paths, such as `cap.amount` or `rates[0].rate`, and the cell that each is read from."""

from __future__ import annotations

import re

from connectors.avro_schema import (
    Array,
    Boolean,
    Date,
    Decimal,
    Instant,
    MapType,
    Optional,
    RecordType,
    Type,
    Union,
    WholeType,
)
from connectors.imports.cells import DateCell, FlagCell, HoursCell, InstantCell, NumberCell, TextCell, VersionCell


def steps_of(path: str) -> list[str]:
    """`rates[0].rate` as rates, 0, rate."""
    return re.findall(r"[^.\[\]]+", path)


def type_at(kind: Type | None, path: str) -> Type | None:
    """What a field is; of terms, as the first kind of terms that has it. None where there is none."""
    return _inner(stated_at(kind, path))


def stated_at(kind: Type | None, path: str) -> Type | None:
    """As the schema states it, so that what may be left out is seen."""
    for step in steps_of(path):
        kind = _inner(kind)
        if isinstance(kind, Array) and step.isdigit():
            kind = kind.item
        elif isinstance(kind, MapType):
            kind = kind.value
        else:
            records = kind.branches if isinstance(kind, Union) else (kind,)
            fields = (field for record in records if isinstance(record, RecordType) for field in record.fields)
            kind = next((field.type for field in fields if field.name == step), None)
    return kind


def _inner(kind: Type | None) -> Type | None:
    return kind.value if isinstance(kind, Optional) else kind


def cell_class(kind: Type) -> type[TextCell]:
    match kind:
        case Decimal():
            return HoursCell if kind.unit == "hours" else NumberCell
        case Date():
            return DateCell
        case Instant():
            return InstantCell
        case Boolean():
            return FlagCell
        case WholeType():
            return VersionCell
        case _:
            return TextCell
