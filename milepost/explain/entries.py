"""A row of the books: its hours, its cost, its value, what caps allow of it, and what of it stands on statements."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.caps.consume import Order, order_of
from domain.events.delivery import TimeApproved
from domain.explanation import (
    Arithmetic,
    Node,
    PolicyUse,
    agreeing,
    constant,
    evaluated,
    less,
    most,
    stated,
    step_of,
    total,
)
from domain.money import extend, format_decimal, round_ratio
from domain.policies import Resolved
from domain.terms import methods
from domain.terms.kind import IN_HOURS
from domain.work.hours import interval_hours
from domain.work.increments import billable_hours as incremented
from domain.work.rows import is_over_former, row_id
from milepost.explain.arithmetic import by_its_time
from milepost.explain.charges import ChargeNodes
from milepost.explain.drawing import DrawingNodes
from milepost.explain.passing import PassingNodes
from milepost.explain.rating import Rating
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.books import Cost, Entry, Price, Work
from state.caps.claims import FOR_BILLING, FOR_REVENUE
from state.draft import Draft
from state.terms.plan import LinePlan, plan_of
from state.work.hour_terms import hour_terms
from state.work.value_time import billed_price
from state.work.value_transfer import BILL_RATE, OWN_COST


class VersionStanding(NamedTuple):
    """A version of an entry as a step left it."""

    step: int
    entry: Entry
    work: Work


# Policies of `in_steps`.
INCREMENTS = ("increment_minutes", "increment_mode", "increment_scope", "minimum_minutes")


def in_steps(title: str, hours: Node, policies: Resolved) -> Node:
    """Hours in steps of minutes, at least the minimum (R9)."""
    minutes, mode, minimum = policies.increment_minutes, policies.increment_mode, policies.minimum_minutes
    made = incremented(hours.value or 0, minutes, mode, minimum)
    parameters: dict[str, Any] = {"minutes": minutes or 0, "mode": mode, "minimum_minutes": minimum or 0}
    return Node(title, made, "hours", "", Arithmetic("increments", (hours,), parameters), "R9")


class EntryNodes:
    """Nodes of entries; `step` is always the state after that step of the trace."""

    def __init__(self, sources: Sources, rating: Rating) -> None:
        self.sources = sources
        self.rating = rating
        self.recorded = RecordedNodes(sources)
        self.charges = ChargeNodes(sources, rating, self.recorded)
        self.charges.value_at = self.value_at
        self.charges.fees.entries = self
        self.drawing = DrawingNodes(sources, self.charges.fees, self)
        self.passing = PassingNodes(sources, self)
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._pairs: dict[Any, tuple[Node, Node]] = {}
        # By the identity of a price, which the trace keeps.
        self._values: dict[int, tuple[Node, Node]] = {}
        # Filled by the nodes of caps, of write-offs and of statements, which need these.
        self.caps: Any = None
        self.given_up: Any = None
        self.pieces: Any = None
        self.recorded.resolvers["recognised"] = self._recognised_by
        self.recorded.resolvers[OWN_COST] = self._own_cost
        self.recorded.resolvers[BILL_RATE] = self._bill_rate

    def _recognised_by(self, row: str, _contract_id: str, _line_id: str, step: str, _currency: str) -> Node | None:
        at = self.standing(row, int(step))
        return self.recognised(at) if at is not None and at.work.price is not None else None

    def _own_cost(self, row: str, step: str) -> Node | None:
        """What another company is charged for an expense."""
        at = self.standing(row, int(step))
        return self.cost(at, at.work.cost) if at is not None and at.work.cost is not None else None

    def _bill_rate(self, row: str, digest: str, step: str) -> Node | None:
        """Of which another company is charged a part, also where the hours themselves are not billed."""
        at = self.standing(row, int(step))
        if at is None or at.work.time is None:
            return None
        event, draft = at.work.time, self.sources.draft(int(step))
        terms, day = hour_terms(draft, at.entry, event, draft.project(event.project_id))
        return self.rating.found(event, day, terms.plan, draft, digest) if terms.plan is not None else None

    # Hours

    def worked_on(self, at: VersionStanding) -> Node:
        """Hours of the row; of charges only what was brought forward has any, and those of a part are its whole's."""
        if (found := self.charges.hours(at.work, "hours")) is not None:
            return found
        if at.work.time is None or at.work.part_of is not None:
            return constant(f"{at.entry.entry_id}: no hours", 0, "hours")
        return self.worked(at.work.time)

    def approved(self, at: VersionStanding) -> Node:
        """Hours that were worked, or of a part those that went on."""
        return self.passing.hours(at, at.work.part_of) if at.work.part_of is not None else self.worked(at.work.event)

    def worked(self, event: TimeApproved) -> Node:
        key = ("worked", id(event))
        if key not in self._memo:
            self._memo[key] = self._worked(event)
        return self._memo[key]

    def _worked(self, event: TimeApproved) -> Node:
        title = f"{event.entry_id}: hours worked"
        field = self.sources.field
        if event.hours is not None and event.seconds is not None:
            seconds = field("seconds worked", event.seconds, "seconds", event, "seconds")
            return Node(title, event.hours, "hours", "", Arithmetic("in_hours", (seconds,)))
        if event.hours is not None:
            return field(title, event.hours, "hours", event, "hours")
        if event.started_at is None or event.ended_at is None:
            return constant(title, 0, "hours")
        end = field("end", event.ended_at, "instant", event, "ended_at")
        start = field("start", event.started_at, "instant", event, "started_at")
        return Node(title, interval_hours(event) or 0, "hours", "", Arithmetic("elapsed", (end, start)))

    def hours(self, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """Hours before and after increments (R9), and what of them goes beyond what the terms include (R28, R30)."""
        if at.work.part_of is not None:
            return self.passing.hours(at, at.work.part_of)
        if (found := self.charges.hours(at.work, "billable_hours")) is not None:
            return found
        if price.drawn is not None:
            return self._beyond(at, price, plan, draft)
        if price.stepped:
            return self._share_of_day(at, price, plan, draft)
        return self.hours_asked(at.work.event, plan, draft)

    def _beyond(self, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        title = f"{at.entry.entry_id}: hours beyond what is included"
        if plan.draws != IN_HOURS:
            return self._paid_by(title, at, price, plan, draft)
        drawn = self.drawing.all_drawn(at, price)
        asked = self.hours_asked(at.work.event, plan, draft)
        return less(title, asked, total("hours drawn", drawn, "hours"))._replace(rule="R28") if drawn else asked

    def _paid_by(self, title: str, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """What of its hours the value beyond what is included pays for (R17)."""
        if not price.value or at.work.time is None:
            return constant(title, 0, "hours")
        hours = self.hours_asked(at.work.time, plan, draft)
        worth = self.asked(at, price, plan, draft)
        beyond = less("beyond what is included", worth, *self.drawing.all_drawn(at, price))
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "half_up"}
        made = evaluated(title, "proportion", (hours, beyond, worth), parameters, "hours", rule="R17")
        return agreeing(made, stated(title, price.hours, "hours"))

    def asked(self, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """What the row would draw: its hours, or what it is worth at its rate or cost."""
        if plan.draws == IN_HOURS:
            if (brought := self.charges.hours(at.work, "billable_hours")) is not None:
                return brought
            return self.hours_asked(at.work.event, plan, draft)
        event = at.work.time
        if event is None:
            made = self.charges.value(at.entry.entry_id, at.step, at.work, price, plan)
            return made or stated(f"{at.entry.entry_id}: worth", price.value, "amount", price.currency)
        operands = [self.hours_asked(event, plan, draft), self.rating.bill_rate(event, price, plan, draft)]
        if price.markup:
            operands.append(self.rating.markup(price, plan, draft))
        parameters: dict[str, Any] = {"step": step_of(price.currency), "mode": plan.policies.money_mode}
        title = f"{at.entry.entry_id}: worth"
        return by_its_time(evaluated(title, "extend", operands, parameters, "amount", price.currency, rule="R10"))

    def hours_asked(self, event: TimeApproved, plan: LinePlan, draft: Draft) -> Node:
        """Billable as the version or its hours say, after increments (R9); no terms include any of them yet."""
        base = self.worked(event)
        if event.billable_hours is not None:
            base = self.sources.field(
                f"{event.entry_id}: billable hours", event.billable_hours, "hours", event, "billable_hours", why=(base,)
            )
        policies = plan.policies
        base = self._rounded(base, plan, draft)
        if (
            event.billable_hours is None
            and policies.increment_scope == "entry"
            and (policies.increment_minutes or policies.minimum_minutes)
        ):
            base = self._increments(f"{event.entry_id}: hours in steps", base, plan, draft)
        return base

    def _rounded(self, hours: Node, plan: LinePlan, draft: Draft) -> Node:
        """To the decimals of policy `hours_decimals`."""
        decimals = plan.policies.hours_decimals
        if decimals is None:
            return hours
        step = 10 ** (6 - decimals)
        parameters: dict[str, Any] = {"step": format_decimal(step, 6), "mode": "half_up"}
        return Node(
            "hours, rounded",
            round_ratio(hours.value or 0, 1, step, "half_up"),
            "hours",
            "",
            Arithmetic("round", (hours,), parameters),
            "R9",
            self._policies(draft, plan, "hours_decimals"),
        )

    def _increments(self, title: str, hours: Node, plan: LinePlan, draft: Draft) -> Node:
        used = self._policies(draft, plan, *INCREMENTS)
        return in_steps(title, hours, plan.policies)._replace(policies=used)

    def _share_of_day(self, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """Steps over the person's day: the day's sum is rounded, each entry takes the cumulative difference."""
        event = at.work.event
        issued: list[Node] = []
        issued_hours: list[Node] = []
        before: list[tuple[Order, TimeApproved]] = []
        own = order_of(price.day, price.approved_at, event.entry_id, by_approval=False)
        for entry in draft.entries.everything():
            work = entry.standing
            other = work.price if work is not None else None
            if (
                work is None
                or work.time is None
                or other is None
                or not self._same_day(work, other, event, price, plan)
            ):
                continue
            if any(one.amount for one in entry.issued) and entry.entry_id != event.entry_id:
                issued.append(self._rounded(self.worked(work.event), plan, draft))
                issued_hours.append(self.hours_at(entry.entry_id, at.step - 1))
            elif entry.entry_id != event.entry_id:
                order = order_of(other.day, other.approved_at, entry.entry_id, by_approval=False)
                if order < own:
                    before.append((order, work.event))
        in_order = sorted(before, key=lambda each: each[0])
        earlier = [*issued, *(self._rounded(self.worked(one), plan, draft) for _, one in in_order)]
        own_hours = self._rounded(self.worked(event), plan, draft)
        due = self._increments(
            f"{event.person_id} on {price.day}, up to this entry, in steps",
            total("hours of the day up to this entry", [*earlier, own_hours], "hours"),
            plan,
            draft,
        )
        given = constant("hours of the day given before it", 0, "hours")
        if earlier:
            given = self._increments(
                f"{event.person_id} on {price.day}, before this entry, in steps",
                total("hours of the day before this entry", earlier, "hours"),
                plan,
                draft,
            )
        if issued_hours:
            fixed = total("hours issued of the day", issued_hours, "hours")
            given = most("hours of the day given before it", fixed, given)
        share = less("rest of the day for it", due, given)
        made = most(f"{event.entry_id}: its share of the day", share, constant("nothing", 0, "hours"))
        return made._replace(rule="R9")

    def _same_day(self, work: Work, other: Price, event: TimeApproved, price: Price, plan: LinePlan) -> bool:
        return (
            other.stepped
            and work.event.person_id == event.person_id
            and (other.contract_id, other.line_id, other.day) == (plan.contract_id, plan.line.line_id, price.day)
        )

    def hours_at(self, entry_id: str, step: int) -> Node:
        """Hours that the standing version is priced with."""
        at = self.standing(entry_id, step)
        assert at is not None and at.work.price is not None, "the entry is priced"  # noqa: PT018
        return self._valued(at, at.work.price)[0]

    # Value

    def standing(self, entry_id: str, step: int) -> VersionStanding | None:
        entry = self.sources.trace.entry_at(entry_id, step)
        work = entry.standing if entry is not None else None
        return VersionStanding(step, entry, work) if entry is not None and work is not None else None

    def priced_at(self, at: VersionStanding) -> int:
        """The step that gave the work its hours and its rate."""
        first = at.step
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            if not any(_terms(work) == _terms(at.work) for work in (entry.behind, entry.work) if work is not None):
                break
            first = step
        return first

    def value_at(self, entry_id: str, step: int) -> Node:
        """Of the version that stands after a step."""
        at = self.standing(entry_id, step)
        assert at is not None, "the row is in the books"
        return self.value(at)

    def value(self, at: VersionStanding) -> Node:
        """hours x rate x (1 + markup), rounded once."""
        price = at.work.price
        assert price is not None, "the work is priced"
        return self._valued(at, price)[1]

    def _valued(self, at: VersionStanding, price: Price) -> tuple[Node, Node]:
        if id(price) not in self._values:
            step = self.priced_at(at)
            key = ("value", at.entry.entry_id, step, _terms(at.work))
            if key not in self._pairs:
                self._pairs[key] = self._make_value(at._replace(step=step), price)
            self._values[id(price)] = self._pairs[key]
        return self._values[id(price)]

    def _make_value(self, at: VersionStanding, price: Price) -> tuple[Node, Node]:
        draft = self.sources.draft(at.step)
        plan = plan_of(draft, price)
        title = f"{at.entry.entry_id}: value"
        if plan is None:
            fixed = stated(title, price.value, "amount", price.currency)
            return stated("hours", price.hours, "hours"), fixed
        if at.work.time is None:
            hours = self.charges.hours(at.work, "billable_hours") or self.worked_on(at)
            return hours, self._value_of_charge(at, price, plan, draft)
        hours = self.hours(at, price, plan, draft)
        if hours.value != price.hours:
            hours = stated(f"{at.entry.entry_id}: hours", price.hours, "hours")
        if methods.cost_markup(plan.line.terms) is not None and at.work.cost is not None:
            costed = self.at_cost(at, at.work.cost, price, plan, hours)
            return hours, agreeing(costed, stated(title, price.value, "amount", price.currency))
        if price.drawn is not None and plan.draws != IN_HOURS:
            worth, drawn = self.asked(at, price, plan, draft), self.drawing.all_drawn(at, price)
            beyond = less(title, worth, *drawn, rule="R30") if drawn else worth._replace(title=title)
            return hours, agreeing(beyond, stated(title, price.value, "amount", price.currency))
        mode = plan.policies.money_mode
        rate = self.rating.bill_rate(at.work.event, price, plan, draft)
        operands = [hours, rate]
        if price.markup:
            operands.append(self.rating.markup(price, plan, draft))
        made = extend(price.hours, price.rate, price.markup, price.currency, mode)
        parameters: dict[str, Any] = {"step": step_of(price.currency), "mode": mode}
        facts = (
            ("service date", price.day.isoformat()),
            ("contract", f"{price.contract_id} version {plan.version}, line {price.line_id}"),
            ("role", price.role),
            *self._kept_rate(at, price, plan),
        )
        node = Node(
            title,
            made,
            "amount",
            price.currency,
            Arithmetic("extend", tuple(operands), parameters),
            "R10",
            self._policies(draft, plan, "money_mode", "rounding_scope"),
            facts,
            (self._priced_by(at),),
        )
        return hours, agreeing(by_its_time(node), stated(title, price.value, "amount", price.currency))

    def _kept_rate(self, at: VersionStanding, price: Price, plan: LinePlan) -> tuple[tuple[str, str], ...]:
        """Of a correction of work on an issued statement: whose rate it keeps."""
        before = self.standing(at.entry.entry_id, at.step - 1)
        if before is None or before.work.event.version == at.work.event.version:
            return ()
        if billed_price(before.entry, before.work, at.work.event, plan, price.day) is None:
            return ()
        return (("rate kept", f"that of version {before.work.event.version}, which is on an issued statement (R8)"),)

    def within(self, at: VersionStanding) -> Node:
        """What of a delivery is for units that are agreed; nothing of work over a cap of before."""
        price = at.work.price
        assert price is not None, "the work is priced"
        assert price.within is not None, "units are agreed, or it is over a cap of before"
        if is_over_former(at.entry.entry_id):
            return constant("nothing: over a cap of before", price.within, "amount", price.currency)
        told = stated(f"{at.entry.entry_id}: within the units agreed", price.within, "amount", price.currency)
        plan = plan_of(self.sources.draft(at.step), price)
        made = self.charges.within(at.entry.entry_id, at.step, at.work, price, plan) if plan is not None else None
        return agreeing(made._replace(title=told.title) if made is not None else None, told)

    def at_cost(self, at: VersionStanding, cost: Cost, price: Price, plan: LinePlan, hours: Node) -> Node | None:
        """Hours at what they cost, exchanged and marked up, rounded once (R32)."""
        draft = self.sources.draft(at.step)
        found = self.charges.rates_to(cost.currency, plan, price.day, draft)
        if found is None:
            return None
        rates, legs = found
        operands = [hours, self.rating.cost_rate(cost, draft), *rates]
        if price.markup:
            operands.append(self.charges.markup(plan))
        made = by_its_time(self.charges.at_cost(operands, ("times", *legs), plan))
        facts = (
            ("service date", price.day.isoformat()),
            ("contract", f"{price.contract_id} version {plan.version}, line {price.line_id}"),
        )
        policies = self._policies(draft, plan, "money_mode")
        title = f"{at.entry.entry_id}: value"
        return made._replace(title=title, facts=facts, policies=policies, why=(self._priced_by(at),))

    def _value_of_charge(self, at: VersionStanding, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """Under its own title, with what it is and what it was charged by."""
        told = stated(f"{at.entry.entry_id}: value", price.value, "amount", price.currency)
        made = self.charges.value(at.entry.entry_id, at.step, at.work, price, plan)
        if made is None:
            return told
        drawn = self.drawing.all_drawn(at, price) if not _is_brought_forward(at.work) else ()
        if drawn and plan.draws != IN_HOURS:
            made = less("beyond what is included", made._replace(title="worth"), *drawn, rule="R30")
        subject = at.work.subject
        facts = (
            ("service date", price.day.isoformat()),
            ("contract", f"{price.contract_id} version {plan.version}, line {price.line_id}"),
            *((("description", subject.description),) if subject.description else ()),
        )
        # A field of an event stays one: it is named by what holds it.
        named = total(told.title, (made,), "amount", price.currency) if made.field else made._replace(title=told.title)
        named = named._replace(
            policies=(*made.policies, *self._policies(draft, plan, "money_mode")),
            facts=facts,
            why=(*named.why, self._priced_by(at)),
        )
        return agreeing(named, told)

    def _priced_by(self, at: VersionStanding) -> Node:
        cause = self.sources.cause(at.step)
        own = row_id(cause.kind, cause.id) == at.entry.entry_id
        word = "rated" if at.work.time is not None else "priced"
        return Node(f"{word} by" if own else f"{word} upon", event=cause)

    def _policies(self, draft: Draft, plan: LinePlan, *names: str) -> tuple[PolicyUse, ...]:
        return self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)

    def memo(self, at: VersionStanding, price: Price) -> Node:
        """The value of what is not charged; no money moves with it."""
        return stated(f"{at.entry.entry_id}: value not charged", price.memo, "amount", price.currency)

    # Cost

    def cost(self, at: VersionStanding, cost: Cost) -> Node:
        key = ("cost", at.entry.entry_id, id(cost))
        if key not in self._memo:
            self._memo[key] = self._make_cost(at, cost)
        return self._memo[key]

    def _make_cost(self, at: VersionStanding, cost: Cost) -> Node:
        step = next(
            (
                number
                for number, entry in self.sources.trace.entry_steps(at.entry.entry_id)
                if any(
                    work.cost is not None
                    and _same_cost(work.cost, cost)
                    and work.subject.version == at.work.subject.version
                    for work in (entry.behind, entry.work)
                    if work is not None
                )
            ),
            at.step,
        )
        draft = self.sources.draft(step)
        entity = draft.reference.entity(cost.legal_entity_id)
        if at.work.time is None:
            return self.charges.cost(at.work, cost, draft)
        policies = self.sources.entity_policies(entity, "money_mode", "cost_policy")
        mode = policies[0].value
        hours = self.worked(at.work.event)
        title = f"{at.entry.entry_id}: cost"
        parameters: dict[str, Any] = {"step": step_of(cost.currency), "mode": mode}
        made = extend(cost.hours, cost.rate, 0, cost.currency, mode)
        node = Node(
            title,
            made,
            "amount",
            cost.currency,
            Arithmetic("extend", (hours, self.rating.cost_rate(cost, draft)), parameters),
            "R22",
            policies,
            (("company", cost.legal_entity_id), ("service date", cost.day.isoformat())),
        )
        node = by_its_time(node)
        return (
            node
            if node.value == cost.amount and hours.value == cost.hours
            else stated(title, cost.amount, "amount", cost.currency)
        )

    # What is given up

    def written_off(self, at: VersionStanding) -> Node:
        found: Node = self.given_up.written_off(at)
        return found

    def chargeable(self, at: VersionStanding) -> Node:
        """What of the value is not given up."""
        found: Node = self.given_up.chargeable(at)
        return found

    # What caps allow

    def allowed(self, at: VersionStanding) -> Node:
        """What earns revenue."""
        found: Node = self.caps.granted(at, FOR_REVENUE)
        return found

    def billable(self, at: VersionStanding) -> Node:
        """What may stand on a statement."""
        found: Node = self.caps.granted(at, FOR_BILLING)
        return found

    def recognised(self, at: VersionStanding) -> Node:
        price = at.work.price
        assert price is not None, "the work is priced"
        if price.earned is not None:
            return self._earned(at, price)
        allowed, value = self.allowed(at), self.chargeable(at)
        if price.recognised == allowed.value:
            return allowed
        made = most(f"{at.entry.entry_id}: recognised", value, allowed)
        return agreeing(made, stated(made.title, price.recognised, "amount", price.currency))

    def _earned(self, at: VersionStanding, price: Price) -> Node:
        """Revenue that does not follow what may be billed: with the invoice, on a schedule of its own, by what is drawn."""
        told = stated(f"{at.entry.entry_id}: recognised", price.recognised, "amount", price.currency)
        key = ("earned", at.entry.entry_id, id(price))
        if key not in self._memo:
            step = self.priced_at(at)
            self._memo[key] = told
            if price.drawn is not None and price.earned and not _is_brought_forward(at.work):
                own = at._replace(step=step)
                parts = [self.value(own), *self.drawing.all_earned(own, price)]
                made: Node | None = total(told.title, parts, "amount", price.currency, rule="R30")
            else:
                made = self.charges.earned(at.work, price, self.sources.draft(step))
            self._memo[key] = agreeing(made._replace(title=told.title) if made is not None else None, told)
        return self._memo[key]

    def rounding(self, entry_id: str, step: int) -> Node:
        """Cents of statement lines that were put on the entry (policy `rounding_scope: line`)."""
        at = self.standing(entry_id, step)
        price = at.work.price if at is not None else None
        if price is None or not price.rounding:
            return constant(f"{entry_id}: cents of lines", 0, "amount", price.currency if price is not None else "")
        found: Node = self.pieces.rounding(entry_id, price, step)
        return found


def _is_brought_forward(work: Work) -> bool:
    """Its hours and its value are of what goes beyond, as stated."""
    return work.charge is not None and work.charge.opening is not None


def _terms(work: Work) -> tuple[Any, ...]:
    price = work.price
    if price is None:
        return (work.subject.version,)
    return (
        work.subject.version,
        price.contract_id,
        price.line_id,
        price.decision,
        price.rate,
        price.markup,
        price.hours,
        price.value,
        price.earned,
        tuple(sorted(price.drawn.items())) if price.drawn is not None else None,
    )


def _same_cost(one: Cost, other: Cost) -> bool:
    return (one.cost_rate_id, one.cost_rate_version, one.hours, one.amount, one.day) == (
        other.cost_rate_id,
        other.cost_rate_version,
        other.hours,
        other.amount,
        other.day,
    )
