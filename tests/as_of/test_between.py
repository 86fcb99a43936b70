"""`milepost between`: what came, and what it moved."""

from __future__ import annotations

import json
import re
from typing import Any

from typer.testing import CliRunner

from milepost.cli import app
from tests.finished_run import BRIDGE_FEBRUARY, TUNNEL_FEBRUARY, finished_run


def between(since: str, until: str) -> Any:
    arguments = ["between", since, until, "--json", "--output", str(finished_run())]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_came_in_early_march() -> None:
    """The statements of February go out on its last day's end, which the log has on 1 March."""
    found = between("2026-02-28T12:00:00Z", "2026-03-02")
    assert {one["statement_id"] for one in found["statements"]} == {BRIDGE_FEBRUARY, TUNNEL_FEBRUARY}
    assert found["events"]["DayEnded"] >= 1


def test_accounts_sum_to_nothing() -> None:
    found = between("2026-01-01", "2026-12-31")
    assert sum(round(100 * float(each["net"])) for each in found["accounts"]) == 0
    assert {each["account"] for each in found["accounts"]} >= {"1150", "4000", "5000", "2150", "1100"}


def test_two_halves_are_the_whole() -> None:
    first, second, whole = (
        between(*pair)
        for pair in (("2026-01-01", "2026-02-10"), ("2026-02-10", "2026-12-31"), ("2026-01-01", "2026-12-31"))
    )
    for name, count in whole["events"].items():
        assert first["events"].get(name, 0) + second["events"].get(name, 0) == count
    assert [*first["statements"], *second["statements"]] == whole["statements"]
    changes = {move["project_id"]: float(move["margin"]) for move in whole["forecasts"]}
    for project_id, change in changes.items():
        parts = [
            float(move["margin"])
            for half in (first, second)
            for move in half["forecasts"]
            if move["project_id"] == project_id
        ]
        assert abs(sum(parts) - change) < 0.005


def test_an_exception_that_came_and_went_is_neither_opened_nor_closed() -> None:
    whole = between("2026-01-01", "2026-12-31")
    assert whole["closed"] == []


def test_nothing_between_a_moment_and_itself() -> None:
    found = between("2026-02-10", "2026-02-10")
    assert (found["events"], found["accounts"], found["statements"], found["forecasts"]) == ({}, [], [], [])


def test_for_people() -> None:
    result = CliRunner().invoke(app, ["between", "2026-01-31", "2026-02-28", "--output", str(finished_run())])
    assert result.exit_code == 0, result.output
    for title in ("Events", "Journals by account", "Statements", "Forecasts", "Exceptions"):
        assert title in result.stdout


def test_moments_in_the_wrong_order_are_refused() -> None:
    for pair in (("2026-02-28", "2026-01-31"), ("offset:60", "offset:50"), ("2026-02-28", "offset:10")):
        result = CliRunner().invoke(app, ["between", *pair, "--output", str(finished_run())])
        assert result.exit_code == 2
        said = re.sub(r"\s+", " ", result.stderr)
        assert f"expected the earlier moment first, got {pair[0]} and then {pair[1]}" in said
        assert f"milepost between {pair[1]} {pair[0]}" in said


def test_what_is_behind_the_log_is_said() -> None:
    result = CliRunner().invoke(app, ["between", "2026-02-28", "2027-02-28", "--output", str(finished_run())])
    assert "2027-02-28 is after the last event: it came at 2026-03-06T18:00:00Z (offset 97 of the log)" in result.stderr
