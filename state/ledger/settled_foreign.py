"""With policy `cumulative`: what is settled while it stands takes its part of the unrealised amount with it.

What stands when the company has chosen another policy is taken back as a whole, when the next period ends.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec.structs import replace

from domain.explanation import Node, constant, less
from domain.ledger.revaluation import left_after, say_standing, standing_for
from domain.reference.exchange import Exchange
from domain.reference.fiscal import AccountingPeriod
from domain.units import EXCHANGE_RATE_ONE
from state.books import Monetary
from state.draft import Draft
from state.ledger.foreign import (
    FOREVER,
    KIND,
    LEFT,
    Change,
    ForeignBalances,
    Moved,
    left_periods,
    named_period,
    parts_of_group,
    periods_of,
    posted_by,
    put_periods,
    say_posted,
    unrealised_of,
    valued_of,
)
from state.ledger.revaluation_journals import post
from state.terms.known import exchange_on, open_day_from

DAY = timedelta(days=1)


def count_settled(draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved]) -> None:
    """Of the amount that was valued last."""
    for name in left_periods(draft, group)[-1:]:
        for part_id, one in moved.items():
            known: Monetary = draft.part(KIND, part_id)
            net = sum(amount for of, (amount, _) in one.periods.items() if of > name)
            draft.put(KIND, part_id, replace(known, left=left_after(known.left, net)))


def take_back_settled(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], part_ids: Iterable[str]
) -> None:
    """On the day of what settles it; what a closed period could not post is posted on the next open day as well."""
    for name in left_periods(draft, group)[-1:]:
        valued = named_period(group, name)
        changes: dict[date, list[Change]] = {}
        for part_id in sorted({*moved, *part_ids}):
            if (change := _standing(draft, group, name, part_id)).amount:
                last = moved[part_id].last if part_id in moved else valued.to
                day = open_day_from(draft, group.entity, max(last, valued.to))
                changes.setdefault(day, []).append(change)
        for day, own in sorted(changes.items()):
            post(draft, group, f"{name}/settled", day, _rate_of(draft, group, valued), own)


def _standing(draft: Draft, group: ForeignBalances, name: str, part_id: str) -> Change:
    """What stands of what was unrealised at the period's end, less what is posted."""
    known: Monetary = draft.part(KIND, part_id)
    mode, currency = group.policies.money_mode, group.entity.currency
    amount = standing_for(known.valued.get(name, 0), known.left, known.of, currency, mode) - posted_by(known, FOREVER)
    if draft.why is None or not amount:
        return Change(part_id, amount, None)
    left = constant("left of what was valued", known.left, "amount", group.currency)
    found, of = draft.why.figure(unrealised_of(part_id, name)), draft.why.figure(valued_of(part_id, name))
    stands = say_standing(found, left, of, mode)
    made = less("unrealised of what is left, less what stands", stands, say_posted(draft, group, part_id, FOREVER))
    return Change(part_id, amount, made)


def take_back_standing(draft: Draft, group: ForeignBalances, last: AccountingPeriod) -> None:
    """`last` is the last period that has ended: nothing is taken back while that is the one which was valued last."""
    if last.name <= max(periods_of(draft, LEFT, group.key), default=last.name):
        return
    changes: list[Change] = []
    for part_id in parts_of_group(draft, group.key):
        known: Monetary = draft.part(KIND, part_id)
        draft.put(KIND, part_id, replace(known, left=0, of=0))
        if amount := posted_by(known, FOREVER):
            changes.append(Change(part_id, -amount, _say_all_back(draft, group, part_id)))
    for name in left_periods(draft, group)[-1:]:
        day = open_day_from(draft, group.entity, last.to - DAY)
        post(draft, group, f"{name}/settled", day, _rate_of(draft, group, named_period(group, name)), changes)
    put_periods(draft, LEFT, group.key, ())


def _say_all_back(draft: Draft, group: ForeignBalances, part_id: str) -> Node | None:
    if draft.why is None:
        return None
    policy = constant(f"policy {group.policies.fx_revaluation} leaves nothing", 0, "amount", group.entity.currency)
    return less("what is left, less what stands", policy, say_posted(draft, group, part_id, FOREVER))


def _rate_of(draft: Draft, group: ForeignBalances, valued: AccountingPeriod) -> int:
    """Of the period's last day."""
    ends = valued.to - DAY
    exchange = exchange_on(draft, group.policies, group.currency, group.entity.currency, ends, ends)
    return exchange.rate if isinstance(exchange, Exchange) else EXCHANGE_RATE_ONE
