"""The short ways of a walk through a cap's entries come to what looking at every one of them does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.caps import consumption
from domain.caps.consume import EMPTY, Billable, Bucket, BucketKey, CapRequest, Order, allot, pin
from domain.units import AMOUNT_ONE
from state.caps import allot as allotting
from state.caps import walk
from state.caps.claims import FOR_REVENUE, bucket_id, claim_of, consumption_of, granted_of, order_key, stands_on
from state.draft import Draft
from state.terms.plan import LinePlan, plan_of
from tests.auditing import check_buckets, entries_of, standing_price
from tests.folding import fold
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope
from tests.told import told

# Much work, most of it under caps.
CROWDED = Scope(
    currencies=("EUR",),
    steps=80,
    late_references=False,
    accounting_periods=False,
    holds=False,
    faults=False,
    rare=False,
    waits=False,
    on_request=True,
)
Shares = tuple[Billable, list[tuple[str, Billable]]]


def plain_walk(draft: Draft, plan: LinePlan, allotment: str, start: Order, own_id: str, comer: Any) -> Shares:
    """What the comer gets, and everybody whose share or binding cap is another, found with every claim."""
    queue: list[tuple[Order, CapRequest, Billable | None]] = []
    for line_id in plan.group:
        for entry in draft.open_on(plan.contract_id, line_id):
            consumption = consumption_of(entry)
            theirs = plan_of(draft, consumption.price) if consumption is not None else None
            if consumption is None or theirs is None or entry.entry_id == own_id:
                continue
            order = order_key(plan, consumption.price, entry.entry_id)
            if stands_on(consumption, plan.contract_id, line_id) and order > start:
                queue.append((order, claim_of(theirs, allotment, consumption), granted_of(allotment, consumption)))
    if comer is not None:
        queue.append((comer.order, comer.claim, None))
    queue.sort(key=lambda one: one[0])
    buckets = {
        key: draft.bucket(bucket_id(plan, allotment, key)).bucket for _, claim, _ in queue for key in keys_of(claim)
    }
    for _, claim, held in queue:
        for key, rule in dict(walk.of_everyone(draft, plan, claim.under)).items():
            had = buckets[key]
            if held is None:
                buckets[key] = pin(had, rule, claim)
            else:
                buckets[key] = had._replace(
                    free_amount=had.free_amount - held.amount + claim.pinned,
                    free_hours=had.free_hours - held.hours + claim.pinned_hours,
                )
    by_day = walk.has_order_by_day(plan)
    grants, _ = allot([claim for _, claim, _ in queue], buckets, plan.step, plan.policies.money_mode, by_day=by_day)
    compared = 2 if allotment == FOR_REVENUE else 3
    comers = [granted for (_, _, held), granted in zip(queue, grants, strict=True) if held is None]
    others = [
        (claim.entry_id, granted)
        for (_, claim, held), granted in zip(queue, grants, strict=True)
        if held is not None and held[:compared] != granted[:compared]
    ]
    return comers[0] if comers else Billable(0, 0), others


def settled_by_rows(draft: Draft, plan: LinePlan, allotment: str, own_id: str) -> dict[BucketKey, Bucket]:
    """What rows say is settled under each cap, all of it and by later limits, but for the entry that changes."""
    found: dict[BucketKey, Bucket] = {}
    for each in walk._everybody(draft, plan, allotment, own_id):
        for key, rule in walk.of_everyone(draft, each.plan, each.claim.under):
            found[key] = pin(found.get(key, EMPTY), rule, each.claim)
    return found


def keys_of(claim: CapRequest) -> list[BucketKey]:
    return [key for key, _ in claim.under]


@contextmanager
def compared_walks() -> Iterator[None]:
    """Where more is settled than there is room everybody is looked at, and nothing is compared (`test_against_oracle.py`)."""
    short_walk, to_all = walk.allotted, walk._allotted_to_all
    exceeded: list[str] = []

    def gives_back(*asked: Any) -> Any:
        exceeded.append("more is settled than there is room")
        return to_all(*asked)

    def both(draft: Draft, plan: LinePlan, allotment: str, start: Order, former: Any, comer: Any) -> Any:
        changed = former.share.claim.entry_id if former else comer.claim.entry_id if comer else ""
        wanted = plain_walk(draft, plan, allotment, start, changed, comer)
        for key, settled in settled_by_rows(draft, plan, allotment, changed).items():
            kept = draft.bucket(bucket_id(plan, allotment, key)).bucket
            assert (kept.pinned_amount, kept.pinned_hours, kept.later) == (*settled[:2], settled.later), key
        exceeded.clear()
        result, regranted = short_walk(draft, plan, allotment, start, former, comer)
        if exceeded:
            return result, regranted
        assert (result, [(rival.entry.entry_id, granted) for rival, granted in regranted]) == wanted
        return result, regranted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allotting, "allotted", both)
        patch.setattr(walk, "_allotted_to_all", gives_back)
        patch.setattr(consumption, "BLOCK", 4)  # so that few entries are many blocks
        yield


@settings(max_examples=2 * settings().max_examples)
@given(histories(CROWDED))
def test_a_walk_that_ends_early_and_passes_by_finds_all_whose_share_is_another(history: History) -> None:
    """Shares, and the caps that bind them, whatever was issued, cut, amended and corrected before."""
    with compared_walks():
        fold(history.logged)


LIMITS = (1_000, 2_500, 4_000)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(0, 2), st.integers(1, 14)), max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 14)), max_size=3),
    st.permutations(LIMITS),
    st.booleans(),
)
def test_what_is_settled_under_a_later_limit_takes_nothing_of_an_earlier_one(
    works: list[tuple[int, int, int, int]], corrected: list[tuple[int, int]], limits: list[int], shared: bool
) -> None:
    """A cap of three months with another limit in each; work comes in its month or in one of the next, and is corrected in May. Of the
    work up to a month no more is billed than the highest limit so far; who has less than it is worth finds no room under the limits from
    its month on up to some month."""

    def terms(limit: int) -> list[str]:
        own = [] if shared else [f"    cap hard {limit:,}.00"]
        lines = [part for line in "LM" for part in (f"  line {line} P tasks {line}", "    rate 100.00", *own)]
        return [*lines, f"  shared cap S hard {limit:,}.00 lines L,M"] if shared else lines[: len(lines) // 2]

    told_lines = [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 50 USD",
        "project P of LE",
        "contract K C LE USD from 2026-01-01",
        *terms(limits[0]),
    ]
    for month, last in ((1, 31), (2, 28), (3, 31), (4, 30), (5, 31)):
        if month in (2, 3):
            told_lines += [f"2026-0{month}-01 amend K from 2026-0{month}-01", *terms(limits[month - 1])]
        told_lines += [
            f"2026-0{month}-28 time T-{number} bob {hours} h on 2026-0{of}-{day:02} task {'M' if shared and number % 2 else 'L'}"
            for number, (of, day, later, hours) in enumerate(works)
            if of + later == month
        ]
        told_lines += [
            f"2026-05-{29 + place // 2} time T-{number} bob {hours} h on 2026-0{works[number][0]}-{works[number][1]:02} "
            f"task {'M' if shared and number % 2 else 'L'} version {place + 2}"
            for place, (number, hours) in enumerate(corrected)
            if month == 5 and number < len(works) and works[number][0] + works[number][2] < 5
        ]
        told_lines.append(f"2026-0{month}-{last} day ended")
    with compared_walks(), told(told_lines) as books:
        check_buckets(books.shard.store, "E", books.now)
        prices = [price for entry in entries_of(books.shard.store, "E") if (price := standing_price(entry)) is not None]
        billed = [sum(price.billable for price in prices if price.day.month <= month) for month in (1, 2, 3)]
        for month, has in enumerate(billed, 1):
            assert has <= max(limits[:month]) * AMOUNT_ONE, (month, billed)
        for price in prices:
            bounds = [(billed[last - 1], max(limits[price.day.month - 1 : last])) for last in range(price.day.month, 4)]
            assert price.billable == price.value or any(has >= most * AMOUNT_ONE for has, most in bounds), price
