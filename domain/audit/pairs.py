"""What companies of the group charge each other stands in both, in one event and in one currency, so that the group has nothing of it.

Each company revalues its own half, in its own ledger: nothing of that stands in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import Checked, SeenOutput, Violation, violation
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY, INTERCOMPANY_COST, INTERCOMPANY_REVENUE, is_unrealised
from domain.money import format_amount
from domain.outputs import JournalEntry

PAIRS: Final = "pairs"
PAIRED: Final = frozenset(INTERCOMPANY.accounts)
LENDS, BORROWS = frozenset({DUE_FROM, INTERCOMPANY_REVENUE}), frozenset({DUE_TO, INTERCOMPANY_COST})
Half = tuple[SeenOutput, JournalEntry]


def check(engagement: AuditedEngagement) -> Checked:
    """Posted and taken back together: by pair and the record of the log that caused it. Counted are halves."""
    made: dict[tuple[str, int, bool], list[Half]] = {}
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        if is_unrealised(journal.rule):
            continue
        if journal.pair_id is not None:
            count += 1
            key = journal.pair_id, seen.position.log_offset, journal.kind == "reversal"
            made.setdefault(key, []).append((seen, journal))
        elif any(line.account in PAIRED for line in journal.lines):
            count += 1
            accounts = ", ".join(sorted({line.account for line in journal.lines} & PAIRED))
            found.append(violation(PAIRS, seen, journal.journal_id, f"a pair_id beside {accounts}", "none"))
    for (pair_id, _, _), halves in made.items():
        found += _wrong(pair_id, halves)
    return Checked(PAIRS, count, tuple(found))


def _wrong(pair_id: str, halves: Sequence[Half]) -> Iterator[Violation]:
    seen, first = halves[-1]
    sides = [frozenset(line.account for line in journal.lines) & PAIRED for _, journal in halves]
    companies = sorted({journal.legal_entity_id for _, journal in halves})
    if sorted(sides, key=sorted) != sorted((LENDS, BORROWS), key=sorted) or len(companies) != 2:
        expected = (
            f"pair {pair_id}: {' and '.join(sorted(LENDS))} in one company, {' and '.join(sorted(BORROWS))} in another"
        )
        has = "; ".join(
            f"{' and '.join(sorted(side)) or 'none'} in {journal.legal_entity_id}"
            for side, (_, journal) in zip(sides, halves, strict=True)
        )
        yield violation(PAIRS, seen, first.journal_id, expected, has)
        return
    if len(currencies := {journal.currency for _, journal in halves}) != 1:
        expected = f"pair {pair_id} in one currency"
        yield violation(PAIRS, seen, first.journal_id, expected, " and ".join(sorted(currencies)))
        return
    for one, other in ((DUE_FROM, DUE_TO), (INTERCOMPANY_REVENUE, INTERCOMPANY_COST)):
        left = sum(line.amount for _, journal in halves for line in journal.lines if line.account in (one, other))
        if left:
            expected = f"pair {pair_id}: {one} and {other} that sum to 0 {first.currency}"
            yield violation(PAIRS, seen, first.journal_id, expected, format_amount(left, first.currency))
