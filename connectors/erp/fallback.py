"""Invoices as files while the platform that issues them is down, under the same keys, so that the platform knows them later.

What is in a file is taken, and not posted: it is never sent again, and the ERP is asked for it by key until somebody has entered it there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connectors.erp.adapter import NO_TRACE, Calls, Limits, TraceContext
from domain.delivery.documents import Document
from domain.delivery.outcomes import Outcome, Said, Taken


class InFiles:
    """In place of an ERP that is down; what it may have taken before is not asked for."""

    def __init__(self, files: Calls) -> None:
        self._files = files

    @property
    def limits(self) -> Limits:
        return self._files.limits._replace(concurrent=1)

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        outcomes = self._files.send(documents, trace)
        return [_not_posted(each) if isinstance(each, Taken) else each for each in outcomes]

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        raise AssertionError(f"{ticket}: only what is new goes into files, {len(documents)} documents are not")

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        del accepted
        raise AssertionError(f"only what is new goes into files, {len(documents)} documents are not")

    def close(self) -> None:
        self._files.close()


class BesideFiles:
    """An ERP, and the files that were written while it was down."""

    def __init__(self, erp: Calls, files: Calls) -> None:
        self._erp = erp
        self._files = files

    @property
    def limits(self) -> Limits:
        return self._erp.limits

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        return self._erp.send(documents, trace)

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        return self._erp.poll(ticket, documents)

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        found = self._erp.look_up(documents, accepted)
        if not isinstance(found, Mapping):
            return found
        written = self._files.look_up([each for each in documents if each.key not in found], accepted)
        if not isinstance(written, Mapping):
            return written
        waiting = {key: _not_posted(each) if isinstance(each, Taken) else each for key, each in written.items()}
        return {**waiting, **found}

    def close(self) -> None:
        self._erp.close()
        self._files.close()


def _not_posted(taken: Taken) -> Taken:
    return taken._replace(is_posted=False)
