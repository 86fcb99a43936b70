"""A time entry: its hours, its cost, its value, what caps allow of it, and what of it stands on statements."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.caps import CapRule, Claim, Order, bucket_key, limit_on, order_of
from domain.events.delivery import TimeApproved
from domain.explanation import (
    Arithmetic,
    Node,
    PolicyUse,
    constant,
    less,
    stated,
    total,
)
from domain.increments import billable_hours as incremented
from domain.money import extend, format_amount, format_decimal, round_ratio, smallest_unit
from domain.units import Hours
from state.allot import (
    BILLING,
    MAIN,
    REVENUE,
    Stake,
    allotments,
    claim_of,
    granted_of,
    order_key,
    rules_for,
    stake_of,
)
from state.assess import interval_hours
from state.books import Cost, Entry, Price, Work
from state.draft import Draft
from state.explain.rating import Rating
from state.explain.sources import Sources
from state.plan import LinePlan, plan_of


class Rival(NamedTuple):
    """An entry's place under the caps that it shares with others."""

    order: Order
    entry: Entry
    plan: LinePlan
    stake: Stake
    claim: Claim

    @property
    def entry_id(self) -> str:
        return self.entry.entry_id


class Room(NamedTuple):
    """What may be taken, in money and in hours."""

    amount: Node
    hours: Node


class Standing(NamedTuple):
    """A version of an entry as a step left it."""

    step: int
    entry: Entry
    work: Work


def step_of(currency: str) -> str:
    return format_amount(smallest_unit(currency))


class EntryNodes:
    """Nodes of entries; `step` is always the state after that step of the trace."""

    def __init__(self, sources: Sources, rating: Rating) -> None:
        self.sources = sources
        self.rating = rating
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._rivals: dict[tuple[Any, ...], list[Rival]] = {}
        # Filled by the statements' nodes, which need these.
        self.pieces: Any = None

    # Hours

    def worked(self, event: TimeApproved) -> Node:
        key = ("worked", id(event))
        if key not in self._memo:
            self._memo[key] = self._worked(event)
        return self._memo[key]

    def _worked(self, event: TimeApproved) -> Node:
        title = f"{event.entry_id}: hours worked"
        field = self.sources.field
        if event.hours is not None:
            return field(title, event.hours, "hours", event, "hours")
        if event.started_at is None or event.ended_at is None:
            return constant(title, 0, "hours")
        end = field("end", event.ended_at, "instant", event, "ended_at")
        start = field("start", event.started_at, "instant", event, "started_at")
        return Node(title, interval_hours(event) or 0, "hours", "", Arithmetic("elapsed", (end, start)))

    def hours(self, at: Standing, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """Hours before and after increments (R9)."""
        event = at.work.event
        if price.stepped:
            return self._share_of_day(at, price, plan, draft)
        base = self.worked(event)
        if event.billable_hours is not None:
            base = self.sources.field(
                f"{event.entry_id}: billable hours", event.billable_hours, "hours", event, "billable_hours", why=(base,)
            )
        policies = plan.policies
        if policies.hours_decimals is not None:
            rounded = round_ratio(base.value or 0, 1, 10 ** (6 - policies.hours_decimals), "half_up")
            parameters: dict[str, Any] = {
                "step": format_decimal(10 ** (6 - policies.hours_decimals), 6),
                "mode": "half_up",
            }
            base = Node(
                "hours, rounded",
                rounded,
                "hours",
                "",
                Arithmetic("round", (base,), parameters),
                "R9",
                self._policies(draft, plan, "hours_decimals"),
            )
        if (
            event.billable_hours is None
            and policies.increment_scope == "entry"
            and (policies.increment_minutes or policies.minimum_minutes)
        ):
            base = self._increments(f"{event.entry_id}: hours in steps", base, plan, draft)
        return base

    def _increments(self, title: str, hours: Node, plan: LinePlan, draft: Draft) -> Node:
        policies = plan.policies
        made = incremented(
            hours.value or 0, policies.increment_minutes, policies.increment_mode, policies.minimum_minutes
        )
        parameters: dict[str, Any] = {
            "minutes": policies.increment_minutes or 0,
            "mode": policies.increment_mode or "up",
            "minimum_minutes": policies.minimum_minutes or 0,
        }
        names = ("increment_minutes", "increment_mode", "increment_scope", "minimum_minutes")
        return Node(
            title,
            made,
            "hours",
            "",
            Arithmetic("increments", (hours,), parameters),
            "R9",
            self._policies(draft, plan, *names),
        )

    def _share_of_day(self, at: Standing, price: Price, plan: LinePlan, draft: Draft) -> Node:
        """Steps over the person's day: the day's sum is rounded, each entry takes the cumulative difference."""
        event = at.work.event
        issued: list[Node] = []
        issued_hours: list[Node] = []
        before: list[tuple[Order, TimeApproved]] = []
        own = order_of(price.day, price.approved_at, event.entry_id, by_approval=False)
        for entry in draft.entries.everything():
            work = entry.standing
            other = work.price if work is not None else None
            if work is None or other is None or not self._same_day(work, other, event, price, plan):
                continue
            if any(one.amount for one in entry.issued) and entry.entry_id != event.entry_id:
                issued.append(self.worked(work.event))
                issued_hours.append(self.hours_at(entry.entry_id, at.step - 1))
            elif entry.entry_id != event.entry_id:
                order = order_of(other.day, other.approved_at, entry.entry_id, by_approval=False)
                if order < own:
                    before.append((order, work.event))
        earlier = [*issued, *(self.worked(one) for _, one in sorted(before, key=lambda each: each[0]))]
        due = self._increments(
            f"{event.person_id} on {price.day}, up to this entry, in steps",
            total("hours of the day up to this entry", [*earlier, self.worked(event)], "hours"),
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
            given = _most("hours of the day given before it", fixed, given)
        share = less("rest of the day for it", due, given)
        made = _most(f"{event.entry_id}: its share of the day", share, constant("nothing", 0, "hours"))
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

    def standing(self, entry_id: str, step: int) -> Standing | None:
        entry = self.sources.trace.entry_at(entry_id, step)
        work = entry.standing if entry is not None else None
        return Standing(step, entry, work) if entry is not None and work is not None else None

    def priced_at(self, at: Standing) -> int:
        """The step that gave the work its hours and its rate."""
        first = at.step
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            if not any(_terms(work) == _terms(at.work) for work in (entry.behind, entry.work) if work is not None):
                break
            first = step
        return first

    def value(self, at: Standing) -> Node:
        """hours x rate x (1 + markup), rounded once."""
        price = at.work.price
        assert price is not None, "the work is priced"
        return self._valued(at, price)[1]

    def _valued(self, at: Standing, price: Price) -> tuple[Node, Node]:
        step = self.priced_at(at)
        key = ("value", at.entry.entry_id, step, _terms(at.work))
        if key not in self._memo:
            at = at._replace(step=step)
            hours, value = self._make_value(at, price)
            self._memo[("hours", *key[1:])] = hours
            self._memo[key] = value
        return self._memo[("hours", *key[1:])], self._memo[key]

    def _make_value(self, at: Standing, price: Price) -> tuple[Node, Node]:
        draft = self.sources.draft(at.step)
        plan = plan_of(draft, price)
        title = f"{at.entry.entry_id}: value"
        if plan is None:
            fixed = stated(title, price.value, "amount", price.currency)
            return stated("hours", price.hours, "hours"), fixed
        hours = self.hours(at, price, plan, draft)
        if hours.value != price.hours:
            hours = stated(f"{at.entry.entry_id}: hours", price.hours, "hours")
        mode = plan.policies.money_mode or "half_up"
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
        return hours, node if made == price.value else stated(title, price.value, "amount", price.currency)

    def _priced_by(self, at: Standing) -> Node:
        cause = self.sources.cause(at.step)
        own = cause.kind == "time_entry" and cause.id == at.entry.entry_id
        return Node("rated by" if own else "rated when this came", event=cause)

    def _policies(self, draft: Draft, plan: LinePlan, *names: str) -> tuple[PolicyUse, ...]:
        return self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)

    def memo(self, at: Standing, price: Price) -> Node:
        """The value of what is not charged; no money moves with it."""
        return stated(f"{at.entry.entry_id}: value not charged", price.memo, "amount", price.currency)

    # Cost

    def cost(self, at: Standing, cost: Cost) -> Node:
        key = ("cost", at.entry.entry_id, id(cost))
        if key not in self._memo:
            self._memo[key] = self._make_cost(at, cost)
        return self._memo[key]

    def _make_cost(self, at: Standing, cost: Cost) -> Node:
        step = next(
            (
                number
                for number, entry in self.sources.trace.entry_steps(at.entry.entry_id)
                if any(
                    work.cost is not None
                    and _same_cost(work.cost, cost)
                    and work.event.version == at.work.event.version
                    for work in (entry.behind, entry.work)
                    if work is not None
                )
            ),
            at.step,
        )
        draft = self.sources.draft(step)
        entity = draft.reference.entity(cost.legal_entity_id)
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
        return (
            node
            if made == cost.amount and hours.value == cost.hours
            else stated(title, cost.amount, "amount", cost.currency)
        )

    # What caps allow

    def allowed(self, at: Standing) -> Node:
        """What earns revenue."""
        return self._granted(at, REVENUE)

    def billable(self, at: Standing) -> Node:
        """What may stand on a statement."""
        return self._granted(at, BILLING)

    def recognised(self, at: Standing) -> Node:
        price = at.work.price
        assert price is not None, "the work is priced"
        allowed, value = self.allowed(at), self.value(at)
        if price.recognised == allowed.value:
            return allowed
        made = _most(f"{at.entry.entry_id}: recognised", value, allowed)
        return (
            made if made.value == price.recognised else stated(made.title, price.recognised, "amount", price.currency)
        )

    def _granted(self, at: Standing, side: str) -> Node:
        price = at.work.price
        assert price is not None, "the work is priced"
        amount = price.allowed if side == REVENUE else price.billable
        value = self.value(at)
        title = f"{at.entry.entry_id}: what caps allow"
        at = self._since(at)
        plan = plan_of(self.sources.draft(at.step), price)
        if plan is None or not plan.rules or amount == value.value:
            return value if amount == value.value else stated(title, amount, "amount", price.currency)
        allotment = side if len(allotments(plan)) > 1 else MAIN
        key = ("granted", at.entry.entry_id, at.step, side)
        if key not in self._memo:
            # What a cut gives and issues at once would explain itself by itself.
            self._memo[key] = stated(title, amount, "amount", price.currency, rule="R16")
            self._memo[key] = self._under_caps(at, plan, allotment, amount, value)
        return self._memo[key]

    def _since(self, at: Standing) -> Standing:
        """The step that gave the work the share that it has."""
        found = at
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            work = next(
                (one for one in (entry.behind, entry.work) if one is not None and _shares(one) == _shares(at.work)),
                None,
            )
            if work is None:
                break
            found = Standing(step, entry, work)
        return found

    def _under_caps(self, at: Standing, plan: LinePlan, allotment: str, amount: int, value: Node) -> Node:
        """The part of the value that has room, with what took the rest."""
        title = f"{at.entry.entry_id}: what caps allow"
        rivals = self.rivals(plan, allotment, at.step)
        own = next((rival for rival in rivals if rival.entry_id == at.entry.entry_id), None)
        if own is None or own.stake.price.final:
            return stated(title, amount, "amount", plan.currency, rule="R16")
        policies = self._policies(
            self.sources.draft(at.step), plan, "cap_split", "cap_order", "cap_includes", "overflow"
        )
        made = self._room(own, rivals, at.step, allotment, value).amount._replace(title=title, policies=policies)
        if own.claim.pinned:
            settled = self._pinned(own, at.step, allotment)
            made = total(title, (settled, made), "amount", plan.currency, rule="R16", policies=policies)
        return made if made.value == amount else stated(title, amount, "amount", plan.currency, rule="R16")

    def rivals(self, plan: LinePlan, allotment: str, step: int) -> list[Rival]:
        """Everything on the lines that share the caps, in consumption order."""
        key = (plan.contract_id, plan.group, allotment, step)
        if key not in self._rivals:
            draft = self.sources.draft(step)
            found = []
            for entry in draft.entries.everything():
                stake = stake_of(entry)
                if (
                    stake is None
                    or stake.price.contract_id != plan.contract_id
                    or stake.price.line_id not in plan.group
                ):
                    continue
                theirs = plan_of(draft, stake.price)
                if theirs is not None:
                    order = order_key(theirs, stake.price, entry.entry_id)
                    found.append(Rival(order, entry, theirs, stake, claim_of(theirs, allotment, stake)))
            self._rivals[key] = sorted(found, key=lambda rival: rival.order)
        return self._rivals[key]

    def _room(self, own: Rival, rivals: list[Rival], step: int, allotment: str, value: Node) -> Room:
        """What every hard cap has left for what of the entry is not settled, in money and in hours (R17, R18)."""
        hours = self._hours_claimed(own, step)
        free, free_hours = value, hours
        if own.claim.pinned:
            free = less("not settled yet", value, self._pinned(own, step, allotment))
            free_hours = less("hours not settled yet", hours, self._pinned_hours(own, step, allotment))
        amounts, all_hours = [free], [free_hours]
        for rule in rules_for(own.plan, allotment):
            if limit_on(rule, own.claim.day).hard:
                room = self._left(own, rule, rivals, step, allotment, free, free_hours)
                amounts.append(room.amount)
                all_hours.append(room.hours)
        return Room(_least("room", amounts, rule="R18"), _least("hours of room", all_hours, rule="R18"))

    def _left(
        self, own: Rival, rule: CapRule, rivals: list[Rival], step: int, allotment: str, free: Node, free_hours: Node
    ) -> Room:
        """One cap's limit less what comes before in consumption order, what is issued first of all."""
        limit = limit_on(rule, own.claim.day)
        bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
        title = f"room under cap {rule.cap_id}{' ' + bucket[1] if bucket[1] else ''}"
        nothing, no_hours = constant("nothing", 0, "amount", own.plan.currency), constant("nothing", 0, "hours")
        left, left_hours = free, free_hours
        if limit.amount is not None:
            taken = self._taken(own, bucket, rivals, step, allotment)
            stands = less(f"{title}, before", self._limit(own.plan, rule, own.claim.day, "amount", step), taken)
            rest = _most(title, stands, nothing, rule="R18")
            if (rest.value or 0) < (free.value or 0):
                left = rest
                made = (free_hours.value or 0) * (rest.value or 0) // (free.value or 1)
                parameters: dict[str, Any] = {"step": "0.000001", "mode": "down"}
                left_hours = Node(
                    "its hours", made, "hours", "", Arithmetic("proportion", (free_hours, rest, free), parameters)
                )
        if limit.hours is not None:
            taken = self._taken_hours(own, bucket, rivals, step, allotment)
            stands = less(f"{title}, before", self._limit(own.plan, rule, own.claim.day, "hours", step), taken)
            rest = _most(title, stands, no_hours, rule="R18")
            if (rest.value or 0) < (left_hours.value or 0):
                mode = own.plan.policies.money_mode or "half_up"
                made = round_ratio((free.value or 0) * (rest.value or 0), free_hours.value or 1, own.plan.step, mode)
                in_money: dict[str, Any] = {"step": step_of(own.plan.currency), "mode": mode}
                priced = Node(
                    "its value",
                    made,
                    "amount",
                    own.plan.currency,
                    Arithmetic("proportion", (free, rest, free_hours), in_money),
                    "R17",
                )
                left, left_hours = _least("room", [left, priced]), rest
        if rule.split == "reject_whole" and (left is not free or left_hours is not free_hours):
            return Room(
                Node(
                    f"{title}, all or nothing",
                    0,
                    "amount",
                    own.plan.currency,
                    Arithmetic("all_or_nothing", (free, left)),
                    "R17",
                ),
                Node(
                    f"{title}, all or nothing",
                    0,
                    "hours",
                    "",
                    Arithmetic("all_or_nothing", (free_hours, left_hours)),
                    "R17",
                ),
            )
        return Room(left, left_hours)

    def _hours_claimed(self, own: Rival, step: int) -> Node:
        """An entry that is worth nothing claims no hours."""
        if not own.claim.hours:
            return constant("hours", 0, "hours")
        return self.hours_at(own.entry_id, step)

    def _pinned_hours(self, own: Rival, step: int, allotment: str) -> Node:
        pinned = self._pinned(own, step, allotment)
        at = self.standing(own.entry_id, step)
        assert at is not None, "the entry has work"
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "down"}
        operands = (self._hours_claimed(own, step), pinned, self.value(at))
        return Node(
            "hours settled", own.claim.pinned_hours, "hours", "", Arithmetic("proportion", operands, parameters)
        )

    def _taken_hours(self, own: Rival, bucket: tuple[str, str], rivals: list[Rival], step: int, allotment: str) -> Node:
        operands = []
        for rival in self._before(own, bucket, rivals):
            granted = granted_of(allotment, rival.stake)
            before = rival.order < own.order
            hours = granted.hours if before else rival.claim.pinned_hours
            if hours:
                operands.append(self._counted_hours(rival, hours, rivals, step, allotment))
        if own.claim.pinned:
            operands.append(self._pinned_hours(own, step, allotment))
        return total(f"hours taken before by {len(operands)} entries", operands, "hours", rule="R16")

    def _counted_hours(self, rival: Rival, hours: Hours, rivals: list[Rival], step: int, allotment: str) -> Node:
        if hours == rival.claim.hours:
            return self._hours_claimed(rival, step)
        if hours == rival.claim.pinned_hours:
            return self._pinned_hours(rival, step, allotment)
        at = self.standing(rival.entry_id, step)
        assert at is not None, "the entry has work"
        found = self._room(rival, rivals, step, allotment, self.value(at)).hours
        if rival.claim.pinned:
            found = total("hours", (self._pinned_hours(rival, step, allotment), found), "hours")
        return found if found.value == hours else stated(f"{rival.entry_id}: hours allowed", hours, "hours")

    def _before(self, own: Rival, bucket: tuple[str, str], rivals: list[Rival]) -> list[Rival]:
        """Others in the bucket of which something counts before the entry."""
        found = []
        for rival in rivals:
            if rival.entry_id == own.entry_id:
                continue
            if any(bucket_key(one, rival.claim.day, rival.claim.person_id) == bucket for one in rival.claim.rules) and (
                rival.order < own.order or rival.claim.pinned
            ):
                found.append(rival)
        return found

    def _taken(self, own: Rival, bucket: tuple[str, str], rivals: list[Rival], step: int, allotment: str) -> Node:
        counted: list[tuple[Rival, int, bool]] = []
        for rival in self._before(own, bucket, rivals):
            before = rival.order < own.order
            amount = granted_of(allotment, rival.stake).amount if before else rival.claim.pinned
            if amount:
                counted.append((rival, amount, before))
        key = (
            "taken",
            bucket,
            allotment,
            step,
            tuple((rival.entry_id, amount) for rival, amount, _ in counted),
            own.claim.pinned,
        )
        if key not in self._memo:
            operands = [
                self._counted(rival, amount, step, allotment, before=before) for rival, amount, before in counted
            ]
            if own.claim.pinned:
                operands.append(self._pinned(own, step, allotment))
            title = f"taken before by {len(operands)} entries"
            self._memo[key] = total(title, operands, "amount", own.plan.currency, rule="R16")
        return self._memo[key]

    def _counted(self, rival: Rival, amount: int, step: int, allotment: str, *, before: bool) -> Node:
        at = self.standing(rival.entry_id, step)
        assert at is not None, "a rival has work"
        if amount == rival.stake.price.value:
            return self.value(at)
        if before and amount != rival.claim.pinned:
            return self._granted(at, BILLING if allotment == BILLING else REVENUE)
        return self._pinned(rival, step, allotment)

    def _pinned(self, rival: Rival, step: int, allotment: str) -> Node:
        """What of an entry is settled: issued, or given by a cut."""
        title = f"{rival.entry_id}: settled"
        if allotment != REVENUE and self.pieces is not None:
            issued: Node = self.pieces.issued(
                rival.entry_id, rival.stake.price.contract_id, rival.stake.price.line_id, step
            )
            rounding = self.rounding(rival.entry_id, step)
            if rounding.value:
                issued = less("issued without cents of lines", issued, rounding)
            if issued.value == rival.claim.pinned:
                return issued
            at = self.standing(rival.entry_id, step)
            if at is not None and min(issued.value or 0, rival.claim.amount) == rival.claim.pinned:
                value = self.value(at)
                return Node(
                    title, rival.claim.pinned, "amount", rival.plan.currency, Arithmetic("min", (issued, value)), "R16"
                )
        return stated(title, rival.claim.pinned, "amount", rival.plan.currency, rule="R16")

    def rounding(self, entry_id: str, step: int) -> Node:
        """Cents of statement lines that were put on the entry (policy `rounding_scope: line`)."""
        at = self.standing(entry_id, step)
        price = at.work.price if at is not None else None
        if price is None or not price.rounding or self.pieces is None:
            return constant(f"{entry_id}: cents of lines", 0, "amount", price.currency if price is not None else "")
        found: Node = self.pieces.rounding(entry_id, price, step)
        return found

    def _limit(self, plan: LinePlan, rule: CapRule, day: Any, measure: str, step: int) -> Node:
        """The limit of the contract version in force on the service date (R21)."""
        draft = self.sources.draft(step)
        contract = draft.contract(plan.contract_id)
        limit = limit_on(rule, day)
        value = getattr(limit, measure)
        unit, currency = ("amount", plan.currency) if measure == "amount" else ("hours", "")
        place = rule.limits.index(limit)
        facts = (("split", rule.split), ("period", rule.period), ("in force from", limit.effective_on.isoformat()))
        assert contract is not None, "a cap is of a contract"
        version = contract.history[place].version
        kind, _, cap_id = rule.cap_id.partition(":")
        title = f"limit of cap {rule.cap_id}"
        if kind == "line":
            found = self.sources.line_field(plan.contract_id, version, cap_id)
            if found is not None:
                path = f"{found[2]}.terms.cap.{measure}"
                return self.sources.field(title, value, unit, found[0], path, currency, rule="R21", facts=facts)
        event = self.sources.terms_event(plan.contract_id, version, "shared_caps")
        for number, cap in enumerate(getattr(event, "shared_caps", None) or ()):
            if cap.cap_id == cap_id and event is not None:
                path = f"shared_caps[{number}].{measure}"
                return self.sources.field(title, value, unit, event, path, currency, rule="R21", facts=facts)
        return stated(title, value, unit, currency)

    def cap_room(self, at: Standing) -> tuple[Node, ...]:
        """For each cap of the entry's line: its limit, and what was left before and after it."""
        price = at.work.price
        draft = self.sources.draft(at.step)
        plan = plan_of(draft, price) if price is not None and price.line_id else None
        if plan is None or price is None or not plan.rules:
            return ()
        allotment = allotments(plan)[-1]
        rivals = self.rivals(plan, allotment, at.step)
        own = next((rival for rival in rivals if rival.entry_id == at.entry.entry_id), None)
        if own is None:
            return ()
        found = []
        for rule in rules_for(plan, allotment):
            limit = limit_on(rule, own.claim.day)
            bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
            if limit.amount is None:
                continue
            taken = self._taken(own, bucket, rivals, at.step, allotment)
            if own.claim.pinned:
                taken = less(
                    "taken before, without what is settled of this one", taken, self._pinned(own, at.step, allotment)
                )
            before = less(
                f"cap {rule.cap_id}: room before",
                self._limit(plan, rule, own.claim.day, "amount", at.step),
                taken,
                rule="R18",
            )
            after = less(f"cap {rule.cap_id}: room after", before, self.billable(at), rule="R18")
            found += [before, after]
        return tuple(found)


def _most(title: str, one: Node, other: Node, **more: Any) -> Node:
    return Node(
        title, max(one.value or 0, other.value or 0), one.unit, one.currency, Arithmetic("max", (one, other)), **more
    )


def _least(title: str, nodes: list[Node], **more: Any) -> Node:
    first = nodes[0]
    if len(nodes) == 1:
        return first
    value = min(node.value or 0 for node in nodes)
    return Node(title, value, first.unit, first.currency, Arithmetic("min", tuple(nodes)), **more)


def _terms(work: Work) -> tuple[Any, ...]:
    price = work.price
    if price is None:
        return (work.event.version,)
    return (
        work.event.version,
        price.contract_id,
        price.line_id,
        price.decision,
        price.rate,
        price.markup,
        price.hours,
        price.value,
    )


def _shares(work: Work) -> tuple[Any, ...]:
    price = work.price
    if price is None:
        return ()
    return *_terms(work), price.allowed, price.billable, price.recognised, price.given, price.binding


def _same_cost(one: Cost, other: Cost) -> bool:
    return (one.cost_rate_id, one.cost_rate_version, one.hours, one.amount, one.day) == (
        other.cost_rate_id,
        other.cost_rate_version,
        other.hours,
        other.amount,
        other.day,
    )
