"""One row of a product's export, the same for every product; one that is not taken, with the reason; and the sums of both."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar

from connectors.imports.priced import exact_value_of, seconds_of, value_of
from connectors.imports.readings import decimal_text
from connectors.imports.rejections import RejectedRow, RowSums

K = TypeVar("K", bound=Hashable)

HOURS_MAX = Decimal(24)
DIGEST_LENGTH = 16

REFUSED = "refused"
NOT_APPROVED = "not_approved"
NOT_WORK = "not_work"


class Named(NamedTuple):
    id: str
    name: str


class ExportRow(NamedTuple):
    """`rate` is in `currency` an hour, `cost_rate` in the company's own; None where the export states none.

    `stated_rate` stays None where a rate is assumed later, and `own_currency` is then the row's, where the rate's contract has another.
    `is_approved` is None where the export does not say.

    `billed_hours` are those that are priced, where the tracker rounds the worked ones. `billed_elsewhere` is what the
    tracker has invoiced: its cost counts, and no statement bills it.

    `key` is what stays when hours are edited: the vendor's id where `has_vendor_id`. `amount` is what the export
    says, else the time to the second x rate.
    """

    line: int
    client: Named
    project: Named
    person: Named
    role: str
    task: str | None
    note: str | None
    day: date
    hours: Decimal
    billable: bool
    rate: Decimal | None
    stated_rate: Decimal | None
    currency: str
    amount: Decimal
    cost_rate: Decimal | None
    key: tuple[str, ...]
    has_vendor_id: bool
    changed_at: int | None
    is_approved: bool | None
    cells: Mapping[str, str]
    billed_hours: Decimal | None = None
    billed_elsewhere: bool = False
    currency_before: str | None = None

    @property
    def own_currency(self) -> str:
        return self.currency_before or self.currency

    @property
    def priced_hours(self) -> Decimal:
        return self.hours if self.billed_hours is None else self.billed_hours

    @property
    def value(self) -> Decimal:
        """As the entry is priced."""
        if self.billed_hours is not None:
            return value_of(self.billed_hours, self.rate, self.currency)
        return exact_value_of(self.hours, self.rate, self.currency)

    @property
    def seconds(self) -> int | None:
        """What the hours stand for, where they do not say it exactly."""
        return seconds_of(self.hours)

    @property
    def is_billed(self) -> bool:
        return self.billable and not self.billed_elsewhere

    def digest(self) -> str:
        """Of what the row says about the work and its price, however the export writes it."""
        rate = None if self.stated_rate is None else decimal_text(self.stated_rate)
        said = (
            *self.key, self.client.id, self.project.id, self.person.id, self.task, self.note, self.day.isoformat(),
            decimal_text(self.hours), self.billable, rate, self.own_currency,
        )  # fmt: skip
        if self.billed_hours is not None:
            said = (*said, decimal_text(self.billed_hours))
        if self.billed_elsewhere:
            said = (*said, "billed elsewhere")
        return hashlib.blake2b(repr(said).encode(), digest_size=DIGEST_LENGTH // 2).hexdigest()


class NotTaken(NamedTuple):
    """A row that becomes no entry; hours and amount as far as they can be read, so that the sums meet.

    `key` is that of a refused row, as far as it can be read: the entry that it was stays its own.
    """

    status: str
    rejected: RejectedRow
    hours: Decimal | None
    amount: Decimal | None
    currency: str
    key: tuple[str, ...] | None = None


def grouped(rows: Iterable[ExportRow], key: Callable[[ExportRow], K]) -> dict[K, list[ExportRow]]:
    groups: dict[K, list[ExportRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def sums_of(rows: Iterable[ExportRow | NotTaken]) -> RowSums:
    rows = tuple(rows)
    return RowSums(
        rows=len(rows),
        unread=sum(row.hours is None for row in rows),
        hours=sum((row.hours for row in rows if row.hours is not None), Decimal(0)),
        amounts=by_currency((row.currency, row.amount) for row in rows if row.amount is not None),
    )


def by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Zero where a currency stands on rows without amount, so that sums have the same currencies."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sorted(sums.items()))
