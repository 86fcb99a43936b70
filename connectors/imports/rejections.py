"""Rows that could not be read, with place and reason: listed in a file beside the events, never dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Told on the terminal; the file has them all.
REJECTED_SHOWN = 20


class Rejected(NamedTuple):
    """`event` is what the row would have become; `row` its cells, where it had any."""

    line: int
    event: str
    column: str
    value: str
    reason: str
    row: Mapping[str, str] | None

    def sentence(self) -> str:
        """For a terminal, so without the control characters a file may hold."""
        place = f'column "{self.column}": ' if self.column else ""
        shown = "".join(sign if sign.isprintable() else "�" for sign in self.value[:80])
        came = f' (came "{shown}")' if self.value else ""
        return f"line {self.line}: {place}{self.reason}{came}"


def rejected_json(rejected: Rejected) -> dict[str, object]:
    return {key: value for key, value in rejected._asdict().items() if value not in ("", None)}
