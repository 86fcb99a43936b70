"""What the checks before a close are called, in the order in which they are mended, and which forbid it where no setting says so."""

from collections.abc import Mapping
from typing import Final

from domain import capabilities
from domain.capabilities import CloseCheck

CHECKS: Final[Mapping[str, CloseCheck]] = {
    each.name: each
    for each in (
        CloseCheck("earlier", "earlier periods are closed, and as certified", forbids=True),
        CloseCheck("accruals", "accruals are posted", forbids=True),
        CloseCheck(
            "time", "everybody's time is handed in", forbids=False, unchecked="nobody's capacity in its months is known"
        ),
        CloseCheck("parked", "no approved work is parked", forbids=True),
        CloseCheck("exceptions", "no exception is open", forbids=False),
        CloseCheck("exchange_rates", "no exchange rate is missing or too old", forbids=True),
        *capabilities.CHECKS,
        CloseCheck("drafts", "no draft waits for approval", forbids=False),
        CloseCheck("unbilled", "billing periods that are over are billed", forbids=False),
        CloseCheck("erp", "the ERP has every journal", forbids=True, unchecked="no ERP has ever answered"),
        CloseCheck("differences", "both ledgers agree", forbids=True, unchecked="nothing was compared"),
    )
}
FORBIDDING: Final = tuple(name for name, check in CHECKS.items() if check.forbids)
