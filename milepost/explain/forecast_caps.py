"""The caps of a forecast: what is taken and allowed, and the day on which a cap is used up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from domain.caps.consume import CapRule, bucket_key, limit_on
from domain.explanation import Arithmetic, Node, constant, less, total
from domain.figure import Recorded, as_recorded, node_titled, spread
from domain.forecast.exhaustion import PACE_DAYS, by_plan, days_ahead
from domain.identity import composed, escape
from domain.money import format_decimal
from domain.outputs import Alert, ForecastCap, ForecastUpdate
from domain.units import AMOUNT_SCALE, HOURS_SCALE, HUNDRED_PERCENT
from milepost.explain.caps import CapNodes
from milepost.explain.entries import EntryNodes
from milepost.explain.forecast_months import MonthNodes
from milepost.explain.forecasts import ForecastContext, ForecastNodes
from milepost.explain.published import given
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from state.caps.claims import allotments
from state.forecast.caps import counts_until, published_after, told_caps, used_of
from state.forecast.outlook import line_key, project_lines, sum_of
from state.forecast.room import lines_under
from state.terms.plan import LinePlan
from state.trace import TracedOutput

FIGURES = ("used_amount", "used_hours", "used_percent", "limit_amount", "limit_hours")
EXHAUSTS = "exhausts_on"


class PublishedCap(NamedTuple):
    """A cap of a forecast with the terms that it is of."""

    cap: ForecastCap
    plan: LinePlan
    rule: CapRule


class Lasting(NamedTuple):
    """How long one limit of a cap lasts: the day, None beyond what is looked at, and what it is counted from."""

    day: date | None
    nodes: tuple[Node, ...]
    facts: tuple[tuple[str, str], ...]


class ForecastCapNodes:
    def __init__(
        self,
        sources: Sources,
        entries: EntryNodes,
        caps: CapNodes,
        records: RecordNodes,
        forecasts: ForecastNodes,
        months: MonthNodes,
    ) -> None:
        self.sources = sources
        self.entries = entries
        self.caps = caps
        self.records = records
        self.forecasts = forecasts
        self.months = months

    def published(self, said: TracedOutput) -> dict[str, PublishedCap]:
        """By the name that is asked for: the cap's id, with its contract's where several have one."""
        update: ForecastUpdate = said.record
        of = self.forecasts.context(said)
        found = [
            PublishedCap(cap, *one) for cap, one in zip(update.caps, told_caps(of.lines, update.as_of), strict=True)
        ]
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
            ("contract", one.plan.contract_id),
            *((("kind", cap.kind),) if cap.kind else ()),
            *((("period", cap.period),) if cap.period else ()),
            *((("work from", f"{cap.effective_from}"),) if cap.effective_from is not None else ()),
        )
        return Node(f"cap {cap.cap_id}", facts=facts, why=tuple(nodes), id=whose)

    def figure(self, said: TracedOutput, one: PublishedCap, name: str) -> Node:
        as_of = said.record.as_of
        match name:
            case "used_amount" | "used_hours":
                return self._used(said, one, name)
            case "limit_amount" | "limit_hours":
                return self.caps.limit_on(one.plan, one.rule, as_of, by_hours=name == "limit_hours")
            case "used_percent":
                return self._percent(said, one)
            case _:
                return self._exhausts(said, one)

    def _used(self, said: TracedOutput, one: PublishedCap, name: str) -> Node:
        value = getattr(one.cap, name)
        bucket = bucket_key(one.rule, said.record.as_of, "")
        hours, allotment = name == "used_hours", allotments(one.plan)[-1]
        after = published_after(said.record.project_id, said.record.sequence)
        decided = given(self.entries.recorded.why.figure_at(after, said.step), after)
        return as_recorded(
            value,
            self.caps.taken(one.plan, bucket, allotment, said.step, by_hours=hours, turn=decided.value),
        ).node

    def _percent(self, said: TracedOutput, one: PublishedCap) -> Node:
        """Of the limit that is nearer."""
        title, cap = f"cap {one.cap.cap_id}: used", one.cap
        if cap.limit_amount is None and cap.limit_hours is None:
            return constant(title, 0, "percent", facts=(("limit", "none in force on the day"),))
        limit, limit_hours = (
            Recorded(self.figure(said, one, name)) if value else value
            for name, value in (("limit_amount", cap.limit_amount), ("limit_hours", cap.limit_hours))
        )
        amount, hours = (Recorded(self._used(said, one, name)) for name in ("used_amount", "used_hours"))
        used = used_of((limit, limit_hours), (amount, hours))
        if not isinstance(used, Recorded):
            return constant(title, used, "percent", facts=(("limit", "nothing, which is always used up"),))
        return as_recorded(cap.used_percent, used.node._replace(title=title)).node

    # When it is used up

    def _exhausts(self, said: TracedOutput, one: PublishedCap) -> Node:
        limit = limit_on(one.rule, said.record.as_of)
        title = f"cap {one.cap.cap_id}: used up on {one.cap.exhausts_on}"
        gone = self._used_up(said, one)
        if gone is not None:
            return gone
        found = [
            self._lasting(said, one, by_hours=by_hours)
            for by_hours, value in ((False, limit.amount), (True, limit.hours))
            if value is not None
        ]
        first = next((each for each in found if each.day == one.cap.exhausts_on), None)
        if first is None:
            return Node(title, facts=(("counted from", said.record.as_of.isoformat()),))
        return Node(title, facts=first.facts, why=first.nodes, rule="R57")

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
            entry_id = self.caps.last_to_fit(one.plan, bucket, said.step, most, by_hours=by_hours)
            nodes = [self.figure(said, one, f"limit_{measure}"), self._used(said, one, f"used_{measure}")]
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

    def _lasting(self, said: TracedOutput, one: PublishedCap, *, by_hours: bool) -> Lasting:
        """By what is planned where the cap binds the project's lines and no others, else by the pace."""
        measure = "hours" if by_hours else "amount"
        of = self.forecasts.context(said)
        room = less("room", self.figure(said, one, f"limit_{measure}"), self._used(said, one, f"used_{measure}"))
        members = lines_under(of.draft, one.plan, one.rule)
        alone = {line_key(each) for each in members} == {line_key(each) for each in of.lines}
        made = self.forecasts.made(of)
        total_now = sum_of(of.outlook.progress)
        wanted = self.forecasts.wanted(of)
        to_come = made["etc_hours"] if by_hours else less("revenue to come, before caps", wanted, made["burn_revenue"])
        # Revenue in several currencies is not planned against a cap in one.
        planned = alone and one.plan.currency == of.forecast.currency and (by_hours or len(total_now) <= 1)
        if planned and (to_come.value or 0) > 0:
            last = counts_until(of.draft, members, one.rule, of.update.as_of, is_planned=True)
            return self._by_plan(of, room, to_come, last, by_hours=by_hours)
        return self._by_pace(of, room, members, by_hours=by_hours)

    def _by_plan(self, of: ForecastContext, room: Node, to_come: Node, last: date | None, *, by_hours: bool) -> Lasting:
        """Month for month as it is planned, and in the last of them evenly over its days."""
        as_of = of.update.as_of
        shape = self.months.shape(of)
        values = spread(Recorded(to_come), shape.hours if by_hours else shape.revenue, 1)
        day = by_plan(room.value or 0, as_of, zip(shape.months, values, strict=True), last)
        if day is None:
            return Lasting(None, (room, to_come), ())
        rest, made = room, list[Node]()
        for month, value in zip(shape.months, values, strict=True):
            if value <= 0:
                continue
            use = node_titled(value, f"planned in {month}")
            if value >= (rest.value or 0):
                days = days_ahead(month, as_of, last)
                lasts = self._days(rest, use, days.index(day.toordinal()) + 1, len(days))
                first = date.fromordinal(days[0])
                facts = (("by", f"what is planned, from {first} on, {len(days)} days"),)
                return Lasting(day, (*made, lasts), facts)
            made.append(use)
            rest = less(f"left after {month}", rest, use)
        return Lasting(None, (room, to_come), ())

    def _days(self, room: Node, use: Node, value: int, days: int) -> Node:
        return Node("days that it lasts", value, "count", "", Arithmetic("days", (room, use), {"days": days}))

    def _by_pace(self, of: ForecastContext, room: Node, members: tuple[LinePlan, ...], *, by_hours: bool) -> Lasting:
        """What the lines of the cap took in the last four weeks, each project's in their share of its value."""
        as_of = of.update.as_of
        nodes = [
            self._pace_of(of, project_id, members, by_hours=by_hours)
            for project_id in sorted({each.line.project_id for each in members})
        ]
        unit, currency = ("hours", "") if by_hours else ("amount", members[0].currency)
        use = nodes[0] if len(nodes) == 1 else total(f"taken in {PACE_DAYS} days", nodes, unit, currency)
        if (use.value or 0) <= 0:
            return Lasting(None, (room, use), ())
        count = -(-(room.value or 0) * PACE_DAYS // (use.value or 1))
        lasts = self._days(room, use, count, PACE_DAYS)
        facts = (("by", f"the pace of {PACE_DAYS} days"), ("counted from", as_of.isoformat()))
        return Lasting(as_of + timedelta(days=count), (lasts,), facts)

    def _pace_of(self, of: ForecastContext, project_id: str, members: tuple[LinePlan, ...], *, by_hours: bool) -> Node:
        """Of one project; cut to a ten-thousandth of a unit, of hours to a millionth."""
        theirs = [each for each in members if each.line.project_id == project_id]
        currency = theirs[0].currency
        taken = self._lately(of, project_id, currency, by_hours=by_hours)
        mine = self._value(of, theirs, currency)
        whole = self._value(of, list(project_lines(of.draft, project_id)), currency)
        if mine.value == whole.value and whole.value:
            return taken
        unit, own = ("hours", "") if by_hours else ("amount", currency)
        value = (taken.value or 0) * (mine.value or 0) // whole.value if (whole.value or 0) > 0 else 0  # type: ignore[operator]
        if not whole.value:
            return less("nothing is worth anything yet", taken, taken)
        scale = HOURS_SCALE if by_hours else AMOUNT_SCALE
        arithmetic = Arithmetic("proportion", (taken, mine, whole), {"step": format_decimal(1, scale), "mode": "down"})
        return Node(f"{project_id}: in the share of the cap's lines", value, unit, own, arithmetic)

    def _lately(self, of: ForecastContext, project_id: str, currency: str, *, by_hours: bool) -> Node:
        last = of.update.as_of
        first = last - timedelta(days=PACE_DAYS - 1)
        nodes = []
        theirs = of._replace(update=of.update._replace(project_id=project_id))
        for at in self.forecasts.entries_of(theirs):
            cost, price = at.work.cost, at.work.price
            if by_hours and cost is not None and first <= cost.day <= last:
                nodes.append(self.entries.worked_on(at))
            priced = price is not None and price.currency == currency and first <= price.day <= last
            if not by_hours and priced and price is not None and price.earns:
                nodes.append(self.records.recognised(at.entry.entry_id, of.said.step))
        unit, own = ("hours", "") if by_hours else ("amount", currency)
        return total(f"{project_id}: taken from {first} to {last}", nodes, unit, own)

    def _value(self, of: ForecastContext, plans: list[LinePlan], currency: str) -> Node:
        keys = {(each.contract_id, each.line.line_id) for each in plans}
        nodes = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, of.said.step)
            price = at.work.price if at is not None else None
            if at is not None and price is not None and (price.contract_id, price.line_id) in keys:
                nodes.append(self.entries.value(at))
        return total("value of the lines", nodes, "amount", currency)
