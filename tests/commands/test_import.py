"""`milepost import` as it is typed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app

ROOT = Path(__file__).parents[2]
MAPPING = """
source = "timesheets"
[time]
entry_id = "Id"
project_id = "Project"
person_id = "Person"
worked_on = "Date"
hours = "Hours"
approved_by = { value = "ada" }
[[skip]]
column = "Person"
equals = "Nobody"
[write.entity]
legal_entity_id = "berlin"
currency = "EUR"
hours_max_per_entry = 2500
"""
ROWS = "Id,Project,Person,Date,Hours\n1,P,Ben,2026-03-01,1250.5\n2,P,Nobody,2026-03-02,8\n3,P,Ben,soon,8\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["import", *map(str, arguments)])


def files(folder: Path, rows: str = ROWS) -> tuple[Path, Path, Path]:
    (folder / "hours of march.csv").write_text(rows, encoding="utf-8")
    (folder / "timesheets.toml").write_text(MAPPING, encoding="utf-8")
    return folder / "hours of march.csv", folder / "timesheets.toml", folder / "out"


def test_a_system_without_an_import_is_told_which_there_are(tmp_path: Path) -> None:
    result = run("kantata", tmp_path / "hours.csv")
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert (
        "No such import 'kantata'; there are csv, balances, contracts, ecb, harvest, toggl, clockify, solidtime, kimai, auto. "
        "Any other CSV export: milepost import csv FILE --map MAPPING --out FOLDER"
    ) in said


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ('{ column = "Hours", unit = "clock" }', [f"{number},P,Ben,2026-03-0{number},0:20" for number in (1, 2, 3)]),
        ('{ column = "Hours", unit = "minutes" }', [f"{number},P,Ben,2026-03-0{number},20" for number in (1, 2, 3)]),
    ],
)
def test_hours_are_summed_as_the_file_has_them(tmp_path: Path, column: str, rows: list[str]) -> None:
    """Three times 20 minutes are one hour, where 0.333333 three times are 0.999999."""
    file, mapping, out = files(tmp_path, "\n".join(["Id,Project,Person,Date,Hours", *rows, ""]))
    mapping.write_text(MAPPING.replace('hours = "Hours"', f"hours = {column}"), encoding="utf-8")
    assert "imported  3 rows, 1.00 hours," in run("csv", file, "--map", mapping, "--out", out).stdout


def test_time_is_imported_and_told(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    result = run("csv", file, "--map", mapping, "--out", out)
    assert result.exit_code == 0
    assert result.stdout == (
        "hours of march.csv: 3 rows\n"
        "  imported  1 row, 1,250.50 hours, 2026-03-01 to 2026-03-01\n"
        "  repeated  0\n"
        "  rejected  1\n"
        "  filtered  1 where Person is Nobody\n"
        "  written   1 legal entity defined\n"
        "  written   1 time approved\n"
        f"  events    {out}/csv-hours-of-march.jsonl\n"
    )
    assert result.stderr == (
        'refused 1 row, 8.00 hours: line 4: column "Date": expected a date as %Y-%m-%d, such as 2026-03-31 (came "soon")\n'
        f"all that was not imported is listed in {out}/hours-of-march.rejected.jsonl\n"
        f"\nNext: milepost run --input {out} --output {tmp_path}/output --until 2026-03-31\n"
        "The mapping has written no contracts ([write.contracts]): work is billed only where the folder has one with a line"
        " for its project.\n"
    )


def test_books_that_cannot_be_read_stop_no_import(tmp_path: Path) -> None:
    """They are read for the hint alone, which then names the end of the month."""
    file, mapping, out = files(tmp_path)
    log = tmp_path / "output" / "log" / "0.avro"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"no log")
    result = run("csv", file, "--map", mapping, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert (out / "csv-hours-of-march.jsonl").exists()
    assert "--until 2026-03-31" in result.stderr


@pytest.mark.parametrize(
    ("person", "role", "task", "money"),
    [
        ("Ben", "lead", "", "1,200.00"),  # 8 h at 150
        ("Ben", "junior", "", "960.00"),  # at 120, the rate for all
        ("Ann", "lead", "", "1,280.00"),  # at 160: a person comes before a role
        ("Ann", "lead", "audit", "1,360.00"),  # at 170: a task and role before a person
        ("Ann", "junior", "audit", "1,440.00"),  # at 180
    ],
)
def test_refused_rows_have_the_money_of_the_rate_that_they_would_get(
    tmp_path: Path, person: str, role: str, task: str, money: str
) -> None:
    rows = f"Id,Project,Person,Date,Hours,Role,Task\n1,P,{person},soon,8,{role},{task}\n2,P,Ben,2026-03-02,1,lead,\n"
    file, mapping, out = files(tmp_path, rows)
    contracts = """
[write.customers]
customer_id = { value = "ACME" }
[write.contracts]
contract_id = "{Project}"
currency = { value = "EUR" }
rate = 120
rates = [
  { role = "lead", rate = 150 },
  { person_id = "Ann", rate = 160 },
  { task = "audit", rate = 180 },
  { task = "audit", role = "lead", rate = 170 },
]
"""
    roles = 'hours = "Hours"\nrole = "Role"\ntask = { column = "Task" }'
    mapping.write_text(MAPPING.replace('hours = "Hours"', roles) + contracts, encoding="utf-8")
    result = run("csv", file, "--map", mapping, "--out", out)
    assert f"refused 1 row, 8.00 hours, {money} EUR:" in result.stderr, result.stderr


def test_the_role_of_people_counts_where_the_row_has_none_of_its_own(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path, "Id,Project,Person,Date,Hours\n1,P,Ben,soon,8\n2,P,Ben,2026-03-02,1\n")
    contracts = """
[write.customers]
customer_id = { value = "ACME" }
[write.people]
role = { value = "lead" }
[write.contracts]
currency = { value = "EUR" }
rate = 120
rates = [{ role = "lead", rate = 150 }]
"""
    mapping.write_text(MAPPING + contracts, encoding="utf-8")
    result = run("csv", file, "--map", mapping, "--out", out)
    assert "refused 1 row, 8.00 hours, 1,200.00 EUR:" in result.stderr, result.stderr


def test_the_summary_as_json(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    result = run("csv", file, "--map", mapping, "--out", out, "--json", "--name", "march")
    assert json.loads(result.stdout) == {
        "version": 1,
        "file": str(file),
        "rows": 3,
        "imported": 1,
        "repeated": 0,
        "rejected": 1,
        "filtered": {"Person is Nobody": 1},
        "not_written": 0,
        "hours": "1250.5",
        "billed_elsewhere": {"rows": 0, "hours": "0", "amounts": {}},
        "first_date": "2026-03-01",
        "last_date": "2026-03-01",
        "events": {"LegalEntityDefined": 1, "TimeApproved": 1},
        "events_file": f"{out}/csv-march.jsonl",
        "rejected_file": f"{out}/march.rejected.jsonl",
        "warnings": [],
        "dry_run": False,
    }


BILLED = """
source = "timesheets"
[time]
entry_id = { derive = "row_content", of = ["Project", "Person", "Date"] }
project_id = "Project"
person_id = "Person"
worked_on = "Date"
hours = "Hours"
approved_by = { value = "ada" }
[write]
since = 2026-01-01
[write.entity]
legal_entity_id = "berlin"
currency = "EUR"
[write.customers]
customer_id = { value = "Acme" }
[write.people]
role = { value = "developer" }
[write.cost_rates]
rate = 50
currency = { value = "EUR" }
[write.projects]
[write.contracts]
currency = { value = "EUR" }
rate = 100
"""
EIGHT_HOURS = "Project,Person,Date,Hours\nP,Ben,2026-03-02,8\nP,Ben,2026-03-03,4\n"


def booked(folder: Path) -> str:
    """The bytes of the input that a run has read: eight and four hours at 100, billed."""
    (folder / "march.csv").write_text(EIGHT_HOURS, encoding="utf-8")
    (folder / "map.toml").write_text(BILLED, encoding="utf-8")
    result = run("csv", folder / "march.csv", "--map", folder / "map.toml", "--out", folder / "input")
    assert (result.exit_code, result.stderr) == (0, f"\nNext: {next_of(result)}\n")
    assert account(folder, "2026-04-02") == "1200.00"
    return (folder / "input" / "csv-march.jsonl").read_text()


def account(folder: Path, until: str) -> str:
    """Run, and give what is issued in all."""
    arguments = ["run", "--input", folder / "input", "--output", folder / "output", "--until", until, "--json"]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    issued: str = json.loads(result.stdout)["money"]["EUR"]["issued"]
    return issued


def next_of(result: Result) -> str:
    """The command that is printed as the next."""
    return next(line.removeprefix("Next: ") for line in result.stderr.splitlines() if line.startswith("Next: "))


def typed(command: str) -> Result:
    return CliRunner().invoke(app, shlex.split(command)[1:])


def test_the_next_command_bills_as_it_is_printed(tmp_path: Path) -> None:
    """Twelve hours at 100 in March. Eight of them become six when April has begun: the run that follows ends a day more, and no less."""
    (tmp_path / "march.csv").write_text(EIGHT_HOURS, encoding="utf-8")
    (tmp_path / "map.toml").write_text(BILLED, encoding="utf-8")
    asked = ("csv", tmp_path / "march.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "input")
    first = next_of(run(*asked))
    assert first.endswith("--until 2026-03-31")
    assert typed(first).exit_code == 0
    assert account(tmp_path, "2026-04-12") == "1200.00"
    (tmp_path / "march.csv").write_text(EIGHT_HOURS.replace(",8", ",6"), encoding="utf-8")
    second = next_of(run(*asked, "--name", "march-2", "--set", "time.version=2"))
    assert second.endswith("--until 2026-04-13")
    ran = typed(f"{second} --json")
    assert (ran.exit_code, json.loads(ran.stdout)["money"]["EUR"]["recognised"]) == (0, "1000.00")


def test_the_next_command_after_rates_runs_as_it_is_printed(tmp_path: Path) -> None:
    """Work of Saturday 14 March in dollars waits for a rate; that of Friday is taken when a further day has ended."""
    (tmp_path / "march.csv").write_text("Project,Person,Date,Hours\nP,Ben,2026-03-14,8\n", encoding="utf-8")
    dollars = BILLED.replace("rate = 100", "rate = 110").replace(
        '[write.contracts]\ncurrency = { value = "EUR" }', '[write.contracts]\ncurrency = { value = "USD" }'
    )
    (tmp_path / "map.toml").write_text(dollars, encoding="utf-8")
    asked = run("csv", tmp_path / "march.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "input")
    assert typed(next_of(asked)).exit_code == 0
    found = CliRunner().invoke(app, ["exceptions", "list", "--output", str(tmp_path / "output"), "--json"])
    waiting = [each for each in json.loads(found.stdout)["exceptions"] if each["category"] == "no_exchange_rate"]
    shown = CliRunner().invoke(
        app, ["exceptions", "show", waiting[0]["exception_id"], "--output", str(tmp_path / "output")]
    )
    (tmp_path / "rates.csv").write_text("Date,USD,\n2026-03-31,1.1,\n2026-03-13,1.1,\n")
    rates = run("ecb", tmp_path / "rates.csv", "--out", tmp_path / "input")
    assert "Rates bill nothing by themselves" in rates.stderr
    command = next_of(rates)
    assert command.endswith("--until 2026-04-01")
    assert command in shown.stderr
    ran = json.loads(typed(f"{command} --json").stdout)
    assert (ran["money"]["USD"]["recognised"], ran["exceptions_by_category"].get("no_exchange_rate")) == (
        "880.00",
        None,
    )


def test_a_file_that_a_run_has_read_is_not_replaced(tmp_path: Path) -> None:
    """The next run would stop, and what it had read would be gone."""
    before = booked(tmp_path)
    (tmp_path / "march.csv").write_text(EIGHT_HOURS.replace(",8", ",6"), encoding="utf-8")
    (tmp_path / "output").rename(tmp_path / "books")
    usual = ("csv", tmp_path / "march.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "input", "--replace")
    for arguments in (usual, (*usual, "--output", tmp_path / "books")):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "was read by round 1 of" in result.stderr
        assert "give --name for a new file (csv: corrected rows need a version above the last one too" in result.stderr
        assert (tmp_path / "input" / "csv-march.jsonl").read_text() == before
    elsewhere = run(*usual, "--output", tmp_path)
    assert elsewhere.exit_code == 2
    assert "found no rounds.jsonl in it" in elsewhere.stderr


def test_a_file_that_no_run_has_read_is_replaced(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    run("csv", file, "--map", mapping, "--out", out)
    file.write_text(ROWS.replace("1250.5", "1"), encoding="utf-8")
    assert run("csv", file, "--map", mapping, "--out", out).exit_code == 2
    before = (out / "csv-hours-of-march.jsonl").read_bytes()
    assert run("csv", file, "--map", mapping, "--out", out, "--replace").exit_code == 0
    assert (out / "csv-hours-of-march.jsonl").read_bytes() != before
    assert (out / "csv-hours-of-march.jsonl.replaced").read_bytes() == before


def test_a_corrected_row_is_billed_once(tmp_path: Path) -> None:
    """Eight hours become six: 200 less; the other row says the same and changes nothing."""
    booked(tmp_path)
    (tmp_path / "march.csv").write_text(EIGHT_HOURS.replace(",8", ",6"), encoding="utf-8")
    result = run(
        *("csv", tmp_path / "march.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "input"),
        *("--name", "march-2", "--set", "time.version=2"),
    )
    assert result.exit_code == 0
    assert account(tmp_path, "2026-05-02") == "1000.00"


def test_an_id_made_of_the_hours_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "march.csv").write_text(EIGHT_HOURS, encoding="utf-8")
    (tmp_path / "map.toml").write_text(BILLED.replace('"Date"] }', '"Date", "Hours"] }'), encoding="utf-8")
    result = run("csv", tmp_path / "march.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "input")
    assert result.exit_code == 0
    assert "Warning: " in result.stderr
    assert 'the id is made of the column "Hours"' in result.stderr


def test_rejected_rows_are_told_by_reason_and_all_are_listed(tmp_path: Path) -> None:
    rows = "Id,Project,Person,Date,Hours\n" + "".join(f"{row},P,Ben,soon,8\n" for row in range(30))
    file, mapping, out = files(tmp_path, rows)
    result = run("csv", file, "--map", mapping, "--out", out)
    assert (result.exit_code, result.stdout.count("imported  0 rows")) == (2, 1)
    assert result.stderr.count("line ") == 1
    assert 'refused 30 rows, 240.00 hours: the first is line 2: column "Date": expected' in result.stderr
    assert "Nothing was imported" in result.stderr
    assert not (out / "csv-hours-of-march.jsonl").exists()
    assert len((out / "hours-of-march.rejected.jsonl").read_text().splitlines()) == 30


def test_where_a_rule_leaves_out_all_rows_it_is_named(tmp_path: Path) -> None:
    """As in an account that does not use approvals."""
    file, mapping, out = files(tmp_path, "Id,Project,Person,Date,Hours\n1,P,Nobody,2026-03-01,8\n")
    result = run("csv", file, "--map", mapping, "--out", out)
    assert result.exit_code == 2
    assert "a [[skip]] of the mapping left out 1 row where Person is Nobody: change it if they count" in result.stderr


def test_a_value_of_the_mapping_can_be_set(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    run("csv", file, "--map", mapping, "--out", out, "--set", "write.entity.hours_max_per_entry=24")
    entity = json.loads((out / "csv-hours-of-march.jsonl").read_text().splitlines()[0])
    assert entity["policies"] == {"hours_max_per_entry": 24}


def test_wrong_usage_is_told_and_writes_nothing(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path, ROWS.replace("Hours", "Hour"))
    result = run("csv", file, "--map", mapping, "--out", out)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert 'timesheets.toml: time.hours: expected a column of hours of march.csv, came "Hours"' in result.stderr
    assert 'the nearest is "Hour"' in result.stderr
    assert not out.exists()
    assert run("csv", file, "--out", out).exit_code == 2
    assert run("csv", tmp_path / "none.csv", "--map", mapping, "--out", out).exit_code == 2


def test_exchange_rates_are_imported_and_told(tmp_path: Path) -> None:
    file, out = tmp_path / "eurofxref-hist.csv", tmp_path / "out"
    file.write_text("Date,USD,JPY,\n2025-05-09,1.1252,163.36,\n2025-05-08,1.1297,N/A,\n2025-05-07,1.1360,162.89,\n")
    result = run("ecb", file, "--out", out, "--from", "2025-05-08", "--to", "2025-05-09")
    assert result.exit_code == 0
    assert result.stdout == (
        "eurofxref-hist.csv: 2 days, 2025-05-08 to 2025-05-09, 2 currencies\n"
        "  imported    3 rates\n"
        "  not quoted  1\n"
        "  rejected    0\n"
        f"  events      {out}/ecb-eurofxref-hist.jsonl\n"
    )
    summary = json.loads(run("ecb", file, "--out", out, "--name", "usd", "--currencies", "usd", "--json").stdout)
    assert (summary["imported"], summary["currencies"], summary["events_file"]) == (3, ["USD"], f"{out}/ecb-usd.jsonl")


def test_an_unknown_currency_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("Date,USD,JPY,\n")
    result = run("ecb", file, "--out", tmp_path, "--currencies", "USP")
    assert result.exit_code == 2
    assert 'the nearest is "USD"' in result.stderr


def test_a_name_is_no_path(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    for command in (("csv", file, "--map", mapping), ("ecb", file), ("harvest", file)):
        for name in ("../x", "a\\b"):
            arguments = ["import", *command, "--out", out, "--name", name]
            refused = CliRunner().invoke(app, [str(each) for each in arguments])
            assert refused.exit_code == 2
            assert "expected a name without / and" in " ".join(refused.stderr.replace("│", "").split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (" ", "expected a name, without blanks around it, got ' '"),
        ("n" * 201, "expected a name of at most 200 bytes, got one of 201"),
        ("ü" * 101, "expected a name of at most 200 bytes, got one of 202"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str, said: str) -> None:
    file, mapping, out = files(tmp_path)
    result = run("csv", file, "--map", mapping, "--out", out, "--name", name)
    assert (result.exit_code, said in " ".join(result.stderr.replace("│", "").split())) == (2, True)
    assert not out.exists()


def test_a_file_of_a_long_name_is_imported_under_its_beginning(tmp_path: Path) -> None:
    file, mapping, out = files(tmp_path)
    long = file.rename(tmp_path / f"{'h' * 240}.csv")
    assert run("csv", long, "--map", mapping, "--out", out).exit_code == 0
    assert [path.name for path in out.glob("csv-*.jsonl")] == [f"csv-{'h' * 200}.jsonl"]


def test_a_contract_that_no_row_can_tell_is_named_and_no_row_is_refused(tmp_path: Path) -> None:
    """All hours of the office are internal and have no rate; they are imported."""
    export, mapping = ROOT / "docs/examples/harvest-q1.csv", ROOT / "docs/mappings/harvest.toml"
    result = run("csv", export, "--map", mapping, "--out", tmp_path)
    assert result.exit_code == 0
    assert "  rejected  0\n" in result.stdout
    assert "  unwritten 1 thing that no row could tell\n" in result.stdout
    assert "refused" not in result.stderr
    assert result.stderr.startswith(
        'not written, 1 thing: line 9: column "Billable Rate": no ContractSigned of "Studio: Office" could be written,'
        " rate is needed and nothing is there\n"
    )
