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

from connectors.imports.folder_events import Event
from connectors.imports.products.export_row import ExportRow
from connectors.imports.readings import decimal_text

STEPS_MAX = 6

Rate = dict[str, str]
# Task and person, where a rate is for some; else empty.
Whose = tuple[str, str]

_FORMS = ((False, False), (True, False), (False, True), (True, True))


def line_rates(rows: Iterable[ExportRow]) -> list[Rate]:
    """Of one project's rows, as JSON has them; nothing where none states a rate."""
    rated = [row for row in rows if row.billable and row.rate is not None]
    if not rated:
        return []
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


def _of_form(rows: Sequence[ExportRow], by_task: bool, by_person: bool, stepped: bool) -> list[Rate] | None:
    """None where this form cannot say what the rows say."""
    if by_task and any(row.task is None for row in rows):
        return None
    groups: defaultdict[Whose, dict[date, Decimal]] = defaultdict(dict)
    for row in rows:
        if row.rate is None or groups[_whose(row, by_task, by_person)].setdefault(row.day, row.rate) != row.rate:
            return None
    for days in groups.values():
        steps = steps_of(days)
        if len(steps) > (STEPS_MAX if stepped else 1) or len({rate for _, rate in steps}) != len(steps):
            return None
    return _listed(groups)


def _whose(row: ExportRow, by_task: bool, by_person: bool) -> Whose:
    return (row.task or "") if by_task else "", row.person.id if by_person else ""


def _listed(groups: Mapping[Whose, Mapping[date, Decimal]]) -> list[Rate]:
    """For each task and person the first rate, and the later ones from their days on."""
    found: list[Rate] = []
    for (task, person), days in sorted(groups.items()):
        for place, (first, rate) in enumerate(steps_of(days)):
            since = first.isoformat() if place else ""
            stated = {"task": task, "person_id": person, "rate": decimal_text(rate), "effective_from": since}
            found.append({name: value for name, value in stated.items() if value})
    return found


def steps_of(days: Mapping[date, Decimal]) -> list[tuple[date, Decimal]]:
    """(first day, rate) of each run of days with one rate."""
    steps: list[tuple[date, Decimal]] = []
    for day, rate in sorted(days.items()):
        if not steps or steps[-1][1] != rate:
            steps.append((day, rate))
    return steps


def _most_frequent(rows: Sequence[ExportRow]) -> list[Rate]:
    """The form that leaves the fewest rows with another rate; of these the one with the fewest lines."""
    forms = [_usual(rows, *form, monthly) for monthly in (False, True) for form in _FORMS]
    return min(forms, key=lambda rates: (sum(given_rate(rates, row) != row.rate for row in rows), len(rates)))


def _usual(rows: Sequence[ExportRow], by_task: bool, by_person: bool, monthly: bool) -> list[Rate]:
    """The most frequent rate, of each month where it changes."""
    counts: defaultdict[Whose, defaultdict[date, Counter[Decimal]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row.rate is not None:
            counts[_whose(row, by_task, by_person)][row.day.replace(day=1) if monthly else date.min][row.rate] += 1
    usual = {of: {month: _commonest(rates) for month, rates in months.items()} for of, months in counts.items()}
    return _listed(usual)


def _commonest(rates: Counter[Decimal]) -> Decimal:
    return min(rates, key=lambda rate: (-rates[rate], rate))


def _matches(rate: Event, day: date, of: Mapping[str, str | None]) -> bool:
    since = rate.get("effective_from")
    fits = all(rate.get(name) in (None, value) for name, value in of.items())
    return fits and (since is None or date.fromisoformat(str(since)) <= day)


def _rank(rate: Event, index: int) -> tuple[int, str, int]:
    """R5, levels 2 to 4; ties as there: the later day, then the later line."""
    task, person, role = (rate.get(name) is not None for name in ("task", "person_id", "role"))
    level = 4 * task + (2 if person else 1 if role else 0)
    return level, str(rate.get("effective_from") or ""), index
