"""What is open in another currency than the ledger's, by account, contract and project, and its revaluation when a period ends
(domain/ledger/revaluation.py).

Journals say what is open, by their accounting dates. So what comes late changes what was unrealised at the end of its period, and of those
after it: the difference is posted there while the period is open. In a closed one it would be posted and reversed on one day, so it waits
until the period is opened again; with policy `cumulative` it is posted on the next open day. Late and corrected rates do the same.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from msgspec.structs import replace

from domain.events.reference import DayEnded
from domain.explanation import Node, constant, less
from domain.identity import composed, parts_of
from domain.ledger.position import Balance, standing_at
from domain.ledger.revaluation import CUMULATIVE, say_standing, say_unrealised, standing_for, unrealised
from domain.money import format_amount
from domain.reference import fiscal
from domain.reference.exchange import Exchange, MissingRate
from domain.reference.fiscal import AccountingPeriod
from domain.reference.zones import local_date
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.waiting import WaitKey, waits_for_exchange_rate
from state.books import Monetary
from state.draft import Draft
from state.ledger.foreign import (
    KIND,
    LACKING,
    VALUED,
    Change,
    ForeignBalances,
    Moved,
    group_key,
    group_of,
    named_period,
    parts_of_group,
    periods_of,
    put_periods,
    recorded_last,
    say_open,
    take_in,
    unrealised_of,
)
from state.ledger.revaluation_journals import post, reverse
from state.ledger.settled_foreign import take_back_later, take_back_settled, take_back_standing
from state.terms.known import exchange_on, open_day_from

WAITING: Final = "revaluation"
# Of so many periods a rate that is corrected counts.
CORRECTED: Final = 3
DAY = timedelta(days=1)


def after_event(draft: Draft, ended: DayEnded | None) -> None:
    """Take in what the event's journals moved, and revalue where a period has ended by now."""
    moved = take_in(draft)
    for key in sorted({group_key(part_id) for part_id in (moved if ended is None else draft.ids(KIND))}):
        group = group_of(draft, key)
        own = {part_id: one for part_id, one in moved.items() if group_key(part_id) == key}
        if group is None or not (ended is None or group.entity.zone == ended.zone or own):
            continue
        if group.policies.fx_revaluation != CUMULATIVE and periods_of(draft, VALUED, key):
            take_back_standing(draft, group, _last_ended(draft, group, ended))
        if group.is_revalued:
            _bring_up_to_date(draft, group, own, ended)


def retry(draft: Draft, key: str) -> None:
    """A rate came, or was corrected, or a period was closed or opened."""
    group = group_of(draft, key)
    if group is None or not group.is_revalued:
        return
    names = {*periods_of(draft, LACKING, key), *periods_of(draft, VALUED, key)[-CORRECTED:]}
    if group.policies.fx_revaluation == CUMULATIVE:
        names = set(periods_of(draft, LACKING, key)) | set(periods_of(draft, VALUED, key)[-1:])
    for name in sorted(names):
        _value(draft, group, named_period(group, name), parts_of_group(draft, key))


# Which periods


def _bring_up_to_date(draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], ended: DayEnded | None) -> None:
    calendar, zone = group.entity.fiscal_calendar, group.entity.zone
    yesterday = _yesterday(draft, group, ended)
    last = _last_ended(draft, group, ended)
    names = {name for one in moved.values() for name in one.periods}
    valued, lacking = periods_of(draft, VALUED, group.key), periods_of(draft, LACKING, group.key)
    known = sorted({*valued, *lacking})
    if group.policies.fx_revaluation == CUMULATIVE and valued:
        take_back_settled(draft, group, moved, named_period(group, valued[-1]))
    again = [name for name in valued if any(name >= one for one in names)]
    if group.policies.fx_revaluation == CUMULATIVE:
        again = [name for name in again if name == valued[-1]]
    for name in again:
        late = [part_id for part_id, one in moved.items() if any(each <= name for each in one.periods)]
        _value(draft, group, named_period(group, name), late)
    is_end = ended is not None and last.to - DAY == yesterday
    first = min({*known[-1:], *names}, default=last.name if is_end else None)
    following = named_period(group, first) if first is not None else None
    while following is not None and following.to - DAY <= yesterday:
        is_before = group.policies.fx_revaluation == CUMULATIVE and following.name < max(valued, default="")
        if following.name not in known and not is_before:
            _value(draft, group, following, parts_of_group(draft, group.key))
        following = fiscal.period_after(calendar, following)
    if any(standing_at(draft.part(KIND, part_id).moves, "9999")[0] for part_id in parts_of_group(draft, group.key)):
        following = fiscal.period_after(calendar, last)
        draft.due.add((zone, (following.to - DAY).isoformat()))


def _yesterday(draft: Draft, group: ForeignBalances, ended: DayEnded | None) -> date:
    """The last day that has ended where the company is."""
    zone = group.entity.zone
    before = local_date(draft.cause.recorded_at, zone) - DAY
    return max(before, ended.date) if ended is not None and ended.zone == zone else before


def _last_ended(draft: Draft, group: ForeignBalances, ended: DayEnded | None) -> AccountingPeriod:
    return fiscal.last_ended(group.entity.fiscal_calendar, _yesterday(draft, group, ended))


# The value at a period's end


def _value(draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_ids: Iterable[str]) -> None:
    """Bring what is unrealised at the period's end to what it is by now; without a rate say what is not valued."""
    name, day, entity = period.name, period.to - DAY, group.entity
    lacking = set(periods_of(draft, LACKING, group.key))
    wanted = parts_of_group(draft, group.key) if name in lacking else list(part_ids)
    held = [part_id for part_id in wanted if group.holds(parts_of(part_id)[2])]
    open_now = {
        part_id: balance for part_id in held if any(balance := standing_at(draft.part(KIND, part_id).moves, name))
    }
    exchange = exchange_on(draft, group.policies, group.currency, entity.currency, day, day)
    is_needed = any(amount for amount, _ in open_now.values())
    if isinstance(exchange, MissingRate) and is_needed:
        _wait(draft, group, period, exchange, open_now)
        return
    if isinstance(exchange, MissingRate):
        exchange = Exchange(1, 1, EXCHANGE_RATE_ONE, ())
    if _is_posted(draft, group, period):
        changes = [_valued(draft, group, period, part_id, exchange) for part_id in held]
        _post_changes(draft, group, period, exchange, [one for one in changes if one.amount])
    if group.policies.fx_revaluation == CUMULATIVE:
        take_back_later(draft, group, period, held, exchange)
    put_periods(draft, LACKING, group.key, lacking - {name})
    put_periods(draft, VALUED, group.key, {*periods_of(draft, VALUED, group.key), name})
    for category in ("no_exchange_rate", "stale_exchange_rate"):
        draft.resolve_exception(category, WAITING, _subject(group, period))
    _watch(draft, group, period)


def _is_posted(draft: Draft, group: ForeignBalances, period: AccountingPeriod) -> bool:
    """In a closed period what is reversed on the next period's first day waits until the period is opened again."""
    if group.policies.fx_revaluation == CUMULATIVE:
        return True
    return open_day_from(draft, group.entity, period.to - DAY) < period.to


def _valued(draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_id: str, exchange: Exchange) -> Change:
    """What the part's unrealised amount at the period's end is by now, less what of it is posted."""
    name, mode, ledger = period.name, group.policies.money_mode, group.entity.currency
    known: Monetary = draft.part(KIND, part_id)
    balance = standing_at(known.moves, name)
    found = unrealised(balance, exchange, ledger, mode)
    is_again = name in known.valued
    is_cumulative = group.policies.fx_revaluation == CUMULATIVE
    left = known.left + balance[0] - known.of if is_again else balance[0]
    standing = standing_for(found, left, balance[0], ledger, mode) if is_cumulative else 0
    now = replace(known, valued={**known.valued, name: found})
    if is_cumulative:
        now = replace(now, standing=standing, left=left, of=balance[0])
    draft.put(KIND, part_id, now)
    had = known.standing if is_cumulative else known.valued.get(name, 0)
    has = standing if is_cumulative else found
    return Change(part_id, has - had, _say_valued(draft, group, period, part_id, exchange, (had, has), (found, left)))


def _say_valued(
    draft: Draft,
    group: ForeignBalances,
    period: AccountingPeriod,
    part_id: str,
    exchange: Exchange,
    changed: tuple[Amount, Amount],
    valued: tuple[Amount, Amount],
) -> Node | None:
    if draft.why is None:
        return None
    mode, rate_type, (found, left) = group.policies.money_mode, group.policies.exchange_rate_type, valued
    balance = say_open(draft, group, part_id, period.name)
    made = say_unrealised(balance, exchange, rate_type, period.to - DAY, group.entity, mode)
    address = unrealised_of(part_id, period.name)
    before = recorded_last(
        draft, group, unrealised_of(part_id) if group.policies.fx_revaluation == CUMULATIVE else address
    )
    draft.why.record(address, found, made)
    if group.policies.fx_revaluation == CUMULATIVE:
        is_whole = left == balance.amount.value
        rest = balance.amount if is_whole else constant("left of what was valued", left, "amount", group.currency)
        made = say_standing(made, rest, balance.amount, mode)
        draft.why.record(unrealised_of(part_id), changed[1], made)
    return less("unrealised by now, less what stands", made, before) if changed[0] else made


def _post_changes(
    draft: Draft, group: ForeignBalances, period: AccountingPeriod, exchange: Exchange, changes: list[Change]
) -> None:
    """On the period's last day; with policy `reversing` taken back on the first of the next."""
    entity = group.entity
    day = open_day_from(draft, entity, period.to - DAY)
    if group.policies.fx_revaluation == CUMULATIVE:
        post(draft, group, period.name, day, exchange.rate, changes)
    else:
        back = open_day_from(draft, entity, period.to)
        for record in post(draft, group, period.name, day, exchange.rate, changes):
            reverse(draft, group, record, back)


# What waits for a rate


def _subject(group: ForeignBalances, period: AccountingPeriod) -> str:
    return composed(group.entity.legal_entity_id, group.currency, period.name)


def _wait(
    draft: Draft,
    group: ForeignBalances,
    period: AccountingPeriod,
    missing: MissingRate,
    open_now: Mapping[str, Balance],
) -> None:
    lacking = set(periods_of(draft, LACKING, group.key))
    sums: dict[str, Amount] = {}
    for part_id, (amount, _) in open_now.items():
        account = parts_of(part_id)[2]
        sums[account] = sums.get(account, 0) + amount
    shown = ", ".join(f"{account} {format_amount(amount)}" for account, amount in sorted(sums.items()) if amount)
    message = f"{missing.message}; until then what is open in {group.currency} at the end of {period.name} is not revalued: {shown}"
    draft.raise_exception(missing.category, WAITING, _subject(group, period), message, field="rate")
    put_periods(draft, LACKING, group.key, {*lacking, period.name})
    _watch(draft, group, period)


def _watch(draft: Draft, group: ForeignBalances, period: AccountingPeriod) -> None:
    """Rates that the period's last day may take wake it, as long as they may be corrected."""
    name = f"{WAITING}:{group.key}"
    names = sorted({*periods_of(draft, VALUED, group.key), *periods_of(draft, LACKING, group.key)})
    lacking = periods_of(draft, LACKING, group.key)
    kept = {key for one in {*names[-CORRECTED:], *lacking, period.name} for key in _keys(group, one)}
    gone = {key for one in names[-CORRECTED - 1 : -CORRECTED] if one not in lacking for key in _keys(group, one)}
    draft.waits_added |= {(kind, key, name) for kind, key in kept}
    draft.waits_removed |= {(kind, key, name) for kind, key in gone - kept}


def _keys(group: ForeignBalances, name: str) -> tuple[WaitKey, ...]:
    day = named_period(group, name).to - DAY
    staleness = group.policies.rate_staleness_days
    entity = group.entity
    return waits_for_exchange_rate(group.currency, entity.currency, entity.legal_entity_id, {day}, staleness)
