"""What becomes of an exception that somebody waives or resolves: for plans, for what is listed of decisions, and for docs/exceptions.md.

It says what `state/handlers/control.py` does; a test compares both.
"""

from enum import StrEnum
from typing import Final

from domain.caps.purchase_order import OVER_CAP, OVER_ORDER
from domain.outputs import ExceptionRaised
from domain.policy_faults import HOURS_OF_A_YEAR
from domain.work.rows import ADJUSTMENT, ROWS
from state.handlers.control import comes_back, is_missing
from state.handlers.invoices import posts_when_waived
from state.work.value_time import WAIVABLE

# Everything that has an entry: time, expenses, units, what terms charge, what went on to the next line. Adjustments of revenue have a
# row, too, but what keeps them from being posted is decided as it is of write-offs.
WORKS: Final = ROWS - {ADJUSTMENT}
# What waits for room.
OVER: Final = frozenset({OVER_CAP, OVER_ORDER})


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


def of_waiver(category: str, subject_kind: str, *, waits: bool = True) -> Effect:
    """`waits`: of work, whether it is posted only when the exception ends."""
    if subject_kind in WORKS and waits:
        return Effect.POSTS_WORK if category in WAIVABLE else Effect.REFUSED
    return Effect.REFUSED if is_missing(category, subject_kind) else _settling(category, subject_kind)


def of_resolution(category: str, subject_kind: str, *, waits: bool = True) -> Effect:
    if (subject_kind in WORKS and waits) or comes_back(category, subject_kind):
        return Effect.COMES_BACK
    return _settling(category, subject_kind)


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
    return Effect.POSTS_INVOICE if posts_when_waived(category, subject_kind) else Effect.CLOSES


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
