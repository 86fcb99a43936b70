"""What an ERP's answers are to the books: events with ids that the same answer gives again, on any run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from domain.delivery.documents import INVOICE, Document, InvoiceDocument, key_of
from domain.delivery.outcomes import Taken
from domain.event_faults import YEARS
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.identity import fault_of_id
from domain.policy_faults import Fault, exchange_rate_faults
from domain.units import DECIMALS, Instant

Answer: TypeAlias = PostingAccepted | PostingRejected | InvoicePosted | InvoiceRejected
KINDS: Final = (PostingAccepted, PostingRejected, InvoicePosted, InvoiceRejected)

# States of `PostingAccepted`.
ACCEPTED: Final = "accepted"
POSTED: Final = "posted"

# Why, of `PostingRejected`.
DATA: Final = "data"
PERIOD: Final = "period"
ACCOUNT: Final = "account"


class Rejection(NamedTuple):
    """`because` is data, period or account; code, message and field are the ERP's own, or ours of what the chart lacks."""

    because: str
    code: str
    message: str
    field: str = ""


class AnswerSubject(NamedTuple):
    """What an answer is about: journals, or a statement, of an attempt. `key` is the document's."""

    erp: str
    kind: str
    members: tuple[str, ...]
    key: str
    attempt: int
    correlation_id: str | None = None


def accepted(
    about: AnswerSubject, documents: Sequence[Document], taken: Sequence[Taken], now: Instant
) -> Answer | None:
    """Of all documents of a journal or group together; None where there is nothing to say, of an invoice that is not posted yet."""
    state = POSTED if all(each.is_posted for each in taken) else ACCEPTED
    first = taken[0]
    if about.kind == INVOICE:
        document = documents[0]
        assert isinstance(document, InvoiceDocument), "a statement is sent as an invoice"
        if state == ACCEPTED:
            return None
        return InvoicePosted(
            event_id=_event_id(about, state),
            occurred_at=now,
            source=about.erp,
            invoice_id=first.reference,
            posted_on=first.posted_on,
            amount=document.amount,
            tax_amount=document.tax_amount if first.tax_amount is None else first.tax_amount,
            statement_id=document.statement_id,
            exchange_rate=first.exchange_rate,
            clears_unbilled=True,
            correlation_id=about.correlation_id,
        )
    return PostingAccepted(
        event_id=_event_id(about, state),
        occurred_at=now,
        source=about.erp,
        erp=about.erp,
        attempt=about.attempt,
        erp_reference=", ".join(each.reference for each in taken),
        posted_on=max(each.posted_on for each in taken),
        correlation_id=about.correlation_id,
        journal_id=about.members[0] if len(about.members) == 1 else None,
        batch_id=about.key,
        journals=about.members,
        state=state,
        period=first.period,
    )


def first_fault(document: Document, taken: Taken) -> Fault | None:
    """What the ERP says of a document that no answer can say: an event with it would be refused where it is published."""
    return next(_faults(document, taken), None)


def _faults(document: Document, taken: Taken) -> Iterator[Fault]:
    first, last = YEARS
    if not int(first) <= taken.posted_on.year <= int(last):
        yield "posted_on", f"expected a date of {first} to {last}, got {taken.posted_on}"
    if isinstance(document, InvoiceDocument):
        if (fault := fault_of_id(taken.reference)) is not None:
            yield "reference", fault
        digits, scale = DECIMALS["amount"]
        if taken.tax_amount is not None and abs(taken.tax_amount) >= 10**digits:
            yield "tax_amount", f"expected at most {digits - scale} digits before the point"
        yield from exchange_rate_faults("exchange_rate", taken.exchange_rate)


def rejected(about: AnswerSubject, why: Rejection, statement_id: str | None, now: Instant) -> Answer:
    if about.kind == INVOICE:
        return InvoiceRejected(
            event_id=_event_id(about, why.because),
            occurred_at=now,
            source=about.erp,
            code=why.code,
            message=why.message,
            statement_id=statement_id,
            correlation_id=about.correlation_id,
            because=why.because,
        )
    return PostingRejected(
        event_id=_event_id(about, why.because),
        occurred_at=now,
        source=about.erp,
        erp=about.erp,
        attempt=about.attempt,
        code=why.code,
        message=why.message,
        correlation_id=about.correlation_id,
        journal_id=about.members[0] if len(about.members) == 1 else None,
        batch_id=about.key,
        journals=about.members,
        because=why.because,
        field=why.field or None,
    )


def answers_of(erp: str, events: Iterable[Answer]) -> Iterator[Answer]:
    """Those that delivery to the account gave: other accounts and other systems answer too."""
    return (event for event in events if event.source == erp)


def journals_of(event: PostingAccepted | PostingRejected) -> tuple[str, ...]:
    """An answer about a batch names its journals; one about a single journal may name that alone."""
    return event.journals or ((event.journal_id,) if event.journal_id else ())


def key_and_attempt(event_id: str) -> tuple[str, int]:
    """Of an id that delivery gave; of another one nothing that is a key, or 0."""
    key, _, rest = event_id.partition(".")
    number = rest.partition(".")[0]
    return key, int(number) if number.isdecimal() else 0


def key_of_several(kind: str, members: Sequence[str], documents: Sequence[Document]) -> str:
    """The document's key; of a journal that fills several, or none, that of its members."""
    return documents[0].key if len(documents) == 1 else key_of(kind, members)


def _event_id(about: AnswerSubject, outcome: str) -> str:
    return f"{about.key}.{about.attempt}.{outcome}"
