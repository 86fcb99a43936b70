"""What retainers have left to draw, as the view of their project lists it."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from domain.events.common import Retainer
from domain.outputs import ViewRetainer
from domain.terms import retainer
from domain.terms.kind import IN_MONEY, LineHistory
from domain.terms.retainer import QUANTITY_PER_AMOUNT
from domain.units import Quantity
from state.books import Contract
from state.charges.terms_known import agreed_versions, known_of
from state.draft import Draft
from state.terms.periods import today


class LineLeft(NamedTuple):
    contract: Contract
    line_id: str
    unit: str
    day: date
    known: LineHistory
    left: retainer.RetainerLeft


def retainers_of(draft: Draft, lines: Iterable[tuple[str, str, str]]) -> tuple[ViewRetainer, ...]:
    return tuple(_shown(one) for one in retainers_left(draft, lines))


def retainers_left(draft: Draft, lines: Iterable[tuple[str, str, str]]) -> Iterator[LineLeft]:
    """Of each line that is or was a retainer, in the contract's zone on the day of the cause; lines are contract, line and currency."""
    for contract_id, line_id, _ in lines:
        contract = draft.contract(contract_id)
        if contract is None or not contract.in_force:
            continue
        terms = [agreed.line.terms for agreed in agreed_versions(draft, contract, line_id)]
        units = [each.unit for each in terms if isinstance(each, Retainer)]
        if units:
            day = today(draft, contract)
            known = known_of(draft, contract, line_id)
            yield LineLeft(contract, line_id, units[-1], day, known, retainer.left_on(known, day))


def _shown(one: LineLeft) -> ViewRetainer:
    """Money is drawn as an amount; a view has both units as quantities."""
    each_is: Quantity = QUANTITY_PER_AMOUNT if one.unit == IN_MONEY else 1
    left = each_is * sum(each.left for each in one.left.lots)
    expires = each_is * sum(each.expires for each in one.left.lots)
    return ViewRetainer(one.contract.contract_id, one.line_id, one.unit, left, expires, one.left.expires_on)
