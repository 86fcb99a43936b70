"""A row of the books: its hours, its cost, its value, what caps allow of it, and what of it stands on statements."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from domain.events.delivery import TimeApproved
from domain.explanation import Node, PolicyUse, constant, total
from domain.figure import Recorded, as_recorded, later, node_of
from domain.terms.kind import IN_HOURS
from domain.work.recorded import (
    ASKED,
    COST,
    DRAWN,
    EARNED,
    HOURS,
    MARKUP,
    MEMO,
    PASSED,
    PASSED_HOURS,
    RATE,
    TAX,
    VALUE,
    WITHIN,
    WORTH,
    figure_of,
    worked,
)
from domain.work.rows import is_over_former, row_id
from milepost.explain.nodes import Nodes
from state.billing.issued_record import rounding_at
from state.books import Cost, Entry, Price, Work
from state.caps.claims import FOR_BILLING, FOR_REVENUE, earned_within
from state.draft import Draft
from state.terms.plan import LinePlan, plan_of
from state.work.charge_record import BOOKED, OF_ROW, WAITING
from state.work.passed_record import BILLABLE, WRITTEN_OFF


class VersionStanding(NamedTuple):
    """A version of an entry as a step left it."""

    step: int
    entry: Entry
    work: Work

    @property
    def price(self) -> Price:
        assert self.work.price is not None, "the work is priced"
        return self.work.price


class EntryNodes(Nodes):
    """Nodes of entries; `step` is always the state after that step of the trace."""

    def begin(self) -> None:
        self._memo: dict[tuple[Any, ...], Node] = {}
        self.recorded.resolvers["recognised"] = self._recognised_by
        self.recorded.resolvers[OF_ROW] = self._of_row

    def _recognised_by(self, row: str, _contract_id: str, _line_id: str, step: str, _currency: str) -> Node | None:
        at = self.standing(row, int(step))
        return self.recognised(at) if at is not None and at.work.price is not None else None

    def _of_row(self, name: str, row: str, step: str) -> Node | None:
        """A figure of a row that terms, caps or others on its line make."""
        at, (what, _, store) = self.standing(row, int(step)), name.partition("/")
        if what == WAITING:
            return self._waiting(row, int(step))
        price = at.work.price if at is not None else None
        if at is None or price is None:
            return None
        if store:
            return self.nodes.drawing.quantity(at, store) if what == DRAWN else self.nodes.drawing.earned(at, store)
        made: dict[str, Callable[[], Node | None]] = {
            BILLABLE: lambda: self.billable(at),
            BOOKED: lambda: self.value(at),
            WRITTEN_OFF: lambda: self.nodes.given_up.written_off(at),
            VALUE: lambda: self.nodes.charges.fee(at.work, at.step),
            EARNED: lambda: self.nodes.charges.earned(at.work, at.step),
            HOURS: lambda: self.hours_at(row, at.step),
            RATE: lambda: self.figure(at, RATE, price.rate),
            MARKUP: lambda: self.figure(at, MARKUP, price.markup),
        }
        return made[what]()

    def _waiting(self, row: str, step: int) -> Node | None:
        """What terms charge by themselves of a row that is not booked."""
        entry = self.sources.trace.entry_at(row, step)
        return self.nodes.charges.fee(entry.work, step) if entry is not None and entry.work is not None else None

    # Hours

    def worked_on(self, at: VersionStanding) -> Node:
        """Hours of the row; of charges only what was brought forward has any, and those of a part are its whole's."""
        if (found := self.nodes.charges.hours(at.work, "hours")) is not None:
            return found
        if at.work.time is None or at.work.part_of is not None:
            return constant(f"{at.entry.entry_id}: no hours", 0, "hours")
        return self.worked(at.work.time)

    def worked(self, event: TimeApproved) -> Node:
        key = ("worked", event.entry_id, event.version, event.event_id, event.hours)
        if key not in self._memo:
            self._memo[key] = self.recorded.bound(worked(event))
        return self._memo[key]

    def asked(self, at: VersionStanding, plan: LinePlan) -> Node:
        """What the row would draw: its hours, or what it is worth at its rate or cost."""
        in_hours, row = plan.draws == IN_HOURS, at.entry.entry_id
        if in_hours and (brought := self.nodes.charges.hours(at.work, "billable_hours")) is not None:
            return brought
        found = self.recorded.figure(figure_of(row, ASKED if in_hours else WORTH), at.step)
        return found if found is not None else self.value(at)

    def hours_at(self, entry_id: str, step: int) -> Node:
        """Hours that the standing version is priced with."""
        at = self.priced(entry_id, step)
        price = at.price
        if at.work.time is None and self.nodes.charges.hours(at.work, "billable_hours") is None:
            return self.worked_on(at)
        return self.figure(at, HOURS, price.hours)

    def figure(self, at: VersionStanding, name: str, value: int) -> Node:
        """As the rule that made it recorded it when the version was priced."""
        return self.recorded.of(figure_of(at.entry.entry_id, name), at.step, value)

    # Value

    def standing(self, entry_id: str, step: int) -> VersionStanding | None:
        entry = self.sources.trace.entry_at(entry_id, step)
        work = entry.standing if entry is not None else None
        return VersionStanding(step, entry, work) if entry is not None and work is not None else None

    def priced(self, entry_id: str, step: int) -> VersionStanding:
        at = self.standing(entry_id, step)
        assert at is not None, "the entry has a price"
        return at

    def priced_in(self, contract_id: str, step: int) -> Iterator[VersionStanding]:
        """All with a price of the contract."""
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.standing(entry_id, step)
            if at is not None and at.work.price is not None and at.price.contract_id == contract_id:
                yield at

    def priced_at(self, at: VersionStanding) -> int:
        """The step that gave the work its hours and its rate."""
        step = self.recorded.why.step_of(figure_of(at.entry.entry_id, VALUE), at.step)
        return at.step if step is None else step

    def value(self, at: VersionStanding) -> Node:
        """hours x rate x (1 + markup), rounded once; of a charge what it is charged by."""
        price, row = at.price, at.entry.entry_id
        step = self.priced_at(at)
        key = (VALUE, row, step, price.value)
        if key not in self._memo:
            made = self.figure(at, VALUE, price.value)
            self._memo[key] = self._as_priced(at, price, made, step)
        return self._memo[key]

    def _as_priced(self, at: VersionStanding, price: Price, made: Node, step: int) -> Node:
        """Under its own title, with what it is and what it was priced by."""
        priced_by, title = self._priced_by(at, step), f"{at.entry.entry_id}: value"
        if at.work.time is not None:
            return made._replace(title=title, why=(*made.why, priced_by))
        subject, draft = at.work.subject, self.sources.draft(step)
        plan = plan_of(draft, price)
        version = plan.version if plan is not None else at.entry.version
        facts = (
            ("service date", price.day.isoformat()),
            ("contract", f"{price.contract_id} version {version}, line {price.line_id}"),
            *((("description", subject.description),) if subject.description else ()),
        )
        # A field of an event stays one: it is named by what holds it.
        named = total(title, (made,), "amount", price.currency) if made.field else made._replace(title=title)
        used = self._policies(draft, plan, "money_mode") if plan is not None else ()
        return named._replace(policies=(*made.policies, *used), facts=facts, why=(*named.why, priced_by))

    def within(self, at: VersionStanding) -> Node:
        """What of a delivery is for units that are agreed; nothing of work over a cap of before."""
        price, row = at.price, at.entry.entry_id
        assert price.within is not None, "units are agreed, or it is over a cap of before"
        if is_over_former(row):
            return constant("nothing: over a cap of before", price.within, "amount", price.currency)
        return self.figure(at, WITHIN, price.within)._replace(title=f"{row}: within the units agreed")

    def _priced_by(self, at: VersionStanding, step: int) -> Node:
        cause = self.sources.cause(step)
        own = row_id(cause.kind, cause.id) == at.entry.entry_id
        word = "rated" if at.work.time is not None else "priced"
        return Node(f"{word} by" if own else f"{word} upon", event=cause)

    def _policies(self, draft: Draft, plan: LinePlan, *names: str) -> tuple[PolicyUse, ...]:
        return self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)

    def memo(self, at: VersionStanding) -> Node:
        """The value of what is not charged; no money moves with it."""
        price = at.price
        return self.figure(at, MEMO, price.memo)

    # What is over the cap of its line and went on to the next (policy `overflow=next_rule`)

    def passed(self, at: VersionStanding) -> Node:
        """The value that is not billable on the entry's own line."""
        return self.figure(at, PASSED, at.price.passed)

    def passed_hours(self, at: VersionStanding) -> Node:
        """As many as the part has."""
        return self.figure(at, PASSED_HOURS, at.price.passed_hours)

    # Cost

    def cost(self, at: VersionStanding, cost: Cost) -> Node:
        """As it was booked, with the tax beside it."""
        return self.figure(at, COST, cost.amount)

    def tax(self, at: VersionStanding, cost: Cost) -> Node:
        return self.figure(at, TAX, cost.tax)

    # What caps allow

    def allowed(self, at: VersionStanding) -> Node:
        """What earns revenue."""
        return self.nodes.caps.granted(at, FOR_REVENUE)

    def billable(self, at: VersionStanding) -> Node:
        """What may stand on a statement."""
        return self.nodes.caps.granted(at, FOR_BILLING)

    def recognised(self, at: VersionStanding) -> Node:
        price = at.price
        if price.earned is not None:
            return self._earned(at, price)
        title = f"{at.entry.entry_id}: recognised"
        made = node_of(self.earning(at)[0], title, currency=price.currency)
        return as_recorded(price.recognised, made._replace(title=title) if made.title == "recognised" else made).node

    def earning(self, at: VersionStanding) -> tuple[int, int]:
        """What is revenue, and what waits as caps bind billing alone, as their rule has it."""
        price = at.price
        if price.earned is not None:
            return later(price.recognised, self.recognised, at), price.waiting
        plan, allowed = plan_of(self.sources.draft(at.step), price), Recorded(self.allowed(at))
        if plan is None:
            return allowed, 0
        billable = Recorded(self.billable(at)) if plan.some_bind_billing_alone else price.billable
        return earned_within(plan, price, Recorded(self.nodes.given_up.chargeable(at)), allowed, billable)

    def _earned(self, at: VersionStanding, price: Price) -> Node:
        """Revenue that does not follow what may be billed: with the invoice, on a schedule of its own, by what is drawn."""
        title = f"{at.entry.entry_id}: recognised"
        if not price.earned:
            return constant(title, 0, "amount", price.currency)
        return self.figure(at, EARNED, price.recognised)._replace(title=title)

    def rounding(self, entry_id: str, step: int) -> Node:
        """Cents of statement lines that were put on the entry (policy `rounding_scope: line`)."""
        at = self.standing(entry_id, step)
        price = at.work.price if at is not None else None
        if price is None or not price.rounding:
            return constant(f"{entry_id}: cents of lines", 0, "amount", price.currency if price is not None else "")
        return self.recorded.of(rounding_at(entry_id), step, price.rounding)
