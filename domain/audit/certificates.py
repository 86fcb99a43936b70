"""Certificates of closes say what the journals before them come to, and number themselves without a gap."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import CERTIFICATES, SeenOutput, Violation, violation
from domain.ledger.period_sums import PeriodSums, marks_text, trial_balance_of
from domain.money import format_amount
from domain.outputs import CertifiedAccount, CloseCertificate, JournalEntry


class CertifiedPeriods:
    """Journals by legal entity and accounting period."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, dict[str, PeriodSums]] = {}
        self._numbers: dict[str, int] = {}

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
        compared: list[tuple[object, object]] = [
            (f"{sums.journals:,} journals", f"{said.journal_count:,} journals"),
            (f"number {self._numbers.get(entity_id, 0) + 1}", f"number {said.number}"),
            (f"output chain {chain.hex()}", f"output chain {said.output_chain}"),
            (f"last output_seq {seen.position.output_seq - 1}", f"last output_seq {said.last_output_seq}"),
            *_accounts(tuple(trial_balance_of(periods, said.period, None)), said.accounts),
            *_currencies(sums, said),
        ]
        if (marks := marks_text(sums.marks)) != said.marks:
            compared.append((f"marks {marks}", f"marks {said.marks}"))
        for expected, found in compared:
            if expected != found:
                yield violation(CERTIFICATES, seen, subject, expected, found)
        self._numbers[entity_id] = said.number


def _accounts(expected: tuple[CertifiedAccount, ...], found: tuple[CertifiedAccount, ...]) -> Iterator[tuple[str, str]]:
    """Also of an account that the certificate does not have, or has with nothing on it."""
    one, other = ({each.account: each for each in of} for of in (expected, found))
    for account in sorted({*one, *other}):
        yield _text(account, one.get(account)), _text(account, other.get(account))


def _text(account: str, of: CertifiedAccount | None) -> str:
    opening, debits, credits_ = (of.opening, of.debits, of.credits) if of is not None else (0, 0, 0)
    return (
        f"{account} opening {format_amount(opening)}, debits {format_amount(debits)}, credits {format_amount(credits_)}"
    )


def _currencies(sums: PeriodSums, said: CloseCertificate) -> Iterator[tuple[str, str]]:
    found = {each.currency: (each.journal_count, each.debits, each.credits) for each in said.currencies}
    for currency in sorted({*sums.currencies, *found}):
        one, other = sums.currencies.get(currency, (0, 0, 0)), found.get(currency, (0, 0, 0))
        yield f"{currency} {_sums_text(*one)}", f"{currency} {_sums_text(*other)}"


def _sums_text(count: int, debits: int, credits_: int) -> str:
    return f"{count:,} journals, debits {format_amount(debits)}, credits {format_amount(credits_)}"
