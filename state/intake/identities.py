"""Ids of a source become the canonical ones that `IdentityLinked` gives for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from domain.events.catalogue import Event
from domain.events.common import HoldScope, RateCardScope
from domain.events.reference import IdentityLinked

# Kinds of id that a field may hold, by the field's name; the first that is linked counts.
KINDS_BY_FIELD: Final[Mapping[str, tuple[str, ...]]] = {
    "approved_by": ("person",),
    "assignee": ("person",),
    "assignment_id": ("assignment",),
    "bill_to": ("customer",),
    "borrowing_entity_id": ("legal_entity",),
    "contract_id": ("contract",),
    "customer_id": ("customer",),
    "engagement_id": ("engagement",),
    "entries": ("time_entry", "expense"),
    "entry_id": ("time_entry", "expense"),
    "expense_id": ("expense",),
    "invoice_id": ("invoice",),
    "legal_entity_id": ("legal_entity",),
    "lending_entity_id": ("legal_entity",),
    "line_id": ("line",),
    "lines": ("line",),
    "manager": ("person",),
    "milestone_id": ("milestone",),
    "parent_customer_id": ("customer",),
    "payment_id": ("payment",),
    "person_id": ("person",),
    "project_id": ("project",),
    "rate_approved_by": ("person",),
    "rate_card_id": ("rate_card",),
    "requested_by": ("person",),
    "submitted_by": ("person",),
    "supplier_id": ("supplier",),
}
KINDS_BY_SCOPE: Final[Mapping[str, tuple[str, ...]]] = {
    "bill_to": ("customer",),
    "contract": ("contract",),
    "customer": ("customer",),
    "entry": ("time_entry", "expense"),
    "legal_entity": ("legal_entity",),
    "line": ("line",),
    "project": ("project",),
}

# Canonical ids by kind and the source's own id.
Links = Mapping[tuple[str, str], str]


def canonical(event: Event, links: Links) -> Event:
    """The event with its source's ids replaced; the same object where none is linked."""
    return event if isinstance(event, IdentityLinked) else cast(Event, _record(event, links))


def _record(record: Any, links: Links) -> Any:
    changed: dict[int, Any] = {}
    for at, (name, value) in enumerate(zip(record._fields, record, strict=True)):
        found = _value(value, KINDS_BY_FIELD.get(name, ()), links)
        if found is not value:
            changed[at] = found
    if isinstance(record, HoldScope | RateCardScope):
        scoped = _value(record.id, KINDS_BY_SCOPE.get(record.kind, ()), links)
        return record if scoped is record.id else record._replace(id=scoped)
    return type(record)._make(changed.get(at, value) for at, value in enumerate(record)) if changed else record


def _value(value: Any, kinds: tuple[str, ...], links: Links) -> Any:
    if isinstance(value, str):
        return next((links[kind, value] for kind in kinds if (kind, value) in links), value)
    if not isinstance(value, tuple):
        return value
    if hasattr(value, "_fields"):
        return _record(value, links)
    items = tuple(_value(item, kinds, links) for item in value)
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items
