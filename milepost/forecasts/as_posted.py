"""What the books have of a forecast in their own currency.

Figures of a project count work in another currency at the exchange rate of the forecast's day; the ledger has what was posted, at the rates
of the days: 10 h for 1,000.00 EUR, worked at 1.10, cost 1,200.00 USD on a day with 1.20, and 1,100.00 in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.outputs import ForecastFigures, ForecastUpdate


def as_posted(update: ForecastUpdate) -> ForecastFigures | None:
    """None where they are the same, or in another currency."""
    now, posted = update.project, update.ledger
    if posted is None or posted.currency != now.currency:
        return None
    same = (posted.eac_cost, posted.eac_revenue) == (now.eac_cost, now.eac_revenue)
    return None if same else posted
