"""What a contract line charges by itself up to a day, under all versions of its terms: by what is known of it, or by what is foreseen."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from msgspec.structs import replace

from domain.terms import methods
from domain.terms.kind import Fee, LineHistory, TermsInForce, due_of
from domain.units import Amount
from state.books import Contract
from state.charges.terms_known import agreed_versions, by_the_end, is_over
from state.draft import Draft

# The same terms, of which each number says where it stands (`domain/numbered.py`).
AsRecorded = Callable[[TermsInForce], TermsInForce]


def fees_due(
    draft: Draft, contract: Contract, line_id: str, known: LineHistory, until: date, recorded: AsRecorded | None = None
) -> Iterator[Fee]:
    """Each version of the terms charges what falls due while it holds; a cumulative fee charges what those before it did not.

    An explanation asks with a history whose numbers say how they came about; `recorded` makes the same of terms that are in no history.
    """
    charged: Amount = 0
    seen: set[str] = set()
    for agreed in _charging(draft, contract, line_id, known, recorded):
        for fee in methods.fees(agreed, known, until):
            day = fee.earned_from or fee.day
            if fee.name in seen or not agreed.since <= day < agreed.before:
                continue
            is_late = is_over(draft, contract, line_id, fee.name, day)
            if is_late and (fee.since is None or fee.since >= (contract.terminated_on or date.max)):
                continue
            on = by_the_end(contract, fee.day) if is_late else fee.day
            seen.add(fee.name)
            due = due_of(fee, charged)
            amount = due - charged if fee.cumulative else due
            charged = due if fee.cumulative else charged
            if amount or fee.earned:
                yield fee._replace(day=on, amount=amount)


def _charging(
    draft: Draft, contract: Contract, line_id: str, known: LineHistory, recorded: AsRecorded | None
) -> Sequence[TermsInForce]:
    """Versions of the terms that hold, those that leave what is charged already also after a termination."""
    as_charged = _as_charged(known.held)
    if contract.terminated_on is None:
        return as_charged
    held = {agreed.since: agreed for agreed in as_charged}
    unended = agreed_versions(draft, replace(contract, terminated_on=None), line_id)
    if recorded is not None:
        unended = [recorded(agreed) for agreed in unended]
    versions = (agreed if methods.stays(agreed.line.terms) else held.get(agreed.since) for agreed in unended)
    return [agreed for agreed in versions if agreed is not None]


def _as_charged(held: Sequence[TermsInForce]) -> Sequence[TermsInForce]:
    """Without those that say only how much of a price is earned."""
    if not any(agreed.revises for agreed in held):
        return held
    found: list[TermsInForce] = []
    for agreed in held:
        if agreed.revises and found:
            found[-1] = found[-1]._replace(before=agreed.before)
        else:
            found.append(agreed)
    return found
