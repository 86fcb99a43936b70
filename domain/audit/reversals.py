"""Journals never change: each comes once, and what takes one back is its exact mirror, once (R14, R49, R50)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import JOURNAL_IDS, REVERSALS, Checked, SeenOutput, Violation, violation
from domain.counting import counted
from domain.ledger.journal import moves_nothing
from domain.outputs import JournalEntry, JournalLine
from domain.work.rows import CHARGES

REVERSAL = "reversal"
# What a reversal has from the journal that it takes back.
MIRRORED = (
    "legal_entity_id",
    "currency",
    "ledger_currency",
    "exchange_rate",
    "service_date",
    "affected_kind",
    "affected_id",
    "contract_id",
    "customer_id",
)


def journals_once(engagement: AuditedEngagement) -> Checked:
    first: dict[str, tuple[SeenOutput, JournalEntry]] = {}
    found = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        count += 1
        earlier = first.setdefault(journal.journal_id, (seen, journal))
        if earlier[0] is not seen:
            what = "the same content" if earlier[1] == journal else "other content"
            expected = f"one journal of this id, at output_seq {earlier[0].position.output_seq}"
            found.append(violation(JOURNAL_IDS, seen, journal.journal_id, expected, f"another one with {what}"))
    return Checked(JOURNAL_IDS, count, tuple(found))


def reversals_mirror(engagement: AuditedEngagement) -> Checked:
    """A journal that is taken back stands again once its reversal is taken back, by the memo of one that the ERP never had."""
    made: dict[str, JournalEntry] = {}
    taken_back: dict[str, int] = {}
    found: list[Violation] = []
    count = 0
    for seen, journal in records(engagement.outputs, JournalEntry):
        if journal.replaces is not None:
            found += _replacement(seen, journal, made.get(journal.replaces))
        if journal.kind == REVERSAL or journal.reverses is not None:
            count += 1
            found += _reversal(seen, journal, made, taken_back)
        if journal.reverses is not None:
            taken_back[journal.reverses] = seen.position.output_seq
            if (original := made.get(journal.reverses)) is not None and original.reverses is not None:
                taken_back.pop(original.reverses, None)
        made[journal.journal_id] = journal
    return Checked(REVERSALS, count, tuple(found))


def _replacement(seen: SeenOutput, journal: JournalEntry, original: JournalEntry | None) -> Iterator[Violation]:
    if original is None:
        yield violation(REVERSALS, seen, journal.journal_id, f"a journal {journal.replaces} that it replaces", "none")
    elif original.lines != journal.lines or journal.accounting_date <= original.accounting_date:
        expected = f"the lines of {original.journal_id}, later than {original.accounting_date}"
        yield violation(REVERSALS, seen, journal.journal_id, expected, f"others, or {journal.accounting_date}")


def _reversal(
    seen: SeenOutput, journal: JournalEntry, made: dict[str, JournalEntry], taken_back: dict[str, int]
) -> Iterator[Violation]:
    original = made.get(journal.reverses or "")
    follows = original is not None and (original.kind != REVERSAL or moves_nothing(journal))
    if journal.kind != REVERSAL or journal.reverses is None or original is None or not follows:
        expected = "kind reversal and an earlier journal that it reverses"
        yield violation(
            REVERSALS, seen, journal.journal_id, expected, f"kind {journal.kind}, reverses {journal.reverses}"
        )
        return
    if journal.reverses in taken_back:
        expected = f"one reversal of {journal.reverses}, at output_seq {taken_back[journal.reverses]}"
        yield violation(REVERSALS, seen, journal.journal_id, expected, "a second one")
    for name in MIRRORED:
        wanted, has = getattr(original, name), getattr(journal, name)
        if wanted != has:
            yield violation(
                REVERSALS, seen, journal.journal_id, f"{name} {wanted} of {original.journal_id}", f"{name} {has}"
            )
    # What terms charged before the books begin is a memo; the ERP has it, and is sent what takes it back.
    if journal.deliver and not original.deliver and original.affected_kind not in CHARGES:
        expected = f"deliver False of {original.journal_id}"
        yield violation(REVERSALS, seen, journal.journal_id, expected, "deliver True")
    mirrored = (line._replace(amount=-line.amount, ledger_amount=-line.ledger_amount) for line in original.lines)
    wanted_lines, lines = [_plain(line) for line in mirrored], [_plain(line) for line in journal.lines]
    if wanted_lines != lines:
        expected = f"the lines of {original.journal_id} with opposite sign"
        yield violation(REVERSALS, seen, journal.journal_id, expected, _first_difference(wanted_lines, lines))


def _plain(line: JournalLine) -> tuple[Any, ...]:
    return (*line[:-1], dict(line.dimensions))


def _first_difference(wanted: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> str:
    if len(wanted) != len(found):
        return f"{counted(len(found), 'line')} instead of {len(wanted)}"
    place = next(place for place, line in enumerate(found) if line != wanted[place])
    account, purpose, amount, ledger_amount = found[place][:4]
    return f"line {place + 1}: account {account} {purpose} {amount} and {ledger_amount} in the ledger (10^-4)"
