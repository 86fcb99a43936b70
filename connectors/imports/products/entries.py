"""Matched rows as `TimeApproved` and `TimeWithdrawn`, each with its version and, where it needs one, its own rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from connectors.imports.checked import fault_of_time
from connectors.imports.folder_events import Event
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_row import ExportRow, NotTaken
from connectors.imports.products.former import FormerEntry
from connectors.imports.products.matching import Matched
from connectors.imports.products.rates import given_rate
from connectors.imports.products.read_rows import EVENT, refused
from connectors.imports.products.setup import Json
from connectors.imports.readings import decimal_text, end_of_day, instant_text
from domain.units import Instant

EVENT_ID_NAME_LENGTH_MAX = 60
TAKEN_AS_APPROVED = "taken-as-approved"


class ImportedEntries:
    """Matched rows as events; `rates` are of our own contracts, by project. Nothing is known later than `now`."""

    def __init__(
        self, source: str, name: str, choices: Choices, rates: Mapping[str, Sequence[Event]], now: Instant
    ) -> None:
        self._source = source
        self._name = name
        self._choices = choices
        self._rates = rates
        self._now = now

    def checked(self, taken: Iterable[Matched]) -> tuple[list[Matched], list[NotTaken]]:
        """A row that intake would not read is refused."""
        valid: list[Matched] = []
        invalid: list[NotTaken] = []
        for matched in taken:
            fault = None if matched.is_unchanged else fault_of_time(self._approved(matched))
            if fault is None:
                valid.append(matched)
            else:
                reason = f"{fault.field_path}: {fault.reason}; correct it and export again"
                invalid.append(refused(matched.row, "", "", reason))
        return valid, invalid

    def events(self, taken: Iterable[Matched]) -> list[Json]:
        """Nothing for rows that are as they were."""
        changed = [matched for matched in taken if not matched.is_unchanged]
        moved = [matched.moved_from for matched in changed if matched.moved_from is not None]
        return [*map(self._approved, changed), *map(self.withdrawn, moved)]

    def withdrawn(self, entry: FormerEntry) -> Json:
        day = entry.day or date(1990, 1, 1)
        return {
            "type": "TimeWithdrawn",
            "event_id": self._event_id("withdrawn", entry.entry_id[:40]),
            "occurred_at": self._known_at(day),
            "source": self._source,
            "project_id": entry.project_id,
            "entry_id": entry.entry_id,
            "version": entry.version + 1,
        }

    def _approved(self, matched: Matched) -> Json:
        row = matched.row
        rate = self._own_rate(row)
        stated = {
            "type": EVENT,
            "event_id": self._event_id(str(row.line), row.digest()),
            "occurred_at": self._known_at(row.day),
            "source": self._source,
            "project_id": row.project.id,
            "entry_id": matched.entry_id,
            "version": max(matched.version + 1, row.changed_at or 0),
            "person_id": row.person.id,
            "task": row.task,
            "description": row.note,
            "worked_on": row.day.isoformat(),
            "hours": decimal_text(row.hours),
            "seconds": row.seconds,
            "billable": row.is_billed,
            "billed_elsewhere": row.billed_elsewhere or None,
            "billable_hours": None if row.billed_hours is None else decimal_text(row.billed_hours),
            "rate": None if rate is None else decimal_text(rate),
            "rate_approved_by": None if rate is None else self._approver(row),
            "approved_by": self._approver(row),
        }
        return {field: value for field, value in stated.items() if value is not None}

    def _known_at(self, day: date) -> str:
        return instant_text(min(end_of_day(day, self._choices.zone), self._now))

    def _own_rate(self, row: ExportRow) -> Decimal | None:
        """The row's rate where our contract for its project gives another; contracts of others decide themselves."""
        rates = self._rates.get(row.project.id)
        if rates is None or not row.billable or row.rate is None or given_rate(rates, row) == row.rate:
            return None
        return row.rate

    def _approver(self, row: ExportRow) -> str:
        return approver(self._source, self._choices, is_approved=bool(row.is_approved))

    def _event_id(self, line: str, digest: str) -> str:
        return f"{self._source}:{self._name[:EVENT_ID_NAME_LENGTH_MAX]}:{line}:{digest}"


def approver(source: str, choices: Choices, *, is_approved: bool) -> str:
    """Who was named; else the product, marked where it does not say that the row is approved."""
    return choices.approved_by or (source if is_approved else f"{source}:{TAKEN_AS_APPROVED}")
