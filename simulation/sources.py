"""The systems that events come from, and how long each takes to hand one over."""

from typing import TypedDict

from domain.units import Instant
from simulation.calendar import SECOND

CRM = "salesforce"
PSA = "kantata"
ERP = "netsuite"
HR = "workday"

SECONDS_UNDER_WAY = {CRM: 20, PSA: 4, ERP: 45, HR: 300}


def recorded(occurred_at: Instant, source: str) -> Instant:
    """When an event of the source enters the log."""
    return occurred_at + SECONDS_UNDER_WAY[source] * SECOND


class Stamp(TypedDict):
    """What every event says of itself."""

    event_id: str
    occurred_at: Instant
    source: str
    recorded_at: Instant


def stamped(source: str, name: str, at: Instant) -> Stamp:
    """`name` is one that the source gives to no other event."""
    return {"event_id": f"{source}-{name}", "occurred_at": at, "source": source, "recorded_at": recorded(at, source)}
