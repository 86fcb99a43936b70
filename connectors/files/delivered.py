"""What a run has posted and what the ERPs answered: outputs, the engagement log, and answers that no run has taken in yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.added_events import added_events
from connectors.files.found_exceptions import events_of
from connectors.files.written import read_topic, records_of, shards
from domain.billing.statement import ISSUED
from domain.delivery.answers import key_and_attempt
from domain.delivery.chart import EntityChart
from domain.delivery.expected import Ledger
from domain.delivery.reconciled import Billing
from domain.delivery.sold import Revenue
from domain.events.catalogue import Event
from domain.events.common import FiscalCalendar
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.events.reference import LegalEntityDefined
from domain.outputs import TOPICS, BillingStatement, ControlTotals, JournalEntry

# Folder of the input in which delivery leaves the ERPs' answers.
ANSWERS: Final = "erp-results"


class DeliveredFolder(NamedTuple):
    """`calendars` are by company."""

    ledger: Ledger
    calendars: Mapping[str, FiscalCalendar]
    billing: Billing
    revenue: Revenue


def read_delivered(
    output: Path, input_dir: Path, charts: Mapping[str, EntityChart], lines: Mapping[str, int]
) -> DeliveredFolder:
    """`lines` is the most lines a journal by company. Raises NoOutputs, GuardStop and ContainerDamaged."""
    ledger, revenue = Ledger(len(shards(output)), charts, lines), Revenue()
    for name in ("JournalEntry", "ControlTotals"):
        for written in read_topic(output, TOPICS[name]):
            if isinstance(written.record, JournalEntry | ControlTotals):
                ledger.add(written.position, written.record)
            if isinstance(written.record, JournalEntry):
                revenue.add(written.record)
    calendars: dict[str, tuple[int, FiscalCalendar]] = {}
    invoices: dict[str, InvoicePosted] = {}
    rejected: dict[str, tuple[int, InvoiceRejected]] = {}
    for event in events_and_answers(output, input_dir):
        match event:
            case PostingAccepted() | PostingRejected():
                ledger.answer(event)
            case InvoicePosted() if event.statement_id is not None:
                invoices[event.statement_id] = event
            case InvoiceRejected():
                key, attempt = key_and_attempt(event.event_id)
                if key not in rejected or rejected[key][0] <= attempt:
                    rejected[key] = attempt, event
            case LegalEntityDefined():
                had = calendars.get(event.legal_entity_id)
                if had is None or had[0] <= event.version:
                    calendars[event.legal_entity_id] = (event.version, event.fiscal_calendar)
            case _:
                pass
    statements: dict[str, BillingStatement] = {}
    for part in records_of(output, BillingStatement):
        if part.status == ISSUED:
            before = statements.get(part.statement_id) if part.part > 1 else None
            earlier = before.lines if before is not None else ()
            statements[part.statement_id] = part._replace(lines=(*earlier, *part.lines))
    of_entities = {name: each for name, (_, each) in calendars.items()}
    billing = Billing(statements, invoices, {key: each for key, (_, each) in rejected.items()})
    return DeliveredFolder(ledger, of_entities, billing, revenue)


def events_and_answers(output: Path, input_dir: Path) -> Iterator[Event]:
    """Of the log, and answers that no run has taken in yet."""
    yield from events_of(output)
    yield from added_events(input_dir, ANSWERS)
