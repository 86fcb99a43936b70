"""What was spent on a line that earns by it, entry by entry, and what remains by an estimate (R37)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.figure import called, later, titled
from domain.revenue.method import COST, HOURS, Opening, Spent
from domain.revenue.spent import foreseen
from domain.terms.kind import LineHistory
from domain.terms.work_ahead import begins_on
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.charges.estimates import known_estimates
from state.charges.spent import SpentWork, spent_by, spent_by_works
from state.charges.terms_known import known_of
from state.terms.opening import earned_before

if TYPE_CHECKING:
    from milepost.explain.entries import VersionStanding


class SpendingNodes(Nodes):
    """As `state/charges/spent.py` sums it."""

    def known(self, place: LineAtStep) -> LineHistory:
        """What was spent on the line by each day, and what remained, of which each number says how it came about when somebody asks."""
        known, draft, contract = place.known, place.draft, place.contract
        so_far = known_of(draft, contract, place.line_id) if place.foreseen is not None else known
        together = {
            name: self._known(place._replace(line_id=name, known=so_far.together[name]), of)
            for name, of in known.together.items()
        }
        return self._known(place._replace(known=so_far), known)._replace(together=together)

    def _known(self, place: LineAtStep, known: LineHistory) -> LineHistory:
        """With what its estimates expect after a day where that is foreseen."""
        works = [self._recorded(at, work) for at, work in self._works(place)] if place.known.spent else []
        spent = [self._called(one) for one in spent_by_works(place.draft, place.contract, place.known.held, works)]
        held, opening = self.nodes.fees.history(place).held, known.opening
        estimates = (
            known_estimates(self.nodes.fees.stated(place), place.contract, place.line_id, held, opening)
            if known.estimates
            else []
        )
        if place.foreseen is not None and known.spent and estimates:
            spent = foreseen(spent, estimates, begins_on(known), place.foreseen, known.spent[-1].day)
        return known._replace(spent=spent, estimates=estimates)

    def _recorded(self, at: VersionStanding, work: SpentWork) -> SpentWork:
        earned = later(work.earned, self.nodes.records.recognised, at.entry.entry_id, at.step)
        hours = later(work.hours, self.nodes.records.worked, at, work.hours)
        cost = self.nodes.rows.number(at, "cost", work.cost, work.currency, self.nodes.entries.cost, at.work.cost)
        return work._replace(hours=hours, cost=cost, earned=earned)

    @staticmethod
    def _called(one: Spent) -> Spent:
        def by(measure: str, value: int) -> int:
            return called(value, f"{measure} by {one.day}")

        apart = {name: (by(HOURS, hours), by(COST, cost)) for name, (hours, cost) in one.apart.items()}
        return one._replace(hours=by(HOURS, one.hours), cost=by(COST, one.cost), apart=apart)

    def opening(self, place: LineAtStep) -> Opening | None:
        """What balances state that the line had earned, with what says so."""
        known = place.known.opening
        if known is None:
            return None
        project_id = place.known.held[-1].line.project_id
        stated = earned_before(self.nodes.fees.stated(place), place.contract.contract_id, project_id, place.line_id)
        beyond = later(known.beyond, self.nodes.over_time.stated_beyond, place)
        earned = (
            titled(stated.earned, f"earned by {known.as_of}") if stated is not None and known.earned else known.earned
        )
        return known._replace(earned=earned, beyond=beyond)

    def _works(self, place: LineAtStep) -> list[tuple[VersionStanding, SpentWork]]:
        """Entries of the line as the place knew them, by day."""
        step = self.nodes.fees.known_at(place)
        found: list[tuple[VersionStanding, SpentWork]] = []
        for entry_id in self.sources.trace.entry_ids():
            at = self.nodes.entries.standing(entry_id, step)
            work = spent_by(at.entry) if at is not None else None
            if at is None or work is None:
                continue
            if (work.contract_id, work.line_id) == (place.contract.contract_id, place.line_id):
                found.append((at, work))
        return sorted(found, key=lambda one: (one[1].day, one[0].entry.entry_id))
