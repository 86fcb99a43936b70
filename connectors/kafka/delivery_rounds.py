"""What delivery to an ERP account says on `delivery.<generation>`: one record an account, the last one counts.

It is written in a transaction before each round of calls. So a process that was replaced learns of it before it calls, and
the one that replaces it knows whether calls of the other may still be under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from connectors.kafka.clients import Clients
from connectors.kafka.names import Names
from connectors.kafka.partitions import all_records
from state.guards import PROGRESS_MISSING, GuardStop


class SendIntent(NamedTuple):
    """One document that is about to be sent."""

    key: str
    attempt: int
    body_hash: str


class StoredRound(NamedTuple):
    """`is_open` until the process ended in order with no call under way; `places` is what was read of each partition.

    `holder` is the token of the process, which stands beside its store too: a store that does not know the last one is an older copy, or
    another's, and cannot say what was sent.
    """

    number: int = 0
    is_open: bool = False
    calls: Sequence[SendIntent] = ()
    places: Mapping[str, int] = {}
    holder: str = ""


def to_bytes(found: StoredRound) -> bytes:
    """The same bytes for equal values."""
    plain = {**found._asdict(), "calls": [call._asdict() for call in found.calls]}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def from_bytes(value: bytes) -> StoredRound:
    """Raises ValueError for what no delivery has written."""
    try:
        found: Any = orjson.loads(value)
        return StoredRound(**{**found, "calls": tuple(SendIntent(**call) for call in found["calls"])})
    except (TypeError, KeyError) as fault:
        raise ValueError(f"expected an object with {', '.join(StoredRound._fields)}") from fault


def last_rounds(clients: Clients, names: Names, timeout: float) -> dict[str, StoredRound]:
    """By ERP account. Raises GuardStop for a record that delivery has not written."""
    found = {}
    for message in all_records(clients, [(names.delivery, 0)], timeout):
        try:
            found[(message.key() or b"").decode()] = from_bytes(message.value() or b"")
        except ValueError as fault:
            raise GuardStop(
                PROGRESS_MISSING,
                f"{names.delivery}, offset {message.offset()}: the record cannot be read: {fault}. Only delivery may write to this "
                "topic; find out who did",
            ) from fault
    return found
