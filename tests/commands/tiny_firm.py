"""The smallest firm that bills: one company, one customer, one person at 100 EUR an hour, one project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from milepost.cli import app

Event = dict[str, Any]


def event(type_name: str, at: str, **fields: Any) -> Event:
    """`at` is when it was recorded, and makes its id."""
    return {"type": type_name, "event_id": f"{type_name}@{at}", "occurred_at": at, "source": "test", **fields}


def founding() -> list[Event]:
    at = "2026-03-01T08:00:0{}Z".format
    rates = [{"rate": "100", "effective_from": "2026-01-01"}]
    terms = {"type": "TimeAndMaterials", "rates": rates}
    return [
        event(
            "LegalEntityDefined",
            at(0),
            legal_entity_id="BERLIN",
            version=1,
            name="Berlin",
            currency="EUR",
            zone="Europe/Berlin",
            fiscal_calendar={"kind": "calendar_month"},
        ),
        event("CustomerDefined", at(1), customer_id="ACME", version=1, name="Acme"),
        event(
            "PersonDefined", at(2), person_id="ADA", version=1, legal_entity_id="BERLIN", role="senior", cost_center="1"
        ),
        event(
            "CostRateSet",
            at(3),
            cost_rate_id="ADA",
            version=1,
            person_id="ADA",
            currency="EUR",
            rate="40",
            effective_from="2026-01-01",
        ),
        event(
            "ProjectActivated",
            at(4),
            project_id="BRIDGE",
            version=1,
            name="Bridge",
            legal_entity_id="BERLIN",
            starts_on="2026-01-01",
            budget={"hours": "100", "cost": "4000", "revenue": "10000"},
        ),
        event(
            "ContractSigned",
            at(5),
            contract_id="K-1",
            version=1,
            customer_id="ACME",
            legal_entity_id="BERLIN",
            currency="EUR",
            signed_on="2026-01-01",
            starts_on="2026-01-01",
            lines=[{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}],
        ),
    ]


def worked(entry_id: str, day: int, hours: str = "8", **more: Any) -> Event:
    """Ada's work on a day of March, approved by Ben that evening."""
    fields = {
        "entry_id": entry_id,
        "version": 1,
        "project_id": "BRIDGE",
        "person_id": "ADA",
        "approved_by": "BEN",
        "worked_on": f"2026-03-{day:02d}",
        "hours": hours,
    }
    return event("TimeApproved", f"2026-03-{day:02d}T18:00:00Z", **{**fields, **more})


def write(folder: Path, events: list[Event], name: str = "events") -> Path:
    """The input folder, with the events in a file of it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(each) + "\n" for each in events)
    (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def run(folder: Path, *more: str) -> dict[str, Any]:
    """From `input` to `output` in the folder."""
    result = CliRunner().invoke(
        app, ["run", "--input", str(folder / "input"), "--output", str(folder / "output"), "--json", *more]
    )
    return said(result)


def said(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found
