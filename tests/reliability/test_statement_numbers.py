"""Numbers of statements have no gap and come once, also where two shards bill for one company and both are killed again and again.

Eight projects of one company, billed weekly over New Year, are spread over two partitions. Each partition counts a series of its own.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from connectors.files.written import read_file
from connectors.log_records import StoredRecord
from dataflows.embedded import close, open_accounting, run_plain, store_path
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
from domain.events.delivery import ProjectActivated, StatementRequested, TimeApproved, TimeWithdrawn
from domain.events.reference import CostRateSet, CustomerDefined, LegalEntityDefined, PersonDefined
from domain.outputs import TOPICS, BillingStatement
from domain.units import HOURS_ONE, RATE_ONE
from state.genesis import Genesis
from state.intake.partition import partition_of
from state.rules import RULES
from state.store.store import FILES, Store
from tests.folding import Logged, MemoryLog, fold, log_records
from tests.histories.log import with_days
from tests.thoroughness import THOROUGH

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


def asked_for(project: str) -> Iterator[Logged]:
    """An hour, and at once the statement of it."""
    done = TimeApproved(f"t-{project}", at(MONDAY), "psa", f"T-{project}", 1, project, "BOB", "EVE", hours=HOURS_ONE)
    yield Logged(project, done._replace(worked_on=MONDAY))
    asked = StatementRequested(
        f"s-{project}", at(MONDAY), "crm", f"S-{project}", f"K{project}", requested_by="ANN", approved_by="EVE"
    )
    yield Logged(project, asked)


def many(project: str) -> Iterator[Logged]:
    for number in range(60):
        more = TimeApproved(f"m-{number}", at(MONDAY), "psa", f"M-{number}", 1, project, "BOB", "EVE", hours=HOURS_ONE)
        yield Logged(project, more._replace(worked_on=MONDAY))


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


def killed(folder: Path, shard: int, records: Sequence[StoredRecord], chance: random.Random) -> None:
    """Batches, then an end with the last one folded, written, or committed; the store is kept, lost or an older copy."""
    accounting = open_accounting(folder, genesis(shard))
    reached = chance.choice(["folded", "written", "committed"])
    for last in (*(False for _ in range(chance.randrange(6))), True):
        batch = MemoryLog(records).read(accounting.shard.position[0], chance.randrange(1, 90), 4 << 20)
        if not batch:
            break
        mark = accounting.outputs.write(accounting.shard.fold(batch))
        assert mark is not None
        if last and reached == "folded":
            break
        accounting.outputs.commit(mark)
        if last and reached == "written":
            break
        accounting.shard.commit(mark)
    close(accounting)
    store, copy = store_path(folder, shard), folder / f"copy-{shard}.db"
    match chance.choice(["kept", "lost", "copied", "an older copy"]):
        case "lost":
            Store.delete(store)
        case "copied":
            copy_store(store, copy)
        case "an older copy" if copy.exists():
            copy_store(copy, store)


def copy_store(source: Path, target: Path) -> None:
    Store.delete(target)
    for suffix in FILES:
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


def issued(folder: Path) -> list[BillingStatement]:
    read = (one.record for shard in range(SHARDS) for one in read_file(folder, TOPICS["BillingStatement"], shard))
    return [one for one in read if isinstance(one, BillingStatement)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    for shard, records in enumerate(logs()):
        folded(folder, shard, records)
    return folder


def test_every_series_counts_from_its_first_number_without_a_gap(plain: Path) -> None:
    found: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for one in issued(plain):
        if one.status == "issued":
            assert one.number_place is not None
            found[one.number_place.range_id, one.number_place.series, one.number_place.year].append(
                one.number_place.value
            )
    assert set(found) >= {("INVOICES", series, year) for series in (1, 2) for year in ("2026", "2027")}
    for (range_id, _, year), values in found.items():
        first = 41 if (range_id, year) == ("INVOICES", "2026") else 1
        assert values == list(range(first, first + len(values)))


def test_no_two_statements_of_the_company_have_one_number(plain: Path) -> None:
    numbers = [one.number for one in issued(plain) if one.status == "issued"]
    assert len(numbers) == len(set(numbers)) > 60
    assert None not in numbers


def test_the_year_is_that_of_the_day_of_issue_and_a_new_format_counts_on(plain: Path) -> None:
    numbers = [
        one.number or "" for one in issued(plain) if one.number_place and one.number_place.range_id == "INVOICES"
    ]
    first = [one for one in numbers if "/" not in one]
    assert first[0] == "INV-2026-1-0041"
    assert "INV-2027-1-0001" in first
    later = [one for one in numbers if one.startswith("I2027/1/")]
    last = max(int(one.rsplit("-", 1)[1]) for one in first if one.startswith("INV-2027-1-"))
    assert later[0] == f"I2027/1/{last + 1}"


def test_a_statement_that_is_issued_again_takes_the_next_number_and_names_the_former(plain: Path) -> None:
    by_revision = {(one.statement_id, one.revision, one.status): one for one in issued(plain)}
    again = [one for one in by_revision.values() if one.status == "issued" and one.revision > 1]
    assert again
    for one in again:
        former = by_revision[one.statement_id, one.revision - 1, "superseded"]
        assert one.replaces_number == former.number != one.number
        assert former.number == by_revision[one.statement_id, one.revision - 1, "issued"].number


def test_a_statement_has_its_number_by_the_range_of_its_moment() -> None:
    """What is asked for and the range that is written otherwise come in one batch."""
    history = [*firm(), *asked_for(PROJECTS[0]), Logged("", entity(2, SHORTER, CREDITS))]
    assert [one.number for one in fold(history).statements] == ["INV-2026-1-0041"]


def test_a_disk_that_fills_up_gives_no_number_away(tmp_path: Path) -> None:
    """SQLite takes back the whole transaction then, and what is written after it would stay without what it belongs to."""
    records = log_records([*firm(), *asked_for(PROJECTS[0]), *many(PROJECTS[0]), *asked_for(PROJECTS[1])])
    founded = len(list(firm()))
    folded(tmp_path, 0, records[:founded])
    accounting = open_accounting(tmp_path, genesis(0))
    books = accounting.shard.store.db
    books.execute(f"PRAGMA max_page_count={books.execute('PRAGMA page_count').fetchone()[0]}")
    with patch("state.store.store.KEPT_BACK_MAX", 0), pytest.raises(sqlite3.OperationalError, match="disk is full"):
        accounting.shard.fold(records[founded:])
    close(accounting)
    folded(tmp_path, 0, records)
    assert [one.number for one in issued(tmp_path)] == ["INV-2026-1-0041", "INV-2026-1-0042"]


@pytest.mark.parametrize("seed", range(6 if THOROUGH else 3))
def test_killed_at_any_moment_both_shards_give_the_same_numbers(plain: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    several = logs()
    for _ in range(25):
        shard = chance.randrange(SHARDS)
        killed(tmp_path, shard, several[shard], chance)
    for shard, records in enumerate(several):
        folded(tmp_path, shard, records, chance.randrange(1, 200))
    told = [(one.statement_id, one.revision, one.status, one.number) for one in issued(tmp_path)]
    assert told == [(one.statement_id, one.revision, one.status, one.number) for one in issued(plain)]
