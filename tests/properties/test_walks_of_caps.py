"""The short ways of a walk through a cap's entries come to what looking at every one of them does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from domain.caps import consumption
from domain.caps.consume import Billable, BucketKey, CapRequest, Order, allot
from state.caps import allot as allotting
from state.caps import walk
from state.caps.claims import FOR_REVENUE, bucket_id, claim_of, consumption_of, granted_of, order_key, stands_on
from state.draft import Draft
from state.terms.plan import LinePlan, plan_of
from tests.folding import fold
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope

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
        for key in set(keys_of(claim)):
            had = buckets[key]
            if held is None:
                buckets[key] = had._replace(
                    pinned_amount=had.pinned_amount + claim.pinned, pinned_hours=had.pinned_hours + claim.pinned_hours
                )
            else:
                buckets[key] = had._replace(
                    free_amount=had.free_amount - held.amount + claim.pinned,
                    free_hours=had.free_hours - held.hours + claim.pinned_hours,
                )
    grants, _ = allot([claim for _, claim, _ in queue], buckets, plan.step, plan.policies.money_mode)
    compared = 2 if allotment == FOR_REVENUE else 3
    comers = [granted for (_, _, held), granted in zip(queue, grants, strict=True) if held is None]
    others = [
        (claim.entry_id, granted)
        for (_, claim, held), granted in zip(queue, grants, strict=True)
        if held is not None and held[:compared] != granted[:compared]
    ]
    return comers[0] if comers else Billable(0, 0), others


def keys_of(claim: CapRequest) -> list[BucketKey]:
    return [key for key, _ in claim.under]


@settings(max_examples=2 * settings().max_examples)
@given(histories(CROWDED))
def test_a_walk_that_ends_early_and_passes_by_finds_all_whose_share_is_another(history: History) -> None:
    """Shares, and the caps that bind them, whatever was issued, cut, amended and corrected before. Where more is settled than there is room
    everybody is looked at, and nothing is compared (`test_against_oracle.py`)."""
    short_walk, to_all = walk.allotted, walk._allotted_to_all
    exceeded: list[str] = []

    def gives_back(*asked: Any) -> Any:
        exceeded.append("more is settled than there is room")
        return to_all(*asked)

    def both(draft: Draft, plan: LinePlan, allotment: str, start: Order, former: Any, comer: Any) -> Any:
        changed = former.share.claim.entry_id if former else comer.claim.entry_id if comer else ""
        wanted = plain_walk(draft, plan, allotment, start, changed, comer)
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
        fold(history.logged)
