"""Profit and loss and balance sheet of a company, from the accounts of its trial balance.

Profit and loss has the period and the fiscal year up to its end; the balance sheet has the period's beginning and its end. Project books
close no year: what was earned in years before stands as a line of its own, so that assets are liabilities and results. A contract
stands on one side (R46): of 7,000.00 less than nothing on 1160, for a milestone that was invoiced and then revoked, and 600.00 earned
since, 6,400.00 are a contract liability.

    revenue 1,000.00 less project cost 600.00 is a gross margin of 400.00; less 50.00 of bad debt the result is 350.00
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final, NamedTuple

from domain.accounts import name_of
from domain.units import Amount

PROFIT_AND_LOSS, BALANCE_SHEET = "profit and loss", "balance sheet"


EARLIER: Final = "result of earlier years"


class AccountGroup(NamedTuple):
    """Accounts that begin so, under a title and above a subtotal; `sign` is -1 where credits are shown above zero."""

    title: str
    begins: tuple[str, ...]
    sign: int


class FinancialLine(NamedTuple):
    """`account` is empty of a subtotal. Amounts are in ledger currency: of profit and loss the period and the year up to its end, of the
    balance sheet the beginning and the end of the period."""

    part: str
    group: str
    account: str
    name: str
    first: Amount
    last: Amount


class YearSoFar(NamedTuple):
    """An account as the year and the period found it, and as the period left it; debits are positive."""

    account: str
    year_opening: Amount
    opening: Amount
    closing: Amount


REVENUE: Final = AccountGroup("revenue", ("4",), -1)
COST: Final = AccountGroup("project cost", ("5",), 1)
OTHER: Final = AccountGroup("other expense", ("6", "7"), 1)
CASH: Final = AccountGroup("cash and receivables", ("10", "11"), 1)
WORK: Final = AccountGroup("other assets", ("12", "13", "14", "15", "16", "17", "18", "19"), 1)
OWED: Final = AccountGroup("liabilities", ("2",), -1)
RESULTS: Final = ("4", "5", "6", "7", "8", "9")


def on_one_side(asset: Amount, liability: Amount) -> Amount:
    """What a contract's 1160 takes over from its 2300, debit positive; below zero what it gives up to it."""
    return max(asset + liability, 0) - asset


def profit_and_loss(accounts: Iterable[YearSoFar]) -> Iterator[FinancialLine]:
    """Of the period, and of the year up to its end."""
    found = list(accounts)
    moved = [(each.account, each.closing - each.opening, each.closing - each.year_opening) for each in found]
    revenue = yield from _group(PROFIT_AND_LOSS, REVENUE, moved)
    cost = yield from _group(PROFIT_AND_LOSS, COST, moved)
    margin = revenue[0] - cost[0], revenue[1] - cost[1]
    yield FinancialLine(PROFIT_AND_LOSS, "", "", "gross margin", *margin)
    other = yield from _group(PROFIT_AND_LOSS, OTHER, moved)
    yield FinancialLine(PROFIT_AND_LOSS, "", "", "result", margin[0] - other[0], margin[1] - other[1])


def balance_sheet(accounts: Iterable[YearSoFar]) -> Iterator[FinancialLine]:
    """At the period's beginning and at its end."""
    found = list(accounts)
    stands = [(each.account, each.opening, each.closing) for each in found]
    cash = yield from _group(BALANCE_SHEET, CASH, stands)
    work = yield from _group(BALANCE_SHEET, WORK, stands)
    yield FinancialLine(BALANCE_SHEET, "", "", "assets", cash[0] + work[0], cash[1] + work[1])
    owed = yield from _group(BALANCE_SHEET, OWED, stands)
    results = [each for each in found if each.account.startswith(RESULTS)]
    before = -sum(each.year_opening for each in results)
    opened = -sum(each.opening for each in results) - before
    closed = -sum(each.closing for each in results) - before
    yield FinancialLine(BALANCE_SHEET, "results", "", EARLIER, before, before)
    yield FinancialLine(BALANCE_SHEET, "results", "", "result of the year", opened, closed)
    sums = owed[0] + before + opened, owed[1] + before + closed
    yield FinancialLine(BALANCE_SHEET, "", "", "liabilities and results", *sums)


def _group(
    part: str, group: AccountGroup, amounts: Iterable[tuple[str, Amount, Amount]]
) -> Generator[FinancialLine, None, tuple[Amount, Amount]]:
    """Its accounts that have something, then their sum, which is returned."""
    first = last = 0
    for account, one, other in amounts:
        if account.startswith(group.begins) and (one or other):
            shown = group.sign * one, group.sign * other
            first, last = first + shown[0], last + shown[1]
            yield FinancialLine(part, group.title, account, name_of(account), *shown)
    yield FinancialLine(part, "", "", group.title, first, last)
    return first, last
