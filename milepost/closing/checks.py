"""The checks before a close: what looks for what is open, a line each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from milepost.closing.intercompany import intercompany
from milepost.closing.items import CheckResult, Closing, OpenPoint
from milepost.closing.ledgers import (
    compared,
    days_ended,
    differences,
    earlier_periods,
    exceptions,
    exchange_rates,
    not_accepted,
)
from milepost.closing.names import CHECKS
from milepost.closing.revaluation import revaluation
from milepost.closing.work import drafts, parked_work, time_missing, unbilled

FINDERS: Final[Mapping[str, Callable[[Closing], Iterator[OpenPoint]]]] = {
    "earlier": earlier_periods,
    "accruals": days_ended,
    "time": time_missing,
    "parked": parked_work,
    "exceptions": exceptions,
    "exchange_rates": exchange_rates,
    "intercompany": intercompany,
    "revaluation": revaluation,
    "drafts": drafts,
    "unbilled": unbilled,
    "erp": not_accepted,
    "differences": differences,
}


def checked(closing: Closing, forbids: Collection[str], accepted: Mapping[str, str]) -> list[CheckResult]:
    """All of them, in the order in which they are mended."""
    has_an_erp = closing.has_an_erp or compared(closing) is not None
    return [
        CheckResult(
            name,
            check.title if has_an_erp else check.without_erp or check.title,
            name in forbids,
            tuple(FINDERS[name](closing)),
            accepted.get(name, ""),
        )
        for name, check in CHECKS.items()
    ]


def first_period(closing: Closing) -> str | None:
    """The first that may be closed: with a journal, or closed before. None where nothing is posted yet."""
    posted = [name for name, journals in closing.books.period_journals(closing.whose).items() if journals]
    return min((*posted, *closing.book.closed_periods(closing.whose)), default=None)
