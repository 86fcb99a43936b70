"""People: hours, how much of them is billable, what they cost, and how much of their capacity is used.

Hours are those approved, by the day on which they were worked. Billable share is billable hours of all hours; utilisation is billable
hours of what the person can work (`PersonCapacitySet`: hours less time off), in the months that have a capacity. Hours of projects that
nobody knows are among those that are not booked.

    March: 176 h less 16 h off are 160 h; 152 h worked, 120 h of them billable: share 78.9 %, utilisation 75.0 %
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from connectors.files.glance_index import HoursWorked
from connectors.files.glance_rows import CAPACITY, PERSON
from connectors.files.waiting_events import UnroutedEntry
from domain.accounts import LABOR_COST
from domain.identity import parts_of
from domain.months import month_end
from milepost.glance.account_sums import TableFigure, feet_of
from milepost.glance.figures import (
    BILLABLE,
    HOURS,
    WAITING,
    Figure,
    InDays,
    Part,
    StatedField,
    percent_of,
    share,
    sum_of,
)
from milepost.glance.firm import FirmAtMoment, on_day, text, whole
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, row_of, summed, with_figures
from milepost.glance.wanted import Wanted
from milepost.tables import hours_text

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
# What stands in place of a name where cost is of nobody's hours.
BEFORE, NO_PERSON = "cost brought forward", "no hours of a person"
BY_PROJECT: Final = GlanceColumn("project", "project", CellKind.ID)
SUMMED: Final = ("hours", "billable", "waiting", "capacity", "cost")
# Billable hours of the months that a capacity is of; in no column.
USED: Final = "used"
NOTES: Final = (
    "Hours are those approved, by day of work; not booked are those of them that wait for something (`milepost exceptions list`).",
    "Billable hours are those approved as billable, under any terms; billable % is of hours.",
    "Utilisation % is billable hours of capacity, in months whose capacity is known.",
)


class MonthSpan(NamedTuple):
    """From the first day of a month to the last of another; None is from the beginning, or to the end."""

    first: date | None = None
    last: date | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        days = ("from", self.first), ("to", self.last)
        return tuple(f"{option}={day:%Y-%m}" for option, day in days if day is not None)

    def has(self, month: str) -> bool:
        day = date.fromisoformat(f"{month}-01")
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class _Key(NamedTuple):
    person_id: str
    entity_id: str
    currency: str
    project_id: str = ""
    is_opening: bool = False


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
        [_with_shares(row) for row in summed(found, (*SUMMED, USED), ("currency", "company"), {"person": "total"})],
        feet_of(firm, map(_figure, every), {LABOR: (LABOR_COST,)}) if is_whole else (),
        (*firm.not_whole(), *_unknown_note(firm, months), *_running_note(firm, months, found), *NOTES),
        "no hours are approved in these months" if firm.people else "nobody is known yet",
        filters=wanted.filters,
        asked=(*months.asked, *(("by-project",) if by_project else ())),
    )


def _span(months: MonthSpan) -> str:
    first, last = (f"{each:%Y-%m}" if each is not None else "" for each in months)
    if not first and not last:
        return ""
    return f", {first}" if first == last else f", {first or 'beginning'} to {last or 'now'}"


def _rows(firm: FirmAtMoment, months: MonthSpan, *, by_project: bool) -> list[GlanceRow]:
    worked: dict[_Key, list[HoursWorked | UnroutedEntry]] = defaultdict(list)
    moved = [id_ for id_, each in firm.versions(PERSON).items() if len({text(one, "company") for one in each}) > 1]
    for each in firm.hours(months.first, months.last, moved):
        key = _key(firm, each.person_id, date.fromordinal(each.day) if each.day else firm.today)
        worked[key._replace(project_id=each.project_id) if by_project else key].append(each)
    for entry in _unknown(firm, months):
        key = _key(firm, entry.person_id, entry.day)
        worked[key._replace(project_id=entry.project_id) if by_project else key].append(entry)
    cost: dict[_Key, list[Part]] = defaultdict(list)
    for one in firm.cost_of_hours(months.first, months.last):
        project_id = one.project_id if by_project else ""
        part = Part(one.cost, InDays(one, months.first, months.last))
        cost[_Key(one.person_id, one.entity_id, one.ledger_currency, project_id, one.is_opening)].append(part)
    capacity = {} if by_project else _capacities(firm, months)
    used = _used(capacity, worked, months)
    for key in capacity:  # somebody who could work and did not
        worked.setdefault(key, [])
    keys = sorted({*worked, *cost}, key=lambda key: (not key.person_id, key))
    return [
        _row(firm, key, _hours(worked[key], months) if key in worked else {}, cost.get(key, []), capacity, used)
        for key in keys
    ]


def _unknown(firm: FirmAtMoment, months: MonthSpan) -> list[UnroutedEntry]:
    return [each for each in firm.unrouted if months.has(f"{each.day:%Y-%m}")]


def _unknown_note(firm: FirmAtMoment, months: MonthSpan) -> tuple[str, ...]:
    found = _unknown(firm, months)
    if not found:
        return ()
    hours = hours_text(sum(each.hours for each in found))
    names = ", ".join(sorted({each.project_id for each in found}))
    of = "a project that is" if "," not in names else "projects that are"
    return (f"Not booked: {hours} h of {of} unknown: {names} (`milepost exceptions list`).",)


def _running_note(firm: FirmAtMoment, months: MonthSpan, found: Sequence[GlanceRow]) -> tuple[str, ...]:
    """Capacity is stated by month: in the month that runs it is of days that have still to come, too."""
    last, month = month_end(firm.today), f"{firm.today:%Y-%m}"
    people = {str(row.cells["person"]) for row in found if "capacity" in row.figures}
    stated = {parts_of(id_)[0] for id_ in firm.named(CAPACITY) if parts_of(id_)[1] == month}
    if firm.today == last or not months.has(month) or not people & stated:
        return ()
    before = firm.today.replace(day=1) - timedelta(days=1)
    way_out = f"; `--to {before:%Y-%m}` leaves it out" if months.first is None or months.first <= before else ""
    return (f"{month} runs until {last}: its capacity counts whole, so utilisation % still rises{way_out}.",)


def _hours(worked: Sequence[HoursWorked | UnroutedEntry], months: MonthSpan) -> dict[str, Figure]:
    """All hours, those that are billable, and those of which nothing is booked."""
    return {column: sum_of([_part(each, column, months) for each in worked]) for column in (HOURS, BILLABLE, WAITING)}


def _part(each: HoursWorked | UnroutedEntry, column: str, months: MonthSpan) -> Part:
    if isinstance(each, UnroutedEntry):
        return Part(each.billable if column == BILLABLE else each.hours, each, column)
    value: int = getattr(each, column)
    return Part(value, InDays(each, *months), column)


def _key(firm: FirmAtMoment, person_id: str, day: date) -> _Key:
    """In the company of the person on the day."""
    versions = firm.versions(PERSON).get(person_id)
    entity_id = text(on_day(versions, day), "company") if versions else ""
    return _Key(person_id, entity_id, firm.currency_of(entity_id))


def _row(
    firm: FirmAtMoment,
    key: _Key,
    hours: dict[str, Figure],
    cost: list[Part],
    capacity: Mapping[_Key, dict[str, list[Part]]],
    used: Mapping[_Key, list[Part]],
) -> GlanceRow:
    noted = firm.people.get(key.person_id)
    texts: dict[str, Cell] = {
        "person": key.person_id or None,
        "project": key.project_id or None,
        "name": text(noted, "name") or (None if key.person_id else BEFORE if key.is_opening else NO_PERSON),
        "role": text(noted, "role") or None,
        "practice": text(noted, "practice") or None,
        "company": key.entity_id or None,
        "currency": key.currency or None,
    }
    if key.project_id:
        texts["client"] = firm.client_of(key.project_id) or None
        texts["manager"] = text(firm.projects.get(key.project_id), "manager") or None
    figures = {**hours, "cost": sum_of(cost)}
    if hours:
        figures["billable_share"] = percent_of(figures, BILLABLE, HOURS)
        if key in capacity:
            figures["capacity"] = sum_of([part for parts in capacity[key].values() for part in parts])
            figures[USED] = sum_of(used[key])._replace(title="billable hours of these months", unit="hours")
            figures["utilisation"] = share(figures[USED], figures["capacity"]._replace(title="capacity", unit="hours"))
    parts = [key.project_id] if key.project_id else []
    return row_of(
        (key.entity_id, key.person_id, *parts, *(["brought-forward"] if key.is_opening else [])), texts, figures
    )


def _capacities(firm: FirmAtMoment, months: MonthSpan) -> dict[_Key, dict[str, list[Part]]]:
    """By person and month: hours less time off, of months until the moment's; in the company of the month's last day."""
    found: dict[_Key, dict[str, list[Part]]] = defaultdict(dict)
    now = f"{firm.today:%Y-%m}"
    for id_, noted in firm.named(CAPACITY).items():
        person_id, month = parts_of(id_)
        if months.has(month) and month <= now:
            key = _key(firm, person_id, min(month_end(date.fromisoformat(f"{month}-01")), firm.today))
            of = [Part(whole(noted, "hours") or 0, StatedField(CAPACITY, id_, "hours"))]
            if off := whole(noted, "time_off"):
                of.append(Part(-off, StatedField(CAPACITY, id_, "time_off")))
            found[key][month] = of
    return found


def _used(
    capacity: Mapping[_Key, dict[str, list[Part]]],
    worked: Mapping[_Key, Sequence[HoursWorked | UnroutedEntry]],
    months: MonthSpan,
) -> dict[_Key, list[Part]]:
    """Billable hours of the person in the months that a capacity is of, in whichever company."""
    by_month: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for of_key in worked.values():
        for each in of_key:
            month = f"{each.day:%Y-%m}" if isinstance(each, UnroutedEntry) else each.month
            by_month[each.person_id, month].append(_part(each, BILLABLE, months))
    return {key: [part for month in of for part in by_month[key.person_id, month]] for key, of in capacity.items()}


def _figure(row: GlanceRow) -> TableFigure:
    company, currency = str(row.cells["company"] or ""), str(row.cells["currency"] or "")
    return TableFigure(LABOR, company, currency, row.amount("cost"))


def _with_shares(total: GlanceRow) -> GlanceRow:
    """Of those who have a capacity, the share of it that their billable hours use."""
    named = {name: figure._replace(title=name, unit="hours") for name, figure in total.figures.items()}
    shares = {
        "billable_share": percent_of(named, BILLABLE, HOURS),
        "utilisation": share(named[USED], named["capacity"]),
    }
    return with_figures(total, shares)
