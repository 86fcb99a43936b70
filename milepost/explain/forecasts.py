"""A project's forecast in project currency: what is booked, and what estimate, budget and caps say of the rest (R57, R58)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.caps.consume import CapRule, bucket_key
from domain.events.delivery import EstimateRevised, ProjectActivated, ResourceAssigned
from domain.explanation import (
    Arithmetic,
    Node,
    agreeing,
    constant,
    less,
    most,
    negated,
    stated,
    step_of,
    total,
)
from domain.figure import Recorded, RecordedLater, at_least, called, node_of
from domain.forecast.completion import (
    Completion,
    Earning,
    Tally,
    Track,
    allowed,
    at_completion,
    percent,
    room_of,
    value_of,
)
from domain.identity import composed
from domain.money import HALF_UP, allocate, format_amount, smallest_unit
from domain.outputs import ForecastUpdate
from domain.policies import Resolved
from domain.reference.exchange import Exchange, MissingRate
from domain.terms import methods
from domain.units import Amount, Hours, Percent, Rate
from domain.work.rates import RateDecision
from milepost.explain.caps import CapNodes
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.exchanges import along
from milepost.explain.fees import LineAtStep
from milepost.explain.forecast_prices import PricedLine, PriceNodes
from milepost.explain.rating import Rating
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from state.books import Basis, Forecast, ForecastState, Issued
from state.caps.claims import allotments
from state.charges.rebates import standing
from state.draft import Draft
from state.forecast.ahead import ahead_of
from state.forecast.bases import BUDGET, ESTIMATE
from state.forecast.outlook import (
    has_ended,
    known,
    ledger_currency,
    line_key,
    lines_of,
    project_lines,
    project_policies,
    project_terms,
    running,
)
from state.forecast.planned import assigned_from, first_month, planned_decision, planned_line
from state.forecast.room import lines_under
from state.forecast.tracks import WHOLE, booked, inclusion_on
from state.terms.known import exchange_on
from state.terms.plan import LinePlan, line_plan, version_on
from state.totals import issued_on, posted_in
from state.trace import TracedOutput
from state.work.bill_rates import assignment_on
from state.work.price_record import RateSources, planned_rate

FIGURES = (
    *("burn_hours", "burn_cost", "burn_revenue", "etc_hours", "etc_cost", "etc_revenue", "eac_hours", "eac_cost", "eac_revenue"),
    *("backlog", "unbilled_backlog", "margin", "margin_percent", "percent_complete"),
)  # fmt: skip
HOURS, COST, REVENUES = 0, 1, 2


class ForecastContext(NamedTuple):
    """What a forecast was made of, as of the step that published it."""

    said: TracedOutput
    update: ForecastUpdate
    draft: Draft
    forecast: Forecast
    outlook: ForecastState
    policies: Resolved
    lines: tuple[LinePlan, ...]

    @property
    def currency(self) -> str:
        return self.update.project.currency

    @property
    def step(self) -> str:
        return step_of(self.currency)


class ForecastNodes:
    def __init__(
        self, sources: Sources, rating: Rating, entries: EntryNodes, caps: CapNodes, records: RecordNodes
    ) -> None:
        self.sources = sources
        self.rating = rating
        self.entries = entries
        self.caps = caps
        self.records = records
        self.prices = PriceNodes(sources, entries, records)
        self._memo: dict[tuple[int, str], dict[str, Node]] = {}
        self._all_made: dict[tuple[int, str], dict[str, Node]] = {}

    def forecast(self, said: TracedOutput) -> Node:
        """Every figure of the update, and what changed it by cause."""
        update: ForecastUpdate = said.record
        figures = self.figures(said)
        facts = (
            ("as of", update.as_of.isoformat()),
            ("in", update.project.currency),
            *(
                (f"change by {delta.cause.replace('_', ' ')}", _delta(delta.cost, delta.revenue, delta.margin))
                for delta in update.deltas
            ),
        )
        cause = Node("published upon", event=self.sources.cause(said.step))
        title = f"Forecast {update.sequence} of project {update.project_id}"
        return Node(title, facts=facts, why=(*figures.values(), cause), id=f"{update.project_id}#forecast")

    def figure(self, said: TracedOutput, name: str) -> Node | None:
        return self.figures(said).get(name)

    def revenue_max(self, said: TracedOutput, *, by_cap: bool) -> Node:
        """Revenue at completion, or the most that caps allow."""
        return self.made(self.context(said))["ceiling"] if by_cap else self.figures(said)["eac_revenue"]

    def figures(self, said: TracedOutput) -> dict[str, Node]:
        key = (said.step, said.record.project_id)
        if key not in self._memo:
            self._memo[key] = self._figures(said)
        return self._memo[key]

    def _figures(self, said: TracedOutput) -> dict[str, Node]:
        update: ForecastUpdate = said.record
        found: dict[str, Node] = {}
        made = self.made(self.context(said))
        for name in FIGURES:
            value = getattr(update if name == "percent_complete" else update.project, name)
            if value is None:
                continue
            title = f"{update.project_id}: {_words(name)}"
            unit = "hours" if name.endswith("hours") else "percent" if "percent" in name else "amount"
            currency = update.project.currency if unit == "amount" else ""
            node = made.get(name)
            node = agreeing(node, stated(title, value, unit, currency, rule="R57"))
            found[name] = node._replace(title=title, id=f"{update.project_id}#{name}")
        return found

    def context(self, said: TracedOutput) -> ForecastContext:
        return self._context_of(said, said.record)

    def _context_of(self, said: TracedOutput, update: ForecastUpdate) -> ForecastContext:
        draft = self.sources.draft(said.step)
        forecast, outlook = known(draft, update.project_id)
        lines = project_lines(draft, update.project_id)
        policies = project_policies(draft, lines, forecast.legal_entity_id)
        return ForecastContext(said, update, draft, forecast, outlook, policies, lines)

    def made(self, of: ForecastContext) -> dict[str, Node]:
        """Every figure in project currency by its name, as the rules make it."""
        key = (of.said.step, of.update.project_id)
        if key not in self._all_made:
            self._all_made[key] = self._made(of)
        return self._all_made[key]

    def wanted(self, of: ForecastContext) -> Node:
        """Revenue at completion if no cap limited it."""
        return node_of(self._at_completion(of, self.tracks(of)).wanted, "revenue at completion, before caps")

    def tracks(self, of: ForecastContext) -> list[Track]:
        return [self._track(of, name, basis) for name, basis in of.forecast.bases.items()]

    def booked(self, of: ForecastContext) -> tuple[Node, Node, Node]:
        """Hours, cost and revenue so far; in project currency the nodes that the figures have."""
        if of.currency == of.forecast.currency:
            made = self.made(of)
            return made["burn_hours"], made["burn_cost"], made["burn_revenue"]
        return self._burn(self.tracks(of))

    @staticmethod
    def _burn(tracks: Sequence[Track]) -> tuple[Node, Node, Node]:
        hours, cost, revenue = (node_of(figure, "booked") for figure in booked(tracks))
        return hours, cost, revenue

    def _at_completion(self, of: ForecastContext, tracks: Sequence[Track], ceiling: Amount | None = None) -> Completion:
        return at_completion(tracks, self._rate(of), ceiling, smallest_unit(of.currency))

    def _rate(self, of: ForecastContext) -> Rate:
        return RecordedLater(of.forecast.planned_rate, partial(self._planned_rate, of))

    def _made(self, of: ForecastContext) -> dict[str, Node]:
        tracks = self.tracks(of)
        burn = self._burn(tracks)
        ceiling = self._ceiling(of, tracks)
        completion = self._at_completion(of, tracks, ceiling)
        hours, cost = node_of(completion.hours, "hours at completion"), node_of(completion.cost, "cost at completion")
        revenue = node_of(completion.revenue, "revenue at completion")
        revenue = revenue._replace(rule=revenue.rule or "R57")
        left = less("revenue to come", revenue, burn[REVENUES])
        backlog = left
        if ceiling is not None:
            nothing = constant("nothing", 0, "amount", of.currency)
            backlog = most("backlog", less("room left", node_of(ceiling, ""), burn[REVENUES]), nothing)
        billed = self.billed(of)
        margin = less("margin", revenue, cost)
        made = {
            "burn_hours": burn[HOURS],
            "burn_cost": burn[COST],
            "burn_revenue": burn[REVENUES],
            "eac_hours": hours,
            "eac_cost": cost,
            "eac_revenue": revenue,
            "etc_hours": less("hours to come", hours, burn[HOURS]),
            "etc_cost": less("cost to come", cost, burn[COST]),
            "etc_revenue": left,
            "backlog": backlog,
            "unbilled_backlog": less(
                "price less what is billed", total("price", (burn[REVENUES], backlog), "amount", of.currency), billed
            ),
            "margin": margin,
        }
        if ceiling is not None:
            made["ceiling"] = most("the most that caps allow", node_of(ceiling, ""), burn[REVENUES])
        for name, part, whole in (("margin_percent", margin, revenue), ("percent_complete", burn[COST], cost)):
            share = percent(part.value or 0, whole.value or 0)
            if share is not None:
                made[name] = Node(
                    name, share, "percent", "", Arithmetic("percent", (part, whole), {"step": "0.000001"})
                )
        return made

    # What is booked

    def _track(self, of: ForecastContext, name: str, basis: Basis) -> Track:
        """With figures for its numbers, so that what its rule makes of them records itself."""
        now, floor = _tally(self._booked(of, name, None)), _tally(self._floor(of, name, basis))
        markup = (
            RecordedLater(basis.markup, partial(self._markup, of, basis.markup)) if basis.markup is not None else None
        )
        return Track(now, floor, basis.hours_stated, basis.revenue_stated, self._earning(of, name), markup)

    def _markup(self, of: ForecastContext, markup: Percent) -> Node:
        plan = next(plan for plan in of.lines if methods.cost_markup(plan.line.terms) == markup)
        return self.entries.charges.markup(plan)

    def _earning(self, of: ForecastContext, track: str) -> Earning | None:
        """None where all lines earn by hours alone."""
        if not of.forecast.earning:
            return None
        by_hours: list[Node] = []
        left: list[Node] = []
        rated = False
        included = None
        for line in self.lines_earning(of):
            own = line.earning
            if self._track_of(of, own.contract_id, own.line_id) == track:
                by_hours.append(self.converted(self.prices.by_hours(line), own.currency, of))
                left.append(self.converted(self.prices.left(line), own.currency, of))
                rated = rated or own.rated
                if included is None and own.currency == of.currency and inclusion_on(own, track) is not None:
                    included = self.prices.included(line)
        return Earning(
            Recorded(total("earned by hours", by_hours, "amount", of.currency)),
            Recorded(total("left of lines' own prices", left, "amount", of.currency)),
            rated,
            included,
        )

    def lines_earning(self, of: ForecastContext) -> list[PricedLine]:
        return [self.prices.line(of.draft, of.said.step, one, of.update.as_of) for one in of.forecast.earning]

    def _booked(self, of: ForecastContext, track: str, until: date | None) -> tuple[Node, Node, Node]:
        """Entries of the track with service dates up to a day, in project currency."""
        hours: list[Node] = []
        costs: dict[str, list[Node]] = {}
        revenues: dict[str, list[Node]] = {}
        for at in self._entries(of, track):
            cost, price = at.work.cost, at.work.price
            if cost is not None and (until is None or cost.day <= until):
                hours.append(self.entries.worked_on(at))
                costs.setdefault(cost.currency, []).append(self.records.cost(at, cost))
            if price is not None and (until is None or price.day <= until) and price.earns:
                revenue = self.records.recognised(at.entry.entry_id, of.said.step)
                revenues.setdefault(price.currency, []).append(revenue)
        for issued, currency, node in self.as_billed(of):
            if self._track_of(of, issued.contract_id, issued.line_id) == track and (
                until is None or issued.day <= until
            ):
                revenues.setdefault(currency, []).append(node)
        when = "booked" if until is None else f"booked up to {until}"
        return (
            total(f"hours {when}", hours, "hours"),
            self._in_currency(f"cost {when}", costs, of),
            self._in_currency(f"revenue {when}", revenues, of),
        )

    def as_billed(self, of: ForecastContext) -> Iterator[tuple[Issued, str, Node]]:
        """Revenue that came with invoices, on lines of the project, with its currency."""
        for issued, currency, node, _ in self.rows_as_billed(of):
            yield issued, currency, node

    def rows_as_billed(self, of: ForecastContext) -> Iterator[tuple[Issued, str, Node, str]]:
        """The same with the rows."""
        for entry_id, issued, node in self.records.rows_as_billed(of.said.step):
            contract = of.draft.contract(issued.contract_id)
            project_id = issued.project_id or of.draft.line(issued.contract_id, issued.line_id).project_id
            if contract is not None and project_id == of.update.project_id:
                yield issued, contract.terms.currency, node, entry_id

    def _track_of(self, of: ForecastContext, contract_id: str, line_id: str) -> str:
        line = composed(contract_id, line_id)
        return line if line in of.forecast.bases else WHOLE

    def entries_of(self, of: ForecastContext) -> list[VersionStanding]:
        """With their hours and cost where they are work in the project, with their price where their line is of it."""
        project_id = of.update.project_id
        found = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, of.said.step)
            if at is None or project_id not in (at.work.project_id, at.work.earns_in):
                continue
            if at.work.project_id == at.work.earns_in:
                found.append(at)
                continue
            journals = posted_in(at.work, project_id)
            is_worked_here = at.work.project_id == project_id
            here = {"price": None} if is_worked_here else {"cost": None}
            found.append(at._replace(work=replace(at.work, journals=journals, **here)))
        return found

    def _entries(self, of: ForecastContext, track: str) -> list[VersionStanding]:
        found = []
        for at in self.entries_of(of):
            price = at.work.price
            line = composed(price.contract_id, price.line_id) if price is not None and price.line_id else WHOLE
            if (line if line in of.forecast.bases else WHOLE) == track:
                found.append(at)
        return found

    def _in_currency(self, title: str, by_currency: Mapping[str, list[Node]], of: ForecastContext) -> Node:
        parts = []
        for own in sorted(by_currency):
            whole = total(f"{title} in {own}", by_currency[own], "amount", own)
            parts.append(self.converted(whole, own, of))
        return parts[0] if len(parts) == 1 else total(title, parts, "amount", of.currency)

    def converted(self, node: Node, own: str, of: ForecastContext) -> Node:
        """At the rate of the forecast's day."""
        if own == of.currency:
            return node
        policies, day = of.policies, of.update.as_of
        found = exchange_on(of.draft, policies, own, of.currency, day, day)
        if isinstance(found, MissingRate):
            return stated(node.title, node.value or 0, "amount", of.currency)
        return self._exchanged(node, found, policies, of)

    def _exchanged(self, node: Node, found: Exchange, policies: Resolved, of: ForecastContext) -> Node:
        mode = policies.money_mode or HALF_UP
        way = self.rating.legs(found, policies.exchange_rate_type, of.update.as_of)
        return along(node, found, way, of.currency, mode, f"{node.title}, in {of.currency}")

    # What estimate or budget says

    def _floor(self, of: ForecastContext, name: str, basis: Basis) -> tuple[Node, Node, Node]:
        """Hours that a budget does not state are the planned ones."""
        hours, cost, revenue = self._stated_floor(of, name, basis)
        kept = of.outlook.progress.get(WHOLE)
        planned = sum(tally[HOURS] for tally in kept.floor.values()) if kept is not None and not hours.value else 0
        return self._planned_hours(of, planned) if planned else hours, cost, revenue

    def _stated_floor(self, of: ForecastContext, name: str, basis: Basis) -> tuple[Node, Node, Node]:
        if basis.kind == ESTIMATE and basis.as_of is not None:
            event = self._estimate(basis)
            if event is not None:
                done = self._booked(of, name, basis.as_of)
                return (
                    self._with_remaining(of, event, "hours", done[HOURS]),
                    self._with_remaining(of, event, "cost", done[COST]),
                    self._with_remaining(of, event, "revenue", done[REVENUES]),
                )
        if basis.kind == BUDGET:
            found = self._budget(of, name)
            if found is not None:
                return found
        return self._kept(of, name)

    def _kept(self, of: ForecastContext, name: str) -> tuple[Node, Node, Node]:
        """What the books hold as the floor, taken as it is; nothing where nothing is planned."""
        sums = [0, 0, 0]
        floor = of.outlook.progress[name].floor
        for own, tally in floor.items():
            for place in range(3):
                value = tally[place]
                if place != HOURS and own != of.currency and value:
                    value = self.converted(stated("planned", value, "amount", own), own, of).value or 0
                sums[place] += value
        units = (("hours", ""), ("amount", of.currency), ("amount", of.currency))
        made = [
            stated("planned", value, unit, currency) if value else constant("nothing planned", 0, unit, currency)
            for value, (unit, currency) in zip(sums, units, strict=True)
        ]
        return made[0], made[1], made[2]

    def _estimate(self, basis: Basis) -> EstimateRevised | None:
        record = self.sources.trace.record_at(basis.log_offset)
        return record.event if record is not None and isinstance(record.event, EstimateRevised) else None

    def _with_remaining(self, of: ForecastContext, event: EstimateRevised, name: str, done: Node) -> Node:
        """What was done by the estimate's day and what it says remains."""
        unit, own = ("hours", "") if name == "hours" else ("amount", event.currency or of.forecast.currency)
        rows = [
            self.sources.field(f"{name} of {work.month}", value, unit, event, f"remaining[{place}].{name}", own)
            for place, work in enumerate(event.remaining)
            if (value := getattr(work, name)) is not None
        ]
        remains, title = (
            total(f"{name} that remains, says the estimate", rows, unit, own),
            f"{name}, done and remaining",
        )
        if not own or own == of.currency:
            return total(title, (done, remains), unit, own)
        parts = [done]
        if done.arithmetic is not None and done.arithmetic.operation == "sum":
            parts = [*done.arithmetic.operands]
        place = next((at for at, part in enumerate(parts) if _converted_from(part) == own), None)
        if place is None:
            return total(title, (*parts, self.converted(remains, own, of)), unit, of.currency)
        booked = parts[place].arithmetic
        assert booked is not None, "it was converted"
        # What is in one currency is converted once.
        in_own = total(f"{title} in {own}", (booked.operands[0], remains), unit, own)
        parts[place] = self.converted(in_own, own, of)
        return total(title, parts, unit, of.currency)

    def _budget(self, of: ForecastContext, name: str) -> tuple[Node, Node, Node] | None:
        """Of the track's line, else of the project."""
        for plan in of.lines:
            if plan.line.cost_budget is not None and (line_key(plan) == name or (name == WHOLE and len(of.lines) == 1)):
                return self._line_budget(of, plan)
        activated = of.draft.project(of.update.project_id).activated
        budget = activated.budget if activated is not None else None
        if activated is None or budget is None or name != WHOLE:
            return None
        own = budget.currency or ledger_currency(of.draft, of.forecast.legal_entity_id) or of.currency
        if len(of.forecast.bases) > 1:
            return self._beside_lines(of, activated, own)
        nodes = []
        for field, unit, currency in (("hours", "hours", ""), ("cost", "amount", own), ("revenue", "amount", own)):
            value = getattr(budget, field)
            if value is None:
                nodes.append(constant("no budget", 0, unit, currency))
                continue
            node = self.sources.field(f"budget, {field}", value, unit, activated, f"budget.{field}", currency)
            nodes.append(self.converted(node, own, of) if currency else node)
        return nodes[0], nodes[1], nodes[2]

    def _beside_lines(
        self, of: ForecastContext, activated: ProjectActivated, own: str
    ) -> tuple[Node, Node, Node] | None:
        """What the project's budget leaves to work of no line."""
        budget = activated.budget
        if budget is None or budget.cost is None:
            return None
        whole = self.sources.field("budget, cost", budget.cost, "amount", activated, "budget.cost", own)
        by_currency: dict[str, list[Node]] = {own: [whole]}
        for plan in of.lines:
            found = self.sources.line_field(plan.contract_id, plan.version, plan.line.line_id)
            if found is None or plan.line.cost_budget is None:
                return None
            title, path = f"cost budget of line {plan.line.line_id}", f"{found[2]}.cost_budget"
            node = self.sources.field(title, plan.line.cost_budget, "amount", found[0], path, plan.currency)
            by_currency.setdefault(plan.currency, []).append(negated(f"less the {title}", node))
        left = self._in_currency("budget that the lines leave", by_currency, of)
        nothing = constant("no budget", 0, "amount", of.currency)
        return constant("no budget of hours", 0, "hours"), left, nothing

    def _line_budget(self, of: ForecastContext, plan: LinePlan) -> tuple[Node, Node, Node]:
        found = self.sources.line_field(plan.contract_id, plan.version, plan.line.line_id)
        nodes = [constant("no budget of hours", 0, "hours")]
        for name in ("cost_budget", "revenue_budget"):
            value = getattr(plan.line, name)
            if value is None or found is None:
                nodes.append(constant("no budget", 0, "amount", of.currency))
                continue
            node = self.sources.field(_words(name), value, "amount", found[0], f"{found[2]}.{name}", plan.currency)
            nodes.append(self.converted(node, plan.currency, of))
        return nodes[0], nodes[1], nodes[2]

    def budget_used(self, of: ForecastContext) -> Node | None:
        """Cost so far in per cent of the project's cost budget, else of its lines' budgets."""
        activated = of.draft.project(of.update.project_id).activated
        budget = activated.budget if activated is not None else None
        nodes = []
        if activated is not None and budget is not None and budget.cost is not None:
            own = budget.currency or ledger_currency(of.draft, of.forecast.legal_entity_id) or of.currency
            node = self.sources.field("budget, cost", budget.cost, "amount", activated, "budget.cost", own)
            nodes.append(self.converted(node, own, of))
        else:
            stating = (plan for plan in of.lines if plan.line.cost_budget is not None)
            nodes += [self._line_budget(of, plan)[COST] for plan in stating]
        whole = total("budget of cost", nodes, "amount", of.currency)
        spent = self.booked(of)[COST]
        share = percent(spent.value or 0, whole.value or 0)
        if share is None:
            return None
        return Node("budget used", share, "percent", "", Arithmetic("percent", (spent, whole), {"step": "0.000001"}))

    # At completion

    def _planned_hours(self, of: ForecastContext, value: int) -> Node:
        nodes = self.planned_months(of)
        made = total("hours that the assignments plan", nodes, "hours")
        return agreeing(made, stated(made.title, value, "hours"))

    def planned_months(self, of: ForecastContext) -> list[Node]:
        """What the assignments plan from the month that runs on; of that month what is not worked yet."""
        first = first_month(of.update.as_of)
        ahead = assigned_from(of.draft, of.draft.project(of.update.project_id), first).ahead
        months: dict[str, list[Node]] = {}
        for assignment, planned, _, _ in ahead.values():
            for node in self._planned_by(assignment, {month for month, _ in planned}):
                months.setdefault(node.title.removeprefix("planned in "), []).append(node)
        nodes = [total(f"planned in {month}", months[month], "hours") for month in sorted(months)]
        if first in months:
            worked = [
                self.entries.worked_on(at)
                for name in of.forecast.bases
                for at in self._entries(of, name)
                if at.work.cost is not None and at.work.cost.day.isoformat().startswith(first)
            ]
            left = less("planned and not worked yet", nodes[0], total(f"worked in {first}", worked, "hours"))
            # The title names it also where less than nothing is left.
            nodes[0] = most(f"left of {first}", left, constant("nothing", 0, "hours"))
        return nodes

    def _planned_by(self, assignment: ResourceAssigned, months: Set[str]) -> list[Node]:
        return [
            self.sources.field(f"planned in {row.month}", row.hours, "hours", assignment, f"planned[{place}].hours")
            for place, row in enumerate(assignment.planned)
            if row.month in months and row.hours > 0
        ]

    def _planned_rate(self, of: ForecastContext) -> Node:
        """Average of what the assignments plan, each at the rate of its first month that is planned."""
        title, operands = "average rate of the planned hours", list[Node]()
        project, plan = of.draft.project(of.update.project_id), planned_line(of.lines)
        contract = of.draft.contract(plan.contract_id) if plan is not None else None
        ahead = assigned_from(of.draft, project, first_month(of.update.as_of)).ahead
        for assignment, months, _, day in ahead.values() if plan is not None and contract is not None else ():
            own = assignment_on(of.draft, project, assignment.person_id, day)
            worker = (assignment.person_id, assignment.role, day, own)
            assert plan is not None and contract is not None, "the loop has both"  # noqa: PT018
            decision = planned_decision(of.draft, project, plan, contract, worker)
            if isinstance(decision, RateDecision) and decision.rate:
                stating = line_plan(of.draft, contract, version_on(contract, day), plan.line.line_id) or plan
                hours = self._planned_by(assignment, {month for month, _ in months})
                operands.append(total(f"hours that {assignment.assignment_id} plans", hours, "hours"))
                sources = RateSources(of.draft.reference, project.assignments)
                rate = planned_rate(sources, stating, assignment.person_id, day, decision)
                operands.append(self.entries.recorded.bound(rate))
        weights, rates = operands[::2], operands[1::2]
        whole = sum(node.value or 0 for node in weights)
        value = sum((one.value or 0) * (other.value or 0) for one, other in zip(weights, rates, strict=True))
        if not of.forecast.planned_rate:
            return constant(title, 0, "rate", of.currency)
        if not whole or value // whole != of.forecast.planned_rate:
            return stated(title, of.forecast.planned_rate, "rate", of.currency)
        arithmetic = Arithmetic("weighted_average", tuple(operands), {"step": "0.000001", "mode": "down"})
        return Node(title, of.forecast.planned_rate, "rate", of.currency, arithmetic, "R57")

    # Caps

    def _ceiling(self, of: ForecastContext, tracks: Sequence[Track]) -> Amount | None:
        """Revenue so far and the room that hard caps of the whole term leave."""
        if of.forecast.ceiling is None:
            return None
        title, room = "the most that caps allow", self._room(of)
        most_allowed = allowed(Recorded(room), tracks, self._rate(of), smallest_unit(of.currency))
        made = node_of(most_allowed, title)._replace(title=title, why=() if room.value else (room,))
        return Recorded(agreeing(made, stated(title, of.forecast.ceiling, "amount", of.currency)))

    def _room(self, of: ForecastContext) -> Node:
        if has_ended(of.draft, of.draft.project(of.update.project_id), of.update.as_of):
            return constant("no room: the project has ended", 0, "amount", of.currency)
        terms = project_terms(of.draft, of.update.project_id)
        plans = terms.hourly if terms.goes_on else running(of.draft, terms.hourly, of.update.as_of)
        lines = [self._rooms_of_line(of, plan) for plan in plans]
        return node_of(room_of(lines) or 0, "room under its caps")

    def _rooms_of_line(self, of: ForecastContext, plan: LinePlan) -> dict[str, Amount]:
        found: dict[str, Amount] = {}
        for rule in plan.rules:
            limit = rule.limits[-1]
            if limit.hard and limit.limits_revenue and rule.period == "whole_term":
                bucket = bucket_key(rule, of.update.as_of, "")
                rest = partial(self.caps.left_of, plan, rule, bucket, allotments(plan)[0], of.said.step)
                rooms: list[Amount] = []
                if limit.amount is not None:
                    rooms.append(Recorded(rest(by_hours=False)))
                if limit.hours is not None:
                    rooms.append(self._value_of_hours(of, plan, Recorded(rest(by_hours=True))))
                if rooms:
                    share = self._share(of, plan, rule, node_of(min(rooms), "room"))
                    found[composed(plan.contract_id, rule.cap_id)] = Recorded(self.converted(share, plan.currency, of))
        return found

    def _share(self, of: ForecastContext, plan: LinePlan, rule: CapRule, room: Node) -> Node:
        """Of a cap that several projects share, by the hours that remain in each; where nothing remains anywhere, equally (R12)."""
        under = lines_under(of.draft, plan, rule) if len(plan.group) > 1 else ()
        projects = sorted({of.update.project_id, *(one.line.project_id for one in under)})
        if len(projects) == 1:
            return room
        weights = [self._hours_left(of, each, under) for each in projects]
        if not any(node.value for node in weights):
            weights = [
                constant(
                    f"{each}: a part", int(not has_ended(of.draft, of.draft.project(each), of.update.as_of)), "count"
                )
                for each in projects
            ]
        place = projects.index(of.update.project_id)
        made = allocate(room.value or 0, [node.value or 0 for node in weights], plan.currency)[place]
        parameters: dict[str, Any] = {"step": step_of(plan.currency), "party": place}
        arithmetic = Arithmetic("share", (room, *weights), parameters)
        return Node(f"{of.update.project_id}: its share of the room", made, "amount", plan.currency, arithmetic, "R12")

    def _hours_left(self, of: ForecastContext, project_id: str, under: tuple[LinePlan, ...]) -> Node:
        """On the cap's lines where these count on their own, else in the whole project; none of a project that has ended."""
        title = f"{project_id}: hours to come"
        project, (forecast, _) = of.draft.project(project_id), known(of.draft, project_id)
        if not forecast.currency or has_ended(of.draft, project, of.update.as_of):
            return constant(title, 0, "hours")
        figures = of.update.project._replace(currency=forecast.currency)
        theirs = self._context_of(of.said, of.update._replace(project_id=project_id, project=figures))
        own = {line_key(plan) for plan in under if plan.line.project_id == project_id}
        names = [name for name in forecast.bases if name in own] or list(forecast.bases)
        tracks = [self._track(theirs, name, forecast.bases[name]) for name in names]
        to_come = self._at_completion(theirs, tracks).hours - booked(tracks)[HOURS]
        return node_of(at_least(called(to_come, "hours to come"), 0, title), title)

    def _value_of_hours(self, of: ForecastContext, plan: LinePlan, hours: Hours) -> Amount:
        """At the line's average rate so far."""
        priced = [
            (at, price)
            for entry_id in sorted(self.sources.trace.entry_ids())
            if (at := self.entries.standing(entry_id, of.said.step)) is not None
            and (price := at.work.price) is not None
            and (price.contract_id, price.line_id) == (plan.contract_id, plan.line.line_id)
        ]
        worked = total("hours of the line", [self.records.hours(*one) for one in priced], "hours")
        value = total("value of the line", [self.records.value(*one) for one in priced], "amount", plan.currency)
        return value_of(hours, (Recorded(worked), 0, Recorded(value)), self._rate(of), plan.step)

    # Billing

    def billed(self, of: ForecastContext) -> Node:
        """What statements of the project's lines have issued, less what was conceded of it, and rebates that memos gave."""
        found: dict[str, list[Node]] = {}
        for contract_id, line_id, own in lines_of(of.draft, of.update.project_id):
            found.setdefault(own, []).extend(self._rebates(of, contract_id, line_id))
            for entry_id in sorted(self.sources.trace.entry_ids()):
                entry = self.sources.trace.entry_at(entry_id, of.said.step)
                issued = issued_on(entry, contract_id, line_id) if entry is not None else None
                if entry is None or issued is None:
                    continue
                if of.draft.billed_in(entry, contract_id, line_id) == of.update.project_id:
                    node = self.records.issued_on(entry_id, contract_id, {line_id}, of.said.step)
                    found.setdefault(own, []).append(node)
                    if issued.conceded:
                        found[own].append(self.records.conceded(entry_id, contract_id, line_id, of.said.step))
        return self._in_currency("billed", found, of)

    def _rebates(self, of: ForecastContext, contract_id: str, line_id: str) -> list[Node]:
        """What credit memos gave of parts of the line's price, as `state/forecast/ahead.py` counts it."""
        contract = of.draft.contract(contract_id)
        if contract is None or of.draft.line(contract_id, line_id).project_id != of.update.project_id:
            return []
        if not standing(of.draft, contract_id, line_id).given:
            return []
        known = ahead_of(of.draft, contract, line_id, of.update.as_of).known
        place = LineAtStep(of.draft, contract, line_id, known, of.update.as_of, of.said.step)
        nodes = self.entries.charges.fees.variable.given_by_memos(place).values()
        return [negated("given by credit memos", node) for node in nodes]


def _words(name: str) -> str:
    return (
        name.replace("_", " ")
        .replace("etc", "to complete,")
        .replace("eac", "at completion,")
        .replace("burn", "booked,")
    )


def _delta(cost: int, revenue: int, margin: int) -> str:
    return ", ".join(
        f"{name} {format_amount(value)}" for name, value in (("cost", cost), ("revenue", revenue), ("margin", margin))
    )


def _converted_from(node: Node) -> str | None:
    """The currency, where it was in another."""
    arithmetic = node.arithmetic
    return arithmetic.operands[0].currency if arithmetic is not None and arithmetic.operation == "convert" else None


def _tally(nodes: tuple[Node, Node, Node]) -> Tally:
    hours, cost, revenue = (Recorded(node) for node in nodes)
    return hours, cost, revenue
