"""What is retained is released by statements of their own, without lines."""

from collections.abc import Iterable
from datetime import date
from functools import partial

from domain.billing.holds import BILL_TO, CONTRACT
from domain.billing.periods import BillingPeriod
from state.billing import retention
from state.billing.approval import keep_draft, releasing
from state.books import Contract
from state.draft import Draft
from state.statements.due import holds
from state.statements.emit import emit, name_of
from state.terms.plan import plan_on, terms_on


def release_on(draft: Draft, contract: Contract, day: date) -> None:
    """The day has ended on which all that is retained is released: a statement of its own, without lines; what a hold keeps back
    comes once that is released."""
    on = retention.released_on(contract, day)
    if on is None:
        return
    period = BillingPeriod(on, on + retention.DAY)
    is_draft = asks_approval(draft, contract, day)
    for bill_to in releasable_bill_tos(draft, contract, retention.holders(draft, contract.contract_id)):
        if is_draft:
            keep_draft(draft, (), partial(_emit_release, contract=contract, period=period, bill_to=bill_to))
        else:
            _emit_release(draft, contract, period, bill_to)


def _emit_release(
    draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int | None = None
) -> None:
    of = name_of(draft, contract, period, bill_to, sequence) if draft.why is not None else ""
    kept = retention.all_released(draft, contract, period, bill_to, of)
    emit(draft, contract, period, bill_to, [], [], kept, sequence)


def release_held(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int) -> None:
    """What a draft without lines releases, as far as it is still to be released and no hold keeps it back."""
    is_free = retention.is_free(draft, contract, period, bill_to)
    if is_free and bill_to in _bill_tos_not_held(draft, contract, [bill_to]):
        _emit_release(draft, contract, period, bill_to, sequence)


def asks_approval(draft: Draft, contract: Contract, day: date) -> bool:
    """A release has no lines: any line of the terms in force may ask for its approval."""
    plans = (plan_on(draft, contract, day, line.line_id) for line in terms_on(contract, day).lines)
    return any(plan is not None and plan.policies.statement_approval == "required" for plan in plans)


def releasable_bill_tos(draft: Draft, contract: Contract, holders: Iterable[str]) -> list[str]:
    """Bill-tos to whom what is retained may be released: no hold keeps it back, and no draft releases it already."""
    waiting = releasing(draft, contract.contract_id)
    return [bill_to for bill_to in _bill_tos_not_held(draft, contract, holders) if bill_to not in waiting]


def _bill_tos_not_held(draft: Draft, contract: Contract, holders: Iterable[str]) -> list[str]:
    """Bill-tos of whom neither a hold of the contract nor of the bill-to keeps back what is retained."""
    held = holds(draft)
    if (CONTRACT, contract.contract_id) in held:
        return []
    return [bill_to for bill_to in holders if (BILL_TO, bill_to) not in held]
