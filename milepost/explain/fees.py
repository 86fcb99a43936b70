"""What terms charge by themselves: from the row back to the terms, and to what happened under them (R27 to R32, R35).

The fees of a contract line are asked for again with what was known at the step, as the fold did (`state/revenue/fees.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.events.common import Deposit, FixedPrice, Milestone, Milestones, Retainer, Subscription
from domain.events.delivery import MilestoneAccepted, ProgressReported
from domain.explanation import FIELD, Node, constant, less, total
from domain.figure import Recorded, RecordedLater, as_recorded, later, node_of
from domain.identity import composed
from domain.numbered import in_force
from domain.reference.zones import local_date
from domain.revenue.method import Reported
from domain.revenue.variable_price import fee_name
from domain.terms import methods
from domain.terms.deposit import left_in_all
from domain.terms.kind import (
    IN_MONEY,
    Closed,
    Draws,
    Fee,
    LineHistory,
    PeriodLeft,
    PrepaidBalance,
    TermsInForce,
    on_day,
)
from domain.terms.retainer import ends, periods
from domain.terms.subscription import MINIMUM
from domain.units import Amount
from domain.why import elsewhere
from domain.work.recorded import DRAWN, EARNED
from domain.work.rows import DELIVERY, fee_row
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from state.books import Charge, Contract
from state.charges.budgets_spent import spent_of_budgets
from state.charges.fees_due import fees_due
from state.charges.settlement import settlement
from state.charges.spent_record import all_before, spent_by, spent_row
from state.charges.terms_known import is_charged, known_of, line_fees, lines_beside
from state.draft import Draft
from state.revenue.fees import HORIZON
from state.terms.opening import expired_before, loaded_of
from state.terms.periods import zone_of
from state.totals import month_of

if TYPE_CHECKING:
    from milepost.explain.entries import VersionStanding

DAY = timedelta(days=1)
# What other lines of a contract charge in a month, as an address of it begins.
BESIDE = "charged_beside"
RULES = {FixedPrice: "R12", Subscription: "R12", Milestones: "R27", Retainer: "R30", Deposit: "R31"}
# What work draws on a fee by a day, likewise.
DRAWN_BY = "drawn_by"


class LineAtStep(NamedTuple):
    """A contract line as a step knew it; `foreseen`: with what its terms let expect after that day."""

    draft: Draft
    contract: Contract
    line_id: str
    known: LineHistory
    foreseen: date | None = None
    step: int = -1


def line_at(draft: Draft, contract: Contract, line_id: str, step: int = -1) -> LineAtStep:
    return LineAtStep(draft, contract, line_id, known_of(draft, contract, line_id), step=step)


class FeeNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[BESIDE] = self._charged_beside
        self.recorded.resolvers[DRAWN_BY] = self._drawn_by
        self._histories: dict[tuple[str, str, int, date | None], tuple[LineHistory, LineHistory]] = {}

    def place(self, charge: Charge, draft: Draft, step: int = -1) -> LineAtStep | None:
        contract = draft.contract(charge.contract_id or "")
        if contract is None or charge.line_id is None:
            return None
        return line_at(draft, contract, charge.line_id, step)

    def fee(self, charge: Charge, draft: Draft, step: int = -1) -> Node | None:
        """What a row of a fee charges."""
        place = self.place(charge, draft, step)
        if place is None:
            return None
        found = self._charged(place, charge)
        return self.recorded.bound(node_of(found.amount, found.description)) if found is not None else None

    def earned(self, charge: Charge, draft: Draft) -> Node | None:
        """What a row of revenue earns that a fee names: what expires unused, is kept, or was accepted beyond what is earned."""
        place = self.place(charge, draft)
        found = self._charged(place, charge) if place is not None else None
        if place is None or found is None:
            return None
        made = self.figure(found.earned or 0, found.description, place.known.held[-1])
        return made._replace(rule=_rule(place))

    def _charged(self, place: LineAtStep, charge: Charge) -> Fee | None:
        name = charge.charge_id.removeprefix(f"{composed(place.contract.contract_id, place.line_id)}/")
        today = local_date(place.draft.cause.recorded_at, zone_of(place.draft, place.contract))
        return next((fee for fee in self.all_due(place, max(today, charge.day) + HORIZON) if fee.name == name), None)

    def all_due(self, place: LineAtStep, until: date) -> list[Fee]:
        """As the rules have them up to a day, of numbers that say how they came about."""
        terms = partial(self.terms, place)
        due = fees_due(place.draft, place.contract, place.line_id, self.history(place), until, terms)
        fees = [fee._replace(amount=later(fee.amount, self._amount, place, fee)) for fee in due]
        # What is spent on a line takes long to ask, and only the end of a contract settles.
        over = place.contract.terminated_on is not None
        return [*fees, *settlement(place.contract, self.nodes.over_time.known(place), fees)] if over else fees

    def _amount(self, place: LineAtStep, fee: Fee) -> Node:
        if fee.name.startswith(fee_name("")):  # a variable part, which its rule names
            return self.recorded.bound(node_of(fee.amount, fee.description))
        made = self.figure(fee.amount, fee.description, place.known.held[-1])
        days = f"{fee.earned_from} to {fee.earned_to}"
        facts = (("earned over", days) if fee.earned_from is not None else ("due on", f"{fee.day}"),)
        if fee.cumulative and made.arithmetic is not None and made.arithmetic.operation == "subtract":
            made = made._replace(title=f"{fee.description}: less what was charged before")
        if fee.description not in made.title:
            made = made._replace(title=fee.description)
        return made._replace(facts=made.facts or facts, rule=_rule(place))

    def figure(self, number: int, title: str, agreed: TermsInForce) -> Node:
        """A number that a rule made; a field of an event keeps its own name."""
        made = self.recorded.bound(node_of(number, title, "amount", agreed.contract.currency))
        is_field = made.arithmetic is not None and made.arithmetic.operation == FIELD
        return made if is_field else made._replace(title=title)

    # What the rules are asked with

    def history(self, place: LineAtStep) -> LineHistory:
        """What was known of the line, of which each number says how it came about."""
        key = place.contract.contract_id, place.line_id, self.known_at(place), place.foreseen
        kept = self._histories.get(key)
        if kept is None or kept[0] != place.known:
            kept = self._histories[key] = place.known, self._history(place)
        return kept[1]

    def _history(self, place: LineAtStep) -> LineHistory:
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
        if known.ended or known.expired:
            of = place.contract.contract_id, held[-1].line.project_id, place.line_id
            expired = expired_before(self.stated(place), *of)
            known = known._replace(
                ended=self._ended(place, known._replace(held=held, expired=expired)), expired=expired
            )
        return known._replace(
            held=held,
            reported=[self._with_percent(place, one) for one in known.reported],
            closed=[one._replace(cost=self._spent(place, one, held)) for one in known.closed],
            drawn={name: self._drawn(place, name) for name in known.drawn},
            beside=beside,
            left=(left[0], RecordedLater(left[1], partial(self._left_of_deposit, place))) if left is not None else None,
            revised=self.nodes.variable.revised(place, held),
            rebates=self.nodes.variable.rebates(place),
            opening=self.nodes.spending.opening(place),
        )

    def stated(self, place: LineAtStep) -> Draft:
        """The books with what balances and estimates of the contract's lines state."""
        return self.nodes.books.stated(self.known_at(place), place.contract.terms.currency)

    def terms(self, place: LineAtStep, agreed: TermsInForce) -> TermsInForce:
        """With what says when a milestone was accepted, or is due."""
        made = in_force(agreed)
        terms = made.line.terms
        if not isinstance(terms, Milestones):
            return made
        milestones = tuple(self._accepted(place, one) for one in terms.milestones)
        return made._replace(line=made.line._replace(terms=terms._replace(milestones=milestones)))

    def _with_percent(self, place: LineAtStep, report: Reported) -> Reported:
        """As it was reported, or all of the work where a forecast expects that."""
        return report._replace(percent=Recorded(self.reported(place, report)))

    def _spent(self, place: LineAtStep, closed: Closed, held: Sequence[TermsInForce]) -> dict[str, Amount]:
        """By category, as it was counted; all that is budgeted, where a forecast expects the work to be done."""
        is_last = closed is place.known.closed[-1] and held[-1].line.budgets
        if is_last and place.foreseen is not None and not held[-1].is_over_early(place.foreseen):
            return {one.category: one.cost for one in held[-1].line.budgets}
        is_open = all(one.start != closed.start for one in line_fees(place.draft, place.contract, place.line_id).closed)
        if place.foreseen is not None and is_open:
            return self._spent_by_now(place, closed)
        found: dict[str, Amount] = {}
        for category, cost in closed.cost.items():
            address = spent_by(place.contract.contract_id, place.line_id, closed.start, category)
            node = given(self.recorded.why.figure_at(address, self.known_at(place)), address)
            found[category] = as_recorded(cost, node)
        return found

    def _spent_by_now(self, place: LineAtStep, closed: Closed) -> dict[str, Amount]:
        """Of a period that a forecast expects to close as it stands."""
        step, currency = self.known_at(place), place.contract.terms.currency
        spent, _ = spent_of_budgets(place.draft, place.contract, place.line_id, closed.last + DAY)
        rows = [spent_row(self.recorded.why, step, row) for row in spent]
        return {
            category: as_recorded(cost, all_before(rows, closed.to, category, currency))
            for category, cost in closed.cost.items()
        }

    # Fields of the terms

    def reported(self, place: LineAtStep, report: Reported) -> Node:
        """The percentage, where somebody stated it; of one that a forecast expects, what the terms let expect."""
        facts, contract_id = (("as of", report.as_of.isoformat()),), place.contract.contract_id
        if not report.version:  # by balances
            own = loaded_of(self.stated(place), contract_id, place.known.held[-1].line.project_id, place.line_id)
            stated = next((one.percent for one in own if one.percent is not None), None)
            if stated is not None:
                return self.recorded.bound(node_of(stated, "progress", "percent")._replace(facts=facts))
        for event in self.sources.events(ProgressReported, place.draft.cause.log_offset):
            is_of_line = event.line_id == place.line_id and event.contract_id in (None, contract_id)
            if is_of_line and event.version == report.version:
                return self.sources.field("progress", report.percent, "percent", event, "percent", facts=facts)
        return constant(f"expected by {report.as_of}", report.percent, "percent")

    # Milestones

    def _accepted(self, place: LineAtStep, milestone: Milestone) -> Milestone:
        day, amount = place.known.accepted.get(milestone.milestone_id), milestone.amount
        if day is None or not isinstance(amount, Recorded):
            return milestone
        node = amount.node._replace(rule="R27", facts=(("accepted on", f"{day}"),))
        if place.foreseen is not None and not is_charged(
            place.draft, place.contract.contract_id, place.line_id, f"milestone/{milestone.milestone_id}"
        ):
            node = node._replace(facts=(("due on", f"{milestone.due_on}"),))
        else:
            accepted = self._acceptance(place, milestone.milestone_id)
            node = node._replace(why=(Node(f"milestone {milestone.milestone_id} was accepted", event=accepted),))
        return milestone._replace(amount=Recorded(node))

    def _acceptance(self, place: LineAtStep, milestone_id: str) -> Any:
        """The newest that the step knew."""
        known = self.sources.events(MilestoneAccepted, place.draft.cause.log_offset)
        accepted = [event for event in known if event.milestone_id == milestone_id]
        return self.sources.ref_of(accepted[-1]) if accepted else None

    # Subscriptions

    def _charged_beside(self, contract_id: str, line_id: str, month: str, step: str) -> Node | None:
        """What other lines have to bill for days of the month, issued or not."""
        contract = self.sources.draft(int(step)).contract(contract_id)
        if contract is None:
            return None
        parts = [self._by_day_alone(at) for at in self._rows_beside(contract_id, line_id, month, int(step))]
        return total(f"charged by other lines in {month}", parts, "amount", contract.terms.currency)

    def _by_day_alone(self, at: VersionStanding) -> Node:
        """What of the row counts for its month: issued rows keep their room under caps and their steps, which the month does not ask."""
        capped = self.nodes.unissued.billable(at)
        if capped is not None:
            return capped
        made = self.nodes.entries.billable(at)
        charge = at.work.charge
        by_day: Node | None = None
        if charge is not None and charge.kind == DELIVERY:
            by_day = self.nodes.charges.by_day_alone(at.entry.entry_id, at.step, at.price)
        if by_day is None or by_day.value == at.price.value:
            return made
        if made.value == at.price.value:
            return by_day._replace(title=f"{at.entry.entry_id}: at its steps by day")
        moved = less(f"{at.entry.entry_id}: more at its steps by day", by_day, self.nodes.given_up.chargeable(at))
        return total(f"{at.entry.entry_id}: with its steps by day", (made, moved), "amount", made.currency)

    def _rows_beside(self, contract_id: str, line_id: str, month: str, step: int) -> Iterator[VersionStanding]:
        contract = self.sources.draft(step).contract(contract_id)
        beside = lines_beside(contract, line_id) if contract is not None else []
        for at in self.nodes.entries.priced_in(contract_id, step):
            price, minimums = at.price, fee_row(contract_id, at.price.line_id, MINIMUM)
            is_minimum = at.entry.entry_id.startswith(minimums)
            if price.line_id in beside and month_of(price.day) == month and not is_minimum:
                yield at

    # Retainers

    def stores(self, place: LineAtStep, day: date) -> list[PrepaidBalance]:
        """What a row of a day may draw on."""
        known = self.history(place)
        return list(methods.stores(on_day(known.held, day).line.terms, known, day))

    def _ended(self, place: LineAtStep, known: LineHistory) -> list[PeriodLeft]:
        """Periods as the rule ended them, each by what work before its end had drawn."""
        found: list[PeriodLeft] = []
        for said in place.known.ended:
            one = said
            if (one.start, one.to) in periods(known, one.to):
                drawn = {name: self._drawn(place, name, one.to) for name in one.limits}
                made = ends(known._replace(ended=found, drawn=drawn), one.start, one.to)
                limits = {name: as_recorded(one.limits[name], node_of(made.limits[name], name)) for name in one.limits}
                one = one._replace(limits=limits)
            found.append(one)
        return found

    def _drawn(self, place: LineAtStep, name: str, before: date = date.max) -> tuple[int, Amount]:
        """On one fee by work before a day, and what that earned."""
        step, of = self.known_at(place), (place.contract.contract_id, place.line_id)
        shares = [(day, drawn[name]) for day, drawn in self._draws(*of, step) if day < before and name in drawn]
        by, currency = "" if before == date.max else f" by {before - DAY}", place.contract.terms.currency
        terms = on_day(place.known.held, min((day for day, _ in shares), default=date.min)).line.terms
        unit, own = ("amount", currency) if methods.draws_in(terms) == IN_MONEY else ("hours", "")
        quantity, earned = (
            Recorded(elsewhere(title, value, composed(DRAWN_BY, what, *of, name, f"{before}", f"{step}"), *more))
            for what, title, value, more in (
                (DRAWN, f"drawn of {name}{by}", sum(quantity for _, (quantity, _) in shares), (own, unit)),
                (EARNED, f"earned by {name}{by}", sum(earned for _, (_, earned) in shares), (currency, "amount")),
            )
        )
        return quantity, earned

    @once
    def _draws(self, contract_id: str, line_id: str, step: int) -> list[tuple[date, Draws]]:
        rows = self._drawing_rows(contract_id, line_id, step)
        return [(day, drawn) for day, at in rows if (drawn := at.price.drawn)]

    def _drawn_by(self, what: str, contract_id: str, line_id: str, name: str, before: str, step: str) -> Node | None:
        """What rows of days before one draw, or earn."""
        own = self.nodes.drawing.quantity if what == DRAWN else self.nodes.drawing.earned
        rows = self._drawing_rows(contract_id, line_id, int(step))
        parts = [own(at, name) for day, at in rows if name in (at.price.drawn or ()) and f"{day}" < before]
        return total(f"{what} of {name}", parts, parts[0].unit, parts[0].currency) if parts else None

    def _drawing_rows(self, contract_id: str, line_id: str, step: int) -> Iterator[tuple[date, VersionStanding]]:
        """With their days; what was drawn before the books begin comes before all."""
        for at in self.nodes.entries.priced_in(contract_id, step):
            if at.price.line_id == line_id and at.price.drawn:
                charge = at.work.charge
                is_before = charge is not None and charge.opening is not None
                yield (date.min if is_before else at.price.day), at

    def known_at(self, place: LineAtStep) -> int:
        """The step whose books a place has."""
        return place.step if place.foreseen is not None else self.sources.trace.step_of(place.draft.cause)

    # Deposits

    def _left_of_deposit(self, place: LineAtStep) -> Node:
        """What was billed of it, less what statements set against it."""
        contract_id, line_id = place.contract.contract_id, place.line_id
        step = next(
            step
            for step, known in self.sources.trace.part_steps("fees", composed(contract_id, line_id))
            if known is not None and known.left == place.known.left
        )
        return self.recorded.known(left_in_all(contract_id, line_id), step)


def _rule(place: LineAtStep) -> str:
    return RULES.get(type(place.known.held[-1].line.terms), "")
