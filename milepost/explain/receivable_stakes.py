"""Amounts that exceptions of payments and write-offs block."""

from __future__ import annotations

import re

from domain.events.finance import PaymentReceived, PaymentReversed
from domain.explanation import Node, less, total
from domain.outputs import ExceptionRaised
from milepost.explain.at_stake import TITLE
from milepost.explain.receivables import ReceivableNodes
from milepost.explain.sources import Sources
from state.books import Payment, WriteOff
from state.trace import Said

APPLICATION = re.compile(r"applications\[(\d+)\]\.(amount|invoice_id)")


class ReceivableStakes:
    def __init__(self, sources: Sources, receivables: ReceivableNodes) -> None:
        self.sources = sources
        self.receivables = receivables

    def stake(self, said: Said, record: ExceptionRaised) -> Node | None:
        """By the field that it names."""
        if record.subject_kind == "write_off":
            return self._of_write_off(said, record)
        known: Payment | None = self.sources.trace.part_at("payment", record.subject_id, said.step)
        if known is None or known.event is None:
            return None
        event = known.event
        cause = self.sources.step(said.step).record.event
        if isinstance(cause, PaymentReversed) and record.field == "amount" and cause.amount is not None:
            return self.sources.field(TITLE, cause.amount, "amount", cause, "amount", event.currency)
        paid = self.sources.field("paid", event.amount, "amount", event, "amount", event.currency)
        applied = [self._applied(event, place) for place in range(len(event.applications))]
        if record.field == "applications":
            return less(TITLE, total("applied in all", applied, "amount", event.currency), paid)
        found = APPLICATION.fullmatch(record.field or "")
        if found is None:
            named = (one for one in (*applied, paid) if one.value == record.blocks_amount)
            return next(named, None)
        place = int(found[1])
        if found[2] == "invoice_id":
            return applied[place]
        invoice_id = event.applications[place].invoice_id
        earlier = [
            self._applied(event, number)
            for number in range(place)
            if event.applications[number].invoice_id == invoice_id
        ]
        owed = self.receivables.owed(invoice_id, said).amount
        return less(TITLE, applied[place], less("open for it", owed, *earlier) if earlier else owed)

    def _applied(self, event: PaymentReceived, place: int) -> Node:
        one = event.applications[place]
        title = f"applied to invoice {one.invoice_id}"
        return self.sources.field(title, one.amount, "amount", event, f"applications[{place}].amount", event.currency)

    def _of_write_off(self, said: Said, record: ExceptionRaised) -> Node | None:
        known: WriteOff | None = self.sources.trace.part_at("write_off", record.subject_id, said.step)
        if known is None:
            return None
        event = known.event
        amount = self.sources.field("given up", event.amount, "amount", event, "amount", event.currency)
        if record.category != "misapplied" or record.field != "amount" or event.invoice_id is None:
            return amount
        return less(TITLE, amount, self.receivables.owed(event.invoice_id, said).amount)
