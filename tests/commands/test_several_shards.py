"""A folder of several shards, as `verify --kafka --keep` keeps one, is asked as one of a single run: whichever shard has it.

Of each of two projects an entry of March is billed, one of 30 hours waits, and one that waited was resolved by Ben.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, worked, write
from tests.sharded_run import sharded

PROJECTS = {"BRIDGE": "K-1", "TUNNEL": "K-2"}
LATER = "2026-04-03T09:00:00Z"


def asked(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--output", str(folder)])
    assert result.exit_code == 0, result.output
    return result.output


def refused(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--output", str(folder)])
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.replace("│", " ").split())


def founded() -> list[Event]:
    *reference, project, contract = founding()
    events = list(reference)
    for name, contract_id in PROJECTS.items():
        several = [
            project,
            contract,
            worked(f"T-{name}", 3),
            worked(f"LONG-{name}", 4, "30"),
            worked(f"GONE-{name}", 5, "31"),
        ]
        told = json.dumps(several).replace("BRIDGE", name).replace("K-1", contract_id).replace("@", f"@{name}-")
        events += json.loads(told)
    return events


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    source = write(tmp_path / "input", founded())
    run(tmp_path)
    for exception_id in exceptions(tmp_path / "output", "GONE"):
        said = ("--reason", "typed twice", "--as", "BEN", "--at", "2026-03-06T09:00:00Z", "--input", str(source))
        asked(tmp_path / "output", "exceptions", "resolve", exception_id, *said)
    posted = [
        event(
            "InvoicePosted",
            f"2026-04-02T08:00:0{place}Z",
            statement_id=f"{name}.{contract_id}/ACME/2026-03-01/1",
            invoice_id=f"INV-{name}",
            posted_on="2026-04-02",
            amount="800.00",
            tax_amount="0.00",
        )
        for place, (name, contract_id) in enumerate(PROJECTS.items())
    ]
    write(source, posted, "invoices")
    run(tmp_path, "--until", "2026-04-02")
    sharded(tmp_path / "output", tmp_path / "several")
    return tmp_path / "several"


def exceptions(folder: Path, entry: str) -> list[str]:
    listed = json.loads(asked(folder, "exceptions", "list", "--state", "all", "--json"))["exceptions"]
    return sorted(each["exception_id"] for each in listed if each["subject_id"].startswith(entry))


def test_exceptions_of_each_shard_have_their_fact_history_and_decision(firm: Path) -> None:
    for exception_id, name in zip(exceptions(firm, "LONG"), PROJECTS, strict=True):
        shown = asked(firm, "exceptions", "show", exception_id)
        assert f"LONG-{name}" in shown
        assert "30" in shown
    for exception_id in exceptions(firm, "GONE"):
        shown = " ".join(asked(firm, "exceptions", "show", exception_id).split())
        assert "typed twice" in shown
        assert "BEN" in shown


def test_what_an_id_is_instead_is_known_of_each_shard(firm: Path) -> None:
    for name in PROJECTS:
        assert f"got T-{name}, which is a time entry" in refused(firm, "show", f"T-{name}")
        assert f"INV-{name}" in asked(firm, "show", f"INV-{name}")


def test_figures_are_those_of_one_log(firm: Path) -> None:
    one = firm.parent / "output"
    for name in PROJECTS:
        assert asked(firm, "show", name) == asked(one, "show", name)


def test_an_event_of_any_shard_is_dumped(firm: Path) -> None:
    dumped = asked(firm, "dump", "engagement.log", "--json")
    assert all(f'"T-{name}"' in dumped for name in PROJECTS)


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_recorded_is_looked_at_in_each_shard(firm: Path, name: str) -> None:
    options = ("--at", LATER, "--as", "BEN", "--dry-run", "--input", str(firm.parent / "input"))
    paid = asked(firm, "payment", "add", "ACME", "800.00", "EUR", "--for", f"INV-{name}", *options)
    assert f'"invoice_id":"INV-{name}"' in paid.replace(" ", "")
    terms = ("--effective-on", "2026-04-01", "--set", "lines[0].cost_budget=9000", "--reason", "new scope")
    amended = asked(firm, "contract", "amend", PROJECTS[name], *terms, "--approved-by", "DAN", "--json", *options)
    assert '"replaces_version":1' in amended.replace(" ", "")
    statement = f"{name}.{PROJECTS[name]}/ACME/2026-03-01/1"
    again = refused(firm, "invoice", "mark", statement, "--invoice-id", "INV-9", *options)
    assert f"INV-{name}" in again
