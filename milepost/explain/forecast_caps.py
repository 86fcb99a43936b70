"""The caps of a forecast: what is taken and allowed, and the day on which a cap is used up."""

from __future__ import annotations

from typing import NamedTuple

from domain.caps.consume import CapRule, bucket_key, limit_on
from domain.counting import counted
from domain.explanation import Arithmetic, Node, constant
from domain.figure import node_of
from domain.forecast.exhaustion import Lasting, lasts
from domain.identity import composed, escape
from domain.outputs import Alert, ForecastCap, ForecastUpdate
from domain.units import HUNDRED_PERCENT
from milepost.explain.forecasts import Made
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.forecast.caps import lasting, published_caps, taken_of
from state.forecast.outlook import project_terms
from state.terms.plan import LinePlan
from state.trace import TracedOutput

FIGURES = ("used_amount", "used_hours", "used_percent", "limit_amount", "limit_hours")
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
        names = [name for name in (*FIGURES, EXHAUSTS) if getattr(cap, name) is not None]
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
        for by_hours, most, used in (
            (False, limit.amount, one.cap.used_amount),
            (True, limit.hours, one.cap.used_hours),
        ):
            if most is None or used < most:
                continue
            bucket = bucket_key(one.rule, said.record.as_of, "")
            measure = "hours" if by_hours else "amount"
            entry_id = self.nodes.caps.last_to_fit(one.plan, bucket, said.step, most, by_hours=by_hours)
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
