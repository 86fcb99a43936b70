"""A small firm's months, simulated and accounted for once for all tests, with everything that it printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from typer.testing import CliRunner

from connectors.files.engagement_log import EngagementLog
from connectors.files.written import read_shard
from connectors.json_records import record_to_json
from domain.identity import escape
from domain.ledger.trial_balance import Moves
from domain.money import format_amount
from milepost.cli import app
from milepost.commands.ledger import ledger_sums
from simulation.write import RECEIPTS
from tests.made_once import made_once
from tests.thoroughness import THOROUGH

Json = Any
# Each figure rests on the entries before it.
PEOPLE, MONTHS, UNTIL = (12, 12, "2027-01-31") if THOROUGH else (10, 5, "2026-06-30")


class Printed(NamedTuple):
    """A figure that a run printed: what to ask for, and what it says."""

    kind: str
    id: str
    value: Fraction


def simulated_year() -> Path:
    """Its output folder; do not write to it."""
    return Path(_made().name) / "output"


@cache
def _made() -> TemporaryDirectory[str]:
    return made_once("year", _make)


def _make(folder: Path) -> None:
    events, output = folder / "input", folder / "output"
    milepost(
        "simulate",
        "--seed",
        "7",
        "--people",
        str(PEOPLE),
        "--projects",
        "8",
        "--months",
        str(MONTHS),
        "--deals",
        "time",
        "--out",
        str(events),
    )
    milepost("run", "--input", str(events), "--output", str(output), "--yes")
    milepost("simulate-invoices", "--output", str(output), "--input", str(events))
    for path in events.glob(f"{RECEIPTS}-*.jsonl"):
        path.unlink()  # invoices alone: what is left after a credit memo or a payment the checker cannot recompute
    milepost("run", "--input", str(events), "--output", str(output), "--until", UNTIL, "--yes")


def milepost(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@cache
def events() -> dict[int, Json]:
    """Of the log, by offset."""
    with EngagementLog.open(simulated_year()) as log:
        return {record.offset: record_to_json(record.event) for record in log.records()}


@cache
def outputs() -> list[Json]:
    return [record_to_json(written.record, written.position) for written in read_shard(simulated_year(), 0)]


def printed() -> Iterator[Printed]:
    """Every figure of the run that can be asked for."""
    yield from _of_records()
    yield from _of_views()
    yield from _of_forecasts()
    yield from _of_alerts()
    yield from _of_entries()
    yield from _of_ledgers()


def _of_records() -> Iterator[Printed]:
    raised: dict[str, Json] = {}
    for record in outputs():
        match record["type"]:
            case "JournalEntry":
                for number, line in enumerate(record["lines"], 1):
                    name = f"{record['journal_id']}#{number}"
                    yield Printed("journal line", f"{name}/amount", Fraction(line["amount"]))
                    yield Printed("journal line in ledger currency", f"{name}/ledger", Fraction(line["ledger_amount"]))
            case "BillingStatement":
                yield Printed("statement", record["statement_id"], Fraction(record["amount_due"]))
                for number, line in enumerate(record["lines"], 1):
                    yield Printed("statement line", f"{record['statement_id']}#{number}", Fraction(line["amount"]))
            case "ExceptionRaised":
                raised[record["exception_id"]] = record
            case _:
                pass
    for exception_id, record in raised.items():
        if Fraction(record["blocks_amount"]):
            yield Printed("exception", f"{exception_id}#amount", Fraction(record["blocks_amount"]))


def _of_views() -> Iterator[Printed]:
    latest = {record["project_id"]: record for record in outputs() if record["type"] == "ProjectView"}
    for project_id, view in latest.items():
        yield Printed("burn", f"{project_id}#hours", Fraction(view["burn"]["hours"]))
        yield Printed("burn", f"{project_id}#hours_charged", Fraction(view["burn"]["billable_hours"]))
        for cost in view["burn"]["cost"]:
            several = f"/{cost['currency']}" if len(view["burn"]["cost"]) > 1 else ""
            yield Printed("burn", f"{project_id}#cost{several}", Fraction(cost["amount"]))
        for memo in view["burn"]["nonbillable_value"]:
            yield Printed("burn", f"{project_id}#value_not_charged", Fraction(memo["amount"]))
        for balance in view["balances"]:
            whose = f"{project_id}/{balance['contract_id']}" if len(view["balances"]) > 1 else project_id
            for name, value in balance.items():
                if name not in {"contract_id", "currency", "sources", "orders"}:
                    yield Printed("balance", f"{whose}#{name}", Fraction(value))
            for source in balance["sources"]:
                for name in ("limit", "used", "left"):
                    if source[name] is not None:
                        published = f"{whose}#sources/{escape(source['source_id'])}/{name}"
                        yield Printed("source", published, Fraction(source[name]))
            for order in balance["orders"]:
                for name in ("limit", "used", "left"):
                    yield Printed("order", f"{whose}#orders/{escape(order['number'])}/{name}", Fraction(order[name]))
        for cash in view["unapplied"]:
            which = f"{escape(cash['payment_id'])}/{escape(cash['legal_entity_id'])}"
            yield Printed("unapplied", f"{project_id}#unapplied/{which}", Fraction(cash["amount"]))


def _of_forecasts() -> Iterator[Printed]:
    """Of the latest: figures, months, caps; of all: what the only cause of a change moved."""
    published = [record for record in outputs() if record["type"] == "ForecastUpdate"]
    for project_id, update in {record["project_id"]: record for record in published}.items():
        for path, value in forecast_figures(update).items():
            kind = (
                "cap of a forecast"
                if path.startswith("caps")
                else "month of a forecast"
                if "months" in path
                else "forecast"
            )
            if not path.startswith(("deltas", "caps")) or path.endswith(CAP_NUMBERS):
                yield Printed(kind, f"{project_id}#{path}", value)
    for update in published:
        if len(update["deltas"]) == 1:
            for path, value in forecast_figures(update).items():
                if path.startswith("deltas"):
                    name = f"{update['project_id']}#forecast/{update['sequence']}/{path}"
                    yield Printed("change of a forecast", name, value)


CAP_NUMBERS = ("used_amount", "used_hours", "used_percent", "limit_amount", "limit_hours")


def forecast_figures(update: Json) -> dict[str, Fraction]:
    """Every number of a forecast as JSON, by its place as `explain` names it; ids, numbers of updates and days are none."""
    found: dict[str, Fraction] = {}
    for sheet in ("project", "ledger", "group"):
        head = "" if sheet == "project" else f"{sheet}/"
        for name, value in (update[sheet] or {}).items():
            if name == "months":
                for month in value:
                    for measure in (each for each in month if each != "month"):
                        found[f"{head}months/{month['month']}/{measure}"] = Fraction(month[measure])
            elif name != "currency" and value is not None:
                found[f"{head}{name}"] = Fraction(value)
    if update["percent_complete"] is not None:
        found["percent_complete"] = Fraction(update["percent_complete"])
    for row in update["demand"]:
        found[f"demand/{row['month']}/{row['role']}"] = Fraction(row["hours"])
    for cap in update["caps"]:
        for name in CAP_NUMBERS:
            if cap[name] is not None:
                found[f"caps/{cap['cap_id']}/{name}"] = Fraction(cap[name])
    for name, value in (update["previous"] or {}).items():
        if name != "sequence":
            found[f"previous/{name}"] = Fraction(value)
    for delta in update["deltas"]:
        for name in ("cost", "revenue", "margin"):
            found[f"deltas/{delta['cause']}/{name}"] = Fraction(delta[name])
    return found


def _of_alerts() -> Iterator[Printed]:
    for record in outputs():
        if record["type"] == "Alert":
            for name in ("used_amount", "limit_amount", "used_hours", "limit_hours"):
                if record[name] is not None:
                    yield Printed("alert", f"{record['alert_id']}#{name}", Fraction(record[name]))


def _of_entries() -> Iterator[Printed]:
    """Cost and revenue of an entry are what its journals sum to."""
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for record in outputs():
        if record["type"] == "JournalEntry" and record["affected_kind"] == "time_entry":
            for line in record["lines"]:
                if line["account"] == "5000":
                    sums[record["affected_id"], "cost"] += Fraction(line["amount"])
                if line["account"] == "4000" and line["purpose"] == "revenue":
                    sums[record["affected_id"], "recognised"] -= Fraction(line["amount"])
    for (entry_id, name), value in sums.items():
        if value:
            yield Printed("entry", f"{entry_id}#{name}", value)


def _of_ledgers() -> Iterator[Printed]:
    for entity_id, sums in ledger_sums(simulated_year()).items():
        for period in sums.periods():
            balance = sums.trial_balance(period.period)
            head = f"{entity_id}/{period.period}"
            for lines, in_ledger in ((balance.ledger, True), (balance.transaction, False)):
                for line in lines:
                    whose = f"{head}/{line.account}" + ("" if in_ledger else f"/{line.currency}")
                    for name in ("opening", "debits", "credits", "movement", "closing"):
                        yield Printed("account", f"{whose}#{name}", _fraction(getattr(line, name)))
            for roll in balance.rolls:
                whose = f"{head}/{roll.balance}/{roll.contract_id or '-'}/{roll.currency}"
                for name in (*Moves._fields, "closing"):
                    yield Printed("roll-forward", f"{whose}#{name}", _fraction(getattr(roll.amounts, name)))
                    yield Printed("roll-forward", f"{whose}#{name}/ledger", _fraction(getattr(roll.ledger, name)))


def _fraction(amount: int) -> Fraction:
    return Fraction(format_amount(amount))
