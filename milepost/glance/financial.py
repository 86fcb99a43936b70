"""`milepost ledger --statement`: profit and loss and balance sheet of a company, as a table in any form."""

from __future__ import annotations

from typing import Final

from domain.ledger.financial_statement import (
    BALANCE_SHEET,
    FinancialLine,
    balance_sheet,
    profit_and_loss,
    so_far,
)
from domain.ledger.trial_balance import LedgerSums
from milepost.glance.sheet import CellKind, Glance, GlanceColumn, GlanceRow

COLUMNS: Final = (
    GlanceColumn("part", "part", CellKind.TEXT),
    GlanceColumn("group", "group", CellKind.TEXT, 1),
    GlanceColumn("account", "account", CellKind.ID),
    GlanceColumn("name", "name", CellKind.TEXT),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("period", "period or beginning"),
    GlanceColumn("year", "year or end"),
)
NOTES: Final = (
    "Profit and loss: the period, and the fiscal year up to its end. Balance sheet: the beginning and the end of the period.",
    "Revenue, liabilities and results are shown above zero where they are credits. The books close no year.",
)


def financial_statement(sums: LedgerSums, period: str) -> Glance:
    """Of a company and an accounting period such as 2026-03."""
    year = sums.trial_balance(f"{period.partition('-')[0]}-01")
    accounts = so_far(year.ledger, sums.trial_balance(period).ledger)
    lines = [*profit_and_loss(accounts), *balance_sheet(accounts)]
    sums_of = {line.name: line for line in lines if line.part == BALANCE_SHEET and not line.account}
    assets, others = sums_of["assets"], sums_of["liabilities and results"]
    holds = (assets.first, assets.last) == (others.first, others.last)
    foots = "Assets are liabilities and results" if holds else "DOES NOT FOOT: assets are not liabilities and results"
    return Glance(
        "statement",
        f"Profit and loss and balance sheet of {sums.legal_entity_id} {period} in {sums.ledger_currency}",
        "",
        COLUMNS,
        [_row(sums, period, line) for line in lines],
        notes=(foots, *NOTES),
    )


def _row(sums: LedgerSums, period: str, line: FinancialLine) -> GlanceRow:
    figure = "closing" if line.part == BALANCE_SHEET else "movement"
    ids = (f"{sums.legal_entity_id}/{period}/{line.account}#{figure}",)
    column = "year" if line.part == BALANCE_SHEET else "period"
    return GlanceRow(
        {
            "part": line.part,
            "group": line.group or None,
            "account": line.account or None,
            "name": line.name,
            "currency": sums.ledger_currency,
            "period": line.first,
            "year": line.last,
        },
        {column: ids} if line.account else {},
        is_sum=not line.group,
    )
