"""Stops that protect the books: what was relied on does not hold, and going on could post wrong or twice."""

from __future__ import annotations

from typing import Final

INPUT_CHANGED: Final = 10
OUTPUT_UNWRITABLE: Final = 12
LOG_DAMAGED: Final = 13
INTAKE_STATE_LOST: Final = 14
OTHER_GENERATION: Final = 15
LOG_MISSING: Final = 16
INPUT_UNREADABLE: Final = 17
OUTPUTS_DIFFER: Final = 18
RULES_MISSING: Final = 19
STORE_DAMAGED: Final = 20


class GuardStop(Exception):
    """Ends the process with `code`; what was committed before stays, and the next start goes on from it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message
