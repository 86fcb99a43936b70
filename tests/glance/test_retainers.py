"""What retainers have left, and when it expires: figures to check by hand.

1,000.00 a month buy 10 h, of which 4 h go over for one month.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, write

HOURS: Event = {
    "type": "Retainer",
    "fee": "1000",
    "unit": "hours",
    "quantity": "10",
    "in_advance": True,
    "overage_rate": "150",
}
GOES_OVER: Event = {**HOURS, "rollover": "4", "expiry": 1}
MONEY: Event = {"type": "Retainer", "fee": "1000", "unit": "money", "quantity": "1200", "in_advance": False}
SHOWN = ("hours_left", "expires_on", "hours_expiring")


def firm(terms: Event, *work: Event) -> list[Event]:
    changed: dict[str, Event] = {
        "ContractSigned": {"lines": [{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}]},
        "PersonDefined": {"bill_rate": {"amount": "100", "currency": "EUR"}},
    }
    founded = ({**each, **changed.get(str(each["type"]), {})} for each in founding())
    return [*({**each, "occurred_at": str(each["occurred_at"]).replace("03-01", "01-01")} for each in founded), *work]


def hours(entry_id: str, day: str, hours: str) -> Event:
    fields = {"entry_id": entry_id, "version": 1, "project_id": "BRIDGE", "person_id": "ADA", "worked_on": day}
    return event("TimeApproved", f"{day}T18:00:00Z", **fields, approved_by="BEN", hours=hours)


def rows(folder: Path, *options: str) -> list[dict[str, Any]]:
    found = said(CliRunner().invoke(app, ["prepaid", "--json", *options, "--output", str(folder / "output")]))
    assert all(foot["holds"] for foot in found["feet"])
    for row in found["rows"]:
        for column in ("hours_left", "hours_expiring", "money_left", "money_expiring"):
            if row.get(column) is not None:
                moment = options if "--as-of" in options else ()
                asked = ["explain", row["explain"][column], *moment, "--output", str(folder / "output")]
                explained = CliRunner().invoke(app, asked)
                assert explained.exit_code == 0, explained.output
                assert row[column] in explained.output
    return list(found["rows"])


def test_what_is_left_is_said_with_the_day_on_which_it_expires(tmp_path: Path) -> None:
    """January: 3 of 10 h are drawn, 7 are left; 3 of them expire on the 31st, 4 go over. February: 14 h, 5 drawn, first what
    January left: of 9 h that are left 4 may go over, 5 expire."""
    work = [hours("T-1", "2026-01-12", "3"), hours("T-2", "2026-02-10", "5")]
    write(tmp_path / "input", firm(GOES_OVER, *work))
    run(tmp_path, "--until", "2026-02-15")
    january = rows(tmp_path, "--as-of", "2026-01-20")
    assert [tuple(row[each] for each in SHOWN) for row in january] == [("7", "2026-01-31", "3")]
    february = rows(tmp_path)
    assert [tuple(row[each] for each in SHOWN) for row in february] == [("9", "2026-02-28", "5")]


def test_what_expires_is_not_used(tmp_path: Path) -> None:
    """3,000.00 buy 30 h of the first quarter: 3 h are drawn for 300.00, and 27 h expire with it."""
    invoice = event(
        "InvoicePosted",
        "2026-02-03T09:00:00Z",
        invoice_id="INV-1",
        posted_on="2026-02-03",
        amount="3000",
        statement={"contract_id": "K-1", "period": "2026-01-01", "sequence": 1},
    )
    terms = {**HOURS, "fee": "3000", "quantity": "30", "per": "quarter"}
    write(tmp_path / "input", firm(terms, invoice, hours("T-1", "2026-02-12", "3")))
    run(tmp_path, "--until", "2026-04-01")
    [row] = rows(tmp_path, "--since", "2026-01-01")
    assert (row["granted"], row["used"], row["expired"], row["left"]) == ("3000.00", "300.00", "2700.00", "0.00")


DEPOSIT: Event = {"type": "Deposit", "amount": "500", "due_on": "2026-01-10", "refundable": True}


def deposited(*more: Event) -> list[Event]:
    fields = {"invoice_id": "INV-1", "posted_on": "2026-02-02", "amount": "500"}
    statement = {"contract_id": "K-1", "period": "2026-01-01", "sequence": 1}
    return firm(DEPOSIT, event("InvoicePosted", "2026-02-02T09:00:00Z", **fields, statement=statement), *more)


def test_a_deposit_that_is_refunded_at_the_end_is_given_back_and_not_used(tmp_path: Path) -> None:
    """The contract ends in February: its statement is the refund of all 500.00."""
    end = {"contract_id": "K-1", "version": 2, "effective_on": "2026-02-15"}
    fields = {"invoice_id": "INV-2", "posted_on": "2026-03-02", "amount": "-500"}
    statement = {"contract_id": "K-1", "period": "2026-02-01", "sequence": 1}
    refund = event("InvoicePosted", "2026-03-02T09:00:00Z", **fields, statement=statement)
    ended = event("ContractTerminated", "2026-02-10T09:00:00Z", **end)
    write(tmp_path / "input", deposited(ended, refund))
    run(tmp_path, "--until", "2026-03-03")
    [row] = rows(tmp_path, "--since", "2026-01-01")
    assert (row["granted"], row["used"], row["given_back"], row["left"]) == ("500.00", "0.00", "500.00", "0.00")


def test_what_is_credited_of_a_deposit_is_given_back(tmp_path: Path) -> None:
    """100.00 of 500.00 are to be billed again."""
    memo = event(
        "CreditMemoIssued",
        "2026-02-03T09:00:00Z",
        credit_memo_id="CM-1",
        invoice_id="INV-1",
        kind="error_rebill",
        lines=[{"line_id": "L-1", "amount": "100"}],
        issued_on="2026-02-03",
        requested_by="ann",
        approved_by="ben",
    )
    write(tmp_path / "input", deposited(memo))
    run(tmp_path, "--until", "2026-02-04")
    [row] = rows(tmp_path, "--since", "2026-01-01")
    assert (row["granted"], row["used"], row["given_back"], row["left"]) == ("500.00", "0.00", "100.00", "400.00")


def test_what_goes_over_whole_expires_with_its_own_life(tmp_path: Path) -> None:
    """7 of 10 h are drawn: 3 h go over and expire on 28 February, not on 31 January."""
    write(tmp_path / "input", firm(GOES_OVER, hours("T-1", "2026-01-12", "7")))
    run(tmp_path, "--until", "2026-01-20")
    assert [tuple(row[each] for each in SHOWN) for row in rows(tmp_path)] == [("3", "2026-02-28", "3")]


def test_of_several_retainers_the_next_day_counts_and_what_expires_on_it(tmp_path: Path) -> None:
    """10 h of January and 30 h of the quarter, of which 3 and 2 h are drawn: 35 h are left, and 7 h expire on 31 January. The quarter's
    line comes first, so that the order of lines does not decide."""
    quarter = {**HOURS, "fee": "3000", "quantity": "30", "per": "quarter"}
    *others, signed = firm(HOURS)
    terms = {"L-Q": quarter, "L-M": HOURS}
    takes = {"project_id": "BRIDGE", "takes": ["time"]}
    lines = [{"line_id": line, "terms": of_line, "tasks": [line], **takes} for line, of_line in terms.items()]
    drawn = [("T-1", "3", "L-M"), ("T-2", "2", "L-Q")]
    work = [{**hours(entry, "2026-01-12", of_line), "task": line} for entry, of_line, line in drawn]
    write(tmp_path / "input", [*others, {**signed, "lines": lines}, *work])
    run(tmp_path, "--until", "2026-01-20")
    assert [tuple(row[each] for each in SHOWN) for row in rows(tmp_path)] == [("35", "2026-01-31", "7")]


def test_a_new_month_is_said_with_its_first_days_though_nothing_is_posted(tmp_path: Path) -> None:
    """A fee at the month's end: nothing happens on 1 February, and 10 h can be drawn."""
    write(tmp_path / "input", firm({**HOURS, "in_advance": False}, hours("T-1", "2026-01-12", "3")))
    run(tmp_path, "--until", "2026-02-02")
    assert [tuple(row[each] for each in SHOWN) for row in rows(tmp_path)] == [("10", "2026-02-28", "10")]


def test_money_that_is_left_is_an_amount(tmp_path: Path) -> None:
    """1,200.00 can be drawn, 8 h at 100.00 are: 400.00 are left and expire with the month."""
    write(tmp_path / "input", firm(MONEY, hours("T-1", "2026-01-12", "8")))
    run(tmp_path, "--until", "2026-01-20")
    [row] = rows(tmp_path)
    assert (row["money_left"], row["money_expiring"], row["expires_on"]) == ("400.00", "400.00", "2026-01-31")
    assert row["hours_left"] is None


def test_what_is_left_goes_on_from_balances_brought_forward(tmp_path: Path) -> None:
    """As of 31 January 4 of January's 10 h are left, which go over; February's 10 h come to them, and 6 h are drawn: 8 h are left."""
    moved_in = event(
        "BalancesBroughtForward",
        "2026-02-01T09:00:00Z",
        engagement_id="BRIDGE",
        project_id="BRIDGE",
        version=1,
        as_of="2026-01-31",
        requested_by="ann",
        approved_by="ben",
        lines=[
            {
                "line_id": "L-1",
                "hours": "6",
                "billable_hours": "0",
                "cost": "240",
                "revenue": "600",
                "billed": "1000",
                "paid": "1000",
                "retainer": [{"starts_on": "2026-01-01", "left": "4"}],
            }
        ],
    )
    write(tmp_path / "input", firm(GOES_OVER, moved_in))
    run(tmp_path, "--until", "2026-02-02")
    assert [tuple(row[each] for each in SHOWN) for row in rows(tmp_path)] == [("14", "2026-02-28", "10")]
    write(tmp_path / "input", [hours("T-1", "2026-02-10", "6")], "work")
    run(tmp_path, "--until", "2026-02-15")
    assert [tuple(row[each] for each in SHOWN) for row in rows(tmp_path)] == [("8", "2026-02-28", "4")]
    shown = CliRunner().invoke(app, ["show", "BRIDGE", "--output", str(tmp_path / "output")])
    assert "BRIDGE#retainers/K-1/L-1/left" in shown.output
