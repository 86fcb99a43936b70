"""Balances that wait say what they hold, since nothing of it is in the books."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from connectors.files.written import read_topic
from domain.outputs import TOPICS, ExceptionRaised
from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, worked, write

LINES = [
    {"line_id": "L-1", "contract_id": "K-9", "hours": "50", "cost": "2000", "revenue": "5000", "billed": "4000"},
    {"line_id": "L-2", "contract_id": "K-9", "revenue": "700", "billed": "700"},
]
INVOICE = {"invoice_id": "INV-1", "invoiced_on": "2026-01-31", "net": "1000", "open": "1190", "contract_id": "K-9"}


def shown(folder: Path) -> list[str]:
    """Of each exception of the balances, one a category."""
    stated = {"engagement_id": "BRIDGE", "project_id": "BRIDGE", "version": 1, "as_of": "2026-01-31"}
    balances = event("BalancesBroughtForward", "2026-03-01T09:00:00Z", **stated, lines=LINES, receivables=[INVOICE])
    write(folder / "input", [*founding(), balances])
    run(folder, "--until", "2026-03-15")
    output = folder / "output"
    raised = [each.record for each in read_topic(output, TOPICS["ExceptionRaised"])]
    ids = {
        each.exception_id: None
        for each in raised
        if isinstance(each, ExceptionRaised) and each.subject_kind == "brought_forward"
    }
    told = [CliRunner().invoke(app, ["exceptions", "show", id_, "--output", str(output)]) for id_ in ids]
    assert not any(each.exit_code for each in told)
    return [" ".join(each.stdout.split()) for each in told]


def test_what_waits_is_said_by_contract(tmp_path: Path) -> None:
    """5,000.00 and 700.00 earned, 4,000.00 and 700.00 billed, 1,190.00 open; cost is in another currency perhaps."""
    held = "holds revenue 5,700.00, billed 4,700.00, open invoices 1,190.00 of contract K-9, in its currency"
    found = shown(tmp_path)
    assert found
    assert all(held in text for text in found)


def test_the_list_has_the_figures_of_each_once_and_in_no_sum(tmp_path: Path) -> None:
    """It waits for two causes. A folder without its books says the same by its log."""
    shown(tmp_path)
    told = ["exceptions", "list", "--output", str(tmp_path / "output")]
    printed = " ".join(CliRunner().invoke(app, told).stdout.split())
    assert printed.count("BRIDGE K-9 5,700.00 4,700.00 1,190.00") == 1
    listed = json.loads(CliRunner().invoke(app, [*told, "--json"]).stdout)
    held = [each["held"] for each in listed["exceptions"] if each["subject_kind"] == "brought_forward"]
    figures = {"revenue": "5700.00", "billed": "4700.00", "open_invoices": "1190.00"}
    assert held == 2 * [[{"project_id": "BRIDGE", "contract_id": "K-9", **figures}]]
    assert listed["amounts"] == {}
    shutil.rmtree(tmp_path / "output" / "store")
    assert json.loads(CliRunner().invoke(app, [*told, "--json"]).stdout)["exceptions"] == listed["exceptions"]


def test_a_comparison_with_the_old_ledger_says_which_projects_wait(tmp_path: Path) -> None:
    """The old ledger has 1,190.00 open of BRIDGE, ours 800.00 of eight hours unbilled: the reason stands beside the differences."""
    old, ready = tmp_path / "old.csv", Path(__file__).parents[2] / "docs" / "mappings" / "trial-balance.toml"
    old.write_text("company,account,project,currency,amount,ledger_amount\nBERLIN,1100,,,,1190.00\n")
    asked = ["ledger", "--against", str(old), "--map", str(ready), "--on", "2026-03-31", "--output"]
    wait = "The balances of 1 project wait and are not in ours: BRIDGE; milepost exceptions list says for what"
    shown(tmp_path)
    nothing = CliRunner().invoke(app, [*asked, str(tmp_path / "output")])
    assert nothing.exit_code == 2
    assert f"nothing is posted yet. {wait}" in " ".join(nothing.output.split())
    write(tmp_path / "input", [worked("T-1", 16)], "work")
    run(tmp_path, "--until", "2026-03-31")
    some = CliRunner().invoke(app, [*asked, str(tmp_path / "output")])
    assert some.exit_code == 3, some.output
    assert wait in " ".join(some.output.split())
    assert "1150" in some.output


def test_an_entry_with_a_category_is_of_a_line_that_takes_expenses(tmp_path: Path) -> None:
    """L-1 charges by the hour: a hotel of 400.00 beside 1,000.00 is refused until the line takes expenses and 400.00 are reimbursed."""
    hotel = {
        "entry_id": "E-1",
        "worked_on": "2026-01-15",
        "amount": "400",
        "category": "hotel",
        "source_row": "entries.csv row 2",
    }
    work = {"entry_id": "T-1", "worked_on": "2026-01-16", "amount": "1000", "hours": "10"}
    line = {"line_id": "L-1", "revenue": "1400", "hours": "10", "entries": [hotel, work]}

    def waits(folder: Path, takes: list[str], **more: str) -> list[str]:
        founded = founding()
        founded[-1]["lines"][0]["takes"] = takes
        stated = {"engagement_id": "BRIDGE", "project_id": "BRIDGE", "version": 1, "as_of": "2026-01-31"}
        loads = event("BalancesBroughtForward", "2026-03-01T09:00:00Z", lines=[{**line, **more}], **stated)
        write(folder / "input", [*founded, loads])
        run(folder, "--until", "2026-03-02")
        told = CliRunner().invoke(app, ["exceptions", "list", "--json", "--output", str(folder / "output")])
        return [
            each["message"] for each in json.loads(told.stdout)["exceptions"] if each["category"] == "balances_differ"
        ]

    [of_time] = waits(tmp_path / "1", ["time"])
    assert of_time == (
        "line L-1: entry E-1 (entries.csv row 2): category: expected none, as the line takes no expenses, got hotel"
    )
    [too_much] = waits(tmp_path / "2", ["time", "expense"], reimbursed="300")
    assert "entries with a category: expected at most 300.00 EUR, reimbursed of the line, got 400.00" in too_much
    assert waits(tmp_path / "3", ["time", "expense"], reimbursed="400") == []


def test_a_paid_invoice_that_gave_back_to_one_of_several_says_what_to_do(tmp_path: Path) -> None:
    """ACME and ZETA share the contract; of OLD-6, which is paid, 200.00 went back, and its row does not say to whom."""
    founded = founding()
    founded[-1]["bill_to"] = [
        {"customer_id": "ACME", "share": "60", "rounding_party": True},
        {"customer_id": "ZETA", "share": "40"},
    ]
    zeta = event("CustomerDefined", "2026-03-01T08:00:01Z", customer_id="ZETA", version=1, name="Zeta") | {
        "event_id": "z"
    }
    gave_back = {"invoice_id": "OLD-6", "amount": "-200", "source_row": "invoiced.csv row 4"}
    line = {"line_id": "L-1", "revenue": "1000", "billed": "1000", "paid": "1000", "invoiced": [gave_back]}
    stated = {"engagement_id": "BRIDGE", "project_id": "BRIDGE", "version": 1, "as_of": "2026-01-31"}
    loads = event("BalancesBroughtForward", "2026-03-01T09:00:00Z", lines=[line], **stated)
    write(tmp_path / "input", [zeta, *founded, loads])
    run(tmp_path, "--until", "2026-03-02")
    told = CliRunner().invoke(app, ["exceptions", "list", "--json", "--output", str(tmp_path / "output")])
    [waits] = [each for each in json.loads(told.stdout)["exceptions"] if each["category"] == "balances_differ"]
    assert (waits["owner_role"], waits["field"]) == ("finance", "lines[0].invoiced[0]")
    assert waits["message"] == (
        "line L-1: invoice OLD-6 (invoiced.csv row 4): expected an open invoice, as nothing says to whom of ACME, ZETA a paid one gave "
        "back; leave out the rows invoiced of the contract, and its open invoices bill the newest work"
    )
