"""Each journal by itself: it balances in amounts that can be paid, earns nothing in the ledger alone, and stands in an open period."""

from __future__ import annotations

from collections.abc import Iterator

from domain.accounts import REVENUE
from domain.audit.findings import JOURNALS, PERIODS, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.ledger.journal import NEVER_ACCEPTED
from domain.money import format_amount, is_currency, smallest_unit
from domain.outputs import JournalEntry
from domain.reference import fiscal
from domain.work.rows import ROWS


def balances(seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
    """Debits and credits are equal in both currencies, and no line says nothing."""
    amounts = [line.amount for line in journal.lines]
    ledger = [line.ledger_amount for line in journal.lines]
    for sides, where in ((amounts, journal.currency), (ledger, f"{journal.ledger_currency} in the ledger")):
        if sum(sides):
            debits, owed = sum(each for each in sides if each > 0), -sum(each for each in sides if each < 0)
            found = (
                f"{format_amount(sum(sides))} {where}: debits {format_amount(debits)}, credits {format_amount(owed)}"
            )
            yield violation(JOURNALS, seen, journal.journal_id, "lines that sum to 0", found)
    yield from _in_units(seen, journal)
    if not journal.lines or not all(line.amount or line.ledger_amount for line in journal.lines):
        yield violation(JOURNALS, seen, journal.journal_id, "lines that are not zero", "a line at zero, or none")
    yield from _revenue_alone(seen, journal)


def _revenue_alone(seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
    """Value of an entry that moves from one account to another does so at the ledger amount that it carries."""
    if journal.kind != "difference" or journal.affected_kind not in ROWS:
        return
    for line in journal.lines:
        if line.account in REVENUE and not line.amount:
            expected = f"no revenue in {journal.ledger_currency} where there is none in {journal.currency}"
            found = f"{format_amount(line.ledger_amount)} on {line.account}"
            yield violation(JOURNALS, seen, journal.journal_id, expected, found)


def _in_units(seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
    """Nobody can pay a part of a currency's smallest unit, and no balance of such parts ever comes to zero."""
    for code, where, amounts in (
        (journal.currency, "", [line.amount for line in journal.lines]),
        (journal.ledger_currency, " in the ledger", [line.ledger_amount for line in journal.lines]),
    ):
        step = smallest_unit(code) if is_currency(code) else 1
        finer = next((amount for amount in amounts if amount % step), None)
        if finer is not None:
            expected = f"amounts{where} in whole units of {format_amount(step, code)} {code}"
            yield violation(JOURNALS, seen, journal.journal_id, expected, format_amount(finer))
    apart = [line for line in journal.lines if line.amount != line.ledger_amount]
    if journal.currency == journal.ledger_currency and apart:
        first, code = apart[0], journal.currency
        expected = f"{first.account} {format_amount(first.amount)} {code} in the ledger, whose currency it is"
        yield violation(JOURNALS, seen, journal.journal_id, expected, format_amount(first.ledger_amount))


class OpenPeriods:
    """Which accounting periods were open when a journal was made."""

    def __init__(self, reference: ReferenceSoFar) -> None:
        self.count = 0
        self._reference = reference

    def see(self, seen: SeenOutput, journal: JournalEntry) -> Iterator[Violation]:
        self.count += 1
        entity = self._reference.book.entity(journal.legal_entity_id)
        if entity is None:
            yield violation(
                PERIODS, seen, journal.journal_id, "a legal entity of the log", f"entity {journal.legal_entity_id}"
            )
            return
        own = fiscal.period_of(entity.fiscal_calendar, journal.accounting_date).name
        if journal.period != own:
            yield violation(
                PERIODS,
                seen,
                journal.journal_id,
                f"period {own} of {journal.accounting_date}",
                f"period {journal.period}",
            )
        # What the ERP never had leaves the period that it never was in there.
        if journal.rule != NEVER_ACCEPTED and own in self._reference.book.closed_periods(journal.legal_entity_id):
            yield violation(
                PERIODS,
                seen,
                journal.journal_id,
                f"a period that is open at log offset {seen.position.log_offset}",
                f"{own} of {journal.legal_entity_id}, which is closed",
            )
        if journal.ledger_currency != entity.currency:
            yield violation(
                PERIODS, seen, journal.journal_id, f"ledger currency {entity.currency}", journal.ledger_currency
            )
