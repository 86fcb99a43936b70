"""Several payers, several projects of a contract, two companies, versions with dates, and what was refused: figures to check by hand.

ADA works 8 h at 100.00 and costs 40.00 an hour, as in the tiny firm.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dataflows.embedded import store_path
from domain.explanation import OPERATIONS
from domain.money import format_amount
from milepost.cli import app
from milepost.glance.receivables import shares_of
from state.store.reader import reading_stores
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write
from tests.glance.test_figures import check

AT = "2026-03-01T08:00:"
SHARES: list[Event] = [
    {"customer_id": "ACME", "share": "60", "rounding_party": True},
    {"customer_id": "BOLT", "share": "40"},
]


def changed(type_name: str, **fields: Any) -> list[Event]:
    """The tiny firm with other fields of one of its records."""
    return [{**each, **fields} if each["type"] == type_name else each for each in founding()]


def like(events: list[Event], type_name: str, second: str, **fields: Any) -> Event:
    """Another record of a kind that the firm has one of."""
    found = next(each for each in events if each["type"] == type_name)
    return {**found, "event_id": f"{type_name}@{second}", "occurred_at": f"{AT}{second}Z", **fields}


def table(folder: Path, *arguments: str) -> dict[str, Any]:
    found = said(CliRunner().invoke(app, [*arguments, "--json", "--output", str(folder / "output")]))
    assert all(foot["holds"] for foot in found["feet"])
    return found


def shown(folder: Path, verb: str, *columns: str) -> list[tuple[str | None, ...]]:
    return [tuple(row[name] for name in columns) for row in table(folder, verb)["rows"]]


def invoiced(statement_id: str, invoice_id: str, amount: str, at: str = "2026-05-03T09:00:00Z") -> Event:
    fields = {"statement_id": statement_id, "invoice_id": invoice_id, "posted_on": at[:10], "amount": amount}
    return event("InvoicePosted", at, **fields) | {"event_id": invoice_id}


def paid(amount: str, at: str, **applied: str) -> Event:
    fields = {"payment_id": "PAY-1", "customer_id": "ACME", "currency": "EUR", "received_on": at[:10], "amount": amount}
    applications = [{"invoice_id": name.replace("_", "-"), "amount": each} for name, each in applied.items()]
    return event("PaymentReceived", at, **fields, applications=applications)


# Payers

BOLT = event("CustomerDefined", f"{AT}01.5Z", customer_id="BOLT", version=1, name="Bolt")


def held(customer_id: str) -> Event:
    scope = {"kind": "bill_to", "id": customer_id}
    return event(
        "BillingHoldPlaced",
        "2026-03-03T08:00:00Z",
        hold_id="H",
        version=1,
        scope=scope,
        placed_on="2026-03-03",
        reason="asked",
    )


def shared_firm(*more: Event) -> list[Event]:
    events = [*changed("ContractSigned", bill_to=SHARES), BOLT, worked("T-1", 2), *more]
    return sorted(events, key=lambda each: str(each["occurred_at"]))


UNBILLED = ("client", "reason", "unbilled", "on_statement")
STATED = "on a statement, not invoiced"


def test_each_payer_has_its_share_before_its_statement_and_on_it(tmp_path: Path) -> None:
    """800.00 shared 60 to 40."""
    write(tmp_path / "input", shared_firm())
    run(tmp_path, "--until", "2026-03-10")
    waits = [("ACME", "next statement", "480.00", None), ("BOLT", "next statement", "320.00", None)]
    assert shown(tmp_path, "unbilled", *UNBILLED) == waits
    run(tmp_path, "--until", "2026-04-02")
    stated = [("ACME", STATED, None, "480.00"), ("BOLT", STATED, None, "320.00")]
    assert shown(tmp_path, "unbilled", *UNBILLED) == stated
    assert shown(tmp_path, "clients", "client", "on_statement", "revenue") == [
        ("ACME", "480.00", "800.00"),
        ("BOLT", "320.00", "0.00"),
    ]


def test_what_is_used_of_a_retainer_is_the_customers_where_several_paid(tmp_path: Path) -> None:
    """1,000.00 for 10 h, 600.00 and 400.00 of which are paid ahead. 3 h use 300.00: 700.00 of both are left, as a note says."""
    fee = {"type": "Retainer", "fee": "1000", "unit": "hours", "quantity": "10", "in_advance": True}
    lasts = {"rollover": "10", "expiry": 3, "overage_rate": "150"}
    lines = [{"line_id": "L-1", "project_id": "BRIDGE", "terms": {**fee, **lasts}}]
    write(tmp_path / "input", [*changed("ContractSigned", bill_to=SHARES, lines=lines, starts_on="2026-03-01"), BOLT])
    run(tmp_path, "--until", "2026-04-01")
    at = "2026-04-02T09:00:00Z"
    bills = [("ACME/2026-03-01/1", "INV-1", "600"), ("BOLT/2026-03-01/2", "INV-2", "400")]
    posted = [invoiced(f"BRIDGE.K-1/{name}", invoice_id, amount, at) for name, invoice_id, amount in bills]
    later = {**worked("T-1", 2, "3"), "worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z"}
    write(tmp_path / "input", [*posted, later], "later")
    run(tmp_path)
    assert shown(tmp_path, "prepaid", "client", "granted", "used", "left") == [
        ("ACME", "600.00", "300.00", "300.00"),
        ("BOLT", "400.00", "0.00", "400.00"),
    ]
    text = CliRunner().invoke(app, ["prepaid", "--output", str(tmp_path / "output")]).stdout
    assert "Several customers pay K-1" in text


@pytest.mark.parametrize(
    ("statement", "amount", "left"),
    [("ACME/2026-03-01/1", "480", ("BOLT", "320.00")), ("BOLT/2026-03-01/2", "320", ("ACME", "480.00"))],
    ids=["the first", "the second"],
)
def test_an_invoice_of_one_payer_leaves_that_of_the_other(
    tmp_path: Path, statement: str, amount: str, left: tuple[str, str]
) -> None:
    write(tmp_path / "input", shared_firm())
    run(tmp_path, "--until", "2026-04-02")
    write(tmp_path / "input", [invoiced(f"BRIDGE.K-1/{statement}", "INV-1", amount)], "invoice")
    run(tmp_path)
    assert shown(tmp_path, "unbilled", *UNBILLED) == [(left[0], STATED, None, left[1])]


@pytest.mark.parametrize(
    ("payer", "statement", "amount"), [("ACME", "ACME/2026-03-01/1", "480"), ("BOLT", "BOLT/2026-03-01/2", "320")]
)
def test_what_an_error_rebill_gives_back_is_of_its_payer(
    tmp_path: Path, payer: str, statement: str, amount: str
) -> None:
    """Both are invoiced; 100.00 of one invoice are to be billed again, to that payer alone."""
    write(tmp_path / "input", shared_firm())
    run(tmp_path, "--until", "2026-04-02")
    other, due = {"ACME": ("BOLT/2026-03-01/2", "320"), "BOLT": ("ACME/2026-03-01/1", "480")}[payer]
    memo = event(
        "CreditMemoIssued",
        "2026-05-04T09:00:00Z",
        credit_memo_id="CM-1",
        invoice_id="INV-1",
        kind="error_rebill",
        lines=[{"entry_id": "T-1", "amount": "100.00"}],
        issued_on="2026-05-04",
        requested_by="ann",
        approved_by="ben",
    )
    posted = [invoiced(f"BRIDGE.K-1/{statement}", "INV-1", amount), invoiced(f"BRIDGE.K-1/{other}", "INV-2", due)]
    write(tmp_path / "input", [*posted, memo], "credit")
    run(tmp_path)
    assert shown(tmp_path, "unbilled", *UNBILLED) == [(payer, "next statement", "100.00", None)]
    run(tmp_path, "--until", "2026-06-01")
    assert shown(tmp_path, "unbilled", *UNBILLED) == [(payer, STATED, None, "100.00")]


@pytest.mark.parametrize(
    ("payer", "rows"),
    [
        ("ACME", [("ACME", "on hold", "480.00", None), ("BOLT", STATED, None, "320.00")]),
        ("BOLT", [("ACME", STATED, None, "480.00"), ("BOLT", "on hold", "320.00", None)]),
    ],
)
def test_a_hold_of_one_payer_keeps_back_its_share(
    tmp_path: Path, payer: str, rows: list[tuple[str | None, ...]]
) -> None:
    write(tmp_path / "input", shared_firm(held(payer)))
    run(tmp_path, "--until", "2026-04-02")
    assert shown(tmp_path, "unbilled", *UNBILLED) == rows


# Payments


def two_projects() -> list[Event]:
    """A contract on BRIDGE and TOWER: March's work is on the one, April's on the other."""
    events = founding()
    lines = next(each["lines"] for each in events if each["type"] == "ContractSigned")
    both = [*lines, {**lines[0], "line_id": "L-2", "project_id": "TOWER"}]
    later = {"worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z", "event_id": "T-2"}
    return [
        *changed("ContractSigned", lines=both),
        like(events, "ProjectActivated", "04.5", project_id="TOWER"),
        worked("T-1", 2),
        {**worked("T-2", 3, "4", project_id="TOWER"), **later},
    ]


def open_in_books(folder: Path, *invoices: str) -> dict[str, str]:
    with reading_stores([store_path(folder / "output", 0)]) as reader:
        found = [one for invoice_id in invoices for one in reader.parts_with_id("receivable", invoice_id)]
    return {one.invoice_id: format_amount(one.open[0]) for one in found}


def test_a_payment_over_two_projects_of_a_contract_pays_each_invoice_what_it_names(tmp_path: Path) -> None:
    """800.00 and 400.00 are owed; 700.00 and 300.00 are paid by one payment."""
    write(tmp_path / "input", sorted(two_projects(), key=lambda each: str(each["occurred_at"])))
    run(tmp_path, "--until", "2026-05-02")
    invoices = [
        invoiced("BRIDGE.K-1/ACME/2026-03-01/1", "INV-1", "800"),
        invoiced("TOWER.K-1/ACME/2026-04-01/1", "INV-2", "400"),
    ]
    write(tmp_path / "input", [*invoices, paid("1000", "2026-05-03T10:00:00Z", INV_1="700", INV_2="300")], "paid")
    run(tmp_path)
    assert shown(tmp_path, "receivables", "invoice", "open") == [("INV-1", "100.00"), ("INV-2", "100.00")]
    assert open_in_books(tmp_path, "INV-1", "INV-2") == {"INV-1": "100.00", "INV-2": "100.00"}


def test_a_payment_of_several_invoices_of_a_project_pays_each_what_it_names(tmp_path: Path) -> None:
    """800.00 and 400.00 of one project; the second is named first. A payment that is taken back owes both again."""
    later = {"worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z", "event_id": "T-2"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), {**worked("T-2", 3, "4"), **later}])
    run(tmp_path, "--until", "2026-05-02")
    invoices = [
        invoiced("BRIDGE.K-1/ACME/2026-03-01/1", "INV-1", "800"),
        invoiced("BRIDGE.K-1/ACME/2026-04-01/1", "INV-2", "400"),
    ]
    write(tmp_path / "input", [*invoices, paid("450", "2026-05-03T10:00:00Z", INV_2="150", INV_1="300")], "paid")
    run(tmp_path)
    assert shown(tmp_path, "receivables", "invoice", "open") == [("INV-1", "500.00"), ("INV-2", "250.00")]
    assert open_in_books(tmp_path, "INV-1", "INV-2") == {"INV-1": "500.00", "INV-2": "250.00"}
    assert check(tmp_path / "output", None) > 20
    back = event("PaymentReversed", "2026-05-04T10:00:00Z", payment_id="PAY-1", received_on="2026-05-04")
    write(tmp_path / "input", [back], "back")
    run(tmp_path)
    assert shown(tmp_path, "receivables", "invoice", "open") == [("INV-1", "800.00"), ("INV-2", "400.00")]


def test_an_invoice_is_known_by_an_id_with_dots_and_slashes(tmp_path: Path) -> None:
    """As `milepost invoice mark` gives it: 300.00 of 800.00 are paid, and the rest is aged."""
    statement = "BRIDGE.K-1/ACME/2026-03-01/1"
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path, "--until", "2026-05-02")
    part = {"applications": [{"invoice_id": statement, "amount": "300"}]}
    write(
        tmp_path / "input", [invoiced(statement, statement, "800"), paid("300", "2026-05-03T10:00:00Z") | part], "paid"
    )
    run(tmp_path, "--until", "2026-06-30")
    assert shown(tmp_path, "receivables", "invoice", "open", "posted_on") == [(statement, "500.00", "2026-05-03")]
    assert check(tmp_path / "output", None) > 20


def test_an_invoice_that_waited_for_a_waiver_has_its_own_id(tmp_path: Path) -> None:
    """790.00 in place of 800.00, and the difference is waived."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path, "--until", "2026-05-02")
    write(tmp_path / "input", [invoiced("BRIDGE.K-1/ACME/2026-03-01/1", "RE/7", "790")], "invoice")
    run(tmp_path)
    output = ["--output", str(tmp_path / "output")]
    [raised] = [
        each["exception_id"]
        for each in said(CliRunner().invoke(app, ["exceptions", "list", "--json", *output]))["exceptions"]
        if each["category"] == "statement_differs_from_invoice"
    ]
    waived = ["exceptions", "waive", raised, "--reason", "agreed", "--at", "2026-05-04T09:00:00Z", *output]
    assert CliRunner().invoke(app, waived).exit_code == 0
    run(tmp_path)
    assert shown(tmp_path, "receivables", "invoice", "open", "posted_on") == [("RE/7", "800.00", "2026-05-03")]
    assert check(tmp_path / "output", None) > 20


def test_a_payment_that_is_refused_moves_nothing(tmp_path: Path) -> None:
    """500.00 for INV-1 are booked; the same id again, with 400.00 for INV-2, conflicts."""
    later = {"worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z", "event_id": "T-2"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), {**worked("T-2", 3, "4"), **later}])
    run(tmp_path, "--until", "2026-05-02")
    invoices = [
        invoiced("BRIDGE.K-1/ACME/2026-03-01/1", "INV-1", "800"),
        invoiced("BRIDGE.K-1/ACME/2026-04-01/1", "INV-2", "400"),
    ]
    payments = [paid("500", "2026-05-03T10:00:00Z", INV_1="500"), paid("400", "2026-05-03T11:00:00Z", INV_2="400")]
    write(tmp_path / "input", [*invoices, *payments], "paid")
    run(tmp_path)
    assert shown(tmp_path, "receivables", "invoice", "open") == [("INV-1", "300.00"), ("INV-2", "400.00")]
    assert open_in_books(tmp_path, "INV-1", "INV-2") == {"INV-1": "300.00", "INV-2": "400.00"}


# Invoices over several projects


def one_invoice(folder: Path, *more: Event) -> None:
    """6 h on BRIDGE and 4 h on TOWER in March: 600.00 and 400.00 on one invoice, with 190.00 of tax."""
    events = [each for each in two_projects() if each["type"] != "TimeApproved"]
    work = [worked("T-1", 2, "6"), worked("T-2", 3, "4", project_id="TOWER")]
    for each in events:
        if each["type"] == "ProjectActivated":
            each["engagement_id"] = "E-1"
    write(folder / "input", sorted([*events, *work], key=lambda each: str(each["occurred_at"])))
    run(folder, "--until", "2026-04-02")
    posted = invoiced("E-1.K-1/ACME/2026-03-01/1", "INV-1", "1000") | {"tax_amount": "190"}
    write(folder / "input", [posted, *more], "invoice")
    run(folder)


def by_project(folder: Path) -> list[tuple[str | None, ...]]:
    return shown(folder, "receivables", "invoice", "project", "open", "in_ledger")


def test_an_invoice_over_two_projects_stands_with_each_by_its_share(tmp_path: Path) -> None:
    """600.00 to 400.00 of 1,190.00; --project has the share, and so has what explains it; `show` says that it counts in the first."""
    one_invoice(tmp_path)
    assert by_project(tmp_path) == [("INV-1", "BRIDGE", "714.00", "714.00"), ("INV-1", "TOWER", "476.00", "476.00")]
    found = table(tmp_path, "receivables", "--project", "TOWER")
    assert [row["open"] for row in (*found["rows"], *found["totals"])] == ["476.00", "476.00", None]
    id_ = found["rows"][0]["explain"]["open"]
    assert id_ == "receivables/invoice/BERLIN/INV-1/EUR/TOWER#open"
    text = CliRunner().invoke(app, ["explain", id_, "--output", str(tmp_path / "output")]).stdout
    assert "share of TOWER: 476.00 EUR" in text
    assert "billed of BRIDGE: 600.00 EUR" in text
    run(tmp_path, "--until", "2026-05-05")
    for project in ("BRIDGE", "TOWER"):
        text = CliRunner().invoke(app, ["show", project, "--output", str(tmp_path / "output")]).output
        assert f"milepost receivables --project {project}" in text


def test_what_a_credit_memo_takes_back_of_one_project_and_a_payment_leave_the_shares_of_the_rest(
    tmp_path: Path,
) -> None:
    """All 400.00 of TOWER, with 76.00 of tax, are credited: what is open is BRIDGE's; 214.00 of it are paid."""
    memo = event(
        "CreditMemoIssued",
        "2026-05-04T09:00:00Z",
        credit_memo_id="CM-1",
        invoice_id="INV-1",
        kind="price_concession",
        lines=[{"entry_id": "T-2", "amount": "400.00"}],
        tax_amount="76",
        issued_on="2026-05-04",
        requested_by="ann",
        approved_by="ben",
    )
    one_invoice(tmp_path, memo, paid("214", "2026-05-05T10:00:00Z", INV_1="214"))
    assert by_project(tmp_path) == [("INV-1", "BRIDGE", "500.00", "500.00")]
    assert open_in_books(tmp_path, "INV-1") == {"INV-1": "500.00"}


def test_what_is_retained_or_was_paid_ahead_lowers_what_every_project_owes(tmp_path: Path) -> None:
    """Of 1,000.00, 600.00 of BRIDGE and 400.00 of TOWER, 100.00 are retained and TOWER's deposit of 500.00 is set off: 240.00 and 160.00
    are owed, not 500.00 less 100.00 of BRIDGE and 400.00 less 500.00 of TOWER."""
    steps = [{"at_percent": "0", "withhold_percent": "10", "release_percent": "0"}]
    deposit = {"type": "Deposit", "amount": "500", "due_on": "2026-03-10", "refundable": True}
    events = [each for each in two_projects() if each["type"] != "TimeApproved"]
    for each in events:
        if each["type"] == "ProjectActivated":
            each["engagement_id"] = "E-1"
        if each["type"] == "ContractSigned":
            each["lines"] = [*each["lines"], {"line_id": "D", "project_id": "TOWER", "terms": deposit}]
            each["retention"] = {"steps": steps}
    april = {"worked_on": "2026-04-02", "occurred_at": "2026-04-02T18:00:00Z"}
    work = [worked("T-1", 2, "6") | april, worked("T-2", 3, "4", project_id="TOWER") | april]
    write(tmp_path / "input", sorted([*events, *work], key=lambda each: str(each["occurred_at"])))
    run(tmp_path, "--until", "2026-05-01")
    posted = [
        invoiced("E-1.K-1/ACME/2026-03-01/1", "INV-1", "500"),
        invoiced("E-1.K-1/ACME/2026-04-01/1", "INV-2", "400"),
    ]
    write(tmp_path / "input", posted, "invoices")
    run(tmp_path)
    assert by_project(tmp_path) == [
        ("INV-1", "TOWER", "500.00", "500.00"),
        ("INV-2", "BRIDGE", "240.00", "240.00"),
        ("INV-2", "TOWER", "160.00", "160.00"),
        (None, "BRIDGE", "100.00", "100.00"),
    ]
    assert check(tmp_path / "output", None) > 20


def test_cents_of_shares_sum_to_the_invoice(tmp_path: Path) -> None:
    """1,190.00 less 100.01 paid are 1,089.99: 653.99 and 436.00 by cumulative rounding."""
    one_invoice(tmp_path, paid("100.01", "2026-05-05T10:00:00Z", INV_1="100.01"))
    assert by_project(tmp_path) == [("INV-1", "BRIDGE", "653.99", "653.99"), ("INV-1", "TOWER", "436.00", "436.00")]
    assert check(tmp_path / "output", None) > 20


def test_what_several_payers_retain_is_owed_by_each(tmp_path: Path) -> None:
    """10 % of 800.00, shared 60 to 40: 48.00 and 32.00; both invoices are of one contract and project."""
    steps = [{"at_percent": "0", "withhold_percent": "10", "release_percent": "0"}]
    events = [*changed("ContractSigned", bill_to=SHARES, retention={"steps": steps}), BOLT, worked("T-1", 2)]
    write(tmp_path / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
    run(tmp_path, "--until", "2026-04-02")
    posted = [
        invoiced("BRIDGE.K-1/ACME/2026-03-01/1", "INV-1", "432"),
        invoiced("BRIDGE.K-1/BOLT/2026-03-01/2", "INV-2", "288"),
    ]
    write(tmp_path / "input", posted, "invoices")
    run(tmp_path)
    assert shown(tmp_path, "receivables", "kind", "client", "open") == [
        ("invoice", "ACME", "432.00"),
        ("invoice", "BOLT", "288.00"),
        ("retained", "ACME", "48.00"),
        ("retained", "BOLT", "32.00"),
    ]
    assert shown(tmp_path, "clients", "client", "owed", "retained") == [
        ("ACME", "432.00", "48.00"),
        ("BOLT", "288.00", "32.00"),
    ]


# Ids


def test_a_company_called_total_has_ids_of_its_own(tmp_path: Path) -> None:
    """Project EUR of company `total` has 800.00, all projects in EUR have 1,200.00."""
    work = [worked("T-1", 2), worked("T-2", 3, "4", project_id="TOWER")]
    events = [each for each in two_projects() if each["type"] != "TimeApproved"]
    renamed = json.dumps([*events, *work]).replace('"BERLIN"', '"total"').replace('"BRIDGE"', '"EUR"')
    write(tmp_path / "input", sorted(json.loads(renamed), key=lambda each: str(each["occurred_at"])))
    run(tmp_path, "--until", "2026-03-10")
    found = table(tmp_path, "projects")
    ids = {row["explain"]["revenue"]: row["revenue"] for row in (*found["rows"], *found["totals"])}
    assert ids == {
        "projects/%74otal/EUR#revenue": "800.00",
        "projects/%74otal/TOWER#revenue": "400.00",
        "projects/total/EUR#revenue": "1200.00",
    }
    assert check(tmp_path / "output", None) > 50


# Companies


def with_vienna(*more: Event, **project: Any) -> list[Event]:
    events = changed("ProjectActivated", **project)
    vienna = like(events, "LegalEntityDefined", "00.5", legal_entity_id="WIEN", name="Wien")
    return sorted([*events, vienna, *more], key=lambda each: str(each["occurred_at"]))


def test_used_is_of_the_project_in_all_companies(tmp_path: Path) -> None:
    """ADA of BERLIN and EVA of WIEN cost 320.00 each, of a budget of 640.00."""
    events = founding()
    eva = like(events, "PersonDefined", "02.5", person_id="EVA", legal_entity_id="WIEN")
    cost = like(events, "CostRateSet", "03.5", cost_rate_id="EVA", person_id="EVA")
    work = worked("T-1", 2), worked("T-2", 3, person_id="EVA")
    write(tmp_path / "input", with_vienna(eva, cost, *work, budget={"cost": "640"}))
    run(tmp_path, "--until", "2026-03-10")
    assert shown(tmp_path, "projects", "company", "cost", "budget_used") == [
        ("BERLIN", "320.00", "100"),
        ("WIEN", "320.00", None),
    ]


def test_who_changes_company_has_hours_in_both_by_day_of_work(tmp_path: Path) -> None:
    """8 h in BERLIN on 2 March, 8 h in WIEN on 25 March; capacity is WIEN's, where the month ends."""
    moved = {**like(founding(), "PersonDefined", "06"), "version": 2, "legal_entity_id": "WIEN"}
    moved |= {"effective_from": "2026-03-20", "occurred_at": "2026-03-20T08:00:00Z"}
    month = {"person_id": "ADA", "version": 1, "month": "2026-03", "hours": "160", "time_off": "0"}
    capacity = event("PersonCapacitySet", f"{AT}07Z", **month)
    write(tmp_path / "input", with_vienna(capacity, moved, worked("T-1", 2), worked("T-2", 25)))
    run(tmp_path, "--until", "2026-03-28")
    columns = ("company", "hours", "cost", "capacity", "utilisation")
    assert shown(tmp_path, "people", *columns) == [
        ("BERLIN", "8", "320.00", None, None),
        ("WIEN", "8", "320.00", "160", "10"),
    ]


# Versions that do not count, or not yet


def test_a_version_of_a_later_day_says_nothing_before_it(tmp_path: Path) -> None:
    later = {"version": 2, "role": "partner", "practice": "later", "effective_from": "2026-03-20"}
    known = like(founding(), "PersonDefined", "06", **later)
    write(tmp_path / "input", [*founding(), known, worked("T-1", 2)])
    run(tmp_path, "--until", "2026-03-19")
    assert shown(tmp_path, "people", "role", "practice") == [("senior", None)]
    run(tmp_path, "--until", "2026-03-21")
    assert shown(tmp_path, "people", "role", "practice") == [("partner", "later")]


@pytest.mark.parametrize(
    ("stated", "moves"),
    [
        ({"approved_by": "CARA", "effective_on": "2026-03-04"}, True),
        ({"approved_by": "CARA", "effective_on": "2026-04-01"}, False),
        ({"effective_on": "2026-03-04"}, False),
        ({"approved_by": "CARA", "effective_on": "2026-03-04", "replaces_version": 2, "version": 3}, False),
    ],
    ids=["in force", "from a later day", "approved by nobody", "behind a gap"],
)
def test_an_amendment_counts_once_it_is_in_force(tmp_path: Path, stated: dict[str, Any], moves: bool) -> None:
    """From then on half of what is worked is billed to BOLT."""
    halves = [{**each, "share": "50"} for each in SHARES]
    terms = {
        "version": 2,
        "replaces_version": 1,
        "treatment": "prospective",
        "requested_by": "DORA",
        "reason": "agreed",
    }
    amended = event("ContractAmended", "2026-03-02T08:00:00Z", contract_id="K-1", bill_to=halves, **{**terms, **stated})
    events = [*founding(), BOLT, amended, worked("T-1", 5)]
    write(tmp_path / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
    run(tmp_path, "--until", "2026-03-10")
    expected = [("ACME", "400.00"), ("BOLT", "400.00")] if moves else [("ACME", "800.00")]
    assert shown(tmp_path, "unbilled", "client", "unbilled") == expected


# What is booked, what is open


def test_hours_that_were_booked_and_wait_again_are_not_booked(tmp_path: Path) -> None:
    """8 h are booked, withdrawn, and approved anew of somebody of whom nobody knows a cost or a price: 8 of 9 h wait."""
    gone = event("TimeWithdrawn", "2026-03-03T09:00:00Z", entry_id="T-1", version=2)
    again = {
        **worked("T-1", 2, person_id="NOBODY"),
        "version": 3,
        "occurred_at": "2026-03-04T09:00:00Z",
        "event_id": "3",
    }
    write(tmp_path / "input", [*founding(), worked("T-1", 2), gone, again, worked("T-9", 4, "1")])
    run(tmp_path, "--until", "2026-03-06")
    assert shown(tmp_path, "people", "person", "hours", "waiting") == [("ADA", "1", "0"), ("NOBODY", "8", "8")]


def open_firm() -> list[Event]:
    """K-1 on BRIDGE and TOWER waits for its version 2: an exception of the contract; work of NOBODY waits on LONELY of client LONE."""
    events = two_projects()
    amended = event(
        "ContractAmended",
        "2026-03-05T08:00:00Z",
        contract_id="K-1",
        version=3,
        replaces_version=2,
        effective_on="2026-03-05",
        treatment="prospective",
        approved_by="CARA",
        reason="gap",
    )
    lone = event("CustomerDefined", f"{AT}01.7Z", customer_id="LONE", version=1, name="Lone")
    idle = event("CustomerDefined", f"{AT}01.8Z", customer_id="IDLE", version=1, name="Idle")
    project = like(events, "ProjectActivated", "04.7", project_id="LONELY", customer_id="LONE")
    waits = worked("T-7", 3, "5", project_id="LONELY", person_id="NOBODY")
    found = [*(each for each in events if each.get("entry_id") != "T-2"), lone, idle, project, amended, waits]
    return sorted(found, key=lambda each: str(each["occurred_at"]))


def test_an_exception_of_a_contract_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "input", [each for each in open_firm() if each.get("entry_id") != "T-7"])
    run(tmp_path, "--until", "2026-03-10")
    found = table(tmp_path, "projects")
    open_ids = {each["exception_id"] for each in exceptions(tmp_path)}
    assert found["totals"][0]["exceptions"] == len(open_ids)
    assert f"{len(open_ids)} exceptions open" in found["notes"][0]


def exceptions(folder: Path) -> list[dict[str, Any]]:
    command = ["exceptions", "list", "--json", "--output", str(folder / "output")]
    found: list[dict[str, Any]] = said(CliRunner().invoke(app, command))["exceptions"]
    return found


def test_clients_without_postings_are_shown(tmp_path: Path) -> None:
    write(tmp_path / "input", open_firm())
    run(tmp_path, "--until", "2026-03-10")
    rows = {row["client"]: row for row in table(tmp_path, "clients")["rows"]}
    assert list(rows) == ["ACME", "IDLE", "LONE"]
    assert (rows["LONE"]["company"], rows["LONE"]["projects"], rows["LONE"]["exceptions"]) == ("BERLIN", 1, 1)
    assert (rows["IDLE"]["company"], rows["IDLE"]["projects"], rows["IDLE"]["revenue"]) == (None, 0, "0.00")
    assert [row["client"] for row in table(tmp_path, "clients", "--open")["rows"]] == ["ACME", "LONE"]


@pytest.mark.parametrize(
    "filters", [("--company", "berlin"), ("--project", "bridge"), ("--client", "aCME")], ids=" ".join
)
def test_names_are_found_however_they_are_spelled(tmp_path: Path, filters: tuple[str, str]) -> None:
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path)
    assert [row["project"] for row in table(tmp_path, "projects", *filters)["rows"]] == ["BRIDGE"]


def test_a_closed_project_is_not_open_and_one_that_goes_on_is(tmp_path: Path) -> None:
    closed = event("ProjectClosed", "2026-03-06T08:00:00Z", project_id="BRIDGE", version=2, ends_on="2026-12-31")
    write(tmp_path / "input", [*founding(), closed])
    run(tmp_path, "--until", "2026-03-10")
    assert table(tmp_path, "projects", "--open")["rows"] == []
    again = {**founding()[4], "version": 3, "occurred_at": "2026-03-11T08:00:00Z", "event_id": "again"}
    write(tmp_path / "input", [again], "again")
    run(tmp_path, "--until", "2026-03-12")
    assert [row["project"] for row in table(tmp_path, "projects", "--open")["rows"]] == ["BRIDGE"]


def test_a_project_is_open_up_to_its_last_day(tmp_path: Path) -> None:
    founded = changed("ProjectActivated", ends_on="2026-03-10")
    write(tmp_path / "input", founded)
    run(tmp_path, "--until", "2026-03-11")
    for day, projects in (("2026-03-10", ["BRIDGE"]), ("2026-03-11", [])):
        found = table(tmp_path, "projects", "--open", "--as-of", day)
        assert [row["project"] for row in found["rows"]] == projects


def test_a_loss_without_revenue_has_no_margin_in_percent(tmp_path: Path) -> None:
    """320.00 of cost and nothing earned: neither the row nor the total has a share of revenue."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2, billable=False)])
    run(tmp_path, "--until", "2026-03-10")
    found = table(tmp_path, "projects")
    assert [(row["margin"], row["margin_percent"]) for row in (*found["rows"], *found["totals"])] == [
        ("-320.00", None)
    ] * 2


# Shares


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=5))
def test_shares_of_projects_sum_and_are_as_they_are_explained(cents: int, weights: list[int]) -> None:
    """Also where an invoice gives back of one project what it bills of another."""
    assume(sum(weights))
    found = shares_of(cents * 100, weights, "EUR")
    assert sum(found) == cents * 100
    operands = [Fraction(each, 10_000) for each in (cents * 100, *weights)]
    for place, share in enumerate(found):
        said = OPERATIONS["spread"](operands, {"step": "0.01", "mode": "half_up", "party": place})
        assert Fraction(share, 10_000) == said


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        ({"hours": "100"}, "budget hours  hours    cost  used %"),
        ({"revenue": "10000"}, "fee budget    cost  used %"),
        ({"hours": "100", "cost": "4000"}, "cost budget    cost  used %"),
    ],
)
def test_used_stands_beside_what_it_is_of(tmp_path: Path, budget: dict[str, str], shown: str) -> None:
    """Of 8 h at 40.00 and 100.00: 8 % of 100 h, 8 % of 10,000.00 of fees and of 4,000.00 of cost."""
    told = [{**each, "budget": budget} if each["type"] == "ProjectActivated" else each for each in founding()]
    write(tmp_path / "input", [*told, worked("T-1", 2)])
    run(tmp_path, "--until", "2026-03-31")
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["projects", "--output", str(tmp_path / "output")])
    assert shown in result.stdout
    assert "8.0 %" in result.stdout


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            "projects/BERLIN/BRIDGE#costs",
            "its figures are projects/BERLIN/BRIDGE#revenue, projects/BERLIN/BRIDGE#cost,",
        ),
        ("projects/BERLIN/BRIDG#cost", "the nearest are projects/BERLIN/BRIDGE#revenue"),
    ],
)
def test_a_figure_that_no_table_has_is_answered_with_those_that_there_are(
    tmp_path: Path, wanted: str, told: str
) -> None:
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path, "--until", "2026-03-31")
    result = CliRunner(env={"COLUMNS": "1000"}).invoke(app, ["explain", wanted, "--output", str(tmp_path / "output")])
    assert result.exit_code == 2
    assert f"no figure is called {wanted}; {told}" in result.output
