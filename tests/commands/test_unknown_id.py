"""An id that a command does not take: what was asked, what is taken, what it is or what is like it, and where the ids are listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, said, worked, write

# What every command takes.
TAKEN = {
    "show": "a project, a contract group or a statement",
    "forecast": "a project that has a forecast",
    "statement": "a statement",
    "ledger --entity": "a company with journals",
    "explain": "a project, an entry, a journal, a statement or another figure",
    "exceptions show": "an exception",
    "dead-letters show": "a dead letter",
}


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work that is posted, work of 30 hours, and a line that cannot be read."""
    folder = tmp_path_factory.mktemp("firm")
    late = worked("T-9", 1, worked_on="2026-03-30", event_id="late", occurred_at="2026-04-02T09:00:00Z")
    path = write(folder / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "30"), late]) / "wrong.jsonl"
    path.write_text("no event\n", encoding="utf-8")
    run(folder)
    return folder


def told(firm: Path, command: str, wanted: str) -> str:
    result = CliRunner().invoke(app, [*command.split(), wanted, "--output", str(firm / "output")])
    assert result.exit_code == 2, result.stdout
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("command", TAKEN)
def test_every_command_says_it_in_the_same_words(firm: Path, command: str) -> None:
    message = told(firm, command, "Quux")
    assert f"expected the id of {TAKEN[command]}, got Quux" in message
    assert f"--output {firm / 'output'}` lists them" in message


def test_the_folder_is_the_one_that_was_given_at_an_earlier_moment_too(firm: Path) -> None:
    """And not the one that stands for it meanwhile."""
    result = CliRunner().invoke(app, ["show", "Quux", "--as-of", "2026-03-20", "--output", str(firm / "output")])
    message = " ".join(result.stderr.split())
    assert f"`milepost dump project.views --output {firm / 'output'}` lists them" in message


def explained(firm: Path, wanted: str) -> str:
    """What is said of an id beside the figure that it is explained by."""
    result = CliRunner().invoke(app, ["explain", wanted, "--output", str(firm / "output"), "--depth", "0"])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Statement BRIDGE.K-1/ACME/2026-03-01/1")
    return " ".join(result.stderr.split())


def test_what_ids_look_like_is_said_where_any_kind_is_taken(firm: Path) -> None:
    message = told(firm, "explain", "PAY-1")
    assert "got PAY-1" in message
    assert (
        "Ids look like PRJ-1, T-17, expense/E-4, E-1.K-1/ACME/2026-03-01/1, or PRJ-1#accrued for one figure of it"
        in message
    )


def test_it_is_short(firm: Path) -> None:
    """What was not found, what is near, where ids are listed and what they look like: three lines of a wide terminal."""
    message = told(firm, "explain", "T-11").partition("Error: ")[2]
    assert message == (
        "Invalid value for ID: expected the id of a project, an entry, a journal, a statement or another figure, got T-11; "
        f"the nearest are T-1. `milepost projects --output {firm / 'output'}` lists them. Ids look like PRJ-1, T-17, expense/E-4, "
        "E-1.K-1/ACME/2026-03-01/1, or PRJ-1#accrued for one figure of it"
    )


def exception_of(firm: Path) -> str:
    listed = said(CliRunner().invoke(app, ["exceptions", "list", "--json", "--output", str(firm / "output")]))
    found: str = listed["exceptions"][0]["exception_id"]
    return found


def test_what_an_id_is_instead_is_said_with_the_command_that_takes_it(firm: Path) -> None:
    exception_id = exception_of(firm)
    assert "got T-1, which is a time entry: milepost explain T-1" in told(firm, "show", "T-1")
    contract = "which is a contract: milepost explain K-1, or milepost show BRIDGE for its project"
    assert contract in told(firm, "show", "K-1")
    assert f"which is an exception: milepost exceptions show {exception_id}" in told(firm, "show", exception_id)
    assert "which is a project: milepost show BRIDGE" in told(firm, "statement", "BRIDGE")
    statement = "which is a statement: milepost statement BRIDGE.K-1/ACME/2026-03-01/1"
    assert statement in told(firm, "exceptions show", "BRIDGE.K-1/ACME/2026-03-01/1")
    assert "which is an unreadable record: milepost dead-letters show wrong.jsonl:1" in told(
        firm, "explain", "wrong.jsonl:1"
    )


def test_what_was_known_then_is_said_too(firm: Path) -> None:
    result = CliRunner().invoke(
        app, ["show", "K-1", "--as-of", "2026-03-05", "--output", str(firm / "output"), "--for", "2020-13"]
    )
    assert result.exit_code == 2
    found = told(firm, "show --as-of 2026-04-02", "BRIGDE")
    assert "the nearest are BRIDGE" in found
    assert "milepost-as-of" not in found


def test_for_a_period_too(firm: Path) -> None:
    found = told(firm, "show --for 2026-03", "T-1")
    assert (
        "expected the id of a project, a contract or a contract group with journals, got T-1, which is a time entry"
        in found
    )
    assert "expected the id of a project that has a forecast, got K-1" in told(firm, "forecast --for 2026-03", "K-1")


def test_an_invoice_that_waited_for_its_draft_leads_to_its_journal(tmp_path: Path) -> None:
    """The approval posts it, so that the journal names the approval as its cause."""
    output = decided(tmp_path)
    assert "INV-1 is an invoice; what it posted: milepost explain BRIDGE." in explained(output, "INV-1")


def test_what_was_refused_leads_to_its_exception(tmp_path: Path) -> None:
    output = decided(tmp_path)
    refused = "got W-1, which is a write off that posted nothing: milepost exceptions show BRIDGE."
    assert refused in told(output, "explain", "W-1")


def test_a_payment_that_waited_for_its_invoice_leads_to_its_journal(tmp_path: Path) -> None:
    """A rate posts the invoice, and with it the payment that was waiting for it: the journal names the day as its cause."""
    *others, contract = founding()
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    rate = {"rate_type": "spot", "from_currency": "EUR", "to_currency": "USD", "rate": "1.25", "version": 1}
    paid = {
        "payment_id": "PAY/1",
        "customer_id": "ACME",
        "amount": "800",
        "currency": "USD",
        "received_on": "2026-05-05",
    }
    invoice = {"invoice_id": "INV-1", "statement_id": statement, "posted_on": "2026-05-02", "amount": "800"}
    events = [
        *others,
        event("ExchangeRateSet", "2026-03-01T08:00:09Z", date="2026-03-01", **rate),
        contract | {"currency": "USD"},
        worked("T-1", 2),
        event("InvoicePosted", "2026-05-02T09:00:00Z", **invoice),
        event(
            "PaymentReceived", "2026-05-05T09:00:00Z", **paid, applications=[{"invoice_id": "INV-1", "amount": "800"}]
        ),
    ]
    write(tmp_path / "input", events)
    run(tmp_path, "--until", "2026-05-05")
    assert "INV-1 is an invoice that posted nothing: milepost exceptions show BRIDGE." in explained(tmp_path, "INV-1")
    late = [event("ExchangeRateSet", f"2026-05-{day:02}T15:00:00Z", date=f"2026-05-{day:02}", **rate) for day in (1, 5)]
    write(tmp_path / "input", late, "rates")
    run(tmp_path, "--until", "2026-05-06")
    assert "got PAY/1, which is a payment; what it posted: milepost explain BRIDGE." in told(
        tmp_path, "explain", "PAY/1"
    )
    assert "INV-1 is an invoice; what it posted: milepost explain BRIDGE." in explained(tmp_path, "INV-1")


def test_an_invoice_that_differs_from_its_statement_leads_to_its_exception(tmp_path: Path) -> None:
    """800.00 are on the statement, 700.00 on the invoice."""
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    invoice = {"invoice_id": "INV-1", "statement_id": statement, "posted_on": "2026-04-02", "amount": "700"}
    write(
        tmp_path / "input", [*founding(), worked("T-1", 2), event("InvoicePosted", "2026-04-02T09:00:00Z", **invoice)]
    )
    run(tmp_path)
    assert "INV-1 is an invoice that posted nothing: milepost exceptions show BRIDGE." in explained(tmp_path, "INV-1")


@pytest.mark.parametrize("command", ["explain", "show"])
def test_a_contract_that_waits_for_its_customer_leads_to_its_exception(tmp_path: Path, command: str) -> None:
    write(tmp_path / "input", [each for each in founding() if each["type"] != "CustomerDefined"])
    run(tmp_path)
    waits = "got K-1, which is a contract of which there are no figures: milepost exceptions show BRIDGE."
    assert waits in told(tmp_path, command, "K-1")


def decided(folder: Path) -> Path:
    """March's draft is invoiced before it is approved, and more is given up of the work than is left."""
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    invoice = {"invoice_id": "INV-1", "statement_id": statement, "posted_on": "2026-04-02", "amount": "800.00"}
    given_up = {
        "write_off_id": "W-1",
        "what": "unbilled",
        "entries": ["T-1"],
        "amount": "900.00",
        "currency": "EUR",
        "written_off_on": "2026-03-10",
        "reason": "goodwill",
        "requested_by": "BEN",
        "approved_by": "CFO",
    }
    with_approval = [
        each | {"policies": {"statement_approval": "required"}} if each["type"] == "ContractSigned" else each
        for each in founding()
    ]
    events = [
        *with_approval,
        worked("T-1", 2),
        event("WrittenOff", "2026-03-10T09:00:00Z", **given_up),
        event("InvoicePosted", "2026-04-02T09:00:00Z", **invoice),
        event("StatementApproved", "2026-04-03T09:00:00Z", statement_id=statement, revision=1, approved_by="CFO"),
    ]
    write(folder / "input", events)
    run(folder)
    return folder
