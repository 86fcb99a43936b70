"""Charges can be asked for by name: their figures recompute from the JSON of the command and the events alone."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.files.engagement_log import EngagementLog
from connectors.json_records import record_to_json
from milepost.cli import app
from tests.commands.tiny_firm import event, write
from tests.explain.checker import Checker
from tests.finished_run import history

DAY = "2026-01-{:02d}T09:00:00Z".format
LINES = [
    {
        "line_id": "M",
        "project_id": "DOCK",
        "takes": ["fee"],
        "terms": {
            "type": "Milestones",
            "milestones": [{"milestone_id": "M1", "name": "Design", "amount": "5000", "due_on": "2026-01-20"}],
        },
    },
    {
        "line_id": "F",
        "project_id": "DOCK",
        "takes": ["fee"],
        "revenue_policy": "straight_line_days",
        "terms": {"type": "FixedPrice", "price": "12000", "schedule": [{"on": "2026-01-10", "amount": "12000"}]},
    },
    {
        "line_id": "P",
        "project_id": "DOCK",
        "takes": ["fee"],
        "terms": {"type": "FixedPrice", "price": "900", "by_progress": True},
    },
    {"line_id": "X", "project_id": "DOCK", "terms": {"type": "Expenses", "markup": "5"}},
    {
        "line_id": "U",
        "project_id": "DOCK",
        "terms": {
            "type": "UnitPrice",
            "unit": "page",
            "tiers": [{"unit_price": "0.45", "up_to": "1000"}, {"unit_price": "0.25"}],
        },
    },
]
FIGURES = {
    "fee/K-9/M/milestone/M1#value": "5000",
    "fee/K-9/P/progress/2#value": "225",
    "revenue/K-9/F/2026-02#recognised": "920.55",
    "expense/E-1#value": "840",
    "expense/E-1#cost": "800",
    "delivery/D-2#value": "125",
}


def told() -> list[dict[str, Any]]:
    of_dock = {"project_id": "DOCK", "version": 1, "approved_by": "CARA"}
    delivered = {"line_id": "U", "contract_id": "K-9", **of_dock}
    return [
        event("ProjectActivated", DAY(2), project_id="DOCK", version=1, name="Dock", legal_entity_id="BERLIN"),
        event(
            "ContractSigned",
            DAY(3),
            contract_id="K-9",
            version=1,
            customer_id="ACME",
            legal_entity_id="BERLIN",
            currency="EUR",
            signed_on="2026-01-01",
            starts_on="2026-01-01",
            ends_on="2026-12-31",
            lines=LINES,
        ),
        event(
            "ExpenseApproved",
            DAY(13),
            expense_id="E-1",
            category="travel",
            spent_on="2026-01-13",
            amount="800",
            tax_amount="56",
            tax_recoverable="56",
            currency="EUR",
            person_id="ADA",
            **of_dock,
        ),
        event("UnitsDelivered", DAY(14), delivery_id="D-1", units="1000", delivered_on="2026-01-14", **delivered),
        event("UnitsDelivered", DAY(15), delivery_id="D-2", units="500", delivered_on="2026-01-15", **delivered),
        event("ProgressReported", DAY(16), line_id="P", version=1, percent="15", as_of="2026-01-16", project_id="DOCK"),
        event("ProgressReported", DAY(17), line_id="P", version=2, percent="40", as_of="2026-01-17", project_id="DOCK"),
        event(
            "TimeApproved",
            DAY(18),
            entry_id="T-99",
            person_id="ADA",
            worked_on="2026-01-18",
            hours="2",
            billable=False,
            billed_elsewhere=True,
            **of_dock,
        ),
        event("MilestoneAccepted", DAY(20), milestone_id="M1", accepted_on="2026-01-20", **of_dock),
    ]


@cache
def run() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="milepost-charges-")
    events = sorted([*history(), *told()], key=lambda each: str(each["occurred_at"]))
    source = write(Path(folder.name) / "input", events)
    milepost("run", "--input", str(source), "--output", str(Path(folder.name) / "output"))
    return folder


def milepost(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result.output


def explained(wanted: str) -> Any:
    return json.loads(milepost("explain", wanted, "--json", "--output", str(Path(run().name) / "output")))


@cache
def events() -> dict[int, Any]:
    with EngagementLog.open(Path(run().name) / "output") as log:
        return {record.offset: record_to_json(record.event) for record in log.records()}


@pytest.mark.parametrize(("wanted", "value"), FIGURES.items())
def test_a_charge_recomputes_from_its_explanation(wanted: str, value: str) -> None:
    checker, made = Checker(events(), explained), explained(wanted)
    assert checker.value_of(made) == Fraction(value)
    assert "stated" not in checker.seen


def test_the_id_of_an_expense_alone_says_what_to_ask_for() -> None:
    output = str(Path(run().name) / "output")
    assert "an expense: milepost explain expense/E-1" in " ".join(
        milepost("explain", "E-1", "--output", output, code=2).split()
    )


def test_work_that_another_system_bills_says_why_it_is_not_charged() -> None:
    (entry,) = (node for node in explained("T-99")["nodes"] if node.get("id") == "T-99")
    assert {"name": "not charged", "value": "another system bills the entry"} in entry["facts"]


def test_grouped_by_person_what_nobody_did_stands_without_a_person() -> None:
    output = str(Path(run().name) / "output")
    shown = milepost("statement", "K-9.K-9/ACME/2026-01-01/1", "--group-by", "person", "--output", output)
    assert [line.strip() for line in shown.splitlines()].index("Without a person") < shown.splitlines().index(
        next(line for line in shown.splitlines() if line.strip() == "ADA")
    )
