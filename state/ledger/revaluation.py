"""What is open in another currency than the ledger's, by account, contract and project, and its revaluation when a period ends
(domain/ledger/revaluation.py).

Journals say what is open, by their accounting dates. So what comes late changes what was unrealised at the end of its period, and of those
after it: each posts the difference while it is open. In a closed one it would be posted and reversed on one day, so it waits until the
period is opened again; of the last period with policy `cumulative` it is posted on the next open day. Late and corrected rates do the same.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from msgspec.structs import replace

from domain.capabilities import REFUND_LIABILITY
from domain.events.reference import DayEnded
from domain.figure import RecordedRate, called, record
from domain.identity import composed, parts_of
from domain.ledger.position import Balance, standing_at
from domain.ledger.revaluation import CUMULATIVE, OWED, left_after, unrealised
from domain.money import format_amount
from domain.reference import fiscal
from domain.reference.exchange import MISSING_RATE, Exchange, MissingRate
from domain.reference.fiscal import AccountingPeriod
from domain.reference.zones import local_date
from domain.sums import summed
from domain.units import EXCHANGE_RATE_ONE
from domain.waiting import WaitKey, waits_for_exchange_rate
from domain.why import quoted
from state.books import Monetary
from state.charges.rebates import provides
from state.draft import Draft
from state.ledger.foreign import (
    EARNED,
    FOREVER,
    KIND,
    LACKING,
    LEFT,
    VALUED,
    Change,
    ForeignBalances,
    Moved,
    begin_period,
    group_key,
    group_of,
    known_periods,
    left_periods,
    named_period,
    open_at,
    parts_of_group,
    periods_of,
    posted_by,
    put_periods,
    take_in,
    unrealised_of,
    valued_of,
)
from state.ledger.revaluation_journals import count_settled, post, take_back_settled, take_back_standing
from state.terms.known import exchange_on, open_day_from
from state.value import plain

WAITING: Final = "revaluation"
# Of so many periods a rate that is corrected counts.
CORRECTED: Final = 3
DAY = timedelta(days=1)


def after_event(draft: Draft, ended: DayEnded | None, woken: Collection[str] = ()) -> None:
    """Take in what the event's journals moved, and revalue where a period has ended by now.

    Woken are those of which a rate came, or was corrected, or a period was closed or opened.
    """
    moved = take_in(draft)
    if not moved and not woken and ended is None:
        return
    for key in sorted({*woken, *map(group_key, moved if ended is None else draft.ids(KIND))}):
        group = group_of(draft, key)
        own = {part_id: one for part_id, one in moved.items() if group_key(part_id) == key}
        if group is None or not (ended is None or group.entity.zone == ended.zone or own):
            continue
        if group.policies.fx_revaluation != CUMULATIVE and (standing := periods_of(draft, LEFT, key)):
            take_back_standing(draft, group, max(standing), _yesterday(draft, group, ended))
        if group.is_revalued or known_periods(draft, group.key):
            _bring_up_to_date(draft, group, own, ended, is_woken=key in woken)


def _bring_up_to_date(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], ended: DayEnded | None, *, is_woken: bool
) -> None:
    count_settled(draft, group, moved)
    wanted = _wanted(draft, group, moved, ended, is_woken=is_woken)
    first, left = min(wanted, default=FOREVER), left_periods(draft, group)
    posted: set[str] = set()
    for name in sorted({*wanted, *(each for each in left if each > first)}):
        # What an earlier period has left standing by now counts in this one.
        posted |= _value(draft, group, named_period(group, name), {*wanted.get(name, ()), *posted})
    take_back_settled(draft, group, moved, {*posted, *(part_id for of in wanted.values() for part_id in of)})
    if any(any(standing_at(draft.part(KIND, part_id).moves, FOREVER)) for part_id in parts_of_group(draft, group.key)):
        following = fiscal.period_after(group.entity.fiscal_calendar, _last_ended(draft, group, ended))
        draft.due.add((group.entity.zone, (following.to - DAY).isoformat()))


# Which periods


def _wanted(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], ended: DayEnded | None, *, is_woken: bool
) -> dict[str, set[str]]:
    """What is to be valued, by period: again what came late, all of it what is new, while the company asks for it."""
    names = {name for one in moved.values() for name in one.periods}
    valued, lacking = periods_of(draft, VALUED, group.key), periods_of(draft, LACKING, group.key)
    known = known_periods(draft, group.key)
    found: dict[str, set[str]] = {}
    for name in known:
        if late := {part_id for part_id, one in moved.items() if any(each <= name for each in one.periods)}:
            found[name] = late
    everything = set(parts_of_group(draft, group.key))
    if is_woken:
        for name in valued[-CORRECTED:]:
            found[name] = {part_id for part_id in everything if name in draft.part(KIND, part_id).valued} | found.get(
                name, set()
            )
        found |= dict.fromkeys(lacking, everything)
    if not group.is_revalued:
        return found
    yesterday, last = _yesterday(draft, group, ended), _last_ended(draft, group, ended)
    is_end = ended is not None and last.to - DAY == yesterday
    first = min({*known[-1:], *names}, default=last.name if is_end else None)
    following = named_period(group, first) if first is not None else None
    while following is not None and following.to - DAY <= yesterday:
        if following.name not in known:
            found[following.name] = everything
        following = fiscal.period_after(group.entity.fiscal_calendar, following)
    return found


def _yesterday(draft: Draft, group: ForeignBalances, ended: DayEnded | None) -> date:
    """The last day that has ended where the company is."""
    zone = group.entity.zone
    before = local_date(draft.cause.recorded_at, zone) - DAY
    return max(before, ended.date) if ended is not None and ended.zone == zone else before


def _last_ended(draft: Draft, group: ForeignBalances, ended: DayEnded | None) -> AccountingPeriod:
    return fiscal.last_ended(group.entity.fiscal_calendar, _yesterday(draft, group, ended))


# The value at a period's end


def _value(draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_ids: Iterable[str]) -> set[str]:
    """Bring what is unrealised at the period's end to what it is by now; without a rate say what is not valued.

    Returns the parts of which something stands that did not.
    """
    name, day, entity = period.name, period.to - DAY, group.entity
    begin_period(draft, group, name)
    lacking = set(periods_of(draft, LACKING, group.key))
    wanted = parts_of_group(draft, group.key) if name in lacking else sorted(part_ids)
    held = [part_id for part_id in wanted if _is_monetary(draft, group, part_id, name)]
    open_now = {
        part_id: balance for part_id in held if any(balance := standing_at(draft.part(KIND, part_id).moves, name))
    }
    exchange = exchange_on(draft, group.policies, group.currency, entity.currency, day, day)
    is_needed = any(amount for amount, _ in open_now.values())
    is_left = name in periods_of(draft, LEFT, group.key)
    is_open = open_day_from(draft, entity, day) == day
    if isinstance(exchange, MissingRate) and is_needed:
        # Of a closed period a rate posts nothing that would not be reversed on its day: nobody is to find one until it is opened again.
        _wait(draft, group, period, exchange, open_now if is_open or is_left else {})
        return set()
    if isinstance(exchange, MissingRate):
        exchange = Exchange(1, 1, EXCHANGE_RATE_ONE, ())
    is_last = is_left and name >= max(left_periods(draft, group), default="")
    changes = [_valued(draft, group, period, part_id, exchange, is_last=is_last) for part_id in held]
    dropped = [_no_longer_monetary(draft, group, part_id, name) for part_id in sorted({*wanted} - {*held})]
    changes, dropped = ([one for one in each if one.amount and is_open] for each in (changes, dropped))
    back = None if is_left else open_day_from(draft, entity, period.to)
    post(draft, group, name, day, exchange.rate, changes, back)
    post(draft, group, f"{name}/settled", day, exchange.rate, dropped)
    put_periods(draft, LACKING, group.key, lacking - {name})
    put_periods(draft, VALUED, group.key, {*periods_of(draft, VALUED, group.key), name})
    for category in MISSING_RATE:
        draft.resolve_exception(category, WAITING, _subject(group, period))
    _watch(draft, group, period)
    return {one.part_id for one in (*changes, *dropped)} if is_left else set()


def _is_monetary(draft: Draft, group: ForeignBalances, part_id: str, name: str) -> bool:
    """As it was when the period was revalued first. What accounting provides for outside stands on 2320 by half."""
    _, _, account, contract_id, _ = parts_of(part_id)
    if account == REFUND_LIABILITY and not provides(draft.contract(contract_id)):
        return False
    return account in OWED or name in periods_of(draft, EARNED, group.key)


def _valued(
    draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_id: str, exchange: Exchange, *, is_last: bool
) -> Change:
    """What the part's unrealised amount at the period's end is by now, less what of it is posted."""
    name = period.name
    known: Monetary = draft.part(KIND, part_id)
    balance, is_again = open_at(draft, group, part_id, name), name in known.valued
    if draft.why is not None:
        rates = quoted(exchange, group.policies.exchange_rate_type, period.to - DAY, group.entity)
        exchange = RecordedRate.along(rates, exchange)
    found = unrealised(balance, exchange, group.entity.currency, group.policies.money_mode)
    if draft.why is not None:
        record(draft.why, unrealised_of(part_id, name), found)
        record(draft.why, valued_of(part_id, name), balance[0])
    stands, valued = plain(balance[0]), plain(found)
    now = replace(known, valued={**known.valued, name: valued})
    if is_last:
        settled = known.left - known.of if is_again else standing_at(known.moves, FOREVER)[0] - stands
        now = replace(now, left=left_after(stands, settled), of=stands)
    draft.put(KIND, part_id, now)
    more = found - posted_by(draft, group, part_id, name)
    return Change(part_id, called(more, "unrealised by now, less what is posted"))


def _no_longer_monetary(draft: Draft, group: ForeignBalances, part_id: str, name: str) -> Change:
    """Carried as it was booked: nothing is left of what an earlier period has left standing."""
    back = -posted_by(draft, group, part_id, name)
    return Change(part_id, called(back, "not monetary by policy unbilled_is_monetary"))


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
    put_periods(draft, LACKING, group.key, {*periods_of(draft, LACKING, group.key), period.name})
    _watch(draft, group, period)
    if not open_now:
        for category in MISSING_RATE:
            draft.resolve_exception(category, WAITING, _subject(group, period), "superseded")
        return
    sums = summed((parts_of(part_id)[2], amount) for part_id, (amount, _) in open_now.items())
    shown = ", ".join(f"{account} {format_amount(amount)}" for account, amount in sorted(sums.items()) if amount)
    message = f"{missing.message}; until then what is open in {group.currency} at the end of {period.name} is not revalued: {shown}"
    draft.raise_exception(missing.category, WAITING, _subject(group, period), message, field="rate")


def _watch(draft: Draft, group: ForeignBalances, period: AccountingPeriod) -> None:
    """Rates that the period's last day may take wake it, as long as they may be corrected."""
    name = f"{WAITING}:{group.key}"
    names, lacking = known_periods(draft, group.key), periods_of(draft, LACKING, group.key)
    kept = {key for one in {*names[-CORRECTED:], *lacking, period.name} for key in _keys(group, one)}
    gone = {key for one in names[-CORRECTED - 1 : -CORRECTED] if one not in lacking for key in _keys(group, one)}
    draft.waits_added |= {(kind, key, name) for kind, key in kept}
    draft.waits_removed |= {(kind, key, name) for kind, key in gone - kept}


def _keys(group: ForeignBalances, name: str) -> tuple[WaitKey, ...]:
    day = named_period(group, name).to - DAY
    staleness = group.policies.rate_staleness_days
    entity = group.entity
    return waits_for_exchange_rate(group.currency, entity.currency, entity.legal_entity_id, {day}, staleness)
