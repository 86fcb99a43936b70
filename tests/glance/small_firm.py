"""Two clients, two people and three months, of most things at a glance one: figures to check by hand.

BERLIN bills ACME's project BRIDGE by the hour (100.00 EUR) and BOLT's TOWER with a deposit of 500.00. ADA costs 40.00 an hour, BOB 50.00.
January of BRIDGE is invoiced and paid in part, February is on a statement, March is open: an entry waits for the cut, one is held.
TOWER's statements need an approval; BOLT has no payment terms.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.commands.tiny_firm import Event, event, run, write

JANUARY = "BRIDGE.K-1/ACME/2026-01-01/1"


def small_firm() -> Path:
    """Its output folder as of 15 March; do not write to it."""
    return Path(_made().name) / "output"


@cache
def _made() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="milepost-small-firm-")
    write(Path(folder.name) / "input", history())
    run(Path(folder.name), "--until", "2026-03-15")
    return folder


def history() -> list[Event]:
    return sorted([*_reference(), *_contracts(), *_work(), *_finance()], key=lambda each: str(each["occurred_at"]))


def _reference() -> list[Event]:
    at = "2026-01-01T08:00:{:02d}Z".format
    people = {"ADA": ("Ada Abel", "40"), "BOB": ("Bob Brandt", "50")}
    berlin = {
        "legal_entity_id": "BERLIN",
        "version": 1,
        "name": "Berlin",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "fiscal_calendar": {"kind": "calendar_month"},
    }
    return [
        event("LegalEntityDefined", at(0), **berlin),
        event("CustomerDefined", at(1), customer_id="ACME", version=1, name="Acme AG", payment_terms_days=30),
        event("CustomerDefined", at(2), customer_id="BOLT", version=1, name="Bolt Ltd"),
        *(
            event(
                "PersonDefined",
                at(10 + place),
                person_id=id_,
                version=1,
                legal_entity_id="BERLIN",
                role="senior",
                name=name,
                practice="data" if id_ == "ADA" else "cloud",
            )
            for place, (id_, (name, _)) in enumerate(people.items())
        ),
        *(
            event(
                "CostRateSet",
                at(20 + place),
                cost_rate_id=id_,
                version=1,
                person_id=id_,
                currency="EUR",
                rate=cost,
                effective_from="2026-01-01",
            )
            for place, (id_, (_, cost)) in enumerate(people.items())
        ),
        *(
            event(
                "PersonCapacitySet",
                at(30 + place),
                person_id="ADA",
                version=1,
                month=f"2026-{place + 1:02d}",
                hours="20",
                time_off="4",
            )
            for place in range(3)
        ),
    ]


def _contracts() -> list[Event]:
    at = "2026-01-01T09:00:{:02d}Z".format
    by_the_hour = {"type": "TimeAndMaterials", "rates": [{"rate": "100", "effective_from": "2026-01-01"}]}
    deposit = {"type": "Deposit", "amount": "500", "due_on": "2026-01-15", "refundable": True}
    whose = {"version": 1, "legal_entity_id": "BERLIN", "starts_on": "2026-01-01"}
    agreed = {**whose, "currency": "EUR", "signed_on": "2026-01-01"}
    tower = [
        {"line_id": "L-2", "project_id": "TOWER", "terms": by_the_hour},
        {"line_id": "D-2", "project_id": "TOWER", "terms": deposit},
    ]
    return [
        event(
            "ProjectActivated",
            at(0),
            project_id="BRIDGE",
            name="Bridge",
            customer_id="ACME",
            manager="BOB",
            budget={"hours": "100", "cost": "4000", "revenue": "10000"},
            dimensions={"practice": "data"},
            **whose,
        ),
        event("ProjectActivated", at(1), project_id="TOWER", name="Tower", customer_id="BOLT", **whose),
        event(
            "ContractSigned",
            at(2),
            contract_id="K-1",
            customer_id="ACME",
            lines=[{"line_id": "L-1", "project_id": "BRIDGE", "terms": by_the_hour}],
            **agreed,
        ),
        event(
            "ContractSigned",
            at(3),
            contract_id="K-2",
            customer_id="BOLT",
            policies={"statement_approval": "required"},
            lines=tower,
            **agreed,
        ),
    ]


def _hours(entry_id: str, day: str, project_id: str, person_id: str, hours: str, **more: Any) -> Event:
    fields = {"entry_id": entry_id, "version": 1, "project_id": project_id, "person_id": person_id, "worked_on": day}
    return event("TimeApproved", f"{day}T18:00:00Z", **fields, approved_by="CARA", hours=hours, **more)


def _work() -> list[Event]:
    held = {"hold_id": "H-1", "version": 1, "scope": {"kind": "entry", "id": "T-5"}, "placed_on": "2026-03-03"}
    return [
        _hours("T-1", "2026-01-12", "BRIDGE", "ADA", "10"),
        _hours("T-2", "2026-01-13", "BRIDGE", "BOB", "6"),
        _hours("T-3", "2026-02-10", "BRIDGE", "ADA", "8"),
        _hours("T-4", "2026-03-02", "BRIDGE", "ADA", "4"),
        _hours("T-5", "2026-03-03", "BRIDGE", "ADA", "2"),
        _hours("T-6", "2026-03-04", "BRIDGE", "ADA", "2", billable=False),
        event("BillingHoldPlaced", "2026-03-05T08:00:00Z", reason="the client asked", **held),
        _hours("U-1", "2026-02-11", "TOWER", "BOB", "3"),
    ]


def _finance() -> list[Event]:
    posted = {"invoice_id": "INV-1", "statement_id": JANUARY, "posted_on": "2026-02-03", "amount": "1600"}
    deposit = {"invoice_id": "INV-2", "statement_id": "TOWER.K-2/BOLT/2026-01-01/1", "posted_on": "2026-02-05"}
    paid = {"payment_id": "PAY-1", "customer_id": "ACME", "currency": "EUR", "received_on": "2026-03-01"}
    return [
        event("InvoicePosted", "2026-02-03T09:00:00Z", tax_amount="304", **posted),
        event(
            "StatementApproved",
            "2026-02-04T09:00:00Z",
            statement_id="TOWER.K-2/BOLT/2026-01-01/1",
            revision=1,
            approved_by="DORA",
        ),
        event("InvoicePosted", "2026-02-05T09:00:00Z", amount="500", **deposit),
        event(
            "PaymentReceived",
            "2026-03-01T09:00:00Z",
            amount="1000",
            applications=[{"invoice_id": "INV-1", "amount": "904"}],
            **paid,
        ),
    ]
