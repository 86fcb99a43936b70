"""One engagement's outputs and terms, as an audit reads them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from domain.audit.findings import SeenOutput
from domain.audit.terms import UNKNOWN, AuditedTerms, PricedEvent
from domain.billing.statement import ISSUED, OPEN, SUPERSEDED
from domain.events.commercial import BalancesBroughtForward
from domain.events.finance import CreditMemoIssued, PaymentApplied
from domain.ledger.journal import moves_nothing
from domain.outputs import BillingStatement, ExceptionRaised, JournalEntry, ProjectView, StatementLine

R = TypeVar("R", JournalEntry, BillingStatement, ProjectView, ExceptionRaised)


class AuditedEngagement(NamedTuple):
    """Journals, statements, views and what was raised about terms in the order of their numbers, and the credit memos and applications of
    cash that were asked for; `has_holds` where billing was ever held. `priced` are terms and estimates in the order of the log, `balances`
    every version of those that were brought forward."""

    engagement_id: str
    outputs: tuple[SeenOutput, ...]
    terms: Mapping[str, AuditedTerms] = {}
    has_holds: bool = False
    memos: tuple[CreditMemoIssued, ...] = ()
    applications: tuple[PaymentApplied, ...] = ()
    priced: tuple[PricedEvent, ...] = ()
    balances: tuple[BalancesBroughtForward, ...] = ()

    @property
    def booked(self) -> AuditedEngagement:
        """Without journals that only move others to where the ERP takes them: these come to nothing."""
        kept = (one for one in self.outputs if not (isinstance(one.record, JournalEntry) and moves_nothing(one.record)))
        return self._replace(outputs=tuple(kept))

    def terms_of(self, contract_id: str) -> AuditedTerms:
        return self.terms.get(contract_id, UNKNOWN)


class WholeStatement(NamedTuple):
    """A statement with the lines of all its parts, where its last part stands."""

    seen: SeenOutput
    statement: BillingStatement
    lines: tuple[StatementLine, ...]


def records(outputs: Iterable[SeenOutput], kind: type[R]) -> Iterator[tuple[SeenOutput, R]]:
    for seen in outputs:
        if isinstance(seen.record, kind):
            yield seen, seen.record


def issued(outputs: Iterable[SeenOutput]) -> Iterator[tuple[SeenOutput, BillingStatement]]:
    """As they stand: drafts, and revisions that no longer hold, bill nothing."""
    statements = list(records(outputs, BillingStatement))
    gone = {(part.statement_id, part.revision) for _, part in statements if part.status == SUPERSEDED}
    return (
        (seen, part)
        for seen, part in statements
        if part.status == ISSUED and (part.statement_id, part.revision) not in gone
    )


def waiting(outputs: Iterable[SeenOutput]) -> Iterator[tuple[SeenOutput, BillingStatement]]:
    """Drafts in the revision that may be approved now."""
    newest: dict[tuple[str, int], list[tuple[SeenOutput, BillingStatement]]] = {}
    for seen, part in records(outputs, BillingStatement):
        key = part.statement_id, part.revision
        if part.status == OPEN:
            newest.setdefault(key, []).append((seen, part))
        else:
            newest.pop(key, None)
    return (one for parts in newest.values() for one in parts)


def whole_statements(outputs: Sequence[SeenOutput]) -> Iterator[WholeStatement]:
    """Each statement once; its parts follow each other."""
    lines: list[StatementLine] = []
    for seen, part in issued(outputs):
        lines += part.lines
        if part.part >= part.parts:
            yield WholeStatement(seen, part, tuple(lines))
            lines = []
