"""Fields of events by their paths, such as `cap.amount` or `rates[0].rate`, and the cell that each is read from."""

from __future__ import annotations

import re

from connectors import avro_schema as avro
from connectors.imports.cells import DateCell, FlagCell, HoursCell, InstantCell, NumberCell, TextCell, VersionCell


def steps_of(path: str) -> list[str]:
    """`rates[0].rate` as rates, 0, rate."""
    return re.findall(r"[^.\[\]]+", path)


def type_at(kind: avro.Type | None, path: str) -> avro.Type | None:
    """What a field is; of terms, as the first kind of terms that has it. None where there is none."""
    return _inner(stated_at(kind, path))


def stated_at(kind: avro.Type | None, path: str) -> avro.Type | None:
    """As the schema states it, so that what may be left out is seen."""
    for step in steps_of(path):
        kind = _inner(kind)
        if isinstance(kind, avro.Array) and step.isdigit():
            kind = kind.item
        elif isinstance(kind, avro.MapType):
            kind = kind.value
        else:
            records = kind.branches if isinstance(kind, avro.Union) else (kind,)
            fields = (field for record in records if isinstance(record, avro.RecordType) for field in record.fields)
            kind = next((field.type for field in fields if field.name == step), None)
    return kind


def _inner(kind: avro.Type | None) -> avro.Type | None:
    return kind.value if isinstance(kind, avro.Optional) else kind


def cell_class(kind: avro.Type) -> type[TextCell]:
    match kind:
        case avro.Decimal():
            return HoursCell if kind.unit == "hours" else NumberCell
        case avro.Date():
            return DateCell
        case avro.Instant():
            return InstantCell
        case avro.Boolean():
            return FlagCell
        case avro.WholeType():
            return VersionCell
        case _:
            return TextCell
