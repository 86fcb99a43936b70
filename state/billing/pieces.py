"""What an entry brings to a statement: what is due of it, and what to print beside it."""

from domain.billing.periods import BillingPeriod
from domain.billing.statement import ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER, CORRECTION, HOUR, PRIOR_PERIOD, Piece
from domain.caps.purchase_order import is_order
from domain.money import HALF_UP, round_ratio
from domain.units import Amount, Percent, Quantity, Rate
from state.books import Entry, Issued, OpeningWork, Price, Work
from state.draft import Draft
from state.terms.plan import LinePlan
from state.work.value_time import finer_than

# The line, the row's price where that is on it, and what of the row is issued there.
RowOnLine = tuple[Entry, str, Price | None, Issued | None]


def piece_of(draft: Draft, row: RowOnLine, plan: LinePlan, amount: Amount, period: BillingPeriod) -> Piece:
    """What the entry brings; a correction stands under the new version's person and rate, a withdrawn one under what was issued."""
    entry, line_id, price, issued = row
    work = entry.standing
    opening = work.charge.opening if work is not None and work.charge is not None else None
    day = price.day if price is not None else issued.day if issued is not None else period.start
    hours = 0
    flags = []
    if price is not None:
        hours = price.billable_hours
        if price.billable < price.chargeable:
            flags.append(ADJUSTED_FOR_ORDER if is_order(price.binding or "") else ADJUSTED_FOR_CAP)
    if issued is not None:
        hours -= issued.hours
        if (issued.amount or issued.hours) and not _is_rest(issued, amount):
            flags.append(CORRECTION)
    if day < period.start:
        flags.append(PRIOR_PERIOD)
    quantity = (_billed_quantity(price) if price is not None else 0) - (issued.quantity if issued else 0)
    unit = price.unit if price is not None else issued.unit if issued is not None else HOUR
    return Piece(
        entry.entry_id,
        line_id,
        draft.billed_in(entry, plan.contract_id, line_id),
        *_printed(work, opening, price, issued),
        day,
        amount,
        hours,
        issued is None and _is_whole(price, unit),
        tuple(sorted(flags)),
        work.subject.description if work is not None else issued.description if issued is not None else None,
        quantity,
        unit,
        finer=finer_than(price.hours, work.time) if price is not None and work and work.time else 0,
        # In the balances that list it, where they do not say who worked it.
        place=opening.place if opening is not None and opening.by is None else 0,
        stated=work is not None and work.time is not None and work.time.billable_hours is not None,
    )


def _is_rest(issued: Issued, amount: Amount) -> bool:
    """Whether it is what an earlier system had not billed yet, which corrects nothing."""
    return bool(issued.rest) and amount == issued.rest


def _is_whole(price: Price | None, unit: str) -> bool:
    """Whether the price is that of its hours alone, so that a line's hours may be rounded in place of them."""
    return price is not None and unit == HOUR and price.billable == price.value and price.drawn is None


def _billed_quantity(price: Price) -> Quantity:
    """Of a charge, to show: in proportion where a cap lets only a part of its value be billed (R17)."""
    if price.billable == price.value or not price.value:
        return price.quantity
    return round_ratio(price.quantity * price.billable, price.value, 1, HALF_UP)


def _printed(
    work: Work | None, opening: OpeningWork | None, price: Price | None, issued: Issued | None
) -> tuple[str, str | None, str | None, Rate, Percent]:
    """Person, task, role, rate and markup to print: of the price on the line, else of what was issued there."""
    if price is not None and work is not None:
        if opening is not None and opening.by is not None:
            return opening.by.person_id, opening.by.task, price.role, price.rate, price.markup
        return work.person_id, work.subject.task, price.role, price.rate, price.markup
    assert issued is not None, "an open entry has a price or was issued on the line"
    return issued.person_id, issued.task, issued.role, issued.rate, issued.markup
