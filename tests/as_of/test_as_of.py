"""What `--as-of` shows is what a run shows that was cut at that moment, and asking leaves nothing behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import LogEnd, log_path, write_end
from connectors.json_values import instant_text
from dataflows.embedded import close, open_accounting
from milepost.cli import app
from tests.finished_run import BRIDGE_FEBRUARY, BRIDGE_JANUARY, finished_run

MOMENTS = 50
SEED = 2026
QUESTIONS = (
    ("show", "BRIDGE"),
    ("show", "TUNNEL"),
    ("forecast", "BRIDGE"),
    ("ledger", "--entity", "BERLIN"),
    ("ledger", "--entity", "BERLIN", "--period", "2026-02"),
    ("statement",),
)


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def moments() -> list[int]:
    """Random instants within the log, and some of those at which something came."""
    random = Random(SEED)
    with EngagementLog.open(finished_run()) as log:
        came = sorted(record.event.recorded_at or record.event.occurred_at for record in log.records())
    between = [random.randrange(came[0], came[-1]) for _ in range(MOMENTS // 2)]
    return sorted([*between, *random.sample(came, MOMENTS - len(between))])


def cut_runs(folder: Path) -> Iterator[tuple[int, Path]]:
    """Runs that knew the log up to each moment: one that goes on from moment to moment."""
    with EngagementLog.open(finished_run()) as log:
        records = list(log.records())
        places = [*(place.length for place in log.places()), log_path(finished_run()).stat().st_size]
        whole = log_path(finished_run()).read_bytes()
        accounting = open_accounting(folder, log.genesis)
        try:
            for moment in moments():
                known = [
                    record for record in records if (record.event.recorded_at or record.event.occurred_at) <= moment
                ]
                end = len(known)
                assert [record.offset for record in known] == list(range(end)), (
                    "the log is in the order of its instants"
                )
                while accounting.shard.offset < end:
                    mark = accounting.outputs.write(accounting.shard.fold(records[accounting.shard.offset : end]))
                    assert mark is not None
                    accounting.outputs.commit(mark)
                    accounting.shard.commit(mark)
                path = log_path(folder)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(whole[: places[end]])
                write_end(path, LogEnd(end, places[end]))
                yield moment, folder
        finally:
            close(accounting)


def said(answer: Result) -> Any:
    """What was printed, but for whether more had happened since a view, which only a run's own books tell."""
    try:
        found = json.loads(answer.stdout)
    except json.JSONDecodeError:
        return answer.stdout
    return {name: value for name, value in found.items() if name != "more_since"} if isinstance(found, dict) else found


def test_it_is_what_a_cut_run_shows(tmp_path: Path) -> None:
    seen = set()
    for moment, cut in cut_runs(tmp_path):
        for question in QUESTIONS:
            then = ask(*question, "--json", "--output", str(cut))
            now = ask(*question, "--json", "--output", str(finished_run()), "--as-of", instant_text(moment))
            assert (now.exit_code, said(now)) == (then.exit_code, said(then)), (instant_text(moment), question)
            seen.add(now.stdout)
    assert len(seen) >= 30, "the moments differ"


def test_a_log_offset_names_a_moment_too() -> None:
    """T-1 of eight hours is the first work: its cost in EUR and its revenue in USD are a journal each."""
    with EngagementLog.open(finished_run()) as log:
        first = next(record for record in log.records() if record.type_name == "TimeApproved")
    arguments = ("ledger", "--entity", "BERLIN", "--json", "--output", str(finished_run()), "--as-of")
    assert ask(*arguments, f"offset:{first.offset}").exit_code == 2
    periods = json.loads(ask(*arguments, f"offset:{first.offset + 1}").stdout)["periods"]
    assert [(each["period"], each["journals"]) for each in periods] == [("2026-01", "2")]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "index"
    }


def test_asking_leaves_nothing_behind_but_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = contents(finished_run())
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for question in QUESTIONS:
        ask(*question, "--output", str(finished_run()), "--as-of", "2026-02-10")
    ask("statement", BRIDGE_JANUARY, "--output", str(finished_run()), "--as-of", "2026-02-10")
    ask("show", "BRIDGE", "--for", "2026-02", "--output", str(finished_run()))
    ask("between", "2026-01-31", "2026-02-28", "--output", str(finished_run()))
    ask("explain", "BRIDGE", "--output", str(finished_run()))
    assert contents(finished_run()) == before
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30", "offset:x", "2026-02-10T12:00"])
def test_a_moment_that_is_none_is_told(wrong: str) -> None:
    result = ask("show", "BRIDGE", "--output", str(finished_run()), "--as-of", wrong)
    assert result.exit_code == 2
    assert "--as-of" in result.stderr
    for example in (
        ("offset:1234",) if wrong.startswith("offset") else ("2026-03-31", "2026-03-31T18:00:00+02:00", "offset:1234")
    ):
        assert example in re.sub(r"\s+", " ", result.stderr)


@pytest.mark.parametrize("beyond", ["2026-03-07", "2026-03-06T18:00:01Z", "offset:99"])
def test_a_moment_behind_the_log_is_said(beyond: str) -> None:
    """The last of 98 records, U-5, came on 6 March at 18:00."""
    result = ask("ledger", "--entity", "BERLIN", "--output", str(finished_run()), "--as-of", beyond)
    assert result.exit_code == 0
    assert (
        f"--as-of {beyond} is after the last event: it came at 2026-03-06T18:00:00Z (offset 97 of the log)"
        in result.stderr
    )
    assert result.stdout == ask("ledger", "--entity", "BERLIN", "--output", str(finished_run())).stdout


@pytest.mark.parametrize("within", ["2026-03-06", "2026-03-06T18:00:00Z", "offset:98", "2026-01-31"])
def test_a_moment_of_the_log_is_not_remarked_on(within: str) -> None:
    result = ask("ledger", "--entity", "BERLIN", "--output", str(finished_run()), "--as-of", within)
    assert "after the end" not in result.stderr


def test_a_plain_day_is_that_of_utc() -> None:
    """February's statements go out on Berlin's midnight, 23:00Z on the 28th, within the day of UTC."""
    for moment, known in (("2026-02-27", False), ("2026-02-28T22:59:59Z", False), ("2026-02-28", True)):
        result = ask("statement", BRIDGE_FEBRUARY, "--output", str(finished_run()), "--as-of", moment)
        assert (result.exit_code == 0) == known, moment


def test_a_statement_is_what_a_cut_run_shows(tmp_path: Path) -> None:
    """As text, page, CSV and JSON, and what changed since the one before."""
    questions = [
        ("statement", statement_id, *how)
        for statement_id in (BRIDGE_JANUARY, BRIDGE_FEBRUARY)
        for how in ((), ("--html", "-"), ("--csv",), ("--json",), ("--diff", "previous"), ("--group-by", "week"))
    ]
    known = set()
    for moment, cut in cut_runs(tmp_path):
        for question in questions if moment % 5 == 0 else ():
            then = ask(*question, "--output", str(cut))
            now = ask(*question, "--output", str(finished_run()), "--as-of", instant_text(moment))
            assert (now.exit_code, now.stdout) == (then.exit_code, then.stdout), (instant_text(moment), question)
            known.add((question[1], now.exit_code))
    assert known >= {(BRIDGE_JANUARY, 0), (BRIDGE_FEBRUARY, 2)}


def test_a_period_of_a_project() -> None:
    """January of BRIDGE opens with nothing; what it closes with, February opens with."""

    def balances(period: str) -> Any:
        [found] = json.loads(ask("show", "BRIDGE", "--for", period, "--json", "--output", str(finished_run())).stdout)[
            "balances"
        ]
        return {line["account"]: (line["opening"], line["closing"]) for line in found["ledger"]}

    january, february = balances("2026-01"), balances("2026-02")
    assert all(opening == "0.00" for opening, _ in january.values())
    assert {account: closing for account, (_, closing) in january.items()} == {
        account: opening for account, (opening, _) in february.items() if account in january
    }


def test_a_forecast_as_it_stood_at_the_end_of_a_period() -> None:
    arguments = ("forecast", "BRIDGE", "--for", "2026-01", "--json", "--output", str(finished_run()))
    assert json.loads(ask(*arguments).stdout)["forecast"]["as_of"] <= "2026-01-31"


@pytest.mark.parametrize("option", [("--html", "-"), ("--since", "2026-01-31"), ("--locale", "de_DE")])
def test_options_that_a_period_would_pass_over_are_refused(option: tuple[str, ...]) -> None:
    result = ask("forecast", "BRIDGE", "--for", "2026-01", *option, "--output", str(finished_run()))
    assert result.exit_code == 2
    assert "expected it or --for, got both" in result.stderr


def test_a_period_and_a_moment_together() -> None:
    """On 31 January nothing of the correction of T-1 was known; it belongs to February."""
    arguments = ("show", "BRIDGE", "--for", "2026-02", "--json", "--output", str(finished_run()))
    then = json.loads(ask(*arguments, "--as-of", "2026-01-31").stdout)["balances"][0]["ledger"]
    now = json.loads(ask(*arguments).stdout)["balances"][0]["ledger"]
    assert {line["debits"] for line in then} == {"0.00"}
    assert {line["debits"] for line in now} != {"0.00"}
