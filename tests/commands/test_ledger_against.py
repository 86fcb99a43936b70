"""`milepost ledger --against`: another ledger's balances beside ours, each difference named."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.finished_run import finished_run

READY = str(Path(__file__).parents[2] / "docs" / "mappings" / "trial-balance.toml")
MARCH = ("--on", "2026-03-31")
HEADER = "company,account,project,currency,amount,ledger_amount\n"
# Of the ledger at the end of March, in EUR.
BALANCES = {
    "1100": "4362.64",
    "1150": "300.00",
    "2150": "-1920.00",
    "2400": "-380.00",
    "4000": "-4374.24",
    "5000": "1920.00",
    "7110": "91.60",
}


def against(folder: Path, text: str, *arguments: str, mapping: str = READY) -> Result:
    file = folder / "old.csv"
    file.write_text(text)
    command = ["ledger", "--output", str(finished_run()), "--against", str(file), "--map", mapping, *arguments]
    return CliRunner().invoke(app, command)


def in_ledger(**changed: str) -> str:
    rows = {**BALANCES, **{account.removeprefix("of_"): amount for account, amount in changed.items()}}
    return HEADER + "".join(f"BERLIN,{account},,,,{amount}\n" for account, amount in rows.items())


def test_equal_ledgers(tmp_path: Path) -> None:
    result = against(tmp_path, in_ledger(), *MARCH)
    assert result.exit_code == 0, result.output
    assert "Equal to the cent: 7 balances compared" in result.stdout


def test_a_cent_is_a_difference_with_its_account(tmp_path: Path) -> None:
    result = against(tmp_path, in_ledger(of_2400="-379.99", of_5000="1919.99"), *MARCH, "--json")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    differing = {row["account"]: row["difference"] for row in found["compared"] if row["difference"] != "0.00"}
    assert (found["differing"], differing) == (2, {"2400": "-0.01", "5000": "0.01"})


def test_an_account_that_one_side_lacks_is_a_difference(tmp_path: Path) -> None:
    """The old ledger has no account 7110 and a deposit of 50.00 that ours has not."""
    without = in_ledger().replace("BERLIN,7110,,,,91.60\n", "BERLIN,2310,,,,-50.00\n")
    found = json.loads(against(tmp_path, without, *MARCH, "--json").stdout)
    rows = {row["account"]: (row["old"], row["ours"]) for row in found["compared"] if row["difference"] != "0.00"}
    assert rows == {"2310": ("-50.00", "0.00"), "7110": ("0.00", "91.60")}


def test_accounts_that_milepost_does_not_post_to_are_listed_and_not_compared(tmp_path: Path) -> None:
    result = against(tmp_path, in_ledger(of_6300="1000.00"), *MARCH)
    assert result.exit_code == 0, result.output
    assert "Not compared: accounts that Milepost does not post to" in result.stdout
    assert "BERLIN   6300           EUR       1,000.00" in result.stdout


def test_a_month_in_parallel_by_project_in_both_currencies(tmp_path: Path) -> None:
    """What March moved: both sides know the projects of revenue; the old ledger has 290.00 on TUNNEL, ours 300.00."""
    text = HEADER + "BERLIN,4000,TUNNEL,EUR,-290.00,-290.00\nBERLIN,2150,,EUR,-120.00,-120.00\n"
    result = against(tmp_path, text, "--from", "2026-03-01", "--to", "2026-03-31", "--csv")
    assert result.exit_code == 3
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    revenue = [row for row in rows if row["account"] == "4000" and row["basis"] == "transaction"]
    assert [(row["project_id"], row["old"], row["ours"], row["difference"]) for row in revenue] == [
        ("TUNNEL", "-290.00", "-300.00", "-10.00")
    ]
    absorption = [row for row in rows if row["account"] == "2150"]
    assert {(row["project_id"], row["difference"]) for row in absorption} == {("", "0.00")}


def test_debit_and_credit_in_two_columns_and_accounts_by_other_numbers(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[file]\ndelimiter = ";"\ndecimal = ","\nthousands = "."\n[balance]\nlegal_entity_id = { value = "BERLIN" }\n'
        'account = { column = "Konto", map = { 8400 = "4000", 1400 = "1100" } }\n'
        'ledger_debit = "Soll"\nledger_credit = "Haben"\n'
    )
    text = "Konto;Soll;Haben\n8400;;4.374,24\n1400;4.362,64;\n"
    found = json.loads(against(tmp_path, text, *MARCH, "--json", mapping=str(mapping)).stdout)
    rows = {row["account"]: row["difference"] for row in found["compared"]}
    assert (rows["4000"], rows["1100"]) == ("0.00", "0.00")


def test_numbers_of_the_erp_by_accounts_toml(tmp_path: Path) -> None:
    """8400 takes TUNNEL's revenue of 2,700.00, 8410 the rest; what the file has no account for says so."""
    (tmp_path / "accounts.toml").write_text(
        '[erp.books]\nkind = "files"\n[erp.books.options]\nfolder = "post"\nlayout = "netsuite_csv"\n'
        '[entities.BERLIN]\nerp = "books"\n[entities.BERLIN.accounts]\n'
        '4000 = [{ account = "8410" }, { account = "8400", project = "TUNNEL" }]\n'
    )
    chart = str(tmp_path / "accounts.toml")
    text = HEADER + "BERLIN,8400,,,,-2700.00\nBERLIN,8410,,,,-1674.24\n"
    result = against(tmp_path, text, *MARCH, "--accounts", chart, "--json")
    assert result.exit_code == 3, result.output
    rows = {row["account"]: row["difference"] for row in json.loads(result.stdout)["compared"]}
    assert (rows["8400"], rows["8410"], rows["5000 (not in accounts.toml)"]) == ("0.00", "0.00", "1920.00")


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (HEADER + "BERLIN,1100,,EUR,1.234,\n", MARCH, 'line 2: column "amount": expected at most 2 decimals for EUR'),
        (
            HEADER + "BERLIN,1100,,EUR,eleven,\n",
            MARCH,
            'expected a number with "." before its decimals (came "eleven")',
        ),
        (HEADER + "BERLIN,,,EUR,1,\n", MARCH, 'line 2: column "account": account is needed and nothing is there'),
        (HEADER + "BERLIN,1100,,,1,\n", MARCH, 'line 2: column "currency": currency is needed'),
        (HEADER + "BERLIN,1100,,EUR,,\n", MARCH, "expected an amount, nothing is there; write 0 where"),
        (HEADER + "BERLINN,1100,,EUR,1,\n", MARCH, 'got "BERLINN"; the nearest is "BERLIN"'),
        (HEADER, MARCH, "no rows to compare"),
        ("company,acount\nBERLIN,1\n", MARCH, 'came "account"; the nearest is "acount"'),
        (in_ledger(), (), "expected --on DAY for balances at the end of a day, or --from DAY and --to DAY"),
        (in_ledger(), ("--from", "2026-03-31", "--to", "2026-03-01"), "expected the first day first"),
        (in_ledger(), (*MARCH, "--period", "2026-03"), "expected --on, or --from and --to, beside --against"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, text: str, arguments: tuple[str, ...], said: str) -> None:
    result = against(tmp_path, text, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_its_options_need_it() -> None:
    result = CliRunner().invoke(app, ["ledger", "--output", str(finished_run()), "--on", "2026-03-31"])
    assert result.exit_code == 2
    assert "expected --against FILE.csv beside it" in result.output
