"""The folders of a firm are said once: in the environment or in milepost.toml, and an option goes before both."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.finished_run import finished_run


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firm whose milepost.toml names its folders, with the reader in another folder."""
    shutil.copytree(finished_run(), tmp_path / "firm" / "books")
    (tmp_path / "firm" / "inbox").mkdir()
    (tmp_path / "firm" / "milepost.toml").write_text('[folder]\noutput = "books"\ninput = "inbox"\n', encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("MILEPOST_SETTINGS", str(tmp_path / "firm" / "milepost.toml"))
    return tmp_path / "firm"


def milepost(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(result: Result) -> str:
    return re.sub(r"\s+", " ", result.stderr)


def test_paths_in_the_file_count_from_its_folder(firm: Path) -> None:
    named = milepost("show", "BRIDGE", "--json", "--output", str(firm / "books"))
    assert milepost("show", "BRIDGE", "-j").stdout == named.stdout != ""


@pytest.mark.parametrize(
    "words",
    [
        ("forecast", "BRIDGE"),
        ("ledger",),
        ("statement",),
        ("explain", "BRIDGE"),
        ("between", "2026-01-01", "2026-03-01"),
        ("verify",),
        ("dump", "erp.postings"),
        ("exceptions", "list"),
        ("dead-letters", "list"),
        ("deliver", "--status", "--accounts", "accounts.toml"),
    ],
    ids=" ".join,
)
def test_no_command_asks_for_an_output_that_is_known(words: tuple[str, ...], firm: Path) -> None:
    Path("accounts.toml").write_text("", encoding="utf-8")
    result = milepost(*words)
    assert "expected the output folder" not in result.output
    assert words[0] == "deliver" or result.exit_code == 0, result.output


def test_an_option_goes_before_the_variable_and_that_before_the_file(
    firm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILEPOST_OUTPUT", "nowhere")
    assert "nowhere: expected the output folder of `milepost run`" in told(milepost("ledger"))
    assert milepost("ledger", "-o", str(firm / "books")).exit_code == 0
    shown = milepost("settings", "show", "--origin").stdout
    assert re.search(r"folder\.output +\"nowhere\" +MILEPOST_OUTPUT", shown), shown


def test_without_any_the_error_says_where_to_say_it() -> None:
    said = told(milepost("ledger"))
    assert "--output: expected the output folder of a run" in said
    assert "MILEPOST_OUTPUT=FOLDER" in said
    assert "[folder] in milepost.toml" in said


def test_decisions_about_another_firm_go_beside_its_own_output(firm: Path, tmp_path: Path) -> None:
    """The firm's own input is for its own output only."""
    work = {
        "type": "TimeApproved",
        "event_id": "e",
        "occurred_at": "2026-03-02T10:00:00Z",
        "source": "t",
        "entry_id": "T",
        "version": 1,
        "project_id": "P",
        "person_id": "ann",
        "worked_on": "2026-03-02",
        "hours": "1",
        "approved_by": "ben",
    }
    for folder in (firm, tmp_path / "other"):
        (folder / "input").mkdir(parents=True)
        (folder / "input" / "time.jsonl").write_text(json.dumps(work) + "\n", encoding="utf-8")
    shutil.rmtree(firm / "books")
    assert milepost("run", "-i", str(firm / "input"), "-o", str(firm / "books")).exit_code == 0
    other = tmp_path / "other"
    assert milepost("run", "-i", str(other / "input"), "-o", str(other / "output")).exit_code == 0
    decide = ("exceptions", "assign", "--kind", "unrouted", "--to", "cy", "--at", "2026-03-02T11:00:00Z", "-y")
    assert milepost(*decide).exit_code == 0
    assert len(list((firm / "inbox").rglob("*.jsonl"))) == 1
    assert milepost(*decide, "-o", str(other / "output")).exit_code == 0
    assert len(list((firm / "inbox").rglob("*.jsonl"))) == 1
    assert len(list((other / "input").rglob("*.jsonl"))) == 2


def test_a_simulation_is_written_nowhere_unsaid(firm: Path) -> None:
    assert milepost("simulate").exit_code == 2
    assert milepost("simulate-invoices").exit_code == 2
    assert list((firm / "inbox").iterdir()) == []


def test_html_is_a_file_and_a_dash_is_standard_output(firm: Path) -> None:
    for words in (("forecast", "BRIDGE"), ("explain", "BRIDGE")):
        page = milepost(*words, "--html", "-")
        filed = milepost(*words, "--html", "pages/page.html")
        assert page.stdout == Path("pages/page.html").read_text(encoding="utf-8")
        assert page.stdout.startswith("<!doctype html>")
        assert (filed.stdout, "Written to pages/page.html" in filed.stderr) == ("", True)
    wrong = milepost("statement", "--html", "--locale", "de_DE")
    assert (wrong.exit_code, "or - for standard output, got the option --locale" in told(wrong)) == (2, True)
