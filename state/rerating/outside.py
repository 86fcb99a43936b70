"""Work and charges outside their contract's dates since these changed: they stay posted, and one exception a contract lists them."""

from collections.abc import Iterator

from domain.contract import covers
from domain.exceptions import OUTSIDE
from domain.figure import Recorded
from domain.terms import methods
from domain.units import Amount
from domain.work.rows import FEE, OPENING, OVERFLOW
from state.books import Contract, Entry, OpenException, Price
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import newest_plan, terms_on
from state.totals import standing_price
from state.work.charge_record import BOOKED, of_row


def list_outside(draft: Draft, contract: Contract) -> None:
    """Work posted before the dates changed stays posted; it is listed, again where the list changed. What terms charge follows them."""
    outside = []
    for line_id in line_ids(contract):
        for entry in draft.open_on(contract.contract_id, line_id):
            price = standing_price(entry)
            if price is None or OUTSIDE in entry.waived or _is_listed_otherwise(entry):
                continue
            if not covers(terms_on(contract, price.day), contract.terminated_on, price.day):
                outside.append((entry.entry_id, _value(draft, entry.entry_id, price)))
        outside += _charged_outside(draft, contract, line_id)
    if not outside:
        draft.resolve_exception(OUTSIDE, "contract", contract.contract_id)
        return
    lie = "1 posted entry lies" if len(outside) == 1 else f"{len(outside)} posted entries lie"
    message = f"{lie} outside the dates of contract {contract.contract_id}"
    amount, currency = sum(value for _, value in outside), contract.terms.currency
    draft.raise_exception(
        OUTSIDE,
        "contract",
        contract.contract_id,
        message,
        contract_id=contract.contract_id,
        amount=amount,
        currency=currency,
        blocks=len(outside),
        entries=tuple(entry_id for entry_id, _ in sorted(outside)),
        revises=True,
    )


def relist_outside(draft: Draft) -> None:
    """Entries of a contract that were corrected or withdrawn may be outside its dates no more."""
    if not draft.before.ids.get("exception"):
        return
    for contract_id in sorted({contract_id for contract_id, _ in draft.changed_on}):
        if _open_outside(draft, contract_id) is not None and (contract := draft.contract(contract_id)) is not None:
            list_outside(draft, contract)


def _is_listed_otherwise(entry: Entry) -> bool:
    """What terms charge has a list of its own; what went on to another line is listed with the entry. The rows of balances have no day of
    their own."""
    return entry.standing is not None and entry.standing.subject_kind in (FEE, OPENING, OVERFLOW)


def _charged_outside(draft: Draft, contract: Contract, line_id: str) -> Iterator[tuple[str, Amount]]:
    """What terms had charged of days after the termination, and it does not take back."""
    plan = newest_plan(draft, contract, line_id)
    if contract.terminated_on is None or plan is None or not methods.stays(plan.line.terms):
        return
    for row in line_fees(draft, contract, line_id).rows:
        entry = draft.entry(row)
        price = standing_price(entry) if entry is not None else None
        if entry is None or price is None or OUTSIDE in entry.waived:
            continue
        if price.day >= contract.terminated_on:
            yield row, _value(draft, row, price)


def _value(draft: Draft, row: str, price: Price) -> Amount:
    return (
        Recorded(of_row(draft.why, row, BOOKED, price.value, price.currency)) if draft.why is not None else price.value
    )


def _open_outside(draft: Draft, contract_id: str) -> OpenException | None:
    key = ("outside", contract_id)
    exception_id = draft.memo.lines.get(key)
    if exception_id is None:
        exception_id = draft.memo.lines[key] = draft.exception_id(OUTSIDE, "contract", contract_id)
    said: OpenException | None = draft.part("exception", exception_id)
    return said
