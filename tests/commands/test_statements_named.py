"""A statement is named by its id or its number; a number of several is never taken for one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, worked, write
from tests.commands.two_companies import BERLINS, NUMBER, WIENS, two_companies

AT = ("--at", "2026-04-03T09:00:00Z")


def milepost(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def refused(*words: str) -> str:
    result = milepost(*words)
    assert result.exit_code == 2, result.output
    return re.sub(r"\s+", " ", result.stderr)


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILEPOST_OUTPUT", str(two_companies(tmp_path)))
    return tmp_path


@pytest.fixture
def issued_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """8 hours of March are issued as INV-1; 2 hours that come late have the statement issued again as INV-2."""
    entity, *others, contract = founding()
    numbered = {**entity, "number_ranges": [{"range_id": "R", "format": "INV-{number}"}]}
    reissuing = {**contract, "policies": {"late_line": "reissue"}}
    late = event("TimeApproved", "2026-04-02T08:00:00Z")
    write(tmp_path / "input", [numbered, *others, reissuing, worked("T-1", 2)])
    write(tmp_path / "input", [{**worked("T-2", 3, "2"), **late}], "late")
    run(tmp_path, "--until", "2026-05-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("statement", NUMBER), ("invoice", "mark", NUMBER, *AT), ("statement", "approve", NUMBER, *AT)],
    ids=" ".join,
)
def test_a_number_of_two_statements_names_neither(words: tuple[str, ...], both: Path) -> None:
    told = refused(*words)
    assert (
        f"{NUMBER} is the number of 2 statements: {BERLINS} of BERLIN, 800.00 EUR; {WIENS} of WIEN, 400.00 EUR" in told
    )
    assert not (both / "input" / "recorded").exists()


def test_each_is_found_by_its_id(both: Path) -> None:
    for named, amount in ((BERLINS, "800.00"), (WIENS, "400.00")):
        assert json.loads(milepost("statement", named, "--json").stdout)["statement"]["amount_due"] == amount


def test_a_number_shows_the_revision_that_has_it(issued_again: Path) -> None:
    for number, revision, amount in (("INV-1", 1, "800.00"), ("INV-2", 2, "1000.00")):
        shown = json.loads(milepost("statement", number, "--json").stdout)["statement"]
        assert (shown["revision"], shown["amount_due"]) == (revision, amount)
    assert "from revision 1 to 2" in milepost("statement", "INV-2", "--diff", "INV-1").stdout
    assert milepost("show", "INV-2").stdout == milepost("show", BERLINS).stdout


@pytest.mark.parametrize(
    ("asked", "meant", "amount"),
    [
        ("INV-1", f"{BERLINS}@1", "800"),
        ("INV-2", BERLINS, "1000"),
        ("INV-2#1", f"{BERLINS}#1", "1000"),
        ("INV-1#1", f"{BERLINS}@1#1", "800"),
    ],
)
def test_a_number_is_explained_as_the_statement_that_has_it(
    asked: str, meant: str, amount: str, issued_again: Path
) -> None:
    shown = milepost("explain", asked, "--json")
    assert shown.stderr.splitlines()[0] == f"{asked} is {meant}"
    explained = json.loads(shown.stdout)
    assert explained["nodes"][explained["root"]]["value"] == amount
    assert milepost("explain", meant, "--json").stdout == shown.stdout


def test_a_number_of_two_statements_is_explained_as_neither(both: Path) -> None:
    assert f"got {NUMBER}, which is a statement: milepost statement {NUMBER}" in refused("explain", NUMBER)


def test_what_is_recorded_is_about_the_newest_revision(issued_again: Path) -> None:
    told = refused("invoice", "mark", "INV-1", *AT)
    assert f"INV-1 is the number of revision 1, which was replaced: {BERLINS} of BERLIN, 1,000.00 EUR" in told
    assert milepost("invoice", "mark", "INV-2", "--dry-run", *AT).exit_code == 0
