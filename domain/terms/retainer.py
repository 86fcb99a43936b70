"""A retainer: a fee for a quantity of hours or of money, which work draws down; what goes beyond is charged (R30).

Periods are of one, three or twelve months from the line's first day on; a period that the line's end cuts short costs the whole fee. The
fee is charged on a period's first day (`in_advance`) or on its last, by the terms that hold on that day, and what it buys can be drawn
from the period's first day on. Terms with other periods begin when the one that runs has ended. Of several fees' what expires first is
drawn first.

When a period ends, at most `rollover` of what is left goes over: the rest expires, what expires first anyway before the rest, and so does
what went over `expiry` periods ago. What expires unused is revenue then (breakage, IFRS 15.B46). With breakage `pro_rata` it is expected
from experience: an hour earns the fee divided by the part of all earlier fees' quantity that was drawn, until the fee is earned.

When the day ends on which less is left than `top_up.below`, a fee of `top_up.amount` buys more, at the price of the fee; not on a
period's last day, since the next fee comes.

Where the line ends, or becomes another kind, the rest expires; if it is `refundable`, what could have gone over, or was cut short, is
given back. A line that is dropped and added again starts from nothing. Hours are no money: a line that sells the one in place of the other
ends and starts from nothing, too.

    1,000.00 a month for 10 h, 4 h go over: 3 h in January earn 300.00, 3 h expire (300.00), and February has 14 h
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain import figure
from domain.events.commercial import ContractSigned
from domain.events.common import Retainer, Terms
from domain.figure import at_least, called, in_part, lesser
from domain.money import format_decimal, smallest_unit
from domain.months import MONTHS_IN, months_after
from domain.policy_faults import Fault, price_faults, rate_faults
from domain.terms import spoken
from domain.terms.draw_down import earned_by
from domain.terms.kind import (
    IN_MONEY,
    OVER_TIME,
    WITH_INVOICE,
    Drawing,
    Fee,
    Kind,
    LineHistory,
    Passed,
    PeriodLeft,
    PrepaidBalance,
    TermsInForce,
    on_day,
)
from domain.units import AMOUNT_SCALE, HOURS_ONE, QUANTITY_SCALE, Amount, Quantity

QUANTITY_PER_AMOUNT = 10 ** (QUANTITY_SCALE - AMOUNT_SCALE)
QUANTITY_MOST: Quantity = 100_000_000 * HOURS_ONE
EXPIRY_MOST = 1_200
FOR_EVER = date.max
# Before the name of what is no work's any more.
EXPIRED = "expired/"
RIGHT_TO_INVOICE, PRO_RATA = "right_to_invoice", "pro_rata"
DAY = timedelta(days=1)


class RetainerPeriod(NamedTuple):
    """`to` is excluded; `whole_to` is where it would end had the line not ended before."""

    start: date
    to: date
    whole_to: date

    @property
    def last(self) -> date:
        return self.to - DAY


class RetainerVersions(NamedTuple):
    """Versions of the line's terms, one after the other, as long as they are a retainer."""

    held: tuple[TermsInForce, ...]

    @property
    def last(self) -> date:
        newest = self.held[-1]
        return min(newest.ends_on or FOR_EVER - DAY, newest.before - DAY)

    def on(self, day: date) -> TermsInForce:
        """The terms that hold on a day; before the first, the first."""
        return on_day(self.held, day)


class Lot(NamedTuple):
    """What one fee buys: drawn from `since` to `until`, both included, in the period in which it was bought or later."""

    name: str
    agreed: TermsInForce
    period: RetainerPeriod
    since: date
    until: date
    quantity: int
    fee: Amount
    charged_on: date
    said: str

    @property
    def terms(self) -> Retainer:
        return terms_of(self.agreed)


# What there is


def lots(known: LineHistory, until: date) -> list[Lot]:
    """All that can be drawn from days up to `until` on, in the order in which it is bought."""
    bought = [lot for stretch in _stretches(known) for lot in _of_fees(stretch, until)]
    filled = (_topped_up(bought, known, day) for day in known.topped_up if day <= until)
    return sorted((*bought, *(lot for lot in filled if lot is not None)), key=lambda lot: (lot.since, lot.name))


def _stretches(known: LineHistory) -> Iterator[RetainerVersions]:
    """The line's terms as long as they are a retainer without a break, of hours or of money; dropped and added again it starts from
    nothing."""
    found: list[TermsInForce] = []
    for agreed in known.held:
        terms = agreed.line.terms
        if found and not (_is_in(terms, terms_of(found[-1]).unit) and found[-1].before == agreed.since):
            yield RetainerVersions(tuple(found))
            found = []
        if isinstance(terms, Retainer):
            found.append(agreed)
    if found:
        yield RetainerVersions(tuple(found))


def _is_in(terms: Terms, unit: str) -> bool:
    return isinstance(terms, Retainer) and terms.unit == unit


def _of_fees(stretch: RetainerVersions, until: date) -> Iterator[Lot]:
    """One for each period. The terms of its first day say how long it is and when its fee is charged, those of that day what it costs."""
    months = 0
    while (start := _beginning(stretch, months)) <= min(until, stretch.last):
        terms = terms_of(stretch.on(start))
        length = MONTHS_IN[terms.per]
        whole_to = _beginning(stretch, months + length)
        period = RetainerPeriod(start, min(whole_to, stretch.last + DAY), whole_to)
        charged_on = period.start if terms.in_advance else period.last
        agreed = stretch.on(charged_on)
        terms = terms_of(agreed)
        said = spoken.said("fee", first=period.start, last=period.last)
        life, quantity = _life(stretch, terms, months, length), in_unit(terms, terms.quantity)
        yield Lot(start.isoformat(), agreed, period, start, life, quantity, terms.fee, charged_on, said)
        months += length


def terms_of(agreed: TermsInForce) -> Retainer:
    terms = agreed.line.terms
    assert isinstance(terms, Retainer), "the kind of the terms chose this module"
    return terms


def _beginning(stretch: RetainerVersions, months: int) -> date:
    """First day of a period so many months after the stretch's first."""
    first = stretch.held[0]
    return months_after(max(first.starts_on, first.since), months)


def _life(stretch: RetainerVersions, terms: Retainer, months: int, length: int) -> date:
    """The last day on which what is bought in the period can be drawn."""
    if terms.rollover and terms.expiry is None:
        return FOR_EVER
    over = terms.expiry or 0 if terms.rollover else 0
    return _beginning(stretch, months + length * (1 + over)) - DAY


def _topped_up(bought: Sequence[Lot], known: LineHistory, day: date) -> Lot | None:
    """What a top-up buys, as long as what the fee of its period does; none where the terms of its day have none any more."""
    own = next((lot for lot in bought if lot.period.start <= day < lot.period.to), None)
    agreed = _held_on(known, day)
    if own is None or agreed is None or not (quantity := _top_up_quantity(agreed)):
        return None
    top_up = terms_of(agreed).top_up
    assert top_up is not None, "it buys something"
    return Lot(
        f"top_up/{day}",
        agreed,
        own.period,
        day,
        own.until,
        quantity,
        top_up.amount,
        day,
        spoken.said("top_up", day=day),
    )


def _held_on(known: LineHistory, day: date) -> TermsInForce | None:
    return next((agreed for agreed in known.held if agreed.since <= day < agreed.before), None)


def _top_up_quantity(agreed: TermsInForce) -> int:
    """At the price of the fee, as hours or as an amount that can be paid."""
    terms = agreed.line.terms
    if not isinstance(terms, Retainer) or terms.top_up is None or not terms.fee:
        return 0
    step = smallest_unit(agreed.contract.currency) if terms.unit == IN_MONEY else 1
    return in_part(in_unit(terms, terms.quantity), terms.top_up.amount, terms.fee, "bought by a top-up", step)


def in_unit(terms: Retainer, quantity: Quantity) -> int:
    """Hours as they are, money as an amount."""
    if terms.unit != IN_MONEY:
        return figure.in_unit(quantity, quantity, "hours", "")
    currency = terms.fee.node.currency if isinstance(terms.fee, figure.Recorded) else ""
    return figure.in_unit(quantity // QUANTITY_PER_AMOUNT, quantity, "amount", currency)


def over_by(known: LineHistory, as_of: date) -> LineHistory:
    """With periods that left all that had not expired of what could not be used any more when books begin."""
    over = (lot for lot in lots(known, as_of) if lot.until < as_of)
    return known._replace(
        ended=[PeriodLeft(lot.period.start, lot.until + DAY, {lot.name: _limit(known, lot)}) for lot in over]
    )


def used_before(known: LineHistory, as_of: date, left: Mapping[date, Quantity]) -> dict[str, tuple[int, Amount]]:
    """Of all that was bought until books begin what is used by then, and what that has earned; `left` by first days of periods.

    What expired is no use, and has earned what no work can.
    """
    found = {}
    known = over_by(known, as_of)
    for lot in lots(known, as_of):
        limit = _limit(known, lot)
        used = limit - in_unit(terms_of(lot.agreed), left.get(lot.period.start, 0))
        earned = lot.fee if used == lot.quantity else earned_by(_store(known, lot), used, lot.agreed.part_of)
        if used:
            found[lot.name] = used, earned if _earns(lot) else 0
        if expired := _unearned(known, lot, limit) if _earns(lot) else 0:
            found[f"{EXPIRED}{lot.name}"] = 0, expired
    return found


# What of it can be drawn


def stores(known: LineHistory, day: date) -> Sequence[PrepaidBalance]:
    """What was bought in the day's period, and once the period before has ended what went over from it; what expires first comes first.

    Only periods before the day's own say how much of it there is, so that late work finds what its period had.
    """
    known = _as_it_is(known)
    found = lots(known, day)
    own = next((lot.period for lot in found if lot.period.start <= day < lot.period.to), None)
    if own is None:
        return ()
    known = known._replace(ended=[ended for ended in known.ended if ended.to <= own.start])
    over = _over(known, own.start)
    usable = [lot for lot in found if lot.since <= day <= lot.until and (lot.period == own or lot.name in over)]
    return [_store(known, lot) for lot in sorted(usable, key=_by_life)]


class LotLeft(NamedTuple):
    """A lot that can be drawn: the most that can be of it, what was, what is left, and what of that expires next."""

    lot: Lot
    limit: int
    drawn: int
    left: int
    expires: int = 0


class RetainerLeft(NamedTuple):
    """All that can be drawn on a day; what of it expires next does on `expires_on` at the latest, if nothing more is drawn. None: nothing
    does."""

    lots: tuple[LotLeft, ...]
    expires_on: date | None = None


def left_on(known: LineHistory, day: date) -> RetainerLeft:
    """What is beyond `rollover` expires with the day's period, what goes over with its life or with the line, unless it is given back.

    1,000.00 a month for 10 h, 4 h go over: of 7 h left in January 3 h expire on the 31st
    """
    named = {store.name: store.limit for store in stores(known, day)}
    found = [lot for lot in lots(known, day) if lot.name in named]
    left = tuple(_left(lot, named[lot.name], known.drawn.get(lot.name, (0, 0))[0]) for lot in found)
    own = next((lot for lot in found if lot.period.start <= day < lot.period.to), None)
    if own is None:
        return RetainerLeft(left)
    known = known._replace(ended=[ended for ended in _as_it_is(known).ended if ended.to <= own.period.start])
    kept = ends(known, own.period.start, own.period.to).limits
    of_period = tuple(
        each._replace(expires=each.left - _not_below_zero(kept[each.lot.name] - each.drawn, "goes over"))
        for each in left
    )
    if any(each.expires for each in of_period):
        return RetainerLeft(of_period, own.period.last)
    last = next(stretch.last for stretch in _stretches(known) if own.agreed in stretch.held)
    lives = {each.lot.name: _last_life(each.lot, last) for each in left if each.left}
    first = min(lives.values(), default=FOR_EVER)
    if first >= FOR_EVER - DAY:
        return RetainerLeft(left)
    of_life = (each._replace(expires=each.left if lives.get(each.lot.name) == first else 0) for each in left)
    return RetainerLeft(tuple(of_life), first)


def _left(lot: Lot, limit: int, drawn: int) -> LotLeft:
    return LotLeft(lot, limit, drawn, _not_below_zero(limit - drawn, f"{lot.said}: left"))


def _not_below_zero(number: int, title: str) -> int:
    return called(number, title) if number >= 0 else at_least(number, 0, title)


def _last_life(lot: Lot, last: date) -> date:
    """The last day of the lot's life, or of its line; what is given back then does not expire."""
    if lot.until <= last:
        return lot.until
    return FOR_EVER if lot.terms.refundable else last


def fills_up(terms: Retainer) -> bool:
    return terms.top_up is not None


def is_below_top_up(known: LineHistory, day: date) -> bool:
    """Whether less is left on a day than the balance below which the terms of the day fill up; on a period's last the next fee does.

    What is drawn is what work up to the day draws. What was filled up before the books begin is in what they begin with.
    """
    if known.begins_after is not None and day <= known.begins_after:
        return False
    agreed = _held_on(known, day)
    if agreed is None or not _top_up_quantity(agreed) or not (usable := stores(known, day)):
        return False
    if any(lot.period.last == day for lot in lots(known, day)):
        return False
    top_up = terms_of(agreed).top_up
    assert top_up is not None, "it buys something"
    left = sum(max(store.limit - known.drawn.get(store.name, (0, 0))[0], 0) for store in usable)
    return left < in_unit(terms_of(agreed), top_up.below)


def _as_it_is(known: LineHistory) -> LineHistory:
    """Without periods that were said to have ended, but do so on another day now that the line ends otherwise."""
    if not known.ended:
        return known
    now = {(lot.period.start, lot.period.to) for lot in lots(known, max(ended.start for ended in known.ended))}
    return known._replace(ended=[ended for ended in known.ended if (ended.start, ended.to) in now])


def _by_life(lot: Lot) -> tuple[date, date, str]:
    return lot.until, lot.since, lot.name


def _store(known: LineHistory, lot: Lot) -> PrepaidBalance:
    return PrepaidBalance(lot.name, _limit(known, lot), _expected(known, lot), lot.fee if _earns(lot) else 0)


def _earns(lot: Lot) -> bool:
    """Whether what is drawn is revenue; else the fee is, when it is invoiced."""
    method = lot.agreed.line.revenue_policy or lot.agreed.policies.revenue_method or RIGHT_TO_INVOICE
    return method == RIGHT_TO_INVOICE


def _limit(known: LineHistory, lot: Lot, until: date = FOR_EVER) -> int:
    """The most that can be drawn, by what the periods that ended until then left of it, and by what had expired before the books begin."""
    said = (ended.limits[lot.name] for ended in known.ended if lot.name in ended.limits and ended.to <= until)
    return min((lot.quantity - in_unit(lot.terms, known.expired.get(lot.name, 0)), *said))


def expected_by(known: LineHistory, lot: Lot) -> list[Lot]:
    """Those whose life was over before it was bought, which say how much of it is expected to be drawn (breakage `pro_rata`)."""
    if lot.terms.breakage != PRO_RATA:
        return []
    limited = {
        name for ended in known.ended if ended.to <= lot.since for name in ended.limits if name not in ended.over
    }
    return [one for one in lots(known, lot.since) if one.name in limited and one.terms.unit == lot.terms.unit]


def _expected(known: LineHistory, lot: Lot) -> int:
    """How much of the lot is expected to be drawn, by what was drawn of those whose life was over before it was bought."""
    over = expected_by(known, lot)
    bought, drawn = sum(one.quantity for one in over), sum(_limit(known, one, lot.since) for one in over)
    return max(in_part(lot.quantity, drawn, bought, "expected to be drawn"), 1) if drawn else lot.quantity


# When a period ends


def periods(known: LineHistory, until: date) -> list[tuple[date, date]]:
    """Those that begin up to a day, `to` excluded."""
    return sorted({(lot.period.start, lot.period.to) for lot in lots(known, until)})


def ends(known: LineHistory, start: date, to: date) -> PeriodLeft:
    """What is left of everything that could be drawn in the period, now that it ends; what is drawn is what work before its end draws."""
    known = _as_it_is(known)
    before = _over(known, start)
    alive = [lot for lot in lots(known, to - DAY) if lot.period.start == start or lot.name in before]
    own = next(lot for lot in alive if lot.period.start == start)
    drawn = {lot.name: min(known.drawn.get(lot.name, (0, 0))[0], _limit(known, lot)) for lot in alive}
    by_life = sorted((lot for lot in alive if _may_go_over(lot, to, known)), key=_by_life, reverse=True)
    over = {lot.name: _limit(known, lot) - drawn[lot.name] for lot in by_life}
    if own.period.to == own.period.whole_to:
        room = in_unit(own.terms, own.terms.rollover)
        for name, rest in over.items():
            over[name] = lesser(rest, room, "goes over")
            room -= over[name]
    limits = {lot.name: called(drawn[lot.name] + over.get(lot.name, 0), "can be drawn") for lot in alive}
    return PeriodLeft(start, to, limits, tuple(sorted(name for name, rest in over.items() if rest)))


def _over(known: LineHistory, start: date) -> Collection[str]:
    """Lots of which something went over into the period that begins on a day; where the line ended the day before that is given back."""
    if _is_last(known, start):
        return ()
    return next((ended.over for ended in known.ended if ended.to == start), ())


def _may_go_over(lot: Lot, to: date, known: LineHistory) -> bool:
    """Whether something is left of the lot's life; where the line ends, whether that is given back."""
    return lot.until >= to and (not _is_last(known, to) or lot.terms.refundable)


def _is_last(known: LineHistory, to: date) -> bool:
    """Whether the line is no retainer any more from a day on."""
    return any(stretch.last == to - DAY for stretch in _stretches(known))


# What is charged, and what is earned by nobody's work


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    """Fees and top-ups of this version of the terms; what expires and what is given back whenever that was."""
    known = _as_it_is(known)
    found = {lot.name: lot for lot in lots(known, until)}
    for lot in found.values():
        if lot.agreed is agreed and lot.charged_on <= until:
            yield Fee(lot.name, lot.charged_on, lot.fee, lot.said)
    for ended in known.ended:
        named = [found[name] for name in ended.limits if name in found]
        for lot in named:
            if amount := _expired(known, lot, ended):
                said = f"Expired unused of {lot.said}"
                yield Fee(f"expired/{ended.start}/{lot.name}", ended.to - DAY, 0, said, earned=amount)
        if _is_last(known, ended.to) and (rest := sum(_given_back(known, lot, ended) for lot in named)):
            yield Fee(f"refund/{ended.start}", ended.to - DAY, -rest, spoken.said("unused_refund"))


def _expired(known: LineHistory, lot: Lot, ended: PeriodLeft) -> Amount:
    """What of the lot's fee nobody's work earns any more since the period has ended."""
    if not _earns(lot):
        return 0
    before = _unearned(known, lot, _limit(known, lot, ended.start))
    if lot.name not in ended.over:
        return lot.fee - known.drawn.get(lot.name, (0, 0))[1] - before
    return _unearned(known, lot, ended.limits[lot.name]) - before


def _unearned(known: LineHistory, lot: Lot, limit: int) -> Amount:
    """What of the fee no work can earn since no more than so much can be drawn."""
    if limit == lot.quantity:
        return 0
    return lot.fee - earned_by(_store(known, lot), limit, lot.agreed.part_of)


def _given_back(known: LineHistory, lot: Lot, ended: PeriodLeft) -> Amount:
    """What was paid for what could be drawn still."""
    drawn, limit = known.drawn.get(lot.name, (0, 0))[0], ended.limits[lot.name]
    if lot.name not in ended.over or limit <= drawn:
        return 0
    part_of = lot.agreed.part_of
    paid = part_of(lot.fee, limit, lot.quantity, "paid for what could be drawn")
    return paid - part_of(lot.fee, drawn, lot.quantity, "paid for what was drawn")


# Terms that contradict


def faults(terms: Retainer, contract: ContractSigned) -> Iterable[Fault]:
    yield from price_faults("fee", terms.fee, contract.currency)
    yield from _quantity_faults("quantity", terms, terms.quantity, contract.currency)
    if not terms.quantity:
        yield "quantity", "a retainer needs a quantity above zero: hours, or an amount of money"
    yield from _quantity_faults("rollover", terms, terms.rollover, contract.currency)
    if terms.rollover > terms.quantity:
        over, got = (format_decimal(each, QUANTITY_SCALE) for each in (terms.quantity, terms.rollover))
        yield "rollover", f"no more goes over than a period's quantity of {over}, got {got}"
    if terms.expiry is not None and not 1 <= terms.expiry <= EXPIRY_MOST:
        yield "expiry", f"expected 1 to {EXPIRY_MOST} periods, got {terms.expiry}"
    if terms.expiry is not None and not terms.rollover:
        yield "expiry", "what went over expires, but nothing goes over: state rollover"
    yield from rate_faults("overage_rate", terms.overage_rate)
    if terms.top_up is not None:
        yield from price_faults("top_up.amount", terms.top_up.amount, contract.currency)
        yield from _quantity_faults("top_up.below", terms, terms.top_up.below, contract.currency)
        if not terms.top_up.amount or not terms.fee:
            yield "top_up.amount", "a top-up needs an amount above zero, and a fee at whose price it buys"
    if terms.refundable and terms.breakage == PRO_RATA:
        yield "breakage", "of a refundable retainer nothing is expected to be kept: on_expiry"


def _quantity_faults(path: str, terms: Retainer, quantity: Quantity, currency: str) -> Iterator[Fault]:
    if terms.unit == IN_MONEY and quantity % QUANTITY_PER_AMOUNT == 0:
        yield from price_faults(path, quantity // QUANTITY_PER_AMOUNT, currency)
    elif terms.unit == IN_MONEY:
        yield path, f"{format_decimal(quantity, QUANTITY_SCALE)} is finer than {currency} can be paid"
    elif not 0 <= quantity <= QUANTITY_MOST:
        most, got = (format_decimal(each, QUANTITY_SCALE) for each in (QUANTITY_MOST, quantity))
        yield path, f"expected 0 to {most}, got {got}"


KIND = Kind(
    takes=("time", "expense"),
    expense=lambda terms, _: Passed() if terms.unit == IN_MONEY else None,
    revenue={RIGHT_TO_INVOICE: OVER_TIME, "as_billed": WITH_INVOICE},
    fees=fees,
    faults=faults,
    drawing=Drawing(lambda terms: terms.unit, stores, fills_up, is_below_top_up),
    periods=periods,
    ends=ends,
)
