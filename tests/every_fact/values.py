"""Other values of a field: what a twin of a story says instead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.events.common import (
    ForecastThreshold,
    PlannedHours,
    ProjectBudget,
    StatementReference,
    VariableConsideration,
)
from domain.units import AMOUNT_ONE, HOURS_ONE, PERCENT_ONE
from tests.every_fact.schema_fields import SCHEMAS, enumeration

DAY_MICROS: Final = 86_400_000_000
MOST: Final = 12
# By the end of a field's name; the first that fits.
TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "currency": ("EUR", "USD", "JPY"),
    "zone": ("Asia/Tokyo", "America/Los_Angeles"),
    "month": ("2026-07", "2026-09", "2026-05"),
    "period": ("2026-07", "2026-06", "2026-05"),
    "year_starts_on": ("04-01",),
    "line_id": ("M", "L", "R", "other"),
    "tax_category": ("goods", "expenses"),
    "approved_by": ("bob", "cfo", "boss", "commercial", "controller"),
    "requested_by": ("bob", "cfo", "boss", "commercial", "controller"),
    "submitted_by": ("bob", "cfo", "boss", "commercial", "controller"),
    "project_id": ("Q", "P", "other"),
    "contract_id": ("K2", "K", "other"),
    "customer_id": ("B", "D", "C", "other"),
}
ANY_TEXT: Final = ("other", "bob", "consultant", "build", "travel")
# Records that no story has, or that contradict their terms in parts.
RECORDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "ContractLine.variable_consideration": (
        (VariableConsideration(item_id="bonus", kind="bonus", method="most_likely", included=False),),
    ),
    "Policies.forecast_threshold": (ForecastThreshold(amount=10**9 * AMOUNT_ONE, percent=900 * PERCENT_ONE),),
    "ProjectActivated.budget": (ProjectBudget(hours=7 * HOURS_ONE, cost=700 * AMOUNT_ONE, revenue=900 * AMOUNT_ONE),),
    "ResourceAssigned.planned": ((PlannedHours(month="2026-07", hours=30 * HOURS_ONE),),),
    "FiscalCalendar.extra_week": ((2025,), (2026,)),
    "InvoiceRejected.statement": (StatementReference(contract_id="K", period=dt.date(2026, 6, 1), sequence=1),),
}


def values(field: Mapping[str, Any], key: str, held: Any) -> Iterator[Any]:
    """At most so many, the likeliest first."""
    found = [*RECORDS.get(key, ()), *_others(field["type"], field["name"], held)]
    yield from (value for value in found[:MOST] if value != held)


def _others(node: Any, name: str, held: Any) -> Iterator[Any]:
    match node:
        case ["null", inner] if held is None:
            yield from _samples(inner, name)
        case ["null", inner]:
            yield None
            yield from _others(inner, name, held)
        case {"logicalType": "decimal", "scale": scale}:
            one = 10**scale
            yield from (held * 2, held + one, held - one, held // 2, held + 10 * one, 0)
        case {"logicalType": "date"}:
            yield from (held + dt.timedelta(days=days) for days in (-1, 1, -40, 40, 400))
        case {"logicalType": _}:
            yield from (held + days * DAY_MICROS for days in (1, -1, 40))
        case "boolean":
            yield not held
        case "int" | "long":
            yield from (held + 1, held - 1, held + 10, held + 40)
        case {"type": "array", "items": inner}:
            if held:
                yield from ((), held[:-1], tuple(reversed(held)))
                yield from ((one,) for one in enumeration(inner))
            yield from ((*held, one) for one in _samples(inner, name))
        case {"type": "map"}:
            yield from ({}, {**held, "team": "x"})
        case list():
            return
        case str() if "." in node and SCHEMAS[node]["type"] == "record":
            for field in SCHEMAS[node]["fields"]:
                inner = getattr(held, field["name"])
                yield from (
                    held._replace(**{field["name"]: value}) for value in _others(field["type"], field["name"], inner)
                )
        case _:
            yield from _samples(node, name)


def _samples(node: Any, name: str) -> Iterator[Any]:
    match node:
        case "string":
            yield from next((texts for end, texts in TEXTS.items() if name.endswith(end)), ANY_TEXT)
        case {"logicalType": "decimal", "scale": scale}:
            yield from (10**scale, 100 * 10**scale, 1000 * 10**scale, 1)
        case {"logicalType": "date"}:
            yield from (dt.date(2026, 6, 10), dt.date(2026, 7, 10), dt.date(2026, 1, 10))
        case {"logicalType": _}:
            yield 1_780_000_000_000_000
        case "boolean":
            yield from (True, False)
        case "int" | "long":
            yield from (1, 0, 15, 2026, 60)
        case {"type": "array", "items": inner}:
            yield from ((one,) for one in _samples(inner, name))
            yield ()
        case {"type": "map"}:
            yield {"team": "x"}
        case _:
            yield from enumeration(node)
