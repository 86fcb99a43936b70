"""Journals that wait to be sent, and parts of statements, as bytes to keep; each row's name says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.delivery.groups import PART, SEEN, SIDE, WAITING, Row, SeenJournal, ShardSide, WaitingJournal
from domain.outputs import BillingStatement

_DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    SIDE: msgspec.json.Decoder(ShardSide),
    SEEN: msgspec.json.Decoder(SeenJournal),
    WAITING: msgspec.json.Decoder(WaitingJournal),
    PART: msgspec.json.Decoder(BillingStatement),
}


def to_bytes(row: Row) -> bytes:
    return msgspec.json.encode(row)


def of_bytes(name: str, kept: bytes) -> Row:
    """Raises msgspec.DecodeError."""
    row: Row = _DECODERS[name.partition("/")[0]].decode(kept)
    return row
