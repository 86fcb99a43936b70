"""`milepost exceptions`: what waits, and decisions that the next run takes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from domain.units import MICROSECONDS_A_DAY
from milepost import deciding
from milepost.cli import app
from milepost.deciding import GAP_DAYS, decided_at
from tests.commands.tiny_firm import event, founding, run, said, worked, write

AT = ("--at", "2026-03-05T09:00:00Z")


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """Two entries of 30 and 40 hours at 100 an hour, and one of a person without a rate of her own in a currency nobody has."""
    write(
        tmp_path / "input",
        [*founding(), worked("T-1", 2, "30"), worked("T-2", 3, "40"), worked("T-3", 3, "8", person_id="EVE")],
    )
    run(tmp_path)
    return tmp_path


def ask(folder: Path, verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["exceptions", verb, *arguments, "--output", str(folder / "output")])


def asked(folder: Path, verb: str, *arguments: str) -> dict[str, Any]:
    return said(ask(folder, verb, *arguments, "--json"))


def refused(folder: Path, verb: str, *arguments: str) -> str:
    result = ask(folder, verb, *arguments)
    assert result.exit_code == 2, result.stdout
    assert not (folder / "input" / "decisions").exists()
    assert not (folder / "input" / "resent").exists()
    return " ".join(result.stderr.split())


def exceptions(folder: Path, *arguments: str) -> dict[str, Any]:
    """By what they are about."""
    return {one["subject_id"]: one for one in asked(folder, "list", *arguments)["exceptions"]}


def id_of(folder: Path, subject: str) -> str:
    found: str = exceptions(folder, "--state", "all")[subject]["exception_id"]
    return found


def test_the_list_is_by_cause_with_money_and_age(firm: Path) -> None:
    """30 and 40 hours at 100 are 7,000; the work of Eve, whom nobody knows, is eight hours."""
    found = asked(firm, "list", "--kind", "hours_out_of_range", "--kind", "unknown_reference")
    groups = {(group["category"], group["about"]): group for group in found["groups"]}
    hours = groups["hours_out_of_range", "project BRIDGE"]
    assert (hours["exceptions"], hours["amounts"], hours["owner_role"]) == (2, {"EUR": "7000.00"}, "delivery")
    assert hours["oldest"] == "2026-03-02T18:00:00Z"
    assert hours["oldest_days"] == 1
    unknown = groups["unknown_reference", "person EVE"]
    assert (unknown["exceptions"], unknown["amounts"]) == (1, {})
    (eve,) = [one for one in found["exceptions"] if one["subject_id"] == "T-3"]
    assert (eve["blocks_hours"], eve["blocks_basis"]) == ("8", None)
    text = ask(firm, "list").stdout
    assert "7,000.00 EUR" in text
    assert "8 h" in text


def test_a_cost_is_never_added_to_a_value(tmp_path: Path) -> None:
    """40 hours at 100 are worth 4,000; the 30 of the day before, when no rate held yet, cost 1,200 at 40."""
    *others, contract = founding()
    contract["lines"][0]["terms"]["rates"][0]["effective_from"] = "2026-03-03"
    write(tmp_path / "input", [*others, contract, worked("T-1", 2, "30"), worked("T-2", 3, "40")])
    run(tmp_path)
    found = asked(tmp_path, "list")
    (group,) = found["groups"]
    assert (group["exceptions"], group["amounts"], group["costs"]) == (2, {"EUR": "4000.00"}, {"EUR": "1200.00"})
    assert (found["amounts"], found["costs"]) == ({"EUR": "4000.00"}, {"EUR": "1200.00"})
    decision = ("--kind", "hours_out_of_range", "--reason", "x", "--as", "ann", *AT)
    plan = asked(tmp_path, "waive", *decision, "--plan")
    assert (plan["amounts"], plan["costs"]) == ({"EUR": "4000.00"}, {"EUR": "1200.00"})
    text = " ".join(ask(tmp_path, "list", "--sort", "amount").stdout.split())
    assert "entries at risk (cost) oldest, days" in text
    assert "all 2 2 4,000.00 EUR 1,200.00 EUR" in text
    assert text.index("4,000.00 EUR 0 delivery") < text.index("1,200.00 EUR (cost) 1 delivery")
    assert "5,200.00" not in text
    asked(tmp_path, "waive", *decision, "--yes")
    run(tmp_path)
    (group,) = asked(tmp_path, "list")["decided"]
    assert (group["amounts"], group["costs"]) == ({"EUR": "4000.00"}, {"EUR": "1200.00"})


def test_an_expense_that_waits_with_cost_and_price_is_at_risk_once(tmp_path: Path) -> None:
    """One expense of 200.00 pounds, for which there is no rate: 200.00 at risk, not 400.00."""
    *others, contract = founding()
    contract["lines"][0]["terms"] = {"type": "Expenses"}
    about = {"expense_id": "E-1", "version": 1, "project_id": "BRIDGE", "person_id": "ADA", "approved_by": "BEN"}
    spent = {"category": "travel", "spent_on": "2026-03-02", "amount": "200.00", "currency": "GBP"}
    write(tmp_path / "input", [*others, contract, event("ExpenseApproved", "2026-03-02T18:00:00Z", **about, **spent)])
    run(tmp_path)
    found = asked(tmp_path, "list")
    (group,) = found["groups"]
    assert (group["exceptions"], group["blocks"], group["amounts"]) == (2, 1, {"GBP": "200.00"})
    assert found["amounts"] == {"GBP": "200.00"}
    first, second = found["exceptions"]
    assert (first["blocks_amount"], second["blocks_amount"]) == ("200.00", "0.00")
    assert second["message"] == f"{first['message']}; the amount at risk stands in its other exception"
    assert "all 2 1 200.00 GBP" in " ".join(ask(tmp_path, "list").stdout.split())


def test_filters(firm: Path) -> None:
    assert set(exceptions(firm, "--owner", "delivery")) == {"T-1", "T-2"}
    assert set(exceptions(firm, "--kind", "unknown_reference", "--project", "BRIDGE")) == {"T-3"}
    assert exceptions(firm, "--state", "closed") == {}


def test_a_project_that_is_none_is_no_project_without_exceptions(firm: Path) -> None:
    refused = ask(firm, "list", "--project", "BRIGE")
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.replace("│", "").split())
    assert "expected the id of a project, got BRIGE; the nearest are BRIDGE" in said


def test_one_is_shown_with_its_fact_its_history_and_its_way_out(firm: Path) -> None:
    found = asked(firm, "show", id_of(firm, "T-1"))
    assert found["fact"]["entry_id"] == "T-1"
    assert [(step["said"]["revision"], step["cause"]["type"]) for step in found["history"]] == [(1, "TimeApproved")]
    text = ask(firm, "show", id_of(firm, "T-1")).stdout
    assert "Correct the hours, raise hours_max_per_entry, or waive." in text
    assert "3,000.00 EUR" in text


def test_a_waiver_is_an_event_that_the_next_run_takes_in(firm: Path) -> None:
    """The fault passes, and 30 hours are posted."""
    waiver = ("--reason", "on call", "--as", "ann", "--approved-by", "ben", *AT)
    (written,) = asked(firm, "waive", id_of(firm, "T-1"), *waiver)["events"]
    assert (written["requested_by"], written["approved_by"], written["version"]) == ("ann", "ben", 1)
    assert written["identified_by"].startswith("stated with --as by operating system login ")
    assert run(firm)["events_read"] == 1
    closed = exceptions(firm, "--state", "closed")
    assert set(closed) == {"T-1"}
    assert closed["T-1"]["closed"]["closed_by_kind"] == "exception"
    last = asked(firm, "show", id_of(firm, "T-1"))["history"][-1]
    assert (last["cause"]["requested_by"], last["cause"]["reason"]) == ("ann", "on call")


def test_without_a_name_it_is_whoever_has_logged_in(firm: Path) -> None:
    (written,) = asked(firm, "assign", id_of(firm, "T-1"), "--to", "zoe", *AT)["events"]
    assert written["requested_by"] == deciding.person(None).name
    assert written["identified_by"].startswith("operating system login ")


def test_several_are_a_plan_until_somebody_says_yes(firm: Path) -> None:
    plan = ask(firm, "assign", "--kind", "hours_out_of_range", "--to", "zoe", *AT)
    assert plan.exit_code == 2
    assert "2        2  7,000.00 EUR" in plan.stdout
    assert not (firm / "input" / "decisions").exists()
    assert len(asked(firm, "assign", "--kind", "hours_out_of_range", "--to", "zoe", "--yes", *AT)["events"]) == 2
    run(firm)
    assert {one["assignee"] for one in exceptions(firm, "--owner", "zoe").values()} == {"zoe"}
    assert len(exceptions(firm, "--owner", "zoe")) == 2


@pytest.mark.parametrize(
    ("verb", "words", "message"),
    [
        ("waive", ("--reason", " ", "--approved-by", "ben"), "expected a reason in words"),
        ("waive", ("--reason", "on call", "--approved-by", ""), "--approved-by: expected the name of a person"),
        (
            "waive",
            ("--reason", "on call", "--as", "ann", "--approved-by", "ann "),
            "without blanks around it, got 'ann '",
        ),
        ("resolve", ("--reason", "on call", "--as", ""), "--as: expected the name of a person"),
        ("assign", ("--to", ""), "--to: expected the name of a person"),
        ("assign", ("--to", "ann\x1b[2J"), "without blanks around it, got 'ann\\x1b[2J'"),
    ],
)
def test_nobody_and_nothing_decide_nothing(firm: Path, verb: str, words: tuple[str, ...], message: str) -> None:
    assert message in refused(firm, verb, "--kind", "hours_out_of_range", *words, "--yes", *AT)


def test_an_owner_who_has_none_is_named_with_those_there_are(firm: Path) -> None:
    listed = ask(firm, "list", "--owner", "fiannce")
    assert (
        "No exception is or was with fiannce: expected one of commercial, delivery, finance, platform" in listed.stderr
    )
    assert "No exception" not in ask(firm, "list", "--owner", "delivery").stderr
    assert "No exception" not in ask(firm, "list", "--owner", "delivery", "--kind", "over_cap").stderr, (
        "of others it has"
    )


@pytest.mark.parametrize(("answer", "is_written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_somebody_is_asked(
    firm: Path, monkeypatch: pytest.MonkeyPatch, answer: str, *, is_written: bool
) -> None:
    monkeypatch.setattr("milepost.deciding.is_terminal", lambda: True)
    command = ["exceptions", "assign", "--kind", "hours_out_of_range", "--to", "zoe", *AT]
    result = CliRunner().invoke(app, [*command, "--output", str(firm / "output")], input=answer)
    assert "Write 2 decisions?" in result.stderr
    assert (firm / "input" / "decisions").exists() == is_written
    assert (result.exit_code == 0) == is_written


def test_each_call_writes_a_file_of_its_own(firm: Path) -> None:
    for _ in range(3):
        asked(firm, "assign", id_of(firm, "T-1"), "--to", "zoe", *AT)
    assert len(list((firm / "input" / "decisions").iterdir())) == 3


def test_versions_count_on_over_what_is_only_written(firm: Path) -> None:
    first, second = (
        asked(firm, "assign", id_of(firm, "T-1"), "--to", person, *AT)["events"] for person in ("zoe", "ann")
    )
    assert (first[0]["version"], second[0]["version"]) == (1, 2)
    run(firm)
    assert exceptions(firm)["T-1"]["assignee"] == "ann"
    (written,) = asked(firm, "assign", id_of(firm, "T-1"), "--to", "eva", *AT)["events"]
    assert written["version"] == 3
    (firm / "output" / "store" / "0.db").unlink()
    (written,) = asked(firm, "assign", id_of(firm, "T-1"), "--to", "eva", *AT)["events"]
    assert written["version"] == 4


@pytest.mark.parametrize("has_store", [True, False])
def test_what_is_decided_and_waits_for_a_run_is_told(firm: Path, has_store: bool) -> None:
    """Somebody may still take care of it; after the run the decision no longer stands in the way of another one."""
    waiver = ("--reason", "on call", "--as", "ann", "--approved-by", "ben", *AT)
    first, second = id_of(firm, "T-1"), id_of(firm, "T-2")
    if not has_store:
        (firm / "output" / "store" / "0.db").unlink()
    asked(firm, "assign", first, "--to", "zoe", *AT)
    asked(firm, "waive", first, *waiver)
    for verb in ("waive", "resolve"):
        again = ask(firm, verb, first, *waiver)
        assert again.exit_code == 2
        said = "waived on 2026-03-05T09:00:00Z by ann, approved by ben, which waits for the next run"
        assert said in " ".join(again.stderr.split())
    plan = asked(firm, "waive", "--kind", "hours_out_of_range", *waiver, "--plan")
    assert (plan["exceptions"], [each["exception_id"] for each in plan["left_out"]]) == ([second], [first])
    asked(firm, "assign", first, "--to", "eva", *AT)
    assert len(list((firm / "input" / "decisions").iterdir())) == 3
    run(firm)
    asked(firm, "resolve", second, *waiver)
    run(firm)
    asked(firm, "waive", second, *waiver)
    run(firm)
    assert exceptions(firm, "--kind", "hours_out_of_range") == {}


def test_what_is_resolved_comes_back_where_something_is_missing(firm: Path) -> None:
    resolved = ask(firm, "resolve", id_of(firm, "T-1"), "--reason", "paper", "--approved-by", "ben", *AT)
    assert "raised again at once" in resolved.stderr
    run(firm)
    (_, closed, again) = asked(firm, "show", id_of(firm, "T-1"))["history"]
    assert (closed["said"]["type"], again["said"]["type"], again["said"]["revision"]) == (
        "ExceptionClosed",
        "ExceptionRaised",
        2,
    )


def test_nobody_approves_what_they_ask_for(firm: Path) -> None:
    said = refused(firm, "waive", id_of(firm, "T-1"), "--reason", "x", "--as", "ben", "--approved-by", "ben", *AT)
    assert "ben asks for it and cannot approve it" in said


def test_the_fold_checks_who_approved(firm: Path) -> None:
    """Whatever wrote the event."""
    waiver = {
        "exception_id": id_of(firm, "T-1"),
        "version": 1,
        "reason": "x",
        "requested_by": "ben",
        "approved_by": "ben",
    }
    write(firm / "input", [event("ExceptionWaived", "2026-03-05T09:00:00Z", **waiver)], "other")
    run(firm)
    found = exceptions(firm)
    assert found["T-1"]["state"] == "open"
    assert found[id_of(firm, "T-1")]["category"] == "self_approved"


@pytest.mark.parametrize("has_store", [True, False])
def test_nobody_has_a_word_in_their_own_approval(tmp_path: Path, has_store: bool) -> None:
    """Ada submitted and approved her eight hours; Ben, who has nothing to do with it, lets them pass."""
    own = worked("T-1", 2, "8", submitted_by="ADA", approved_by="ADA")
    write(tmp_path / "input", [*founding(), own])
    run(tmp_path)
    if not has_store:
        (tmp_path / "output" / "store" / "0.db").unlink()
    exception_id = id_of(tmp_path, "T-1")
    for named in (("--as", "ADA"), ("--as", "ADA", "--approved-by", "BEN"), ("--as", "BEN", "--approved-by", "ADA")):
        for verb in ("waive", "resolve"):
            said = refused(tmp_path, verb, exception_id, "--reason", "x", *named, *AT)
            assert "ADA submitted and approved entry T-1 and decides nothing about that" in said
    asked(tmp_path, "waive", exception_id, "--reason", "x", "--as", "BEN", *AT)
    run(tmp_path)
    assert exceptions(tmp_path) == {}


def test_a_fault_of_own_work_passes_with_the_approval_of_somebody_else(firm: Path) -> None:
    """30 and 40 hours of Ada, of which she waives none alone, one by one or together."""
    said = refused(firm, "waive", id_of(firm, "T-1"), "--reason", "x", "--as", "ADA", *AT)
    assert "entry T-1 is work of ADA; the decision of ADA needs another person's approval" in said
    said = refused(firm, "waive", id_of(firm, "T-1"), "--reason", "x", "--as", "BEN", "--approved-by", "ADA", *AT)
    assert "entry T-1 is work of ADA; ADA cannot approve the decision" in said
    said = refused(firm, "waive", "--kind", "hours_out_of_range", "--reason", "x", "--as", "ADA", *AT, "--yes")
    assert "is work of ADA" in said
    (written,) = asked(firm, "waive", id_of(firm, "T-1"), "--reason", "x", "--as", "ADA", "--approved-by", "BEN", *AT)[
        "events"
    ]
    assert (written["requested_by"], written["approved_by"]) == ("ADA", "BEN")
    run(firm)
    assert set(exceptions(firm, "--kind", "hours_out_of_range")) == {"T-2"}


def test_the_fold_raises_self_approved_of_a_decision_about_own_work(firm: Path) -> None:
    """It names who decided, and that person does not settle it."""
    about = id_of(firm, "T-1")
    fields = {"exception_id": about, "version": 1, "reason": "x", "requested_by": "ADA"}
    write(firm / "input", [event("ExceptionWaived", "2026-03-05T09:00:00Z", **fields)], "other")
    run(firm)
    found = exceptions(firm)
    assert found["T-1"]["state"] == "open"
    noted = found[about]
    assert (noted["category"], noted["person_id"]) == ("self_approved", "ADA")
    assert noted["message"] == (
        "the waiver of ADA changes nothing: entry T-1 is work of ADA; the decision of ADA needs another person's approval"
    )
    settled = ("resolve", noted["exception_id"], "--reason", "x", "--at", "2026-03-06T09:00:00Z")
    said = refused(firm, *settled, "--as", "ADA")
    assert "it is about a decision of ADA, which somebody else settles" in said
    asked(firm, *settled, "--as", "BEN")
    run(firm)
    assert about not in exceptions(firm)


def test_a_waiver_of_what_is_missing_is_refused(firm: Path) -> None:
    said = refused(firm, "waive", id_of(firm, "T-3"), "--reason", "x", "--approved-by", "ben", *AT)
    assert "a waiver cannot replace what is missing. Send the record that is named, or correct the entry." in said


def test_people_like_one_that_is_not_defined_are_named(tmp_path: Path) -> None:
    """As projects are: the work is of ADA or of a person to come, and the next step is the entry with the right one."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2, person_id="AD")])
    run(tmp_path)
    about = id_of(tmp_path, "T-1")
    assert asked(tmp_path, "show", about)["nearest"] == ["ADA"]
    shown = ask(tmp_path, "show", about)
    assert "\n  nearest    ADA\n" in shown.stdout
    assert "\n  way out    Send the record that is named, or correct the entry.\n" in shown.stdout
    assert f"milepost exceptions resend {about} --set person_id=ADA --approved-by NAME --output" in shown.stderr


def test_a_corrected_fact_is_a_new_version(firm: Path) -> None:
    """Eight hours instead of thirty; who sends it has submitted it."""
    what = ("--set", "hours=8", "--as", "ann", "--approved-by", "ben", *AT)
    (written,) = asked(firm, "resend", id_of(firm, "T-1"), *what)["events"]
    assert (written["entry_id"], written["version"], written["hours"]) == ("T-1", 2, "8")
    assert (written["submitted_by"], written["approved_by"]) == ("ann", "ben")
    assert written["event_id"] != "TimeApproved@2026-03-02T18:00:00Z"
    again = ask(firm, "resend", id_of(firm, "T-1"), "--set", "hours=8.00", *what[2:])
    said = "this correction is written already, and waits for the next run (milepost run)"
    assert (again.exit_code, said in " ".join(again.stderr.split())) == (2, True)
    (other,) = asked(firm, "resend", id_of(firm, "T-1"), "--set", "hours=7.5", *what[2:])["events"]
    assert other["version"] == 3
    assert run(firm)["events_read"] == 2
    assert set(exceptions(firm, "--state", "closed")) == {"T-1"}


def test_of_decision_and_correction_the_second_waits_for_a_run(firm: Path) -> None:
    """Both in one run would post the wrong 30 and 40 hours and take them back at once. Other exceptions, and who takes care, are free."""
    other, about = (id_of(firm, entry) for entry in ("T-1", "T-2"))
    reason = ("--reason", "x", "--as", "ann", "--approved-by", "ben", *AT)
    correction = ("--set", "hours=8", "--as", "ann", "--approved-by", "ben", *AT)
    (sent,) = asked(firm, "resend", about, *correction)["events"]
    asked(firm, "waive", other, *reason)
    for verb in ("waive", "resolve"):
        said = " ".join(ask(firm, verb, about, *reason).stderr.split())
        assert (
            "time approved T-2 was sent again on 2026-03-05T09:00:00Z and waits for the next run (milepost run);"
            in said
        )
        assert "run first, and decide what is still open then" in said
    said = " ".join(ask(firm, "resend", other, *correction).stderr.split())
    assert f"{other} is waived on 2026-03-05T09:00:00Z by ann, approved by ben, which waits for the next run" in said
    assert "run first, and send what is still wrong then" in said
    asked(firm, "assign", other, "--to", "eve", *AT)
    asked(firm, "assign", about, "--to", "eve", *AT)
    assert (sent["version"], len(list((firm / "input" / "resent").iterdir()))) == (2, 1)
    assert run(firm)["money"]["EUR"]["recognised"] == "3800.00", "30 and 8 hours at 100"


def test_what_a_waiver_has_posted_is_still_corrected(firm: Path) -> None:
    reason = ("--reason", "x", "--as", "ann", "--approved-by", "ben", *AT)
    asked(firm, "waive", id_of(firm, "T-1"), *reason)
    assert run(firm)["money"]["EUR"]["recognised"] == "3000.00"
    asked(firm, "resend", id_of(firm, "T-1"), "--set", "hours=8", "--as", "ann", "--approved-by", "ben", *AT)
    assert run(firm)["money"]["EUR"]["recognised"] == "800.00"


def test_who_approves_a_corrected_rate_is_not_who_approved_the_wrong_one(tmp_path: Path) -> None:
    write(tmp_path / "input", [*founding(), worked("T-1", 2, hours="30", rate="90", rate_approved_by="carl")])
    run(tmp_path)
    what = ("--set", "rate=500", "--set", "hours=8", "--as", "ann", "--approved-by", "ben", *AT)
    (written,) = asked(tmp_path, "resend", id_of(tmp_path, "T-1"), *what)["events"]
    assert (written["rate"], written["rate_approved_by"]) == ("500", "ben")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--set", "hours=7,5"), "expected a decimal number such as 7.35"),
        (("--set", "hour=7"), "did you mean hours?"),
        (("--set", "hours"), "expected field=value"),
        (("--set", "lines[0].rate=7"), "there is no lines in the event"),
    ],
)
def test_a_correction_that_cannot_be_read_is_not_written(firm: Path, settings: tuple[str, ...], said: str) -> None:
    assert said in refused(firm, "resend", id_of(firm, "T-1"), *settings, "--approved-by", "ben", *AT)


def test_a_correction_of_a_day_that_has_not_come_is_refused(firm: Path) -> None:
    what = ("--set", "worked_on=2062-03-02", "--approved-by", "ben", *AT)
    told = refused(firm, "resend", id_of(firm, "T-1"), *what)
    assert "worked_on: expected a day up to 20" in told
    assert "(today is 20" in told
    assert "say --allow-future if it is meant" in told.replace("│ ", "")


def test_planned_work_is_corrected_as_work_that_was_done(tmp_path: Path) -> None:
    """A field other than the day as it stands; the day where it is meant. The moment of the correction ends days, so no option lets it."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2, "30", worked_on="2062-03-02")])
    run(tmp_path)
    planned, way = id_of(tmp_path, "T-1"), ("--approved-by", "ben", *AT)
    moment = ("--set", "occurred_at=2062-03-02T09:00:00Z", "--allow-future")
    assert "occurred_at: expected a day up to 20" in refused(tmp_path, "resend", planned, *moment, *way)
    (written,) = asked(tmp_path, "resend", planned, "--set", "hours=8", *way)["events"]
    assert (written["worked_on"], written["hours"]) == ("2062-03-02", "8")
    (moved,) = asked(tmp_path, "resend", planned, "--set", "worked_on=2062-03-03", "--allow-future", *way)["events"]
    assert moved["worked_on"] == "2062-03-03"


def test_a_correction_needs_somebody_who_approves_it(firm: Path) -> None:
    assert "--approved-by" in refused(firm, "resend", id_of(firm, "T-1"), "--set", "hours=8", *AT)


def test_ids_that_are_unknown_or_over_are_told(firm: Path) -> None:
    known = id_of(firm, "T-1")
    assert f"the nearest are {known}" in refused(firm, "assign", known[:-1], "--to", "ann", *AT)
    assert "name exceptions by id" in refused(firm, "assign", "--to", "ann", *AT)
    assert "not both" in refused(firm, "assign", known, "--kind", "no_rate", "--to", "ann", *AT)
    write(firm / "input", [worked("T-1", 4, "8", version=2, worked_on="2026-03-02")], "later")
    run(firm)
    assert "is over since 2026-03-04T18:00:00Z: resolved" in refused(firm, "assign", known, "--to", "ann", *AT)


def test_a_decision_after_a_long_silence_says_when_it_was_made() -> None:
    """It would end every day up to today."""
    latest = 1_772_000_000_000_000
    with pytest.raises(typer.BadParameter, match="would let every day up to today end"):
        decided_at(None, latest - GAP_DAYS * MICROSECONDS_A_DAY)
    assert decided_at("now", latest) > latest
    assert decided_at("2026-03-05T09:00:00Z", latest) == 1_772_701_200_000_000
    with pytest.raises(typer.BadParameter, match="expected an instant"):
        decided_at("yesterday", latest)


def test_a_folder_without_outputs_is_told(tmp_path: Path) -> None:
    assert "expected the output folder" in refused(tmp_path, "list")


def test_an_input_folder_that_is_not_there_is_named(firm: Path) -> None:
    missing = ("--input", str(firm / "nowhere"))
    assert "nowhere" in refused(firm, "assign", id_of(firm, "T-1"), "--to", "ann", *missing, *AT)


def test_of_a_version_that_came_twice_both_contents_are_shown(tmp_path: Path) -> None:
    """T-1 came with 8 hours and then with 6; the 8 stand."""
    again = worked("T-1", 2, "6", description="as Ben saw it") | {"event_id": "again", "source": "other"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2, "8"), again, worked("T-2", 3, "8")])
    run(tmp_path)
    named = id_of(tmp_path, "T-1")
    conflict = asked(tmp_path, "show", named)["conflict"]
    assert (conflict["stands"]["hours"], conflict["came"]["hours"]) == ("8", "6")
    assert conflict["differs"] == ["hours", "description"]
    text = [" ".join(line.split()) for line in ask(tmp_path, "show", named).stdout.splitlines()]
    assert "What came twice: time approved" in text
    assert "field stands came after it" in text
    assert "hours 8 6 differs" in text
    assert "worked_on 2026-03-02 2026-03-02" in text
    assert "source test other" in text
    assert "description as Ben saw it differs" in text


def test_of_a_record_that_came_twice_the_first_stands_and_is_what_is_corrected(tmp_path: Path) -> None:
    *others, contract = founding()
    other = {**contract, "event_id": "again", "customer_id": "ACME", "signed_on": "2026-02-01"}
    write(tmp_path / "input", [*others, contract, other, worked("T-1", 2)])
    run(tmp_path)
    named = id_of(tmp_path, "K-1")
    shown = asked(tmp_path, "show", named)
    assert shown["conflict"]["differs"] == ["signed_on"]
    assert (shown["conflict"]["stands"]["signed_on"], shown["conflict"]["came"]["signed_on"]) == (
        "2026-01-01",
        "2026-02-01",
    )
    assert shown["fact"]["signed_on"] == "2026-01-01"
    assert "signed_on 2026-01-01 2026-02-01 differs" in " ".join(ask(tmp_path, "show", named).stdout.split())
