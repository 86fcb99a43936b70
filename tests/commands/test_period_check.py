"""What is open before a period closes: each check with its count, its money, whose matter it is, and what mends it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from connectors.files.engagement_log import EngagementLog
from connectors.files.output_lock import beginning, only_writer
from connectors.files.progress import places
from dataflows.embedded import Resuming
from milepost.closing.checks import FINDERS
from milepost.closing.names import CHECKS
from state.store.snapshot import Damaged
from tests.commands.test_recording import milepost, recorded, refused, told
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write
from tests.sharded_run import sharded

AT = ("--at", "2026-04-20T08:00:00Z")
ANN = ("--as", "ann", "--approved-by", "ben", "--reason", "March is reported", *AT)


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def made(firm: Path, *more: Event, until: str = "2026-04-10") -> None:
    """12 hours of March at 100.00, costing 40.00 each."""
    write(firm / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "4"), *more])
    run(firm, "--until", until)


def checked(*words: str, code: int | None = None) -> dict[str, dict[str, Any]]:
    """The checks by name; `code` is how it ends."""
    done = milepost("period", "check", "BERLIN", "2026-03", "--json", *words)
    found = json.loads(done.stdout)
    assert code is None or done.exit_code == code, done.output
    assert found["may_close"] is (done.exit_code == 0)
    return {each["check"]: each for each in found["checks"]}


def items(check: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in ("what", "count", "amount", "currency", "owner")) for each in check["items"]]


def test_every_check_has_a_name_and_a_finder() -> None:
    assert list(FINDERS) == list(CHECKS)


def test_a_month_of_which_nothing_is_open(firm: Path) -> None:
    made(firm)
    found = checked(code=0)
    unchecked = dict.fromkeys(("time", "erp", "differences"), "not checked")
    assert {name: each["state"] for name, each in found.items()} == dict.fromkeys(CHECKS, "holds") | unchecked
    assert found["time"]["title"] == "nobody's capacity in its months is known"
    assert milepost("period", "close", "BERLIN", "2026-03", *ANN).exit_code == 0
    assert recorded(firm)[0]["reason"] == "March is reported"


def test_books_that_a_killed_run_left_behind_its_outputs_say_nothing(firm: Path) -> None:
    """The store follows the outputs seconds later: what it had then would be taken for what is open now. Nor do they while the next run
    makes them again."""
    made(firm)
    store, kept = firm / "output" / "store", firm / "kept"
    shutil.copytree(store, kept)
    write(firm / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "4"), worked("T-3", 4)])
    run(firm, "--until", "2026-04-11")
    with only_writer(firm / "output"):
        checked(code=0)
    shutil.rmtree(store)
    kept.rename(store)
    says_nothing()
    with only_writer(firm / "output"):
        says_nothing()
    run(firm, "--until", "2026-04-11")
    checked(code=0)


def says_nothing() -> None:
    done = milepost("period", "check", "BERLIN", "2026-03", "--json")
    assert done.exit_code == 2
    assert "the books are not there" in done.output


def test_books_that_a_run_makes_again_after_damage_count_where_they_were(firm: Path) -> None:
    """And not where they were when the run began."""
    made(firm)
    output = firm / "output"
    with only_writer(output), EngagementLog.open(output) as log:
        (output / "run.lock").write_text("1\n{}\n", encoding="utf-8")
        books, found = Resuming(output, log.genesis), [Damaged("page 7")]

        def work(_accounting: object) -> None:
            if found:
                raise found.pop()
            assert beginning(output) == places(output)

        books.run(work)
        books.close()


def test_days_that_have_not_ended_forbid_it(firm: Path) -> None:
    """Seven days of March, of which nothing that accrues is posted."""
    made(firm, until="2026-03-24")
    found = checked(code=3)["accruals"]
    assert found["state"] == "forbids"
    assert items(found) == [
        ("2026-03-25 to 2026-03-31 have not ended: what accrues on these days is not posted", 7, None, None, "platform")
    ]
    assert found["items"][0]["command"] == f"milepost run --until 2026-03-31 --output {firm / 'output'}"


def test_time_that_is_not_handed_in(firm: Path) -> None:
    """Ada has 20 hours of capacity less 3 of leave, and 12 approved: 5 are missing, at 40.00 each."""
    capacity = {"person_id": "ADA", "month": "2026-03", "version": 1, "hours": "20", "time_off": "3"}
    made(firm, event("PersonCapacitySet", "2026-03-01T09:00:00Z", **capacity))
    found = checked(code=0)["time"]
    assert found["state"] == "open"
    assert items(found) == [("ADA: 5 h missing of 17 h in 2026-03", 1, "200.00", "EUR", "delivery")]
    write(firm / "input", [worked("T-5", 5, "6")], "late")
    run(firm, "--until", "2026-04-10")
    assert checked(code=0)["time"]["state"] == "holds", "an hour more than the capacity is not missing"


def test_a_draft_that_nobody_has_approved(firm: Path) -> None:
    """12 hours at 100.00; what is on a draft is not on the list of what is unbilled too."""
    berlin, *rest = founding()
    berlin = {**berlin, "policies": {"statement_approval": "required"}}
    write(firm / "input", [berlin, *rest, worked("T-1", 2), worked("T-2", 3, "4")])
    run(firm, "--until", "2026-04-10")
    found = checked(code=0)
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    assert items(found["drafts"]) == [(f"draft {statement}", 1, "1200.00", "EUR", "commercial")]
    assert found["drafts"]["items"][0]["command"].startswith(f"milepost statement approve {statement}")
    assert found["unbilled"]["items"] == []


def test_a_draft_of_a_later_billing_period_is_another_months(firm: Path) -> None:
    berlin, *rest = founding()
    later = {"worked_on": "2026-04-01", "occurred_at": "2026-04-01T18:00:00Z"}
    write(firm / "input", [{**berlin, "policies": {"statement_approval": "required"}}, *rest, worked("T-1", 1) | later])
    run(firm, "--until", "2026-05-02")
    assert milepost("statement", "BRIDGE.K-1/ACME/2026-04-01/1").exit_code == 0
    assert checked(code=0)["drafts"]["items"] == []


def test_work_that_no_statement_has_though_its_billing_period_is_over(firm: Path) -> None:
    """Of March 4 h at 100.00 are held, and 3 h came after its statement. The 2 h of April wait for April's."""
    hold = {"hold_id": "H", "version": 1, "placed_on": "2026-03-04", "reason": "asked"}
    late = {"occurred_at": "2026-04-03T18:00:00Z"}
    made(
        firm,
        event("BillingHoldPlaced", "2026-03-04T08:00:00Z", scope={"kind": "entry", "id": "T-2"}, **hold),
        worked("T-3", 5, "3") | late,
        worked("T-4", 1, "2") | late | {"worked_on": "2026-04-02", "event_id": "T-4"},
    )
    assert items(checked(code=0)["unbilled"]) == [
        ("contract K-1: next statement", 1, "300.00", "EUR", "commercial"),
        ("contract K-1: on hold", 1, "400.00", "EUR", "commercial"),
    ]


def test_work_of_a_billing_period_that_goes_on_is_billed_with_it(firm: Path) -> None:
    """12 h of March wait for its days of grace: 14 April is the last."""
    grace = {"grace_days": 14}
    founded = [{**each, **grace} if each["type"] == "ContractSigned" else each for each in founding()]
    write(firm / "input", [*founded, worked("T-1", 2), worked("T-2", 3, "4")])
    run(firm, "--until", "2026-04-10")
    assert checked(code=0)["unbilled"]["state"] == "holds"


def test_hours_of_a_project_that_nobody_knows_may_be_anybodys(firm: Path) -> None:
    made(firm, worked("T-3", 4, "3", project_id="OLD"))
    found = checked(code=3)
    assert [row[:2] for row in items(found["parked"])] == [("OLD: 3 h are approved and wait", 1)]


def test_work_that_is_parked_and_its_exception(firm: Path) -> None:
    """Bob has no cost rate: his 3 hours of March are approved, earn nothing and cost nothing. That of April is another month's."""
    bob = {"person_id": "BOB", "version": 1, "legal_entity_id": "BERLIN", "role": "junior", "cost_center": "1"}
    late = {**worked("T-4", 1, "2", person_id="BOB"), "worked_on": "2026-04-01", "occurred_at": "2026-04-01T18:00:00Z"}
    made(firm, event("PersonDefined", "2026-03-01T09:00:00Z", **bob), worked("T-3", 4, "3", person_id="BOB"), late)
    found = checked(code=3)
    assert [row[:2] for row in items(found["parked"])] == [("BRIDGE: 3 h are approved and wait", 1)]
    assert found["parked"]["state"] == "forbids"
    [(what, count, *_, owner)] = items(found["exceptions"])
    assert (what, count, owner) == ("no cost rate (no_cost_rate)", 1, "finance")
    assert found["exceptions"]["items"][0]["command"].startswith("milepost exceptions list --kind no_cost_rate")


def test_hours_and_money_below_zero_are_taken_off_alike(firm: Path) -> None:
    """30 h and -26 h at 100.00 wait: 4 h and 400.00, not 4 h and 5,600.00."""
    made(firm, worked("T-3", 4, "30"), worked("T-5", 5, "-26"))
    [row] = items(checked(code=3)["parked"])
    assert row[:4] == ("BRIDGE: 4 h are approved and wait, less those below zero", 2, "400.00", "EUR")


def test_an_exchange_rate_that_is_missing(firm: Path) -> None:
    """The contract bills dollars, and no rate is known."""
    founded = [{**each, "currency": "USD"} if each["type"] == "ContractSigned" else each for each in founding()]
    write(firm / "input", [*founded, worked("T-1", 2)])
    run(firm, "--until", "2026-04-10")
    found = checked(code=3)["exchange_rates"]
    assert found["state"] == "forbids"
    assert {(row[0], row[4]) for row in items(found)} == {("no exchange rate (no_exchange_rate)", "finance")}


def test_a_rate_that_a_forecast_alone_lacks_forbids_nothing(firm: Path) -> None:
    """The budget is in dollars, so that the forecast waits; March is posted."""
    budget = {"hours": "100", "cost": "4000", "revenue": "10000", "currency": "USD"}
    founded = [{**each, "budget": budget} if each["type"] == "ProjectActivated" else each for each in founding()]
    write(firm / "input", [*founded, worked("T-1", 2)])
    run(firm, "--until", "2026-04-10")
    found = checked(code=0)
    assert found["exchange_rates"]["state"] == "holds"
    assert found["exceptions"]["state"] == "open"
    assert {row[0] for row in items(found["exceptions"])} == {"no exchange rate (no_exchange_rate)"}


def test_where_no_erp_ever_answered_nothing_was_compared(firm: Path) -> None:
    made(firm)
    found = checked(code=0)
    assert found["differences"]["title"] == "nothing was compared"
    assert found["erp"]["title"] == "no ERP has ever answered"


def test_an_earlier_month_that_is_open(firm: Path) -> None:
    """April has no journals, but March does, and is open; February has none, and is before the first."""
    made(firm, until="2026-05-05")
    at = ("--at", "2026-05-10T08:00:00Z")
    refusal = milepost("period", "close", "BERLIN", "2026-04", *ANN[:-2], *at)
    assert refusal.exit_code == 3
    assert "period 2026-03 is open" in refusal.stdout
    assert "milepost period close BERLIN 2026-03" in refusal.stdout
    assert "expected a period of BERLIN from 2026-03 on, its first with a journal or a close, got 2026-02" in refused(
        "period", "close", "BERLIN", "2026-02", *ANN
    )
    assert recorded(firm) == []
    assert milepost("period", "close", "BERLIN", "2026-03", *ANN[:-2], *at).exit_code == 0
    # What is recorded and not taken in yet counts.
    assert milepost("period", "close", "BERLIN", "2026-04", *ANN[:-2], *at).exit_code == 0


def test_what_the_erp_does_not_have(firm: Path) -> None:
    """It has rejected T-1's journal of 1,120.00 and never heard of T-2's of 560.00; nobody has compared the ledgers."""
    made(firm)
    dumped = milepost("dump", "erp.postings", "--json")
    [first, _] = sorted(map(json.loads, dumped.stdout.splitlines()), key=lambda each: each["affected_id"])
    rejected = event(
        "PostingRejected",
        "2026-04-11T08:00:00Z",
        erp="netsuite",
        attempt=1,
        journal_id=first["journal_id"],
        code="X",
        message="no such account",
        because="data",
    )
    write(firm / "input", [rejected], "answers")
    run(firm)
    found = checked(code=3)
    assert items(found["erp"]) == [
        ("journals that the ERP rejected", 1, "1120.00", "EUR", "finance"),
        ("journals that the ERP does not have", 1, "560.00", "EUR", "finance"),
    ]
    assert items(found["differences"]) == [("nobody has compared both ledgers", 1, None, None, "finance")]


# Closing in spite of it


def test_what_is_accepted_is_recorded_with_the_reason(firm: Path) -> None:
    made(firm, until="2026-03-24")
    stays = milepost("period", "close", "BERLIN", "2026-03", *ANN)
    assert stays.exit_code == 3
    assert "Period 2026-03 of BERLIN stays open" in stays.stdout
    assert "--accept accruals=REASON" in stays.stdout
    assert recorded(firm) == []
    accept = ("--accept", "accruals=nothing accrues here")
    done = milepost("period", "close", "BERLIN", "2026-03", *ANN, *accept)
    assert done.exit_code == 0, done.output
    [sent] = recorded(firm)
    assert sent["reason"] == "March is reported; accruals accepted: nothing accrues here"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("accrual=so", "expected CHECK=REASON with one of earlier, accruals, time"),
        ("accruals", "expected accruals=REASON with a reason in words, got accruals"),
        ("accruals= ", "expected accruals=REASON with a reason in words"),
        ("erp=sent by hand", "expected a check that finds something open, got erp, which finds nothing; leave it out"),
    ],
)
def test_what_cannot_be_accepted(accept: str, expected: str, firm: Path) -> None:
    made(firm, until="2026-03-24")
    assert expected in refused("period", "close", "BERLIN", "2026-03", *ANN, "--accept", accept)
    assert recorded(firm) == []


def test_settings_say_what_forbids_it(firm: Path) -> None:
    made(firm, until="2026-03-24")
    assert checked("--set", "close.forbids=time, drafts", code=0)["accruals"]["state"] == "open"
    wrong = milepost("period", "check", "BERLIN", "2026-03", "--set", "close.forbids=accrual")
    assert "accrual is no check; did you mean accruals?" in told(wrong)


# Forms


def test_as_csv_and_as_text(firm: Path) -> None:
    made(firm, until="2026-03-24")
    written = milepost("period", "check", "BERLIN", "2026-03", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(written.stdout)))
    assert {row["check"] for row in rows} == set(CHECKS)
    assert [(row["state"], row["count"]) for row in rows if row["check"] == "accruals"] == [("forbids", "7")]
    shown = milepost("period", "check", "BERLIN", "2026-03")
    assert "Before period 2026-03 of BERLIN closes, 2026-03-01 to 2026-03-31" in shown.stdout
    assert "accruals forbids the close" in told(shown)
    assert "expected a company of the folder, got BERLN" in refused("period", "check", "BERLN", "2026-03")
    assert "as YYYY-PP" in refused("period", "check", "BERLIN", "2026-13")


def test_a_closed_period_is_said_to_be_closed(firm: Path) -> None:
    made(firm)
    assert milepost("period", "close", "BERLIN", "2026-03", *ANN).exit_code == 0
    run(firm, "--until", "2026-04-20")
    shown = milepost("period", "check", "BERLIN", "2026-03")
    assert "After period 2026-03 of BERLIN closed, 2026-03-01 to 2026-03-31" in shown.stdout
    assert "Next: milepost period certificate BERLIN 2026-03" in told(shown)


def test_several_shards_answer_as_one(firm: Path) -> None:
    capacity = {"person_id": "ADA", "month": "2026-03", "version": 1, "hours": "20"}
    made(firm, event("PersonCapacitySet", "2026-03-01T09:00:00Z", **capacity), until="2026-03-24")
    one = checked()
    sharded(firm / "output", firm / "several")
    several = checked("--output", str(firm / "several"))
    assert {name: items(each) for name, each in one.items()} == {name: items(each) for name, each in several.items()}
    assert said(milepost("period", "list", "--json"))["rows"] == []
