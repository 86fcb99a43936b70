"""How far each purchase order of a contract is used, over all of its projects (domain/caps/purchase_order.py)."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.caps.consume import CapRule
from domain.caps.purchase_order import is_order
from domain.contract import BEGINNING
from domain.outputs import ViewOrder
from state.books import Contract
from state.caps.claims import allotments, bucket_id
from state.draft import Draft
from state.terms.plan import LinePlan, line_plan


class PurchaseOrderLine(NamedTuple):
    """A purchase order as a line of the contract has it; all lines that it binds share its room."""

    plan: LinePlan
    rule: CapRule

    @property
    def number(self) -> str:
        return self.rule.cap_id.partition(":")[2]


def orders_of(draft: Draft, contract: Contract) -> tuple[ViewOrder, ...]:
    """Those with a limit, by the first day of their work: past, in force and to come."""
    shown = [_shown(draft, one) for one in ordered(draft, contract)]
    return tuple(sorted(shown, key=lambda one: (one.effective_from or BEGINNING, one.number)))


def ordered(draft: Draft, contract: Contract) -> Iterator[PurchaseOrderLine]:
    """Each order once."""
    if not any(stored.terms.purchase_order for stored in contract.history):
        return
    found: set[str] = set()
    for line in contract.terms.lines:
        plan = line_plan(draft, contract, contract.history[-1].version, line.line_id)
        if plan is None:
            continue
        for rule in plan.rules:
            if is_order(rule.cap_id) and rule.cap_id not in found:
                found.add(rule.cap_id)
                yield PurchaseOrderLine(plan, rule)


def _shown(draft: Draft, one: PurchaseOrderLine) -> ViewOrder:
    binding = next(limit for limit in one.rule.limits if limit.amount is not None)
    assert binding.amount is not None, "just looked for"
    bucket = draft.bucket(bucket_id(one.plan, allotments(one.plan)[-1], (one.rule.cap_id, ""))).bucket
    since = binding.effective_on if binding.effective_on != BEGINNING else None
    return ViewOrder(one.number, binding.amount, bucket.amount, binding.amount - bucket.amount, since)
