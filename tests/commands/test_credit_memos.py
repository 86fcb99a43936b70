"""Credit memos in a run: intake finds their engagement, the books foot, the audit finds nothing, and every figure is explained."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.test_contract_position import invoice, ledger, milepost
from tests.commands.tiny_firm import Event, event, founding, worked, write


def credited(at: str, memo: str, kind: str, **line: str) -> Event:
    return event(
        "CreditMemoIssued",
        f"{at}T09:00:00Z",
        credit_memo_id=memo,
        invoice_id="INV-2026-03-01",
        kind=kind,
        lines=[line],
        issued_on=at,
        requested_by="ann",
        approved_by="ben",
    )


def ran(tmp_path: Path) -> str:
    """Eight hours at 100.00 in March, 20 % tax: 960.00 are owed. Two hours are billed again in April, 100.00 conceded; more than is left
    is refused."""
    events = [
        *founding(),
        worked("T-1", 2),
        invoice("2026-04-02", "2026-03-01", "800", "160"),
        credited("2026-04-20", "CM-1", "error_rebill", entry_id="T-1", hours="2"),
        credited("2026-04-21", "CM-2", "price_concession", entry_id="T-1", amount="100"),
        credited("2026-04-22", "CM-3", "goodwill", entry_id="T-1", amount="500.01"),
    ]
    next(one for one in events if one["type"] == "ProjectActivated")["engagement_id"] = "E-1"
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-06-30")
    return output


def test_the_books_foot_and_the_audit_finds_nothing(tmp_path: Path) -> None:
    output = ran(tmp_path)
    milepost("verify", "--output", output)
    found = {line["account"]: line["closing"] for line in ledger(output, "2026-04")["ledger"]}
    assert [found[account] for account in ("1100", "1150", "2400", "4000")] == [
        "600.00",
        "200.00",
        "-100.00",
        "-700.00",
    ]
    (april,) = ledger(output, "2026-04")["contracts"]
    assert [april[name] for name in ("charged", "paid", "owed_other", "owed")] == [
        "960.00",
        "0.00",
        "-360.00",
        "600.00",
    ]


def test_show_and_explain_say_what_is_left(tmp_path: Path) -> None:
    output = ran(tmp_path)
    (position,) = json.loads(milepost("show", "E-1", "--output", output, "--json").stdout)["positions"]
    assert position["receivable"] == "600.00"
    for figure, said in (("receivable", "600.00"), ("recognised", "700.00"), ("billed", "800.00")):
        assert said in milepost("explain", f"BRIDGE#{figure}", "--output", output).stdout
    assert "over_credited" in milepost("exceptions", "list", "--output", output).stdout


def test_a_refused_memo_is_sent_again_under_its_id_with_what_is_left(tmp_path: Path) -> None:
    """500.01 are refused, 500.00 are what is left of 800.00: with 20 % tax nothing is owed any more."""
    output = ran(tmp_path)
    (raised,) = json.loads(milepost("exceptions", "list", "--json", "--output", output).stdout)["exceptions"]
    what = ("--set", "lines[0].amount=500.00", "--as", "ann", "--approved-by", "ben", "--at", "2026-06-30T22:00:00Z")
    milepost("exceptions", "resend", raised["exception_id"], *what, "--output", output)
    milepost("run", "--input", str(tmp_path / "input"), "--output", output, "--until", "2026-07-01")
    assert json.loads(milepost("exceptions", "list", "--json", "--output", output).stdout)["exceptions"] == []
    (position,) = json.loads(milepost("show", "E-1", "--output", output, "--json").stdout)["positions"]
    assert position["receivable"] == "0.00"


def test_the_id_of_a_memo_leads_to_its_journal(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["explain", "CM-1", "--output", ran(tmp_path)])
    assert result.exit_code == 2
    assert "got CM-1, which is a credit memo; what it posted: milepost explain " in " ".join(result.stderr.split())
