"""Documents that go to an ERP through the queue, by a clock of their own: nothing waits, and each call takes a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.erp.adapter import Calls
from domain.delivery.calls import LOOK_UP, SEND, Call, CallTerms, Given, Result
from domain.delivery.documents import JOURNAL, JournalDocument
from domain.delivery.pace import seconds
from domain.delivery.queue import DeliveryQueue
from domain.delivery.standings import Parcel

LAST = seconds(7 * 86_400)


class Each:
    """Every journal is a document by itself."""

    def __init__(self, documents: Sequence[JournalDocument]) -> None:
        self._documents = {each.members[0]: each for each in documents}

    def documents(self, parcel: Parcel) -> tuple[JournalDocument, ...]:
        return (self._documents[parcel.members[0]],)

    def halves(self, parcel: Parcel) -> Sequence[tuple[str, ...]]:
        raise AssertionError(f"{parcel.members}: one journal has no halves")

    def reference(self, key: str) -> None:
        """None is in a ledger before it was sent here."""

    def chart(self, entity: str) -> str:
        return entity


def delivered(
    erp: Calls,
    documents: Sequence[JournalDocument],
    after: Callable[[Call, Result], None] = lambda _call, _result: None,
) -> DeliveryQueue:
    """When all that can be done is done; `after` sees each call with what it gave."""
    limits = erp.limits
    terms = CallTerms(limits.documents, 1, 0, limits.call_seconds, limits.looked_up)
    queue = DeliveryQueue("books", Each(documents), terms)
    now = seconds(1)
    queue.add([Given(JOURNAL, each.legal_entity_id, each.members) for each in documents], now)
    while queue.at_hand and now < LAST:
        for call in queue.calls(now, 1):
            result = _made(erp, call)
            after(call, result)
            now += seconds(1)
            queue.took(call, result, now)
        now = max(now, queue.next_at(now) or LAST)
    return queue


def _made(erp: Calls, call: Call) -> Result:
    if call.kind == SEND:
        return list(erp.send(call.documents))
    if call.kind == LOOK_UP:
        return erp.look_up(call.documents)
    polled = erp.poll(call.ticket, call.documents)
    return None if polled is None else list(polled)
