"""`milepost simulate` as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from milepost.commands.simulate import simulate, simulate_invoices
from milepost.days import furthest_day

app = typer.Typer()
app.command("simulate")(simulate)
app.command("simulate-invoices")(simulate_invoices)

SMALL = ("--people", "20", "--projects", "10", "--months", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


def test_it_says_what_it_made_and_what_to_do_next(tmp_path: Path) -> None:
    out = tmp_path / "input"
    result = run(*SMALL, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "A firm of 20 people and 10 projects, 2026-01-01 to 2026-01-31" in result.output
    assert "ContractSigned" in result.output
    assert "as jsonl (a small firm" in result.output
    assert f"milepost run --input {out} --output {tmp_path / 'output'}" in result.output
    assert (out / "psa.time.jsonl").exists()


def test_of_a_firm_that_works_in_the_future_the_run_is_told_that_it_is_meant(tmp_path: Path) -> None:
    out = tmp_path / "input"
    result = run(*SMALL, "--start", f"{furthest_day().year + 1}-01-01", "--out", str(out))
    assert f"milepost run --input {out} --output {tmp_path / 'output'} --yes" in result.output


def test_the_summary_as_json(tmp_path: Path) -> None:
    result = run(*SMALL, "--out", str(tmp_path / "input"), "--format", "avro", "--json")
    found = json.loads(result.stdout)
    assert found["version"] == 1
    assert (found["people"], found["projects"], found["months"], found["start"]) == (20, 10, 1, "2026-01-01")
    assert found["events_total"] == sum(found["events"].values())
    assert set(found["files"]) == {path.name for path in (tmp_path / "input").iterdir()}
    assert float(found["hours"]) > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--people", "3"), "people: expected a number from 10 to 200000, got 3"),
        (("--start", "2026-02-03"), "start: expected the first day of a month, got 2026-02-03"),
        (("--format", "csv"), "--format: expected one of jsonl, avro, got 'csv'"),
        (("--months", "many"), "--months"),
    ],
)
def test_wrong_arguments_end_with_two(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(*SMALL, "--out", str(tmp_path / "input"), *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "input").exists()


def test_a_folder_in_use_is_refused_until_forced(tmp_path: Path) -> None:
    arguments = (*SMALL, "--out", str(tmp_path))
    assert run(*arguments).exit_code == 0
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert run(*arguments, "--force").exit_code == 0


def test_out_cannot_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(*SMALL, "--out", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "expected a folder, found a file" in result.stderr


def test_invoices_need_a_run(tmp_path: Path) -> None:
    arguments = ["simulate-invoices", "--output", str(tmp_path), "--input", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "expected a folder billing.statements in it; give the output of `milepost run`" in result.stderr
