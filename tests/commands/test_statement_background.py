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
