"""`milepost import contracts`: spreadsheets become contracts of every kind; a second load corrects or amends; what is wrong is named."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.imports.contracts_mapping import EVENTS, ITEMS, ContractsMapping, terms_kinds
from connectors.json_records import event_from_json_line
from milepost.cli import app

ROOT = Path(__file__).resolve().parents[2]
READY = ROOT / "docs/mappings/contracts.toml"
HEADER = "kind,company,customer,person,project,contract,line,role,cost,currency,starts_on,terms,rate,cap,price,effective_on,approved_by"
FIRM = (
    "company,STUDIO,,,,,,,,EUR,,,,,,,",
    "customer,,ACME,,,,,,,,,,,,,,",
    "person,,,ben,,,,developer,60,,,,,,,,",
    "project,,ACME,,BRIDGE,,,,,,2026-02-01,,,,,,",
)
HOURLY = "line,,ACME,,BRIDGE,K-1,DESIGN,,,EUR,2026-02-01,hourly,150,30000,,,"


def load(
    tmp_path: Path, *rows: str, header: str = HEADER, name: str = "contracts", options: tuple[str, ...] = ()
) -> Result:
    file = tmp_path / f"{name}.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return run(tmp_path, file, options=options)


def run(tmp_path: Path, *files: Path, options: tuple[str, ...] = ()) -> Result:
    command = ["import", "contracts", *map(str, files), "--map", str(READY), "--since", "2026-06-30"]
    return CliRunner().invoke(app, [*command, "--out", str(tmp_path / "input"), *options])


def events(tmp_path: Path, name: str = "contracts") -> list[dict[str, Any]]:
    path = tmp_path / "input" / f"contracts-{name}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        event_from_json_line(line.encode())
    return [json.loads(line) for line in lines]


def contract(tmp_path: Path, name: str = "contracts") -> dict[str, Any]:
    (found,) = [event for event in events(tmp_path, name) if event["type"].startswith("Contract")]
    return found


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_what_a_contract_names_stands_before_it(tmp_path: Path) -> None:
    result = load(tmp_path, HOURLY, *FIRM)
    assert result.exit_code == 0, result.output
    assert [event["type"] for event in events(tmp_path)] == [
        "LegalEntityDefined",
        "CustomerDefined",
        "PersonDefined",
        "CostRateSet",
        "ProjectActivated",
        "ContractSigned",
    ]
    signed = contract(tmp_path)
    assert signed["lines"] == [
        {
            "line_id": "DESIGN",
            "project_id": "BRIDGE",
            "terms": {
                "type": "TimeAndMaterials",
                "rates": [{"rate": "150"}],
                "cap": {"amount": "30000", "kind": "hard"},
            },
        }
    ]
    assert (signed["occurred_at"], signed["recorded_at"]) == ("2026-02-01T00:00:00Z", "2026-06-30T00:00:00Z")


# A row of each kind of terms with the columns that it needs, and rows beside it.
KINDS_OF_TERMS = {
    "TimeAndMaterials": ("kind,terms,rate,role", "line,hourly,100,", "rate,,150,lead"),
    "FixedPrice": (
        "kind,terms,price,due_on,amount",
        "line,fixed,5000,,",
        "schedule,,,2026-07-31,2000",
        "schedule,,,2026-08-31,3000",
    ),
    "Milestones": ("kind,terms,milestone,due_on,amount", "line,milestones,,,", "milestone,,M-1,2026-07-31,2000"),
    "Retainer": ("kind,terms,fee,unit,quantity", "line,retainer,1000,hours,10"),
    "Subscription": ("kind,terms,fee,per", "line,subscription,900,quarter"),
    "CostPlus": ("kind,terms,fee_percent", "line,cost_plus,15"),
    "UnitPrice": ("kind,terms,unit,unit_price,up_to", "line,units,page,,", "tier,,,3,100", "tier,,,2,"),
    "Expenses": ("kind,terms,markup,category,amount", "line,expenses,5,,", "limit,,,hotel,180"),
    "Deposit": ("kind,terms,amount,due_on", "line,deposit,4000,2026-07-01"),
}


@pytest.mark.parametrize("kind", KINDS_OF_TERMS)
def test_every_kind_of_terms_comes_from_rows(kind: str, tmp_path: Path) -> None:
    header, *rows = KINDS_OF_TERMS[kind]
    load(tmp_path, *FIRM)
    file = tmp_path / "terms.csv"
    of_line = "BRIDGE,K-1,L,ACME,EUR,2026-02-01"
    full = [f"{row},{of_line if row.startswith('line') else ',K-1,L,,,'}" for row in rows]
    file.write_text("\n".join([f"{header},project,contract,line,customer,currency,starts_on", *full]) + "\n")
    result = run(tmp_path, file)
    assert result.exit_code == 0, result.output
    (line,) = contract(tmp_path, "terms")["lines"]
    assert line["terms"]["type"] == kind
    lists = [value for value in line["terms"].values() if isinstance(value, list)]
    assert sum(map(len, lists)) == len(rows) - 1 + (kind == "TimeAndMaterials")


def test_no_kind_of_terms_is_left_out() -> None:
    assert set(KINDS_OF_TERMS) == {*terms_kinds()}


def test_the_rate_of_a_role_stands_before_that_of_all_others(tmp_path: Path) -> None:
    load(tmp_path, *FIRM, HOURLY, "rate,,,,,K-1,DESIGN,lead,,,,,200,,,,")
    (line,) = contract(tmp_path)["lines"]
    assert line["terms"]["rates"] == [{"rate": "200", "role": "lead"}, {"rate": "150"}]


def test_the_ready_mapping_has_every_section() -> None:
    ready = ContractsMapping.model_validate(tomllib.loads(READY.read_text()))
    assert [name for name in (*EVENTS, *ITEMS, "contract", "line", "terms") if not ready.section(name)] == []


def test_bill_tos_caps_and_retention_are_of_the_contract(tmp_path: Path) -> None:
    header = f"{HEADER},share,shared_cap,lines,at_percent,withhold_percent,release_percent,rounding_party"
    rows = [f"{row},,,,,,," for row in (*FIRM, "customer,,BETA,,,,,,,,,,,,,,", HOURLY)]
    more = (
        "bill_to,,ACME,,,K-1,,,,,,,,,,,,60,,,,,,yes",
        "bill_to,,BETA,,,K-1,,,,,,,,,,,,40,,,,,,",
        "shared_cap,,,,,K-1,,,,,,,,50000,,,,,ALL,DESIGN,,,,",
        "retention,,,,,K-1,,,,,,,,,,,,,,,50,10,0,",
        "retention,,,,,K-1,,,,,,,,,,,,,,,100,0,100,",
    )
    result = load(tmp_path, *rows, *more, header=header)
    assert result.exit_code == 0, result.output
    signed = contract(tmp_path)
    assert [one["share"] for one in signed["bill_to"]] == ["60", "40"]
    assert signed["shared_caps"] == [{"cap_id": "ALL", "lines": ["DESIGN"], "amount": "50000", "kind": "hard"}]
    assert [step["withhold_percent"] for step in signed["retention"]["steps"]] == ["10", "0"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (HOURLY.replace("hourly", "hourlly"), 'line 6: column "terms": expected a kind of terms, one of hourly'),
        (HOURLY.replace("150,30000,,", "150,30000,9,"), 'column "price": terms of kind TimeAndMaterials have no price'),
        (
            HOURLY.replace("ACME", "ACNE"),
            'column "customer": expected a customer of these files or of the folder; the nearest is "ACME"',
        ),
        (HOURLY.replace("BRIDGE", "BRIGDE"), 'column "project": expected a project of these files'),
        (HOURLY.replace("150,", "5.500,"), 'column "rate": expected two decimals or none'),
        (HOURLY.replace("EUR", "EURO"), 'column "currency": expected an ISO 4217 code such as EUR, got EURO'),
        (HOURLY.replace("2026-02-01", "01.02.2026"), 'column "starts_on": expected a date as %Y-%m-%d'),
        (HOURLY.replace("30000", "-1"), 'column "cap": lines[0].terms.cap'),
        (HOURLY.replace("2026-02-01", ""), "expected starts_on of contract K-1; no row states it"),
        ("rate,,,,,K-1,OTHER,lead,,,,,200,,,,", "line OTHER of contract K-1 has no row of kind line"),
        ("line,,ACME,,BRIDGE,K-1,FIX,,,EUR,2026-02-01,fixed,,,99.999,,", 'column "price"'),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_loaded(row: str, reason: str, tmp_path: Path) -> None:
    result = load(tmp_path, *FIRM, row)
    assert result.exit_code == 2, result.output
    assert reason in said(result), result.output
    assert "Nothing was loaded" in said(result)
    assert [path.name for path in (tmp_path / "input").iterdir()] == ["contracts.rejected.jsonl"]


def test_a_cap_of_which_the_mapping_does_not_say_the_kind(tmp_path: Path) -> None:
    """A column of caps alone: what else a cap has to have is named, with its words and where they go."""
    mapping = tmp_path / "own.toml"
    lines = READY.read_text().splitlines(keepends=True)
    mapping.write_text("".join(line for line in lines if not line.startswith('"cap.kind"')))
    file = tmp_path / "contracts.csv"
    file.write_text("\n".join([HEADER, *FIRM, HOURLY]) + "\n")
    command = ["import", "contracts", str(file), "--map", str(mapping), "--out", str(tmp_path / "input")]
    reason = (
        "lines[0].terms.cap.kind: expected it, one of hard, soft, nothing states it; in the mapping, give "
        '"cap.kind" a column or { value = "..." }'
    )
    assert reason in said(CliRunner().invoke(app, [*command, "--since", "2026-06-30"]))
    mapping.write_text(mapping.read_text().replace('"cap.amount"', '"cap.kind" = { value = "soft" }\n"cap.amount"'))
    assert CliRunner().invoke(app, [*command, "--since", "2026-06-30"]).exit_code == 0
    assert contract(tmp_path)["lines"][0]["terms"]["cap"] == {"amount": "30000", "kind": "soft"}


def test_rows_of_one_contract_agree(tmp_path: Path) -> None:
    other = (
        HOURLY.replace("DESIGN", "BUILD").replace("EUR", "USD").replace("hourly", "cost_plus").replace("150,30000", ",")
    )
    result = load(tmp_path, *FIRM, HOURLY, other)
    assert "expected one currency in all rows of contract K-1: EUR stands in contracts.csv line 6" in said(result)


def test_the_cost_of_a_person_is_in_the_currency_of_its_company(tmp_path: Path) -> None:
    """Of two companies; a row that says another currency has that."""
    rows = (
        "company,BERLIN,,,,,,,,EUR,,,,,,,",
        "company,BOSTON,,,,,,,,USD,,,,,,,",
        "person,BERLIN,,ada,,,,developer,60,,,,,,,,",
        "person,BOSTON,,ben,,,,developer,90,,,,,,,,",
        "person,BOSTON,,cleo,,,,developer,80,GBP,,,,,,,",
    )
    result = load(tmp_path, *rows)
    assert result.exit_code == 0, result.output
    costs = {each["person_id"]: each["currency"] for each in events(tmp_path) if each["type"] == "CostRateSet"}
    assert costs == {"ada": "EUR", "ben": "USD", "cleo": "GBP"}


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    load(tmp_path, *FIRM, HOURLY)
    result = load(tmp_path, *FIRM, HOURLY, name="again")
    assert (result.exit_code, events(tmp_path, "again")) == (0, [])
    assert "as before 6" in said(result)


def test_other_terms_correct_the_contract_from_its_beginning(tmp_path: Path) -> None:
    load(tmp_path, *FIRM, HOURLY)
    result = load(tmp_path, HOURLY.replace("150", "160"), name="again")
    assert "corrected contract K-1 from its beginning, version 2" in said(result)
    again = contract(tmp_path, "again")
    assert (again["type"], again["version"], again["customer_id"]) == ("ContractSigned", 2, "ACME")


def test_other_terms_from_a_day_on_amend_it(tmp_path: Path) -> None:
    load(tmp_path, *FIRM, HOURLY)
    amended = HOURLY.replace("150,30000,,,", "160,30000,,2026-08-01,cai")
    result = load(tmp_path, amended, name="august")
    assert "amended contract K-1 from 2026-08-01 on, version 2" in said(result), result.output
    event = contract(tmp_path, "august")
    assert (event["type"], event["version"], event["replaces_version"]) == ("ContractAmended", 2, 1)
    assert (event["effective_on"], event["treatment"], event["approved_by"]) == ("2026-08-01", "prospective", "cai")
    assert event.keys().isdisjoint({"starts_on", "bill_to"})
    assert "as before 1" in said(load(tmp_path, amended, name="once-more"))
    older = load(tmp_path, HOURLY, name="older")
    assert (
        "contract K-1 was amended from 2026-08-01 on (version 2), and these are other terms: state effective_on"
        in said(older)
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            HOURLY.replace("150,30000,,,", "160,30000,,2026-08-01,"),
            "expected approved_by, for nobody has approved the amendment",
        ),
        (
            HOURLY.replace("K-1", "K-2").replace("30000,,,", "30000,,2026-08-01,cai"),
            "contract K-2 is not in the folder",
        ),
        (HOURLY.replace("EUR", "USD"), "currency is EUR and cannot change; sign a new contract"),
        (HOURLY.replace("DESIGN", "BUILD"), "contract K-1 has a line DESIGN in the folder and no row of it here"),
    ],
)
def test_a_second_load_that_cannot_be_is_refused(row: str, reason: str, tmp_path: Path) -> None:
    load(tmp_path, *FIRM, HOURLY)
    result = load(tmp_path, row, name="again")
    assert (result.exit_code, events(tmp_path, "again")) == (2, [])
    assert reason in said(result), result.output


def test_what_a_row_does_not_say_stays(tmp_path: Path) -> None:
    """The name that another system gave the customer is not taken away by a file without names."""
    (tmp_path / "input").mkdir()
    customer = {"type": "CustomerDefined", "event_id": "1", "occurred_at": "2026-01-01T00:00:00Z", "source": "crm"}
    named = {**customer, "customer_id": "ACME", "version": 4, "name": "Acme Bridges", "vat_id": "DE1"}
    (tmp_path / "input" / "crm.jsonl").write_text(json.dumps(named) + "\n")
    load(tmp_path, *FIRM, HOURLY)
    assert [event for event in events(tmp_path) if event["type"] == "CustomerDefined"] == []


def test_a_dry_run_says_what_would_be(tmp_path: Path) -> None:
    result = load(tmp_path, *FIRM, HOURLY, options=("--dry-run", "--json"))
    assert json.loads(result.stdout)["written"]["ContractSigned"] == 1
    assert not (tmp_path / "input").exists()
