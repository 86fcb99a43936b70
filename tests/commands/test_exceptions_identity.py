"""The field that says which fact it is cannot be corrected: the fact would go on waiting beside another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.test_exceptions import AT, asked, id_of, refused
from tests.commands.tiny_firm import event, founding, run, worked, write


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """M-9 is accepted, which no line lists; M-1 and M-2 are milestones of 1,000.00 each. T-1 has 30 hours on one day."""
    *others, contract = founding()
    listed = [{"milestone_id": each, "name": each, "amount": "1000"} for each in ("M-1", "M-2")]
    contract["lines"].append(
        {"line_id": "L-2", "project_id": "BRIDGE", "terms": {"type": "Milestones", "milestones": listed}}
    )
    unknown = {"milestone_id": "M-9", "version": 1, "accepted_on": "2026-03-03", "approved_by": "CARA"}
    accepted = event("MilestoneAccepted", "2026-03-03T10:00:00Z", contract_id="K-1", project_id="BRIDGE", **unknown)
    write(tmp_path / "input", [*others, contract, accepted, worked("T-1", 2, "30")])
    run(tmp_path)
    return tmp_path


def test_of_an_unknown_milestone_the_milestone_is_not_set(firm: Path) -> None:
    text = refused(
        firm, "resend", id_of(firm, "M-9"), "--set", "milestone_id=M-2", "--approved-by", "DAN", "--as", "ann", *AT
    )
    assert (
        "milestone_id says which fact it is: with M-2 it is another one, and M-9 would stay as it is, with its exception. "
        "Send MilestoneAccepted of M-2 as an event of its own, and take back M-9 by MilestoneRevoked or waive this "
        "exception" in text
    )


def test_what_it_says_beside_that_is_set(firm: Path) -> None:
    settings = ("--set", "milestone_id=M-9", "--set", "accepted_on=2026-03-02", "--approved-by", "DAN", "--as", "ann")
    (sent,) = asked(firm, "resend", id_of(firm, "M-9"), *settings, *AT)["events"]
    assert (sent["milestone_id"], sent["version"], sent["accepted_on"]) == ("M-9", 2, "2026-03-02")


def test_an_entry_stays_the_entry(firm: Path) -> None:
    text = refused(firm, "resend", id_of(firm, "T-1"), "--set", "entry_id=T-2", "--approved-by", "DAN", *AT)
    assert "entry_id says which fact it is" in text
    assert "take back T-1 by TimeWithdrawn or waive this exception" in text


def test_an_invoice_that_came_before_its_statement_is_sent_again(tmp_path: Path) -> None:
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    named = {"invoice_id": "INV-1", "statement_id": statement, "posted_on": "2026-04-01", "amount": "800"}
    early = event("InvoicePosted", "2026-03-31T10:00:00Z", **named, tax_amount="0")
    write(tmp_path / "input", [*founding(), worked("T-1", 2), early])
    run(tmp_path, "--until", "2026-04-02")
    moment = ("--at", "2026-04-02T22:00:00Z", "--approved-by", "DAN", "--as", "ann")
    asked(tmp_path, "resend", id_of(tmp_path, "INV-1"), "--set", f"statement_id={statement}", *moment)
    run(tmp_path)
    assert asked(tmp_path, "list")["exceptions"] == []
