"""What a project will have taken and earned when it is done (R57, R58; RULES section 6, Contracts and estimates).

**Cost at completion** is a floor: cost with service date up to the estimate's `as_of`, and what the estimate says
remains. While cost comes the floor stays and the remaining cost falls, never below zero; more cost than the floor
lifts it. Work that is dated up to `as_of` and comes later lifts the floor too. A budget is a floor from the
beginning. Without estimate and budget the floor is what is booked and what the assignments plan from now on.

**Revenue at completion** is what is recognised and what remains: the revenue that the estimate (or budget) states as
a floor, like cost; where hours are charged at what they cost, the remaining cost with what the terms add to it; else
the remaining hours at the average revenue of an hour worked so far; before there is any, at the average rate of the
planned hours. Lines with a price of their own add what is left of that, and hours on them earn
nothing but beyond what milestones include (`state/forecast/ahead.py`). Hours that a budget does not state are its
remaining cost at the average cost of an hour so far; before there is any, the planned ones. Hard caps limit what the
hours under them earn: no more than the revenue so far and the room that is left, over the whole term of all together,
and of lines that count on their own and by month as `state/forecast/capped.py` says. Remaining work
that none of this values counts as nothing; that it is so says `is_valued`.

**Price** of a project whose every line on which hours earn is under a hard cap over the whole term is the revenue so far, its share of that
room, which is the cap where no other project shares it, and what is left of other lines' prices; else it is the
revenue at completion. Backlog is the price less revenue so far, unbilled backlog the price less what is billed. So
backlog is what the contract still allows, also beyond what remains to be done, and only without such caps the revenue
that remains. Of what has ended there is no backlog.

Worked example, all in EUR. Up to 31 March 80 h are done for 8,000 of cost and 12,000 of revenue. The estimate of that
day: 100 h for 10,000 remain. Cost at completion is 8,000 + 10,000 = 18,000, revenue 12,000 + 100 h x 12,000 / 80 h =
27,000, margin 9,000. In April 20 h for 2,000 come, with 3,000 of revenue: cost stays at 18,000, 8,000 remain, revenue
is 15,000 + 80 h x 150 = 27,000. Under a hard cap of 25,000 revenue at completion is 25,000 and the backlog 25,000 -
15,000 = 10,000.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.figure import at_least, called, extended, in_part, percentage, ratio, with_percent
from domain.money import HALF_UP
from domain.outputs import ForecastFigures, ForecastMonth
from domain.tuples import new_tuple
from domain.units import HUNDRED_PERCENT, Amount, Hours, Percent, Rate

# Hours, cost and revenue; a plain tuple, because one is made for every entry.
Tally = tuple[Hours, Amount, Amount]
NOTHING: Tally = (0, 0, 0)

BILLINGS, CASH, DONE = 3, 4, 5

MONTHS_MAX = 60
DEFAULT_THRESHOLD: Percent = 500_000
_TOO_LARGE = 10**18


class MonthSums(dict[str, list[int]]):
    """Hours, cost, revenue, billings and cash by month, and what of the first three is done, all in one currency: nothing of a month that
    nothing was added to."""

    __slots__ = ()

    def __missing__(self, month: str) -> list[int]:
        nothing = self[month] = [0, 0, 0, 0, 0, 0, 0, 0]
        return nothing

    def all_done(self) -> None:
        """What is added from now on is to come."""
        for held in self.values():
            held[DONE:] = held[:BILLINGS]


class Included(NamedTuple):
    """Hours that a price still includes, and what one beyond them is charged."""

    left: Hours
    overage_rate: Rate


class Earning(NamedTuple):
    """What of a track's revenue hours earned by themselves, what is left of its lines' own prices, and whether hours that come earn; some
    of them may be `included` in a price."""

    by_hours: Amount = 0
    left: Amount = 0
    rated: bool = False
    included: Included | None = None


class Track(NamedTuple):
    """Work with an estimate of its own, in one currency: what is booked, and the floor at completion.

    Without `earning` all of its revenue is that of hours. `markup` is added to the cost of hours that are charged at cost; None: at rates.
    """

    now: Tally
    floor: Tally
    hours_stated: bool
    revenue_stated: bool
    earning: Earning | None = None
    markup: Percent | None = None


class Completion(NamedTuple):
    """At completion; `wanted` is the revenue if no cap limited it, `prices` what of it is left of lines' own prices."""

    hours: Hours
    cost: Amount
    revenue: Amount
    wanted: Amount
    prices: Amount = 0


class CompletionBasis(NamedTuple):
    """All that a set of figures is made of, in one currency; `whole` is at completion."""

    now: Tally
    remaining: Tally
    whole: Tally
    backlog: Amount
    unbilled_backlog: Amount
    budget_used: Percent | None


def added(one: Tally, other: Tally) -> Tally:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def named(tally: Tally, words: str) -> Tally:
    """Of sums that have no name yet."""
    hours, cost, revenue = tally
    return called(hours, f"hours {words}"), called(cost, f"cost {words}"), called(revenue, f"revenue {words}")


def completed(
    now: Tally,
    floor: Tally,
    hours_stated: bool,
    revenue_stated: bool,
    earning: Earning | None,
    markup: Percent | None,
    planned_rate: Rate,
    step: Amount,
) -> Tally:
    """Hours, cost and uncapped revenue at completion of one track; hours not stated are what the cost will buy."""
    worked, spent, earned = now
    cost = at_least(floor[1], spent, "cost at completion", "R57")
    if hours_stated or spent <= 0:
        hours = at_least(floor[0], worked, "hours at completion", "R57")
    else:
        bought = in_part(worked, called(cost - spent, "cost to come"), spent, "hours that the cost to come buys")
        hours = called(worked + bought, "hours at completion")
    least = earned if earning is None else earned + earning.left
    if earning is not None and not earning.rated:
        # What is stated is of all lines, and no less than their prices; where hours earn nothing the prices say it alone.
        return hours, cost, least + beyond(hours - worked, earning.included, step)
    if revenue_stated:
        return hours, cost, at_least(floor[2], least, "revenue at completion", "R57")
    if markup is not None:
        to_spend = called(cost - spent, "cost to come")
        return hours, cost, least + with_percent(to_spend, markup, step, HALF_UP, "what it will be charged")
    by_hours = earned if earning is None else earning.by_hours
    to_come = value_of(called(hours - worked, "hours to come"), (worked, 0, by_hours), planned_rate, step)
    return hours, cost, called(least + to_come, "revenue at completion")


def is_as_stated(track: Track) -> bool:
    """Whether its cost and revenue at completion are what was stated, since no more is booked; then its work to come is valued."""
    now, floor, _, revenue_stated, earning, _ = track
    return revenue_stated and earning is None and now[1] <= floor[1] and now[2] <= floor[2]


def left_of_prices(track: Track) -> Amount:
    """What of its revenue to come agreed prices say, whatever hours remain; nothing where an estimate states more than they leave."""
    now, floor, _, revenue_stated, earning, _ = track
    if earning is None or (earning.rated and revenue_stated and floor[2] > now[2] + earning.left):
        return 0
    return earning.left


def backlog_of(to_come: Amount, ceiling: Amount | None, earned: Amount) -> Amount:
    """What the contract still allows, or without caps on all lines the revenue to come."""
    if ceiling is None:
        return to_come
    return called(ceiling - earned, "left of it")


def unbilled(earned: Amount, backlog: Amount, billed: Amount) -> Amount:
    return called(called(earned + backlog, "price") - billed, "price less what is billed")


def is_valued(track: Track, made: Tally, planned_rate: Rate) -> bool:
    """Whether something says what the work to come of a track that comes to `made` will earn.

    Cost to come without an hour says nothing where hours earn.
    """
    now, earning = track.now, track.earning
    if track.revenue_stated or track.markup is not None or (earning is not None and not earning.rated):
        return True
    if made[0] == now[0]:
        return made[1] <= now[1]
    return planned_rate > 0 or (now[0] > 0 and (now[2] if earning is None else earning.by_hours) > 0)


def beyond(hours: Hours, included: Included | None, step: Amount) -> Amount:
    """What hours to come are charged as far as no price includes them."""
    if included is None:
        return 0
    over = at_least(hours - included.left, 0, "beyond what is included")
    return extended(over, included.overage_rate, step, HALF_UP, "charged beyond", "R28")


def sold(track: Track, planned_rate: Rate, step: Amount) -> Amount:
    """Booked, left of prices, and charged beyond what these include; no cap of other lines limits it."""
    if track.earning is None:
        return track.now[2]
    hours, _, _ = completed(*track, planned_rate, step)
    return track.now[2] + track.earning.left + beyond(hours - track.now[0], track.earning.included, step)


def allowed(room: Amount, tracks: Iterable[Track], planned_rate: Rate, step: Amount) -> Amount:
    """The most revenue where caps leave that much room to hours."""
    return room + sum(sold(track, planned_rate, step) for track in tracks)


def limited(wanted: Amount, ceiling: Amount | None, earned: Amount) -> Amount:
    """A cap takes no revenue back."""
    if ceiling is None or wanted <= ceiling:
        return wanted
    title = "as far as caps allow" if ceiling >= earned else "what is booked, which caps take nothing of"
    return at_least(ceiling, earned, title, "R58", instead_of=wanted)


def value_of(hours: Hours, now: Tally, planned_rate: Rate, step: Amount, title: str = "what they will earn") -> Amount:
    """Remaining hours at the average revenue of an hour so far, before there is any at the planned rate."""
    if not hours:
        return 0
    if now[0] > 0 and now[2] > 0:
        return ratio(hours, now[2], now[0], step, HALF_UP, title)
    return extended(hours, planned_rate, step, HALF_UP, title, like=now[2])


def percent(part: int, whole: int) -> Percent | None:
    """In 10^-6 per cent; None of nothing or less, of which no part says anything, and where it does not fit into a record's field."""
    if whole <= 0:
        return None
    share = percentage(part, whole, 1, HALF_UP, "share")
    return share if abs(share) < _TOO_LARGE else None


def figures(currency: str, standing: CompletionBasis, months: MonthSums) -> ForecastFigures:
    """A forecast in one currency, in which all amounts are already."""
    now, remaining, whole, backlog, unbilled_backlog, budget_used = standing
    _, eac_cost, eac_revenue = whole
    margin = called(eac_revenue - eac_cost, "margin")
    made = (
        currency,
        *now,
        *remaining,
        *whole,
        backlog,
        unbilled_backlog,
        margin,
        percent(margin, eac_revenue),
        budget_used,
        month_by_month(months),
    )
    return new_tuple(ForecastFigures, made)


def add_tallies(months: MonthSums, tallies: Iterable[tuple[str, Tally]]) -> None:
    for month, (hours, cost, revenue) in tallies:
        held = months[month]
        held[0] += hours
        held[1] += cost
        held[2] += revenue


def total_of(months: MonthSums) -> Tally:
    hours = cost = revenue = 0
    for held in months.values():
        hours, cost, revenue = hours + held[0], cost + held[1], revenue + held[2]
    return hours, cost, revenue


def settle_rest(months: MonthSums, whole: Tally) -> None:
    """Make the months sum to the whole: what is left goes to the last of them."""
    given = total_of(months)
    if given != whole:
        last = max((month for month, held in months.items() if any(held)), default=max(months))
        hours, cost, revenue = (
            called(one - other, "what converting month by month leaves")
            for one, other in zip(whole, given, strict=True)
        )
        add_tallies(months, [(last, (hours, cost, revenue))])


def month_by_month(months: MonthSums) -> tuple[ForecastMonth, ...]:
    """One record a month, ascending; months without any figure are left out, of more than `MONTHS_MAX` the oldest."""
    found = [new_tuple(ForecastMonth, (month, *held)) for month in sorted(months) if any(held := months[month])]
    return tuple(found[-MONTHS_MAX:])


def threshold(at_completion_then: Amount, amount: Amount | None, share: Percent | None) -> Amount:
    """A change above this is worth an update; where both limits are stated either one is enough."""
    limits = [] if amount is None else [amount]
    if share is not None or not limits:
        limits.append(abs(at_completion_then) * (DEFAULT_THRESHOLD if share is None else share) // HUNDRED_PERCENT)
    return min(limits)


def room_of(lines: Sequence[Mapping[str, Amount]]) -> Amount | None:
    """What caps still allow to lines that name each of their caps with its room; None where a line has no cap.

    Each line counts the tightest of its caps, each cap counts once, and a cap of all lines bounds the whole. One that is worth more on one
    line than on another, since it is in hours, allows the most that some line of it may earn.
    """
    tightest: dict[str, Amount] = {}
    for caps in lines:
        if not caps:
            return None
        cap_id = min(caps, key=lambda name: (caps[name], name))
        tightest[cap_id] = max(caps[cap_id], tightest.get(cap_id, caps[cap_id]))
    if not lines:
        return None
    common = [max(caps[cap_id] for caps in lines) for cap_id in lines[0] if all(cap_id in caps for caps in lines)]
    return min([sum(tightest.values()), *common])
