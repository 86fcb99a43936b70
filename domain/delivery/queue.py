"""The queue of an ERP account: which documents go to it now, and what becomes of them."""

from typing import NamedTuple

from domain.units import Instant


class Intent(NamedTuple):
    """That a document is about to be sent; durable before the call."""

    key: str
    entity: str
    attempt: int
    body_hash: str
    at: Instant
