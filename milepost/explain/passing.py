"""What of an entry is over the cap of its line and went on to the next (policy `overflow=next_rule`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.explanation import Node, agreeing, evaluated, least, less, stated, step_of
from milepost.explain.sources import Sources
from state.books import PartOf, Price
from state.terms.known import worker_on
from state.terms.plan import plan_of
from state.work.bill_rates import rate_for

if TYPE_CHECKING:
    from milepost.explain.entries import EntryNodes, VersionStanding


class PassingNodes:
    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries
        self._went_back: dict[tuple[str, int], Node | None] = {}

    def hours(self, at: VersionStanding, part_of: PartOf) -> Node:
        """Hours of a part: of its whole's hours as much as of its value went on (R17)."""
        title = f"{at.entry.entry_id}: hours that went on"
        whole = self.entries.standing(part_of.row, at.step)
        told = stated(title, at.work.event.hours or 0, "hours")
        if whole is None or whole.work.price is None:
            return told
        return agreeing(self._passed_hours(title, whole), told)

    def passed(self, at: VersionStanding) -> Node:
        """The value that is not billable on the entry's own line."""
        price = _price(at)
        title = f"{at.entry.entry_id}: passed on"
        told = stated(title, price.passed, "amount", price.currency, rule="R17")
        return agreeing(less(title, self.entries.value(at), self.entries.billable(at), rule="R17"), told)

    def passed_hours(self, at: VersionStanding) -> Node:
        """As many as the part has."""
        title = f"{at.entry.entry_id}: hours passed on"
        return agreeing(self._passed_hours(title, at), stated(title, _price(at).passed_hours, "hours", rule="R17"))

    def _passed_hours(self, title: str, at: VersionStanding) -> Node:
        """What of the hours that amount pays for."""
        return self._hours_of(title, at, self.passed(at))

    def _hours_of(self, title: str, at: VersionStanding, value: Node) -> Node:
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "half_up"}
        operands = (self.entries.hours_at(at.entry.entry_id, at.step), value, self.entries.value(at))
        return evaluated(title, "proportion", operands, parameters, "hours", rule="R17")

    # What went back

    def before_it_went_back(self, part: VersionStanding, step: int) -> Node | None:
        """What a part came to by the terms of the step that took it back: rated again with the hours that it had before."""
        key = (part.entry.entry_id, step)
        if key not in self._went_back:
            self._went_back[key] = self._before_it_went_back(part, step)
        return self._went_back[key]

    def _before_it_went_back(self, part: VersionStanding, step: int) -> Node | None:
        price, event, draft = _price(part), part.work.time, self.sources.draft(step)
        plan = plan_of(draft, price)
        worker = worker_on(draft, event.person_id, price.day) if event is not None else None
        if event is None or plan is None or worker is None:
            return None
        project = draft.project(event.project_id)
        rated = rate_for(draft, event, project, worker.person, price.role, plan, price.day)
        if rated.decision is None:
            return None
        rate = self.entries.rating.decided(event, price.day, plan, draft, rated.decision)
        operands = [self.entries.hours_at(part.entry.entry_id, part.step), rate]
        if rated.markup:
            operands.append(self.entries.rating.markup_decided(rated.markup, plan, draft, rated.decision))
        parameters: dict[str, Any] = {"step": step_of(price.currency), "mode": plan.policies.money_mode}
        title = f"{part.entry.entry_id}: before it went back"
        value = evaluated(title, "extend", operands, parameters, "amount", price.currency, rule="R10")
        return least(title, [value, *self.entries.caps.rooms_under(part, plan, step)])


def _price(at: VersionStanding) -> Price:
    assert at.work.price is not None, "the work is priced"
    return at.work.price
