"""Events and input files for tests of intake."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connectors.avro_codec import EVENT_CODECS
from connectors.containers import ContainerFormat
from connectors.files.engagement_log import EngagementLog
from connectors.json_records import record_to_json
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import ContractLine, FiscalCalendar, TimeAndMaterials
from domain.events.control import IntakeNoticed
from domain.events.delivery import ProjectActivated, TimeApproved, TimeWithdrawn
from domain.events.reference import CustomerDefined, DayEnded, LegalEntityDefined
from domain.units import Instant

DAY = date(2026, 3, 2)


def at(text: str) -> Instant:
    """UTC, such as `2026-03-02 09:00`."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def head(when: str, source: str = "test") -> dict[str, Any]:
    return {"event_id": f"{source}@{when}", "occurred_at": at(when), "source": source}


def entity(when: str, zone: str = "Europe/Berlin", name: str = "LE") -> LegalEntityDefined:
    return LegalEntityDefined(
        **head(when),
        legal_entity_id=name,
        version=1,
        name=name,
        currency="EUR",
        zone=zone,
        fiscal_calendar=FiscalCalendar("calendar_month"),
    )


def customer(when: str, customer_id: str = "ACME") -> CustomerDefined:
    return CustomerDefined(**head(when), customer_id=customer_id, version=1, name=customer_id)


def activated(when: str, project_id: str, engagement_id: str | None = None) -> ProjectActivated:
    return ProjectActivated(
        **head(when),
        project_id=project_id,
        version=1,
        name=project_id,
        legal_entity_id="LE",
        starts_on=DAY,
        engagement_id=engagement_id,
    )


def signed(when: str, contract_id: str, *projects: str) -> ContractSigned:
    return ContractSigned(
        **head(when),
        contract_id=contract_id,
        version=1,
        customer_id="ACME",
        legal_entity_id="LE",
        currency="EUR",
        signed_on=DAY,
        starts_on=DAY,
        lines=lines(*projects),
    )


def amended(when: str, contract_id: str, *projects: str, version: int = 2) -> ContractAmended:
    return ContractAmended(
        **head(when),
        contract_id=contract_id,
        version=version,
        replaces_version=version - 1,
        effective_on=DAY,
        treatment="prospective",
        lines=lines(*projects) or None,
    )


def lines(*projects: str) -> tuple[ContractLine, ...]:
    return tuple(ContractLine(project, project, TimeAndMaterials()) for project in projects)


def worked(when: str, entry_id: str, project_id: str, source: str = "test", **more: Any) -> TimeApproved:
    given = {"version": 1, "person_id": "ADA", "approved_by": "BOB", "worked_on": DAY, "hours": 8_000_000}
    return TimeApproved(**head(when, source), entry_id=entry_id, project_id=project_id, **{**given, **more})


def withdrawn(when: str, entry_id: str, version: int = 2) -> TimeWithdrawn:
    return TimeWithdrawn(**head(when), entry_id=entry_id, version=version)


def line_of(event: Event) -> bytes:
    said = {name: value for name, value in record_to_json(event).items() if value is not None}
    return json.dumps(said).encode() + b"\n"


def write_lines(path: Path, *events: Event) -> Path:
    """Added after what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(map(line_of, events))
    return path


def container(*events: Event, types: Iterable[str] = ()) -> bytes:
    names = list(dict.fromkeys([*types, *(type(event).__name__ for event in events)]))
    form = ContainerFormat([EVENT_CODECS[name] for name in names], "test", "test")
    blocks = [form.block(type(event).__name__, EVENT_CODECS[type(event).__name__].encode(event)) for event in events]
    return form.header + b"".join(blocks)


def said(engagement_id: str, event: Event) -> str:
    """A record of the log in a few words."""
    match event:
        case TimeApproved() | TimeWithdrawn():
            what = f"{event.entry_id}v{event.version}"
        case ProjectActivated():
            what = event.project_id
        case ContractSigned() | ContractAmended():
            what = f"{event.contract_id}v{event.version}"
        case DayEnded():
            what = f"{event.zone} {event.date}"
        case IntakeNoticed():
            what = f"{event.category} {event.subject}{' cleared' if event.cleared else ''}"
        case LegalEntityDefined():
            what = event.legal_entity_id
        case _:
            what = ""
    return " ".join(filter(None, (engagement_id or "*", type(event).__name__, what)))


def log_of(output_dir: Path) -> list[str]:
    with EngagementLog.open(output_dir) as log:
        return [said(record.engagement_id, record.event) for record in log.records()]
