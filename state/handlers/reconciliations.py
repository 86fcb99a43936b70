"""What delivery found when it compared the ERP's ledger with what was posted: each difference is an exception until a later
comparison of the same company and period has not got it. One that sums the differences it had no room to name closes none:
what it does not name may still stand.

A difference that somebody resolved is right as it is, and is raised again only where a later comparison finds it otherwise. The sum of
those that are not named is never right as it is: tomorrow it may be of others.
"""

from collections.abc import Sequence
from typing import Final

from domain.delivery.reconciliation import MORE
from domain.events.common import LedgerDifference
from domain.events.finance import LedgerReconciled
from domain.identity import composed
from domain.outputs import LedgerComparison
from domain.units import Amount
from state.books import Fact, OpenException
from state.draft import Draft

DIFFERS: Final = "ledger_differs"
LEDGER = "ledger"
# Facts of what is right as it is, by the difference.
ACCEPTED = "accepted_difference"


def on_ledger_reconciled(draft: Draft, event: LedgerReconciled) -> None:
    scope = composed(event.legal_entity_id, event.period)
    key = f"reconciliation/{scope}"
    known: Fact | None = draft.part("fact", key)
    if known is not None and event.version <= known.version:
        return
    draft.put("fact", key, Fact(event.version, ""))
    draft.emit(
        LedgerComparison(event.legal_entity_id, event.period, event.version, event.erp, event.sums, event.differences)
    )
    found = by_subject(scope, event.differences)
    is_whole = all(each.cause != MORE for each in event.differences)
    for exception_id in draft.ids("exception") if is_whole else ():
        noted: OpenException = draft.part("exception", exception_id)
        if noted.category == DIFFERS and noted.subject_id.startswith(f"{scope}/") and noted.subject_id not in found:
            draft.close_exception(exception_id)
    for fact_id in draft.ids("fact") if is_whole else ():
        if fact_id.startswith(f"{ACCEPTED}/{scope}/") and fact_id.removeprefix(f"{ACCEPTED}/") not in found:
            draft.put("fact", fact_id, None)
    for subject, difference in found.items():
        accepted: Fact | None = draft.part("fact", f"{ACCEPTED}/{subject}")
        if is_accepted(accepted, difference):
            continue
        if accepted is not None:
            draft.put("fact", f"{ACCEPTED}/{subject}", None)
        _raise(draft, subject, difference)


def accept(draft: Draft, noted: OpenException) -> None:
    """Somebody resolved it."""
    amount = sum(noted.amounts.values())
    draft.put("fact", f"{ACCEPTED}/{noted.subject_id}", _as_accepted(noted.message, amount))


def is_accepted(fact: Fact | None, difference: LedgerDifference) -> bool:
    return difference.cause != MORE and fact == _as_accepted(_message(difference), abs(difference.amount))


def _as_accepted(message: str, amount: Amount) -> Fact:
    return Fact(amount, message)


def by_subject(scope: str, differences: Sequence[LedgerDifference]) -> dict[str, LedgerDifference]:
    """Those of one key, cause and account are one, with the money of all; in a second currency they are another."""
    found: dict[str, LedgerDifference] = {}
    for each in differences:
        subject = subject_of(scope, each)
        if subject in found and found[subject].currency != each.currency:
            subject = f"{subject}/{each.currency}"
        known = found.get(subject)
        found[subject] = each if known is None else _both(known, each)
    return found


def _both(one: LedgerDifference, other: LedgerDifference) -> LedgerDifference:
    return one._replace(
        message=f"{one.message}; {other.message}",
        amount=abs(one.amount) + abs(other.amount),
        journals=tuple(dict.fromkeys((*one.journals, *other.journals))),
    )


def subject_of(scope: str, difference: LedgerDifference) -> str:
    account = (difference.account,) if difference.account is not None else ()
    return f"{scope}/{composed(difference.key, difference.cause, *account)}"


def _message(difference: LedgerDifference) -> str:
    return f"{difference.cause.replace('_', ' ')}: {difference.message}"


def _raise(draft: Draft, subject: str, difference: LedgerDifference) -> None:
    draft.raise_exception(
        DIFFERS,
        LEDGER,
        subject,
        _message(difference),
        field=difference.cause,
        amount=abs(difference.amount),
        currency=difference.currency,
        blocks=max(len(difference.journals), 1),
        entries=difference.journals,
        revises=True,
    )
