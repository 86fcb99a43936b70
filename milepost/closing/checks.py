"""The checks before a close: what looks for what is open, a line each."""

from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import import_module
from typing import Final

from domain import capabilities
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
from milepost.closing.work import capacities, drafts, parked_work, time_missing, unbilled

Finder = Callable[[Closing], Iterator[OpenPoint]]


def _own(name: str) -> Finder:
    """Of a capability: the function `find` of the module of the check's name."""
    found: Finder = import_module(f"milepost.closing.{name}").find
    return found


FINDERS: Final[Mapping[str, Finder]] = {
    "earlier": earlier_periods,
    "accruals": days_ended,
    "time": time_missing,
    "parked": parked_work,
    "exceptions": exceptions,
    "exchange_rates": exchange_rates,
    **{check.name: _own(check.name) for check in capabilities.CHECKS},
    "drafts": drafts,
    "unbilled": unbilled,
    "erp": not_accepted,
    "differences": differences,
}


# Of checks that may have nothing to look at, whether there is something.
HAS_SOMETHING: Final[Mapping[str, Callable[[Closing], bool]]] = {
    "time": lambda closing: any(capacities(closing)),
    "erp": lambda closing: closing.has_an_erp,
    "differences": lambda closing: compared(closing) is not None,
}


def checked(closing: Closing, forbids: Collection[str], accepted: Mapping[str, str]) -> list[CheckResult]:
    """All of them, in the order in which they are mended."""
    return [_checked(closing, check, name in forbids, accepted.get(name, "")) for name, check in CHECKS.items()]


def _checked(closing: Closing, check: capabilities.CloseCheck, forbids: bool, accepted: str) -> CheckResult:
    items, has_something = tuple(FINDERS[check.name](closing)), HAS_SOMETHING.get(check.name)
    was_checked = bool(items) or has_something is None or has_something(closing)
    title = check.title if was_checked else check.unchecked
    return CheckResult(check.name, title, forbids, items, accepted, was_checked)


def first_period(closing: Closing) -> str | None:
    """The first that may be closed: with a journal, or closed before. None where nothing is posted yet."""
    posted = [name for name, journals in closing.books.period_journals(closing.whose).items() if journals]
    return min((*posted, *closing.book.closed_periods(closing.whose)), default=None)
