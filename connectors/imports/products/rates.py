"""The rates that an export's rows show, as the rates of a contract line; and what a contract line gives a row.

The plainest form that gives every row its own rate: one rate for all, by task, by person, by task and person, or
these with days from which they hold. Where none does (a rate that was changed on single entries), the form that fits
the most rows stands in the contract, and the rows that differ carry their own rate (RULES, R5 level 1).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from connectors.imports.folder_events import Event
from connectors.imports.products.export_row import ExportRow
from connectors.imports.readings import decimal_text

STEPS_MAX = 6

_FORMS = ((False, False), (True, False), (False, True), (True, True))


class ProductRate(NamedTuple):
    """As `ProductRate` of a contract line; None matches all."""

    rate: Decimal
    task: str | None = None
    person_id: str | None = None
    effective_from: date | None = None

    def json(self) -> dict[str, str]:
        stated = {
            "task": self.task,
            "person_id": self.person_id,
            "rate": decimal_text(self.rate),
            "effective_from": self.effective_from.isoformat() if self.effective_from else None,
        }
        return {name: value for name, value in stated.items() if value is not None}


def line_rates(rows: Iterable[ExportRow]) -> tuple[ProductRate, ...]:
    """Of one project's rows; nothing where none states a rate."""
    rated = [row for row in rows if row.billable and row.rate is not None]
    if not rated:
        return ()
    for stepped in (False, True):
        for by_task, by_person in _FORMS:
            found = _of_form(rated, by_task, by_person, stepped)
            if found is not None:
                return found
    return _most_frequent(rated)


def given_rate(rates: Iterable[Event], row: ExportRow) -> Decimal | None:
    """What the rates of a contract line say of the row."""
    return rate_for(rates, row.day, task=row.task, person_id=row.person.id, role=row.role)


def rate_for(rates: Iterable[Event], day: date, **of: str | None) -> Decimal | None:
    """What the rates of a contract line say of a task, person and role: task and person, task, person, all; then the latest."""
    fitting = [(_rank(rate, place), rate) for place, rate in enumerate(rates) if _matches(rate, day, of)]
    if not fitting:
        return None
    _, best = max(fitting, key=itemgetter(0))
    return Decimal(str(best["rate"]))


def _of_form(
    rows: Sequence[ExportRow], by_task: bool, by_person: bool, stepped: bool
) -> tuple[ProductRate, ...] | None:
    """None where this form cannot say what the rows say."""
    if by_task and any(row.task is None for row in rows):
        return None
    groups: dict[tuple[str | None, str | None], dict[date, Decimal]] = defaultdict(dict)
    for row in rows:
        days = groups[row.task if by_task else None, row.person.id if by_person else None]
        if row.rate is None or days.setdefault(row.day, row.rate) != row.rate:
            return None
    found: list[ProductRate] = []
    for (task, person), days in sorted(groups.items(), key=lambda each: tuple(map(str, each[0]))):
        steps = steps_of(days)
        if len(steps) > (STEPS_MAX if stepped else 1) or len({rate for _, rate in steps}) != len(steps):
            return None
        found += [
            ProductRate(rate, task, person, None if place == 0 else first) for place, (first, rate) in enumerate(steps)
        ]
    return tuple(found)


def steps_of(days: Mapping[date, Decimal]) -> list[tuple[date, Decimal]]:
    """(first day, rate) of each run of days with one rate."""
    steps: list[tuple[date, Decimal]] = []
    for day, rate in sorted(days.items()):
        if not steps or steps[-1][1] != rate:
            steps.append((day, rate))
    return steps


def _most_frequent(rows: Sequence[ExportRow]) -> tuple[ProductRate, ...]:
    """The form that leaves the fewest rows with another rate; of these the one with the fewest lines."""
    forms = [_usual(rows, *form, monthly) for monthly in (False, True) for form in _FORMS]
    return min(forms, key=lambda rates: (_misfits(rates, rows), len(rates)))


def _usual(rows: Sequence[ExportRow], by_task: bool, by_person: bool, monthly: bool) -> tuple[ProductRate, ...]:
    """The most frequent rate, of each month where it changes."""
    counts: dict[tuple[str, str], dict[date, Counter[Decimal]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row.rate is not None:
            key = ((row.task or "") if by_task else "", row.person.id if by_person else "")
            counts[key][row.day.replace(day=1) if monthly else date.min][row.rate] += 1
    found: list[ProductRate] = []
    for (task, person), months in sorted(counts.items()):
        usual = {month: _commonest(rates) for month, rates in months.items()}
        steps = steps_of(usual)
        found += [
            ProductRate(rate, task or None, person or None, None if place == 0 else first)
            for place, (first, rate) in enumerate(steps)
        ]
    return tuple(found)


def _commonest(rates: Counter[Decimal]) -> Decimal:
    return min(rates, key=lambda rate: (-rates[rate], rate))


def _misfits(rates: Sequence[ProductRate], rows: Iterable[ExportRow]) -> int:
    stated = [rate.json() for rate in rates]
    return sum(given_rate(stated, row) != row.rate for row in rows)


def _matches(rate: Event, day: date, of: Mapping[str, str | None]) -> bool:
    since = rate.get("effective_from")
    fits = all(rate.get(name) in (None, value) for name, value in of.items())
    return fits and (since is None or date.fromisoformat(str(since)) <= day)


def _rank(rate: Event, index: int) -> tuple[int, str, int]:
    """R5, levels 2 to 4; ties as there: the later day, then the later line."""
    task, person, role = (rate.get(name) is not None for name in ("task", "person_id", "role"))
    level = 4 * task + (2 if person else 1 if role else 0)
    return level, str(rate.get("effective_from") or ""), index
