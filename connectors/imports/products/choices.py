"""What the person who imports decides, where the export does not say it, and how to import."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

ROLE = "consultant"


class Choices(NamedTuple):
    """`rate` and `cost_rate` hold where neither the row nor what is known says one, `rows_currency` where the row says none.

    `entity`, `entity_name`, `currency` and `zone` are of the company, and may be left out where the folder knows one; `cost_rate` is in its
    currency. `today` is the last day of work that is taken, None takes all.
    """

    zone: str = ""
    entity: str | None = None
    entity_name: str | None = None
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
    bootstrap: bool = False
    contract_rates: bool = False
    keep_duplicates: bool = False
    withdraw_missing: bool = False
    replace: bool = False
    encoding: str | None = None
    allow_future: bool = False
    dry_run: bool = False
    known: tuple[Path, ...] = ()
    budgets: Path | None = None
