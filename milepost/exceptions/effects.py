"""What becomes of an exception that somebody waives or resolves, or whose fact is sent again: one table, for plans, for what is listed
of decisions, and for docs/exceptions.md.

It says what `state/handlers/control.py` does; a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from domain.capabilities import WAYS_OUT
from domain.caps.purchase_order import OVER_CAP, OVER_ORDER
from domain.exceptions import CATALOGUE, owner_of, ways_out
from domain.outputs import ExceptionRaised
from domain.policy_faults import HOURS_OF_A_YEAR
from domain.work.rows import ADJUSTMENT, OPENING, ROWS
from milepost.exceptions.titles import title_of
from state.handlers.control import DIFFERENCE, comes_back, is_missing
from state.work.value_time import WAIVABLE

WORK: Final = "time_entry"
# Everything that has an entry: time, expenses, units, what terms charge, what went on to the next line. Adjustments of revenue have a
# row, too, but what keeps them from being posted is decided as it is of write-offs.
WORKS: Final = ROWS - {ADJUSTMENT}
# What waits for room.
OVER: Final = frozenset({OVER_CAP, OVER_ORDER})
POSTED: Final = "posted work"


class Effect(StrEnum):
    """Of a waiver or a resolution."""

    POSTS_WORK = "posts the work, this version of it only"
    POSTS_INVOICE = "posts the invoice with the statement's amount"
    POSTS_PAYMENT = "posts the payment; what does not fit stays unapplied"
    APPLIES_CASH = "applies what fits; the rest stays as it is"
    POSTS_WRITE_OFF = "posts the write-off"
    POSTS_ADJUSTMENT = "posts the adjustment"
    POSTS_CREDIT = "posts the credit memo"
    DROPS_CREDIT = "drops the credit memo, posts nothing"
    NOT_BILLED = "accepts the work as not billed: posts nothing, it stays over the cap or order until there is room"
    CLOSES = "closes it, posts nothing"
    COMES_BACK = "raised again at once"
    REFUSED = "refused: it cannot replace what is missing"


# Settled by the fact behind it, put right.
CORRECTED: Final = frozenset({"conflicting_version", "invalid_terms", "self_approved", "unapproved_amendment"})
# Of payments and what is applied later, those that a waiver posts.
WAIVED_PAYMENTS: Final = frozenset({"misapplied", "unsupported"})
# Of credit memos, what a waiver makes of them.
EFFECTS_ON_CREDITS: Final = {
    "self_approved": Effect.POSTS_CREDIT,
    "over_credited": Effect.DROPS_CREDIT,
    "in_balances": Effect.DROPS_CREDIT,
    "unsupported": Effect.DROPS_CREDIT,
}
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
    "statement_differs_from_invoice": ("invoice", "draft"),
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


def of_waiver(category: str, subject_kind: str, *, waits: bool = True) -> Effect:
    """`waits`: of work, whether it is posted only when the exception ends."""
    if subject_kind in WORKS and waits:
        return Effect.POSTS_WORK if category in WAIVABLE else Effect.REFUSED
    return Effect.REFUSED if is_missing(category, subject_kind) else _settling(category, subject_kind)


def of_resolution(category: str, subject_kind: str, *, waits: bool = True) -> Effect:
    if (subject_kind in WORKS and waits) or comes_back(category, subject_kind):
        return Effect.COMES_BACK
    return _settling(category)


def _settling(category: str, subject_kind: str = "") -> Effect:
    if category in OVER:
        return Effect.NOT_BILLED
    if subject_kind == "payment" and category in WAIVED_PAYMENTS:
        return Effect.POSTS_PAYMENT
    if subject_kind == "payment_application" and category in WAIVED_PAYMENTS:
        return Effect.APPLIES_CASH
    if subject_kind == "write_off" and category == "self_approved":
        return Effect.POSTS_WRITE_OFF
    if subject_kind == ADJUSTMENT and category == "self_approved":
        return Effect.POSTS_ADJUSTMENT
    if subject_kind == "credit_memo" and category in EFFECTS_ON_CREDITS:
        return EFFECTS_ON_CREDITS[category]
    return Effect.POSTS_INVOICE if category == DIFFERENCE else Effect.CLOSES


# Of one exception


def effect_of(raised: ExceptionRaised, type_name: str) -> Effect | None:
    """None of an assignment, which settles nothing and is not meant to."""
    if type_name == "ExceptionWaived" and _is_beyond_a_year(raised):
        return Effect.REFUSED
    effects = {"ExceptionWaived": of_waiver, "ExceptionResolved": of_resolution}
    if type_name not in effects:
        return None
    return effects[type_name](raised.category, raised.subject_kind, waits=_waits(raised))


def refusal_of(raised: ExceptionRaised, type_name: str) -> str | None:
    """Why the decision would change nothing."""
    return refusal_to_waive(raised) if type_name == "ExceptionWaived" else None


def refusal_to_waive(raised: ExceptionRaised) -> str | None:
    """Why a waiver would change nothing."""
    if _is_beyond_a_year(raised):
        return "no waiver lets more hours pass than a year has. Correct the hours."
    if effect_of(raised, "ExceptionWaived") is Effect.REFUSED:
        return f"a waiver cannot replace what is missing. {raised.resolution}"
    return None


def _waits(raised: ExceptionRaised) -> bool:
    """All work does, but for posted work whose version came twice: its first one stands, and no person is named."""
    return raised.category != "conflicting_version" or raised.person_id is not None


def _is_beyond_a_year(raised: ExceptionRaised) -> bool:
    return raised.category == "hours_out_of_range" and abs(raised.blocks_hours or 0) > HOURS_OF_A_YEAR


# All of them


class EffectRow(NamedTuple):
    category: str
    about: str
    waive: str
    resolve: str
    resend: str


def rows() -> Iterator[EffectRow]:
    """Every category with what it may be about."""
    for category in sorted(CATALOGUE):
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


# The tables of docs/exceptions.md


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
