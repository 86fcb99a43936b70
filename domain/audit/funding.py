"""Sources that fund a contract: what statements say they pay is the lines', of their payer, and within their limits (R33), also if every
draft that waits were issued as it is (R26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, issued, records, waiting
from domain.audit.findings import SOURCES, Checked, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.units import Amount


class SourcePaid(NamedTuple):
    """What a source has paid on statements, and the newest of them."""

    amount: Amount
    last: SeenOutput


def sources_kept(engagement: AuditedEngagement) -> Checked:
    paid: dict[tuple[str, str], SourcePaid] = {}
    found: list[Violation] = []
    count = 0
    for seen, statement in issued(engagement.outputs):
        terms = engagement.terms_of(statement.contract_id)
        for line in statement.lines:
            count += 1
            if line.sources:
                found += _line(seen, statement, line, terms)
            for one in line.sources:
                key = (statement.contract_id, one.source_id)
                had = paid[key].amount if key in paid else 0
                paid[key] = SourcePaid(had + one.amount, seen)
    for seen, draft in waiting(engagement.outputs):
        terms = engagement.terms_of(draft.contract_id)
        found += [wrong for line in draft.lines if line.sources for wrong in _line(seen, draft, line, terms)]
    for (contract_id, source_id), claim in _claims(engagement).items():
        had = paid[contract_id, source_id].amount if (contract_id, source_id) in paid else 0
        paid[contract_id, source_id] = SourcePaid(had + claim.amount, claim.last)
    credited = _credited(engagement) if paid else {}
    for (contract_id, source_id), sums in paid.items():
        bound = engagement.terms_of(contract_id).sources.get(source_id)
        if bound is not None and bound.limit is not None:
            count += 1
            allowed = bound.limit + sum(credited.get((contract_id, one), 0) for one in bound.customers)
            if sums.amount > allowed:
                subject = f"contract {contract_id}, source {source_id}"
                expected = f"at most {format_amount(allowed)} on statements that stand, and on drafts"
                found.append(violation(SOURCES, sums.last, subject, expected, format_amount(sums.amount)))
    return Checked(SOURCES, count, tuple(found))


def _claims(engagement: AuditedEngagement) -> dict[tuple[str, str], SourcePaid]:
    """By contract and source what drafts will bill, but for those that will give back."""
    said: dict[str, dict[tuple[str, str], SourcePaid]] = {}
    for seen, draft in waiting(engagement.outputs):
        own = said.setdefault(draft.statement_id, {})
        for one in (one for line in draft.lines for one in line.sources):
            key = (draft.contract_id, one.source_id)
            own[key] = SourcePaid((own[key].amount if key in own else 0) + one.amount, seen)
    found: dict[tuple[str, str], SourcePaid] = {}
    for own in said.values():
        for key, claim in own.items():
            if claim.amount > 0:
                found[key] = SourcePaid((found[key].amount if key in found else 0) + claim.amount, claim.last)
    return found


def _line(
    seen: SeenOutput, statement: BillingStatement, line: StatementLine, terms: AuditedTerms
) -> Iterator[Violation]:
    subject = f"{statement.statement_id} line {line.line_id}, entries {', '.join(line.entries[:5])}"
    paid = sum(one.amount for one in line.sources)
    if paid != line.amount:
        yield violation(SOURCES, seen, subject, f"{format_amount(line.amount)} of its sources", format_amount(paid))
    for one in line.sources:
        bound = terms.sources.get(one.source_id)
        if terms.sources and (bound is None or statement.bill_to not in bound.customers):
            expected = f"sources of {statement.bill_to}"
            yield violation(SOURCES, seen, subject, expected, f"source {one.source_id}")


def _credited(engagement: AuditedEngagement) -> dict[tuple[str, str], Amount]:
    """By contract and payer what was credited, to be billed again or given up with the source's room: the most that it could be."""
    found: dict[tuple[str, str], Amount] = {}
    for _, journal in records(engagement.outputs, JournalEntry):
        credit = credit_of(journal)
        if credit is not None and (credit.reopens or credit.concedes):
            key = (journal.contract_id or "", journal.customer_id or "")
            found[key] = found.get(key, 0) + credit.net
    return found
