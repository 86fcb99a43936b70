"""What is provided for the loss of a contract, beside its project: 10,000.00 for 12,000.00 of cost.

3,000.00 are spent in March and 2,500.00 earned: 1,500.00 of the loss of 2,000.00 are provided for. 1,200.00 of April show 200.00 of it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, write

RUNNER = CliRunner()


def _spent(day: str, amount: str) -> Event:
    fields = {"person_id": "ADA", "project_id": "BRIDGE", "category": "work", "currency": "EUR", "approved_by": "BEN"}
    return event(
        "ExpenseApproved", f"{day}T18:00:00Z", expense_id=day, version=1, spent_on=day, amount=amount, **fields
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provided")
    *firm, contract = founding()
    price = {"type": "FixedPrice", "price": "10000", "schedule": [{"on": "2026-12-31", "amount": "10000"}]}
    line = {"line_id": "L-1", "project_id": "BRIDGE", "revenue_policy": "cost_to_cost", "terms": price}
    remains = [{"month": "2026-04", "hours": "180", "cost": "9000"}]
    said_of = {"project_id": "BRIDGE", "line_id": "L-1", "as_of": "2026-03-31", "remaining": remains}
    write(
        folder / "input",
        [
            *firm,
            {**contract, "policies": {"loss_provision": "contract"}, "lines": [line]},
            _spent("2026-03-20", "3000"),
            event("EstimateRevised", "2026-03-31T12:00:00Z", version=1, **said_of),
            _spent("2026-04-20", "1200"),
        ],
    )
    run(folder, "--until", "2026-04-30")
    return folder / "output"


def asked(output: Path, *words: str) -> Result:
    result = RUNNER.invoke(app, [*words, "--output", str(output)])
    assert result.exit_code == 0, result.output
    return result


def shown(output: Path, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = said(asked(output, "projects", "--json", *options))
    return found


@pytest.mark.parametrize(
    ("as_of", "provided"), [("2026-03-30", "0.00"), ("2026-04-10", "1500.00"), ("2026-05-01", "1300.00")]
)
def test_what_is_provided_for_foots_to_2350_as_of_any_moment(output: Path, as_of: str, provided: str) -> None:
    found = shown(output, "--as-of", as_of)
    ([row], [total]) = found["rows"], found["totals"]
    assert (row["provision"], total["provision"]) == (provided, provided)
    feet = [
        (foot["accounts"], foot["in_ledger"], foot["holds"]) for foot in found["feet"] if "provision" in foot["what"]
    ]
    assert feet == ([(["2350"], f"-{provided}", True)] if provided != "0.00" else [])


def test_margin_is_what_it_is_without_it(output: Path) -> None:
    """3,500.00 earned of 4,200.00 spent."""
    ([row]) = shown(output)["rows"]
    assert (row["margin"], row["provision"]) == ("-700.00", "1300.00")


def test_each_form_has_it(output: Path, tmp_path: Path) -> None:
    item, total = csv.DictReader(io.StringIO(asked(output, "projects", "--csv", "-").stdout))
    assert (item["provision"], total["provision"]) == ("1300.00", "1300.00")
    asked(output, "projects", "--xlsx", str(tmp_path / "projects.xlsx"))
    asked(output, "projects", "--html", str(tmp_path / "projects.html"))
    with ZipFile(tmp_path / "projects.xlsx") as book:
        assert "<v>1300</v>" in book.read("xl/worksheets/sheet1.xml").decode()
        assert "provision</t>" in book.read("xl/sharedStrings.xml").decode()
    assert "provision" in asked(output, "projects").stdout.splitlines()[1]
    assert "provision" not in asked(output, "projects", "--as-of", "2026-03-30").stdout.splitlines()[1]
    page = (tmp_path / "projects.html").read_text(encoding="utf-8")
    assert '<span title="milepost explain &#x27;projects/BERLIN/BRIDGE#provision&#x27;">1,300.00</span>' in page


def test_it_is_explained_down_to_the_journals(output: Path) -> None:
    told = asked(output, "explain", "projects/BERLIN/BRIDGE#provision", "--all").stdout
    assert "1,300.00 EUR" in told
    assert "1,500.00 EUR" in told
    before = asked(output, "explain", "projects/BERLIN/BRIDGE#provision", "--as-of", "2026-04-10", "--all").stdout
    assert "1,300.00" not in before
