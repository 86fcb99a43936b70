"""What is said of a cap that has no room: since when, by what, and whether anything waits because of it."""

from __future__ import annotations

from connectors.files.forecast_history import UsedUp
from domain.caps.purchase_order import SUBJECT_KIND
from domain.counting import counted
from domain.outputs import ForecastCap
from milepost.console import amount_text
from milepost.days import instant_day
from milepost.event_words import label_words


def used_up_text(one: UsedUp) -> str:
    """A hard cap holds back, a soft one warns."""
    by = f" by {label_words(one.label)}" if one.label else ""
    return f"{cap_name(one.cap)} is used up since {instant_day(one.since)}{by}; {_held_back(one)}"


def _held_back(one: UsedUp) -> str:
    if one.cap.kind == "soft":
        return "it is soft, so nothing is held back"
    waiting = one.waiting
    if waiting is None or not waiting.blocks_amount:
        return "nothing waits over it"
    entries = counted(waiting.blocks_count, "entry waits", "entries wait")
    return f"{entries} over it, {amount_text(waiting.blocks_amount)} {waiting.blocks_currency or ''}".rstrip()


def cap_name(cap: ForecastCap) -> str:
    what = {"soft": "soft cap", SUBJECT_KIND: "purchase order"}.get(cap.kind or "", "cap")
    return f"{what} {cap.cap_id}" + (f" of contract {cap.contract_id}" if cap.contract_id is not None else "")


def cap_kind(cap: ForecastCap) -> str:
    """Such as hard, soft by month, or purchase order."""
    return f"{(cap.kind or '').replace('_', ' ')}{' by month' if cap.period == 'month' else ''}".strip()
