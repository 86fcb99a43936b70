"""Amounts in ledger currency: at the rate of a date along its path, or at the rate that an earlier journal carries (R51 to R53)."""

from __future__ import annotations

from domain.explanation import Arithmetic, Node
from domain.figure import RecordedRate
from domain.ledger.clearing import CLEARED
from domain.ledger.journal import BILLING
from domain.outputs import JournalEntry
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.ledger.rate_record import STEP, in_ledger, rate_at
from state.terms.known import entity_policies
from state.terms.plan import plan_of

IN_LEDGER = "in ledger currency"


def unchanged(amount: Node, currency: str, title: str = IN_LEDGER) -> Node:
    """Of an amount in that currency already."""
    return Node(title, amount.value, "amount", currency, Arithmetic("same", (amount,)))


class Exchanges(Nodes):
    def rate(self, journal: JournalEntry, at: VersionStanding) -> RecordedRate:
        """Of a journal of a row: by policies of its contract line, else of the legal entity."""
        draft = self.sources.draft(at.step)
        price = at.work.price if journal.contract_id is not None else None
        plan = plan_of(draft, price) if price is not None and price.line_id else None
        policies = plan.policies if plan else entity_policies(draft, draft.reference.entity(journal.legal_entity_id))
        return RecordedRate.by(
            lambda amount, *_: given(self._in_ledger(amount, journal, policies.money_mode), "exchange rate")
        )

    def _in_ledger(self, amount: Node, journal: JournalEntry, mode: str) -> Node | None:
        """Along the path of its rate, or at the rate that something states or carries; None where no rule recorded it."""
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        rate = self.recorded.figure(rate_at(journal.journal_id))
        return in_ledger(amount, rate, journal.ledger_currency, mode) if rate is not None else None

    def rate_of(self, journal_id: str) -> Node | None:
        """The rate on a journal: as it was recorded, else that of its first line that is converted."""
        found = self.recorded.figure(rate_at(journal_id))
        if found is not None:
            return found
        said = self.sources.trace.journals[journal_id]
        rate = said.record.exchange_rate
        if said.record.rule == CLEARED:
            # What is left of an invoice is at the rate of the invoice.
            theirs = self.sources.trace.journals_of[said.record.affected_id]
            said = next((one for one in theirs if one.step == said.step and one.record.kind == BILLING), said)
        for number in range(1, len(said.record.lines) + 1):
            arithmetic = self.nodes.lines.figures(said.record.journal_id, number)[1].arithmetic
            if arithmetic is not None and arithmetic.operation == "convert":
                path = Arithmetic(
                    "exchange", arithmetic.operands[1:], {"legs": arithmetic.parameters["legs"], "step": STEP}
                )
                title = f"rate that journal {journal_id} carries"
                return Node(title, rate, "exchange_rate", "", path, "R52", id=journal_id)
        return None
