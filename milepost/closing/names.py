"""What the checks before a close are called, in the order in which they are mended, and which forbid it where no setting says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class CheckName(NamedTuple):
    title: str
    forbids: bool


CHECKS: Final[Mapping[str, CheckName]] = {
    "earlier": CheckName("earlier periods are closed, and as certified", forbids=True),
    "accruals": CheckName("accruals are posted", forbids=True),
    "time": CheckName("everybody's time is handed in", forbids=False),
    "parked": CheckName("no approved work is parked", forbids=True),
    "exceptions": CheckName("no exception is open", forbids=False),
    "exchange_rates": CheckName("no exchange rate is missing", forbids=True),
    "intercompany": CheckName("work for other companies is the same in both", forbids=True),
    "revaluation": CheckName("what is open in another currency is revalued", forbids=True),
    "drafts": CheckName("no draft waits for approval", forbids=False),
    "unbilled": CheckName("billing periods that are over are billed", forbids=False),
    "erp": CheckName("the ERP has every journal", forbids=True),
    "differences": CheckName("both ledgers agree", forbids=True),
}
FORBIDDING: Final = tuple(name for name, check in CHECKS.items() if check.forbids)
