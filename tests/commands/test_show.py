"""`milepost show` and `milepost forecast`: what a controller reads."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.files import lookup
from dataflows.embedded import store_path
from domain.billing.statement import OPEN, SUPERSEDED
from domain.outputs import BillingStatement
from milepost.cli import app
from milepost.commands.show import statement_head
from milepost.days import instant_day
from state.store.store import Store
from tests.commands.tiny_firm import event, founding, run, worked, write
from tests.finished_run import BRIDGE_FEBRUARY, BRIDGE_JANUARY, finished_run


def show(wanted: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["show", wanted, "--output", str(finished_run()), *arguments])


def forecast(wanted: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["forecast", wanted, "--output", str(finished_run()), *arguments])


def row(result: Result, first: str) -> list[str]:
    """The cells of the first line that begins so."""
    return next(line.split() for line in result.stdout.splitlines() if line.strip().startswith(first))


def test_a_project_with_its_balances() -> None:
    """17 h of T-1 to T-3 and 2 h of T-4; the cap of 2,000 is not reached any more: 1 + 8 + 8 + 2 h at 100."""
    result = show("BRIDGE")
    assert result.exit_code == 0, result.output
    assert "Project BRIDGE, Bridge, company BERLIN" in result.stdout
    position = ["K-1", "USD", "0.00", "0.00", "0.00", "0.00", "1,900.00", "1,900.00", "0.00"]
    assert row(result, "K-1") == [*position, "0.00", "1,900.00"], "nothing of what was invoiced is paid"
    assert row(result, "19 ") == ["19", "19", "760.00", "EUR", "0.00"]
    assert f"{BRIDGE_FEBRUARY}  2026-02-01 to 2026-02-28" in result.stdout
    assert "Forecast" in result.stdout


def test_balances_say_that_the_ledger_has_more(tmp_path: Path) -> None:
    """The third of March has not ended: its work is posted and in no view. Later it has, or nobody knows."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2), worked("T-2", 3)])
    folder = ["--output", str(tmp_path / "out")]
    wanted = ["show", "BRIDGE", *folder]
    assert CliRunner().invoke(app, ["run", "--input", str(tmp_path / "in"), *folder]).exit_code == 0
    shown = CliRunner().invoke(app, wanted)
    assert (
        "as of the end of 2026-03-02, the last day that ended; what was booked after it is not in these figures\n"
        in shown.stdout
    )
    assert row(shown, "K-1")[-1] == "800.00"
    assert json.loads(CliRunner().invoke(app, [*wanted, "--json"]).stdout)["more_since"] is True
    until = ["run", "--input", str(tmp_path / "in"), *folder, "--until", "2026-03-05"]
    assert CliRunner().invoke(app, until).exit_code == 0
    later = CliRunner().invoke(app, wanted)
    assert (
        "as of the end of 2026-03-05; all that was booked is in these figures; they last changed on 2026-03-03\n"
        in later.stdout
    )
    assert row(later, "K-1")[-1] == "1,600.00"
    Store.delete(store_path(tmp_path / "out", 0))
    assert "as of the end of 2026-03-03; without the store nobody knows" in CliRunner().invoke(app, wanted).stdout


def test_over_two_zones_a_day_has_ended_where_it_has_ended_in_both(tmp_path: Path) -> None:
    """At 3 in the morning of 5 March in Berlin, 4 March goes on in Boston; the figures of Berlin are of its end already."""
    *founded, bridge, signed = founding()
    line = {**signed["lines"][0], "line_id": "L-2", "project_id": "TUNNEL"}
    at = "2026-03-01T08:00:10Z"
    boston = {**founded[0], "event_id": "B", "legal_entity_id": "BOSTON", "name": "Boston", "zone": "America/New_York"}
    tunnel = event(
        "ProjectActivated",
        at,
        project_id="TUNNEL",
        version=1,
        name="Tunnel",
        legal_entity_id="BOSTON",
        engagement_id="E-1",
        starts_on="2026-01-01",
    )
    write(
        tmp_path / "input",
        [
            *founded,
            {**bridge, "engagement_id": "E-1"},
            boston,
            tunnel,
            {**signed, "occurred_at": at, "lines": [*signed["lines"], line]},
            worked("T-1", 4),
            event("CustomerDefined", "2026-03-05T02:00:00Z", customer_id="ZOO", version=1, name="Zoo"),
        ],
    )
    run(tmp_path)
    shown = CliRunner().invoke(app, ["show", "E-1", "--output", str(tmp_path / "output")]).output
    assert (
        "as of the end of 2026-03-03; all that was booked is in these figures; they last changed on 2026-03-04\n"
        in shown
    )


def test_work_of_a_contract_that_waits_shows_what_the_contract_waits_for(tmp_path: Path) -> None:
    """The customer of K-1 is not defined: the work has no contract in force, and the reason stands beside it."""
    firm = [event for event in founding() if event["type"] != "CustomerDefined"]
    write(tmp_path / "in", [*firm, worked("T-1", 2)])
    folder = ["--output", str(tmp_path / "out")]
    arguments = ["run", "--input", str(tmp_path / "in"), *folder, "--until", "2026-03-05"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    shown = json.loads(CliRunner().invoke(app, ["show", "BRIDGE", *folder, "--json"]).stdout)
    waiting = {(one["category"], one["subject_kind"], one["subject_id"]) for one in shown["exceptions"]}
    assert ("no_contract", "time_entry", "T-1") in waiting
    assert ("unknown_reference", "contract", "K-1") in waiting
    assert shown["project"]["open_exception_count"] == len(waiting)


def test_the_latest_statement_comes_first() -> None:
    text = show("BRIDGE").stdout
    assert text.index(BRIDGE_FEBRUARY) < text.index(BRIDGE_JANUARY)


def test_a_statement_with_its_lines() -> None:
    result = show(BRIDGE_FEBRUARY)
    assert result.exit_code == 0, result.output
    assert "contract K-1 of BERLIN, bill to ACME" in result.stdout
    assert "rounding entry, half_up, to 0.01 USD" in result.stdout
    assert "-700.00" in result.stdout
    assert "correction, prior_period" in result.stdout
    assert row(result, "total") == ["total", "-100.00"]
    assert row(result, "amount due") == ["amount", "due", "-100.00"]


def test_what_became_of_a_statement_and_when() -> None:
    """A draft is called so, and superseded is what was issued before on the day that says so, not on that of its issue."""
    found = lookup.find(finished_run(), BRIDGE_FEBRUARY)
    assert isinstance(found, lookup.FoundStatement)
    issued = found.statement._replace(issued_on=date(2026, 3, 2))

    def said(statement: BillingStatement) -> list[str]:
        first, _, period, _ = statement_head(found._replace(statement=statement))
        return [first.rpartition(", ")[2], period.partition(", ")[2]]

    recorded = instant_day(found.position.recorded_at)
    assert recorded != date(2026, 3, 2)
    assert said(issued) == ["issued", "issued on 2026-03-02"]
    assert said(issued._replace(status=SUPERSEDED)) == ["superseded", f"superseded on {recorded}"]
    assert said(issued._replace(status=OPEN, issued_on=None)) == ["draft", f"drafted on {recorded}"]


def test_as_json() -> None:
    project = json.loads(show("TUNNEL", "--json").stdout)
    assert (project["version"], project["kind"], project["project"]["project_id"]) == (1, "project", "TUNNEL")
    assert [each["amount_due"] for each in project["statements"]] == ["2000.00", "400.00"]
    assert "lines" not in project["statements"][0]
    statement = json.loads(show(BRIDGE_JANUARY, "--json").stdout)["statement"]
    assert (statement["type"], statement["contract_id"], len(statement["lines"])) == ("BillingStatement", "K-1", 2)


def test_an_id_that_is_unknown_gets_the_nearest() -> None:
    result = show("BRIGDE")
    assert result.exit_code == 2
    assert (
        "expected the id of a project, a contract group or a statement, got BRIGDE; the nearest are BRIDGE"
        in result.stderr
    )


def test_a_folder_that_is_not_of_a_run(tmp_path: Path) -> None:
    for verb in ("show", "forecast"):
        result = CliRunner().invoke(app, [verb, "BRIDGE", "--output", str(tmp_path)])
        assert result.exit_code == 2
        assert "expected the output folder of `milepost run`" in result.stderr


def test_a_forecast_by_month() -> None:
    result = forecast("BRIDGE")
    assert result.exit_code == 0, result.output
    assert "of project BRIDGE" in result.stdout
    assert row(result, "2026-01")[0] == "2026-01"
    assert "Caps" in result.stdout
    assert row(result, "L-1")[:4] == ["L-1", "hard", "1,900.00", "2,000.00"]


def test_a_forecast_as_json() -> None:
    found = json.loads(forecast("BRIDGE", "--json").stdout)
    assert (found["version"], found["forecast"]["type"], found["forecast"]["project_id"]) == (
        1,
        "ForecastUpdate",
        "BRIDGE",
    )


@pytest.mark.parametrize("wanted", ["BRIDGES", "bridge"])
def test_a_project_without_a_forecast(wanted: str) -> None:
    result = forecast(wanted)
    assert result.exit_code == 2
    assert f"expected the id of a project that has a forecast, got {wanted}; the nearest are BRIDGE" in result.stderr


def test_issued_and_invoiced_are_the_words_everywhere() -> None:
    """`billed` would mean the one here and the other there."""
    shown = show("TUNNEL").stdout
    assert re.search(r"unbilled +issued +invoiced", shown)
    ledger = CliRunner().invoke(
        app, ["ledger", "--output", str(finished_run()), "--entity", "BERLIN", "--period", "2026-02"]
    )
    assert re.search(r"opening +added +invoiced +corrected +closing", ledger.stdout)
    assert not re.search(r"\bbilled\b", shown + ledger.stdout)
