"""Hundreds of entries under two caps, late, corrected, withdrawn and billed: blocks of blocks find whom a walk over everybody finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from benchmarks.engagement import DAY, ENGAGEMENT, FIRST_DAY, FIRST_INSTANT, MINUTE, SOURCE, UNCAPPED, ZONE, entry
from benchmarks.engagement import opening as uncapped
from domain.caps import consumption
from domain.events.catalogue import Event
from domain.events.commercial import ContractSigned
from domain.events.common import Cap, SharedCap, TimeAndMaterials
from domain.events.delivery import EstimateRevised, ProjectActivated, TimeApproved, TimeWithdrawn
from domain.events.reference import DayEnded
from domain.units import AMOUNT_ONE, HOURS_ONE
from state.caps import allot as allotting
from state.caps import walk
from state.draft import Draft
from state.store import store
from state.store.store import Engagement
from state.terms.plan import LinePlan
from tests.folding import Logged, fold
from tests.properties.test_walks_of_caps import plain_walk

DAYS, A_DAY = 60, 6


def opening() -> Iterator[Event]:
    """Lines L and M share a cap of 20,000.00; L has one of 3,000.00 a month besides."""
    by_month = Cap(kind="hard", amount=3_000 * AMOUNT_ONE, period="month")
    shared = (SharedCap("S", ("L", "M"), "hard", 20_000 * AMOUNT_ONE),)
    for event in uncapped(UNCAPPED):
        yield _with_caps(event, by_month, shared) if isinstance(event, ContractSigned) else event


def _with_caps(signed: ContractSigned, by_month: Cap, shared: tuple[SharedCap, ...]) -> ContractSigned:
    [line] = signed.lines
    assert isinstance(line.terms, TimeAndMaterials)
    capped = line._replace(terms=line.terms._replace(cap=by_month), tasks=("build",))
    return signed._replace(lines=(capped, line._replace(line_id="M")), shared_caps=shared)


def events(chance: Random) -> Iterator[Event]:
    """Six entries a day, of that day or one up to three weeks before; one in ten corrects an earlier entry or takes it back."""
    yield from opening()
    known: dict[str, TimeApproved] = {}
    for number in range(DAYS):
        day, begin = FIRST_DAY + timedelta(days=number), FIRST_INSTANT + number * DAY
        for place in range(A_DAY):
            at = begin + (9 * 60 + place) * MINUTE
            late = chance.randrange(22) if chance.random() < 0.4 else 0
            hours = chance.randrange(1, 9) * HOURS_ONE // 2
            task = "build" if chance.random() < 0.5 else None
            fresh = entry(number * A_DAY + place, max(day - timedelta(days=late), FIRST_DAY), at)
            before = known.get(chance.choice(list(known))) if known and chance.random() < 0.1 else None
            if before is not None and chance.random() < 0.3:
                del known[before.entry_id]
                yield TimeWithdrawn(
                    f"w-{fresh.event_id}",
                    at,
                    SOURCE,
                    before.entry_id,
                    before.version,
                    at,
                    ENGAGEMENT,
                    before.project_id,
                )
                continue
            if before is None:
                approved = fresh._replace(hours=hours, task=task)
            else:
                approved = fresh._replace(
                    hours=hours,
                    task=before.task,
                    entry_id=before.entry_id,
                    version=before.version + 1,
                    person_id=before.person_id,
                    worked_on=before.worked_on,
                )
            known[approved.entry_id] = approved
            yield approved
        yield DayEnded(f"day-{number}", begin + DAY, SOURCE, ZONE, day, recorded_at=begin + DAY)


OWN = (ProjectActivated, ContractSigned, EstimateRevised, TimeApproved, TimeWithdrawn)


@pytest.mark.parametrize(("rows_min", "forgets"), [(store.ROWS_MIN, False), (-200, True)])
def test_a_long_order_finds_all_whose_share_is_another(
    rows_min: int, forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an order is forgotten with any row that is written, and made again."""
    short_walk, written = walk.allotted, Engagement.written
    longest, walks, forgotten = 0, 0, 0
    begin_in: set[str] = set()

    def both(draft: Draft, plan: LinePlan, allotment: str, start: Any, former: Any, comer: Any) -> Any:
        nonlocal longest, walks
        changed = former.share.claim.entry_id if former else comer.claim.entry_id if comer else ""
        wanted = plain_walk(draft, plan, allotment, start, changed, comer)
        result, regranted = short_walk(draft, plan, allotment, start, former, comer)
        assert (result, [(one.entry.entry_id, granted) for one, granted in regranted]) == wanted
        longest = max(longest, *(len(order) for order in draft.entries.orders["K"].values()))
        begin_in.update(order.since for order in draft.entries.orders["K"].values())
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
    assert len(begin_in) > 1, "an order begins with the month from which somebody asks, or with the first of all"
    assert (forgotten > 0) == forgets
