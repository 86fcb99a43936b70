"""Rows that an import refused, by reason: how many, their hours and money, and where the first of them stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from connectors.imports.counting import counted, hours_text
from connectors.imports.rejections import REASONS_SHOWN, RejectedRows, Tally
from domain.money import minor_units
from milepost.console import tell


def tell_rejected(rejected_rows: Sequence[RejectedRows], listed: Path | None, *, is_dry_run: bool = False) -> None:
    for each in rejected_rows[:REASONS_SHOWN]:
        first = "" if each.tally.rows == 1 else "the first is "
        tell(f"refused {tally_text(each.tally)}: {first}{each.first.sentence()}", err=True)
    if listed is not None:
        more = len(rejected_rows) - REASONS_SHOWN
        further = f"and {counted(more, 'more reason')}; " if more > 0 else ""
        tell(f"{further}all that was not imported {'would be' if is_dry_run else 'is'} listed in {listed}", err=True)


def tally_text(tally: Tally) -> str:
    """`12 rows, 30.50 hours, 3,000.00 EUR`, without what is nothing."""
    hours = [f"{hours_text(tally.hours)} hours"] if tally.hours else []
    money = [amounts_text(tally.money)] if tally.money else []
    return ", ".join([counted(tally.rows, "row"), *hours, *money])


def amounts_text(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(
        f"{amount:,.{minor_units(currency) if currency else 2}f} {currency or 'of no currency'}"
        for currency, amount in amounts.items()
    )
