"""What a statement is sent with is what was in force: nothing that was refused stands on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, worked, write

STATEMENT = "BRIDGE.K-1/ACME/2026-03-01/1"
RETAINER = {"type": "Retainer", "fee": "1000", "unit": "hours", "quantity": "10", "overage_rate": "150"}


def shown(folder: Path, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The statement of March as JSON."""
    write(folder / "input", events)
    run(folder, "--until", "2026-03-31")
    result = CliRunner().invoke(app, ["statement", STATEMENT, "--json", "--output", str(folder / "output")])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def customer(at: str, version: int, name: str) -> dict[str, Any]:
    return event("CustomerDefined", at, customer_id="ACME", version=version, name=name)


def amended(at: str, **more: Any) -> dict[str, Any]:
    return event(
        "ContractAmended",
        at,
        contract_id="K-1",
        version=2,
        replaces_version=1,
        effective_on="2026-03-01",
        treatment="prospective",
        purchase_order={"number": "PO-9"},
        **more,
    )


def test_a_version_that_comes_again_with_another_name_changes_nothing(tmp_path: Path) -> None:
    """It is a conflicting_version, and the first content stands."""
    found = shown(tmp_path, [*founding(), worked("T-1", 2), customer("2026-03-05T08:00:00Z", 1, "Evil Inc")])
    assert found["customer"] == "Acme"


def test_a_higher_version_is_who_is_billed(tmp_path: Path) -> None:
    found = shown(tmp_path, [*founding(), worked("T-1", 2), customer("2026-03-05T08:00:00Z", 2, "Acme AG")])
    assert found["customer"] == "Acme AG"


@pytest.mark.parametrize(
    ("who", "order"),
    [
        ({"requested_by": "ann", "approved_by": "ben", "reason": "new order"}, "PO-9"),
        ({"requested_by": "ann", "approved_by": "ann", "reason": "new order"}, None),
    ],
)
def test_the_order_is_that_of_an_amendment_that_was_approved(
    tmp_path: Path, who: dict[str, str], order: str | None
) -> None:
    found = shown(tmp_path, [*founding(), worked("T-1", 2), amended("2026-03-05T08:00:00Z", **who)])
    assert found["purchase_order"] == order


def test_the_order_is_the_one_that_the_work_falls_under_by_its_day(tmp_path: Path) -> None:
    """The amendment of the 20th has another one from April on; what is billed is of March."""
    april = amended("2026-03-20T08:00:00Z", approved_by="ben") | {"effective_on": "2026-04-01"}
    found = shown(tmp_path, [*ordered("PO-1"), worked("T-1", 2), april])
    assert found["purchase_order"] == "PO-1"


def test_work_under_several_orders_names_them_all(tmp_path: Path) -> None:
    """One line from the 2nd to the 12th; PO-9 covers what is worked from the 10th on."""
    later = amended("2026-03-05T08:00:00Z", approved_by="ben") | {"effective_on": "2026-03-10"}
    found = shown(tmp_path, [*ordered("PO-1"), worked("T-1", 2), later, worked("T-2", 12)])
    assert found["purchase_order"] == "PO-1, PO-9"


def test_a_retroactive_order_covers_what_was_worked_before(tmp_path: Path) -> None:
    later = amended("2026-03-05T08:00:00Z", approved_by="ben", retroactive=True) | {"effective_on": "2026-03-10"}
    found = shown(tmp_path, [*ordered("PO-1"), worked("T-1", 2), later, worked("T-2", 12)])
    assert found["purchase_order"] == "PO-9"


def ordered(number: str) -> list[dict[str, Any]]:
    """The firm, whose contract names an order."""
    return [
        each | {"purchase_order": {"number": number}} if each["type"] == "ContractSigned" else each
        for each in founding()
    ]


def test_terms_that_come_later_say_nothing_of_work_before_them(tmp_path: Path) -> None:
    """A retainer from April on: the 2 hours of March were charged by the hour, not beyond a fee."""
    line = {"line_id": "L-1", "project_id": "BRIDGE", "terms": RETAINER}
    later = amended("2026-03-20T08:00:00Z", approved_by="ben", lines=[line]) | {"effective_on": "2026-04-01"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), later, worked("T-2", 30, "14", worked_on="2026-04-07")])
    run(tmp_path, "--until", "2026-04-30")
    assert "beyond what the fee includes" not in printed(tmp_path, STATEMENT)
    assert "beyond what the fee includes" in printed(tmp_path, "BRIDGE.K-1/ACME/2026-04-01/1")


def printed(folder: Path, statement: str) -> str:
    result = CliRunner().invoke(app, ["statement", statement, "--output", str(folder / "output")])
    assert result.exit_code == 0, result.output
    return result.stdout
