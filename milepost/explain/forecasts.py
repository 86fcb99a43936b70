"""A project's forecast (R57, R58): what its rules made, asked again with books of which each number says how it came about; with the caps
of a forecast, and the day on which a cap is used up."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from domain.caps.consume import CapRule, bucket_key, limit_on
from domain.counting import counted
from domain.explanation import Arithmetic, Node, constant, most
from domain.figure import as_recorded, node_of, titled
from domain.forecast.completion import percent
from domain.forecast.exhaustion import Lasting, lasts
from domain.identity import composed, escape
from domain.money import format_amount
from domain.outputs import Alert, ForecastCap, ForecastUpdate
from domain.terms import methods
from domain.units import HUNDRED_PERCENT
from milepost.explain.caps import TakenOfCap
from milepost.explain.fees import LineAtStep
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from state.caps.claims import allotments
from state.draft import Draft
from state.forecast.ahead import TermsAhead, ahead_of, in_all
from state.forecast.bases import Weighed, weigh
from state.forecast.caps import caps_of, lasting, published_caps, taken_of
from state.forecast.figures import figures_of, shape_of
from state.forecast.outlook import project_terms
from state.forecast.shapes import Shape
from state.terms.plan import LinePlan
from state.trace import TracedOutput

FIGURES = (
    *("burn_hours", "burn_cost", "burn_revenue", "etc_hours", "etc_cost", "etc_revenue", "eac_hours", "eac_cost", "eac_revenue"),
    *("backlog", "unbilled_backlog", "margin", "margin_percent", "percent_complete"),
)  # fmt: skip


class Made(NamedTuple):
    """What a forecast's rules made of the books that it was published from."""

    draft: Draft
    weighed: Weighed
    shape: Shape
    update: ForecastUpdate


class ForecastNodes(Nodes):
    def begin(self) -> None:
        self._made: dict[tuple[int, str, int], Made] = {}

    def forecast(self, said: TracedOutput) -> Node:
        """Every figure of the update, and what changed it by cause."""
        update: ForecastUpdate = said.record
        facts = (
            ("as of", update.as_of.isoformat()),
            ("in", update.project.currency),
            *(
                (f"change by {delta.cause.replace('_', ' ')}", _delta(delta.cost, delta.revenue, delta.margin))
                for delta in update.deltas
            ),
        )
        figures = (self.figure(said, name) for name in FIGURES)
        cause = Node("published upon", event=self.sources.cause(said.step))
        title = f"Forecast {update.sequence} of project {update.project_id}"
        why = (*(node for node in figures if node is not None), cause)
        return Node(title, facts=facts, why=why, id=f"{update.project_id}#forecast")

    def figure(self, said: TracedOutput, name: str) -> Node | None:
        """In project currency."""
        of_update = () if name == "percent_complete" else ("project",)
        made = self.node(said, *of_update, name) if name in FIGURES else None
        project_id = said.record.project_id
        return made and made._replace(title=f"{project_id}: {_words(name)}", id=f"{project_id}#{name}")

    def node(self, said: TracedOutput, *path: str | int) -> Node | None:
        """Of a number of the update, by the fields that lead to it; None where that says nothing."""
        published: object = said.record
        made: object = self.made(said).update
        unit_of = ""
        currency = said.record.project.currency
        for part in path:
            published, found = _field(published, part), _field(made, part)
            if published is None:
                return None
            made = given(found, f"{part}")
            currency = getattr(published, "currency", currency)
            unit_of = part if isinstance(part, str) else unit_of
        assert isinstance(published, int), "the path leads to a number"
        assert isinstance(made, int), "and so it does in what is made again"
        unit = "hours" if unit_of.endswith("hours") else "percent" if "percent" in unit_of else "amount"
        node = node_of(made, _words(unit_of), unit, currency if unit == "amount" else "")
        return self.recorded.bound(as_recorded(published, node).node)

    def revenue_max(self, said: TracedOutput, *, by_cap: bool) -> Node:
        """Revenue at completion, or the most that caps allow."""
        figure = given(self.figure(said, "burn_revenue" if by_cap else "eac_revenue"), "revenue at completion")
        if not by_cap:
            return figure
        ceiling = given(self.made(said).weighed.forecast.ceiling, "the most that caps allow")
        made = self.recorded.bound(node_of(ceiling, ""))
        return most("the most that caps allow", made, figure)

    def made(self, said: TracedOutput) -> Made:
        key = said.step, said.record.project_id, said.record.sequence
        if key not in self._made:
            self._made[key] = self._ask(said)
        return self._made[key]

    def _ask(self, said: TracedOutput) -> Made:
        update: ForecastUpdate = said.record
        draft, title = self.nodes.books.of_forecast(said), f"forecast {update.sequence} of {update.project_id}"
        weighed = given(weigh(draft, update.project_id, update.as_of, "volume"), title)
        project = draft.project(update.project_id)
        shape = shape_of(draft, project, weighed, update.as_of)
        made = given(figures_of(draft, project, weighed, shape, update.as_of), title)
        caps = caps_of(draft, weighed, shape, update.as_of)
        complete = percent(made.project.burn_cost, made.project.eac_cost)
        figures = update._replace(project=made.project, ledger=made.ledger, group=made.group)
        said_of = figures._replace(percent_complete=complete, caps=caps, demand=weighed.planned.demand)
        return Made(draft, weighed, shape, said_of)


def _field(of: object, part: str | int) -> object:
    if isinstance(part, int):
        assert isinstance(of, tuple), "a place is one of several"
        return of[part] if part < len(of) else None
    return getattr(of, part)


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


class PriceNodes(Nodes):
    @once
    def ahead(self, contract_id: str, line_id: str, as_of: date, step: int) -> TermsAhead:
        draft = self.sources.draft(step)
        contract = draft.contract_in_books(contract_id)
        found = ahead_of(draft, contract, line_id, as_of)
        if not found.known.held:
            return found
        place = LineAtStep(draft, contract, line_id, found.known, as_of, step)
        known = self.nodes.over_time.known(place)
        if found.until is not None:
            made = in_all(known, self.nodes.fees.all_due(place, found.until), found.until)
        else:
            made = TermsAhead(known, (), methods.agreed_worth(known.held[-1]) if found.total is not None else None)
        title = f"line {line_id}: all that its terms come to"
        return made if made.total is None else made._replace(total=titled(made.total, title))


CAP_FIGURES = ("used_amount", "used_hours", "used_percent", "limit_amount", "limit_hours")
EXHAUSTS = "exhausts_on"


class PublishedCap(NamedTuple):
    """A cap of a forecast, by its place there, with the terms that it is of."""

    place: int
    cap: ForecastCap
    plan: LinePlan
    rule: CapRule


class ForecastCapNodes(Nodes):
    def published(self, said: TracedOutput) -> dict[str, PublishedCap]:
        """By the name that is asked for: the cap's id, with its contract's where several have one."""
        update: ForecastUpdate = said.record
        lines = project_terms(self.sources.draft(said.step), update.project_id).lines
        stated = published_caps([plan for plan in lines if plan.rules], update.as_of)
        found = [PublishedCap(at, cap, *one) for at, (cap, one) in enumerate(zip(update.caps, stated, strict=True))]
        ids = [one.cap.cap_id for one in found]
        return {
            escape(one.cap.cap_id)
            if ids.count(one.cap.cap_id) == 1
            else composed(one.plan.contract_id, one.rule.cap_id): one
            for one in found
        }

    def cap(self, said: TracedOutput, one: PublishedCap, whose: str) -> Node:
        """All that the forecast says of it."""
        cap = one.cap
        names = [name for name in (*CAP_FIGURES, EXHAUSTS) if getattr(cap, name) is not None]
        nodes = [self.figure(said, one, name)._replace(id=f"{whose}/{name}") for name in names]
        facts = (
            ("contract", cap.contract_id or ""),
            *((("kind", cap.kind),) if cap.kind else ()),
            *((("period", cap.period),) if cap.period else ()),
            *((("work from", f"{cap.effective_from}"),) if cap.effective_from is not None else ()),
        )
        return Node(f"cap {cap.cap_id}", facts=facts, why=tuple(nodes), id=whose)

    def figure(self, said: TracedOutput, one: PublishedCap, name: str) -> Node:
        cap, place = one.cap, one.place
        if name == EXHAUSTS:
            return self._exhausts(said, one)
        if name != "used_percent":
            return given(self.nodes.forecasts.node(said, "caps", place, name), name)
        title = f"cap {cap.cap_id}: used"
        if cap.limit_amount is None and cap.limit_hours is None:
            return constant(title, 0, "percent", facts=(("limit", "none in force on the day"),))
        if cap.used_percent == HUNDRED_PERCENT and 0 in (cap.limit_amount, cap.limit_hours):
            return constant(title, cap.used_percent, "percent", facts=(("limit", "nothing, which is always used up"),))
        return given(self.nodes.forecasts.node(said, "caps", place, name), name)._replace(title=title)

    # When it is used up

    def _exhausts(self, said: TracedOutput, one: PublishedCap) -> Node:
        made, cap = self.nodes.forecasts.made(said), one.cap
        gone = self._used_up(said, one)
        if gone is not None:
            return gone
        title, as_of = f"cap {cap.cap_id}: used up on {cap.exhausts_on}", said.record.as_of
        plan, rule = published_caps([plan for plan in made.weighed.terms.lines if plan.rules], as_of)[one.place]
        taken = taken_of(made.draft, plan, rule, as_of)
        first = lasting(made.draft, made.weighed, made.shape, plan, rule, taken, as_of)
        return self._lasts(made, title, given(first, title), by_hours=cap.limit_amount is None)

    def _lasts(self, made: Made, title: str, first: Lasting, *, by_hours: bool) -> Node:
        unit, currency = ("hours", "") if by_hours else ("amount", made.weighed.forecast.currency)
        operands = node_of(first.room, "room", unit, currency), node_of(first.use, "use", unit, currency)
        count = lasts(first.room, first.days, first.use)
        node = Node("days that it lasts", count, "count", "", Arithmetic("days", operands, {"days": first.days}))
        if first.is_planned:
            facts: tuple[tuple[str, str], ...] = (
                ("by", f"what is planned, from {first.since} on, {counted(first.days, 'day')}"),
            )
        else:
            facts = (("by", f"the pace of {counted(first.days, 'day')}"), ("counted from", first.since.isoformat()))
        return Node(title, facts=facts, why=(self.recorded.bound(node),), rule="R57")

    def _used_up(self, said: TracedOutput, one: PublishedCap) -> Node | None:
        """Since when, by which event, and the entry that takes the last of it in the order of the work."""
        limit = limit_on(one.rule, said.record.as_of)
        for by_hours, number, used in (
            (False, limit.amount, one.cap.used_amount),
            (True, limit.hours, one.cap.used_hours),
        ):
            if number is None or used < number:
                continue
            bucket = bucket_key(one.rule, said.record.as_of, "")
            measure = "hours" if by_hours else "amount"
            taken = TakenOfCap(one.plan, bucket, allotments(one.plan)[-1], by_hours)
            entry_id = self.nodes.caps.last_to_fit(taken, said.step, number)
            nodes = [self.figure(said, one, f"{what}_{measure}") for what in ("limit", "used")]
            crossing = self._crossing(said, one)
            if crossing is not None:
                event = self.sources.cause(crossing.step)
                nodes.append(Node("the event that used it up", event=event, id=crossing.record.alert_id))
            soft = () if limit.hard else (("kind", "soft: nothing is held back"),)
            last = (("the last of it goes to", entry_id),) if entry_id else ()
            return Node(f"cap {one.cap.cap_id}: used up", facts=(*last, *soft), why=tuple(nodes), rule="R18")
        return None

    def _crossing(self, said: TracedOutput, one: PublishedCap) -> TracedOutput | None:
        """The last alert that nothing was left of it."""
        subject = composed(one.plan.contract_id, one.rule.cap_id)
        found = None
        for each in self.sources.trace.said_of(Alert):
            record: Alert = each.record
            if each.step > said.step:
                continue
            if (record.subject_id == subject or record.subject_id.startswith(f"{subject}/")) and (
                record.threshold == HUNDRED_PERCENT
            ):
                found = each
        return found
