"""Contract liability (2300): what is invoiced and may be billed ahead of what is recognised, and how it moves (R46)."""

from __future__ import annotations

from typing import Any

from domain.accounts import CONTRACT_LIABILITY
from domain.explanation import Arithmetic, Node, constant, least, less, most, negated, step_of, total
from domain.identity import composed, parts_of
from domain.money import round_ratio, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.exchanges import at_rate, unchanged
from milepost.explain.journals import JournalNodes
from milepost.explain.published import as_published, not_recorded
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from state.books import Contract, Liability
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan, newest_plan
from state.trace import TracedOutput

Figures = tuple[Node, Node]


class LiabilityNodes:
    """Nodes of the journals with rule `contract_liability`: one move for each contract line, merged by project on the journal."""

    def __init__(self, sources: Sources, records: RecordNodes, journals: JournalNodes) -> None:
        self.sources = sources
        self.records = records
        self.journals = journals
        self._moves: dict[tuple[str, str], Figures] = {}
        self._ahead: dict[tuple[str, str, int], Node] = {}
        journals.liability = self

    def figures(self, said: TracedOutput, line: JournalLine) -> tuple[Node | None, Node | None]:
        """Of one line of the journal."""
        journal: JournalEntry = said.record
        contract = self.sources.draft(said.step).contract(journal.affected_id)
        amounts, ledgers = [], []
        for key in self._keys(journal.affected_id, said.step):
            line_id, account = parts_of(key)
            plan = newest_plan(self.sources.draft(said.step), contract, line_id) if contract is not None else None
            had, has = (self._held(journal.affected_id, step, key) for step in (said.step - 1, said.step))
            purpose = "billing" if has > had else "revenue"
            if plan is None or had == has or (plan.line.project_id, purpose) != (line.project_id, line.purpose):
                continue
            if line.account in (account, CONTRACT_LIABILITY):
                amount, ledger = self._move(said, contract, plan, key)
                amounts.append(amount)
                ledgers.append(ledger)
        amount = total("ahead of revenue", amounts, "amount", journal.currency, rule="R46")
        ledger = total("ahead of revenue", ledgers, "amount", journal.ledger_currency, rule="R46")
        if line.account == CONTRACT_LIABILITY:
            return negated("amount", amount), negated("in ledger currency", ledger)
        return amount, ledger

    def _keys(self, contract_id: str, step: int) -> list[str]:
        """Contract lines with accounts that stand there before or after the step."""
        stood = (self.sources.trace.part_at("liability", contract_id, each) for each in (step - 1, step))
        return sorted({key for held in stood if held is not None for key in held.lines})

    def _held(self, contract_id: str, step: int, key: str) -> int:
        held: Liability | None = self.sources.trace.part_at("liability", contract_id, step)
        return held.lines.get(key, (0, 0))[0] if held is not None else 0

    def _move(self, said: TracedOutput, contract: Contract | None, plan: LinePlan, key: str) -> Figures:
        """What has to stand there after the step, less what stood there before."""
        place = (said.record.journal_id, key)
        if place not in self._moves:
            assert contract is not None, "the journal is of a contract"
            draft = self.sources.draft(said.step)
            had = self._carried(said, contract, plan, key)
            amount = less(f"{_named(key)}: moved", self._wanted(draft, contract, key, said.step), had[0])
            self._moves[place] = amount, self._ledger(said, plan, amount, had)
        return self._moves[place]

    def _carried(self, said: TracedOutput, contract: Contract, plan: LinePlan, key: str) -> Figures:
        """What earlier journals brought there."""
        journal: JournalEntry = said.record
        contract_id = contract.contract_id
        earlier = [
            (
                other.record.journal_id,
                self._move(other, self.sources.draft(other.step).contract(contract_id), plan, key),
            )
            for other in self.sources.trace.journals_of.get(contract_id, ())
            if other.record.rule == journal.rule
            and other.step < said.step
            and self._held(contract_id, other.step, key) != self._held(contract_id, other.step - 1, key)
        ]
        title = f"{_named(key)}: on 2300 before"
        amounts = [_of_journal(amount, journal_id) for journal_id, (amount, _) in earlier]
        ledgers = [_of_journal(ledger, journal_id) for journal_id, (_, ledger) in earlier]
        return (
            total(title, amounts, "amount", journal.currency),
            total(f"{title}, in ledger currency", ledgers, "amount", journal.ledger_currency),
        )

    # What has to stand there

    def _wanted(self, draft: Draft, contract: Contract, wanted: str, step: int) -> Node:
        """What a line is ahead on an account, as far as the contract as a whole is and those before it leave some."""
        currency = contract.terms.currency
        nothing = constant("nothing", 0, "amount", currency)
        keys = [
            (line_id, account)
            for line_id in line_ids(contract)
            for account in sorted(draft.line(contract.contract_id, line_id).accounts)
        ]
        ahead = [self._line_ahead(draft, contract, *each, step) for each in keys]
        whole = most("the contract ahead of its revenue", total("all lines", ahead, "amount", currency), nothing)
        taken: list[Node] = []
        for each, beyond in zip(keys, ahead, strict=True):
            key = composed(*each)
            left = less("left for this line", whole, *taken) if taken else whole
            own = least(f"{_named(key)}: ahead of its revenue", [most("not below nothing", beyond, nothing), left])
            if key == wanted:
                return own
            if own.value:
                taken.append(own)
        return nothing

    def _line_ahead(self, draft: Draft, contract: Contract, line_id: str, account: str, step: int) -> Node:
        """The lesser of what is invoiced and what may be billed, less what is recognised."""
        key = (contract.contract_id, composed(line_id, account), step)
        if key not in self._ahead:
            self._ahead[key] = self._make_line_ahead(draft, contract, line_id, account, step)
        return self._ahead[key]

    def _make_line_ahead(self, draft: Draft, contract: Contract, line_id: str, account: str, step: int) -> Node:
        contract_id, currency = contract.contract_id, contract.terms.currency
        place = (contract_id, line_id, account)
        invoiced, billable, recognised = [], [], []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            entry = self.sources.trace.entry_at(entry_id, step)
            price = entry.standing.price if entry is not None and entry.standing is not None else None
            if price is not None and (price.contract_id, price.line_id, price.account) == place:
                billable.append(self.records.billable(entry_id, step))
                recognised.append(self.records.recognised(entry_id, step))
            if entry is not None and any((one.contract_id, one.line_id, one.account) == place for one in entry.issued):
                invoiced.append(self.records.invoiced_on(entry_id, contract_id, {line_id}, step))
        values = draft.line(contract_id, line_id).accounts.get(account, (0, 0, 0))
        name = _named(composed(line_id, account))
        earned, may, sent = (
            _sum(f"{name}: {title}", nodes, value, currency)
            for title, nodes, value in zip(
                ("recognised", "billable", "invoiced"), (recognised, billable, invoiced), values, strict=True
            )
        )
        return less(f"{name}: ahead", least(f"{name}: invoiced and billable still", [sent, may]), earned)

    # Into ledger currency

    def _ledger(self, said: TracedOutput, plan: LinePlan, amount: Node, had: Figures) -> Node:
        """What adds at the rate of the day, what takes back as 2300 carries it (R52)."""
        journal: JournalEntry = said.record
        currency, title = journal.ledger_currency, "moved, in ledger currency"
        mode = plan.policies.money_mode
        moved, carried = amount.value or 0, had[0].value or 0
        parameters: dict[str, Any] = {"step": step_of(currency), "mode": mode}
        if moved < 0 and moved == -carried:
            return negated(title, had[1], rule="R52")
        if moved < 0:
            made = round_ratio((had[1].value or 0) * moved, carried, smallest_unit(currency), mode)
            arithmetic = Arithmetic("proportion", (had[1], amount, had[0]), parameters)
            return Node(title, made, "amount", currency, arithmetic, "R52")
        if journal.currency == currency:
            return unchanged(amount, currency, title)
        return at_rate(amount, self._rate(said), currency, mode, title)

    def _rate(self, said: TracedOutput) -> Node:
        """Of the event's last journal of the contract before it."""
        journal: JournalEntry = said.record
        beside = [
            other.record
            for other in self.sources.trace.said_in(said.step)
            if isinstance(other.record, JournalEntry)
            and other.record.contract_id == journal.contract_id
            and other.record.journal_id != journal.journal_id
            and other.record.exchange_rate == journal.exchange_rate
        ]
        if beside:
            return self.journals.exchanges.rate_of(beside[-1].journal_id, journal.exchange_rate)
        return not_recorded("rate of the day", journal.exchange_rate, "exchange_rate")


def _named(key: str) -> str:
    line_id, account = parts_of(key)
    return f"line {line_id} on {account}"


def _of_journal(node: Node, journal_id: str) -> Node:
    """With the name of the journal that moved it."""
    return Node(
        f"moved by journal {journal_id}",
        node.value,
        "amount",
        node.currency,
        Arithmetic("same", (node,)),
        id=journal_id,
    )


def _sum(title: str, nodes: list[Node], value: int, currency: str) -> Node:
    made = total(title, nodes, "amount", currency)
    return as_published(made, title, value, "amount", currency)
