"""What lines with a price of their own have still to earn, and when they charge it (R57): from the terms, and what is foreseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.accounts import REVENUE
from domain.events.common import Milestones, UnitPrice
from domain.explanation import Node, constant, least, less, most, total
from domain.figure import Recorded, as_recorded
from domain.forecast.completion import Included
from domain.terms.unit_price import VOLUME, prices
from domain.work.rows import COUNTED_FEE, COUNTED_TIME, counted_as, named
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.fees import FeeNodes, LineAtStep
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from state.books import Contract, LineEarning, Price
from state.charges.settlement import SETTLEMENT
from state.draft import Draft
from state.forecast.ahead import TermsAhead
from state.forecast.prices import PriceMonth, ToCharge, ahead_of_line, months_ahead, to_charge, weights
from state.terms.plan import newest_plan

DAY = timedelta(days=1)


class PricedLine(NamedTuple):
    """A line with what is foreseen of it, as a step knew it."""

    draft: Draft
    step: int
    earning: LineEarning
    contract: Contract
    ahead: TermsAhead
    as_of: date

    @property
    def place(self) -> LineAtStep:
        return LineAtStep(self.draft, self.contract, self.earning.line_id, self.ahead.known, self.as_of, self.step)


class PriceNodes:
    def __init__(self, sources: Sources, entries: EntryNodes, records: RecordNodes) -> None:
        self.sources = sources
        self.entries = entries
        self.records = records
        self.fees: FeeNodes = entries.charges.fees

    def line(self, draft: Draft, step: int, earning: LineEarning, as_of: date) -> PricedLine:
        contract = draft.contract(earning.contract_id)
        assert contract is not None, "the line is of a contract in the books"
        return PricedLine(draft, step, earning, contract, ahead_of_line(draft, earning, as_of), as_of)

    def left(self, line: PricedLine) -> Node:
        """What the terms come to, less what they have earned, before credit memos took off the price."""
        earning = line.earning
        nothing = constant("nothing", 0, "amount", earning.currency)
        if earning.total is None:
            return nothing
        whole = as_recorded(earning.total, self._total(line)).node
        rest = less(f"line {earning.line_id}: agreed and not earned", whole, self._by_terms(line))
        return most(f"line {earning.line_id}: left to earn", rest, nothing)

    # What the terms come to

    def _total(self, line: PricedLine) -> Node:
        title, currency = f"line {line.earning.line_id}: all that its terms come to", line.earning.currency
        if not line.earning.total:
            return constant(f"line {line.earning.line_id}: nothing is agreed yet", 0, "amount", currency)
        newest = line.ahead.known.held[-1] if line.ahead.known.held else None
        if newest is not None and newest.allocated is not None and self.fees.allocated is not None:
            return self.fees.allocated(line.place, newest)._replace(title=title)
        if not line.ahead.fees:
            return self._units(line, title)
        if any(fee.name == SETTLEMENT for fee in line.ahead.fees) and self.fees.earned_by is not None:
            settled = next(fee for fee in line.ahead.fees if fee.name == SETTLEMENT)
            return self.fees.earned_by(line.place, settled.day)
        nodes = self.fees.all_charged(line.place, _until(line))
        return nodes[0]._replace(title=title) if len(nodes) == 1 else total(title, nodes, "amount", currency)

    def _units(self, line: PricedLine, title: str) -> Node:
        """Units agreed, at their price; no more than a cap of the terms."""
        agreed = line.ahead.known.held[-1]
        terms = agreed.line.terms
        assert isinstance(terms, UnitPrice), "other terms that come to something charge it"
        assert terms.units is not None, "any number of units comes to nothing"
        units = self.fees.field(line.place, agreed, "units agreed", terms.units, "units", "quantity")
        plan = newest_plan(line.draft, line.contract, line.earning.line_id)
        assert plan is not None, "the line is priced"
        first = units if terms.tier_mode == VOLUME else constant("before them", 0, "quantity")
        worth = self.entries.charges.in_steps(prices(terms), plan, first, units, terms.tier_mode)
        if terms.cap is not None and terms.cap.amount is not None and (worth.value or 0) > (line.earning.total or 0):
            cap = self.fees.field(line.place, agreed, "cap", terms.cap.amount, "cap.amount")
            worth = least(title, [worth, cap])
        return worth._replace(title=title)

    # What has been earned

    def _by_terms(self, line: PricedLine) -> Node:
        nodes = list(self._charges_earned(line))
        return total(f"line {line.earning.line_id}: earned of its price", nodes, "amount", line.earning.currency)

    def _charges_earned(self, line: PricedLine) -> Iterator[Node]:
        """By fees, deliveries and what is drawn; with an invoice what it was before credit memos took off the price."""
        key, step = (line.earning.contract_id, line.earning.line_id), line.step
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, step)
            price = at.work.price if at is not None else None
            if at is not None and price is not None and (price.contract_id, price.line_id) == key:
                if price.content == COUNTED_FEE and price.earns:
                    yield self.records.recognised(entry_id, step)
                elif price.drawn and any(earned for _, earned in price.drawn.values()):
                    yield from self.entries.drawing.all_earned(at, price)
            if counted_as(named(entry_id)[0]) != COUNTED_FEE:
                continue
            entry = self.sources.trace.entry_at(entry_id, step)
            for issued in entry.issued if entry is not None else ():
                if (issued.contract_id, issued.line_id) == key and issued.account in REVENUE and issued.invoiced:
                    yield from self._invoiced(entry_id, *key, step)

    def _invoiced(self, entry_id: str, contract_id: str, line_id: str, step: int) -> Iterator[Node]:
        yield self.records.invoiced_on(entry_id, contract_id, {line_id}, step)
        yield from self.records.statements.credits.conceded(entry_id, contract_id, line_id, step)

    def by_hours(self, line: PricedLine) -> Node:
        """What time earned by itself on a line on which every hour does."""
        title, currency = f"line {line.earning.line_id}: earned by hours", line.earning.currency
        if not line.earning.rated:
            return constant(f"line {line.earning.line_id}: hours earn nothing", 0, "amount", currency)
        nodes = [
            self.records.recognised(entry_id, line.step)
            for entry_id in sorted(self.sources.trace.entry_ids())
            if (price := self._time_on(line, entry_id)) is not None and price.earns
        ]
        key = (line.earning.contract_id, line.earning.line_id)
        nodes += [
            node
            for entry_id, issued, node in self.records.rows_as_billed(line.step)
            if (issued.contract_id, issued.line_id) == key and counted_as(named(entry_id)[0]) == COUNTED_TIME
        ]
        return total(title, nodes, "amount", currency)

    def _time_on(self, line: PricedLine, entry_id: str) -> Price | None:
        at = self.entries.standing(entry_id, line.step)
        price = at.work.price if at is not None else None
        key = (line.earning.contract_id, line.earning.line_id)
        if price is None or (price.contract_id, price.line_id) != key or price.content != COUNTED_TIME:
            return None
        return price

    def included(self, line: PricedLine) -> Included:
        """Hours that milestones include and nobody has drawn, and the rate of those beyond."""
        agreed = line.ahead.known.held[-1]
        terms = agreed.line.terms
        assert isinstance(terms, Milestones), "only their hours are included for the whole term"
        nodes = [
            self.fees.field(
                line.place,
                agreed,
                f"included by {one.name}",
                one.included_hours,
                f"milestones[{number}].included_hours",
                "hours",
            )
            for number, one in enumerate(terms.milestones)
            if one.included_hours
        ]
        drawn = [node for at, price in self._priced_on(line) for node in self.entries.drawing.all_drawn(at, price)]
        rest = less("not drawn yet", total("included", nodes, "hours"), *drawn)
        rate = self.fees.field(line.place, agreed, "overage rate", terms.overage_rate or 0, "overage_rate", "rate")
        return Included(Recorded(most("still included", rest, constant("nothing", 0, "hours"))), Recorded(rate))

    def _priced_on(self, line: PricedLine) -> Iterator[tuple[VersionStanding, Price]]:
        key = (line.earning.contract_id, line.earning.line_id)
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, line.step)
            price = at.work.price if at is not None else None
            if at is not None and price is not None and (price.contract_id, price.line_id) == key:
                yield at, price

    # When it is earned and charged

    def charges(self, line: PricedLine, as_of: date) -> list[tuple[ToCharge, Node]]:
        """Fees that are still to be charged."""
        found = []
        for fee in to_charge(line.draft, line.earning, line.ahead, as_of):
            made = self.fees.charged_by(line.place, fee.name, _until(line))
            if fee.name == SETTLEMENT:
                made = self._settled(line, fee)
            assert made is not None, "the terms have the fee"
            found.append((fee, as_recorded(fee.amount, made).node))
        return found

    def _settled(self, line: PricedLine, fee: ToCharge) -> Node | None:
        """What is earned by the last day, less all that the line charges besides."""
        if self.fees.earned_by is None:
            return None
        besides = self.fees.all_charged(line.place, _until(line))
        return less("settlement", self.fees.earned_by(line.place, fee.day), *besides)

    def weights(self, line: PricedLine, as_of: date) -> list[tuple[str, Node | None]]:
        """Months in which what is left is earned, by what is earned or charged in each; None where it is a single one."""
        charges = self.charges(line, as_of)
        months = months_ahead(line.ahead, as_of)
        found = weights(months, [fee for fee, _ in charges], as_of)
        if len(found) == 1:
            return [(found[0][0], None)]
        if months:
            return [(month.name, self._earned_in(line, month)) for month, _ in months]
        return [(name, self._charged_in(line, name, charges)) for name, _ in found]

    def _earned_in(self, line: PricedLine, month: PriceMonth) -> Node:
        assert self.fees.earned_by is not None, "the nodes of charges fill it"
        upto, before = (self.fees.earned_by(line.place, day) for day in (month.last, month.first - DAY))
        nothing = constant("nothing", 0, "amount", line.earning.currency)
        return most(f"earned in {month.name}", less(f"earned by {month.last}", upto, before), nothing)

    def _charged_in(self, line: PricedLine, name: str, charges: Sequence[tuple[ToCharge, Node]]) -> Node:
        nodes = [node for fee, node in charges if fee.day.isoformat()[:7] == name and fee.amount > 0]
        return total(f"charged in {name}", nodes, "amount", line.earning.currency)

    def to_deliver(self, line: PricedLine) -> Node:
        """Units agreed and not delivered: what they come to, less what the line's rows may bill."""
        key, currency = (line.earning.contract_id, line.earning.line_id), line.earning.currency
        nodes = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, line.step)
            price = at.work.price if at is not None else None
            if price is not None and (price.contract_id, price.line_id) == key and price.billable + price.rounding:
                nodes.append(self.records.billable(entry_id, line.step))
        rest = less("agreed and not delivered", self._total(line), *nodes)
        return most(rest.title, rest, constant("nothing", 0, "amount", currency))


def _until(line: PricedLine) -> date:
    return max((fee.day for fee in line.ahead.fees), default=date.min)
