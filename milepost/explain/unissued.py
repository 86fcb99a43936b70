"""What caps would leave of an entry had nothing been issued, where a minimum compares with that (`state/charges/unissued.py`)."""

from __future__ import annotations

from domain.caps.recorded import CLAIMED, HOURS, ORDERS, SETTLED, SHARE, CapFigures, figures_of
from domain.explanation import Node, less
from domain.why import Why
from domain.work.rows import DELIVERY
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from milepost.explain.recorded import RecordedNodes
from state.caps.claims import allotments
from state.charges.unissued import unissued
from state.terms.plan import LinePlan, plan_of

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
