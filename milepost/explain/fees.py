"""What terms charge by themselves: from the row back to the terms, and to what happened under them (R27 to R32, R35).

The fees of a contract line are asked for again with what was known at the step, as the fold did (`state/handlers/fees.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import Deposit, FixedPrice, Milestones, Retainer, Subscription
from domain.events.delivery import MilestoneAccepted, ProgressReported
from domain.explanation import (
    Node,
    agreeing,
    constant,
    evaluated,
    in_proportion,
    least,
    less,
    most,
    negated,
    stated,
    step_of,
    total,
)
from domain.identity import composed
from domain.reference.zones import local_date
from domain.revenue.method import Reported
from domain.revenue.variable_price import fee_name, settled
from domain.terms import methods
from domain.terms.deposit import left_in_all
from domain.terms.kind import IN_MONEY, Closed, Fee, LineHistory, PeriodLeft, PrepaidBalance, TermsInForce
from domain.terms.retainer import Lot, in_unit, lots
from domain.terms.subscription import MINIMUM, MONTHS, months
from domain.units import Amount
from domain.work.rows import DELIVERY, fee_row
from milepost.explain.arithmetic import by_day
from milepost.explain.sources import Sources
from milepost.explain.variable_price import VariableNodes
from state.books import Charge, Contract, LineFees, Price
from state.charges.fees_due import charging
from state.charges.settlement import SETTLEMENT
from state.charges.terms_known import is_charged, known_of
from state.draft import Draft
from state.handlers.fees import HORIZON
from state.terms.opening import balances_of, expired_of
from state.terms.periods import zone_of
from state.terms.plan import plan_of
from state.totals import month_of

DAY = timedelta(days=1)


class LineAtStep(NamedTuple):
    """A contract line as a step knew it; `foreseen`: with what its terms let expect."""

    draft: Draft
    contract: Contract
    line_id: str
    known: LineHistory
    foreseen: bool = False
    step: int = -1


class Charged(NamedTuple):
    """A fee as the terms name it, with the version that charges it and what it charges by itself.

    `before` is what was charged before a cumulative one, `earlier` the one that charged it last.
    """

    fee: Fee
    agreed: TermsInForce
    amount: Amount
    before: Amount = 0
    earlier: Charged | None = None

    @property
    def due(self) -> Amount:
        """Of a cumulative one all that is charged with it."""
        return self.before + self.amount


class FeeNodes:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.variable = VariableNodes(self)
        # Nodes of statements, of rows and of their figures; filled by those, which need these.
        self.statements: Any = None
        self.entries: Any = None
        # What caps would leave had nothing been issued; filled likewise.
        self.unissued: Any = None
        # What is earned over time; filled by the nodes of charges.
        self.earned_by: Callable[[LineAtStep, date], Node] | None = None
        # What a line earns in all that earns another price than it charges; filled likewise.
        self.allocated: Callable[[LineAtStep, TermsInForce], Node] | None = None

    def place(self, charge: Charge, draft: Draft, step: int = -1) -> LineAtStep | None:
        contract = draft.contract(charge.contract_id or "")
        if contract is None or charge.line_id is None:
            return None
        return LineAtStep(draft, contract, charge.line_id, known_of(draft, contract, charge.line_id), step=step)

    def fee(self, charge: Charge, draft: Draft, step: int = -1) -> Node | None:
        """What a row of a fee charges."""
        place = self.place(charge, draft, step)
        if place is None:
            return None
        if self._name(place, charge) == SETTLEMENT:
            return self._settlement(place, charge)
        found = self._charged(place, charge)
        if found is None:
            return None
        made = self._due(place, found)
        if found.earlier is not None and made is not None:
            # What was charged before is all that the one before named.
            earlier = self._due(place, found.earlier)
            if earlier is not None and earlier.value:
                made = less(f"{charge.description}: less what was charged before", made, earlier, rule="R12")
        return made

    # What is still to come

    def all_charged(self, place: LineAtStep, until: date) -> list[Node]:
        """All that the line charges up to a day; of cumulative fees the last names what those before it charged."""
        fees = self._fees_until(place, until)
        last = next((one for one in reversed(fees) if one.fee.cumulative), None)
        found = (self._due(place, one) for one in fees if one is last or not one.fee.cumulative)
        return [node for node in found if node is not None and node.value]

    def charged_by(self, place: LineAtStep, name: str, until: date) -> Node | None:
        """What the fee of a name charges."""
        found = next((one for one in self._fees_until(place, until) if one.fee.name == name), None)
        made = self._due(place, found) if found is not None else None
        earlier = self._due(place, found.earlier) if found is not None and found.earlier is not None else None
        if made is None or earlier is None or not earlier.value:
            return made
        return less(f"{made.title}: less what was charged before", made, earlier, rule="R12")

    def _settlement(self, place: LineAtStep, charge: Charge) -> Node | None:
        """What is earned by the last day of a terminated contract, less all that the line charges besides (R46)."""
        if self.earned_by is None:
            return None
        earned = self.earned_by(place, charge.day)
        charged: list[Node] = []
        fees = self._fees(place, charge)
        last = next((one for one in reversed(fees) if one.fee.cumulative), None)
        for one in fees:
            if one is last or not one.fee.cumulative:
                made = self._due(place, one)
                charged += [made] if made is not None and made.value else []
        charged += [negated(node.title, node) for node in self.variable.given_by_memos(place).values()]
        title = charge.description or "settlement"
        return less(title, earned, *charged, rule="R46") if charged else earned._replace(title=title)

    def earned(self, charge: Charge, draft: Draft) -> Node | None:
        """What a row of revenue earns that a fee names: what expires unused, or is kept."""
        place = self.place(charge, draft)
        found = self._charged(place, charge) if place is not None else None
        if place is None or found is None:
            return None
        if isinstance(found.agreed.line.terms, Deposit):
            return self._left_of_deposit(place)
        return self._expired(place, found.fee)

    def _name(self, place: LineAtStep, charge: Charge) -> str:
        return charge.charge_id.removeprefix(f"{composed(place.contract.contract_id, place.line_id)}/")

    def _charged(self, place: LineAtStep, charge: Charge) -> Charged | None:
        name = self._name(place, charge)
        fees = self._fees(place, charge)
        return next((one for one in fees if one.fee.name == name and (one.amount or one.fee.earned)), None)

    def _fees(self, place: LineAtStep, charge: Charge) -> list[Charged]:
        """All that the line charges, also what comes to nothing."""
        contract, draft = place.contract, place.draft
        until = max(local_date(draft.cause.recorded_at, zone_of(draft, contract)), charge.day) + HORIZON
        return self._fees_until(place, until, self._name(place, charge))

    def _fees_until(self, place: LineAtStep, until: date, own: str = "") -> list[Charged]:
        contract, draft = place.contract, place.draft
        found: dict[str, Charged] = {}
        last: Charged | None = None
        for agreed in charging(draft, contract, place.line_id, place.known):
            for fee in methods.fees(agreed, place.known, until):
                day = fee.earned_from or fee.day
                if fee.name in found or not agreed.since <= day < agreed.before:
                    continue
                over = contract.terminated_on is not None and day >= contract.terminated_on
                if over and fee.name != own and not is_charged(draft, contract.contract_id, place.line_id, fee.name):
                    continue
                if not fee.cumulative:
                    found[fee.name] = Charged(fee, agreed, fee.amount)
                    continue
                before = last.due if last is not None else 0
                due = fee.amount if fee.keeps is None else max(fee.amount, min(before, fee.keeps))
                found[fee.name] = last = Charged(fee, agreed, due - before, before, last)
        return list(found.values())

    def _due(self, place: LineAtStep, one: Charged) -> Node | None:
        """All that a fee names, or as much of what was charged before as stays charged."""
        made = self.full(place, one.fee, one.agreed)
        terms = one.agreed.line.terms
        if one.fee.keeps is None or one.due == one.fee.amount or one.earlier is None or made is None:
            return made
        earlier = self._due(place, one.earlier)
        if earlier is None or not isinstance(terms, FixedPrice):
            return None
        price = self.field(place, one.agreed, "price", terms.price, "price")
        return most(one.fee.description, made, least("stays charged, at most", [earlier, price]), rule="R12")

    def full(self, place: LineAtStep, fee: Fee, agreed: TermsInForce) -> Node | None:
        """All that the fee names; of a cumulative one with what was charged before."""
        made = self._of_terms(place, fee, agreed)
        return agreeing(made, stated(fee.description, fee.amount, "amount", agreed.contract.currency))

    def _of_terms(self, place: LineAtStep, fee: Fee, agreed: TermsInForce) -> Node | None:
        terms = agreed.line.terms
        item_id = next((one for one in settled(place.known.revised) if fee_name(one) == fee.name), None)
        if item_id is not None:
            return self.variable.charged(place, item_id)
        match terms:
            case FixedPrice() if not terms.by_progress:
                return self._instalment(place, fee, agreed, terms)
            case FixedPrice() if place.foreseen and fee.amount == self._all_of(agreed, terms):
                return self._when_done(place, agreed, terms)
            case FixedPrice() if agreed.line.budgets:
                return self._spent(place, fee, agreed)
            case FixedPrice():
                return self._progress(place, fee, agreed, terms)
            case Milestones():
                return self._milestone(place, fee, agreed, terms)
            case Subscription() if fee.earned_from is None:
                return self._minimum(place, fee, agreed, terms)
            case Subscription():
                return self._period_fee(place, fee, agreed, terms)
            case Retainer() if fee.name.startswith("refund/"):
                return self._refund(place, fee)
            case Retainer():
                return self._lot_fee(place, fee.name)
            case Deposit() if fee.name == "refund":
                return negated(fee.description, self._left_of_deposit(place))
            case Deposit():
                return self.field(place, agreed, "Deposit", terms.amount, "amount")
            case _:
                return None

    # Fields of the terms

    def field(
        self,
        place: LineAtStep,
        agreed: TermsInForce,
        title: str,
        value: int,
        path: str,
        unit: str = "amount",
        **more: Any,
    ) -> Node:
        """What the line states under one version of its terms."""
        return self.line_field(place, agreed, title, value, f"terms.{path}", unit, **more)

    def line_field(
        self,
        place: LineAtStep,
        agreed: TermsInForce,
        title: str,
        value: int,
        path: str,
        unit: str = "amount",
        **more: Any,
    ) -> Node:
        currency = agreed.contract.currency if unit in ("amount", "rate") else ""
        for stored in reversed(place.contract.history):
            found = self.sources.line_field(place.contract.contract_id, stored.version, place.line_id)
            if found is not None and (stored.terms is agreed.contract or stored.terms == agreed.contract):
                return self.sources.field(title, value, unit, found[0], f"{found[2]}.{path}", currency, **more)
        return stated(title, value, unit, currency, **more)

    # Fixed prices

    def _instalment(self, place: LineAtStep, fee: Fee, agreed: TermsInForce, terms: FixedPrice) -> Node:
        """All instalments that are due by the day."""
        parts = [
            self.field(place, agreed, f"instalment of {one.on}", one.amount, f"schedule[{number}].amount")
            for number, one in enumerate(terms.schedule)
            if max(one.on, agreed.since) <= fee.day
        ]
        facts = (("due on", fee.day.isoformat()),)
        if not parts:
            return constant("nothing is due yet", 0, "amount", agreed.contract.currency, facts=facts)
        if len(parts) == 1:
            return parts[0]._replace(title=fee.description, facts=facts)
        return total(fee.description, parts, "amount", agreed.contract.currency, facts=facts)

    def _all_of(self, agreed: TermsInForce, terms: FixedPrice) -> Amount:
        budgets = agreed.line.budgets
        return sum(budget.revenue for budget in budgets if budget.cost) if budgets else terms.price

    def _when_done(self, place: LineAtStep, agreed: TermsInForce, terms: FixedPrice) -> Node:
        """What is charged once all of the work is done."""
        if not agreed.line.budgets:
            return self.field(place, agreed, "price", terms.price, "price")
        parts = [
            self.line_field(place, agreed, f"{budget.category}: price", budget.revenue, f"budgets[{number}].revenue")
            for number, budget in enumerate(agreed.line.budgets)
            if budget.cost
        ]
        return total("price by its budgets", parts, "amount", agreed.contract.currency)

    def _progress(self, place: LineAtStep, fee: Fee, agreed: TermsInForce, terms: FixedPrice) -> Node | None:
        version = int(fee.name.rpartition("/")[2])
        report = next((one for one in place.known.reported if one.version == version), None)
        if report is None or self._report(place, version) is None:
            return None
        price = self.field(place, agreed, "price", terms.price, "price")
        return self._percent_of(fee.description, price, self.reported(place, report), agreed)

    def reported(self, place: LineAtStep, report: Reported) -> Node:
        """The percentage, where somebody stated it; of one that a forecast expects, what the terms let expect."""
        found = self._report(place, report.version)
        if found is None:
            return constant(f"expected by {report.as_of}", report.percent, "percent")
        event, path = found
        facts = (("as of", report.as_of.isoformat()),)
        return self.sources.field("progress", report.percent, "percent", event, path, facts=facts)

    def _report(self, place: LineAtStep, version: int) -> tuple[ProgressReported | BalancesBroughtForward, str] | None:
        """The report, or before all others what balances that were brought forward state; the newest of these."""
        if not version:
            found = self.brought_forward(place)
            return (found[0], f"lines[{found[1]}].percent") if found is not None else None
        for record in self.sources.trace.records_of(ProgressReported):
            event = record.event
            if (
                isinstance(event, ProgressReported)
                and (event.line_id, event.version) == (place.line_id, version)
                and event.contract_id in (None, place.contract.contract_id)
            ):
                return event, "percent"
        return None

    def brought_forward(self, place: LineAtStep) -> tuple[BalancesBroughtForward, int] | None:
        """The newest of the line that are loaded, and its place in them; before any are, the newest."""
        projects = dict.fromkeys(agreed.line.project_id for agreed in place.known.held)
        known = [balances_of(place.draft, project_id) for project_id in projects]
        loaded = {one.loaded.version for one in known if one is not None and one.loaded is not None}
        for record in reversed(self.sources.trace.records_of(BalancesBroughtForward)):
            event = record.event
            if not isinstance(event, BalancesBroughtForward) or (loaded and event.version not in loaded):
                continue
            for number, line in enumerate(event.lines):
                if line.line_id == place.line_id and line.contract_id in (None, place.contract.contract_id):
                    return event, number
        return None

    def _spent_before(self, place: LineAtStep, category: str) -> Node | None:
        """What balances brought forward state of a budget."""
        found = self.brought_forward(place)
        if found is None:
            return None
        event, number = found
        for at, each in enumerate(event.lines[number].spent):
            if each.category == category:
                title = f"{category}: spent before"
                return self.sources.field(title, each.spent, "amount", event, f"lines[{number}].spent[{at}].spent")
        return None

    def _percent_of(self, title: str, amount: Node, percent: Node, agreed: TermsInForce) -> Node:
        parameters: dict[str, Any] = {"step": step_of(amount.currency), "mode": agreed.policies.money_mode}
        return evaluated(title, "percent_of", (amount, percent), parameters, "amount", amount.currency, rule="R12")

    def _spent(self, place: LineAtStep, fee: Fee, agreed: TermsInForce) -> Node | None:
        """Of each category's budget as much as of its cost budget was spent when the period closed."""
        closed = next((one for one in place.known.closed if fee.name == f"spent/{one.start}"), None)
        if closed is None:
            return None
        parts = []
        currency = agreed.contract.currency
        for number, budget in enumerate(agreed.line.budgets):
            path = f"budgets[{number}]"
            revenue = self.line_field(place, agreed, f"{budget.category}: price", budget.revenue, f"{path}.revenue")
            most = self.line_field(place, agreed, f"{budget.category}: cost budget", budget.cost, f"{path}.cost")
            if not budget.cost:
                continue
            spent = self._spent_by(place, closed, budget.category, currency)
            used = evaluated(f"{budget.category}: spent, at most", "min", (spent, most), {}, "amount", currency)
            parts.append(in_proportion(f"{budget.category}: earned", revenue, used, most, agreed.policies.money_mode))
        return total(fee.description, parts, "amount", currency, rule="R12")

    def _spent_by(self, place: LineAtStep, closed: Closed, category: str, currency: str) -> Node:
        """What the line's work of the category before the end of the period cost, as it was known when that was counted last."""
        step, parts = self._counting(place, closed), []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, step)
            work = at.work if at is not None else None
            if work is None or work.cost is None or work.price is None or work.price.day >= closed.to:
                continue
            on_line = (work.price.contract_id, work.price.line_id) == (place.contract.contract_id, place.line_id)
            subject = work.subject
            own = (subject.category if isinstance(subject, Charge) else subject.task) or ""
            if on_line and isinstance(subject, Charge) and subject.opening is not None:
                found = self._spent_before(place, category) if category in subject.opening.spent else None
                parts += [found] if found is not None else []
            elif on_line and own == category:
                made = self.entries.cost(at, work.cost)
                spent = self._in_contract_currency(made, work.price, self.sources.draft(step))
                parts += [spent] if spent is not None else []
        title = f"{category}: cost to {closed.last}"
        return agreeing(
            total(title, parts, "amount", currency), stated(title, closed.cost.get(category, 0), "amount", currency)
        )

    def _in_contract_currency(self, cost: Node, price: Price, draft: Draft) -> Node | None:
        """By the rate of its day; None where the closing knew none."""
        plan = plan_of(draft, price)
        assert plan is not None, "the work is priced on the line"
        if cost.currency == plan.currency:
            return cost
        charges = self.entries.charges
        found = charges.rates_to(cost.currency, plan, price.day, draft)
        if found is None:
            return None
        rates, legs = found
        made: Node = charges.at_cost((cost, *rates), legs, plan)
        return made._replace(title=f"{cost.title} in {plan.currency}", rule="R12")

    def _counting(self, place: LineAtStep, closed: Closed) -> int:
        """The step that counted what was spent by the end of the billing period, the last one up to the place's."""
        part_id = composed(place.contract.contract_id, place.line_id)
        counted = until = self.known_at(place)
        known: LineFees | None
        for step, known in reversed(self.sources.trace.part_steps("fees", part_id)):
            if known is None or step > until:
                continue
            if not any((one.start, one.to, one.cost) == closed[:3] for one in known.closed):
                break
            counted = step
        return counted

    # Milestones

    def accepted(self, place: LineAtStep, agreed: TermsInForce, terms: Milestones, day: date) -> Node:
        """What the milestones are worth that are accepted by a day."""
        found = []
        for one in terms.milestones:
            on = place.known.accepted.get(one.milestone_id)
            if on is not None and on <= day:
                fee = Fee(f"milestone/{one.milestone_id}", on, one.amount, one.name)
                made = self._milestone(place, fee, agreed, terms)
                assert made is not None, "the terms list it"
                found.append(made)
        return total(f"accepted by {day}", found, "amount", agreed.contract.currency)

    def _milestone(self, place: LineAtStep, fee: Fee, agreed: TermsInForce, terms: Milestones) -> Node | None:
        milestone_id = fee.name.partition("/")[2]
        for number, milestone in enumerate(terms.milestones):
            if milestone.milestone_id == milestone_id:
                path = f"milestones[{number}].amount"
                title = f"milestone {milestone.name}"
                if place.foreseen and not is_charged(place.draft, place.contract.contract_id, place.line_id, fee.name):
                    due = (("due on", milestone.due_on.isoformat()),)
                    return self.field(place, agreed, title, milestone.amount, path, rule="R27", facts=due)
                accepted = Node(f"milestone {milestone_id} was accepted", event=self._acceptance(place, milestone_id))
                facts = (("accepted on", fee.day.isoformat()),)
                return self.field(
                    place, agreed, title, milestone.amount, path, rule="R27", why=(accepted,), facts=facts
                )
        return None

    def _acceptance(self, place: LineAtStep, milestone_id: str) -> Any:
        """The newest that the step knew."""
        offset, found = place.draft.cause.log_offset, None
        for record in self.sources.trace.records_of(MilestoneAccepted):
            event = record.event
            if isinstance(event, MilestoneAccepted) and event.milestone_id == milestone_id and record.offset <= offset:
                found = self.sources.ref(record)
        return found

    # Subscriptions

    def _period_fee(self, place: LineAtStep, fee: Fee, agreed: TermsInForce, terms: Subscription) -> Node | None:
        """By days of the period, as cumulative as it is charged; or all of it."""
        first, last = fee.earned_from, fee.earned_to
        if first is None or last is None:
            return None
        start, to = _period(agreed.starts_on, terms.per, first)
        whole = self.field(place, agreed, f"fee for a {terms.per}", terms.fee, "fee")
        days, mode = (to - start).days, agreed.policies.money_mode
        facts = (("days", f"{first} to {last}"), ("period", f"{start} to {to - timedelta(days=1)}"))
        for end in (last, to - DAY, place.contract.terms.ends_on or to):
            upto, before = ((one - start).days + 1 for one in (min(end, to - DAY), first - DAY))
            made = by_day(fee.description, whole, upto, days, mode)
            if before:
                made = less(fee.description, made, by_day(f"up to {first - DAY}", whole, before, days, mode))
            if made.value == fee.amount:
                return whole._replace(facts=facts) if upto == days and not before else made._replace(facts=facts)
        if whole.value == fee.amount:
            return whole._replace(facts=facts)
        ends = min(to - DAY, agreed.contract.ends_on or to)
        begins = max(start, agreed.starts_on)
        return by_day(fee.description, whole, (last - begins).days + 1, (ends - begins).days + 1, mode, facts=facts)

    def _minimum(self, place: LineAtStep, fee: Fee, agreed: TermsInForce, terms: Subscription) -> Node | None:
        """What the contract's other lines had to charge in the period is less than the minimum by so much."""
        first = date.fromisoformat(fee.name.partition("/")[2])
        start, to = _period(agreed.starts_on, terms.per, first)
        last = min(to - DAY, agreed.contract.ends_on or to, agreed.ends_on or to)
        if terms.minimum is None:
            return None
        least = self.field(place, agreed, f"minimum for a {terms.per}", terms.minimum, "minimum")
        if terms.proration == "by_day":
            days = (last - first).days + 1
            least = by_day(f"minimum for {first} to {last}", least, days, (to - start).days, agreed.policies.money_mode)
        used = [self._used_beside(place, month, agreed.contract.currency) for month in months(start, to)]
        return less(fee.description, least, *used)

    def _used_beside(self, place: LineAtStep, month: str, currency: str) -> Node:
        """What other lines have to bill for days of the month, issued or not."""
        title = f"charged by other lines in {month}"
        step = place.step if place.foreseen else self._step(place)
        listed = self._beside(place, month, step) if month in place.known.beside else ()
        made = total(title, [self._by_day_alone(at) for at in listed], "amount", currency)
        return agreeing(made, stated(title, place.known.beside.get(month, 0), "amount", currency))

    def _by_day_alone(self, at: Any) -> Node:
        """What of the row counts for its month: issued rows keep their room under caps and their steps, which the month does not ask."""
        capped: Node | None = self.unissued.billable(at)
        if capped is not None:
            return capped
        made: Node = self.entries.billable(at)
        charge = at.work.charge
        by_day: Node | None = None
        if charge is not None and charge.kind == DELIVERY:
            by_day = self.entries.charges.by_day_alone(at.entry.entry_id, at.step, at.work.price)
        if by_day is None or by_day.value == at.work.price.value:
            return made
        if made.value == at.work.price.value:
            return by_day._replace(title=f"{at.entry.entry_id}: at its steps by day")
        moved = less(f"{at.entry.entry_id}: more at its steps by day", by_day, self.entries.chargeable(at))
        return total(f"{at.entry.entry_id}: with its steps by day", (made, moved), "amount", made.currency)

    def _beside(self, place: LineAtStep, month: str, step: int) -> Iterator[Any]:
        for row in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(row, step)
            price = at.work.price if at is not None else None
            if at is None or price is None or price.contract_id != place.contract.contract_id:
                continue
            minimums = fee_row(price.contract_id, price.line_id, MINIMUM)
            if price.line_id != place.line_id and month_of(price.day) == month and not row.startswith(minimums):
                yield at

    # Retainers

    def lot(self, place: LineAtStep, name: str) -> Lot | None:
        """What one fee buys."""
        until = local_date(place.draft.cause.recorded_at, zone_of(place.draft, place.contract)) + HORIZON
        if place.foreseen and place.known.held:
            until = max(until, place.known.held[-1].ends_on or until)
        return next((lot for lot in lots(place.known, until) if lot.name == name), None)

    def _lot_fee(self, place: LineAtStep, name: str) -> Node | None:
        lot = self.lot(place, name)
        return self.lot_fee(place, lot) if lot is not None else None

    def lot_fee(self, place: LineAtStep, lot: Lot) -> Node:
        facts = (("period", f"{lot.period.start} to {lot.period.last}"),)
        path = "top_up.amount" if lot.name.startswith("top_up/") else "fee"
        return self.field(place, lot.agreed, lot.said, lot.fee, path, facts=facts, rule="R30")

    def _expired(self, place: LineAtStep, fee: Fee) -> Node | None:
        """What nobody's work earns any more: the fee less what is drawn of it and what expired before."""
        _, start, name = fee.name.split("/", 2)
        lot = self.lot(place, name)
        whole = self._lot_fee(place, name)
        ended = _ended(place, start, fee.day)
        if lot is None or whole is None or ended is None or fee.earned is None:
            return None
        earlier = [node for node in self._expired_before(place, lot, ended) if node.value]
        if name in ended.over:
            limit = self.limit_after(place, lot, self._ended_by(place, lot, ended.to))
            can = in_proportion(
                "what can be earned still", whole, limit, self.bought(place, lot), lot.agreed.policies.money_mode
            )
            return less(fee.description, whole, can, *earlier, rule="R30")
        drawn, gone = self._drawn(place, lot), self._gone(place, lot)
        if gone is not None:
            mode = lot.agreed.policies.money_mode
            earlier.append(in_proportion("expired before the books begin", whole, gone, self.bought(place, lot), mode))
        return less(fee.description, whole, *drawn, *earlier, rule="R30")

    def _expired_before(self, place: LineAtStep, lot: Lot, ended: PeriodLeft) -> Iterator[Node]:
        for fee in methods.fees(lot.agreed, place.known, ended.to):
            _, _, rest = fee.name.partition("expired/")
            if rest.endswith(f"/{lot.name}") and fee.earned and rest < f"{ended.start}/":
                node = self._expired(place, fee)
                if node is not None:
                    yield node

    def _drawn(self, place: LineAtStep, lot: Lot) -> list[Node]:
        """What rows earn by drawing on the lot."""
        rows = self._drawing_rows(place, lot, self._step(place))
        return [self.entries.drawing.earned(at, lot.name) for at in rows]

    def known_at(self, place: LineAtStep) -> int:
        """The step whose books a place has."""
        return place.step if place.foreseen else self._step(place)

    def _step(self, place: LineAtStep) -> int:
        return self.sources.trace.step_of(place.draft.cause)

    def measured(self, place: LineAtStep, lot: Lot, title: str, path: str) -> Node:
        """A quantity of the terms, as hours or as money."""
        unit, currency = _unit(lot)
        whole = self.field(place, lot.agreed, title, getattr(lot.terms, path), path, "quantity")
        return evaluated(title, "same", (whole,), {}, unit, currency)

    def bought(self, place: LineAtStep, lot: Lot) -> Node:
        """Hours, or money, that the fee buys; a top-up at the price of the fee."""
        unit, currency = _unit(lot)
        whole = self.measured(place, lot, "bought for the fee", "quantity")
        if lot.name.startswith("top_up/"):
            fee = self.field(place, lot.agreed, "fee", lot.terms.fee, "fee")
            parameters: dict[str, Any] = {"step": step_of(currency) if currency else "0.000001", "mode": "down"}
            operands = (whole, self.lot_fee(place, lot), fee)
            whole = evaluated(lot.said, "proportion", operands, parameters, unit, currency)
        return agreeing(whole, stated(lot.said, lot.quantity, unit, currency))

    def _not_expired(self, place: LineAtStep, lot: Lot) -> Node:
        """What the fee buys, less what had expired of it before the books begin."""
        whole, gone = self.bought(place, lot), self._gone(place, lot)
        return less(f"not expired of {lot.said}", whole, gone) if gone is not None else whole

    def _gone(self, place: LineAtStep, lot: Lot) -> Node | None:
        """What had expired of it by the day of the balances, as they state it."""
        brought = balances_of(place.draft, lot.agreed.line.project_id)
        if brought is None or brought.loaded is None or not place.known.expired.get(lot.name):
            return None
        events = (record.event for record in self.sources.trace.records_of(BalancesBroughtForward))
        event = next(
            one
            for one in events
            if isinstance(one, BalancesBroughtForward)
            and (one.project_id, one.version) == (brought.loaded.project_id, brought.loaded.version)
        )
        at = next(
            at for at, line in enumerate(event.lines) if lot.name in expired_of(line) and line.line_id == place.line_id
        )
        number = next(no for no, one in enumerate(event.lines[at].retainer) if one.starts_on.isoformat() == lot.name)
        gone, (unit, currency) = in_unit(lot.terms, event.lines[at].retainer[number].expired), _unit(lot)
        title, path = f"line {place.line_id}: expired of {lot.name}", f"lines[{at}].retainer[{number}].expired"
        return self.sources.field(title, gone, unit, event, path, currency)

    def expected(self, place: LineAtStep, lot: Lot, store: PrepaidBalance) -> Node:
        """How much of it is expected to be drawn: all, or as of those before it whose life is over (breakage `pro_rata`)."""
        unit, currency = _unit(lot)
        whole = self.bought(place, lot)
        told = stated("expected to be drawn", store.quantity, unit, currency)
        if whole.value == store.quantity:
            return whole
        names = {
            name for one in place.known.ended if one.to <= lot.since for name in one.limits if name not in one.over
        }
        over = [other for name in sorted(names) if (other := self.lot(place, name)) is not None]
        until = {other.name: self._ended_by(place, other, lot.since) for other in over}
        drawn = total(
            "drawn of those before", [self.limit_after(place, one, until[one.name]) for one in over], unit, currency
        )
        had = total("bought before", [self.bought(place, one) for one in over], unit, currency)
        parameters: dict[str, Any] = {"step": "0.0001" if currency else "0.000001", "mode": "down"}
        return agreeing(evaluated(told.title, "proportion", (whole, drawn, had), parameters, unit, currency), told)

    def _ended_by(self, place: LineAtStep, lot: Lot, day: date) -> list[PeriodLeft]:
        return [one for one in place.known.ended if lot.name in one.limits and one.to <= day]

    def limit_of(self, place: LineAtStep, lot: Lot, told: Node, day: date) -> Node:
        """What the fee buys; in a period after its own what was drawn by then, and what went over of it."""
        bought, ended = self._not_expired(place, lot), self._ended_by(place, lot, day)
        if not ended or told.value == bought.value:
            return agreeing(bought, told)
        return agreeing(self.limit_after(place, lot, ended), told)

    def limit_after(self, place: LineAtStep, lot: Lot, ended: Sequence[PeriodLeft]) -> Node:
        """Drawn by work before the end of the last of these periods, and as much of the rest as went over."""
        last, (unit, currency) = ended[-1], _unit(lot)
        title = f"can be drawn of {lot.said} after {last.to - DAY}"
        told = stated(title, last.limits[lot.name], unit, currency)
        before = self._not_expired(place, lot) if len(ended) == 1 else self.limit_after(place, lot, ended[:-1])
        drawn = self._drawn_by(place, lot, self._step(place), last.to)
        used = total(f"drawn of {lot.said} by {last.to - DAY}", drawn, unit, currency)
        if used.value == told.value:
            return used._replace(title=title)
        if before.value == told.value:
            return before
        over = [less("left of it", before, used), self.measured(place, lot, "goes over at most", "rollover")]
        return agreeing(total(title, (used, least("goes over", over)), unit, currency, rule="R30"), told)

    def _drawn_by(self, place: LineAtStep, lot: Lot, step: int, before: date = date.max) -> list[Node]:
        rows = self._drawing_rows(place, lot, step)
        return [self.entries.drawing.quantity(at, lot.name) for at in rows if at.work.price.day < before]

    def _drawing_rows(self, place: LineAtStep, lot: Lot, step: int) -> Iterator[Any]:
        for row in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(row, step)
            price = at.work.price if at is not None else None
            if price is None or (price.contract_id, price.line_id) != (place.contract.contract_id, place.line_id):
                continue
            if lot.name in (price.drawn or {}):
                yield at

    def _refund(self, place: LineAtStep, fee: Fee) -> Node | None:
        """What was paid for what could be drawn still when the line ended."""
        start = fee.name.partition("/")[2]
        ended = _ended(place, start, fee.day)
        parts = []
        for name in ended.over if ended is not None else ():
            lot = self.lot(place, name)
            if lot is None or ended is None:
                return None
            whole, bought, mode = self.lot_fee(place, lot), self.bought(place, lot), lot.agreed.policies.money_mode
            limit = self.limit_after(place, lot, self._ended_by(place, lot, ended.to))
            drawn = self._drawn_by(place, lot, self._step(place))
            paid = in_proportion("paid for what could be drawn", whole, limit, bought, mode)
            if drawn:
                used = total(f"drawn of {lot.said}", drawn, bought.unit, bought.currency)
                paid = less("unused", paid, in_proportion("paid for what was drawn", whole, used, bought, mode))
            parts.append(paid)
        return negated(fee.description, total("unused", parts, "amount", place.contract.terms.currency), rule="R30")

    # Deposits

    def _left_of_deposit(self, place: LineAtStep) -> Node:
        """What was billed of it, less what statements set against it."""
        contract_id, line_id = place.contract.contract_id, place.line_id
        step = next(
            step
            for step, known in self.sources.trace.part_steps("fees", composed(contract_id, line_id))
            if known is not None and known.left == place.known.left
        )
        found: Node | None = self.statements.recorded.figure(left_in_all(contract_id, line_id), step)
        assert found is not None, "the rule that says what is left of a deposit records it"
        return found


def _period(starts_on: date, per: str, day: date) -> tuple[date, date]:
    """The whole months around a day, counted from the month of a line's first day; the second day is excluded."""
    start = starts_on.replace(day=1)
    while (to := _months_after(start, MONTHS[per])) <= day:
        start = to
    return start, to


def _months_after(start: date, months: int) -> date:
    count = start.year * 12 + start.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _ended(place: LineAtStep, start: str, last: date) -> PeriodLeft | None:
    """The period as it ended; it may have been published with another end before."""
    periods = (one for one in place.known.ended if one.start.isoformat() == start and one.to == last + DAY)
    return next(periods, None)


def _unit(lot: Lot) -> tuple[str, str]:
    """What the terms of a fee count, with the currency of money."""
    return ("amount", lot.agreed.contract.currency) if lot.terms.unit == IN_MONEY else ("hours", "")
