"""Amounts of a file as amounts of the books: no finer than their currency is paid in."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from connectors.imports.cells import NumberCell, label_of
from connectors.imports.readings import decimal_text
from connectors.imports.rejections import CellFault
from domain.money import AMOUNT_DECIMALS, minor_units
from domain.units import AMOUNT_ONE, Amount

# 18 digits with four decimals, as the schemas have them.
_UNITS_MAX: Final = 10**14


def amount_of(number: Decimal, cell: NumberCell | None, currency: str | None) -> Amount:
    """In 10^-4 of the unit; without a currency to four decimals. Raises CellFault."""
    decimals = AMOUNT_DECIMALS if currency is None else minor_units(currency)
    if number != round(number, decimals):
        whose = "" if currency is None else f" for {currency}"
        reason = f"expected at most {decimals} decimals{whose}; round it at its source"
        raise CellFault(label_of(cell), decimal_text(number), reason)
    if abs(number) >= _UNITS_MAX:
        raise CellFault(label_of(cell), decimal_text(number), "expected an amount below 100,000,000,000,000")
    return int(number * AMOUNT_ONE)
