"""What is open in another currency than the ledger's, by account, contract and project, and its revaluation when a period ends
(domain/ledger/revaluation.py).

Journals say what is open, by their accounting dates. So what comes late changes what was unrealised at the end of its period, and of those
after it: the difference is posted there while the period is open. In a closed one it would be posted and reversed on one day, which is left
out; with policy `cumulative` it is posted on the next open day. Rates that come late, or are corrected, do the same.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.accounts import DUE_FROM, DUE_TO, MONETARY, MONETARY_UNBILLED, UNAPPLIED_CASH, UNREALISED
from domain.events.reference import DayEnded, LegalEntityDefined
from domain.explanation import Node, constant, less
from domain.identity import composed, parts_of
from domain.ledger.journal import About, Leg, journal_entry
from domain.ledger.position import Balance
from domain.ledger.recorded import Carried, add_both, all_of, journal_line, parts_of_both
from domain.ledger.revaluation import (
    CUMULATIVE,
    REVALUED,
    RULE,
    is_revaluation,
    left_after,
    record_lines,
    say_standing,
    say_unrealised,
    standing_for,
    unrealised,
)
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.reference import fiscal
from domain.reference.exchange import Exchange, MissingRate
from domain.reference.fiscal import AccountingPeriod
from domain.reference.zones import local_date
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.waiting import WaitKey, waits_for_exchange_rate
from state.books import Monetary
from state.draft import Draft
from state.ledger import standings
from state.ledger.posting import booking_of
from state.terms.known import Slot, entity_policies, exchange_on, open_day_from
from state.terms.known import period as period_of
from state.terms.plan import contract_policies

KIND: Final = "monetary"
WAITING: Final = "revaluation"
ACCOUNTS: Final = frozenset({*MONETARY, *MONETARY_UNBILLED})
# Periods by company and currency: those that are revalued, and those that wait for a rate.
VALUED, LACKING = "revalued", "not_revalued"
# Of so many periods a rate that is corrected counts.
CORRECTED: Final = 3
DAY = timedelta(days=1)


class ForeignBalances(NamedTuple):
    """What is revalued together: one company and currency."""

    entity: LegalEntityDefined
    currency: str
    policies: Resolved

    @property
    def key(self) -> str:
        return composed(self.entity.legal_entity_id, self.currency)

    def holds(self, account: str) -> bool:
        return account in MONETARY or bool(self.policies.unbilled_is_monetary)


class Moved(NamedTuple):
    """What the event moved of a balance, by period, and the last accounting date of it."""

    periods: Mapping[str, Balance]
    last: date


class Change(NamedTuple):
    """What of a part goes to 7100; the node where somebody explains."""

    part_id: str
    amount: Amount
    made: Node | None


def after_event(draft: Draft, ended: DayEnded | None) -> None:
    """Take in what the event's journals moved, and revalue where a period has ended by now."""
    moved = _take_in(draft)
    for key in sorted({_group_of(part_id) for part_id in (moved if ended is None else draft.ids(KIND))}):
        group = _group(draft, key)
        if group is not None and (
            ended is None or group.entity.zone == ended.zone or any(_group_of(one) == key for one in moved)
        ):
            own = {part_id: one for part_id, one in moved.items() if _group_of(part_id) == key}
            _settle(draft, group, own, ended)


def retry(draft: Draft, key: str) -> None:
    """A rate came, or was corrected, or a period was closed or opened."""
    group = _group(draft, key)
    if group is None:
        return
    names = {*_periods(draft, LACKING, key), *_periods(draft, VALUED, key)[-CORRECTED:]}
    if group.policies.fx_revaluation == CUMULATIVE:
        names = set(_periods(draft, LACKING, key)) | set(_periods(draft, VALUED, key)[-1:])
    for name in sorted(names):
        _value(draft, group, _named(group, name), _parts(draft, key))


def _group_of(part_id: str) -> str:
    return composed(*parts_of(part_id)[:2])


def _group(draft: Draft, key: str) -> ForeignBalances | None:
    """None where the company asks for no revaluation."""
    entity_id, currency = parts_of(key)
    entity = draft.reference.entity(entity_id)
    policies = entity_policies(draft, entity)
    if entity is None or policies.fx_revaluation == "none":
        return None
    return ForeignBalances(entity, currency, policies)


def _parts(draft: Draft, key: str) -> list[str]:
    return [part_id for part_id in draft.ids(KIND) if _group_of(part_id) == key]


def _named(group: ForeignBalances, name: str) -> AccountingPeriod:
    found = fiscal.period_named(group.entity.fiscal_calendar, name)
    assert found is not None, "the period is one of the calendar"
    return found


# What is open


def _take_in(draft: Draft) -> dict[str, Moved]:
    found: dict[str, tuple[dict[str, Balance], date]] = {}
    for record in draft.outputs:
        if not isinstance(record, JournalEntry) or record.currency == record.ledger_currency:
            continue
        if is_revaluation(record.rule):
            continue
        for number, line in enumerate(record.lines, 1):
            if line.account not in ACCOUNTS:
                continue
            of = ("", "") if line.account == UNAPPLIED_CASH else (record.contract_id or "", line.project_id or "")
            part_id = composed(record.legal_entity_id, record.currency, line.account, *of)
            periods, last = found.setdefault(part_id, ({}, record.accounting_date))
            had = periods.get(record.period, (0, 0))
            periods[record.period] = had[0] + line.amount, had[1] + line.ledger_amount
            found[part_id] = periods, max(last, record.accounting_date)
            if draft.why is not None:
                currencies = record.currency, record.ledger_currency
                leg = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
                add_both(draft.why, _moves_of(part_id, record.period), leg)
    for part_id, (periods, _) in found.items():
        known: Monetary = draft.part(KIND, part_id) or Monetary()
        moves = dict(known.moves)
        for name, (amount, ledger) in periods.items():
            had = moves.get(name, (0, 0))
            moves[name] = had[0] + amount, had[1] + ledger
        draft.put(KIND, part_id, replace(known, moves=dict(sorted(moves.items()))))
    return {part_id: Moved(*one) for part_id, one in found.items()}


def _moves_of(part_id: str, name: str) -> str:
    return f"monetary/{part_id}/{name}"


def _open_at(known: Monetary, name: str) -> Balance:
    own = [balance for period, balance in known.moves.items() if period <= name]
    return sum(amount for amount, _ in own), sum(ledger for _, ledger in own)


def _say_open(draft: Draft, group: ForeignBalances, part_id: str, name: str) -> Carried:
    assert draft.why is not None, "somebody explains"
    known: Monetary = draft.part(KIND, part_id)
    parts = [
        part
        for period in known.moves
        if period <= name
        for part in parts_of_both(draft.why, _moves_of(part_id, period))
    ]
    return all_of(f"open at the end of {name}", parts, (group.currency, group.entity.currency))


# Which periods


def _settle(draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], ended: DayEnded | None) -> None:
    calendar, zone = group.entity.fiscal_calendar, group.entity.zone
    today = local_date(draft.cause.recorded_at, zone)
    yesterday = max(today - DAY, ended.date) if ended is not None and ended.zone == zone else today - DAY
    last = fiscal.last_ended(calendar, yesterday)
    names = {name for one in moved.values() for name in one.periods}
    valued, lacking = _periods(draft, VALUED, group.key), _periods(draft, LACKING, group.key)
    known = sorted({*valued, *lacking})
    if group.policies.fx_revaluation == CUMULATIVE and valued:
        _take_back_settled(draft, group, moved, _named(group, valued[-1]))
    again = [name for name in valued if any(name >= one for one in names)]
    if group.policies.fx_revaluation == CUMULATIVE:
        again = [name for name in again if name == valued[-1]]
    for name in again:
        late = [part_id for part_id, one in moved.items() if any(each <= name for each in one.periods)]
        _value(draft, group, _named(group, name), late)
    is_end = ended is not None and last.to - DAY == yesterday
    first = min({*known[-1:], *names}, default=last.name if is_end else None)
    following = _named(group, first) if first is not None else None
    while following is not None and following.to - DAY <= yesterday:
        is_before = group.policies.fx_revaluation == CUMULATIVE and following.name < max(valued, default="")
        if following.name not in known and not is_before:
            _value(draft, group, following, _parts(draft, group.key))
        following = fiscal.period_after(calendar, following)
    if any(_open_at(draft.part(KIND, part_id), "9999")[0] for part_id in _parts(draft, group.key)):
        following = fiscal.period_after(calendar, last)
        draft.due.add((zone, (following.to - DAY).isoformat()))


def _periods(draft: Draft, which: str, key: str) -> tuple[str, ...]:
    kept: dict[str, tuple[str, ...]] = draft.part("index", which) or {}
    return kept.get(key, ())


def _put_periods(draft: Draft, which: str, key: str, names: Iterable[str]) -> None:
    kept: dict[str, tuple[str, ...]] = dict(draft.part("index", which) or {})
    kept.pop(key, None)
    if found := tuple(sorted(names)):
        kept[key] = found
    if kept != (draft.part("index", which) or {}):
        draft.put("index", which, kept or None)


# The value at a period's end


def _value(draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_ids: Iterable[str]) -> None:
    """Bring what is unrealised at the period's end to what it is by now; without a rate say what is not valued."""
    name, day, entity = period.name, period.to - DAY, group.entity
    lacking = set(_periods(draft, LACKING, group.key))
    wanted = _parts(draft, group.key) if name in lacking else list(part_ids)
    held = [part_id for part_id in wanted if group.holds(parts_of(part_id)[2])]
    open_now = {part_id: balance for part_id in held if any(balance := _open_at(draft.part(KIND, part_id), name))}
    exchange = exchange_on(draft, group.policies, group.currency, entity.currency, day, day)
    is_needed = any(amount for amount, _ in open_now.values())
    if isinstance(exchange, MissingRate) and is_needed:
        _wait(draft, group, period, exchange, open_now)
        return
    if isinstance(exchange, MissingRate):
        exchange = Exchange(1, 1, EXCHANGE_RATE_ONE, ())
    changes = [_valued(draft, group, period, part_id, exchange) for part_id in held]
    _post_changes(draft, group, period, exchange, [one for one in changes if one.amount])
    if group.policies.fx_revaluation == CUMULATIVE:
        _take_back_later(draft, group, period, held, exchange)
    _put_periods(draft, LACKING, group.key, lacking - {name})
    _put_periods(draft, VALUED, group.key, {*_periods(draft, VALUED, group.key), name})
    for category in ("no_exchange_rate", "stale_exchange_rate"):
        draft.resolve_exception(category, WAITING, _subject(group, period))
    _watch(draft, group, period)


def _valued(draft: Draft, group: ForeignBalances, period: AccountingPeriod, part_id: str, exchange: Exchange) -> Change:
    """What the part's unrealised amount at the period's end is by now, less what of it is posted."""
    name, mode, ledger = period.name, group.policies.money_mode, group.entity.currency
    known: Monetary = draft.part(KIND, part_id)
    balance = _open_at(known, name)
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
    balance = _say_open(draft, group, part_id, period.name)
    made = say_unrealised(balance, exchange, rate_type, period.to - DAY, group.entity, mode)
    address = f"unrealised/{part_id}/{period.name}"
    before = _last(draft, group, part_id if group.policies.fx_revaluation == CUMULATIVE else address)
    draft.why.record(address, found, made)
    if group.policies.fx_revaluation == CUMULATIVE:
        is_whole = left == balance.amount.value
        rest = balance.amount if is_whole else constant("left of what was valued", left, "amount", group.currency)
        made = say_standing(made, rest, balance.amount, mode)
        draft.why.record(f"unrealised/{part_id}", changed[1], made)
    return less("unrealised by now, less what stands", made, before) if changed[0] else made


def _last(draft: Draft, group: ForeignBalances, address: str) -> Node:
    """What was recorded of it last."""
    assert draft.why is not None, "somebody explains"
    address = address if address.startswith("unrealised/") else f"unrealised/{address}"
    found = draft.why.figure_at(address, draft.why.now)
    return found if found is not None else constant("nothing stands", 0, "amount", group.entity.currency)


# What is settled while it stands, with policy `cumulative`


def _take_back_settled(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], valued: AccountingPeriod
) -> None:
    changes: dict[date, list[Change]] = {}
    for part_id, one in moved.items():
        net = sum(amount for name, (amount, _) in one.periods.items() if name > valued.name)
        if (change := _settled(draft, group, valued, part_id, net)) is not None:
            changes.setdefault(open_day_from(draft, group.entity, one.last), []).append(change)
    ends = valued.to - DAY
    exchange = exchange_on(draft, group.policies, group.currency, group.entity.currency, ends, ends)
    rate = exchange.rate if isinstance(exchange, Exchange) else EXCHANGE_RATE_ONE
    for day, own in sorted(changes.items()):
        _post(draft, group, f"{valued.name}/settled", day, rate, own)


def _take_back_later(
    draft: Draft, group: ForeignBalances, valued: AccountingPeriod, part_ids: Iterable[str], exchange: Exchange
) -> None:
    """A rate came when some of what it values was settled already."""
    found = []
    for part_id in part_ids:
        known: Monetary = draft.part(KIND, part_id)
        if known.left == known.of:
            net = _open_at(known, "9999")[0] - known.of
            if (change := _settled(draft, group, valued, part_id, net)) is not None:
                found.append(change)
    if found:
        today = local_date(draft.cause.recorded_at, group.entity.zone)
        day = open_day_from(draft, group.entity, max(today, valued.to))
        _post(draft, group, f"{valued.name}/settled", day, exchange.rate, found)


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
        before = _last(draft, group, part_id)
        whole = _say_open(draft, group, part_id, valued.name).amount
        rest = constant("left of what was valued", left, "amount", group.currency)
        own = say_standing(_last(draft, group, f"{part_id}/{valued.name}"), rest, whole, mode)
        draft.why.record(f"unrealised/{part_id}", standing, own)
        made = less("unrealised of what is left, less what stands", own, before)
    return Change(part_id, standing - known.standing, made) if standing != known.standing else None


# Posting


def _post_changes(
    draft: Draft, group: ForeignBalances, period: AccountingPeriod, exchange: Exchange, changes: list[Change]
) -> None:
    """On the period's last day; with policy `reversing` taken back on the first of the next."""
    entity = group.entity
    day = open_day_from(draft, entity, period.to - DAY)
    if group.policies.fx_revaluation == CUMULATIVE:
        _post(draft, group, period.name, day, exchange.rate, changes)
    elif day < period.to:
        back = open_day_from(draft, entity, period.to)
        for record in _post(draft, group, period.name, day, exchange.rate, changes):
            _reverse(draft, group, record, back)


def _post(
    draft: Draft, group: ForeignBalances, what: str, day: date, rate: int, changes: Iterable[Change]
) -> list[JournalEntry]:
    """A journal a contract, and one where the ERP has what is revalued by itself."""
    by_journal: dict[tuple[str, bool], list[Change]] = {}
    for one in changes:
        _, _, account, contract_id, _ = parts_of(one.part_id)
        by_journal.setdefault((contract_id, _is_delivered(draft, group, account, contract_id)), []).append(one)
    found = []
    for (contract_id, deliver), own in sorted(by_journal.items()):
        record = _journal(draft, group, what, day, rate, contract_id, own, deliver=deliver)
        standings.publish(draft, record)
        found.append(record)
    return found


def _journal(
    draft: Draft,
    group: ForeignBalances,
    what: str,
    day: date,
    rate: int,
    contract_id: str,
    changes: list[Change],
    *,
    deliver: bool,
) -> JournalEntry:
    entity, cause, lines = group.entity, draft.cause, _lines(changes)
    exchange = Exchange(rate, EXCHANGE_RATE_ONE, rate, ())
    slot = Slot(entity, group.currency, day, period_of(draft, entity, day).name, exchange)
    kind, subject = ("contract", contract_id) if contract_id else ("legal_entity", entity.legal_entity_id)
    rule = f"{RULE}{what}" if deliver else f"{RULE}{what}/memo"
    about = About(draft.engagement_id, kind, subject, 0, rule, cause.kind, cause.id, cause.version)
    contract = draft.contract(contract_id) if contract_id else None
    record = journal_entry(
        about,
        booking_of(slot, "posting"),
        [leg for _, leg in lines],
        project_id="",
        dimensions={},
        service_date=None,
        contract_id=contract_id or None,
        customer_id=contract.terms.customer_id if contract is not None else None,
        deliver=deliver,
    )
    if draft.why is not None:
        parts = {_place(one.part_id): one.made for one in changes if one.made is not None}
        record_lines(draft.why, record.journal_id, lines, parts, (group.currency, entity.currency))
    placed = zip((project_id for project_id, _ in lines), record.lines, strict=True)
    return record._replace(lines=tuple(line._replace(project_id=project_id or None) for project_id, line in placed))


def _place(part_id: str) -> tuple[str, str]:
    """Project and account."""
    _, _, account, _, project_id = parts_of(part_id)
    return project_id, account


def _lines(changes: list[Change]) -> list[tuple[str, Leg]]:
    by_project: dict[str, list[Leg]] = {}
    for one in sorted(changes, key=lambda each: _place(each.part_id)):
        project_id, account = _place(one.part_id)
        by_project.setdefault(project_id, []).append(Leg(account, REVALUED, 0, one.amount))
    for legs in by_project.values():
        if rest := sum(leg.ledger_amount for leg in legs):
            legs.append(Leg(UNREALISED, REVALUED, 0, -rest))
    return [(project_id, leg) for project_id, legs in sorted(by_project.items()) for leg in legs]


def _is_delivered(draft: Draft, group: ForeignBalances, account: str, contract_id: str) -> bool:
    """Who owns the receivable, or the bank, revalues it there; what is unbilled, or between companies, is ours."""
    if account in (*MONETARY_UNBILLED, DUE_FROM, DUE_TO):
        return True
    contract = draft.contract(contract_id) if contract_id else None
    policies = contract_policies(draft, contract) if contract is not None else group.policies
    return (policies.cash_journal if account == UNAPPLIED_CASH else policies.ar_journal) == "milepost"


def _reverse(draft: Draft, group: ForeignBalances, record: JournalEntry, day: date) -> None:
    """Its own lines, back (R14)."""
    cause = draft.cause
    slot = Slot(
        group.entity,
        group.currency,
        day,
        period_of(draft, group.entity, day).name,
        Exchange(record.exchange_rate, EXCHANGE_RATE_ONE, record.exchange_rate, ()),
    )
    about = About(
        draft.engagement_id,
        record.affected_kind,
        record.affected_id,
        0,
        record.rule,
        cause.kind,
        cause.id,
        cause.version,
    )
    legs = [Leg(line.account, line.purpose, -line.amount, -line.ledger_amount) for line in record.lines]
    made = journal_entry(
        about,
        booking_of(slot, "reversal"),
        legs,
        project_id="",
        dimensions={},
        service_date=None,
        contract_id=record.contract_id,
        customer_id=record.customer_id,
        deliver=record.deliver,
        reverses=record.journal_id,
    )
    placed = zip(record.lines, made.lines, strict=True)
    standings.publish(draft, made._replace(lines=tuple(line._replace(project_id=of.project_id) for of, line in placed)))


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
    lacking = set(_periods(draft, LACKING, group.key))
    sums: dict[str, Amount] = {}
    for part_id, (amount, _) in open_now.items():
        account = parts_of(part_id)[2]
        sums[account] = sums.get(account, 0) + amount
    shown = ", ".join(f"{account} {format_amount(amount)}" for account, amount in sorted(sums.items()) if amount)
    message = f"{missing.message}; until then what is open in {group.currency} at the end of {period.name} is not revalued: {shown}"
    draft.raise_exception(missing.category, WAITING, _subject(group, period), message, field="rate")
    _put_periods(draft, LACKING, group.key, {*lacking, period.name})
    _watch(draft, group, period)


def _watch(draft: Draft, group: ForeignBalances, period: AccountingPeriod) -> None:
    """Rates that the period's last day may take wake it, as long as they may be corrected."""
    name = f"{WAITING}:{group.key}"
    names = sorted({*_periods(draft, VALUED, group.key), *_periods(draft, LACKING, group.key)})
    lacking = _periods(draft, LACKING, group.key)
    kept = {key for one in {*names[-CORRECTED:], *lacking, period.name} for key in _keys(group, one)}
    gone = {key for one in names[-CORRECTED - 1 : -CORRECTED] if one not in lacking for key in _keys(group, one)}
    draft.waits_added |= {(kind, key, name) for kind, key in kept}
    draft.waits_removed |= {(kind, key, name) for kind, key in gone - kept}


def _keys(group: ForeignBalances, name: str) -> tuple[WaitKey, ...]:
    day = _named(group, name).to - DAY
    staleness = group.policies.rate_staleness_days
    entity = group.entity
    return waits_for_exchange_rate(group.currency, entity.currency, entity.legal_entity_id, {day}, staleness)
