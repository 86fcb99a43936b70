"""Balances of two companies beside another ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from domain.ledger.against import LEDGER, TRANSACTION, ComparedDays, OtherBalance, OurBalances, compare
from tests.domain.test_trial_balance import journal

DAY = date(2026, 3, 31)


def differences(others: Iterable[OtherBalance]) -> tuple[dict[tuple[str, str], int], tuple[str, ...]]:
    """Of receivables in whole units, where LE and AUSTIN each have 400 USD, which are 350 EUR; and the companies left out."""
    ours = OurBalances(ComparedDays(None, DAY), lambda _journal, line: line.account)
    billed = journal("2026-03", "billing", "S-1", ("1100", 400, 350), ("1150", -400, -350))
    ours.add(billed)
    ours.add(billed._replace(legal_entity_id="AUSTIN"))
    found = compare(others, ours)
    rows = {
        (row.key.legal_entity_id, row.key.basis): row.difference // 10_000
        for row in found.compared
        if row.key.account == "1100"
    }
    return rows, found.left_out


def row(company: str, *, amount: int | None = None, ledger: int | None = None) -> OtherBalance:
    in_units = [None if each is None else each * 10_000 for each in (amount, ledger)]
    return OtherBalance(company, "1100", "USD", "", *in_units)


def test_each_company_is_compared_on_the_basis_that_the_file_has_of_it() -> None:
    found, _ = differences([row("LE", ledger=350), row("AUSTIN", amount=390)])
    assert found == {("LE", LEDGER): 0, ("AUSTIN", TRANSACTION): 10}


def test_a_company_without_a_row_is_named_and_not_compared() -> None:
    assert differences([row("LE", ledger=350)]) == ({("LE", LEDGER): 0}, ("AUSTIN",))
