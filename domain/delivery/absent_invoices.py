"""Issued statements whose invoices the ERP is to post and has not, each with the reason, by outputs and answers alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from domain.delivery import answers
from domain.delivery.absent import in_its_words
from domain.delivery.chart import EntityChart
from domain.delivery.invoices import date_of, lack_of
from domain.delivery.reconciled import Billing, keys_of
from domain.delivery.standings import REFUSED, TO_SEND, UNMAPPED
from domain.outputs import BillingStatement

NOT_POSTED: Final = "not sent yet, or the ERP has not posted it yet"


class AbsentInvoice(NamedTuple):
    """`standing` is to_send, unmapped or rejected; `key` is that of the last revision."""

    statement: BillingStatement
    standing: str
    why: str
    key: str


def absent_invoices(chart: EntityChart, billing: Billing) -> Iterator[AbsentInvoice]:
    """Of the company. A statement that was issued again after the ERP had its invoice is absent in its last revision."""
    for statement in billing.statements.values():
        if statement.legal_entity_id != chart.legal_entity_id or not chart.issues_invoices_of(date_of(statement)):
            continue
        *earlier, key = keys_of(statement)
        posted = billing.invoices.get(statement.statement_id)
        as_ = None if posted is None else answers.key_and_attempt(posted.event_id)[0]
        rejected = billing.rejected.get(key)
        # Somebody else may have said that it is posted.
        if as_ is not None and as_ not in earlier:
            continue
        if rejected is None:
            lack = lack_of(statement, chart)
            yield AbsentInvoice(statement, *((TO_SEND, NOT_POSTED) if lack is None else (UNMAPPED, str(lack))), key)
        elif rejected.because == answers.ACCOUNT:
            yield AbsentInvoice(statement, UNMAPPED, rejected.message, key)
        else:
            yield AbsentInvoice(statement, REFUSED, in_its_words(rejected.code, rejected.message), key)
