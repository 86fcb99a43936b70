"""What terms charge by themselves: from the row back to the terms, and to what happened under them (R27 to R32, R35).

The fees of a contract line are asked for again with what was known at the step, as the fold did (`state/handlers/fees.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import Milestone, Milestones
from domain.events.delivery import MilestoneAccepted, ProgressReported
from domain.explanation import (
    FIELD,
    Node,
    agreeing,
    constant,
    evaluated,
    in_proportion,
    least,
    less,
    negated,
    stated,
    step_of,
    total,
)
from domain.figure import Recorded, RecordedLater, as_recorded, node_of
from domain.identity import composed
from domain.reference.zones import local_date
from domain.revenue.method import Reported
from domain.revenue.variable_price import fee_name, settled
from domain.terms import methods
from domain.terms.deposit import left_in_all
from domain.terms.kind import IN_MONEY, Closed, Fee, LineHistory, PeriodLeft, PrepaidBalance, TermsInForce
from domain.terms.recorded import recorded
from domain.terms.retainer import Lot, in_unit, lots
from domain.terms.subscription import MINIMUM
from domain.units import Amount
from domain.why import elsewhere
from domain.work.rows import DELIVERY, fee_row
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from milepost.explain.variable_price import VariableNodes
from state.books import Charge, Contract
from state.charges.fees_due import fees_due
from state.charges.settlement import SETTLEMENT
from state.charges.spent_record import spent_by
from state.charges.terms_known import is_charged, known_of
from state.draft import Draft
from state.handlers.fees import HORIZON
from state.terms.opening import balances_of, expired_of
from state.terms.periods import zone_of
from state.totals import month_of

DAY = timedelta(days=1)
# What other lines of a contract charge in a month, as an address of it begins.
BESIDE = "charged_beside"


class LineAtStep(NamedTuple):
    """A contract line as a step knew it; `foreseen`: with what its terms let expect."""

    draft: Draft
    contract: Contract
    line_id: str
    known: LineHistory
    foreseen: bool = False
    step: int = -1


class FeeNodes:
    def __init__(self, sources: Sources, recorded: RecordedNodes) -> None:
        self.sources = sources
        self.recorded = recorded
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
        recorded.resolvers[BESIDE] = self._charged_beside

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
        return self._amount(place, found) if found is not None else None

    # What is still to come

    def all_charged(self, place: LineAtStep, until: date) -> list[Node]:
        """All that the line charges up to a day."""
        return [self._amount(place, fee) for fee in self._fees(place, until) if fee.amount]

    def charged_by(self, place: LineAtStep, name: str, until: date) -> Node | None:
        """What the fee of a name charges."""
        found = next((fee for fee in self._fees(place, until) if fee.name == name), None)
        return self._amount(place, found) if found is not None else None

    def _settlement(self, place: LineAtStep, charge: Charge) -> Node | None:
        """What is earned by the last day of a terminated contract, less all that the line charges besides (R46)."""
        if self.earned_by is None:
            return None
        earned = self.earned_by(place, charge.day)
        charged = self.all_charged(place, self._until(place, charge))
        charged += [negated(node.title, node) for node in self.variable.given_by_memos(place).values()]
        title = charge.description or "settlement"
        return less(title, earned, *charged, rule="R46") if charged else earned._replace(title=title)

    def earned(self, charge: Charge, draft: Draft) -> Node | None:
        """What a row of revenue earns that a fee names: what expires unused, or is kept."""
        place = self.place(charge, draft)
        found = self._charged(place, charge) if place is not None else None
        if place is None or found is None:
            return None
        if isinstance(found.earned, Recorded):
            return self.recorded.bound(found.earned.node)
        return self._expired(place, found)

    def _name(self, place: LineAtStep, charge: Charge) -> str:
        return charge.charge_id.removeprefix(f"{composed(place.contract.contract_id, place.line_id)}/")

    def _charged(self, place: LineAtStep, charge: Charge) -> Fee | None:
        name = self._name(place, charge)
        return next((fee for fee in self._fees(place, self._until(place, charge)) if fee.name == name), None)

    def _until(self, place: LineAtStep, charge: Charge) -> date:
        return (
            max(local_date(place.draft.cause.recorded_at, zone_of(place.draft, place.contract)), charge.day) + HORIZON
        )

    def _fees(self, place: LineAtStep, until: date) -> list[Fee]:
        """As the rule has them, of numbers that say how they came about."""
        terms = partial(self.terms, place)
        return list(fees_due(place.draft, place.contract, place.line_id, self.history(place), until, terms))

    def _amount(self, place: LineAtStep, fee: Fee) -> Node:
        if not isinstance(fee.amount, Recorded):
            made = self._of_terms(place, fee)
            return agreeing(made, stated(fee.description, fee.amount, "amount", place.contract.terms.currency))
        made = self.figure(fee.amount, fee.description, place.known.held[-1])
        days = f"{fee.earned_from} to {fee.earned_to}"
        facts = (("days", days) if fee.earned_from is not None else ("due on", f"{fee.day}"),)
        if fee.cumulative and made.arithmetic is not None and made.arithmetic.operation == "subtract":
            made = made._replace(title=f"{fee.description}: less what was charged before")
        return made._replace(facts=made.facts or facts, rule=made.rule or ("R12" if fee.cumulative else ""))

    def figure(self, number: int, title: str, agreed: TermsInForce) -> Node:
        """A number that a rule made; a field of an event keeps its own name."""
        made = self.recorded.bound(node_of(number, title, "amount", agreed.contract.currency))
        is_field = made.arithmetic is not None and made.arithmetic.operation == FIELD
        return made if is_field else made._replace(title=title)

    def _of_terms(self, place: LineAtStep, fee: Fee) -> Node | None:
        item_id = next((one for one in settled(place.known.revised) if fee_name(one) == fee.name), None)
        if item_id is not None:
            return self.variable.charged(place, item_id)
        return self._refund(place, fee) if fee.name.startswith("refund/") else self._lot_fee(place, fee.name)

    # What the rules are asked with

    def history(self, place: LineAtStep) -> LineHistory:
        """What was known of the line, of which each number says how it came about."""
        known, currency = place.known, place.contract.terms.currency
        of, left = (BESIDE, place.contract.contract_id, place.line_id), known.left
        beside = {
            month: Recorded(
                elsewhere(
                    f"charged by other lines in {month}",
                    amount,
                    composed(*of, month, f"{self.known_at(place)}"),
                    currency,
                )
            )
            for month, amount in known.beside.items()
        }
        held = [self.terms(place, agreed) for agreed in known.held]
        return known._replace(
            held=held,
            reported=[self._with_percent(place, one) for one in known.reported],
            closed=[one._replace(cost=self._spent(place, one, held)) for one in known.closed],
            beside=beside,
            left=(left[0], RecordedLater(left[1], partial(self._left_of_deposit, place))) if left is not None else None,
        )

    def terms(self, place: LineAtStep, agreed: TermsInForce) -> TermsInForce:
        """With what says when a milestone was accepted, or is due."""
        made = recorded(agreed)
        terms = made.line.terms
        if not isinstance(terms, Milestones):
            return made
        milestones = tuple(self._accepted(place, one) for one in terms.milestones)
        return made._replace(line=made.line._replace(terms=terms._replace(milestones=milestones)))

    def _with_percent(self, place: LineAtStep, report: Reported) -> Reported:
        """As it was reported; all of the work that a forecast expects is no number of an event."""
        if self._report(place, report.version) is None:
            return report
        return report._replace(percent=Recorded(self.reported(place, report)))

    def _spent(self, place: LineAtStep, closed: Closed, held: Sequence[TermsInForce]) -> dict[str, Amount]:
        """By category, as it was counted; all that is budgeted, where a forecast expects the work to be done."""
        if place.foreseen and closed is place.known.closed[-1] and held[-1].line.budgets:
            return {one.category: one.cost for one in held[-1].line.budgets}
        found: dict[str, Amount] = {}
        for category, cost in closed.cost.items():
            address = spent_by(place.contract.contract_id, place.line_id, closed.start, category)
            node = self.recorded.why.figure_at(address, self.known_at(place))
            assert node is not None, "it is recorded when it is counted"
            found[category] = as_recorded(cost, node)
        return found

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
                and record.offset <= place.draft.cause.log_offset
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

    # Milestones

    def _accepted(self, place: LineAtStep, milestone: Milestone) -> Milestone:
        day, amount = place.known.accepted.get(milestone.milestone_id), milestone.amount
        if day is None or not isinstance(amount, Recorded):
            return milestone
        node = amount.node._replace(rule="R27", facts=(("accepted on", f"{day}"),))
        if place.foreseen and not is_charged(
            place.draft, place.contract.contract_id, place.line_id, f"milestone/{milestone.milestone_id}"
        ):
            node = node._replace(facts=(("due on", f"{milestone.due_on}"),))
        else:
            accepted = self._acceptance(place, milestone.milestone_id)
            node = node._replace(why=(Node(f"milestone {milestone.milestone_id} was accepted", event=accepted),))
        return milestone._replace(amount=Recorded(node))

    def _acceptance(self, place: LineAtStep, milestone_id: str) -> Any:
        """The newest that the step knew."""
        offset, found = place.draft.cause.log_offset, None
        for record in self.sources.trace.records_of(MilestoneAccepted):
            event = record.event
            if isinstance(event, MilestoneAccepted) and event.milestone_id == milestone_id and record.offset <= offset:
                found = self.sources.ref(record)
        return found

    # Subscriptions

    def _charged_beside(self, contract_id: str, line_id: str, month: str, step: str) -> Node | None:
        """What other lines have to bill for days of the month, issued or not."""
        contract = self.sources.draft(int(step)).contract(contract_id)
        if contract is None:
            return None
        parts = [self._by_day_alone(at) for at in self._rows_beside(contract_id, line_id, month, int(step))]
        return total(f"charged by other lines in {month}", parts, "amount", contract.terms.currency)

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

    def _rows_beside(self, contract_id: str, line_id: str, month: str, step: int) -> Iterator[Any]:
        for row in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(row, step)
            price = at.work.price if at is not None else None
            if at is None or price is None or price.contract_id != contract_id:
                continue
            minimums = fee_row(price.contract_id, price.line_id, MINIMUM)
            if price.line_id != line_id and month_of(price.day) == month and not row.startswith(minimums):
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


def _ended(place: LineAtStep, start: str, last: date) -> PeriodLeft | None:
    """The period as it ended; it may have been published with another end before."""
    periods = (one for one in place.known.ended if one.start.isoformat() == start and one.to == last + DAY)
    return next(periods, None)


def _unit(lot: Lot) -> tuple[str, str]:
    """What the terms of a fee count, with the currency of money."""
    return ("amount", lot.agreed.contract.currency) if lot.terms.unit == IN_MONEY else ("hours", "")
