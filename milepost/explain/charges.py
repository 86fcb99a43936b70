"""What is billed and is no hour of work: expenses, units delivered, what terms charge and earn by themselves (`fees.py`, `earned.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any

from domain.caps.consume import order_of
from domain.contract import agreed_units
from domain.events.common import PriceTier, UnitPrice
from domain.events.finance import RevenueAdjusted
from domain.explanation import Node, constant, evaluated, least, less, most, step_of, total
from domain.reference.exchange import Exchange
from domain.terms import methods
from domain.terms.unit_price import VOLUME, prices
from domain.work.recorded import QUANTITY, in_price_steps, markup_of
from domain.work.recorded import figure_of as figure_at
from domain.work.rows import ADJUSTMENT, DELIVERY, OPENING, SCHEDULED_REVENUE, row_id
from milepost.explain.earned import EarnedNodes
from milepost.explain.fees import FeeNodes
from milepost.explain.rating import Rating
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.books import Charge, Price, Work
from state.caps.sharers import SharedPool, pool_of, steps_cross_caps
from state.draft import Draft
from state.revenue.method_change import is_change
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, plan_of, versions
from state.work.charge_record import prices_of


class ChargeNodes:
    """Nodes of rows that are charges; drafts are of the step that gave the row its value."""

    def __init__(self, sources: Sources, rating: Rating, recorded: RecordedNodes) -> None:
        self.sources = sources
        self.rating = rating
        self.recorded = recorded
        self.fees = FeeNodes(sources)
        self.over_time = EarnedNodes(sources, self.fees, recorded)
        # The value of a row as a step left it; filled by the nodes of entries, which need these.
        self.value_at: Callable[[str, int], Node] = _nothing_yet

    # Events

    @cached_property
    def _records(self) -> dict[int, Any]:
        return {record.offset: record.event for record in self.sources.trace.events}

    def event_of(self, work: Work) -> Any:
        """The fact behind an expense or a delivery."""
        return self._records.get(work.log_offset)

    def quantity(self, row: str, price: Price, step: int) -> Node:
        """How much of its unit was delivered."""
        return self.recorded.of(figure_at(row, QUANTITY), step, f"{row}: quantity", price.quantity, "quantity")

    def hours(self, work: Work, name: str) -> Node | None:
        """Of what was brought forward; None of what has no hours, or has them by its event."""
        charge = work.charge
        if charge is None or charge.kind != OPENING:
            return None
        return self._opening(charge, name)

    def drawn_before(self, work: Work, store: str) -> tuple[Node, Node] | None:
        """Of what was brought forward: what is used of a store, and what that earned."""
        drawn, earned = (self.hours(work, f"drawn/{store}{part}") for part in ("", "/earned"))
        return (drawn, earned) if drawn is not None and earned is not None else None

    def uncounted(self, charge: Charge, *, by_hours: bool = False) -> Node:
        """What of a row of balances no cap counts."""
        found = self._opening(charge, "uncounted_hours" if by_hours else "uncounted")
        assert found is not None, "the row was brought forward"
        return found

    def _opening(self, charge: Charge, name: str) -> Node | None:
        """What balances that were brought forward state of a row."""
        return self.recorded.figure(figure_of(row_id(OPENING, charge.charge_id), charge.version, name))

    # Value

    def shared_value(self, row: str, step: int, work: Work) -> Node | None:
        """What the terms charge by themselves, and what a delivery comes to that shares its price with others."""
        charge, price, draft = work.charge, work.price, self.sources.draft(step)
        if charge is None or price is None:
            return None
        if charge.kind != DELIVERY:
            return self.fees.fee(charge, draft)
        plan = plan_of(draft, price)
        return self._of_delivery(row, step, work, price, plan) if plan is not None else None

    def shared_within(self, row: str, step: int, work: Work) -> Node | None:
        plan = plan_of(self.sources.draft(step), work.price) if work.price is not None else None
        return self.within(row, step, work, work.price, plan) if plan is not None and work.price is not None else None

    def earned(self, work: Work, step: int) -> Node | None:
        """Of a charge that earns otherwise than it is billed."""
        charge, draft = work.charge, self.sources.draft(step)
        if charge is not None and charge.kind == ADJUSTMENT:
            return self._adjusted(work)
        if charge is None or charge.kind != SCHEDULED_REVENUE:
            return None
        if charge.earned_from is not None and charge.earned_to is not None:
            return self.over_time.month(charge, draft)
        if is_change(charge):
            return self.over_time.change(charge, draft)
        return self.fees.earned(charge, draft)

    def _adjusted(self, work: Work) -> Node | None:
        """What somebody has adjusted by hand, and why."""
        event = self.event_of(work)
        if not isinstance(event, RevenueAdjusted):
            return None
        by = ("asked for by", event.requested_by), ("approved by", event.approved_by or "nobody else")
        made = self.sources.field("adjusted by hand", event.amount, "amount", event, "amount", event.currency)
        return made._replace(facts=(("because", event.reason), *by))

    def at_cost(self, operands: Sequence[Node], legs: tuple[str, ...], plan: LinePlan) -> Node:
        """Exchanged and marked up, rounded once."""
        parameters: dict[str, Any] = {"legs": legs, "step": step_of(plan.currency), "mode": plan.policies.money_mode}
        return evaluated("value", "convert", operands, parameters, "amount", plan.currency, rule="R34")

    def rates_to(
        self, currency: str, plan: LinePlan, day: Any, draft: Draft
    ) -> tuple[tuple[Node, ...], tuple[str, ...]] | None:
        """Quoted rates on the way from what something cost to contract currency."""
        if currency == plan.currency:
            return (), ()
        kind = plan.policies.exchange_rate_type
        found = draft.reference.exchange(kind, currency, plan.currency, day, plan.policies.rate_staleness_days)
        return self.rating.legs(found, kind, day) if isinstance(found, Exchange) else None

    def markup(self, plan: LinePlan) -> Node:
        """What the terms add to cost."""
        made = markup_of(plan.terms, plan.line.line_id, plan.line.terms)
        return self.recorded.bound(made) if made is not None else constant("no markup", 0, "percent")

    # Prices by quantity

    def in_steps(self, tiers: Sequence[PriceTier], plan: LinePlan, first: Node, units: Node, by: str) -> Node:
        terms = plan.line.terms
        assert isinstance(terms, UnitPrice), "units have a price"
        prices = [self.recorded.bound(one) for one in prices_of(plan, terms, tiers)]
        return in_price_steps(tiers, prices, first, units, by, plan.currency, plan.policies.money_mode)

    # Deliveries

    def by_day_alone(self, row: str, step: int, work: Work, price: Price) -> Node | None:
        """What a delivery would be charged had nothing been issued; None where that is no question."""
        plan = plan_of(self.sources.draft(step), price)
        terms = methods.units(plan.line.terms) if plan is not None else None
        if plan is None or terms is None or terms.units is not None or not price.stepped:
            return None
        return self._of_delivery(row, step, work, price, plan, keeps_issued=False)

    def _of_delivery(
        self, row: str, step: int, work: Work, price: Price, plan: LinePlan, *, keeps_issued: bool = True
    ) -> Node | None:
        """Units at their steps; what an issued delivery was charged too much or too little is made good by the first that is not."""
        terms = methods.units(plan.line.terms)
        if terms is None:
            return None
        tiers, units = prices(terms), self.quantity(row, price, step)
        nothing = constant("before it", 0, "quantity")
        if not price.stepped:
            return self.in_steps(tiers, plan, nothing, units, "graduated")
        draft = self.sources.draft(step)
        contract = draft.contract(plan.contract_id)
        keeps_issued = keeps_issued and not (contract is not None and steps_cross_caps(contract, plan))
        sharing = self._sharing(draft, plan, work, price, keeps_issued=keeps_issued)
        names = [name for name, _, _ in sharing]
        if row not in names:
            return None
        nodes = [self.quantity(name, its, step) for name, _, its in sharing]
        place = names.index(row)
        whole = total("units of the period", nodes, "quantity")

        def worth(title: str, until: Sequence[Node]) -> Node:
            units = total(title, until, "quantity") if len(until) > 1 else until[0]
            if terms.tier_mode == VOLUME:
                return self.in_steps(tiers, plan, whole, units, VOLUME)
            return self.in_steps(tiers, plan, nothing, units, "graduated")

        def exact(at: int) -> Node:
            upto = worth("units up to it", nodes[: at + 1])
            return less("value", upto, worth("units before it", nodes[:at]), rule="R12") if at else upto

        own = exact(place)._replace(title=f"{row}: at its prices")
        kept = [at for at, (name, _, _) in enumerate(sharing) if keeps_issued and self._is_issued(draft, name)]
        waiting = [at for at in range(len(sharing)) if at not in kept]
        if not kept or place in kept or not waiting or waiting[0] != place:
            return own
        due = [exact(at)._replace(title=f"{names[at]}: at its prices") for at in kept]
        was = [self.value_at(names[at], step) for at in kept]
        return less(
            "with what was issued otherwise before", total("all of them", (*due, own), "amount", plan.currency), *was
        )

    def within(self, row: str, step: int, work: Work, price: Price, plan: LinePlan) -> Node | None:
        """What of the price is for units that are agreed: those that deliveries before it left."""
        terms, draft = methods.units(plan.line.terms), self.sources.draft(step)
        contract = draft.contract(plan.contract_id)
        found = self.sources.line_field(plan.contract_id, plan.version, plan.line.line_id)
        if terms is None or contract is None or found is None:
            return None
        number = agreed_units(versions(contract), plan.line.line_id, price.day)
        if number != terms.units or number is None:
            return None
        title = "units agreed"
        agreed = self.sources.field(title, number, "quantity", found[0], f"{found[2]}.terms.units")
        everything = self._sharing(draft, plan, work, price, of_period=False)
        before = [self.quantity(name, its, step) for name, _, its in _until(everything, row)]
        nothing = constant("none", 0, "quantity")
        left = (
            most("left of them", less("units agreed less those before", agreed, *before), nothing) if before else agreed
        )
        units = least("of these", [self.quantity(row, price, step), left])
        if units.value == price.quantity:
            return self.value_at(row, step)
        if not units.value:
            return constant("none of them", 0, "amount", price.currency)
        period = self._sharing(draft, plan, work, price)
        nodes = [self.quantity(name, its, step) for name, _, its in period]
        if terms.tier_mode == VOLUME:
            return self.in_steps(prices(terms), plan, total("units of the period", nodes, "quantity"), units, "volume")
        earlier = nodes[: len(list(_until(period, row)))]
        first = total("units before it", earlier, "quantity") if earlier else nothing
        return self.in_steps(prices(terms), plan, first, units, "graduated")

    def _is_issued(self, draft: Draft, row: str) -> bool:
        entry = draft.entries.get(row)
        return entry is not None and any(one.amount for one in entry.issued)

    def _sharing(
        self,
        draft: Draft,
        plan: LinePlan,
        work: Work,
        price: Price,
        *,
        of_period: bool = True,
        keeps_issued: bool = True,
    ) -> list[tuple[str, Work, Price]]:
        """Deliveries of its period on its line: those that are issued, then in consumption order (R16)."""
        pool = pool_of(draft, _uncounted(plan) if of_period else plan, work.person_id, price)
        found = []
        for entry in draft.entries.everything():
            other = entry.standing
            its = other.price if other is not None else None
            if other is None or its is None or not its.stepped or not _within(pool, its):
                continue
            order = order_of(its.day, its.approved_at, entry.entry_id, by_approval=False)
            comes_first = keeps_issued and self._is_issued(draft, entry.entry_id)
            found.append((not comes_first, order, entry.entry_id, other, its))
        return [(row, other, its) for _, _, row, other, its in sorted(found, key=lambda one: one[:3])]


def _uncounted(plan: LinePlan) -> LinePlan:
    """As if any number of units were agreed, so that a period is what its steps count."""
    terms = plan.line.terms
    if not isinstance(terms, UnitPrice) or terms.units is None:
        return plan
    return plan._replace(line=plan.line._replace(terms=terms._replace(units=None)))


def _within(pool: SharedPool, price: Price) -> bool:
    same = (price.contract_id, price.line_id, price.content) == (pool.contract_id, pool.line_id, pool.content)
    return same and pool.since <= price.day.isoformat() < pool.until


def _until(sharing: list[tuple[str, Work, Price]], row: str) -> Iterator[tuple[str, Work, Price]]:
    return takewhile(lambda one: one[0] != row, sharing)


def _nothing_yet(row: str, _step: int) -> Node:
    return constant(f"{row}: value", 0, "amount")
