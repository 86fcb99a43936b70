"""What may happen in a history, how often, and the figures that are usual in each currency."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.units import Instant

FIRST_DAY = dt.date(2026, 3, 2)
DAY: Instant = 86_400_000_000
NINE_IN_THE_MORNING: Instant = int(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC).timestamp()) * 1_000_000
HOUR = 1_000_000
PERCENT = 1_000_000
# A rate that is usual in the currency, in 10^-6, and how many of it make a euro, in 10^-12.
USUAL = {
    "EUR": (100_000000, 1_000000000000),
    "USD": (110_000000, 1_085300000000),
    "GBP": (85_000000, 834150000000),
    "JPY": (16_000_000000, 162_370000000000),
    "KWD": (33_500000, 333900000000),
}
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo")
ENTRIES = 9


class Scope(NamedTuple):
    """What may happen in a history. All ids begin with `name`, which is that of the engagement."""

    name: str = "E"
    currencies: tuple[str, ...] = tuple(USUAL)
    steps: int = 45
    late_references: bool = True
    policies: bool = True
    caps: bool = True
    amendments: bool = True
    accounting_periods: bool = True
    requests: bool = True
    holds: bool = True
    faults: bool = True
    assignments: bool = True
    invoices: bool = True
    # The ERP answers to journals, and its ledger is compared.
    answers: bool = True
    pass_days: bool = True
    on_request: bool = False
    withdrawals: bool = True
    corrections: bool = True
    # Work that is not billed is given up.
    write_offs: bool = True
    # Reference data that changes, waivers, a second contract and a second company.
    rare: bool = True
    # Hard caps that limit revenue too and are never prorated.
    plain_caps: bool = False
    # Purchase orders with limits; `ordered`: most contracts have one.
    orders: bool = True
    ordered: bool = False
    # Work may have to wait for a contract line or the contract's dates.
    waits: bool = True
    # No two versions of an entry say the same.
    versions_differ: bool = False
    zones: tuple[str, ...] = ZONES
    # Late work makes statements again.
    reissue: bool = False
    # Lines of the first project one after the other, which pass on what is over their caps.
    next_rule: bool = False

    def id(self, of: str) -> str:
        return f"{self.name}-{of}"


EVERYTHING = Scope()


def often(strategy: st.SearchStrategy[Any], otherwise: Any = None) -> st.SearchStrategy[Any]:
    return _in_six(strategy, otherwise, 4)


def seldom(strategy: st.SearchStrategy[Any], otherwise: Any = None) -> st.SearchStrategy[Any]:
    return _in_six(strategy, otherwise, 1)


def _in_six(strategy: st.SearchStrategy[Any], otherwise: Any, times: int) -> st.SearchStrategy[Any]:
    usual = st.just(otherwise)
    return st.integers(1, 6).flatmap(lambda thrown: strategy if thrown > 6 - times else usual)
