"""People: hours, how much of them is billable, what they cost, and how much of their capacity is used.

Hours are those approved, by the day on which they were worked. Billable share is billable hours of all hours; utilisation is billable
hours of what the person can work (`PersonCapacitySet`: hours less time off), in the months that have a capacity.

    March: 176 h less 16 h off are 160 h; 152 h worked, 120 h of them billable: share 78.9 %, utilisation 75.0 %
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Final, NamedTuple

from connectors.files.glance_index import HoursWorked
from connectors.files.glance_rows import CAPACITY, PERSON
from domain.accounts import LABOR_COST
from domain.identity import parts_of
from domain.months import month_end
from domain.units import Amount, Hours
from milepost.glance.feet import TableFigure, feet_of
from milepost.glance.firm import FirmAtMoment, on_day, text, whole
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, percent_of, summed
from milepost.glance.wanted import Wanted

COLUMNS: Final = (
    GlanceColumn("person", "person", CellKind.ID),
    GlanceColumn("name", "name", CellKind.TEXT, 1, "person"),
    GlanceColumn("role", "role", CellKind.TEXT, 4),
    GlanceColumn("practice", "practice", CellKind.TEXT, 5, "role"),
    GlanceColumn("company", "company", CellKind.ID, 6),
    GlanceColumn("hours", "hours", CellKind.HOURS),
    GlanceColumn("billable", "billable", CellKind.HOURS),
    GlanceColumn("billable_share", "billable %", CellKind.PERCENT),
    GlanceColumn("waiting", "not booked", CellKind.HOURS, 3),
    GlanceColumn("capacity", "capacity", CellKind.HOURS),
    GlanceColumn("utilisation", "utilisation %", CellKind.PERCENT),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("cost", "cost"),
)
LABOR: Final = "labor cost"
BY_PROJECT: Final = GlanceColumn("project", "project", CellKind.ID)
SUMMED: Final = ("hours", "billable", "waiting", "capacity", "cost")
# Billable hours of the months that a capacity is of; in no column.
USED: Final = "used"
NOTES: Final = (
    "Hours are those approved, by day of work; not booked are those of them that wait for something (`milepost exceptions list`).",
    "Billable % is of hours; utilisation % is billable hours of capacity, in months whose capacity is known.",
)


class MonthSpan(NamedTuple):
    """From the first day of a month to the last of another; None is from the beginning, or to the end."""

    first: date | None = None
    last: date | None = None

    def has(self, month: str) -> bool:
        day = date.fromisoformat(f"{month}-01")
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class _Key(NamedTuple):
    person_id: str
    entity_id: str
    currency: str
    project_id: str = ""


def people(firm: FirmAtMoment, wanted: Wanted, months: MonthSpan, *, by_project: bool = False) -> Glance:
    # What is asked of a project or a client is shown by project.
    by_project = by_project or any((wanted.project, wanted.client, wanted.manager))
    every = _rows(firm, months, by_project=by_project)
    found = wanted.of(every, firm)
    is_whole = months == MonthSpan()
    return Glance(
        "people",
        "People" + _span(months),
        firm.as_of,
        (*COLUMNS[:1], BY_PROJECT, *(each for each in COLUMNS[1:] if each.name not in {"capacity", "utilisation"}))
        if by_project
        else COLUMNS,
        found,
        _totals(found),
        feet_of(firm, map(_figure, every), {LABOR: (LABOR_COST,)}) if is_whole else (),
        (*firm.not_whole(), *NOTES),
        "no hours are approved in these months" if firm.people else "nobody is known yet",
    )


def _span(months: MonthSpan) -> str:
    first, last = (f"{each:%Y-%m}" if each is not None else "" for each in months)
    if not first and not last:
        return ""
    return f", {first}" if first == last else f", {first or 'beginning'} to {last or 'now'}"


def _rows(firm: FirmAtMoment, months: MonthSpan, *, by_project: bool) -> list[GlanceRow]:
    worked: dict[_Key, list[HoursWorked]] = defaultdict(list)
    moved = [id_ for id_, each in firm.versions(PERSON).items() if len({text(one, "company") for one in each}) > 1]
    for each in firm.hours(months.first, months.last, moved):
        key = _key(firm, each.person_id, date.fromordinal(each.day) if each.day else firm.today)
        worked[key._replace(project_id=each.project_id) if by_project else key].append(each)
    cost: dict[_Key, Amount] = defaultdict(int)
    for one in firm.cost_of_hours(months.first, months.last):
        project_id = one.project_id if by_project else ""
        cost[_Key(one.person_id, one.entity_id, one.ledger_currency, project_id)] += one.cost
    capacity = {} if by_project else _capacities(firm, months)
    used = _used(capacity, worked)
    for key in capacity:  # somebody who could work and did not
        worked.setdefault(key, [])
    keys = sorted({*worked, *cost}, key=lambda key: (not key.person_id, key))
    return [_row(firm, key, worked.get(key), cost.get(key, 0), capacity.get(key, {}), used.get(key, 0)) for key in keys]


def _key(firm: FirmAtMoment, person_id: str, day: date) -> _Key:
    """In the company of the person on the day."""
    versions = firm.versions(PERSON).get(person_id)
    entity_id = text(on_day(versions, day), "company") if versions else ""
    return _Key(person_id, entity_id, firm.currency_of(entity_id))


def _row(
    firm: FirmAtMoment,
    key: _Key,
    worked: list[HoursWorked] | None,
    cost: Amount,
    capacity: dict[str, Hours],
    used: Hours,
) -> GlanceRow:
    noted = firm.people.get(key.person_id)
    cells: dict[str, Cell] = {
        "person": key.person_id or None,
        "project": key.project_id or None,
        "name": text(noted, "name") or (None if key.person_id else "no hours of a person"),
        "role": text(noted, "role") or None,
        "practice": text(noted, "practice") or None,
        "company": key.entity_id or None,
        "currency": key.currency or None,
        "cost": cost,
    }
    if key.project_id:
        cells["client"] = firm.client_of(key.project_id) or None
        cells["manager"] = text(firm.projects.get(key.project_id), "manager") or None
    explain: dict[str, tuple[str, ...]] = {}
    if worked is not None:
        hours, billable = sum(each.hours for each in worked), sum(each.billable for each in worked)
        cells |= {"hours": hours, "billable": billable, "waiting": sum(each.waiting for each in worked)}
        cells["billable_share"] = percent_of(billable, hours)
        if capacity:
            cells |= {"capacity": sum(capacity.values()), USED: used}
            cells["utilisation"] = percent_of(used, sum(capacity.values()))
        projects = sorted({each.project_id for each in worked})
        explain = {"hours": tuple(f"{project}#hours" for project in projects)}
        explain["billable"] = tuple(f"{project}#billable_hours" for project in projects)
        explain["cost"] = tuple(f"{project}#cost" for project in projects)
    return GlanceRow(cells, explain)


def _capacities(firm: FirmAtMoment, months: MonthSpan) -> dict[_Key, dict[str, Hours]]:
    """By person and month: hours less time off, of months until the moment's; in the company of the month's last day."""
    found: dict[_Key, dict[str, Hours]] = defaultdict(dict)
    now = f"{firm.today:%Y-%m}"
    for id_, noted in firm.named(CAPACITY).items():
        person_id, month = parts_of(id_)
        if months.has(month) and month <= now:
            key = _key(firm, person_id, min(month_end(date.fromisoformat(f"{month}-01")), firm.today))
            found[key][month] = (whole(noted, "hours") or 0) - (whole(noted, "time_off") or 0)
    return found


def _used(capacity: dict[_Key, dict[str, Hours]], worked: dict[_Key, list[HoursWorked]]) -> dict[_Key, Hours]:
    """Billable hours of the person in the months that a capacity is of, in whichever company."""
    by_month: dict[tuple[str, str], Hours] = defaultdict(int)
    for of_key in worked.values():
        for each in of_key:
            by_month[each.person_id, each.month] += each.billable
    return {key: sum(by_month[key.person_id, month] for month in months) for key, months in capacity.items()}


def _figure(row: GlanceRow) -> TableFigure:
    company, currency = str(row.cells["company"] or ""), str(row.cells["currency"] or "")
    return TableFigure(LABOR, company, currency, row.amount("cost"))


def _totals(rows: list[GlanceRow]) -> list[GlanceRow]:
    return [_with_shares(row) for row in summed(rows, (*SUMMED, USED), ("currency", "company"), {"person": "total"})]


def _with_shares(total: GlanceRow) -> GlanceRow:
    """Of those who have a capacity, the share of it that their billable hours use."""
    shares = {
        "billable_share": percent_of(total.amount("billable"), total.amount("hours")),
        "utilisation": percent_of(total.amount(USED), total.amount("capacity")),
    }
    return total._replace(cells={**total.cells, **shares})
