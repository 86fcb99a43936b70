"""Rows that an import refused, by reason: how many, their hours and money, and where the first of them stands."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from connectors.imports.rejections import REASONS_SHOWN, RejectedRows, RowSums
from domain.counting import counted, hours_text
from domain.money import minor_units
from milepost.console import tell


def tell_rejected(
    rejected_rows: Sequence[RejectedRows],
    listed: Path | None,
    unwritten: Sequence[RejectedRows] = (),
    *,
    is_dry_run: bool = False,
) -> None:
    """`unwritten` are things such as contracts that no row could tell; their rows are imported."""
    for each in rejected_rows[:REASONS_SHOWN]:
        tell(f"refused {tally_text(each.tally)}: {_first(each)}", err=True)
    for each in unwritten[:REASONS_SHOWN]:
        tell(f"not written, {counted(each.tally.rows, 'thing')}: {_first(each)}", err=True)
    if listed is not None:
        more = sum(max(0, len(reasons) - REASONS_SHOWN) for reasons in (rejected_rows, unwritten))
        further = f"and {counted(more, 'more reason')}; " if more > 0 else ""
        tell(f"{further}all that was not imported {'would be' if is_dry_run else 'is'} listed in {listed}", err=True)


def _first(rows: RejectedRows) -> str:
    return f"{'' if rows.tally.rows == 1 else 'the first is '}{rows.first.sentence()}"


def tally_text(tally: RowSums) -> str:
    """`12 rows, 30.50 hours, 3,000.00 EUR`, without what is nothing."""
    hours = [f"{hours_text(tally.hours)} hours"] if tally.hours else []
    money = [amounts_text(tally.amounts)] if tally.amounts else []
    return ", ".join([counted(tally.rows, "row"), *hours, *money])


def amounts_text(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(
        f"{amount:,.{minor_units(currency) if currency else 2}f} {currency or 'of no currency'}"
        for currency, amount in amounts.items()
    )
