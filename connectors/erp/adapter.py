"""What every ERP adapter does: send, ask by key, read the ledger, say whether it can be reached.

An adapter changes nothing of a document, keeps nothing between calls but its token, and is called by several threads at once. It never
tries a document again by itself: attempts are counted and made durable by who calls it. What it cannot classify is `Uncertain`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol, TypeVar

from connectors.erp.answers import said
from domain.delivery.documents import Document
from domain.delivery.ledgers import LedgerEntry, LedgerScope
from domain.delivery.outcomes import CREDENTIALS, NOT_PERMITTED, NotSent, Outcome, Said, Throttled, Trouble

T = TypeVar("T")


class Limits(NamedTuple):
    """What an ERP takes: lines a journal, documents a call, calls at once and a minute (0: no limit by the minute).

    `call_seconds` is how long one of send, look_up and poll may last, all its requests together: the next process waits so long for
    those of one that has died. `looked_up` is how many documents are looked up in one call, as many as one query has room for: a query
    that is throttled loses what those before it have found. `reads_invoices`: its ledger has invoices under our key, with what the
    customer owes; else no invoice is compared. `segments` are the names that a chart's segments may have; None: any.
    """

    lines: int = 1_000
    documents: int = 1
    concurrent: int = 1
    per_minute: int = 0
    call_seconds: float = 60.0
    looked_up: int = 200
    reads_invoices: bool = True
    segments: tuple[str, ...] | None = None


class ErpFinding(NamedTuple):
    """One thing that was looked at: what, whether it is as it must be, what was found, what to do.

    With what is not `is_needed` delivery can work all the same.
    """

    subject: str
    is_right: bool
    found: str
    remedy: str = ""
    is_needed: bool = True


class TraceContext(NamedTuple):
    """What travels from the producer's header to the ERP's call: W3C `traceparent` and `tracestate`, and our own correlation id."""

    traceparent: str = ""
    tracestate: str = ""
    correlation_id: str = ""


NO_TRACE = TraceContext()


class Calls(Protocol):
    """What delivery calls."""

    @property
    def limits(self) -> Limits: ...

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        """One outcome a document, in their order; at most `limits.documents` at once. Raises nothing for what an ERP may answer."""

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        """What became of documents that were submitted; None while the ERP is at work. Interfaces that answer at once are never asked."""

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        """By key, of those that the ERP has whole; of one that it has in part the adapter takes the part back first.

        Of what it had and refuses to post, the rejection: nothing of it is there any more. Of what may be there and was not seen
        whole, its trouble.

        `accepted` are keys that the ERP had whole: what is left of them is somebody's doing there, and stays.

        An outcome (throttled, not sent, uncertain) where the ERP could not be asked: nothing is known of any then.
        """

    def close(self) -> None: ...


class Erp(Calls, Protocol):
    """One account of one ERP."""

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """What the ERP holds. Raises ErpUnreadable."""

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        """Whether it can be reached, who we are there, what we may, and whether each of our companies takes journals of that day.

        Never a secret in it.
        """


def readable(subject: str, found: list[Any] | Trouble, url: str, otherwise: str) -> ErpFinding:
    """What came of a question of `check`; `otherwise` is what to do where the ERP was reached, knew us and refused."""
    if isinstance(found, list):
        return ErpFinding(subject, True, "readable")
    return ErpFinding(subject, False, said(found), _remedy(found, url, otherwise))


def _remedy(trouble: Trouble, url: str, otherwise: str) -> str:
    match trouble:
        case Throttled():
            return "try again later, or lower concurrent and per_minute"
        case NotSent(why) if why == CREDENTIALS:
            return "correct the credentials under auth: who we are, its secret and its token_url"
        case NotSent(why) if why == NOT_PERMITTED:
            return otherwise
        case _:
            return f"check that url = {url} is the address of its API, and that this machine may call there"


def period_found(subject: str, subsidiary: str, on: date, closed: bool | Trouble, url: str) -> ErpFinding:
    """What the ERP said of the period that a day is in."""
    subject = f"{subject}, company {subsidiary}, period of {on}"
    if not isinstance(closed, bool):
        return readable(subject, closed, url, "let our user read the ERP's accounting periods")._replace(
            is_needed=False
        )
    remedy = "open it there; what is sent meanwhile is refused, and posted again on the first open day"
    return ErpFinding(subject, not closed, "closed" if closed else "not closed", remedy * closed, is_needed=False)


class ErpUnreadable(Exception):
    """The ERP could not be read to the end; the message says what was asked, what came and what to do, and no secret."""


def read_whole(erp: str, found: list[T] | Trouble) -> list[T]:
    """Raises ErpUnreadable."""
    if isinstance(found, list):
        return found
    raise ErpUnreadable(f"{erp}'s ledger could not be read to the end: {said(found)}; nothing is compared, try again")
