"""Revenue over time (R12, R40, R41): what is earned by the end of a month, less what was by its beginning."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

from domain.events.common import Milestones
from domain.explanation import Node, less, negated, total
from domain.identity import composed
from domain.revenue.method import Leaves
from domain.revenue.over_time import (
    Earning,
    Facts,
    MethodChange,
    Stretch,
    beyond_on,
    by_month,
    caught_up,
    changes,
    earning,
    is_stated,
    prices_on,
    said,
    stretch_on,
)
from domain.terms import methods
from domain.terms.kind import TermsInForce
from domain.work.rows import OPENING, row_id
from milepost.explain.allocation import AllocationNodes
from milepost.explain.fees import FeeNodes, LineAtStep
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from milepost.explain.spending import SpendingNodes
from state.books import Charge
from state.draft import Draft
from state.handlers.fees import HORIZON
from state.terms.known import period
from state.terms.opening import figure_of

DAY = timedelta(days=1)


class EarnedNodes:
    """As `domain/revenue/over_time.py` says it, for rows of `state/handlers/revenue.py`."""

    def __init__(self, sources: Sources, fees: FeeNodes, recorded: RecordedNodes) -> None:
        self.sources = sources
        self.recorded = recorded
        self.fees = fees
        self.spending = SpendingNodes(sources, fees)
        fees.earned_by = self.by
        self.allocation = AllocationNodes(fees, self.by)
        fees.allocated = self.allocation.earns

    def month(self, charge: Charge, draft: Draft) -> Node | None:
        place, first, last = self.fees.place(charge, draft), charge.earned_from, charge.earned_to
        if place is None or first is None or last is None:
            return None
        earns = _earns(place, last)
        upto, before = self._by(place, earns, last), self.earned(place, earns, first - DAY)
        beyond = self._beyond(place, earns, last)
        if beyond is not None:
            before = total("earned before", [before, beyond], "amount", beyond.currency) if before.value else beyond
        title = charge.description or "revenue"
        gone_over = [self._change(place, earns, one) for one in _changes(place, earns, last) if one.day >= first]
        besides = [one for one in (before, *gone_over) if one.value]
        return less(title, upto, *besides, rule="R40") if besides else upto._replace(title=title, rule="R40")

    def change(self, charge: Charge, draft: Draft) -> Node | None:
        """What the line earns otherwise since it has gone over to another method, and by which terms."""
        place, day = self.fees.place(charge, draft), charge.day
        if place is None:
            return None
        earns = _earns(place, day)
        change = next((one for one in _changes(place, earns, day) if one.day == day), None)
        if change is None:
            return None
        made = self._change(place, earns, change)
        went, goes = (next(one for one in reversed(place.known.held) if one.since <= on) for on in (day - DAY, day))
        of, by = (methods.revenue_method(one.line, one.policies) for one in (went, goes))
        because = f"from {day} on by {by}, in place of {of}: version {goes.contract.version} of contract {goes.contract.contract_id}"
        return made._replace(title=charge.description or made.title, facts=(("because", because),), rule="R41")

    def _change(self, place: LineAtStep, earns: Earning, change: MethodChange) -> Node:
        """What the method over time had earned by the day before, which is caught up or taken back."""
        before = change.day - DAY
        if change.from_billing:
            return self._by(place, caught_up(earns, change.day), before)
        return negated("what was earned over time", self.in_books(place, earns, before))

    def _beyond(self, place: LineAtStep, earns: Earning, last: date) -> Node | None:
        """What balances state beyond what the terms had earned, in the first month after them."""
        entity = place.draft.reference.entity(place.contract.terms.legal_entity_id)
        assert entity is not None, "the contract's company is known"
        months = by_month(earns, partial(period, place.draft, entity), last, last, place.known.opening)
        if not any(month.beyond for month in months if month.period.start <= last < month.period.to):
            return None
        return self._stated_beyond(place)

    def _stated_beyond(self, place: LineAtStep) -> Node:
        row = row_id(OPENING, composed(place.contract.contract_id, place.line_id))
        entry = place.draft.entry(row)
        charge = entry.standing.charge if entry is not None and entry.standing is not None else None
        assert charge is not None, "what balances state beyond is a row that is booked"
        found = self.recorded.figure(figure_of(row, charge.version, "earned"))
        assert found is not None, "the balances recorded it"
        return found

    def earned(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """All that was earned by the end of a day, or what balances state of it."""
        opening = place.known.opening
        if opening is None or not is_stated(earns, opening, day):
            return self._by(place, earns, day)
        return self.spending.opening(place, opening)

    def in_books(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """The same with what balances state beyond the terms, as long as nothing is earned after them."""
        earned, opening = self.earned(place, earns, day), place.known.opening
        if opening is None or is_stated(earns, opening, day) or not beyond_on(earns, opening, day):
            return earned
        return total(earned.title, [earned, self._stated_beyond(place)], "amount", earned.currency)

    def by(self, place: LineAtStep, day: date) -> Node:
        """All that was earned over time by the end of a day."""
        return self._by(place, _earns(place, day), day)

    def _by(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """All that was earned by the end of a day."""
        currency = place.contract.terms.currency
        on_day = ((stretches, stretch_on(stretches, day)) for stretches in earns.values())
        begun = (stretches for stretches, stretch in on_day if stretch is not None and not stretch.as_billed)
        facts = Facts(partial(self._price, place), lambda stretch: self.leaves(place, stretch.agreed))
        parts = [said(stretches, day, facts) for stretches in begun]
        parts = [part for part in parts if part.value]
        title = f"earned by {day}"
        return parts[0]._replace(title=title) if len(parts) == 1 else total(title, parts, "amount", currency)

    def price(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """All that is earned in the end by the terms of a day."""
        parts = [self._price(place, stretch) for stretch in prices_on(earns, day)]
        return parts[0] if len(parts) == 1 else total("price", parts, "amount", place.contract.terms.currency)

    def leaves(self, place: LineAtStep, agreed: TermsInForce) -> Leaves:
        """What the terms measure the work by, also of days before they held."""
        return Leaves(
            partial(self.fees.reported, place),
            partial(self.spending.spent, place),
            partial(self.spending.remaining, place),
            partial(self._delivered, place, agreed),
            partial(self._to_deliver, place, agreed),
            partial(self._leaves_of, place),
        )

    def _leaves_of(self, place: LineAtStep, line_id: str) -> Leaves:
        """Of another line of its performance obligation."""
        known = place.known.together[line_id]
        return self.leaves(place._replace(line_id=line_id, known=known), known.held[-1])

    def _delivered(self, place: LineAtStep, agreed: TermsInForce, day: date) -> Node:
        """What milestones that are accepted by a day are worth."""
        terms = agreed.line.terms
        assert isinstance(terms, Milestones), "only milestones are accepted"
        done, _ = methods.outputs(self.fees.terms(place, agreed), place.known)
        by_then = [one.done for one in done if one.day <= day]
        return self.fees.figure(by_then[-1] if by_then else 0, f"accepted by {day}", agreed)

    def _to_deliver(self, place: LineAtStep, agreed: TermsInForce) -> Node:
        terms = agreed.line.terms
        assert isinstance(terms, Milestones), "only milestones are accepted"
        return self.fees.figure(methods.comes_to([self.fees.terms(place, agreed)]), "all milestones", agreed)

    def _price(self, place: LineAtStep, stretch: Stretch) -> Node:
        agreed, spread = stretch.agreed, stretch.spread
        if agreed.allocated is not None:
            return self.allocation.earns(place, agreed)
        terms, known = self.fees.terms(place, agreed), self.fees.history(place)
        of_name = [one for one in methods.spreads(terms, known, spread.first) if one.name == spread.name]
        assert of_name, f"the terms of line {place.line_id} give the spread {spread.name}"
        title = spread.name if spread.name == "price" else f"fee {spread.name}"
        return self.fees.figure(of_name[0].amount, title, agreed)


def _earns(place: LineAtStep, last: date) -> Earning:
    return earning(place.known, last + HORIZON)


def _changes(place: LineAtStep, earns: Earning, until: date) -> list[MethodChange]:
    entity = place.draft.reference.entity(place.contract.terms.legal_entity_id)
    assert entity is not None, "the contract's company is known"
    return changes(earns, partial(period, place.draft, entity), until, place.known.opening)
