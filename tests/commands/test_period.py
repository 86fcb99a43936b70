"""Accounting periods: closed and opened again from the command line, and listed by company."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from milepost.exceptions.on_kafka import ExceptionTopics
from tests.commands.test_recording import milepost, recorded, refused, told
from tests.commands.tiny_firm import event, founding, run, said, worked, write
from tests.sharded_run import sharded

AT = ("--at", "2026-04-03T22:30:00Z")
ANN = ("--as", "ann", "--approved-by", "ben", "--reason", "March is reported")


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """12 hours at 100.00 in March; Wien has a fiscal year from July and no project."""
    berlin = founding()[0]
    calendar = {"kind": "calendar_month", "year_starts_on": "07-01"}
    wien = {**berlin, "event_id": "wien", "legal_entity_id": "WIEN", "name": "Wien", "fiscal_calendar": calendar}
    write(tmp_path / "input", [*founding(), wien, worked("T-1", 2), worked("T-2", 3, "4")])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def listed(*words: str) -> list[tuple[Any, ...]]:
    found = said(milepost("period", "list", "--json", *words))
    return [
        tuple(row[name] for name in ("company", "period", "state", "since", "requested_by", "approved_by", "reason"))
        for row in found["rows"]
    ]


def dates_of_t3() -> set[tuple[str, str]]:
    """Accounting date and period of the journals of an entry that comes late."""
    journals = map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
    return {(each["accounting_date"], each["period"]) for each in journals if each["affected_id"] == "T-3"}


def test_an_invoice_of_a_closed_month_says_when_its_journal_is(firm: Path) -> None:
    """Whether the close is folded or only recorded; of an open month nothing is said."""
    run(firm, "--until", "2026-04-03")
    mark = "invoice", "mark", "BRIDGE.K-1/ACME/2026-03-01/1", *AT, "--as", "ann", "--dry-run", "--posted-on"
    later = "Period 2026-03 of BERLIN is closed: its journal is of 2026-04-01"
    assert later not in told(milepost(*mark, "2026-03-31"))
    assert milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    assert later in told(milepost(*mark, "2026-03-31"))
    run(firm)
    assert later in told(milepost(*mark, "2026-03-31"))
    assert later not in told(milepost(*mark, "2026-04-01"))


def test_a_closed_month_takes_no_more_work(firm: Path) -> None:
    """Four hours of March, approved after its close, are booked on 1 April."""
    assert listed() == []
    done = milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN)
    assert done.exit_code == 0, done.output
    assert "Period 2026-03 of BERLIN is 2026-03-01 to 2026-03-31" in told(done)
    [sent] = recorded(firm)
    assert {name: sent[name] for name in sent if name not in ("event_id", "source")} == {
        "type": "AccountingPeriodClosed",
        "occurred_at": "2026-04-03T22:30:00Z",
        "legal_entity_id": "BERLIN",
        "period": "2026-03",
        "version": 1,
        "requested_by": "ann",
        "approved_by": "ben",
        "reason": "March is reported",
    }
    run(firm)
    # Half past midnight in Berlin.
    closed = ("BERLIN", "2026-03", "closed", "2026-04-04", "ann", "ben", "March is reported")
    assert listed() == [closed]
    write(firm / "input", [{**worked("T-3", 4, "4"), "occurred_at": "2026-04-06T09:00:00Z"}], "late")
    run(firm)
    assert dates_of_t3() == {("2026-04-01", "2026-04")}
    back = ("--at", "2026-04-07T09:00:00Z", "--as", "cleo", "--approved-by", "ben", "--reason", "late hours")
    assert milepost("period", "reopen", "BERLIN", "2026-03", *back).exit_code == 0
    run(firm)
    assert recorded(firm)[1]["version"] == 2
    assert listed() == [("BERLIN", "2026-03", "open again", "2026-04-07", "cleo", "ben", "late hours")]
    assert listed("--as-of", "2026-04-06T09:00:00Z") == [closed]


def test_the_same_twice_is_recorded_once(firm: Path) -> None:
    """Before the run that takes it in, and after."""
    assert milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    for _ in range(2):
        again = milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN)
        assert again.exit_code == 0
        already = "Period 2026-03 of BERLIN is closed already, asked for by ann, approved by ben. Nothing was written"
        assert already in told(again)
        run(firm)
    assert milepost("period", "reopen", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    assert "is open again already" in told(milepost("period", "reopen", "BERLIN", "2026-03", *AT, *ANN))
    assert milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    assert [each["version"] for each in recorded(firm)] == [1, 2, 3]


def test_what_one_person_approved_alone_is_closed_by_two(firm: Path) -> None:
    """Version 4 of the source was refused: the next is 5, and its exception ends."""
    alone = {
        "legal_entity_id": "BERLIN",
        "period": "2026-03",
        "version": 4,
        "requested_by": "ann",
        "approved_by": "ann",
    }
    write(firm / "input", [event("AccountingPeriodClosed", "2026-04-03T08:00:00Z", **alone)], "alone")
    run(firm)
    assert listed() == []
    assert milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    run(firm)
    assert recorded(firm)[0]["version"] == 5
    assert [row[:3] for row in listed()] == [("BERLIN", "2026-03", "closed")]
    waiting = said(milepost("exceptions", "list", "--json"))
    assert "accounting_period" not in str(waiting)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("close", "BERLN", "2026-03", *ANN),
            "COMPANY: expected a company of the folder, got BERLN; the nearest are BERLIN",
        ),
        (
            ("close", "BERLIN", "2026-13", *ANN),
            "as YYYY-PP, years from 1990 to 2100 and periods from 01 to 12, such as 2026-05, got 2026-13",
        ),
        (("close", "BERLIN", "March", *ANN), "such as 2026-05, got March"),
        (
            ("reopen", "BERLIN", "2026-03", *ANN),
            "expected a closed period of BERLIN, got 2026-03, which is open; `milepost period list` shows what is closed",
        ),
        (
            ("close", "BERLIN", "2026-06", "--as", "ann", "--approved-by", "ben", "--reason", "so"),
            "expected a period of BERLIN that ends by 2026-04-03, got 2026-06, which ends on 2026-06-30; its work would be posted after it",
        ),
        (
            ("close", "BERLIN", "2026-03", "--as", "ann", "--approved-by", "ann", "--reason", "so"),
            "ann asks for it and cannot approve it; name another person",
        ),
        (
            ("close", "BERLIN", "2026-03", "--as", "ann", "--approved-by", "ben", "--reason", " "),
            "expected a reason in words, for those who read it later, got none",
        ),
    ],
    ids=("company", "month_13", "no_month", "open", "to_come", "one_person", "no_reason"),
)
def test_what_cannot_be_closed_is_refused(words: tuple[str, ...], expected: str, firm: Path) -> None:
    assert expected in refused("period", *words, *AT)
    assert recorded(firm) == []


def test_the_table_has_each_company_in_every_form(firm: Path) -> None:
    """Wien's 2026-09 is March: its fiscal year begins in July. A period of no company is left out, and waits as an exception."""
    assert "no period was ever closed" in milepost("period", "list").stdout
    typo = {"legal_entity_id": "BERLN", "period": "2026-02", "version": 1, "requested_by": "a", "approved_by": "b"}
    write(firm / "input", [event("AccountingPeriodClosed", "2026-04-03T08:00:00Z", **typo)], "typo")
    run(firm)
    for company, period in (("WIEN", "2026-09"), ("BERLIN", "2026-03")):
        assert milepost("period", "close", company, period, *AT, *ANN).exit_code == 0
    said_of = {"requested_by": "ann", "approved_by": "ben", "reason": "March is reported", "version": 1}
    early = event("AccountingPeriodClosed", AT[1], legal_entity_id="BERLIN", period="2026-02", **said_of)
    write(firm / "input", [early], "early")
    run(firm)
    written = milepost("period", "list", "--csv", "-")
    assert written.stdout.splitlines() == [
        "row,company,company_name,period,first_day,last_day,state,since,requested_by,approved_by,reason",
        "item,BERLIN,Berlin,2026-02,2026-02-01,2026-02-28,closed,2026-04-04,ann,ben,March is reported",
        "item,BERLIN,Berlin,2026-03,2026-03-01,2026-03-31,closed,2026-04-04,ann,ben,March is reported",
        "item,WIEN,Wien,2026-09,2026-03-01,2026-03-31,closed,2026-04-04,ann,ben,March is reported",
    ]
    assert [row[:2] for row in listed("--company", "wien")] == [("WIEN", "2026-09")]
    assert listed("--as-of", "2026-04-02") == []
    page, book = firm / "periods.html", firm / "periods.xlsx"
    assert milepost("period", "list", "--html", str(page)).exit_code == 0
    assert milepost("period", "list", "--xlsx", str(book)).exit_code == 0
    assert '<td class="id"><span>2026-09</span></td>' in page.read_text(encoding="utf-8")
    assert book.read_bytes().startswith(b"PK")
    shown = milepost("period", "list")
    assert "A period that is not listed was never closed." in shown.stdout
    assert "milepost explain" not in shown.output
    assert "expected a company of the folder, got LINZ" in refused("period", "list", "--company", "LINZ")


def test_several_shards_answer_as_one(firm: Path) -> None:
    """A company that nobody knows is one exception, and each month stands once in the table."""
    typo = {"legal_entity_id": "BERLN", "period": "2026-02", "version": 1, "requested_by": "a", "approved_by": "b"}
    write(firm / "input", [event("AccountingPeriodClosed", "2026-04-03T08:00:00Z", **typo)], "typo")
    assert milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN).exit_code == 0
    run(firm)
    several = firm / "several"
    sharded(firm / "output", several)
    output = ("--output", str(several))
    assert [row[:3] for row in listed(*output)] == [("BERLIN", "2026-03", "closed")]
    waiting = said(milepost("exceptions", "list", "--json", *output))["exceptions"]
    found = [each for each in waiting if each["subject_kind"] == "accounting_period"]
    assert [(each["category"], each["subject_id"], each["owner_role"]) for each in found] == [
        ("unknown_reference", "BERLN/2026-02", "finance")
    ]
    again = milepost("period", "close", "BERLIN", "2026-03", *AT, *ANN, *output, "--input", str(firm / "input"))
    assert "is closed already" in told(again)


def test_on_kafka_it_goes_to_the_topic_of_reference_data(firm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str, str]] = []

    def send(_self: ExceptionTopics, events: Sequence[dict[str, Any]], to: str, keyed: str) -> str:
        sent.extend((to, each["type"], each[keyed]) for each in events)
        return to

    monkeypatch.setattr(ExceptionTopics, "send", send)
    assert milepost("period", "close", "BERLIN", "2026-03", "--kafka", *AT, *ANN).exit_code == 0
    assert sent == [("finance.reference", "AccountingPeriodClosed", "BERLIN")]
