"""What finance, the ERP and the bank say of the statements that a run of Milepost has made.

Ids and amounts of statements are known only after a run, so this is a step of its own: run, answer, run again, until nothing is left
to say; a draft that is approved in one round is invoiced in the next. Each round writes files of its own with what is not answered yet,
and leaves earlier ones alone, because a run has read them. Nothing happens after the day of the newest statement but its invoice.
Most drafts are approved within days, every so many is returned at first; those that are issued get the ERP's invoices.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from connectors.containers import decode_output_file
from connectors.json_records import event_from_json_line
from domain.billing.statement import ISSUED, OPEN
from domain.events.catalogue import Event
from domain.events.control import StatementApproved, StatementReturned
from domain.events.finance import InvoicePosted, InvoiceRejected, PaymentReceived
from domain.identity import engagement_of
from domain.outputs import BillingStatement
from domain.reference.zones import universal_day
from domain.units import AMOUNT_ONE, Instant
from simulation.calendar import HOUR, SECOND, instant, nth_workday
from simulation.chance import between, stream
from simulation.receivables import Owed, finance_of, known_parts, settlements
from simulation.sources import ERP, PSA, stamped
from simulation.write import DECISIONS, INVOICES, RECEIPTS, line

STATEMENTS = "billing.statements"

# Every so many decisions, counted over all rounds.
RETURNED = (9, 4)
WORKDAYS_TO_DECIDE = (1, 3)
REASONS = (
    "the customer has not accepted the hours of the last week",
    "a trip is missing",
    "rates are under negotiation",
)

# Every so many statements, counted over all rounds: refused at first, and invoiced with another amount at first.
REFUSED = (23, 5)
MISTYPED = (37, 11)
WORKDAYS_TO_INVOICE = (1, 3)
WORKDAYS_TO_PUT_RIGHT = 2
REFUSALS = (
    ("CUSTOMER_BLOCKED", "Customer is blocked for invoicing."),
    ("PO_MISSING", "Customer requires a purchase order number."),
    ("PERIOD_CLOSED", "Posting period is closed."),
)

Decision = StatementApproved | StatementReturned
Answer = InvoicePosted | InvoiceRejected


def decisions(drafts: Sequence[tuple[BillingStatement, date]], before: int, seed: int) -> Iterator[Decision]:
    """One for each draft, with the day on which it was made; a second revision is always approved."""
    for number, (draft, made_on) in enumerate(drafts, start=before + 1):
        random = stream(seed, f"draft/{draft.statement_id}/{draft.revision}")
        day = nth_workday(made_on + timedelta(days=1), between(random, *WORKDAYS_TO_DECIDE))
        at = instant(day, 10 * HOUR, "UTC") + number % 7200 * SECOND
        if number % RETURNED[0] == RETURNED[1] and draft.revision == 1:
            yield returned(draft, at, REASONS[number % len(REASONS)])
        else:
            yield approved(draft, at)


def approved(draft: BillingStatement, at: Instant) -> StatementApproved:
    asks, approves = finance_of(draft)
    return StatementApproved(
        **stamped(PSA, f"{draft.statement_id}-{draft.revision}-approved", at),
        statement_id=draft.statement_id,
        revision=draft.revision,
        approved_by=approves,
        engagement_id=engagement_of(draft.statement_id),
        requested_by=asks,
    )


def returned(draft: BillingStatement, at: Instant, reason: str) -> StatementReturned:
    _, approves = finance_of(draft)
    return StatementReturned(
        **stamped(PSA, f"{draft.statement_id}-{draft.revision}-returned", at),
        statement_id=draft.statement_id,
        revision=draft.revision,
        reason=reason,
        engagement_id=engagement_of(draft.statement_id),
        requested_by=approves,
    )


class NoStatements(ValueError):
    """There is nothing that could be invoiced."""


class NewestStatement(NamedTuple):
    """The newest revision of a statement, and since when it stands."""

    statement: BillingStatement
    at: Instant


def newest_statements(output: Path) -> list[NewestStatement]:
    """The newest revision of each statement; ordered by when it was made, then by id."""
    paths = sorted(path for path in output.rglob("*.avro") if path.parent.name == STATEMENTS)
    if not paths:
        raise NoStatements(f"{output}: expected a folder {STATEMENTS} in it; give the output of `milepost run`")
    newest: dict[str, NewestStatement] = {}
    for path in paths:
        for position, record in decode_output_file(path):
            if isinstance(record, BillingStatement) and record.part == 1:
                before = newest.get(record.statement_id)
                if before is None or before.statement.revision <= record.revision:
                    newest[record.statement_id] = NewestStatement(record, position.recorded_at)
    return sorted(newest.values(), key=lambda each: (each.at, each.statement.statement_id))


def day_of(at: Instant) -> date:
    return date.fromordinal(universal_day(at))


def answers(new: Sequence[NewestStatement], before: int, seed: int) -> Iterator[Answer]:
    """One invoice for each statement; now and then a refusal or a wrong amount comes first."""
    for number, (statement, issued_at) in enumerate(new, start=before + 1):
        random = stream(seed, f"invoice/{statement.statement_id}")
        day = nth_workday(day_of(issued_at) + timedelta(days=1), between(random, *WORKDAYS_TO_INVOICE))
        right = nth_workday(day + timedelta(days=1), WORKDAYS_TO_PUT_RIGHT)
        if number % REFUSED[0] == REFUSED[1]:
            yield refused(statement, number, day)
            yield posted(statement, f"INV-{number:06}", number, right)
        elif number % MISTYPED[0] == MISTYPED[1]:
            wrong = posted(statement, f"INV-{number:06}", number, day)
            yield wrong._replace(amount=wrong.amount + 100 * AMOUNT_ONE)
            yield posted(statement, f"INV-{number:06}-B", number, right)
        else:
            yield posted(statement, f"INV-{number:06}", number, day)


def posted(statement: BillingStatement, invoice_id: str, number: int, day: date) -> InvoicePosted:
    at = posting_time(number, day)
    return InvoicePosted(
        **stamped(ERP, invoice_id, at),
        invoice_id=invoice_id,
        posted_on=day,
        amount=statement.amount_due,
        engagement_id=engagement_of(statement.statement_id),
        tax_amount=sum(tax.amount for tax in statement.tax),
        statement_id=statement.statement_id,
    )


def refused(statement: BillingStatement, number: int, day: date) -> InvoiceRejected:
    at = posting_time(number, day)
    code, message = REFUSALS[number % len(REFUSALS)]
    return InvoiceRejected(
        **stamped(ERP, f"refused-{number:06}", at),
        code=code,
        message=message,
        engagement_id=engagement_of(statement.statement_id),
        statement_id=statement.statement_id,
    )


def posting_time(number: int, day: date) -> Instant:
    """In the afternoon, one after the other."""
    return instant(day, 14 * HOUR, "UTC") + number % 7200 * SECOND


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
