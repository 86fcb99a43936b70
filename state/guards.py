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
TOPIC_CHANGED: Final = 21
PROGRESS_MISSING: Final = 22
HANGING_TRANSACTION: Final = 23
TORN_OUTPUTS: Final = 24
FENCED: Final = 25
WRONG_TOPIC_SETTINGS: Final = 26
POISON: Final = 27
BROKER_UNREACHABLE: Final = 28
SCHEMA_UNKNOWN: Final = 29
REGISTRY_UNREACHABLE: Final = 30
REFUSED_BY_BROKER: Final = 31
CLOCKS_APART: Final = 32


class GuardStop(Exception):
    """Ends the process with `code`; what was committed before stays, and the next start goes on from it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message
