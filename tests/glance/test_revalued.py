"""What is revalued stands in the tables as it is carried, with what is unrealised in rows of its own; both foot to the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write

MARCH = "BRIDGE.K-1/ACME/2026-03-01/1"
AT = ("--at", "2026-04-03T09:00:00Z")


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1,200.00 USD of March and 300.00 USD of April, at 0.90; at the end of April 1 USD is 0.95."""
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    begin(tmp_path)
    assert CliRunner().invoke(app, ["invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT]).exit_code == 0
    end(tmp_path)
    return tmp_path


def begin(folder: Path, **terms: Any) -> None:
    company, customer, person, cost, project, contract = founding()
    stated = {"fx_revaluation": "cumulative", "unbilled_is_monetary": True, "rate_staleness_days": 40}
    bolt = event("CustomerDefined", "2026-03-01T08:00:01Z", customer_id="BOLT", version=1, name="Bolt")
    events = [
        {**company, "policies": stated},
        *(customer, bolt, person, cost, project),
        {**contract, "currency": "USD", **terms},
        *(worked("T-1", 2), worked("T-2", 3, "4"), rate("2026-03-01", "0.90")),
    ]
    write(folder / "input", events)
    run(folder, "--until", "2026-04-02")


def end(folder: Path) -> None:
    april = worked("T-3", 2, "3") | {"worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z"}
    write(folder / "input", [april, rate("2026-04-30", "0.95")], "april")
    run(folder, "--until", "2026-04-30")


def rate(day: str, rate: str) -> Event:
    stated = {"rate_type": "spot", "from_currency": "USD", "to_currency": "EUR", "date": day, "rate": rate}
    return event("ExchangeRateSet", f"{day}T07:00:00Z", **stated, version=1)


def rows(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said(CliRunner().invoke(app, [*words, "--json"]))["rows"]
    return found


def test_receivables_show_what_is_unrealised_apart(firm: Path) -> None:
    """1,200.00 USD carried at 1,080.00 are worth 1,140.00."""
    found = {row["kind"]: (row["open"], row["in_ledger"]) for row in rows("receivables")}
    assert found == {"invoice": ("1200.00", "1080.00"), "unrealised, invoices": ("0.00", "60.00")}


def test_unbilled_shows_it_with_its_reason(firm: Path) -> None:
    """300.00 USD carried at 270.00 are worth 285.00."""
    found = [(row["reason"], row["in_ledger"]) for row in rows("unbilled")]
    assert ("unrealised exchange difference", "15.00") in found


def test_each_payer_has_its_share_of_what_is_unrealised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,500.00 USD on none or on statements, carried at 1,350.00 and worth 1,425.00: 75.00, 60 to 40."""
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    shares = [{"customer_id": "ACME", "share": "60", "rounding_party": True}, {"customer_id": "BOLT", "share": "40"}]
    begin(tmp_path, bill_to=shares)
    end(tmp_path)
    found = {row["client"]: row["in_ledger"] for row in rows("unbilled") if row["reason"].startswith("unrealised")}
    assert found == {"ACME": "45.00", "BOLT": "30.00"}


def test_the_outputs_hold_and_say_where_they_come_from(firm: Path) -> None:
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
    ledger = CliRunner().invoke(app, ["ledger", "--entity", "BERLIN", "--period", "2026-04"])
    assert "Unrealised exchange difference" in ledger.stdout
