"""What a company's journals come to in an accounting period, and the certificate of its close.

    May: 100.00 debited on 5000 and credited on 2150 in each of two journals
    sums      2 journals, EUR 200.00 and 200.00; 5000 debits 200.00, 2150 credits 200.00
    closing   5000 opening 0.00 + 200.00, 2150 opening 0.00 - 200.00

Every journal has a mark, the SHA-256 of what it says. The marks of a period are summed, each drawn out to 4,096 bits first: a sum has no
order, so several shards, and any batches, come to the same, and nobody finds other journals with that sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from hashlib import sha256, shake_256
from typing import NamedTuple

from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened
from domain.outputs import CertifiedAccount, CertifiedCurrency, CloseCertificate, JournalEntry
from domain.reference.fiscal import AccountingPeriod
from domain.sums import summed
from domain.units import Amount

MARKS_BYTES = 512
_MARKS_MASK = (1 << 8 * MARKS_BYTES) - 1


class Certified(NamedTuple):
    """The last certificate of a period: `accounts` has opening balance and movement of each."""

    number: int
    seal: str
    journals: int
    accounts: Mapping[str, tuple[Amount, Amount]]


class PeriodSums:
    """Of one company and accounting period; debits and credits are both positive. Owner: the shard, which adds every journal."""

    __slots__ = ("accounts", "certified", "currencies", "journals", "marks")

    def __init__(self) -> None:
        self.journals = 0
        self.marks = 0
        # Debits and credits in ledger currency.
        self.accounts: dict[str, tuple[Amount, Amount]] = {}
        # Journals, debits and credits in transaction currency.
        self.currencies: dict[str, tuple[int, Amount, Amount]] = {}
        self.certified: Certified | None = None

    def add(self, journal: JournalEntry, content: bytes) -> None:
        """`content` are the journal's bytes without its place among the outputs."""
        self.journals += 1
        self.marks = with_mark(self.marks, sha256(content).digest())
        accounts = self.accounts
        debited = credited = 0
        for account, _, amount, moved, _, _, _ in journal.lines:
            if amount > 0:
                debited += amount
            else:
                credited -= amount
            if moved:
                debits, credits_ = accounts.get(account, (0, 0))
                accounts[account] = (debits + moved, credits_) if moved > 0 else (debits, credits_ - moved)
        count, debits, credits_ = self.currencies.get(journal.currency, (0, 0, 0))
        self.currencies[journal.currency] = count + 1, debits + debited, credits_ + credited


class ClosingPlace(NamedTuple):
    """Where in log and outputs a shard stands as the period closes; `ended_to` is the last day that had ended in the company's zone."""

    ended_to: date | None
    input_chain: bytes
    output_chain: bytes
    last_output_seq: int


def with_mark(marks: int, mark: bytes) -> int:
    """The sum with the mark of one more journal."""
    return marks + int.from_bytes(shake_256(mark).digest(MARKS_BYTES), "big") & _MARKS_MASK


def marks_text(marks: int) -> str:
    return marks.to_bytes(MARKS_BYTES, "big").hex()


def marks_of(text: str) -> int:
    return int(text, 16)


def summed_marks(several: Iterable[int]) -> int:
    return sum(several) & _MARKS_MASK


def certificate(
    event: AccountingPeriodClosed,
    period: AccountingPeriod,
    ledger_currency: str,
    by_period: Mapping[str, PeriodSums],
    closed: frozenset[str],
    before: object,
    place: ClosingPlace,
) -> CloseCertificate:
    """`by_period` are all periods of the company, `closed` those that are closed by now; `before` is what was said of this one last."""
    sums = by_period.get(period.name) or PeriodSums()
    had = sums.certified
    last = max((each.certified for each in by_period.values() if each.certified), key=_number, default=None)
    reopened = before if isinstance(before, AccountingPeriodReopened) and had is not None else None
    return CloseCertificate(
        legal_entity_id=event.legal_entity_id,
        period=period.name,
        version=event.version,
        number=last.number + 1 if last is not None else 1,
        first_day=period.start,
        last_day=period.to - timedelta(days=1),
        ledger_currency=ledger_currency,
        journal_count=sums.journals,
        marks=marks_text(sums.marks),
        requested_by=event.requested_by,
        approved_by=event.approved_by,
        input_chain=place.input_chain.hex(),
        output_chain=place.output_chain.hex(),
        last_output_seq=place.last_output_seq,
        currencies=tuple(CertifiedCurrency(currency, *of) for currency, of in sorted(sums.currencies.items())),
        accounts=tuple(trial_balance_of(by_period, period.name, had)),
        ended_to=place.ended_to,
        open_before=tuple(
            name for name, of in sorted(by_period.items()) if name < period.name and of.journals and name not in closed
        ),
        reason=event.reason,
        previous=last.seal if last is not None else None,
        replaces=had.number if had is not None else None,
        replaced_journals=had.journals if had is not None else None,
        reopened_by=reopened.requested_by if reopened is not None else None,
        reopen_approved_by=reopened.approved_by if reopened is not None else None,
        reopen_reason=reopened.reason if reopened is not None else None,
        reopened_at=reopened.occurred_at if reopened is not None else None,
    )


def certified_as(made: CloseCertificate, content: bytes) -> Certified:
    """What is kept of it; `content` are its bytes without their place among the outputs."""
    accounts = {each.account: (each.opening, each.debits - each.credits) for each in made.accounts}
    return Certified(made.number, sha256(content).hexdigest(), made.journal_count, accounts)


def _number(certified: Certified) -> int:
    return certified.number


def trial_balance_of(
    by_period: Mapping[str, PeriodSums], name: str, had: Certified | None
) -> Iterable[CertifiedAccount]:
    """Every account that ever had a journal by the end of the period, also one at zero now that was certified otherwise."""
    earlier = (of.accounts for period, of in by_period.items() if period < name)
    opening = summed((account, debits - credits_) for of in earlier for account, (debits, credits_) in of.items())
    now = by_period[name].accounts if name in by_period else {}
    was = had.accounts if had is not None else {}
    for account in sorted({*opening, *now, *was}):
        opened, (debits, credits_) = opening.get(account, 0), now.get(account, (0, 0))
        if opened or debits or credits_ or account in was:
            before = was.get(account, (0, 0)) if had is not None else (None, None)
            yield CertifiedAccount(account, opened, debits, credits_, *before)
