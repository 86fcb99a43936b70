"""With policy `cumulative`: what is settled while it stands takes its part of the unrealised amount with it.

What stands when the company has chosen another policy is taken back as a whole, when the next period ends.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec.structs import replace

from domain.explanation import Node, constant, less
from domain.ledger.position import standing_at
from domain.ledger.revaluation import left_after, say_standing, standing_for
from domain.reference.exchange import Exchange
from domain.reference.fiscal import AccountingPeriod
from domain.reference.zones import local_date
from domain.units import EXCHANGE_RATE_ONE, Amount
from state.books import Monetary
from state.draft import Draft
from state.ledger.foreign import (
    KIND,
    VALUED,
    Change,
    ForeignBalances,
    Moved,
    named_period,
    parts_of_group,
    periods_of,
    recorded_last,
    say_open,
    unrealised_of,
)
from state.ledger.revaluation_journals import post
from state.terms.known import exchange_on, open_day_from

DAY = timedelta(days=1)


def take_back_settled(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], valued: AccountingPeriod
) -> None:
    changes: dict[date, list[Change]] = {}
    for part_id, one in moved.items():
        net = sum(amount for name, (amount, _) in one.periods.items() if name > valued.name)
        if (change := _settled(draft, group, valued, part_id, net)) is not None:
            changes.setdefault(open_day_from(draft, group.entity, one.last), []).append(change)
    rate = _rate_of(draft, group, valued)
    for day, own in sorted(changes.items()):
        post(draft, group, f"{valued.name}/settled", day, rate, own)


def take_back_standing(draft: Draft, group: ForeignBalances, last: AccountingPeriod) -> None:
    """`last` is the last period that has ended: nothing is taken back while that is the one which was valued last."""
    valued = periods_of(draft, VALUED, group.key)[-1:]
    if not valued or last.name <= valued[0]:
        return
    changes: list[Change] = []
    for part_id in parts_of_group(draft, group.key):
        known: Monetary = draft.part(KIND, part_id)
        if not known.of:
            continue
        draft.put(KIND, part_id, replace(known, standing=0, left=0, of=0))
        if known.standing:
            changes.append(Change(part_id, -known.standing, _say_all_back(draft, group, part_id)))
    if changes:
        day = open_day_from(draft, group.entity, last.to - DAY)
        rate = _rate_of(draft, group, named_period(group, valued[0]))
        post(draft, group, f"{valued[0]}/settled", day, rate, changes)


def _say_all_back(draft: Draft, group: ForeignBalances, part_id: str) -> Node | None:
    if draft.why is None:
        return None
    before = recorded_last(draft, group, unrealised_of(part_id))
    policy = constant(f"policy {group.policies.fx_revaluation} leaves nothing", 0, "amount", group.entity.currency)
    draft.why.record(unrealised_of(part_id), 0, policy)
    return less("what is left, less what stands", policy, before)


def _rate_of(draft: Draft, group: ForeignBalances, valued: AccountingPeriod) -> int:
    """Of the period's last day."""
    ends = valued.to - DAY
    exchange = exchange_on(draft, group.policies, group.currency, group.entity.currency, ends, ends)
    return exchange.rate if isinstance(exchange, Exchange) else EXCHANGE_RATE_ONE


def take_back_later(
    draft: Draft, group: ForeignBalances, valued: AccountingPeriod, part_ids: Iterable[str], exchange: Exchange
) -> None:
    """A rate came when some of what it values was settled already."""
    found = []
    for part_id in part_ids:
        known: Monetary = draft.part(KIND, part_id)
        if known.left == known.of:
            net = standing_at(known.moves, "9999")[0] - known.of
            if (change := _settled(draft, group, valued, part_id, net)) is not None:
                found.append(change)
    if found:
        today = local_date(draft.cause.recorded_at, group.entity.zone)
        day = open_day_from(draft, group.entity, max(today, valued.to))
        post(draft, group, f"{valued.name}/settled", day, exchange.rate, found)


def _settled(
    draft: Draft, group: ForeignBalances, valued: AccountingPeriod, part_id: str, net: Amount
) -> Change | None:
    known: Monetary = draft.part(KIND, part_id)
    left, mode = left_after(known.left, net), group.policies.money_mode
    if left == known.left:
        return None
    standing = standing_for(known.valued.get(valued.name, 0), left, known.of, group.entity.currency, mode)
    draft.put(KIND, part_id, replace(known, left=left, standing=standing))
    made = None
    if draft.why is not None:
        before = recorded_last(draft, group, unrealised_of(part_id))
        whole = say_open(draft, group, part_id, valued.name).amount
        rest = constant("left of what was valued", left, "amount", group.currency)
        own = say_standing(recorded_last(draft, group, unrealised_of(part_id, valued.name)), rest, whole, mode)
        draft.why.record(unrealised_of(part_id), standing, own)
        made = less("unrealised of what is left, less what stands", own, before)
    return Change(part_id, standing - known.standing, made) if standing != known.standing else None
