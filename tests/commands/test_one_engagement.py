"""A project is in one engagement, whatever order work, contracts and activations come in; `verify` holds of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, worked, write

TERMS = {"type": "TimeAndMaterials", "rates": [{"rate": "100", "effective_from": "2026-01-01"}]}


def contract(at: str, *projects: str) -> Event:
    lines = [{"line_id": f"L-{each}", "project_id": each, "terms": TERMS} for each in projects]
    parties = {"customer_id": "ACME", "legal_entity_id": "BERLIN", "currency": "EUR"}
    days = {"signed_on": "2026-01-01", "starts_on": "2026-01-01"}
    return event("ContractSigned", at, contract_id="K-2", version=1, lines=lines, **parties, **days)


def booked(folder: Path, *events: Event) -> dict[str, Any]:
    """Cost and revenue by engagement and project, of a run that `verify` finds nothing wrong with."""
    write(folder / "input", [*founding(), *events])
    run(folder)
    asked(folder, "verify")
    found: dict[str, float] = {}
    for line in asked(folder, "dump", "erp.postings", "--json").splitlines():
        journal = json.loads(line)
        for each in journal["lines"]:
            if each["account"] in ("5000", "4000"):
                key = f"{journal['journal_id'].partition('.')[0]} {each['project_id']} {each['account']}"
                found[key] = found.get(key, 0) + float(each["amount"])
    return found


def categories(folder: Path) -> list[str]:
    return [each["category"] for each in json.loads(asked(folder, "exceptions", "list", "--json"))["exceptions"]]


def asked(folder: Path, *command: str) -> str:
    result = CliRunner().invoke(app, [*command, "--output", str(folder / "output")])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_contract_joins_the_engagement_that_work_named(tmp_path: Path) -> None:
    """4 h at a cost of 40 and a rate of 100; the contract's other project comes along."""
    found = booked(
        tmp_path,
        worked("T-9", 2, "4", project_id="QUAY", engagement_id="WORKS"),
        contract("2026-03-03T08:00:00Z", "TOWER", "QUAY"),
        worked("T-10", 4, "1", project_id="TOWER"),
    )
    assert found == {"WORKS QUAY 5000": 160, "WORKS QUAY 4000": -400, "WORKS TOWER 5000": 40, "WORKS TOWER 4000": -100}


@pytest.mark.parametrize("then", ["nothing", "put right", "withdrawn"])
def test_a_version_for_a_project_of_another_engagement_counts_for_nothing(tmp_path: Path, then: str) -> None:
    """8 h on BRIDGE, then said to be of QUAY; 3 h of BRIDGE in the version after it."""
    after = {
        "nothing": [],
        "put right": [worked("T-9", 6, "3", version=3)],
        "withdrawn": [event("TimeWithdrawn", "2026-03-06T18:00:00Z", entry_id="T-9", version=3)],
    }[then]
    found = booked(
        tmp_path,
        contract("2026-03-01T09:00:00Z", "QUAY"),
        worked("T-9", 2, "8"),
        worked("T-9", 3, "8", version=2, project_id="QUAY"),
        *after,
    )
    hours = 3 if then == "put right" else 0
    assert found == {"BRIDGE BRIDGE 5000": 40 * hours, "BRIDGE BRIDGE 4000": -100 * hours}
    assert ("project_already_bound" in categories(tmp_path)) == (then == "nothing")


def test_a_lower_version_that_comes_later_asks_nothing_of_anybody(tmp_path: Path) -> None:
    """8 h of QUAY in version 2, which came before the 8 h of BRIDGE that it corrects: T-9 is QUAY's."""
    found = booked(
        tmp_path,
        contract("2026-03-01T09:00:00Z", "QUAY"),
        worked("T-9", 2, "8", version=2, project_id="QUAY"),
        worked("T-9", 3, "8"),
    )
    assert found == {"K-2 QUAY 5000": 320, "K-2 QUAY 4000": -800}
    assert "project_already_bound" not in categories(tmp_path)
