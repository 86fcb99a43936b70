"""What a run with the change really does, against one without it: counted from the output files, not by the code that predicts it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner, Result

from connectors.files.written import read_topic
from domain.outputs import TOPICS, ExceptionRaised
from milepost.cli import app
from tests.commands.tiny_firm import Event, run, write

Ledger = dict[tuple[str, ...], tuple[int, int]]


def asked(output: Path, change: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["whatif", "--output", str(output), "--change", str(change), *more])


def predicted(output: Path, events: list[Event], *more: str) -> Any:
    with TemporaryDirectory() as folder:
        change = write(Path(folder), events, "change") / "change.jsonl"
        result = asked(output, change, "--json", *more)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@contextmanager
def both_runs(firm: Path, events: list[Event], until: str) -> Iterator[tuple[Path, Path]]:
    """Output folders of runs that went on from the firm's, without the events and with them."""
    with TemporaryDirectory() as folder:
        made = []
        for name in ("without", "with"):
            copy = Path(folder) / name
            shutil.copytree(firm, copy)
            if name == "with":
                write(copy / "input", events, "later")
            run(copy, "--until", until)
            made.append(copy / "output")
        yield made[0], made[1]


def ledger(output: Path) -> Ledger:
    """Amounts and ledger amounts by project, contract, company, period, account and currency."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for written in read_topic(output, TOPICS["JournalEntry"]):
        journal: Any = written.record
        for line in journal.lines:
            place = (journal.contract_id or "", journal.legal_entity_id, journal.period, line.account, journal.currency)
            held = sums.setdefault((line.project_id or "", *place), [0, 0])
            held[0] += line.amount
            held[1] += line.ledger_amount
    return {key: (amount, of_ledger) for key, (amount, of_ledger) in sums.items()}


def moved(without: Ledger, with_it: Ledger) -> Ledger:
    found = {}
    for key in {*without, *with_it}:
        before, after = without.get(key, (0, 0)), with_it.get(key, (0, 0))
        if before != after:
            found[key] = (after[0] - before[0], after[1] - before[1])
    return found


def told_ledger(answer: Any) -> Ledger:
    names = ("project_id", "contract_id", "legal_entity_id", "period", "account", "currency")
    return {
        tuple(each[name] for name in names): (_units(each["amount"]), _units(each["ledger_amount"]))
        for each in answer["journals"]
    }


def _units(text: str) -> int:
    whole, _, decimals = text.partition(".")
    return int(whole + decimals.ljust(4, "0"))


def statements(output: Path) -> dict[str, tuple[str, int]]:
    """Of each the status and the amount due of its newest revision."""
    found = {}
    for written in read_topic(output, TOPICS["BillingStatement"]):
        statement: Any = written.record
        found[statement.statement_id] = (statement.status, statement.amount_due)
    return found


def told_statements(answer: Any) -> dict[str, tuple[str, int] | None]:
    """As they would be with the change."""
    return {
        each["statement_id"]: None
        if each["after"] is None
        else (each["after"]["status"], _units(each["after"]["amount_due"]))
        for each in answer["statements"]
    }


def open_exceptions(output: Path) -> set[str]:
    found: dict[str, bool] = {}
    for written in read_topic(output, TOPICS["ExceptionRaised"]):
        record: Any = written.record
        found[record.exception_id] = isinstance(record, ExceptionRaised)
    return {exception_id for exception_id, is_open in found.items() if is_open}


def forecasts(output: Path) -> dict[str, Any]:
    """The last of each project."""
    found = {}
    for written in read_topic(output, TOPICS["ForecastUpdate"]):
        update: Any = written.record
        found[update.project_id] = update
    return found


def check(firm: Path, events: list[Event], until: str) -> Any:
    """The answer for a firm's folder of `input` and `output`, once it is what really happens."""
    answer = predicted(firm / "output", events, "--on", until)
    with both_runs(firm, events, until) as (without, with_it):
        assert told_ledger(answer) == moved(ledger(without), ledger(with_it))
        before, after = statements(without), statements(with_it)
        told = told_statements(answer)
        assert {name: after.get(name) for name in told} == told
        assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= set(told)
        was, now = open_exceptions(without), open_exceptions(with_it)
        assert {each["exception_id"] for each in answer["exceptions"]["raised"]} == now - was
        assert {each["exception_id"] for each in answer["exceptions"]["closed"]} == was - now
        _check_forecasts(answer, forecasts(without), forecasts(with_it))
    return answer


def _check_forecasts(answer: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The last forecast of each project that was told on both sides."""
    told = {each["project_id"]: each for each in answer["forecasts"]}
    for project_id in before.keys() & after.keys():
        one, other = (figures(side[project_id].project) for side in (before, after))
        if project_id not in told:
            assert one == other
            continue
        for side, really in (("before", one), ("after", other)):
            said = told[project_id][side]
            assert {name: said[name] if name == "currency" else _units(said[name]) for name in really} == really


def figures(forecast: Any) -> dict[str, Any]:
    names = ("currency", "eac_cost", "eac_revenue", "margin", "backlog", "unbilled_backlog")
    return {name: getattr(forecast, name) for name in names}
