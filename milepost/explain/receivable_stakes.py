"""Amounts that exceptions of payments, write-offs and adjustments of revenue block."""

from __future__ import annotations

import re

from domain.events.finance import PaymentReversed
from domain.explanation import Node, less, negated, total
from domain.money import smallest_unit
from domain.outputs import ExceptionRaised
from domain.units import Amount
from domain.work.rows import ADJUSTMENT
from milepost.explain.at_stake import TITLE
from milepost.explain.given_up import GivenUpNodes
from milepost.explain.receivables import APPLICATION, ReceivableNodes
from milepost.explain.sources import Sources
from state.books import Adjustment, CashApplication, Payment, Receivable, WriteOff
from state.trace import TracedOutput

APPLICATION_FIELD = re.compile(r"applications\[(\d+)\]\.(amount|invoice_id)")


class ReceivableStakes:
    def __init__(self, sources: Sources, receivables: ReceivableNodes, given_up: GivenUpNodes) -> None:
        self.sources = sources
        self.receivables = receivables
        self.given_up = given_up

    def stake(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """By the field that it names."""
        if record.subject_kind == "write_off":
            return self._of_write_off(said, record)
        if record.subject_kind == ADJUSTMENT:
            return self._of_adjustment(said, record)
        if record.subject_kind == APPLICATION:
            return self._of_application(said, record)
        known: Payment | None = self.sources.trace.part_at("payment", record.subject_id, said.step)
        if known is None or known.event is None:
            return None
        event = known.event
        cause = self.sources.step(said.step).record.event
        if isinstance(cause, PaymentReversed) and record.field == "amount" and cause.amount is not None:
            return self.sources.field(TITLE, cause.amount, "amount", cause, "amount", event.currency)
        paid = self.sources.field("paid", event.amount, "amount", event, "amount", event.currency)
        applied = [self.receivables.applied(event, place) for place in range(len(event.applications))]
        if record.field == "applications":
            return less(TITLE, total("applied in all", applied, "amount", event.currency), paid)
        found = APPLICATION_FIELD.fullmatch(record.field or "")
        if found is None:
            named = (one for one in (*applied, paid, negated(TITLE, paid)) if one.value == record.blocks_amount)
            return next(named, None)
        place = int(found[1])
        if found[2] == "invoice_id" or _is_too_fine(event.applications[place].amount, event.currency):
            return applied[place]
        invoice_id = event.applications[place].invoice_id
        earlier = [
            self.receivables.applied(event, number)
            for number in range(place)
            if event.applications[number].invoice_id == invoice_id
        ]
        owed = self.receivables.owed(invoice_id, said).amount
        return less(TITLE, applied[place], less("open for it", owed, *earlier) if earlier else owed)

    def _of_application(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        known: CashApplication | None = self.sources.trace.part_at(APPLICATION, record.subject_id, said.step)
        if known is None:
            return None
        event = known.event
        applied = [self.receivables.applied(event, place) for place in range(len(event.applications))]
        stated = total("applied in all", applied, "amount", event.currency)
        found = APPLICATION_FIELD.fullmatch(record.field or "")
        if record.field == "applications":
            booked: Payment | None = self.sources.trace.part_at("payment", event.payment_id, said.step)
            company = booked.receipts[0].legal_entity_id if booked is not None and booked.receipts else ""
            left = self.receivables.on_account(said, event.payment_id, company).amount
            elsewhere = self.receivables.elsewhere(booked, said)
            return less(TITLE, stated, less("unapplied", left, *elsewhere) if elsewhere else left)
        if found is None:
            return stated
        place = int(found[1])
        invoice_id, amount = event.applications[place]
        if _is_too_fine(amount, event.currency):
            return applied[place]
        owed: Receivable | None = self.sources.trace.part_at("receivable", invoice_id, said.step)
        if owed is None or event.currency != owed.currency or found[2] == "invoice_id":
            return applied[place]
        earlier = [applied[number] for number in range(place) if event.applications[number].invoice_id == invoice_id]
        if (amount > 0) != (owed.gross[0] > 0):
            settled = self.receivables.settled(event, invoice_id, said).amount
            return less(TITLE, less("still settled", settled, *earlier) if earlier else settled, applied[place])
        left = self.receivables.owed(invoice_id, said).amount
        return less(TITLE, applied[place], less("open for it", left, *earlier) if earlier else left)

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
        return less(TITLE, amount, self.receivables.owed(event.invoice_id, said).amount)

    def _of_adjustment(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        known: Adjustment | None = self.sources.trace.part_at(ADJUSTMENT, record.subject_id, said.step)
        if known is None:
            return None
        return self.sources.field(TITLE, known.event.amount, "amount", known.event, "amount", known.event.currency)


def _is_too_fine(amount: Amount, currency: str) -> bool:
    """Then nothing of it is held against what is open."""
    return amount % smallest_unit(currency) != 0
