"""Revenue over time (R12, R37, R40, R41): what is earned by the end of a month, less what was by its beginning."""

from datetime import date, timedelta
from functools import partial

from domain.explanation import Node, less, negated, total
from domain.figure import RecordedLater, node_of
from domain.identity import composed
from domain.revenue.method import RULE
from domain.revenue.methods import METHODS
from domain.revenue.over_time import (
    Earning,
    MethodChange,
    by_month,
    caught_up,
    changes,
    earned_by,
    earning,
    going_over,
    in_books,
    is_stated,
)
from domain.terms import methods
from domain.terms.kind import OVER_TIME, LineHistory, TermsInForce, on_day
from domain.units import Amount
from domain.why import elsewhere
from domain.work.rows import OPENING, SCHEDULED_REVENUE, row_id
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.books import Charge
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.revenue import reached_back
from state.revenue.fees import HORIZON
from state.terms.known import period
from state.terms.opening import rest_id
from state.totals import standing_price

DAY = timedelta(days=1)
# What a line earns whole goes by this name, beside those of fees.
PRICE = "price"


class EarnedNodes(Nodes):
    """As `domain/revenue/over_time.py` says it, for rows of `state/revenue/over_time.py`."""

    def begin(self) -> None:
        # By what was known of a line, which is kept so that no other has its identity.
        self._known: dict[int, tuple[LineHistory, LineHistory]] = {}
        self._earns: dict[tuple[int, int, date], Earning] = {}

    def month(self, charge: Charge, draft: Draft) -> Node | None:
        place, first, last = self.nodes.fees.place(charge, draft), charge.earned_from, charge.earned_to
        if place is None or first is None or last is None:
            return None
        earns = _earns(place, last)
        upto, before = self.by(place, last), self.earned(place, earns, first - DAY)
        beyond = self._beyond(place, earns, last)
        if beyond is not None:
            before = total("earned before", [before, beyond], "amount", beyond.currency) if before.value else beyond
        title = charge.description or "revenue"
        gone_over = [self._change(place, one) for one in _changes(place, earns, last) if one.day >= first]
        besides = [one for one in (before, *gone_over) if one.value]
        rule = _rule(place, last)
        return less(title, upto, *besides, rule=rule) if besides else upto._replace(title=title, rule=rule)

    def change(self, charge: Charge, draft: Draft) -> Node | None:
        """What the line earns otherwise since it has gone over to another method, and by which terms."""
        place, day = self.nodes.fees.place(charge, draft), charge.day
        if place is None:
            return None
        earns = _earns(place, day)
        change = next((one for one in _changes(place, earns, day) if one.day == day), None)
        if change is None:
            return None
        made = self._change(place, change)
        went, goes = (next(one for one in reversed(place.known.held) if one.since <= on) for on in (day - DAY, day))
        of, by = (methods.revenue_method(one.line, one.policies) for one in (went, goes))
        because = f"from {day} on by {by}, in place of {of}: version {goes.contract.version} of contract {goes.contract.contract_id}"
        return made._replace(title=charge.description or made.title, facts=(("because", because),), rule="R41")

    def _change(self, place: LineAtStep, change: MethodChange) -> Node:
        """What the method over time had earned by the day before, which is caught up or taken back."""
        earns, before = self._earning(place, change.day), change.day - DAY
        if change.from_billing:
            return self._by(place, caught_up(earns, change.day), before)
        made = self._in_books(place, going_over(earns, change.day), before)
        return negated("what was earned over time", made)

    def _beyond(self, place: LineAtStep, earns: Earning, last: date) -> Node | None:
        """What balances state beyond what the terms had earned, in the first month after them."""
        entity = place.draft.reference.entity(place.contract.terms.legal_entity_id)
        assert entity is not None, "the contract's company is known"
        months = by_month(earns, partial(period, place.draft, entity), last, last, place.known.opening)
        if not any(month.beyond for month in months if month.period.start <= last < month.period.to):
            return None
        return self.stated_beyond(place)

    def stated_beyond(self, place: LineAtStep) -> Node:
        found = [self._booked(place, row) for row in self._rows_of_balances(place)]
        rows = [one for one in found if one is not None]
        return rows[0] if len(rows) == 1 else total("stated and not by the terms", rows, "amount", rows[0].currency)

    def rest_of_balances(self, charge: Charge, draft: Draft) -> Node | None:
        """What had been earned by their day stands as they state it, or is taken back where it comes with what is billed."""
        place = self.nodes.fees.place(charge, draft)
        if place is None:
            return None
        own, rest = self._rows_of_balances(place)
        agreed, had = on_day(place.known.held, charge.day), self._booked(place, own)
        if methods.timing(agreed.line, agreed.policies) != OVER_TIME:
            return negated(charge.description or "", had) if had is not None else None
        opening = self.known(place).opening
        assert opening is not None, "balances state it"
        known = line_fees(draft, place.contract, place.line_id)
        earned = [row for row in (*known.rows, *known.earned) if row != rest]
        parts = [
            self._revenue(place, row, amount) for row, amount in reached_back.earning_rows(draft, earned, charge.day)
        ]
        stated = self.recorded.bound(node_of(opening.earned, f"earned by {opening.as_of}"))
        return less(charge.description or "", stated, *([had] if had is not None else []), *parts)

    @staticmethod
    def _rows_of_balances(place: LineAtStep) -> tuple[str, str]:
        of = place.contract.contract_id, place.line_id
        return row_id(OPENING, composed(*of)), row_id(SCHEDULED_REVENUE, rest_id(*of))

    def _booked(self, place: LineAtStep, row: str) -> Node | None:
        entry = place.draft.entry(row)
        price = standing_price(entry) if entry is not None else None
        return self._revenue(place, row, price.earns) if price is not None and price.earned else None

    def _revenue(self, place: LineAtStep, row: str, amount: Amount) -> Node:
        of, step = (place.contract.contract_id, place.line_id), self.nodes.fees.known_at(place)
        currency = place.contract.terms.currency
        made = elsewhere(f"{row}: revenue", amount, composed("recognised", row, *of, f"{step}", currency), currency)
        return self.recorded.bound(made)

    def earned(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """All that was earned by the end of a day, or what balances state of it."""
        opening = self.known(place).opening
        if opening is None or not is_stated(earns, opening, day):
            return self.by(place, day)
        return self.recorded.bound(node_of(opening.earned, f"earned by {opening.as_of}"))

    def in_books(self, place: LineAtStep, day: date) -> Node:
        """The same with what balances state beyond the terms, as long as nothing is earned after them."""
        return self._in_books(place, self._earning(place, day), day)

    def _in_books(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        made = in_books(earns, self.known(place).opening, day)
        return self.nodes.fees.figure(made, f"earned by {day}", place.known.held[-1])

    def by(self, place: LineAtStep, day: date) -> Node:
        """All that was earned over time by the end of a day."""
        return self._by(place, self._earning(place, day), day)

    def _by(self, place: LineAtStep, earns: Earning, day: date) -> Node:
        """Of each fee, or of the price."""
        parts = {name: earned for name, stretches in earns.items() if (earned := earned_by(stretches, day))}
        nodes = [self.nodes.fees.figure(earned, "", place.known.held[-1]) for earned in parts.values()]
        title, currency = f"earned by {day}", place.contract.terms.currency
        if len(nodes) == 1:
            return nodes[0]._replace(title=title)
        named = (name if name == PRICE else f"fee {name}" for name in parts)
        nodes = [node._replace(title=f"{name}: {title}") for name, node in zip(named, nodes, strict=True)]
        return total(title, nodes, "amount", currency)

    def _earning(self, place: LineAtStep, until: date = date.max) -> Earning:
        """By the rule, of numbers that say how they came about, and of terms that hold by a day."""
        known = self.known(place)
        held = [agreed for agreed in known.held if agreed.since <= until]
        key = id(known), len(held), min(until, date.max - HORIZON) + HORIZON
        if key not in self._earns:
            self._earns[key] = earning(known._replace(held=held), key[-1])
        return self._earns[key]

    def known(self, place: LineAtStep) -> LineHistory:
        """What was known of the line, with what it was measured by and what it earns where that is not its own price."""
        history = self.nodes.fees.history(place)
        if id(history) not in self._known:
            made = self.measured(place)._replace(held=[self._allocated(place, agreed) for agreed in history.held])
            self._known[id(history)] = history, made
        return self._known[id(history)][1]

    def measured(self, place: LineAtStep) -> LineHistory:
        """What was known of the line, with what it was measured by."""
        spending = self.nodes.spending.known(place)
        return self.nodes.fees.history(place)._replace(
            spent=spending.spent, estimates=spending.estimates, together=spending.together
        )

    def _allocated(self, place: LineAtStep, agreed: TermsInForce) -> TermsInForce:
        own = agreed.allocated
        if own is None:
            return agreed
        earns = RecordedLater(own.earns, partial(self.nodes.allocation.earns, place, agreed))
        return agreed._replace(allocated=own._replace(earns=earns))


def _rule(place: LineAtStep, day: date) -> str:
    agreed = on_day(place.known.held, day)
    method = METHODS.get(methods.revenue_method(agreed.line, agreed.policies))
    return method.rule if method is not None else RULE


def _earns(place: LineAtStep, last: date) -> Earning:
    return earning(place.known, last + HORIZON)


def _changes(place: LineAtStep, earns: Earning, until: date) -> list[MethodChange]:
    entity = place.draft.reference.entity(place.contract.terms.legal_entity_id)
    assert entity is not None, "the contract's company is known"
    return changes(earns, partial(period, place.draft, entity), until, place.known.opening)
