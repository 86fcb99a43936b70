"""Lines that earn apart from what they charge: by their share of a price, or with variable parts of it. What each earns from day to day.

Lines with a stand-alone price share the price of all of them (`allocation.py`); a line that has variable parts and no such price earns its
own. An amendment shares the price again: from the beginning where it catches up, else what is left of it. Lines that came as a contract of
their own (treatment `separate`) share theirs. A variable part that is estimated otherwise goes by the shares as they are (IFRS 15.88), and
what is satisfied is caught up; after an amendment for what is to come, the satisfied part of that (90 b).

Once a contract is terminated there is nothing left to share: by its last day each line has earned what it comes to by itself, with what is
settled of its variable parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from domain.figure import assumed, called, of_all, ratio, said_of, titled
from domain.money import smallest_unit
from domain.revenue.allocation import AllocatedPrice, SharingLine, WorkLeft, allocated, residual
from domain.revenue.methods import METHODS
from domain.revenue.over_time import course_of, earned_by, earning
from domain.revenue.variable_price import days_of, items_on, settled
from domain.terms import methods
from domain.terms.kind import LineHistory, TermsInForce
from domain.units import Amount

DAY = timedelta(days=1)

# Lines of one price, by id, with what has happened on them.
Sharing = Mapping[str, LineHistory]


def with_shares(lines: Mapping[str, LineHistory]) -> dict[str, list[TermsInForce]]:
    """The terms of lines that earn apart, each with what they earn in all."""
    found: dict[str, list[TermsInForce]] = {}
    for names in _groups(lines):
        found |= _shared({name: lines[name] for name in names})
    return found


def _groups(lines: Mapping[str, LineHistory]) -> Iterable[list[str]]:
    """Those that share, by the contract that they came with; one with variable parts alone is on its own."""
    groups: dict[tuple[int, str], list[str]] = {}
    for name, line in lines.items():
        if line.held and any(methods.earns_apart(agreed.line) for agreed in line.held):
            is_shared = any(methods.is_shared(agreed.line) for agreed in line.held)
            groups.setdefault((line.held[0].separate, "" if is_shared else name), []).append(name)
    return groups.values()


def _shared(lines: Sharing) -> dict[str, list[TermsInForce]]:
    held = [agreed for line in lines.values() for agreed in line.held]
    days = {agreed.since for agreed in held if agreed.since > date.min}
    for line in lines.values():
        days |= days_of(line.revised)
    found: dict[str, list[TermsInForce]] = {name: [] for name in lines}
    basis: list[SharingLine] = []
    based = date.min
    for since in (date.min, *sorted(days)):
        terms = {name: agreed for name, line in lines.items() if (agreed := _on(line, since)) is not None}
        if not terms:
            continue
        new = [agreed for agreed in terms.values() if agreed.since == since]
        revises = not new and since > date.min
        priced = _revised(lines, basis, since) if revises else _priced(lines, found, terms, new, since)
        if revises and _estimated(priced) == _estimated(basis):
            continue
        basis, based = priced, based if revises else since
        catches_up = any(agreed.catches_up for agreed in new)
        currency = next(iter(terms.values())).contract.currency
        for one in allocated(priced, currency, based):
            own = found[one.own.line_id]
            if own:
                own[-1] = own[-1]._replace(before=min(own[-1].before, since))
            agreed = terms[one.own.line_id]
            own.append(agreed._replace(since=since, allocated=one, revises=revises, catches_up=catches_up))
    return {name: _over(lines[name], own) for name, own in found.items()}


def _on(line: LineHistory, day: date) -> TermsInForce | None:
    return next((agreed for agreed in line.held if agreed.since <= day < agreed.before), None)


def _priced(
    sharing: Sharing,
    found: Mapping[str, Sequence[TermsInForce]],
    terms: Mapping[str, TermsInForce],
    new: Sequence[TermsInForce],
    since: date,
) -> list[SharingLine]:
    """By terms that begin on a day: from the beginning, or what is left."""
    prices = {name: said_of(_price(sharing[name], since), f"line {name}") for name in terms}
    stated = {
        name: said_of(alone, f"line {name}") if (alone := agreed.line.standalone_price) is not None else None
        for name, agreed in terms.items()
    }
    known = [price for price in stated.values() if price is not None]
    rest = residual(list(prices.values()), known)
    for_what_is_left = any(found.values()) and not any(agreed.catches_up for agreed in new)
    priced = []
    for name, agreed in terms.items():
        alone = stated[name]
        if alone is None:
            alone = prices[name] if len(terms) == 1 else titled(rest, f"line {name}: what the others leave")
        items = tuple(items_on(sharing[name].held, sharing[name].revised, since))
        one = SharingLine(name, prices[name], items, alone, weight=alone)
        if for_what_is_left:
            one = _left(one, sharing[name], found[name], agreed, since)
        priced.append(one)
    return priced


def _left(
    one: SharingLine, line: LineHistory, before: Sequence[TermsInForce], agreed: TermsInForce, since: date
) -> SharingLine:
    """What a line has earned, and what is left of it at its stand-alone price."""
    left = _remaining(line, agreed, since - DAY) if before else WorkLeft(1, 1)
    step, mode = smallest_unit(agreed.contract.currency), agreed.policies.money_mode
    part, whole = (
        assumed(one.standalone, each, of, "count") for each, of in zip(left, ("left", "of all"), strict=True)
    )
    weight = ratio(part, one.standalone, whole, step, mode, f"line {one.line_id}: what is left, alone")
    earned = titled(_earned(line, before, since - DAY), f"line {one.line_id}: earned before {since}")
    return one._replace(before=earned, remaining=left, weight=weight)


def _remaining(line: LineHistory, agreed: TermsInForce, day: date) -> WorkLeft:
    """By the new terms; all of it where nobody has said how much there is."""
    first, last = agreed.starts_on, agreed.contract.ends_on or date.max
    method = METHODS[methods.revenue_method(agreed.line, agreed.policies)]
    done, whole = method.earned(course_of(agreed, method, (first, last), line), day)
    return WorkLeft(max(int(whole) - int(done), 0), int(whole)) if whole else WorkLeft(1, 1)


def _revised(sharing: Sharing, basis: Sequence[SharingLine], day: date) -> list[SharingLine]:
    """Shared as before, with other estimates."""
    lines = [(one, sharing[one.line_id]) for one in basis]
    return [one._replace(items=tuple(items_on(line.held, line.revised, day))) for one, line in lines]


def _estimated(priced: Sequence[SharingLine]) -> list[dict[str, Amount]]:
    return [{item.item_id: item.amount for item in one.items} for one in priced]


def _price(line: LineHistory, day: date) -> Amount:
    """All that the line comes to by the terms until a day, without variable parts."""
    held = [agreed for agreed in line.held if agreed.since <= day]
    return called(methods.comes_to(held, line), "all that it charges")


def _earned(line: LineHistory, held: Sequence[TermsInForce], day: date) -> Amount:
    return sum(earned_by(each, day) for each in earning(line._replace(held=held), day).values())


def _over(line: LineHistory, shared: list[TermsInForce]) -> list[TermsInForce]:
    """With what the line has earned by itself by the last day of a contract that was terminated."""
    if not line.held:
        return shared
    ended = line.held[-1]
    last = ended.ends_on
    if not shared or last is None or not ended.ends_early or ended.before != last + DAY:
        return shared
    alone = titled(_earned(line, line.held, last), "by itself, for the contract is over")
    due = [(one.amount or 0, "settled") for one in settled(line.revised).values()]
    earns = of_all([(alone, "by itself"), *due], "by itself, with what is settled", "R42") if due else alone
    final = AllocatedPrice(earns, is_final=True)
    kept = [agreed for agreed in shared if agreed.since < last or agreed.since == date.min]
    *first, until = kept
    if until.since >= last:
        return [*first, until._replace(allocated=final)]
    return [*first, until._replace(before=last), ended._replace(since=last, allocated=final, catches_up=False)]
