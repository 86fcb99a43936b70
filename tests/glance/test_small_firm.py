"""The tables of a small firm, as a controller checks them by hand.

BRIDGE: 30 billable hours at 100.00 are 3,000.00; ADA's 26 h at 40.00 and BOB's 6 h at 50.00 are 1,340.00. January's 1,600.00 and 304.00 of
tax are invoiced, 904.00 of them paid, with 96.00 for no invoice. TOWER: 3 h are 300.00 at a cost of 150.00; BOLT owes its deposit.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, said, write
from tests.glance.small_firm import small_firm

# What each command prints, up to its notes.
GOLDEN = Path(__file__).with_name("small_firm.txt").read_text(encoding="utf-8")
SHOWN = dict(each.split("\n", 1) for each in GOLDEN.removeprefix("$ milepost ").split("\n$ milepost "))


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--output", str(small_firm())])


def found(*arguments: str) -> dict[str, Any]:
    return said(asked(*arguments, "--json"))


@pytest.mark.parametrize("command", SHOWN)
def test_a_table_says_what_the_firm_has(command: str) -> None:
    result = asked(*command.split())
    assert result.exit_code == 0, result.output
    expected = SHOWN[command].rstrip().split("\n\n")
    assert [each.rstrip() for each in result.stdout.split("\n\n")][: len(expected)] == expected


# Moments


def test_an_earlier_moment_shows_what_was_known_then() -> None:
    """On 8 February January is invoiced and nothing of February is worked."""
    (bridge, _) = found("projects", "--as-of", "2026-02-08")["rows"]
    assert (bridge["revenue"], bridge["cost"], bridge["unbilled"]) == ("1600.00", "700.00", "0.00")
    (row,) = found("receivables", "--client", "acme ag", "--as-of", "2026-02-08")["rows"]
    assert (row["due_on"], row["not_due"], row["days_overdue"]) == ("2026-03-03", "1904.00", 0)


@pytest.mark.parametrize(("moment", "column"), [("2026-03-03", "not_due"), ("2026-03-04", "days_1_30")])
def test_an_invoice_is_overdue_on_the_day_after_it_is_due(moment: str, column: str) -> None:
    (row,) = [each for each in found("receivables", "--as-of", moment)["rows"] if each["invoice"] == "INV-1"]
    assert row[column] == row["open"] == "1000.00"


def test_before_the_cut_work_waits_and_after_it_is_on_a_statement() -> None:
    (waiting,) = found("unbilled", "--client", "ACME", "--as-of", "2026-02-12")["rows"]
    assert (waiting["reason"], waiting["unbilled"], waiting["on_statement"]) == ("next statement", "800.00", None)
    (stated,) = found("unbilled", "--client", "ACME", "--as-of", "2026-03-01")["rows"]
    assert (stated["unbilled"], stated["on_statement"]) == (None, "800.00")


# Filters and order


@pytest.mark.parametrize(
    "filters",
    [["--client", "Bolt Ltd"], ["--project", "TOWER"], ["--client", "BOLT", "--company", "BERLIN"]],
    ids=" ".join,
)
def test_rows_are_of_what_is_asked_for_and_sums_of_the_rows(filters: list[str]) -> None:
    shown = found("projects", *filters)
    assert [row["project"] for row in shown["rows"]] == ["TOWER"]
    assert [row["revenue"] for row in shown["totals"]] == ["300.00"]


@pytest.mark.parametrize("filters", [["--manager", "Bob Brandt"], ["--manager", "BOB"], ["--practice", "DATA"]])
def test_a_manager_or_a_practice_is_asked_for(filters: list[str]) -> None:
    assert [row["project"] for row in found("projects", *filters)["rows"]] == ["BRIDGE"]


@pytest.mark.parametrize("filters", [["--manager", "BOB"], ["--practice", "data"]])
def test_what_is_owed_and_prepaid_is_asked_for_by_manager_and_practice(filters: list[str]) -> None:
    """Of BRIDGE 1,000.00 are owed and 96.00 unapplied; the deposit of 500.00 is TOWER's, which states neither."""
    owed = found("receivables", *filters)
    assert [(row["project"], row["open"]) for row in owed["rows"]] == [("BRIDGE", "1000.00"), ("BRIDGE", "-96.00")]
    (id_,) = {row["explain"]["open"] for row in owed["totals"] if row["open"] == "1000.00"}
    assert asked("explain", id_).stdout.partition("\n")[0].endswith("open: 1,000.00 EUR = sum of 1")
    assert found("prepaid", "--since", "2026-02-01", *filters)["rows"] == []


def test_figures_are_sorted_from_the_largest_and_texts_from_a() -> None:
    assert [row["client"] for row in found("clients", "--sort", "prepaid")["rows"]] == ["BOLT", "ACME"]
    assert [row["client"] for row in found("clients", "--sort", "client_name")["rows"]] == ["ACME", "BOLT"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["projects", "--client", "Acmee"], "expected a client of the folder, got Acmee; the nearest are Acme AG"),
        (["projects", "--sort", "colour"], "expected one of project, name, client"),
        (["projects", "--csv", "-", "--json"], "expected one of --csv, --html, --xlsx and --json"),
        (["projects", "--xlsx", "-"], "a spreadsheet is not written to standard output"),
        (["projects", "--xlsx", "/"], "expected a file, found a folder at /"),
        (["people", "--from", "2026-03", "--to", "2026-02"], "expected a month from 2026-03 on, got 2026-02"),
        (["people", "--from", "March"], "expected a month such as 2026-03, got March"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(arguments: list[str], expected: str) -> None:
    result = asked(*arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())


def test_an_empty_table_says_why(tmp_path: Path) -> None:
    write(tmp_path / "input", founding())
    run(tmp_path)
    for verb, expected in (
        ("receivables", "Receivables as of 2026-03-01T08:00:05Z: none, since nothing is posted yet"),
        ("people", "People as of 2026-03-01T08:00:05Z: none, since no hours are approved in these months"),
    ):
        result = CliRunner().invoke(app, [verb, "--output", str(tmp_path / "output")])
        assert result.stdout.splitlines()[0] == expected
    asked_for = ["receivables", "--client", "ACME", "--output", str(tmp_path / "output")]
    assert "none, since nothing fits what was asked for" in CliRunner().invoke(app, asked_for).stdout


@pytest.mark.parametrize("options", ["clint=ACME", "client", "open&open", "by-project"])
def test_an_id_with_an_option_that_its_table_lacks_is_refused(options: str) -> None:
    """Without the option it would be a figure of the whole firm."""
    assert asked("explain", "projects?client=ACME/total/EUR#revenue").exit_code == 0
    result = asked("explain", f"projects?{options}/total/EUR#revenue")
    assert result.exit_code == 2
    expected = (
        "projects takes each once of the options company=..., client=..., project=..., manager=..., practice=..., open"
    )
    assert f"{expected}; got {options.rpartition('&')[2]}" in " ".join(result.stderr.split())


# Forms


def test_csv_has_every_column_and_marks_sums() -> None:
    rows = list(csv.DictReader(io.StringIO(asked("receivables", "--csv", "-").stdout)))
    assert [(row["row"], row["kind"], row["invoice"], row["open"]) for row in rows[:4]] == [
        ("item", "invoice", "INV-1", "1000.00"),
        ("item", "invoice", "INV-2", "500.00"),
        ("item", "unapplied cash", "PAY-1", "-96.00"),
        ("total", "invoice", "", "1500.00"),
    ]


def test_a_spreadsheet_has_numbers_and_days(tmp_path: Path) -> None:
    result = asked("receivables", "--xlsx", str(tmp_path / "new" / "owed.xlsx"))
    assert result.exit_code == 0, result.output
    with ZipFile(tmp_path / "new" / "owed.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    posted = (date(2026, 2, 3) - date(1899, 12, 30)).days
    assert f"<v>{posted}</v>" in sheet
    # its age, what is open, in ledger currency; and the sum of the ages
    assert sheet.count("<v>1000</v>") == 4
    assert "Foots to the ledger, invoice (1100): BERLIN 1,500.00 Dr EUR" in texts


def test_a_page_names_what_explains_a_figure(tmp_path: Path) -> None:
    asked("projects", "--html", str(tmp_path / "projects.html"))
    page = (tmp_path / "projects.html").read_text(encoding="utf-8")
    assert '<span title="milepost explain &#x27;projects/BERLIN/BRIDGE#cost&#x27;">1,340.00</span>' in page
    assert "<script" not in page


def test_a_phone_shows_what_is_open_beside_the_invoice(tmp_path: Path) -> None:
    """Project, with the contract under it, and the day of posting give way; client, invoice, due, currency and open stay."""
    asked("receivables", "--html", str(tmp_path / "owed.html"))
    page = (tmp_path / "owed.html").read_text(encoding="utf-8")
    hidden = "th:nth-child(3), td:nth-child(3), th:nth-child(4), td:nth-child(4)"
    assert f"(max-width: 720px) {{ {hidden}, th:nth-child(6), td:nth-child(6) {{ display: none; }} }}" in page


def test_a_margin_is_explained_down_to_the_journals() -> None:
    """3,000.00 of six hours' entries less 1,340.00."""
    (bridge, _) = found("projects")["rows"]
    assert bridge["explain"]["margin"] == "projects/BERLIN/BRIDGE#margin"
    result = asked("explain", "projects/BERLIN/BRIDGE#margin", "--depth", "1")
    lines = [line.strip("├└─│ ") for line in result.stdout.splitlines()]
    assert lines[0].endswith("margin: 1,660.00 EUR = 3,000.00 EUR − 1,340.00 EUR")
    assert "1,340.00 EUR" in result.stdout
    cost = asked("explain", "projects/BERLIN/BRIDGE#cost", "--as-of", "2026-02-08", "--all").stdout
    assert "700.00 EUR = sum of 1" in cost
    assert "posting of entry T-1: 400.00 EUR" in cost


# Profit and loss, balance sheet


def parts(period: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows of profit and loss and of the balance sheet, by name."""
    shown = found("ledger", "--statement", "--period", period)
    assert shown["notes"][0] == "Assets are liabilities and results"
    first, last = ({row["name"]: row for row in each["rows"]} for each in shown["tables"])
    return first, last


def test_assets_are_liabilities_and_results_in_every_period() -> None:
    for period in ("2026-01", "2026-02", "2026-03"):
        result, sheet = parts(period)
        assert [sheet["assets"][name] for name in ("beginning", "end")] == [
            sheet["liabilities and results"][name] for name in ("beginning", "end")
        ]
        assert result["result"]["year"] == sheet["result of the year"]["end"]


def test_a_year_before_stands_apart_and_the_new_one_begins_at_nothing() -> None:
    """The firm's result of 1,810.00 is of an earlier year in January 2027."""
    result, sheet = parts("2027-01")
    assert (result["result"]["period"], result["result"]["year"]) == ("0.00", "0.00")
    assert (sheet["result of earlier years"]["end"], sheet["result of the year"]["end"]) == ("1810.00", "0.00")


def test_a_line_of_the_statement_is_explained() -> None:
    revenue = parts("2026-02")[0]["Service revenue"]
    id_ = "statement/BERLIN/2026-02/profit_and_loss/4000#year"
    assert revenue["explain"]["year"] == id_
    explained = said(asked("explain", id_, "--json"))
    assert explained["nodes"][explained["root"]]["value"] == "2700"
    assert revenue["year"] == "2700.00"
    assert {each.get("id") for each in explained["nodes"]} >= {
        "BERLIN/2026-01/4000#movement",
        "BERLIN/2026-02/4000#movement",
    }


def test_the_statement_is_two_tables_with_subtotals_in_every_form(tmp_path: Path) -> None:
    """Revenue of 1,100.00 in February and 2,700.00 in the year; assets of 1,600.00 at its beginning and 3,504.00 at its end."""
    command = ("ledger", "--statement", "--period", "2026-02")
    first, last = (list(csv.DictReader(io.StringIO(each))) for each in asked(*command, "--csv").stdout.split("\n\n"))
    sums = {row["name"]: (row["period"], row["year"]) for row in first if row["row"] == "total"}
    assert sums["revenue"] == ("1100.00", "2700.00")
    sums = {row["name"]: (row["beginning"], row["end"]) for row in last if row["row"] == "total"}
    assert sums["assets"] == sums["liabilities and results"] == ("1600.00", "3504.00")
    assert {row["part"] for row in last} == {"balance sheet"}
    asked(*command, "--html", str(tmp_path / "statement.html"))
    page = (tmp_path / "statement.html").read_text(encoding="utf-8")
    assert [page.count(each) for each in ("<table", ">Profit and loss<", ">Balance sheet<")] == [2, 1, 1]
    assert "balance_sheet/assets#end" in page
    asked(*command, "--xlsx", str(tmp_path / "statement.xlsx"))
    with ZipFile(tmp_path / "statement.xlsx") as book:
        names = book.read("xl/workbook.xml").decode()
        sheets = [book.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2)]
    assert [f'name="{each}"' in names for each in ("profit and loss", "balance sheet", "about")] == [True] * 3
    assert ["<v>2700</v>" in sheets[0], "<v>3504</v>" in sheets[0], "<v>3504</v>" in sheets[1]] == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ledger", "--html", "x.html"], "expected --statement, or --group, beside it"),
        (["ledger", "--statement", "--csv", "--json"], "expected one of --csv, --html, --xlsx and --json"),
    ],
    ids=["html", "two forms"],
)
def test_forms_of_the_statement_need_it(arguments: list[str], expected: str) -> None:
    result = asked(*arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())
