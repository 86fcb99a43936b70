"""Rating again what was rated: after an amendment, a corrected contract or an assignment.

Only entries with nothing issued get another rate; caps are allotted again over everything of the contract that is not issued.
What changes is posted as differences (RULES section 6, Rates and Caps).
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec.structs import replace

from domain.accounts import CONTRACT_LIABILITY
from domain.caps.consume import (
    EMPTY,
    Bucket,
    BucketKey,
    CapLimit,
    CapRequest,
    CapRule,
    allot,
    bucket_key,
    counting,
    limit_of,
    pin,
)
from domain.caps.purchase_order import has_limit
from domain.contract import BEGINNING, cap_rules, is_capped, line_named
from domain.exceptions import OUTSIDE
from domain.identity import composed, parts_of
from domain.units import Amount, Hours
from state.books import CapBucket, CapState, Contract, Entry, Price, Work
from state.caps.allot import consume_caps
from state.caps.claims import (
    FOR_BILLING,
    FOR_REVENUE,
    MAIN,
    Consumption,
    GrantedRequest,
    allotments,
    bucket_id,
    buckets_of,
    claim_of,
    consumption_of,
    keeping,
    keys_of,
    order_key,
    recorder,
    uncapped,
    with_grant,
)
from state.caps.given_up import fitted
from state.caps.lately import TakenByDay, with_share
from state.caps.notices import first_limited, is_over, ruling, settle_below, watch
from state.caps.repricing import reprice
from state.caps.walk import has_order_by_day, most_settled, of_everyone
from state.charges.shared_price import settle_line, stepped_price
from state.draft import Draft
from state.rerating.passed_on import is_issued_after
from state.terms.known import Blocked
from state.terms.plan import LinePlan, plan_of, versions
from state.totals import cut_at_zero, is_issued, issued_on, standing_price
from state.work.price_record import booked
from state.work.valuation import price_side
from state.work.value_time import PricePlan


def new_price(draft: Draft, entry: Entry) -> tuple[LinePlan, Price] | None:
    """The price by what is known now; None where the entry keeps its own (issued on its line, replaced by a waiting version, not ratable
    now, or worth the same)."""
    work = entry.work
    if (
        entry.behind is not None
        or work is None
        or work.price is None
        or not work.price.line_id
        or is_issued(entry, work.price)
        or (work.price.passed and is_issued_after(draft, entry.entry_id))
        or (cut_at_zero(entry, work.price) and not _is_included(work.price))
    ):
        return None
    found = _priced(draft, entry, work)
    if not isinstance(found, PricePlan) or found.line is None or found.line.contract_id != work.price.contract_id:
        return None
    fresh, issued = found.price, issued_on(entry, found.price.contract_id, found.price.line_id)
    if issued is not None:
        fresh = found.line.as_issued(fresh, issued)
    fresh = stepped_price(draft, entry, work, fresh, found.line)
    kept = work.price
    price = replace(
        fresh,
        allowed=kept.allowed,
        billable=kept.billable,
        recognised=kept.recognised,
        given=kept.given,
        binding=kept.binding,
        allowed_hours=kept.allowed_hours,
        billable_hours=kept.billable_hours,
        waiting=kept.waiting,
        account=kept.account if _stays(kept, fresh) else fresh.account,
        project_id=kept.project_id,
    )
    price = keeping(draft, found.line, entry.entry_id, kept, fitted(entry, price))
    return None if _same_terms(price, kept) else (found.line, price)


def _priced(draft: Draft, entry: Entry, work: Work) -> PricePlan | Blocked:
    """Of work that was posted before its day was outside the contract's dates by the terms of that day: it stays posted, and is listed."""
    price = price_side(draft, entry, work, work)
    if isinstance(price, Blocked) and price.category == OUTSIDE:
        return price_side(draft, replace(entry, waived=(*entry.waived, OUTSIDE)), work, work)
    return price


def _is_included(price: Price) -> bool:
    """Whether a price for the whole, or what was bought, has the work in it, so that it was never charged by itself."""
    return price.account == "" or price.drawn is not None


def _stays(kept: Price, fresh: Price) -> bool:
    """Whether what may be billed goes on standing where it does. Work under a price for the whole stands nowhere."""
    return kept.account != "" and kept.line_id == fresh.line_id and _earns_alike(kept, fresh)


def _earns_alike(one: Price, other: Price) -> bool:
    """Whether both are revenue with the work, both with the invoice, or both over time."""
    return _earned_by(one) == _earned_by(other)


def _earned_by(price: Price) -> tuple[bool, bool]:
    return price.account == price.revenue, price.account == CONTRACT_LIABILITY


def _same_terms(one: Price, other: Price) -> bool:
    """Whether two prices value the work alike on the same line, and earn it alike."""
    return _terms(one) == _terms(other) and _earns_alike(one, other)


def _terms(price: Price) -> tuple[object, ...]:
    said = price.line_id, price.rate, price.markup, price.hours, price.value
    return *said, price.within, price.unit, price.content, price.drawn


def rerate_person(
    draft: Draft,
    contracts: Iterable[Contract],
    project_id: str,
    person_id: str,
    periods: Iterable[tuple[date, date | None]],
) -> None:
    """After `ResourceAssigned`: the person's open entries on the project in the days that the assignment covers or covered, each once."""
    spans: list[tuple[str, str]] = []
    for first, last in sorted((since.isoformat(), _after(until)) for since, until in periods):
        since, until = spans.pop() if spans and first <= spans[-1][1] else (first, last)
        spans.append((since, max(until, last)))
    for contract in contracts:
        for line_id in line_ids(contract):
            found = {
                entry.entry_id: entry
                for since, until in spans
                for entry in draft.ratable_on(contract.contract_id, line_id, since, until, person_id)
            }
            for entry in in_order(found.values()):
                if entry.work is not None and entry.work.project_id == project_id:
                    _rerate_one(draft, entry)


def _after(until: date | None) -> str:
    return (until + timedelta(days=1)).isoformat() if until is not None else "9999"


def ratable(draft: Draft, contract: Contract, line_id: str, since: str) -> Iterable[Entry]:
    """Entries that new terms may find: not settled, or priced at zero and not cut."""
    found = draft.ratable_on(contract.contract_id, line_id, since)
    return {entry.entry_id: entry for entry in found}.values()


def _rerate_one(draft: Draft, stale: Entry) -> None:
    entry = draft.entry(stale.entry_id)
    found = new_price(draft, entry) if entry is not None else None
    if entry is None or found is None or entry.work is None or entry.work.price is None:
        return
    plan, price = found
    if draft.why is not None:
        price = booked(draft.why, entry.entry_id, price)
    before = consumption_of(entry)
    old_plan = plan_of(draft, entry.work.price)
    old = (old_plan, before) if before is not None and old_plan is not None else None
    allotted = consume_caps(
        draft, old, (plan, Consumption(entry.entry_id, entry.work.person_id, replace(price, given=0), 0))
    )
    current = draft.entry_in_books(entry.entry_id)
    draft.put_entry(current, reprice(draft, current, plan, allotted, "rate"))


def rerate_contract(draft: Draft, contract: Contract, since: date | None) -> None:
    """After the contract changed from `since` on (None: from the beginning): new rates, then all caps again."""
    fresh: dict[str, tuple[LinePlan, Price]] = {}
    included = cut_while_included(draft, contract, since)
    for line_id in line_ids(contract):
        first = since.isoformat() if since is not None else ""
        for entry in in_order((*ratable(draft, contract, line_id, first), *included.get(line_id, ()))):
            found = new_price(draft, entry)
            price = standing_price(entry)
            if found is not None and price is not None and entry.entry_id not in fresh:
                fresh[entry.entry_id] = found
    if draft.why is not None:
        fresh = {row: (plan, booked(draft.why, row, price)) for row, (plan, price) in fresh.items()}
    if any_caps(draft, contract):
        _rebuild(draft, contract, fresh)
    else:
        for entry_id, (plan, price) in fresh.items():
            current = draft.entry_in_books(entry_id)
            draft.put_entry(current, reprice(draft, current, plan, uncapped(price), "rate"))
    for line_id in line_ids(contract):
        settle_line(draft, contract, line_id)


def cut_while_included(draft: Draft, contract: Contract, since: date | None) -> dict[str, list[Entry]]:
    """By line, work whose period was cut while a price for the whole had it, where its line is of another kind by now, or gone."""
    changed = {line_id for line_id in line_ids(contract) if _changes_kind(contract, line_id)}
    found: dict[str, list[Entry]] = {}
    for entry in draft.everything() if changed else ():
        price = standing_price(entry)
        if price is None or price.contract_id != contract.contract_id or price.line_id not in changed:
            continue
        if _is_included(price) and cut_at_zero(entry, price) and (since is None or price.day >= since):
            found.setdefault(price.line_id, []).append(entry)
    return found


def _changes_kind(contract: Contract, line_id: str) -> bool:
    lines = [line_named(stored.terms, line_id) for stored in contract.history]
    return lines[-1] is None or len({type(line.terms) for line in lines if line is not None}) > 1


def line_ids(contract: Contract) -> list[str]:
    return sorted({line.line_id for stored in (*contract.former, *contract.history) for line in stored.terms.lines})


def any_caps(draft: Draft, contract: Contract) -> bool:
    """Whether any version of the terms has a cap, or a cap of terms that were corrected is still in the books."""
    return any(
        stored.terms.shared_caps or has_limit(stored.terms) or any(is_capped(line) for line in stored.terms.lines)
        for stored in contract.history
    ) or bool(buckets_of(draft, contract.contract_id))


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    def key(entry: Entry) -> tuple[date, int, str]:
        work = entry.standing
        price = work.price if work is not None else None
        return (price.day, price.approved_at, entry.entry_id) if price is not None else (date.min, 0, entry.entry_id)

    return sorted(entries, key=key)


def _rebuild(draft: Draft, contract: Contract, fresh: dict[str, tuple[LinePlan, Price]]) -> None:
    """Empty every bucket of the contract and allot all of its entries in consumption order."""
    if draft.why is not None:
        draft.why.turn += 1
    forgotten = _forget_buckets(draft, contract)
    consumptions = _consumptions(draft, contract, fresh)
    prices = {
        consumption.entry_id: consumption.price if plan.rules else uncapped(consumption.price)
        for plan, consumption in consumptions
    }
    for allotment in (MAIN, FOR_REVENUE, FOR_BILLING):
        members = [
            (plan, consumption) for plan, consumption in consumptions if plan.rules and allotment in allotments(plan)
        ]
        if members:
            _allot_all(draft, allotment, members, prices, forgotten)
    for part_id, stored in forgotten.items():
        if draft.part("bucket", part_id) is None:
            settle_below(draft, stored)
    _recount(draft, contract, consumptions, prices)
    for plan, consumption in consumptions:
        entry = draft.entry_in_books(consumption.entry_id)
        before = consumption_of(entry)
        if before is not None and before.price != prices[consumption.entry_id]:
            draft.put_entry(entry, reprice(draft, entry, plan, prices[consumption.entry_id], "amendment"))


def _forget_buckets(draft: Draft, contract: Contract) -> dict[str, CapBucket]:
    """What they were, by their ids."""
    forgotten = {}
    for part_id in buckets_of(draft, contract.contract_id):
        forgotten[part_id] = draft.bucket(part_id)
        draft.put("bucket", part_id, None)
        if draft.why is not None:
            draft.why.clear(part_id)
    return forgotten


def _consumptions(
    draft: Draft, contract: Contract, fresh: dict[str, tuple[LinePlan, Price]]
) -> list[tuple[LinePlan, Consumption]]:
    consumptions = []
    for entry in draft.everything():
        consumption = consumption_of(entry)
        if consumption is None or consumption.price.contract_id != contract.contract_id:
            continue
        plan, price = fresh.get(entry.entry_id) or (plan_of(draft, consumption.price), consumption.price)
        if plan is not None:
            price = price if price.by_day == plan.by_day else replace(price, by_day=plan.by_day)
            consumptions.append((plan, replace(consumption, price=price)))
    return sorted(consumptions, key=lambda pair: order_key(pair[0], pair[1].price, pair[1].entry_id))


def _allot_all(
    draft: Draft,
    allotment: str,
    members: list[tuple[LinePlan, Consumption]],
    prices: dict[str, Price],
    forgotten: Mapping[str, CapBucket],
) -> None:
    plan = members[0][0]
    claims: list[CapRequest] = [claim_of(own, allotment, consumption) for own, consumption in members]
    pinned: dict[BucketKey, Bucket] = {}
    plans: dict[BucketKey, LinePlan] = {}
    for (own, _), claim in zip(members, claims, strict=True):
        for key, rule in of_everyone(draft, own, claim.under):
            plans[key] = own
            pinned[key] = pin(pinned.get(key, EMPTY), rule, claim)
    most: dict[BucketKey, Amount] = {}
    for key, bucket in pinned.items():
        stored = forgotten.get(bucket_id(plan, allotment, key))
        # Of what was issued beyond the room a refund had made: issued work that comes under the cap by the amendment keeps its room (R21).
        if stored is not None and stored.bucket.pinned_amount > stored.bucket.amount:
            joined = max(bucket.pinned_amount - stored.bucket.pinned_amount, 0)
            limit = most_settled(draft, plans[key], key, stored.bucket.amount + joined)
            most |= {key: limit} if limit is not None else {}
    figures = recorder(draft, plan, allotment)
    mode = plan.policies.money_mode
    grants, buckets = allot(claims, pinned, plan.step, mode, most, figures, by_day=has_order_by_day(plan))
    refused: dict[BucketKey, tuple[int, Amount, Hours]] = {}
    last: dict[BucketKey, tuple[str, str, str]] = {}
    days: dict[BucketKey, TakenByDay] = {}
    for (own, consumption), claim, granted in zip(members, claims, grants, strict=True):
        prices[consumption.entry_id] = with_grant(own, prices[consumption.entry_id], allotment, granted)
        for key, _ in claim.under:
            share = GrantedRequest(claim, granted)
            amount, hours = share.lacks
            days[key] = with_share(draft, key, days.get(key, {}), share, 1)
            had = refused.get(key, (0, 0, 0))
            refused[key] = had[0] + bool(amount or hours), had[1] + amount, had[2] + hours
            last[key] = order_key(own, consumption.price, consumption.entry_id)
        if figures is not None:
            figures.hold(claim, granted, keys_of(claim), order_key(own, consumption.price, consumption.entry_id))
    for key, taken in buckets.items():
        # What was settled beyond the most stays settled, as everywhere in the books: as much less is free.
        bucket = pinned[key]
        bucket = bucket._replace(free_amount=taken.amount - bucket.amount, free_hours=taken.hours - bucket.hours)
        part_id = bucket_id(plan, allotment, key)
        before = forgotten.get(part_id, CapBucket())
        count, amount, hours = refused.get(key, (0, 0, 0))
        made = CapBucket(bucket, last.get(key), count, before.below, amount, hours, days.get(key, {}))
        draft.put("bucket", part_id, made)
    if allotment != FOR_REVENUE:
        _watch_all(draft, allotment, members, forgotten)


def _watch_all(
    draft: Draft, allotment: str, members: list[tuple[LinePlan, Consumption]], forgotten: Mapping[str, CapBucket]
) -> None:
    """The buckets may have crossed a threshold: by other rates, or by another limit."""
    seen: set[BucketKey] = set()
    known: Contract | None = draft.before.get(("contract", members[0][0].contract_id))
    history = versions(known) if known is not None else ()
    former: dict[str, tuple[CapRule, ...]] = {}
    for own, consumption in members:
        for rule in counting(own.rules, consumption.price.day):
            key = bucket_key(rule, consumption.price.day, consumption.person_id)
            if key in seen:
                continue
            seen.add(key)
            for line_id in own.group - former.keys():
                former[line_id] = cap_rules(history, line_id)
            part_id, *apart = (bucket_id(own, of, key) for of in (allotment, MAIN, FOR_BILLING))
            # What is billed may have been apart from revenue before, or be so by now.
            had = next((forgotten[each] for each in (part_id, *apart) if each in forgotten), CapBucket())
            open_rule = rule._replace(limits=(CapLimit(BEGINNING),))
            was = first_limited((one for line_id in sorted(own.group) for one in former[line_id]), open_rule, key)
            watch(draft, part_id, own, ruling(draft, own, rule, key), key, had.bucket, limit_of(was, key))


def _recount(
    draft: Draft, contract: Contract, consumptions: list[tuple[LinePlan, Consumption]], prices: dict[str, Price]
) -> None:
    """Count again what is over each cap."""
    over: dict[str, list[int]] = {}
    for _, consumption in consumptions:
        price = prices[consumption.entry_id]
        if is_over(price):
            sums = over.setdefault(price.binding or "", [0, 0])
            sums[0] += price.over
            sums[1] += 1
    for part_id in draft.ids("cap"):
        contract_id, cap_id = parts_of(part_id)
        if contract_id == contract.contract_id:
            over.setdefault(cap_id, [0, 0])
    for cap_id, (amount, entries) in over.items():
        state: CapState = draft.cap(contract.contract_id, cap_id)
        state = replace(state, over_amount=amount, over_entries=entries)
        draft.put("cap", composed(contract.contract_id, cap_id), state)
