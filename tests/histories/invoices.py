"""The ERP's answers to the statements of a history."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from domain.events.catalogue import Event
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.outputs import BillingStatement
from domain.units import Amount
from tests.folding import Logged, fold
from tests.histories.log import woven
from tests.histories.scope import USUAL, often, seldom


@st.composite
def with_invoices(draw: st.DrawFn, logged: tuple[Logged, ...], name: str) -> tuple[Logged, ...]:
    """Some statements are invoiced after a while, some refused first, some for a wrong amount."""
    answers: list[tuple[int, list[Logged]]] = []
    for said in fold(logged).said:
        if isinstance(said.record, BillingStatement) and draw(often(st.just(True))):
            at = said.position.log_offset + 1 + draw(st.integers(0, 10))
            answers.append((min(at, len(logged)), draw(_answers(said.record, name))))
    return woven(logged, answers)


@st.composite
def _answers(draw: st.DrawFn, statement: BillingStatement, name: str) -> list[Logged]:
    made: list[Event] = []
    if draw(seldom(st.just(True))):
        made.append(_rejection(statement))
    if draw(seldom(st.just(True))):
        made.append(invoice(statement, statement.to, statement.amount_due + 1_0000))
    posted_on = statement.to + dt.timedelta(days=draw(st.sampled_from([0, 1, 6, 30])))
    made.append(invoice(statement, posted_on))
    return [Logged(name, event) for event in made]


def _rejection(statement: BillingStatement) -> InvoiceRejected:
    return InvoiceRejected(
        event_id=f"{statement.statement_id}-no",
        occurred_at=0,
        source="erp",
        code="X1",
        message="customer is blocked",
        statement_id=statement.statement_id,
    )


def invoice(statement: BillingStatement, posted_on: dt.date, amount: Amount | None = None) -> InvoicePosted:
    return InvoicePosted(
        event_id=f"{statement.statement_id}-{amount}",
        occurred_at=0,
        source="erp",
        invoice_id=f"INV-{statement.statement_id}",
        posted_on=posted_on,
        amount=statement.amount_due if amount is None else amount,
        statement_id=statement.statement_id,
    )


def with_all_invoices(logged: tuple[Logged, ...], name: str) -> tuple[Logged, ...]:
    """Invoices for all statements that have none yet; each states its exchange rate, so that none has to wait."""
    now = max(one.event.recorded_at or one.event.occurred_at for one in logged)
    books = fold(logged)
    parts = books.shard.store.engagement(name).parts
    newest = {one.statement_id: one for one in books.statements}
    missing = [one for one in newest.values() if parts["statement", one.statement_id].invoice_id is None]
    events = (
        _stating_its_rate(invoice(one, one.to), one.currency)._replace(occurred_at=now, recorded_at=now)
        for one in missing
    )
    return (*logged, *(Logged(name, event) for event in events))


def _stating_its_rate(event: InvoicePosted, currency: str) -> InvoicePosted:
    return event if currency == "EUR" else event._replace(exchange_rate=10**24 // USUAL[currency][1])
