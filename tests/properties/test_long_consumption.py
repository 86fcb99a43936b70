"""Hundreds of entries under two caps, late, corrected, withdrawn and billed: blocks of blocks find whom a walk over everybody finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain.caps import consumption
from domain.events.catalogue import Event
from domain.events.commercial import ContractSigned
from domain.events.common import (
    BillingCycle,
    Cap,
    ContractLine,
    FiscalCalendar,
    LineRate,
    SharedCap,
    TimeAndMaterials,
)
from domain.events.delivery import ProjectActivated, TimeApproved, TimeWithdrawn
from domain.events.reference import CostRateSet, CustomerDefined, DayEnded, LegalEntityDefined, PersonDefined
from domain.units import AMOUNT_ONE, HOURS_ONE, RATE_ONE
from state.caps import allot as allotting
from state.caps import walk
from state.draft import Draft
from state.store import store
from state.store.store import Engagement
from state.terms.plan import LinePlan
from tests.folding import Logged, fold
from tests.properties.test_walks_of_caps import plain_walk

FIRST, DAYS, A_DAY, PEOPLE = date(2026, 1, 5), 60, 6, 4
SOURCE, ZONE, ENGAGEMENT = "test", "UTC", "E"
MINUTE = 60_000_000


def instant(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def opening() -> Iterator[Event]:
    """Lines L and M share a cap of 20,000.00; L has one of 3,000.00 a month besides."""
    at = instant(FIRST) - MINUTE
    rates = (LineRate(rate=100 * RATE_ONE),)
    by_month = Cap(kind="hard", amount=3_000 * AMOUNT_ONE, period="month")
    lines = (
        ContractLine("L", "P", TimeAndMaterials(rates=rates, cap=by_month), tasks=("build",)),
        ContractLine("M", "P", TimeAndMaterials(rates=rates)),
    )
    shared = (SharedCap("S", ("L", "M"), "hard", 20_000 * AMOUNT_ONE),)
    yield LegalEntityDefined("le", at, SOURCE, "LE", 1, "Company", "EUR", ZONE, FiscalCalendar(kind="calendar_month"))
    yield CustomerDefined("c", at, SOURCE, "C", 1, "Customer")
    yield from (PersonDefined(f"p-{n}", at, SOURCE, f"PER-{n}", 1, "LE", "consultant") for n in range(PEOPLE))
    yield CostRateSet("k", at, SOURCE, "K", 1, "EUR", 60 * RATE_ONE, FIRST, role="consultant")
    yield ProjectActivated("pa", at, SOURCE, "P", 1, "Project", "LE", FIRST, engagement_id=ENGAGEMENT)
    yield ContractSigned(
        "cs",
        at,
        SOURCE,
        "K",
        1,
        "C",
        "LE",
        "EUR",
        FIRST,
        FIRST,
        lines,
        engagement_id=ENGAGEMENT,
        billing_cycle=BillingCycle(kind="weekly"),
        shared_caps=shared,
    )


def events(chance: Random) -> Iterator[Event]:
    """Six entries a day, of that day or one up to three weeks before; one in ten corrects an earlier entry or takes it back."""
    yield from opening()
    known: dict[str, TimeApproved] = {}
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        for place in range(A_DAY):
            at = instant(day) + (9 * 60 + place) * MINUTE
            late = chance.randrange(22) if chance.random() < 0.4 else 0
            entry_id = f"T-{number * A_DAY + place:04}"
            entry = TimeApproved(
                event_id=f"e-{entry_id}",
                occurred_at=at,
                source=SOURCE,
                entry_id=entry_id,
                version=1,
                project_id="P",
                person_id=f"PER-{place % PEOPLE}",
                approved_by="boss",
                recorded_at=at,
                engagement_id=ENGAGEMENT,
                worked_on=max(day - timedelta(days=late), FIRST),
                hours=chance.randrange(1, 9) * HOURS_ONE // 2,
                approved_at=at,
                task="build" if chance.random() < 0.5 else None,
            )
            before = known.get(chance.choice(list(known))) if known and chance.random() < 0.1 else None
            if before is not None and chance.random() < 0.3:
                del known[before.entry_id]
                yield TimeWithdrawn(
                    f"w-{entry_id}", at, SOURCE, before.entry_id, before.version, at, ENGAGEMENT, before.project_id
                )
                continue
            if before is not None:
                entry = before._replace(
                    event_id=f"e-{entry_id}",
                    version=before.version + 1,
                    hours=entry.hours,
                    occurred_at=at,
                    recorded_at=at,
                    approved_at=at,
                )
            known[entry.entry_id] = entry
            yield entry
        ended = instant(day + timedelta(days=1))
        yield DayEnded(f"day-{number}", ended, SOURCE, ZONE, day, recorded_at=ended)


OWN = (ProjectActivated, ContractSigned, TimeApproved, TimeWithdrawn)


@pytest.mark.parametrize(("rows_min", "forgets"), [(store.ROWS_MIN, False), (-200, True)])
def test_a_long_order_finds_all_whose_share_is_another(
    rows_min: int, forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an order is forgotten with any row that is written, and made again."""
    short_walk, written = walk.allotted, Engagement.written
    longest, walks, forgotten = 0, 0, 0

    def both(draft: Draft, plan: LinePlan, allotment: str, start: Any, own_id: str, former: Any, comer: Any) -> Any:
        nonlocal longest, walks
        wanted = plain_walk(draft, plan, allotment, start, own_id, comer)
        result, regranted = short_walk(draft, plan, allotment, start, own_id, former, comer)
        assert (result, [(one.entry.entry_id, granted) for one, granted in regranted]) == wanted
        longest = max(longest, *(len(order) for order in draft.entries.orders["K"].values()))
        walks += 1
        return result, regranted

    def counted(engagement: Engagement, change: Any) -> None:
        nonlocal forgotten
        had = sum(map(len, engagement.orders.values()))
        written(engagement, change)
        forgotten += had - sum(map(len, engagement.orders.values()))

    monkeypatch.setattr(allotting, "allotted", both)
    monkeypatch.setattr(Engagement, "written", counted)
    monkeypatch.setattr(consumption, "BLOCK", 4)
    monkeypatch.setattr(store, "ROWS_MIN", rows_min)
    fold([Logged(ENGAGEMENT if isinstance(event, OWN) else "", event) for event in events(Random(7))])
    assert (longest > 100, walks > 100) == (True, True)
    assert (forgotten > 0) == forgets
