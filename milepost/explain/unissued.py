"""What caps would leave of an entry had nothing been issued, where a minimum compares with that (`state/charges/unissued.py`)."""

from __future__ import annotations

from typing import Any

from domain.explanation import Node, agreeing, less, stated
from domain.work.rows import DELIVERY
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.headroom import CapConsumer, ConsumptionOrder, HeadroomNodes
from milepost.explain.sources import Sources
from state.caps.claims import allotments, granted_of
from state.charges.unissued import unissued
from state.terms.plan import LinePlan, plan_of


class UnissuedNodes:
    """All that is settled is credits; every other entry takes its place by its day."""

    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries
        self.headroom = HeadroomNodes(sources, entries, self)
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._consumption_orders: dict[tuple[Any, ...], ConsumptionOrder] = {}

    def billable(self, at: VersionStanding) -> Node | None:
        """What may be billed of the entry then; None where no cap could leave it something else."""
        price, draft = at.work.price, self.sources.draft(at.step)
        plan = plan_of(draft, price) if price is not None else None
        if plan is None or not plan.every_rule:
            return None
        consumption = self.consumption(plan, allotments(plan)[-1], at.step)
        own = consumption.by_entry.get(at.entry.entry_id)
        return self.granted_of(own, consumption) if own is not None else None

    def consumption(self, plan: LinePlan, allotment: str, step: int) -> ConsumptionOrder:
        key = (plan.contract_id, plan.group, allotment, step)
        if key not in self._consumption_orders:
            draft = self.sources.draft(step)
            contract = draft.contract(plan.contract_id)
            assert contract is not None, "the plan is of a contract in the books"
            consumers = tuple(CapConsumer(*row) for row in unissued(draft, contract, plan))
            self._consumption_orders[key] = ConsumptionOrder(
                step, allotment, consumers, {consumer.entry_id: consumer for consumer in consumers}
            )
        return self._consumption_orders[key]

    def part_of(self, consumer: CapConsumer, consumption: ConsumptionOrder, what: str, *, by_hours: bool) -> Node:
        return self.headroom.part(consumer, consumption, what, by_hours=by_hours)

    def granted_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        key = ("granted", consumer.entry_id, consumption.step)
        if key not in self._memo:
            value, amount = self._value(consumer, consumption), granted_of(consumption.allotment, consumer.stake).amount
            title = f"{consumer.entry_id}: what caps would allow had nothing been issued"
            made = (
                value
                if value.value == amount
                else self.headroom.of(consumer, consumption, value).amount._replace(title=title)
            )
            self._memo[key] = agreeing(made, stated(title, amount, "amount", consumer.plan.currency, rule="R16"))
        return self._memo[key]

    def settled_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        told = stated(
            f"{consumer.entry_id}: gives back", consumer.claim.pinned, "amount", consumer.plan.currency, rule="R16"
        )
        return agreeing(self._value(consumer, consumption), told)

    def _value(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """What of the value is not given up; of units at the steps of their day."""
        at = self.headroom.at(consumer, consumption)
        price, charge = at.work.price, at.work.charge
        if price is not None and charge is not None and charge.kind == DELIVERY:
            by_day: Node | None = self.entries.charges.by_day_alone(consumer.entry_id, at.step, at.work, price)
            if by_day is not None and by_day.value != price.value:
                by_day = by_day._replace(title=f"{consumer.entry_id}: at its steps by day")
                given_up = self.entries.written_off(at)
                return less(by_day.title, by_day, given_up) if given_up.value else by_day
        return self.entries.chargeable(at)
