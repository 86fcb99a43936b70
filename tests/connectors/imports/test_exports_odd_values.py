"""What stands in exports that people have: words of their language, signs, notes of several lines, columns that are not there."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.imports.products.product import CLOCKIFY, HARVEST, TOGGL, Product
from connectors.imports.refusals import ImportRefused
from milepost.cli import app
from tests.connectors.imports.exporting import entries, events, imported, listed
from tests.connectors.imports.test_exports_rows import CLOCKIFY_ROW, HARVEST_ROW, TOGGL_ROW, written

LANGUAGES = {
    "German": (
        *("Benutzer", "E-Mail", "Kunde", "Projekt", "Aufgabe", "Beschreibung", "Abrechenbar"),
        *("Startdatum", "Startzeit", "Enddatum", "Endzeit", "Dauer", "Tags"),
    ),
    "Spanish": (
        *("Usuario", "Correo electrónico", "Cliente", "Proyecto", "Tarea", "Descripción", "Facturable"),
        *(
            "Fecha de inicio",
            "Hora de inicio",
            "Fecha de finalización",
            "Hora de finalización",
            "Duración",
            "Etiquetas",
        ),
    ),
    "French": (
        *("Utilisateur", "E-mail", "Client", "Projet", "Tâche", "Description", "Facturable"),
        *("Date de début", "Heure de début", "Date de fin", "Heure de fin", "Durée", "Tags"),
    ),
    "Portuguese": (
        *("Usuário", "E-mail", "Cliente", "Projeto", "Tarefa", "Descrição", "Faturável"),
        *("Data de início", "Hora de início", "Data de término", "Hora de término", "Duração", "Tags"),
    ),
    "Japanese": (
        *("ユーザー", "メール", "クライアント", "プロジェクト", "タスク", "説明", "請求可能"),
        *("開始日", "開始時刻", "終了日", "終了時刻", "期間", "タグ"),
    ),
}
YES = {"German": "Ja", "Spanish": "Sí", "French": "Oui", "Portuguese": "Sim", "Japanese": "はい"}
NOTES = (
    'Er sagte „ja“, dann "nein"',
    "first line\nsecond line\r\nthird",
    "🚀 launch 👩‍💻",
    "=SUM(A1:A9)",
    "a;b,c\td|e",
)


def beside(folder: Path) -> Path:
    """For what is compared."""
    made = folder / "beside"
    made.mkdir()
    return made


def worth(result: Any) -> Decimal:
    return sum(result.billed.values(), Decimal(0))


@pytest.mark.parametrize("language", LANGUAGES)
def test_toggl_in_another_language_says_the_same(tmp_path: Path, language: str) -> None:
    header = LANGUAGES[language]
    row = dict(zip(header, TOGGL_ROW.values(), strict=True)) | {header[6]: YES[language]}
    result = imported(tmp_path, written(row), None, rate=Decimal(100))
    english = imported(beside(tmp_path), written({**TOGGL_ROW, "Billable": "Yes"}), None, rate=Decimal(100))
    assert result.product is TOGGL
    assert worth(result) == worth(english) > 0
    assert [each["entry_id"] for each in entries(result)] == [each["entry_id"] for each in entries(english)]


def test_a_fault_names_the_column_as_the_file_does(tmp_path: Path) -> None:
    row = dict(zip(LANGUAGES["German"], TOGGL_ROW.values(), strict=True)) | {"Abrechenbar": "Ja"}
    result = imported(tmp_path, written(row, {"Dauer": "-1:30:00"}), None, rate=Decimal(100))
    (found,) = listed(result)
    assert (found["column"], found["reason"]) == ("Dauer", "expected hours that are not negative; correct the entry")
    days = LANGUAGES["German"][7]
    with pytest.raises(ImportRefused, match=rf'column "{days}": "03/04/2026" may be day or month first'):
        imported(beside(tmp_path), written({**row, days: "03/04/2026", LANGUAGES["German"][9]: "03/04/2026"}), None)


def test_amounts_of_toggl_in_another_language_give_the_rate(tmp_path: Path) -> None:
    row = dict(zip(LANGUAGES["German"], TOGGL_ROW.values(), strict=True))
    row |= {"Abrechenbar": "Ja", "Betrag (EUR)": "1.234,50"}
    assert worth(imported(tmp_path, written(row), None)) == Decimal("1234.50")


def test_a_language_that_is_not_known_is_refused_with_what_to_do(tmp_path: Path) -> None:
    strange = {f"{name}ä": value for name, value in TOGGL_ROW.items()}
    with pytest.raises(ImportRefused, match=r"Any other CSV goes by milepost import csv and a mapping"):
        imported(tmp_path, written(strange), None)


@pytest.mark.parametrize(
    ("product", "row"),
    [(HARVEST, HARVEST_ROW), (TOGGL, TOGGL_ROW), (CLOCKIFY, CLOCKIFY_ROW)],
    ids=lambda each: each.key if isinstance(each, Product) else "",
)
def test_a_client_is_named_where_there_is_no_such_column(tmp_path: Path, product: Product, row: dict[str, str]) -> None:
    without = written({name: value for name, value in row.items() if name != "Client"})
    with pytest.raises(ImportRefused, match=r'expected the column "Client", which says who pays.*say --client NAME'):
        imported(tmp_path, without, None, rate=Decimal(100))
    result = imported(tmp_path, without, None, rate=Decimal(100), client="Nordwind")
    assert (result.product, result.imported.rows) == (product, 1)
    assert events(tmp_path / "out", "CustomerDefined")[0]["customer_id"] == "Nordwind"


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize(
    ("row", "column"), [(HARVEST_ROW, "Notes"), (TOGGL_ROW, "Description"), (CLOCKIFY_ROW, "Description")]
)
def test_notes_of_any_form_cost_no_row_and_no_cent(tmp_path: Path, row: dict[str, str], column: str, note: str) -> None:
    plain = imported(beside(tmp_path), written(row), None, rate=Decimal(100))
    result = imported(tmp_path, written({**row, column: note}), None, rate=Decimal(100))
    assert worth(result) == worth(plain) > 0
    assert entries(result)[0]["description"] == " ".join(note.split())


@pytest.mark.parametrize("mark", ["$", "€", "£"])
def test_signs_of_currencies_are_no_part_of_numbers(tmp_path: Path, mark: str) -> None:
    signed = {name: f"{mark}{HARVEST_ROW[name]}" for name in ("Billable Rate", "Billable Amount")}
    plain = imported(beside(tmp_path), written(HARVEST_ROW), None)
    assert worth(imported(tmp_path, written({**HARVEST_ROW, **signed}), None)) == worth(plain) > 0


@pytest.mark.parametrize(
    ("row", "hours", "said"),
    [
        (HARVEST_ROW, "Hours", "expected hours that are not negative; correct the entry"),
        (TOGGL_ROW, "Duration", "expected hours that are not negative; correct the entry"),
        (CLOCKIFY_ROW, "Duration (h)", "expected hours that are not negative; correct the entry"),
    ],
)
def test_hours_below_zero_are_listed_and_the_rest_is_billed(
    tmp_path: Path, row: dict[str, str], hours: str, said: str
) -> None:
    below = "-1:30:00" if ":" in row[hours] else "-1,5"
    result = imported(tmp_path, written(row, {hours: below}), None, rate=Decimal(100))
    (found,) = listed(result)
    assert (result.imported.rows, found["column"], found["reason"]) == (1, hours, said)


# Budgets

HOURS = HARVEST_ROW["Hours"].replace(",", ".")
PROJECTS = (
    "Client,Project,Project Code,Start Date,End Date,Project Notes,Total Hours,Billable Hours,Billable Amount,Budget By,"
    "Budget,Budget Spent,Budget Remaining,Total Costs,Team Costs,Expenses,Invoiced Amount"
)


def projects(by: str, budget: str, *more: str) -> str:
    client, project = HARVEST_ROW["Client"], HARVEST_ROW["Project"]
    line = f'"{client}","{project}",,,,,7.5,7.5,750,{by},"{budget}",1,1,0,0,0,0'
    return "\n".join([PROJECTS, line, *more]) + "\n"


def budgeted(folder: Path, text: str, **said: Any) -> Any:
    (folder / "projects.csv").write_text(text, encoding="utf-8-sig")
    return imported(folder, written(HARVEST_ROW), HARVEST, budgets=folder / "projects.csv", **said)


@pytest.mark.parametrize(
    ("by", "budget", "expected"),
    [
        ("Total Project Hours", "120", {"hours": "120"}),
        ("Total project hours", "120", {"hours": "120"}),
        ("Hours per person", "80", {"hours": "80"}),
        ("Fees per task", "$1,500.00", {"revenue": "1500", "currency": "EUR"}),
        ("Hours Per Task", "120,5", {"hours": "120.5"}),
        ("Total Project Fees", "€12.000,50", {"revenue": "12000.5", "currency": "EUR"}),
    ],
)
def test_budgets_of_harvest_are_those_of_the_projects(
    tmp_path: Path, by: str, budget: str, expected: dict[str, str]
) -> None:
    result = budgeted(tmp_path, projects(by, budget))
    (project,) = events(tmp_path / "out", "ProjectActivated")
    assert project["budget"] == expected
    assert result.unbudgeted == ()


def test_a_budget_that_changes_is_a_higher_version_of_the_project(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    budgeted(tmp_path, projects("Total Project Hours", "5"), name="april")
    budgeted(tmp_path, projects("Total Project Hours", "5"), name="again")
    found = events(tmp_path / "out", "ProjectActivated")
    assert sorted((each["version"], each["budget"].get("hours")) for each in found) == [(1, HOURS), (2, "5")]


@pytest.mark.parametrize(
    ("by", "expected"),
    [("Total Project Hours", {"hours": "5"}), ("Total Project Fees", {"revenue": "5", "currency": "EUR"})],
)
def test_a_budget_of_a_project_without_new_hours_changes_too(tmp_path: Path, by: str, expected: dict[str, str]) -> None:
    """The second export has hours of another project alone."""
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    (tmp_path / "projects.csv").write_text(projects(by, "5"), encoding="utf-8-sig")
    other = written({**HARVEST_ROW, "Project": "Shop", "Project Code": ""})
    imported(tmp_path, other, HARVEST, budgets=tmp_path / "projects.csv", name="april")
    imported(tmp_path, other, HARVEST, budgets=tmp_path / "projects.csv", name="again")
    found = [each for each in events(tmp_path / "out", "ProjectActivated") if each["name"] == HARVEST_ROW["Project"]]
    assert [each["budget"] for each in found if each["version"] == 2] == [expected]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (projects("Total Project Hours", "many"), 'line 2: column "Budget": "many": expected a number'),
        (projects("Total Project Hours", "-5"), "expected a budget that is not negative"),
        (projects("Half of it", "5"), 'column "Budget By": "Half of it": expected one of Total Project Hours'),
        ("Client,Project\nA,B\n", 'expected the column "Budget By"'),
        (
            projects(
                "Total Project Hours",
                "5",
                f'"{HARVEST_ROW["Client"]}","{HARVEST_ROW["Project"]}",,,,,1,1,1,Total Project Hours,6,1,1,0,0,0,0',
            ),
            "has a second budget",
        ),
    ],
)
def test_budgets_that_cannot_be_read_load_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ImportRefused) as fault:
        budgeted(tmp_path, text)
    assert said in str(fault.value)
    assert not (tmp_path / "out").exists()


def test_a_project_without_a_budget_is_said_and_budgets_need_a_setup(tmp_path: Path) -> None:
    assert budgeted(tmp_path, projects("No Budget", "")).unbudgeted != ()
    with pytest.raises(ImportRefused, match=r"--budgets: budgets are written with --bootstrap"):
        budgeted(tmp_path, projects("Total Project Hours", "5"), name="april", bootstrap=False)


@pytest.mark.parametrize(("by", "budget"), [("Total Project Hours", "5"), ("Total Project Fees", "500")])
def test_a_project_over_its_budget_says_so(tmp_path: Path, by: str, budget: str) -> None:
    """7.5 hours at 100.00, of a budget of 5 hours or of 500.00: half as much again."""
    budgeted(tmp_path, projects(by, budget))
    books = str(tmp_path / "books")
    ran = CliRunner().invoke(app, ["run", "-i", str(tmp_path / "out"), "-o", books, "--until", "2026-03-31"])
    assert ran.exit_code == 0, ran.output
    shown = json.loads(CliRunner().invoke(app, ["projects", "-o", books, "--json"]).stdout)
    assert [row["budget_used"] for row in shown["rows"]] == ["150"]


def test_fees_that_harvest_has_invoiced_are_no_revenue_and_a_warning_says_it(tmp_path: Path) -> None:
    """Of a budget of 1,500.00, 750.00 are invoiced in Harvest and 750.00 are to be billed here: half is used, not all."""
    (tmp_path / "projects.csv").write_text(projects("Total Project Fees", "1500"), encoding="utf-8-sig")
    (tmp_path / "march.csv").write_text(written(HARVEST_ROW, {"Invoiced?": "Yes", "Notes": "before"}))
    told = [
        "import",
        "harvest",
        str(tmp_path / "march.csv"),
        "--budgets",
        str(tmp_path / "projects.csv"),
        "--bootstrap",
    ]
    told += ["--entity", "studio", "--currency", "EUR", "--zone", "Europe/Berlin", "--json"]
    used = {}
    for name, more in {"as marked": [], "all here": ["--bill-invoiced"]}.items():
        into, books = str(tmp_path / name), str(tmp_path / f"books {name}")
        ran = CliRunner().invoke(app, [*told, "--out", into, *more])
        assert ran.exit_code == 0, ran.output
        said = json.loads(ran.stdout)
        warned = [
            each for each in said["warnings"] if "750.00 EUR of Nordwind: Website, whose budget is of fees" in each
        ]
        assert len(warned) == len(said["fees_invoiced"]) == (not more)
        CliRunner().invoke(app, ["run", "-i", into, "-o", books, "--until", "2026-03-31"])
        shown = json.loads(CliRunner().invoke(app, ["projects", "-o", books, "--json"]).stdout)
        used[name] = [row["budget_used"] for row in shown["rows"]]
    assert used == {"as marked": ["50"], "all here": ["100"]}
