"""What the person who imports decides, where the export does not say it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

ROLE = "consultant"


class Choices(NamedTuple):
    """`rate` and `currency` hold where a row has none; `cost_rate` is in the company's currency."""

    zone: str
    currency: str | None = None
    client: str | None = None
    rate: Decimal | None = None
    cost_rate: Decimal | None = None
    role: str = ROLE
    approved_by: str | None = None
    take_unapproved: bool = False
    date_order: str | None = None
    decimal: str | None = None
