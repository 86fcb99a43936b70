"""What finance, the ERP and the bank say of the statements that a run of Milepost has made.

Ids and amounts of statements are known only after a run, so this is a step of its own: run, answer, run again, until nothing is left
to say; a draft that is approved in one round is invoiced in the next. Each round writes files of its own with what is not answered yet,
and leaves earlier ones alone, because a run has read them. Nothing happens after the day of the newest statement but its invoice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from connectors.json_records import event_from_json_line
from domain.billing.statement import ISSUED, OPEN
from domain.events.catalogue import Event
from domain.events.control import StatementApproved, StatementReturned
from domain.events.finance import InvoicePosted, InvoiceRejected, PaymentReceived
from simulation.drafts import decisions
from simulation.invoices import NewestStatement, answers, day_of, newest_statements
from simulation.receivables import Owed, known_parts, settlements
from simulation.write import DECISIONS, INVOICES, RECEIPTS, line


class Answered(NamedTuple):
    """Files that were written, and how many events of each type are in them."""

    paths: tuple[Path, ...]
    counts: Counter[str]


def answer(output: Path, folder: Path, seed: int) -> Answered:
    """Say what no file in `folder` says yet of the statements in `output`."""
    made = newest_statements(output)
    said = [event for name in (INVOICES, DECISIONS, RECEIPTS) for event in said_in(folder, name)]
    invoices = list(invoiced(made, said, seed))
    answered = {
        INVOICES: invoices,
        DECISIONS: list(decided(made, said, seed)),
        RECEIPTS: list(settled(made, [*said, *invoices], seed)),
    }
    paths = tuple(_write(folder, name, events) for name, events in answered.items() if events)
    return Answered(paths, Counter(type(event).__name__ for events in answered.values() for event in events))


def said_in(folder: Path, name: str) -> Iterator[Event]:
    for path in sorted(folder.glob(f"{name}*.jsonl")):
        for each in path.read_bytes().splitlines():
            yield event_from_json_line(each)


def invoiced(made: Iterable[NewestStatement], said: Iterable[Event], seed: int) -> Iterator[Event]:
    known = {event.statement_id for event in said if isinstance(event, InvoicePosted | InvoiceRejected)}
    issued = [one for one in made if one.statement.status == ISSUED and one.statement.statement_id not in known]
    return answers(issued, len(known), seed)


def decided(made: Iterable[NewestStatement], said: Iterable[Event], seed: int) -> Iterator[Event]:
    known = {
        (event.statement_id, event.revision)
        for event in said
        if isinstance(event, StatementApproved | StatementReturned)
    }
    drafts = [
        (one.statement, day_of(one.at))
        for one in made
        if one.statement.status == OPEN and (one.statement.statement_id, one.statement.revision) not in known
    ]
    return decisions(drafts, len(known), seed)


def settled(made: Iterable[NewestStatement], said: Iterable[Event], seed: int) -> Iterator[Event]:
    """Of every invoice that has its statement's amount, up to the day of the newest statement."""
    statements = {one.statement.statement_id: one.statement for one in made}
    until = max((day_of(one.at) for one in made), default=None)
    owed, known = [], set()
    for event in said:
        known.add(event.event_id)
        match event:
            case InvoicePosted(statement_id=str(name)) if event.amount == statements[name].amount_due:
                owed.append(Owed(event.invoice_id, event.posted_on, statements[name]))
            case PaymentReceived():
                known.update(known_parts(event))
    return settlements(owed, known, until, seed) if until else iter(())


def _write(folder: Path, name: str, events: list[Event]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{len(list(folder.glob(f'{name}-[0-9]*.jsonl'))) + 1:04}.jsonl"
    path.write_bytes(b"".join(line(event) for event in sorted(events, key=lambda event: event.recorded_at or 0)))
    return path
