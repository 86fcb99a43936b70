"""What is billed and is no hour of work: expenses, units delivered, what terms charge and earn by themselves (`fees.py`, `earned.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any

from domain.caps.consume import order_of
from domain.contract import agreed_units
from domain.events.common import CostPlus, Expenses, PriceTier, UnitPrice
from domain.events.delivery import ExpenseApproved, UnitsDelivered
from domain.events.finance import RevenueAdjusted
from domain.explanation import Node, agreeing, constant, evaluated, least, less, most, stated, step_of, total
from domain.money import format_decimal
from domain.reference.exchange import Exchange
from domain.terms import methods
from domain.terms.unit_price import VOLUME, path_of_prices, prices
from domain.units import QUANTITY_SCALE
from domain.work.rows import ADJUSTMENT, DELIVERY, EXPENSE, ONLY_EARNED, OPENING, SCHEDULED_REVENUE, row_id
from milepost.explain.earned import EarnedNodes
from milepost.explain.fees import FeeNodes
from milepost.explain.rating import Rating
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.books import Charge, Cost, Price, Work
from state.caps.sharers import SharedPool, pool_of, steps_cross_caps
from state.draft import Draft
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, plan_of, versions


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

    def quantity(self, work: Work, price: Price) -> Node:
        """How much of its unit a charge is; None of what terms charge."""
        event, title = self.event_of(work), f"{work.subject_id}: quantity"
        if isinstance(event, UnitsDelivered):
            return self.sources.field(title, event.units, "quantity", event, "units")
        if isinstance(event, ExpenseApproved) and event.quantity is not None:
            return self.sources.field(title, event.quantity, "quantity", event, "quantity")
        found = self.hours(work, "units")
        return found if found is not None else stated(title, price.quantity, "quantity")

    # Cost

    def spent(self, work: Work) -> Node:
        """What an expense cost: tax that is not recovered is part of it (R34)."""
        event = self.event_of(work)
        title = f"{row_id(work.subject_kind, work.subject_id)}: cost"
        charge = work.charge
        assert charge is not None, "an expense is a charge"
        if charge.kind == OPENING and (found := self._opening(charge, "cost")):
            return found._replace(title=title)
        if not isinstance(event, ExpenseApproved):
            made = charge.amount + charge.tax - charge.tax_recoverable
            return stated(title, made, "amount", charge.currency)
        spent = self.sources.field("spent", event.amount, "amount", event, "amount", event.currency)
        if not event.tax_amount and not event.tax_recoverable:
            return spent._replace(title=title)
        tax = self.sources.field("tax", event.tax_amount, "amount", event, "tax_amount", event.currency)
        gross = total("with tax", (spent, tax), "amount", event.currency)
        return less(title, gross, self.tax(work), rule="R34") if event.tax_recoverable else gross._replace(title=title)

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

    def tax(self, work: Work) -> Node:
        """Input tax that is recovered."""
        event, charge = self.event_of(work), work.charge
        assert charge is not None, "an expense is a charge"
        if isinstance(event, ExpenseApproved):
            return self.sources.field(
                "tax that is recovered", event.tax_recoverable, "amount", event, "tax_recoverable", event.currency
            )
        return stated("tax that is recovered", charge.tax_recoverable, "amount", charge.currency)

    def cost(self, work: Work, cost: Cost, draft: Draft) -> Node:
        entity = draft.reference.entity(cost.legal_entity_id)
        facts = (("company", cost.legal_entity_id), ("service date", cost.day.isoformat()))
        made = self.spent(work)._replace(facts=facts, policies=self.sources.entity_policies(entity, "cost_policy"))
        return agreeing(made, stated(made.title, cost.amount, "amount", cost.currency))

    # Value

    def value(self, row: str, step: int, work: Work, price: Price, plan: LinePlan) -> Node | None:
        charge, draft = work.charge, self.sources.draft(step)
        assert charge is not None, "the work is a charge"
        if charge.kind == EXPENSE:
            return self._of_expense(work, charge, price, plan, draft)
        if charge.kind == DELIVERY:
            return self._of_delivery(row, step, work, price, plan)
        if charge.kind in ONLY_EARNED:
            return constant("nothing to bill", 0, "amount", price.currency)
        if charge.kind == OPENING:
            return self._opening(charge, "value")
        return self.fees.fee(charge, draft)

    def earned(self, work: Work, price: Price, draft: Draft) -> Node | None:
        """Of a charge that earns otherwise than it is billed."""
        charge = work.charge
        if charge is not None and charge.kind == OPENING and charge.earned is not None:
            return self._opening(charge, "earned")
        if charge is not None and charge.kind == ADJUSTMENT:
            return self._adjusted(work)
        if charge is None or charge.kind != SCHEDULED_REVENUE:
            return constant("revenue is not with the charge", 0, "amount", price.currency)
        if charge.earned_from is not None and charge.earned_to is not None:
            return self.over_time.month(charge, draft)
        return self.fees.earned(charge, draft)

    def _adjusted(self, work: Work) -> Node | None:
        """What somebody has adjusted by hand, and why."""
        event = self.event_of(work)
        if not isinstance(event, RevenueAdjusted):
            return None
        by = ("asked for by", event.requested_by), ("approved by", event.approved_by or "nobody else")
        made = self.sources.field("adjusted by hand", event.amount, "amount", event, "amount", event.currency)
        return made._replace(facts=(("because", event.reason), *by))

    def _of_expense(self, work: Work, charge: Charge, price: Price, plan: LinePlan, draft: Draft) -> Node | None:
        passed = methods.expense(plan.line.terms, charge.category or "")
        if passed is None:
            return constant("the charges of the terms are for it", 0, "amount", price.currency)
        if passed.tiers:
            nothing = constant("before it", 0, "quantity")
            return self.in_steps(passed.tiers, plan, nothing, self.quantity(work, price), "graduated", charge.category)
        exchange = self.rates_to(charge.currency, plan, charge.day, draft)
        if exchange is None:
            return None
        rates, legs = exchange
        operands: list[Node] = [self.spent(work), *rates]
        if price.markup:
            operands.append(self.markup(plan))
        return self.at_cost(operands, legs, plan)

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
        terms = plan.line.terms
        found = self.sources.line_field(plan.contract_id, plan.version, plan.line.line_id)
        if found is not None and isinstance(terms, Expenses):
            return self.sources.field("markup", terms.markup, "percent", found[0], f"{found[2]}.terms.markup")
        if found is not None and isinstance(terms, CostPlus):
            return self.sources.field("fee", terms.fee_percent, "percent", found[0], f"{found[2]}.terms.fee_percent")
        return stated("markup", methods.cost_markup(terms) or 0, "percent")

    # Prices by quantity

    def in_steps(
        self, tiers: Sequence[PriceTier], plan: LinePlan, first: Node, units: Node, by: str, category: str | None = None
    ) -> Node:
        mode, step = plan.policies.money_mode, step_of(plan.currency)
        operands = (first, units, *self._prices(tiers, plan, category))
        parameters: dict[str, Any] = {
            "by": by,
            "up_to": tuple(format_decimal(tier.up_to, QUANTITY_SCALE) for tier in tiers if tier.up_to is not None),
            "step": step,
            "mode": mode,
        }
        return evaluated("value", "steps", operands, parameters, "amount", plan.currency, rule="R33")

    def _prices(self, tiers: Sequence[PriceTier], plan: LinePlan, category: str | None) -> list[Node]:
        found = self.sources.line_field(plan.contract_id, plan.version, plan.line.line_id)
        title = "price of a unit"
        if found is None:
            return [stated(title, tier.unit_price, "rate", plan.currency) for tier in tiers]
        path = f"{found[2]}.terms{_path_of_prices(plan.line.terms, category)}"
        return [
            self.sources.field(title, tier.unit_price, "rate", found[0], path.format(place=place), plan.currency)
            for place, tier in enumerate(tiers)
        ]

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
        tiers, units = prices(terms), self.quantity(work, price)
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
        nodes = [self.quantity(one, its) for _, one, its in sharing]
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
        before = [self.quantity(other, its) for name, other, its in _until(everything, row)]
        nothing = constant("none", 0, "quantity")
        left = (
            most("left of them", less("units agreed less those before", agreed, *before), nothing) if before else agreed
        )
        units = least("of these", [self.quantity(work, price), left])
        if units.value == price.quantity:
            return self.value_at(row, step)
        if not units.value:
            return constant("none of them", 0, "amount", price.currency)
        period = self._sharing(draft, plan, work, price)
        nodes = [self.quantity(other, its) for _, other, its in period]
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


def _path_of_prices(terms: Any, category: str | None) -> str:
    """Within the terms; `{place}` is that of the step."""
    if isinstance(terms, UnitPrice):
        return path_of_prices(terms)
    for place, per_diem in enumerate(terms.per_diems):
        if per_diem.category == category:
            return f".per_diems[{place}].unit_price"
    for place, mileage in enumerate(terms.mileage):
        if mileage.category == category:
            return f".mileage[{place}].tiers[{{place}}].unit_price"
    return ""


def _nothing_yet(row: str, _step: int) -> Node:
    return constant(f"{row}: value", 0, "amount")
