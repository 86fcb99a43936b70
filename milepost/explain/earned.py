"""Revenue over time (R12, R37, R40, R41): what is earned by the end of a month, less what was by its beginning."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from domain.explanation import Node, total
from domain.figure import RecordedLater, node_of
from domain.identity import composed
from domain.reference.fiscal import AccountingPeriod
from domain.revenue.method import RULE
from domain.revenue.methods import METHODS
from domain.revenue.over_time import Earning, by_month, changes, earning
from domain.terms import methods
from domain.terms.kind import LineHistory, TermsInForce, on_day
from domain.why import elsewhere
from domain.work.recorded import known_of
from domain.work.rows import OPENING, SCHEDULED_REVENUE, row_id
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.books import Charge
from state.draft import Draft
from state.revenue.fees import HORIZON
from state.terms.known import period
from state.terms.opening import rest_id
from state.totals import standing_price

DAY = timedelta(days=1)


class EarnedNodes(Nodes):
    """As `domain/revenue/over_time.py` says it, for rows of `state/revenue/over_time.py`."""

    def begin(self) -> None:
        # By what was known of a line, which is kept so that no other has its identity.
        self._known: dict[int, tuple[LineHistory, LineHistory]] = {}
        self._earns: dict[tuple[int, int, date], Earning] = {}

    def month(self, charge: Charge, draft: Draft) -> Node | None:
        place, last = self.nodes.fees.place(charge, draft), charge.earned_to
        if place is None or last is None:
            return None
        earns, opening = self._earning(place, last), self.known(place).opening
        months = by_month(earns, _periods(place), last, last, opening)
        found = next((month for month in months if month.period.start <= last < month.period.to), None)
        return self._row(place, charge, found.amount if found is not None else 0)._replace(rule=_rule(place, last))

    def change(self, charge: Charge, draft: Draft) -> Node | None:
        """What the line earns otherwise since it has gone over to another method, and by which terms."""
        place, day = self.nodes.fees.place(charge, draft), charge.day
        if place is None:
            return None
        found = changes(self._earning(place, day), _periods(place), day, self.known(place).opening)
        made = self._row(place, charge, next((one.amount for one in found if one.day == day), 0))
        went, goes = (next(one for one in reversed(place.known.held) if one.since <= on) for on in (day - DAY, day))
        of, by = (methods.revenue_method(one.line, one.policies) for one in (went, goes))
        because = f"from {day} on by {by}, in place of {of}: version {goes.contract.version} of contract {goes.contract.contract_id}"
        return made._replace(facts=(("because", because),), rule="R41")

    def _row(self, place: LineAtStep, charge: Charge, amount: int) -> Node:
        made = node_of(amount, "revenue", currency=place.contract.terms.currency)
        return self.recorded.bound(made)._replace(title=charge.description or "revenue")

    def stated_beyond(self, place: LineAtStep) -> Node:
        contract_id, currency = place.contract.contract_id, place.contract.terms.currency
        of, step, rows = (contract_id, place.line_id), self.nodes.fees.known_at(place), []
        for row in (row_id(OPENING, composed(*of)), row_id(SCHEDULED_REVENUE, rest_id(*of))):
            entry = place.draft.entry(row)
            price = standing_price(entry) if entry is not None else None
            if price is not None and price.earned:
                address = known_of("recognised", row, of, step, currency)
                rows.append(self.recorded.bound(elsewhere(f"{row}: revenue", price.earns, address, currency)))
        return rows[0] if len(rows) == 1 else total("stated and not by the terms", rows, "amount", rows[0].currency)

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


def _periods(place: LineAtStep) -> Callable[[date], AccountingPeriod]:
    entity = place.draft.reference.entity(place.contract.terms.legal_entity_id)
    assert entity is not None, "the contract's company is known"
    return partial(period, place.draft, entity)
