"""Profit and loss and balance sheet from trial balances."""

from __future__ import annotations

from domain.ledger.financial_statement import balance_sheet, profit_and_loss, so_far
from domain.ledger.trial_balance import AccountBalance


def balance(account: str, opening: int, debit: int = 0, credit: int = 0) -> AccountBalance:
    return AccountBalance(account, "EUR", opening, debit, credit)


def test_an_account_that_is_back_at_zero_counts_in_the_year_all_the_same() -> None:
    """500 of provision were booked in December and released in February; April earns 10 of the year's 110.

    By April 2350 and 5900 are at zero, and its trial balance has neither.
    """
    year = [balance("2350", -500), balance("5900", 500)]
    april = [balance("1150", 100, 10), balance("4000", -100, 0, 10)]
    accounts = so_far(year, april)
    results = {line.name: (line.first, line.last) for line in profit_and_loss(accounts) if not line.account}
    sheet = {line.name: (line.first, line.last) for line in balance_sheet(accounts) if not line.account}
    assert results["result"] == (10, 610)
    assert sheet["result of earlier years"] == (-500, -500)
    assert sheet["result of the year"] == (600, 610)
    assert sheet["assets"] == sheet["liabilities and results"] == (100, 110)


def test_what_is_unbilled_is_no_receivable() -> None:
    accounts = so_far([], [balance("1100", 0, 700), balance("1150", 0, 300), balance("4000", 0, 0, 1_000)])
    groups = {line.name: line.last for line in balance_sheet(accounts) if not line.group}
    assert (groups["cash and receivables"], groups["unbilled work and other assets"]) == (700, 300)
