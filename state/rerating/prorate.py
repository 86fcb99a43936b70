"""Caps that are prorated: at a cut the entries of the cap before the period's end share its room in proportion to value.

What the cut gives is given for good, also to held entries; until then accrual goes by split (RULES section 6, Caps). Every cap that
applies binds (R18): where an entry is under several prorated caps it gets the least of its shares, and what other caps have left is
given in consumption order.

    two entries of 600 under a prorated cap of 1,000 have 500 each; under another cap of 500 besides, the first has 500 and the second none
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import Billable, Bucket, BucketKey, CapRequest, CapRule, allot, is_prorated, limit_on, prorate
from domain.caps.recorded import CapFigures
from domain.explanation import Node
from domain.units import Amount
from state.books import Contract
from state.caps.allot import reallocate, settle_consumption
from state.caps.claims import (
    Consumption,
    allotments,
    bucket_id,
    claim_of,
    consumption_of,
    granted_of,
    order_key,
    recorder,
    stands_on,
    with_grant,
)
from state.caps.repricing import reprice
from state.caps.walk import Held, open_claims
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan, plan_of


class ProratedEntry(NamedTuple):
    plan: LinePlan
    consumption: Consumption
    allotment: str
    claim: CapRequest


class ProratedCap(NamedTuple):
    """The most that prorated caps give to an entry, and which of them says so."""

    amount: Amount
    cap_id: str


def prorate_at_cut(draft: Draft, contract: Contract, to: date) -> None:
    groups: dict[frozenset[str], dict[str, ProratedEntry]] = {}
    for member in _members(draft, contract, to):
        groups.setdefault(member.plan.group, {})[member.consumption.entry_id] = member
    for group in sorted(groups, key=sorted):
        _share(draft, groups[group])


def _members(draft: Draft, contract: Contract, to: date) -> list[ProratedEntry]:
    """Entries under a prorated cap with service date before the period's end that are not settled, in consumption order."""
    found = []
    for line_id in line_ids(contract):
        for entry in draft.open_on(contract.contract_id, line_id, "", to.isoformat()):
            consumption = consumption_of(entry)
            plan = plan_of(draft, consumption.price) if consumption is not None else None
            if (
                consumption is None
                or plan is None
                or consumption.price.final
                or not stands_on(consumption, contract.contract_id, line_id)
            ):
                continue
            if any(is_prorated(rule, consumption.price.day) for rule in plan.rules):
                allotment = allotments(plan)[0]
                claim = claim_of(plan, allotment, consumption)
                if granted_of(allotment, consumption).amount >= claim.pinned:  # otherwise it gives back
                    found.append(ProratedEntry(plan, consumption, allotment, claim))
    return sorted(found, key=lambda one: order_key(one.plan, one.consumption.price, one.consumption.entry_id))


def _share(draft: Draft, members: Mapping[str, ProratedEntry]) -> None:
    """Share among the lines that compete for the same caps."""
    first = next(iter(members.values()))
    if draft.why is not None:
        draft.why.turn += 1
    figures = recorder(draft, first.plan, first.allotment)
    figures = figures._replace(back=1) if figures is not None else None
    shares: dict[str, tuple[CapRequest, list[Node]]] = {}
    claims, buckets = open_claims(draft, first.plan, first.allotment)
    before = next((claim.entry_id for claim, _ in claims if claim.entry_id in members), "")
    targets = _targets(draft, members, _taken_before(members, claims), figures, before, shares)
    limited = figures.limit_to(shares) if figures is not None else None
    granted = _under_other_caps(first, targets, claims, buckets, limited)
    for entry_id, member in members.items():
        target, grant = targets[entry_id], granted[entry_id]
        if grant.amount < member.consumption.price.chargeable and grant.binding is None:
            grant = grant._replace(binding=target.cap_id)
        if figures is not None and limited is not None:
            figures.take(limited, entry_id, grant.amount)
        entry = draft.entry_in_books(entry_id)
        after = with_grant(member.plan, replace(member.consumption.price, given=grant.amount), member.allotment, grant)
        if after == member.consumption.price:
            draft.touch(entry)
            continue
        settle_consumption(draft, member.plan, member.consumption, replace(member.consumption, price=after))
        draft.put_entry(entry, reprice(draft, entry, member.plan, after, "prorate"))
    reallocate(draft, first.plan, first.allotment)


def _targets(
    draft: Draft,
    members: Mapping[str, ProratedEntry],
    taken: Mapping[BucketKey, Amount],
    figures: CapFigures | None,
    before: str,
    recorded: dict[str, tuple[CapRequest, list[Node]]],
) -> dict[str, ProratedCap]:
    """`taken` is what comes before all that share, the first of which is `before`; shares are `recorded`."""
    found: dict[str, ProratedCap] = {}
    for key, sharing in _by_bucket(members).items():
        first, (last, rule) = sharing[0][0], sharing[-1]
        limit = limit_on(rule, last.consumption.price.day).amount
        assert limit is not None, "what shares is under a limit in money"
        pinned = draft.bucket(bucket_id(first.plan, first.allotment, key)).bucket.pinned_amount
        room = max(limit - pinned - taken.get(key, 0), 0)
        shares = prorate(room, [member.claim.free for member, _ in sharing], first.plan.currency)
        for (member, _), share in zip(sharing, shares, strict=True):
            target = ProratedCap(member.claim.pinned + share, rule.cap_id)
            found[member.consumption.entry_id] = min(found.get(member.consumption.entry_id, target), target)
        if figures is not None:
            requests = [member.claim for member, _ in sharing]
            limited, had = limit_on(rule, last.consumption.price.day), (pinned, taken.get(key, 0))
            for claim, node in zip(requests, figures.prorated(rule, limited, key, had, requests, before), strict=True):
                recorded.setdefault(claim.entry_id, (claim, []))[1].append(node)
    return found


def _by_bucket(members: Mapping[str, ProratedEntry]) -> dict[BucketKey, list[tuple[ProratedEntry, CapRule]]]:
    found: dict[BucketKey, list[tuple[ProratedEntry, CapRule]]] = {}
    for member in members.values():
        for key, rule in member.claim.under:
            if is_prorated(rule, member.claim.day):
                found.setdefault(key, []).append((member, rule))
    return dict(sorted(found.items()))


def _taken_before(members: Mapping[str, ProratedEntry], claims: Sequence[Held]) -> dict[BucketKey, Amount]:
    """What open work holds that comes before the first that shares: of days on which the cap was split in another way."""
    taken: dict[BucketKey, Amount] = {}
    for claim, held in claims:
        if claim.entry_id in members:
            break
        for key, _ in claim.under:
            taken[key] = taken.get(key, 0) + held.amount - claim.pinned
    return taken


def _under_other_caps(
    first: ProratedEntry,
    targets: Mapping[str, ProratedCap],
    claims: Sequence[Held],
    buckets: Mapping[BucketKey, Bucket],
    figures: CapFigures | None,
) -> dict[str, Billable]:
    """Every open claim of the group in consumption order, those that share limited to what they may have."""
    plan = first.plan
    limited = [_limited(claim, targets.get(claim.entry_id)) for claim, _ in claims]
    grants, _ = allot(limited, buckets, plan.step, plan.policies.money_mode, figures=figures)
    return {claim.entry_id: grant for claim, grant in zip(limited, grants, strict=True) if claim.entry_id in targets}


def _limited(claim: CapRequest, target: ProratedCap | None) -> CapRequest:
    if target is None:
        return claim
    hours = claim.hours if target.amount == claim.amount else claim.hours * target.amount // claim.amount
    others = tuple((key, rule) for key, rule in claim.under if not is_prorated(rule, claim.day))
    return claim._replace(amount=target.amount, hours=hours, under=others)
