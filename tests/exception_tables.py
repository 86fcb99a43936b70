"""The tables of docs/exceptions.md: every category, what it may be about, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from domain.capabilities import WAYS_OUT
from domain.exceptions import EVERY_CATEGORY, ExceptionCategory, owner_of, ways_out
from domain.work.rows import ADJUSTMENT, OPENING
from milepost.exceptions.effects import of_resolution, of_waiver
from milepost.exceptions.words import title_of

WORK: Final = "time_entry"
POSTED: Final = "posted work"
# What an exception may be about where it is about work, and otherwise; a category in neither is about work alone.
ABOUT: Final = {
    "amount_out_of_range": ("work", "project", "progress", "variable part"),
    "outside_contract_dates": ("work", "contract", "variable part"),
    "self_approved": (
        "work",
        "amendment",
        "decision",
        "statement",
        "write-off",
        "adjustment",
        "credit memo",
        "accounting period",
        "variable part",
    ),
    "conflicting_version": ("work", POSTED, "any other fact"),
    "no_exchange_rate": ("work", "invoice, forecast, contract line", "payment"),
    "stale_exchange_rate": ("work", "invoice", "payment"),
    "unknown_reference": (
        "work",
        "contract, invoice, request, hold",
        "statement",
        "accounting period",
        "payment",
        "payment application",
        "write-off",
        "adjustment",
        "credit memo",
        "answer of the ERP",
        "variable part",
    ),
    "over_credited": ("credit memo",),
    "misapplied": ("payment", "payment application", "write-off", "adjustment"),
    "over_cap": ("cap",),
    "over_purchase_order": ("purchase order",),
    "over_funding": ("funding",),
    "cap_below_consumption": ("cap", "purchase order", "price"),
    "unknown_milestone": ("milestone",),
    "milestone_overdue": ("milestone",),
    "statement_differs_from_invoice": ("invoice", "second invoice", "posted invoice", "draft"),
    "posting_rejected": ("invoice", "journal"),
    "balances_differ": ("balances",),
    "in_balances": ("work", "balances", "payment", "payment application", "write-off", "adjustment", "credit memo"),
    "ledger_differs": ("ledger",),
    "source_differs": ("control_total",),
    "posted_twice": ("journal",),
    "unmapped_account": ("account", "invoice"),
    "tax_differs": ("posted invoice",),
    "tax_undetermined": ("tax region",),
    "rounding_over_limit": ("journal",),
    "loss_making": ("contract",),
    "rebate_above_estimate": ("contract line",),
    "no_estimate": ("project", "contract line"),
    "amendment_gap": ("amendment",),
    "unapproved_amendment": ("amendment",),
    "invalid_terms": ("contract",),
    "unsupported": (
        "project, contract, progress",
        "payment",
        "payment application",
        "write-off",
        "credit memo",
        "variable part",
    ),
    "unrouted": ("any fact",),
    "not_authoritative": ("any fact",),
    "intake_behind": ("day",),
    "skipped_by_operator": ("record",),
    "project_already_bound": ("project", "work"),
}
KINDS: Final = {
    "work": WORK,
    POSTED: WORK,
    "amendment": "contract",
    "balances": OPENING,
    "contract": "contract",
    "decision": "exception",
    "accounting period": "accounting_period",
    "payment application": "payment_application",
    "write-off": "write_off",
    "adjustment": ADJUSTMENT,
    "credit memo": "credit_memo",
    "answer of the ERP": "posting",
    "variable part": "variable_consideration",
    "invoice": "statement",
    "second invoice": "invoice",
    "posted invoice": "posted_invoice",
}
NO_FACT: Final = "no one fact"
RESENT: Final = {
    "work": "the work",
    POSTED: "the work",
    "amendment": "the amendment",
    "balances": "the balances",
    "contract": "the contract",
    "decision": "the decision",
    "invoice": "the invoice",
    "second invoice": "the invoice",
    "draft": NO_FACT,
    "payment": "the payment",
    "payment application": "the application",
    "write-off": "the write-off",
    "adjustment": "the adjustment",
    "credit memo": "the credit memo",
    "variable part": "the revision",
    "milestone": "the acceptance, where it is one",
    "contract, invoice, request, hold": "the fact, where it is one",
    "any other fact": "the fact",
    "any fact": "the fact, where it was accepted",
    "invoice, forecast, contract line": "the invoice",
    "contract line": NO_FACT,
    "project": "the project",
    "progress": "the report",
    "project, contract, progress": "the project, contract or report",
}


class EffectRow(NamedTuple):
    category: ExceptionCategory
    about: str
    waive: str
    resolve: str
    resend: str


def rows() -> Iterator[EffectRow]:
    """Every category with what it may be about."""
    for category in EVERY_CATEGORY:
        for about in _abouts(category):
            kind = KINDS.get(about, about)
            waits = about != POSTED
            yield EffectRow(
                category,
                about,
                of_waiver(category, kind, waits=waits),
                of_resolution(category, kind, waits=waits),
                RESENT.get(about, NO_FACT),
            )


def _abouts(category: str) -> tuple[str, ...]:
    return (*ABOUT.get(category, ("work",)), *(kind for of, kind in WAYS_OUT if of == category))


def markdown() -> str:
    """What a waiver and a resolution do: a row for each pair of effects, with the exceptions that have it."""
    found: dict[tuple[str, str], list[EffectRow]] = {}
    for row in rows():
        found.setdefault((row.waive, row.resolve), []).append(row)
    lines = ["| waive | resolve | of |", "|---|---|---|"]
    return "\n".join(
        [*lines, *(f"| {waive} | {resolve} | {_listed(those)} |" for (waive, resolve), those in found.items())]
    )


def not_resent() -> str:
    """The exceptions that are about no one fact."""
    return _listed([row for row in rows() if row.resend == NO_FACT])


def owners_markdown() -> str:
    """Who owns which exceptions, in finance's words too where the name does not say them."""
    found: dict[str, dict[str, None]] = {}
    for category, subject_kind, _ in ways_out():
        title = title_of(category)
        says_no_more = title.startswith(category.replace("_", " "))
        shown = f"`{category}`" if says_no_more else f"`{category}` ({title})"
        found.setdefault(owner_of(category, subject_kind), {})[shown] = None
    lines = [f"| {role} | {', '.join(sorted(found[role]))} |" for role in sorted(found)]
    return "\n".join(["| owner | exceptions |", "|---|---|", *lines])


def _listed(those: Iterable[EffectRow]) -> str:
    """By category, with what it is about where others of the category are not among them."""
    of: dict[str, list[str]] = {}
    for row in those:
        of.setdefault(row.category, []).append(row.about)
    return ", ".join(
        f"`{category}`" if len(abouts) == len(_abouts(category)) else f"`{category}` ({', '.join(abouts)})"
        for category, abouts in of.items()
    )
