"""What a forecast expects to be paid beside what is billed: less what customers keep and deposits pay, more what is released.

The walk of `state/forecast/kept_back.py` says what of each bill has which cause; here that is made of nodes once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from domain.billing.funding import by_source, draw, take
from domain.events.common import Deposit
from domain.explanation import Node, constant, evaluated, in_proportion, least, less, negated, total
from domain.figure import Recorded, as_recorded, node_of
from domain.reference.exchange import SAME_CURRENCY
from domain.why import in_terms
from milepost.explain.forecasts import ForecastContext, ForecastNodes
from milepost.explain.sources import Sources
from milepost.explain.statements import StatementNodes
from state.billing.funding import is_ever_funded
from state.books import Contract
from state.forecast.expected import ExpectedBill, paid_on
from state.forecast.funded import drawing_order
from state.forecast.kept_back import Applied, ExpectedWithholding, deposits_of, kept_back
from state.forecast.outlook import keeps_back, project_contracts
from state.forecast.tracks import rate_to
from state.terms.plan import LinePlan, contract_policies, terms_on


class Bill(NamedTuple):
    """What one payer is expected to be billed, in project currency."""

    bill: ExpectedBill
    node: Node


class CashNodes:
    def __init__(self, sources: Sources, statements: StatementNodes, forecasts: ForecastNodes) -> None:
        self.sources = sources
        self.statements = statements
        self.forecasts = forecasts

    def due(self, statement_id: str, project_id: str, billed: Node) -> Node:
        """What a statement bills of a project, less what it withholds and deposits pay, more what it releases."""
        kept = [negated("retained", one) for one in self.statements.retention.moved_of(statement_id, project_id)]
        applied = [
            self.statements.applied(one)
            for one in self.statements.applied_on(statement_id)
            if self._project(statement_id, one.entry.line_id) == project_id
        ]
        if not kept and not applied:
            return billed
        return total(f"due of statement {statement_id}", (billed, *kept, *applied), "amount", billed.currency)

    def is_of(self, statement_id: str, project_id: str) -> bool:
        """Whether a statement moves what is retained or billed of a deposit in a project."""
        record = self.statements.records(statement_id)[0]
        if not (record.retained or record.released or record.deposits_applied):
            return False
        return bool(self.statements.retention.moved_of(statement_id, project_id)) or any(
            self._project(statement_id, one.entry.line_id) == project_id
            for one in self.statements.applied_on(statement_id)
        )

    def _project(self, statement_id: str, line_id: str) -> str:
        draft = self.sources.draft(self.sources.trace.statements[statement_id][0].step)
        project_id: str = draft.line(self.statements.head(statement_id).contract_id, line_id).project_id
        return project_id

    def deposit(self, plan: LinePlan, terms: Deposit) -> Node:
        """One that is due on a day to come."""
        title = f"deposit of line {plan.line.line_id}"
        made = in_terms(title, terms.amount, "amount", plan.terms, "terms.amount", plan.line.line_id)
        return self.statements.recorded.bound(made)

    # What is to come

    def by_payer(self, own: ForecastContext, bills: list[Bill]) -> list[Bill]:
        """What sources fund falls to those that they pay for, in the order in which the bills are cut."""
        for contract in project_contracts(own.draft, own.update.project_id):
            if is_ever_funded(contract):
                others = [one for one in bills if one.bill.contract_id != contract.contract_id]
                theirs = [one for one in bills if one.bill.contract_id == contract.contract_id]
                bills = [*others, *self._drawn(own, contract, theirs)]
        return bills

    def _drawn(self, own: ForecastContext, contract: Contract, bills: list[Bill]) -> Iterator[Bill]:
        funding = self.statements.funding
        uses = funding.uses(contract.contract_id, own.said.step)
        for bill, node in sorted(bills, key=lambda one: drawing_order(one.bill)):
            pays = funding.recorded(terms_on(contract, bill.billed))
            if bill.bill_to or pays is None:
                yield Bill(bill, node)
                continue
            portions = draw(Recorded(node), pays, uses, contract.terms.currency).portions
            take(uses, by_source(portions))
            for customer_id in dict.fromkeys(source.bill_to for source in pays.sources):
                paid = by_source(portions, customer_id)
                nodes = [node_of(amount, f"{one} pays", currency=own.currency) for one, amount in paid.items()]
                falls = total(f"falls to {customer_id}", nodes, "amount", own.currency)
                if falls.value:
                    month = paid_on(own.draft, customer_id, bill.billed).isoformat()[:7]
                    yield Bill(bill._replace(bill_to=customer_id, paid=month, amount=falls.value), falls)

    def cash(self, own: ForecastContext, bills: Sequence[Bill]) -> list[tuple[str, Node]]:
        """In project currency, by the month in which it is paid."""
        found: list[tuple[str, Node]] = []
        for contract in project_contracts(own.draft, own.update.project_id):
            if keeps_back(contract):
                theirs = [one for one in bills if one.bill.contract_id == contract.contract_id]
                found += _Walk(self, own, contract, theirs).cash()
        return found


class _Walk:
    """One contract's bills to come, with what its bill-tos' accounts stand at before each."""

    def __init__(self, nodes: CashNodes, own: ForecastContext, contract: Contract, bills: Sequence[Bill]) -> None:
        self.nodes = nodes
        self.own = own
        self.contract = contract
        self.bills = bills
        self.deposits = {plan.line.line_id: (plan, terms) for plan, terms in deposits_of(own.draft, contract)}
        self.mode = contract_policies(own.draft, contract).money_mode
        self.parameters: dict[str, Any] = {"step": own.step, "mode": self.mode}
        self.left: dict[str, Node] = {}
        self.billed: dict[str, Node] = {}
        self.available: dict[tuple[str, str], Node] = {}
        self.billed_until: dict[tuple[str, str], date] = {}

    def cash(self) -> Iterator[tuple[str, Node]]:
        own, currency = self.own, self.contract.terms.currency
        rate = rate_to(own.draft, own.policies, currency, own.currency, own.update.as_of) or SAME_CURRENCY
        project = own.draft.project(own.update.project_id)
        bills = [one.bill for one in self.bills]
        for kept in kept_back(own.draft, project, self.contract, bills, rate, own.currency, own.update.as_of):
            node = self._cash(kept)
            if kept.cash:
                yield kept.paid, as_recorded(kept.cash, node).node

    def _cash(self, kept: ExpectedWithholding) -> Node:
        """What is released, less what is withheld and what deposits pay."""
        gross = self._gross(kept)
        left = self._left(kept.bill_to)
        withheld = self._withheld(kept, gross, left)
        released = self._released(kept, left)
        self.left[kept.bill_to] = less(
            "retained", total("retained", (left, withheld), "amount", self.own.currency), released
        )
        self.billed[kept.bill_to] = total("billed", (self._billed(kept.bill_to), gross), "amount", self.own.currency)
        parts = [released] if released.value else []
        parts += [negated("expected to be retained", withheld)] if withheld.value else []
        rest = less("not retained", gross, withheld) if (withheld.value or 0) > 0 else gross
        for one in kept.applied:
            paid = self._applied(kept, one, gross, rest)
            rest = less("left of the bill", rest, paid)
            parts.append(negated("expected to be paid by a deposit", paid))
        return total(f"beside the bill of {kept.day}", parts, "amount", self.own.currency)

    def _gross(self, kept: ExpectedWithholding) -> Node:
        """Without deposits."""
        nodes = [
            node
            for bill, node in self.bills
            if (bill.billed, bill.bill_to, bill.paid) == (kept.day, kept.bill_to, kept.paid)
            and bill.line_id not in self.deposits
        ]
        return total(f"expected to be billed on {kept.day}", nodes, "amount", self.own.currency)

    # What is retained

    def _left(self, bill_to: str) -> Node:
        if bill_to not in self.left:
            retention, own = self.nodes.statements.retention, self.own
            made = retention.left_at(self.contract, bill_to, own.update.project_id, own.said.step)
            self.left[bill_to] = self._here(made)
        return self.left[bill_to]

    def _billed(self, bill_to: str) -> Node:
        if bill_to not in self.billed:
            retention = self.nodes.statements.retention
            self.billed[bill_to] = self._here(retention.billed_at(self.contract, bill_to, self.own.said.step))
        return self.billed[bill_to]

    def _here(self, node: Node) -> Node:
        return self.nodes.forecasts.converted(node, self.contract.terms.currency, self.own)

    def _withheld(self, kept: ExpectedWithholding, gross: Node, left: Node) -> Node:
        held, title = kept.withholding, f"retained of the bill of {kept.day}"
        if not held.withheld:
            return constant("nothing is retained", 0, "amount", self.own.currency)
        if held.by_step is not None:
            percent = self._percent(kept.day, held.by_step, "withhold_percent")
            return self._share(title, gross, percent)
        billed, taken = self._billed(kept.bill_to), negated("billed below zero", gross)
        if (taken.value or 0) >= (billed.value or 0):
            return negated(title, left)
        back = least("taken back", [left, in_proportion("of what was billed", left, taken, billed, self.mode)])
        return negated(title, back)

    def _released(self, kept: ExpectedWithholding, left: Node) -> Node:
        held, title = kept.withholding, f"released on {kept.day}"
        if not held.released:
            return constant("nothing is released", 0, "amount", self.own.currency)
        if held.frees_step is None:
            return left._replace(title=title, rule="R32")
        return self._share(title, left, self._percent(kept.day, held.frees_step, "release_percent"))

    def _share(self, title: str, whole: Node, percent: Node) -> Node:
        return evaluated(
            title, "percent_of", (whole, percent), self.parameters, "amount", self.own.currency, rule="R32"
        )

    def _percent(self, day: date, place: int, name: str) -> Node:
        terms = terms_on(self.contract, day)
        assert terms.retention is not None, "a step of it decides"
        return self.nodes.statements.retention.step_field(terms, terms.retention, place, name)

    # What deposits pay

    def _applied(self, kept: ExpectedWithholding, one: Applied, gross: Node, rest: Node) -> Node:
        key = (one.line_id, kept.bill_to)
        available = self._available(*key, kept.day)
        bounds = [rest, available]
        if one.by_percent:
            bounds = [self._by_percent(one.line_id, gross), *bounds]
        paid = least(f"paid by the deposit of line {one.line_id}", bounds, rule="R31")
        self.available[key] = less(f"left of the deposit of line {one.line_id}", available, paid)
        return paid

    def _available(self, line_id: str, bill_to: str, day: date) -> Node:
        """What was billed of it before a day, less what it paid."""
        key, own = (line_id, bill_to), self.own
        if key not in self.available:
            at = self.nodes.statements.left_of_deposit(self.contract.contract_id, line_id, bill_to, own.said.step)
            self.available[key] = self._here(at)
        since = self.billed_until.get(key, date.min)
        self.billed_until[key] = day
        nodes = [
            node for bill, node in self.bills if (bill.line_id, bill.bill_to) == key and since <= bill.billed < day
        ]
        if nodes:
            title = f"left of the deposit of line {line_id}"
            self.available[key] = total(title, (self.available[key], *nodes), "amount", own.currency)
        return self.available[key]

    def _by_percent(self, line_id: str, gross: Node) -> Node:
        plan, terms = self.deposits[line_id]
        made = in_terms("of each statement", terms.percent or 0, "percent", plan.terms, "terms.percent", line_id)
        return self._share("share of the bill", gross, self.nodes.statements.recorded.bound(made))
