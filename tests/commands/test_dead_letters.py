"""`milepost dead-letters`: what could not be read, and sending it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, said, worked, write


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """Two entries with a date of another country, and a line that is none."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    wrong = [worked(entry_id, 3, worked_on="03.03.2026") for entry_id in ("T-2", "T-3")]
    path = write(tmp_path / "input", wrong, "wrong") / "wrong.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "no event\n", encoding="utf-8")
    run(tmp_path)
    return tmp_path


def ask(folder: Path, verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["dead-letters", verb, *arguments, "--output", str(folder / "output")])


def asked(folder: Path, verb: str, *arguments: str) -> dict[str, Any]:
    return said(ask(folder, verb, *arguments, "--json"))


def refused(folder: Path, verb: str, *arguments: str) -> str:
    result = ask(folder, verb, *arguments)
    assert result.exit_code == 2, result.stdout
    assert not (folder / "input" / "resent").exists()
    return " ".join(result.stderr.split())


def test_they_are_listed_by_reason_and_one_by_one(firm: Path) -> None:
    found = {one["id"]: one for one in asked(firm, "list")["dead_letters"]}
    assert set(found) == {"wrong.jsonl:1", "wrong.jsonl:2", "wrong.jsonl:3"}
    assert found["wrong.jsonl:1"]["reason"].endswith("'03.03.2026'")
    text = ask(firm, "list").stdout
    assert "expected a date such as 2026-03-04, got a string of 10 characters        2" in text
    assert [one["id"] for one in asked(firm, "list", "--type", "TimeApproved")["dead_letters"]] == [
        "wrong.jsonl:1",
        "wrong.jsonl:2",
    ]
    assert asked(firm, "list", "--file", "events.jsonl")["count"] == 0


def test_one_is_shown_as_it_came(firm: Path) -> None:
    shown = ask(firm, "show", "wrong.jsonl:1")
    assert '"worked_on": "03.03.2026"' in shown.stdout
    assert "--set worked_on=VALUE" in shown.stderr
    assert "no event" in ask(firm, "show", "wrong.jsonl:3").stdout
    assert "the nearest are" in refused(firm, "show", "wrong.jsonl:9")


def test_one_is_sent_again_as_a_new_event(firm: Path) -> None:
    (written,) = asked(firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-03-03")["events"]
    assert (written["entry_id"], written["worked_on"]) == ("T-2", "2026-03-03")
    assert written["event_id"] != "TimeApproved@2026-03-03T18:00:00Z"
    found = run(firm)
    assert (found["events_read"], found["dead_letters"], found["journals"]) == (1, 3, 2)
    assert [one["id"] for one in asked(firm, "list")["dead_letters"] if one["resent"]] == ["wrong.jsonl:1"]


def test_one_is_replaced_by_an_edited_file(firm: Path, tmp_path: Path) -> None:
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(worked("T-4", 3), indent=2), encoding="utf-8")
    (written,) = asked(firm, "resend", "wrong.jsonl:3", "--edited", str(edited))["events"]
    assert written["entry_id"] == "T-4"
    assert run(firm)["journals"] == 2


def test_what_still_cannot_be_read_is_not_written(firm: Path) -> None:
    assert "a date that is in no calendar: '2026-02-30'" in refused(
        firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-02-30"
    )
    assert "give the event with --edited FILE" in refused(firm, "resend", "wrong.jsonl:3", "--set", "hours=1")
    assert "--edited FILE" in refused(firm, "resend", "wrong.jsonl:1")
