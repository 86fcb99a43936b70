"""The certificate of a close: what every shard certified of a company and period, put together.

    shard 0   1 journal, 5000 debits 800.00        shard 1   2 journals, 5000 debits 300.00
    together  3 journals, 5000 debits 1,100.00, and the sum of the marks of all three

Its books are the same over however many shards a log has; its log says which records they follow from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from domain.ledger.period_sums import MARKS_BYTES, marks_of, summed_marks
from domain.outputs import CertifiedAccount, CertifiedCurrency, CloseCertificate, Position
from domain.units import Amount, Instant


class ShardCertificate(NamedTuple):
    """What a shard certified, and where it stands there."""

    position: Position
    record: CloseCertificate


class CertifiedBooks(NamedTuple):
    """Figures of the period; `digest` is that of all its journals, in whichever order they came."""

    journals: int
    digest: str
    currencies: tuple[CertifiedCurrency, ...]
    accounts: tuple[CertifiedAccount, ...]


class Reopening(NamedTuple):
    """Why the period has a certificate before this one."""

    number: int
    journals: int
    requested_by: str | None
    approved_by: str | None
    reason: str | None
    at: Instant | None


class Whole(NamedTuple):
    """`closed_at` is when the close happened, by its source."""

    entity_id: str
    period: str
    number: int
    version: int
    first_day: date
    last_day: date
    ledger_currency: str
    requested_by: str
    approved_by: str
    reason: str | None
    closed_at: Instant
    ended_to: date | None
    open_before: tuple[str, ...]
    books: CertifiedBooks
    replaces: Reopening | None
    rules_version: str
    shards: tuple[ShardCertificate, ...]


def put_together(parts: Iterable[ShardCertificate]) -> Whole:
    """One of each shard, of the same close."""
    shards = tuple(sorted(parts, key=_shard))
    position, record = shards[0]
    records = [each.record for each in shards]
    ended = [each.ended_to for each in records]
    return Whole(
        entity_id=record.legal_entity_id,
        period=record.period,
        number=record.number,
        version=record.version,
        first_day=record.first_day,
        last_day=record.last_day,
        ledger_currency=record.ledger_currency,
        requested_by=record.requested_by,
        approved_by=record.approved_by,
        reason=record.reason,
        closed_at=position.occurred_at,
        ended_to=None if None in ended else min(each for each in ended if each is not None),
        open_before=tuple(sorted({name for each in records for name in each.open_before})),
        books=_books(records),
        replaces=_reopening(records),
        rules_version=position.rules_version,
        shards=shards,
    )


def journals_digest(marks: Iterable[int]) -> str:
    """Of the marks, or of sums of them."""
    return sha256(summed_marks(marks).to_bytes(MARKS_BYTES, "big")).hexdigest()


def _shard(each: ShardCertificate) -> int:
    return each.position.shard


def _books(records: Sequence[CloseCertificate]) -> CertifiedBooks:
    currencies: dict[str, tuple[int, Amount, Amount]] = {}
    for of in (one for each in records for one in each.currencies):
        count, debits, credits_ = currencies.get(of.currency, (0, 0, 0))
        currencies[of.currency] = count + of.journal_count, debits + of.debits, credits_ + of.credits
    accounts: dict[str, CertifiedAccount] = {}
    for one in (one for each in records for one in each.accounts):
        accounts[one.account] = _added(accounts[one.account], one) if one.account in accounts else one
    return CertifiedBooks(
        sum(each.journal_count for each in records),
        journals_digest(marks_of(each.marks) for each in records),
        tuple(CertifiedCurrency(currency, *sums) for currency, sums in sorted(currencies.items())),
        tuple(_whole(each, records) for _, each in sorted(accounts.items())),
    )


def _added(one: CertifiedAccount, other: CertifiedAccount) -> CertifiedAccount:
    return CertifiedAccount(
        one.account,
        one.opening + other.opening,
        one.debits + other.debits,
        one.credits + other.credits,
        (one.certified_opening or 0) + (other.certified_opening or 0),
        (one.certified_movement or 0) + (other.certified_movement or 0),
    )


def _whole(account: CertifiedAccount, records: Sequence[CloseCertificate]) -> CertifiedAccount:
    """A first certificate has nothing before it."""
    if records[0].replaces is None:
        return account._replace(certified_opening=None, certified_movement=None)
    return account._replace(
        certified_opening=account.certified_opening or 0, certified_movement=account.certified_movement or 0
    )


def _reopening(records: Sequence[CloseCertificate]) -> Reopening | None:
    first = records[0]
    if first.replaces is None:
        return None
    return Reopening(
        first.replaces,
        sum(each.replaced_journals or 0 for each in records),
        first.reopened_by,
        first.reopen_approved_by,
        first.reopen_reason,
        first.reopened_at,
    )
