"""An old invoice that is paid here, and corrected balances that have less of it open: what was paid too much is the customer's cash.

OLD-7 of BRIDGE is open with 1,380.00 and due on 9 February; ACME pays 1,380.00 on 10 March.
"""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.test_applied_cash import of_road
from tests.commands.tiny_firm import Event, event, run, said, write
from tests.glance.test_opening import firm, moved_in

BANK = {"customer_id": "ACME", "currency": "EUR"}


def pays(payment_id: str, day: int, **applied: str) -> Event:
    parts = [{"invoice_id": name.replace("_", "-"), "amount": amount} for name, amount in applied.items()]
    amount = str(sum(int(each["amount"]) for each in parts))
    received = {"payment_id": payment_id, "received_on": f"2026-03-{day:02}", "amount": amount}
    return event("PaymentReceived", f"2026-03-{day:02}T09:00:00Z", applications=parts, **received, **BANK)


def again(version: int, day: int, open_: str) -> Event:
    """What is open of OLD-7; of 4,760.00 all else is paid."""
    at = f"2026-03-{day:02}T09:00:00Z"
    return moved_in(at, version=version, paid=str(4760 - int(open_)), OLD_7=open_)


def owed(folder: Path, *options: str) -> list[tuple[str | int | None, ...]]:
    """Kind, name, what is open, and for how many days; 1100 and 1120 foot, and each figure is explained."""
    output = str(folder / "output")
    found = said(CliRunner().invoke(app, ["receivables", "--json", *options, "--output", output]))
    assert all(foot["holds"] for foot in found["feet"])
    for row in found["rows"]:
        explained = CliRunner().invoke(app, ["explain", row["explain"]["open"], *options, "--output", output])
        assert explained.exit_code == 0, explained.output
    return [(row["kind"], row["invoice"], row["open"], row.get("days_overdue")) for row in found["rows"]]


def test_what_was_paid_beyond_a_restated_invoice_is_unapplied_cash(tmp_path: Path) -> None:
    """1,380.00 were paid and 1,280.00 were open: 100.00 of the payment are on no invoice, from the second load on."""
    first = moved_in(paid="3380", OLD_7="1380")
    write(tmp_path / "input", [*firm(), first, pays("PAY-1", 10, OLD_7="1380"), again(2, 12, "1280")])
    run(tmp_path, "--until", "2026-03-15")
    assert owed(tmp_path) == [("unapplied cash", "PAY-1", "-100.00", None)]
    assert owed(tmp_path, "--as-of", "2026-03-11") == []
    why = CliRunner().invoke(app, ["explain", "BRIDGE#unapplied/PAY-1", "--output", str(tmp_path / "output")]).stdout
    assert "paid beyond what was owed" in why
    assert "unapplied: 100.00 EUR" in why


def test_an_invoice_that_is_open_again_has_its_payment_back(tmp_path: Path) -> None:
    """A third load has 1,480.00 open: the whole payment is on it, and 100.00 are owed, 34 days after the due date."""
    first = moved_in(paid="3380", OLD_7="1380")
    loads = [again(2, 12, "1280"), again(3, 13, "1480")]
    write(tmp_path / "input", [*firm(), first, pays("PAY-1", 10, OLD_7="1380"), *loads])
    run(tmp_path, "--until", "2026-03-15")
    assert owed(tmp_path) == [("invoice", "OLD-7", "100.00", 34)]
    assert owed(tmp_path, "--as-of", "2026-03-12") == [("unapplied cash", "PAY-1", "-100.00", None)]


def test_cash_that_is_booked_with_another_contracts_invoice_is_taken_off_first(tmp_path: Path) -> None:
    """PAY-1 pays 200.00 of ROAD and 1,380.00 of BRIDGE. What of it is on no invoice is ROAD's: the load waits with row, field and both
    figures, the first one stands, and it is loaded once 100.00 are taken off."""
    road = moved_in("2026-03-01T09:00:01Z", paid="3380", OLD_7="1380") | {"engagement_id": "ROAD", "project_id": "ROAD"}
    road["lines"] = [{**road["lines"][0], "line_id": "L-2"}]
    road["receivables"] = [{**road["receivables"][0], "invoice_id": "ROAD-7"}]
    first, second = moved_in(paid="3380", OLD_7="1380"), again(2, 12, "1280")
    second["receivables"] = [{**second["receivables"][0], "source_row": "balances-2.csv row 3"}]
    events = [*firm(), *of_road(firm()), road, first, pays("PAY-1", 10, ROAD_7="200", OLD_7="1380"), second]
    write(tmp_path / "input", events)
    run(tmp_path, "--until", "2026-03-13")
    output = ["--output", str(tmp_path / "output")]
    [waits] = said(CliRunner().invoke(app, ["exceptions", "list", "--json", *output]))["exceptions"]
    assert (waits["category"], waits["owner_role"], waits["field"]) == (
        "balances_differ",
        "finance",
        "receivables[0].open",
    )
    assert waits["message"] == (
        "invoice OLD-7 (balances-2.csv row 3): open: expected at least 1380.00 EUR, as 1380.00 were paid here since, got "
        "1280.00; correct open, or first take off it what a payment that is booked with another contract's invoice paid too much "
        "(PaymentApplied)"
    )
    assert owed(tmp_path) == [("invoice", "ROAD-7", "1180.00", 32)]
    off = {"application_id": "AP-1", "payment_id": "PAY-1", "applied_on": "2026-03-14", **BANK}
    parts = [{"invoice_id": "OLD-7", "amount": "-100"}]
    write(tmp_path / "input", [event("PaymentApplied", "2026-03-14T09:00:00Z", applications=parts, **off)], "off")
    run(tmp_path, "--until", "2026-03-15")
    assert said(CliRunner().invoke(app, ["exceptions", "list", "--json", *output]))["exceptions"] == []
    assert owed(tmp_path) == [("invoice", "ROAD-7", "1180.00", 34), ("unapplied cash", "PAY-1", "-100.00", None)]
