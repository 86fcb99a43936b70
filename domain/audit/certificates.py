"""Certificates of closes say what the journals before them come to, number themselves without a gap, and name the one before."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import CERTIFICATES, CONTROL_TOTALS, SeenOutput, Violation, violation
from domain.counting import counted
from domain.ledger.period_sums import Certified, PeriodSums, certified_as, marks_text, trial_balance_of
from domain.money import format_amount
from domain.outputs import CertifiedAccount, CloseCertificate, ControlTotals, JournalEntry
from domain.units import Amount


class PostedTotals:
    """Control totals say what was posted before them; a receiver compares them with its ledger.

    Count and sums of journals by legal entity and currency.
    """

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
            yield violation(CONTROL_TOTALS, seen, subject, _posted_text(*expected), _posted_text(*found))
        if stated.output_chain != chain.hex():
            yield violation(CONTROL_TOTALS, seen, subject, f"output chain {chain.hex()}", stated.output_chain)
        if stated.last_output_seq != seen.position.output_seq - 1:
            expected_seq = f"last output_seq {seen.position.output_seq - 1}"
            yield violation(CONTROL_TOTALS, seen, subject, expected_seq, stated.last_output_seq)


class CertifiedPeriods:
    """Journals by legal entity and accounting period."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, dict[str, PeriodSums]] = {}
        # The last of each company, and of each of its periods.
        self._last: dict[str, Certified] = {}
        self._of_period: dict[tuple[str, str], Certified] = {}

    def add(self, journal: JournalEntry, content: bytes) -> None:
        periods = self._sums.setdefault(journal.legal_entity_id, {})
        if journal.period not in periods:
            periods[journal.period] = PeriodSums()
        periods[journal.period].add(journal, content)

    def see(self, seen: SeenOutput, said: CloseCertificate, chain: bytes) -> Iterator[Violation]:
        """`chain` is that of all outputs before it."""
        self.count += 1
        entity_id, subject = said.legal_entity_id, f"{said.legal_entity_id} {said.period}"
        periods = self._sums.get(entity_id, {})
        sums = periods.get(said.period) or PeriodSums()
        last, had = self._last.get(entity_id), self._of_period.get((entity_id, said.period))
        compared: list[tuple[object, object]] = [
            (counted(sums.journals, "journal"), counted(said.journal_count, "journal")),
            (f"number {last.number + 1 if last is not None else 1}", f"number {said.number}"),
            (_previous(last.seal if last is not None else None), _previous(said.previous)),
            (_replaces(had.number, had.journals) if had is not None else NONE, _replaced(said)),
            (f"output chain {chain.hex()}", f"output chain {said.output_chain}"),
            (f"last output_seq {seen.position.output_seq - 1}", f"last output_seq {said.last_output_seq}"),
            *_accounts(tuple(trial_balance_of(periods, said.period, had)), said.accounts),
            *_currencies(sums, said),
        ]
        if (marks := marks_text(sums.marks)) != said.marks:
            compared.append((f"marks {marks}", f"marks {said.marks}"))
        for expected, found in compared:
            if expected != found:
                yield violation(CERTIFICATES, seen, subject, expected, found)

    def keep(self, said: CloseCertificate, content: bytes) -> None:
        """`content` are its bytes without its place among the outputs."""
        made = certified_as(said, content)
        self._last[said.legal_entity_id] = self._of_period[said.legal_entity_id, said.period] = made


NONE = "replaces none"


def _previous(seal: str | None) -> str:
    return f"the certificate before it {seal or 'none'}"


def _replaces(number: int, journals: int | None) -> str:
    return f"replaces {number} of {counted(journals or 0, 'journal')}"


def _replaced(said: CloseCertificate) -> str:
    return _replaces(said.replaces, said.replaced_journals) if said.replaces is not None else NONE


def _accounts(expected: tuple[CertifiedAccount, ...], found: tuple[CertifiedAccount, ...]) -> Iterator[tuple[str, str]]:
    """Also of an account that the certificate does not have, or has with nothing on it."""
    one, other = ({each.account: each for each in of} for of in (expected, found))
    for account in sorted({*one, *other}):
        yield _text(account, one.get(account)), _text(account, other.get(account))


def _text(account: str, of: CertifiedAccount | None) -> str:
    opening, debits, credits_ = (of.opening, of.debits, of.credits) if of is not None else (0, 0, 0)
    had = ""
    if of is not None and of.certified_movement is not None:
        before = format_amount(of.certified_opening or 0), format_amount(of.certified_movement)
        had = f"; certified before with opening {before[0]}, movement {before[1]}"
    return f"{account} opening {format_amount(opening)}, debits {format_amount(debits)}, credits {format_amount(credits_)}{had}"


def _currencies(sums: PeriodSums, said: CloseCertificate) -> Iterator[tuple[str, str]]:
    found = {each.currency: (each.journal_count, each.debits, each.credits) for each in said.currencies}
    for currency in sorted({*sums.currencies, *found}):
        one, other = sums.currencies.get(currency, (0, 0, 0)), found.get(currency, (0, 0, 0))
        yield f"{currency} {_posted_text(*one)}", f"{currency} {_posted_text(*other)}"


def _posted_text(count: int, debited: Amount, credited: Amount) -> str:
    return f"{counted(count, 'journal')}, debits {format_amount(debited)}, credits {format_amount(credited)}"
