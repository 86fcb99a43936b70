"""`milepost import balances`: a project is loaded whole or not at all, and every refusal says row, field and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.json_records import event_from_json_line
from milepost.cli import app
from tests.commands.tiny_firm import founding, worked, write
from tests.commands.tiny_firm import run as run_books

READY = Path(__file__).parents[2] / "docs" / "mappings" / "balances.toml"
HEADER = (
    "kind,project,line,as_of,currency,hours,cost,revenue,billed,tax,paid,cap_used,deposit,invoice,invoiced_on,net,open"
)
# 21,000.00 and 3,990.00 of tax were billed: 19,040.00 are paid, 5,950.00 are open.
DESIGN = "line,BRIDGE,DESIGN,2026-06-30,EUR,160,9600.00,24000.00,21000.00,3990.00,19040.00,24000.00,,,,,"
INVOICE = "receivable,BRIDGE,,2026-06-30,,,,,,950.00,,,,INV-7,2026-06-03,5000.00,5950.00"
TUNNEL = "line,TUNNEL,L,2026-06-30,EUR,10,500.00,1000.00,0,0,0,0,,,,,"
AT = "2026-06-30T08:00:00Z"


def contract(contract_id: str, project_id: str, *line_ids: str, currency: str = "EUR") -> dict[str, Any]:
    lines = [{"line_id": line, "project_id": project_id, "terms": {"type": "TimeAndMaterials"}} for line in line_ids]
    return {
        "type": "ContractSigned",
        "occurred_at": AT,
        "contract_id": contract_id,
        "currency": currency,
        "lines": lines,
    }


FIRM = [
    {"type": "ProjectActivated", "occurred_at": AT, "project_id": "BRIDGE", "engagement_id": "E-1"},
    contract("K-1", "BRIDGE", "DESIGN", "BUILD"),
    contract("K-2", "TUNNEL", "L"),
]


def folder(tmp_path: Path, *events: dict[str, Any]) -> Path:
    made = tmp_path / "input"
    made.mkdir(exist_ok=True)
    (made / "firm.jsonl").write_text("".join(json.dumps(event) + "\n" for event in (events or FIRM)))
    return made


def load(tmp_path: Path, *rows: str, header: str = HEADER, options: tuple[str, ...] = ()) -> Result:
    file = tmp_path / "balances.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return run(tmp_path, file, options=options)


def run(tmp_path: Path, *files: Path, options: tuple[str, ...] = ()) -> Result:
    out = tmp_path / "input" if (tmp_path / "input").exists() else folder(tmp_path)
    command = ["import", "balances", *map(str, files), "--map", str(READY), "--out", str(out), *options]
    return CliRunner().invoke(app, command)


def events(tmp_path: Path, name: str = "balances") -> list[dict[str, Any]]:
    path = tmp_path / "input" / f"balances-{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def one_line(result: Result) -> str:
    return " ".join(result.output.split())


def test_a_project_becomes_one_event_that_names_its_rows(tmp_path: Path) -> None:
    result = load(tmp_path, DESIGN, INVOICE)
    assert result.exit_code == 0, result.output
    (event,) = events(tmp_path)
    event_from_json_line(json.dumps(event).encode())
    assert (event["engagement_id"], event["project_id"], event["as_of"]) == ("E-1", "BRIDGE", "2026-06-30")
    assert (event["version"], event["occurred_at"]) == (1, "2026-06-30T08:00:01Z")
    (line,) = event["lines"]
    assert (line["contract_id"], line["revenue"], line["paid"]) == ("K-1", "24000", "19040")
    assert line["source_row"] == "balances.csv row 2"
    (invoice,) = event["receivables"]
    assert (invoice["invoice_id"], invoice["open"], invoice["source_row"]) == ("INV-7", "5950", "balances.csv row 3")
    assert "open 5,950.00 EUR" in one_line(result)


@pytest.mark.parametrize("earlier", [1, None])
def test_the_newest_version_of_a_project_says_whose_it_is(tmp_path: Path, earlier: int | None) -> None:
    """Whichever file of the folder is read last: version 2 moved it to E-1, and version 1, or none, stands in a file of a later name."""
    moved, *contracts = FIRM
    out = folder(tmp_path, {**moved, "version": 2}, *contracts)
    (out / "old.jsonl").write_text(json.dumps({**moved, "version": earlier, "engagement_id": "E-0"}) + "\n")
    assert load(tmp_path, DESIGN, INVOICE).exit_code == 0
    assert [event["engagement_id"] for event in events(tmp_path)] == ["E-1"]


def test_an_invoice_of_a_project_with_two_contracts_names_its_own(tmp_path: Path) -> None:
    folder(tmp_path, *FIRM, contract("K-3", "BRIDGE", "SUPPORT"))
    support = "line,BRIDGE,SUPPORT,2026-06-30,EUR,8,480.00,1200.00,0,0,0,1200.00,,,,,"
    assert load(tmp_path, DESIGN, support, INVOICE).exit_code == 2
    rejected = [json.loads(line) for line in (tmp_path / "input" / "balances.rejected.jsonl").read_text().splitlines()]
    assert (4, "expected the contract of invoice INV-7: one of K-1, K-3; it is empty") in [
        (each["line"], each["reason"]) for each in rejected
    ]
    assert events(tmp_path) == []


def test_several_files_say_what_they_are_by_their_names(tmp_path: Path) -> None:
    lines, invoices, retainers = (tmp_path / f"{name}.csv" for name in ("lines", "receivables", "retainer-periods"))
    lines.write_text(
        "project,line,as_of,billed,tax,revenue,paid\nBRIDGE,DESIGN,2026-06-30,5000.00,950.00,5000.00,0\nBRIDGE,BUILD,2026-06-30,0,0,0,0\n"
    )
    invoices.write_text(
        "project,as_of,invoice,invoiced_on,due_on,net,tax,open\nBRIDGE,2026-06-30,INV-7,2026-06-03,2026-07-03,5000.00,950.00,5950.00\n"
    )
    retainers.write_text(
        "project,line,as_of,starts_on,left,expires_on\nBRIDGE,BUILD,2026-06-30,2026-05-01,12.5,2026-07-31\n"
    )
    result = run(tmp_path, lines, invoices, retainers)
    assert result.exit_code == 0, result.output
    (event,) = events(tmp_path, "lines")
    assert event["lines"][1]["retainer"] == [
        {
            "starts_on": "2026-05-01",
            "left": "12.5",
            "expires_on": "2026-07-31",
            "source_row": "retainer-periods.csv row 2",
        }
    ]
    assert event["receivables"][0]["due_on"] == "2026-07-03"


def test_parts_of_bill_tos_are_the_lines_figures(tmp_path: Path) -> None:
    """5,000.00 are billed: 3,000.00 to ACME and 2,000.00 to CITY; with 1,500.00 to CITY the project is refused."""
    lines, payers = tmp_path / "lines.csv", tmp_path / "payers.csv"
    lines.write_text("project,line,as_of,billed,revenue,paid\nBRIDGE,DESIGN,2026-06-30,5000.00,5000.00,5000.00\n")
    header = "project,line,as_of,customer,billed,paid\nBRIDGE,DESIGN,2026-06-30,ACME,3000.00,3000.00\n"
    payers.write_text(f"{header}BRIDGE,DESIGN,2026-06-30,CITY,1500.00,2000.00\n")
    result = run(tmp_path, lines, payers)
    assert result.exit_code == 2
    assert "line DESIGN: billed of its bill-tos: expected 5000.00, as of the line, came 4500.00" in one_line(result)
    payers.write_text(f"{header}BRIDGE,DESIGN,2026-06-30,CITY,2000.00,2000.00\n")
    assert run(tmp_path, lines, payers).exit_code == 0
    (event,) = events(tmp_path, "lines")
    city = {"customer_id": "CITY", "billed": "2000", "paid": "2000", "source_row": "payers.csv row 3"}
    assert event["lines"][0]["payers"][1] == city


def test_what_is_spent_of_a_budget_names_its_row(tmp_path: Path) -> None:
    lines, spent = tmp_path / "lines.csv", tmp_path / "spent.csv"
    lines.write_text("project,line,as_of,billed,revenue,paid\nBRIDGE,DESIGN,2026-06-30,0,0,0\n")
    spent.write_text("project,line,as_of,category,spent\nBRIDGE,DESIGN,2026-06-30,build,1250.50\n")
    assert run(tmp_path, lines, spent).exit_code == 0
    (event,) = events(tmp_path, "lines")
    assert event["lines"][0]["spent"] == [{"category": "build", "spent": "1250.5", "source_row": "spent.csv row 2"}]


def test_what_a_cap_has_taken_names_its_row(tmp_path: Path) -> None:
    lines, caps = tmp_path / "lines.csv", tmp_path / "caps.csv"
    lines.write_text("project,line,as_of,billed,revenue,paid\nBRIDGE,DESIGN,2026-06-30,0,0,0\n")
    caps.write_text("project,line,as_of,cap,amount\nBRIDGE,DESIGN,2026-06-30,limit:DESIGN:hotel,700.00\n")
    assert run(tmp_path, lines, caps).exit_code == 0
    (event,) = events(tmp_path, "lines")
    taken = {"cap_id": "limit:DESIGN:hotel", "amount": "700", "source_row": "caps.csv row 2"}
    assert event["lines"][0]["caps"] == [taken]


def test_cost_in_another_currency_and_accounts_name_their_rows(tmp_path: Path) -> None:
    lines, costs, accounts = (tmp_path / f"{name}.csv" for name in ("lines", "costs", "accounts"))
    lines.write_text("project,line,as_of,billed,revenue,paid\nBRIDGE,DESIGN,2026-06-30,0,0,0\n")
    columns = "project,line,as_of,currency,cost,ledger_cost,expenses,ledger_expenses"
    costs.write_text(f"{columns}\nBRIDGE,DESIGN,2026-06-30,GBP,300.00,360.00,100.00,120.00\n")
    accounts.write_text("project,line,as_of,account,ledger_amount\nBRIDGE,DESIGN,2026-06-30,4050,-364.00\n")
    assert run(tmp_path, lines, costs, accounts).exit_code == 0
    (event,) = events(tmp_path, "lines")
    (line,) = event["lines"]
    amounts = {"cost": "300", "ledger_cost": "360", "expenses": "100", "ledger_expenses": "120"}
    assert line["costs"] == [{"currency": "GBP", **amounts, "source_row": "costs.csv row 2"}]
    assert line["accounts"] == [{"account": "4050", "ledger_amount": "-364", "source_row": "accounts.csv row 2"}]


def test_what_does_not_say_whether_it_is_billable_is_billable(tmp_path: Path) -> None:
    """Two rows of GBP, one of them without a word and one that says yes, are the same twice; a category named `true` is a name."""
    lines, costs, spent = (tmp_path / f"{name}.csv" for name in ("lines", "costs", "spent"))
    lines.write_text("project,line,as_of,billed,revenue,paid\nBRIDGE,DESIGN,2026-06-30,0,0,0\n")
    spent.write_text("project,line,as_of,category,spent\nBRIDGE,DESIGN,2026-06-30,true,10.00\n")
    columns = "project,line,as_of,currency,cost,ledger_cost,billable\nBRIDGE,DESIGN,2026-06-30,GBP,300.00,360.00,\n"
    costs.write_text(f"{columns}BRIDGE,DESIGN,2026-06-30,GBP,100.00,120.00,yes\n")
    result = run(tmp_path, lines, costs, spent)
    assert result.exit_code == 2
    assert "cost DESIGN GBP billable of project BRIDGE stands twice" in one_line(result)
    costs.write_text(f"{columns}BRIDGE,DESIGN,2026-06-30,GBP,100.00,120.00,no\n")
    assert run(tmp_path, lines, costs, spent).exit_code == 0
    (event,) = events(tmp_path, "lines")
    assert [each.get("billable", True) for each in event["lines"][0]["costs"]] == [True, False]
    assert event["lines"][0]["spent"][0]["category"] == "true"


def test_another_delimiter_is_asked_for(tmp_path: Path) -> None:
    lines = tmp_path / "lines.csv"
    lines.write_text("project;line;as_of;billed;revenue;paid\nBRIDGE;DESIGN;2026-06-30;0;0;0\n")
    result = run(tmp_path, lines)
    assert result.exit_code == 2
    assert 'expected columns with "," between them, came ";" in line 1; say delimiter = ";" under [file]' in one_line(
        result
    )


def test_one_wrong_row_and_nothing_is_loaded(tmp_path: Path) -> None:
    """A run without the balances of BRIDGE would bill what its contract charged by itself since it began."""
    result = load(tmp_path, DESIGN, INVOICE.replace("950.00", "95.001", 1), TUNNEL)
    assert result.exit_code == 2
    assert events(tmp_path) == []
    assert "refused 1 project 1 wrong row, 2 held back with them" in one_line(result)
    assert "not loaded BRIDGE" in one_line(result)
    assert (
        'balances.csv line 3: column "tax": expected at most 2 decimals for EUR; round it at its source (came "95.001")'
        in one_line(result)
    )
    rejected = [json.loads(line) for line in (tmp_path / "input" / "balances.rejected.jsonl").read_text().splitlines()]
    assert [(each["line"], each["reason"]) for each in rejected] == [
        (3, "expected at most 2 decimals for EUR; round it at its source")
    ]


def test_cost_is_no_finer_than_the_ledger(tmp_path: Path) -> None:
    project, *others = FIRM
    company = {"type": "LegalEntityDefined", "occurred_at": AT, "legal_entity_id": "HQ", "currency": "EUR"}
    folder(tmp_path, company, {**project, "legal_entity_id": "HQ"}, *others)
    result = load(tmp_path, DESIGN.replace("9600.00", "9600.0671"), INVOICE)
    assert result.exit_code == 2
    assert (
        'balances.csv line 2: column "cost": line DESIGN: cost: 9600.0671 is finer than EUR can be paid; round it at its source'
        in one_line(result)
    )
    assert load(tmp_path, DESIGN.replace("9600.00", "9600.07"), INVOICE).exit_code == 0


def test_three_digits_that_may_be_thousands_are_asked_about(tmp_path: Path) -> None:
    """A cost of 9,600.00 as it is written in German: 9.600 is not 9.60. With its signs in the mapping it is what it says."""
    result = load(tmp_path, DESIGN.replace("9600.00", "9.600"), INVOICE)
    assert result.exit_code == 2
    assert 'column "cost": expected two decimals or none: after "." three digits may be thousands' in one_line(result)
    german = "project;line;as_of;hours;cost;billed;revenue;paid\nBRIDGE;DESIGN;2026-06-30;160;9.600;0;24.000,50;0\n"
    (tmp_path / "german.csv").write_text(german)
    signs = ("--set", "file.delimiter=;", "--set", "file.decimal=,", "--set", "file.thousands=.")
    result = run(tmp_path, tmp_path / "german.csv", options=signs)
    assert result.exit_code == 0, result.output
    (line,) = events(tmp_path, "german")[0]["lines"]
    assert (line["cost"], line["revenue"]) == ("9600", "24000.5")


def test_balances_that_do_not_sum_are_refused_with_every_term(tmp_path: Path) -> None:
    """24,990.00 were billed with tax; 19,000.00 paid and 5,950.00 open leave 40.00 that nobody has."""
    result = load(tmp_path, DESIGN.replace("19040.00", "19000.00"), INVOICE)
    assert result.exit_code == 2
    assert (
        "contract K-1: billed 21000.00 + tax 3990.00 - retention 0.00 - deposits used 0.00 = 24990.00 EUR, but paid 19000.00"
        " + written off 0.00 + open invoices 5950.00 = 24950.00 EUR: a difference of 40.00 EUR on 1100"
    ) in one_line(result)
    assert events(tmp_path) == []


def test_an_invoice_that_bills_more_than_the_project_did(tmp_path: Path) -> None:
    """5,950.00 are open of 1,000.00 billed: the rest is of another project of the contract, which nobody can tell."""
    small = "line,BRIDGE,DESIGN,2026-06-30,EUR,10,500.00,1000.00,1000.00,0,-4950.00,0,,,,,"
    result = load(tmp_path, small, INVOICE)
    assert result.exit_code == 2
    assert "its open invoices have 5950.00, more than the 1000.00 that lines of project BRIDGE were billed" in one_line(
        result
    )


def test_a_deposit_counts_by_the_terms_of_its_line(tmp_path: Path) -> None:
    """1,000.00 were billed as a deposit and 400.00 of it are left: 600.00 were set against a bill of 2,000.00, and 2,400.00 paid."""
    deposit = contract("K-1", "BRIDGE", "DESIGN", "D")
    deposit["lines"][1]["terms"] = {"type": "Deposit", "amount": "1000.00", "due_on": "2026-01-31"}
    folder(tmp_path, deposit)
    work = "line,BRIDGE,DESIGN,2026-06-30,EUR,20,900.00,2000.00,2000.00,0,1400.00,0,0,,,,"
    advance = "line,BRIDGE,D,2026-06-30,EUR,0,0,0,1000.00,0,1000.00,0,400.00,,,,"
    assert load(tmp_path, work, advance).exit_code == 0
    assert load(tmp_path, work, advance.replace("400.00", "300.00"), options=("--name", "two")).exit_code == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([DESIGN.replace("BRIDGE", "BRIDG")], 'expected a project with a contract in the folder; the nearest is "BRIDGE"'),
        ([DESIGN.replace("DESIGN", "DESING")], 'column "line": expected a line of project BRIDGE: DESIGN, BUILD; the nearest is "DESIGN"'),
        ([DESIGN.replace("EUR", "USD")], 'column "currency": expected EUR, as contract K-1 is kept in it'),
        ([DESIGN.replace("EUR", "EURO")], "expected an ISO 4217 code such as EUR"),
        ([DESIGN.replace("2026-06-30", "30.06.2026")], 'column "as_of": expected a date as %Y-%m-%d'),
        ([DESIGN.replace("2026-06-30", "")], 'column "as_of": as_of is needed and nothing is there'),
        ([DESIGN.replace("160", "160 h")], 'column "hours": expected a number with "." before its decimals (came "160 h")'),
        ([DESIGN, DESIGN, INVOICE], "line DESIGN of project BRIDGE stands twice, in balances.csv row 2 too; expected once"),
        ([DESIGN, INVOICE, INVOICE], "receivable INV-7 of project BRIDGE stands twice, in balances.csv row 3 too"),
        ([DESIGN, INVOICE.replace("2026-06-30", "2026-05-31")], "expected one as_of in all rows of a project, 2026-06-30 as in"),
        ([DESIGN.replace("line,", "lines,", 1)], 'column "kind": expected one of line, cap, milestone, retainer, payer, funding'),
        ([INVOICE], "project BRIDGE has no row of kind line"),
        ([DESIGN, INVOICE.replace("INV-7", "")], 'column "invoice": invoice_id is needed and nothing is there'),
        ([DESIGN.replace("BRIDGE", "")], "project_id is needed and nothing is there; nothing was loaded, for its project is not known"),
        ([DESIGN, INVOICE.replace("2026-06-03", "2026-07-03")], 'column "invoiced_on": invoice INV-7: expected a day until 2026-06-30'),
        ([DESIGN, INVOICE.replace("5950.00", "6000.00")], 'column "open": invoice INV-7: expected open of more than 0'),
        ([DESIGN.replace("24000.00,21000", "-24000.00,-21000"), INVOICE], 'column "billed": line DESIGN: expected 0 or more'),
        ([DESIGN + ",7"], "line 2: expected 17 cells as in the header, came 18"),
    ],
)  # fmt: skip
def test_wrong_rows_are_refused_by_name(tmp_path: Path, rows: list[str], said: str) -> None:
    result = load(tmp_path, *rows)
    assert result.exit_code == 2
    assert said in one_line(result)
    assert events(tmp_path) == []


def test_an_invoice_is_not_due_before_its_date(tmp_path: Path) -> None:
    """Columns that are swapped would make a wrong age of it."""
    swapped = load(tmp_path, DESIGN + ",", INVOICE + ",2026-05-03", header=f"{HEADER},due_on")
    said = 'column "due_on": invoice INV-7: expected a day from 2026-06-03 on, its date, got 2026-05-03'
    assert swapped.exit_code == 2
    assert said in one_line(swapped)
    assert load(tmp_path, DESIGN + ",", INVOICE + ",2026-06-03", header=f"{HEADER},due_on").exit_code == 0


LISTED = "kind,project,line,as_of,customer,billed,paid,milestone,accepted_on,entry,worked_on,amount,hours,invoice,invoiced_on,net,open"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("milestone,*,,,,M-2,2026-06-01,,,,,,,,", 'column "milestone": expected a milestone of line DESIGN of contract K-1: M-1; the'),
        ("milestone,*,,,,M-1,2026-07-01,,,,,,,,", "milestone M-1: expected a day until 2026-06-30, got 2026-07-01"),
        ("payer,*,ACMEE,0,0,,,,,,,,,,", 'column "customer": expected a bill-to of contract K-1: ACME; the nearest is'),
        ("entry,*,,,,,,T-1,2026-07-02,300.00,2,,,,", "line DESIGN: entry T-1: worked_on: expected 2026-06-30 or before"),
        ("entry,*,,,,,,T-1,2026-06-02,0,2,,,,", "entry T-1: expected an amount above 0, to be billed or over a cap"),
        ("invoiced,*,,,,,,,,500.00,,INV-8,,,", "line DESIGN: invoice INV-8: expected one of the contract's open invoices, INV-7"),
        ("invoiced,*,,,,,,,,500.00,,INV-7,,,", "invoice INV-7: expected lines that come to 1000.00, its net and retention, got 500.00"),
    ],
)  # fmt: skip
def test_what_the_file_and_the_contracts_say_is_refused_before_a_run(tmp_path: Path, row: str, said: str) -> None:
    signed = contract("K-1", "BRIDGE", "DESIGN") | {"customer_id": "ACME"}
    signed["lines"][0]["terms"] = {"type": "Milestones", "milestones": [{"milestone_id": "M-1"}]}
    folder(tmp_path, signed)
    rows = ["line,BRIDGE,DESIGN,2026-06-30,,1000.00,0,,,,,,,,,,"]
    rows += ["receivable,BRIDGE,,2026-06-30,,,,,,,,,,INV-7,2026-06-03,1000.00,1000.00"]
    result = load(tmp_path, *rows, row.replace("*", "BRIDGE,DESIGN,2026-06-30"), header=LISTED)
    assert result.exit_code == 2, result.output
    assert said in one_line(result)
    assert events(tmp_path) == []


def test_a_milestone_names_its_row_also_where_it_is_wrong(tmp_path: Path) -> None:
    signed = contract("K-1", "BRIDGE", "DESIGN") | {"customer_id": "ACME"}
    signed["lines"][0]["terms"] = {"type": "Milestones", "milestones": [{"milestone_id": "M-1"}]}
    folder(tmp_path, signed)
    rows = ["line,BRIDGE,DESIGN,2026-06-30,,1000.00,0,,,,,,,,,,"]
    rows += ["receivable,BRIDGE,,2026-06-30,,,,,,,,,,INV-7,2026-06-03,1000.00,1000.00"]
    accepted = "milestone,BRIDGE,DESIGN,2026-06-30,,,,M-1,2026-{},,,,,,,,".format
    wrong = one_line(load(tmp_path, *rows, accepted("07-01"), header=LISTED))
    assert "balances.csv line 4: line DESIGN: milestone M-1: expected a day until 2026-06-30" in wrong
    assert load(tmp_path, *rows, accepted("06-15"), header=LISTED).exit_code == 0
    (event,) = events(tmp_path)
    milestone = {"milestone_id": "M-1", "accepted_on": "2026-06-15", "source_row": "balances.csv row 4"}
    assert event["lines"][0]["milestones"] == [milestone]


def test_a_column_that_nothing_reads_loses_no_balance(tmp_path: Path) -> None:
    result = load(tmp_path, DESIGN, INVOICE, header=HEADER.replace("cap_used", "cap_usd"))
    assert result.exit_code == 2
    assert 'nothing reads the column "cap_usd"; the nearest is "cap_used"; correct its name' in one_line(result)
    again = load(
        tmp_path, DESIGN, INVOICE, header=HEADER.replace("cap_used", "remarks"), options=("--set", 'ignore=["remarks"]')
    )
    assert again.exit_code == 0, again.output


def test_a_column_that_is_needed_and_missing(tmp_path: Path) -> None:
    result = load(tmp_path, DESIGN, INVOICE, header=HEADER.replace("as_of", "day"))
    assert result.exit_code == 2
    assert 'project.as_of: expected a column of balances.csv, came "as_of"' in one_line(result)


def test_a_files_name_that_says_what_its_rows_are(tmp_path: Path) -> None:
    """Without the column `kind`: a landscape is no list of caps, `caps_of_june.csv` is one."""
    header, row = HEADER.removeprefix("kind,"), DESIGN.removeprefix("line,")
    for name in ("landscape.csv", "caps_of_june.csv"):
        (tmp_path / name).write_text(f"{header}\n{row}\n")
    result = run(tmp_path, tmp_path / "caps_of_june.csv")
    assert result.exit_code == 2
    refused = one_line(result)
    assert 'cap.cap_id: expected a column of caps_of_june.csv, came "cap"; the nearest is "cap_used"' in refused
    assert (
        'Its rows are read as cap, for its name is like "*caps*.csv" ([files]): rename it, or add a column kind'
        in refused
    )
    (tmp_path / "invoices.csv").write_text(HEADER + "\n" + INVOICE + "\n")
    assert run(tmp_path, tmp_path / "landscape.csv", tmp_path / "invoices.csv").exit_code == 0


def test_one_invoice_stands_with_one_project(tmp_path: Path) -> None:
    other = INVOICE.replace("BRIDGE", "TUNNEL")
    result = load(tmp_path, DESIGN, INVOICE, TUNNEL, other)
    assert "invoice INV-7 stands with project BRIDGE too (balances.csv row 3)" in one_line(result)
    assert events(tmp_path) == []


def test_what_is_refused_names_who_mends_it_before_a_run(tmp_path: Path) -> None:
    result = load(tmp_path, DESIGN.replace("24000.00,21000", "24000.00,x"), TUNNEL)
    assert "Nothing was loaded" in one_line(result)
    assert "finance corrects figures in the file, commercial has contracts signed or amended" in one_line(result)
    assert "Next: milepost run" not in one_line(result)
    whole = load(tmp_path, DESIGN, INVOICE, TUNNEL, options=("--name", "again"))
    assert "Next: milepost run" in one_line(whole)


def test_a_run_that_came_before_the_balances_is_named(tmp_path: Path) -> None:
    """March is billed with 800.00; the balances are of 15 April."""
    write(tmp_path / "input", [*founding(), worked("T-1", 3)])
    run_books(tmp_path, "--until", "2026-04-10")
    result = load(tmp_path, "line,BRIDGE,L-1,2026-04-15,EUR,8,320.00,800.00,800.00,0,800.00,0,,,,,")
    assert "a run has issued 1 statement of contract K-1 over 800.00 EUR for days up to 2026-04-15" in one_line(result)
    assert "Next: these balances wait as in_balances" in one_line(result)
    assert "Next: milepost run" not in one_line(result)
    run_books(tmp_path, "--until", "2026-04-16", "--yes")
    shown = CliRunner().invoke(app, ["dump", "exceptions", "--json", "--output", str(tmp_path / "output")])
    [raised] = [each for each in map(json.loads, shown.stdout.splitlines()) if each.get("category") == "in_balances"]
    assert (
        "project BRIDGE: statement BRIDGE.K-1/ACME/2026-03-01/1 over 800.00 EUR was issued here for days until 2026-03-31"
        in (raised["message"])
    )


def test_a_second_load_corrects_what_changed_and_nothing_else(tmp_path: Path) -> None:
    load(tmp_path, DESIGN, INVOICE, TUNNEL)
    result = load(tmp_path, DESIGN, INVOICE, TUNNEL.replace("500.00", "520.00"), options=("--name", "two", "--json"))
    found = json.loads(result.stdout)
    assert (found["projects_unchanged"], found["projects_corrected"]) == (["BRIDGE"], ["TUNNEL"])
    (event,) = events(tmp_path, "two")
    assert (event["project_id"], event["version"], event["lines"][0]["cost"]) == ("TUNNEL", 2, "520")


def test_the_same_file_again_gives_the_same_bytes_and_other_content_another_name(tmp_path: Path) -> None:
    load(tmp_path, DESIGN, INVOICE)
    before = (tmp_path / "input" / "balances-balances.jsonl").read_bytes()
    assert load(tmp_path, DESIGN, INVOICE).exit_code == 0
    assert (tmp_path / "input" / "balances-balances.jsonl").read_bytes() == before
    changed = load(tmp_path, DESIGN.replace("9600.00", "9601.00"), INVOICE)
    assert changed.exit_code == 2
    assert "give --name for a new file" in one_line(changed)


def test_a_version_that_does_not_rise_is_refused(tmp_path: Path) -> None:
    load(tmp_path, TUNNEL)
    options = ("--name", "two", "--set", "project.version=1")
    result = load(tmp_path, TUNNEL.replace("500.00", "520.00"), options=options)
    assert result.exit_code == 2
    assert (
        "version 1 of project TUNNEL is in the folder with other balances: expected a higher version, came 1"
        in one_line(result)
    )


def test_without_contracts_in_the_folder_the_run_has_to_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    result = load(tmp_path, DESIGN, INVOICE)
    assert result.exit_code == 0
    assert "the folder knows no contracts" in one_line(result)


def test_a_contract_recorded_long_ago_is_warned_of(tmp_path: Path) -> None:
    folder(tmp_path, {**contract("K-2", "TUNNEL", "L"), "occurred_at": "2026-01-05T08:00:00Z"})
    result = load(tmp_path, TUNNEL)
    assert "project TUNNEL: its contract is recorded 2026-01-05, long before the day of the balances" in one_line(
        result
    )
    assert events(tmp_path)[0]["occurred_at"] == "2026-06-30T00:00:00Z"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = load(tmp_path, DESIGN, INVOICE, options=("--dry-run",))
    assert result.exit_code == 0
    assert "not written (--dry-run)" in one_line(result)
    assert [path.name for path in (tmp_path / "input").iterdir()] == ["firm.jsonl"]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Singapore"])
@pytest.mark.parametrize("since", ["2026-07-30", "2026-07-31"])
def test_balances_take_the_rate_of_their_own_day(tmp_path: Path, zone: str, since: str) -> None:
    """11,050.00 USD at 1.105 are 10,000.00 EUR, in one import with older rates or without; the bank's rate of the day before is 1.104."""
    company, *others, signed = founding()
    at = {"occurred_at": "2026-07-31T00:00:00Z"}
    write(tmp_path / "input", [each | at for each in (company | {"zone": zone}, *others, signed | {"currency": "USD"})])
    (tmp_path / "rates.csv").write_text("Date,USD,\n2026-07-31,1.1050,\n2026-07-30,1.1040,\n")
    rates = ["import", "ecb", str(tmp_path / "rates.csv"), "--from", since, "--out", str(tmp_path / "input")]
    assert CliRunner().invoke(app, rates).exit_code == 0
    assert load(tmp_path, "line,BRIDGE,L-1,2026-07-31,USD,80,3200.00,11050.00,0,0,0,0,,,,,").exit_code == 0
    run_books(tmp_path, "--until", "2026-07-31")
    told = CliRunner().invoke(app, ["dump", "erp.postings", "--json", "--output", str(tmp_path / "output")])
    lines = [line for each in map(json.loads, told.stdout.splitlines()) for line in each["lines"]]
    assert [line["ledger_amount"] for line in lines if line["account"] == "4000"] == ["-10000.00"]


def test_costs_of_two_ledgers_are_not_added(tmp_path: Path) -> None:
    """9,600.00 are in the euros of one company, 500.00 in the dollars of the other."""
    companies = [
        {"type": "LegalEntityDefined", "occurred_at": AT, "legal_entity_id": company, "currency": currency}
        for company, currency in (("DE", "EUR"), ("US", "USD"))
    ]
    projects = [
        {"type": "ProjectActivated", "occurred_at": AT, "project_id": project, "legal_entity_id": company}
        for project, company in (("BRIDGE", "DE"), ("TUNNEL", "US"))
    ]
    folder(tmp_path, *companies, *projects, *FIRM[1:])
    result = load(tmp_path, DESIGN, INVOICE, TUNNEL)
    assert "  cost       9,600.00 EUR, 500.00 USD\n" in result.stdout
