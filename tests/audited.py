"""What `milepost verify` says of books that a test has folded: the promises of an audit, and that rows and sums agree."""

from __future__ import annotations

from dataflows.audit_stream import EVENTS_ASIDE, aside, engagement_from
from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import accounts_of
from domain.audit.findings import Checked, SeenOutput, Violation
from domain.audit.promises import check
from domain.events.common import Policies
from domain.events.reference import LegalEntityDefined
from domain.outputs import TOPICS
from state.book_checks import EngagementBooks, books_agree
from tests.harness import Books


def audited(books: Books) -> list[Checked]:
    found = engagement_of(books)
    retold = accounts_of(found)
    kept = books.shard.store.engagement(books.engagement_id)
    rows = list(books.shard.store.entries(kept).everything())
    return [*check(found, retold), books_agree(EngagementBooks(books.engagement_id, kept.parts, rows), retold.entries)]


def violations(books: Books) -> list[Violation]:
    return [violation for checked in audited(books) for violation in checked.violations]


def engagement_of(books: Books) -> AuditedEngagement:
    """From what `verify` puts aside of the log, and all outputs."""
    policies: dict[str, list[Policies]] = {}
    for record in books.log:
        if isinstance(record.event, LegalEntityDefined):
            policies.setdefault(record.event.legal_entity_id, []).append(record.event.policies or Policies())
    own = (record for record in books.log if record.engagement_id == books.engagement_id)
    put_aside = [
        aside(record.offset, record.type_name, record.event) for record in own if record.type_name in EVENTS_ASIDE
    ]
    return engagement_from(books.engagement_id, put_aside, policies)._replace(outputs=seen_of(books))


def seen_of(books: Books) -> tuple[SeenOutput, ...]:
    return tuple(SeenOutput(TOPICS[type(each.record).__name__], each.position, each.record) for each in books.folded)
