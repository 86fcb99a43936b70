"""What was spent on lines that earn their price over time, or may be lost on under a cap, by month, day and category of cost.

Hours are all that were worked, charged or not; cost is that of time and expenses. Work that is not billable is on no line, so that it does
not count (wasted effort, IFRS 15.B19). Sums are kept by line and month, and change by what an event moved; cost is kept in its own currency
and counts in the contract's, by the rate of its day. Categories that policy `poc_exclusions` names in any version of the terms are apart.
What work earns by itself is kept beside that.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.figure import exchanged
from domain.identity import composed, parts_of
from domain.reference.exchange import MissingRate
from domain.revenue.method import Spent
from domain.terms import methods
from domain.terms.kind import TermsInForce
from domain.units import Amount, Hours
from domain.waiting import waits_for_exchange_rate
from domain.work.hours import worked_hours
from domain.work.rows import FEE, ONLY_EARNED
from state.books import Charge, Contract, Entry, Spending, SpentInMonth, Work
from state.draft import Draft
from state.terms.known import exchange_on
from state.terms.plan import contract_policies
from state.totals import month_of
from state.value import plain

LINE, MONTH = "spending", "spent"
# What a contract waits for by the rates of its cost.
WAITING: Final = "spent"
# Hours, and cost by its own currency.
Sums = tuple[Hours, dict[str, Amount]]
NOTHING: Sums = (0, {})


class SpentWork(NamedTuple):
    """What one entry was for a line on a day, and what it earned by itself; an hour's category is its task, an expense's its own."""

    contract_id: str
    line_id: str
    day: date
    hours: Hours
    currency: str
    cost: Amount
    category: str
    earned: Amount


def spent_by(entry: Entry) -> SpentWork | None:
    """None of what is on no line, or neither costs hours or money nor earns; a part that went on to the next line leaves all with the
    whole."""
    work = entry.standing
    if work is None or work.price is None or not work.price.line_id or work.part_of is not None:
        return None
    hours, cost, price = _hours_of(entry), work.cost, work.price
    earned = 0 if work.subject_kind in (FEE, *ONLY_EARNED) else plain(price.earns)
    if not (hours or earned) and cost is None:
        return None
    currency, amount = (cost.currency, cost.amount) if cost is not None else ("", 0)
    return SpentWork(price.contract_id, price.line_id, price.day, hours, currency, amount, category_of(work), earned)


def category_of(work: Work) -> str:
    subject = work.subject
    return (subject.category if isinstance(subject, Charge) else subject.task) or ""


def _hours_of(entry: Entry) -> Hours:
    work = entry.standing
    if work is None:
        return 0
    if work.time is not None:
        return worked_hours(work.time)
    return work.charge.opening.hours if work.charge is not None and work.charge.opening is not None else 0


def is_spent(held: Iterable[TermsInForce]) -> bool:
    """Whether what is spent on a line is kept: it earns its price over time, by what is spent or otherwise."""
    return any(methods.earns_its_price(agreed.line, agreed.policies) for agreed in held)


def kept_apart(held: Iterable[TermsInForce]) -> tuple[str, ...]:
    return tuple(sorted({name for agreed in held for name in agreed.policies.poc_exclusions or ()}))


# Sums


def with_work(month: SpentInMonth, works: Iterable[tuple[SpentWork, int]], apart: Sequence[str]) -> SpentInMonth:
    """With what came to the line (1) and what went (-1)."""
    days, earned = dict(month.days), dict(month.earned)
    for work, sign in works:
        earned[work.day] = earned.get(work.day, 0) + sign * work.earned
        name = work.category if work.category in apart else ""
        day = dict(days.get(work.day, {}))
        hours, cost = day.get(name, NOTHING)
        if work.currency:
            cost = {**cost, work.currency: cost.get(work.currency, 0) + sign * work.cost}
        day[name] = hours + sign * work.hours, {own: amount for own, amount in cost.items() if amount}
        days[work.day] = {each: day[each] for each in sorted(day) if day[each] != NOTHING}
    return SpentInMonth(
        {day: days[day] for day in sorted(days) if days[day]},
        {day: earned[day] for day in sorted(earned) if earned[day]},
    )


def _is_any(month: SpentInMonth) -> bool:
    return bool(month.days or month.earned)


def _by_month(works: Iterable[tuple[SpentWork, int]]) -> dict[str, list[tuple[SpentWork, int]]]:
    found: dict[str, list[tuple[SpentWork, int]]] = {}
    for work, sign in works:
        found.setdefault(month_of(work.day), []).append((work, sign))
    return found


def summed(draft: Draft, contract_id: str, line_id: str, apart: Sequence[str]) -> dict[str, SpentInMonth]:
    """By month, from all of its entries."""
    found = (spent_by(entry) for entry in draft.everything())
    return _summed((one for one in found if one is not None and one[:2] == (contract_id, line_id)), apart)


def _summed(works: Iterable[SpentWork], apart: Sequence[str]) -> dict[str, SpentInMonth]:
    by_month = _by_month((one, 1) for one in works)
    months = {month: with_work(SpentInMonth(), own, apart) for month, own in by_month.items()}
    return {month: sums for month, sums in sorted(months.items()) if _is_any(sums)}


def counted(draft: Draft, contract_id: str, line_id: str, apart: tuple[str, ...]) -> Mapping[str, SpentInMonth]:
    """By month as it is kept; of a line of which it is not, from all of its entries."""
    part_id = composed(contract_id, line_id)
    kept: Spending | None = draft.part(LINE, part_id)
    if kept is None or kept.apart != apart:
        return summed(draft, contract_id, line_id, apart)
    return {month: draft.part(MONTH, composed(contract_id, line_id, month)) for month in kept.months}


def begin(draft: Draft, contract_id: str, line_id: str, apart: tuple[str, ...]) -> list[date]:
    """Keep it of a line from now on, with these categories apart; returns the days of what was not kept so before."""
    kept: Spending | None = draft.part(LINE, composed(contract_id, line_id))
    if kept is not None and kept.apart == apart:
        return []
    return _keep(draft, contract_id, line_id, apart, summed(draft, contract_id, line_id, apart))


def _keep(
    draft: Draft, contract_id: str, line_id: str, apart: tuple[str, ...], months: Mapping[str, SpentInMonth]
) -> list[date]:
    """Returns every day on which something is spent by these sums."""
    kept: Spending = draft.part(LINE, composed(contract_id, line_id)) or Spending()
    for month in sorted({*kept.months, *months}):
        draft.put(MONTH, composed(contract_id, line_id, month), months.get(month))
    now = Spending(tuple(sorted(months)), apart)
    if now != kept or draft.part(LINE, composed(contract_id, line_id)) is None:
        draft.put(LINE, composed(contract_id, line_id), now)
    return [day for sums in months.values() for day in sums.days]


def take_in(draft: Draft) -> dict[str, list[date]]:
    """Bring what is kept up to what the event moved since it was last; returns the days that differ, by line."""
    moved: dict[str, list[tuple[SpentWork, int]]] = {
        part_id: [] for kind, part_id in draft.parts if kind == LINE and _is_begun(draft, part_id)
    }
    for entry, sign in draft.worked:
        work = spent_by(entry)
        part_id = composed(work.contract_id, work.line_id) if work is not None else ""
        if work is not None and draft.part(LINE, part_id) is not None:
            moved.setdefault(part_id, []).append((work, sign))
    draft.worked.clear()
    found = {}
    for part_id, works in moved.items():
        days = _summed_again(draft, part_id) if _is_begun(draft, part_id) else _changed(draft, part_id, works)
        if days:
            found[part_id] = days
    return found


def _is_begun(draft: Draft, part_id: str) -> bool:
    """Whether the event began to keep it, or other categories apart: with what it moved since, all is summed up again."""
    had: Spending | None = draft.before.get((LINE, part_id))
    has: Spending | None = draft.parts.get((LINE, part_id))
    return has is not None and (had is None or had.apart != has.apart)


def _summed_again(draft: Draft, part_id: str) -> list[date]:
    contract_id, line_id = parts_of(part_id)
    kept: Spending = draft.part(LINE, part_id)
    return _keep(draft, contract_id, line_id, kept.apart, summed(draft, contract_id, line_id, kept.apart))


def _changed(draft: Draft, part_id: str, works: Iterable[tuple[SpentWork, int]]) -> list[date]:
    contract_id, line_id = parts_of(part_id)
    kept: Spending = draft.part(LINE, part_id)
    days: list[date] = []
    months = set(kept.months)
    for month, own in _by_month(works).items():
        month_id = composed(contract_id, line_id, month)
        had: SpentInMonth = draft.part(MONTH, month_id) or SpentInMonth()
        has = with_work(had, own, kept.apart)
        if changed := [day for day in {work.day for work, _ in own} if _on(had, day) != _on(has, day)]:
            days += changed
            draft.put(MONTH, month_id, has if _is_any(has) else None)
            (months.add if _is_any(has) else months.discard)(month)
    if months != set(kept.months):
        draft.put(LINE, part_id, Spending(tuple(sorted(months)), kept.apart))
    return sorted(days)


def _on(month: SpentInMonth, day: date) -> tuple[object, Amount]:
    return month.days.get(day), month.earned.get(day, 0)


def wait_for_rates(draft: Draft, part_id: str, days: Iterable[date]) -> None:
    """A rate that comes for these days, or is corrected, counts what was spent on them again."""
    contract_id, line_id = parts_of(part_id)
    contract = draft.contract(contract_id)
    if contract is None:
        return
    terms, by_currency = contract.terms, dict[str, set[date]]()
    for day in days:
        month: SpentInMonth | None = draft.part(MONTH, composed(contract_id, line_id, month_of(day)))
        for _, costs in (month.days.get(day, {}) if month is not None else {}).values():
            for currency in costs.keys() - {terms.currency}:
                by_currency.setdefault(currency, set()).add(day)
    for currency, own in by_currency.items():
        staleness = contract_policies(draft, contract).rate_staleness_days
        keys = waits_for_exchange_rate(currency, terms.currency, terms.legal_entity_id, own, staleness)
        draft.waits_added |= {(kind, key, f"{WAITING}:{contract_id}") for kind, key in keys if kind == "exchange"}


# As the terms ask for it


class SpentKnown(NamedTuple):
    """By day, and days of which a currency has no rate, so that their cost in it does not count."""

    spent: Sequence[Spent]
    lacking: Sequence[tuple[date, str]] = ()


class _Month(NamedTuple):
    """What is kept of a month and the rates it was converted by, None where it needs none; with what each of its days comes to."""

    of: SpentInMonth
    rates: object
    days: Sequence[tuple[date, Mapping[str, tuple[Hours, Amount]], Amount]]
    lacking: Sequence[tuple[date, str]]


def known_spent(draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce]) -> SpentKnown:
    """Cumulative; of months that did not change it is known what they came to, as long as rates are the same."""
    apart = kept_apart(held)
    of, key = counted(draft, contract.contract_id, line_id, apart), ("spent", contract.contract_id, line_id)
    before: dict[str, _Month] = draft.memo.lines.get(key) or {}
    months = {month: _month_known(draft, contract, held[-1], sums, before.get(month)) for month, sums in of.items()}
    draft.memo.lines[key] = months
    return _cumulative(months.values(), apart)


def spent_by_works(
    draft: Draft, contract: Contract, held: Sequence[TermsInForce], works: Iterable[SpentWork]
) -> Sequence[Spent]:
    """The same of these, which are all that were on the line."""
    apart = kept_apart(held)
    months = _summed(works, apart).values()
    return _cumulative([_month_known(draft, contract, held[-1], of, None) for of in months], apart).spent


def _cumulative(months: Collection[_Month], apart: Sequence[str]) -> SpentKnown:
    hours, cost, earned, beside = 0, 0, 0, dict.fromkeys(apart, (0, 0))
    spent: list[Spent] = []
    for one in months:
        for day, sums, earns in one.days:
            earned += earns
            for name, (worked, amount) in sums.items():
                if not name:
                    hours, cost = hours + worked, cost + amount
                else:
                    beside = {**beside, name: (beside[name][0] + worked, beside[name][1] + amount)}
            spent.append(Spent(day, hours, cost, beside, earned))
    return SpentKnown(spent, [each for one in months for each in one.lacking])


def _month_known(
    draft: Draft, contract: Contract, agreed: TermsInForce, of: SpentInMonth, before: _Month | None
) -> _Month:
    rates = draft.reference.exchange_rates
    if before is not None and before.of is of and (before.rates is None or before.rates is rates):
        return before
    foreign, lacking, days = False, [], []
    for day in sorted({*of.days, *of.earned}):
        found: dict[str, tuple[Hours, Amount]] = {}
        for name, (hours, costs) in of.days.get(day, {}).items():
            total = 0
            for currency, amount in costs.items():
                foreign = foreign or currency != contract.terms.currency
                own = _in_contract_currency(draft, contract, agreed, day, currency, amount)
                if own is None:
                    lacking.append((day, currency))
                total += own or 0
            found[name] = hours, total
        days.append((day, found, of.earned.get(day, 0)))
    return _Month(of, rates if foreign else None, days, lacking)


def _in_contract_currency(
    draft: Draft, contract: Contract, agreed: TermsInForce, day: date, currency: str, amount: Amount
) -> Amount | None:
    into = contract.terms.currency
    if currency == into:
        return amount
    exchange = exchange_on(draft, agreed.policies, currency, into, day, day)
    if isinstance(exchange, MissingRate):
        return None
    return exchanged(amount, exchange, into, agreed.policies.money_mode)
