"""What a revoked milestone leaves of a contract that is billed ahead: a liability of the balance sheet, until it is credited (R46)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, write


def milestones(line_id: str, **prices: str) -> Event:
    listed = [
        {"milestone_id": name, "name": name, "amount": amount, "due_on": "2026-12-31"}
        for name, amount in prices.items()
    ]
    return {"line_id": line_id, "project_id": "BRIDGE", "terms": {"type": "Milestones", "milestones": listed}}


def accepted(milestone_id: str, day: str) -> Event:
    fields = {
        "milestone_id": milestone_id,
        "version": 1,
        "accepted_on": day,
        "project_id": "BRIDGE",
        "approved_by": "CARA",
    }
    return event("MilestoneAccepted", f"{day}T10:00:00Z", **fields)


def invoice(at: str, period: str, amount: str) -> Event:
    return event(
        "InvoicePosted",
        f"{at}T10:00:00Z",
        statement_id=f"BRIDGE.K-1/ACME/{period}/1",
        invoice_id=f"INV-{period}",
        posted_on=at,
        amount=amount,
    )


def revoked_after_its_invoice(folder: Path) -> list[str]:
    """7,000.00 of K-1 are accepted, invoiced and revoked; 600.00 of it and 900.00 of K-2 are accepted and not billed yet."""
    events = founding()
    signed = next(one for one in events if one["type"] == "ContractSigned")
    signed["lines"] = [milestones("L-1", DESIGN="7000", BUILD="600")]
    other = {**signed, "event_id": "K-2", "contract_id": "K-2", "lines": [milestones("L-2", TEST="900")]}
    revoked = event("MilestoneRevoked", "2026-04-10T10:00:00Z", milestone_id="DESIGN", version=2, project_id="BRIDGE")
    events += [
        other,
        accepted("DESIGN", "2026-03-20"),
        invoice("2026-04-02", "2026-03-01", "7000"),
        revoked,
        accepted("BUILD", "2026-04-11"),
        accepted("TEST", "2026-04-12"),
        invoice("2026-05-02", "2026-04-01", "-6400"),
    ]
    write(folder / "input", events)
    run(folder, "--until", "2026-05-31")
    return ["--output", str(folder / "output"), "--entity", "BERLIN", "--json"]


def asked(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["ledger", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def sheet(of: list[str], period: str) -> dict[str, str]:
    """At the period's end, by account or name."""
    _, balance_sheet = asked(*of, "--statement", "--period", period)["tables"]
    return {row["account"] or row["name"]: row["end"] for row in balance_sheet["rows"] if row["end"] != "0.00"}


def test_a_contract_billed_ahead_is_a_liability_of_the_balance_sheet(tmp_path: Path) -> None:
    """7,000.00 invoiced and 600.00 earned of K-1 are 6,400.00 on 2300, beside the 900.00 of K-2; the credit of 6,400.00 clears it."""
    of = revoked_after_its_invoice(tmp_path)
    assert sheet(of, "2026-04") == {
        "1100": "7000.00",
        "1160": "900.00",
        "cash and receivables": "7900.00",
        "assets": "7900.00",
        "2300": "6400.00",
        "liabilities": "6400.00",
        "result of the year": "1500.00",
        "liabilities and results": "7900.00",
    }
    assert sheet(of, "2026-05") == {
        "1100": "600.00",
        "1160": "900.00",
        "cash and receivables": "1500.00",
        "assets": "1500.00",
        "result of the year": "1500.00",
        "liabilities and results": "1500.00",
    }


def test_the_ledger_keeps_it_where_the_milestone_was_invoiced_until_the_credit(tmp_path: Path) -> None:
    of = revoked_after_its_invoice(tmp_path)
    april = {line["account"]: line["closing"] for line in asked(*of, "--period", "2026-04")["ledger"]}
    assert april == {"1100": "7000.00", "1160": "-5500.00", "4000": "-1500.00"}


def test_each_side_is_explained_by_contract(tmp_path: Path) -> None:
    output = revoked_after_its_invoice(tmp_path)[:2]
    asset, owed = (
        CliRunner().invoke(app, ["explain", f"statement/BERLIN/2026-04/balance_sheet/{each}#end", *output]).output
        for each in ("1160", "2300")
    )
    assert "K-1, whose 2300 stands here too" in asset
    assert "K-1, whose 1160 stands here too" in owed
    assert "6,400.00" in asset
    assert "6,400.00" in owed
    assert "K-2" not in asset
