"""Decisions about exceptions as an auditor reads them: who, when and why, what came of it, and what is still not billed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from domain.units import MICROSECONDS_A_DAY
from milepost.deciding import AHEAD_DAYS, decided_at
from tests.commands.test_exceptions import AT, ask, asked, exceptions, id_of, refused
from tests.commands.tiny_firm import Event, event, founding, run, worked, write

PROJECT = "INT-DE.1"
CONTRACT = "K/1.a"
WAIVER = ("--reason", "goodwill", "--as", "ann", "--approved-by", "ben")


def capped() -> list[Event]:
    """The project and its contract, whose ids have dots and slashes, with 1,000 to bill at most, which is more than it costs."""
    *others, cost, project, contract = founding()
    cost["rate"] = "5"
    project["project_id"], project["budget"] = PROJECT, {"hours": "100", "cost": "500"}
    contract["contract_id"] = CONTRACT
    (line,) = contract["lines"]
    line["project_id"] = PROJECT
    line["terms"]["cap"] = {"kind": "hard", "amount": "1000"}
    return [*others, cost, project, contract]


def amended(amount: str) -> Event:
    """The cap, from the beginning."""
    line = capped()[-1]["lines"][0]
    line["terms"]["cap"]["amount"] = amount
    fields = {"contract_id": CONTRACT, "version": 2, "replaces_version": 1, "effective_on": "2026-01-01"}
    decided = {"treatment": "prospective", "retroactive": True, "approved_by": "CFO", "reason": "change order"}
    return event("ContractAmended", "2026-03-07T09:00:00Z", **fields, **decided, lines=[line])


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """23 entries of four hours at 100 on the 2nd, 9,200 in all: two fit under the cap and half of a third; and 30 hours of the 3rd."""
    day = [worked(f"T.{number}", 2, "4", project_id=PROJECT) for number in range(23)]
    write(tmp_path / "input", [*capped(), *day, worked("T.30", 3, "30", project_id=PROJECT)])
    run(tmp_path)
    return tmp_path


def over(folder: Path) -> str:
    found: str = exceptions(folder, "--kind", "over_cap", "--state", "all")["K%2F1%2Ea/line:L-1"]["exception_id"]
    return found


def waive(folder: Path, exception_id: str, *more: str) -> None:
    asked(folder, "waive", exception_id, *WAIVER, *AT, *more)
    run(folder)


def decided(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    return {group["category"]: group for group in asked(folder, "list", *arguments)["decided"]}


def test_work_over_a_cap_that_is_waived_stays_in_sight(firm: Path) -> None:
    """Nothing is posted for 8,200.00; they are said until an amendment makes room."""
    journals = run(firm)["journals"]
    told = ask(firm, "waive", over(firm), *WAIVER, *AT)
    assert "1 × accepts the work as not billed: posts nothing" in told.stderr
    assert run(firm)["journals"] == journals
    assert set(exceptions(firm)) == {"T.30"}
    group = decided(firm)["over_cap"]
    assert (group["decision"], group["amounts"], group["not_billed"]) == (
        "waived",
        {"EUR": "8200.00"},
        {"EUR": "8200.00"},
    )
    text = ask(firm, "list").stdout
    assert "Closed by people" in text
    assert "over the cap (over_cap) waived 1 8,200.00 EUR 8,200.00 EUR accepts the work as not billed" in " ".join(
        text.split()
    )
    write(firm / "input", [amended("20000")], "amendment")
    run(firm)
    assert decided(firm)["over_cap"]["not_billed"] == {}
    assert decided(firm)["over_cap"]["amounts"] == {"EUR": "8200.00"}


def test_a_waived_fault_stands_with_who_when_and_why(firm: Path) -> None:
    exception_id = id_of(firm, "T.30")
    waive(firm, exception_id)
    (closed,) = exceptions(firm, "--state", "decided").values()
    assert (closed["closed"]["reason"], closed["closed"]["closed_at"]) == ("waived", "2026-03-05T09:00:00Z")
    assert (closed["decision"]["requested_by"], closed["decision"]["approved_by"]) == ("ann", "ben")
    assert decided(firm)["hours_out_of_range"]["effect"] == "posts the work, this version of it only"
    shown = ask(firm, "show", exception_id).stdout
    assert "over since 2026-03-05" in shown
    assert "waived by ann, approved by ben, because goodwill" in shown
    assert "waived by ann, approved by ben, because goodwill" in ask(firm, "list", "--state", "closed").stdout
    message = " ".join(ask(firm, "waive", exception_id, *WAIVER, *AT).stderr.split())
    assert f"{exception_id} is over since 2026-03-05T09:00:00Z: waived by ann, approved by ben" in message


def test_what_an_event_ended_is_not_decided(firm: Path) -> None:
    write(firm / "input", [worked("T.30", 4, "8", version=2, worked_on="2026-03-03", project_id=PROJECT)], "later")
    run(firm)
    assert exceptions(firm, "--state", "decided") == {}
    assert "resolved by time entry T.30 version 2" in ask(firm, "list", "--state", "closed").stdout


def test_the_age_of_what_is_over_is_how_long_it_was_open(firm: Path) -> None:
    """Raised on the 3rd in the evening and waived on the 5th in the morning; later days change nothing."""
    waive(firm, id_of(firm, "T.30"))
    write(firm / "input", [worked("T.31", 30, "1", project_id=PROJECT)], "later")
    run(firm)
    assert exceptions(firm, "--state", "closed")["T.30"]["age_days"] == 1
    assert exceptions(firm)["K%2F1%2Ea/line:L-1"]["age_days"] == 28
    assert "2026-03-03, open for 1 day" in ask(firm, "show", id_of(firm, "T.30")).stdout
    (group,) = asked(firm, "list", "--state", "closed")["groups"]
    assert group["oldest_days"] == 1


def test_ids_stand_as_people_wrote_them(firm: Path) -> None:
    """The id of the exception itself is what commands take."""
    text = ask(firm, "list").stdout
    assert "cap of line L-1 of contract K/1.a" in text
    shown = ask(firm, "show", over(firm)).stdout
    assert "subject    cap of line L-1 of contract K/1.a" in shown
    assert over(firm).startswith("INT-DE%2E1.")


def test_entries_that_are_left_out_are_counted(firm: Path) -> None:
    """21 of the 23 have something over the cap, and the view of an exception shows 20."""
    shown = ask(firm, "show", over(firm))
    assert ", and 1 more (--all shows them)" in shown.stdout
    assert "more (" not in ask(firm, "show", over(firm), "--all").stdout


def test_a_list_says_what_it_leaves_out(firm: Path) -> None:
    assert "Exceptions, 1 of 2 (--all shows them)" in ask(firm, "list", "--limit", "1").stdout
    assert "Exceptions\n" in ask(firm, "list", "--limit", "1", "--all").stdout


def test_a_contract_that_no_exception_is_about_is_said(firm: Path) -> None:
    """It may be mistyped; a contract without exceptions is none the less one."""
    listed = ask(firm, "list", "--contract", "K/1.b", "--state", "all")
    assert listed.exit_code == 0
    assert f"No exception is or was about contract K/1.b; the nearest are {CONTRACT}" in listed.stderr
    assert "No exception" not in ask(firm, "list", "--contract", CONTRACT).stderr


def test_next_is_something_that_settles_it(firm: Path) -> None:
    said = ask(firm, "show", over(firm)).stderr
    assert "Next: milepost exceptions assign" in said
    assert "Or milepost exceptions waive, which accepts the work as not billed" in said
    assert "Next: milepost exceptions waive" in ask(firm, "show", id_of(firm, "T.30")).stderr


def test_of_a_project_are_the_caps_of_its_contracts(firm: Path) -> None:
    assert set(exceptions(firm, "--project", PROJECT)) == {"T.30", "K%2F1%2Ea/line:L-1"}
    assert set(exceptions(firm, "--contract", CONTRACT)) == {"K%2F1%2Ea/line:L-1"}
    message = " ".join(ask(firm, "list", "--kind", "over_cab").stderr.split())
    assert "no category is called over_cab; the nearest are over_cap" in message


@pytest.mark.parametrize(("sort", "first"), [("amount", "over_cap"), ("age", "over_cap"), ("raised", "over_cap")])
def test_the_order_of_the_list(firm: Path, sort: str, first: str) -> None:
    write(firm / "input", [worked("T.40", 4, "200", project_id=PROJECT)], "later")
    run(firm)
    found = asked(firm, "list", "--sort", sort)["exceptions"]
    amounts = [float(one["blocks_amount"]) for one in found]
    assert found[0]["category"] == ("hours_out_of_range" if sort == "amount" else first)
    assert (amounts == sorted(amounts, reverse=True)) == (sort == "amount")


# When


def test_nobody_decides_about_what_is_not_there_yet(firm: Path) -> None:
    said = refused(firm, "waive", id_of(firm, "T.30"), *WAIVER, "--at", "2026-03-03T17:59:59Z")
    assert (
        f"{id_of(firm, 'T.30')} was raised on 2026-03-03T18:00:00Z, and was not there on 2026-03-03T17:59:59Z" in said
    )
    fact = ("--set", "hours=8", "--approved-by", "ben")
    assert "was not there on" in refused(firm, "resend", id_of(firm, "T.30"), *fact, "--at", "2026-03-01T00:00:00Z")


def test_nobody_decides_in_the_future() -> None:
    """Events of days to come, such as made-up ones, have decisions of the days behind them."""
    latest = 4_000_000_000_000_000
    assert decided_at("2096-10-03T07:06:40Z", latest) == latest + MICROSECONDS_A_DAY
    with pytest.raises(typer.BadParameter, match="is not yet"):
        decided_at("2096-10-04T07:06:41Z", latest)
    with pytest.raises(typer.BadParameter, match="the newest event of the output is of 2026-02-25"):
        decided_at("2099-01-01T00:00:00Z", 1_772_000_000_000_000)
    assert AHEAD_DAYS == 2


# As of


def test_what_was_known_then(firm: Path) -> None:
    """Before and after the waiver of the 5th; what is asked leaves nothing behind in the input."""
    exception_id = id_of(firm, "T.30")
    waive(firm, exception_id)
    waive(firm, over(firm))
    before = asked(firm, "list", "--as-of", "2026-03-04")
    assert before["as_of"] == "2026-03-04T23:00:00Z"
    assert {one["subject_id"] for one in before["exceptions"]} == {"T.30", "K%2F1%2Ea/line:L-1"}
    assert before["decided"] == []
    after = asked(firm, "list", "--as-of", "2026-03-05")
    assert {group["category"]: group["decision"] for group in after["decided"]} == {
        "hours_out_of_range": "waived",
        "over_cap": "waived",
    }
    shown = ask(firm, "show", exception_id, "--as-of", "2026-03-04")
    assert "implausible hours (hours_out_of_range), error, open" in shown.stdout
    assert "The fact: time approved" in shown.stdout
    assert shown.stderr == ""
    assert "goodwill" not in shown.stdout
    unknown = ask(firm, "show", exception_id, "--as-of", "2026-03-02T20:00:00Z")
    assert unknown.exit_code == 2
    assert "expected the id of an exception" in unknown.stderr


# Several at once


def test_the_plan_alone_writes_nothing(firm: Path) -> None:
    plan = asked(firm, "waive", "--project", PROJECT, *WAIVER, *AT, "--plan")
    assert (plan["decision"], plan["count"], plan["amounts"]) == ("ExceptionWaived", 2, {"EUR": "11200.00"})
    assert sum(plan["effects"].values()) == 2
    assert plan["left_out"] == []
    assert not (firm / "input" / "decisions").exists()


def test_what_is_left_out_is_said_with_the_reason(firm: Path) -> None:
    write(firm / "input", [worked("T.50", 4, person_id="EVE", project_id=PROJECT)], "later")
    run(firm)
    text = ask(firm, "waive", "--project", PROJECT, *WAIVER, *AT, "--plan").stdout
    assert "Plan: ExceptionWaived for 2 exceptions" in text
    assert "1 × posts the work, this version of it only" in text
    assert "1 are left out: unknown_reference: a waiver cannot replace what is missing. Send the record" in text
    found = ask(firm, "waive", "--project", PROJECT, *WAIVER, *AT, "--yes")
    assert found.exit_code == 0
    assert "What the next run makes of it" in found.stderr


def test_a_plan_says_in_words_what_to_look_at(tmp_path: Path) -> None:
    """1,000 hours of a day are worth 100,000.00 and 30 are 3,000.00; above 5,000.00 a second person is needed."""
    *others, contract = founding()
    contract["policies"] = {"approval_limit": "5000"}
    entries = [worked("T-1", 2, "30"), worked("T-2", 3, "1000"), worked("T-3", 3, "0")]
    write(tmp_path / "input", [*others, contract, *entries])
    run(tmp_path)
    alone = ("--kind", "hours_out_of_range", "--reason", "x", "--as", "ann", *AT)
    limit = "above the policy approval_limit of contract K-1, 5,000.00 EUR"
    plan = asked(tmp_path, "waive", *alone, "--plan")
    assert plan["count"] == 1
    (left_out,) = plan["left_out"]
    assert left_out["reason"] == f"it is {limit}; name another person who approves with --approved-by"
    assert limit in refused(tmp_path, "waive", left_out["exception_id"], *alone[2:])
    approved = ask(tmp_path, "waive", *alone, "--approved-by", "ben", "--plan").stdout
    long = "Mind: 2 with more hours on one day than a day has: "
    assert f"{long}time entry T-2 (1,000 h, 100,000.00 EUR), time entry T-1 (30 h, 3,000.00 EUR)" in approved
    assert f"Mind: 1 {limit}, and ben approves: time entry T-2 (1,000 h, 100,000.00 EUR)" in approved
    written = ask(tmp_path, "waive", *alone, "--approved-by", "ben", "--yes")
    assert written.exit_code == 0
    run(tmp_path)
    assert exceptions(tmp_path) == {}
