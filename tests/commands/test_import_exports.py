"""From an export to a statement: the setup that an import writes folds without a question, and bills what the export says."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.connectors.imports import made_exports
from tests.connectors.imports.exporting import events
from tests.connectors.imports.made_exports import AMERICAN, GERMAN, ZONE, Locale, made_work
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, TOGGL_ROW, written

COMPANY = ("--entity", "studio", "--currency", "EUR", "--zone", ZONE)
UNTIL = ("--until", "2026-03-31")
LATER = ("--until", "2026-04-30")


def milepost(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def summary(*arguments: object) -> dict[str, Any]:
    result = milepost("import", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def run(folder: Path, *until: str) -> dict[str, Any]:
    result = milepost("run", "--input", folder / "input", "--output", folder / "output", *until, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def issued(ran: dict[str, Any]) -> Decimal:
    return Decimal(ran["money"]["EUR"]["issued"])


def write_text(text: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(text, encoding="utf-8")
        return path

    return write


EXPORTS: Mapping[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "harvest": (write_text(made_exports.harvest(made_work(7, 500, approved=0.96))), ()),
    "toggl": (write_text(made_exports.toggl(made_work(7, 120))), ("--rate", "95.50", "--cost-rate", "48")),
    "kimai": (write_text(made_exports.kimai(made_work(7, 120))), ("--cost-rate", "48")),
    "clockify": (write_text(made_exports.clockify(made_work(7, 120), AMERICAN)), ("--cost-rate", "0")),
    "solidtime": (partial(made_exports.solidtime_zip, work=made_work(7, 120)), ("--cost-rate", "48")),
}


def test_differences_that_cancel_each_other_are_told_by_row(tmp_path: Path) -> None:
    """One row is a cent over 7.5 h x 100.00 and another a cent under it: the sums are the same, the rows are not."""
    over, under = {"Billable Amount": "750,01"}, {"Billable Amount": "749,99", "Notes": "x"}
    file = write_text(written({**HARVEST_ROW, **over}, under))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert told.exit_code == 0, told.output
    assert (
        "2 rows have another amount than hours x rate, which is billed: in sum the same, 1,500.00 EUR; a row differs by"
        " 0.01 at most" in told.stdout
    )


def test_an_import_of_which_no_row_could_be_taken_says_so_by_its_exit_code(tmp_path: Path) -> None:
    file = write_text(written({**HARVEST_ROW, "Hours": "many"}, {"Hours": "more"}))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", *COMPANY, "--json")
    assert (told.exit_code, json.loads(told.stdout)["refused"]["rows"]) == (2, 2)
    assert (tmp_path / "input" / "harvest-march.rejected.jsonl").exists()


def test_what_is_invoiced_costs_and_is_on_no_statement(tmp_path: Path) -> None:
    """7.5 h at 100.00 are billed and 7.5 h are a memo of 750.00; both cost 7.5 x 45.00."""
    file = write_text(written(HARVEST_ROW, {"Invoiced?": "Yes", "Notes": "x"}))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert told.exit_code == 0, told.output
    assert (
        "note  1 row, 7.50 hours, 750.00 EUR invoiced in Harvest: cost and hours count, and the value is billed elsewhere"
        in told.stdout
    )
    ran = run(tmp_path, *UNTIL)
    assert (issued(ran), ran["statements"], ran["exceptions_open"]) == (Decimal(750), 1, 0)
    *_, view = dumped(tmp_path, "project.views")
    assert view["burn"] == {
        "hours": "15",
        "billable_hours": "7.5",
        "cost": [{"currency": "EUR", "amount": "675.00"}],
        "nonbillable_value": [{"currency": "EUR", "amount": "750.00"}],
    }
    assert view["forecast"]["eac_revenue"] == "750.00"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (({"Approved?": "No"},), "none of 1 row is approved"),
        (({"Approved?": "No"},), "say --take-unapproved if the account does not use approvals"),
        (({"Hours": "many"},), "Nothing was imported, and no events were written"),
        (({"Date": "2062-03-02"},), "Nothing was imported, and no events were written"),
    ],
)
def test_nothing_imported_is_no_success(tmp_path: Path, rows: tuple[dict[str, str], ...], says: str) -> None:
    file = write_text(written({**HARVEST_ROW, **rows[0]}))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert (told.exit_code, says in told.stderr) == (2, True), told.output
    assert not events(tmp_path / "input")


def test_all_of_it_imported_before_is_a_success(tmp_path: Path) -> None:
    file = write_text(written(HARVEST_ROW))(tmp_path / "march.csv")
    arguments = ("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    first, told = milepost(*arguments), milepost(*arguments)
    assert (first.exit_code, told.exit_code) == (0, 0), told.output
    assert "nothing is new, so no file was written" in told.stdout


def test_refused_rows_are_told_by_reason_with_their_money(tmp_path: Path) -> None:
    """Two rows of 7.5 h at 100.00 lack a client, one has a day that has not come."""
    rows = [HARVEST_ROW, {"Client": "", "Notes": "a"}, {"Client": "", "Notes": "b"}, {"Date": "2062-03-02"}]
    file = write_text(written(rows[0], *rows[1:]))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    first, second, listed = told.stderr.splitlines()[:3]
    assert first.startswith('refused 2 rows, 15.00 hours, 1,500.00 EUR: the first is line 3: column "Client": nothing')
    assert second.startswith('refused 1 row, 7.50 hours, 750.00 EUR: line 5: column "Date": the work is of a day after')
    assert listed.startswith("all that was not imported is listed in")


def two_trackers(folder: Path, **toggl: str) -> Result:
    """7.5 hours at 100 from Harvest, and 1.5 hours for another project of the client from Toggl."""
    first = write_text(written(HARVEST_ROW))(folder / "march.csv")
    assert milepost("import", "harvest", first, "--out", folder / "input", "--bootstrap", *COMPANY).exit_code == 0
    second = write_text(written({**TOGGL_ROW, "Project": "Shop", **toggl}))(folder / "shop.csv")
    rates = ("--cost-rate", 40, *(() if "Amount (USD)" in toggl else ("--rate", 100)))
    return milepost("import", "toggl", second, "--out", folder / "input", "--bootstrap", *rates)


def test_a_second_tracker_says_what_its_projects_need(tmp_path: Path) -> None:
    """The contract is Harvest's; its next version, with a line for the project, bills 750 and 150."""
    told = two_trackers(tmp_path)
    assert told.exit_code == 0, told.output
    said = "The contract Nordwind-time was signed by harvest, so the import of Toggl gives it no lines"
    assert said in told.stdout
    assert "Put a ContractSigned of version 2 into" in told.stdout
    assert "waits: Nordwind: Shop." in told.stdout
    assert "Import again with --bootstrap" not in told.stdout
    more = (
        "--out",
        tmp_path / "input",
        "--rate",
        100,
        "--cost-rate",
        40,
        "--bootstrap",
        "--dry-run",
        "--json",
        "--name",
        "again",
    )
    found = json.loads(milepost("import", "toggl", tmp_path / "shop.csv", *more).stdout)
    assert found["not_extended"] == {"Nordwind-time": ["Nordwind: Shop"]}
    (signed,) = events(tmp_path / "input", "ContractSigned")
    line = {**signed["lines"][0], "line_id": "Nordwind: Shop", "project_id": "Nordwind: Shop"}
    again = {**signed, "event_id": "amended-by-hand", "version": 2, "lines": [*signed["lines"], line]}
    (tmp_path / "input" / "signed.jsonl").write_text(json.dumps(again) + "\n")
    ran = run(tmp_path, *UNTIL)
    assert (issued(ran), ran["exceptions_open"]) == (Decimal(900), 0)


def test_a_second_tracker_in_another_currency_is_refused(tmp_path: Path) -> None:
    told = two_trackers(tmp_path, **{"Amount (USD)": "180.00"})
    assert told.exit_code == 2
    assert 'the contract of the client "Nordwind" in the folder has EUR, and the row USD' in told.stderr
    assert [each["entry_id"][:7] for each in events(tmp_path / "input", "TimeApproved")] == ["harvest"]


def test_a_dry_run_shows_the_summary_and_writes_nothing(tmp_path: Path) -> None:
    file = write_text(written(HARVEST_ROW))(tmp_path / "march.csv")
    told = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY, "--dry-run")
    assert told.exit_code == 0, told.output
    assert "would write 1 time approved" in told.stdout
    assert "nothing was written (--dry-run)" in told.stdout
    assert not (tmp_path / "input").exists()


def dumped(folder: Path, topic: str) -> list[dict[str, Any]]:
    lines = milepost("dump", topic, "--output", folder / "output", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("product", EXPORTS)
def test_a_clean_export_folds_to_statements_without_open_exceptions(tmp_path: Path, product: str) -> None:
    write, more = EXPORTS[product]
    file = write(tmp_path / "march.csv")
    told = summary(product, file, "--out", tmp_path / "input", "--bootstrap", *COMPANY, *more)
    assert set(map(tuple, told["unknown"].values())) == {()}
    assert told["refused"]["rows"] == 0
    ran = run(tmp_path, *UNTIL)
    assert (ran["exceptions_open"], ran["dead_letters"], ran["unrouted"]) == (0, 0, 0)
    assert issued(ran) == Decimal(told["billed"]["EUR"]) == Decimal(told["imported"]["amounts"]["EUR"])
    assert milepost("verify", "--output", tmp_path / "output").exit_code == 0


def test_parts_of_a_summary_sum_to_what_was_read(tmp_path: Path) -> None:
    file = EXPORTS["harvest"][0](tmp_path / "march.csv")
    told = summary("auto", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    parts = [told[part] for part in ("imported", "not_approved", "not_work", "refused")]
    assert told["read"]["rows"] == sum(part["rows"] for part in parts) == 500
    assert Decimal(told["read"]["hours"]) == sum(Decimal(part["hours"]) for part in parts)
    assert Decimal(told["read"]["amounts"]["EUR"]) == sum(Decimal(part["amounts"].get("EUR", 0)) for part in parts)
    assert told["not_approved"]["rows"] > 0


def test_month_by_month_is_billed_as_at_once(tmp_path: Path) -> None:
    """Each export overlaps the one before it; the third brings a client and a project that are new."""
    work = made_work(5, 240)
    for name, rows in (("a", work[:100]), ("b", work[:170]), ("c", work)):
        early = {each.project for each in work[:170]} - {"Ledger migration"}
        known = [each for each in rows if name == "c" or each.project in early]
        file = write_text(made_exports.harvest(known))(tmp_path / f"{name}.csv")
        assert milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY).exit_code == 0
        if name == "b":
            run(tmp_path)
    contracts = [each for each in events(tmp_path / "input", "ContractSigned") if each["contract_id"][:7] == "Kessler"]
    assert {each["version"]: len(each["lines"]) for each in contracts} == {1: 1, 2: 2}
    ran = run(tmp_path, *LATER)
    assert ran["exceptions_open"] == 0
    assert issued(ran) == sum(each.amount for each in work)


def test_rates_that_differ_in_the_export_are_billed_as_they_stand(tmp_path: Path) -> None:
    """By person, by task, from a day on, and on single entries."""
    work = made_work(9, 400)
    single = range(0, 400, 37)
    work = [
        each._replace(
            rate=Decimal(77)
            if each.number in single
            else each.rate + (20 if each.task == "Design" else 0) + (15 if each.start.month > 2 else 0)
        )
        for each in work
    ]
    file = write_text(made_exports.harvest(work))(tmp_path / "march.csv")
    summary("harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    ran = run(tmp_path, *UNTIL)
    assert (issued(ran), ran["exceptions_open"]) == (sum(each.amount for each in work), 0)
    own = [each for each in events(tmp_path / "input", "TimeApproved") if "rate" in each]
    assert 0 < len(own) <= len(single)


def test_clients_of_another_currency_need_the_rates_of_the_bank_and_nothing_else(tmp_path: Path) -> None:
    work = made_work(5, 60)
    file = write_text(made_exports.harvest(work).replace("Euro - EUR", "US Dollar - USD"))(tmp_path / "a.csv")
    result = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    lacking = "USD is not the currency of its company's books, and the folder lacks exchange rates for its work of"
    assert lacking in result.stdout
    _, proposed = result.output.split("Next: ")
    first = min(each.start.date() for each in work) - dt.timedelta(days=7)
    assert proposed.startswith(
        f"milepost import ecb eurofxref-hist.zip --from {first} --to 2026-03-31 --out {tmp_path / 'input'}\n"
    )
    assert "\n      milepost run --input" in proposed
    days = [f"2026-{month:02d}-{day:02d},1.1{month},\n" for month in (1, 2, 3) for day in range(1, 29)]
    (tmp_path / "rates.csv").write_text("Date,USD,\n" + "".join(days))
    assert milepost("import", "ecb", tmp_path / "rates.csv", "--out", tmp_path / "input").exit_code == 0
    again = milepost("import", "harvest", file, "--out", tmp_path / "input", "--name", "again")
    assert lacking not in again.stdout
    ran = run(tmp_path, *UNTIL)
    assert (ran["exceptions_open"], ran["money"]["USD"]["issued"]) == (0, str(sum(each.amount for each in work)))


def test_an_edit_after_the_first_run_is_corrected(tmp_path: Path) -> None:
    work = made_work(5, 60)
    write_text(made_exports.harvest(work))(tmp_path / "a.csv")
    milepost("import", "harvest", tmp_path / "a.csv", "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    run(tmp_path, *UNTIL)
    later = [*work[:10], work[10]._replace(hours=work[10].hours + 1, is_billable=True), *work[11:30], *work[31:]]
    write_text(made_exports.harvest(later))(tmp_path / "b.csv")
    told = summary("harvest", tmp_path / "b.csv", "--out", tmp_path / "input", "--withdraw-missing")
    assert told["changes"] == {"new": 0, "changed": 1, "moved": 0, "unchanged": 58, "withdrawn": 1}
    ran = run(tmp_path, *LATER)
    assert (issued(ran), ran["exceptions_open"]) == (sum(each.amount for each in later), 0)


def test_without_bootstrap_what_is_missing_is_named(tmp_path: Path) -> None:
    file = write_text(made_exports.harvest(made_work(7, 20)))(tmp_path / "march.csv")
    result = milepost("import", "harvest", file, "--out", tmp_path / "input", "--zone", ZONE)
    assert result.exit_code == 0
    assert (
        "say so with an IdentityLinked each (docs/import-trackers.md); else import again with --bootstrap"
        in result.stdout
    )
    assert "clients (CustomerDefined): Kessler & Sohn, Nordwind, Studio" in result.stdout
    assert "people (PersonDefined): Ada Brandt, Bo Lindqvist, Chloé Martin, Dev Rao" in result.stdout
    assert "projects (ProjectActivated): KS-2, Kessler & Sohn: Website" in result.stdout
    filled = summary("harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert (filled["changes"]["unchanged"], set(map(tuple, filled["unknown"].values()))) == (20, {()})
    assert run(tmp_path, *UNTIL)["exceptions_open"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bootstrap",), "--bootstrap needs --entity and --currency and --zone"),
        ((), "--zone is needed"),
        (("--bootstrap", *COMPANY), "has no rates; say --rate"),
        (("--bootstrap", *COMPANY, "--rate", "90"), "has no costs; say --cost-rate"),
        (("--zone", "Europe/Berlim"), 'the nearest is "Europe/Berlin"'),
        (("--currency", "EURO"), 'expected a code such as EUR, came "EURO"'),
        (("--rate", "-1"), "expected an amount per hour"),
    ],
)
def test_what_cannot_be_known_is_asked_for(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    file = write_text(made_exports.toggl(made_work(7, 20)))(tmp_path / "march.csv")
    result = milepost("import", "toggl", file, "--out", tmp_path / "input", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert not (tmp_path / "input").exists()


def test_the_wrong_product_is_wrong_usage(tmp_path: Path) -> None:
    file = write_text(made_exports.toggl(made_work(7, 20)))(tmp_path / "march.csv")
    result = milepost("import", "harvest", file, "--out", tmp_path / "input", "--zone", ZONE)
    assert result.exit_code == 2
    assert "this looks like a Toggl detailed export, not one of Harvest; use milepost import toggl" in result.stderr


def test_refused_rows_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    work = made_work(7, 40)
    content = made_exports.harvest([work[0]._replace(hours=Decimal(30)), *work[1:]], Locale())
    file = write_text(content)(tmp_path / "march.csv")
    result = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert result.exit_code == 0
    assert (
        'line 2: column "Hours": expected at most 24 hours in one entry, got 30; split it by day (came "30.0")'
        in result.stderr
    )
    assert "imported            39" in result.stdout


def test_what_counts_as_approved_without_a_word_of_it_is_warned_of(tmp_path: Path) -> None:
    file = write_text(made_exports.toggl(made_work(7, 20)))(tmp_path / "march.csv")
    asked = (
        "import",
        "toggl",
        file,
        "--out",
        tmp_path / "input",
        "--bootstrap",
        *COMPANY,
        "--rate",
        95,
        "--cost-rate",
        48,
    )
    warning = (
        "the export of Toggl does not say what is approved: 20 rows taken as approved"
        " (approved_by toggl:taken-as-approved; --approved-by NAME says who did)"
    )
    assert f"\n  WARNING  {warning}\n" in milepost(*asked).stdout
    again = summary(*asked[1:])
    assert (again["taken_as_approved"], again["warnings"], again["changes"]["unchanged"]) == (20, [warning], 20)


def test_an_export_without_the_column_of_approvals_is_taken_only_when_somebody_says_so(tmp_path: Path) -> None:
    content = made_exports.harvest(made_work(7, 20)).replace("Approved?", "OK?")
    file = write_text(content)(tmp_path / "march.csv")
    asked = ("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    refused = milepost(*asked)
    assert (refused.exit_code, (tmp_path / "input").exists()) == (2, False)
    assert 'line 1: expected the column "Approved?"' in refused.stderr
    taken = milepost(*asked, "--take-unapproved", "--approved-by", "ada")
    assert 'WARNING  without the column "Approved?": 20 rows taken as approved' in taken.stdout
    assert "as --take-unapproved says (approved_by ada)" in taken.stdout


@pytest.mark.parametrize("product", ["harvest", "toggl", "clockify", "auto"])
def test_an_export_without_rows_is_wrong_usage_and_says_so(tmp_path: Path, product: str) -> None:
    header = getattr(made_exports, "harvest" if product == "auto" else product)([])
    file = write_text(header)(tmp_path / "march.csv")
    result = milepost("import", product, file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert (result.exit_code, (tmp_path / "input").exists()) == (2, False)
    assert "and nothing below it, so there is nothing to import" in result.stderr


def test_a_summary_counts_one_as_one_and_writes_hours_alike(tmp_path: Path) -> None:
    work = [each._replace(hours=Decimal("7.5")) for each in made_work(7, 1)]
    file = write_text(made_exports.harvest(work, GERMAN))(tmp_path / "march.csv")
    printed = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY).stdout
    assert printed.startswith("march.csv: Harvest, 1 row, ")
    assert "  imported             1          7.50  " in printed
    assert "  refused              0          0.00\n" in printed


def test_an_exception_of_a_missing_exchange_rate_says_how_to_bring_it(tmp_path: Path) -> None:
    work = made_work(5, 6)
    file = write_text(made_exports.harvest(work).replace("Euro - EUR", "US Dollar - USD"))(tmp_path / "a.csv")
    assert milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY).exit_code == 0
    run(tmp_path, *UNTIL)
    output = ("--output", tmp_path / "output")
    found = json.loads(milepost("exceptions", "list", "--kind", "no_exchange_rate", *output, "--json").stdout)
    of_work = next(each for each in found["exceptions"] if each["subject_kind"] == "time_entry")
    shown = milepost("exceptions", "show", of_work["exception_id"], *output)
    way_out = f"milepost import ecb eurofxref-hist.zip --from 2025-12-01 --out {tmp_path}/input"
    then = f"milepost run --input {tmp_path}/input --output {tmp_path}/output --until 2026-04-01"
    assert f"Next: {way_out}\n      {then}\n" in shown.stderr
    (tmp_path / "input").rename(tmp_path / "in")
    unnamed = milepost("exceptions", "show", of_work["exception_id"], *output).stderr
    assert f"{way_out.replace(f'{tmp_path}/input', 'INPUT')}\n      milepost run --input INPUT --output" in unnamed
    (tmp_path / "in").rename(tmp_path / "input")
    assert "expected an exchange rate from USD to EUR for 2026-" in of_work["message"]
    days = [
        f"{day},1.1,\n"
        for day in ("2025-12-31", *(f"2026-0{month}-{day:02d}" for month in (1, 2, 3) for day in range(1, 29)))
    ]
    (tmp_path / "eurofxref-hist.zip").write_text("Date,USD,\n" + "".join(days))
    typed = way_out.replace("eurofxref-hist.zip", str(tmp_path / "eurofxref-hist.zip")).split()[1:]
    assert milepost(*typed).exit_code == 0
    assert run(tmp_path, *UNTIL)["money"]["USD"]["recognised"] == str(sum(each.amount for each in work))
    left = json.loads(milepost("exceptions", "list", *output, "--json").stdout)["exceptions"]
    assert [each for each in left if each["subject_kind"] == "time_entry"] == []


def test_names_as_companies_have_them_go_all_the_way_to_a_statement(tmp_path: Path) -> None:
    """Points and slashes separate the parts of ids, so they are escaped where they stand in one."""
    work = [each._replace(client="Bolt & Co. KG", project="Web/App 2.0", code="") for each in made_work(7, 12)]
    work = [each._replace(is_billable=True, rate=Decimal(100)) for each in work]
    file = write_text(made_exports.harvest(work))(tmp_path / "march.csv")
    asked = milepost("import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY)
    assert issued(run(tmp_path, *UNTIL)) == sum(each.amount for each in work)
    statement = next(line for line in asked.stderr.splitlines() if "milepost show" in line).split("'")[1]
    assert statement == "Bolt & Co%2E KG.Bolt & Co%2E KG-time/Bolt & Co%2E KG/2026-01-01/1"
    assert "Web/App 2.0" in milepost("show", statement, "--output", tmp_path / "output").stdout


def test_billable_work_at_a_rate_of_nothing_is_told(tmp_path: Path) -> None:
    """Clockify writes 0.00 where a workspace has no rates."""
    work = [each._replace(is_billable=True, rate=Decimal(0)) for each in made_work(7, 3)]
    file = write_text(made_exports.clockify(work, AMERICAN))(tmp_path / "march.csv")
    asked = ("import", "clockify", file, "--out", tmp_path / "input", "--bootstrap", *COMPANY, "--cost-rate", 48)
    printed = milepost(*asked, "--date-order", "mdy").stdout
    assert "note  3 billable rows have a rate of 0 and earn nothing; set rates in Clockify" in printed


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_replace_takes_nothing_away_that_a_run_has_read(tmp_path: Path) -> None:
    """The setup stays where --bootstrap does not write it again; where one file may not be replaced, none is."""
    export, out = tmp_path / "hours.csv", tmp_path / "input"
    export.write_text(written(HARVEST_ROW), encoding="utf-8")
    usual = ("harvest", export, "--out", out)
    summary(*usual, "--bootstrap", *COMPANY)
    run(tmp_path, *UNTIL)
    read = files_of(out)
    assert sorted(read) == ["harvest-hours.jsonl", "harvest-hours.setup.jsonl"]

    summary(*usual, "--replace")
    assert files_of(out) == read

    export.write_text(written({**HARVEST_ROW, "Hours": "6,0", "Billable Amount": "600,0"}), encoding="utf-8")
    for said in ((), ("--dry-run",), ("--bootstrap", *COMPANY, "--entity-name", "Studio")):
        refused = milepost("import", *usual, "--replace", *said)
        assert (refused.exit_code, "was read by round 1" in refused.stderr) == (2, True)
        assert files_of(out) == read
    run(tmp_path)


@pytest.mark.parametrize("option", ["--approved-by", "--role", "--client", "--entity-name"])
@pytest.mark.parametrize(("name", "came"), [("", "''"), ("ann ", "'ann '"), ("\x1b[2J", "'\\x1b[2J'")])
def test_a_name_that_nobody_can_see_is_refused(tmp_path: Path, option: str, name: str, came: str) -> None:
    """Work would be approved by nobody, or people would be of no role; `ann ` would be somebody else than `ann`."""
    export, out = tmp_path / "hours.csv", tmp_path / "input"
    export.write_text(written(HARVEST_ROW), encoding="utf-8")
    refused = milepost("import", "harvest", export, "--out", out, "--bootstrap", *COMPANY, option, name)
    said = f"'{option}': expected a name, without blanks around it, got {came}"
    assert (refused.exit_code, said in refused.stderr) == (2, True)
    assert not out.exists()


def test_what_was_edited_in_a_setup_stays_beside_the_one_that_replaces_it(tmp_path: Path) -> None:
    """However often it is replaced."""
    export, out = tmp_path / "hours.csv", tmp_path / "input"
    export.write_text(written(HARVEST_ROW), encoding="utf-8")
    usual = ("harvest", export, "--out", out, "--bootstrap", *COMPANY, "--replace")
    summary(*usual)
    setup = out / "harvest-hours.setup.jsonl"
    edited = setup.read_bytes().replace(b'"rate":"100"', b'"rate":"120"')
    setup.write_bytes(edited)
    for name in ("Studio", "Atelier"):
        summary(*usual, "--entity-name", name)
    assert b'"Atelier"' in setup.read_bytes()
    assert (out / "harvest-hours.setup.jsonl.replaced").read_bytes() == edited
    assert b'"Studio"' in (out / "harvest-hours.setup.jsonl.replaced-2").read_bytes()
