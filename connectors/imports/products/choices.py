"""What the person who imports decides, where the export does not say it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

ROLE = "consultant"


class Choices(NamedTuple):
    """`rate` and `cost_rate` hold where neither the row nor what is known says one, `rows_currency` where the row says none.

    `currency` is the company's, and so is that of `cost_rate`. `today` is the last day of work that is taken, None takes all.
    """

    zone: str
    currency: str | None = None
    rows_currency: str | None = None
    client: str | None = None
    rate: Decimal | None = None
    cost_rate: Decimal | None = None
    role: str = ROLE
    approved_by: str | None = None
    take_unapproved: bool = False
    date_order: str | None = None
    decimal: str | None = None
    bill_invoiced: bool = False
    today: date | None = None
