"""`milepost dead-letters`: what could not be read, and sending it again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import founding, run, said, worked, write


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """Two entries with a date of another country, and a line that is none."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    wrong = [worked(entry_id, 3, worked_on="03.03.2026") for entry_id in ("T-2", "T-3")]
    path = write(tmp_path / "input", wrong, "wrong") / "wrong.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "no event\n", encoding="utf-8")
    run(tmp_path)
    return tmp_path


def ask(folder: Path, verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["dead-letters", verb, *arguments, "--output", str(folder / "output")])


def asked(folder: Path, verb: str, *arguments: str) -> dict[str, Any]:
    return said(ask(folder, verb, *arguments, "--json"))


def refused(folder: Path, verb: str, *arguments: str) -> str:
    result = ask(folder, verb, *arguments)
    assert result.exit_code == 2, result.stdout
    assert not (folder / "input" / "resent").exists()
    return " ".join(result.stderr.split())


def test_they_are_listed_by_reason_and_one_by_one(firm: Path) -> None:
    found = {one["id"]: one for one in asked(firm, "list")["dead_letters"]}
    assert set(found) == {"wrong.jsonl:1", "wrong.jsonl:2", "wrong.jsonl:3"}
    assert found["wrong.jsonl:1"]["reason"].endswith("'03.03.2026'")
    text = ask(firm, "list").stdout
    reason = "wrong.jsonl TimeApproved worked_on expected a date such as 2026-03-04, got a string of 10 characters 2 0"
    assert reason in " ".join(text.split())
    assert [one["id"] for one in asked(firm, "list", "--type", "TimeApproved")["dead_letters"]] == [
        "wrong.jsonl:1",
        "wrong.jsonl:2",
    ]
    assert asked(firm, "list", "--file", "events.jsonl")["count"] == 0


def test_a_type_or_file_of_no_letter_is_said(firm: Path) -> None:
    said = ask(firm, "list", "--type", "TimeAproved", "--file", "wrng.jsonl").stderr
    assert "No dead letter is of type TimeAproved; the nearest are TimeApproved" in said
    assert "No dead letter is of file wrng.jsonl; the nearest are wrong.jsonl" in said
    assert "No dead letter" not in ask(firm, "list", "--type", "TimeApproved", "--file", "wrong.jsonl").stderr


def test_a_reason_is_whole_and_json_has_every_fault(firm: Path) -> None:
    """What came stands at its end."""
    came = "mañana, " * 12
    write(firm / "input", [worked("T-4", 4, worked_on=came, hours="eight")], "long")
    run(firm)
    [one] = asked(firm, "list", "--file", "long.jsonl")["dead_letters"]
    assert [each["field"] for each in one["faults"]] == ["worked_on", "hours"]
    assert one["faults"][0]["reason"] == one["reason"]
    assert len(one["reason"]) > 100
    text = ask(firm, "list", "--file", "long.jsonl").stdout
    assert f"{one['reason']}; 1 more fault" in text
    [group] = asked(firm, "list", "--file", "long.jsonl")["groups"]
    assert one["reason"].startswith(group["reason"])


def test_one_is_shown_as_it_came(firm: Path) -> None:
    shown = ask(firm, "show", "wrong.jsonl:1")
    assert '"worked_on": "03.03.2026"' in shown.stdout
    assert "--set worked_on=VALUE" in shown.stderr
    assert "no event" in ask(firm, "show", "wrong.jsonl:3").stdout
    assert "expected the id of a dead letter, got wrong.jsonl:9; the nearest are" in refused(
        firm, "show", "wrong.jsonl:9"
    )


def test_all_wrong_fields_are_named_with_those_expected_and_a_command_that_helps(firm: Path) -> None:
    """Once the project stands under its name and the rest is taken away, the event is read."""
    event = worked("T-4", 4, hours="eight", colour="red")
    event["project_idd"] = event.pop("project_id")
    del event["person_id"]
    write(firm / "input", [event], "typed")
    run(firm)
    shown = ask(firm, "show", "typed.jsonl:1")
    lines = shown.stdout.split("\n")[1:]
    assert lines[:5] == [
        "hours: expected a decimal number such as 7.35, without exponent, space or separators: 'eight'",
        "colour: TimeApproved has no such field",
        "project_idd: TimeApproved has no such field; did you mean project_id?",
        "project_id: missing",
        "person_id: missing",
    ]
    assert lines[5].startswith(
        "TimeApproved needs event_id, occurred_at, source, entry_id, version, project_id, person_id"
    )
    assert lines[6].startswith("and may have ")
    command = "typed.jsonl:1 --set hours=VALUE --set colour=null --set project_idd=null --set project_id=BRIDGE --set person_id=VALUE"
    assert f"Next: milepost dead-letters resend {command} --output" in shown.stderr
    assert [each["field"] for each in asked(firm, "show", "typed.jsonl:1")["faults"]] == [
        "hours",
        "colour",
        "project_idd",
        "project_id",
        "person_id",
    ]
    text = refused(firm, "resend", "typed.jsonl:1", "--set", "hours=8")
    assert "it still cannot be read: colour: TimeApproved has no such field; project_idd: TimeApproved has" in text
    assert "person_id: missing" in text
    assert ask(firm, "resend", *command.replace("VALUE", "8", 1).replace("VALUE", "ADA").split()).exit_code == 0


def test_a_number_under_a_mistyped_name_goes_where_it_belongs(firm: Path) -> None:
    """By the command that is shown; all faults are there, also beside a name that no command can say."""
    event = {"tätigkeit": "design", **worked("T-6", 4)}
    event["versoin"] = event.pop("version")
    plain = {name: value for name, value in event.items() if name != "tätigkeit"}
    write(firm / "input", [event, {"colour": "red", **plain}], "named")
    run(firm)
    assert ask(firm, "show", "named.jsonl:1").stdout.split("\n")[1:4] == [
        r"t\xe4tigkeit: TimeApproved has no such field",
        "versoin: TimeApproved has no such field; did you mean version?",
        "version: missing",
    ]
    assert "TimeApproved has no such field; 2 more faults" in " ".join(ask(firm, "list").stdout.split())
    command = "named.jsonl:2 --set colour=null --set versoin=null --set version=1"
    assert f"milepost dead-letters resend {command} --output" in ask(firm, "show", "named.jsonl:2").stderr
    (sent,) = asked(firm, "resend", *command.split())["events"]
    assert sent["version"] == 1


def test_a_mistyped_event_is_sent_as_what_is_meant(firm: Path) -> None:
    write(firm / "input", [{**worked("T-7", 4), "type": "TimeAproved"}], "called")
    run(firm)
    assert "called.jsonl:1 --set type=TimeApproved --output" in ask(firm, "show", "called.jsonl:1").stderr


@pytest.mark.parametrize("hostile", ["[" * 100_000, '{"type": "TimeApproved", "entry_id": "\\ud800"}'])
def test_hostile_text_is_shown_and_refused(firm: Path, hostile: str) -> None:
    """Nested too deep for a parser; and half of a pair of surrogates, which no terminal can be given."""
    (firm / "input" / "hostile.jsonl").write_text(hostile + "\n", encoding="utf-8")
    run(firm)
    assert ask(firm, "show", "hostile.jsonl:1").exit_code == 0
    assert refused(firm, "resend", "hostile.jsonl:1", "--set", "hours=8")


def test_half_a_character_is_put_right_by_its_field(firm: Path) -> None:
    letter = json.dumps({**worked("T-5", 3), "entry_id": "T-\ud800"})
    (firm / "input" / "torn.jsonl").write_text(letter + "\n", encoding="utf-8")
    run(firm)
    told = " ".join(refused(firm, "resend", "torn.jsonl:1", "--set", "hours=8").split())
    assert "entry_id: expected whole characters, got half of one in 'T-\\ud800'; set it again" in told.replace("│ ", "")
    (written,) = asked(firm, "resend", "torn.jsonl:1", "--set", "entry_id=T-5")["events"]
    assert written["entry_id"] == "T-5"


def test_one_is_sent_again_as_a_new_event(firm: Path) -> None:
    (written,) = asked(firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-03-03")["events"]
    assert (written["entry_id"], written["worked_on"]) == ("T-2", "2026-03-03")
    assert written["event_id"] != "TimeApproved@2026-03-03T18:00:00Z"
    found = run(firm)
    assert (found["events_read"], found["dead_letters"], found["journals"]) == (1, 3, 2)
    assert [one["id"] for one in asked(firm, "list")["dead_letters"] if one["resent"]] == ["wrong.jsonl:1"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("worked_on=2062-03-03", "worked_on: expected a day up to"),
        ("occurred_at=2062-03-03T18:00:00Z", "occurred_at: expected a day up to"),
    ],
)
def test_a_day_that_has_not_come_is_refused(firm: Path, setting: str, said: str) -> None:
    right = ("--set", "worked_on=2026-03-03") if setting.startswith("occ") else ()
    assert said in refused(firm, "resend", "wrong.jsonl:1", *right, "--set", setting)


def test_planned_work_is_sent_again(firm: Path) -> None:
    """The letter's own day as it stands; a day that is set, or stands in an edited event, where it is meant."""
    letter = worked("T-9", 3, hours="8h", worked_on="2062-03-03")
    (firm / "input" / "planned.jsonl").write_text(json.dumps(letter) + "\n", encoding="utf-8")
    run(firm)
    edited = firm / "edited.json"
    edited.write_text(json.dumps({**letter, "hours": "8"}), encoding="utf-8")
    for how in (("--set", "hours=8", "--set", "worked_on=2062-03-04"), ("--edited", str(edited))):
        assert "--allow-future" in refused(firm, "resend", "planned.jsonl:1", *how)
    (written,) = asked(firm, "resend", "planned.jsonl:1", "--set", "hours=8")["events"]
    assert (written["worked_on"], written["hours"]) == ("2062-03-03", "8")
    more = ("--set", "hours=8", "--set", "worked_on=2062-03-04", "--allow-future", "--again")
    (moved,) = asked(firm, "resend", "planned.jsonl:1", *more)["events"]
    assert moved["worked_on"] == "2062-03-04"


def test_one_is_replaced_by_an_edited_file(firm: Path, tmp_path: Path) -> None:
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(worked("T-4", 3), indent=2), encoding="utf-8")
    (written,) = asked(firm, "resend", "wrong.jsonl:3", "--edited", str(edited))["events"]
    assert written["entry_id"] == "T-4"
    assert run(firm)["journals"] == 2


def test_what_still_cannot_be_read_is_not_written(firm: Path) -> None:
    assert "a date that is in no calendar: '2026-02-30'" in refused(
        firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-02-30"
    )
    assert "give the event with --edited FILE" in refused(firm, "resend", "wrong.jsonl:3", "--set", "hours=1")
    assert "--edited FILE" in refused(firm, "resend", "wrong.jsonl:1")


def test_those_of_one_cause_are_sent_again_together(firm: Path) -> None:
    """Two with the wrong date; the line that is no event is left out, and said. Nothing is written without a yes."""
    put_right = ("--file", "wrong.jsonl", "--set", "worked_on=2026-03-03")
    assert "nothing is written without a yes" in refused(firm, "resend", *put_right)
    plan = ask(firm, "resend", *put_right, "--plan")
    assert "Plan: 2 dead letters are sent again" in plan.stdout
    assert "1 is left out, wrong.jsonl:3: it is not one JSON object" in plan.stderr
    assert not (firm / "input" / "resent").exists()
    events = asked(firm, "resend", *put_right, "--yes")["events"]
    assert [event["entry_id"] for event in events] == ["T-2", "T-3"]
    assert run(firm)["journals"] == 3
    assert [one["id"] for one in asked(firm, "list", "--waiting")["dead_letters"]] == ["wrong.jsonl:3"]
    groups = {group["field"]: group for group in asked(firm, "list")["groups"]}
    assert (groups["worked_on"]["letters"], groups["worked_on"]["resent"]) == (2, 2)
    nothing = ask(firm, "resend", "--type", "TimeApproved", "--set", "worked_on=2026-03-03", "--yes")
    assert nothing.exit_code == 2
    assert "no dead letter that waits fits" in nothing.stderr


def test_those_that_are_left_out_are_named_by_cause(firm: Path) -> None:
    """Of two letters with one fault the value differs; both are named in one line."""
    write(firm / "input", [worked(f"T-{number}", 4, f"1e{number}") for number in (4, 5)], "more")
    run(firm)
    plan = ask(firm, "resend", "--file", "more.jsonl", "--type", "TimeApproved", "--set", "role=lead", "--plan")
    assert plan.exit_code == 2
    assert "2 are left out, more.jsonl:1, more.jsonl:2: it still cannot be read: hours: expected a decimal" in " ".join(
        plan.stderr.split()
    )


def test_a_number_is_read_as_in_a_file(firm: Path) -> None:
    """1e3 is no 1,000 hours, and neither is a number inside of what is set."""
    said = refused(firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-03-03", "--set", "hours=1e3")
    assert "hours: expected a decimal number such as 7.35, without exponent" in said
    (sent,) = asked(firm, "resend", "wrong.jsonl:1", "--set", "worked_on=2026-03-03", "--set", "version=2")["events"]
    assert sent["version"] == 2


def test_what_was_sent_again_before_is_told(firm: Path) -> None:
    """When, and how it is sent once more."""
    right = ("--set", "worked_on=2026-03-03")
    asked(firm, "resend", "wrong.jsonl:1", *right)
    twice = ask(firm, "resend", "wrong.jsonl:1", *right)
    assert twice.exit_code == 2
    assert re.search(
        r"it was sent again before on 20\d\d-\S+Z; --again sends it once more", " ".join(twice.stderr.split())
    )
    assert len(list((firm / "input" / "resent").iterdir())) == 1
    (other,) = asked(firm, "resend", "wrong.jsonl:1", "wrong.jsonl:2", *right, "--yes")["events"]
    assert other["entry_id"] == "T-3"
    both = asked(firm, "resend", "--type", "TimeApproved", *right, "--again", "--yes")["events"]
    assert [event["entry_id"] for event in both] == ["T-2", "T-3"]


def test_which_ones_is_said_in_one_way(firm: Path) -> None:
    neither = ("--set", "worked_on=2026-03-03")
    assert "name dead letters by id, or by --type and --file" in refused(firm, "resend", *neither)
    both = ("wrong.jsonl:1", "--type", "TimeApproved", *neither)
    assert "name dead letters by id, or by --type and --file" in refused(firm, "resend", *both)
    two = ("wrong.jsonl:1", "wrong.jsonl:2", "--edited", str(firm / "input" / "wrong.jsonl"))
    assert "one event replaces one letter, got 2 of them" in refused(firm, "resend", *two)


def test_a_list_says_what_it_leaves_out(firm: Path) -> None:
    assert "Dead letters, 1 of 3 (--all shows them)" in ask(firm, "list", "--limit", "1").stdout
    assert "Dead letters\n" in ask(firm, "list", "--limit", "1", "--all").stdout
