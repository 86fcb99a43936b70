"""What adapters share whose ERP answers each document when it is sent, one call a document, and has nothing to poll."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from connectors.erp.adapter import NO_TRACE, Limits, TraceContext
from connectors.erp.session import Session, is_one_call
from domain.delivery.documents import Document
from domain.delivery.outcomes import Outcome


class AtOnce(ABC):
    """The rest of the port is the adapter's own: `_send`, `look_up`, `ledger` and `check`."""

    ERP: ClassVar[str]

    def __init__(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    @property
    def limits(self) -> Limits:
        return self._limits

    @is_one_call
    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        return [self._send(document, trace) for document in documents]

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        raise AssertionError(
            f"{self.ERP} answers at once; nothing was submitted as {ticket} for {len(documents)} documents"
        )

    def close(self) -> None:
        self._session.close()

    @abstractmethod
    def _send(self, document: Document, trace: TraceContext) -> Outcome: ...
