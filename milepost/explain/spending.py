"""What was spent on a line that earns by it, entry by entry, and what remains by an estimate (R37)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from domain.events.commercial import BalancesBroughtForward
from domain.events.delivery import EstimateRevised
from domain.explanation import Node, constant, most, total
from domain.revenue.method import COST, HOURS, Course, Estimated, Opening
from domain.revenue.spent import by, counts, estimate
from milepost.explain.fees import FeeNodes, LineAtStep
from milepost.explain.sources import Sources
from state.charges.spent import SpentWork, kept_apart, spent_by
from state.terms.plan import plan_of

if TYPE_CHECKING:
    from milepost.explain.entries import VersionStanding


class SpendingNodes:
    """As `state/charges/spent.py` sums it."""

    def __init__(self, sources: Sources, fees: FeeNodes) -> None:
        self.sources = sources
        self.fees = fees

    def spent(self, place: LineAtStep, course: Course, measure: str, day: date) -> Node:
        """By the end of a day: hours, or cost in contract currency; of days that a forecast foresees what is expected."""
        unit, currency = _unit(place, measure)
        title, value = f"{measure} by {day}", by(course, day, measure)
        works = [each for each in self._works(place) if each[1].day <= day and _counts(place, course, measure, each[1])]
        parts = self._hours(works) if measure == HOURS else self._costs(place, works, currency)
        made = total(title, parts, unit, currency)
        if place.foreseen and made.value != value:
            return self._expected(place, course, measure, day, made)
        return made if made.value == value else most(title, made, constant("nothing", 0, unit, currency))

    def _expected(self, place: LineAtStep, course: Course, measure: str, day: date, so_far: Node) -> Node:
        """As much as was spent by an estimate's day and was to come by the day in question."""
        known = estimate(course._replace(original=False), day, measure)
        if known is None:
            return so_far
        if known.is_budget:
            return most(f"{measure} expected by {day}", so_far, self._budget(place, known))
        event = self._estimate(place, known)
        is_last = day >= place.known.spent[-1].day
        due = [
            self._row(place, measure, event, number)
            for number, row in enumerate(event.remaining)
            if (is_last or row.month <= day.isoformat()[:7]) and counts(course, measure, _category(place, row.category))
        ]
        unit, currency = _unit(place, measure)
        expected = total(
            f"as estimated on {known.as_of}", [self.spent(place, course, measure, known.as_of), *due], unit, currency
        )
        return most(f"{measure} expected by {day}", so_far, expected)

    def _row(self, place: LineAtStep, measure: str, event: EstimateRevised, number: int) -> Node:
        row, (unit, currency) = event.remaining[number], _unit(place, measure)
        name = HOURS if measure == HOURS else COST
        value, path = row.hours if measure == HOURS else row.cost, f"remaining[{number}].{name}"
        return self.sources.field(f"{name} of {row.month}", value, unit, event, path, currency)

    def remaining(self, place: LineAtStep, course: Course, measure: str, known: Estimated) -> Node:
        """Of an estimate all its months together; of a budget all of it."""
        if known.is_budget:
            return self._budget(place, known)
        unit, currency = _unit(place, measure)
        event = self._estimate(place, known)
        parts = [
            self._row(place, measure, event, number)
            for number, row in enumerate(event.remaining)
            if counts(course, measure, _category(place, row.category))
        ]
        title = f"remained after {known.as_of}"
        return parts[0]._replace(title=title) if len(parts) == 1 else total(title, parts, unit, currency)

    def _budget(self, place: LineAtStep, known: Estimated) -> Node:
        agreed = next(one for one in place.known.held if one.contract.version == known.version)
        return self.fees.line_field(place, agreed, "cost budget", known.months[0].cost, "cost_budget")

    def earned(self, place: LineAtStep, day: date, recognised: Callable[[str, int], Node]) -> Node:
        """What the line's work earned by itself by the end of a day; `recognised` is what a row has at a step."""
        works = [at for at, work in self._works(place) if work.day <= day and work.earned]
        nodes = [recognised(at.entry.entry_id, at.step) for at in works]
        return total(f"earned by {day}", nodes, "amount", place.contract.terms.currency)

    def opening(self, place: LineAtStep, opening: Opening) -> Node:
        """What balances state that the line had earned."""
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
        found = self.fees.brought_forward(place)
        assert found is not None, "its balances are in the books"
        return found

    def _estimate(self, place: LineAtStep, known: Estimated) -> EstimateRevised:
        projects = {agreed.line.project_id for agreed in place.known.held}
        return next(
            record.event
            for record in self.sources.trace.records_of(EstimateRevised)
            if isinstance(record.event, EstimateRevised)
            and record.event.project_id in projects
            and (record.event.line_id, record.event.version) == (place.line_id, known.version)
            and record.event.contract_id in (None, place.contract.contract_id)
        )

    def _works(self, place: LineAtStep) -> list[tuple[VersionStanding, SpentWork]]:
        """Entries of the line as the place knew them, by day."""
        step = self.fees.known_at(place)
        found: list[tuple[VersionStanding, SpentWork]] = []
        for entry_id in self.sources.trace.entry_ids():
            at = self.fees.entries.standing(entry_id, step)
            work = spent_by(at.entry) if at is not None else None
            if work is not None and (work.contract_id, work.line_id) == (place.contract.contract_id, place.line_id):
                found.append((at, work))
        return sorted(found, key=lambda one: (one[1].day, one[0].entry.entry_id))

    def _hours(self, works: Sequence[tuple[VersionStanding, SpentWork]]) -> list[Node]:
        found = []
        for at, work in works:
            if work.hours and self.sources.are_many:
                found.append(self.sources.part(at.entry.entry_id, "hours", work.hours, "hours", "", at.step))
            elif work.hours:
                found.append(self.fees.entries.worked_on(at))
        return found

    def _costs(
        self, place: LineAtStep, works: Sequence[tuple[VersionStanding, SpentWork]], currency: str
    ) -> list[Node]:
        """Cost in another currency by the rate of its day, all of a day together."""
        found: list[Node] = []
        foreign: dict[tuple[date, str], list[VersionStanding]] = {}
        for at, work in works:
            if work.currency == currency:
                found.append(self._cost(at))
            elif work.currency:
                foreign.setdefault((work.day, work.currency), []).append(at)
        for (day, own), listed in foreign.items():
            spent = total(f"cost of {day} in {own}", [self._cost(at) for at in listed], "amount", own)
            found += self._converted(spent, listed[0], day, place)
        return found

    def _cost(self, at: VersionStanding) -> Node:
        cost = at.work.cost
        assert cost is not None, "it has a currency"
        if self.sources.are_many:
            return self.sources.part(at.entry.entry_id, "cost", cost.amount, "amount", cost.currency, at.step)
        made: Node = self.fees.entries.cost(at, cost)
        return made

    def _converted(self, spent: Node, at: VersionStanding, day: date, place: LineAtStep) -> list[Node]:
        """None where no rate is known."""
        assert at.work.price is not None, "it is on the line"
        plan, charges = plan_of(place.draft, at.work.price), self.fees.entries.charges
        assert plan is not None, "the work is priced on the line"
        found = charges.rates_to(spent.currency, plan, day, place.draft)
        if found is None:
            return []
        rates, legs = found
        return [charges.at_cost((spent, *rates), legs, plan)._replace(title=f"{spent.title} in {plan.currency}")]


def _unit(place: LineAtStep, measure: str) -> tuple[str, str]:
    return ("hours", "") if measure == HOURS else ("amount", place.contract.terms.currency)


def _counts(place: LineAtStep, course: Course, measure: str, work: SpentWork) -> bool:
    return counts(course, measure, _category(place, work.category))


def _category(place: LineAtStep, name: str | None) -> str:
    """Only where it is kept apart."""
    return name if name is not None and name in kept_apart(place.known.held) else ""
