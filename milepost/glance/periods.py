"""Accounting periods: which months of a company are closed, or were, since when, and by whom."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from connectors.files.glance_rows import COMPANY, PERIOD, Noted
from domain.events.reference import LegalEntityDefined
from domain.reference.fiscal import period_named
from domain.reference.zones import local_date
from milepost.glance.firm import FirmAtMoment, text, whole
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, row_of
from milepost.glance.wanted import Wanted

COLUMNS: Final = (
    GlanceColumn("company", "company", CellKind.ID),
    GlanceColumn("company_name", "company name", CellKind.TEXT, 3, "company"),
    GlanceColumn("period", "period", CellKind.ID),
    GlanceColumn("first_day", "first day", CellKind.DAY, 1),
    GlanceColumn("last_day", "last day", CellKind.DAY),
    GlanceColumn("state", "state", CellKind.TEXT),
    GlanceColumn("since", "since", CellKind.DAY),
    GlanceColumn("requested_by", "requested by", CellKind.TEXT),
    GlanceColumn("approved_by", "approved by", CellKind.TEXT),
    GlanceColumn("reason", "reason", CellKind.TEXT, 2),
)
NOTE: Final = "A period that is not listed was never closed."


def periods(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    """Of companies that are defined, as nothing follows from a period of any other."""
    companies = {
        entity_id: record.event
        for entity_id in firm.companies
        if (record := firm.stated(COMPANY, entity_id, "currency")) is not None
        and isinstance(record.event, LegalEntityDefined)
    }
    rows = [_row(each, companies) for _, each in sorted(firm.named(PERIOD).items())]
    return Glance(
        "periods",
        "Accounting periods",
        firm.as_of,
        COLUMNS,
        wanted.of([row for row in rows if row is not None], firm),
        notes=(NOTE,),
        none_at_all="no period was ever closed",
        filters=wanted.filters,
    )


def _row(noted: Noted, companies: Mapping[str, LegalEntityDefined]) -> GlanceRow | None:
    entity_id, name = text(noted, "company"), text(noted, "period")
    entity = companies.get(entity_id)
    if entity is None or (period := period_named(entity.fiscal_calendar, name)) is None:
        return None
    texts: dict[str, Cell] = {
        "company": entity_id,
        "company_name": entity.name,
        "period": name,
        "first_day": period.start,
        "last_day": period.to - timedelta(days=1),
        "state": "closed" if noted.get("closed") else "open again",
        "since": local_date(whole(noted, "at") or 0, entity.zone),
        **{column: text(noted, column) or None for column in ("requested_by", "approved_by", "reason")},
    }
    return row_of((entity_id, name), texts, {})
