"""What is said of bytes or text that are not exactly one valid record."""

from __future__ import annotations

from typing import Final

SHOWN_CHARACTERS_MAX: Final = 80


def shown(value: object) -> str:
    """A value of theirs on one line: cut after 80 characters, and whatever a terminal would act on escaped."""
    text = repr(value[:SHOWN_CHARACTERS_MAX] if isinstance(value, str | bytes) else str(value)[:SHOWN_CHARACTERS_MAX])
    if isinstance(value, str | bytes):
        return text + "..." * (len(value) > SHOWN_CHARACTERS_MAX)
    return text[1:-1]


class DecodeError(Exception):
    """Names place and reason, and shows of the payload no more than the value at fault, cut and escaped (`shown`).

    `nearest` is said where no field or event has the name that stands there: the one that is meant, empty where none is like it.
    """

    def __init__(
        self, reason: str, field_path: str = "", position: int | None = None, nearest: str | None = None
    ) -> None:
        super().__init__(reason, field_path, position, nearest)
        self.reason = reason
        self.field_path = field_path
        self.position = position
        self.nearest = nearest

    def __str__(self) -> str:
        place = f"{self.field_path}: " if self.field_path else ""
        at = "" if self.position is None else f" (byte {self.position})"
        return f"{place}{self.reason}{at}"


class EncodeError(Exception):
    """A record of ours that its schema cannot hold: our own mistake, so the shard stops."""

    def __init__(self, reason: str, field_path: str) -> None:
        super().__init__(reason, field_path)
        self.reason = reason
        self.field_path = field_path

    def __str__(self) -> str:
        return f"{self.field_path}: {self.reason}"
