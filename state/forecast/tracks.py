"""A project's tracks in one currency at the rates of a day, and what they come to at completion.

They are kept from event to event, so that an hour works out again only the track that it moved. Other bases or another average rate of the
planned hours begin them again, and where some of it is in another currency another exchange rate, of another day or one that comes.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from domain.accounts import REVENUE
from domain.figure import at_least, called, exchanged
from domain.forecast.completion import (
    Completion,
    Earning,
    Included,
    Tally,
    Track,
    completed,
    is_as_stated,
    is_valued,
    limited,
)
from domain.identity import composed
from domain.money import smallest_unit
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY, Exchange, MissingRate
from domain.reference.zones import midnight
from domain.terms import methods
from domain.terms.kind import WITH_INVOICE
from domain.terms.milestones import INCLUDED_HOURS
from domain.tuples import new_tuple
from domain.units import Amount, Hours, Instant, Rate
from state.books import Basis, BookedProgress, Contract, Forecast, Inclusion, LineEarning, LineFees, LineTotals
from state.draft import Draft
from state.terms.known import exchange_on
from state.terms.plan import LinePlan, newest_plan
from state.totals import to_invoice

WHOLE = ""
BUDGET = "budget"
NO_EARNING: Mapping[str, Earning] = {}
ONE_DAY = timedelta(days=1)


class TrackHeld:
    """A track with what it was made of and what it comes to, hours only once they are asked for, and whether its work to come has a
    value; `wanted` is its revenue if no cap by month or of its line limited it."""

    __slots__ = ("cost", "has_value", "hours", "part", "revenue", "track", "wanted")

    def __init__(
        self, part: BookedProgress, track: Track, ceiling: Amount | None, planned_rate: Rate, step: Amount
    ) -> None:
        self.part, self.track = part, track
        self.hours: Hours | None = None
        self.has_value = True
        if type(track.now[1]) is int and is_as_stated(track):
            _, self.cost, self.wanted = track.floor
        else:
            made = self.hours, self.cost, self.wanted = completed(*track, planned_rate, step)
            self.has_value = is_valued(track, made, planned_rate)
        self.revenue = limited(self.wanted, ceiling, track.now[2])

    @property
    def to_come(self) -> Amount:
        """What its hours to come will earn if no cap of its line limits them."""
        left = self.track.earning.left if self.track.earning is not None else 0
        return at_least(called(self.wanted - self.track.now[2] - left, "revenue to come"), 0, "revenue to come")


class Tracks:
    """All tracks of a project. `quotes` are the exchange rates that they rest on, None where all of it is in `currency`, and those of the
    day `as_of`, which ends at `day_ends`."""

    __slots__ = (
        "as_of",
        "bases",
        "ceilings",
        "currency",
        "day_ends",
        "earning",
        "earns",
        "held",
        "planned_rate",
        "policies",
        "progress",
        "quotes",
        "rates",
        "step",
    )

    def __init__(self, draft: Draft, forecast: Forecast, policies: Resolved, currency: str) -> None:
        self.bases, self.earning = forecast.bases, forecast.earning
        self.ceilings = forecast.ceilings if currency == forecast.currency else {}
        self.planned_rate = forecast.planned_rate
        self.policies = policies
        self.currency = currency
        self.step = smallest_unit(currency)
        self.as_of: date | None = None
        self.day_ends: Instant = 0
        self.rates: dict[str, Exchange] = {}
        is_foreign = any(line.currency != currency for line in forecast.earning)
        self.quotes = draft.reference.exchange_rates if is_foreign else None
        self.progress: Mapping[str, BookedProgress] | None = None
        self.earns: Mapping[str, Earning] = NO_EARNING
        self.held: dict[str, TrackHeld] = {}

    def has_rates_of(self, draft: Draft, as_of: date) -> bool:
        """Whether they rest on the exchange rates of the day as these are by now."""
        quotes = draft.reference.exchange_rates
        if self.quotes is None or (self.quotes is quotes and self.as_of == as_of):
            return True
        for own, rate in self.rates.items():
            found = rate_to(draft, self.policies, own, self.currency, as_of)
            if found is None or found[:2] != rate[:2]:
                return False
        self.quotes = quotes
        return True

    def are_of(self, draft: Draft, forecast: Forecast, progress: Mapping[str, BookedProgress]) -> bool:
        """Whether they are up to date for what is booked, at the rates of now, where lines earn by hours alone."""
        return (
            self.progress is progress
            and self.bases is forecast.bases
            and self.ceilings == forecast.ceilings
            and self.planned_rate == forecast.planned_rate
            and not (self.earning or forecast.earning)
            and (self.quotes is None or self.quotes is draft.reference.exchange_rates)
            and draft.cause.recorded_at < self.day_ends
        )

    @property
    def booked(self) -> Tally:
        """Hours, cost and revenue so far."""
        hours = cost = revenue = 0
        for held in self.held.values():
            now = held.track.now
            hours, cost, revenue = hours + now[0], cost + now[1], revenue + now[2]
        return hours, cost, revenue

    @property
    def is_valued(self) -> bool:
        """Whether something says the value of all work to come."""
        return all(held.has_value for held in self.held.values())

    @property
    def tracks(self) -> list[Track]:
        return [held.track for held in self.held.values()]

    def take(self, draft: Draft, progress: Mapping[str, BookedProgress], earns: Mapping[str, Earning] | None) -> bool:
        """Bring them up to date; False where a rate is missing. `earns` is by track, None where all revenue is that of hours."""
        self.progress = None
        for name, part in progress.items():
            own = earns.get(name, Earning()) if earns is not None else None
            held = self.held.get(name)
            if held is None or held.part is not part or held.track.earning != own:
                track = self._track(draft, held, part, self.bases[name], own)
                if track is None:
                    return False
                self._hold(name, part, track)
        for name in self.held.keys() - progress.keys() if len(self.held) > len(progress) else ():
            del self.held[name]
        self.progress, self.earns = progress, earns if earns is not None else NO_EARNING
        return True

    def limit(self, ceilings: dict[str, Amount]) -> None:
        """Have caps of lines limit what their tracks come to."""
        had, self.ceilings = self.ceilings, ceilings
        for name, held in self.held.items() if had or ceilings else ():
            self._hold(name, held.part, held.track)

    def heading(self, ceiling: Amount | None) -> tuple[Amount, Amount]:
        """Cost and revenue at completion; `ceiling` is the most revenue that caps allow."""
        cost = wanted = 0
        for held in self.held.values():
            cost, wanted = cost + held.cost, wanted + held.revenue
        return cost, wanted if ceiling is None else limited(wanted, ceiling, self.booked[2])

    def completion(self, ceiling: Amount | None) -> Completion:
        """What all of them come to."""
        hours = wanted = prices = 0
        for held in self.held.values():
            hours, wanted = hours + self.hours_of(held), wanted + held.revenue
            prices += held.track.earning.left if held.track.earning is not None else 0
        return new_tuple(Completion, (hours, *self.heading(ceiling), wanted, prices))

    def hours_of(self, held: TrackHeld) -> Hours:
        """At completion."""
        if held.hours is None:
            held.hours = completed(*held.track, self.planned_rate, self.step)[0]
        return held.hours

    def _track(
        self, draft: Draft, had: TrackHeld | None, part: BookedProgress, basis: Basis, own: Earning | None
    ) -> Track | None:
        now = self.converted(draft, part.now)
        is_same = had is not None and had.part.floor is part.floor
        if basis.as_of is None and basis.kind != BUDGET:
            # Nothing remains, or nothing says what does: a credit lowers what the work comes to.
            floor = now
        else:
            floor = had.track.floor if had is not None and is_same else self.converted(draft, part.floor)
        if now is None or floor is None:
            return None
        return new_tuple(Track, (now, floor, basis.hours_stated, basis.revenue_stated, own, basis.markup))

    def _hold(self, name: str, part: BookedProgress, track: Track) -> None:
        self.held[name] = TrackHeld(part, track, self.ceilings.get(name), self.planned_rate, self.step)

    def converted(self, draft: Draft, tallies: Mapping[str, Tally]) -> Tally | None:
        """The sum in one currency; None where a rate is missing."""
        currency = self.currency
        if len(tallies) == 1 and currency in tallies:
            return tallies[currency]
        mode = self.policies.money_mode
        hours = cost = revenue = 0
        for own, (own_hours, own_cost, own_revenue) in tallies.items():
            hours += own_hours
            if own == currency:
                cost, revenue = cost + own_cost, revenue + own_revenue
            elif own_cost or own_revenue:
                rate = self.rates.get(own) or self._rate_of(draft, own)
                if rate is None:
                    return None
                cost += exchanged(own_cost, rate, currency, mode) if own_cost else 0
                revenue += exchanged(own_revenue, rate, currency, mode) if own_revenue else 0
        return hours, cost, revenue

    def _rate_of(self, draft: Draft, own: str) -> Exchange | None:
        assert self.as_of is not None, "rates are those of a day"
        self.quotes = draft.reference.exchange_rates
        found = rate_to(draft, self.policies, own, self.currency, self.as_of)
        if found is not None:
            self.rates[own] = found
        return found


def tracks_of(
    draft: Draft,
    kept_in: dict[str, Tracks],
    policies: Resolved,
    forecast: Forecast,
    progress: Mapping[str, BookedProgress],
    currency: str,
    as_of: date,
    *,
    before: bool = False,
) -> Tracks | None:
    """None where a rate is missing; what is returned is changed by the next call.

    `kept_in` has the project's, by currency. `before`: what lines had earned before the event.
    """
    kept = kept_in.get(currency)
    if (
        kept is None
        or kept.bases is not forecast.bases
        or kept.earning is not forecast.earning
        or kept.planned_rate != forecast.planned_rate
        or (currency == forecast.currency and kept.ceilings != forecast.ceilings)
        or kept.policies is not policies
        or not kept.has_rates_of(draft, as_of)
    ):
        kept = kept_in[currency] = Tracks(draft, forecast, policies, currency)
    kept.as_of, kept.day_ends = as_of, midnight(as_of + ONE_DAY, forecast.zone)
    earns = None
    if forecast.earning:
        earns = _earns(draft, forecast, policies, currency, as_of, before=before)
        if earns is None:
            return None
    if kept.progress is progress and (earns is None or kept.earns == earns):
        return kept
    return kept if kept.take(draft, progress, earns) else None


def with_event(draft: Draft, forecast: Forecast, tracks: Tracks, progress: Mapping[str, BookedProgress]) -> bool:
    """Bring tracks of before the event up to date; False where a rate is missing."""
    if not forecast.earning:
        return tracks.take(draft, progress, None)
    assert tracks.as_of is not None, "what lines earn has a day"
    earns = _earns(draft, forecast, tracks.policies, tracks.currency, tracks.as_of)
    return earns is not None and tracks.take(draft, progress, earns)


# Sums in one currency


def rate_to(draft: Draft, policies: Resolved, from_currency: str, to_currency: str, as_of: date) -> Exchange | None:
    if from_currency == to_currency:
        return SAME_CURRENCY
    found = exchange_on(draft, policies, from_currency, to_currency, as_of, as_of)
    return None if isinstance(found, MissingRate) else found


# Lines that earn otherwise than by hours


def _earns(
    draft: Draft, forecast: Forecast, policies: Resolved, currency: str, as_of: date, *, before: bool = False
) -> dict[str, Earning] | None:
    """By track what lines earned by hours, and have still to earn by their terms; None where a rate is missing."""
    found: dict[str, Earning] = {}
    for line in forecast.earning:
        part_id = composed(line.contract_id, line.line_id)
        totals: LineTotals | None = draft.before.get(("line", part_id)) if before else draft.part("line", part_id)
        rate = rate_to(draft, policies, line.currency, currency, as_of)
        if rate is None:
            return None
        by_hours, by_terms = (totals.by_hours, totals.by_terms) if totals is not None else (0, 0)
        waits, of_hours = by_invoice(draft, line, totals, before=before) if totals is not None else (0, 0)
        to_earn = waits
        if line.total is not None:
            to_earn += left_to_earn(draft, line, line.total, by_terms, before=before)
        name = part_id if part_id in forecast.bases else WHOLE
        worth = by_hours + of_hours
        if totals is not None and (line.before_caps if name != WHOLE else line.whole_before_caps):
            worth = totals.value
        amounts = worth if line.rated else 0, to_earn
        hourly, left = (exchanged(one, rate, currency, policies.money_mode) for one in amounts)
        had = found.get(name, Earning())
        included = _included(line, name, totals) if line.currency == currency else None
        found[name] = Earning(had.by_hours + hourly, had.left + left, had.rated or line.rated, had.included or included)
    return found


def by_invoice(draft: Draft, line: LineEarning, totals: LineTotals, *, before: bool = False) -> tuple[Amount, Amount]:
    """What is billable of the line's work, but what it charges by itself, and will be revenue with its invoice; of that, what hours alone
    made."""
    waits = _stands_on_revenue(totals)
    plan = _plan_of(draft, line, before=before) if waits else None
    if plan is None:
        return 0, 0
    if line.total is None:
        waits = called(waits, "billable and not invoiced")
        return waits, waits if methods.earns_by_hours_alone(plan.line) else 0
    charged = called(_charged(draft, plan, before=before), "charged and not invoiced")
    return called(waits - charged, "worked and not invoiced"), 0


def _stands_on_revenue(totals: LineTotals) -> Amount:
    """What is billable and earns with its invoice stands on the account of its revenue, whatever terms say by now; until it is invoiced, in
    full whatever credit memos took off the price."""
    waits = sum(
        billable - invoiced for account, (_, billable, invoiced) in totals.accounts.items() if account in REVENUE
    )
    return waits - totals.conceded_as_billed


def _charged(draft: Draft, plan: LinePlan, *, before: bool) -> Amount:
    """What the line has charged by itself and will be revenue with its invoice."""
    of = plan.contract_id, plan.line.line_id
    fees: LineFees | None = draft.before.get(("fees", composed(*of))) if before else draft.part("fees", composed(*of))
    rows = (draft.entries.get(row) if before else draft.entry(row) for row in (fees.rows if fees is not None else ()))
    return sum(to_invoice(row, *of) for row in rows if row is not None)


def left_to_earn(draft: Draft, line: LineEarning, total: Amount, so_far: Amount, *, before: bool = False) -> Amount:
    """What is earned beyond what was agreed stays, unless a lower price takes it back: over time, or by a charge below zero once that is
    invoiced."""
    left = called(total - so_far, "agreed and not earned")
    takes_back = left < 0 and _takes_back(draft, line, before=before)
    return left if takes_back else at_least(left, 0, "left to earn")


def _takes_back(draft: Draft, line: LineEarning, *, before: bool) -> bool:
    plan = _plan_of(draft, line, before=before)
    if plan is None:
        return False
    by_invoice = plan.timing == WITH_INVOICE and methods.charges(plan.line.terms)
    return by_invoice or methods.earns_its_price(plan.line, plan.policies)


def _plan_of(draft: Draft, line: LineEarning, *, before: bool) -> LinePlan | None:
    """By the terms of now, or by those before the event."""
    had: Contract | None = draft.before.get(("contract", line.contract_id))
    contract = had if before else draft.contract(line.contract_id)
    plan = newest_plan(draft, contract, line.line_id) if contract is not None else None
    return plan if plan is not None and plan.refused is None else None


def inclusion_on(line: LineEarning, track: str) -> Inclusion | None:
    """What the line's price includes, where the hours of a track are all the line's."""
    return line.inclusion if line.inclusion is not None and (track != WHOLE or line.inclusion.is_alone) else None


def _included(line: LineEarning, track: str, totals: LineTotals | None) -> Included | None:
    found = inclusion_on(line, track)
    if found is None:
        return None
    drawn, _ = totals.drawn.get(INCLUDED_HOURS, (0, 0)) if totals is not None else (0, 0)
    return Included(at_least(called(found.hours - drawn, "not drawn yet"), 0, "still included"), found.overage_rate)
