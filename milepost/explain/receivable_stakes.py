"""Amounts that exceptions of payments, write-offs and adjustments of revenue block."""

from __future__ import annotations

from domain.events.finance import PaymentReversed
from domain.explanation import Node, less
from domain.money import smallest_unit
from domain.outputs import ExceptionRaised
from domain.units import Amount
from domain.work.rows import ADJUSTMENT
from milepost.explain.at_stake import TITLE
from milepost.explain.given_up import GivenUpNodes
from milepost.explain.recorded import RecordedNodes
from milepost.explain.sources import Sources
from state.books import Adjustment, WriteOff
from state.receivables.cash_waits import fault_at
from state.receivables.write_offs import WRITE_OFF
from state.trace import TracedOutput

OWNED = ("payment", "payment_application", WRITE_OFF)


class ReceivableStakes:
    def __init__(self, sources: Sources, recorded: RecordedNodes, given_up: GivenUpNodes) -> None:
        self.sources = sources
        self.recorded = recorded
        self.given_up = given_up

    def stake(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """Of cash as the rule recorded it that found why it waits."""
        if record.subject_kind == "write_off":
            return self._of_write_off(said, record)
        if record.subject_kind == ADJUSTMENT:
            return self._of_adjustment(said, record)
        cause = self.sources.step(said.step).record.event
        if isinstance(cause, PaymentReversed) and record.field == "amount" and cause.amount is not None:
            return self.sources.field(TITLE, cause.amount, "amount", cause, "amount", record.blocks_currency or "")
        return self.recorded.figure(fault_at(record.subject_kind, record.subject_id), said.step)

    def _of_write_off(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        known: WriteOff | None = self.sources.trace.part_at("write_off", record.subject_id, said.step)
        if known is None:
            return None
        event = known.event
        amount = self.sources.field("given up", event.amount, "amount", event, "amount", event.currency)
        if _is_too_fine(event.amount, event.currency):
            return amount
        if record.category == "misapplied" and record.field == "amount" and event.entries:
            return less(TITLE, amount, self.given_up.left_of(event, said.step))
        if record.category != "misapplied" or record.field != "amount" or event.invoice_id is None:
            return amount
        return self.recorded.figure(fault_at(record.subject_kind, record.subject_id), said.step)

    def _of_adjustment(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        known: Adjustment | None = self.sources.trace.part_at(ADJUSTMENT, record.subject_id, said.step)
        if known is None:
            return None
        return self.sources.field(TITLE, known.event.amount, "amount", known.event, "amount", known.event.currency)


def _is_too_fine(amount: Amount, currency: str) -> bool:
    """Then nothing of it is held against what is open."""
    return amount % smallest_unit(currency) != 0
