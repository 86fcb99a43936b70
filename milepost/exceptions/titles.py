"""Each category of exceptions in a few words of finance, for tables and pages; files, JSON and options have the category itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.capabilities import CATEGORIES

TITLES: Final[Mapping[str, str]] = {
    "after_project_end": "after project end",
    "amendment_gap": "amendment missing",
    "amount_out_of_range": "implausible amount",
    "balances_differ": "balances do not agree",
    "cap_below_consumption": "cap below what is used",
    "conflicting_version": "conflicting versions",
    "hours_out_of_range": "implausible hours",
    "in_balances": "included in balances brought forward",
    "intake_behind": "day ended before all input was read",
    "invalid_terms": "invalid contract terms",
    "ledger_differs": "ERP ledger differs",
    "loss_making": "loss-making",
    "milestone_overdue": "milestone overdue",
    "misapplied": "more than is open",
    "no_contract": "no contract",
    "no_contract_line": "no contract line fits",
    "no_cost_rate": "no cost rate",
    **{name: own.title for name, own in CATEGORIES.items()},
    "no_estimate": "no estimate",
    "no_exchange_rate": "no exchange rate",
    "no_rate": "no billing rate",
    "not_authoritative": "from the wrong system",
    "outside_contract_dates": "outside contract dates",
    "over_cap": "over the cap",
    "over_credited": "credited too much",
    "over_funding": "over the funding limit",
    "over_purchase_order": "over the purchase order",
    "period_closed_no_open_period": "no open period",
    "posted_twice": "posted twice in the ERP",
    "posting_rejected": "rejected by the ERP",
    "project_already_bound": "project belongs to other contracts",
    "rounding_over_limit": "rounding difference too large",
    "self_approved": "no independent approval",
    "skipped_by_operator": "skipped by an operator",
    "source_differs": "source system differs",
    "stale_exchange_rate": "exchange rate too old",
    "statement_differs_from_invoice": "invoice differs from statement",
    "tax_differs": "tax differs",
    "tax_undetermined": "tax undetermined",
    "unapproved_amendment": "amendment not approved",
    "unknown_milestone": "milestone not in the contract",
    "unknown_reference": "record missing",
    "unmapped_account": "account not mapped",
    "unrouted": "project or contract unknown",
    "unsupported": "not supported",
}


def title_of(category: str) -> str:
    """The category itself where it has no title, as one of a later version."""
    return TITLES.get(category, category.replace("_", " "))


def titled(category: str) -> str:
    """With the category after it, to be typed back: `over the cap (over_cap)`."""
    return f"{title_of(category)} ({category})"
