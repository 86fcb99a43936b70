"""What a project's view lists beside its balances: sources that fund, purchase orders, and cash that is applied to no invoice."""

from __future__ import annotations

from collections.abc import Iterator

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
    def part(self, said: TracedOutput, balances: tuple[ViewBalance, ...], whose: str, name: str) -> Node | None:
        """`orders/NUMBER` and `orders/NUMBER/used`, `sources/SOURCE` likewise, `unapplied/PAYMENT` and `unapplied/PAYMENT/COMPANY`."""
        kind, _, rest = name.partition("/")
        wanted, _, figure = rest.partition("/")
        if kind == SOURCES:
            funds = [(each, one) for each in balances for one in each.sources if escape(one.source_id) == wanted]
            if len(funds) != 1:
                return None
            named = {one.id: one for one in self._of_source(said, *funds[0], whose)}
            return named.get(f"{whose}#{name}") if figure else self.source(said, *funds[0], whose)
        if kind == ORDERS:
            found = [(each, one) for each in balances for one in each.orders if escape(one.number) == wanted]
            if len(found) != 1 or figure not in ("", *FIGURES):
                return None
            return self.figure(said, *found[0], whose, figure) if figure else self.order(said, *found[0], whose)
        if kind == UNAPPLIED:
            cash = [
                one
                for one in said.record.unapplied
                if escape(one.payment_id) == wanted and figure in ("", escape(one.legal_entity_id))
            ]
            return self.unapplied(said, cash[0]) if len(cash) == 1 else None
        return None

    def source(self, said: TracedOutput, balance: ViewBalance, source: ViewSource, whose: str) -> Node:
        facts = (("contract", balance.contract_id), ("bill to", source.bill_to))
        name = f"{whose}#{SOURCES}/{escape(source.source_id)}"
        figures = tuple(self._of_source(said, balance, source, whose))
        return Node(f"source {source.source_id}", facts=facts, why=figures, id=name)

    def _of_source(self, said: TracedOutput, balance: ViewBalance, source: ViewSource, whose: str) -> Iterator[Node]:
        """Without a limit what is used alone; what drafts keep is not left any more, and a limit below what is used leaves nothing."""
        title = f"source {source.source_id}"
        used = self.nodes.funding.used(balance.contract_id, source.source_id, said.step)
        limit = self.nodes.funding.limit(balance.contract_id, source.source_id, said.step)
        made: dict[str, Node | None] = {"limit": limit, "used": used}
        if limit is not None:
            kept = self.nodes.drafted.claims(balance.contract_id, None, said.step).get(source.source_id, ())
            of_drafts = (total("kept by drafts", list(kept), "amount", balance.currency, rule="R26"),) if kept else ()
            left = less(f"{title}: left", limit, used, *of_drafts, rule="R33")
            nothing = constant("nothing", 0, "amount", balance.currency)
            made["left"] = most(f"{title}: left", left, nothing) if (left.value or 0) < 0 else left
        for name, node in made.items():
            value = getattr(source, name)
            if value is not None:
                found = as_recorded(value, given(node, f"{title}: {name}")._replace(title=f"{title}: {name}"))
                yield found.node._replace(id=f"{whose}#{SOURCES}/{escape(source.source_id)}/{name}")

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
        contract = draft.contract(balance.contract_id)
        assert contract is not None, "a balance is of a contract in the books"
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
