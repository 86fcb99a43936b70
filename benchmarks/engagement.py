"""What an event costs in an engagement that holds many entries: one project, one contract line, entries in order of days.

A day has 200 entries of 40 people and ends; a week is a billing period. What is measured are the weeks that come once the
engagement holds so many entries, statements, forecasts and commits included.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import count, islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

from benchmarks.machine import calibration, peak_mb
from connectors.avro_codec import EVENT_CODECS
from connectors.log_records import StoredRecord
from dataflows.embedded import Accounting, close, open_accounting
from domain.events.catalogue import Event
from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    Cap,
    ContractLine,
    FiscalCalendar,
    LineRate,
    RemainingWork,
    TimeAndMaterials,
)
from domain.events.delivery import EstimateRevised, ProjectActivated, TimeApproved
from domain.events.reference import CostRateSet, CustomerDefined, DayEnded, LegalEntityDefined, PersonDefined
from domain.units import AMOUNT_ONE, HOURS_ONE, RATE_ONE
from state.genesis import Genesis
from state.rules import RULES

UNCAPPED, CAPPED = "uncapped", "cap reached"
ENGAGEMENT, ZONE, SOURCE = "E", "Europe/Berlin", "benchmark"
FIRST_DAY = date(2018, 1, 1)
FIRST_INSTANT = 1_514_761_200_000_000  # 2018-01-01T00:00 in Berlin, winter time
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
ENTRIES_A_DAY, PEOPLE = 200, 40
ENTRIES_A_WEEK = 7 * ENTRIES_A_DAY
BATCH_ENTRIES = 500
# Of the cap, for each entry that a day has: 100,000 with as many as usual. It is reached in the first week.
CAPPED_AT = 500 * AMOUNT_ONE


class Cost(NamedTuple):
    """Microseconds of processor time for one entry with its share of day ends and statements: the median of some weeks."""

    held: int
    microseconds: float
    peak_mb: float
    calibration: float


def measure(kind: str, entries: int, measured: int, folder: Path) -> Cost:
    """Of so many weeks once it holds the entries."""
    held = -(-entries // ENTRIES_A_WEEK) * ENTRIES_A_WEEK
    accounting, records = _with_weeks(kind, held // ENTRIES_A_WEEK, folder)
    weeks = [_fold(accounting, records, ENTRIES_A_WEEK + 7) for _ in range(measured)]
    close(accounting)
    return Cost(held, round(median(weeks) * 1e6 / ENTRIES_A_WEEK, 1), peak_mb(), calibration())


class LateCost(NamedTuple):
    """Milliseconds of processor time for one entry of the first day that comes last, its share of a commit included; the first of them
    puts those who wait in order."""

    rivals: int
    first_ms: float
    median_ms: float
    most_ms: float
    calibration: float


def measure_late(rivals: int, entries: int, folder: Path) -> LateCost:
    """Of so many entries, each folded and committed by itself, under a cap that is used up and that `rivals` wait for."""
    weeks = rivals // ENTRIES_A_WEEK + 1
    accounting, _ = _with_weeks(CAPPED, weeks, folder)
    at = FIRST_INSTANT + weeks * 7 * DAY
    late = (entry(10**6 + number, FIRST_DAY, at + number * MINUTE) for number in range(entries))
    spent = [_fold(accounting, _logged(late, accounting[0].offset), 1) * 1e3 for _ in range(entries)]
    close(accounting)
    first, *usual = [round(each, 2) for each in spent]
    return LateCost(weeks * ENTRIES_A_WEEK, first, median(usual), max(usual), calibration())


def _with_weeks(kind: str, weeks: int, folder: Path) -> tuple[Accounting, Iterator[StoredRecord]]:
    """With so many folded, and the records that follow."""
    shutil.rmtree(folder, ignore_errors=True)
    accounting = open_accounting(folder, Genesis("1", rules=RULES))
    records = _records(kind)
    _fold(accounting, records, len(opening(kind)))
    for _ in range(weeks):
        _fold(accounting, records, ENTRIES_A_WEEK + 7)
    return accounting, records


def _fold(accounting: Accounting, records: Iterator[StoredRecord], number: int) -> float:
    """Seconds of the processor, without making the events."""
    shard, outputs = accounting
    spent = 0.0
    week = list(islice(records, number))
    while week and shard.offset <= week[-1].offset:
        batch = [record for record in week if record.offset >= shard.offset][:BATCH_ENTRIES]
        start = process_time()
        mark = outputs.write(shard.fold(batch))
        assert mark is not None, "a folded batch ends with its mark"
        outputs.commit(mark)
        shard.commit(mark)
        spent += process_time() - start
    return spent


def _records(kind: str) -> Iterator[StoredRecord]:
    return _logged(events(kind), 0)


def _logged(found: Iterable[Event], first: int) -> Iterator[StoredRecord]:
    for offset, event in enumerate(found, first):
        name = type(event).__name__
        body = EVENT_CODECS[name].encode(event)
        own = ENGAGEMENT if isinstance(event, _OWN) else ""
        yield StoredRecord(offset, own, name, body, event)


_OWN = (ProjectActivated, ContractSigned, EstimateRevised, TimeApproved)


def events(kind: str, a_day: int = ENTRIES_A_DAY) -> Iterator[Event]:
    yield from opening(kind, a_day)
    for day in count():
        worked_on, at = FIRST_DAY + timedelta(days=day), FIRST_INSTANT + day * DAY
        for number in range(a_day):
            yield entry(day * a_day + number, worked_on, at + 9 * 60 * MINUTE + number * MINUTE)
        yield DayEnded(f"day-{day}", at + DAY, SOURCE, ZONE, worked_on, recorded_at=at + DAY)


def entry(number: int, worked_on: date, at: int) -> TimeApproved:
    return TimeApproved(
        event_id=f"e-{number}",
        occurred_at=at,
        source=SOURCE,
        entry_id=f"T-{number:07}",
        version=1,
        project_id="P",
        person_id=f"PER-{number % PEOPLE}",
        approved_by="boss",
        recorded_at=at,
        engagement_id=ENGAGEMENT,
        worked_on=worked_on,
        hours=(2 + number % 7) * HOURS_ONE // 4,
        approved_at=at,
    )


def opening(kind: str, a_day: int = ENTRIES_A_DAY) -> list[Event]:
    at = FIRST_INSTANT - DAY
    cap = Cap(kind="hard", amount=a_day * CAPPED_AT) if kind == CAPPED else None
    terms = TimeAndMaterials(rates=(LineRate(rate=120 * RATE_ONE),), cap=cap)
    return [
        LegalEntityDefined("le", at, SOURCE, "LE", 1, "Company", "EUR", ZONE, FiscalCalendar(kind="calendar_month")),
        CustomerDefined("c", at, SOURCE, "C", 1, "Customer"),
        *(PersonDefined(f"p-{n}", at, SOURCE, f"PER-{n}", 1, "LE", "consultant") for n in range(PEOPLE)),
        CostRateSet("k", at, SOURCE, "K", 1, "EUR", 60 * RATE_ONE, FIRST_DAY, role="consultant"),
        ProjectActivated("pa", at, SOURCE, "P", 1, "Project", "LE", FIRST_DAY, engagement_id=ENGAGEMENT),
        ContractSigned(
            "cs",
            at,
            SOURCE,
            "K",
            1,
            "C",
            "LE",
            "EUR",
            FIRST_DAY,
            FIRST_DAY,
            (ContractLine("L", "P", terms),),
            engagement_id=ENGAGEMENT,
            billing_cycle=BillingCycle(kind="weekly"),
        ),
        EstimateRevised(
            "er",
            at,
            SOURCE,
            "P",
            1,
            FIRST_DAY,
            (RemainingWork("2026-12", 1_000_000 * HOURS_ONE, 60_000_000 * AMOUNT_ONE),),
            engagement_id=ENGAGEMENT,
        ),
    ]
