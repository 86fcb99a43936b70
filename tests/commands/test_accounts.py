"""`milepost accounts check`: the file itself, and what a run posted that it has no place for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.documents import ROOT, saved
from tests.finished_run import finished_run


def check(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["accounts", "check", "--accounts", str(path), *arguments])


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """The page's, with a folder of the test's."""
    path = tmp_path / "accounts.toml"
    path.write_text(saved(ROOT / "docs/accounts.md")["accounts.toml"].replace("books/ledger", str(tmp_path / "ledger")))
    return path


def test_what_has_no_place_is_listed_with_the_money_that_waits(accounts: Path) -> None:
    """14 journals that are sent have revenue, seven of them in dollars: 4,420.00 EUR and 3,500.00 USD."""
    text = accounts.read_text().replace("USD = 1\n", "").replace("    { account = 400 },\n", "")
    accounts.write_text(text)
    result = check(accounts, "--output", str(finished_run()), "--json")
    assert result.exit_code == 3, result.output
    names = ("missing", "name", "currency", "documents", "waits", "write")
    assert [tuple(each[name] for name in names) for each in json.loads(result.stdout)["lacking"]] == [
        ("account", "4000", "EUR", 7, "4420.00", "[entities.BERLIN.accounts]"),
        ("account", "4000", "USD", 7, "3500.00", "[entities.BERLIN.accounts]"),
        ("currency", "USD", "USD", 7, "3500.00", "[entities.BERLIN.currencies]"),
    ]


def test_a_company_without_a_chart_and_invoices_beside_receivables_are_named(accounts: Path) -> None:
    accounts.write_text(accounts.read_text().replace("BERLIN", "PARIS"))
    result = check(accounts, "--output", str(finished_run()))
    assert result.exit_code == 3
    assert "company BERLIN" in result.stdout
    assert "[entities.BERLIN]" in result.stdout


def test_customers_and_items_of_statements_are_looked_up_where_the_erp_bills(accounts: Path) -> None:
    text = accounts.read_text().replace(
        'grain = "entity_day"', 'grain = "entity_day"\ninvoices_from = 2026-01-01\nitems = {expense = 1}'
    )
    accounts.write_text(text)
    result = check(accounts, "--output", str(finished_run()), "--json")
    assert {(each["missing"], each["name"]) for each in json.loads(result.stdout)["lacking"]} == {("item", "time")}


def test_an_erp_that_bills_by_item_needs_them(accounts: Path) -> None:
    """NetSuite takes no line of an invoice without an item; files do."""
    text = accounts.read_text().replace('grain = "entity_day"', 'grain = "entity_day"\ninvoices_from = 2026-01-01')
    accounts.write_text(text)
    said = ["check", "--output", str(finished_run()), "--json"]
    assert all(each["missing"] != "item" for each in json.loads(check(accounts, *said[1:]).stdout)["lacking"])
    by_item = accounts.with_name("netsuite.toml")
    begin, end = text.index("[erp."), text.index("[entities.")
    name = text[begin + 5 : text.index("]", begin)]
    account = f"""[erp.{name}]
kind = "netsuite"
url = "https://1234567.suitetalk.api.netsuite.com"

[erp.{name}.auth]
kind = "oauth2_certificate"
certificate_id = "certificate-1"
client_id = {{ env = "CLIENT" }}
private_key = {{ env = "KEY" }}

"""
    by_item.write_text(text[:begin] + account + text[end:])
    lacking = json.loads(check(by_item, *said[1:]).stdout)["lacking"]
    assert {(each["missing"], each["name"], each["write"]) for each in lacking if each["missing"] == "item"} == {
        ("item", "time", "[entities.BERLIN.items]")
    }


def test_statements_of_before_the_erp_issues_invoices_are_counted(accounts: Path) -> None:
    """January's, 2,000.00 EUR and 2,000.00 USD, were invoiced by somebody else; what they would lack in the chart does not count."""
    text = accounts.read_text().replace(
        'grain = "entity_day"', 'grain = "entity_day"\ninvoices_from = 2026-02-01\nitems = {time = 1}'
    )
    accounts.write_text(text)
    result = check(accounts, "--output", str(finished_run()), "--json")
    assert [tuple(each.values()) for each in json.loads(result.stdout)["statements_not_sent"]] == [
        ("BERLIN", "2026-02-01", 1, "EUR", "2000.00"),
        ("BERLIN", "2026-02-01", 1, "USD", "2000.00"),
    ]
    assert "not sent, as their period ended before" in check(accounts, "--output", str(finished_run())).stdout


def test_a_file_that_cannot_be_used_is_wrong_usage(accounts: Path) -> None:
    accounts.write_text(accounts.read_text().replace('"files"', '"netsweet"').replace("1150 =", "1151 ="))
    result = check(accounts)
    assert result.exit_code == 2
    assert "[entities.BERLIN.accounts] 1151: expected an account of Milepost" in result.stderr
    accounts.write_text(accounts.read_text().replace("1151 =", "1150 ="))
    result = check(accounts)
    assert result.exit_code == 2
    assert "[erp.books] kind: expected one of" in result.stderr


@pytest.mark.parametrize(
    ("options", "nearest"),
    [
        ("", "known are none"),
        ('d365_csv = {account_format = ["MainAccount", "K"], segments = {classes = "K"}}', 'the nearest is "classes"'),
        ('d365_csv = {segments = {class = "K"}}', "known are none"),
    ],
    ids=["no segments", "a segment misspelt", "a dimension that is not in the account"],
)
def test_a_segment_without_a_place_in_the_layout_is_refused(accounts: Path, options: str, nearest: str) -> None:
    """Each journal of 4000 would be rejected: 14 of the run's, of 4,420.00 EUR and 3,500.00 USD."""
    accounts.write_text(accounts.read_text().replace('layout = "netsuite_csv"', f'layout = "d365_csv"\n{options}'))
    result = check(accounts)
    assert result.exit_code == 2
    assert (
        "[entities.BERLIN.segments.class]: expected a segment that the options of [erp.books] have a place for; "
        + nearest
        in result.stderr
    )


def test_a_segment_of_the_layout_is_no_fault(accounts: Path) -> None:
    options = 'd365_csv = {account_format = ["MainAccount", "K"], segments = {class = "K"}}'
    accounts.write_text(accounts.read_text().replace('layout = "netsuite_csv"', f'layout = "d365_csv"\n{options}'))
    assert check(accounts).exit_code == 0


def test_an_erp_that_is_not_as_it_must_be_is_told_when_it_is_reached(accounts: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    assert check(accounts).exit_code == 0
    result = check(accounts, "--reach", "--json")
    assert result.exit_code == 3, result.output
    assert [each["erp"] for each in json.loads(result.stdout)["erps"] if not each["is_right"]] == ["books"]


def test_a_beginning_has_what_the_run_used_and_lacks_the_accounts(tmp_path: Path) -> None:
    arguments = ["accounts", "new", "--kind", "files", "--output", str(finished_run())]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert '[entities.BERLIN.currencies]\nEUR = "EUR"\nUSD = "USD"\n' in result.stdout
    assert '1150 = ""  # Unbilled receivable' in result.stdout
    path = tmp_path / "accounts.toml"
    beginning = result.stdout.replace('"ledger"', f'"{tmp_path / "ledger"}"')
    path.write_text(beginning)
    found = check(path)
    assert found.exit_code == 2
    line = beginning.split("\n").index('1150 = ""  # Unbilled receivable') + 1
    said = " ".join(found.stderr.split())
    wanted = f"4 of 4 have no account of the ERP yet: 1150 Unbilled receivable (line {line}); 2150"
    assert f"[entities.BERLIN.accounts] {wanted}" in said
    assert 'Write it between the quotes, such as 1150 = "1200", or take the line out' in said
    assert "accounts.1150.0" not in said
    path.write_text(beginning.replace('= ""', '= "1"'))
    assert check(path, "--output", str(finished_run())).exit_code == 0
    wrong = CliRunner().invoke(app, ["accounts", "new", "--kind", "sap", "--output", str(finished_run())])
    assert wrong.exit_code == 2
