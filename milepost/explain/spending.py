"""What was spent on a line that earns by it, entry by entry, and what remains by an estimate (R37)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.events.commercial import BalancesBroughtForward
from domain.events.delivery import EstimateRevised
from domain.explanation import Node, total
from domain.figure import called, later
from domain.revenue.method import COST, HOURS, Estimated, Opening, Spent
from domain.revenue.spent import foreseen
from domain.terms.kind import LineHistory
from domain.terms.work_ahead import begins_on
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes
from state.charges.spent import SpentWork, spent_by, spent_by_works
from state.charges.terms_known import known_of

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
        estimates = [self._estimated(place, one) for one in known.estimates]
        if place.foreseen is not None and known.spent and estimates:
            spent = foreseen(spent, estimates, begins_on(known), place.foreseen, known.spent[-1].day)
        return known._replace(spent=spent, estimates=estimates)

    def _recorded(self, at: VersionStanding, work: SpentWork) -> SpentWork:
        earned = later(work.earned, self.nodes.records.recognised, at.entry.entry_id, at.step)
        hours, cost = later(work.hours, self._hours, at, work), later(work.cost, self._cost, at)
        return work._replace(hours=hours, cost=cost, earned=earned)

    @staticmethod
    def _called(one: Spent) -> Spent:
        def by(measure: str, value: int) -> int:
            return called(value, f"{measure} by {one.day}")

        apart = {name: (by(HOURS, hours), by(COST, cost)) for name, (hours, cost) in one.apart.items()}
        return one._replace(hours=by(HOURS, one.hours), cost=by(COST, one.cost), apart=apart)

    def _estimated(self, place: LineAtStep, known: Estimated) -> Estimated:
        def of_row(measure: str, number: int, value: int) -> int:
            return later(value, self._row, place, measure, known, number)

        months = [
            row._replace(hours=of_row(HOURS, number, row.hours), cost=of_row(COST, number, row.cost))
            for number, row in enumerate(known.months)
        ]
        return known._replace(months=months)

    def _row(self, place: LineAtStep, measure: str, known: Estimated, number: int) -> Node:
        """What an estimate says of a month; of a budget all of it."""
        if known.is_budget:
            return self._budget(place, known)
        event, (unit, currency) = self._estimate(place, known), _unit(place, measure)
        row = event.remaining[number]
        value, path = row.hours if measure == HOURS else row.cost, f"remaining[{number}].{measure}"
        return self.sources.field(f"{measure} of {row.month}", value, unit, event, path, currency)

    def _budget(self, place: LineAtStep, known: Estimated) -> Node:
        agreed = next(one for one in place.known.held if one.contract.version == known.version)
        return self.nodes.fees.line_field(place, agreed, "cost budget", known.months[0].cost, "cost_budget")

    def opening(self, place: LineAtStep) -> Opening | None:
        """What balances state that the line had earned, with what says so."""
        known = place.known.opening
        if known is None:
            return None
        beyond = later(known.beyond, self.nodes.over_time.stated_beyond, place)
        return known._replace(earned=later(known.earned, self._earned_before, place, known), beyond=beyond)

    def _earned_before(self, place: LineAtStep, opening: Opening) -> Node:
        title, currency = f"earned by {opening.as_of}", place.contract.terms.currency
        event, number = self.balances(place)
        stated = event.lines[number]
        of = (("revenue", stated.revenue), ("conceded", stated.conceded))
        parts = [
            self.sources.field(f"{name} of {title}", amount, "amount", event, f"lines[{number}].{name}", currency)
            for name, amount in of
            if amount or name == "revenue"
        ]
        return parts[0]._replace(title=title) if len(parts) == 1 else total(title, parts, "amount", currency)

    def balances(self, place: LineAtStep) -> tuple[BalancesBroughtForward, int]:
        """Those that brought the line, and its number there."""
        found = self.nodes.fees.brought_forward(place)
        assert found is not None, "its balances are in the books"
        return found

    def _estimate(self, place: LineAtStep, known: Estimated) -> EstimateRevised:
        projects = {agreed.line.project_id for agreed in place.known.held}
        return next(
            event
            for event in self.sources.events(EstimateRevised)
            if event.project_id in projects
            and (event.line_id, event.version) == (place.line_id, known.version)
            and event.contract_id in (None, place.contract.contract_id)
        )

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

    def _hours(self, at: VersionStanding, work: SpentWork) -> Node:
        named = self.sources.named_part(at.entry.entry_id, "hours", work.hours, "", at.step)
        return named or self.nodes.entries.worked_on(at)

    def _cost(self, at: VersionStanding) -> Node:
        cost = at.work.cost
        assert cost is not None, "it has a currency"
        named = self.sources.named_part(at.entry.entry_id, "cost", cost.amount, cost.currency, at.step)
        return named or self.nodes.entries.cost(at, cost)


def _unit(place: LineAtStep, measure: str) -> tuple[str, str]:
    return ("hours", "") if measure == HOURS else ("amount", place.contract.terms.currency)
