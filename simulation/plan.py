"""What was asked for: how large a firm, for how long, from which day and with which seed; and as what its events are written: JSON lines to
read and edit, Avro containers for size and speed."""

from dataclasses import dataclass
from datetime import date, timedelta

from simulation.calendar import add_months, last_day, workdays

PEOPLE_MIN, PEOPLE_MAX = 10, 200_000
PROJECTS_MIN, PROJECTS_MAX = 5, 200_000
MONTHS_MAX = 36
# What the firm sells: time and materials alone, or every kind of terms.
TIME_ALONE, ALL = "time", "all"
START_MIN, START_MAX = date(2000, 1, 1), date(2090, 1, 1)


class PlanError(ValueError):
    """The arguments do not describe a firm that can be simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """The arguments of one run; the same plan gives the same bytes."""

    seed: int
    people: int
    projects: int
    months: int
    start: date
    deals: str = TIME_ALONE

    @property
    def month_starts(self) -> tuple[date, ...]:
        """First days of the simulated months."""
        return tuple(add_months(self.start, number) for number in range(self.months))

    @property
    def ends_on(self) -> date:
        """The last day on which people work; approvals and closes run on for some weeks."""
        return last_day(self.month_starts[-1])

    @property
    def opens_on(self) -> date:
        """The weekday before the first month, on which all reference data is loaded."""
        return workdays(self.start - timedelta(days=4), self.start - timedelta(days=1))[-1]

    @property
    def midway(self) -> date:
        """First day of the month in which prices change: the middle one, the second of two."""
        return self.month_starts[self.months // 2]


def plan(*, seed: int, people: int, projects: int, months: int, start: date, deals: str = TIME_ALONE) -> SimulationPlan:
    """Check the arguments; a PlanError says what was expected, what came and for which one."""
    check_between("seed", seed, 0, 2**63 - 1)
    check_between("people", people, PEOPLE_MIN, PEOPLE_MAX)
    check_between("projects", projects, PROJECTS_MIN, PROJECTS_MAX)
    check_between("months", months, 1, MONTHS_MAX)
    if deals not in (TIME_ALONE, ALL):
        raise PlanError(f"deals: expected {TIME_ALONE} or {ALL}, got {deals!r}")
    if start.day != 1:
        raise PlanError(f"start: expected the first day of a month, got {start}; try {start.replace(day=1)}")
    if not START_MIN <= start <= START_MAX:
        raise PlanError(f"start: expected a month from {START_MIN} to {START_MAX}, got {start}")
    return SimulationPlan(seed=seed, people=people, projects=projects, months=months, start=start, deals=deals)


def check_between(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise PlanError(f"{name}: expected a number from {least} to {most}, got {value}")


JSONL, AVRO = "jsonl", "avro"
FORMATS = (JSONL, AVRO)
# Above so many events JSON lines are too slow and too large to be a help.
JSONL_EVENTS_MAX = 200_000
EVENTS_PER_PERSON_MONTH = 36


def format_for(plan: SimulationPlan) -> str:
    """JSON lines for a small firm, Avro for a large one."""
    return JSONL if plan.people * plan.months * EVENTS_PER_PERSON_MONTH <= JSONL_EVENTS_MAX else AVRO
