"""A project's forecast in project currency: what is booked, and what estimate, budget and caps say of the rest (R57, R58)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.caps.consume import CapRule, bucket_key
from domain.events.common import RemainingWork
from domain.events.delivery import EstimateRevised, ProjectActivated
from domain.explanation import Arithmetic, Node, constant, most, negated, step_of, total
from domain.figure import Recorded, RecordedLater, as_recorded, at_least, called, node_of
from domain.forecast.completion import (
    Completion,
    CompletionBasis,
    Earning,
    Tally,
    Track,
    allowed,
    at_completion,
    backlog_of,
    cost_to_come,
    figures,
    percent,
    room_of,
    unbilled,
    value_of,
)
from domain.identity import composed, parts_of, unescape
from domain.money import HALF_UP, allocate, format_amount, smallest_unit
from domain.outputs import ForecastFigures, ForecastUpdate
from domain.policies import Resolved
from domain.reference.exchange import Exchange, MissingRate
from domain.terms import methods
from domain.units import Amount, Hours, Percent, Rate
from domain.why import in_terms
from milepost.explain.caps import CapNodes
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.exchanges import along
from milepost.explain.fees import LineAtStep
from milepost.explain.forecast_planned import PlannedNodes
from milepost.explain.forecast_prices import PricedLine, PriceNodes
from milepost.explain.rating import Rating
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from state.books import Basis, Forecast, ForecastState, Issued
from state.caps.claims import allotments
from state.charges.rebates import standing
from state.draft import Draft
from state.forecast.ahead import ahead_of
from state.forecast.bases import BUDGET, ESTIMATE, PLAN, PlanAhead, floor_of, remaining
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
from state.forecast.planned import cost_of_plan
from state.forecast.room import lines_under
from state.forecast.tracks import WHOLE, booked, inclusion_on
from state.terms.known import exchange_on
from state.terms.plan import LinePlan
from state.totals import issued_on, posted_in
from state.trace import TracedOutput

FIGURES = (
    *("burn_hours", "burn_cost", "burn_revenue", "etc_hours", "etc_cost", "etc_revenue", "eac_hours", "eac_cost", "eac_revenue"),
    *("backlog", "unbilled_backlog", "margin", "margin_percent", "percent_complete"),
)  # fmt: skip
HOURS, COST, REVENUES = 0, 1, 2
# What the floor of a track is, by what it rests on.
OF_BASES = {ESTIMATE: "done and remaining", BUDGET: "as budgeted", PLAN: "booked and planned"}


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
        self.planned = PlannedNodes(rating, entries, self.entries_of)
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
        made = self.made(self.context(said))
        if not by_cap:
            return self.figures(said)["eac_revenue"]
        return most("the most that caps allow", made["ceiling"], made["burn_revenue"])

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
            node = as_recorded(value, made[name]).node
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
        return RecordedLater(of.forecast.planned_rate, partial(self.planned.rate, of))

    def _made(self, of: ForecastContext) -> dict[str, Node]:
        tracks = self.tracks(of)
        ceiling = self._ceiling(of, tracks)
        completion, now = self._at_completion(of, tracks, ceiling), booked(tracks)
        whole = completion.hours, completion.cost, called(completion.revenue, "revenue at completion", "R57")
        left = called(completion.revenue - now[REVENUES], "revenue to come")
        remaining = called(completion.hours - now[HOURS], "hours to come"), cost_to_come(tracks), left
        backlog = backlog_of(left, ceiling, now[REVENUES])
        rest = unbilled(now[REVENUES], backlog, Recorded(self.billed(of)))
        made = self.nodes(figures(of.currency, CompletionBasis(now, remaining, whole, backlog, rest, None), {}))
        complete = percent(now[COST], completion.cost)
        if complete is not None:
            made["percent_complete"] = node_of(complete, "percent_complete", "percent")
        if ceiling is not None:
            made["ceiling"] = node_of(ceiling, "")
        return made

    @staticmethod
    def nodes(made: ForecastFigures) -> dict[str, Node]:
        """Of what the rule makes of recorded numbers, by the names that figures have; nothing of what there is no figure of."""
        found = {}
        for name in FIGURES:
            value = getattr(made, name, None)
            if value is not None:
                unit = unit_of(name)
                found[name] = node_of(value, _words(name), unit, made.currency if unit == "amount" else "")
        return found

    # What is booked

    def _track(self, of: ForecastContext, name: str, basis: Basis) -> Track:
        """With figures for its numbers, so that what its rule makes of them records itself."""
        sums = self._sums(of, name, None)
        now, floor = self._in_one(of, sums, "booked"), self._floor(of, name, basis, sums)
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

    def _sums(self, of: ForecastContext, track: str, until: date | None) -> dict[str, Tally]:
        """Entries of the track with service dates up to a day, by currency."""
        own = of.forecast.currency
        found: dict[str, tuple[list[Node], list[Node], list[Node]]] = {}
        for at in self._entries(of, track):
            cost, price = at.work.cost, at.work.price
            if cost is not None and (until is None or cost.day <= until):
                found.setdefault(own, ([], [], []))[HOURS].append(self.entries.worked_on(at))
                found.setdefault(cost.currency, ([], [], []))[COST].append(self.records.cost(at, cost))
            if price is not None and (until is None or price.day <= until) and price.earns:
                revenue = self.records.recognised(at.entry.entry_id, of.said.step)
                found.setdefault(price.currency, ([], [], []))[REVENUES].append(revenue)
        for issued, currency, node in self.as_billed(of):
            if self._track_of(of, issued.contract_id, issued.line_id) == track and (
                until is None or issued.day <= until
            ):
                found.setdefault(currency, ([], [], []))[REVENUES].append(node)
        when = f"booked{_on_line(track)}" + ("" if until is None else f" up to {until}")
        return {
            currency: (
                Recorded(total(f"hours {when}", nodes[HOURS], "hours")),
                Recorded(total(f"cost {when} in {currency}", nodes[COST], "amount", currency)),
                Recorded(total(f"revenue {when} in {currency}", nodes[REVENUES], "amount", currency)),
            )
            for currency, nodes in sorted(found.items())
        }

    def _in_one(self, of: ForecastContext, tallies: Mapping[str, Tally], title: str) -> Tally:
        """What is in one currency is converted once."""
        hours = sum(tally[HOURS] for tally in tallies.values())
        cost, revenue = (
            self._converted_sum(of, {own: tally[place] for own, tally in tallies.items()}, f"{name}, {title}")
            for place, name in ((COST, "cost"), (REVENUES, "revenue"))
        )
        return Recorded(node_of(hours, f"hours, {title}", "hours")), cost, revenue

    def _converted_sum(self, of: ForecastContext, amounts: Mapping[str, Amount], title: str) -> Amount:
        nodes = [
            self.converted(node_of(amount, title, currency=own), own, of)
            for own, amount in sorted(amounts.items())
            if amount
        ]
        return Recorded(nodes[0] if len(nodes) == 1 else total(title, nodes, "amount", of.currency))

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
        assert not isinstance(found, MissingRate), "a forecast that lacks a rate is not published"
        return self._exchanged(node, found, policies, of)

    def _exchanged(self, node: Node, found: Exchange, policies: Resolved, of: ForecastContext) -> Node:
        mode = policies.money_mode or HALF_UP
        way = self.rating.legs(found, policies.exchange_rate_type, of.update.as_of)
        return along(node, found, way, of.currency, mode, f"{node.title}, in {of.currency}")

    # What estimate or budget says

    def _floor(self, of: ForecastContext, name: str, basis: Basis, now: Mapping[str, Tally]) -> Tally:
        done = self._sums(of, name, basis.as_of) if basis.kind == ESTIMATE else {}
        costs = partial(self._planned_cost, of)
        ahead = PlanAhead(self.planned.left(of), costs, of.forecast.currency, is_alone=len(of.forecast.bases) == 1)
        floor = floor_of(basis, now, done, self._stated(of, name, basis), ahead)
        return self._in_one(of, floor, f"{OF_BASES.get(basis.kind, 'nothing planned')}{_on_line(name)}")

    def _planned_cost(self, of: ForecastContext, now: Mapping[str, Tally]) -> Mapping[str, Tally]:
        ahead = self.planned.assigned(of).ahead.values()
        return cost_of_plan(ahead, self.planned.left(of).hours, now, partial(self.planned.cost_rate, of))

    def _stated(self, of: ForecastContext, name: str, basis: Basis) -> dict[str, Tally]:
        """What an estimate says remains, or a budget allows, by currency."""
        if basis.kind == ESTIMATE:
            event = self.estimated(self._estimate(basis), of.forecast.currency)
            return {
                own: _titled(tally, "that remains") for own, tally in remaining(event, of.forecast.currency).items()
            }
        return self._budget(of, name) if basis.kind == BUDGET else {}

    def _estimate(self, basis: Basis) -> EstimateRevised:
        record = self.sources.trace.record_at(basis.log_offset)
        assert record is not None, "the basis has its place in the log"
        assert isinstance(record.event, EstimateRevised), "it is an estimate's"
        return record.event

    def estimated(self, event: EstimateRevised, currency: str) -> EstimateRevised:
        """With numbers that say where it states them."""

        def number(place: int, work: RemainingWork, name: str) -> Amount:
            unit, own = ("hours", "") if name == "hours" else ("amount", event.currency or currency)
            path = f"remaining[{place}].{name}"
            node = self.sources.field(f"{name} of {work.month}", getattr(work, name), unit, event, path, own)
            return Recorded(node)

        rows = [
            work._replace(
                hours=number(place, work, "hours"),
                cost=number(place, work, "cost"),
                revenue=number(place, work, "revenue") if work.revenue is not None else None,
            )
            for place, work in enumerate(event.remaining)
        ]
        return event._replace(remaining=tuple(rows))

    def _budget(self, of: ForecastContext, name: str) -> dict[str, Tally]:
        """Of the track's line, else of the project."""
        for plan in of.lines:
            if plan.line.cost_budget is not None and (line_key(plan) == name or (name == WHOLE and len(of.lines) == 1)):
                return {plan.currency: (0, *self._line_budget(plan))}
        activated = of.draft.project(of.update.project_id).activated
        assert activated is not None, "it states the budget"
        own, hours, cost, revenue = self._project_budget(of, activated)
        return {own: (hours, cost, revenue)}

    def _project_budget(self, of: ForecastContext, activated: ProjectActivated) -> tuple[str, Hours, Amount, Amount]:
        budget = activated.budget
        assert budget is not None, "it has one"
        own = budget.currency or ledger_currency(of.draft, of.forecast.legal_entity_id) or of.forecast.currency
        hours, cost, revenue = (
            Recorded(self.sources.field(f"budget, {name}", value, unit, activated, f"budget.{name}", currency))
            if (value := getattr(budget, name)) is not None
            else 0
            for name, unit, currency in (("hours", "hours", ""), ("cost", "amount", own), ("revenue", "amount", own))
        )
        return own, hours, cost, revenue

    def _line_budget(self, plan: LinePlan) -> tuple[Amount, Amount]:
        """Of cost and of revenue."""
        cost, revenue = (
            Recorded(
                self.entries.recorded.bound(
                    in_terms(_words(name), value, "amount", plan.terms, name, plan.line.line_id)
                )
            )
            if (value := getattr(plan.line, name)) is not None
            else 0
            for name in ("cost_budget", "revenue_budget")
        )
        return cost, revenue

    def budget_used(self, of: ForecastContext) -> Node | None:
        """Cost so far in per cent of the project's cost budget, else of its lines' budgets."""
        activated = of.draft.project(of.update.project_id).activated
        budget = activated.budget if activated is not None else None
        if activated is not None and budget is not None and budget.cost is not None:
            own, _, cost, _ = self._project_budget(of, activated)
            stating = [(own, cost)]
        else:
            stating = [(plan.currency, self._line_budget(plan)[0]) for plan in of.lines if plan.line.cost_budget]
        nodes = [self.converted(node_of(cost, "budget, cost"), own, of) for own, cost in stating]
        whole = Recorded(total("budget of cost", nodes, "amount", of.currency))
        used = percent(Recorded(self.booked(of)[COST]), whole)
        return node_of(used, "budget used", "percent") if used is not None else None

    # Caps

    def _ceiling(self, of: ForecastContext, tracks: Sequence[Track]) -> Amount | None:
        """Revenue so far and the room that hard caps of the whole term leave."""
        if of.forecast.ceiling is None:
            return None
        room, ended = self._room(of), has_ended(of.draft, of.draft.project(of.update.project_id), of.update.as_of)
        title = "all that is earned, for the project has ended" if ended else "the most that caps allow"
        most_allowed = allowed(Recorded(room), tracks, self._rate(of), smallest_unit(of.currency))
        made = node_of(most_allowed, title)._replace(title=title, why=() if room.value else (room,))
        return as_recorded(of.forecast.ceiling, made)

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


def _on_line(track: str) -> str:
    return f" on {unescape(parts_of(track)[1])}" if track != WHOLE else ""


def _titled(tally: Tally, title: str) -> Tally:
    hours, cost, revenue = tally
    return called(hours, f"hours {title}"), called(cost, f"cost {title}"), called(revenue, f"revenue {title}")


def unit_of(name: str) -> str:
    """Of a figure of a forecast."""
    return "hours" if name.endswith("hours") else "percent" if "percent" in name else "amount"
