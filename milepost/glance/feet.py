"""What holds the tables to the ledger: their sums beside those of accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.units import Amount
from milepost.glance.firm import FirmAtMoment
from milepost.glance.sheet import LedgerFoot


class TableFigure(NamedTuple):
    """A part of what a table has of accounts, in ledger currency; debits are positive."""

    what: str
    entity_id: str
    ledger_currency: str
    amount: Amount


def feet_of(
    firm: FirmAtMoment, figures: Iterable[TableFigure], accounts: Mapping[str, tuple[str, ...]]
) -> list[LedgerFoot]:
    """What the figures come to by company and ledger currency, beside the accounts that they are about."""
    sums: dict[str, dict[tuple[str, str], Amount]] = {what: defaultdict(int) for what in accounts}
    for each in figures:
        sums[each.what][each.entity_id, each.ledger_currency] += each.amount
    feet = []
    for what, of in accounts.items():
        in_ledger = firm.in_ledger(of)
        for key in sorted({*sums[what], *in_ledger}):
            foot = LedgerFoot(what, *key, of, sums[what].get(key, 0), in_ledger.get(key, 0))
            if foot.in_table or foot.in_ledger:
                feet.append(foot)
    return feet
