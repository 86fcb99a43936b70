"""What an exception is about and says, and each category in a few words of finance, for tables and pages; files, JSON and options have ids
and names as they are."""

import re
from collections.abc import Mapping
from typing import Final

from domain.capabilities import CATEGORIES
from domain.events.catalogue import ENTITIES
from domain.identity import parts_of
from domain.outputs import ExceptionClosed, ExceptionRaised
from milepost.words import event_name

EVENT: Final = re.compile(rf"\b({'|'.join(sorted(ENTITIES, key=len, reverse=True))})\b")
# A cap's id says what it limits: a line, lines that share it, a category of a line's expenses, or units that were agreed.
CAP: Final = re.compile(r"\bcap (line|shared|limit|units):([^\s/:]+)(?::([^\s/]+))?(?:/(\d{4}-\d{2}(?:-\d{2})?))?")
# Kinds of subjects whose ids are made of several.
COMPOSED: Final = frozenset({"contract_line", "contract_version"})


def subject_text(raised: ExceptionRaised) -> str:
    """With ids as people wrote them; an id that commands take stays as it is."""
    kind, subject = raised.subject_kind, raised.subject_id
    if kind == "cap":
        contract_id, cap_id, *period = parts_of(subject)
        cap = "/".join((cap_id, *period))
        return f"{_caps_named(f'cap {cap}')} of contract {contract_id}"
    if subject in ENTITIES:
        # What no rule handles is counted by the type of its events.
        return kind.replace("_", " ")
    return f"{kind.replace('_', ' ')} {'/'.join(parts_of(subject)) if kind in COMPOSED else subject}"


def message_text(message: str) -> str:
    """`time approved T-1 waits: no contract group is known`, where the output says `TimeApproved T-1 waits: no engagement is known`."""
    words = EVENT.sub(lambda found: event_name(found[1]), _caps_named(message))
    return re.sub(r"\bengagement(s?)\b", r"contract group\1", words)


def said_text(said: ExceptionRaised | ExceptionClosed) -> str:
    """What one says, or why it closed."""
    return message_text(said.message) if isinstance(said, ExceptionRaised) else said.reason


def _caps_named(text: str) -> str:
    return CAP.sub(_cap_named, text)


def _cap_named(found: re.Match[str]) -> str:
    kind, cap_id, category, period = found.groups()
    of = f":{category}" if category and kind != "limit" else ""
    named = {
        "line": f"cap of line {cap_id}{of}",
        "shared": f"shared cap {cap_id}{of}",
        "limit": f"limit of {category or 'expenses'} of line {cap_id}",
        "units": f"agreed units of line {cap_id}{of}",
    }[kind]
    return f"{named} in {period}" if period else named


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
