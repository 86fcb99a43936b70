"""`milepost whatif`: what events would do if they came next, in figures that can be added up by hand, and nothing left behind.

Ada works 24 hours at 100 EUR and 40 EUR of cost in March, under a cap of 1,000: 1,000 is earned, 1,400 is over the cap.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.files.output_lock import only_writer
from state.shard import Shard
from tests.commands.tiny_firm import Event, event, founding, run, worked, write
from tests.whatif.really import asked, check, predicted

STATEMENT = "BRIDGE.K-1/ACME/2026-03-01/1"


def line(rate: str = "100", cap: str | None = "1000", **more: Any) -> list[Event]:
    terms: Event = {"type": "TimeAndMaterials", "rates": [{"rate": rate, "effective_from": "2026-01-01"}], **more}
    if cap is not None:
        terms["cap"] = {"kind": "hard", "amount": cap}
    return [{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}]


def amended(at: str = "2026-03-20T08:00:00Z", **fields: Any) -> Event:
    stated = {
        "contract_id": "K-1",
        "version": 2,
        "replaces_version": 1,
        "effective_on": "2026-01-01",
        "retroactive": True,
        "treatment": "prospective",
        "approved_by": "DAN",
    }
    return event("ContractAmended", at, **{**stated, **fields})


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    *others, signed = founding()
    signed = {**signed, "lines": line()}
    days = [worked(f"T-{day}", day) for day in (2, 3, 4)]
    write(tmp_path / "input", [*others, signed, *days])
    run(tmp_path)
    return tmp_path


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Of each file its digest and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def posted(answer: Any) -> dict[str, str]:
    return {each["account"]: each["amount"] for each in answer["journals"]}


def balances(answer: Any) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["before"], each["after"]) for each in answer["balances"]}


def test_a_cap_raised_from_1000_to_2000(firm: Path) -> None:
    """1,000 more fits under it, so that 1,000 more is earned and on March's statement; 400 stay over it."""
    answer = check(firm, [amended(lines=line(cap="2000"))], "2026-03-31")
    assert posted(answer) == {"1150": "1000.00", "4000": "-1000.00"}
    assert balances(answer)["over_cap"] == ("1400.00", "400.00")
    assert balances(answer)["unbilled"] == ("1000.00", "2000.00")
    (statement,) = answer["statements"]
    assert statement["statement_id"] == STATEMENT
    assert (statement["before"]["amount_due"], statement["after"]["amount_due"]) == ("1000.00", "2000.00")
    assert statement["change"] == "1000.00"
    (cap,) = answer["caps"]
    assert (cap["before"]["limit_amount"], cap["after"]["limit_amount"]) == ("1000.00", "2000.00")
    (project,) = answer["forecasts"]
    assert float(project["after"]["margin"]) - float(project["before"]["margin"]) == 1000
    assert answer["engagements"] == ["BRIDGE"]


def test_without_a_day_there_is_no_statement(firm: Path) -> None:
    answer = predicted(firm / "output", [amended(lines=line(cap="2000"))])
    assert posted(answer) == {"1150": "1000.00", "4000": "-1000.00"}
    assert answer["statements"] == []
    assert answer["on"] is None


def test_an_amendment_from_a_date(firm: Path) -> None:
    """Another rate from 4 March on, and no cap: 800 + 800 + 8 hours at 150 = 2,800, of which 1,000 is earned already."""
    rates = [{"rate": "100", "effective_from": "2026-01-01"}, {"rate": "150", "effective_from": "2026-03-04"}]
    change = amended(lines=line(cap=None, rates=rates), effective_on="2026-03-04")
    answer = check(firm, [change], "2026-03-31")
    assert posted(answer) == {"1150": "1800.00", "4000": "-1800.00"}
    lines = [(each["rate"], each["before"], each["after"]) for each in answer["statements"][0]["lines"]]
    assert ("150.00", None, {"quantity": "8", "amount": "1200.00"}) in lines


def test_work_on_issued_statements_keeps_its_price(tmp_path: Path) -> None:
    """March's 16 hours are billed at 100, one hour of April is not. At 130 from January on only April's gains, 30.00; corrected to 8.25
    hours, an entry of March asks for 0.25 x 100."""
    *others, signed = founding()
    april = {**worked("T-9", 1, "1"), "worked_on": "2026-04-01", "occurred_at": "2026-04-01T18:00:00Z"}
    write(tmp_path / "input", [*others, {**signed, "lines": line(cap=None)}, worked("T-2", 2), worked("T-3", 3), april])
    run(tmp_path, "--until", "2026-04-02")
    dearer = amended("2026-04-03T08:00:00Z", lines=line("130", cap=None))
    longer = {**worked("T-2", 2, "8.25"), "version": 2, "event_id": "T-2/2", "occurred_at": "2026-04-03T09:00:00Z"}
    told = people(tmp_path, [dearer])
    assert "On issued statements: keeps its price, also when it is corrected" in told
    assert posted(predicted(tmp_path / "output", [dearer])) == {"1150": "30.00", "4000": "-30.00"}
    answer = check(tmp_path, [dearer, longer], "2026-04-30")
    revenue = [(each["period"], each["amount"]) for each in answer["journals"] if each["account"] == "4000"]
    assert revenue == [("2026-03", "-25.00"), ("2026-04", "-30.00")]
    kept = {"project_id": "BRIDGE", "contract_id": "K-1", "currency": "EUR", "entries": 2}
    assert answer["kept"] == [
        {**kept, "hours": "16.25", "billed": "1625.00", "value": "1625.00", "otherwise": "2112.50"}
    ]


def test_what_a_cap_kept_off_statements_is_not_billed(tmp_path: Path) -> None:
    """16 hours at 100 are worth 1,600 and billed up to the cap of 1,500; at 130 they would be worth 2,080."""
    *others, signed = founding()
    write(tmp_path / "input", [*others, {**signed, "lines": line(cap="1500")}, worked("T-2", 2), worked("T-3", 3)])
    run(tmp_path, "--until", "2026-04-02")
    answer = predicted(tmp_path / "output", [amended("2026-04-03T08:00:00Z", lines=line("130", cap="1500"))])
    kept = {"project_id": "BRIDGE", "contract_id": "K-1", "currency": "EUR", "entries": 2}
    assert answer["kept"] == [{**kept, "hours": "16", "billed": "1500.00", "value": "1600.00", "otherwise": "2080.00"}]


def test_work_on_issued_statements_keeps_its_price_in_another_role(tmp_path: Path) -> None:
    """As a lead from March on at 150, 16 billed hours stay at 100; April's hour gains 50.00."""
    *others, signed = founding()
    lines = line(cap=None)
    lines[0]["terms"]["rates"].append({"rate": "150", "role": "lead", "effective_from": "2026-01-01"})
    april = {**worked("T-9", 1, "1"), "worked_on": "2026-04-01", "occurred_at": "2026-04-01T18:00:00Z"}
    write(tmp_path / "input", [*others, {**signed, "lines": lines}, worked("T-2", 2), worked("T-3", 3), april])
    run(tmp_path, "--until", "2026-04-02")
    which = {"assignment_id": "A-1", "version": 1, "project_id": "BRIDGE", "person_id": "ADA", "role": "lead"}
    lead = event("ResourceAssigned", "2026-04-03T08:00:00Z", **which, starts_on="2026-03-01", ends_on="2026-12-31")
    answer = predicted(tmp_path / "output", [lead])
    assert posted(answer) == {"1150": "50.00", "4000": "-50.00"}
    kept = {"project_id": "BRIDGE", "contract_id": "K-1", "currency": "EUR", "entries": 2}
    assert answer["kept"] == [{**kept, "hours": "16", "billed": "1600.00", "value": "1600.00", "otherwise": "2400.00"}]


def test_a_quantity_gives_its_amount(tmp_path: Path) -> None:
    """3.0001 hours, printed 3, are 300.01 at 100 and 400.00 at 133.33; 3 hours would be 399.99. Both say what the statement says."""
    *others, signed = founding()
    write(tmp_path / "input", [*others, {**signed, "lines": line(cap=None)}, worked("T-2", 2, "3.0001")])
    run(tmp_path)
    (moved,) = predicted(tmp_path / "output", [amended(lines=line("133.33", cap=None))], "--on", "2026-03-31")[
        "statements"
    ]
    found = [(each["rate"], each["before"], each["after"]) for each in moved["lines"]]
    assert sorted(found) == [
        ("100.00", {"quantity": "3.0001", "amount": "300.01"}, None),
        ("133.33", None, {"quantity": "3.0001", "amount": "400.00"}),
    ]


def test_a_cap_without_room_is_used_up_already(firm: Path) -> None:
    """2,400 of work against 1,000; against 5,000 there is room."""
    change = write(firm, [amended(lines=line(cap="5000"))], "change") / "change.jsonl"
    told = asked(firm / "output", change, "--on", "2026-03-31").stdout
    row = next(each for each in told.splitlines() if "L-1" in each and "5,000.00" in each)
    assert row.split()[3:8] == ["1,000.00", "5,000.00", "1,000.00", "2,400.00", "already"]
    assert row.split()[8] != "already"


def test_work_withdrawn(firm: Path) -> None:
    """8 hours of the 24 go: 320 of cost come back; what stays is over the cap all the same, by 600."""
    change = event("TimeWithdrawn", "2026-03-20T08:00:00Z", entry_id="T-2", version=2, project_id="BRIDGE")
    answer = check(firm, [change], "2026-03-31")
    assert posted(answer)["5000"] == "-320.00"
    assert posted(answer)["2150"] == "320.00"
    assert balances(answer)["over_cap"] == ("1400.00", "600.00")


def test_work_added(firm: Path) -> None:
    answer = check(firm, [worked("T-9", 9, "2")], "2026-03-31")
    assert posted(answer) == {"5000": "80.00", "2150": "-80.00"}
    assert balances(answer)["over_cap"] == ("1400.00", "1600.00")


def test_a_cost_rate(firm: Path) -> None:
    """Of reference data all engagements are asked; a rate from April on changes what the rest of the project will cost."""
    change = event(
        "CostRateSet",
        "2026-03-20T08:00:00Z",
        cost_rate_id="ADA",
        version=2,
        person_id="ADA",
        currency="EUR",
        rate="60",
        effective_from="2026-03-01",
    )
    after = worked("T-9", 23, "2")
    answer = check(firm, [change, after], "2026-03-31")
    assert posted(answer) == {"5000": "120.00", "2150": "-120.00"}
    assert "BRIDGE" in answer["engagements"]


def test_a_rate_card(tmp_path: Path) -> None:
    """Work that waits for a rate is earned by the card: 8 hours at 130."""
    *others, signed = founding()
    terms = {"type": "TimeAndMaterials", "rates": [], "rate_card_id": "RC"}
    signed = {**signed, "lines": [{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}]}
    write(tmp_path / "input", [*others, signed, worked("T-2", 2)])
    run(tmp_path)
    card = event(
        "RateCardPublished",
        "2026-03-20T08:00:00Z",
        rate_card_id="RC",
        version=1,
        scope={"kind": "legal_entity", "id": "BERLIN"},
        currency="EUR",
        effective_from="2026-01-01",
        lines=[{"rate": "130"}],
    )
    answer = check(tmp_path, [card], "2026-03-31")
    assert posted(answer)["1150"] == "1040.00"
    assert [each["category"] for each in answer["exceptions"]["closed"]] == ["no_rate"]


def test_a_policy_of_the_contract(firm: Path) -> None:
    """Time counts in whole days of ten hours from the beginning: 3 × 1,000 are worked, and 2,000 are over the cap."""
    change = amended(lines=line(), policies={"increment_minutes": 600})
    answer = check(firm, [change], "2026-03-31")
    assert balances(answer)["over_cap"] == ("1400.00", "2000.00")


def test_a_statement_that_nobody_has_approved_is_a_draft(firm: Path) -> None:
    """`open` people say of what is owed."""
    told = people(firm, [amended(lines=line(), policies={"statement_approval": "required"})], "--on", "2026-03-31")
    (row,) = [row for row in told.splitlines() if row.strip().startswith(STATEMENT) and "1,000.00" in row]
    assert " draft " in row


@pytest.fixture
def drafted(tmp_path: Path) -> Path:
    """March is over: a draft of 1,000 waits for approval."""
    *others, signed = founding()
    signed = {**signed, "lines": line(), "policies": {"statement_approval": "required"}}
    days = [worked(f"T-{day}", day) for day in (2, 3, 4)]
    write(tmp_path / "input", [*others, signed, *days])
    run(tmp_path, "--until", "2026-04-02")
    return tmp_path


def decided(name: str, **fields: Any) -> Event:
    return event(name, "2026-04-03T08:00:00Z", statement_id=STATEMENT, revision=1, **fields)


def test_a_draft_that_is_returned_was_there_before(drafted: Path) -> None:
    """It asked for 1,000 and asks for nothing until it is drafted again."""
    returned = decided("StatementReturned", approved_by="DAN", reason="a rate is wrong")
    answer = check(drafted, [returned], "2026-04-05")
    (statement,) = answer["statements"]
    assert (statement["before"]["status"], statement["before"]["amount_due"]) == ("open", "1000.00")
    assert (statement["after"]["status"], statement["change"]) == ("superseded", "-1000.00")
    assert statement["lines"] == []


def test_a_draft_that_is_approved_or_revised_was_there_before(drafted: Path) -> None:
    """Approved it asks for what it did; with the cap at 2,000 its two entries are billed whole, 1,600."""
    (statement,) = check(drafted, [decided("StatementApproved", approved_by="DAN")], "2026-04-05")["statements"]
    assert (statement["before"]["status"], statement["after"]["status"]) == ("open", "issued")
    assert statement["change"] == "0.00"
    (statement,) = check(drafted, [amended("2026-04-03T08:00:00Z", lines=line(cap="2000"))], "2026-04-05")["statements"]
    assert (statement["before"]["amount_due"], statement["after"]["amount_due"]) == ("1000.00", "1600.00")
    assert (statement["before"]["revision"], statement["after"]["revision"]) == (1, 2)


def test_a_policy_of_the_company(firm: Path) -> None:
    """No entry of more than four hours from now on: the next one of eight waits, and posts nothing."""
    entity = {**founding()[0], **event("LegalEntityDefined", "2026-03-20T08:00:00Z"), "version": 2}
    entity["policies"] = {"hours_max_per_entry": "4"}
    answer = check(firm, [entity, worked("T-9", 23)], "2026-03-31")
    assert [each["category"] for each in answer["exceptions"]["raised"]] == ["hours_out_of_range"]
    assert answer["journals"] == []


def test_several_events_come_in_the_order_in_which_they_were_recorded(firm: Path) -> None:
    later = amended("2026-03-21T08:00:00Z", lines=line(cap="3000"), version=3, replaces_version=2)
    answer = check(firm, [later, amended(lines=line(cap="2000"))], "2026-03-31")
    assert posted(answer) == {"1150": "1400.00", "4000": "-1400.00"}
    assert balances(answer)["over_cap"] == ("1400.00", "0.00")
    assert [each["category"] for each in answer["exceptions"]["closed"]] == ["over_cap"]


def test_days_that_end_before_the_change_end_on_both_sides(firm: Path) -> None:
    """In May all of March is on a statement already; only the change makes a difference, and what it releases comes on April's."""
    answer = check(firm, [amended("2026-04-10T08:00:00Z", lines=line(cap="2000"))], "2026-04-30")
    (statement,) = answer["statements"]
    assert statement["statement_id"] == "BRIDGE.K-1/ACME/2026-04-01/1"
    assert (statement["before"], statement["after"]["amount_due"]) == (None, "1000.00")


def test_work_that_waits_for_its_project_goes_on(firm: Path) -> None:
    """Two hours of 40 wait for the project TOWER; work for another that nobody knows goes on waiting, and is not spoken of."""
    waiting = [worked("W-1", 5, "2", project_id="TOWER"), worked("W-2", 5, "2", project_id="NOWHERE")]
    write(firm / "input", waiting, "waiting")
    run(firm)
    project = {**founding()[4], **event("ProjectActivated", "2026-03-20T08:00:00Z"), "project_id": "TOWER"}
    answer = check(firm, [project], "2026-03-31")
    assert posted(answer)["5000"] == "80.00"
    assert answer["engagements"] == ["TOWER"]
    assert answer["refused"] == []
    assert [each["category"] for each in answer["exceptions"]["closed"]] == ["unrouted"]


# What is refused


def test_an_amendment_without_approval_is_refused(firm: Path) -> None:
    answer = check(firm, [amended(lines=line(cap="2000"), approved_by=None)], "2026-03-31")
    assert [each["category"] for each in answer["refused"]] == ["unapproved_amendment"]
    assert answer["journals"] == []
    told = people(firm, [amended(lines=line(cap="2000"), approved_by=None)])
    assert "Refused" in told
    assert "unapproved_amendment" in told


def written_off(amount: str, approved_by: str) -> Event:
    return {
        **event("WrittenOff", "2026-03-20T08:00:00Z"),
        "write_off_id": "W-1",
        "what": "unbilled",
        "entries": ["T-2"],
        "amount": amount,
        "currency": "EUR",
        "written_off_on": "2026-03-20",
        "reason": "goodwill",
        "requested_by": "BEN",
        "approved_by": approved_by,
    }


@pytest.mark.parametrize(
    ("amount", "approved_by", "category", "field"),
    [("0", "CFO", "misapplied", "amount"), ("75", "BEN", "self_approved", "approved_by")],
)
def test_money_that_would_not_be_posted(firm: Path, amount: str, approved_by: str, category: str, field: str) -> None:
    answer = check(firm, [written_off(amount, approved_by)], "2026-03-31")
    assert [(each["category"], each["field"]) for each in answer["refused"]] == [(category, field)]
    assert answer["journals"] == []


def test_terms_that_contradict_each_other_are_named_with_their_field(firm: Path) -> None:
    terms = {"type": "FixedPrice", "price": "1000", "schedule": [{"on": "2026-03-31", "amount": "900"}]}
    change = amended(lines=[{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}])
    answer = predicted(firm / "output", [change])
    (refused,) = answer["refused"]
    assert refused["category"] == "invalid_terms"
    assert "schedule" in (refused.get("field") or refused["message"])


def test_a_project_that_nobody_knows(firm: Path) -> None:
    answer = predicted(firm / "output", [worked("T-9", 9, project_id="NOWHERE")])
    assert [each["category"] for each in answer["refused"]] == ["unrouted"]


def test_what_cannot_be_read_is_named_by_line_and_field(firm: Path, tmp_path: Path) -> None:
    change = write(tmp_path / "change", [worked("T-8", 8), worked("T-9", 9, hours="many")], "c") / "c.jsonl"
    result = asked(firm / "output", change)
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert "hours" in result.stderr


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "expected events"),
        ([event("DayEnded", "2026-03-31T22:00:00Z", zone="Europe/Berlin", date="2026-03-31")], "`whatif --on`"),
    ],
)
def test_what_is_no_change(firm: Path, tmp_path: Path, events: list[Event], said: str) -> None:
    result = asked(firm / "output", write(tmp_path / "change", events, "c") / "c.jsonl")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_csv_is_refused_in_one_sentence(firm: Path, tmp_path: Path) -> None:
    change = tmp_path / "hours.csv"
    change.write_text("Id,Hours\n1,8\n2,8\n")
    said = asked(firm / "output", change).stderr
    assert said.count("hours.csv, line") == 1
    assert "3 lines are no events; the first is hours.csv, line 1: not one JSON object" in said
    assert "expected events, one a line of JSON; milepost import makes events of a CSV" in said


@pytest.mark.parametrize(
    ("on", "until"),
    [
        ("2026-03-31", "the end of 2026-03-31"),
        ("2026-03-19", "the end of 2026-03-19"),
        ("2026-03-02", "2026-03-20, as"),
    ],
)
def test_figures_are_not_those_of_a_day_that_is_over(firm: Path, tmp_path: Path, on: str, until: str) -> None:
    """Days up to the amendment of 20 March end on both sides."""
    change = write(tmp_path / "change", [amended(lines=line(cap="2000"))], "c") / "c.jsonl"
    told = " ".join(asked(firm / "output", change, "--on", on).stdout.split())
    assert f"figures without and with it are at {until}" in told


def test_a_day_before_the_log_is_refused_with_its_first(firm: Path, tmp_path: Path) -> None:
    """The firm is founded on 1 March."""
    change = write(tmp_path / "change", [worked("T-9", 9)], "c") / "c.jsonl"
    result = asked(firm / "output", change, "--on", "2020-01-31")
    assert (result.exit_code, "--on: expected a day from 2026-03-01 on" in result.stderr) == (2, True), result.stderr
    assert "2020-01-31" in result.stderr


def test_days_of_a_mistyped_year_end_only_where_they_are_meant(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """731 days after 15 June 2026 are up to 15 June 2028; of a log that is later, after its last day, 4 March 2026."""
    monkeypatch.setattr("milepost.commands.whatif.today", lambda: date(2026, 6, 15))
    change = write(tmp_path / "change", [worked("T-9", 9)], "c") / "c.jsonl"
    result = asked(firm / "output", change, "--on", "2028-06-16")
    expected = "expected a day up to 2028-06-15, 731 days after today, got 2028-06-16; say --yes if it is meant"
    assert (result.exit_code, f"--on: {expected}" in " ".join(result.stderr.split())) == (2, True)
    for allowed in (("--on", "2028-06-15"), ("--on", "2028-06-16", "--yes")):
        assert asked(firm / "output", change, *allowed).exit_code == 0
    late = write(tmp_path / "change", [{**worked("T-9", 9), "occurred_at": "2062-03-09T18:00:00Z"}], "d") / "d.jsonl"
    result = asked(firm / "output", late)
    expected = "d.jsonl, line 1: expected a day up to 2028-06-15, 731 days after today, got TimeApproved"
    said = " ".join(result.stderr.split())
    assert (result.exit_code, f"--change: {expected}" in said, "of 2062-03-09; say --yes" in said) == (2, True, True)
    monkeypatch.setattr("milepost.commands.whatif.today", lambda: date(2024, 1, 1))
    result = asked(firm / "output", change, "--on", "2028-06-16")
    assert "up to 2028-03-04, 731 days after the log's last day, got" in " ".join(result.stderr.split())


def test_files_that_are_not_there(firm: Path, tmp_path: Path) -> None:
    assert asked(firm / "output", tmp_path / "none.jsonl").exit_code == 2
    assert asked(firm / "output", tmp_path).exit_code == 2
    change = write(tmp_path / "change", [worked("T-9", 9)], "c") / "c.jsonl"
    assert asked(firm / "input", change).exit_code == 2


def test_what_is_known_already_changes_nothing(firm: Path) -> None:
    answer = predicted(firm / "output", [worked("T-2", 2)], "--on", "2026-03-31")
    assert answer["changes"] is False


# What it reads, and leaves as it was


def test_nothing_is_left_behind(firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setenv("TMPDIR", str(aside))
    monkeypatch.setattr("tempfile.tempdir", None)
    change = write(tmp_path / "change", [amended(lines=line(cap="2000"))], "c") / "c.jsonl"
    before = content(firm)
    assert asked(firm / "output", change, "--on", "2026-03-31").exit_code == 0
    assert content(firm) == before
    assert list(aside.iterdir()) == []


def test_nothing_is_left_behind_where_it_is_interrupted(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    change = write(tmp_path / "change", [amended(lines=line(cap="2000"))], "c") / "c.jsonl"
    before = content(firm)
    folded: list[int] = []

    def interrupted(shard: Shard, *arguments: Any) -> Any:
        folded.append(shard.offset)
        raise KeyboardInterrupt

    monkeypatch.setattr("state.imagined.ImaginedShard.views", interrupted)
    assert asked(firm / "output", change, "--on", "2026-03-31").exit_code != 0
    assert folded
    assert content(firm) == before
    assert list(aside.iterdir()) == []


@pytest.mark.parametrize("lost", [["store"], ["intake.db"], ["store", "intake.db"], ["index"], ["run.lock"]])
def test_what_follows_from_the_log_may_be_lost(firm: Path, lost: list[str]) -> None:
    change = [amended(lines=line(cap="2000"))]
    whole = predicted(firm / "output", change, "--on", "2026-03-31")
    for name in lost:
        path = firm / "output" / name
        for found in [*path.parent.glob(f"{name}*")]:
            if found.is_dir():
                for file in found.iterdir():
                    file.unlink()
                found.rmdir()
            else:
                found.unlink()
    before = content(firm)
    answer = predicted(firm / "output", change, "--on", "2026-03-31")
    assert answer.pop("waiting_left_out") is ("intake.db" in lost)
    assert whole.pop("waiting_left_out") is False
    assert answer == whole
    assert content(firm) == before


def test_a_damaged_store_is_not_believed(firm: Path) -> None:
    change = [amended(lines=line(cap="2000"))]
    whole = predicted(firm / "output", change)
    store = firm / "output" / "store" / "0.db"
    damaged = bytearray(store.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    store.write_bytes(damaged)
    assert predicted(firm / "output", change) == whole
    assert store.read_bytes() == damaged


def test_a_run_at_work_is_not_disturbed(firm: Path, tmp_path: Path) -> None:
    change = write(tmp_path / "change", [amended(lines=line(cap="2000"))], "c") / "c.jsonl"
    with only_writer(firm / "output"):
        assert asked(firm / "output", change).exit_code == 75


# For people


def people(firm: Path, events: list[Event], *more: str) -> str:
    change = write(firm / "change", events, "change") / "change.jsonl"
    result = asked(firm / "output", change, *more)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_for_people(firm: Path) -> None:
    told = people(firm, [amended(lines=line(cap="2000"))], "--on", "2026-03-31")
    said = [" ".join(each.split()) for each in told.splitlines()]
    assert "What if: contract amended (change.jsonl, line 1)" in said
    assert "It concerns contract group BRIDGE" in said
    assert "BRIDGE K-1 BERLIN 2026-03 1150 Unbilled receivable EUR 1,000.00 EUR 1,000.00" in said
    assert "BRIDGE K-1 over cap EUR 1,400.00 400.00 -1,000.00" in said
    assert f"{STATEMENT} 2026-03-01 to 2026-03-31 issued EUR 1,000.00 2,000.00 1,000.00" in said
    assert "BRIDGE K-1 L-1 1,000.00 2,000.00 1,000.00 2,000.00 already already" in said
    assert f"Lines of {STATEMENT}, project BRIDGE" in said
    assert "L-1 senior 100.00 8 hour 16 hour 800.00 1,600.00 800.00" in said


def test_of_a_cap_by_month_the_month_is_named(firm: Path) -> None:
    """March's 2,400.00 used up 1,000.00 in all; under 500.00 a month they use up 500.00 of March."""
    monthly = line()
    monthly[0]["terms"]["cap"] = {"kind": "hard", "amount": "500", "period": "month"}
    told = people(firm, [amended(lines=monthly)], "--on", "2026-03-31")
    said = [" ".join(each.split()) for each in told.splitlines()]
    assert "BRIDGE K-1 L-1 1,000.00 none 1,000.00 already not" in said
    assert "BRIDGE K-1 L-1 in 2026-03 none 500.00 500.00 not already" in said


def test_a_cap_of_which_nothing_shown_changes_has_no_row(firm: Path) -> None:
    """Another rate from 21 March on: the limit of 1,000.00 is used up before."""
    answer = predicted(firm / "output", [amended(lines=line(rate="90"), effective_on="2026-03-21", retroactive=False)])
    assert answer["caps"] == []


def test_it_says_what_to_ask_next(firm: Path, tmp_path: Path) -> None:
    change = write(tmp_path / "change", [amended(lines=line(cap="2000"))], "c") / "c.jsonl"
    assert "--on DATE" in asked(firm / "output", change).stderr
    assert "Nothing would change" in people(firm, [worked("T-2", 2)])
