"""How far delivery is with what it has: rows of plain values, kept in its store."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from domain.delivery.answers import Answer, Rejection
from domain.delivery.documents import Document
from domain.delivery.outcomes import Taken
from domain.units import Instant

# Of the time from which the ERP can be asked for what may have been sent: nothing was, for delivery begins with this store.
NEVER_SENT: Final = 0

# Of a parcel.
PROBE: Final = "probe"  # may have been sent by a delivery whose store is lost: looked up first
TO_SEND: Final = "to_send"
SENT: Final = "sent"
TAKEN: Final = "accepted"
REFUSED: Final = "rejected"

# Of what has no parcel any more, beside POSTED.
REPLACED: Final = "replaced"  # its period was refused: the books post it in the first one that is open
WITHDRAWN: Final = "withdrawn"  # the books took it back before it was sent
INVOICED_BY_HAND: Final = "invoiced_by_hand"  # a statement: somebody else invoiced it before it was sent
# Of what never had one.
NOT_DELIVERED: Final = "not_delivered"
WAITING: Final = "waiting"  # its day, or accounting period, is not over

# Of a parcel that is refused for what the chart lacks.
UNMAPPED: Final = "unmapped"

# Of a document.
READY: Final = "ready"
OPEN: Final = "open"  # a call is under way
UNKNOWN: Final = "unknown"  # a call has ended, or died, without a word of what it did
SUBMITTED: Final = "submitted"
ACCEPTED: Final = "accepted"
POSTED: Final = "posted"
REJECTED: Final = "rejected"


class Parcel(NamedTuple):
    """What stands or falls together: journals of one document, or a statement.

    `number` is its own, `order` that of the group it came from. `reverses` and `replaces` are pairs of a member and the journal that it
    reverses or replaces. `chart` is the digest of the chart that it was refused under, `keys` are of its documents once
    they are made, `withdrawn` are members that the books have taken back. `supersedes` are the earlier revisions of a statement.
    `is_unsent`: one that is to be looked up was not sent before, for there was no delivery before. `is_invoiced`: a statement of which the
    books have an invoice.
    """

    number: int
    order: int
    kind: str
    entity: str
    members: tuple[str, ...]
    reverses: tuple[tuple[str, str], ...] = ()
    replaces: tuple[tuple[str, str], ...] = ()
    state: str = TO_SEND
    attempt: int = 0
    not_before: Instant = 0
    chart: str = ""
    rejection: Rejection | None = None
    keys: tuple[str, ...] = ()
    came_at: Instant = 0
    withdrawn: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    is_unsent: bool = False
    is_invoiced: bool = False


class Standing(NamedTuple):
    """A document as it was sent. `since` is when a call may have begun at the latest that may still have an effect.

    `failures` counts calls in a row that brought nothing new, `not_before` is when the next may be.
    """

    key: str
    parcel: int
    document: Document
    state: str = READY
    attempt: int = 0
    body_hash: str = ""
    since: Instant = 0
    failures: int = 0
    not_before: Instant = 0
    ticket: str = ""
    taken: Taken | None = None
    rejection: Rejection | None = None


class Settled(NamedTuple):
    """What is left of a document that is in the ledger."""

    key: str
    reference: str
    posted_on: date
    members: tuple[str, ...]


class Ended(NamedTuple):
    """Journals, or a statement, that nothing is done about any more: in the ledger, taken there by a delivery before this one,
    replaced, withdrawn, or invoiced by somebody else. `documents` are those that the ERP has.
    """

    standing: str
    documents: int
    members: tuple[str, ...]


class Changes:
    """What has changed since it was last kept; None: the row is gone. All of it is kept at once or nothing."""

    __slots__ = ("answers", "closed", "ended", "parcels", "settled", "standings")

    def __init__(self) -> None:
        self.parcels: dict[int, Parcel | None] = {}
        self.standings: dict[str, Standing | None] = {}
        self.closed: dict[str, str | None] = {}
        self.settled: list[Settled] = []
        self.ended: list[Ended] = []
        self.answers: list[Answer] = []

    def __bool__(self) -> bool:
        return bool(self.parcels or self.standings or self.closed or self.settled or self.ended or self.answers)


class StoredStandings(NamedTuple):
    """What a store gives back. `closed` are journals that will not be in the ledger, each with the one that a replacement will name."""

    parcels: tuple[Parcel, ...] = ()
    standings: tuple[Standing, ...] = ()
    closed: tuple[tuple[str, str], ...] = ()


NOTHING_KEPT: Final = StoredStandings()
