"""What people hear of a price that was lowered below what is billed or earned of it.

The amendment raises the exception, which is open while more is issued or recognised than the newest price. What was billed too much comes
back with what the terms charge next, what was earned too much over the days that are left, or at once (R41).
"""

from collections.abc import Mapping
from typing import Final

from domain.contract import line_named
from domain.figure import Recorded, titled
from domain.identity import composed, parts_of
from domain.money import format_amount
from domain.revenue.variable_price import fee_name
from domain.terms import methods
from domain.units import Amount
from domain.why import elsewhere
from domain.work.rows import fee_row
from state.books import Contract
from state.draft import BLOCKED, Draft
from state.totals import issued_on

BELOW: Final = "cap_below_consumption"
CONTRACT_LINE = "contract_line"
# What is beyond the price of a line, which an explanation asks here with books that are recorded.
BEYOND_PRICE = "beyond_price"


def may_arise(draft: Draft, contract: Contract) -> bool:
    """Whether a line of it has a price, which an amendment may have lowered."""
    return contract.contract_id in _amended(draft)


def after_event(draft: Draft) -> None:
    amended = _amended(draft)
    for contract_id in sorted(_touched(draft).intersection(amended)) if amended else ():
        contract, prices = amended[contract_id]
        had: Contract | None = draft.before.get(("contract", contract_id))
        is_news = had is None or had.version != contract.version
        for line_id, price in prices.items():
            _check(draft, contract, line_id, price, amended=is_news)


def _amended(draft: Draft) -> Mapping[str, tuple[Contract, dict[str, Amount]]]:
    """Contracts with several versions of their terms, and the prices of their lines, as far as any has one; found again until a contract
    changes."""
    kept: tuple[object, dict[str, tuple[Contract, dict[str, Amount]]]] | None = draft.memo.lines.get(BELOW)
    if kept is None or kept[0] is not draft.agreed:
        found = {one.contract_id: (one, _prices(one)) for one in draft.contracts() if len(one.history) > 1}
        priced = {contract_id: amended for contract_id, amended in found.items() if amended[1]}
        kept = draft.memo.lines[BELOW] = (draft.agreed, priced)
    return kept[1]


def _touched(draft: Draft) -> set[str]:
    """Contracts that the event changed, or of which a line's totals changed."""
    found = set()
    for kind, part_id in draft.parts:
        if kind == "contract":
            found.add(part_id)
        elif kind == "line":
            found.add(parts_of(part_id)[0])
    return found


def _prices(contract: Contract) -> dict[str, Amount]:
    """Of lines that had one price in all of their terms: by line, as the newest have it."""
    versions = list(contract.every_line)
    mixed = {line.line_id for line in versions if methods.price(line.terms) is None}
    return {
        line.line_id: price
        for line in versions
        if line.line_id not in mixed and (price := methods.price(line.terms)) is not None
    }


def _check(draft: Draft, contract: Contract, line_id: str, price: Amount, *, amended: bool) -> None:
    totals, billed = draft.line(contract.contract_id, line_id), _billed(draft, contract, line_id)
    subject, excess = composed(contract.contract_id, line_id), beyond(draft, contract, line_id, price)
    if excess <= 0:
        draft.resolve_exception(BELOW, CONTRACT_LINE, subject)
        return
    if not amended:
        return
    currency = contract.terms.currency
    or_earned = "" if _earns_apart(contract, line_id) else f", or earned, {format_amount(totals.recognised, currency)}"
    if draft.why is not None:
        of = composed(BEYOND_PRICE, contract.contract_id, line_id, str(draft.why.now))
        excess = Recorded(elsewhere(BLOCKED, excess, of, currency))
    draft.raise_exception(
        BELOW,
        CONTRACT_LINE,
        subject,
        f"line {line_id}: the price is {format_amount(price, currency)} {currency} now, below what is billed, "
        f"{format_amount(billed, currency)}{or_earned}",
        project_id=totals.project_id or None,
        contract_id=contract.contract_id,
        field="price",
        amount=excess,
        currency=currency,
    )


def beyond(draft: Draft, contract: Contract, line_id: str, price: Amount | None = None) -> Amount:
    """What is billed or earned of a price, whichever is more, beyond it; of the newest where none is given."""
    billed, price = _billed(draft, contract, line_id), _prices(contract)[line_id] if price is None else price
    # What earns apart from what it charges may earn more than its price.
    recognised = draft.line(contract.contract_id, line_id).recognised
    return (billed if _earns_apart(contract, line_id) else max(billed, recognised)) - price


def _earns_apart(contract: Contract, line_id: str) -> bool:
    line = line_named(contract.terms, line_id)
    return line is not None and methods.earns_apart(line)


def _billed(draft: Draft, contract: Contract, line_id: str) -> Amount:
    issued = draft.line(contract.contract_id, line_id).issued
    return titled(issued - _of_parts(draft, contract, line_id), f"line {line_id}: billed of the price")


def _of_parts(draft: Draft, contract: Contract, line_id: str) -> Amount:
    """What statements have of variable parts beside the price."""
    lines = [line for line in contract.every_line if line.line_id == line_id]
    found: Amount = 0
    for item_id in {item.item_id for line in lines for item in line.variable_consideration}:
        entry = draft.entry(fee_row(contract.contract_id, line_id, fee_name(item_id)))
        issued = issued_on(entry, contract.contract_id, line_id) if entry is not None else None
        found += issued.amount if issued is not None else 0
    return found
