"""One engagement's outputs and terms, as an audit reads them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from domain.audit.findings import Seen
from domain.audit.terms import UNKNOWN, Terms
from domain.billing.statement import ISSUED, OPEN, SUPERSEDED
from domain.events.finance import CreditMemoIssued, PaymentApplied
from domain.ledger.journal import moves_nothing
from domain.outputs import BillingStatement, JournalEntry, ProjectView, StatementLine

R = TypeVar("R", JournalEntry, BillingStatement, ProjectView)


class Engagement(NamedTuple):
    """Journals, statements and views in the order of their numbers, and the credit memos and applications of cash that were asked
    for; `has_holds` where billing was ever held."""

    engagement_id: str
    outputs: tuple[Seen, ...]
    terms: Mapping[str, Terms] = {}
    has_holds: bool = False
    memos: tuple[CreditMemoIssued, ...] = ()
    applications: tuple[PaymentApplied, ...] = ()

    @property
    def booked(self) -> Engagement:
        """Without journals that only move others to where the ERP takes them: these come to nothing."""
        kept = (one for one in self.outputs if not (isinstance(one.record, JournalEntry) and moves_nothing(one.record)))
        return self._replace(outputs=tuple(kept))

    def terms_of(self, contract_id: str) -> Terms:
        return self.terms.get(contract_id, UNKNOWN)


class Whole(NamedTuple):
    """A statement with the lines of all its parts, where its last part stands."""

    seen: Seen
    statement: BillingStatement
    lines: tuple[StatementLine, ...]


def records(outputs: Iterable[Seen], kind: type[R]) -> Iterator[tuple[Seen, R]]:
    for seen in outputs:
        if isinstance(seen.record, kind):
            yield seen, seen.record


def issued(outputs: Iterable[Seen]) -> Iterator[tuple[Seen, BillingStatement]]:
    """As they stand: drafts, and revisions that no longer hold, bill nothing."""
    told = list(records(outputs, BillingStatement))
    gone = {(part.statement_id, part.revision) for _, part in told if part.status == SUPERSEDED}
    return (
        (seen, part) for seen, part in told if part.status == ISSUED and (part.statement_id, part.revision) not in gone
    )


def waiting(outputs: Iterable[Seen]) -> Iterator[tuple[Seen, BillingStatement]]:
    """Drafts in the revision that may be approved now."""
    newest: dict[tuple[str, int], list[tuple[Seen, BillingStatement]]] = {}
    for seen, part in records(outputs, BillingStatement):
        key = part.statement_id, part.revision
        if part.status == OPEN:
            newest.setdefault(key, []).append((seen, part))
        else:
            newest.pop(key, None)
    return (one for parts in newest.values() for one in parts)


def whole_statements(outputs: Sequence[Seen]) -> Iterator[Whole]:
    """Each statement once; its parts follow each other."""
    lines: list[StatementLine] = []
    for seen, part in issued(outputs):
        lines += part.lines
        if part.part >= part.parts:
            yield Whole(seen, part, tuple(lines))
            lines = []
