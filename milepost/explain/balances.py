"""Balances of a project as its view tells them: each the sum of what its entries give to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from domain.accounts import CUSTOMER_DEPOSIT, RECEIVABLE
from domain.capabilities import REFUND_LIABILITY
from domain.explanation import Node, less, negated, total
from domain.figure import as_recorded
from domain.outputs import CurrencyAmount, ProjectView, ViewBalance
from milepost.explain.cash_and_orders import CashAndOrderNodes
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.records import RecordNodes
from milepost.explain.retainers_left import RetainerLeftNodes
from milepost.explain.sources import Sources
from milepost.figure_words import figure_words
from state.billing.held import scopes_of
from state.billing.payers import payers_of
from state.books import Entry, Hold
from state.forecast.outlook import lines_of, project_contracts
from state.totals import standing_price
from state.trace import TracedOutput

# Figures of a contract's balance on a project.
FIGURES = (
    "accrued", "held", "over_cap", "unbilled", "billed", "invoiced", "recognised", "contract_position", "written_off", "paid",
    "receivable", "bad_debt", "retention", "owed_back",
)  # fmt: skip

# Those of receivables, by the purpose of the lines on 1100 that they count; None for all.
OWED: Mapping[str, str | None] = {"paid": "receipt", "bad_debt": "write_off", "receivable": None}


class BalanceNodes:
    def __init__(
        self,
        sources: Sources,
        entries: EntryNodes,
        records: RecordNodes,
        listed: CashAndOrderNodes,
        retainers: RetainerLeftNodes,
    ) -> None:
        self.sources = sources
        self.entries = entries
        self.records = records
        self.listed = listed
        self.retainers = retainers

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
        cash = (self.listed.unapplied(said, one) for one in view.unapplied)
        burn = (make() for _, make in self.burn(said))
        why = (*burn, *balances, *cash, *self.retainers.all(said), *self._exceptions(view), upon)
        return Node(f"Project {view.project_id}{name}", facts=facts, why=why, id=view.project_id)

    def _exceptions(self, view: ProjectView) -> Iterable[Node]:
        for one in view.open_exceptions:
            yield Node(f"open exception {one.category}", facts=(("owner", one.owner_role),), id=one.exception_id)

    # Burn

    def burn(self, said: TracedOutput) -> list[tuple[str, Callable[[], Node]]]:
        """By ids; each is a walk over all entries, made when it is asked for."""
        of, burn = said.record.project_id, said.record.burn
        of_cost = f"{of}#cost/{{}}" if len(burn.cost) > 1 else f"{of}#cost"
        costs = [(of_cost.format(cost.currency), cost) for cost in burn.cost]
        memos = burn.nonbillable_value
        of_memo = f"{of}#value_not_charged/{{}}" if len(memos) > 1 else f"{of}#value_not_charged"
        return [
            (f"{of}#hours", partial(self._worked, said, f"{of}#hours")),
            (f"{of}#hours_charged", partial(self._charged, said, f"{of}#hours_charged")),
            *((id_, partial(self._cost, said, id_, cost)) for id_, cost in costs),
            *((id_ := of_memo.format(one.currency), partial(self._memo, said, id_, one)) for one in memos),
        ]

    def _worked(self, said: TracedOutput, id_: str) -> Node:
        entries = self._entries(said, self._hours)
        made = self._sum(f"{said.record.project_id}: hours", entries, "hours", "", said.record.burn.hours)
        return made._replace(id=id_)

    def _charged(self, said: TracedOutput, id_: str) -> Node:
        entries, title = self._entries(said, self._hours_charged), f"{said.record.project_id}: hours charged"
        return self._sum(title, entries, "hours", "", said.record.burn.billable_hours)._replace(id=id_)

    def _cost(self, said: TracedOutput, id_: str, cost: CurrencyAmount) -> Node:
        of = said.record.project_id

        def node(at: VersionStanding) -> Node | None:
            own = at.work.cost
            return self.records.cost(at, own) if own is not None and own.currency == cost.currency else None

        made = self._sum(f"{of}: cost", self._entries(said, node), "amount", cost.currency, cost.amount)
        return made._replace(id=id_, rule="R22")

    def _memo(self, said: TracedOutput, id_: str, memo: CurrencyAmount) -> Node:
        of = said.record.project_id

        def node(at: VersionStanding) -> Node | None:
            price = at.work.price
            if price is None or not price.memo or price.currency != memo.currency:
                return None
            return self.records.value_not_charged(at, price)

        made = self._sum(f"{of}: value not charged", self._entries(said, node), "amount", memo.currency, memo.amount)
        return made._replace(id=id_)

    def _hours(self, at: VersionStanding) -> Node | None:
        return self.entries.worked_on(at) if at.work.cost is not None else None

    def _hours_charged(self, at: VersionStanding) -> Node | None:
        price = at.work.price
        return self.records.hours_here(at, price) if price is not None and price.hours else None

    def _entries(self, said: TracedOutput, node: Callable[[VersionStanding], Node | None]) -> list[Node]:
        """Of every entry of the project that is in the books."""
        found = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, said.step)
            if at is not None and at.work.project_id == said.record.project_id:
                made = node(at)
                if made is not None and made.value:
                    found.append(made)
        return found

    def _sum(self, title: str, operands: list[Node], unit: str, currency: str, value: int) -> Node:
        return as_recorded(value, total(title, operands, unit, currency)).node

    # Balances of a contract

    def balance(self, said: TracedOutput, balance: ViewBalance) -> Node:
        whose = f"{said.record.project_id}/{balance.contract_id}"
        figures = tuple(self.figure(said, balance, name) for name in FIGURES)
        sources = (self.listed.source(said, balance, one, whose) for one in balance.sources)
        orders = (self.listed.order(said, balance, one, whose) for one in balance.orders)
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
            retention = self.records.statements.retention
            made = retention.posted(balance.contract_id, project_id, said.step, title, balance.currency)
        elif name in {"unbilled", "contract_position"}:
            recognised, invoiced = self.figure(said, balance, "recognised"), self.figure(said, balance, "invoiced")
            deposits = self._deposits(said, balance) if name == "unbilled" else []
            if deposits:
                # What was billed of a deposit is owed for nothing yet.
                invoiced = less("invoiced, without deposits", invoiced, *deposits, rule="R31")
            made = less(title, recognised, invoiced, rule="R46")
        else:
            lines = self._lines(said, balance.contract_id)
            operands = self.operands(said, balance.contract_id, lines, name, project_id)
            made = total(title, operands, "amount", balance.currency)
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
        receivables = self.records.journals.receivables
        lines = receivables.on_project(account, said.record.project_id, balance.contract_id, said.step, purpose)
        return total(title, lines, "amount", balance.currency)

    def _deposits(self, said: TracedOutput, balance: ViewBalance) -> list[Node]:
        """What is invoiced of deposits and not set against other statements."""
        lines = self._lines(said, balance.contract_id)
        found = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            entry = self.sources.trace.entry_at(entry_id, said.step)
            for issued in entry.issued if entry is not None else ():
                is_deposit = issued.account == CUSTOMER_DEPOSIT and issued.invoiced
                if is_deposit and issued.contract_id == balance.contract_id and issued.line_id in lines:
                    found.append(self.records.invoiced_on(entry_id, balance.contract_id, {issued.line_id}, said.step))
        return found

    def _lines(self, said: TracedOutput, contract_id: str) -> set[str]:
        """Of the contract, in the project."""
        draft = self.sources.draft(said.step)
        return {line for of, line, _ in lines_of(draft, said.record.project_id) if of == contract_id}

    def operands(
        self, said: TracedOutput, contract_id: str, lines: set[str], name: str, project_id: str | None = None
    ) -> list[Node]:
        """What each row of these lines gives to a figure of the contract, in one project or in all."""
        draft = self.sources.draft(said.step)
        found = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            entry = self.sources.trace.entry_at(entry_id, said.step)
            if entry is None:
                continue
            own = {
                line
                for line in _lines_of(entry, contract_id) & lines
                if project_id in (None, draft.billed_in(entry, contract_id, line))
            }
            node = self._of_entry(said, entry, contract_id, own, name) if own else None
            if node is not None and node.value:
                found.append(node)
        if name == "recognised":
            found += [
                node
                for issued, node in self.records.as_billed(said.step)
                if issued.contract_id == contract_id
                and issued.line_id in lines
                and project_id in (None, issued.project_id or draft.line(contract_id, issued.line_id).project_id)
            ]
        return found

    def _of_entry(self, said: TracedOutput, entry: Entry, contract_id: str, lines: set[str], name: str) -> Node | None:
        """What the entry gives to the figure; None where it is not on the contract's lines."""
        entry_id, step = entry.entry_id, said.step
        work = entry.standing
        price = work.price if work is not None else None
        priced = price is not None and price.contract_id == contract_id and price.line_id in lines
        issued = any(one.contract_id == contract_id and one.line_id in lines for one in entry.issued)
        match name:
            case "over_cap":
                return self.records.over(entry_id, step) if priced else None
            case "written_off":
                return self.records.written_off(entry_id, step) if priced and entry.given_up else None
            case "recognised":
                return self.records.recognised(entry_id, step) if priced else None
            case "billed":
                return self.records.issued_on(entry_id, contract_id, lines, step) if issued else None
            case "invoiced":
                return self.records.invoiced_on(entry_id, contract_id, lines, step) if issued else None
            case "accrued":
                return self.records.accrued_on(entry_id, contract_id, lines, step) if priced or issued else None
            case "held":
                if (priced or issued) and self._is_held(said, entry, contract_id, lines):
                    return self.records.accrued_on(entry_id, contract_id, lines, step)
                return self._held_parts(said, entry, contract_id, lines) if priced or issued else None
            case _:
                return None

    def _is_held(self, said: TracedOutput, entry: Entry, contract_id: str, lines: set[str]) -> bool:
        """Whether a hold that is not released covers the entry, as the view counts it (R26)."""
        draft = self.sources.draft(said.step)
        contract = next(
            (one for one in project_contracts(draft, said.record.project_id) if one.contract_id == contract_id), None
        )
        if contract is None:
            return False
        holds: list[Hold] = [
            hold for hold_id in draft.ids("hold") if not (hold := draft.part("hold", hold_id)).released
        ]
        scopes = {(hold.scope, hold.scope_id) for hold in holds}
        whole = {
            ("contract", contract_id),
            ("project", said.record.project_id),
            *((("project", entry.standing.project_id),) if entry.standing is not None else ()),
        }
        if scopes & (whole | scopes_of(draft, entry.entry_id)):
            return True
        own = _lines_of(entry, contract_id) & lines
        payers = {payer for line in own for payer in payers_of(contract, entry, line)}
        if payers and all(("bill_to", payer) in scopes for payer in payers):
            return True
        return any(("line", line) in scopes for line in own)

    def _held_parts(self, said: TracedOutput, entry: Entry, contract_id: str, lines: set[str]) -> Node | None:
        """What waits for statements of payers that a hold covers, while others are billed."""
        draft = self.sources.draft(said.step)
        holds: list[Hold] = [draft.part("hold", hold_id) for hold_id in draft.ids("hold")]
        payers = {hold.scope_id for hold in holds if hold.scope == "bill_to" and not hold.released}
        parts = [
            node
            for line in sorted(_lines_of(entry, contract_id) & lines if payers else ())
            for node in self.records.statements.held_of(entry.entry_id, contract_id, line, payers, said.step)
        ]
        return total(f"{entry.entry_id}: on hold", parts, "amount", parts[0].currency) if parts else None


def _lines_of(entry: Entry, contract_id: str) -> set[str]:
    price = standing_price(entry)
    priced = {price.line_id} if price is not None and price.contract_id == contract_id else set()
    return {one.line_id for one in entry.issued if one.contract_id == contract_id} | priced
