"""Ten years of a software house (the SiP dataset) with the ECB's rates: run, audited, and compared with sums made apart.

Every project is an engagement, all work is billed at 80 GBP an hour and costs 40, the ledger is in EUR. A row of the data
is a whole task of one developer, so some are longer than a day.
"""

from __future__ import annotations

import csv
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.child import ROOT
from benchmarks.command import Ran, milepost
from connectors.containers import decode_output_file
from connectors.files.outputs import topic_file
from domain.outputs import TOPICS, BillingStatement, JournalEntry
from domain.units import AMOUNT_ONE

VARIABLE = "MILEPOST_REAL_DATA"
EFFORT, RATES = "sip-effort.csv", "ecb-rates.csv"
MAPPING = ROOT / "tests" / "real_data" / "sip.toml"
# The first is above the longest row, the second what a day has.
LIMITS = (2_500, 24)
RATES_FROM, UNTIL = "2004-06-01", "2015-01-31"
PRICE, COST = Decimal(80), Decimal(40)
CENT = Decimal("0.01")
STALENESS_DAYS = 7
REVENUE_ACCOUNT, COST_ACCOUNT = "4000", "5000"
TOO_LONG = "hours_out_of_range"


class Totals(NamedTuple):
    """GBP where nothing else is said; `waiting` entries are over the limit of hours and in no sum."""

    entries: int
    waiting: int
    revenue: Decimal
    revenue_eur: Decimal
    cost: Decimal
    cost_eur: Decimal
    billed: Decimal


class Measured(NamedTuple):
    limit: int
    found: dict[str, str]
    expected: dict[str, str]
    agrees: bool
    verified: bool
    checks: int
    seconds: dict[str, float]
    events: int


def measure(data: Path, limit: int, folder: Path) -> Measured:
    shutil.rmtree(folder, ignore_errors=True)
    source, output = folder / "input", folder / "output"
    longest = f"write.entity.hours_max_per_entry={limit}"
    effort = milepost("import", "csv", data / EFFORT, "--map", MAPPING, "--out", source, "--set", longest)
    rates = milepost(
        "import", "ecb", data / RATES, "--out", source, "--from", RATES_FROM, "--to", UNTIL, "--currencies", "GBP"
    )
    run = milepost("run", "--input", source, "--output", output, "--until", UNTIL)
    verify = milepost("verify", "--output", output)
    found, expected = _as_text(totals_of(output, run)), _as_text(totals_apart(data, limit))
    return Measured(
        limit=limit,
        found=found,
        expected=expected,
        agrees=found == expected,
        verified=verify.said["holds"],
        checks=len(verify.said["checks"]),
        seconds={
            "import csv": effort.spent.cpu,
            "import ecb": rates.spent.cpu,
            "run": run.spent.cpu,
            "verify": verify.spent.cpu,
        },
        events=run.said["events"],
    )


def totals_of(output: Path, run: Ran) -> Totals:
    """As the postings and statements say."""
    sums: dict[str, list[int]] = {REVENUE_ACCOUNT: [0, 0], COST_ACCOUNT: [0, 0]}
    entries = set()
    for journal in _outputs(output, "JournalEntry"):
        assert isinstance(journal, JournalEntry), "the topic holds nothing else"
        for line in journal.lines:
            if line.account in sums:
                sums[line.account][0] += line.amount
                sums[line.account][1] += line.ledger_amount
                entries.add(journal.affected_id)
    billed = 0
    for statement in _outputs(output, "BillingStatement"):
        assert isinstance(statement, BillingStatement), "the topic holds nothing else"
        billed += statement.amount_due
    (revenue, revenue_eur), (cost, cost_eur) = sums[REVENUE_ACCOUNT], sums[COST_ACCOUNT]
    return Totals(
        entries=len(entries),
        waiting=run.said["exceptions_by_category"].get(TOO_LONG, 0),
        revenue=-_money(revenue),
        revenue_eur=-_money(revenue_eur),
        cost=_money(cost),
        cost_eur=_money(cost_eur),
        billed=_money(billed),
    )


def totals_apart(data: Path, limit: int) -> Totals:
    """With nothing of Milepost: each amount at the rate of its day, the last one of at most a week before it, to the cent."""
    quoted = _quoted(data / RATES)
    days = sorted(quoted)
    entries = waiting = 0
    revenue = revenue_eur = cost = cost_eur = Decimal(0)
    for day, hours in _rows(data / EFFORT):
        if hours > limit:
            waiting += 1
            continue
        entries += 1
        known = days[bisect_right(days, day) - 1]
        assert (day - known).days <= STALENESS_DAYS, f"no rate for {day}"
        revenue += _cents(hours * PRICE)
        revenue_eur += _cents(_cents(hours * PRICE) / quoted[known])
        cost += _cents(hours * COST)
        cost_eur += _cents(_cents(hours * COST) / quoted[known])
    return Totals(entries, waiting, revenue, revenue_eur, cost, cost_eur, revenue)


def _rows(path: Path) -> Iterator[tuple[date, Decimal]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = row["completed_on"] or row["started_on"] or row["estimate_on"]
            yield date.fromisoformat(day), Decimal(row["developer_hours"])


def _quoted(path: Path) -> Mapping[date, Decimal]:
    """GBP for one EUR."""
    with path.open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["date"]): Decimal(row["GBP"]) for row in csv.DictReader(file) if row["GBP"]}


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _money(amount: int) -> Decimal:
    return _cents(Decimal(amount) / AMOUNT_ONE)


def _outputs(output: Path, name: str) -> Iterator[object]:
    for _, record in decode_output_file(topic_file(output, TOPICS[name], 0)):
        yield record


def _as_text(totals: Totals) -> dict[str, Any]:
    return {name: str(value) for name, value in totals._asdict().items()}
