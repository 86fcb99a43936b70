"""`milepost show` tells every purchase order of a project's contracts and the cash of their customers that is applied to nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from connectors.files.engagement_log import EngagementLog
from connectors.files.lookup import ProjectFound, find
from connectors.json_records import record_to_json
from domain.outputs import ForecastCap
from domain.units import AMOUNT_ONE, PERCENT_ONE
from milepost.commands.forecast import cap_kind, cap_name
from milepost.commands.show import view_json
from milepost.views_shown import project_json, project_tables
from tests.commands.test_contract_position import milepost
from tests.commands.tiny_firm import Event, event, founding, worked, write
from tests.explain.checker import Checker
from tests.folding import MEMORY_DISK

ORDER = ForecastCap(
    "PO-1",
    850 * AMOUNT_ONE,
    0,
    85 * PERCENT_ONE,
    limit_amount=1_000 * AMOUNT_ONE,
    contract_id="K",
    kind="purchase_order",
    period="whole_term",
)


def paid(at: str, payment_id: str, amount: str) -> Event:
    fields = {"payment_id": payment_id, "customer_id": "ACME", "amount": amount, "currency": "EUR", "received_on": at}
    return event("PaymentReceived", f"{at}T09:00:00Z", **fields)


@cache
def books() -> TemporaryDirectory[str]:
    """8 h at 100.00 a day under PO-1 of 1,000.00: 200.00 of the second day fit. PO-2 of 500.00 is for work from April on and was said in
    March. 2,000.00 and 50.00 were paid ahead; of the first 960.00 are applied to the invoice of March."""
    folder = TemporaryDirectory(dir=MEMORY_DISK)
    *others, contract = founding()
    events = [
        *others,
        {**contract, "purchase_order": {"number": "PO-1", "limit": "1000"}},
        worked("T-1", 2),
        worked("T-2", 3),
        event(
            "ContractAmended",
            "2026-03-10T09:00:00Z",
            contract_id="K-1",
            version=2,
            replaces_version=1,
            effective_on="2026-04-01",
            treatment="prospective",
            approved_by="cfo",
            purchase_order={"number": "PO-2", "limit": "500"},
        ),
        paid("2026-03-20", "PAY-1", "2000"),
        paid("2026-03-25", "PAY-2", "50"),
        event(
            "InvoicePosted",
            "2026-04-02T10:00:00Z",
            statement_id="BRIDGE.K-1/ACME/2026-03-01/1",
            invoice_id="INV-1",
            posted_on="2026-04-02",
            amount="1000",
        ),
        event(
            "PaymentApplied",
            "2026-04-03T11:00:00Z",
            application_id="AP-1",
            payment_id="PAY-1",
            customer_id="ACME",
            currency="EUR",
            applied_on="2026-04-03",
            applications=[{"invoice_id": "INV-1", "amount": "960"}],
        ),
    ]
    output = str(Path(folder.name, "output"))
    given = write(Path(folder.name, "input"), events)
    milepost("run", "--input", str(given), "--output", output, "--until", "2026-04-30")
    milepost("verify", "--output", output)
    return folder


def output() -> str:
    return str(Path(books().name, "output"))


def shown(*more: str) -> Any:
    return json.loads(milepost("show", "BRIDGE", "--output", output(), "--json", *more).stdout)["project"]


def explained(wanted: str) -> Any:
    return json.loads(milepost("explain", wanted, "--output", output(), "--json").stdout)


@cache
def events() -> dict[int, Any]:
    with EngagementLog.open(Path(output())) as log:
        return {record.offset: record_to_json(record.event) for record in log.records()}


def found() -> ProjectFound:
    project = find(Path(output()), "BRIDGE")
    assert isinstance(project, ProjectFound)
    return project


def test_every_order_is_shown_with_what_is_used_and_left() -> None:
    (balance,) = shown()["balances"]
    assert balance["orders"] == [
        {"number": "PO-1", "limit": "1000.00", "used": "1000.00", "left": "0.00", "effective_from": None},
        {"number": "PO-2", "limit": "500.00", "used": "0.00", "left": "500.00", "effective_from": "2026-04-01"},
    ]


def test_unapplied_cash_is_shown_by_payment() -> None:
    """2,000.00 less 960.00, and 50.00."""
    assert [(one["payment_id"], one["legal_entity_id"], one["amount"]) for one in shown()["unapplied"]] == [
        ("PAY-1", "BERLIN", "1040.00"),
        ("PAY-2", "BERLIN", "50.00"),
    ]


def test_as_of_shows_what_was_known_then() -> None:
    before = shown("--as-of", "2026-03-09")
    assert before["unapplied"] == []
    assert [(one["number"], one["used"]) for one in before["balances"][0]["orders"]] == [("PO-1", "1000.00")]
    assert [one["amount"] for one in shown("--as-of", "2026-03-20")["unapplied"]] == ["2000.00"]


def test_the_forecast_says_from_which_day_an_order_limits_work() -> None:
    """That of its last day, in April: PO-2. As of March it was PO-1, which holds from the contract's beginning."""
    (cap,) = json.loads(milepost("forecast", "BRIDGE", "--output", output(), "--json").stdout)["forecast"]["caps"]
    assert (cap["cap_id"], cap["effective_from"]) == ("PO-2", "2026-04-01")
    told = [line.split() for line in milepost("forecast", "BRIDGE", "--output", output()).stdout.splitlines()]
    assert ["PO-2", "purchase", "order", "2026-04-01", "0.00", "500.00"] in [words[:6] for words in told]


def test_for_people_both_are_tables() -> None:
    text = milepost("show", "BRIDGE", "--output", output()).stdout
    told = [line.split() for line in text.splitlines()]
    assert ["K-1", "PO-2", "2026-04-01", "EUR", "500.00", "0.00", "500.00", "0.0", "%", "BRIDGE#orders/PO-2"] in told
    assert ["PAY-1", "ACME", "BERLIN", "EUR", "1,040.00", "BRIDGE#unapplied/PAY-1/BERLIN"] in told


def test_redis_shows_the_same() -> None:
    """It keeps the view as it is."""
    viewed = found().viewed
    assert project_json(viewed)["project"] == view_json(viewed)
    titles = [table.title for table in project_tables(viewed)]
    assert {"Purchase orders", "Unapplied cash"} <= set(titles)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("BRIDGE#orders/PO-1/used", "1000.00"),
        ("BRIDGE#orders/PO-1/left", "0.00"),
        ("BRIDGE#orders/PO-2/limit", "500.00"),
        ("BRIDGE/K-1#orders/PO-2/left", "500.00"),
        ("BRIDGE#unapplied/PAY-1", "1040.00"),
        ("BRIDGE#unapplied/PAY-2/BERLIN", "50.00"),
    ],
)
def test_each_is_explained_by_its_id(wanted: str, value: str) -> None:
    checker, made = Checker(events(), explained), explained(wanted)
    assert checker.value_of(made) == Fraction(value)
    assert "stated" not in checker.seen


def test_an_order_is_named_as_such() -> None:
    assert (cap_name(ORDER), cap_kind(ORDER)) == ("purchase order PO-1 of contract K", "purchase order")
