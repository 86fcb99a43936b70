"""A company whose statements are numbered while two partitions bill for it: eight projects, billed weekly over New Year."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from connectors.files.written import read_file
from connectors.log_records import StoredRecord
from dataflows.embedded import close, open_accounting, run_plain
from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    ContractLine,
    FiscalCalendar,
    LineRate,
    NumberRange,
    Policies,
    TimeAndMaterials,
)
from domain.events.delivery import ProjectActivated, TimeApproved, TimeWithdrawn
from domain.events.reference import CostRateSet, CustomerDefined, LegalEntityDefined, PersonDefined
from domain.outputs import TOPICS, BillingStatement
from domain.units import HOURS_ONE, RATE_ONE
from state.genesis import Genesis
from state.intake.partition import partition_of
from state.rules import RULES
from tests.folding import Logged, MemoryLog, log_records
from tests.histories.log import with_days

SHARDS = 2
PROJECTS = tuple(f"P{number}" for number in range(8))
YEARLY = NumberRange("INVOICES", "INV-{year}-{series}-{number:4}", first_number=41, restarts="year")
CREDITS = NumberRange("CREDITS", "CR-{series}-{number}", takes="credit")
# From the middle of January on the same range is written otherwise, and counts on.
SHORTER = YEARLY._replace(format="I{year}/{series}/{number}")
MONDAY = dt.date(2026, 12, 7)
MICROSECONDS = 1_000_000


def at(day: dt.date, hour: int = 12) -> int:
    return int(dt.datetime.combine(day, dt.time(hour), dt.UTC).timestamp()) * MICROSECONDS


def entity(version: int, *ranges: NumberRange) -> LegalEntityDefined:
    when = at(MONDAY, 6) if version == 1 else at(dt.date(2027, 1, 14))
    calendar = FiscalCalendar("calendar_month")
    made = LegalEntityDefined(f"le-{version}", when, "erp", "LE", version, "Firm", "EUR", "Europe/Berlin", calendar)
    return made._replace(number_ranges=ranges)


def firm() -> Iterator[Logged]:
    begin = at(MONDAY, 6)
    yield Logged("", entity(1, YEARLY, CREDITS))
    yield Logged("", CustomerDefined("c-1", begin, "crm", "ACME", 1, "Acme", payment_terms_days=14))
    yield Logged("", PersonDefined("p-1", begin, "hr", "BOB", 1, "LE", "dev"))
    cost = CostRateSet("r-1", begin, "hr", "BOB", 1, "EUR", 60 * RATE_ONE, dt.date(2020, 1, 1), person_id="BOB")
    yield Logged("", cost)
    for project in PROJECTS:
        yield Logged(project, ProjectActivated(f"a-{project}", begin, "psa", project, 1, project, "LE", MONDAY))
        line = ContractLine("L", project, TimeAndMaterials(rates=(LineRate(100 * RATE_ONE),)))
        signed = ContractSigned(
            f"k-{project}", begin, "crm", f"K{project}", 1, "ACME", "LE", "EUR", MONDAY, MONDAY, (line,)
        )
        policies = Policies(late_line="reissue") if project in PROJECTS[:4] else None
        yield Logged(project, signed._replace(billing_cycle=BillingCycle("weekly"), policies=policies))


def work() -> Iterator[Logged]:
    """An hour a day and project; now and then one comes a week late, or is taken back after it was billed."""
    for day in range(56):
        on = MONDAY + dt.timedelta(days=day)
        if on == dt.date(2027, 1, 14):
            yield Logged("", entity(2, SHORTER, CREDITS))
        for place, project in enumerate(PROJECTS):
            late = dt.timedelta(days=8 if (day + place) % 11 == 0 else 0)
            entry = f"{project}-{day}"
            done = TimeApproved(f"t-{entry}", at(on), "psa", entry, 1, project, "BOB", "EVE", hours=HOURS_ONE)
            yield Logged(project, done._replace(worked_on=on - late if on - late >= MONDAY else on))
            if day % 14 == 13 and place % 2:
                for back in range(8, 14):
                    gone = f"{project}-{day - back}"
                    yield Logged(project, TimeWithdrawn(f"w-{gone}", at(on), "psa", gone, 2))


def logs() -> list[list[StoredRecord]]:
    """One of each partition: reference data and ends of days in both."""
    logged = with_days([*firm(), *work()])
    return [
        log_records(one for one in logged if not one.engagement_id or partition_of(one.engagement_id, SHARDS) == shard)
        for shard in range(SHARDS)
    ]


def genesis(shard: int) -> Genesis:
    return Genesis("g-1", shard, SHARDS, RULES)


def folded(folder: Path, shard: int, records: Sequence[StoredRecord], batch: int = 2_000) -> None:
    accounting = open_accounting(folder, genesis(shard))
    run_plain(accounting, MemoryLog(records), batch)
    close(accounting)


def issued(folder: Path) -> list[BillingStatement]:
    read = (one.record for shard in range(SHARDS) for one in read_file(folder, TOPICS["BillingStatement"], shard))
    return [one for one in read if isinstance(one, BillingStatement)]


def numbered(statements: Iterable[BillingStatement]) -> dict[tuple[str, int, str], list[int]]:
    """By range, series and year, the numbers of what was issued, in its order; each statement has one."""
    found: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for one in statements:
        if one.status == "issued":
            assert one.number_place is not None
            found[one.number_place.range_id, one.number_place.series, one.number_place.year].append(
                one.number_place.value
            )
    return found


def check_gapless(found: dict[tuple[str, int, str], list[int]]) -> None:
    """Each series counts from its first number without a gap; invoices of both years are among them."""
    assert set(found) >= {("INVOICES", series, year) for series in (1, 2) for year in ("2026", "2027")}
    for (range_id, _, year), values in found.items():
        first = 41 if (range_id, year) == ("INVOICES", "2026") else 1
        assert values == list(range(first, first + len(values)))


def told(statements: Iterable[BillingStatement]) -> list[tuple[str, int, str, str | None]]:
    """What a reader knows a statement by, and its number."""
    return [(one.statement_id, one.revision, one.status, one.number) for one in statements]
