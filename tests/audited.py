"""What `milepost verify` says of books that a test has folded: the promises of an audit, and that rows and sums agree."""

from __future__ import annotations

from domain.audit.engagement import Engagement
from domain.audit.entries import retell
from domain.audit.findings import Checked, Seen, Violation
from domain.audit.promises import check
from domain.audit.terms import TermsEvent, terms_of
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Policies
from domain.events.delivery import BillingHoldPlaced
from domain.events.finance import CreditMemoIssued
from domain.events.reference import LegalEntityDefined
from domain.outputs import TOPICS
from state.book_checks import EngagementBooks, books_agree
from tests.harness import Books


def audited(books: Books) -> list[Checked]:
    found = engagement_of(books)
    retold = retell(found)
    kept = books.shard.store.engagement(books.engagement_id)
    rows = list(books.shard.store.entries(kept).everything())
    return [*check(found, retold), books_agree(EngagementBooks(books.engagement_id, kept.parts, rows), retold.entries)]


def violations(books: Books) -> list[Violation]:
    return [violation for checked in audited(books) for violation in checked.violations]


def engagement_of(books: Books) -> Engagement:
    entities: dict[str, list[Policies]] = {}
    told: list[TermsEvent] = []
    memos: list[CreditMemoIssued] = []
    for record in books.log:
        match record.event:
            case LegalEntityDefined() as entity:
                entities.setdefault(entity.legal_entity_id, []).append(entity.policies or Policies())
            case ContractSigned() | ContractAmended() as terms:
                told.append(terms)
            case CreditMemoIssued() as memo:
                memos.append(memo)
            case _:
                pass
    has_holds = any(isinstance(record.event, BillingHoldPlaced) for record in books.log)
    return Engagement(books.engagement_id, seen_of(books), terms_of(told, entities), has_holds, tuple(memos))


def seen_of(books: Books) -> tuple[Seen, ...]:
    return tuple(Seen(TOPICS[type(each.record).__name__], each.position, each.record) for each in books.folded)
