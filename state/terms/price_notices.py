"""What people hear of a price that was lowered below what is billed or earned of it.

The amendment raises the exception, which is open while more is issued or recognised than the newest price. What was billed too much comes
back with what the terms charge next, what was earned too much over the days that are left, or at once (R41).
"""

from domain.identity import composed, parts_of
from domain.money import format_amount
from domain.terms import methods
from domain.units import Amount
from state.books import Contract
from state.draft import Draft

BELOW = "cap_below_consumption"
CONTRACT_LINE = "contract_line"


def after_event(draft: Draft) -> None:
    touched = _touched(draft)
    for contract_id in sorted(touched) if len(touched) > 1 else touched:
        contract = draft.contract(contract_id)
        if contract is not None and len(contract.history) > 1:
            had: Contract | None = draft.before.get(("contract", contract_id))
            amended = had is None or had.version != contract.version
            for line_id, price in _prices(draft, contract).items():
                _check(draft, contract, line_id, price, amended=amended)


def _touched(draft: Draft) -> set[str]:
    """Contracts that the event changed, or of which a line's totals changed."""
    found = set()
    for kind, part_id in draft.parts:
        if kind == "contract":
            found.add(part_id)
        elif kind == "line":
            found.add(parts_of(part_id)[0])
    return found


def _prices(draft: Draft, contract: Contract) -> dict[str, Amount]:
    """Of lines that had one price in all of their terms: by line, as the newest have it."""
    key = ("prices", contract.contract_id, contract.version, len(contract.history))
    if key not in draft.plans:
        versions = [line for stored in contract.history for line in stored.terms.lines]
        mixed = {line.line_id for line in versions if methods.price(line.terms) is None}
        draft.plans[key] = {
            line.line_id: price
            for line in versions
            if line.line_id not in mixed and (price := methods.price(line.terms)) is not None
        }
    found: dict[str, Amount] = draft.plans[key]
    return found


def _check(draft: Draft, contract: Contract, line_id: str, price: Amount, *, amended: bool) -> None:
    totals = draft.line(contract.contract_id, line_id)
    subject = composed(contract.contract_id, line_id)
    excess = max(totals.issued, totals.recognised) - price
    if excess <= 0:
        draft.resolve_exception(BELOW, CONTRACT_LINE, subject)
        return
    if not amended:
        return
    currency = contract.terms.currency
    draft.raise_exception(
        BELOW,
        CONTRACT_LINE,
        subject,
        f"line {line_id}: the price is {format_amount(price, currency)} {currency} now, below what is billed, "
        f"{format_amount(totals.issued, currency)}, or earned, {format_amount(totals.recognised, currency)}",
        project_id=totals.project_id or None,
        contract_id=contract.contract_id,
        field="price",
        amount=excess,
        currency=currency,
    )
