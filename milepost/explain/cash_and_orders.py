"""What a project's view lists beside its balances: sources that fund, purchase orders, and cash that is applied to no invoice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from domain.explanation import Node, constant, less, most, total
from domain.figure import as_recorded
from domain.identity import escape
from domain.outputs import ViewBalance, ViewOrder, ViewSource, ViewUnapplied
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.billing.orders import ordered
from state.caps.claims import allotments
from state.receivables.cash_record import unapplied_at
from state.trace import TracedOutput

SOURCES, ORDERS, UNAPPLIED = "sources", "orders", "unapplied"
FIGURES = ("limit", "used", "left")


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
                for one in FIGURES:
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
        """What drafts keep is not left any more, and a limit below what is used leaves nothing."""
        title, of = f"source {source.source_id}: {name}", (balance.contract_id, source.source_id, said.step)
        used = self.nodes.funding.used(*of)
        made = used if name == "used" else given(self.nodes.funding.limit(*of), title)
        if name == "left":
            kept = self.nodes.drafted.claims(balance.contract_id, None, said.step).get(source.source_id, ())
            of_drafts = (total("kept by drafts", list(kept), "amount", balance.currency, rule="R26"),) if kept else ()
            made = less(title, made, used, *of_drafts, rule="R33")
            if (made.value or 0) < 0:
                made = most(title, made, constant("nothing", 0, "amount", balance.currency))
        made = as_recorded(getattr(source, name), made._replace(title=title)).node
        return made._replace(id=f"{whose}#{SOURCES}/{escape(source.source_id)}/{name}")

    def order(self, said: TracedOutput, balance: ViewBalance, order: ViewOrder, whose: str) -> Node:
        figures = tuple(self.figure(said, balance, order, whose, name) for name in FIGURES)
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
        return self.nodes.caps.taken(plan, (rule.cap_id, ""), allotments(plan)[-1], said.step, by_hours=False)

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
    return [name for name in FIGURES if getattr(source, name) is not None]
