"""Source text of a function that is being made, and tables that fill themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count, islice
from typing import Any, Final

from connectors.avro_schema import Array, Optional, RecordType, Union

# A table starts afresh when it has so many entries: 2 to 3 MB.
ENTRIES_MAX: Final = 16_384
PIECE_BYTES_MAX: Final = 136


class MadeTable(dict[Any, Any]):
    """A bounded table that makes what it is asked for; what `make` raises goes on to the caller, and nothing is kept."""

    __slots__ = ("first", "make")

    def __init__(self, make: Callable[[Any], Any], first: dict[Any, Any] | None = None) -> None:
        self.make = make
        self.first = first or {}
        super().__init__(self.first)

    def __missing__(self, key: Any) -> Any:
        made = self.make(key)
        if len(self) >= ENTRIES_MAX:
            # The half that was made first.
            for old in list(islice(self, ENTRIES_MAX // 2)):
                del self[old]
            self.update(self.first)
        if not isinstance(made, bytes) or len(made) <= PIECE_BYTES_MAX:
            self[key] = made
        return made


class Code:
    """Source text of one function and the values it refers to."""

    def __init__(self, head: str) -> None:
        self.lines = [head]
        self.depth = 1
        self.loops = 0
        self.numbers = count()
        self.values: dict[str, Any] = {}

    def __call__(self, *lines: str) -> None:
        self.lines.extend("    " * self.depth + line for line in lines)

    def first(self, line: str) -> None:
        self.lines.insert(1, f"    {line}")

    @contextmanager
    def under(self, line: str) -> Iterator[None]:
        self(line)
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def looped(self, line: str) -> Iterator[None]:
        self.loops += 1
        with self.under(line):
            yield
        self.loops -= 1

    def fresh(self) -> str:
        """A local name of its own."""
        return f"v{next(self.numbers)}"

    def value(self, value: Any) -> str:
        """The name under which the function finds a value."""
        name = f"g{id(value):x}"
        self.values[name] = value
        return name

    def function(self, name: str, title: str, helpers: Mapping[str, Any]) -> Any:
        """The function, which finds `helpers` by their names too."""
        found = {**self.values, **helpers}
        exec(compile("\n".join(self.lines), f"<{title}>", "exec"), found)  # noqa: S102 - made from pinned schemas alone
        return found[name]


def is_flat(record: RecordType) -> bool:
    """Small enough to be written out where it stands."""
    nested = (Array, Union, RecordType)
    kinds = [field.type.value if isinstance(field.type, Optional) else field.type for field in record.fields]
    return len(kinds) <= 16 and record.head is None and not any(isinstance(kind, nested) for kind in kinds)
