"""What credit memos take back of each row of an invoice, as their rule recorded it."""

from __future__ import annotations

from typing import NamedTuple

from domain.events.finance import CreditMemoIssued
from domain.explanation import Node
from domain.identity import composed, parts_of
from domain.outputs import JournalEntry
from domain.receivables.credit_memo import CONCESSIONS, ERROR_REBILL, RULE
from milepost.explain.nodes import Nodes
from milepost.explain.statements import Listed
from state.books import Receivable
from state.terms.plan import newest_plan
from state.trace import TracedOutput


class Credit(NamedTuple):
    """One row's part of a credit memo, `number` in the order of all."""

    number: int
    said: TracedOutput
    kind: str
    entry_id: str
    line_id: str

    @property
    def journal(self) -> JournalEntry:
        journal: JournalEntry = self.said.record
        return journal


class CreditNodes(Nodes):
    def begin(self) -> None:
        self._amounts: dict[int, Node] = {}
        self._of_row: dict[tuple[str, str, str], list[Credit]] = {}
        for number, said in enumerate(self.sources.trace.journals_by.get(RULE, ())):
            _, kind, key = said.record.rule.split("/", 2)
            entry_id, line_id = parts_of(key)
            of = entry_id, said.record.contract_id, line_id
            self._of_row.setdefault(of, []).append(Credit(number, said, kind, entry_id, line_id))

    # What is credited of a row

    def of_row(self, entry_id: str, contract_id: str, line_id: str, step: int, *kinds: str) -> list[Credit]:
        """Up to a step, of these kinds."""
        found = self._of_row.get((entry_id, contract_id, line_id), ())
        return [one for one in found if one.said.step <= step and one.kind in kinds]

    def reopened(
        self, entry_id: str, contract_id: str, line_id: str, step: int, payer: str | None = None
    ) -> list[Node]:
        """What is billed no more, since it is billed again, to any payer or to one."""
        return [self.amount(one) for one in self._reopened(entry_id, contract_id, line_id, step, payer)]

    def reopened_before(self, listed: Listed, contract_id: str, payer: str | None = None) -> list[Node]:
        """The same before a statement, which may have been made in the step of a memo."""
        entry_id, line_id, step = listed.entry.entry_id, listed.entry.line_id, listed.step
        found = self._reopened(entry_id, contract_id, line_id, step, payer)
        return [self.amount(one) for one in found if one.said.step < step or self._is_first(one, listed)]

    def _reopened(self, entry_id: str, contract_id: str, line_id: str, step: int, payer: str | None) -> list[Credit]:
        found = self.of_row(entry_id, contract_id, line_id, step, ERROR_REBILL)
        return [one for one in found if payer is None or self.payer(one) == payer]

    def _is_first(self, credit: Credit, listed: Listed) -> bool:
        """Of two outputs of one step."""
        for said in self.sources.trace.said_in(credit.said.step):
            if said.record is credit.journal:
                return True
            if said.step == listed.step and getattr(said.record, "statement_id", None) == listed.statement_id:
                return False
        return False

    def returned(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """What price concessions gave back to the caps."""
        return [self.amount(one) for one in self.returning(entry_id, contract_id, line_id, step)]

    def returned_hours(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        found = [
            self.recorded.figure(f"credited_hours/{self._of(one)}")
            for one in self.returning(entry_id, contract_id, line_id, step)
        ]
        return [hours for hours in found if hours is not None]

    def returning(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Credit]:
        """Price concessions that gave caps and sources their room back."""
        found = self.of_row(entry_id, contract_id, line_id, step, CONCESSIONS[0])
        return [one for one in found if self.listed_plan_returns(one)]

    def payer(self, credit: Credit) -> str:
        """Whose invoice it is of."""
        return self.receivable(credit).bill_to

    def listed_plan_returns(self, credit: Credit) -> bool:
        """Policy `concession_returns_cap_room`, as it was when the memo was posted."""
        draft = self.sources.draft(credit.said.step)
        contract = draft.contract(credit.journal.contract_id or "")
        plan = newest_plan(draft, contract, credit.line_id) if contract is not None else None
        return plan is not None and bool(plan.policies.concession_returns_cap_room)

    def conceded(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """What was taken off the price."""
        found = self.of_row(entry_id, contract_id, line_id, step, *CONCESSIONS)
        return [self.amount(one) for one in found]

    def conceded_in_ledger(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """The same as the journals have it."""
        given_back = self.of_row(entry_id, contract_id, line_id, step, *CONCESSIONS)
        return [self.recorded.known(f"back/{self._of(one)}") for one in given_back]

    def amount(self, credit: Credit) -> Node:
        """Net of tax."""
        if credit.number not in self._amounts:
            found = self.recorded.known(f"credited/{self._of(credit)}")
            self._amounts[credit.number] = found._replace(id=credit.journal.journal_id)
        return self._amounts[credit.number]

    def _event(self, credit: Credit) -> CreditMemoIssued:
        """The memo that was posted: the event itself, or the one that waited."""
        event = self.sources.step(credit.said.step).record.event
        if isinstance(event, CreditMemoIssued):
            return event
        waiting = self.sources.trace.part_at("credit_memo", credit.journal.affected_id, credit.said.step - 1)
        assert waiting is not None, f"credit memo {credit.journal.affected_id} is in the books"
        posted: CreditMemoIssued = waiting.event
        return posted

    def receivable(self, credit: Credit) -> Receivable:
        found: Receivable = self.sources.trace.part_at("receivable", self._event(credit).invoice_id, credit.said.step)
        return found

    @staticmethod
    def _of(credit: Credit) -> str:
        """The memo with the row that it credits, as the rules name them."""
        return composed(credit.journal.affected_id, credit.entry_id, credit.line_id)
