"""Control totals say what was posted before them; a receiver compares them with its ledger."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import CONTROL_TOTALS, SeenOutput, Violation, violation
from domain.counting import counted
from domain.money import format_amount
from domain.outputs import ControlTotals, JournalEntry
from domain.units import Amount


class PostedTotals:
    """Count and sums of journals by legal entity and currency."""

    def __init__(self) -> None:
        self.count = 0
        self._totals: dict[tuple[str, str], tuple[int, Amount, Amount]] = {}

    def add(self, journal: JournalEntry) -> None:
        key = (journal.legal_entity_id, journal.currency)
        count, debited, credited = self._totals.get(key, (0, 0, 0))
        debited += sum(line.amount for line in journal.lines if line.amount > 0)
        credited -= sum(line.amount for line in journal.lines if line.amount < 0)
        self._totals[key] = (count + 1, debited, credited)

    def see(self, seen: SeenOutput, stated: ControlTotals, chain: bytes) -> Iterator[Violation]:
        """`chain` is that of all outputs before it."""
        self.count += 1
        subject = f"{stated.legal_entity_id} {stated.currency} {stated.date}"
        expected = self._totals.get((stated.legal_entity_id, stated.currency), (0, 0, 0))
        found = (stated.journal_count, stated.debits, stated.credits)
        if expected != found:
            yield violation(CONTROL_TOTALS, seen, subject, posted_text(*expected), posted_text(*found))
        if stated.output_chain != chain.hex():
            yield violation(CONTROL_TOTALS, seen, subject, f"output chain {chain.hex()}", stated.output_chain)
        if stated.last_output_seq != seen.position.output_seq - 1:
            expected_seq = f"last output_seq {seen.position.output_seq - 1}"
            yield violation(CONTROL_TOTALS, seen, subject, expected_seq, stated.last_output_seq)


def posted_text(count: int, debited: Amount, credited: Amount) -> str:
    return f"{counted(count, 'journal')}, debits {format_amount(debited)}, credits {format_amount(credited)}"
