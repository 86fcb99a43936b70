"""What an exception of waiting work blocks: its value at the rate that would be used, where no rate is known its cost."""

from __future__ import annotations

from domain.events.delivery import ExpenseApproved
from domain.events.finance import RevenueAdjusted
from domain.explanation import Node
from domain.figure import node_of
from domain.terms import methods
from domain.terms.unit_price import prices
from domain.work.recorded import at_rate
from domain.work.rows import FEE
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.sources import Sources
from state.books import Price
from state.draft import Draft
from state.terms.known import Blocked, entity_policies, worker_on
from state.work import charge_record
from state.work.at_stake import cost_rate_at_stake, role_at_stake
from state.work.bill_rates import rate_for
from state.work.placing import Placed, day_in, place
from state.work.price_record import RateSources, bill_rate, cost_rate, facts_of, overtime
from state.work.value_charge import delivered

TITLE = "amount blocked"


class AtStakeNodes:
    """Follows `state.work.at_stake` with the books after the step that raised the exception."""

    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
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
        terms, price = methods.units(placed.plan.line.terms), delivered(charge, placed.plan)
        if terms is None or not isinstance(price, Price):
            return None
        value = charge_record.delivered(charge, placed.plan, prices(terms), price).value
        return self.entries.recorded.bound(node_of(value, TITLE))._replace(title=TITLE)

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
        bound, stating = self.entries.recorded.bound, RateSources(draft.reference, draft.assignments(event.project_id))
        rate = bound(bill_rate(stating, event, plan, day, rated.decision))
        markup = overtime(draft.reference, plan, rated.decision)
        facts = *facts_of(plan, day), ("role", role)
        hours, mode = self.entries.hours_to_bill(at, plan), plan.policies.money_mode
        return at_rate(TITLE, hours, rate, bound(markup) if markup else None, plan.currency, mode, facts=facts)

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
        mode = entity_policies(draft, entity).money_mode
        rate, used = (
            self.entries.recorded.bound(cost_rate(found, day)),
            self.sources.entity_policies(entity, "money_mode"),
        )
        facts = ("company", entity.legal_entity_id), ("service date", day.isoformat())
        hours = self.entries.approved(at)
        made = at_rate(TITLE, hours, rate, None, found.currency, mode, facts=facts, policies=used)
        return made._replace(rule="R22")
