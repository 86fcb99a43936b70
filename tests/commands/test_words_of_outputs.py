"""Words of the command line that say no more than was looked at, and name figures as they are counted."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, worked, write
from tests.finished_run import finished_run


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    return " ".join((result.stdout + result.stderr).split())


def test_an_earlier_moment_lacks_nothing() -> None:
    text = printed("show", "BRIDGE", "--as-of", "2026-02-10", "--output", str(finished_run()))
    assert "the last day until then that changed these figures" in text
    assert "without the store" not in text


def test_letters_that_were_sent_again_are_told_from_those_that_wait(tmp_path: Path) -> None:
    wrong = [worked(entry_id, 3, worked_on="03.03.2026") for entry_id in ("T-2", "T-3")]
    write(tmp_path / "input", [*founding(), worked("T-1", 2), *wrong])
    folders = ("--input", str(tmp_path / "input"), "--output", str(tmp_path / "output"))
    assert "unreadable 2 see milepost dead-letters list" in printed("run", *folders)
    for number, said in (
        (8, "1 of them sent again; see milepost dead-letters list --waiting"),
        (9, "all of them were"),
    ):
        again = ("dead-letters", "resend", f"events.jsonl:{number}", "--set", "worked_on=2026-03-03")
        assert "1 event written" in printed(*again, *folders)
        assert f"unreadable 2 {said}" in printed("run", *folders)
    assert run(tmp_path)["dead_letters_sent"] == 2


def test_a_run_without_speed_says_none(tmp_path: Path) -> None:
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path)
    folders = ("--input", str(tmp_path / "input"), "--output", str(tmp_path / "output"))
    assert "a second" not in printed("run", *folders)


def test_what_no_erp_answered_is_not_checked() -> None:
    output = ("--output", str(finished_run()))
    text = printed("period", "check", "BERLIN", "2026-02", *output)
    assert "erp not checked no ERP has ever answered" in text
    assert "differences not checked nothing was compared" in text
    assert "exchange_rates holds no exchange rate is missing or too old" in text
    checks = json.loads(CliRunner().invoke(app, ["period", "check", "BERLIN", "2026-02", "--json", *output]).stdout)
    assert {each["check"] for each in checks["checks"] if each["state"] == "not checked"} == {
        "time",
        "erp",
        "differences",
    }


def test_a_credit_memo_of_an_unknown_invoice_is_one_that_waits(tmp_path: Path) -> None:
    line = {"line_id": "L-1", "amount": "10.00"}
    fields = {"credit_memo_id": "CM-1", "invoice_id": "INV-9", "kind": "goodwill", "issued_on": "2026-03-04"}
    memo = event("CreditMemoIssued", "2026-03-04T09:00:00Z", **fields, requested_by="ANN", lines=[line])
    unread = memo | {"event_id": "CM-2", "credit_memo_id": "CM-2", "kind": "gift"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), memo, unread])
    run(tmp_path)
    said = printed("explain", "CM-2", "--output", str(tmp_path / "output"))
    assert "got CM-2, which is a credit memo that could not be read: milepost dead-letters show events.jsonl:9" in said
    text = printed("explain", "CM-1", "--output", str(tmp_path / "output"))
    assert "got CM-1, which is a credit memo that waits until invoice INV-9 is known: milepost exceptions show" in text


def test_a_statement_is_issued_on_one_day_in_hours() -> None:
    output = ("--output", str(finished_run()))
    dumped = CliRunner().invoke(app, ["dump", "billing.statements", "--json", *output]).stdout
    one = next(each for each in map(json.loads, dumped.splitlines()) if each["status"] == "issued")
    text = printed("show", one["statement_id"], *output)
    assert f"issued on {one['issued_on']}" in text
    assert " hours " in text
    assert " hour " not in text


def test_hours_of_a_statement_have_the_decimals_that_each_line_needs(tmp_path: Path) -> None:
    """Of 1,000.00 at 75 an hour ten hours take 750.00, and of five 3.3333 the rest."""
    *others, contract = founding()
    terms = contract["lines"][0]["terms"]
    terms["rates"][0]["rate"], terms["cap"] = "75", {"kind": "hard", "amount": "1000"}
    work = [worked("T-1", 2, "10", task="build"), worked("T-2", 3, "5", task="test")]
    write(tmp_path / "input", [*others, contract, *work])
    run(tmp_path, "--until", "2026-04-01")
    output = ("--output", str(tmp_path / "output"))
    dumped = CliRunner().invoke(app, ["dump", "billing.statements", "--json", *output]).stdout
    text = printed("statement", json.loads(dumped.splitlines()[-1])["statement_id"], *output)
    assert " 10.00 75.00 750.00" in text
    assert " 3.3333 75.00 250.00" in text
