"""Sources that fund a contract: what statements say they pay is the lines', of their payer, and at any time within their limits (R33), also
if every draft that waits were issued as it is (R26)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, groupby

from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement, issued, waiting
from domain.audit.findings import SOURCES, Checked, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms, SourceBound
from domain.billing.statement import ISSUED, OPEN
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.units import Amount

# Contract and source.
SourceKey = tuple[str, str]


class SourcesPaid:
    """What statements and drafts have of each source, output by output. `limits` are those of the terms."""

    def __init__(self, limits: Mapping[SourceKey, SourceBound]) -> None:
        self._limits = limits
        self._issued: Counter[SourceKey] = Counter()
        self._drafts: dict[str, Counter[SourceKey]] = {}
        self._credited: Counter[tuple[str, str]] = Counter()
        self._last: dict[SourceKey, SeenOutput] = {}
        self._above: set[SourceKey] = set()
        self._changed = False

    def take(self, seen: SeenOutput, *, is_gone: bool) -> None:
        """`is_gone` where a later output takes back what it says."""
        match seen.record:
            case JournalEntry() as journal:
                credit = credit_of(journal)
                if credit is not None and (credit.reopens or credit.concedes):
                    # What is taken back of a row below zero may be another source's.
                    self._credited[journal.contract_id or "", journal.customer_id or ""] += max(credit.net, 0)
            case BillingStatement() as part:
                self._changed = True
                said = Counter[SourceKey]()
                for one in (one for line in part.lines for one in line.sources):
                    said[part.contract_id, one.source_id] += one.amount
                    self._last[part.contract_id, one.source_id] = seen
                if part.part == 1:
                    self._drafts.pop(part.statement_id, None)
                if part.status == OPEN:
                    _add(self._drafts.setdefault(part.statement_id, Counter()), said)
                elif part.status == ISSUED and not is_gone:
                    _add(self._issued, said)
            case _:
                pass

    def violations(self) -> Iterator[Violation]:
        """Sources that have come above their limits; drafts that will give back do not count, for others may be approved first."""
        if not self._changed:
            return
        self._changed = False
        claims = Counter[SourceKey]()
        for own in self._drafts.values():
            _add(claims, {key: amount for key, amount in own.items() if amount > 0})
        for key, seen in self._last.items():
            bound = self._limits.get(key)
            if bound is None or bound.limit is None:
                continue
            allowed = bound.limit + sum(self._credited[key[0], one] for one in bound.customers)
            amount = self._issued[key] + claims[key]
            if amount > allowed and key not in self._above:
                subject = f"contract {key[0]}, source {key[1]}"
                expected = f"at most {format_amount(allowed)} on statements that stand, and on drafts"
                yield violation(SOURCES, seen, subject, expected, format_amount(amount))
            (self._above.add if amount > allowed else self._above.discard)(key)


def _add(sums: Counter[SourceKey], amounts: Mapping[SourceKey, Amount]) -> None:
    for key, amount in amounts.items():
        sums[key] += amount


def sources_kept(engagement: AuditedEngagement) -> Checked:
    """Whenever an event has said all that it says, since a statement may be charged what another of the same event gives back."""
    found: list[Violation] = []
    count = 0
    standing = {seen.position for seen, _ in issued(engagement.outputs)}
    for seen, part in chain(issued(engagement.outputs), waiting(engagement.outputs)):
        terms = engagement.terms_of(part.contract_id)
        count += len(part.lines)
        found += [wrong for line in part.lines if line.sources for wrong in _line(seen, part, line, terms)]
    limits = {
        (contract_id, source_id): bound
        for contract_id, terms in engagement.terms.items()
        for source_id, bound in terms.sources.items()
    }
    paid = SourcesPaid(limits)
    for _, of_event in groupby(engagement.outputs, key=lambda seen: seen.position.log_offset):
        for seen in of_event:
            paid.take(seen, is_gone=seen.position not in standing)
        found += paid.violations()
    return Checked(SOURCES, count + sum(bound.limit is not None for bound in limits.values()), tuple(found))


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
