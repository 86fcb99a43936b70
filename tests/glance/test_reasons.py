"""Why what is earned is not invoiced: limits, schedules and holds, with figures to check by hand. ADA bills 100.00 an hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write


def signed(**terms: Any) -> list[Event]:
    """The tiny firm with other terms of its contract."""
    return [{**each, **terms} if each["type"] == "ContractSigned" else each for each in founding()]


def hourly(**more: Any) -> dict[str, Any]:
    return {"type": "TimeAndMaterials", "rates": [{"rate": "100", "effective_from": "2026-01-01"}], **more}


def line(terms: dict[str, Any], line_id: str = "L-1", **more: Any) -> dict[str, Any]:
    return {"line_id": line_id, "project_id": "BRIDGE", "terms": terms, **more}


def reasons(folder: Path, events: list[Event], until: str) -> dict[str, tuple[str | None, str | None]]:
    """By reason what is unbilled and what is on a statement."""
    write(folder / "input", events)
    run(folder, "--until", until)
    found = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(folder / "output")]))
    assert all(foot["holds"] for foot in found["feet"])
    return {row["reason"]: (row["unbilled"], row["on_statement"]) for row in found["rows"]}


def test_work_over_a_purchase_order_is_earned_and_waits(tmp_path: Path) -> None:
    """8 h are 800.00 under an order of 500.00: 300.00 wait until it is raised."""
    terms = signed(purchase_order={"number": "PO-1", "limit": "500"})
    assert reasons(tmp_path, [*terms, worked("T-1", 9)], "2026-03-12") == {
        "next statement": ("500.00", None),
        "over a purchase order": ("300.00", None),
    }


def test_progress_over_a_purchase_order_waits_for_the_order(tmp_path: Path) -> None:
    """40 % of 2,000.00 are 800.00 under an order of 500.00: 300.00 wait until it is raised, the progress bills the others."""
    terms = line({"type": "FixedPrice", "price": "2000", "by_progress": True}, revenue_policy="reported")
    signed_so = signed(purchase_order={"number": "PO-1", "limit": "500"}, lines=[terms])
    report = {"contract_id": "K-1", "line_id": "L-1", "percent": "40", "as_of": "2026-03-09"}
    progress = event("ProgressReported", "2026-03-09T18:00:00Z", version=1, **report)
    assert reasons(tmp_path, [*signed_so, progress], "2026-03-12") == {
        "billed by schedule": ("500.00", None),
        "over a purchase order": ("300.00", None),
    }


def test_hours_of_a_retainer_beside_work_at_rates_are_billed_by_its_fee(tmp_path: Path) -> None:
    """1,000.00 at the end of the month buy 10 h: 3 h earn 300.00, which the fee bills. The other line's 2 h are 200.00, on 1160 too."""
    fee = {"type": "Retainer", "fee": "1000", "unit": "hours", "quantity": "10", "in_advance": False}
    rates = line(hourly(), "L-2", tasks=["build"], policies={"unbilled_account": "contract_asset"})
    terms = signed(lines=[line({**fee, "overage_rate": "150"}, tasks=["care"]), rates], starts_on="2026-03-01")
    work = [worked("T-1", 9, "3", task="care"), worked("T-2", 10, "2", task="build")]
    assert reasons(tmp_path, [*terms, *work], "2026-03-12") == {
        "billed by schedule": ("300.00", None),
        "next statement": ("200.00", None),
    }


def test_work_over_a_cap_is_listed_and_in_no_account(tmp_path: Path) -> None:
    """8 h under a cap of 500.00: 500.00 are earned, 300.00 are not."""
    terms = signed(lines=[line(hourly(cap={"kind": "hard", "amount": "500"}))])
    events = [*terms, worked("T-1", 9)]
    assert reasons(tmp_path, events, "2026-03-12") == {
        "next statement": ("500.00", None),
        "over cap, no revenue": ("300.00", None),
    }
    found = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    assert [row["unbilled"] for row in found["totals"] if row["reason"] == "all"] == ["500.00"]


def test_work_over_several_caps_of_a_contract_is_one_row(tmp_path: Path) -> None:
    """8 h and 6 h on two lines of 500.00 each: 300.00 and 100.00 are over."""
    capped = hourly(cap={"kind": "hard", "amount": "500"})
    terms = signed(lines=[line(capped, tasks=["design"]), line(capped, "L-2", tasks=["build"])])
    events = [*terms, worked("T-1", 9, task="design"), worked("T-2", 10, "6", task="build")]
    assert reasons(tmp_path, events, "2026-03-12")["over cap, no revenue"] == ("400.00", None)
    found = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    [over] = [row["explain"]["unbilled"] for row in found["rows"] if row["reason"] == "over cap, no revenue"]
    assert over == "unbilled/over cap, no revenue/BERLIN/BRIDGE/K-1/ACME/EUR#unbilled"
    text = CliRunner().invoke(app, ["explain", over, "--output", str(tmp_path / "output")]).stdout
    assert "400.00 EUR = 300.00 EUR + 100.00 EUR" in text


def test_work_over_a_cap_that_limits_billing_alone_is_earned_and_over_cap(tmp_path: Path) -> None:
    """8 h under a cap of 500.00 that leaves revenue alone: 800.00 are earned, 300.00 of them are not billed; both are in the accounts."""
    terms = signed(lines=[line(hourly(cap={"kind": "hard", "amount": "500", "limits_revenue": False}))])
    events = [*terms, worked("T-1", 9)]
    assert reasons(tmp_path, events, "2026-03-12") == {"next statement": ("500.00", None), "over cap": ("300.00", None)}
    found = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    assert [row["unbilled"] for row in found["totals"] if row["reason"] == "all"] == ["800.00"]
    [over] = [row["explain"]["unbilled"] for row in found["rows"] if row["reason"] == "over cap"]
    text = CliRunner().invoke(app, ["explain", over, "--output", str(tmp_path / "output")]).stdout
    assert "300.00 EUR" in text
    assert "exception: BRIDGE." in text


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({"kind": "entry", "id": "T-1"}, "800.00"),
        ({"kind": "project", "id": "BRIDGE"}, "1200.00"),
        ({"kind": "contract", "id": "K-1"}, "1200.00"),
        ({"kind": "line", "id": "L-1"}, "1200.00"),
        ({"kind": "bill_to", "id": "ACME"}, "1200.00"),
        ({"kind": "entry", "id": "T-9"}, None),
    ],
    ids=["entry", "project", "contract", "line", "bill_to", "another entry"],
)
def test_a_hold_holds_what_it_covers_until_it_is_released(tmp_path: Path, scope: Event, held: str | None) -> None:
    stated = {"hold_id": "H-1", "scope": scope, "placed_on": "2026-03-11", "reason": "asked"}
    placed = event("BillingHoldPlaced", "2026-03-11T08:00:00Z", version=1, **stated)
    events = [*founding(), worked("T-1", 9), worked("T-2", 10, "4"), placed]
    assert reasons(tmp_path, events, "2026-03-12").get("on hold", (None, None))[0] == held
    released = event("BillingHoldReleased", "2026-03-13T08:00:00Z", version=2, hold_id="H-1")
    write(tmp_path / "input", [released], "released")
    run(tmp_path, "--until", "2026-03-14")
    found = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    assert [(row["reason"], row["unbilled"]) for row in found["rows"]] == [("next statement", "1200.00")]


def hold_on(line_id: str) -> Event:
    scope = {"kind": "line", "id": line_id}
    stated = {"hold_id": "H-1", "scope": scope, "placed_on": "2026-03-11", "reason": "asked"}
    return event("BillingHoldPlaced", "2026-03-11T08:00:00Z", version=1, **stated)


def spent(expense_id: str, amount: str) -> Event:
    fields = {"expense_id": expense_id, "version": 1, "project_id": "BRIDGE", "category": "travel", "currency": "EUR"}
    return event(
        "ExpenseApproved", "2026-03-10T19:00:00Z", spent_on="2026-03-10", amount=amount, approved_by="BEN", **fields
    )


def held_in_books(folder: Path) -> str:
    found = said(CliRunner().invoke(app, ["show", "BRIDGE", "--json", "--output", str(folder / "output")]))
    [balance] = found["project"]["balances"]
    return str(balance["held"])


@pytest.mark.parametrize(
    ("line_id", "held"),
    [("L-1", "800.00"), ("L-2", "600.00"), ("L-3", "50.00"), ("L-9", None)],
    ids=["of its task", "of no task", "expenses", "another"],
)
def test_a_hold_of_a_line_holds_what_it_bills_though_nothing_names_it(
    tmp_path: Path, line_id: str, held: str | None
) -> None:
    """8 h of design are on L-1, 4 h without a task and 2 h of advice on L-2, 50.00 of travel on L-3. No entry names a line."""
    lines = [line(hourly(), tasks=["design"]), line(hourly(), "L-2"), line({"type": "Expenses"}, "L-3")]
    work = [worked("T-1", 9, task="design"), worked("T-2", 10, "4"), worked("T-3", 10, "2", task="advice")]
    events = [*signed(lines=lines), *work, spent("X-1", "50"), hold_on(line_id)]
    assert reasons(tmp_path, events, "2026-03-13").get("on hold", (None, None))[0] == held
    assert held_in_books(tmp_path) == (held or "0.00")


@pytest.mark.parametrize(("line_id", "held"), [("L-1", "500.00"), ("L-2", "300.00")])
def test_what_goes_on_over_a_cap_is_held_with_the_line_that_takes_it(tmp_path: Path, line_id: str, held: str) -> None:
    """8 h under a cap of 500.00: the 300.00 over it are work of the next line."""
    first = hourly(cap={"kind": "hard", "amount": "500"})
    lines = [line(first, policies={"overflow": "next_rule"}), line(hourly(), "L-2")]
    events = [*signed(lines=lines), worked("T-1", 9), hold_on(line_id)]
    assert reasons(tmp_path, events, "2026-03-13")["on hold"] == (held, None)
    assert held_in_books(tmp_path) == held


def test_a_hold_of_a_line_holds_by_the_terms_of_the_day_of_work(tmp_path: Path) -> None:
    """Design is on L-1 until 9 March and on L-2 from 10 March on: of 800.00 and 400.00 the first are held."""
    before = [line(hourly(), tasks=["design"]), line(hourly(), "L-2")]
    after = [line(hourly(), tasks=["advice"]), line(hourly(), "L-2")]
    terms = {
        "version": 2,
        "replaces_version": 1,
        "treatment": "prospective",
        "requested_by": "DORA",
        "reason": "agreed",
    }
    fields = {"contract_id": "K-1", "effective_on": "2026-03-10", "approved_by": "CARA", "lines": after, **terms}
    amended = event("ContractAmended", "2026-03-02T08:00:00Z", **fields)
    work = [worked("T-1", 9, task="design"), worked("T-2", 10, "4", task="design")]
    assert reasons(tmp_path, [*signed(lines=before), amended, *work, hold_on("L-1")], "2026-03-13") == {
        "next statement": ("400.00", None),
        "on hold": ("800.00", None),
    }
    assert held_in_books(tmp_path) == "800.00"


def test_a_price_earned_over_time_is_billed_by_its_schedule(tmp_path: Path) -> None:
    """6,100.00 over the 61 days of March and April: 3,100.00 are earned in March. An instalment of 2,000.00 takes a part of them, before
    its invoice and after; 1,100.00 are left to the next.
    """
    instalments = [{"on": "2026-03-31", "amount": "2000"}, {"on": "2026-04-30", "amount": "4100"}]
    price = {"type": "FixedPrice", "price": "6100", "schedule": instalments}
    lines = [line(price, revenue_policy="straight_line_days")]
    terms = signed(starts_on="2026-03-01", ends_on="2026-04-30", lines=lines)
    assert reasons(tmp_path, terms, "2026-04-05") == {
        "billed by schedule": ("1100.00", None),
        "on a statement, not invoiced": (None, "2000.00"),
    }
    posted = {"invoice_id": "INV-1", "statement_id": "BRIDGE.K-1/ACME/2026-03-01/1", "posted_on": "2026-04-06"}
    write(tmp_path / "input", [event("InvoicePosted", "2026-04-06T09:00:00Z", amount="2000", **posted)], "invoice")
    run(tmp_path, "--until", "2026-04-07")
    told = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    assert [(row["reason"], row["unbilled"]) for row in told["rows"]] == [("billed by schedule", "1100.00")]


def test_rows_of_a_statement_are_as_old_as_their_own_work(tmp_path: Path) -> None:
    """800.00 of 2 March and 800.00 of 31 March on one statement, on 24 April: 53 and 24 days."""
    reasons(tmp_path, [*founding(), worked("T-1", 2), worked("T-2", 31)], "2026-04-24")
    told = said(CliRunner().invoke(app, ["unbilled", "--json", "--output", str(tmp_path / "output")]))
    [row] = told["rows"]
    assert (row["reason"], row["on_statement"]) == ("on a statement, not invoiced", "1600.00")
    assert (row["days_0_30"], row["days_31_60"], row["oldest"]) == ("800.00", "800.00", "2026-03-02")


def test_a_hold_of_a_project_leaves_alone_what_another_line_gives_back_of_work_that_moved_there(tmp_path: Path) -> None:
    """4 h of BRIDGE are billed, 400.00, then are QUAY's, at 150.00 an hour. On hold are QUAY's 600.00, not the -400.00."""
    quay = event(
        "ProjectActivated", "2026-03-01T08:00:06Z", project_id="QUAY", version=1, name="Quay", legal_entity_id="BERLIN"
    )
    rates = [{"rate": "150", "effective_from": "2026-01-01"}]
    terms = signed(lines=[line(hourly()), line(hourly(rates=rates), "L-2", project_id="QUAY")])
    scope = {"kind": "project", "id": "QUAY"}
    stated = {"hold_id": "H-1", "scope": scope, "placed_on": "2026-04-01", "reason": "asked"}
    placed = event("BillingHoldPlaced", "2026-04-01T08:00:00Z", version=1, **stated)
    moved = {**worked("T-1", 9, "4", version=2, project_id="QUAY"), "occurred_at": "2026-04-02T08:00:00Z"}
    moved["event_id"] = "moved"
    events = [*terms[:-1], quay, terms[-1], worked("T-1", 9, "4"), placed, moved]
    assert reasons(tmp_path, events, "2026-04-03") == {
        "next statement": ("-400.00", None),
        "on a statement, not invoiced": (None, "400.00"),
        "on hold": ("600.00", None),
    }
