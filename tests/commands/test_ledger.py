"""`milepost ledger`: companies, periods, and a trial balance with roll-forwards that foot."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, worked, write
from tests.finished_run import finished_run


def ledger(*arguments: str, output: Path | None = None) -> Result:
    return CliRunner().invoke(app, ["ledger", "--output", str(output or finished_run()), *arguments])


FEBRUARY = ("--entity", "BERLIN", "--period", "2026-02")


def cells(result: Result, *first: str) -> list[str]:
    found = (line.split() for line in result.stdout.splitlines())
    return next(row for row in found if tuple(row[: len(first)]) == first)


def test_companies_and_their_periods() -> None:
    assert cells(ledger(), "BERLIN") == ["BERLIN", "EUR", "24", "2026-01", "2026-03"]
    result = ledger("--entity", "BERLIN")
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:]] == [
        ["2026-01", "12"],
        ["2026-02", "9"],
        ["2026-03", "3"],
    ]


def test_a_trial_balance() -> None:
    """USD 2,000 accrued at 1.10, of which January's invoice takes all; then 700 is taken back and 600 added at 1.20."""
    result = ledger(*FEBRUARY)
    assert result.exit_code == 0, result.output
    assert "Trial balance of BERLIN 2026-02 in EUR, 9 journals" in result.stdout
    assert cells(result, "1150", "Unbilled", "receivable", "EUR")[4:] == [
        "3,818.18",
        "983.33",
        "4,545.45",
        "-3,562.12",
        "256.06",
    ]
    assert "Everything foots" in result.stdout
    assert "milepost verify" in result.stdout


def test_a_roll_forward() -> None:
    """The invoice of 2,000 is billed; the correction of T-1 with what it lets through is -100."""
    result = ledger(*FEBRUARY)
    assert cells(result, "K-1") == ["K-1", "USD", "2,000.00", "0.00", "-2,000.00", "-100.00", "-100.00"]
    assert cells(result, "K-2") == ["K-2", "EUR", "2,000.00", "400.00", "-2,000.00", "0.00", "400.00"]
    assert cells(result, "in", "the", "ledger") == [
        *("in", "the", "ledger", "EUR"),
        *("3,818.18", "400.00", "-3,818.18", "-143.94", "256.06"),
    ]


def test_as_json() -> None:
    found = json.loads(ledger(*FEBRUARY, "--json").stdout)
    assert (found["version"], found["foots"], found["journals"]) == (3, True, 9)
    unbilled = next(line for line in found["ledger"] if line["account"] == "1150")
    assert (unbilled["name"], unbilled["closing"]) == ("Unbilled receivable", "256.06")
    roll = next(each for each in found["roll_forward"] if (each["balance"], each["contract_id"]) == ("unbilled", "K-1"))
    assert (roll["corrected"], roll["ledger"]["closing"]) == ("-100.00", "-143.94")
    assert json.loads(ledger("--json").stdout)["entities"][0]["legal_entity_id"] == "BERLIN"
    assert len(json.loads(ledger("--entity", "BERLIN", "--json").stdout)["periods"]) == 3


def test_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(ledger(*FEBRUARY, "--csv").stdout)))
    assert {row["section"] for row in rows} == {"ledger", "transaction", "unbilled", "contract_position"}
    receivable = next(row for row in rows if (row["section"], row["account"]) == ("ledger", "1100"))
    assert (receivable["name"], receivable["opening"], receivable["closing"]) == (
        "Accounts receivable",
        "0.00",
        "4046.67",
    )
    assert list(csv.reader(io.StringIO(ledger("--csv").stdout)))[1][0] == "BERLIN"


def test_no_id_becomes_a_formula(tmp_path: Path) -> None:
    """Ids are what people typed, where an export made them; amounts stay numbers."""
    company, *others, contract = founding()
    of_it = [
        {**each, "legal_entity_id": "=LE"} if "legal_entity_id" in each else each
        for each in (company, *others, {**contract, "contract_id": "=K"})
    ]
    run(write(tmp_path / "input", [*of_it, worked("T-1", 2)]).parent)
    (first,) = csv.DictReader(io.StringIO(ledger("--csv", output=tmp_path / "output").stdout))
    assert first["legal_entity_id"] == "'=LE"
    told = ledger("--entity", "=LE", "--period", "2026-03", "--csv", output=tmp_path / "output").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert {row["legal_entity_id"] for row in rows} == {"'=LE"}
    assert {row["contract_id"] for row in rows} == {"", "'=K"}
    assert "-800.00" in {row["closing"] for row in rows}


def test_a_period_after_the_last_has_what_was_left() -> None:
    result = ledger("--entity", "BERLIN", "--period", "2026-07")
    assert result.exit_code == 0
    assert cells(result, "K-2") == ["K-2", "EUR", "300.00", "0.00", "0.00", "0.00", "300.00"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--entity", "PARIS"), "expected the id of a company with journals, got PARIS; there are BERLIN"),
        (("--period", "2026-02"), "whose period 2026-02? Give --entity too; entities with journals: BERLIN"),
        (
            ("--entity", "BERLIN", "--period", "March"),
            "expected an accounting period such as 2026-03, got March; BERLIN has journals in 2026-01, 2026-02, 2026-03",
        ),
        (("--entity", "BERLIN", "--period", "2025-12"), "BERLIN has journals in 2026-01"),
        (("--csv", "--json"), "expected one of --csv, --html, --xlsx and --json, got --csv and --json"),
    ],
)
def test_wrong_arguments_end_with_two(arguments: tuple[str, ...], says: str) -> None:
    result = ledger(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_folder_that_is_not_of_a_run(tmp_path: Path) -> None:
    result = ledger(output=tmp_path)
    assert result.exit_code == 2
    assert "expected the output folder of `milepost run`" in result.stderr
