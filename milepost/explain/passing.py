"""What of an entry is over the cap of its line and went on to the next (policy `overflow=next_rule`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.explanation import Node, least
from domain.work.recorded import PASSED, PASSED_HOURS, at_rate
from milepost.explain.sources import Sources
from state.books import Price
from state.terms.known import worker_on
from state.terms.plan import plan_of
from state.work.bill_rates import rate_for
from state.work.price_record import RateSources, bill_rate, overtime

if TYPE_CHECKING:
    from milepost.explain.entries import EntryNodes, VersionStanding


class PassingNodes:
    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries
        self._went_back: dict[tuple[str, int], Node | None] = {}

    def passed(self, at: VersionStanding) -> Node:
        """The value that is not billable on the entry's own line."""
        price = _price(at)
        return self.entries.figure(at, PASSED, price.passed)

    def passed_hours(self, at: VersionStanding) -> Node:
        """As many as the part has."""
        return self.entries.figure(at, PASSED_HOURS, _price(at).passed_hours)

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
        stating = RateSources(draft.reference, draft.assignments(event.project_id))
        rate = bill_rate(stating, event, plan, price.day, rated.decision)
        markup = overtime(draft.reference, plan, rated.decision) if rated.markup else None
        title = f"{part.entry.entry_id}: before it went back"
        hours = self.entries.hours_at(part.entry.entry_id, part.step)
        bound = self.entries.recorded.bound
        extra = bound(markup) if markup is not None else None
        value = at_rate(title, hours, bound(rate), extra, price.currency, plan.policies.money_mode)
        return least(title, [value, *self.entries.caps.rooms_under(part, plan, step)])


def _price(at: VersionStanding) -> Price:
    assert at.work.price is not None, "the work is priced"
    return at.work.price
