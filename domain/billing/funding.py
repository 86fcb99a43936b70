"""Who pays of a contract that sources fund: rules by priority, within a rule by percent, up to what each source has left (R33).

An amount is drawn from the rules in turn. A rule takes all that is left if every source has its percent of it. Else it takes as much as
its scarcest source lasts for, rounded down: that source pays all it has left, the others share the rest by their percents, and what is
over goes to the next rule. What no rule is left for nobody pays yet. The next amount begins with the first rule again.

    GRANT up to 10,000.00, OWN without limit; rule 1: GRANT 60 %, OWN 40 %; rule 2: OWN 100 %
    10,000.00  rule 1  GRANT 6,000.00  OWN 4,000.00
    10,000.00  rule 1  GRANT 4,000.00  OWN 2,666.66   4,000.00 are 60 % of 6,666.66, rounded down
               rule 2                  OWN 3,333.34
     1,000.00  rule 2                  OWN 1,000.00   rule 1 stops at once

Shares have the exact sum; cents that are left over go to the largest remainders, among equals to the source that the rule names first
(R12). No source pays more than its limit: rounded down, the scarcest source's percent is within what it has left, and so are the others'.

What was drawn stays as it was drawn, in portions, each what one rule gave (`Portion`). An amount that becomes less gives back of its
last portion first, of one portion in proportion to what each source paid; one that becomes more draws the difference. Where the sign
turns all is given back, and a negative amount goes to the first rule by its percents, whatever is left.

A negative amount makes room, and others draw on it. Where it is taken back, a source may have paid more than its limit: then the last
that drew on the source give back what is too much, also what is billed, and draw it again from the rules. A source that had paid more
already, since its limit was lowered, keeps that. What nobody can give back now, as it is held, the negative amount keeps until then,
also where another of its payers was charged again before.
What a payer is to have back is its source's until a statement or a draft of the payer says so: others may be issued before.

    GRANT up to 1,000.00; rule 1: GRANT, rule 2: OWN
    T-1  1,000.00  GRANT 1,000.00
    E-2    -80.00  GRANT   -80.00
    E-3    100.00  GRANT    80.00  OWN 20.00
    E-2 is withdrawn: GRANT has paid 1,080.00, and E-3 gives back 80.00, which OWN pays
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.events.common import Funding, FundingRule, FundingSource
from domain.explanation import constant, evaluated
from domain.figure import Recorded, allocated, as_recorded, at_least, called, in_part, titled
from domain.money import format_amount, format_decimal, is_currency, smallest_unit
from domain.sums import summed
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount, Percent
from domain.why import rounding

FIELD = "funding"
RULE = "R33"


class Paid(NamedTuple):
    """What a source pays of an amount, and who is billed for it."""

    source_id: str
    customer_id: str
    amount: Amount


# What one rule gave of an amount, or several portions of the same sources together.
Portion = tuple[Paid, ...]


class FundsDrawn(NamedTuple):
    """`rest` is what no rule was left for."""

    portions: tuple[Portion, ...]
    rest: Amount


def rules_of(funding: Funding) -> list[FundingRule]:
    return sorted(funding.rules, key=lambda rule: rule.priority)


def shares_of_payer(funding: Funding, customer_id: str) -> tuple[tuple[str, Percent], ...]:
    """Of the first rule by which sources that bill the customer pay."""
    own = {source.source_id for source in funding.sources if source.bill_to == customer_id}
    rules = (
        [(one.source_id, one.percent) for one in rule.shares if one.source_id in own] for rule in rules_of(funding)
    )
    return tuple(next(filter(None, rules), ()))


def left_of(funding: Funding, used: Mapping[str, Amount]) -> dict[str, Amount]:
    """What each source with a limit has left."""
    return {
        source.source_id: _left(source, source.limit, used.get(source.source_id, 0))
        for source in funding.sources
        if source.limit is not None
    }


def _left(source: FundingSource, limit: Amount, used: Amount) -> Amount:
    """A limit below what is used leaves nothing."""
    taken = called(used, f"{source.source_id}: used by now")
    left = called(limit - taken, f"{source.source_id}: left", RULE)
    return left if left >= 0 else at_least(left, 0, f"{source.source_id}: nothing left")


class DueOfSources(NamedTuple):
    """All that is due of an entry so far, what of it sources pay by earlier cuts and have back, and by which terms they pay the rest.
    `stands` is what is on statements of its payers; sources of those `apart`, who have no statement of it now, keep that until they are
    credited."""

    total: Amount
    portions: tuple[Portion, ...] = ()
    freed: Sequence[tuple[str, Amount]] = ()
    funding: Funding | None = None
    entry_id: str = ""
    stands: Portion = ()
    apart: frozenset[str] = frozenset()


class SourceLimits(NamedTuple):
    """By source, none of one without limit: by the newest terms that name it, and the highest of all."""

    newest: Mapping[str, Amount]
    highest: Mapping[str, Amount]


def drawn_in_turn(
    due: Sequence[DueOfSources], used: dict[str, Amount], limits: SourceLimits, currency: str
) -> list[FundsDrawn]:
    """First whatever became less gives back, so that what comes has the room; then each draws in turn what nobody pays of it yet. No source
    is left above its limit by a negative amount that is taken back. `used` is brought up to date."""
    stays = _stays(due, used, limits, currency)
    found = []
    for one, stay in zip(due, stays, strict=True):
        drawn = FundsDrawn((), called(one.total - sum_of(stay), f"{one.entry_id}: not paid yet"))
        if drawn.rest and one.funding is not None and not (drawn.rest > 0 > sum_of(stay)):
            drawn = draw(drawn.rest, one.funding, used, currency, f"{one.entry_id}: ")
            if one.apart:
                _change(used, one, stay, (*stay, *drawn.portions))
            else:
                take(used, by_source(drawn.portions))
        found.append(FundsDrawn(joined(stay, drawn.portions, f"{one.entry_id}: "), drawn.rest))
    return found


def takes_room(portions: Sequence[Portion], stands: Portion, total: Amount) -> bool:
    """Whether a negative amount becomes less, or has yet to on some of its payers' statements, so that what drew on its room may have to
    give back."""
    return sum_of((*portions, _not_taken_back(portions, stands))) < min(total, 0)


def _not_taken_back(portions: Sequence[Portion], stands: Portion) -> Portion:
    """What payers still have of a negative amount, beyond what is drawn by now: others were charged their part again before them."""
    found = []
    for paid in stands:
        drawn = by_source(portions, paid.customer_id).get(paid.source_id, 0)
        if paid.amount < min(drawn, 0):
            more = called(paid.amount - drawn, f"{paid.source_id}: not taken back yet")
            found.append(paid._replace(amount=more))
    return tuple(found)


def _stays(
    due: Sequence[DueOfSources], used: dict[str, Amount], limits: SourceLimits, currency: str
) -> list[tuple[Portion, ...]]:
    """What stays drawn of each."""
    stays = [kept(one.portions, one.total, currency, f"{one.entry_id}: ") for one in due]
    taking = {
        place: tuple(portion for portion in (*one.portions, _not_taken_back(one.portions, one.stands)) if portion)
        for place, one in enumerate(due)
        if takes_room(one.portions, one.stands, one.total)
    }
    before = dict(used)
    for place, has in taking.items():
        give_back(before, by_source(due[place].portions))
        take(before, by_source(has))
    most = {source_id: max(limit, before.get(source_id, 0)) for source_id, limit in limits.newest.items()}
    while True:
        now, found = dict(used), list(stays)
        for one, stay in zip(due, found, strict=True):
            _change(now, one, one.portions, stay)
        if any(used.get(source_id, 0) > limit for source_id, limit in limits.highest.items()):
            billed = _on_statements(due, used)
            unbilled = {source_id: max(limit, billed.get(source_id, 0)) for source_id, limit in limits.highest.items()}
            _last_give_back(due, found, now, unbilled, _negative(due, found, currency), currency, only_unbilled=True)
        if taking:
            comes = _negative(due, found, currency)
            _last_give_back(due, found, now, most, comes, currency)
            waits = [place for place, has in taking.items() if _is_above(by_source(has), now, most, comes)]
            if waits:
                stays[waits[-1]] = taking.pop(waits[-1])
                continue
        used.update(now)
        return found


def _change(used: dict[str, Amount], one: DueOfSources, had: Sequence[Portion], has: Sequence[Portion]) -> None:
    if had != has:
        give_back(used, _used_by(one, had))
        take(used, _used_by(one, has))


def _used_by(one: DueOfSources, portions: Sequence[Portion]) -> dict[str, Amount]:
    used = paid_of(portions, one.freed)
    take(used, still_billed(one.stands, portions, one.apart))
    return used


def still_billed(stands: Portion, portions: Sequence[Portion], payers: Iterable[str]) -> dict[str, Amount]:
    """By source what is on statements of these payers beyond what it pays by now."""
    found: dict[str, Amount] = {}
    for payer in sorted(payers):
        billed, pays = by_source((stands,), payer), by_source(portions, payer)
        for source_id in {**billed, **pays}:
            if billed.get(source_id, 0) > pays.get(source_id, 0):
                more = billed.get(source_id, 0) - pays.get(source_id, 0)
                take(found, {source_id: called(more, f"{source_id}: not credited yet")})
    return found


def _on_statements(due: Sequence[DueOfSources], used: Mapping[str, Amount]) -> dict[str, Amount]:
    """In place of what is drawn of what is due, as far as payers have it."""
    found = dict(used)
    for one in due:
        give_back(found, _used_by(one, one.portions))
        take(found, paid_of((one.stands,), one.freed))
    return found


def _negative(due: Sequence[DueOfSources], stays: Sequence[Sequence[Portion]], currency: str) -> dict[str, Amount]:
    """What negative amounts will give to sources in their turn."""
    found: dict[str, Amount] = {}
    for one, stay in zip(due, stays, strict=True):
        if one.funding is not None and (rest := one.total - sum_of(stay)) < 0:
            take(found, by_source(draw(rest, one.funding, {}, currency, f"{one.entry_id}: ").portions))
    return found


def _last_give_back(
    due: Sequence[DueOfSources],
    stays: list[tuple[Portion, ...]],
    used: dict[str, Amount],
    most: Mapping[str, Amount],
    comes: Mapping[str, Amount],
    currency: str,
    *,
    only_unbilled: bool = False,
) -> None:
    """With `only_unbilled` what nobody is billed yet of what an entry drew beside what is."""
    for place in reversed(range(len(due))):
        one, of = due[place], f"{due[place].entry_id}: "
        if one.funding is None or sum_of(stays[place]) <= 0:
            continue
        kept = {paid.source_id for paid in one.stands if paid.customer_id in one.apart}
        for source_id, paid in paid_of(stays[place], one.freed).items():
            if source_id in kept and not only_unbilled:
                continue
            billed = sum(each.amount for each in one.stands if only_unbilled and each.source_id == source_id)
            back = min(_above(source_id, used, most, comes), called(paid - billed, f"{of}{source_id} may give back"))
            if back > 0:
                less = _without(stays[place], source_id, back, currency, of)
                _change(used, one, stays[place], less)
                stays[place] = less


def _is_above(
    sources: Iterable[str], used: Mapping[str, Amount], most: Mapping[str, Amount], comes: Mapping[str, Amount]
) -> bool:
    return any(_above(source_id, used, most, comes) > 0 for source_id in sources)


def _above(
    source_id: str, used: Mapping[str, Amount], most: Mapping[str, Amount], comes: Mapping[str, Amount]
) -> Amount:
    """What of the source is used beyond the most that may be."""
    if source_id not in most:
        return 0
    has = called(used.get(source_id, 0) + comes.get(source_id, 0), f"{source_id}: used")
    return called(has - most[source_id], f"{source_id}: above its limit")


def limits_of(terms: Iterable[Funding]) -> SourceLimits:
    """The oldest terms first."""
    stated: dict[str, list[Amount | None]] = {}
    for source in (source for funding in terms for source in funding.sources):
        stated.setdefault(source.source_id, []).append(source.limit)
    limited = {source_id: [one for one in limits if one is not None] for source_id, limits in stated.items()}
    return SourceLimits(
        {source_id: limits[-1] for source_id, limits in limited.items() if stated[source_id][-1] is not None},
        {source_id: max(limits) for source_id, limits in limited.items() if len(limits) == len(stated[source_id])},
    )


def take(used: dict[str, Amount], amounts: Mapping[str, Amount]) -> None:
    for source_id, amount in amounts.items():
        used[source_id] = used.get(source_id, 0) + amount


def give_back(used: dict[str, Amount], amounts: Mapping[str, Amount]) -> None:
    take(used, {source_id: -amount for source_id, amount in amounts.items()})


def draw(amount: Amount, funding: Funding, used: Mapping[str, Amount], currency: str, of: str = "") -> FundsDrawn:
    """Of an amount that nobody pays yet; `of` begins what a recorder calls it."""
    customers = {source.source_id: source.bill_to for source in funding.sources}
    if amount < 0:
        first = rules_of(funding)[0]
        return FundsDrawn((_portion(first, _by_percent(amount, first, currency), customers, of),), 0)
    left = left_of(funding, used)
    portions = []
    for rule in rules_of(funding):
        paid = _taken(amount, rule, left, currency)
        if sum(paid):
            portions.append(_portion(rule, paid, customers, of))
            taken = called(sum_of(portions[-1:]), f"{of}paid by rule {rule.priority}")
            amount = called(amount - taken, f"{of}left after rule {rule.priority}")
            left |= {
                one.source_id: called(left[one.source_id] - one.amount, f"{one.source_id}: left")
                for one in portions[-1]
                if one.source_id in left
            }
    return FundsDrawn(tuple(portions), amount)


def _by_percent(amount: Amount, rule: FundingRule, currency: str) -> Sequence[Amount]:
    return allocated(amount, [share.percent for share in rule.shares], currency)


def _portion(rule: FundingRule, paid: Sequence[Amount], customers: Mapping[str, str], of: str) -> Portion:
    each = zip(rule.shares, paid, strict=True)
    return tuple(
        Paid(
            share.source_id,
            customers[share.source_id],
            titled(amount, f"{of}{share.source_id} pays by rule {rule.priority}", RULE),
        )
        for share, amount in each
        if amount
    )


def _taken(amount: Amount, rule: FundingRule, left: Mapping[str, Amount], currency: str) -> Sequence[Amount]:
    """In the order of the rule's shares."""
    scarce, lasts = scarcest(rule, left, currency)
    if scarce is None or lasts >= amount:
        return _by_percent(amount, rule, currency)
    paid = [0] * len(rule.shares)
    paid[scarce] = room = left[rule.shares[scarce].source_id]
    others = [place for place in range(len(paid)) if place != scarce]
    if others:
        beside = called(lasts - room, f"beside {rule.shares[scarce].source_id}")
        shares = allocated(beside, [rule.shares[place].percent for place in others], currency)
        for place, share in zip(others, shares, strict=True):
            paid[place] = share
    return paid


def scarcest(rule: FundingRule, left: Mapping[str, Amount], currency: str) -> tuple[int | None, Amount]:
    """Place of the source that ends the rule first, and the amount of the rule that it lasts for."""
    found: tuple[int | None, Amount] = None, 0
    for place, share in enumerate(rule.shares):
        if share.source_id in left:
            lasts = _lasts_for(left[share.source_id], share.percent, currency, rule)
            if found[0] is None or lasts < found[1]:
                found = place, lasts
    return found


def _lasts_for(left: Amount, percent: Percent, currency: str, rule: FundingRule) -> Amount:
    """The amount of the rule of which the source has its percent."""
    step = smallest_unit(currency)
    lasts: Amount = left * HUNDRED_PERCENT // percent // step * step
    if not (isinstance(left, Recorded) and isinstance(percent, Recorded)):
        return lasts
    operands = left.node, constant("all of the rule", HUNDRED_PERCENT, "percent"), percent.node
    title, down = f"what rule {rule.priority} lasts for", rounding(currency, "down")
    return as_recorded(lasts, evaluated(title, "proportion", operands, down, "amount", currency))


def kept_by_draft(bills: Mapping[str, Amount], gives_back: Mapping[str, Amount]) -> dict[str, Amount]:
    """By source what a draft keeps of it beyond what is used: what it bills more, and what it gives back once it is issued."""
    found = {}
    for source_id in {**gives_back, **bills}:
        more = max(bills.get(source_id, 0), 0)
        if (keeps := gives_back.get(source_id, 0) + more) > 0:
            found[source_id] = keeps
    return found


def early_charges(
    shares: Sequence[tuple[str, Mapping[str, Amount]]],
    used: Mapping[str, Amount],
    limits: Mapping[str, Amount],
    apart: Container[str] | None,
) -> set[int]:
    """Places of payers' shares that wait, the last first, until others have given a source back what it is charged: it would be above its
    limit between their statements. Those of payers `apart` (None: of all) are issued on their own.

        GRANT up to 1,000.00, all of it billed to M; M is to have back 500.00, and N to pay 500.00: N waits until M has them
    """
    said: dict[tuple[str, str], Amount] = {}
    for payer, amounts in shares:
        _say(said, payer, amounts)
    found = set()
    for place, (payer, amounts) in reversed(list(enumerate(shares))):
        for source_id in (source_id for source_id, amount in amounts.items() if amount > 0 and source_id in limits):
            has = used.get(source_id, 0)
            back = sum(
                max(-amount, 0)
                for (one, other), amount in said.items()
                if one == source_id and other != payer and (apart is None or other in apart)
            )
            comes = sum(max(amount, 0) for (one, _), amount in said.items() if one == source_id)
            if min(back, has + comes - max(limits[source_id], has)) > 0:
                found.add(place)
                _say(said, payer, {one: -amount for one, amount in amounts.items()})
                break
    return found


def _say(said: dict[tuple[str, str], Amount], payer: str, amounts: Mapping[str, Amount]) -> None:
    for source_id, amount in amounts.items():
        said[source_id, payer] = said.get((source_id, payer), 0) + amount


# What was drawn before


def sum_of(portions: Iterable[Portion]) -> Amount:
    return sum(paid.amount for portion in portions for paid in portion)


def by_source(portions: Iterable[Portion], customer_id: str | None = None) -> dict[str, Amount]:
    """Of one customer or of all; of nothing there is nothing."""
    of = (paid for portion in portions for paid in portion if customer_id in (None, paid.customer_id))
    return {source: amount for source, amount in summed((paid.source_id, paid.amount) for paid in of).items() if amount}


def paid_of(portions: Iterable[Portion], freed: Iterable[tuple[str, Amount]]) -> dict[str, Amount]:
    """By source, less what price concessions gave back to it (R20), no more than it pays."""
    paid = by_source(portions)
    for source_id, back in freed:
        if (amount := paid.get(source_id, 0)) > 0:
            left = called(amount - back, f"{source_id} pays, less what was conceded")
            paid[source_id] = left if left >= 0 else at_least(left, 0, f"{source_id} pays nothing any more")
    return paid


def freed_by(
    portions: Iterable[Portion], customer_id: str, amount: Amount, currency: str, of: str = ""
) -> dict[str, Amount]:
    """What sources of a customer have back of a price concession, in proportion to what each of them paid."""
    paid = by_source(portions, customer_id)
    if sum(paid.values()) <= 0:
        return {}
    back = allocated(amount, list(paid.values()), currency)
    return {one: titled(part, f"{of}{one} has back") for one, part in zip(paid, back, strict=True)}


def kept(portions: Sequence[Portion], total: Amount, currency: str, of: str = "") -> tuple[Portion, ...]:
    """What stays drawn of an amount that is `total` now: all of it, unless it became less or its sign has turned."""
    drawn = called(sum_of(portions), f"{of}paid before")
    if drawn * total <= 0:
        return ()
    excess = called(abs(drawn) - abs(total), f"{of}less than before")
    found = list(portions)
    while excess > 0:
        last = found.pop()
        whole = abs(sum_of((last,)))
        if whole > excess:
            found.append(_less(last, excess, currency, of))
        excess -= whole
    return tuple(found)


def _less(portion: Portion, excess: Amount, currency: str, of: str) -> Portion:
    """In proportion to what each source paid, so that none gives back more than it did."""
    back = allocated(excess, [abs(paid.amount) for paid in portion], currency)
    is_charged = sum_of((portion,)) > 0
    return _less_each(portion, [one if is_charged else -one for one in back], of)


def _less_each(portion: Portion, back: Iterable[Amount], of: str) -> Portion:
    each = (
        paid._replace(amount=titled(left, f"{of}{paid.source_id} still pays", RULE))
        for paid, one in zip(portion, back, strict=True)
        if (left := paid.amount - titled(one, f"{of}{paid.source_id} has back"))
    )
    return tuple(each)


def _without(portions: Sequence[Portion], source_id: str, back: Amount, currency: str, of: str) -> tuple[Portion, ...]:
    """What stays drawn where a source has so much back, of its last portion first; who paid beside it has back in proportion."""
    found = []
    for portion in reversed(portions):
        pays = sum(paid.amount for paid in portion if paid.source_id == source_id)
        part = min(back, pays)
        if part > 0:
            others = [paid.amount for paid in portion if paid.source_id != source_id]
            beside = in_part(sum(others), part, pays, f"beside {source_id}", smallest_unit(currency))
            shares = iter(allocated(beside, others, currency) if others else ())
            each = [part if one.source_id == source_id else next(shares) for one in portion]
            found.append(_less_each(portion, each, of))
            back -= part
        else:
            found.append(portion)
    return tuple(portion for portion in reversed(found) if portion)


def joined(portions: Sequence[Portion], more: Sequence[Portion], of: str = "") -> tuple[Portion, ...]:
    """Portions of the same sources that follow each other are one."""
    found = list(portions)
    for portion in more:
        if found and _payers(found[-1]) == _payers(portion):
            pairs = zip(found.pop(), portion, strict=True)
            found.append(tuple(_paid_with(had, has, of) for had, has in pairs))
        else:
            found.append(portion)
    return tuple(found)


def _paid_with(had: Paid, more: Paid, of: str) -> Paid:
    return had._replace(amount=titled(had.amount + more.amount, f"{of}{had.source_id} pays", RULE))


def _payers(portion: Portion) -> list[tuple[str, str]]:
    return [(paid.source_id, paid.customer_id) for paid in portion]


# Terms that contradict


def funding_faults(funding: Funding | None, *, shared: bool, currency: str) -> list[tuple[str, str]]:
    """`shared` where the terms state shares of bill-tos besides."""
    if funding is None:
        return []
    faults = [(FIELD, "funding stands instead of shares: state either funding or bill_to")] if shared else []
    return [*faults, *_source_faults(funding, currency), *_rule_faults(funding)]


def _source_faults(funding: Funding, currency: str) -> list[tuple[str, str]]:
    faults = []
    known: set[str] = set()
    for place, source in enumerate(funding.sources):
        where = f"{FIELD}.sources[{place}]"
        if source.source_id in known:
            faults.append((f"{where}.source_id", f"source {source.source_id} stands twice"))
        known.add(source.source_id)
        if source.limit is not None and source.limit < 0:
            faults.append((f"{where}.limit", f"expected no less than zero, got {format_amount(source.limit)}"))
        elif source.limit is not None and is_currency(currency) and source.limit % smallest_unit(currency):
            stated = format_amount(source.limit)
            faults.append((f"{where}.limit", f"a limit of {stated} is finer than {currency} can be paid"))
    return faults


def _rule_faults(funding: Funding) -> list[tuple[str, str]]:
    if not funding.rules:
        return [(f"{FIELD}.rules", "expected at least one rule, got none")]
    faults = []
    known = {source.source_id for source in funding.sources}
    priorities: set[int] = set()
    for place, rule in enumerate(funding.rules):
        where = f"{FIELD}.rules[{place}]"
        named = [share.source_id for share in rule.shares]
        percents = [share.percent for share in rule.shares]
        if rule.priority in priorities:
            faults.append((f"{where}.priority", f"priority {rule.priority} stands twice"))
        priorities.add(rule.priority)
        if unknown := sorted({*named} - known):
            faults.append((f"{where}.shares", f"source {', '.join(unknown)} is not among the sources"))
        if len({*named}) < len(named):
            faults.append((f"{where}.shares", "a source stands twice in one rule"))
        if min(percents, default=0) <= 0 or sum(percents) != HUNDRED_PERCENT:
            got = ", ".join(format_decimal(percent, PERCENT_SCALE) for percent in percents) or "none"
            faults.append((f"{where}.shares", f"expected percents above zero that sum to 100, got {got}"))
    return faults
