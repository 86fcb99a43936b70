"""A made-up studio's work, from a seed, and the exports that trackers would give of it; no vendor's data is in here."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = "Europe/Berlin"

HARVEST = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,Last Name,Roles,"
    "Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,External Reference URL"
).split(",")
TOGGL = (
    "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags"
).split(",")
CLOCKIFY = (
    "Project,Client,Description,Task,User,Group,Email,Tags,Type,Billable,Invoiced,Invoice ID,Start Date,Start Time,"
    "End Date,End Time,Duration (h),Duration (decimal),Billable Rate (EUR),Billable Amount (EUR),Date of creation"
).split(",")
KIMAI = (
    "Date,From,To,Duration,Currency,Price,Internal price,Hourly price,Fixed price,Name,User,E-mail,Staff number,"
    "Customer,Project,Activity,Description,Billable,Tags,Type,Category"
).split(",")
SOLIDTIME = (
    "id,description,start,end,billable_rate,billable,type,member_id,user_id,organization_id,client_id,project_id,"
    "task_id,tags,is_imported,still_active_email_sent_at,created_at,updated_at"
).split(",")


class Work(NamedTuple):
    """`hours` have two decimals, so that they are whole seconds; the start is the clock of the wall in ZONE."""

    number: int
    client: str
    project: str
    code: str
    task: str
    note: str
    first_name: str
    last_name: str
    role: str
    start: datetime
    hours: Decimal
    is_billable: bool
    is_approved: bool
    rate: Decimal
    cost: Decimal

    @property
    def amount(self) -> Decimal:
        exact = self.hours * self.rate if self.is_billable else Decimal(0)
        return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=int(self.hours * 3600))

    @property
    def email(self) -> str:
        return f"{self.first_name}.{self.last_name}@studio.example".lower()


class Locale(NamedTuple):
    """How an account writes."""

    decimal: str = "."
    thousands: str = ""
    date_format: str = "%Y-%m-%d"
    time_format: str = "%H:%M:%S"
    duration: str = "clock"
    delimiter: str = ","
    mark: bool = False

    def number(self, value: Decimal, decimals: int = 1) -> str:
        """At least one decimal, as Harvest writes: `20,0` and `2.000,25`."""
        text = f"{value.normalize():,f}"
        whole, _, fraction = text.partition(".")
        return f"{whole.replace(',', self.thousands)}{self.decimal}{fraction.ljust(decimals, '0')}"

    def hours(self, value: Decimal) -> str:
        if self.duration == "decimal":
            return self.number(value, 2)
        seconds = int(value * 3600)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


GERMAN = Locale(decimal=",", thousands=".")
WITH_MARK = Locale(mark=True)
MINUTES = Locale(time_format="%H:%M")
AMERICAN = Locale(thousands=",", date_format="%m/%d/%Y", time_format="%I:%M:%S %p")
LOCALES = (
    Locale(),
    GERMAN,
    AMERICAN,
    Locale(decimal=",", thousands=".", date_format="%d.%m.%Y", delimiter=";"),
    Locale(decimal=",", thousands="\u202f", date_format="%d/%m/%Y"),
    Locale(thousands="’", date_format="%d.%m.%Y", delimiter="\t"),
    Locale(date_format="%d-%m-%Y", duration="decimal", mark=True),
    Locale(decimal=",", date_format="%m-%d-%Y", time_format="%I:%M %p", duration="decimal", mark=True),
)

# (client, project, code, billable, rate by person)
_PROJECTS: tuple[tuple[str, str, str, bool, dict[str, Decimal]], ...] = (
    ("Nordwind", "Website", "", True, {}),
    ("Nordwind", "App", "NW-APP", True, {"Ada Brandt": Decimal(140)}),
    ("Kessler & Sohn", "Website", "", True, {}),
    ("Kessler & Sohn", "Ledger migration", "KS-2", True, {}),
    ("Studio", "Office", "", False, {}),
)
_PEOPLE = (
    ("Ada", "Brandt", "lead", Decimal("62.5")),
    ("Bo", "Lindqvist", "developer", Decimal(48)),
    ("Chloé", "Martin", "designer", Decimal(51)),
    ("Dev", "Rao", "developer", Decimal(44)),
)
_TASKS = ("Design", "Development", "Review")
_RATES = {"Website": Decimal(105), "App": Decimal(120), "Ledger migration": Decimal("115.5"), "Office": Decimal(0)}
_NOTES = ("", "Plan, part 1", 'the "new" page', "tests\nand review", "Größe, Maß; Übergabe", "call")


def made_work(
    seed: int, rows: int, first: date = date(2026, 1, 5), days: int = 85, approved: float = 1.0
) -> list[Work]:
    """In the order of days; three weeks have a day after the 12th, so that the order of dates is settled."""
    chance = random.Random(seed)
    span = [first + timedelta(days=passed) for passed in range(days)]
    weekdays = [day for day in span if day.weekday() < 5]
    work: list[Work] = []
    for number in range(rows):
        client, project, code, billable, rates = chance.choice(_PROJECTS)
        first_name, last_name, role, cost = chance.choice(_PEOPLE)
        day = weekdays[number * len(weekdays) // rows]
        clock = timedelta(hours=chance.randrange(6, 18), minutes=chance.randrange(60))
        start = datetime.combine(day, time()) + clock
        work.append(
            Work(
                number=number,
                client=client,
                project=project,
                code=code,
                task=chance.choice(_TASKS),
                note=f"{chance.choice(_NOTES)} #{number}".strip(),
                first_name=first_name,
                last_name=last_name,
                role=role,
                start=start,
                hours=Decimal(chance.randrange(1, 1000)) / 100,
                is_billable=billable and chance.random() < 0.9,
                is_approved=chance.random() < approved,
                rate=rates.get(f"{first_name} {last_name}", _RATES[project]),
                cost=cost,
            )
        )
    return work


def harvest(work: Iterable[Work], locale: Locale = GERMAN) -> str:
    def row(each: Work) -> Sequence[str]:
        cost_amount = (each.hours * each.cost).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return (
            each.start.strftime(locale.date_format), each.client, each.project, each.code, each.task, each.note,
            locale.number(each.hours), yes(each.is_billable), "No", yes(each.is_approved), each.first_name,
            each.last_name, each.role, "Yes", locale.number(each.rate) if each.is_billable else "",
            locale.number(each.amount), locale.number(each.cost), locale.number(cost_amount), "Euro - EUR", "",
        )  # fmt: skip

    return table(HARVEST, map(row, work), locale)


def toggl(work: Iterable[Work], locale: Locale = WITH_MARK) -> str:
    def row(each: Work) -> Sequence[str]:
        return (
            f"{each.first_name} {each.last_name}", each.email, each.client, each.project, each.task, each.note,
            yes(each.is_billable), *moment(each.start, locale), *moment(each.end, locale), locale.hours(each.hours), "",
        )  # fmt: skip

    return table(TOGGL, map(row, work), locale)


def clockify(work: Iterable[Work], locale: Locale = AMERICAN) -> str:
    def row(each: Work) -> Sequence[str]:
        return (
            each.project, each.client, each.note, each.task, f"{each.first_name} {each.last_name}", "", each.email, "",
            "Regular", yes(each.is_billable), "No", "", *moment(each.start, locale), *moment(each.end, locale),
            locale.hours(each.hours), locale.number(each.hours, 2),
            locale.number(each.rate if each.is_billable else Decimal(0), 2), locale.number(each.amount, 2),
            each.start.strftime(locale.date_format),
        )  # fmt: skip

    return table(CLOCKIFY, map(row, work), locale, quote_all=True)


def kimai(work: Iterable[Work], locale: Locale = MINUTES) -> str:
    """Hours have two decimals, and the price is to the second."""

    def row(each: Work) -> Sequence[str]:
        rate = each.rate if each.is_billable else Decimal(0)
        return (
            *moment(each.start, locale), moment(each.end, locale)[1], locale.number(each.hours, 2), "EUR",
            locale.number(each.amount, 2), "", locale.number(rate, 2), "", f"{each.first_name} {each.last_name}",
            each.email, each.email, "", each.client, each.project, each.task, each.note, "1" if each.is_billable else "",
            "", "timesheet", "work",
        )  # fmt: skip

    return table(KIMAI, map(row, work), locale)


def solidtime(work: Sequence[Work]) -> dict[str, str]:
    """The files of the archive by name."""
    clients = sorted({each.client for each in work})
    projects = sorted({(each.client, each.project) for each in work})
    people = sorted({(each.first_name, each.last_name, each.email) for each in work})
    project_ids = {project: f"p-{number}" for number, project in enumerate(projects)}
    member_ids = {person[2]: f"m-{number}" for number, person in enumerate(people)}
    plain = Locale()

    def row(each: Work) -> Sequence[str]:
        changed = utc(each.end)
        return (
            f"e-{each.number:05d}", each.note, utc(each.start), changed,
            str(int(each.rate * 100)) if each.is_billable else "", str(each.is_billable).lower(), "work",
            member_ids[each.email], "u-1", "o-1", f"c-{clients.index(each.client)}",
            project_ids[each.client, each.project], "", "[]", "false", "", utc(each.start), changed,
        )  # fmt: skip

    return {
        "time_entries.csv": table(SOLIDTIME, map(row, work), plain),
        "clients.csv": table(("id", "name"), ((f"c-{at}", name) for at, name in enumerate(clients)), plain),
        "projects.csv": table(
            ("id", "name", "billable_rate", "client_id"),
            ((project_ids[key], key[1], "", f"c-{clients.index(key[0])}") for key in projects),
            plain,
        ),
        "members.csv": table(
            ("id", "user_id", "name", "email", "billable_rate"),
            ((member_ids[email], "u-1", f"{first} {last}", email, "") for first, last, email in people),
            plain,
        ),
        "organizations.csv": table(("id", "name", "billable_rate", "currency"), [("o-1", "Studio", "", "EUR")], plain),
    }


def solidtime_zip(path: Path, work: Sequence[Work]) -> Path:
    """Whatever the path's ending, a zip."""
    made = path.with_suffix(".zip")
    with zipfile.ZipFile(made, "w") as archive:
        for file, text in solidtime(work).items():
            archive.writestr(file, text)
    return made


def table(header: Sequence[str], rows: Iterable[Sequence[str]], locale: Locale, quote_all: bool = False) -> str:
    file = io.StringIO()
    writer = csv.writer(
        file, delimiter=locale.delimiter, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL, lineterminator="\n"
    )
    writer.writerow(header)
    writer.writerows(rows)
    return ("\ufeff" if locale.mark else "") + file.getvalue()


def moment(at: datetime, locale: Locale) -> tuple[str, str]:
    return at.strftime(locale.date_format), at.strftime(locale.time_format)


def utc(at: datetime) -> str:
    return at.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def yes(flag: bool) -> str:
    return "Yes" if flag else "No"


Writer = Callable[[Sequence[Work], Locale], str]
