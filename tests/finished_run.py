"""A finished run to look at: two projects, three months, and of most things one.

BRIDGE is billed in USD up to a cap of 2,000, TUNNEL in EUR; the ledger is in EUR. January is billed, invoiced and closed. Then T-1 is
corrected from eight hours to one, which gives T-3 and T-4 room under the cap, and U-4 comes late. February is billed and invoiced, so
that all of BRIDGE and all but U-5 of TUNNEL is settled.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, write
from tests.made_once import made_once

BRIDGE_JANUARY = "BRIDGE.K-1/ACME/2026-01-01/1"
BRIDGE_FEBRUARY = "BRIDGE.K-1/ACME/2026-02-01/1"
TUNNEL_JANUARY = "TUNNEL.K-2/ACME/2026-01-01/1"
TUNNEL_FEBRUARY = "TUNNEL.K-2/ACME/2026-02-01/1"
RATES = {
    "2026-01-05": "1.10",
    "2026-01-12": "1.12",
    "2026-01-30": "1.20",
    "2026-02-06": "1.21",
    "2026-02-13": "1.25",
    "2026-02-27": "1.19",
    "2026-03-06": "1.18",
}


REOPENED: tuple[tuple[str, str, Event], ...] = (
    ("AccountingPeriodReopened", "2026-02-20T08:00:00Z", {"version": 2, "reason": "a forgotten day"}),
    ("AccountingPeriodClosed", "2026-02-22T08:00:00Z", {"version": 3, "reason": "January, again"}),
)


def finished_run() -> Path:
    """Its output folder; do not write to it."""
    return Path(_made(invoiced=True).name) / "output"


def uninvoiced_run() -> Path:
    """The same, of which no statement is invoiced yet."""
    return Path(_made(invoiced=False).name) / "output"


def reopened_run() -> Path:
    """January is opened again on 20 February; U-6 of Bob brings 2 h: 100.00 of cost, 200.00 of revenue. Then it is closed again."""
    return Path(_reopened().name) / "output"


def group_run() -> Path:
    """With PARIS, which lends Eva to a third project that loses: SHAFT is sold for 1,000.00 EUR and will cost 1,980.00, so that BERLIN
    provides for it in January and, of 480.00 more that are spent, releases some in February. PIER bills 1,000.00 EUR and expects to give
    100.00 of them back."""
    return Path(_grouped().name) / "output"


@cache
def _grouped() -> TemporaryDirectory[str]:
    return _run("group-run", [*history(), *_paris(), *_shaft(), *_pier()])


@cache
def _made(*, invoiced: bool) -> TemporaryDirectory[str]:
    events = [each for each in history() if invoiced or each["type"] != "InvoicePosted"]
    return _run("finished-run" if invoiced else "uninvoiced-run", events)


@cache
def _reopened() -> TemporaryDirectory[str]:
    events = history()
    for type_name, when, fields in REOPENED:
        said = {"legal_entity_id": "BERLIN", "period": "2026-01", "requested_by": "CARA", "approved_by": "DAN"}
        events.append({"type": type_name, "event_id": when, "occurred_at": when, "source": "t", **said, **fields})
    late = next(each for each in events if each.get("entry_id") == "U-3")
    events.append({**late, "entry_id": "U-6", "event_id": "U-6", "hours": "2", "occurred_at": "2026-02-21T08:00:00Z"})
    return _run("reopened-run", events)


def _run(name: str, events: list[Event]) -> TemporaryDirectory[str]:
    def make(folder: Path) -> None:
        source = write(folder / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
        result = CliRunner().invoke(app, ["run", "--input", str(source), "--output", str(folder / "output")])
        assert result.exit_code == 0, result.output

    return made_once(name, make)


def history() -> list[Event]:
    return [*_founding(), *_rates(), *_january(), *_february(), *_march()]


def _founding() -> list[Event]:
    at = "2026-01-02T08:00:{:02d}Z".format
    names = {"ADA": "40", "BOB": "50"}
    people = [
        event("PersonDefined", at(10 + place), person_id=name, version=1, legal_entity_id="BERLIN", role="senior")
        for place, name in enumerate(names)
    ]
    costs = [
        event(
            "CostRateSet",
            at(20 + place),
            cost_rate_id=name,
            version=1,
            person_id=name,
            currency="EUR",
            rate=rate,
            effective_from="2026-01-01",
        )
        for place, (name, rate) in enumerate(names.items())
    ]
    calendar = {"kind": "calendar_month"}
    return [
        event(
            "LegalEntityDefined",
            at(0),
            legal_entity_id="BERLIN",
            version=1,
            name="Berlin",
            currency="EUR",
            zone="Europe/Berlin",
            fiscal_calendar=calendar,
        ),
        event("CustomerDefined", at(1), customer_id="ACME", version=1, name="Acme"),
        *people,
        *costs,
        *_project("BRIDGE", "K-1", "USD", at(30), at(40), {"kind": "hard", "amount": "2000"}),
        *_project("TUNNEL", "K-2", "EUR", at(31), at(41), None),
    ]


def _project(
    project_id: str, contract_id: str, currency: str, at: str, signed_at: str, cap: dict[str, str] | None
) -> list[Event]:
    terms = {"type": "TimeAndMaterials", "rates": [{"rate": "100", "effective_from": "2026-01-01"}], "cap": cap}
    budget = {"hours": "100", "cost": "4000", "revenue": "10000", "currency": currency}
    lines = [{"line_id": "L-1", "terms": terms}]
    activated, signed = project_and_contract(project_id, contract_id, currency, (at, signed_at), lines)
    return [{**activated, "budget": budget}, signed]


def project_and_contract(
    project_id: str, contract_id: str, currency: str, at: tuple[str, str], lines: list[Event], **more: Any
) -> list[Event]:
    """`at` is when each came; `more` is of the contract."""
    return [
        event(
            "ProjectActivated",
            at[0],
            project_id=project_id,
            version=1,
            name=project_id.title(),
            legal_entity_id="BERLIN",
            starts_on="2026-01-01",
        ),
        event(
            "ContractSigned",
            at[1],
            contract_id=contract_id,
            version=1,
            customer_id="ACME",
            legal_entity_id="BERLIN",
            currency=currency,
            signed_on="2026-01-01",
            starts_on="2026-01-01",
            lines=[{"project_id": project_id, **line} for line in lines],
            **more,
        ),
    ]


def _rates() -> list[Event]:
    return [
        event(
            "ExchangeRateSet",
            f"{day}T06:00:00Z",
            rate_type="spot",
            from_currency="EUR",
            to_currency="USD",
            date=day,
            version=1,
            rate=rate,
        )
        for day, rate in RATES.items()
    ]


def worked(entry_id: str, day: str, hours: str, at: str, project_id: str, **more: Any) -> Event:
    fields = {"entry_id": entry_id, "version": 1, "project_id": project_id, "person_id": "ADA", "approved_by": "CARA"}
    return event("TimeApproved", at, **{**fields, "worked_on": day, "hours": hours, **more})


def _january() -> list[Event]:
    return [
        worked("T-1", "2026-01-05", "8", "2026-01-05T18:00:00Z", "BRIDGE"),
        worked("T-2", "2026-01-06", "8", "2026-01-06T18:00:00Z", "BRIDGE"),
        worked("T-3", "2026-01-07", "8", "2026-01-07T18:00:00Z", "BRIDGE"),
        worked("T-4", "2026-01-08", "2", "2026-01-08T18:00:00Z", "BRIDGE", submitted_by="CARA"),
        worked("T-4", "2026-01-08", "2", "2026-01-09T18:00:00Z", "BRIDGE", version=2, submitted_by="ADA"),
        worked("U-1", "2026-01-05", "8", "2026-01-05T19:00:00Z", "TUNNEL"),
        worked("U-2", "2026-01-06", "4", "2026-01-06T19:00:00Z", "TUNNEL"),
        worked("U-3", "2026-01-07", "8", "2026-01-07T19:00:00Z", "TUNNEL", person_id="BOB"),
        worked("W-1", "2026-01-08", "2", "2026-01-08T19:00:00Z", "TUNNEL"),
        event("TimeWithdrawn", "2026-01-09T19:00:00Z", entry_id="W-1", version=2, project_id="TUNNEL"),
    ]


def _february() -> list[Event]:
    return [
        _invoiced("I-1", "2026-02-03", BRIDGE_JANUARY, "2000"),
        _invoiced("I-2", "2026-02-03", TUNNEL_JANUARY, "2000", tax_amount="380"),
        event(
            "AccountingPeriodClosed",
            "2026-02-05T18:00:00Z",
            legal_entity_id="BERLIN",
            period="2026-01",
            version=1,
            requested_by="CARA",
            approved_by="DAN",
        ),
        worked("T-1", "2026-01-05", "1", "2026-02-10T18:00:00Z", "BRIDGE", version=2),
        worked("U-4", "2026-01-20", "4", "2026-02-12T18:00:00Z", "TUNNEL"),
    ]


def _march() -> list[Event]:
    return [
        _invoiced("I-3", "2026-03-03", BRIDGE_FEBRUARY, "-100"),
        _invoiced("I-4", "2026-03-03", TUNNEL_FEBRUARY, "400"),
        worked("U-5", "2026-03-05", "3", "2026-03-06T18:00:00Z", "TUNNEL"),
    ]


def _invoiced(invoice_id: str, day: str, statement_id: str, amount: str, **more: Any) -> Event:
    at = f"{day}T1{invoice_id[-1]}:00:00Z"
    return event(
        "InvoicePosted", at, invoice_id=invoice_id, posted_on=day, amount=amount, statement_id=statement_id, **more
    )


def _paris() -> list[Event]:
    at = "2026-01-02T08:01:{:02d}Z".format
    founded = next(each for each in _founding() if each["type"] == "LegalEntityDefined")
    paris = {"legal_entity_id": "PARIS", "name": "Paris", "zone": "Europe/Paris"}
    lends = {"lending_entity_id": "PARIS", "borrowing_entity_id": "BERLIN", "currency": "EUR", "rate": "80"}
    return [
        {**founded, **paris, "event_id": at(0), "occurred_at": at(0)},
        event("PersonDefined", at(1), person_id="EVA", version=1, legal_entity_id="PARIS", role="senior"),
        event(
            "CostRateSet",
            at(2),
            cost_rate_id="EVA",
            version=1,
            person_id="EVA",
            currency="EUR",
            rate="60",
            effective_from="2026-01-01",
        ),
        event("TransferPriceSet", at(3), transfer_price_id="TP", version=1, effective_from="2026-01-01", **lends),
    ]


def _shaft() -> list[Event]:
    price = {"type": "FixedPrice", "price": "1000", "schedule": [{"on": "2026-12-31", "amount": "1000"}]}
    lines = [{"line_id": "L-1", "revenue_policy": "cost_to_cost", "terms": price}]
    at = ("2026-01-02T08:02:00Z", "2026-01-02T08:02:01Z")
    remains = [{"month": "2026-02", "hours": "25", "cost": "1500"}]
    return [
        *project_and_contract("SHAFT", "K-3", "EUR", at, lines, policies={"loss_provision": "contract"}),
        worked("S-1", "2026-01-12", "8", "2026-01-12T19:00:00Z", "SHAFT", person_id="EVA"),
        event(
            "EstimateRevised",
            "2026-01-31T12:00:00Z",
            project_id="SHAFT",
            line_id="L-1",
            version=1,
            as_of="2026-01-31",
            remaining=remains,
        ),
        worked("S-2", "2026-02-16", "8", "2026-02-16T19:00:00Z", "SHAFT", person_id="EVA"),
    ]


def _pier() -> list[Event]:
    price = {"type": "FixedPrice", "price": "1000", "schedule": [{"on": "2026-01-31", "amount": "1000"}]}
    rebate = {"item_id": "REBATE", "kind": "rebate", "method": "most_likely", "included": True, "amount": "-100"}
    line = {"line_id": "L-1", "revenue_policy": "reported", "terms": price, "variable_consideration": [rebate]}
    at = ("2026-01-02T08:03:00Z", "2026-01-02T08:03:01Z")
    return [
        *project_and_contract("PIER", "K-4", "EUR", at, [line]),
        _invoiced("I-5", "2026-02-03", "PIER.K-4/ACME/2026-01-01/1", "1000"),
    ]
