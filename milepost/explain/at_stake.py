"""What an exception of waiting work blocks: its value at the rate that would be used, where no rate is known its cost."""

from __future__ import annotations

from typing import Any

from domain.events.delivery import ExpenseApproved
from domain.events.finance import RevenueAdjusted
from domain.explanation import Arithmetic, Node, step_of
from domain.money import extend
from domain.terms import methods
from domain.work.hours import worked_hours
from domain.work.rows import FEE
from milepost.explain.arithmetic import by_its_time
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.rating import Rating
from milepost.explain.sources import Sources
from state.books import Cost, Price
from state.draft import Draft
from state.terms.known import Blocked, entity_policies, worker_on
from state.work.at_stake import cost_rate_at_stake, role_at_stake
from state.work.bill_rates import rate_for
from state.work.placing import Placed, approved_at, day_in, place
from state.work.value_charge import delivered

TITLE = "amount blocked"


class AtStakeNodes:
    """Follows `state.work.at_stake` with the books after the step that raised the exception."""

    def __init__(self, sources: Sources, rating: Rating, entries: EntryNodes) -> None:
        self.sources = sources
        self.rating = rating
        self.entries = entries

    def of_entry(self, entry_id: str, step: int, basis: str, category: str) -> Node | None:
        """`basis` is `price` or `cost`; None where the books of the step do not give the amount."""
        entry = self.sources.trace.entry_at(entry_id, step)
        if entry is None or entry.work is None:
            return None
        at = VersionStanding(step, entry, entry.work)
        draft = self.sources.draft(step)
        if at.work.time is None:
            return self._of_charge(at, draft)
        return self._value(at, draft) if basis == "price" else self._cost(at, draft, category)

    def _of_charge(self, at: VersionStanding, draft: Draft) -> Node | None:
        """What was spent, or what the units come to by themselves."""
        charges, work, charge = self.entries.charges, at.work, at.work.charge
        event = charges.event_of(work)
        if isinstance(event, ExpenseApproved):
            return self.sources.field(TITLE, event.amount, "amount", event, "amount", event.currency)
        if isinstance(event, RevenueAdjusted):
            return self.sources.field(TITLE, event.amount, "amount", event, "amount", event.currency)
        if charge is not None and charge.kind == FEE:
            made = charges.fees.fee(charge, draft)
            return made._replace(title=TITLE) if made is not None else None
        placed = place(draft, charge, ("outside_contract_dates",)) if charge is not None else None
        if charge is None or not isinstance(placed, Placed):
            return None
        price = delivered(charge, placed.plan)
        made = charges.value(at.entry.entry_id, at.step, work, price, placed.plan) if isinstance(price, Price) else None
        return made._replace(title=TITLE) if made is not None else None

    def _value(self, at: VersionStanding, draft: Draft) -> Node | None:
        event = at.work.event
        placed = place(draft, event, ("outside_contract_dates",))
        worker = None if isinstance(placed, Blocked) else worker_on(draft, event.person_id, placed.day)
        if isinstance(placed, Blocked) or worker is None:
            return None
        plan, day, role = placed.plan, placed.day, role_at_stake(draft, event, worker)
        rated = rate_for(draft, event, draft.project(event.project_id), worker.person, role, plan, day)
        if rated.rate is None or rated.decision is None:
            return None
        hours = methods.billable_hours(plan.line.terms, worked_hours(event), event.billable_hours, plan.policies)
        mode = plan.policies.money_mode
        value = extend(hours, rated.rate, rated.markup, plan.currency, mode)
        price = Price(
            plan.contract_id,
            plan.line.line_id,
            plan.currency,
            day,
            approved_at(event),
            role,
            rated.rate,
            rated.markup,
            rated.digest,
            hours,
            value,
            memo=0,
        )
        operands = [
            self.entries.hours(at, price, plan, draft),
            self.rating.decided(event, day, plan, draft, rated.decision),
        ]
        if rated.markup:
            operands.append(self.rating.markup_decided(rated.markup, plan, draft, rated.decision))
        parameters: dict[str, Any] = {"step": step_of(plan.currency), "mode": mode}
        facts = (
            ("service date", day.isoformat()),
            ("contract", f"{plan.contract_id} version {plan.version}, line {plan.line.line_id}"),
            ("role", role),
        )
        arithmetic = Arithmetic("extend", tuple(operands), parameters)
        return by_its_time(Node(TITLE, value, "amount", plan.currency, arithmetic, "R10", facts=facts))

    def _cost(self, at: VersionStanding, draft: Draft, category: str) -> Node | None:
        event = at.work.event
        worker = worker_on(draft, event.person_id, event.worked_on or day_in(event, "UTC"))
        if worker is None:
            return None
        entity = worker.entity
        day = day_in(event, entity.zone)
        found = cost_rate_at_stake(draft, event, worker, category)
        if found is None:
            return None
        hours = worked_hours(event)
        mode = entity_policies(draft, entity).money_mode
        value = extend(hours, found.rate, 0, found.currency, mode)
        cost = Cost(
            entity.legal_entity_id,
            found.currency,
            found.cost_rate_id,
            found.version,
            found.rate,
            hours,
            value,
            day,
            "",
        )
        operands = (self.entries.approved(at), self.rating.cost_rate(cost, draft))
        parameters: dict[str, Any] = {"step": step_of(found.currency), "mode": mode}
        facts = (("company", entity.legal_entity_id), ("service date", day.isoformat()))
        node = Node(
            TITLE,
            value,
            "amount",
            found.currency,
            Arithmetic("extend", operands, parameters),
            "R22",
            self.sources.entity_policies(entity, "money_mode"),
            facts,
        )
        return by_its_time(node)
