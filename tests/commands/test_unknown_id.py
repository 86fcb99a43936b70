"""An id that a command does not take: what was asked, what is taken, what it is or what is like it, and where the ids are listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, said, worked, write

# What every command takes.
TAKEN = {
    "show": "a project, an engagement or a statement",
    "forecast": "a project that has a forecast",
    "statement": "a statement",
    "ledger --entity": "a company with journals",
    "explain": "a figure, such as a project, a contract, a time entry, a charge, a journal, a statement or an exception",
    "exceptions show": "an exception",
    "dead-letters show": "a dead letter",
}


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work that is posted, work of 30 hours, and a line that cannot be read."""
    folder = tmp_path_factory.mktemp("firm")
    late = worked("T-9", 1, worked_on="2026-03-30", event_id="late", occurred_at="2026-04-02T09:00:00Z")
    path = write(folder / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "30"), late]) / "wrong.jsonl"
    path.write_text("no event\n", encoding="utf-8")
    run(folder)
    return folder


def told(firm: Path, command: str, wanted: str) -> str:
    result = CliRunner().invoke(app, [*command.split(), wanted, "--output", str(firm / "output")])
    assert result.exit_code == 2, result.stdout
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("command", TAKEN)
def test_every_command_says_it_in_the_same_words(firm: Path, command: str) -> None:
    message = told(firm, command, "Quux")
    assert f"expected the id of {TAKEN[command]}, got Quux" in message
    assert "--output ...` lists them" in message


def exception_of(firm: Path) -> str:
    listed = said(CliRunner().invoke(app, ["exceptions", "list", "--json", "--output", str(firm / "output")]))
    found: str = listed["exceptions"][0]["exception_id"]
    return found


def test_what_an_id_is_instead_is_said_with_the_command_that_takes_it(firm: Path) -> None:
    exception_id = exception_of(firm)
    assert "got T-1, which is a time entry: milepost explain T-1" in told(firm, "show", "T-1")
    contract = "which is a contract: milepost explain K-1, or milepost show BRIDGE for its project"
    assert contract in told(firm, "show", "K-1")
    assert f"which is an exception: milepost exceptions show {exception_id}" in told(firm, "show", exception_id)
    assert "which is a project: milepost show BRIDGE" in told(firm, "statement", "BRIDGE")
    statement = "which is a statement: milepost statement BRIDGE.K-1/ACME/2026-03-01/1"
    assert statement in told(firm, "exceptions show", "BRIDGE.K-1/ACME/2026-03-01/1")
    assert "which is a dead letter: milepost dead-letters show wrong.jsonl:1" in told(firm, "explain", "wrong.jsonl:1")


def test_what_was_known_then_is_said_too(firm: Path) -> None:
    result = CliRunner().invoke(
        app, ["show", "K-1", "--as-of", "2026-03-05", "--output", str(firm / "output"), "--for", "2020-13"]
    )
    assert result.exit_code == 2
    found = told(firm, "show --as-of 2026-04-02", "BRIGDE")
    assert "the nearest are BRIDGE" in found
    assert "milepost-as-of" not in found


def test_for_a_period_too(firm: Path) -> None:
    found = told(firm, "show --for 2026-03", "T-1")
    assert (
        "expected the id of a project, a contract or an engagement with journals, got T-1, which is a time entry"
        in found
    )
    assert "expected the id of a project that has a forecast, got K-1" in told(firm, "forecast --for 2026-03", "K-1")
