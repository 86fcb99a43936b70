"""Events of a project that nobody knows: what waits is named, and is sent again with the right project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands.test_exceptions import ask, asked, id_of, refused
from tests.commands.tiny_firm import event, founding, run, worked, write

AT = ("--at", "2026-03-06T09:00:00Z")
RIGHT = ("--set", "project_id=BRIDGE", "--approved-by", "ben", *AT)


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """Two entries of 8 and 4 hours that name a project BRIGDE, one of them in two versions; one of BRIDGE; and a request of K-9."""
    wrong = {"project_id": "BRIGDE"}
    entries = [worked("T-1", 2), worked("T-2", 3, **wrong), worked("T-3", 3, "5", **wrong)]
    again = worked("T-3", 3, "4", **wrong) | {"version": 2, "event_id": "T-3 again"}
    asks = event("StatementRequested", "2026-03-03T19:00:00Z", request_id="R-1", contract_id="K-9")
    write(tmp_path / "input", [*founding(), *entries, again, asks])
    run(tmp_path)
    return tmp_path


def test_what_waits_for_a_project_is_named_and_so_is_the_command_that_sends_it(firm: Path) -> None:
    exception = id_of(firm, "BRIGDE")
    shown = ask(firm, "show", exception)
    rows = [line.split() for line in shown.stdout.split("What waits\n")[1].split("\n\n")[0].split("\n")]
    assert rows[1:] == [
        ["time", "approved", "T-2", "ADA", "2026-03-03", "8", "1"],
        ["time", "approved", "T-3", "ADA", "2026-03-03", "4", "2"],
    ]
    assert f"Next: milepost exceptions resend {exception} --set project_id=BRIDGE --approved-by NAME" in shown.stderr
    assert [each["entry_id"] for each in asked(firm, "show", exception)["waiting"]] == ["T-2", "T-3"]
    assert "project BRIGDE: time approved T-2 of 2026-03-03 waits" in " ".join(ask(firm, "list").stdout.split())


def test_of_expenses_the_money_is_shown_and_of_deliveries_the_units(firm: Path) -> None:
    at, approved = "2026-03-04T19:00:00Z", {"project_id": "BRIGDE", "version": 1, "approved_by": "ann"}
    spent = {"expense_id": "E-1", "category": "travel", "spent_on": "2026-03-04", "amount": "120", "currency": "EUR"}
    units = {"delivery_id": "D-1", "line_id": "L-9", "delivered_on": "2026-03-04", "units": "7"}
    facts = [event("ExpenseApproved", at, **spent, **approved), event("UnitsDelivered", at, **units, **approved)]
    write(firm / "input", facts, "beside")
    run(firm)
    text = " ".join(ask(firm, "show", id_of(firm, "BRIGDE")).stdout.split())
    assert "expense approved E-1 2026-03-04 120.00 EUR 1" in text
    assert "units delivered D-1 2026-03-04 7 1" in text


def test_all_that_waits_is_sent_again_with_the_right_project(firm: Path) -> None:
    """Eight hours and four at 100 join the eight of T-1."""
    exception = id_of(firm, "BRIGDE")
    done = asked(firm, "resend", exception, *RIGHT)
    assert [(each["entry_id"], each["version"], each["project_id"]) for each in done["events"]] == [
        ("T-2", 2, "BRIDGE"),
        ("T-3", 3, "BRIDGE"),
    ]
    assert ask(firm, "resend", exception, *RIGHT).exit_code == 2, "it waits for the run"
    resolved = ask(firm, "resolve", exception, "--reason", "x", "--as", "ann", "--approved-by", "ben", *AT)
    assert "time approved T-3 was sent again on 2026-03-06T09:00:00Z" in " ".join(resolved.stderr.split())
    found = run(firm)
    assert found["unrouted"] == 1, "the request alone"
    assert found["money"]["EUR"]["recognised"] == "2000.00"
    assert "BRIGDE" not in {each["subject_id"] for each in asked(firm, "list")["exceptions"]}
    shown = " ".join(ask(firm, "show", exception).stdout.split())
    assert re.search(r"ended resolved by what came in resent/[^/ ]+\.jsonl, line 2 subject", shown)
    over = ask(firm, "resend", exception, *RIGHT)
    assert (over.exit_code, "is over: nothing waits for project BRIGDE" in " ".join(over.stderr.split())) == (2, True)


def test_of_several_that_wait_nothing_but_the_unknown_id_is_set(firm: Path) -> None:
    text = refused(firm, "resend", id_of(firm, "BRIGDE"), "--set", "hours=3", *RIGHT)
    assert (
        "2 events wait for project BRIGDE (time approved T-2 of 2026-03-03, time approved T-3 of 2026-03-03); "
        "expected project_id=VALUE alone, which is set in each" in text
    )


def test_what_would_wait_beside_its_correction_is_refused_with_the_way_out(firm: Path) -> None:
    text = refused(firm, "resend", id_of(firm, "K-9"), "--set", "contract_id=K-1", "--approved-by", "ben", *AT)
    assert (
        "statement requested R-1 of 2026-03-03 would still wait for contract K-9 if it were sent again. Sign the"
        in text
    )


def test_of_a_line_of_an_unknown_contract_the_contract_is_set(tmp_path: Path) -> None:
    """Not the project before it, which is called alike."""
    fields = {"milestone_id": "M-1", "version": 1, "project_id": "X", "contract_id": "X", "line_id": "L-9"}
    at, accepted = "2026-03-03T19:00:00Z", {"accepted_on": "2026-03-03", "approved_by": "ann"}
    write(tmp_path / "input", [*founding(), event("MilestoneAccepted", at, **fields, **accepted)])
    run(tmp_path)
    (raised,) = asked(tmp_path, "list")["exceptions"]
    assert (raised["subject_kind"], raised["subject_id"]) == ("contract_line", "X/L-9")
    assert "--set contract_id=VALUE" in ask(tmp_path, "show", raised["exception_id"]).stderr
    right = ("--set", "contract_id=K-1", "--approved-by", "ben", *AT)
    assert asked(tmp_path, "resend", raised["exception_id"], *right)["events"][0]["contract_id"] == "K-1"
    assert run(tmp_path)["unrouted"] == 0
