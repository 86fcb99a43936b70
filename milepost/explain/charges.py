"""What is billed and is no hour of work: expenses, units delivered, what terms charge and earn by themselves (`fees.py`, `earned.py`); and
what caps would leave of an entry had nothing been issued, where a minimum compares with that (`state/charges/unissued.py`)."""

from typing import Any

from domain.caps.recorded import CLAIMED, HOURS, ORDERS, SETTLED, SHARE, WITHIN, CapFigures, figures_of
from domain.events.finance import RevenueAdjusted
from domain.explanation import Node, less
from domain.figure import Recorded
from domain.terms import methods
from domain.units import Amount
from domain.why import Why
from domain.work.rows import ADJUSTMENT, DELIVERY, OPENING, SCHEDULED_REVENUE, row_id
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from milepost.explain.recorded import RecordedNodes
from state.books import Charge, Price, Work
from state.caps.claims import allotments
from state.caps.sharers import without_issue
from state.charges.unissued import unissued
from state.revenue.method_change import is_change
from state.revenue.reached_back import is_rest, rest_of
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, plan_of


class ChargeNodes(Nodes):
    """Nodes of rows that are charges; drafts are of the step that gave the row its value."""

    def begin(self) -> None:
        # What deliveries of a line would come to had nothing been issued, as after a step.
        self._by_day: dict[tuple[str, str, int], dict[str, Amount]] = {}

    # Events

    def event_of(self, work: Work) -> Any:
        """The fact behind an expense or a delivery."""
        record = self.sources.trace.record_at(work.log_offset)
        return record.event if record is not None else None

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
        return given(self._opening(charge, name := "uncounted_hours" if by_hours else "uncounted"), name)

    def _opening(self, charge: Charge, name: str) -> Node | None:
        """What balances that were brought forward state of a row."""
        return self.recorded.figure(figure_of(row_id(OPENING, charge.charge_id), charge.version, name))

    def fee(self, work: Work, step: int) -> Node | None:
        """What the terms charge by themselves."""
        return self.nodes.fees.fee(work.charge, self.sources.draft(step), step) if work.charge is not None else None

    def earned(self, work: Work, step: int) -> Node | None:
        """Of a charge that earns otherwise than it is billed."""
        charge, draft = work.charge, self.sources.draft(step)
        if charge is not None and charge.kind == ADJUSTMENT:
            return self._adjusted(work)
        if charge is None or charge.kind != SCHEDULED_REVENUE:
            return None
        if charge.earned_from is not None and charge.earned_to is not None:
            return self.nodes.over_time.month(charge, draft)
        if is_rest(charge):
            return self.recorded.figure(rest_of(charge.contract_id or "", charge.line_id or ""), step)
        if is_change(charge):
            return self.nodes.over_time.change(charge, draft)
        return self.nodes.fees.earned(charge, draft)

    def _adjusted(self, work: Work) -> Node | None:
        """What somebody has adjusted by hand, and why."""
        event = self.event_of(work)
        if not isinstance(event, RevenueAdjusted):
            return None
        by = ("asked for by", event.requested_by), ("approved by", event.approved_by or "nobody else")
        made = self.sources.field("adjusted by hand", event.amount, "amount", event, "amount", event.currency)
        return made._replace(facts=(("because", event.reason), *by))

    # Deliveries

    def by_day_alone(self, row: str, step: int, price: Price) -> Node | None:
        """What a delivery would be charged had nothing been issued; None where that is no question."""
        plan = plan_of(self.sources.draft(step), price)
        terms = methods.units(plan.line.terms) if plan is not None else None
        if plan is None or terms is None or terms.units is not None or not price.stepped:
            return None
        key = (plan.contract_id, plan.line.line_id, step)
        if key not in self._by_day:
            draft = self.sources.trace.draft_at(step)
            draft.why = self.recorded.why.fork()
            draft.why.now = step
            contract = draft.contract_in_books(plan.contract_id)
            found = without_issue(draft, contract, plan)
            self._by_day[key] = {name: by_day.value for name, (_, by_day) in found.items()}
        value = self._by_day[key].get(row)
        return self.recorded.bound(value.node) if isinstance(value, Recorded) else None


WHOSE = "unissued"


class UnissuedNodes(Nodes):
    """The rule allots the rows once more beside the books, as after a step, and records that apart."""

    def begin(self) -> None:
        self._allotted: dict[tuple[str, frozenset[str], int], RecordedNodes] = {}

    def billable(self, at: VersionStanding) -> Node | None:
        """What may be billed of the entry then; None where no cap could leave it something else."""
        price, draft = at.work.price, self.sources.draft(at.step)
        plan = plan_of(draft, price) if price is not None else None
        if plan is None or not plan.every_rule:
            return None
        orders = figures_of(WHOSE, plan.contract_id, allotments(plan)[-1], ORDERS)
        made = self._recorded(plan, at.step).part(orders, at.entry.entry_id, SHARE, at.step)
        if made is None or made.value == self._value(at).value:
            return made
        return made._replace(title=f"{at.entry.entry_id}: what caps would allow had nothing been issued")

    def _recorded(self, plan: LinePlan, step: int) -> RecordedNodes:
        key = (plan.contract_id, plan.group, step)
        if key not in self._allotted:
            why, draft = Why(), self.sources.draft(step)
            why.now = step
            contract = draft.contract_in_books(plan.contract_id)
            mode, allotment = plan.policies.money_mode, allotments(plan)[-1]
            of = CapFigures(why, plan.contract_id, allotment, plan.currency, mode, step, 0, WHOSE)
            unissued(draft, contract, plan, of)
            self._allotted[key] = RecordedNodes(self.sources, why)
            self._allotted[key].resolvers[WHOSE] = self._operand
        return self._allotted[key]

    def _operand(
        self, name: str, _contract_id: str, _allotment: str, entry_id: str, step: str, _turn: str
    ) -> Node | None:
        """All that is settled is credits; every other entry takes its place by its day."""
        at = self.nodes.entries.standing(entry_id, int(step))
        if at is None:
            return None
        if name == CLAIMED + HOURS:
            return self.nodes.caps.hours_claimed(at)
        if name == WITHIN:
            return self.nodes.entries.within(at)
        return self._value(at) if name in {CLAIMED, SETTLED} else None

    def _value(self, at: VersionStanding) -> Node:
        """What of the value is not given up; of units at the steps of their day."""
        price, charge, entry_id = at.work.price, at.work.charge, at.entry.entry_id
        if price is not None and charge is not None and charge.kind == DELIVERY:
            by_day = self.nodes.charges.by_day_alone(entry_id, at.step, price)
            if by_day is not None and by_day.value != price.value:
                by_day = by_day._replace(title=f"{entry_id}: at its steps by day")
                given_up = self.nodes.given_up.written_off(at)
                return less(by_day.title, by_day, given_up) if given_up.value else by_day
        return self.nodes.given_up.chargeable(at)
