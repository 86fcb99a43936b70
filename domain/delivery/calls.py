"""What delivery asks of an ERP, and what it is given to deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, TypeAlias

from domain.delivery import recovery
from domain.delivery.documents import Document
from domain.delivery.outcomes import Outcome, Said
from domain.units import Instant

SEND: Final = "send"
LOOK_UP: Final = "look_up"
POLL: Final = "poll"


class Intent(NamedTuple):
    """That a document is about to be sent; durable before the call."""

    key: str
    entity: str
    attempt: int
    body_hash: str
    at: Instant


class Call(NamedTuple):
    """`kind` is send, look_up or poll; `probed` are parcels that are looked up before they are sent for the first time.

    `accepted` are keys of what the ERP had whole when it was last asked, or so it was published.
    """

    kind: str
    entity: str
    documents: tuple[Document, ...]
    at: Instant
    intents: tuple[Intent, ...] = ()
    ticket: str = ""
    probed: tuple[int, ...] = ()
    accepted: frozenset[str] = frozenset()


# What a call gives: outcomes of documents in their order, None of a batch that is still at work, or for look_up what was found by key.
Result: TypeAlias = list[Outcome] | Mapping[str, Said] | Outcome | None


class CallMaking(recovery.Making, Protocol):
    def chart(self, entity: str) -> str:
        """A digest: another one may map what could not be mapped or was refused."""


class CallTerms(NamedTuple):
    """What the ERP takes: documents a call, calls at once and a minute (0: no limit), how long a call may last, documents a look-up."""

    documents: int = 1
    concurrent: int = 1
    per_minute: int = 0
    call_seconds: float = 60
    looked_up: int = 200


class Given(NamedTuple):
    """A group or a statement to deliver. `reverses` and `replaces` are pairs of a member and another journal.

    `supersedes` are the earlier revisions of a statement, the first one first, and `withdrawn` members that the books had taken back.
    """

    kind: str
    entity: str
    members: tuple[str, ...]
    reverses: tuple[tuple[str, str], ...] = ()
    replaces: tuple[tuple[str, str], ...] = ()
    supersedes: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
