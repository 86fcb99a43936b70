"""Retention in a run: what is withheld stands in the view and on 1170, a release without lines is looked up like any statement."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, worked, write


def milepost(verb: str, *arguments: str) -> str:
    result = CliRunner().invoke(app, [verb, *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def invoice(at: str, period: str, amount: str) -> Event:
    return event(
        "InvoicePosted",
        f"{at}T10:00:00Z",
        statement={"contract_id": "K-1", "period": period, "sequence": 1},
        project_id="BRIDGE",
        invoice_id=f"INV-{period}",
        posted_on=at,
        amount=amount,
    )


def ran(folder: Path, *invoices: Event) -> str:
    """Eight hours at 100.00 in March, of which the customer keeps a tenth until April 20."""
    events = [*founding(), worked("T-1", 2), *invoices]
    signed = next(one for one in events if one["type"] == "ContractSigned")
    steps = [{"at_percent": "0", "withhold_percent": "10", "release_percent": "0"}]
    signed["retention"] = {"steps": steps, "release_on": "2026-04-20"}
    output = str(folder / "output")
    milepost("run", "--input", str(write(folder / "input", events)), "--output", output, "--until", "2026-05-31")
    assert "Everything that was looked at holds" in milepost("verify", "--output", output)
    return output


def test_what_is_retained_is_shown_until_its_release_is_invoiced(tmp_path: Path) -> None:
    output = ran(tmp_path / "kept", invoice("2026-04-02", "2026-03-01", "720.00"))
    shown = milepost("show", "BRIDGE", "--output", output)
    assert " receivable  retention" in shown
    assert "BRIDGE.K-1/ACME/2026-04-20/1" in shown
    assert "80.00 EUR" in milepost("explain", "BRIDGE#retention", "--output", output)
    assert "1170" in milepost("ledger", "--output", output, "--entity", "BERLIN", "--period", "2026-04")

    both = invoice("2026-04-02", "2026-03-01", "720.00"), invoice("2026-05-04", "2026-04-20", "80.00")
    output = ran(tmp_path / "released", *both)
    assert "retention" not in milepost("show", "BRIDGE", "--output", output)
    assert "80.00 EUR" in milepost("explain", "BRIDGE.K-1/ACME/2026-04-20/1", "--output", output)
