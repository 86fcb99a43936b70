"""What an event must keep besides its schema, checked by intake: ids, and the lengths of lists and descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_schema import Array, Optional, RecordType, Text, Type, Union
from connectors.avro_source import Code
from connectors.decode_error import DecodeError, shown
from domain.events.catalogue import Event
from domain.identity import fault_of_id

DESCRIPTION_CHARACTERS_MAX: Final = 500
LINES_MAX: Final = 2_000
LISTS_OF_IDS: Final = frozenset({"lines", "journals", "entries"})
# Ids that were found good are remembered, up to so many.
KNOWN_MAX: Final = 16_384

Check = Callable[[Any], bool]


def check_record(event: Event) -> None:
    """Raises DecodeError with the field path."""
    record = EVENT_CODECS[type(event).__name__].record
    if not _check(record)(event):
        for path, reason in _faults(record, event, "", ""):
            raise DecodeError(reason, path)


def _is_id(kind: Type, name: str) -> bool:
    return kind == Text() and (name == "id" or name.endswith("_id") or name in LISTS_OF_IDS)


@cache
def _check(record: RecordType) -> Check:
    """Whether a record is good; made like the codecs, because every event of intake passes it."""
    code = Code("def check(r):")
    names = [code.fresh() for _ in record.fields]
    code(f"({''.join(f'{name}, ' for name in names)}) = r")
    for field, name in zip(record.fields, names, strict=True):
        _check_value(code, field.type, field.name, name)
    code("return True")
    check: Check = code.function("check", f"check {record.name}", {"known": _KNOWN, "is_new_id": _is_new_id})
    return check


def _check_value(code: Code, kind: Type, name: str, source: str) -> None:
    match kind:
        case Text() if _is_id(kind, name):
            _refuse_if(code, f"{source} not in known and not is_new_id({source})")
        case Text() if name == "description":
            _refuse_if(code, f"len({source}) > {DESCRIPTION_CHARACTERS_MAX}")
        case Optional(inner) if _is_checked(inner, name):
            with code.under(f"if {source} is not None:"):
                _check_value(code, inner, name, source)
        case Array(item):
            if name == "lines":
                _refuse_if(code, f"len({source}) > {LINES_MAX}")
            if _is_checked(item, name):
                one = code.fresh()
                with code.under(f"for {one} in {source}:"):
                    _check_value(code, item, name, one)
        case RecordType() if _is_checked(kind, name):
            _refuse_if(code, f"not {code.value(_check(kind))}({source})")
        case Union(branches):
            checks = {branch.holder: _check(branch) for branch in branches if branch}
            _refuse_if(code, f"{source} is not None and not {code.value(checks)}[type({source})]({source})")


def _refuse_if(code: Code, condition: str) -> None:
    with code.under(f"if {condition}:"):
        code("return False")


def _is_checked(kind: Type, name: str) -> bool:
    """Whether there is anything to check in values of this type."""
    match kind:
        case Text():
            return _is_id(kind, name) or name == "description"
        case Optional(inner):
            return _is_checked(inner, name)
        case Array(item):
            return name == "lines" or _is_checked(item, name)
        case RecordType():
            return any(_is_checked(field.type, field.name) for field in kind.fields)
        case Union():
            return True
        case _:
            return False


def _is_new_id(value: str) -> bool:
    if fault_of_id(value):
        return False
    if len(_KNOWN) >= KNOWN_MAX:
        _KNOWN.clear()
    _KNOWN.add(value)
    return True


def _faults(kind: Type, value: Any, name: str, path: str) -> Iterator[tuple[str, str]]:
    match kind:
        case Text() if _is_id(kind, name):
            if fault := fault_of_id(value):
                yield path, f"{fault}: {shown(value)}"
        case Text() if name == "description" and len(value) > DESCRIPTION_CHARACTERS_MAX:
            yield (path, f"a description of {len(value)} characters, at most {DESCRIPTION_CHARACTERS_MAX}")
        case Optional(inner) if value is not None:
            yield from _faults(inner, value, name, path)
        case Array(item):
            if name == "lines" and len(value) > LINES_MAX:
                yield path, f"{len(value)} lines, at most {LINES_MAX} in one record"
            for at, one in enumerate(value):
                yield from _faults(item, one, name, f"{path}[{at}]")
        case RecordType():
            for field in kind.fields:
                inside = f"{path}.{field.name}" if path else field.name
                yield from _faults(field.type, getattr(value, field.name), field.name, inside)
        case Union(branches) if value is not None:
            branch = next(branch for branch in branches if branch and branch.holder is type(value))
            yield from _faults(branch, value, name, path)


_KNOWN: Final[set[str]] = set()
