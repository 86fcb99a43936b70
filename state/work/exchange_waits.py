"""What waits for an exchange rate, while rates come one by one in any order.

A rate of the very day finishes what waits at once. An older one, which the day may use where there is none of its own, could be
followed by a nearer one: that of Thursday by that of Friday, and only then is Saturday's work posted. So it waits until the day ends
in the zone of the legal entity and takes the nearest rate that has come by then; the books do not depend on the order of a day's
rates. What finds a rate when it comes never waits, but for balances that come while their day is running: they are stated at its end.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from domain.events.reference import LegalEntityDefined
from domain.exceptions import ExceptionCategory
from domain.policies import Resolved
from domain.reference.exchange import Exchange
from domain.waiting import WaitKey, waits_for_exchange_rate
from state.draft import Draft
from state.terms.known import Blocked, Slot

RATE = "exchange_rate"

# Exceptions' categories of the sides that have waited for an exchange rate so far.
Waited = Mapping[str, ExceptionCategory]
NOTHING_WAITED: Waited = {}


def settled(
    draft: Draft, slot: Slot | Blocked, side: str, service_day: date, policies: Resolved, waited: Waited
) -> Slot | Blocked:
    """The slot, unless its side has waited for a rate and a nearer one than the slot's may come before the day ends."""
    if side not in waited or isinstance(slot, Blocked):
        return slot
    entity = slot.entity
    day = service_day if policies.fx_date == "service" else slot.accounting_date
    found = settled_exchange(draft, slot.exchange, side, entity, slot.currency, entity.currency, day, waited)
    return found if isinstance(found, Blocked) else slot


def settled_exchange(
    draft: Draft,
    exchange: Exchange | Blocked,
    side: str,
    entity: LegalEntityDefined,
    from_currency: str,
    to_currency: str,
    day: date,
    waited: Waited,
) -> Exchange | Blocked:
    """The rate, unless its side has waited for one and a nearer one may come before the day ends where the entity is."""
    if side not in waited or isinstance(exchange, Blocked):
        return exchange
    if is_of_day(exchange, day) or not may_come_nearer(draft, entity.zone):
        return exchange
    message = only_older(from_currency, to_currency, day)
    waits = waits_for_exchange_rate(from_currency, to_currency, entity.legal_entity_id, (day,), 0)
    return Blocked(side, waited[side], message, waits, settles_in=entity.zone)


def may_come_nearer(draft: Draft, zone: str) -> bool:
    """Whether what has waited waits on, for the end of the zone's day."""
    return draft.cause.kind == RATE or zone in _zones(draft)


def is_of_day(exchange: Exchange, day: date) -> bool:
    return all(leg.date == day for leg in exchange.path)


def only_older(from_currency: str, to_currency: str, day: date) -> str:
    return f"{from_currency} to {to_currency} on {day}: only older rates have come yet"


def settle_when_day_ends(draft: Draft, zone: str) -> None:
    zones = _zones(draft)
    if zone not in zones:
        draft.put("index", "settling", {**zones, zone: ()})
        draft.due.add((zone, ""))


def settles(draft: Draft, zone: str) -> bool:
    """Whether something waited for the end of the zone's day, which is now; it waits no more."""
    zones = _zones(draft)
    if zone not in zones:
        return False
    draft.put("index", "settling", {one: () for one in zones if one != zone} or None)
    return True


def forecast_waits(draft: Draft, project_id: str, keys: Iterable[WaitKey]) -> None:
    """Have the project's forecast woken by these keys and by no others; by none, once its rates are there."""
    kept: dict[str, tuple[str, ...]] = draft.part("index", "forecast_rates") or {}
    named = tuple(key for _, key in keys)
    had = kept.get(project_id, ())
    if named == had:
        return
    now = {**kept, project_id: named}
    if not named:
        del now[project_id]
    draft.put("index", "forecast_rates", now or None)
    name = f"forecast:{project_id}"
    draft.waits_removed |= {("exchange", key, name) for key in had if key not in named}
    draft.waits_added |= {("exchange", key, name) for key in named if key not in had}


def _zones(draft: Draft) -> Mapping[str, tuple[str, ...]]:
    found: Mapping[str, tuple[str, ...]] | None = draft.part("index", "settling")
    return found or {}
