"""An exception is raised, perhaps again with a higher revision, and closed once."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import EXCEPTIONS, SeenOutput, Violation, violation
from domain.outputs import ExceptionClosed, ExceptionRaised


class OpenExceptions:
    """What is open at a place in the outputs, with its category and revision."""

    def __init__(self) -> None:
        self.count = 0
        self.open: dict[str, tuple[str, int]] = {}

    def raised(self, seen: SeenOutput, record: ExceptionRaised) -> Iterator[Violation]:
        self.count += 1
        known = self.open.get(record.exception_id)
        if known is not None and record.revision <= known[1]:
            expected = f"a revision above {known[1]}, since it is open"
            yield violation(EXCEPTIONS, seen, record.exception_id, expected, f"revision {record.revision}")
        self.open[record.exception_id] = (record.category, record.revision)

    def closed(self, seen: SeenOutput, record: ExceptionClosed) -> Iterator[Violation]:
        self.count += 1
        category, _ = self.open.pop(record.exception_id, ("none that is open", 0))
        if category != record.category:
            yield violation(
                EXCEPTIONS, seen, record.exception_id, f"an open exception {record.category}", f"category {category}"
            )
