"""Open invoices of the old system: aged by their own due dates, and paid like any other.

BRIDGE moved in on 28 February with 4,000.00 billed and 760.00 of tax, of which 2,856.00 are open: OLD-7 1,380.00 due on 9 February, OLD-8
1,190.00 on ACME's terms of 14 days from 20 February, OLD-9 286.00 due on 22 March.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write


def moved_in(at: str = "2026-03-01T09:00:00Z", *, version: int = 1, paid: str = "1904", **opens: str) -> Event:
    """By invoice what is open."""
    known = {
        "OLD-7": ("2026-01-10", "2000", "380", "2026-02-09"),
        "OLD-8": ("2026-02-20", "1000", "190", None),
        "OLD-9": ("2026-02-20", "1000", "190", "2026-03-22"),
    }
    invoices = []
    for invoice_id, open_ in opens.items():
        invoiced_on, net, tax, due_on = known[invoice_id.replace("_", "-")]
        stated = {"invoice_id": invoice_id.replace("_", "-"), "invoiced_on": invoiced_on, "net": net, "tax": tax}
        invoices.append({**stated, "open": open_, **({"due_on": due_on} if due_on else {})})
    line = {"line_id": "L-1", "hours": "40", "cost": "1600", "revenue": "4000", "billed": "4000", "tax": "760"}
    return event(
        "BalancesBroughtForward",
        at,
        engagement_id="BRIDGE",
        project_id="BRIDGE",
        version=version,
        as_of="2026-02-28",
        requested_by="ann",
        approved_by="ben",
        lines=[{**line, "paid": paid}],
        receivables=invoices,
    )


def firm() -> list[Event]:
    terms = {"payment_terms_days": 14}
    return [{**each, **terms} if each["type"] == "CustomerDefined" else each for each in founding()]


def owed(folder: Path, *options: str) -> dict[str, Any]:
    """By invoice; 1100 foots."""
    output = str(folder / "output")
    found = said(CliRunner().invoke(app, ["receivables", "--json", *options, "--output", output]))
    assert all(foot["holds"] for foot in found["feet"])
    return {row["invoice"]: row for row in found["rows"]}


def test_open_invoices_of_before_are_aged_by_their_own_due_dates(tmp_path: Path) -> None:
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286")])
    run(tmp_path, "--until", "2026-03-15")
    rows = owed(tmp_path)
    ages = ("not_due", "days_1_30", "days_31_60")
    assert {name: (row["due_on"], *(row[each] for each in ages)) for name, row in rows.items()} == {
        "OLD-7": ("2026-02-09", None, None, "1380.00"),
        "OLD-8": ("2026-03-06", None, "1190.00", None),
        "OLD-9": ("2026-03-22", "286.00", None, None),
    }
    assert [row["posted_on"] for row in rows.values()] == ["2026-01-10", "2026-02-20", "2026-02-20"]
    [client] = said(CliRunner().invoke(app, ["clients", "--json", "--output", str(tmp_path / "output")]))["rows"]
    assert (client["owed"], client["overdue"]) == ("2856.00", "2570.00")
    for row in rows.values():
        explained = CliRunner().invoke(app, ["explain", row["explain"]["open"], "--output", str(tmp_path / "output")])
        assert explained.exit_code == 0, explained.output


def test_a_payment_takes_the_invoice_of_before_that_it_names(tmp_path: Path) -> None:
    paid = {"payment_id": "P-1", "customer_id": "ACME", "currency": "EUR", "received_on": "2026-03-10"}
    parts = [{"invoice_id": "OLD-7", "amount": "500"}, {"invoice_id": "OLD-9", "amount": "286"}]
    payment = event("PaymentReceived", "2026-03-10T09:00:00Z", amount="786", applications=parts, **paid)
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286"), payment])
    run(tmp_path, "--until", "2026-03-15")
    assert {name: row["open"] for name, row in owed(tmp_path).items()} == {"OLD-7": "880.00", "OLD-8": "1190.00"}


def test_a_second_load_replaces_what_is_open_from_its_moment_on(tmp_path: Path) -> None:
    second = moved_in("2026-03-05T09:00:00Z", version=2, paid="3094", OLD_7="1380", OLD_9="286")
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286"), second])
    run(tmp_path, "--until", "2026-03-15")
    assert {name: row["open"] for name, row in owed(tmp_path).items()} == {"OLD-7": "1380.00", "OLD-9": "286.00"}
    assert set(owed(tmp_path, "--as-of", "2026-03-02")) == {"OLD-7", "OLD-8", "OLD-9"}


def test_the_summary_counts_what_was_brought_forward_apart(tmp_path: Path) -> None:
    """4,000.00 were earned and billed before; here 8 hours at 100.00 are, on one statement."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286"), worked("T-1", 3)])
    command = ["run", "--input", str(tmp_path / "input"), "--output", str(tmp_path / "output"), "--until", "2026-03-31"]
    told = CliRunner().invoke(app, command)
    lines = [" ".join(line.split()) for line in told.output.splitlines()]
    assert {"EUR 800.00 800.00", "EUR brought forward 4,000.00 4,000.00"} <= set(lines)
    found = said(CliRunner().invoke(app, [*command, "--json"]))
    assert (found["statements"], found["money"]) == (1, {"EUR": {"recognised": "800.00", "issued": "800.00"}})
    assert found["brought_forward"] == {"EUR": {"recognised": "4000.00", "issued": "4000.00"}}


def test_a_price_concession_lowers_what_is_earned_and_what_is_issued_in_the_summary(tmp_path: Path) -> None:
    """8 hours at 100.00, and 150.00 less for an invoice of before."""
    conceded = event(
        "CreditMemoIssued",
        "2026-03-10T09:00:00Z",
        credit_memo_id="CM-1",
        requested_by="ann",
        approved_by="ben",
        invoice_id="OLD-7",
        kind="price_concession",
        issued_on="2026-03-10",
        lines=[{"line_id": "L-1", "amount": "150"}],
    )
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286"), worked("T-1", 3), conceded])
    command = ["run", "--input", str(tmp_path / "input"), "--output", str(tmp_path / "output"), "--until", "2026-03-31"]
    assert "EUR 650.00 650.00" in [
        " ".join(line.split()) for line in CliRunner().invoke(app, command).output.splitlines()
    ]


def test_what_was_brought_forward_stands_apart_in_projects_and_clients(tmp_path: Path) -> None:
    """4,000.00 and 1,600.00 of 40 h are of before; 8 h here are 800.00 and 320.00, as the ledger has March. A second load has 3,500.00."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", paid="3380"), worked("T-1", 3)])
    run(tmp_path, "--until", "2026-03-15")
    output = ["--output", str(tmp_path / "output")]
    names = ("revenue", "revenue_before", "cost", "cost_before")

    def shown(table: str, *options: str) -> tuple[str | None, ...]:
        found = said(CliRunner().invoke(app, [table, "--json", *options, *output]))
        assert all(foot["holds"] for foot in found["feet"])
        [row], [total] = found["rows"], found["totals"]
        assert [row[name] for name in names] == [total[name] for name in names]
        for id_ in (row["explain"]["revenue_before"], row["explain"]["cost_before"]):
            explained = CliRunner().invoke(app, ["explain", id_, *options, *output])
            assert explained.exit_code == 0, explained.output
            assert "brought forward" in explained.output
        return tuple(row[name] for name in (*names, *(("hours", "hours_before") if table == "projects" else ())))

    assert shown("projects") == ("4800.00", "4000.00", "1920.00", "1600.00", "48", "40")
    assert shown("clients") == ("4800.00", "4000.00", "1920.00", "1600.00")
    second = moved_in("2026-03-16T09:00:00Z", version=2, OLD_7="1380", paid="2880")
    second["lines"] = [{**second["lines"][0], "revenue": "3500", "billed": "3500"}]
    second["receivables"] = [{**second["receivables"][0], "net": "1500"}]
    write(tmp_path / "input", [second], "second")
    run(tmp_path, "--until", "2026-03-17")
    assert shown("clients")[:2] == ("4300.00", "3500.00")
    assert shown("projects", "--as-of", "2026-03-10")[:2] == ("4800.00", "4000.00")


def test_cost_brought_forward_is_no_persons_and_says_so(tmp_path: Path) -> None:
    """1,600.00 are of before, and 8 h of Ada 320.00: 1,920.00, as on 5000. A second load has 1,700.00."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", paid="3380"), worked("T-1", 3)])
    run(tmp_path, "--until", "2026-03-15")
    output = ["--output", str(tmp_path / "output")]

    def shown(*options: str) -> list[tuple[str | None, ...]]:
        found = said(CliRunner().invoke(app, ["people", "--json", *options, *output]))
        assert all(foot["holds"] for foot in found["feet"])
        for row in found["rows"]:
            explained = CliRunner().invoke(app, ["explain", row["explain"]["cost"], *output])
            assert explained.exit_code == 0, explained.output
            assert ("brought forward" in explained.output) == (row["person"] is None)
        return [(row["person"], row["name"], row["cost"]) for row in (*found["rows"], *found["totals"])]

    ours, total = ("ADA", None, "320.00"), ("total", None, "1920.00")
    assert shown() == [ours, (None, "cost brought forward", "1600.00"), total]
    assert shown("--by-project") == [ours, (None, "cost brought forward", "1600.00"), total]
    assert shown("--from", "2026-03") == [ours, ("total", None, "320.00")]
    assert (
        len(CliRunner().invoke(app, ["people", "--from", "2026-02", *output]).stdout.split("cost brought forward")) == 2
    )
    second = moved_in("2026-03-16T09:00:00Z", version=2, OLD_7="1380", paid="3380")
    second["lines"] = [{**second["lines"][0], "cost": "1700"}]
    write(tmp_path / "input", [second], "second")
    run(tmp_path, "--until", "2026-03-17")
    assert shown() == [ours, (None, "cost brought forward", "1700.00"), ("total", None, "2020.00")]


def test_hours_of_balances_that_wait_are_not_the_projects(tmp_path: Path) -> None:
    """1,476.00 are neither paid nor open, so nothing of the load is booked; 8 h are of here."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380"), worked("T-1", 3)])
    run(tmp_path, "--until", "2026-03-15")
    [row] = said(CliRunner().invoke(app, ["projects", "--json", "--output", str(tmp_path / "output")]))["rows"]
    assert (row["hours"], row.get("hours_before"), row["revenue"]) == ("8", None, "800.00")


def test_hours_of_a_second_load_count_once_it_is_booked(tmp_path: Path) -> None:
    """44 h instead of 40 h come with a load that does not sum; then with one that does."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", paid="3380")])
    run(tmp_path, "--until", "2026-03-15")

    def hours(version: int, paid: str) -> str:
        load = moved_in(f"2026-03-{14 + version}T09:00:00Z", version=version, OLD_7="1380", paid=paid)
        load["lines"] = [{**load["lines"][0], "hours": "44"}]
        write(tmp_path / "input", [load], f"load-{version}")
        run(tmp_path, "--until", f"2026-03-{15 + version}")
        [row] = said(CliRunner().invoke(app, ["projects", "--json", "--output", str(tmp_path / "output")]))["rows"]
        return str(row["hours"])

    assert hours(2, "1") == "40"
    assert hours(3, "3380") == "44"


def test_without_balances_nothing_is_brought_forward(tmp_path: Path) -> None:
    write(tmp_path / "input", [*firm(), worked("T-1", 3)])
    run(tmp_path, "--until", "2026-03-15")
    [row] = said(CliRunner().invoke(app, ["projects", "--json", "--output", str(tmp_path / "output")]))["rows"]
    assert (row["revenue"], row.get("revenue_before"), row.get("hours_before")) == ("800.00", None, None)


def test_balances_that_waited_for_a_rate_are_of_before(tmp_path: Path) -> None:
    """4,000.00 USD of 40 h are booked once the rate of 28 February is known: 2,000.00 EUR."""
    usd = [{**each, "currency": "USD"} if each["type"] == "ContractSigned" else each for each in firm()]
    write(tmp_path / "input", [*usd, moved_in(OLD_7="1380", paid="3380")])
    run(tmp_path, "--until", "2026-03-10")
    rate = event(
        "ExchangeRateSet",
        "2026-03-11T09:00:00Z",
        from_currency="USD",
        to_currency="EUR",
        rate_type="spot",
        date="2026-02-28",
        rate="0.5",
        version=1,
    )
    write(tmp_path / "input", [rate], "rate")
    run(tmp_path, "--until", "2026-03-15")
    [row] = said(CliRunner().invoke(app, ["projects", "--json", "--output", str(tmp_path / "output")]))["rows"]
    assert (row["hours"], row["hours_before"]) == ("40", "40")
    assert row["revenue"] == row["revenue_before"]
    assert row["cost"] == row["cost_before"]


def test_a_page_says_what_stands_below_a_figure(tmp_path: Path) -> None:
    """Of 48 h, 1,920.00 and 4,800.00 are 40 h, 1,600.00 and 4,000.00 of before; each has its title and what explains it."""
    write(tmp_path / "input", [*firm(), moved_in(OLD_7="1380", OLD_8="1190", OLD_9="286"), worked("T-1", 3)])
    run(tmp_path, "--until", "2026-03-15")
    page = CliRunner().invoke(app, ["projects", "--html", "-", "--output", str(tmp_path / "output")]).stdout
    assert page.count("<small>brought forward</small></th>") == 3
    explained = '<small><span title="milepost explain &#x27;projects/BERLIN/BRIDGE#{}&#x27;">{}</span></small>'
    assert explained.format("hours_before", "40") in page
    assert explained.format("cost_before", "1,600.00") in page
    assert explained.format("revenue_before", "4,000.00") in page
