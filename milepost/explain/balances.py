"""Balances of a project as its view tells them, each the sum of what its entries give to it; and what the view lists beside them: sources
that fund, purchase orders, and cash that is applied to no invoice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from domain.accounts import RECEIVABLE
from domain.capabilities import REFUND_LIABILITY
from domain.explanation import Node, less, negated, total
from domain.figure import as_recorded, node_titled
from domain.identity import escape
from domain.outputs import (
    CurrencyAmount,
    JournalEntry,
    ProjectView,
    ViewBalance,
    ViewBurn,
    ViewOrder,
    ViewSource,
    ViewUnapplied,
)
from milepost.explain.caps import TakenOfCap
from milepost.explain.nodes import Nodes, once
from milepost.words import figure_words
from state.billing.balances import LineBalances, balances_of, burn_of
from state.billing.funding import sources_of
from state.billing.orders import ordered
from state.caps.claims import allotments
from state.forecast.outlook import project_terms, sums_on
from state.receivables.cash_record import unapplied_at
from state.trace import TracedOutput

SOURCES, ORDERS, UNAPPLIED = "sources", "orders", "unapplied"
LISTED = ("limit", "used", "left")


class CashAndOrderNodes(Nodes):
    def parts(
        self, said: TracedOutput, balances: Iterable[ViewBalance], whose: str
    ) -> Iterator[tuple[str, Callable[[], Node]]]:
        """`orders/NUMBER` and `orders/NUMBER/used`, `sources/SOURCE` likewise, `unapplied/PAYMENT` and `unapplied/PAYMENT/COMPANY`."""
        for each in balances:
            for source in each.sources:
                name = f"{SOURCES}/{escape(source.source_id)}"
                yield name, partial(self.source, said, each, source, whose)
                for one in _figures_of(source):
                    yield f"{name}/{one}", partial(self._of_source, said, each, source, whose, one)
            for order in each.orders:
                name = f"{ORDERS}/{escape(order.number)}"
                yield name, partial(self.order, said, each, order, whose)
                for one in LISTED:
                    yield f"{name}/{one}", partial(self.figure, said, each, order, whose, one)
        for cash in said.record.unapplied:
            for of in (escape(cash.payment_id), f"{escape(cash.payment_id)}/{escape(cash.legal_entity_id)}"):
                yield f"{UNAPPLIED}/{of}", partial(self.unapplied, said, cash)

    def source(self, said: TracedOutput, balance: ViewBalance, source: ViewSource, whose: str) -> Node:
        facts = (("contract", balance.contract_id), ("bill to", source.bill_to))
        name = f"{whose}#{SOURCES}/{escape(source.source_id)}"
        figures = tuple(self._of_source(said, balance, source, whose, each) for each in _figures_of(source))
        return Node(f"source {source.source_id}", facts=facts, why=figures, id=name)

    def _of_source(self, said: TracedOutput, balance: ViewBalance, source: ViewSource, whose: str, name: str) -> Node:
        """As their rule has them of the books."""
        books, title = self.nodes.books.at(said.step), f"source {source.source_id}: {name}"
        sources = sources_of(books, books.contract_in_books(balance.contract_id))
        number = next(getattr(one, name) for one in sources if one.source_id == source.source_id)
        made = self.recorded.bound(node_titled(number, title, currency=balance.currency))
        made = as_recorded(getattr(source, name), made).node
        return made._replace(id=f"{whose}#{SOURCES}/{escape(source.source_id)}/{name}")

    def order(self, said: TracedOutput, balance: ViewBalance, order: ViewOrder, whose: str) -> Node:
        figures = tuple(self.figure(said, balance, order, whose, name) for name in LISTED)
        since = f"{order.effective_from}" if order.effective_from is not None else "the contract's beginning"
        facts = (("contract", balance.contract_id), ("work from", since))
        title = f"purchase order {order.number}"
        return Node(title, facts=facts, why=figures, id=f"{whose}#{ORDERS}/{escape(order.number)}")

    def figure(self, said: TracedOutput, balance: ViewBalance, order: ViewOrder, whose: str, name: str) -> Node:
        title = f"purchase order {order.number}: {name}"
        if name == "left":
            made = less(
                title, *(self.figure(said, balance, order, whose, each) for each in ("limit", "used")), rule="R21"
            )
        else:
            made = self._of_cap(said, balance, order, name)._replace(title=title)
        made = as_recorded(getattr(order, name), made).node
        return made._replace(id=f"{whose}#{ORDERS}/{escape(order.number)}/{name}")

    def _of_cap(self, said: TracedOutput, balance: ViewBalance, order: ViewOrder, name: str) -> Node:
        draft = self.sources.draft(said.step)
        contract = draft.contract_in_books(balance.contract_id)
        plan, rule = next(one for one in ordered(draft, contract) if one.number == order.number)
        if name == "limit":
            return self.nodes.caps.newest_limit(plan, rule, (rule.cap_id, ""))
        return self.nodes.caps.taken(TakenOfCap(plan, (rule.cap_id, ""), allotments(plan)[-1]), said.step)

    def unapplied(self, said: TracedOutput, cash: ViewUnapplied) -> Node:
        """On 1120 by journals here, less what invoices of other engagements took."""
        address = unapplied_at(cash.payment_id, cash.legal_entity_id)
        made = self.recorded.of(address, said.step, cash.amount)
        made = made._replace(title=f"payment {cash.payment_id}: unapplied")
        name = f"{UNAPPLIED}/{escape(cash.payment_id)}/{escape(cash.legal_entity_id)}"
        facts = (("customer", cash.customer_id), ("company", cash.legal_entity_id))
        return made._replace(id=f"{said.record.project_id}#{name}", facts=facts)


def _figures_of(source: ViewSource) -> list[str]:
    """Without a limit what is used alone."""
    return [name for name in LISTED if getattr(source, name) is not None]


# Figures of a contract's balance on a project.
FIGURES = (
    "accrued", "held", "over_cap", "unbilled", "billed", "invoiced", "recognised", "contract_position", "written_off", "paid",
    "receivable", "bad_debt", "retention", "owed_back",
)  # fmt: skip

POSITIONS = ("unbilled", "contract_position")
# Those of receivables, by the purpose of the lines on 1100 that they count; None for all.
OWED: Mapping[str, str | None] = {"paid": "receipt", "bad_debt": "write_off", "receivable": None}


class BalanceNodes(Nodes):
    def view(self, said: TracedOutput) -> Node:
        """Every figure of a project's view."""
        view: ProjectView = said.record
        balances = tuple(self.balance(said, balance) for balance in view.balances)
        upon = Node("published upon", event=self.sources.cause(said.step))
        facts = (
            ("contract group", view.engagement_id),
            *((("company", view.legal_entity_id),) if view.legal_entity_id else ()),
            ("revision", str(view.view_version)),
            *((("open statements", ", ".join(view.open_statements)),) if view.open_statements else ()),
        )
        name = f", {view.name}" if view.name else ""
        cash = (self.nodes.listed.unapplied(said, one) for one in view.unapplied)
        burn = (make() for _, make in self.burn(said))
        why = (
            *burn,
            *balances,
            *cash,
            *(make() for _, make in self.nodes.retainers.parts(said)),
            *self._exceptions(view),
            upon,
        )
        return Node(f"Project {view.project_id}{name}", facts=facts, why=why, id=view.project_id)

    def _exceptions(self, view: ProjectView) -> Iterable[Node]:
        for one in view.open_exceptions:
            yield Node(f"open exception {one.category}", facts=(("owner", one.owner_role),), id=one.exception_id)

    @once
    def asked(self, project_id: str, step: int) -> tuple[ViewBurn, dict[str, LineBalances]]:
        """What the rules of a view make of the books that it was published from."""
        draft = self.nodes.books.at(step)
        balances = {
            each.contract_id: balances_of(draft, project_id, each, sums_on(draft, project_id, each.contract_id))
            for each in project_terms(draft, project_id).contracts
        }
        return burn_of(draft.project(project_id)), balances

    def _node(self, published: int, number: int, title: str, unit: str = "amount", currency: str = "") -> Node:
        made = node_titled(number, title, unit, currency)
        return as_recorded(published, self.recorded.bound(made)).node

    # Burn

    def burn(self, said: TracedOutput) -> list[tuple[str, Callable[[], Node]]]:
        """By ids."""
        of, burn = said.record.project_id, said.record.burn
        hours = (("hours", "hours"), ("hours_charged", "billable_hours"))
        return [
            *((f"{of}#{name}", partial(self._hours, said, f"{of}#{name}", field)) for name, field in hours),
            *self._amounts(said, "cost", "cost", burn.cost),
            *self._amounts(said, "value_not_charged", "nonbillable_value", burn.nonbillable_value),
        ]

    def _hours(self, said: TracedOutput, id_: str, field: str) -> Node:
        published, (made, _) = said.record.burn, self.asked(said.record.project_id, said.step)
        title = f"{said.record.project_id}: {figure_words(id_.partition('#')[2])}"
        return self._node(getattr(published, field), getattr(made, field), title, "hours")._replace(id=id_)

    def _amounts(
        self, said: TracedOutput, name: str, field: str, amounts: Sequence[CurrencyAmount]
    ) -> Iterator[tuple[str, Callable[[], Node]]]:
        for one in amounts:
            id_ = f"{said.record.project_id}#{name}" + (f"/{one.currency}" if len(amounts) > 1 else "")
            yield id_, partial(self._amount, said, id_, field, one)

    def _amount(self, said: TracedOutput, id_: str, field: str, published: CurrencyAmount) -> Node:
        found = getattr(self.asked(said.record.project_id, said.step)[0], field)
        number = next((one.amount for one in found if one.currency == published.currency), 0)
        title = f"{said.record.project_id}: {figure_words(field if field == 'cost' else 'value_not_charged')}"
        made = self._node(published.amount, number, title, "amount", published.currency)
        return made._replace(id=id_, rule="R22" if field == "cost" else made.rule)

    # Balances of a contract

    def balance(self, said: TracedOutput, balance: ViewBalance) -> Node:
        whose = f"{said.record.project_id}/{balance.contract_id}"
        figures = tuple(self.figure(said, balance, name) for name in FIGURES)
        sources = (self.nodes.listed.source(said, balance, one, whose) for one in balance.sources)
        orders = (self.nodes.listed.order(said, balance, one, whose) for one in balance.orders)
        title = f"contract {balance.contract_id} in {balance.currency}"
        return Node(title, why=(*figures, *sources, *orders), id=whose)

    def figure(self, said: TracedOutput, balance: ViewBalance, name: str) -> Node:
        project_id = said.record.project_id
        title = f"{project_id}: {figure_words(name)}"
        value: int = getattr(balance, name)
        if name in OWED:
            made = self._owed(said, balance, name, title)
        elif name == "owed_back":
            made = negated(title, self._on_account(said, balance, REFUND_LIABILITY, title))
        elif name == "retention":
            retention = self.nodes.retention
            made = retention.posted(balance.contract_id, project_id, said.step, title, balance.currency)
        else:
            number = getattr(self.asked(project_id, said.step)[1][balance.contract_id], name)
            made = self._node(value, number, title, "amount", balance.currency)
            made = made._replace(rule="R46") if name in POSITIONS else made
        made = as_recorded(value, made).node
        several = len(said.record.balances) > 1
        whose = f"{project_id}/{balance.contract_id}" if several else project_id
        return made._replace(id=f"{whose}#{name}")

    def _owed(self, said: TracedOutput, balance: ViewBalance, name: str, title: str) -> Node:
        """What journals have on 1100 in the project; what was taken off it by payments, or by write-offs."""
        moved = self._on_account(said, balance, RECEIVABLE, title, OWED[name])
        return moved if name == "receivable" else negated(title, moved)

    def _on_account(
        self, said: TracedOutput, balance: ViewBalance, account: str, title: str, purpose: str | None = None
    ) -> Node:
        project_id, journal_lines = said.record.project_id, self.nodes.lines
        lines = [
            journal_lines.leg(other.record, number)[0]
            for other in self.sources.trace.said_of(JournalEntry)
            if other.step <= said.step and other.record.contract_id == balance.contract_id
            for number, line in enumerate(other.record.lines, 1)
            if line.account == account and (line.project_id or "") == project_id and purpose in (None, line.purpose)
        ]
        return total(title, lines, "amount", balance.currency)
