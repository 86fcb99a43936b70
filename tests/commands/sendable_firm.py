"""A firm whose statements can be sent: addresses, numbers, bank; a story for each way in which one is taxed and paid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.commands.tiny_firm import Event, event, run

FIRM = {
    "legal_entity_id": "BERLIN",
    "version": 1,
    "name": "Brücken & Tunnel GmbH",
    "currency": "EUR",
    "zone": "Europe/Berlin",
    "fiscal_calendar": {"kind": "calendar_month"},
    "tax_region": "DE",
    "address": {"street": ["Uferweg 7"], "postal_code": "10115", "city": "Berlin", "country": "DE"},
    "vat_id": "DE123456789",
    "tax_registration": "30/123/45678",
    "registration_number": "HRB 12345",
    "endpoint": {"scheme": "9930", "id": "DE123456789"},
    "contact": {"name": "Rechnungswesen", "email": "billing@firm.example", "phone": "+49 30 1234567"},
    "bank": {"account": "DE89370400440532013000", "bic": "COBADEFFXXX", "bank_name": "Bank am Ufer"},
    "legal_note": "Amtsgericht Berlin HRB 12345\nGeschäftsführerin: Ada Keller",
    "number_ranges": [
        {"range_id": "R", "format": "RE-{year}-{number:4}", "first_number": 101, "restarts": "year"},
        {"range_id": "G", "format": "GS-{year}-{number:4}", "takes": "credit", "restarts": "year"},
    ],
}
CUSTOMER = {
    "version": 1,
    "payment_terms_days": 30,
    "address": {"street": ["Hafenstraße 1", "Tor 3"], "postal_code": "20457", "city": "Hamburg", "country": "DE"},
    "vat_id": "DE987654321",
    "endpoint": {"scheme": "0204", "id": "991-1234512345-06"},
    "contact": {"name": "Eva Ömer", "email": "invoices@acme.example"},
    "buyer_reference": "04011000-12345-34",
}
ABROAD = {
    **CUSTOMER,
    "address": {"street": ["Λεωφόρος Αθηνών 5"], "postal_code": "104 42", "city": "Αθήνα", "country": "GR"},
    "vat_id": "EL123456789",
    "endpoint": {"scheme": "9933", "id": "123456789"},
    "buyer_reference": None,
}
# Contract, customer, fields of the contract, tax categories of its lines with the hours worked on each.
STORIES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "rates": ("ACME", {"purchase_order": {"number": "PO-77"}}, {"services": "10", "books": "2.5"}),
    "reverse": ("HELLAS", {}, {"services": "7.333333"}),
    "exempt": ("ACME", {}, {"courses": "4"}),
    "zero": ("ACME", {}, {"transport": "3"}),
    "outside": ("ACME", {}, {"grants": "3"}),
    "retention": (
        "ACME",
        {
            "retention": {
                "steps": [{"at_percent": "0", "withhold_percent": "10", "release_percent": "0"}],
                "release_on": "2026-12-31",
            }
        },
        {"services": "10"},
    ),
    "yen": ("ACME", {"currency": "JPY"}, {"services": "3.333333"}),
    "payers": (
        "ACME",
        {
            "bill_to": [
                {"customer_id": "ACME", "share": "60", "rounding_party": True},
                {"customer_id": "HELLAS", "share": "40"},
            ]
        },
        {"services": "5.333333"},
    ),
    "deposit": ("ACME", {}, {"services": "10"}),
    "credit": ("ACME", {}, {"services": "10"}),
}


def founding() -> Iterator[Event]:
    at = "2026-03-01T08:00:00Z"
    yield event("LegalEntityDefined", at, **FIRM)
    yield event("CustomerDefined", at, **CUSTOMER, customer_id="ACME", name="Acme Häfen AG")
    greek = {**ABROAD, "customer_id": "HELLAS", "name": "Ελληνικά Λιμάνια ΑΕ", "tax_region": "GR"}
    yield event("CustomerDefined", "2026-03-01T08:00:01Z", **greek)
    rules = [
        {"category": "*", "percent": "19", "kind": "output"},
        {"category": "books", "percent": "7", "kind": "output"},
        {"category": "transport", "percent": "0", "kind": "output"},
        {"category": "courses", "percent": "0", "kind": "exempt", "reason": "Exempt under section 4 no. 21 UStG"},
        {"category": "grants", "percent": "0", "kind": "outside_scope"},
    ]
    yield event("TaxPolicyDefined", at, tax_region="DE", version=1, rules=rules)
    abroad = [{"category": "*", "percent": "0", "kind": "reverse_charge"}]
    yield event("TaxPolicyDefined", "2026-03-01T08:00:01Z", tax_region="GR", version=1, rules=abroad)
    for day in ("2026-03-01", "2026-03-10", "2026-03-31", "2026-04-30"):
        rate = {"rate_type": "spot", "from_currency": "JPY", "to_currency": "EUR", "date": day, "rate": "0.006"}
        yield event("ExchangeRateSet", f"{day}T07:00:00Z", **rate, version=1)
    yield event(
        "PersonDefined", at, person_id="ADA", version=1, legal_entity_id="BERLIN", role="senior", name="Ada Łukasz"
    )
    cost = {"cost_rate_id": "ADA", "version": 1, "person_id": "ADA", "currency": "EUR", "rate": "40"}
    yield event("CostRateSet", at, **cost, effective_from="2026-01-01")


def story(name: str, number: int) -> Iterator[Event]:
    customer, terms, categories = STORIES[name]
    minute = f"2026-03-01T09:{number:02}:00Z"
    project = name.upper()
    of_project = {"project_id": project, "version": 1, "name": f"Projekt {name}", "legal_entity_id": "BERLIN"}
    yield event("ProjectActivated", minute, **of_project, starts_on="2026-03-01")
    rate = "20000" if terms.get("currency") == "JPY" else "97.5"
    lines: list[Event] = [
        {
            "line_id": category,
            "project_id": project,
            "tasks": [category],
            "tax_category": category,
            "terms": {"type": "TimeAndMaterials", "rates": [{"rate": rate}]},
        }
        for category in categories
    ]
    if name == "deposit":
        deposit = {"type": "Deposit", "amount": "1275", "due_on": "2026-03-01", "refundable": True}
        lines.append({"line_id": "advance", "project_id": project, "terms": deposit})
    signed = {
        "contract_id": f"K-{name}",
        "version": 1,
        "customer_id": customer,
        "legal_entity_id": "BERLIN",
        "currency": "EUR",
        "signed_on": "2026-02-20",
        "starts_on": "2026-03-01",
        "lines": lines,
        **terms,
    }
    yield event("ContractSigned", minute, **signed)
    for place, (category, hours) in enumerate(categories.items()):
        yield worked(name, category, 1, hours, f"2026-03-{10 + place:02}T10:{number:02}:00Z")
    if name == "credit":
        yield worked(name, "services", 2, "6", f"2026-04-10T10:{number:02}:00Z")
    if name == "deposit":
        later = worked(name, "services", 1, "8", f"2026-04-10T10:{number:02}:00Z")
        yield {**later, "entry_id": "T-deposit-april", "worked_on": "2026-04-10"}


def layouts() -> Iterator[Event]:
    """A fee paid in advance with hours beyond it, a milestone of a customer without address, 60 lines, and letters of another script."""
    at = "2026-03-01T09:30:00Z"
    port = {"customer_id": "PLAIN", "version": 1, "name": "Plain & Söhne", "payment_terms_days": 14}
    yield event("CustomerDefined", at, **port)
    tokyo = {**CUSTOMER, "customer_id": "TOKYO", "name": "東京港湾 K.K.", "vat_id": None}
    yield event("CustomerDefined", "2026-03-01T09:30:01Z", **tokyo)
    retainer = {"type": "Retainer", "fee": "3000", "unit": "hours", "quantity": "20", "overage_rate": "160"}
    milestones = [{"milestone_id": "M-1", "name": "Konzept abgenommen", "amount": "8000", "due_on": "2026-03-20"}]
    terms: dict[str, tuple[str, Event]] = {
        "RET": ("ACME", retainer),
        "MILE": ("PLAIN", {"type": "Milestones", "milestones": milestones}),
        "MANY": ("ACME", {"type": "TimeAndMaterials", "rates": [{"rate": "97.5"}]}),
        "KANJI": ("TOKYO", {"type": "TimeAndMaterials", "rates": [{"rate": "97.5"}]}),
    }
    for project, (customer, one) in terms.items():
        of_project = {"project_id": project, "version": 1, "name": f"Projekt {project}", "legal_entity_id": "BERLIN"}
        yield event("ProjectActivated", "2026-03-01T09:31:00Z", **of_project, starts_on="2026-03-01")
        signed = {"contract_id": f"K-{project}", "version": 1, "customer_id": customer, "legal_entity_id": "BERLIN"}
        lines = [{"line_id": "L", "project_id": project, "terms": one}]
        dates = {"signed_on": "2026-02-20", "starts_on": "2026-03-01"}
        yield event("ContractSigned", "2026-03-01T09:32:00Z", **signed, currency="EUR", **dates, lines=lines)
    accepted = {"milestone_id": "M-1", "version": 1, "project_id": "MILE", "accepted_on": "2026-03-20"}
    yield event("MilestoneAccepted", "2026-03-20T12:00:00Z", **accepted, approved_by="BEN")
    yield {**worked("ret", "calls", 1, "23.5", "2026-03-12T10:00:00Z"), "project_id": "RET"}
    yield {**worked("kanji", "calls", 1, "2", "2026-03-12T10:01:00Z"), "project_id": "KANJI"}
    for number in range(60):
        yield worked("many", f"step {number}", 1, "1.25", f"2026-03-15T10:{number:02}:00Z")


def worked(name: str, category: str, version: int, hours: str, at: str) -> Event:
    day = {"worked_on": "2026-03-10", "hours": hours, "task": category, "description": f"Prüfung für {category}"}
    who = {"person_id": "ADA", "submitted_by": "ADA", "approved_by": "BEN"}
    entry = {"entry_id": f"T-{name}-{category}", "version": version, "project_id": name.upper()}
    return event("TimeApproved", at, **entry, **day, **who)


def sendable_run(folder: Path, *, without: tuple[str, str] | None = None) -> Path:
    """The output folder, run to the end of April. `without`: a record of the founding, and a field that it then lacks."""
    return ran(
        folder, [*founding(), *(one for number, name in enumerate(STORIES) for one in story(name, number))], without
    )


def layouts_run(folder: Path) -> Path:
    """The output folder of a firm with the statements that look otherwise than those of the stories."""
    return ran(folder, [*founding(), *layouts()], None)


def ran(folder: Path, events: list[Event], without: tuple[str, str] | None) -> Path:
    events.sort(key=lambda one: str(one["occurred_at"]))
    if without is not None:
        for one in events:
            if without[0] in (one.get("customer_id"), one.get("legal_entity_id")) and one["type"].endswith("Defined"):
                one.pop(without[1], None)
    (folder / "input").mkdir(parents=True)
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events)
    (folder / "input" / "events.jsonl").write_text(text, encoding="utf-8")
    run(folder, "--until", "2026-04-30")
    return folder / "output"
