"""Writes a small firm's March as events: python docs/examples/producer.py FOLDER"""

import json
import sys
from pathlib import Path


def event(kind, occurred_at, /, **fields):
    """`event_id` is for tracing; repeats are recognised by id and version."""
    event_id = f"{kind}-{occurred_at}"
    return {"type": kind, "event_id": event_id, "occurred_at": occurred_at, "source": "example", **fields}


def time(entry_id, version, worked_on, hours, approved_at):
    return event(
        "TimeApproved",
        approved_at,
        entry_id=entry_id,
        version=version,
        project_id="BRIDGE",
        person_id="ADA",
        worked_on=worked_on,
        hours=hours,
        submitted_by="ADA",
        approved_by="BEN",
    )


rates = [{"rate": "120", "effective_from": "2026-01-01"}]
line = {"line_id": "L-1", "project_id": "BRIDGE", "terms": {"type": "TimeAndMaterials", "rates": rates}}
topics = {
    "finance.reference": [
        event(
            "LegalEntityDefined",
            "2026-03-01T08:00:00Z",
            legal_entity_id="BERLIN",
            version=1,
            name="Berlin GmbH",
            currency="EUR",
            zone="Europe/Berlin",
            fiscal_calendar={"kind": "calendar_month"},
        ),
        event("CustomerDefined", "2026-03-01T08:00:01Z", customer_id="ACME", version=1, name="Acme AG"),
        event(
            "CostRateSet",
            "2026-03-01T08:00:02Z",
            cost_rate_id="ADA-2026",
            version=1,
            person_id="ADA",
            currency="EUR",
            rate="62.50",
            effective_from="2026-01-01",
        ),
    ],
    "hr.people": [
        event(
            "PersonDefined",
            "2026-03-01T08:00:03Z",
            person_id="ADA",
            version=1,
            legal_entity_id="BERLIN",
            role="senior",
            cost_center="110",
        )
    ],
    "psa.projects": [
        event(
            "ProjectActivated",
            "2026-03-01T08:00:04Z",
            project_id="BRIDGE",
            version=1,
            name="Bridge",
            legal_entity_id="BERLIN",
            starts_on="2026-03-01",
            budget={"hours": "100", "cost": "6250"},
        )
    ],
    "crm.contracts": [
        event(
            "ContractSigned",
            "2026-03-01T08:00:05Z",
            contract_id="K-1",
            version=1,
            customer_id="ACME",
            legal_entity_id="BERLIN",
            currency="EUR",
            signed_on="2026-02-20",
            starts_on="2026-03-01",
            lines=[line],
        )
    ],
    "psa.time": [
        time("T-1", 1, "2026-03-02", "8", "2026-03-02T18:00:00+01:00"),
        time("T-2", 1, "2026-03-03", "6.5", "2026-03-03T18:00:00+01:00"),
        time("T-3", 1, "2026-03-04", "4", "2026-03-04T18:00:00+01:00"),
        time(
            "T-2", 2, "2026-03-03", "5.5", "2026-03-05T09:00:00+01:00"
        ),  # a correction is whole, under a higher version
    ],
}

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for topic, events in topics.items():
    lines = "".join(json.dumps(each) + "\n" for each in events)
    (folder / f"{topic}.jsonl").write_text(lines, encoding="utf-8")
