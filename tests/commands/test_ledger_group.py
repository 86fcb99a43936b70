"""`milepost ledger --group` and `milepost projects` of a firm of two companies: 40 h that cost 100.00, charged 150.00, billed 200.00."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, worked, write


def second_company() -> list[Event]:
    at = "2026-03-01T09:00:0{}Z".format
    return [
        event(
            "LegalEntityDefined",
            at(0),
            legal_entity_id="PARIS",
            version=1,
            name="Paris",
            currency="EUR",
            zone="Europe/Paris",
            fiscal_calendar={"kind": "calendar_month"},
        ),
        event(
            "PersonDefined", at(1), person_id="EVA", version=1, legal_entity_id="PARIS", role="senior", cost_center="2"
        ),
        event(
            "CostRateSet",
            at(2),
            cost_rate_id="EVA",
            version=1,
            person_id="EVA",
            currency="EUR",
            rate="60",
            effective_from="2026-01-01",
        ),
        event(
            "TransferPriceSet",
            at(3),
            transfer_price_id="TP",
            version=1,
            lending_entity_id="PARIS",
            borrowing_entity_id="BERLIN",
            currency="EUR",
            rate="80",
            effective_from="2026-01-01",
        ),
    ]


@pytest.fixture(scope="module")
def output() -> Iterator[Path]:
    """5 days of Eva: 40 h cost 60.00, are charged 80.00 and billed 100.00."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        days = [worked(f"T-{day}", day, person_id="EVA") for day in range(2, 7)]
        write(folder / "input", [*founding(), *second_company(), *days])
        run(folder)
        yield folder / "output"


def milepost(output: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--output", str(output)])
    assert result.exit_code == 0, result.output
    return result


def test_as_tables(output: Path) -> None:
    told = milepost(output, "ledger", "--group").stdout
    assert "PARIS         BERLIN  EUR" in told
    assert "All pairs agree" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["group", "EUR", "4,000.00", "2,400.00", "0.00", "1,600.00"] in rows


def test_as_json(output: Path) -> None:
    pairs, results = tables(output)
    assert [(one["lender"], one["borrower"], one["charged"], one["due_to"]) for one in pairs["rows"]] == [
        ("PARIS", "BERLIN", "3200.00", "3200.00")
    ]
    assert [(one["company"], one["profit"]) for one in results["rows"]] == [("BERLIN", "800.00"), ("PARIS", "800.00")]
    (group,) = results["totals"]
    assert (group["transferred"], group["profit"]) == ("0.00", "1600.00")


def tables(output: Path, *more: str) -> list[dict[str, Any]]:
    """Of pairs, and of what companies make."""
    found = json.loads(milepost(output, "ledger", "--group", "--json", *more).stdout)
    return [*found["tables"]]


def test_every_figure_of_the_group_is_explained(output: Path) -> None:
    """Down to lines of journals for what companies charge, and to accounts of a ledger for what they make."""
    ids = {
        id_: (name, row)
        for table in tables(output)
        for row in (*table["rows"], *table["totals"])
        for name, id_ in row["explain"].items()
    }
    assert len(ids) == 9 + 3 * 4
    for id_, (name, row) in ids.items():
        told = json.loads(milepost(output, "explain", id_, "--json").stdout)
        assert told["holds"], id_
        assert Decimal(told["nodes"][told["root"]]["value"]) == Decimal(row[name]), id_


def test_what_is_taken_out_goes_down_to_journals(output: Path) -> None:
    """5 entries of 8 h at 80.00, in the journals of both companies."""
    told = milepost(output, "explain", "group/PARIS/BERLIN/EUR#difference").stdout
    assert "0.00 EUR = 3,200.00 EUR − 3,200.00 EUR" in told
    assert told.count("640.00 EUR = milepost explain") == 5 + 5
    told = milepost(output, "explain", "group/total/EUR#transferred").stdout
    assert "0.00 EUR = -3,200.00 EUR + 3,200.00 EUR" in told
    assert "milepost explain group/company/PARIS#transferred" in told.replace("'", "")


def test_of_a_period_and_a_moment_it_is_explained_too(output: Path) -> None:
    """Of 3 March two entries are known by the end of that day."""
    told = milepost(output, "explain", "group?period=2026-03/PARIS/BERLIN/EUR#charged", "--as-of", "2026-03-03").stdout
    assert "1,280.00 EUR = 640.00 EUR + 640.00 EUR" in told
    wrong = CliRunner().invoke(app, ["explain", "group?since=2026/total/EUR#profit", "--output", str(output)])
    assert wrong.exit_code == 2
    assert "group takes each once of the options period=..." in " ".join(wrong.output.split())


def test_as_a_page_and_a_spreadsheet(output: Path, tmp_path: Path) -> None:
    milepost(output, "ledger", "--group", "--html", str(tmp_path / "group.html"))
    assert "3,200.00" in (tmp_path / "group.html").read_text(encoding="utf-8")
    milepost(output, "ledger", "--group", "--xlsx", str(tmp_path / "group.xlsx"))
    assert (tmp_path / "group.xlsx").stat().st_size > 0


def test_as_csv(output: Path) -> None:
    written = milepost(output, "ledger", "--group", "--csv").stdout.split("\n\n")
    pairs, results = (list(csv.DictReader(io.StringIO(table))) for table in written)
    assert [(row["difference"], row["exchange_difference"]) for row in pairs] == [("0.00", "0.00")]
    assert [row["row"] for row in results] == ["item", "item", "total"]
    assert (results[2]["currency"], results[2]["profit"]) == ("EUR", "1600.00")


def test_of_a_period(tmp_path: Path) -> None:
    """8 h of February and 8 h of March, each charged at 80.00."""
    days = [worked("T-1", 2, person_id="EVA", worked_on="2026-02-27"), worked("T-2", 2, person_id="EVA")]
    write(tmp_path / "input", [*founding(), *second_company(), *days])
    run(tmp_path)
    for period, charged in (("--period=2026-02", "640.00"), ("--period=2026-03", "640.00"), ("--group", "1280.00")):
        pairs, _ = tables(tmp_path / "output", period)
        assert [(one["charged"], one["due_to"]) for one in pairs["rows"]] == [(charged, charged)]
    result = CliRunner().invoke(app, ["ledger", "--group", "--period", "2026-04", "--output", str(tmp_path / "output")])
    assert result.exit_code == 2
    assert "companies have journals in 2026-02, 2026-03" in " ".join(result.output.replace("│", " ").split())


def test_the_charge_of_an_entry_is_explained(output: Path) -> None:
    """8 h at 80.00."""
    told = milepost(output, "explain", "T-2#transferred").stdout
    assert "640.00" in told
    assert "TransferPriceSet" in told
    assert "transferred" in milepost(output, "explain", "T-2").stdout


@pytest.mark.parametrize("other", [("--entity", "PARIS"), ("--statement",)])
def test_it_is_of_all_companies(output: Path, other: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["ledger", "--group", *other, "--output", str(output)])
    assert result.exit_code == 2
    assert "of all companies together" in " ".join(result.output.replace("│", " ").split())


def test_projects_have_the_margin_of_the_group_and_that_of_each_company(output: Path) -> None:
    found = json.loads(milepost(output, "projects", "--json").stdout)
    names = ("company", "revenue", "cost", "margin", "transferred", "company_margin")
    rows = {row["company"]: tuple(row[name] for name in names[1:]) for row in found["rows"]}
    assert rows == {
        "BERLIN": ("4000.00", "0.00", "4000.00", "-3200.00", "800.00"),
        "PARIS": ("0.00", "2400.00", "-2400.00", "3200.00", "800.00"),
    }
    (total,) = found["totals"]
    assert tuple(total[name] for name in names[1:]) == ("4000.00", "2400.00", "1600.00", "0.00", "1600.00")


def test_each_figure_goes_down_to_the_transfer_price(output: Path) -> None:
    told = milepost(output, "explain", "projects/PARIS/BRIDGE#transferred").stdout
    assert "3,200.00" in told
    pair = next(
        one
        for one in map(json.loads, milepost(output, "dump", "erp.postings", "--json").stdout.splitlines())
        if one["pair_id"] and one["legal_entity_id"] == "BERLIN"
    )
    told = milepost(output, "explain", f"{pair['journal_id']}#1").stdout
    assert "TransferPriceSet" in told
    assert "80.00" in told


def test_it_is_verified(output: Path) -> None:
    assert "pairs" in milepost(output, "verify", "--json").stdout
